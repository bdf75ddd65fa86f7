"""Do probabilities mean what they say? Counted voxel by voxel, mended by two numbers for each structure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from llmseg.model.refinement import Refinement

OPEN_FROM = 0.01
"""Voxels below this probability are air and far tissue, so many that they would drown every error."""
BINS = 15

VALUES = np.arange(int(np.float16(1).view(np.uint16)) + 1, dtype=np.uint16).view(np.float16).astype(np.float64)
"""Every half-precision number from 0 to 1: the histogram below loses nothing."""


@dataclass(frozen=True, eq=False)
class Histogram:
    """How many voxels had each of VALUES as their probability, outside a structure and inside; (2, V) int."""

    counts: np.ndarray

    @classmethod
    def of(cls, probability: np.ndarray, truth: np.ndarray) -> Histogram:
        """Count (X, Y, Z) probabilities in [0, 1] against a (X, Y, Z) bool reference."""
        index = np.ascontiguousarray(probability, dtype=np.float16).view(np.uint16)
        return cls(np.stack([np.bincount(index[truth == side], minlength=len(VALUES)) for side in (False, True)]))

    def __add__(self, other: Histogram) -> Histogram:
        return Histogram(self.counts + other.counts)


@dataclass(frozen=True)
class Bin:
    """Voxels of about the same probability: how many, what it was on average, and the share that was inside."""

    voxels: int
    said: float
    inside: float


@dataclass(frozen=True, eq=False)
class Calibration:
    """Slope and offset of each structure, and what they are worth on patients they were not fitted on.

    Args:
        values: structure -> slope and offset, of those that are better with it; see `Refinement.calibrated`.
        brier_before, brier_after: (patients,) mean over structures.
        ece: structure -> expected calibration error before and after.
        reliability: "before" and "after" -> the bins that hold a voxel of any structure, from improbable to sure.
    """

    values: Mapping[str, tuple[float, float]]
    brier_before: np.ndarray
    brier_after: np.ndarray
    ece: Mapping[str, tuple[float, float]]
    reliability: Mapping[str, tuple[Bin, ...]]


def calibrate(histograms: Sequence[Sequence[Histogram | None]], names: Sequence[str]) -> Calibration:
    """Fit each structure on all patients; measure each patient with what was fitted on the others.

    A structure whose Brier score falls by no more than its standard error stays as it is.

    Args:
        histograms: of each patient and structure; None where not contoured.
    """
    brier = np.full((2, len(histograms), len(names)), np.nan)
    values, held_out = {}, {}
    for row, name in enumerate(names):
        own = {patient: rows[row] for patient, rows in enumerate(histograms) if rows[row] is not None}
        if len(own) < 2:
            continue
        total = Histogram(sum(one.counts for one in own.values()))
        values[name], held_out[name] = fit(total), []
        for patient, one in own.items():
            moved = _moved(fit(Histogram(total.counts - one.counts)))
            brier[:, patient, row] = brier_score(one, VALUES), brier_score(one, moved)
            held_out[name].append((one, moved))
        if not _better(brier[0, list(own), row] - brier[1, list(own), row]):
            values.pop(name)
            brier[1, :, row], held_out[name] = brier[0, :, row], [(one, VALUES) for one in own.values()]
    plain = {name: [(one, VALUES) for one, _ in parts] for name, parts in held_out.items()}
    errors = {name: tuple(map(expected_calibration_error, (plain[name], held_out[name]))) for name in plain}
    reliability = {
        when: binned([part for own in parts.values() for part in own])
        for when, parts in (("before", plain), ("after", held_out))
    }
    drawn = ~np.isnan(brier[0]).all(axis=0)
    before, after = np.nanmean(brier[:, :, drawn], axis=2)
    return Calibration(values, before, after, errors, reliability)


def fit(histogram: Histogram) -> tuple[float, float]:
    """Slope and offset on the scale of log odds with the least log loss over the voxels that were in question.

    Source: Platt 1999.
    """
    from scipy.optimize import minimize
    from scipy.special import expit, logit

    between = (VALUES >= OPEN_FROM) & (VALUES < 1)
    odds, counts = logit(VALUES[between]), histogram.counts[:, between]
    if not counts.sum(axis=1).all():  # never drawn or never there: nothing to fit
        return 1.0, 0.0

    def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
        slope = np.exp(point[0])
        scaled = slope * odds + point[1]
        value = counts[0] @ np.logaddexp(0, scaled) + counts[1] @ np.logaddexp(0, -scaled)
        error = counts.sum(axis=0) * expit(scaled) - counts[1]
        return value / counts.sum(), np.array([error @ odds * slope, error.sum()]) / counts.sum()

    found = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=((-3, 3), (-10, 10)), tol=1e-12)
    return float(np.exp(found.x[0])), float(found.x[1])


def brier_score(histogram: Histogram, meant: np.ndarray) -> float:
    """Mean squared error of what each of VALUES is taken to mean, over the voxels that were in question; NaN for none.

    Source: Brier 1950.
    """
    outside, inside = histogram.counts[:, VALUES >= OPEN_FROM]
    meant = meant[VALUES >= OPEN_FROM]
    total = (outside + inside).sum()
    return float((outside @ meant**2 + inside @ (1 - meant) ** 2) / total) if total else float("nan")


def expected_calibration_error(parts: Sequence[tuple[Histogram, np.ndarray]]) -> float:
    """Mean distance between probability and frequency in 15 bins, over the voxels that were in question.

    Args:
        parts: of each patient, with what each of VALUES is taken to mean there.
    Source: Naeini et al. 2015.
    """
    bins = binned(parts)
    return sum(b.voxels * abs(b.said - b.inside) for b in bins) / max(1, sum(b.voxels for b in bins))


def binned(parts: Sequence[tuple[Histogram, np.ndarray]]) -> tuple[Bin, ...]:
    """The reliability diagram: 15 bins of equal width, those that hold a voxel in question."""
    questioned = VALUES >= OPEN_FROM
    sums = np.zeros((3, BINS))  # of voxels, of their probabilities, of those inside
    for histogram, meant in parts:
        bins = np.minimum((meant[questioned] * BINS).astype(int), BINS - 1)
        outside, inside = histogram.counts[:, questioned]
        weights = (outside + inside, (outside + inside) * meant[questioned], inside)
        sums += [np.bincount(bins, weight, minlength=BINS) for weight in weights]
    return tuple(Bin(int(count), said / count, inside / count) for count, said, inside in sums.T.tolist() if count)


def _better(gains: np.ndarray) -> bool:
    gains = gains[~np.isnan(gains)]
    return len(gains) > 2 and gains.mean() > gains.std(ddof=1) / np.sqrt(len(gains))


def _moved(pair: tuple[float, float]) -> np.ndarray:
    return Refinement(calibration={"": pair}).calibrated("", VALUES)
