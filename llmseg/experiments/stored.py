"""What an arm leaves behind: one JSON file that says how it was made and what was measured."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np

from llmseg.case import InputError
from llmseg.formats.whole import write_whole

FORMAT = 1
DIGITS = 4


@dataclass(frozen=True)
class Row:
    """One structure of one case under one condition.

    Args:
        values: metric -> value; NaN where reference and prediction are both empty.
    """

    id: str
    structure: str
    condition: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class Result:
    """One arm of one experiment.

    Args:
        command: the shell command that makes this file again.
        identity: what must agree for the arm to count as done: config, data, conditions, code version.
        seed, patients, fraction: of the training; `fraction` is the share of the training patients it saw.
        data: name and sha256 of the dataset's manifest, and the split that was tested.
        made: commit, machine, and seconds of training and testing.
        checkpoint: steps and tuning score of the network.
        cases: id -> the facts of its note, where known.
        pictures: slices with contours; see `llmseg.experiments.pictures`.
    """

    experiment: str
    arm: str
    series: str
    command: str
    identity: Mapping[str, object]
    seed: int
    fraction: float
    patients: int
    data: Mapping[str, object]
    made: Mapping[str, object]
    checkpoint: Mapping[str, object]
    cases: Mapping[str, Mapping[str, object] | None]
    rows: tuple[Row, ...]
    pictures: tuple[Mapping[str, object], ...] = field(default=())

    def scores(
        self, condition: str, metric: str = "dice", structure: str | None = None
    ) -> dict[tuple[str, str], float]:
        """(id, structure) -> value, without those where nothing was to be found and nothing was drawn."""
        return {
            (row.id, row.structure): row.values[metric]
            for row in self.rows
            if row.condition == condition
            and structure in (None, row.structure)
            and not math.isnan(row.values.get(metric, math.nan))
        }

    @property
    def conditions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.condition for row in self.rows))

    def to_json(self) -> dict[str, object]:
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "rows"}
        metrics = list(self.rows[0].values) if self.rows else []
        rows = [[r.id, r.structure, r.condition, *(_number(r.values[m]) for m in metrics)] for r in self.rows]
        table = {"columns": ["id", "structure", "condition", *metrics], "rows": rows}
        return {"format": FORMAT, **values, "summary": summarise(self.rows), "per_case": table}

    @classmethod
    def from_json(cls, values: Mapping[str, object], where: str) -> Result:
        """Read one back.

        Raises:
            InputError: it is no result, or of another format.
        """
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise InputError(f"{where} is not a result of this version. Remove it and run its arm again.")
        known = {f.name for f in fields(cls)} - {"rows"}
        metrics = values["per_case"]["columns"][3:]
        rows = tuple(
            Row(id, structure, condition, dict(zip(metrics, map(_value, numbers), strict=True)))
            for id, structure, condition, *numbers in values["per_case"]["rows"]
        )
        return cls(**{name: values[name] for name in known} | {"rows": rows, "pictures": tuple(values["pictures"])})


def mean_dice(scores: Mapping[tuple[str, str], float]) -> float:
    """Mean over the structures of each one's mean over the patients, so a rare structure counts like a common one."""
    by_structure: dict[str, list[float]] = {}
    for (_, structure), value in scores.items():
        by_structure.setdefault(structure, []).append(value)
    return float(np.mean([np.mean(values) for values in by_structure.values()])) if by_structure else math.nan


def summarise(rows: Sequence[Row]) -> dict[str, dict[str, dict[str, float | int | None]]]:
    """condition -> structure (and "all") -> n, mean and SD of each metric."""
    grouped: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        grouped.setdefault((row.condition, row.structure), []).append(row)
    summary: dict[str, dict] = {}
    for (condition, structure), group in grouped.items():
        scored = [row for row in group if not math.isnan(row.values["dice"])]
        figures: dict[str, float | int | None] = {"n": len(scored), "both_empty": len(group) - len(scored)}
        for metric in group[0].values:
            values = [row.values[metric] for row in scored if not math.isnan(row.values[metric])]
            figures[f"{metric}_mean"] = _number(np.mean(values)) if values else None
            figures[f"{metric}_sd"] = _number(np.std(values, ddof=1)) if len(values) > 1 else None
        summary.setdefault(condition, {})[structure] = figures
    for by_structure in summary.values():
        means = [figures["dice_mean"] for figures in by_structure.values() if figures["dice_mean"] is not None]
        by_structure["all"] = {"dice_mean": _number(np.mean(means)) if means else None}
    return summary


def path_of(results: Path, experiment: str, arm: str) -> Path:
    return results / experiment / f"{arm}.json"


def write_result(path: Path, result: Result) -> None:
    """Write it whole; a name that ends in .gz packs it, the same bytes for the same content."""
    content = json.dumps(result.to_json(), allow_nan=False, separators=(",", ":")).encode() + b"\n"
    write_whole(path, gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def read_result(path: Path) -> Result:
    """Read a result file, packed or not.

    Raises:
        InputError: not there, damaged, or not a result.
    """
    try:
        content = path.read_bytes()
        values = json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
        return Result.from_json(values, str(path))
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist. Run its arm first.") from error
    except (ValueError, KeyError, TypeError, EOFError, OSError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is damaged ({error}). Remove it and run its arm again.") from error


def read_results(folder: Path) -> list[Result]:
    """Every stored result under a folder of experiments, in the order of their names."""
    paths = sorted([*folder.glob("*/*.json"), *folder.glob("*/*.json.gz")])
    # Run folders keep JSON of their own beside the results.
    return [read_result(path) for path in paths if path.parent.name != RUNS]


RUNS = "runs"
"""The folder of training runs among the experiments' folders."""


def _number(value: float) -> float | None:
    value = float(value)
    return None if math.isnan(value) else round(value, DIGITS)


def _value(number: float | None) -> float:
    return math.nan if number is None else number
