"""The reading room: the one way by which pages and scripts come to a study's readings and answers.

Every method looks at the ticket first. What a reader is given names no arm, case, file, metric or other reader.
"""

from __future__ import annotations

import hmac
import logging
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from llmseg.case import InputError, Structures, Volume
from llmseg.metrics import drawn_path_mm
from llmseg.study.access import CODE, REVOKE, Access, Ticket, is_revoked
from llmseg.study.answers import Answer
from llmseg.study.course import (
    ANSWER,
    BACK,
    DONE,
    EDIT,
    FEEDBACK,
    GO_ON,
    NOTE,
    PAUSED,
    READING,
    REVOKED,
    SITTING,
    WASHOUT,
    Course,
)
from llmseg.study.design import Reading
from llmseg.study.masks import pack_masks, unpack_masks
from llmseg.study.protocol import (
    CHOICE,
    OPERATOR,
    ORDINAL,
    PREFERENCE,
    READER,
    TIE,
    Person,
    Question,
    Task,
)
from llmseg.study.protocol import EDIT as EDITING
from llmseg.study.store import Event, Store, clock_note, repeated

if TYPE_CHECKING:
    from llmseg.study.preparing import Prepared

log = logging.getLogger(__name__)

STUDY, PAUSE = "study", "pause"
THE_STUDY = ""
"""Name of the record that is nobody's."""
OWNER = "the study's folder"
"""Who acts from a command line: whoever has the folder may read and write everything in it anyway."""

LONGEST_SECONDS = 24 * 3600.0
LONGEST_TEXT = 10_000
KEY = re.compile(r"[0-9A-Za-z_-]{8,64}")
CLIENT_TIME = re.compile(r"[0-9A-Za-z:.+-]{0,40}")
A, B = "A", "B"
RELOAD = "Reload the page if this goes on."


class NotCurrent(InputError):
    """Another reading is open than the one that was sent: `present` says which."""


@dataclass(frozen=True)
class Submitted:
    """What a page sends of a reading.

    Args:
        reading: its id.
        answers: question's key -> value as shown: an ordinal's number ("3"), "A", "tie" or "B", a label, or words.
        key: made by the page for this answer; sent again, it stays one answer.
        active_seconds: since the reading was opened, without pauses.
        client_time: the page's clock; not compared when an answer is sent again.
    """

    reading: str
    answers: Mapping[str, str]
    key: str
    active_seconds: float
    client_time: str = ""


@dataclass(frozen=True)
class Place:
    """Where a reader is, and all that his page may know of it.

    Args:
        state: of `course.STATES`.
        number, of: progress; `number` readings are behind him, where none is open.
        reading: id of the open one; "" where none is.
        structures: names of what is shown.
        note: the clinical note, where the protocol shows it now.
        answers: what was answered before, of a reading one came back to.
        edited: key of the last save of this edit; "" before the first.
        edit_seconds: structure -> active seconds saved so far.
        until: UTC, when a washout ends.
    """

    state: str
    number: int
    of: int
    session: int = 1
    sessions: int = 1
    reading: str = ""
    kind: str = ""
    training: bool = False
    questions: tuple[Question, ...] = ()
    structures: tuple[str, ...] = ()
    note: str | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    edited: str = ""
    edit_seconds: Mapping[str, float] = field(default_factory=dict)
    can_go_back: bool = False
    until: datetime | None = None


@dataclass(frozen=True)
class Progress:
    """How far a reader is, for the operator.

    Args:
        answered: readings, of so many.
        last_seen: UTC, his last event; None where he never signed in.
        active_minutes: over all readings.
        median_seconds: active time of a reading; None before the first answer.
    """

    name: str
    state: str
    answered: int
    of: int
    session: int
    last_seen: datetime | None
    active_minutes: float
    median_seconds: float | None


@dataclass(frozen=True)
class Overview:
    """The study at a glance, for the operator.

    Args:
        wrong_codes: that were tried within the last quarter of an hour.
    """

    is_paused: bool
    readers: tuple[Progress, ...]
    wrong_codes: int


