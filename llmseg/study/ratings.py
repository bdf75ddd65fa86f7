"""How acceptable is each arm, by how much do arms differ, and do the readers agree?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from llmseg.evaluation.statistics import Comparison, compare, holm
from llmseg.study.agreement import LINEAR, QUADRATIC, cohens_kappa, fleiss_kappa, repeat_kappa, repeat_share_equal
from llmseg.study.answers import Answer
from llmseg.study.crossed import NET, SHARE, Crossed, Estimate, cross, mean, mean_between
from llmseg.study.exporting import ACCEPTABLE_LABELS
from llmseg.study.models import MixedModel, mixed_model


@dataclass(frozen=True)
class ArmRating:
    """How one arm was rated.

    Args:
        acceptable: share of readings with one of the two best labels.
        mean: of the labels' numbers, 1 the worst.
        counts: readings with each label, from worst to best.
    """

    arm: str
    acceptable: Estimate
    mean: Estimate
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Difference:
    """Two arms in the same reader's hands on the same case: first minus second.

    Args:
        acceptable: of the shares acceptable.
        mean: of the labels' numbers.
        over_cases: each case's mean over the readers who rated both; Wilcoxon's signed ranks.
        p_holm: its p, corrected for all such comparisons of the study's ratings.
    """

    first: str
    second: str
    acceptable: Estimate
    mean: Estimate
    over_cases: Comparison
    p_holm: float = float("nan")


@dataclass(frozen=True)
class Agreement:
    """Between readers, on all arms together ("") or one."""

    arm: str
    linear: Estimate
    quadratic: Estimate
    fleiss: Estimate


@dataclass(frozen=True)
class Repeatability:
    """Of readers with themselves, over all second readings.

    Args:
        per_reader: reader, second readings, and how many of them had the first's answer.
    """

    linear: Estimate
    quadratic: Estimate
    equal: Estimate
    per_reader: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Rating:
    """One question of one task on an ordinal scale.

    Args:
        dice: DSC of the contours that were rated, (C, A); NaN where there is none.
        repeatability: None where nothing was read twice.
    """

    task: str
    question: str
    labels: tuple[str, ...]
    values: Crossed
    dice: np.ndarray
    arms: tuple[ArmRating, ...]
    differences: tuple[Difference, ...]
    model: MixedModel
    agreement: tuple[Agreement, ...]
    repeatability: Repeatability | None


def rating(answers: Sequence[Answer], repeats: Sequence[Answer], arms: Sequence[str]) -> Rating:
    """Everything about the answers to one question.

    Args:
        repeats: second readings, of any question.
        arms: their order.
    """
    some = answers[0]
    labels = some.labels
    values = cross(((a.reader, a.case, a.arm, float(a.value)) for a in answers), arms)
    again = [a for a in repeats if (a.task, a.question) == (some.task, some.question)]
    return Rating(
        task=some.task,
        question=some.question,
        labels=labels,
        values=values,
        dice=_dice(values, answers),
        arms=tuple(_arm(values, arm, len(labels)) for arm in values.arms),
        differences=tuple(_difference(values, pair, len(labels)) for pair in combinations(values.arms, 2)),
        model=mixed_model(values),
        agreement=tuple(_agreement(part, arm, len(labels)) for arm, part in _parts(values)),
        repeatability=_repeatability(values, again, len(labels)) if again else None,
    )


def corrected(ratings: Sequence[Rating]) -> tuple[Rating, ...]:
    """With every comparison's p corrected for the number of comparisons, over all questions."""
    adjusted = iter(holm([row.over_cases.p for found in ratings for row in found.differences]))
    return tuple(
        replace(found, differences=tuple(replace(row, p_holm=next(adjusted)) for row in found.differences))
        for found in ratings
    )


def acceptable(values: np.ndarray, labels: int) -> np.ndarray:
    """1 where one of the best labels was given, 0 where another; NaN stays."""
    return np.where(np.isnan(values), np.nan, values > labels - ACCEPTABLE_LABELS)


def paired_over_cases(first: np.ndarray, second: np.ndarray) -> Comparison:
    """Compare (R, C) with (R, C): each case's mean over the readers who have both."""
    both = ~np.isnan(first) & ~np.isnan(second)
    cases = both.any(0)
    counts = both.sum(0)[cases]
    means = [np.where(both, values, 0).sum(0)[cases] / counts for values in (first, second)]
    return compare(*means)


def _dice(values: Crossed, answers: Sequence[Answer]) -> np.ndarray:
    known = {(a.case, a.arm): a.dice for a in answers if a.dice is not None}
    return np.array([[known.get((case, arm), np.nan) for arm in values.arms] for case in values.cases])


def _arm(values: Crossed, arm: str, labels: int) -> ArmRating:
    own = values.of(arm)
    counts = tuple(int((own == label).sum()) for label in range(1, labels + 1))
    return ArmRating(arm, mean(acceptable(own, labels), SHARE), mean_between(own, 1, labels), counts)


def _difference(values: Crossed, pair: tuple[str, str], labels: int) -> Difference:
    first, second = (values.of(arm) for arm in pair)
    share = mean(acceptable(first, labels) - acceptable(second, labels), NET)
    between = mean_between(first - second, 1 - labels, labels - 1)
    return Difference(*pair, share, between, paired_over_cases(first, second))


def _parts(values: Crossed) -> list[tuple[str, Crossed]]:
    """All arms together, then each alone where there are several."""
    alone = [(arm, Crossed(values.readers, values.cases, (arm,), values.of(arm)[..., None])) for arm in values.arms]
    return [("", values), *(alone if len(alone) > 1 else [])]


def _agreement(values: Crossed, arm: str, labels: int) -> Agreement:
    by_weights = (cohens_kappa(values, labels, weights) for weights in (LINEAR, QUADRATIC))
    return Agreement(arm, *by_weights, fleiss_kappa(values, labels))


def _repeatability(first: Crossed, again: Sequence[Answer], labels: int) -> Repeatability:
    values = np.full(first.values.shape, np.nan)
    places = [{name: n for n, name in enumerate(names)} for names in (first.readers, first.cases, first.arms)]
    for a in again:
        place = [known.get(name) for known, name in zip(places, (a.reader, a.case, a.arm), strict=True)]
        if None not in place:  # a second reading whose first is not there repeats nothing
            values[tuple(place)] = float(a.value)
    second = replace(first, values=values)
    both = first.present & second.present
    equal = both & (first.values == values)
    rows = zip(first.readers, both.sum((1, 2)).tolist(), equal.sum((1, 2)).tolist(), strict=True)
    kappas = (repeat_kappa(first, second, labels, weights) for weights in (LINEAR, QUADRATIC))
    return Repeatability(*kappas, repeat_share_equal(first, second), tuple(rows))
