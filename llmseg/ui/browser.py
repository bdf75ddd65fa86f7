"""The case browser: every case on offer as a card with a picture, to search, filter and sort.

What a card says comes from the manifest and the note; its CT is read when the card scrolls into view, and kept small.
"""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Callable
from pathlib import Path
from threading import Lock

import gradio as gr
import numpy as np

from llmseg.case import STRUCTURES, TARGETS, InputError, Structures, Volume
from llmseg.formats.nifti import read_structures
from llmseg.plots import COLOURS, SOFT_TISSUE_HU
from llmseg.text.note import read_note
from llmseg.ui.cases import Catalogue, Entry, start_of
from llmseg.ui.session import RecentlyUsed
from llmseg.ui.viewer import field_of, frame_of

HERE = Path(__file__).parent
log = logging.getLogger(__name__)

SIDE_MM, STEP_MM = 240.0, 1.0
"""What a picture shows, and the edge of its pixels."""
HEADROOM_MM = 150.0
"""From the picture's top to the target's middle, so that the head is seen with its neck."""
SMOOTH_MM = 1.5
"""Takes the voxels' steps out of an outline."""
QUALITY = 82
KEPT_PICTURES = 1000
FILL = 0.28
TARGET = TARGETS[0]
NONE_OPEN = {"key": "", "name": "No case", "what": ""}


class Shelf:
    """What the browser asks the server for; the same for every user, as it holds nothing of any session.

    Args:
        is_busy: whether the model works; no CT is read for a picture meanwhile.
    """

    def __init__(self, catalogue: Catalogue, is_busy: Callable[[], bool]):
        self.catalogue, self._is_busy = catalogue, is_busy
        self._cards: list[dict[str, object]] | None = None
        self._pictures, self._scores = RecentlyUsed(KEPT_PICTURES), RecentlyUsed(KEPT_PICTURES)
        self._one_at_a_time = Lock()

    def cards(self) -> list[dict[str, object]]:
        """What each card says and is found by, in the order of the list; no CT is read."""
        with self._one_at_a_time:
            if self._cards is None:
                self._cards = [_card(entry) for entry in self.catalogue]
            return self._cards

    def picture(self, key: str) -> dict[str, object] | None:
        """The CT from the front with the target on it, and the stored contour's DSC; None while the model works.

        Returns:
            {"src": data URL, "dsc": DSC of the high-dose target or None}, or {"wrong": why there is no picture}.
        Raises:
            InputError: an unknown key.
        """
        entry = self.catalogue[key]
        if made := self._pictures.get(key):
            return made
        with self._one_at_a_time:
            if self._is_busy():
                return None
            made = self._pictures.get(key) or self._made(entry)
            self._pictures.put(key, made)
            return made

    def scores(self) -> dict[str, float | None]:
        """Key -> DSC of the high-dose target in the stored contour with the note, for the cases that have one."""
        return {entry.key: self._score(entry) for entry in self.catalogue if _is_scored(entry)}

    def _made(self, entry: Entry) -> dict[str, object]:
        try:
            volume = entry.load_volume()
            drawn = entry.load_reference() or _stored_targets(entry) or Structures({}, volume.affine)
            return {"src": picture_of(volume, drawn), "dsc": self._score(entry) if _is_scored(entry) else None}
        except InputError as error:
            return {"wrong": str(error)}

    def _score(self, entry: Entry) -> float | None:
        from llmseg.metrics import dice

        if (kept := self._scores.get(entry.key)) is None:
            reference, drawn = entry.load_reference() or {}, _stored_targets(entry) or {}
            both = TARGET in reference and TARGET in drawn
            kept = (dice(reference[TARGET], drawn[TARGET]) if both else float("nan"),)
            self._scores.put(entry.key, kept)
        return None if np.isnan(kept[0]) else round(float(kept[0]), 3)


def _is_scored(entry: Entry) -> bool:
    return entry.has_reference and entry.results is not None


def _stored_targets(entry: Entry) -> Structures | None:
    return read_structures(entry.results / "text", TARGETS) if entry.results else None


def _card(entry: Entry) -> dict[str, object]:
    site, side = _site_and_side(entry)
    return {
        "key": entry.key,
        "name": entry.name,
        "site": site,
        "side": side,
        "split": entry.split,
        "dataset": entry.dataset,
        "note": entry.note,
        "reference": entry.has_reference,
        "scored": _is_scored(entry),
    }


