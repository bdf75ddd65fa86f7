"""The course of a run, whatever it learns: steps, averaged weights, exact resume, one process or many."""

from __future__ import annotations

import contextlib
import logging
import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch
from torch import nn

from llmseg.case import InputError
from llmseg.memory import reuse_freed_memory
from llmseg.model.network import NetworkConfig
from llmseg.model.precision import LEAST_VOXELS, adds_up_in_bf16, has_bf16
from llmseg.training.config import TrainConfig
from llmseg.training.runfolder import RunFolder
from llmseg.training.samples import Batch, Drawn, SampleStream, collate

if TYPE_CHECKING:
    from accelerate import Accelerator

log = logging.getLogger(__name__)

Report = Callable[[str, float, dict], None]
"""Called with what is being done, the share done, and figures."""

_LONGEST_WAIT = timedelta(hours=4)
"""Of the other processes, while one prepares patients or teaches the reader."""

_STEEPEST = 5.0
"""Norm that a gradient is cut to."""


class Task(Protocol):
    """What a run learns.

    Attributes:
        model: all the weights a step may change, and some it may not.
        stream: the samples, in the order they are learned from.
        tunes: whether there is anybody to choose on.
    """

    model: nn.Module
    stream: SampleStream
    tunes: bool

    def figures(self, model: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
        """The "loss" of a batch, averaged over its samples, and what else is worth a place in the log."""

    def validate(self, average: Mapping[str, torch.Tensor]) -> dict[str, float]:
        """What the averaged weights are worth on the tuning patients; the best are chosen by "score"."""

    def picture(self) -> bytes | None:
        """A PNG of a few patients of the last `validate`; None where there is nothing to see."""

    def save(self, folder: Path, average: Mapping[str, torch.Tensor], facts: dict[str, object]) -> None:
        """Write the averaged weights as a checkpoint, with these facts of the run."""

    def state(self) -> dict[str, object]:
        """What else a resumed run must know."""

    def restore(self, state: Mapping[str, object]) -> None:
        """Take up what `state` returned, among other entries."""


@dataclass(frozen=True, eq=False)
class Processes:
    """Which of several processes this is, and how they share work."""

    accelerator: Accelerator

    @classmethod
    def of(cls, precision: str, network: NetworkConfig) -> Processes:
        """Those that `accelerate launch` or `torchrun` started; else this one alone.

        Raises:
            InputError: bf16 on a processor that gets the smallest maps of this network wrong in it.
        """
        from accelerate import Accelerator, DistributedDataParallelKwargs, InitProcessGroupKwargs
        from accelerate.state import AcceleratorState

        AcceleratorState._reset_state()  # else an earlier run of this process would dictate its precision
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if precision == "auto":
            precision = "bf16" if has_bf16(device, network) else "no"
        if precision == "bf16" and not adds_up_in_bf16(device, network):
            raise InputError(
                f"precision = 'bf16' with coarsest maps of {network.coarsest} voxels: a processor needs {LEAST_VOXELS} "
                "along every axis to add them up rightly. Enlarge the field, or set precision to 'auto' or 'no'."
            )
        # Networks hold weights that no loss reaches: a block's spare norm, the decoder while images meet notes.
        parallel = DistributedDataParallelKwargs(find_unused_parameters=True)
        # A 1x1x1 kernel lies in memory alike in every layout; torch warns that it is in another.
        warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
        patient = InitProcessGroupKwargs(timeout=_LONGEST_WAIT)
        on_cpu = not torch.accelerator.is_available()  # accelerate joins processes without a GPU only where told so
        if on_cpu:
            reuse_freed_memory()
        processes = cls(Accelerator(cpu=on_cpu, mixed_precision=precision, kwargs_handlers=[parallel, patient]))
        if not processes.main:
            logging.getLogger("llmseg").setLevel(logging.ERROR)  # one warns for all
        return processes

    @property
    def device(self) -> torch.device:
        return self.accelerator.device

    @property
    def count(self) -> int:
        return self.accelerator.num_processes

    @property
    def rank(self) -> int:
        return self.accelerator.process_index

    @property
    def main(self) -> bool:
        """Whether this is the one that writes."""
        return self.accelerator.is_main_process

    def only_main(self, report: Report) -> Report:
        """The same progress, told by one process."""
        return report if self.main else lambda what, share, figures: None

    @contextlib.contextmanager
    def one_first(self) -> Iterator[None]:
        """One process of each machine goes ahead, so that the others find its work in the cache."""
        with self.accelerator.local_main_process_first():
            yield

    def mine(self, items: Sequence) -> Sequence:
        """This process's share."""
        return items[self.rank :: self.count]

    def together(self, found: Sequence) -> list:
        """What all processes found, in the order `mine` dealt it out."""
        if self.count == 1:
            return list(found)
        from accelerate.utils import gather_object

        numbered = [(self.rank + i * self.count, item) for i, item in enumerate(found)]
        return [item for _, item in sorted(gather_object(numbered), key=lambda pair: pair[0])]


@dataclass(frozen=True, eq=False)
class _Step:
    """A step that was taken, its figures still on the device: reading them makes the host wait for all of it."""

    names: tuple[str, ...]
    figures: torch.Tensor
    drawn: tuple[Drawn, ...]
    host: dict[str, float]


class Course:
    """The loop over steps.

    Args:
        task: what is learned.
        folder: where the run is kept; one that holds a state is gone on from.
    """

    def __init__(self, config: TrainConfig, task: Task, folder: RunFolder, processes: Processes, report: Report):
        self.config, self.task, self.folder, self.report = config, task, folder, report
        self.processes, self.accelerator, self.device = processes, processes.accelerator, processes.device
        self.step, self.stale, self.best, spent = 0, 0, -math.inf, 0.0
        self.waited = self.lasted = 0.0
        task.model.to(self.device, memory_format=torch.channels_last_3d)
        learned = [(name, weight) for name, weight in task.model.named_parameters() if weight.requires_grad]
        self._weights = [weight for _, weight in learned]
        optimiser = torch.optim.AdamW(self._weights, lr=config.learning_rate, weight_decay=config.weight_decay)
        if folder.saved is not None:
            task.model.load_state_dict(folder.saved["network"])
            optimiser.load_state_dict(folder.saved["optimiser"])
            task.restore(folder.saved)
            self.step, self.best, spent = (folder.saved[key] for key in ("step", "best", "seconds"))
            self.stale = folder.saved.get("stale", 0)
        self._began = time.monotonic() - spent
        # Several processes start from the main one's weights, which this hands round.
        self.model, self.optimiser = self.accelerator.prepare(task.model, optimiser)
        now = task.model.state_dict()
        before = now if folder.saved is None else folder.saved["average"]
        self._averaged = [before[name].to(self.device, copy=True) for name, _ in learned]
        self.average = {**now, **dict(zip((name for name, _ in learned), self._averaged, strict=True))}
        folder.claim(self.step)

    @property
    def seconds(self) -> float:
        """How long this run has been going, its earlier starts included."""
        return time.monotonic() - self._began

    def go(self) -> Path:
        """Take the steps that are left.

        Returns:
            the checkpoint folder.
        Raises:
            InputError: a loss or a gradient that is not a number, or a full disk.
        """
        config, first = self.config, self.step
        batches, taken, lines = self._batches(), [], []
        while not self._ends():
            taken.append(self._take_step(batches))
            validates = self.step % config.validate_every == 0 or self.step == config.steps
            saves = self.step % config.save_every == 0
            if validates or saves or self.step % config.log_every == 0:
                lines += self._lines_of(taken)
                taken = []
            if validates:
                lines.append({"step": self.step, "validation": self._validate()})
            if saves or self._ends():
                self.folder.log(lines)
                self._save_state()
                lines = []
        if self.step > first:
            each = self.lasted / (self.step - first)
            summary = {"steps": self.step, "seconds per step": each, "waiting": self.waited / self.lasted}
            self.report("trained", 1.0, summary)
        self.accelerator.wait_for_everyone()
        return self.folder.checkpoint

    def _ends(self) -> bool:
        return self.step >= self.config.steps or 0 < self.config.patience <= self.stale

    def _batches(self) -> Iterator[Batch]:
        """This process's passes from the next step on; all processes' n-th passes are neighbours in the stream."""
        config = self.config
        passes = range(self.step * config.accumulate, config.steps * config.accumulate)
        starts = [(n * self.processes.count + self.processes.rank) * config.batch for n in passes]
        loader = torch.utils.data.DataLoader(
            self.task.stream,
            batch_sampler=[range(start, start + config.batch) for start in starts],
            num_workers=config.workers,
            collate_fn=collate,
            pin_memory=self.device.type == "cuda",
        )
        return iter(loader)

    def _take_step(self, batches: Iterator[Batch]) -> _Step:
        config, start, waited = self.config, time.monotonic(), 0.0
        rate = _learning_rate(self.step, config)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        passes, drawn = [], []
        for number in range(config.accumulate):
            asked = time.monotonic()
            batch = next(batches)
            waited += time.monotonic() - asked
            drawn += batch.drawn
            passes.append(self._learn_from(batch.to(self.device), last=number == config.accumulate - 1))
        steepness = self.accelerator.clip_grad_norm_(self._weights, _STEEPEST)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self._average()
        self.step += 1
        lasted = time.monotonic() - start
        self.waited, self.lasted = self.waited + waited, self.lasted + lasted
        means = torch.stack([torch.stack([v.detach().float() for v in figures.values()]) for figures in passes]).mean(0)
        host = {
            "rate": rate,
            "waiting": round(waited / lasted, 4),
            "step": self.step,
            "seconds": round(self.seconds, 1),
        }
        return _Step((*passes[0], "gradient"), torch.cat((means, steepness.float()[None])), tuple(drawn), host)

    def _learn_from(self, batch: Batch, last: bool) -> dict[str, torch.Tensor]:
        """Add the gradient of one pass; processes exchange theirs once a step."""
        with contextlib.nullcontext() if last else self.accelerator.no_sync(self.model):
            figures = self.task.figures(self.model, batch)
            self.accelerator.backward(figures["loss"] / self.config.accumulate)
        return figures

    @torch.no_grad()
    def _average(self) -> None:
        # Early on the average must not remember the random start.
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(self._averaged, self._weights, 1 - decay)

    def _lines_of(self, taken: Sequence[_Step]) -> list[dict[str, float]]:
        """The lines of some steps, their figures averaged over the processes; stops at one that is no number."""
        if not taken:
            return []
        table = self.accelerator.reduce(torch.stack([step.figures for step in taken]), reduction="mean")
        lines = []
        for step, values in zip(taken, table.tolist(), strict=True):
            figures = dict(zip(step.names, values, strict=True))
            steepness = figures.pop("gradient")
            self._check(step, "loss", figures["loss"])
            if self.config.precision != "fp16":  # there the gradient scaler skips such a step by itself
                self._check(step, "gradient", steepness)
            lines.append({**figures, **step.host})
            self.report("training", step.host["step"] / self.config.steps, lines[-1])
        return lines

    def _check(self, step: _Step, what: str, value: float) -> None:
        if math.isfinite(value):
            return
        seen = [drawn for one in self.processes.together([step.drawn]) for drawn in one]
        cases = ", ".join(f"{drawn.case_id} mirrored" if drawn.mirror else drawn.case_id for drawn in seen)
        raise InputError(
            f"The {what} of step {step.host['step']} is {value}, on {cases}; the last good state is in "
            f"{self.folder.path}. Start another run with a lower learning_rate, or with precision no."
        )

    def _validate(self) -> dict[str, float]:
        scores = self.task.validate(self.average)
        if self.processes.main and (png := self.task.picture()):
            self.folder.show(png)
        self.report("validation", self.step / self.config.steps, scores)
        better = scores["score"] > self.best
        self.stale = 0 if better else self.stale + 1
        # With nobody to choose on, the last is as good a choice as any.
        if better or not self.task.tunes:
            self.best = scores["score"]
            if self.processes.main:
                facts = {"steps": self.step, "seconds": round(self.seconds), "tuning_scores": scores}
                self.task.save(self.folder.checkpoint, self.average, facts)
        return scores

    def _save_state(self) -> None:
        state = {
            "network": self.task.model.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "best": self.best,
            "stale": self.stale,
            "seconds": self.seconds,
            **self.task.state(),
        }
        self.folder.save(state)


def _learning_rate(step: int, config: TrainConfig) -> float:
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    share = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2)