class ReadingRoom:
    """One prepared study with its store.

    Args:
        now: the server's clock, with a time zone.
    Raises:
        InputError: the store belongs to another study, or to this one as it was before it was prepared anew.
    """

    def __init__(self, prepared: Prepared, store: Store, now: Callable[[], datetime]):
        self._prepared, self._store, self._now = prepared, store, now
        self._study = prepared.study
        salt = bytes.fromhex(self._found().content["salt"])
        self._access = Access(store, self._study.people, salt, now)
        self._owner = secrets.token_urlsafe(32)

    def _found(self) -> Event:
        """The study's first event; it binds the store to this study."""
        content = {"sha256": self._prepared.sha256, "salt": secrets.token_hex(16)}
        event = Event(THE_STUDY, self._now(), OWNER, STUDY, content)
        first = self._store.act(THE_STUDY, lambda record: None if record else event)[0]
        if first.content["sha256"] != self._prepared.sha256:
            raise InputError(
                f"The database holds another study, or {self._study.key} as it was prepared before. Give each its own."
            )
        return first

    # ---- coming in ----

    def enroll(self, names: Iterable[str] | None = None) -> Mapping[str, str]:
        """Make personal codes, which are shown this once; only their hashes are kept.

        Args:
            names: who gets a new code instead of the one he has, which then opens nothing; None for everyone who has
                none yet.
        Returns:
            Name -> code.
        """
        return self._access.enroll(names)

    def sign_in(self, code: str, address: str) -> Ticket:
        """See `Access.sign_in`."""
        return self._access.sign_in(code, address)

    def sign_out(self, ticket: Ticket | str) -> None:
        """End this ticket."""
        self._access.sign_out(ticket)

    def owner(self) -> Ticket:
        """An operator's ticket for a command that runs where the study's folder is; it ends with the process."""
        return Ticket(self._owner, OPERATOR)

    def role(self, ticket: Ticket | str) -> str:
        """Reader or operator, for a page to be chosen by.

        Raises:
            SignedOut: the ticket is nobody's.
        """
        return self._person(ticket).role

    # ---- reading ----

    def present(self, ticket: Ticket | str) -> Place:
        """Where the reader is; the same in every tab and on every machine."""
        name = self._reader(ticket)
        return self._place(self._settled(name, self._course(name)))

    def answer(self, ticket: Ticket | str, submitted: Submitted) -> Place:
        """Take an answer; it is durable when this returns.

        Returns:
            What comes next.
        Raises:
            NotCurrent: another reading is open; also where this one was answered in another tab.
            InputError: the study is paused, a question is unknown or not answered, a value is out of range, or the key
                was used for another answer.
            StoreError: nothing was saved; send it again with its key.
        """
        name = self._reader(ticket)
        _check_sent(submitted.reading, submitted.key, submitted.client_time)
        _check_seconds(submitted.active_seconds)
        answers = _texts(submitted.answers)
        event = Event(
            name,
            self._now(),
            name,
            ANSWER,
            {"answers": answers, "active_seconds": float(submitted.active_seconds)},
            reading=submitted.reading,
            key=submitted.key,
            client_time=submitted.client_time,
        )

        def decide(course: Course) -> Event | None:
            if repeated(event, course.record):
                return None
            reading = self._open(course, submitted.reading, READING)
            _check_answers(answers, self._questions(reading))
            return replace(event, contour_sha256=self._contour_sha256(reading))

        return self._place(self._settled(name, self._act(name, decide)))

    def save_edit(
        self,
        ticket: Ticket | str,
        reading_id: str,
        key: str,
        masks: Mapping[str, np.ndarray],
        seconds: Mapping[str, float],
        after: str = "",
        client_time: str = "",
    ) -> None:
        """Keep what was drawn; it is durable when this returns. A pause does not stop it.

        Args:
            masks: structure -> (X, Y, Z) bool on the CT's grid; only those that changed since the save before.
            seconds: structure -> active seconds since then.
            after: key of the save that this one goes on from; "" for the first.
        Raises:
            NotCurrent: another reading is open, or it was edited in another tab since `after`.
            InputError: a structure that is not shown, another grid, or the key was used for something else.
            StoreError: nothing was saved; send it again with its key.
        """
        name = self._reader(ticket)
        _check_sent(reading_id, key, client_time)
        reading = self._readings(name, reading_id)
        if self._task(reading).kind != EDITING:
            raise InputError(f"Nothing is edited in this reading. {RELOAD}")
        start = self._contours(reading, reading.arms[0])
        _check_edit(start, masks, seconds)
        content = {"after": after, "seconds": {name: float(value) for name, value in seconds.items()}}
        content["apl_mm"] = {name: drawn_path_mm(start[name], mask, start.affine) for name, mask in masks.items()}
        event = Event(
            name,
            self._now(),
            name,
            EDIT,
            content,
            reading=reading_id,
            key=key,
            client_time=client_time,
            contour_sha256=self._contour_sha256(reading),
            masks=pack_masks(masks),
        )

        def decide(course: Course) -> Event | None:
            if repeated(event, course.record):
                return None
            self._open(course, reading_id, READING, PAUSED)
            if after != _last_key(course.edits.get(reading_id, [])):
                raise NotCurrent(
                    "These contours were edited in another tab since. Reload the page to go on from there."
                )
            return event

        self._act(name, decide)

    def back(self, ticket: Ticket | str, reading_id: str | None = None) -> Place:
        """Go back to the reading before, to change its answer.

        Args:
            reading_id: the one that the page goes back from ("" for none), so that two clicks are not two steps.
        Raises:
            NotCurrent: another one is open.
            InputError: the protocol does not let one go back from here.
        """
        name = self._reader(ticket)

        def decide(course: Course) -> Event:
            if reading_id not in (None, course.reading.id if course.reading else ""):
                raise NotCurrent(f"Another reading is open now. {RELOAD}")
            self._check_may_act(course)
            if course.back_to is None:
                raise InputError("You cannot go back any further. The answers before stay as they are.")
            return Event(name, self._now(), name, BACK, reading=course.back_to.id)

        return self._place(self._settled(name, self._act(name, decide)))

    def go_on(self, ticket: Ticket | str, reading_id: str) -> Place:
        """Leave what is shown after an answer, or a reading one came back to without changing it; twice is once."""
        name = self._reader(ticket)

        def decide(course: Course) -> Event | None:
            self._check_may_act(course)
            is_there = course.reading and course.reading.id == reading_id
            stays = is_there and course.reading.id in course.answers
            return Event(name, self._now(), name, GO_ON, reading=reading_id) if stays else None

        return self._place(self._settled(name, self._act(name, decide)))

    def reading(self, ticket: Ticket | str, reading_id: str) -> Reading:
        """What lies behind the id of the open reading, or of the one that may be gone back to.

        For a server that keeps its files by case and arm: it names both, so it goes no further than that.
        """
        return self._in_sight(ticket, reading_id)[0]

    def volume(self, ticket: Ticket | str, reading_id: str) -> Volume:
        """The CT of the open reading, or of the one that may be gone back to."""
        reading, _ = self._in_sight(ticket, reading_id)
        with _blinded():
            return replace(self._prepared.volume(reading.case), name="the CT")

    def shown(self, ticket: Ticket | str, reading_id: str) -> tuple[Structures, ...]:
        """The contours of the open reading as prepared; of a comparison A and B. Of the one before likewise."""
        reading, _ = self._in_sight(ticket, reading_id)
        return tuple(self._contours(reading, arm) for arm in reading.arms)

    def edited(self, ticket: Ticket | str, reading_id: str) -> Structures | None:
        """What was drawn and saved so far; None before the first save."""
        reading, course = self._in_sight(ticket, reading_id)
        saves = course.edits.get(reading.id, [])
        if not saves:
            return None
        start = self._contours(reading, reading.arms[0])
        masks = dict(start)
        for save in saves:
            masks |= unpack_masks(self._store.masks(save))
        return Structures(masks, start.affine)

    def reference(self, ticket: Ticket | str, reading_id: str) -> Structures:
        """The reference of a training reading, once it is answered."""
        reading, course = self._in_sight(ticket, reading_id)
        if course.awaits != FEEDBACK or course.reading != reading:
            raise NotCurrent(f"There is no feedback for this reading. {RELOAD}")
        with _blinded():
            return _narrowed(self._prepared.reference(reading.case), self._names(reading))

    # ---- operating ----

    def overview(self, ticket: Ticket | str) -> Overview:
        """How far everyone is."""
        self._operator(ticket)
        records, is_paused = self._store.records(), self._is_paused()
        readers = (self._progress(self._course_of(p.name, records.get(p.name, ()), is_paused)) for p in self._readers)
        return Overview(is_paused, tuple(readers), self._access.wrong_codes())

    def pause(self, ticket: Ticket | str, yes: bool) -> None:
        """Stop the study, or let it go on: nothing new is shown or answered meanwhile; drawing may still be saved."""
        who = self._operator(ticket)
        event = Event(THE_STUDY, self._now(), who, PAUSE, {"yes": bool(yes)})
        self._store.act(THE_STUDY, lambda record: None if _is_paused(record) == bool(yes) else event)

    def revoke(self, ticket: Ticket | str, name: str) -> None:
        """End a person's access; the answers stay. A new code (`enroll`) gives it back."""
        who = self._operator(ticket)
        if name not in {person.name for person in self._study.people} - {who}:
            raise InputError(f"The access of {name!r} cannot be ended here. Name another person of the study.")
        self._store.act(name, lambda record: None if is_revoked(record) else Event(name, self._now(), who, REVOKE))

    def answers(self, ticket: Ticket | str) -> list[Answer]:
        """Every answer that counts, with the blinding undone, by reader and reading."""
        self._operator(ticket)
        records = self._store.records()
        return [
            answer
            for person in self._readers
            for answer in self._answers_of(self._course_of(person.name, records.get(person.name, ()), False))
        ]

    def audit(self, ticket: Ticket | str) -> list[Event]:
        """Everything that happened, in the order in which it was stored; hashes of codes and masks left out."""
        self._operator(ticket)
        events = (event for record in self._store.records().values() for event in record)
        kept = (replace(event, content={}) if event.kind in (CODE, STUDY) else event for event in events)
        return sorted(kept, key=lambda event: event.seq)

    # ---- who it is ----

    def _person(self, ticket: Ticket | str) -> Person:
        secret = ticket.secret if isinstance(ticket, Ticket) else str(ticket)
        if hmac.compare_digest(secret.encode(errors="replace"), self._owner.encode()):
            return Person(OWNER, OPERATOR)
        return self._access.holder(secret)

    def _reader(self, ticket: Ticket | str) -> str:
        person = self._person(ticket)
        if person.role != READER:
            raise InputError("Only a reader reads. Sign in with a reader's code.")
        return person.name

    def _operator(self, ticket: Ticket | str) -> str:
        person = self._person(ticket)
        if person.role != OPERATOR:
            raise InputError("Only an operator may do this. Sign in with an operator's code.")
        if is_revoked(self._store.record(person.name)):
            raise InputError(_ENDED)
        return person.name

    @property
    def _readers(self) -> tuple[Person, ...]:
        return self._study.readers

    # ---- where he is ----

    def _course(self, name: str) -> Course:
        return self._course_of(name, self._store.record(name), self._is_paused())

    def _course_of(self, name: str, record: tuple[Event, ...], is_paused: bool) -> Course:
        return Course(self._study, self._prepared.readings[name], record, is_paused, self._has_reference)

    def _act(self, name: str, decide: Callable[[Course], Event | None]) -> Course:
        is_paused = self._is_paused()
        record = self._store.act(name, lambda record: decide(self._course_of(name, record, is_paused)))
        return self._course_of(name, record, is_paused)

    def _settled(self, name: str, course: Course) -> Course:
        """The same place, once what has come about by itself is noted: a sitting that begins, a clock set back."""
        while self._due(name, course):
            course = self._act(name, lambda course: self._due(name, course))
        return course

    def _due(self, name: str, course: Course) -> Event | None:
        now = self._now()
        noted = clock_note(course.record, now)
        if noted or course.state(now) != READING or course.reading.session in course.sittings:
            return noted
        return Event(name, now, name, SITTING, {"session": course.reading.session})

    def _is_paused(self) -> bool:
        return _is_paused(self._store.record(THE_STUDY))

    def _has_reference(self, reading: Reading) -> bool:
        return any(value is not None for value in self._scores(reading).values())

    def _readings(self, name: str, reading_id: str) -> Reading:
        found = next((reading for reading in self._prepared.readings[name] if reading.id == reading_id), None)
        if found is None:
            raise NotCurrent(f"There is no such reading for you. {RELOAD}")
        return found

    def _check_may_act(self, course: Course) -> None:
        state = course.state(self._now())
        if state == REVOKED:
            raise InputError(_ENDED)
        if state == PAUSED:
            raise InputError("The study is paused. Keep the page open, and send this again when it goes on.")

    def _open(self, course: Course, reading_id: str, *states: str) -> Reading:
        """The open reading, where it is this one and the reader is in one of these states."""
        state = course.state(self._now())
        if state not in states:
            self._check_may_act(course)
        reading = course.reading
        if reading and reading.id == reading_id and state in states and not course.awaits:
            return reading
        if reading_id in course.answers:
            raise NotCurrent(
                "This reading was answered already, perhaps in another tab or on another machine; that answer counts. "
                "Reload the page to go on."
            )
        raise NotCurrent(f"Another reading is open now. {RELOAD}")

    def _in_sight(self, ticket: Ticket | str, reading_id: str) -> tuple[Reading, Course]:
        course = self._course(self._reader(ticket))
        self._check_may_act(course)
        seen = [course.back_to, course.reading if course.state(self._now()) in (READING, FEEDBACK, NOTE) else None]
        for reading in seen:
            if reading and reading.id == reading_id:
                return reading, course
        raise NotCurrent(f"This reading is not open now. {RELOAD}")

    def _place(self, course: Course) -> Place:
        now = self._now()
        state, reading, total = course.state(now), course.reading, len(course.readings)
        bare = Place(
            state,
            number=course.frontier,
            of=total,
            session=reading.session if reading else self._study.sessions,
            sessions=self._study.sessions,
            can_go_back=state in (READING, WASHOUT, DONE) and course.back_to is not None,
            until=now + course.washout_left(now) if state == WASHOUT else None,
        )
        return bare if state in (REVOKED, PAUSED, WASHOUT, DONE) else self._with_reading(bare, course, reading)

    def _with_reading(self, bare: Place, course: Course, reading: Reading) -> Place:
        saves, answered = course.edits.get(reading.id, []), course.answers.get(reading.id)
        with_note = {"before": True, "after": bare.state != READING}.get(self._study.show_note, False)
        return replace(
            bare,
            number=reading.number,
            reading=reading.id,
            kind=self._task(reading).kind,
            training=reading.training,
            questions=self._questions(reading),
            structures=self._names(reading),
            note=self._prepared.note(reading.case) if with_note else None,
            answers=answered[-1].content["answers"] if answered else {},
            edited=_last_key(saves),
            edit_seconds=_summed(saves),
        )

    # ---- what is read ----

    def _task(self, reading: Reading) -> Task:
        return self._study.task(reading.task)

    def _questions(self, reading: Reading) -> tuple[Question, ...]:
        return tuple(self._study.questions[key] for key in self._task(reading).questions)

    def _names(self, reading: Reading) -> tuple[str, ...]:
        return self._prepared.structures(reading.task, reading.case)

    def _scores(self, reading: Reading) -> Mapping[str, float | None]:
        return self._prepared.scores(reading.case, reading.arms[0], self._names(reading))

    def _contours(self, reading: Reading, arm: str) -> Structures:
        with _blinded():
            return _narrowed(self._prepared.contours(reading.case, arm), self._names(reading))

    def _contour_sha256(self, reading: Reading) -> str:
        return "|".join(self._prepared.contour_sha256(reading.case, arm) for arm in reading.arms)

    # ---- what comes out ----

    def _progress(self, course: Course) -> Progress:
        name = course.readings[0].reader
        total = len(course.readings)
        last = course.frontier if course.frontier < total else total - 1
        acted = [event.at for event in course.record if event.who == name]
        seconds = [sum(e.content["active_seconds"] for e in events) for events in course.answers.values()]
        return Progress(
            name,
            course.state(self._now()),
            len(course.answers),
            total,
            course.readings[last].session,
            acted[-1] if acted else None,
            sum(seconds) / 60,
            median(seconds) if seconds else None,
        )

    def _answers_of(self, course: Course) -> list[Answer]:
        return [
            answer
            for reading in course.readings
            if reading.id in course.answers
            for answer in self._rows(course, reading)
        ]

    def _rows(self, course: Course, reading: Reading) -> list[Answer]:
        given = course.answers[reading.id]
        last, task, arms = given[-1], self._task(reading), reading.arms
        row = Answer(
            study=self._study.key,
            reader=reading.reader,
            session=reading.session,
            reading=reading.number,
            task=task.key,
            kind=task.kind,
            case=reading.case,
            arm=arms[0],
            other=arms[1] if len(arms) > 1 else None,
            question="",
            measure="",
            value="",
            repeats=reading.repeats,
            training=reading.training,
            active_seconds=sum(event.content["active_seconds"] for event in given),
            **self._scores(reading),
            answered_at=last.at.isoformat(timespec="milliseconds"),
            app_version=last.app_version,
            contour_sha256=last.contour_sha256,
        )
        if task.kind == EDITING:
            row = replace(row, **_edit_numbers([s for s in course.edits.get(reading.id, []) if s.turn < last.turn]))
        said = last.content["answers"]
        if not task.questions:
            return [row]
        return [
            replace(
                row,
                question=q.key,
                measure=q.scale.measure,
                value=_unblinded(q, said[q.key], arms),
                labels=q.scale.labels,
            )
            for q in self._questions(reading)
            if q.key in said
        ]


