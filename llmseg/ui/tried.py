"""The notes tried on a case: what each changed, how it looks from the front, and one click back to it."""

from __future__ import annotations

import base64
import html
import io
import math
import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import pairwise

import numpy as np

from llmseg.case import TARGETS, Structures
from llmseg.plots import COLOURS
from llmseg.ui.reading import shortened
from llmseg.ui.session import Result, Session, Tried
from llmseg.ui.viewer import Frame

MOST = 24
"""Notes remembered for one case; the oldest that is not the first goes."""
WIDTH_MM, HEIGHT_MM, STEP_MM = 240.0, 300.0, 4.0
"""What the small picture shows, and the edge of its pixels."""
BACKGROUND, ORGAN_GREY = (13, 17, 22), "#4a5562"
NOTHING = '<p class="quiet">Each note run on this case stays here with its contours until the page is closed.</p>'
ON_LOAD = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-tried]");
  if (button) trigger("select", { ...button.dataset });
});
"""


def remember(tried: Sequence[Tried], note: str, kept: frozenset[str], result: Result) -> tuple[Tried, ...]:
    """With this note's newest contours; the same note again keeps its place."""
    for place, one in enumerate(tried):
        if (one.note, one.kept) == (note, kept):
            return (*tried[:place], Tried(one.number, note, kept, result), *tried[place + 1 :])
    number = max((one.number for one in tried), default=0) + 1
    return (*tried[:1], *tried[1:][-(MOST - 2) :], Tried(number, note, kept, result))


def what_changed(before: str, after: str, letters: int = 64) -> str:
    """The words of a note that another replaced, "left → right"; the note's beginning where most of it is new."""
    old, new = (re.findall(r"\w+|[^\w\s]", text) for text in (before, after))
    match = SequenceMatcher(None, old, new, autojunk=False)
    if match.ratio() < 0.5:
        return shortened(after, letters)
    parts = []
    for kind, a, b, c, d in match.get_opcodes():
        gone, come = " ".join(old[a:b]), " ".join(new[c:d])
        if kind != "equal" and re.search(r"\w", gone + come):
            parts.append({"insert": f"+ {come}", "delete": f"− {gone}"}.get(kind, f"{gone} → {come}"))
    return shortened("; ".join(parts), letters) or "other spacing or signs"


def shown(session: Session | None) -> str:
    """The panel's HTML: the notes tried on the open case, newest first, those on show marked."""
    tried = session.tried_here if session else ()
    if not tried:
        return NOTHING
    current, compared = session.results.get("text"), session.compared.name if session.compared else ""
    before = {one.number: earlier.note for earlier, one in pairwise(tried)}
    rows = (_row(one, before.get(one.number), one.result == current, compared) for one in reversed(tried))
    return f'<ol class="tried">{"".join(rows)}</ol>'


def name_of(number: int) -> str:
    """What a comparison with this note is called."""
    return f"tried {number}"


def _row(one: Tried, before: str | None, is_current: bool, compared: str) -> str:
    said = shortened(one.note, 64) if before is None else what_changed(before, one.note)
    beside = str(compared == name_of(one.number)).lower()
    current = ' aria-current="true"' if is_current else ""
    return (
        f"<li{current}>"
        f'<button type="button" class="back" data-does="select" data-tried="{one.number}" '
        f'title="{html.escape(one.note, quote=True)}">'
        f'<img src="{one.result.picture}" alt="" width="48" height="60">'
        f"<b>Note {one.number}</b><span>{html.escape(said)}</span>"
        f'<i title="{TARGETS[0]}">{_figures(one.result)}</i></button>'
        f'<button type="button" class="beside" data-does="compare" data-tried="{one.number}" aria-pressed="{beside}"'
        f'{" disabled" if is_current else ""} title="Show it in the second panel">Beside</button></li>'
    )


def _figures(result: Result) -> str:
    """The high-dose target's DSC and millilitres."""
    target = TARGETS[0]
    dsc, ml = result.measured.dsc.get(target, math.nan), result.measured.ml.get(target, math.nan)
    parts = [f"DSC {dsc:.2f}"] * (not math.isnan(dsc)) + [f"{ml:.0f} ml"] * (not math.isnan(ml))
    return " · ".join(parts)


def picture_of(structures: Structures, frame: Frame, centre: Sequence[int]) -> str:
    """What was drawn, seen from the front, as a PNG in a data URL: organs in grey, targets in their colours.

    The patient's right is on the left, at the same scale for every case.

    Args:
        centre: displayed voxel in the middle of the picture.
    """
    from PIL import Image

    spacing = np.array(frame.spacing_mm)
    across = centre[0] - _steps(WIDTH_MM) / spacing[0]  # radiological: to the right is to the patient's left
    down = centre[2] - _steps(HEIGHT_MM) / spacing[2]
    canvas = np.full((len(down), len(across), 3), BACKGROUND, np.uint8)
    for name in sorted(structures, key=_depth):
        silhouette = frame.show(structures[name]).any(axis=1)
        canvas[_looked_up(silhouette, across, down)] = _rgb_of(name)
    content = io.BytesIO()
    Image.fromarray(canvas).save(content, "PNG")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"


def _depth(name: str) -> int:
    """Organs behind, then the targets, the highest dose in front."""
    return -TARGETS.index(name) if name in TARGETS else -len(TARGETS)


def _steps(extent_mm: float) -> np.ndarray:
    """Where each pixel's middle lies from the centre, in mm."""
    return np.arange(STEP_MM / 2, extent_mm, STEP_MM) - extent_mm / 2


def _looked_up(silhouette: np.ndarray, across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """(rows, columns) bool: the nearest voxel of (X, Z), nothing beyond its edges."""
    x, z = np.rint(across).astype(int), np.rint(down).astype(int)
    inside = np.outer((z >= 0) & (z < silhouette.shape[1]), (x >= 0) & (x < silhouette.shape[0]))
    clipped = silhouette[np.ix_(x.clip(0, silhouette.shape[0] - 1), z.clip(0, silhouette.shape[1] - 1))].T
    return clipped & inside


def _rgb_of(name: str) -> list[int]:
    return list(bytes.fromhex((COLOURS[name] if name in TARGETS else ORGAN_GREY)[1:]))
