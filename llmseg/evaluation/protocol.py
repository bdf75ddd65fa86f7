"""With the note and without it: one row for each case, structure and condition."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from llmseg.case import TARGETS, Case, InputError, Structures
from llmseg.formats.nifti import write_mask
from llmseg.formats.whole import write_whole
from llmseg.metrics import score
from llmseg.segmenter import Segmenter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)

CONDITIONS = ("text", "no-text")
HONESTY = (
    "The notes were read off the contours: "
    "a gain with text measures how well the model uses words, not clinical benefit."
)


@dataclass(frozen=True)
class Row:
    """One structure of one case under one condition; NaN where reference and prediction are both empty."""

    id: str
    structure: str
    condition: str
    dice: float
    iou: float
    hd95_mm: float


def evaluate(
    segmenter: Segmenter,
    cases: Sequence[Case],
    out: str | Path,
    *,
    save_masks: bool = False,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> dict:
    """Segment every case with its note and without, score it on its own grid, and write tables and a figure.

    One case is held at a time. Structures that were not contoured are left out; a case without any is listed as
    skipped.

    Args:
        out: gets per_case.csv, summary.json, dice.png and contours.png; with `save_masks` also
            masks/<condition>/<id>/<NAME>.nii.gz.
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
        reference = case.structures
        if reference is None:
            skipped[case.id] = "no structures to compare with"
            continue
        try:
            rows += _evaluate_case(segmenter, case, reference, out / "masks" if save_masks else None)
        except InputError as error:
            raise InputError(f"Case {case.id}: {error}") from error
    if not rows:
        raise InputError(f"None of the {len(cases)} cases has structures to compare with. Choose another split.")
    summary = summarise(rows) | {"skipped": skipped, "checkpoint": segmenter.checkpoint_name, "note": HONESTY}
    _write_rows(out / "per_case.csv", rows)
    write_whole(out / "summary.json", (json.dumps(summary, indent=1) + "\n").encode())
    _draw_scores(rows, out / "dice.png")
    _draw_cases(segmenter, cases, rows, out / "contours.png")
    return summary


def _evaluate_case(segmenter: Segmenter, case: Case, reference: Structures, masks: Path | None) -> Iterator[Row]:
    ct = segmenter.open(case.volume)
    for condition in CONDITIONS:
        drawn = ct.segment(case.note if condition == "text" else None).structures
        for result in score(reference, drawn):
            yield Row(case.id, result.structure, condition, result.dice, result.iou, result.hd95_mm)
        if masks is not None:
            for name, mask in drawn.items():
                write_mask(masks / condition / case.id / f"{name}.nii.gz", mask, drawn.affine)


def summarise(rows: Sequence[Row]) -> dict:
    """Mean, SD and n of each metric by structure and condition, and the paired gain of the note with its test.

    NaN rows (both empty) are counted apart, not averaged. The test is Wilcoxon's signed-rank on DSC, two-sided.
    """
    structures = list(dict.fromkeys(row.structure for row in rows))
    by_structure = {}
    for name in structures:
        dice = {c: {r.id: r.dice for r in rows if r.structure == name and r.condition == c} for c in CONDITIONS}
        by_structure[name] = {
            c: _statistics([r for r in rows if (r.structure, r.condition) == (name, c)]) for c in CONDITIONS
        }
        by_structure[name]["gain"] = _gain(dice["text"], dice["no-text"])
    return {"cases": len({row.id for row in rows}), "structures": by_structure}


def _statistics(rows: Sequence[Row]) -> dict[str, float | int]:
    scored = [row for row in rows if not np.isnan(row.dice)]
    figures: dict[str, float | int] = {"n": len(scored), "both_empty": len(rows) - len(scored)}
    for metric in ("dice", "iou", "hd95_mm"):
        values = [getattr(row, metric) for row in scored]
        if values:
            figures |= {f"{metric}_mean": _rounded(np.mean(values)), f"{metric}_median": _rounded(np.median(values))}
        if len(values) > 1:
            figures[f"{metric}_sd"] = _rounded(np.std(values, ddof=1))
    return figures


def _gain(text: dict[str, float], without: dict[str, float]) -> dict[str, float | int]:
    from scipy.stats import wilcoxon

    pairs = [(text[id], without[id]) for id in text if not np.isnan([text[id], without[id]]).any()]
    gains = np.array([a - b for a, b in pairs])
    if len(gains) == 0:
        return {"n": 0}
    figures: dict[str, float | int] = {"n": len(gains), "dice_mean": _rounded(gains.mean())}
    if gains.any():
        figures["wilcoxon_p"] = float(f"{wilcoxon(gains).pvalue:.3g}")
    return figures


def _rounded(value: float) -> float:
    return round(float(value), 4)


def _write_rows(path: Path, rows: Sequence[Row]) -> None:
    columns = list(Row.__dataclass_fields__)
    content = io.StringIO(newline="")
    csv.writer(content).writerows([columns, *([getattr(row, column) for column in columns] for row in rows)])
    write_whole(path, content.getvalue().encode())


def _write_figure(path: Path, figure: Figure, dpi: int) -> None:
    content = io.BytesIO()
    figure.savefig(content, dpi=dpi)
    write_whole(path, content.getbuffer())


def _draw_scores(rows: Sequence[Row], path: Path) -> None:
    from llmseg.plots import dice_by_structure

    _write_figure(path, dice_by_structure([(row.structure, row.condition, row.dice) for row in rows]), dpi=120)


def _draw_cases(segmenter: Segmenter, cases: Sequence[Case], rows: Sequence[Row], path: Path, count: int = 6) -> None:
    """The target of six cases from the worst to the best with text, evenly spaced in rank: no picking."""
    from llmseg.plots import contour_panels

    dice = {r.id: r.dice for r in rows if (r.structure, r.condition) == (TARGETS[0], "text") and not np.isnan(r.dice)}
    ranked = sorted((case for case in cases if dice.get(case.id, 0) > 0), key=lambda case: dice[case.id])
    if not ranked:
        return
    shown = [ranked[i] for i in np.unique(np.linspace(0, len(ranked) - 1, count).round().astype(int))]
    volumes, panels = [], []
    for case in shown:
        ct = segmenter.open(case.volume)
        volumes.append(case.volume)
        panels.append(
            {
                "reference": case.structures,
                "text": ct.segment(case.note).structures,
                "no-text": ct.segment(None).structures,
            }
        )
    titles = [f"{case.id}  DSC {dice[case.id]:.2f}" for case in shown]
    _write_figure(path, contour_panels(volumes, panels, titles, TARGETS[:1]), dpi=110)
