"""What one browser tab holds on the server, and the few encoded images kept for tabs that run again."""

from __future__ import annotations

import secrets
import shutil
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Lock

from llmseg.explain import Explanation
from llmseg.ui.cases import Entry, Shown
from llmseg.ui.lessons import Taught
from llmseg.ui.numbers import Measured
from llmseg.ui.viewer import PackedLikely, PackedMasks, in_order

KEEP_SECONDS = 2 * 60 * 60
"""How long a session, its uploads and its results stay on the server after the last use."""


@dataclass(frozen=True)
class Result:
    """One arm's contours as far as a session keeps them: packed masks and numbers.

    Args:
        own_note: whether the note was the case's own, for which its reference was drawn; true without a note.
        picture: the contours seen from the front, small, as a data URL; only where they were drawn with the note.
        note: what the model read, de-identified; "" without a note, or where that is not known.
        provenance: what drew it.
        likely: how likely each voxel belongs to a target; None where that was not kept.
    """

    masks: PackedMasks
    names: frozenset[str]
    measured: Measured
    caption: str
    stored: bool = False
    own_note: bool = True
    picture: str = ""
    note: str = ""
    provenance: Mapping[str, object] = field(default_factory=dict)
    likely: PackedLikely | None = None


@dataclass(frozen=True)
class Tried:
    """One note that was run on a case.

    Args:
        number: what it is called on the page, from 1.
        note: as it stood in the box.
        kept: redactions that had been taken back.
    """

    number: int
    note: str
    kept: frozenset[str]
    result: Result


@dataclass(frozen=True)
class Compared:
    """Another contour beside the note's own, in the place of the one without a note.

    Args:
        name: which comparison it is: a preset's name, or "phrase 3".
        title: what stands above the panel.
        jump: displayed voxel in the middle of the change, or None where nothing changed.
    """

    name: str
    title: str
    result: Result
    jump: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Edited:
    """Contours edited by hand: the third arm.

    Args:
        id: of the last save, made by the page: the same one again is no second save.
        start: the contours the edit began with.
        seconds: structure -> active seconds spent on it.
        apl_mm: structure -> added path length against `start`, `metrics.Agreement.apl_mm`.
    """

    id: str
    result: Result
    start: Result
    seconds: Mapping[str, float]
    apl_mm: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Session:
    """One browser tab: ids, paths and small numbers, never an image.

    Args:
        id: a secret, made here.
        home: the name of its folder, which it shares with the page it was before a reload.
        upload: the CT this user sent, if one is open.
        compared: what stands in the second panel instead of the contour without a note.
        explanation: which words of the last explained note moved the contour.
        tried: case's key -> the notes run on it, as they came.
        taught: how far this tab is in a lesson on the open case.
    """

    id: str
    home: str
    shown: Shown | None = None
    upload: Entry | None = None
    results: Mapping[str, Result] = field(default_factory=dict)
    compared: Compared | None = None
    explanation: Explanation | None = None
    tried: Mapping[str, tuple[Tried, ...]] = field(default_factory=dict)
    taught: Taught | None = None

    @property
    def is_blind(self) -> bool:
        """Whether a learner contours, and must see no one else's contour."""
        return self.taught is not None and self.taught.is_blind

    @property
    def tried_here(self) -> tuple[Tried, ...]:
        """The notes run on the open case."""
        return self.tried.get(self.shown.key, ()) if self.shown else ()

    @classmethod
    def start(cls) -> Session:
        secret = secrets.token_hex(16)
        return cls(id=secret, home=secret)

    def reloaded(self) -> Session:
        """The same to a page that was loaded again; the page before may live on, so this one stops and goes alone."""
        return replace(self, id=secrets.token_hex(16))


def names_in(shown: Shown, results: Mapping[str, Result]) -> tuple[str, ...]:
    """The structures of the reference and of every arm, in the usual order."""
    return in_order({*shown.reference_ml, *(name for result in results.values() for name in result.names)})


class Workspace:
    """The server's private folder for packed images, each session's own place in it, and who is there."""

    def __init__(self, root: str | Path):
        self.root = Path(root) / secrets.token_hex(8)
        self._present: dict[str, Session] = {}
        self._lock = Lock()

    def of(self, session: Session) -> Path:
        return self.root / session.home

    @property
    def shared(self) -> Path:
        """For the server's own cases, the same for everyone."""
        return self.root / "cases"

    def keep(self, session: Session) -> Session:
        """Note a session's present state, for a page that is loaded again."""
        with self._lock:
            self._present[session.id] = session
        return session

    def reload(self, secret: str) -> Session | None:
        """What a page was before it was loaded again; None where that is no longer kept."""
        with self._lock:
            before = self._present.get(secret)
            if before is None:
                return None
            after = before.reloaded()
            self._present[after.id] = after
        return after

    def forget(self, session: Session) -> bool:
        """Let a session go, and its folder with the last session in it; whether that was the last."""
        with self._lock:
            self._present.pop(session.id, None)
            is_empty = all(other.home != session.home for other in self._present.values())
        if is_empty:
            shutil.rmtree(self.of(session), ignore_errors=True)
        return is_empty


class RecentlyUsed:
    """A guarded map that holds the few values used last: encoded images are large."""

    def __init__(self, capacity: int):
        self._capacity = capacity
        self._values: OrderedDict[object, object] = OrderedDict()
        self._lock = Lock()

    def get(self, key: object) -> object | None:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: object, value: object) -> None:
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._capacity:
                self._values.popitem(last=False)

    def drop(self, belongs) -> None:
        """Forget every key for which `belongs(key)` holds."""
        with self._lock:
            for key in [key for key in self._values if belongs(key)]:
                del self._values[key]


class StopSignals:
    """One signal per session: its Stop button, or a new case, ends its run at the next step."""

    def __init__(self):
        self._signals: dict[str, Event] = {}
        self._lock = Lock()

    def new(self, session: Session) -> Event:
        """A fresh signal for a run that is asked for; a run still going is told to stop."""
        with self._lock:
            if session.id in self._signals:
                self._signals[session.id].set()
            self._signals[session.id] = Event()
            return self._signals[session.id]

    def of(self, session: Session) -> Event:
        """The signal of the run asked for last; already given if that was stopped while it waited its turn."""
        with self._lock:
            signal = self._signals.get(session.id)
        if signal is None:
            signal = Event()
            signal.set()
        return signal

    def stop(self, session: Session) -> None:
        with self._lock:
            if session.id in self._signals:
                self._signals.pop(session.id).set()


class Turns:
    """Who waits for the model, or has it, in the order they asked."""

    def __init__(self):
        self._waiting: list[str] = []
        self._lock = Lock()

    def join(self, session: Session) -> None:
        """At the end; whoever asks again, gives up the place of before."""
        with self._lock:
            self._waiting = [*(id for id in self._waiting if id != session.id), session.id]

    def begin(self, session: Session) -> None:
        """It is this one's turn: whoever asked before and is still here has gone away without a word."""
        with self._lock:
            if session.id in self._waiting:
                self._waiting = self._waiting[self._waiting.index(session.id) :]

    def leave(self, session: Session) -> None:
        with self._lock:
            self._waiting = [id for id in self._waiting if id != session.id]

    def before(self, session: Session) -> int:
        """How many runs come first."""
        with self._lock:
            return self._waiting.index(session.id) if session.id in self._waiting else 0
