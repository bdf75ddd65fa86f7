"""Numbers from readers crossed with cases, and how sure they are when both might have been others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

SHARE, NET, CORRELATION, PLAIN = SCALES = ("share", "net", "correlation", "plain")
"""Where a number may lie: in [0, 1], in [-1, 1] as a difference of shares or as an agreement, or anywhere."""

LEAST_READERS, LEAST_CASES = 3, 3
"""With fewer readers an interval speaks of these readers alone; with fewer cases there is none."""

_STEP = 1e-4
_NUMBERS_AT_ONCE = 250_000

Statistic = Callable[[np.ndarray], np.ndarray]
"""Of weights (B, R, C), readers by cases, in [0, 1]: B values."""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95% interval over readers and cases; NaN where there is none, and the note says why.

    Args:
        readers, cases, readings: what it rests on.
        note: what must be said with it; empty where nothing must.
    """

    value: float
    low: float
    high: float
    readers: int
    cases: int
    readings: int
    note: str = ""


@dataclass(frozen=True)
class Crossed:
    """One number for each reader, case and arm.

    Args:
        values: (R, C, A); NaN where it was not read.
    """

    readers: tuple[str, ...]
    cases: tuple[str, ...]
    arms: tuple[str, ...]
    values: np.ndarray

    def __post_init__(self):
        assert self.values.shape == (len(self.readers), len(self.cases), len(self.arms))

    @property
    def present(self) -> np.ndarray:
        """(R, C, A), whether it was read."""
        return ~np.isnan(self.values)

    def of(self, arm: str) -> np.ndarray:
        """(R, C) of one arm."""
        return self.values[..., self.arms.index(arm)]


def cross(entries: Iterable[tuple[str, str, str, float]], arms: Sequence[str] = ()) -> Crossed:
    """Lay (reader, case, arm, value) out; the last one counts where a place is met twice.

    Args:
        arms: their order; others follow by name.
    """
    found = {(reader, case, arm): value for reader, case, arm, value in entries}
    readers, cases, named = (sorted({key[place] for key in found}) for place in range(3))
    named = [arm for arm in arms if arm in named] + [arm for arm in named if arm not in arms]
    places = [{name: number for number, name in enumerate(names)} for names in (readers, cases, named)]
    values = np.full((len(readers), len(cases), len(named)), np.nan)
    for key, value in found.items():
        values[tuple(place[name] for place, name in zip(places, key, strict=True))] = value
    return Crossed(tuple(readers), tuple(cases), tuple(named), values)


def mean_of(values: np.ndarray) -> Statistic:
    """The mean of (R, C) or (R, C, A) numbers, NaN left out, each reading with the same weight."""
    values = values if values.ndim == 3 else values[..., None]
    counts = (~np.isnan(values)).sum(2)
    sums = np.nansum(values, axis=2)

    def statistic(weights: np.ndarray) -> np.ndarray:
        return np.tensordot(weights, sums, 2) / np.tensordot(weights, counts, 2)

    return statistic


def mean(values: np.ndarray, scale: str = PLAIN) -> Estimate:
    """The mean of (R, C) or (R, C, A) numbers with its interval."""
    present = ~np.isnan(values)
    return estimate(mean_of(values), present.sum(2) if present.ndim == 3 else present.astype(int), scale)


def mean_between(values: np.ndarray, least: float, most: float) -> Estimate:
    """The mean of numbers that cannot leave [least, most], and neither can its interval."""
    found = mean((values - least) / (most - least), SHARE)
    ends = {name: least + (most - least) * getattr(found, name) for name in ("value", "low", "high")}
    return replace(found, **ends)