def _site_and_side(entry: Entry) -> tuple[str, str]:
    """From the manifest, or else read off the note; "" where neither says it."""
    facts = entry.facts
    if facts is None and entry.note:
        try:
            facts = read_note(entry.note).facts
        except InputError as error:
            log.info("The note of %s cannot be read: %s", entry.key, error)
    return ((facts.site or ""), (facts.side or "")) if facts else ("", "")


def named(entry: Entry | None, catalogue: Catalogue) -> dict[str, str]:
    """What the button says of the open case."""
    if entry is None:
        return NONE_OPEN
    if entry.key not in catalogue:
        return {"key": entry.key, "name": entry.label, "what": "sent by you"}
    what = f"{entry.facts.side} {entry.facts.site}" if entry.facts else entry.split
    return {"key": entry.key, "name": entry.name, "what": what}


def picture_of(volume: Volume, drawn: Structures) -> str:
    """A coronal slice through the middle of the target, as a data URL; the patient's right is on its left."""
    from PIL import Image
    from scipy.ndimage import gaussian_filter

    targets = {name: drawn[name] for name in TARGETS if name in drawn}
    frame = frame_of(volume, targets)
    start = start_of(frame, targets or {name: drawn[name] for name in STRUCTURES if name in drawn})
    (left, right), *_ = field_of(volume, frame, start[2])
    spacing, height = frame.spacing_mm, frame.shape[2]
    top = min((start[2] + HEADROOM_MM / spacing[2]), max(height - 1, SIDE_MM / spacing[2]))
    steps = np.arange(STEP_MM / 2, SIDE_MM, STEP_MM)
    across = (left + right) / 2 - (steps - SIDE_MM / 2) / spacing[0]
    down = top - steps / spacing[2]

    def sliced(array: np.ndarray, beyond: float) -> np.ndarray:
        return _sampled(frame.show(array)[:, start[1]], across, down, beyond)

    low, high = SOFT_TISSUE_HU
    grey = ((sliced(volume.array, -1000.0).clip(low, high) - low) / (high - low))[..., None]
    canvas = np.repeat(grey, 3, axis=2)
    for name in reversed(TARGETS):
        if name in targets:
            _paint(canvas, gaussian_filter(sliced(targets[name], 0.0), SMOOTH_MM / STEP_MM) > 0.5, COLOURS[name])
    content = io.BytesIO()
    Image.fromarray((255 * canvas).round().astype(np.uint8)).save(content, "WEBP", quality=QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode()}"


def _sampled(plane: np.ndarray, across: np.ndarray, down: np.ndarray, beyond: float) -> np.ndarray:
    """(rows, columns) of a plane (X, Z), interpolated."""
    from scipy.ndimage import map_coordinates

    places = np.meshgrid(across, down)
    return map_coordinates(plane.astype(np.float32), places, order=1, cval=beyond)


def _paint(canvas: np.ndarray, inside: np.ndarray, colour: str) -> None:
    """An area in a thin veil of its colour, with a firm edge of two pixels."""
    from scipy.ndimage import binary_erosion

    edge = inside & ~binary_erosion(inside, iterations=2)
    rgb = np.array(list(bytes.fromhex(colour[1:]))) / 255
    for area, share in ((inside, FILL), (edge, 1.0)):
        canvas[area] += share * (rgb - canvas[area])


def browser(shelf: Shelf, **kwargs) -> gr.HTML:
    """A button that names the open case and opens the browser; a chosen card is a "select" event with its `case`."""

    # Plain functions of one value: Gradio marks what the page may call, and cannot mark a method.
    def cards(_):
        return shelf.cards()

    def picture(key):
        return shelf.picture(str(key))

    def scores(_):
        return shelf.scores()

    return gr.HTML(
        NONE_OPEN,
        html_template=(HERE / "browser.html").read_text(encoding="utf-8"),
        css_template=(HERE / "browser.css").read_text(encoding="utf-8"),
        js_on_load=(HERE / "browser.js").read_text(encoding="utf-8"),
        server_functions=[cards, picture, scores],
        apply_default_css=False,
        **kwargs,
    )
