"""Supervised training: Dice + Focal, AdamW, averaged weights, exact resume."""

from __future__ import annotations

import json
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from llmseg.case import TARGETS, Case, InputError
from llmseg.datasets.folder import Dataset
from llmseg.formats.whole import write_whole
from llmseg.model.checkpoint import CheckpointConfig, save_checkpoint
from llmseg.model.network import ContextUNETR
from llmseg.model.precision import has_bf16
from llmseg.text.encoder import TextEncoder
from llmseg.training.card import model_card
from llmseg.training.config import TrainConfig
from llmseg.training.losses import Loss, dice_focal
from llmseg.training.prepared import PreparedCase, cut, prepare
from llmseg.training.reading import pretrain_reader, prompt_of_note
from llmseg.training.samples import Batch, NoteBank, SampleStream, collate, is_tuning, nested_share
from llmseg.training.starting import read_start, take_weights

if TYPE_CHECKING:
    from accelerate import Accelerator

log = logging.getLogger(__name__)

Report = Callable[[str, float, dict], None]
"""Called with what is being done, the share done, and figures."""


@dataclass(frozen=True, eq=False)
class _Cases:
    """Patients to learn from, patients to choose on, and cases of the further datasets."""

    patients: list[PreparedCase]
    tuning: list[PreparedCase]
    extras: list[PreparedCase]


def train(
    config: TrainConfig,
    datasets: Sequence[Dataset],
    out: str | Path,
    *,
    cache: Path,
    resume: bool = False,
    init: str | Path | None = None,
    report: Report = lambda what, share, figures: None,
) -> Path:
    """Train on the training split of the first dataset, with `extra_share` of the samples from the others.

    Args:
        out: run folder: metrics.jsonl, trainer.pt to resume, and `checkpoint/`, the best on the tuning patients.
        cache: where prepared cases and encoded notes are kept.
        init: a checkpoint whose image encoder and reader this run starts from; its reader is not taught again.
    Returns:
        the checkpoint folder.
    Raises:
        InputError: nothing to train on, a folder that holds another run, an `init` that does not fit, or a loss that
            is not a number.
    """
    run = _Run(config, datasets, Path(out), cache, resume, report, init)
    run.go()
    return run.folder / "checkpoint"