_ENDED = "Your access to this study was ended. Ask the person who runs it."


@contextmanager
def _blinded() -> Iterator[None]:
    """Where a prepared file cannot be read, its name, which says arm and case, goes to the log alone."""
    try:
        yield
    except (InputError, OSError) as error:
        log.error("a prepared file: %s", error)
        raise InputError(
            "The images of this reading cannot be read on the server. Tell the person who runs the study."
        ) from None


def _is_paused(record: tuple[Event, ...]) -> bool:
    return next((event.content["yes"] for event in reversed(record) if event.kind == PAUSE), False)


def _narrowed(structures: Structures, names: tuple[str, ...]) -> Structures:
    return Structures({name: structures[name] for name in names if name in structures}, structures.affine)


def _last_key(saves: list[Event]) -> str:
    return saves[-1].key if saves else ""


def _summed(saves: list[Event]) -> dict[str, float]:
    """Structure -> seconds over all saves."""
    seconds: dict[str, float] = {}
    for save in saves:
        for name, value in save.content["seconds"].items():
            seconds[name] = seconds.get(name, 0.0) + value
    return seconds


def _edit_numbers(saves: list[Event]) -> dict[str, float]:
    apl_mm = {name: value for save in saves for name, value in save.content["apl_mm"].items()}
    return {"edit_seconds": sum(_summed(saves).values()), "apl_mm": sum(apl_mm.values())}


