"""One press of Run, as steps that can be shown and stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Event, Lock
from typing import TYPE_CHECKING

import numpy as np

from llmseg.case import Note, Segmentation, Volume
from llmseg.ui.session import RecentlyUsed

if TYPE_CHECKING:
    from llmseg.segmenter import Segmenter

KEPT_IMAGES = 4
TICK_SECONDS = 0.5

OnProgress = Callable[[float, str], None]


class Stopped(Exception):
    """The user pressed Stop, or left for another case."""


@dataclass(frozen=True)
class Progress:
    """How far a run is, for the progress bar."""

    fraction: float
    what: str


@dataclass(frozen=True)
class Drawn:
    """What the network drew, as plain arrays, so that it can come from another process.

    Args:
        affine: of the CT's grid; (4, 4), mm, RAS+.
        masks: arm -> structure -> mask on that grid.
        provenance: arm -> what drew it.
        seconds: arm -> seconds of its decode; "image" -> seconds of the encode, absent when it was kept.
    """

    affine: np.ndarray
    masks: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    provenance: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)


class Model:
    """The segmenter, loaded once for all sessions, and the images it encoded last."""

    def __init__(self, load: Callable[[], Segmenter]):
        self._load = load
        self._lock = Lock()
        self._segmenter: Segmenter | None = None
        self._images = RecentlyUsed(KEPT_IMAGES)

    @property
    def is_loaded(self) -> bool:
        return self._segmenter is not None

    def get(self) -> Segmenter:
        with self._lock:
            if self._segmenter is None:
                self._segmenter = self._load()
            return self._segmenter

    def forget(self, session_id: str) -> None:
        self._images.drop(lambda key: key[0] == session_id)

    def draw(
        self,
        key: tuple[str, str],
        load_volume: Callable[[], Volume],
        notes: Mapping[str, Note | None],
        on_progress: OnProgress,
    ) -> Drawn:
        """Contour one CT with each of the notes; the image is encoded unless this session's is still kept.

        Args:
            key: session and case; what is kept is found again only under the same two.
            notes: arm -> note, or None for no note.
        """
        on_progress(0.0, "Loading the model" if not self.is_loaded else "Reading the CT")
        segmenter = self.get()
        seconds, share = {}, 0.0
        image = self._images.get(key)
        if image is None:
            share = 0.6
            started = time.perf_counter()
            image = segmenter.open(load_volume(), _scaled(on_progress, 0.0, share))
            seconds["image"] = time.perf_counter() - started
            self._images.put(key, image)
        drawn: dict[str, Segmentation] = {}
        for number, (arm, note) in enumerate(notes.items()):
            part = (1 - share) / len(notes)
            what = "Contouring with the note" if note else "Contouring without a note"
            started = time.perf_counter()
            drawn[arm] = image.segment(note, _scaled(on_progress, share + number * part, part, what))
            seconds[arm] = time.perf_counter() - started
        return Drawn(
            affine=next(iter(drawn.values())).structures.affine,
            masks={arm: dict(segmentation.structures) for arm, segmentation in drawn.items()},
            provenance={arm: dict(segmentation.provenance) for arm, segmentation in drawn.items()},
            seconds=seconds,
        )


def _scaled(on_progress: OnProgress, low: float, width: float, said: str = "") -> OnProgress:
    """Report one part of a run as a part of the whole."""
    return lambda fraction, what: on_progress(low + width * fraction, said or what)


def stepwise(work: Callable[[OnProgress], object]) -> Iterator[Progress | object]:
    """Run `work` in a thread and yield its progress, then its result.

    The last report is repeated while nothing new arrives, so that the page can show the seconds pass and the caller
    can look whether to go on. Closing the iterator ends the work at its next report.
    """
    reports: SimpleQueue[Progress | None] = SimpleQueue()
    closed = Event()

    def on_progress(fraction: float, what: str) -> None:
        if closed.is_set():
            raise Stopped
        reports.put(Progress(fraction, what))

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work, on_progress)
        future.add_done_callback(lambda _: reports.put(None))
        latest = Progress(0.0, "Starting")
        try:
            while latest is not None:
                yield latest
                with suppress(Empty):
                    latest = reports.get(timeout=TICK_SECONDS)
            yield future.result()
        finally:
            closed.set()
