"""Contours edited by hand: what the page sends of them is checked here, measured, and kept as a third arm.

All drawing happens in the browser (editing.js). Only what a save holds comes here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

import numpy as np

from llmseg.case import STRUCTURES, InputError, Structures
from llmseg.metrics import drawn_path_mm
from llmseg.ui import numbers
from llmseg.ui.cases import Shown
from llmseg.ui.downloads import boxes_of, unpack
from llmseg.ui.numbers import Measured
from llmseg.ui.running import Cropped
from llmseg.ui.sent import REMEDY, Part, read_parts, read_seconds, whole
from llmseg.ui.session import Edited, Result, Session
from llmseg.ui.viewer import Frame, in_order, pack_parts

NAME = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True, eq=False)
class Sent:
    """One save, as far as it can be checked by itself.

    Args:
        id: of this save.
        start: the contours the edit began with.
        after: the save it goes on from; "" for the first.
        parts: structure -> what it is now; only those that changed since.
        seconds: structure -> active seconds since.
    """

    id: str
    start: Result
    after: str
    parts: Mapping[str, Part]
    seconds: Mapping[str, float]


class Edits:
    """The edited contours of every open tab, also after it was loaded again, by case.

    Kept here and not in the `Session`: a run that began before a save ends after it with the session it was given.
    """

    def __init__(self):
        self._kept: dict[tuple[str, str], Edited] = {}
        self._lock = Lock()

    def of(self, session: Session) -> Edited | None:
        """Those of the open case."""
        with self._lock:
            return self._kept.get(_key(session)) if session.shown else None

    def put(self, session: Session, edited: Edited | None, after: str | None = None) -> None:
        """Keep these from now on; None takes away what is kept.

        Args:
            after: the save that must be the last one kept; None does not ask.
        Raises:
            InputError: another one is.
        """
        with self._lock:
            kept = self._kept.pop(_key(session), None)
            if after is not None and after != (kept.id if kept else ""):
                self._kept.update({_key(session): kept} if kept else {})
                raise InputError("These contours were edited elsewhere in the meantime. Reload the page to see them.")
            if edited:
                self._kept[_key(session)] = edited

    def forget(self, home: str) -> None:
        with self._lock:
            for key in [key for key in self._kept if key[0] == home]:
                del self._kept[key]


def _key(session: Session) -> tuple[str, str]:
    return session.home, session.shown.key


# ---- what the page sends ----


def read_sent(sent: object, shown: Shown, candidates: Sequence[Result]) -> Sent:
    """Check a save against the open case.

    Args:
        sent: {"id", "case", "start", "after", "table": [{"name", "box"}], "bits", "seconds": {name: number}}. A box is
            three [first, one past the last] of the displayed grid, or null for an empty contour; `bits` is base64 of
            the gzip that `viewer.pack_masks` describes.
        candidates: all contours that this tab has had of the open case; the edit began with one of them, "start" being
            its `PackedMasks.id`. Whatever has a row in the table may be edited.
    Raises:
        InputError: another case is open now, those contours are no longer kept, or anything that this page would not
            have sent.
    """
    sent = sent if isinstance(sent, dict) else {}
    if sent.get("case") != shown.key:
        raise InputError("Another case is open now, so this edit was not saved. Open its case again and edit it there.")
    start = next((result for result in candidates if result.masks.id == sent.get("start")), None)
    if start is None:
        raise InputError("The contours that this edit began with are no longer here, so it was not saved. Edit again.")
    id, after = sent.get("id"), sent.get("after")
    if not all(isinstance(word, str) and NAME.fullmatch(word) for word in (id, after or id)):
        raise InputError(f"The edit does not say which save it is. {REMEDY}")
    names = {*STRUCTURES, *shown.reference_ml, *start.names}
    parts = read_parts(sent, shown.frame.shape, names)
    return Sent(id, start, after or "", parts, read_seconds(sent, names))


# ---- what becomes of it ----


def applied(
    sent: Sent, before: Edited | None, shown: Shown, reference: Structures | None, folder: Path
) -> Edited | None:
    """The edited contours after one more save; None where nothing differs from the start any more.

    Args:
        before: what was saved of this edit so far.
        folder: where the masks are kept.
    """
    start, base = sent.start, before.result if before else sent.start
    began = {name: (box, inside) for name, box, inside in boxes_of(start.masks)}
    parts = {name: (box, inside) for name, box, inside in boxes_of(base.masks)} | dict(sent.parts)
    frame, apl_mm = shown.frame, dict(before.apl_mm if before else {})
    masks = {name: whole(part, frame, shown.shape) for name, part in sent.parts.items()}
    for name, mask in masks.items():
        first = whole(began[name], frame, shown.shape) if name in began else np.zeros(shown.shape, bool)
        apl_mm[name] = drawn_path_mm(first, mask, frame.own)
    seconds = dict(before.seconds if before else {})
    for name, value in sent.seconds.items():
        seconds[name] = seconds.get(name, 0.0) + value
    changed = [name for name, part in parts.items() if not _same(part, began.get(name))]
    if not changed:
        return None
    result = Result(
        masks=pack_parts(parts, folder),
        names=base.names | frozenset(masks),
        measured=base.measured.updated(_measured(masks, reference, frame)),
        caption=f"By hand in {clock(sum(seconds.values()))} min: {', '.join(in_order(set(changed)))} · {start.caption}",
        own_note=start.own_note,
        note=start.note,
        provenance=_provenance(start, changed, seconds, apl_mm),
    )
    return Edited(sent.id, result, start, seconds, {name: apl_mm[name] for name in apl_mm if name in changed})


def _same(part: Part, other: Part | None) -> bool:
    if other is None or not part[1].any():
        return not part[1].any() and (other is None or not other[1].any())
    tight, at = Cropped.of(part[1]), Cropped.of(other[1])
    places = [
        [(outer.start + inner.start, outer.start + inner.stop) for outer, inner in zip(box, crop.box, strict=True)]
        for box, crop in ((part[0], tight), (other[0], at))
    ]
    return places[0] == places[1] and np.array_equal(tight.inside, at.inside)


def _measured(masks: Mapping[str, np.ndarray], reference: Structures | None, frame: Frame) -> Measured:
    drawn = Structures(masks, frame.own)
    known = {name: mask for name, mask in (reference or {}).items() if name in masks}
    voxel_ml = abs(float(np.linalg.det(frame.own[:3, :3]))) / 1000
    ml = {name: float(mask.sum()) * voxel_ml for name, mask in masks.items()}
    return numbers.measure(drawn, Structures(known, frame.own) if known else None, ml)


def scored(edited: Edited, shown: Shown, reference: Structures) -> Edited:
    """The same contours with their agreement, which a learner was not told while drawing."""
    masks = unpack(edited.result.masks, shown.frame, shown.shape)
    newer = edited.result.measured.updated(_measured(masks, reference, shown.frame))
    return replace(edited, result=replace(edited.result, measured=newer))


def _provenance(
    start: Result, changed: Sequence[str], seconds: Mapping[str, float], apl_mm: Mapping[str, float]
) -> dict[str, object]:
    return {
        **start.provenance,
        "edited_by_hand": list(in_order(set(changed))),
        "edit_seconds": {name: round(value, 1) for name, value in seconds.items()},
        "added_path_length_mm": {name: round(apl_mm.get(name, 0.0), 1) for name in changed},
    }


def reopened(result: Result | None, start: Result | None) -> Edited | None:
    """The edit of a saved session, as far as its files say; None where it had none."""
    if result is None or start is None:
        return None
    seconds, apl_mm = (_read_numbers(result.provenance.get(key)) for key in ("edit_seconds", "added_path_length_mm"))
    return Edited(result.masks.id, result, start, seconds, apl_mm)


def _read_numbers(found: object) -> dict[str, float]:
    pairs = found.items() if isinstance(found, dict) else ()
    return {
        name: float(value)
        for name, value in pairs
        if name in STRUCTURES and type(value) in (int, float) and 0 <= value < math.inf
    }


def told(edited: Edited | None) -> dict[str, object] | None:
    """What the page says of an edit: its ids, and a row for each structure that was edited."""
    if edited is None:
        return None
    names = sorted({*edited.seconds, *edited.apl_mm}, key=lambda name: -edited.apl_mm.get(name, 0.0))
    surface = edited.start.measured.surface, edited.result.measured.surface
    rows = [
        {
            "name": name,
            "time": clock(edited.seconds.get(name, 0.0)),
            "apl": f"{edited.apl_mm.get(name, 0.0):.0f}",
            "surface": " → ".join(_two(arm.get(name, math.nan)) for arm in surface if arm or arm is surface[1]),
        }
        for name in names
    ]
    return {"id": edited.id, "start": edited.start.masks.id, "rows": rows}


def _two(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"


def clock(seconds: float) -> str:
    """For example "1:05"; minutes go on beyond an hour."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
