"""The linked CT panels: what Python sends to the page, packed small, and the component that draws it.

The CT travels once per case, the masks once per result; every slice, window and outline is made in the browser.
"""

from __future__ import annotations

import gzip
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default
from pathlib import Path

import gradio as gr
import numpy as np
from gradio.data_classes import FileData, GradioModel

from llmseg.case import ORGANS, TARGETS, InputError, Likelihood, Structures, Volume
from llmseg.plots import COLOURS, OTHER_COLOUR

HERE = Path(__file__).parent
PANEL_SCRIPTS = (
    "dom.js",
    "contours.js",
    "volume.js",
    "masks.js",
    "drawing.js",
    "ruler.js",
    "gestures.js",
    "view.js",
    "strip.js",
    "clock.js",
    "editing.js",
    "viewer.js",
)
"""Those that know nothing of what the panels compare."""
SCRIPTS = (*PANEL_SCRIPTS, "likely.js", "solid.js", "learning.js", "bench.js")
PARTS = ("windows", "edit-bar")
BODY_ABOVE_HU = -400
MARGIN_MM = 8.0
FIELD_MM = 12.0
LEAST_LIKELY = 0.05
"""Half of what is painted at least: what is less likely need not travel."""


@dataclass(frozen=True, eq=False)
class Frame:
    """How a CT's own voxels are turned (to RAS+) and cropped (in the axial plane) for the screen.

    Args:
        orientation: nibabel's (3, 2) array of axes and directions.
        box: the displayed part of the turned array.
        affine, own: (4, 4) voxel index to mm, RAS+, as displayed and of the CT itself.
    """

    orientation: np.ndarray
    box: tuple[slice, slice, slice]
    affine: np.ndarray
    own: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        return tuple(part.stop - part.start for part in self.box)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        return tuple(float(v) for v in np.linalg.norm(self.affine[:3, :3], axis=0))

    def place(self, voxel: tuple[int, int, int]) -> tuple[int, int, int]:
        """Where a voxel of the CT's own grid is displayed."""
        point = np.linalg.inv(self.affine) @ self.own @ [*voxel, 1]
        return tuple(int(np.clip(round(v), 0, size - 1)) for v, size in zip(point[:3], self.shape, strict=True))

    def show(self, array: np.ndarray) -> np.ndarray:
        """A view of an array on the CT's grid, turned and cropped."""
        return _turn(array, self.orientation)[self.box]


def frame_of(volume: Volume, reference: Structures | None = None) -> Frame:
    """Turn the CT to RAS+ and crop it, in the axial plane, to the body and to any reference contour."""
    from nibabel.orientations import inv_ornt_aff, io_orientation

    orientation = io_orientation(volume.affine)
    turned = _turn(volume.array, orientation)
    # Every second slice is enough to find the body's sides; all slices are kept, so their numbers stay the scanner's.
    seen = (turned[:, :, ::2] > BODY_ABOVE_HU).sum(axis=2) > 1
    for mask in (reference or {}).values():
        seen |= _turn(mask, orientation).any(axis=2)
    spacing = np.linalg.norm(volume.affine[:3, :3], axis=0)[_axes(orientation)]
    sides = [_span(seen.any(axis=1 - axis), MARGIN_MM / spacing[axis]) for axis in range(2)]
    box = (*sides, slice(0, turned.shape[2]))
    affine = volume.affine @ inv_ornt_aff(orientation, volume.shape)
    affine[:3, 3] = (affine @ [*(part.start for part in box), 1])[:3]
    return Frame(orientation, box, affine, volume.affine)


def field_of(volume: Volume, frame: Frame, z: int) -> tuple[tuple[int, int], ...]:
    """What the panels show at first: the body near slice z, so that wide shoulders do not make the neck small.

    Returns:
        First and one past the last displayed voxel along x, y and z.
    """
    near = max(1, round(FIELD_MM / frame.spacing_mm[2]))
    body = frame.show(volume.array)[:, :, max(z - near, 0) : z + near] > BODY_ABOVE_HU
    seen = body.sum(axis=2) > 1
    spans = [_span(seen.any(axis=1 - axis), MARGIN_MM / frame.spacing_mm[axis]) for axis in range(2)]
    return (*((span.start, span.stop) for span in spans), (0, frame.shape[2]))


def _turn(array: np.ndarray, orientation: np.ndarray) -> np.ndarray:
    # nibabel's apply_orientation, without its copies.
    turned = array.transpose(_axes(orientation))
    return turned[tuple(slice(None, None, -1 if orientation[axis, 1] < 0 else 1) for axis in _axes(orientation))]


def _axes(orientation: np.ndarray) -> list[int]:
    return [int(axis) for axis in np.argsort(orientation[:, 0])]


