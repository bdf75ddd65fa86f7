"""Test a network under several conditions: one row for each case, structure and condition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import groupby

import numpy as np

from llmseg.case import TARGETS, Case, InputError, Note, Structures, slice_axis_of
from llmseg.datasets.displaced import on_bone
from llmseg.evaluation.notes import noted
from llmseg.experiments.corruptions import corrupt
from llmseg.experiments.pictures import picture, spread_by_rank
from llmseg.experiments.plans import Condition
from llmseg.experiments.stored import Row
from llmseg.metrics import dice, hd95_mm, score
from llmseg.preprocessing import Grid, forward, inverse, to_grid
from llmseg.segmenter import Segmenter

Progress = Callable[[int, int], None]
AS_WRITTEN = "as-written"


def measure(
    segmenter: Segmenter, cases: Sequence[Case], conditions: Sequence[Condition], *, full: bool, on_progress: Progress
) -> list[Row]:
    """Contour every case under every condition and score it on its own grid.

    Args:
        full: every metric; otherwise DSC and HD95, which is all that a comparison of many arms can afford.
    Raises:
        InputError: no case has contours to compare with, or one cannot be read; names it.
    """
    rows = []
    for number, case in enumerate(cases):
        on_progress(number, len(cases))
        try:
            reference = case.structures
            if reference is not None:
                rows += _measure_case(segmenter, case, reference, conditions, full)
        except InputError as error:
            raise InputError(f"Case {case.id}: {error}") from error
    if not rows:
        raise InputError(f"None of the {len(cases)} cases has structures to compare with. Choose another dataset.")
    on_progress(len(cases), len(cases))
    return rows


def _measure_case(
    segmenter: Segmenter, case: Case, reference: Structures, conditions: Sequence[Condition], full: bool
) -> list[Row]:
    rows, volume = [], case.volume
    for (corruption, level), same in groupby(conditions, lambda c: (c.corruption, c.level)):
        # Notes share the encoded image; a corruption makes another one.
        scan = corrupt(volume, corruption, level) if corruption else volume
        ct = segmenter.open(scan, others=case.others(segmenter.modalities))
        for condition in same:
            drawn = ct.segment(note_of(case, condition.note)).structures
            scored = _all_metrics(reference, drawn) if full else _overlap_and_distance(reference, drawn)
            rows += [Row(case.id, structure, condition.name, values) for structure, values in scored.items()]
    return rows


def measure_grid(
    cases: Sequence[Case], spacing_mm: float, conditions: Sequence[Condition], *, on_progress: Progress
) -> list[Row]:
    """Score each reference against itself, brought to a grid's voxels and back: the most a network there can reach.

    Beside it the share of the reference on bone, by which `llmseg.datasets.displaced` knows a displaced one.
    """
    rows, grid = [], Grid(spacing_mm=(spacing_mm,) * 3)
    for number, case in enumerate(cases):
        on_progress(number, len(cases))
        reference = case.structures
        if reference is None:
            continue
        volume = case.volume
        _, placement = forward(volume, grid)
        coarse = {name: to_grid(mask, placement) for name, mask in reference.items()}
        drawn = {name: inverse(share[None], placement)[0] > 0.5 for name, share in coarse.items()}
        scored = _overlap_and_distance(reference, Structures(drawn, reference.affine))
        for structure, values in scored.items():
            values["on_bone"] = on_bone(reference[structure], volume.array)
            rows.append(Row(case.id, structure, conditions[0].name, values))
    on_progress(len(cases), len(cases))
    return rows


def measure_exact(
    segmenter: Segmenter, cases: Sequence[Case], conditions: Sequence[Condition], *, on_progress: Progress
) -> list[Row]:
    """Score the high-dose target as it is drawn, and corrected by exact facts that are told of it beside the note.

    The facts come from the reference, so this is no result: it says how much of the error each would take away. A
    network that had learned with them might make more of them.

    Args:
        conditions: named after a note, and after a "+" after what is told; see `llmseg.experiments.plans.EXACT`.
    Raises:
        InputError: no case has such a target to compare with.
    """
    rows = []
    for number, case in enumerate(cases):
        on_progress(number, len(cases))
        reference = case.structures
        if reference is None or not reference.get(TARGETS[0], np.zeros(1)).any():
            continue
        alone = Structures({TARGETS[0]: reference[TARGETS[0]]}, reference.affine)
        ct = segmenter.open(case.volume, others=case.others(segmenter.modalities))
        for kind, same in groupby(conditions, lambda condition: condition.note):
            drawn = ct.segment(note_of(case, kind))
            mask, probability = (found[TARGETS[0]] for found in (drawn.structures, drawn.probabilities))
            for condition in same:
                told = told_exactly(condition.name.partition("+")[2], mask, probability, reference)
                scored = _overlap_and_distance(alone, Structures({TARGETS[0]: told}, reference.affine))
                rows += [Row(case.id, structure, condition.name, values) for structure, values in scored.items()]
    if not rows:
        raise InputError(f"None of the {len(cases)} cases has a {TARGETS[0]} to compare with. Choose another dataset.")
    on_progress(len(cases), len(cases))
    return rows


def told_exactly(fact: str, drawn: np.ndarray, probability: np.ndarray, reference: Structures) -> np.ndarray:
    """The high-dose target, were this known of it.

    Args:
        fact: "volume", the likeliest voxels in the reference's number; "slices", nothing above its top or below its
            bottom; "outline", nothing beyond all targets together; "everything", these three; "" changes nothing.
        drawn, probability: (X, Y, Z) of the target, as the network has them.
    """
    target = reference[TARGETS[0]]
    upright = slice_axis_of(reference.affine)
    slices = np.flatnonzero(target.any(axis=tuple(axis for axis in range(3) if axis != upright)))
    between = np.zeros_like(target)
    between[(slice(None),) * upright + (slice(slices[0], slices[-1] + 1),)] = True
    outline = np.logical_or.reduce([reference[name] for name in TARGETS if name in reference])
    return {
        "": lambda: drawn,
        "volume": lambda: _likeliest(probability, target.sum()),
        "slices": lambda: drawn & between,
        "outline": lambda: drawn & outline,
        "everything": lambda: _likeliest(np.where(between & outline, probability, -1.0), target.sum()),
    }[fact]()


def _likeliest(probability: np.ndarray, count: int) -> np.ndarray:
    """The `count` voxels of the highest probability."""
    chosen = np.zeros(probability.shape, bool)
    chosen.flat[np.argsort(-probability, axis=None, kind="stable")[:count]] = True
    return chosen


def note_of(case: Case, kind: str) -> Note | None:
    """The note of a case as a condition asks for it; None where it says nothing.

    Raises:
        InputError: the case has no facts to write this kind of note from.
    """
    if not kind:
        return None
    note = case.note if kind == AS_WRITTEN else noted(case, kind)
    return note if note and note.text.strip() else None


def _overlap_and_distance(reference: Structures, drawn: Structures) -> dict[str, dict[str, float]]:
    scored = {}
    for name, expected in reference.items():
        found = drawn.get(name, np.zeros_like(expected))
        scored[name] = {"dice": dice(expected, found), "hd95_mm": hd95_mm(expected, found, reference.spacing_mm)}
    return scored


def _all_metrics(reference: Structures, drawn: Structures) -> dict[str, dict[str, float]]:
    return {
        found.structure: {metric: value for metric, value in asdict(found).items() if metric != "structure"}
        for found in score(reference, drawn)
    }


def take_pictures(
    segmenter: Segmenter, cases: Sequence[Case], rows: Sequence[Row], conditions: Sequence[Condition], count: int = 6
) -> tuple[dict, ...]:
    """A slice through the target of six patients from the worst to the best, evenly spaced in rank: no picking."""
    pictures = []
    for case, dice_of_target in spread_by_rank(cases, rows, conditions[0].name, count):
        ct = segmenter.open(case.volume, others=case.others(segmenter.modalities))
        drawn = {c.name: ct.segment(note_of(case, c.note)).structures for c in conditions}
        pictures.append(picture(case, drawn, dice_of_target))
    return tuple(pictures)
