"""One press of Run, as steps that can be shown and stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Event, Lock
from typing import TYPE_CHECKING

import numpy as np

from llmseg.case import TARGETS, Likelihood, Structures, Volume
from llmseg.text.note import NoteReading
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


@dataclass(frozen=True, eq=False)
class Cropped:
    """A mask without the empty space around it: a run draws many, and a clinical CT has 40 million voxels."""

    shape: tuple[int, int, int]
    box: tuple[slice, slice, slice]
    inside: np.ndarray

    @classmethod
    def of(cls, mask: np.ndarray) -> Cropped:
        box = []
        for axis in range(3):
            seen = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
            box.append(slice(int(seen[0]), int(seen[-1]) + 1) if seen.size else slice(0, 0))
        return cls(mask.shape, tuple(box), mask[tuple(box)].copy())

    def whole(self) -> np.ndarray:
        mask = np.zeros(self.shape, dtype=bool)
        mask[self.box] = self.inside
        return mask


@dataclass(frozen=True)
class Drawn:
    """What the network drew, as plain arrays, so that it can come from another process.

    Args:
        affine: of the CT's grid; (4, 4), mm, RAS+.
        masks: arm -> structure -> mask on that grid, without the empty space around it.
        provenance: arm -> what drew it.
        likely: target -> its probabilities with the note, where that arm was drawn.
        seconds: "decode" -> seconds of all of them; "image" -> seconds of the encode, absent when it was kept.
    """

    affine: np.ndarray
    masks: Mapping[str, Mapping[str, Cropped]] = field(default_factory=dict)
    provenance: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    likely: Mapping[str, Likelihood] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)

    def structures(self, arm: str) -> Structures:
        """One arm's contours on the CT's grid."""
        return Structures({name: mask.whole() for name, mask in self.masks[arm].items()}, self.affine)


class Model:
    """The segmenter, loaded once for all sessions, and the images it encoded last."""

    def __init__(self, load: Callable[[], Segmenter]):
        self._load = load
        self._lock = Lock()
        self._segmenter: Segmenter | None = None
        self._images = RecentlyUsed(KEPT_IMAGES)
        self._drawing, self._counting = 0, Lock()

    @property
    def is_loaded(self) -> bool:
        return self._segmenter is not None

    @property
    def is_drawing(self) -> bool:
        """Whether a run goes on; what can wait should."""
        return self._drawing > 0

    def get(self) -> Segmenter:
        with self._lock:
            if self._segmenter is None:
                self._segmenter = self._load()
            return self._segmenter

    def forget(self, session_id: str) -> None:
        self._images.drop(lambda key: key[0] == session_id)

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        with self._counting:
            self._drawing += 1
        try:
            yield
        finally:
            with self._counting:
                self._drawing -= 1

    def draw(
        self,
        key: tuple[str, str],
        load_volume: Callable[[], Volume],
        notes: Mapping[str, NoteReading | None],
        on_progress: OnProgress,
    ) -> Drawn:
        """Contour one CT with each of the notes; the image is encoded unless this session's is still kept.

        Args:
            key: session and case; what is kept is found again only under the same two.
            notes: arm -> a note as it was read, or None for no note.
        """
        with self._at_work():
            return self._draw(key, load_volume, notes, on_progress)

    def _draw(
        self, key: tuple[str, str], load_volume: Callable[[], Volume], notes: Mapping, on_progress: OnProgress
    ) -> Drawn:
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
        started = time.perf_counter()
        masks, provenance, likely, affine = {}, {}, {}, None
        each = image.segment_each(list(notes.values()), _scaled(on_progress, share, 1 - share))
        for arm, segmentation in zip(notes, each, strict=True):
            affine = segmentation.structures.affine
            masks[arm] = {name: Cropped.of(mask) for name, mask in segmentation.structures.items()}
            provenance[arm] = dict(segmentation.provenance)
            if arm == "text" and segmentation.load_likelihood:
                likely = {n: segmentation.load_likelihood(n) for n in TARGETS if n in segmentation.structures}
        seconds["decode"] = time.perf_counter() - started
        return Drawn(affine, masks, provenance, likely, seconds)


def _scaled(on_progress: OnProgress, low: float, width: float) -> OnProgress:
    """Report one part of a run as a part of the whole."""
    return lambda fraction, what: on_progress(low + width * fraction, what)


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
