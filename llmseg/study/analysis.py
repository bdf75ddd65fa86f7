"""The whole analysis of a study, from its answers: numbers only; `reporting` writes them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from llmseg.study.answers import Answer
from llmseg.study.correlation import Correlation, correlations
from llmseg.study.crossed import SHARE, Estimate, cross, mean
from llmseg.study.design import Reading
from llmseg.study.effort import Effort, efforts
from llmseg.study.preference import Preference, preference
from llmseg.study.protocol import CHOICE, EDIT, ORDINAL, PREFERENCE
from llmseg.study.ratings import Rating, corrected, rating
from llmseg.study.sample import Sample, sample


@dataclass(frozen=True)
class ArmChoice:
    """How often each label was chosen for one arm, and the shares with their intervals."""

    arm: str
    counts: tuple[int, ...]
    shares: tuple[Estimate, ...]


@dataclass(frozen=True)
class Choice:
    """One question with labels in no order, such as who drew the contours (a Turing question)."""

    task: str
    question: str
    labels: tuple[str, ...]
    arms: tuple[ArmChoice, ...]


@dataclass(frozen=True)
class Pace:
    """How long readings of one task took, without pauses: quartiles in seconds."""

    task: str
    readings: int
    quartiles: tuple[float, float, float]


@dataclass(frozen=True)
class Analysis:
    """Everything that a study's answers say; a part is empty where the study did not ask for it."""

    sample: Sample
    ratings: tuple[Rating, ...]
    preferences: tuple[Preference, ...]
    choices: tuple[Choice, ...]
    efforts: tuple[Effort, ...]
    correlations: tuple[Correlation, ...]
    paces: tuple[Pace, ...]
    versions: tuple[str, ...]


def analyze(
    answers: Sequence[Answer],
    *,
    planned: Mapping[str, Sequence[Reading]] | None = None,
    arms: Sequence[str] = (),
    finished_only: bool = False,
) -> Analysis:
    """Analyze one study.

    Args:
        planned, arms, finished_only: see `sample`; a prepared study has the first two.
    Raises:
        InputError: answers that cannot be analyzed; see `sample`.
    """
    chosen = sample(answers, planned=planned, arms=arms, finished_only=finished_only)
    asked = chosen.of(ORDINAL)
    edits = _edits(chosen)
    ratings = corrected([rating(own, chosen.repeats, chosen.arms) for own in asked.values()])
    measured = efforts(edits, chosen.arms)
    return Analysis(
        sample=chosen,
        ratings=ratings,
        preferences=tuple(_preferences(chosen)),
        choices=tuple(_choice(own, chosen.arms) for own in chosen.of(CHOICE).values()),
        efforts=measured,
        correlations=(
            *(c for r in ratings for c in correlations(r.task, r.question, r.values, asked[r.task, r.question])),
            *(c for e in measured for c in correlations(e.task, e.measure, e.values, _of_task(edits, e.task))),
        ),
        paces=tuple(_paces(chosen)),
        versions=tuple(sorted({a.app_version for a in chosen.counted if a.app_version})),
    )


def _of_task(answers: Sequence[Answer], task: str) -> list[Answer]:
    return [a for a in answers if a.task == task]


def _edits(chosen: Sample) -> list[Answer]:
    """One row for each edit, however many questions it asked."""
    return list({(a.reader, a.reading): a for a in chosen.counted if a.kind == EDIT}.values())


def _preferences(chosen: Sample) -> list[Preference]:
    found = []
    for own in chosen.of(PREFERENCE).values():
        for first, second in combinations(chosen.arms, 2):
            of_pair = [a for a in own if {a.arm, a.other} == {first, second}]
            if of_pair:
                found.append(preference(of_pair, first, second))
    return found


def _choice(answers: Sequence[Answer], arms: Sequence[str]) -> Choice:
    labels = answers[0].labels
    values = cross(((a.reader, a.case, a.arm, float(labels.index(a.value))) for a in answers), arms)
    found = []
    for arm in values.arms:
        own = values.of(arm)
        picked = [np.where(np.isnan(own), np.nan, own == place) for place in range(len(labels))]
        counts = tuple(int(np.nansum(one)) for one in picked)
        found.append(ArmChoice(arm, counts, tuple(mean(one, SHARE) for one in picked)))
    return Choice(answers[0].task, answers[0].question, labels, tuple(found))


def _paces(chosen: Sample) -> list[Pace]:
    found = []
    for task in dict.fromkeys(a.task for a in chosen.counted):
        seconds = {
            (a.reader, a.reading): a.active_seconds
            for a in chosen.counted
            if a.task == task and a.active_seconds is not None
        }
        if seconds:
            quartiles = np.percentile(list(seconds.values()), (25, 50, 75)).tolist()
            found.append(Pace(task, len(seconds), tuple(quartiles)))
    return found
