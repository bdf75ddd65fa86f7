"""How many readers and cases does a study need? Found by simulating studies and analyzing them as they would be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from llmseg.case import InputError
from llmseg.study.crossed import LEAST_CASES, LEAST_READERS, NET, mean
from llmseg.study.ratings import acceptable
from llmseg.study.simulating import Readers, acceptable_share

ACCEPTABILITY, PREFERENCE = AIMS = ("acceptability", "preference")
FIRST, SECOND = ARMS = ("first", "second")
_SEARCH = 60


@dataclass(frozen=True)
class Power:
    """How often a study of this size would find the difference.

    Args:
        power: share of simulated studies whose 95% interval lies on the right side of no difference.
        low, high: 95% interval of that share, for the number of simulated studies.
        width: median width of the interval that such a study reports.
    """

    readers: int
    cases: int
    power: float
    low: float
    high: float
    width: float


@dataclass(frozen=True)
class SampleSize:
    """A table of powers, and all that it supposes.

    Args:
        difference: that is there to be found: of shares acceptable, or the net preference.
        like: the readers and cases that were simulated.
        enough: the smallest of the sizes, by readings, with the power asked for; None where none has it.
    """

    aim: str
    difference: float
    share: float
    labels: int
    like: Readers
    target: float
    studies: int
    table: tuple[Power, ...]
    enough: Power | None

    def assumptions(self) -> tuple[str, ...]:
        """What is supposed, in sentences."""
        like = self.like
        if self.aim == ACCEPTABILITY:
            aim = (
                f"The share acceptable is {self.share:.0%} with one arm and {self.share + self.difference:.0%} with "
                f"the other, on a scale of {self.labels} labels."
            )
        else:
            win, tie, loss = like.preference(*ARMS)
            aim = f"One arm is preferred in {win:.0%}, the other in {loss:.0%}; {tie:.0%} are ties."
        return (
            aim,
            "Every reader reads every case in both arms, once; none is missing.",
            "Readers and cases are draws from many; the study is to speak for all of them.",
            f"On the hidden scale of quality, standard deviations are: readers' leniency {like.bias:g}, their taste "
            f"for an arm {like.taste:g}, cases' difficulty {like.difficulty:g}, fit of an arm to a case {like.fit:g}, "
            f"noise of a reading {like.noise:g}.",
            f"So two readers agree with a linear weighted kappa of {like.kappa(ARMS, self.labels, 'linear'):.2f}.",
            f"Power is the share of {self.studies} simulated studies whose 95% interval excludes no difference on the "
            "right side.",
        )


def sample_size(
    aim: str,
    difference: float,
    *,
    readers: Sequence[int],
    cases: Sequence[int],
    share: float = 0.6,
    labels: int = 4,
    like: Readers | None = None,
    power: float = 0.8,
    studies: int = 400,
    seed: int = 0,
) -> SampleSize:
    """Power for every number of readers with every number of cases.

    Args:
        aim: of AIMS.
        difference: to be found: shares acceptable, 0.15 for 15 points; or net preference.
        share: acceptable with the worse arm; for acceptability.
        like: readers and cases; their qualities are set so that the difference is what is asked for.
    Raises:
        InputError: a difference, share or number that cannot be.
    """
    _check(aim, difference, share, readers, cases, power, studies)
    like = _with_difference(aim, difference, share, labels, like or Readers())
    sizes = sorted({(r, c) for r in readers for c in cases}, key=lambda size: (size[0] * size[1], size))
    table = tuple(_power(aim, like, labels, size, studies, seed) for size in sizes)
    enough = next((row for row in table if row.power >= power), None)
    return SampleSize(aim, difference, share, labels, like, power, studies, table, enough)


def _check(
    aim: str,
    difference: float,
    share: float,
    readers: Sequence[int],
    cases: Sequence[int],
    power: float,
    studies: int,
) -> None:
    if aim not in AIMS:
        raise InputError(f"The aim {aim!r} is not one of {', '.join(AIMS)}. Choose one.")
    if not 0 < difference < 1:
        raise InputError(f"A difference of {difference:g} is not between 0 and 1. Write 0.15 for 15 points.")
    if aim == ACCEPTABILITY and not 0 < share < share + difference < 1:
        raise InputError(f"Shares of {share:g} and {share + difference:g} are not between 0 and 1. Lower one of them.")
    if not 0 < power < 1:
        raise InputError(f"A power of {power:g} is not between 0 and 1. Write 0.8 for 80%.")
    if studies < 1:
        raise InputError(f"{studies} simulated studies show nothing. Ask for some hundreds.")
    if not readers or not cases or min(readers) < LEAST_READERS or min(cases) < LEAST_CASES:
        raise InputError(
            f"An interval over readers and cases takes at least {LEAST_READERS} readers and {LEAST_CASES} cases. "
            "Ask for more."
        )


def _with_difference(aim: str, difference: float, share: float, labels: int, like: Readers) -> Readers:
    """The same readers, with qualities that make the difference true."""
    if aim == ACCEPTABILITY:
        targets = {FIRST: share + difference, SECOND: share}

        def share_at(quality: float) -> float:
            return acceptable_share(replace(like, quality={FIRST: quality}).shares(FIRST, labels))

        return replace(like, quality={arm: _quality_for(share_at, at) for arm, at in targets.items()})

    def net(quality: float) -> float:
        win, _, loss = replace(like, quality={FIRST: quality}).preference(*ARMS)
        return win - loss

    return replace(like, quality={FIRST: _quality_for(net, difference)})


def _quality_for(truth: Callable[[float], float], target: float) -> float:
    """Where an increasing function reaches a target, by halving."""
    low, high = -20.0, 20.0
    for _ in range(_SEARCH):
        middle = (low + high) / 2
        low, high = (middle, high) if truth(middle) < target else (low, middle)
    return high


def _power(aim: str, like: Readers, labels: int, size: tuple[int, int], studies: int, seed: int) -> Power:
    from scipy.stats import binomtest

    rng = np.random.default_rng([seed, *size])
    found = [mean(_differences(aim, like, labels, size, rng), NET) for _ in range(studies)]
    hits = sum(one.low > 0 for one in found)
    interval = binomtest(hits, studies).proportion_ci()
    widths = [one.high - one.low for one in found if not np.isnan(one.low)]
    width = float(np.median(widths)) if widths else float("nan")
    return Power(*size, hits / studies, float(interval.low), float(interval.high), width)


def _differences(aim: str, like: Readers, labels: int, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """(R, C): what each reader says of each case, first arm against second, in [-1, 1]."""
    readers, cases = size
    looks = np.array([like.quality.get(arm, 0.0) for arm in ARMS]) + rng.normal(0, like.noise, (readers, cases, 2))
    looks += rng.normal(0, like.taste, (readers, 1, 2)) + rng.normal(0, like.fit, (cases, 2))
    if aim == PREFERENCE:
        gap = looks[..., 0] - looks[..., 1]
        return np.where(np.abs(gap) <= like.tie, 0.0, np.sign(gap))
    looks += rng.normal(0, like.bias, (readers, 1, 1)) + rng.normal(0, like.difficulty, (cases, 1))
    ratings = 1.0 + (looks[..., None] > like.cuts(labels)).sum(-1)
    first, second = (acceptable(ratings[..., place], labels) for place in range(2))
    return first - second
