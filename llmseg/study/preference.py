"""Which of two contours do readers prefer? A tie is an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llmseg.evaluation.statistics import Comparison, compare
from llmseg.study.answers import Answer
from llmseg.study.crossed import NET, SHARE, Crossed, Estimate, cross, mean
from llmseg.study.protocol import TIE


@dataclass(frozen=True)
class ReadersPreference:
    """How often one reader preferred the first, neither, and the second."""

    reader: str
    wins: int
    ties: int
    losses: int


@dataclass(frozen=True)
class Preference:
    """One question of one task on one pair of arms.

    Args:
        win, tie, loss: shares of the readings that preferred `first`, neither, and `second`.
        net: win - loss, in [-1, 1]: the net preference for `first`.
        over_cases: net preference of each case, mean over its readers, against none.
        left_share: share of the readings with a preference that preferred what stood as A, whichever arm that was.
    """

    task: str
    question: str
    first: str
    second: str
    win: Estimate
    tie: Estimate
    loss: Estimate
    net: Estimate
    over_cases: Comparison
    readers: tuple[ReadersPreference, ...]
    left_share: Estimate


def preference(answers: Sequence[Answer], first: str, second: str) -> Preference:
    """The preference for `first` over `second` in the answers of one question on this pair, whichever stood as A."""
    net = cross((a.reader, a.case, "", _sign(a.value, first)) for a in answers)
    left = cross((a.reader, a.case, "", float(a.value == a.arm)) for a in answers if a.value != TIE)
    values = net.values
    shares = [mean(np.where(net.present, values == sign, np.nan), SHARE) for sign in (1, 0, -1)]
    per_case = means_over_readers(net)[:, 0]
    return Preference(
        task=answers[0].task,
        question=answers[0].question,
        first=first,
        second=second,
        win=shares[0],
        tie=shares[1],
        loss=shares[2],
        net=mean(values, NET),
        over_cases=compare(per_case, np.zeros(len(per_case))),
        readers=tuple(
            ReadersPreference(reader, *(int((row == sign).sum()) for sign in (1, 0, -1)))
            for reader, row in zip(net.readers, values[..., 0], strict=True)
        ),
        left_share=mean(left.values, SHARE),
    )


def means_over_readers(crossed: Crossed) -> np.ndarray:
    """(C, A); NaN where nobody read."""
    counts = crossed.present.sum(0)
    return np.divide(np.nansum(crossed.values, axis=0), counts, out=np.full(counts.shape, np.nan), where=counts > 0)


def _sign(value: str, first: str) -> float:
    return 0.0 if value == TIE else 1.0 if value == first else -1.0
