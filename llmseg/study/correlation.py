"""Do the usual metrics say what readers say? Rank correlation within each reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from llmseg.study.answers import Answer
from llmseg.study.crossed import CORRELATION, Crossed, Estimate, Statistic, estimate

METRICS = ("dice", "hd95_mm", "surface_dice_3mm")
_LEAST = 3


@dataclass(frozen=True)
class Correlation:
    """Of what readers said or took, with a metric of the contours that they saw.

    Args:
        of: question, or edit_seconds or apl_mm.
        with_metric: of METRICS.
    """

    task: str
    of: str
    with_metric: str
    rho: Estimate


def correlations(task: str, of: str, values: Crossed, answers: Sequence[Answer]) -> tuple[Correlation, ...]:
    """With every metric that the answers carry; contours that are the reference itself are left out.

    Args:
        answers: those that `values` was laid out from; they carry the metrics.
    """
    found = []
    for metric in METRICS:
        drawn = [a for a in answers if getattr(a, metric) is not None and (a.dice, a.hd95_mm) != (1, 0)]
        known = {(a.case, a.arm): getattr(a, metric) for a in drawn}
        if known:
            found.append(Correlation(task, of, metric, spearman(values, known)))
    return tuple(found)


def spearman(values: Crossed, metric: Mapping[tuple[str, str], float]) -> Estimate:
    """Spearman's correlation over a reader's contours, of all cases and arms; the mean over readers by their readings.

    Within readers, so that a lenient one and a strict one do not blur it. A reader with fewer than 3 contours or with
    one answer to all has none and is left out.

    Args:
        metric: (case, arm) -> the contours' metric.
    Source: Spearman 1904; interval as in `crossed.estimate`.
    """
    others = np.array([[metric.get((case, arm), np.nan) for arm in values.arms] for case in values.cases])
    numbers = np.where(np.isnan(others), np.nan, values.values)
    usable = np.array([_varies(row[~np.isnan(row)]) for row in numbers.reshape(len(numbers), -1)])
    numbers[~usable] = np.nan
    statistic = _rank_correlation(numbers, np.broadcast_to(others, numbers.shape))
    return estimate(
        statistic,
        (~np.isnan(numbers)).sum(2),
        CORRELATION,
        "Not defined: each reader gave one answer to all, or the metric does not vary.",
    )


def _varies(numbers: np.ndarray) -> bool:
    return len(numbers) >= _LEAST and len(np.unique(numbers)) > 1


def _rank_correlation(first: np.ndarray, second: np.ndarray) -> Statistic:
    """Of (R, C, A) numbers, NaN in `first` where there is none."""
    readers, _, arms = first.shape
    flat = [numbers.reshape(readers, -1) for numbers in (first, second)]
    there = ~np.isnan(flat[0])
    below = [np.where(there[:, None, :], _below(numbers), 0.0) for numbers in flat]

    def statistic(weights: np.ndarray) -> np.ndarray:
        own = np.repeat(weights, arms, axis=2) * there
        total = own.sum(2)
        ranks = [np.einsum("brj,rij->bri", own, matrix, optimize=True) for matrix in below]
        ranks = [rank - (own * rank).sum(2, keepdims=True) / total[..., None] for rank in ranks]
        spread = np.sqrt((own * ranks[0] ** 2).sum(2) * (own * ranks[1] ** 2).sum(2))
        rho = (own * ranks[0] * ranks[1]).sum(2) / np.where(spread > 1e-9, spread, np.nan)
        counted = np.where(np.isnan(rho), 0.0, total)
        return (np.where(np.isnan(rho), 0.0, rho) * counted).sum(1) / counted.sum(1)

    return statistic


def _below(numbers: np.ndarray) -> np.ndarray:
    """(R, I, I): 1 where the second of two is below the first, a half where they are the same."""
    first, second = numbers[:, :, None], numbers[:, None, :]
    return (second < first) + 0.5 * (second == first)
