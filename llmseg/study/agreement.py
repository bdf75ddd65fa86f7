"""Do readers agree, with each other and with themselves, beyond what chance would give?"""

from __future__ import annotations

import numpy as np

from llmseg.study.crossed import CORRELATION, SHARE, Crossed, Estimate, Statistic, estimate, mean

LINEAR, QUADRATIC, NOMINAL = WEIGHTS = ("linear", "quadratic", "nominal")
_UNDEFINED = "Not defined: every reading has the same answer."


def disagreement(labels: int, weights: str) -> np.ndarray:
    """(K, K): how far two answers lie apart, from 0 (the same) to 1 (the ends of the scale; nominal: any other)."""
    steps = np.abs(np.subtract.outer(np.arange(labels), np.arange(labels))) / max(labels - 1, 1)
    return {LINEAR: steps, QUADRATIC: steps**2, NOMINAL: (steps > 0).astype(float)}[weights]


def cohens_kappa(ratings: Crossed, labels: int, weights: str = LINEAR) -> Estimate:
    """Agreement of any two readers on the same contour: 1 in all, 0 as by chance.

    1 - D / E: D is the mean disagreement of two readers on one contour, E that of two readers each on any contour.
    Of 2 readers it is Cohen's weighted kappa; of more, both means run over all pairs of readers.

    Args:
        ratings: answers 1 ... labels; contours of several arms count as several contours of their case.
    Source: Cohen 1968; Conger 1980 for more than two.
    """
    if ratings.present.any(axis=(1, 2)).sum() < 2:
        return _no_pair(ratings)
    answers = _one_hot(ratings.values, labels)
    return estimate(
        _pairs(answers, disagreement(labels, weights)), ratings.present.sum(2), CORRELATION, _undefined(ratings)
    )


def fleiss_kappa(ratings: Crossed, labels: int) -> Estimate:
    """Agreement of the readers on the very same label, chance from the shares of the labels over all readers.

    Source: Fleiss 1971; contours that not all have read weigh by their pairs of readers.
    """
    if ratings.present.any(axis=(1, 2)).sum() < 2:
        return _no_pair(ratings)
    answers = _one_hot(ratings.values, labels)
    return estimate(
        _pairs(answers, disagreement(labels, NOMINAL), pooled=True),
        ratings.present.sum(2),
        CORRELATION,
        _undefined(ratings),
    )


def repeat_kappa(first: Crossed, second: Crossed, labels: int, weights: str = LINEAR) -> Estimate:
    """Agreement of readers with themselves: Cohen's weighted kappa of all first and second readings as one table.

    Args:
        first, second: the same readers, cases and arms; NaN where there was no second reading.
    """
    both = first.present & second.present
    distance = disagreement(labels, weights)
    before, after = (_one_hot(np.where(both, crossed.values, np.nan), labels) for crossed in (first, second))
    apart = np.einsum("rcak,kl,rcal->rc", before, distance, after)
    before, after, count = before.sum(2), after.sum(2), both.sum(2)

    def statistic(weight: np.ndarray) -> np.ndarray:
        total = np.tensordot(weight, count, 2)
        shares = [np.tensordot(weight, answers, 2) / total[:, None] for answers in (before, after)]
        by_chance = np.einsum("bk,kl,bl->b", shares[0], distance, shares[1])
        return 1 - np.tensordot(weight, apart, 2) / total / np.where(by_chance > 0, by_chance, np.nan)

    return estimate(statistic, count, CORRELATION, _UNDEFINED)


def repeat_share_equal(first: Crossed, second: Crossed) -> Estimate:
    """Share of second readings with the same answer as the first."""
    both = first.present & second.present
    return mean(np.where(both, first.values == second.values, np.nan), SHARE)


def _pairs(answers: np.ndarray, distance: np.ndarray, pooled: bool = False) -> Statistic:
    """1 - D / E over pairs of readers; pooled: E from the labels of all readers together (Fleiss).

    A weight stands for how many such readers or readings there are; a reader makes no pair with himself.
    """
    _, cases, arms, labels = answers.shape

    def statistic(weights: np.ndarray) -> np.ndarray:
        counts = np.einsum("brc,rcak->bcak", weights, answers, optimize=True).reshape(-1, cases * arms, labels)
        apart = np.einsum("bik,kl,bil->b", counts, distance, counts, optimize=True)
        squares = np.einsum("brc,rca->bca", weights**2, answers.any(3), optimize=True)
        pairs = (counts.sum(2) ** 2).sum(1) - squares.sum((1, 2))
        if pooled:
            shares = counts.sum(1) / counts.sum((1, 2))[:, None]
            by_chance = np.einsum("bk,kl,bl->b", shares, distance, shares)
        else:
            by_chance = _chance_between_readers(np.einsum("brc,rcak->brk", weights, answers, optimize=True), distance)
        return 1 - apart / np.where(pairs > 0, pairs, np.nan) / np.where(by_chance > 1e-12, by_chance, np.nan)

    return statistic


def _chance_between_readers(counts: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Mean disagreement of two different readers on any contours.

    Args:
        counts: (B, R, K) of each reader's labels.
    """
    whole, sizes = counts.sum(1), counts.sum(2)
    together = np.einsum("bk,kl,bl->b", whole, distance, whole)
    with_himself = np.einsum("brk,kl,brl->b", counts, distance, counts, optimize=True)
    pairs = sizes.sum(1) ** 2 - (sizes**2).sum(1)
    return (together - with_himself) / np.where(pairs > 0, pairs, np.nan)


def _one_hot(values: np.ndarray, labels: int) -> np.ndarray:
    """(R, C, A, K); all zero where nothing was read."""
    return (values[..., None] == np.arange(1, labels + 1)).astype(float)


def _no_pair(ratings: Crossed) -> Estimate:
    nothing = float("nan")
    present = ratings.present
    counts = int(present.any(axis=(1, 2)).sum()), int(present.any(axis=(0, 2)).sum()), int(present.sum())
    return Estimate(nothing, nothing, nothing, *counts, "Not defined: agreement takes at least 2 readers.")


def _undefined(ratings: Crossed) -> str:
    answers = ratings.values[ratings.present]
    return _UNDEFINED if len(set(answers.tolist())) <= 1 else "Not defined: no two readers read the same contour."
