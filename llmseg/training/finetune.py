"""Supervised training: Dice + Focal on what was contoured."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from llmseg.case import TARGETS, InputError
from llmseg.datasets.folder import Dataset
from llmseg.model.architectures import build_network
from llmseg.model.checkpoint import CheckpointConfig, save_checkpoint
from llmseg.model.network import ContourNetwork
from llmseg.text.encoder import TextEncoder
from llmseg.training.card import model_card
from llmseg.training.config import TrainConfig
from llmseg.training.losses import dice_focal
from llmseg.training.patients import Patients, gather
from llmseg.training.picture import PATIENTS, Seen, picture_of
from llmseg.training.prepared import PreparedCase, cut
from llmseg.training.reading import pretrain_reader, prompt_of_note
from llmseg.training.run import Course, Processes, Report
from llmseg.training.runfolder import RunFolder
from llmseg.training.samples import Batch, NoteBank, SampleStream
from llmseg.training.starting import Checkpoint, read_start, take_all

log = logging.getLogger(__name__)


def train(
    config: TrainConfig,
    datasets: Sequence[Dataset],
    out: str | Path,
    *,
    cache: Path,
    resume: bool = False,
    init: Sequence[str | Path] = (),
    report: Report = lambda what, share, figures: None,
) -> Path:
    """Train on the training split of the first dataset, with `extra_share` of the samples from the others.

    Args:
        out: run folder: metrics.jsonl, trainer.pt to resume, and `checkpoint/`, the best on the tuning patients.
        cache: where prepared cases and encoded notes are kept.
        init: checkpoints this run starts from, a later one's weights over an earlier one's: the image encoder, the
            reader, which is not taught again, and what else fits. Any may be the inner part of this network, trained
            on voxels of twice the size, or have this one as its inner part.
    Returns:
        the checkpoint folder.
    Raises:
        InputError: nothing to train on, a folder that holds another run, an `init` that does not fit, or a loss that
            is not a number.
    """
    processes = Processes.of(config.precision, config.network)
    report = processes.only_main(report)
    starts = [read_start(folder, config) for folder in init]
    identity = identity_of(config, datasets, processes, init=[start.weights_hash for start in starts] or None)
    with RunFolder.open(Path(out), identity, resume=resume, writes=processes.main) as folder:
        with processes.one_first():
            patients = gather(config, datasets, cache, report)
            encoder = bank = None
            if config.network.reads_notes:
                encoder = TextEncoder(config.encoder, device=str(processes.device), cache=cache)
                bank = _notes(patients, encoder, config, report)
            beginning = begin(config, starts, encoder, report, resumed=folder.saved is not None)
        task = Contouring(config, datasets, patients, encoder, bank, beginning, processes)
        return Course(config, task, folder, processes, report).go()


def identity_of(
    config: TrainConfig, datasets: Sequence[Dataset], processes: Processes, **more: object
) -> dict[str, object]:
    """What makes a run this run and no other; a resumed one must repeat it."""
    named = {"config": config.to_json(), "data": [dataset.manifest_hash for dataset in datasets]}
    more |= {"processes": processes.count} if processes.count > 1 else {}  # others would see other batches
    return {**named, **{key: value for key, value in more.items() if value is not None}}


def _notes(patients: Patients, encoder: TextEncoder, config: TrainConfig, report: Report) -> NoteBank:
    report("reading notes", 0.0, {})
    bank = NoteBank(patients.cases, encoder, config.wordings, lambda share: report("reading notes", share, {}))
    check_width(bank.width, config)
    return bank


def check_width(width: int, config: TrainConfig) -> None:
    """Refuse a language model whose states the network's reader cannot take."""
    if width != config.network.token_width:
        raise InputError(
            f"{config.encoder.model} has states of width {width}; network.token_width is "
            f"{config.network.token_width}. Set it to {width}."
        )


@dataclass(frozen=True, eq=False)
class Beginning:
    """What a run begins with.

    Args:
        network: its reader is taught and frozen.
        reading: how well the reader reads notes in wordings never trained on: fact -> accuracy.
        init: where the weights came from, for the checkpoint to tell; empty for new ones.
    """

    network: ContourNetwork
    reading: dict[str, float]
    init: dict[str, object]


