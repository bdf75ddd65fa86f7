"""With the note and without it: one row for each case, structure and condition."""

from __future__ import annotations

import csv
import io
import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from llmseg.case import TARGETS, Case, InputError, Note
from llmseg.evaluation.statistics import Comparison, compare, holm
from llmseg.formats.nifti import write_mask
from llmseg.formats.whole import write_whole
from llmseg.metrics import score
from llmseg.segmenter import Segmenter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)

Conditions = Mapping[str, Callable[[Case], Note | None]]
"""Name -> the note a case is drawn with; None for no note."""

CONDITIONS: Conditions = MappingProxyType({"text": lambda case: case.note, "no-text": lambda case: None})
HONESTY = (
    "The notes were read off the contours: "
    "a gain with text measures how well the model uses words, not clinical benefit."
)


@dataclass(frozen=True)
class Row:
    """One structure of one case under one condition; NaN where a number has no meaning or was not measured.

    The numbers are those of `llmseg.metrics.Score`; where reference and prediction are both empty, all but the volume
    are NaN.
    """

    id: str
    structure: str
    condition: str
    dice: float
    iou: float
    hd95_mm: float
    asd_mm: float = math.nan
    surface_dice_2mm: float = math.nan
    surface_dice_3mm: float = math.nan
    volume_error_ml: float = math.nan
    volume_error_percent: float = math.nan
    apl_mm: float = math.nan
    apl_voxels: float = math.nan
    reference_ml: float = math.nan


COLUMNS = tuple(field.name for field in fields(Row))
KEYS, METRICS = COLUMNS[:3], COLUMNS[3:]
REQUIRED = COLUMNS[:6]


