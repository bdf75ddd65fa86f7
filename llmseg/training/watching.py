"""Look into a run's folder from outside while it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from llmseg.case import InputError
from llmseg.training.runfolder import PICTURE, complete_lines, is_held


@dataclass(frozen=True)
class Watched:
    """One run as far as its folder tells.

    Args:
        name: of the folder.
        goal: steps it was asked for.
        step: steps taken, as far as they were logged.
        is_going: whether a process holds the folder.
        seconds: that the logged steps took, validations and earlier starts included.
        losses, rates: (step, value) of each logged step.
        picture: of the latest validation, a PNG; None where there is none yet.
        scores: step of a validation -> structure and condition, "Larynx text" for one -> DSC; "score" among them.
    """

    name: str
    goal: int
    step: int = 0
    is_going: bool = False
    seconds: float = 0.0
    losses: tuple[tuple[int, float], ...] = ()
    rates: tuple[tuple[int, float], ...] = ()
    scores: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    picture: Path | None = None

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None before the first logged step."""
        return (self.goal - self.step) * self.seconds / self.step if self.step else None

    @property
    def is_finished(self) -> bool:
        return self.step >= self.goal

    @property
    def best(self) -> tuple[int, float] | None:
        """Step and score of the checkpoint that is kept."""
        return max(((step, found["score"]) for step, found in self.scores.items()), key=lambda p: p[1], default=None)


def find_runs(root: str | Path) -> tuple[Path, ...]:
    """The run folders in a folder, at any depth, the one written last first."""
    found = [path.parent for path in Path(root).rglob("run.json")]
    return tuple(sorted(found, key=lambda folder: -_written(folder)))


def read_run(folder: str | Path) -> Watched:
    """Read a run; lines that are still being written are left for the next time.

    Raises:
        InputError: the folder holds no run, or a damaged one.
    """
    folder = Path(folder)
    try:
        goal = json.loads((folder / "run.json").read_text())["config"]["steps"]
        lines = [json.loads(line) for line in complete_lines(folder / "metrics.jsonl")]
    except OSError as error:
        raise InputError(f"{folder} holds no run ({error.strerror}). Choose a folder that training wrote.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder} holds a damaged run ({error}). Choose another.") from error
    steps = [line for line in lines if "validation" not in line]
    return Watched(
        name=folder.name,
        goal=goal,
        step=max((line["step"] for line in lines), default=0),
        is_going=is_held(folder),
        seconds=max((line["seconds"] for line in steps), default=0.0),
        losses=tuple((line["step"], line["loss"]) for line in steps),
        rates=tuple((line["step"], line["rate"]) for line in steps),
        scores={line["step"]: line["validation"] for line in lines if "validation" in line},
        picture=folder / PICTURE if (folder / PICTURE).exists() else None,
    )


def _written(folder: Path) -> float:
    """When it was last written to."""
    return max(path.stat().st_mtime for path in (folder / "run.json", folder / "metrics.jsonl") if path.exists())
