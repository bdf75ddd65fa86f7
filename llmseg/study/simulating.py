"""Simulated readers whose preference, agreement and steadiness are known, to see whether an analysis finds them.

A reader r who looks at the contours of arm a in case c meets a quality on a scale that nobody sees:

    q = quality[a] + bias[r] + taste[r, a] + difficulty[c] + fit[c, a] + view[r, c, a] + slip

Every part but the first is drawn from a normal distribution around 0. All but the slip, which is new each time, are the
same when a reader meets the contours again. A rating is the number of cuts below q, plus one; of two contours the one
with the higher q is preferred, unless they lie within the width of a tie.

What such readers do in the long run is found here by numerical integration, not by what analyses their answers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from llmseg.case import InputError
from llmseg.study.answers import Answer
from llmseg.study.design import Reading
from llmseg.study.exporting import ACCEPTABLE_LABELS
from llmseg.study.protocol import CHOICE, EDIT, ORDINAL, PREFERENCE, TIE, Person, Question, Study

if TYPE_CHECKING:
    from llmseg.study.access import Ticket
    from llmseg.study.room import Place, ReadingRoom

SIMULATED = "simulated"
"""What such answers have for a version."""

A, B = "A", "B"
WORDS = "=simulated; nothing to add"
"""What a simulated reader writes: begins as a formula would, so that the chain is tested with one."""

_GRID = np.linspace(-8, 8, 2001)
"""Of a standard normal variable; finer than any spread that is of use here."""

_LEAST_SPREAD = 1e-9


@dataclass(frozen=True)
class Readers:
    """What simulated readers and their cases are like; spreads are standard deviations on the hidden scale.

    Args:
        quality: arm -> mean; arms that are not named have 0.
        bias: how much readers differ in leniency.
        taste: how much they differ in what they think of an arm.
        difficulty: how much cases differ, in all arms alike.
        fit: how much an arm's contours differ from case to case, beyond that.
        noise: of one reader's view of one case's contours, and of the moment, together.
        steadiness: share of the noise's variance that comes back at a second reading, in [0, 1].
        tie: two contours closer than this are no different.
        side: what A gains by standing there.
        step: between the cuts of a scale, which lie around 0.
        seconds: median active time of a reading.
        pace: spread of log time, between readers and between readings.
    """

    quality: Mapping[str, float] = field(default_factory=dict)
    bias: float = 0.3
    taste: float = 0.15
    difficulty: float = 0.7
    fit: float = 0.3
    noise: float = 0.5
    steadiness: float = 0.5
    tie: float = 0.35
    side: float = 0.0
    step: float = 0.8
    seconds: float = 20.0
    pace: float = 0.25

    def cuts(self, labels: int) -> np.ndarray:
        """Where one label ends and the next begins, (labels - 1,)."""
        return self.step * (np.arange(labels - 1) - (labels - 2) / 2)

    # ---- what is true of them in the long run ----

    def preference(self, first: str, second: str) -> tuple[float, float, float]:
        """Shares of first, tie and second, with either of them as A equally often."""
        from scipy.stats import norm

        spread = max(np.sqrt(2 * (self.taste**2 + self.fit**2 + self.noise**2)), _LEAST_SPREAD)
        gaps = self._quality(first) - self._quality(second) + self.side * np.array([1, -1])
        win, loss = (float(norm.cdf((sign * gaps - self.tie) / spread).mean()) for sign in (1, -1))
        return win, 1 - win - loss, loss

    def shares(self, arm: str, labels: int) -> np.ndarray:
        """Share of each label, from worst to best, (labels,)."""
        return self._joint(arm, labels, self.bias**2 + self.taste**2 + self.noise**2).sum(0)

    def kappa(self, arms: Sequence[str], labels: int, weights: str) -> float:
        """Weighted kappa of any two readers over all contours of these arms; see `agreement.cohens_kappa`."""
        return self._kappa(arms, labels, weights, self.bias**2 + self.taste**2 + self.noise**2)

    def repeat_kappa(self, arms: Sequence[str], labels: int, weights: str) -> float:
        """Weighted kappa of a reader with himself."""
        return self._kappa(arms, labels, weights, self.noise**2 * (1 - self.steadiness))

    def repeat_share_equal(self, arms: Sequence[str], labels: int) -> float:
        """Share of second readings with the first one's label."""
        own = self.noise**2 * (1 - self.steadiness)
        return float(np.mean([np.trace(self._joint(arm, labels, own)) for arm in arms]))

    def truths(self, study: Study) -> Iterator[str]:
        """What an analysis of a study with such readers should find, in sentences."""
        for task in study.tasks:
            for key in task.questions:
                scale = study.questions[key].scale
                if scale.measure == PREFERENCE:
                    for first, second in task.pairs:
                        win, tie, loss = self.preference(first, second)
                        yield f"{task.key}, {key}: {first} over {second} {win - loss:+.3f} net, {tie:.3f} ties"
                elif scale.measure == ORDINAL:
                    count = len(scale.labels)
                    for arm in task.arms:
                        yield f"{task.key}, {key}: {arm} acceptable {acceptable_share(self.shares(arm, count)):.3f}"
                    between, within = (of(task.arms, count, "linear") for of in (self.kappa, self.repeat_kappa))
                    yield f"{task.key}, {key}: linear kappa {between:.3f} between readers, {within:.3f} within"

    def _quality(self, arm: str) -> float:
        return self.quality.get(arm, 0.0)

    def _kappa(self, arms: Sequence[str], labels: int, weights: str, own: float) -> float:
        joint = np.mean([self._joint(arm, labels, own) for arm in arms], axis=0)
        power = {"linear": 1, "quadratic": 2, "nominal": 0}[weights]
        steps = np.abs(np.subtract.outer(np.arange(labels), np.arange(labels))).astype(float)
        distance = np.where(steps > 0, steps**power, 0.0)
        apart, by_chance = (joint * distance).sum(), (np.outer(joint.sum(0), joint.sum(1)) * distance).sum()
        return float(1 - apart / by_chance)

    def _joint(self, arm: str, labels: int, own: float) -> np.ndarray:
        """(labels, labels): shares of two looks at the same contours that have all but `own` of the variance in common,
        integrated over what they have in common."""
        from scipy.stats import norm

        whole = self.bias**2 + self.taste**2 + self.difficulty**2 + self.fit**2 + self.noise**2
        common = self._quality(arm) + np.sqrt(max(whole - own, 0)) * _GRID
        below = norm.cdf((self.cuts(labels) - common[:, None]) / max(np.sqrt(own), _LEAST_SPREAD))
        each = np.diff(below, axis=1, prepend=0, append=1)
        density = np.exp(-(_GRID**2) / 2)
        return np.einsum("g,gj,gk->jk", density / density.sum(), each, each)


