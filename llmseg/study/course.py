"""Where a reader is in the study, from his record alone: the same on every machine, in every tab, after every crash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise

from llmseg.study.access import is_revoked
from llmseg.study.design import Reading
from llmseg.study.protocol import Study
from llmseg.study.store import Event

ANSWER, EDIT, BACK, GO_ON, SITTING = "answer", "edit", "back", "go on", "sitting"

READING, FEEDBACK, NOTE, PAUSED, WASHOUT, DONE, REVOKED = STATES = (
    "reading",
    "training feedback",
    "note",
    "paused",
    "washout",
    "done",
    "revoked",
)


@dataclass(frozen=True)
class Course:
    """A reader's way through his readings.

    Args:
        readings: in his order.
        record: his events, by turn.
        is_paused: whether the study is.
        has_reference: whether there is a reference to show after a training reading.
    """

    study: Study
    readings: tuple[Reading, ...]
    record: tuple[Event, ...]
    is_paused: bool
    has_reference: Callable[[Reading], bool]

    @cached_property
    def answers(self) -> dict[str, list[Event]]:
        """Reading -> every time it was answered; the last one counts."""
        return self._by_reading(ANSWER)

    @cached_property
    def edits(self) -> dict[str, list[Event]]:
        """Reading -> every save of its edit."""
        return self._by_reading(EDIT)

    def _by_reading(self, kind: str) -> dict[str, list[Event]]:
        found: dict[str, list[Event]] = {}
        for event in self.record:
            if event.kind == kind:
                found.setdefault(event.reading, []).append(event)
        return found

    @cached_property
    def frontier(self) -> int:
        """Index of the first reading without an answer; their number where there is none."""
        return next(
            (i for i, reading in enumerate(self.readings) if reading.id not in self.answers), len(self.readings)
        )

    @cached_property
    def position(self) -> int:
        """Index of the reading that is on the page: the first without an answer, one he came back to, or one he has
        answered and now sees what is shown after it; the number of readings where there is none."""
        stays = self.awaits or (self._step and self._step.kind == BACK)
        return self.readings.index(self._named(self._step)) if stays else self.frontier

    @property
    def reading(self) -> Reading | None:
        return self.readings[self.position] if self.position < len(self.readings) else None

    @cached_property
    def awaits(self) -> str | None:
        """FEEDBACK or NOTE, where the reader has answered and not yet gone on from what is shown then."""
        return self.shown_after(self._named(self._step)) if self._step and self._step.kind == ANSWER else None

    @cached_property
    def _step(self) -> Event | None:
        """The last event that moved the reader."""
        return next((event for event in reversed(self.record) if event.kind in (ANSWER, BACK, GO_ON)), None)

    def _named(self, event: Event) -> Reading:
        return next(reading for reading in self.readings if reading.id == event.reading)

    def shown_after(self, reading: Reading) -> str | None:
        """FEEDBACK or NOTE, where something is shown once the reading is answered."""
        if reading.training and self.has_reference(reading):
            return FEEDBACK
        return NOTE if self.study.show_note == "after" else None

    def state(self, now: datetime) -> str:
        """One of STATES."""
        if is_revoked(self.record):
            return REVOKED
        if self.is_paused:
            return PAUSED
        if self.reading is None:
            return DONE
        return self.awaits or (WASHOUT if self.washout_left(now) else READING)

    @property
    def back_to(self) -> Reading | None:
        """The reading before, where its answer may still be changed: few enough back, in the same sitting, and with
        nothing shown after it that tells."""
        target = self.position - 1
        if target < 0 or self.awaits or self.frontier - target > self.study.back:
            return None
        reading = self.readings[target]
        has_next_begun = self.reading and self.reading.session in self.sittings - {reading.session}
        return None if has_next_begun or self.shown_after(reading) else reading

    # ---- sittings ----

    @cached_property
    def sittings(self) -> frozenset[int]:
        """Those that have begun."""
        return frozenset(event.content["session"] for event in self.record if event.kind == SITTING)

    def washout_left(self, now: datetime) -> timedelta:
        """What is still to be waited before the reading on the page; nothing within a sitting."""
        is_first = self.reading and self.position == self.frontier > 0 and self.reading.session not in self.sittings
        if not is_first:
            return timedelta()
        before = self.answers[self.readings[self.position - 1].id][-1]
        return max(timedelta(), timedelta(days=self.study.washout_days) - self._elapsed(before, now))

    def _elapsed(self, since: Event, now: datetime) -> timedelta:
        """At least so long it is ago: a clock that was set back takes nothing away, and adds nothing."""
        times = [event.at for event in self.record if event.turn >= since.turn] + [now]
        return sum((max(timedelta(), b - a) for a, b in pairwise(times)), timedelta())
