"""What do contours cost to correct? Time and added path length of edits, by arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from llmseg.evaluation.statistics import Comparison, holm
from llmseg.study.answers import Answer
from llmseg.study.crossed import PLAIN, Crossed, Estimate, cross, mean
from llmseg.study.ratings import paired_over_cases

SECONDS, APL = MEASURED = ("edit_seconds", "apl_mm")


@dataclass(frozen=True)
class ArmEffort:
    """Mean of one arm's edits: the geometric mean where it is a ratio that is compared."""

    arm: str
    mean: Estimate
    median: float


@dataclass(frozen=True)
class EffortDifference:
    """Two arms edited by the same reader in the same case.

    Args:
        change: first minus second, or first over second where it is a ratio.
        over_cases: each case's mean over readers (of logarithms for a ratio); Wilcoxon's signed ranks.
        p_holm: its p, corrected for all comparisons of edits.
    """

    first: str
    second: str
    change: Estimate
    over_cases: Comparison
    p_holm: float = float("nan")


@dataclass(frozen=True)
class Effort:
    """One measure of one task's edits.

    Args:
        measure: of MEASURED.
        is_ratio: compared as ratios of geometric means, as times are where none is zero.
    """

    task: str
    measure: str
    is_ratio: bool
    values: Crossed
    arms: tuple[ArmEffort, ...]
    differences: tuple[EffortDifference, ...]


def efforts(answers: Sequence[Answer], arms: Sequence[str]) -> tuple[Effort, ...]:
    """Time and path length of each task that edits; the p values corrected together."""
    found = []
    for task in dict.fromkeys(a.task for a in answers):
        for measure in MEASURED:
            rows = [a for a in answers if a.task == task and getattr(a, measure) is not None]
            if rows:
                values = cross(((a.reader, a.case, a.arm, float(getattr(a, measure))) for a in rows), arms)
                found.append(_effort(task, measure, values))
    adjusted = iter(holm([row.over_cases.p for effort in found for row in effort.differences]))
    return tuple(
        replace(effort, differences=tuple(replace(row, p_holm=next(adjusted)) for row in effort.differences))
        for effort in found
    )


def _effort(task: str, measure: str, values: Crossed) -> Effort:
    is_ratio = measure == SECONDS and bool((values.values[values.present] > 0).all())
    numbers = np.log(values.values) if is_ratio else values.values
    by_arm = {arm: numbers[..., place] for place, arm in enumerate(values.arms)}
    return Effort(
        task=task,
        measure=measure,
        is_ratio=is_ratio,
        values=values,
        arms=tuple(
            ArmEffort(arm, _back(mean(own, PLAIN), is_ratio), float(np.nanmedian(values.of(arm))))
            for arm, own in by_arm.items()
        ),
        differences=tuple(
            EffortDifference(
                first,
                second,
                _back(mean(by_arm[first] - by_arm[second], PLAIN), is_ratio),
                paired_over_cases(by_arm[first], by_arm[second]),
            )
            for first, second in combinations(values.arms, 2)
        ),
    )


def _back(estimate: Estimate, from_logarithm: bool) -> Estimate:
    if not from_logarithm:
        return estimate
    return replace(estimate, **{name: float(np.exp(getattr(estimate, name))) for name in ("value", "low", "high")})