def _span(seen: np.ndarray, margin: float) -> slice:
    found = np.flatnonzero(seen)
    if not found.size:
        return slice(0, len(seen))
    margin = int(np.ceil(margin))
    return slice(max(int(found[0]) - margin, 0), min(int(found[-1]) + 1 + margin, len(seen)))


@dataclass(frozen=True)
class PackedMasks:
    """Masks of one arm in a file of their own.

    Args:
        path: gzip of one bit per voxel of each structure's box, x fastest, each structure from a new byte.
        table: per structure its name, box in displayed voxels, and first byte.
    """

    path: str
    table: tuple[Mapping[str, object], ...]

    @property
    def id(self) -> str:
        """Tells these masks from all others; as secret as the path."""
        return Path(self.path).stem


@dataclass(frozen=True)
class PackedLikely:
    """Probabilities of some structures in a file of their own.

    Args:
        path: gzip of four bits per coarse voxel of each structure's box, the first in the low half, x fastest.
        table: per structure its name, `size` of the box, `origin` of its first coarse voxel's middle and `step` between
            two of them in displayed voxels, first byte, and the probability `at_contour`.
    """

    path: str
    table: tuple[Mapping[str, object], ...]


def pack_likely(likely: Mapping[str, Likelihood], frame: Frame, folder: Path) -> PackedLikely | None:
    """Write what is likely enough to be painted in sixteen steps of probability; None where nothing is."""
    table, chunks, offset = [], [], 0
    for name, one in likely.items():
        near = one.values >= LEAST_LIKELY
        if not near.any():
            continue
        # One voxel more on each side, so that what is interpolated fades out.
        box = tuple(_span(near.any(axis=tuple({0, 1, 2} - {axis})), 1) for axis in range(3))
        steps = np.rint(one.values[box] * 15).astype(np.uint8).T.ravel()
        steps = np.append(steps, np.zeros(steps.size % 2, np.uint8))
        chunk = (steps[::2] | steps[1::2] << 4).tobytes()
        to_voxels = np.linalg.inv(frame.affine) @ one.affine
        origin = to_voxels @ [*(part.start for part in box), 1]
        table.append(
            {
                "name": name,
                "size": [part.stop - part.start for part in box],
                "origin": origin[:3].round(4).tolist(),
                "step": np.diag(to_voxels)[:3].round(6).tolist(),
                "offset": offset,
                "at_contour": round(one.at_contour, 3),
            }
        )
        chunks.append(chunk)
        offset += len(chunk)
    return PackedLikely(_write(b"".join(chunks), folder), tuple(table)) if table else None


def pack_ct(volume: Volume, frame: Frame, folder: Path) -> str:
    """Write the displayed CT as gzip of int16, x fastest, and return its path."""
    shown = frame.show(volume.array)
    hu = np.empty(shown.shape[::-1], dtype="<i2")
    np.rint(shown.T.clip(-32768, 32767), out=hu, casting="unsafe")
    return _write(hu.tobytes(), folder)


def pack_masks(structures: Mapping[str, np.ndarray], frame: Frame, folder: Path) -> PackedMasks:
    """Write masks on the CT's grid as bits of their boxes; empty ones take no room."""
    whole = tuple(slice(0, size) for size in frame.shape)
    return pack_parts({name: (whole, frame.show(mask)) for name, mask in structures.items()}, folder)


def pack_parts(parts: Mapping[str, tuple[tuple[slice, slice, slice], np.ndarray]], folder: Path) -> PackedMasks:
    """Write what lies in a box of the displayed grid, (X, Y, Z) bool, per structure; empty ones take no room."""
    table, chunks, offset = [], [], 0
    for name, (box, inside) in parts.items():
        if not inside.any():
            continue
        spans = [_span(inside.any(axis=tuple({0, 1, 2} - {axis})), 0) for axis in range(3)]
        chunk = np.packbits(inside[tuple(spans)].T.ravel(), bitorder="little").tobytes()
        tight = [[part.start + span.start, part.start + span.stop] for part, span in zip(box, spans, strict=True)]
        table.append({"name": name, "box": tight, "offset": offset})
        chunks.append(chunk)
        offset += len(chunk)
    return PackedMasks(_write(b"".join(chunks), folder), tuple(table))