def _unblinded(question: Question, value: str, arms: tuple[str, ...]) -> str:
    return {A: arms[0], B: arms[-1]}.get(value, value) if question.scale.measure == PREFERENCE else value


# ---- what a page sends, which may be anything ----


def _check_sent(reading_id: object, key: object, client_time: object) -> None:
    if not isinstance(reading_id, str):
        raise InputError(f"What was sent does not say which reading it is of. {RELOAD}")
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise InputError(f"What was sent has the key {str(key)[:40]!r}; it needs 8 to 64 letters or digits. {RELOAD}")
    if not isinstance(client_time, str) or not CLIENT_TIME.fullmatch(client_time):
        raise InputError(f"What was sent has the time {str(client_time)[:40]!r}; write it as ISO 8601. {RELOAD}")


def _check_seconds(value: object) -> None:
    if type(value) not in (int, float) or not 0 <= value <= LONGEST_SECONDS:
        raise InputError(f"What was sent says it took {str(value)[:40]!r} seconds. {RELOAD}")


def _check_edit(start: Structures, masks: object, seconds: object) -> None:
    if not isinstance(masks, Mapping) or not isinstance(seconds, Mapping):
        raise InputError(f"The edit holds no contour. {RELOAD}")
    for name in (*masks, *seconds):
        if name not in start:
            raise InputError(f"The edit names the structure {str(name)[:40]!r}, which is not edited here. {RELOAD}")
    for name, mask in masks.items():
        if np.shape(mask) != start[name].shape or np.asarray(mask).dtype != bool:
            raise InputError(f"The edit is not on the CT's grid, so it was not saved. {RELOAD}")
    for value in seconds.values():
        _check_seconds(value)


