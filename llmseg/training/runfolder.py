"""The folder of a run: whose it is, what was logged, and the state to go on from."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from llmseg.case import InputError
from llmseg.formats.whole import write_whole
from llmseg.training.config import TrainConfig

PICTURE = "validation.png"


@dataclass(frozen=True, eq=False)
class RunFolder:
    """run.json, metrics.jsonl, trainer.pt and, from the first validation on, `checkpoint/` and `validation.png`.

    Args:
        identity: what must be the same when the run is resumed.
        writes: false for all but one of several processes.
        saved: the state an earlier start left, on the CPU.
    """

    path: Path
    identity: Mapping[str, object]
    writes: bool
    saved: Mapping[str, object] | None
    _held: contextlib.ExitStack

    @classmethod
    @contextlib.contextmanager
    def open(
        cls, path: Path, identity: Mapping[str, object], *, resume: bool, writes: bool = True
    ) -> Iterator[RunFolder]:
        """Look whether the folder is free for this run, or holds it; nothing is written yet.

        Raises:
            InputError: it holds a run and should not, holds none and should, holds another, or is in use.
        """
        remembered, trainer = path / "run.json", path / "trainer.pt"
        if remembered.exists() != resume:
            raise InputError(_none_to_resume(path) if resume else _taken(path))
        if resume and (differs := _difference(json.loads(remembered.read_text()), identity)):
            raise InputError(
                f"{path} was started with another config or dataset: {differs}. Repeat that, or choose another --out."
            )
        with contextlib.ExitStack() as held:
            if resume and writes:
                held.enter_context(lock(path))
            saved = _state(trainer) if resume and trainer.exists() else None
            yield cls(path, identity, writes, saved, held)

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint"

    def claim(self, step: int) -> None:
        """Make the folder this run's, and drop the lines of steps that will be taken again."""
        if not self.writes:
            return
        remembered, metrics = self.path / "run.json", self.path / "metrics.jsonl"
        if not remembered.exists():
            self.path.mkdir(parents=True, exist_ok=True)
            self._held.enter_context(lock(self.path))
            if remembered.exists():  # by one that was quicker
                raise InputError(_taken(self.path))
        kept = [line for line in complete_lines(metrics) if json.loads(line)["step"] <= step]
        write_whole(metrics, "".join(kept).encode())
        write_whole(remembered, (json.dumps(self.identity, indent=1) + "\n").encode())

    def log(self, lines: Sequence[Mapping]) -> None:
        """Add lines to metrics.jsonl."""
        if self.writes:
            with (self.path / "metrics.jsonl").open("a") as file:
                file.writelines(json.dumps(line) + "\n" for line in lines)

    def show(self, png: bytes) -> None:
        """Keep the picture of the latest validation."""
        if self.writes:
            write_whole(self.path / PICTURE, png)

    def save(self, state: Mapping[str, object]) -> None:
        """Keep the state to go on from."""
        if self.writes:
            buffer = io.BytesIO()
            torch.save(state, buffer)
            write_whole(self.path / "trainer.pt", buffer.getbuffer())


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold a folder for this process alone; one that dies lets go of it.

    Raises:
        InputError: another process holds it.
    """
    from filelock import FileLock, Timeout

    held = FileLock(folder / "run.lock")
    try:
        held.acquire(timeout=0)
    except Timeout as error:
        raise InputError(f"{folder} is in use by another run. Wait for it, or choose another --out.") from error
    try:
        yield
    finally:
        held.release()


def _state(path: Path) -> Mapping[str, object]:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise InputError(f"{path} is damaged, so this run cannot go on. Start another one with --init.") from error


def _none_to_resume(path: Path) -> str:
    return f"{path} holds no run to resume. Leave out --resume to start one."


def _taken(path: Path) -> str:
    return f"{path} already holds a run. Add --resume, or choose another --out."


def _difference(then: Mapping[str, object], now: Mapping[str, object]) -> str:
    """The first few entries in which two runs differ; an entry younger than the older run had its default."""
    then, now = _flat(then), _flat(now)
    then = {**_flat({"config": TrainConfig().to_json(), "processes": 1}), **then}
    now = {"processes": 1, **now}
    differ = [key for key in sorted(then.keys() | now.keys()) if then.get(key) != now.get(key)]
    said = [f"{key} was {then.get(key)} and is {now.get(key)}" for key in differ[:3]]
    return "; ".join([*said, f"{len(differ) - 3} more"] if len(differ) > 3 else said)


def _flat(values: Mapping[str, object], above: str = "") -> dict[str, object]:
    flat = {}
    for key, value in values.items():
        flat |= _flat(value, f"{above}{key}.") if isinstance(value, Mapping) else {f"{above}{key}": value}
    return flat


def is_held(folder: Path) -> bool:
    """Whether a process is at work on a folder."""
    if not (folder / "run.lock").exists():
        return False
    try:
        with lock(folder):
            return False
    except InputError:
        return True


def complete_lines(path: Path) -> list[str]:
    """The lines of a file that is written while it is read, the last one left out until it is whole."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [line for line in lines if line.endswith("\n")]
