"""Is one way of contouring better than another? Paired patient by patient, with an interval and a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES, BATCH = 10_000, 1_000


@dataclass(frozen=True)
class Comparison:
    """How far the first of two paired sets lies above the second; NaN where the pairs are too few to say.

    Args:
        n: pairs with both numbers.
        mean_difference: first minus second.
        low, high: 95% interval of the mean difference, from 2 pairs on.
        p: two-sided, from Wilcoxon's signed ranks; 1 where no pair differs.
        effect: matched-pairs rank-biserial correlation: 1 where the first wins every pair, -1 where the second does.
    """

    n: int
    mean_difference: float
    low: float
    high: float
    p: float
    effect: float


def compare(first: Sequence[float], second: Sequence[float], *, seed: int = 0) -> Comparison:
    """Compare two sets of numbers, the same patient at the same place in both.

    A pair with a NaN is left out. Pairs without a difference count in the mean and not in the ranks, as Wilcoxon did.

    Args:
        seed: of the bootstrap, which draws whole pairs with replacement and takes percentiles of their mean.
    Source: Wilcoxon 1945; Kerby 2014 for the effect; Efron 1979.
    """
    assert len(first) == len(second), "pairs need a partner each"
    differences = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    differences = differences[~np.isnan(differences)]
    if len(differences) == 0:
        return Comparison(0, *[float("nan")] * 5)
    p, effect = _signed_ranks(differences[differences != 0])
    return Comparison(len(differences), float(differences.mean()), *_interval(differences, seed), p, effect)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct the p values of one table for their number, so that one false alarm in the whole table stays unlikely.

    A NaN was no test: it stays and is not counted.

    Source: Holm 1979, step-down.
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]  # NaN sorts last
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)).clip(max=1)
    return adjusted.tolist()


def _signed_ranks(differences: np.ndarray) -> tuple[float, float]:
    """p and effect of differences that are not zero."""
    from scipy.stats import rankdata, wilcoxon

    if len(differences) == 0:
        return 1.0, 0.0
    ranks = rankdata(np.abs(differences))
    return float(wilcoxon(differences).pvalue), float(np.sign(differences) @ ranks / ranks.sum())


def _interval(differences: np.ndarray, seed: int) -> tuple[float, float]:
    if len(differences) < 2:
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    # In batches, so that memory stays small for any number of pairs.
    means = [rng.choice(differences, (BATCH, len(differences))).mean(1) for _ in range(RESAMPLES // BATCH)]
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)