def acceptable_share(shares: np.ndarray) -> float:
    """Of the labels' shares, worst to best: what falls on the best ones."""
    return float(shares[-ACCEPTABLE_LABELS:].sum())


def with_readers(study: Study, count: int) -> Study:
    """The study with so many simulated readers and nobody else."""
    if count < 1:
        raise InputError(f"{count} readers answer nothing. Ask for 1 or more.")
    return replace(study, people=tuple(Person(f"Simulated {number}") for number in range(1, count + 1)))


class Panel:
    """Some such readers in front of one study's cases: what each of them answers to each reading.

    The same seed gives the same answers, whatever order they are asked for.

    Args:
        readings: by reader's name, as `Prepared.readings`.
    """

    def __init__(self, study: Study, readings: Mapping[str, Sequence[Reading]], like: Readers, seed: int):
        self._study, self._like = study, like
        cases = (*study.training, *study.cases)
        self._people, self._cases, self._arms = (
            {name: place for place, name in enumerate(names)} for names in (readings, cases, study.arms)
        )
        sizes = len(readings), len(cases), len(study.arms)
        longest = 1 + max(reading.number for own in readings.values() for reading in own)
        rng = np.random.default_rng(seed)
        spread = rng.normal(0, like.difficulty, (sizes[1], 1)) + rng.normal(0, like.fit, sizes[1:])
        contours = np.array([like.quality.get(arm, 0.0) for arm in study.arms]) + spread
        self._looks = contours + rng.normal(0, like.bias, (sizes[0], 1, 1))
        self._looks += rng.normal(0, like.taste, (sizes[0], 1, sizes[2]))
        self._looks += rng.normal(0, like.noise * np.sqrt(like.steadiness), sizes)
        self._slips = rng.normal(0, like.noise * np.sqrt(1 - like.steadiness), (sizes[0], longest, 2))
        paces = rng.normal(0, like.pace, (sizes[0], 1)) + rng.normal(0, like.pace, (sizes[0], longest))
        self._seconds = like.seconds * np.exp(paces)
        self._chance = rng.random((sizes[0], longest))
        self._metrics = _metrics(contours + rng.normal(0, like.noise, (3, *sizes[1:])))

    def says(self, reading: Reading) -> dict[str, str]:
        """Question's key -> answer as shown: an ordinal's number, "A", "tie" or "B", a label, or words."""
        looks, chance = self._meets(reading), self._chance[self._people[reading.reader], reading.number]
        questions = self._study.questions
        return {key: self._answer(questions[key], looks, chance) for key in self._study.task(reading.task).questions}

    def takes(self, reading: Reading) -> tuple[float, float | None, float | None]:
        """Active seconds; and of an edit the seconds it took and the path that was added, in mm."""
        seconds = float(self._seconds[self._people[reading.reader], reading.number])
        if self._study.task(reading.task).kind != EDIT:
            return seconds, None, None
        look = float(self._meets(reading)[0])
        editing = 4 * seconds * math.exp(-0.4 * look)
        return seconds + editing, editing, 300 * math.exp(-0.6 * look)

    def metrics(self, case: str, arm: str) -> dict[str, float]:
        """DSC, HD95 and surface DSC, made up: better where the contours are."""
        found = self._metrics[:, self._cases[case], self._arms[arm]].tolist()
        return dict(zip(("dice", "hd95_mm", "surface_dice_3mm"), found, strict=True))

    def _meets(self, reading: Reading) -> np.ndarray:
        """The quality of each of the reading's arms as it looks now."""
        reader, own = self._people[reading.reader], [self._arms[arm] for arm in reading.arms]
        return self._looks[reader, self._cases[reading.case], own] + self._slips[reader, reading.number, : len(own)]

    def _answer(self, question: Question, looks: np.ndarray, chance: float) -> str:
        labels = question.scale.labels
        if question.scale.measure == ORDINAL:
            return str(1 + int((looks[0] > self._like.cuts(len(labels))).sum()))
        if question.scale.measure == PREFERENCE:
            gap = looks[0] - looks[1] + self._like.side
            return TIE if abs(gap) <= self._like.tie else A if gap > 0 else B
        if question.scale.measure == CHOICE:
            return labels[int(chance * len(labels))]  # they cannot tell, so any will do
        return WORDS