class _Run:
    def __init__(self, config, datasets, folder: Path, cache: Path, resume: bool, report: Report, init=None):
        self.config, self.folder, self.report = config, folder, report
        self.datasets = [{"name": d.name, "description": d.description} for d in datasets]
        self.hashes = [dataset.manifest_hash for dataset in datasets]
        self.start = read_start(init, config) if init is not None else None
        saved = self._saved(resume)
        self.accelerator = _accelerator(config.precision)
        self.device = self.accelerator.device
        self.cases = _gather(config, datasets, cache, report)
        torch.manual_seed(config.seed)
        self.network = ContextUNETR(config.network)
        self.encoder = self.bank = None
        self.reading: dict[str, float] = {}
        self.taken: list[str] = []
        if self.start is not None:
            self.taken = take_weights(self.network, self.start)
            self.reading = self.start.reading
        read_before = saved is not None or (self.start is not None and self.start.reads)
        if config.network.fusion != "none":
            self._read(cache, taught=read_before)
        self.network.reader.eval().requires_grad_(False)
        self.network.to(self.device, memory_format=torch.channels_last_3d)
        learned = [p for p in self.network.parameters() if p.requires_grad]
        optimiser = torch.optim.AdamW(learned, lr=config.learning_rate, weight_decay=config.weight_decay)
        self.average = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        self.step, self.best, self.seconds = 0, -math.inf, 0.0
        if saved is not None:
            self._restore(saved, optimiser)
        self.model, self.optimiser = self.accelerator.prepare(self.network, optimiser)
        self.weights = _structure_weights(self.cases.patients, config).to(self.device)
        self._claim()

    def _read(self, cache: Path, taught: bool) -> None:
        """Encode every note training may ask for, and teach the reader unless it was taught before."""
        report, config = self.report, self.config
        self.encoder = TextEncoder(config.encoder, device=str(self.device), cache=cache)
        every = [p.case for p in (*self.cases.patients, *self.cases.extras)]
        report("reading notes", 0.0, {})
        self.bank = NoteBank(every, self.encoder, config.wordings, lambda s: report("reading notes", s, {}))
        if self.bank.width != config.network.token_width:
            raise InputError(
                f"{config.encoder.model} has states of width {self.bank.width}; network.token_width is "
                f"{config.network.token_width}. Set it to {self.bank.width}."
            )
        if not taught:
            report("teaching the reader", 0.0, {})
            self.reading = pretrain_reader(self.network.reader, self.encoder, seed=config.seed)
            report("teaching the reader", 1.0, self.reading)

    def go(self) -> None:
        config = self.config
        began = time.monotonic() - self.seconds
        lines = []
        batches = self._batches()
        while self.step < config.steps:
            figures = self._train_on(list(islice(batches, config.accumulate)))
            self.step += 1
            self.seconds = time.monotonic() - began
            figures |= {"step": self.step, "seconds": round(self.seconds, 1)}
            lines.append(figures)
            self.report("training", self.step / config.steps, figures)
            last = self.step == config.steps
            if self.step % config.validate_every == 0 or last:
                scores = self._validate()
                lines.append({"step": self.step, "validation": scores})
                self.report("validation", self.step / config.steps, scores)
                # With nobody to choose on, the last is as good a choice as any.
                if scores["score"] > self.best or not self.cases.tuning:
                    self.best = scores["score"]
                    self._save_checkpoint(scores)
            if self.step % config.save_every == 0 or last:
                self._log(lines)
                self._save_trainer()
                lines = []

    def _batches(self) -> Iterator[Batch]:
        config = self.config
        stream = SampleStream(
            self.cases.patients,
            self.cases.extras,
            self.bank,
            count=config.steps * config.accumulate * config.batch,
            field=config.network.field,
            structures=config.network.structures,
            spacing_mm=config.grid.spacing_mm,
            extra_share=config.extra_share,
            drop_note=config.drop_note,
            seed=config.seed,
        )
        remaining = range(self.step * config.accumulate * config.batch, len(stream))
        return iter(
            torch.utils.data.DataLoader(
                stream, batch_size=config.batch, sampler=remaining, num_workers=config.workers, collate_fn=collate
            )
        )

    def _train_on(self, batches: Sequence[Batch]) -> dict[str, float]:
        config = self.config
        rate = _learning_rate(self.step, config)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.model.train()
        self.network.reader.eval()
        losses = [self._learn_from(batch) for batch in batches]
        norm = self.accelerator.clip_grad_norm_(self.network.parameters(), 5.0)
        if config.precision != "fp16":  # there the gradient scaler skips such a step by itself
            self._check("gradient", norm)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self._average()
        parts = {"loss": "total", "dice": "dice", "focal": "focal"}
        means = {name: float(np.mean([getattr(loss, part).item() for loss in losses])) for name, part in parts.items()}
        return {**means, "rate": rate}

    def _learn_from(self, batch: Batch) -> Loss:
        """Add the gradient of one forward pass."""
        config = self.config
        batch = batch.to(self.device)
        logits = self.model(batch.image, batch.text, batch.keep)
        loss = dice_focal(
            logits,
            batch.targets,
            batch.known,
            self.weights,
            dice_weight=config.dice_weight,
            focal_weight=config.focal_weight,
            gamma=config.focal_gamma,
            softmax=config.network.activation == "softmax",
        )
        self._check("loss", loss.total)
        self.accelerator.backward(loss.total / config.accumulate)
        return loss

    def _check(self, what: str, value: torch.Tensor) -> None:
        if not torch.isfinite(value):
            raise InputError(
                f"The {what} of step {self.step + 1} is {value.item()}; the last good state is in {self.folder}. "
                "Start another run with a lower learning_rate, or with precision no."
            )

    @torch.no_grad()
    def _average(self) -> None:
        # Early on the average must not remember the random start.
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        for name, value in self.network.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - decay)

    @torch.inference_mode()
    def _validate(self) -> dict[str, float]:
        """Mean DSC on the network's grid of the tuning patients, with their note and without, averaged weights."""
        network = ContextUNETR(self.config.network).to(self.device)
        network.load_state_dict(self.average)
        network.eval()
        names = self.config.network.structures
        dice = {condition: {name: [] for name in names} for condition in ("text", "no-text")}
        for prepared in self.cases.tuning:
            sample = cut(prepared, self.config.network.field)
            prompts = [prompt_of_note(prepared.case.note)]
            text = None if self.encoder is None else self.encoder.encode(prompts).to(self.device)
            with self.accelerator.autocast():
                features = network.encode_image(sample.image[None].to(self.device))
                drawn = {"text": network.decode(features, text), "no-text": network.decode(features, None)}
            for condition, logits in drawn.items():
                masks = network.probabilities(logits)[0].cpu() > 0.5
                for row, name in enumerate(names):
                    truth = sample.targets[row] > 0.5
                    if sample.known[row] and truth.any():
                        both = (masks[row] & truth).sum() * 2 / (masks[row].sum() + truth.sum())
                        dice[condition][name].append(float(both))
        means = {
            f"{name} {condition}": round(float(np.mean(values)), 4)
            for condition, by_name in dice.items()
            for name, values in by_name.items()
            if values
        }
        targets, organs = _split_means(means)
        return {"score": round((targets + organs) / 2, 4), **means}

    @property
    def _identity(self) -> dict[str, object]:
        init = {} if self.start is None else {"init": self.start.weights_hash}
        return {"config": self.config.to_json(), "data": self.hashes, **init}

    def _saved(self, resume: bool) -> dict | None:
        """The state to go on from, if this folder holds one.

        Raises:
            InputError: it holds a run and should not, holds none and should, or holds another.
        """
        remembered, trainer = self.folder / "run.json", self.folder / "trainer.pt"
        if remembered.exists() != resume:
            raise InputError(
                f"{self.folder} holds no run to resume. Leave out --resume to start one."
                if resume
                else f"{self.folder} already holds a run. Add --resume, or choose another --out."
            )
        if resume and json.loads(remembered.read_text()) != self._identity:
            raise InputError(f"{self.folder} was started with another config or dataset. Choose another --out.")
        return torch.load(trainer, map_location="cpu", weights_only=True) if resume and trainer.exists() else None

    def _claim(self) -> None:
        """Make the folder this run's, and drop the lines of steps that will be taken again."""
        self.folder.mkdir(parents=True, exist_ok=True)
        metrics = self.folder / "metrics.jsonl"
        kept = [line for line in _complete_lines(metrics) if json.loads(line)["step"] <= self.step]
        write_whole(metrics, "".join(kept).encode())
        write_whole(self.folder / "run.json", (json.dumps(self._identity, indent=1) + "\n").encode())

    def _restore(self, saved: dict, optimiser: torch.optim.Optimizer) -> None:
        self.network.load_state_dict(saved["network"])
        self.average = {name: value.to(self.device) for name, value in saved["average"].items()}
        optimiser.load_state_dict(saved["optimiser"])
        self.step, self.best, self.seconds = saved["step"], saved["best"], saved["seconds"]
        self.reading = saved["reading"]

    def _save_trainer(self) -> None:
        import io

        buffer = io.BytesIO()
        state = {
            "network": self.network.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "best": self.best,
            "seconds": self.seconds,
            "reading": self.reading,
        }
        torch.save(state, buffer)
        write_whole(self.folder / "trainer.pt", buffer.getbuffer())

    def _log(self, lines: list[dict]) -> None:
        with (self.folder / "metrics.jsonl").open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)

    def _save_checkpoint(self, scores: dict[str, float]) -> None:
        network = ContextUNETR(self.config.network)
        network.load_state_dict(self.average)
        trained = {
            "steps": self.step,
            "seconds": round(self.seconds),
            "datasets": self.datasets,
            "manifests": self.hashes,
            "patients": len(self.cases.patients),
            "tuning_patients": sorted(p.case.id for p in self.cases.tuning),
            "phantoms": len(self.cases.extras),
            "reading": self.reading,
            **self._provenance(),
            "tuning_scores": scores,
            "recipe": self.config.to_json(),
        }
        fingerprint = self.encoder.fingerprint if self.encoder else "none"
        described = CheckpointConfig(self.config.network, self.config.grid, self.config.encoder, fingerprint, trained)
        save_checkpoint(self.folder / "checkpoint", network, described, model_card(described))

    def _provenance(self) -> dict[str, object]:
        """What the weights started from, where that was not chance."""
        if self.start is None:
            return {}
        steps, manifests = (self.start.described.trained.get(key) for key in ("steps", "manifests"))
        started = {"checkpoint": self.start.source, "weights": self.start.weights_hash, "steps": steps}
        return {"init": {**started, "manifests": manifests, "taken": self.taken}}