def evaluate(
    segmenter: Segmenter,
    cases: Sequence[Case],
    out: str | Path,
    *,
    conditions: Conditions = CONDITIONS,
    save_masks: bool = False,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> dict:
    """Segment every case with its note and without, score it on its own grid, and write tables and figures.

    One case is held at a time, six for the last figure. Structures that were not contoured are left out; a case without
    any is listed as skipped.

    Args:
        out: gets per_case.csv, summary.json, dice.png, patients.png and contours.png; with `save_masks` also
            masks/<condition>/<id>/<NAME>.nii.gz.
        conditions: the first is compared with each other one.
    Returns:
        what summary.json holds.
    Raises:
        InputError: nothing to evaluate, or a case that cannot be read; names it.
    """
    out = Path(out)
    rows: list[Row] = []
    skipped = {}
    for number, case in enumerate(cases):
        if on_progress:
            on_progress(number, len(cases), case.id)
        try:
            found = _evaluate_case(segmenter, case, conditions, out / "masks" if save_masks else None)
        except InputError as error:
            raise InputError(f"Case {case.id}: {error}") from error
        if not found:
            skipped[case.id] = "no structures to compare with"
        rows += found
    if not rows:
        raise InputError(f"None of the {len(cases)} cases has structures to compare with. Choose another split.")
    summary = summarise(rows) | {"skipped": skipped, "checkpoint": segmenter.checkpoint_name, "note": HONESTY}
    write_rows(out / "per_case.csv", rows)
    write_whole(out / "summary.json", (json.dumps(summary, indent=1) + "\n").encode())
    _draw_scores(rows, out)
    _draw_cases(segmenter, cases, rows, conditions, out / "contours.png")
    return summary


def _evaluate_case(segmenter: Segmenter, case: Case, conditions: Conditions, masks: Path | None) -> list[Row]:
    reference = case.structures
    if not reference:
        return []
    ct, rows = segmenter.open(case.volume, others=case.others(segmenter.modalities)), []
    for condition, note_of in conditions.items():
        drawn = ct.segment(note_of(case)).structures
        rows += [Row(id=case.id, condition=condition, **asdict(found)) for found in score(reference, drawn)]
        if masks is not None:
            for name, mask in drawn.items():
                write_mask(masks / condition / case.id / f"{name}.nii.gz", mask, drawn.affine)
    return rows


def summarise(rows: Sequence[Row]) -> dict:
    """Mean, median, SD and n of each metric by structure and by patient, and what the first condition gains.

    NaN rows (both empty) are counted apart, not averaged; a metric that some other row lacks has its own n. Each
    structure's "gain" is that in DSC of the first condition over "no-text" ("gain_over_<condition>" over another one),
    case by case: mean and 95% interval, rank-biserial effect, Wilcoxon's p, and Holm's over all gains of the table.
    """
    conditions = list(dict.fromkeys(row.condition for row in rows))
    structures, patients = (
        {name: {c: _statistics(own, c) for c in conditions} for name, own in _grouped(rows, key).items()}
        for key in ("structure", "id")
    )
    comparisons = {
        (name, other): _compared(own, conditions[0], other)
        for name, own in _grouped(rows, "structure").items()
        for other in conditions[1:]
    }
    corrected = holm([found.p for found in comparisons.values()])
    for ((name, other), found), p in zip(comparisons.items(), corrected, strict=True):
        structures[name]["gain" if other == "no-text" else f"gain_over_{other}"] = _gain(found, p)
    return {"cases": len(patients), "conditions": conditions, "structures": structures, "patients": patients}


def _grouped(rows: Sequence[Row], key: str) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(getattr(row, key), []).append(row)
    return groups


def _statistics(rows: Sequence[Row], condition: str) -> dict[str, float | int]:
    rows = [row for row in rows if row.condition == condition]
    scored = [row for row in rows if not math.isnan(row.dice)]
    figures: dict[str, float | int] = {"n": len(scored), "both_empty": len(rows) - len(scored)}
    if scored and not any(math.isnan(row.reference_ml) for row in scored):
        # One side has a volume and the other has none.
        figures["one_empty"] = sum(row.reference_ml == 0 or row.volume_error_ml == -row.reference_ml for row in scored)
    for metric in METRICS:
        values = np.array([getattr(row, metric) for row in scored])
        values = values[~np.isnan(values)]
        if 0 < len(values) < len(scored):
            figures[f"{metric}_n"] = len(values)
        if len(values):
            figures |= {f"{metric}_mean": _rounded(values.mean()), f"{metric}_median": _rounded(np.median(values))}
        if len(values) > 1:
            figures[f"{metric}_sd"] = _rounded(values.std(ddof=1))
    return figures


def _compared(rows: Sequence[Row], first: str, second: str) -> Comparison:
    dice = {c: {row.id: row.dice for row in rows if row.condition == c} for c in (first, second)}
    shared = [id for id in dice[first] if id in dice[second]]
    return compare(*([dice[c][id] for id in shared] for c in (first, second)))


def _gain(found: Comparison, corrected: float) -> dict[str, float | int]:
    figures = {
        "dice_mean": _rounded(found.mean_difference),
        "dice_low": _rounded(found.low),
        "dice_high": _rounded(found.high),
        "effect": _rounded(found.effect),
        "wilcoxon_p": float(f"{found.p:.3g}"),
        "holm_p": float(f"{corrected:.3g}"),
    }
    return {"n": found.n} | {name: value for name, value in figures.items() if not math.isnan(value)}


def _rounded(value: float) -> float:
    return round(float(value), 4)


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write a table of rows, whole or not at all."""
    content = io.StringIO(newline="")
    csv.writer(content).writerows([COLUMNS, *([getattr(row, column) for column in COLUMNS] for row in rows)])
    write_whole(path, content.getvalue().encode())


def read_rows(path: str | Path) -> list[Row]:
    """Read back what `write_rows` wrote; a column it lacks was not measured.

    Raises:
        InputError: no such table, one of the first six columns missing, or a number that is none; names the line.
    """
    path = Path(path)
    try:
        table = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8", errors="replace"), newline=""))
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist. `llmseg evaluate` writes per_case.csv.") from error
    if missing := [name for name in REQUIRED if name not in (table.fieldnames or ())]:
        raise InputError(f"{path} has no column {', '.join(missing)}. Pass a per_case.csv of `llmseg evaluate`.")
    rows = []
    for line in table:
        try:
            metrics = {name: float(line[name]) for name in METRICS if name in line}
        except (TypeError, ValueError) as error:
            raise InputError(f"{path}, line {table.line_num}: {error}. Evaluate again.") from error
        rows.append(Row(**{name: line[name] for name in KEYS}, **metrics))
    return rows


def _write_figure(path: Path, figure: Figure, dpi: int) -> None:
    content = io.BytesIO()
    figure.savefig(content, dpi=dpi)
    write_whole(path, content.getbuffer())


def _draw_scores(rows: Sequence[Row], out: Path) -> None:
    from llmseg.plots import dice_by_structure, metric_by_patient

    values = [(row.id, row.structure, row.condition, row.dice) for row in rows]
    _write_figure(out / "dice.png", dice_by_structure([value[1:] for value in values]), dpi=120)
    _write_figure(out / "patients.png", metric_by_patient(values), dpi=120)


def _draw_cases(
    segmenter: Segmenter,
    cases: Sequence[Case],
    rows: Sequence[Row],
    conditions: Conditions,
    path: Path,
    count: int = 6,
) -> None:
    """The target of six cases, from the first condition's worst to its best, evenly spaced in rank: no picking."""
    from llmseg.plots import contour_panels

    first = next(iter(conditions))
    dice = {r.id: r.dice for r in rows if (r.structure, r.condition) == (TARGETS[0], first) and not np.isnan(r.dice)}
    ranked = sorted((case for case in cases if dice.get(case.id, 0) > 0), key=lambda case: dice[case.id])
    if not ranked:
        return
    shown = [ranked[i] for i in np.unique(np.linspace(0, len(ranked) - 1, count).round().astype(int))]
    volumes, panels = [], []
    for case in shown:
        volumes.append(case.volume)
        ct = segmenter.open(volumes[-1], others=case.others(segmenter.modalities))
        drawn = {name: ct.segment(note_of(case)).structures for name, note_of in [*conditions.items()][:2]}
        panels.append({"reference": case.structures} | drawn)
    titles = [f"{case.id}  DSC {dice[case.id]:.2f}" for case in shown]
    _write_figure(path, contour_panels(volumes, panels, titles, TARGETS[:1]), dpi=110)