def estimate(statistic: Statistic, readings: np.ndarray, scale: str = PLAIN, undefined: str = "") -> Estimate:
    """A statistic with a 95% interval for other readers and other cases of the same kind.

    A statistic of a random readers-by-cases table varies as a / R + b / C + e / (R C) + ..., with parts from
    readers, cases and single readings. The parts' sums are found separately and put together:

        V_R, from readers: infinitesimal jackknife, a/R + e/RC;  V_C, from cases: delete-one jackknife, b/C + e/RC;
        V_E, from single readings, double-centred: e/RC;  V = max(V_R - V_E, 0) + max(V_C - V_E, 0) + V_E

    For a mean of a full table these are the mean squares of the two-way analysis of variance over R C, and V (before
    the zeros) the unbiased one-shot estimate. Readers are weighed by a small step, not left out: leaving one of R out
    counts what readers do in pairs (as in kappa) 2 R / (R - 2) times. Degrees of freedom are Satterthwaite's. Shares
    take Wilson's interval with the effective number of readings p(1 - p) / V, a net preference the same on
    (1 + net) / 2, agreements Fisher's z. With fewer than 3 readers V = V_C, and the interval is for these readers.

    It holds its level with readers and cases that vary moderately. Of readers who differ nearly as much as the cases,
    intervals of agreement cover 86 to 94% only (docs/studies.md): what readers do in pairs is then far from normal.

    Args:
        readings: (R, C) how many there are of each reader and case; 0 where none.
        undefined: note where the statistic cannot be calculated.
    Source: Gallas 2006 and 2008; Efron and Stein 1981; Cameron, Gelbach and Miller 2011; Satterthwaite 1946;
        Korn and Graubard 1998.
    """
    there = readings > 0
    rows, columns = there.any(1), there.any(0)
    counts = int(rows.sum()), int(columns.sum()), int(readings.sum())
    nothing = float("nan")
    if not counts[2]:
        return Estimate(nothing, nothing, nothing, 0, 0, 0, "There is no such reading.")
    value = float(_values(statistic, there[None].astype(float))[0])
    if np.isnan(value):
        return Estimate(nothing, nothing, nothing, *counts, undefined or "It is not defined for these readings.")
    if counts[1] < LEAST_CASES:
        return Estimate(value, nothing, nothing, *counts, f"No interval: {_count(counts[1], 'case')} only.")
    variance, degrees = _variance(statistic, there, rows, columns, value)
    if np.isnan(variance):
        return Estimate(value, nothing, nothing, *counts, "No interval: too few readings overlap.")
    if variance <= 1e-18:
        return Estimate(value, nothing, nothing, *counts, "No interval: nothing varies between these readings.")
    note = "" if counts[0] >= LEAST_READERS else f"Interval over cases for {_count(counts[0], 'reader')} only."
    return Estimate(value, *_interval(value, variance, degrees, scale), *counts, note)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _variance(
    statistic: Statistic, there: np.ndarray, rows: np.ndarray, columns: np.ndarray, value: float
) -> tuple[float, float]:
    """V and its degrees of freedom; see `estimate`."""
    place = np.arange(there.size).reshape(there.shape)
    reader, case = np.divmod(place, there.shape[1])
    readers, cases = int(rows.sum()), int(columns.sum())
    from_cases = _jackknife(_without_each(statistic, there, case, weight=0))
    if readers < LEAST_READERS:
        return from_cases, float(cases - 1)
    slopes = (value - _without_each(statistic, there, reader, weight=1 - _STEP)) / _STEP
    from_readers = readers / (readers - 1) * ((slopes - slopes.mean()) ** 2).sum()
    pieces = np.zeros(there.shape)
    pieces[there] = (value - _without_each(statistic, there, place, weight=1 - _STEP)) / _STEP
    pieces = pieces[rows][:, columns]
    pieces = pieces - pieces.mean(0) - pieces.mean(1, keepdims=True) + pieces.mean()
    single = (readers - 1) * (cases - 1)
    from_readings = (pieces**2).sum() * readers * cases / single
    return _together((from_readers, readers - 1), (from_cases, cases - 1), (from_readings, single))


def _together(readers: tuple[float, int], cases: tuple[float, int], single: tuple[float, int]) -> tuple[float, float]:
    kept = [part for part in (readers, cases) if part[0] > single[0]]
    # A part that is no larger than what single readings explain adds nothing; one alone needs no correction.
    variance = sum(part[0] - single[0] for part in kept) + single[0]
    terms = [*kept, single] if len(kept) != 1 else kept
    spread = sum(size**2 / degrees for size, degrees in terms)
    return float(variance), float(variance**2 / spread) if spread else float("inf")


def _values(statistic: Statistic, weights: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):  # NaN is the answer where nothing is left
        return statistic(weights)


def _without_each(statistic: Statistic, there: np.ndarray, groups: np.ndarray, weight: float) -> np.ndarray:
    """The statistic with one group of readings after the other weighing less; some at once, so that memory stays small.

    Args:
        groups: (R, C), numbers of the groups that the readings belong to.
    """
    numbers = np.unique(groups[there])
    at_once = max(1, _NUMBERS_AT_ONCE // there.size)
    chunks = (numbers[start : start + at_once, None, None] for start in range(0, len(numbers), at_once))
    return np.concatenate([_values(statistic, np.where(groups == chunk, weight, 1.0) * there) for chunk in chunks])


def _jackknife(left_out: np.ndarray) -> float:
    n = len(left_out)
    return float((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())


def _interval(value: float, variance: float, degrees: float, scale: str) -> tuple[float, float]:
    from scipy.stats import t

    quantile = float(t.ppf(0.975, degrees))
    if scale == NET:
        low, high = _interval((1 + value) / 2, variance / 4, degrees, SHARE)
        return 2 * low - 1, 2 * high - 1
    if scale == SHARE and 0 < value < 1:
        size = quantile**2 * variance / (value * (1 - value))
        middle, reach = value + size / 2, np.sqrt(size * value * (1 - value) + size**2 / 4)
        return float((middle - reach) / (1 + size)), float((middle + reach) / (1 + size))
    if scale == CORRELATION and -1 < value < 1:
        reach = quantile * np.sqrt(variance) / (1 - value**2)
        return float(np.tanh(np.arctanh(value) - reach)), float(np.tanh(np.arctanh(value) + reach))
    reach = quantile * float(np.sqrt(variance))
    return value - reach, value + reach