def _accelerator(precision: str) -> Accelerator:
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state()  # else an earlier run of this process would dictate its precision
    if precision == "auto":
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        precision = "bf16" if has_bf16(device) else "no"
    return Accelerator(mixed_precision=precision)


def _gather(config: TrainConfig, datasets: Sequence[Dataset], cache: Path, report: Report) -> _Cases:
    ids = Counter(case.id for dataset in datasets for case in dataset.split("training"))
    if twice := [id for id, count in ids.items() if count > 1]:
        # Notes are kept by id: one case would be drawn with another's.
        raise InputError(f"The id {twice[0]} is in two datasets. Rename it in one of them.")
    for dataset in datasets:
        if not dataset.split("training"):
            raise InputError(f"{dataset.root} lists no training case. Add some to its dataset.json.")
    kept, chosen = _split(datasets[0].split("training"), config)

    def ready(dataset: Dataset, cases: Sequence[Case]) -> list[PreparedCase]:
        folder = cache / "prepared" / dataset.manifest_hash[:16]

        def tell(done: int, total: int) -> None:
            report(f"preparing {dataset.root.name}", done / total, {})

        return prepare(cases, config.grid, config.network.structures, folder, tell)

    first = ready(datasets[0], [*chosen, *kept])
    extras = [p for dataset in datasets[1:] for p in ready(dataset, dataset.split("training"))]
    return _Cases(first[: len(chosen)], first[len(chosen) :], extras)


