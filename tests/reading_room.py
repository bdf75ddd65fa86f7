"""A small study, prepared in memory, its room, and what its readers do; for tests of the store and of the room."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from itertools import count

import numpy as np

from llmseg.case import Structures, Volume
from llmseg.study.access import Ticket
from llmseg.study.design import Reading
from llmseg.study.protocol import (
    ACCEPTABILITY_4,
    COMPARE,
    EDIT,
    FREE_TEXT,
    OPERATOR,
    PREFERRED,
    RATE,
    Arm,
    Person,
    Question,
    Study,
    Task,
)
from llmseg.study.room import Place, ReadingRoom, Submitted
from llmseg.study.store import Store

NAMES = ("Brainstem", "Parotid_L", "SpinalCord")
SHAPE = (12, 10, 6)
AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
QUESTIONS = {
    "accept": Question("accept", "Would you use it?", ACCEPTABILITY_4),
    "better": Question("better", "Which is better?", PREFERRED),
    "why": Question("why", "Why?", FREE_TEXT, required=False),
}
TASKS = (
    Task("rate", RATE, ("accept", "why"), arms=("text", "plain")),
    Task("compare", COMPARE, ("better",), pairs=(("text", "plain"),)),
    Task("edit", EDIT, ("accept",), arms=("plain",), structures=("Parotid_L", "SpinalCord")),
)
STUDY = Study(
    key="small",
    title="A small study",
    seed=1,
    cases=("one", "two"),
    arms={"text": Arm("text", "text"), "plain": Arm("plain", "no-text")},
    questions=QUESTIONS,
    tasks=TASKS,
    people=(Person("Ada"), Person("Ben"), Person("Olga", OPERATOR)),
    back=2,
)


@dataclass(frozen=True)
class Prepared:
    """As `study prepare` leaves it, without files."""

    study: Study
    readings: Mapping[str, tuple[Reading, ...]]
    references: frozenset[str] = frozenset()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(repr(self.study).encode()).hexdigest()

    def volume(self, case: str) -> Volume:
        array = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
        return Volume(array, AFFINE, name=f"cases/{case}/ct.nii.gz")

    def note(self, case: str) -> str:
        return f"Note of {case}."

    def reference(self, case: str) -> Structures | None:
        return _drawn(5) if case in self.references else None

    def contours(self, case: str, arm: str) -> Structures:
        return _drawn(3 if arm == "text" else 4)

    def contour_sha256(self, case: str, arm: str) -> str:
        return hashlib.sha256(f"{case}/{arm}".encode()).hexdigest()

    def structures(self, task: str, case: str) -> tuple[str, ...]:
        return self.study.task(task).structures or NAMES

    def scores(self, case: str, arm: str, names: Sequence[str] = ()) -> Mapping[str, float | None]:
        known = case in self.references
        values = (0.9 if arm == "text" else 0.7, float(len(names)), 0.8) if known else (None, None, None)
        return dict(zip(("dice", "hd95_mm", "surface_dice_3mm"), values, strict=True))


def _drawn(edge: int) -> Structures:
    mask = np.zeros(SHAPE, bool)
    mask[2 : 2 + edge, 2 : 2 + edge, 1:4] = True
    return Structures(dict.fromkeys(NAMES, mask), AFFINE)


def prepared(study: Study = STUDY, *, references: tuple[str, ...] = (), **changes) -> Prepared:
    """The study with every task of a case after the other; sittings divide the readings evenly."""
    study = replace(study, **changes)
    readings = {person.name: tuple(_readings(study, person.name)) for person in study.readers}
    return Prepared(study, readings, frozenset(references))


def _readings(study: Study, reader: str):
    cases = [(case, True) for case in study.training] + [(case, False) for case in study.cases]
    shown = [
        (task.key, case, arms, training)
        for case, training in cases
        for task in study.tasks
        for arms in (task.pairs or [(arm,) for arm in task.arms])
    ]
    for number, (task, case, arms, training) in enumerate(shown, start=1):
        id = hashlib.sha256(f"{reader}/{number}".encode()).hexdigest()[:32]
        session = 1 + (number - 1) * study.sessions // len(shown)
        yield Reading(id, reader, number, session, task, case, tuple(arms), training=training)


@dataclass
class Clock:
    """Goes on by a second each time one looks at it, and where it is told to."""

    time: datetime = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time

    def turn(self, **by: float) -> None:
        self.time += timedelta(**by)


@dataclass
class Opened:
    """A room with everyone signed in."""

    room: ReadingRoom
    prepared: Prepared
    clock: Clock
    codes: Mapping[str, str]
    tickets: Mapping[str, Ticket]
    keys: count = field(default_factory=count)

    def key(self) -> str:
        return f"key-{next(self.keys):08d}"

    def submitted(self, place: Place, value: str | None = None, **changes) -> Submitted:
        """A valid answer to what the page shows."""
        answers = {q.key: value or {"accept": "3", "better": "B", "why": "Fine."}[q.key] for q in place.questions}
        return replace(Submitted(place.reading, answers, self.key(), 10.0), **changes)

    def answer(self, name: str, value: str | None = None, **changes) -> Place:
        """Answer the reading where this reader is."""
        ticket = self.tickets[name]
        return self.room.answer(ticket, self.submitted(self.room.present(ticket), value, **changes))


def open_room(store: Store, what: Prepared | None = None, clock: Clock | None = None) -> Opened:
    what, clock = what or prepared(), clock or Clock()
    room = ReadingRoom(what, store, clock)
    codes = room.enroll()
    tickets = {name: room.sign_in(code, "10.0.0.1") for name, code in codes.items()}
    return Opened(room, what, clock, codes, tickets)