def begin(
    config: TrainConfig,
    starts: Sequence[Checkpoint],
    encoder: TextEncoder | None,
    report: Report,
    *,
    resumed: bool = False,
) -> Beginning:
    """Build the network, and teach its reader unless it was taught before.

    Args:
        starts: where its weights come from, a later one's over an earlier one's; empty for chance.
        encoder: of the notes; None for a network that reads none.
        resumed: its weights are in the run's folder, the taught reader's among them.
    """
    torch.manual_seed(config.seed)
    network = build_network(config.network)
    init = take_all(network, starts)
    reading = starts[-1].reading if starts else {}
    if encoder is not None and not resumed and not (starts and starts[-1].reads):
        report("teaching the reader", 0.0, {})
        reading = pretrain_reader(network.reader, encoder, seed=config.seed)
        report("teaching the reader", 1.0, reading)
    network.reader.eval().requires_grad_(False)
    return Beginning(network, reading, init)


class Contouring:
    """Learn to draw what was contoured; a `Task` of a `Course`."""

    def __init__(
        self,
        config: TrainConfig,
        datasets: Sequence[Dataset],
        patients: Patients,
        encoder: TextEncoder | None,
        bank: NoteBank | None,
        beginning: Beginning,
        processes: Processes,
    ):
        self.config, self.datasets, self.patients, self.encoder = config, datasets, patients, encoder
        self.model, self.reading, self.init = beginning.network, beginning.reading, beginning.init
        self.processes, self.tunes = processes, bool(patients.tuning)
        self.weights = structure_weights(patients, config).to(processes.device)
        self.stream = stream_of(config, patients, bank, processes)
        self._seen: list[Seen] = []

    def figures(self, model: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
        config = self.config
        model.train()
        self.model.reader.eval()
        loss = dice_focal(
            model(batch.image, batch.text, batch.keep),
            batch.targets,
            batch.known,
            self.weights,
            dice_weight=config.dice_weight,
            focal_weight=config.focal_weight,
            gamma=config.focal_gamma,
            squared=config.squared_dice,
            softmax=config.network.activation == "softmax",
        )
        return {"loss": loss.total, "dice": loss.dice, "focal": loss.focal}

    @torch.inference_mode()
    def validate(self, average: Mapping[str, torch.Tensor]) -> dict[str, float]:
        """Mean DSC on the network's grid of each structure, with the note and without.

        "score" is halfway between that of the highest-dose target and that of the organs, with the note.
        """
        network, scored, self._seen = self._averaged(average), [], []
        for prepared in self.processes.mine(self.patients.tuning):
            seen = self._draw(network, prepared)
            scored.append(self._score(seen))
            self._seen = [*self._seen, seen][:PATIENTS]
        by_patient = self.processes.together(scored)
        names = [f"{name} {said}" for said in ("text", "no-text") for name in self.config.network.structures]
        dice = {name: [found[name] for found in by_patient if name in found] for name in names}
        means = {name: round(float(np.mean(values)), 4) for name, values in dice.items() if values}
        targets, organs = _split_means(means)
        return {"score": round((targets + organs) / 2, 4), **means}

    def _score(self, seen: Seen) -> dict[str, float]:
        """One patient's DSC, "Larynx text" for one, of what was contoured and is there."""
        sample, found = seen.sample, {}
        for said, masks in seen.drawn.items():
            for row, name in enumerate(self.config.network.structures):
                truth = sample.targets[row] > 0.5
                if sample.known[row] and truth.any():
                    both = (masks[row] & truth).sum() * 2 / (masks[row].sum() + truth.sum())
                    found[f"{name} {said}"] = float(both)
        return found

    def _draw(self, network: nn.Module, prepared: PreparedCase) -> Seen:
        """Contour one patient "text" and "no-text"."""
        sample = cut(prepared, self.config.network.field)
        text = None
        if self.encoder is not None and prepared.case.note.text.strip():
            text = self.encoder.encode([prompt_of_note(prepared.case.note)]).to(self.processes.device)
        with self.processes.accelerator.autocast():
            features = network.encode_image(sample.image[None].to(self.processes.device))
            drawn = {"text": network.decode(features, text), "no-text": network.decode(features, None)}
        masks = {said: network.probabilities(logits)[0].cpu() > 0.5 for said, logits in drawn.items()}
        return Seen(prepared.case.id, sample, masks)

    def picture(self) -> bytes | None:
        seen = [one for one in self._seen if (one.sample.targets[0] > 0.5).any()]
        return picture_of(seen, self.config.network.structures, self.config.grid) if seen else None

    def _averaged(self, average: Mapping[str, torch.Tensor]) -> ContourNetwork:
        network = build_network(self.config.network).to(self.processes.device)
        network.load_state_dict(average)
        return network.eval()

    def save(self, folder: Path, average: Mapping[str, torch.Tensor], facts: dict[str, object]) -> None:
        network = build_network(self.config.network)
        network.load_state_dict(average)
        write_checkpoint(folder, network, self.config, self.encoder, self.trained(facts))

    def trained(self, facts: Mapping[str, object]) -> dict[str, object]:
        """What the checkpoint tells of its training."""
        return {
            **lesson_of(self.config, self.datasets, self.patients),
            "reading": self.reading,
            **({"init": self.init} if self.init else {}),
            **facts,
        }

    def state(self) -> dict[str, object]:
        return {"reading": self.reading}

    def restore(self, state: Mapping[str, object]) -> None:
        self.reading = state["reading"]


def stream_of(config: TrainConfig, patients: Patients, bank: NoteBank | None, processes: Processes) -> SampleStream:
    """All samples of a run."""
    return SampleStream(
        patients.learned,
        patients.extras,
        bank,
        count=config.steps * config.accumulate * config.batch * processes.count,
        field=config.network.field,
        structures=config.network.structures,
        spacing_mm=config.grid.spacing_mm,
        extra_share=config.extra_share,
        drop_note=config.drop_note,
        seed=config.seed,
        augment=config.augment,
    )


def lesson_of(config: TrainConfig, datasets: Sequence[Dataset], patients: Patients) -> dict[str, object]:
    """On whom a run learned, and how."""
    return {
        "datasets": [{"name": dataset.name, "description": dataset.description} for dataset in datasets],
        "manifests": [dataset.manifest_hash for dataset in datasets],
        "patients": len(patients.learned),
        "tuning_patients": sorted(prepared.case.id for prepared in patients.tuning),
        "phantoms": len(patients.extras),
        "unseen": patients.unseen(config.network.structures),
        "recipe": config.to_json(),
    }


def write_checkpoint(
    folder: Path,
    network: nn.Module,
    config: TrainConfig,
    encoder: TextEncoder | None,
    trained: Mapping[str, object],
) -> None:
    """Ship a network with its config and card."""
    fingerprint = encoder.fingerprint if encoder else "none"
    described = CheckpointConfig(config.network, config.grid, config.encoder, fingerprint, trained)
    save_checkpoint(folder, network, described, model_card(described))


def structure_weights(patients: Patients, config: TrainConfig) -> torch.Tensor:
    """Targets count more; an organ contoured in every third patient counts up to four times, when it is there."""
    contoured = np.mean([prepared.known for prepared in patients.learned], axis=0)
    weights = 1 / contoured.clip(min=0.25)
    names = config.network.structures
    weights[[name in TARGETS for name in names]] *= config.target_weight
    weights[[name in patients.unseen(names) for name in names]] = 0
    return torch.tensor(weights, dtype=torch.float32)


def _split_means(means: Mapping[str, float]) -> tuple[float, float]:
    """Mean DSC with text of the first target, and of the organs."""
    target = [v for k, v in means.items() if k == f"{TARGETS[0]} text"]
    organs = [v for k, v in means.items() if k.endswith(" text") and k.split()[0] not in TARGETS]
    return (float(np.mean(target)) if target else 0.0, float(np.mean(organs)) if organs else 0.0)