def _texts(answers: object) -> dict[str, str]:
    """The answers that say something, as they were typed."""
    pairs = answers.items() if isinstance(answers, Mapping) else [(None, None)]
    for key, value in pairs:
        if not isinstance(key, str) or not isinstance(value, str):
            raise InputError(f"What was sent answers with {str(value)[:40]!r}, which is no text. {RELOAD}")
    return {key: value for key, value in pairs if value.strip()}


def _check_answers(answers: Mapping[str, str], questions: tuple[Question, ...]) -> None:
    known = {question.key: question for question in questions}
    for key, value in answers.items():
        if key not in known:
            raise InputError(f"There is no question {key[:40]!r} in this reading. {RELOAD}")
        _check_value(known[key], value)
    for question in questions:
        if question.required and question.key not in answers:
            raise InputError(f"“{question.text}” is not answered yet. Answer it, then save.")


def _check_value(question: Question, value: str) -> None:
    scale = question.scale
    allowed = {
        ORDINAL: tuple(str(number) for number in range(1, len(scale.labels) + 1)),
        PREFERENCE: (A, TIE, B),
        CHOICE: scale.labels,
    }.get(scale.measure)
    if allowed is not None and value not in allowed:
        raise InputError(
            f"“{question.text}” was answered with {value[:40]!r}; it takes one of {', '.join(allowed)}. {RELOAD}"
        )
    if len(value) > LONGEST_TEXT:
        raise InputError(f"“{question.text}” has {len(value)} characters. Shorten it to {LONGEST_TEXT} or fewer.")