def _write(data: bytes, folder: Path) -> str:
    # Whoever knows a cached file's address can read it, so the address is a secret.
    path = folder / f"{secrets.token_hex(16)}.gz"
    scratch = path.with_suffix(".part")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Level 1: a higher one takes eight times longer for two per cent.
        scratch.write_bytes(gzip.compress(data, compresslevel=1, mtime=0))
        os.replace(scratch, path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise InputError(f"The server cannot keep this image ({error.strerror}). Free some space there.") from error
    return str(path)


@dataclass(frozen=True)
class Panel:
    """One arm of the comparison as the page shows it: masks and the line above them."""

    masks: PackedMasks
    caption: str = ""


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything the panels show of one case.

    Args:
        key: changes with the case; a new one resets position and zoom.
        ct: path of the packed CT.
        field: what the views show at first, `field_of`.
        panels: "text", "no-text", "reference", "edited" and what that "started" from, as far as they exist.
        absent: what stands in a panel that has no contours yet.
        numbers: structure -> metric -> column -> {"text", "tone", "title"}; rows of the table.
        metrics: which of "dsc", "hd95" and "ml" there are.
        second: what the second panel shows, if not the contour without a note.
        jump: displayed voxel to go to.
        edit: what the page says about the edited contours, `editing.told`; None where there are none.
        likely: how likely each voxel belongs to a target, with the note.
        no_likely: why there is none.
        lesson: the stage of the lesson that is on, of `lessons.STAGES`; "" without one.
    """

    key: str
    label: str
    frame: Frame
    ct: str
    start: tuple[int, int, int]
    field: tuple[tuple[int, int], ...]
    panels: Mapping[str, Panel] = default(default_factory=dict)
    absent: Mapping[str, str] = default(default_factory=dict)
    names: tuple[str, ...] = ()
    numbers: Mapping[str, Mapping] = default(default_factory=dict)
    mean: Mapping | None = None
    metrics: tuple[str, ...] = ()
    caveat: str = ""
    second: str = ""
    jump: tuple[int, int, int] | None = None
    edit: Mapping | None = None
    likely: PackedLikely | None = None
    no_likely: str = ""
    lesson: str = ""


class ViewerData(GradioModel):
    """What travels: files by reference, and the scene as plain JSON."""

    ct: FileData
    masks: dict[str, FileData]
    scene: dict
    likely: FileData | None = None


def viewer(**kwargs) -> gr.HTML:
    """The two linked panels (with the note | without) and the table beside them; its value is `to_data(scene)`.

    An instance and not a subclass of `gr.HTML`, because Gradio writes a stub file beside the source of every subclass.
    """
    scripts = [(HERE / name).read_text(encoding="utf-8") for name in SCRIPTS]
    return gr.HTML(
        html_template=page_of(HERE / "viewer.html"),
        css_template=(HERE / "viewer.css").read_text(encoding="utf-8"),
        js_on_load="\n".join(scripts),
        apply_default_css=False,
        **kwargs,
    )


def page_of(path: Path) -> str:
    """An HTML file with the parts that all panels share in their places."""
    page = path.read_text(encoding="utf-8")
    for part in PARTS:
        page = page.replace(f"<!-- {part} -->\n", (HERE / f"{part}.html").read_text(encoding="utf-8"))
    return page


def to_data(scene: Scene) -> ViewerData:
    """The scene as files and JSON."""
    return ViewerData(
        ct=FileData(path=scene.ct),
        masks={arm: FileData(path=panel.masks.path) for arm, panel in scene.panels.items()},
        scene={
            "key": scene.key,
            "label": scene.label,
            "shape": list(scene.frame.shape),
            "spacing_mm": list(scene.frame.spacing_mm),
            "affine": scene.frame.affine.tolist(),
            "start": list(scene.start),
            "field": [list(span) for span in scene.field],
            "arms": {
                arm: {"caption": panel.caption, "id": panel.masks.id, "table": list(panel.masks.table)}
                for arm, panel in scene.panels.items()
            },
            "absent": dict(scene.absent),
            "structures": [describe(name, scene.numbers.get(name)) for name in scene.names],
            "mean": scene.mean,
            "metrics": list(scene.metrics),
            "caveat": scene.caveat,
            "second": scene.second,
            "jump": list(scene.jump) if scene.jump else None,
            "edit": scene.edit,
            "likely": list(scene.likely.table) if scene.likely else [],
            "no_likely": scene.no_likely,
            "lesson": scene.lesson,
        },
        likely=FileData(path=scene.likely.path) if scene.likely else None,
    )


def describe(name: str, numbers: Mapping | None = None) -> dict[str, object]:
    """A structure as the page knows it: kind, colours and, where there are some, numbers."""
    colour = COLOURS.get(name, OTHER_COLOUR)
    kind = "target" if name in TARGETS else "organ"
    return {"name": name, "kind": kind, "colour": colour, "pale": _pale(colour), "numbers": numbers}


def _pale(colour: str) -> str:
    """Halfway to white: the reference, recognisably of the same structure."""
    return "#" + bytes((part + 255) // 2 for part in bytes.fromhex(colour[1:])).hex()


def in_order(names: set[str]) -> tuple[str, ...]:
    """Targets, then organs, then whatever else, as in every table of the project."""
    known = [name for name in (*TARGETS, *ORGANS) if name in names]
    return (*known, *sorted(names - set(known)))