def _split(cases: Sequence[Case], config: TrainConfig) -> tuple[list[Case], list[Case]]:
    """The cases kept for tuning, and those to learn from.

    Raises:
        InputError: nobody is left to learn from, or a named patient is not among those.
    """
    tuning = [case for case in cases if is_tuning(_patient(case), config.tuning_share)]
    others = [case for case in cases if case not in tuning]
    if not others:
        raise InputError(f"All {len(cases)} training cases fell to tuning. Add cases or lower tuning_share.")
    if config.patients:
        if missing := set(config.patients) - {_patient(case) for case in others}:
            name = min(missing)
            reason = "is kept for tuning" if name in map(_patient, tuning) else "is no training patient"
            raise InputError(f"patients: {name!r} {reason}. Take it out of the config.")
        others = [case for case in others if _patient(case) in config.patients]
    share = nested_share(map(_patient, others), config.fraction)
    if not share:
        raise InputError(
            f"fraction = {config.fraction} of {len(others)} training cases leaves none. Raise it to 1 / {len(others)}."
        )
    return tuning, [case for case in others if _patient(case) in share]


def _patient(case: Case) -> str:
    return case.patient_id or case.id


def _structure_weights(patients: Sequence[PreparedCase], config: TrainConfig) -> torch.Tensor:
    """Targets count more; an organ contoured in every third patient counts up to four times, when it is there."""
    contoured = np.mean([p.known for p in patients], axis=0)
    weights = 1 / contoured.clip(min=0.25)
    weights[[name in TARGETS for name in config.network.structures]] *= config.target_weight
    return torch.tensor(weights, dtype=torch.float32)


def _learning_rate(step: int, config: TrainConfig) -> float:
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    share = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2)


def _split_means(means: dict[str, float]) -> tuple[float, float]:
    """Mean DSC with text of the first target, and of the organs."""
    target = [v for k, v in means.items() if k == f"{TARGETS[0]} text"]
    organs = [v for k, v in means.items() if k.endswith(" text") and k.split()[0] not in TARGETS]
    return (float(np.mean(target)) if target else 0.0, float(np.mean(organs)) if organs else 0.0)


def _complete_lines(path: Path) -> list[str]:
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [line for line in lines if line.endswith("\n")]