def _metrics(quality: np.ndarray) -> np.ndarray:
    """DSC, HD95 in mm and surface DSC, (3, C, A), of the quality that each of them sees."""
    dice, hd95_mm, surface = quality
    return np.stack([1 / (1 + np.exp(-1.6 - 0.5 * dice)), 6 * np.exp(-0.4 * hd95_mm), 1 / (1 + np.exp(-1 - surface))])


def simulate(study: Study, readings: Mapping[str, Sequence[Reading]], like: Readers, seed: int) -> list[Answer]:
    """What simulated readers answer to all their readings, as a study's store would give it out.

    Args:
        readings: by reader's name, as `Prepared.readings`.
    """
    panel = Panel(study, readings, like, seed)
    return [answer for own in readings.values() for reading in own for answer in _rows(study, reading, panel)]


def read_through(room: ReadingRoom, ticket: Ticket, panel: Panel, readings: Sequence[Reading], stop: int = 0) -> Place:
    """Let one simulated reader go through a reading room, as a page would, until he is done or has to wait.

    Args:
        ticket: the reader's.
        readings: his, as `Prepared.readings` has them: a simulated reader knows what he looks at.
        stop: answer so many readings and leave; 0 goes on to the end.
    Returns:
        where he is then.
    """
    from llmseg.study.course import FEEDBACK, READING
    from llmseg.study.room import Submitted

    by_id = {reading.id: reading for reading in readings}
    place, answered = room.present(ticket), 0
    while place.state in (READING, FEEDBACK) and not (stop and answered == stop):
        if place.state == FEEDBACK:
            place = room.go_on(ticket, place.reading)
            continue
        reading = by_id[place.reading]
        seconds, editing, _ = panel.takes(reading)
        if editing is not None:
            share = editing / len(place.structures)
            room.save_edit(
                ticket, reading.id, f"{reading.id}-edit", {}, dict.fromkeys(place.structures, share), after=place.edited
            )
        place = room.answer(ticket, Submitted(reading.id, panel.says(reading), f"{reading.id}-answer", seconds))
        answered += 1
    return place


def _rows(study: Study, reading: Reading, panel: Panel) -> list[Answer]:
    task = study.task(reading.task)
    seconds, editing, apl = panel.takes(reading)
    shared = {
        "study": study.key,
        "reader": reading.reader,
        "session": reading.session,
        "reading": reading.number,
        "task": task.key,
        "kind": task.kind,
        "case": reading.case,
        "arm": reading.arms[0],
        "other": reading.arms[1] if len(reading.arms) > 1 else None,
        "repeats": reading.repeats,
        "training": reading.training,
        "active_seconds": seconds,
        "edit_seconds": editing,
        "apl_mm": apl,
        **panel.metrics(reading.case, reading.arms[0]),
        "app_version": SIMULATED,
    }
    if not task.questions:  # an edit may ask nothing
        return [Answer(**shared, question="", measure="", value="")]
    rows = []
    for key, value in panel.says(reading).items():
        scale = study.questions[key].scale
        value = _unblinded(value, reading) if scale.measure == PREFERENCE else value
        rows.append(Answer(**shared, question=key, measure=scale.measure, value=value, labels=scale.labels))
    return rows


def _unblinded(value: str, reading: Reading) -> str:
    return value if value == TIE else reading.arms[(A, B).index(value)]
