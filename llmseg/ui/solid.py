"""The structures in 3D: their surfaces as Plotly meshes, small enough to travel, made only when they are looked at."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from llmseg.case import TARGETS
from llmseg.plots import COLOURS, OTHER_COLOUR
from llmseg.ui.downloads import boxes_of
from llmseg.ui.numbers import MUTED, TEXT
from llmseg.ui.session import Session
from llmseg.ui.viewer import Frame, PackedMasks, in_order

if TYPE_CHECKING:
    from plotly.graph_objects import Figure, Mesh3d, Scatter3d

STEP_MM = 3.0
"""Edge of the cells a surface runs through."""
MOST_VERTICES = 18_000
"""Of all surfaces together; 24 bytes each travel. More are made of larger cells."""
UNIT_MM = 0.1
"""Vertices travel as whole tenths of a millimetre, in two bytes."""
SMOOTH_CELLS = 0.6
LEGEND_SHARE = 0.16
"""Of the width, kept free for the legend."""
LIGHT = {"ambient": 0.5, "diffuse": 0.75, "specular": 0.12, "roughness": 0.6, "fresnel": 0.05}
LETTERS = {"R": (1, 0, 0), "L": (-1, 0, 0), "A": (0, 1, 0), "P": (0, -1, 0), "S": (0, 0, 1), "I": (0, 0, -1)}
"""Where each side of the patient lies in RAS+."""


@dataclass(frozen=True, eq=False)
class Surface:
    """A closed surface.

    Args:
        vertices: (N, 3) float32, mm, RAS+.
        triangles: (M, 3) rows of three vertices.
    """

    vertices: np.ndarray
    triangles: np.ndarray


def surface_of(inside: np.ndarray, affine: np.ndarray, step_mm: float = STEP_MM) -> Surface:
    """The smoothed surface of a mask, by naive surface nets.

    One vertex lies in each cell that the surface passes, in the middle of where it crosses the cell's edges; four
    cells around a crossed edge make two triangles. Smoother than marching cubes, with half its triangles.

    Args:
        inside: (X, Y, Z) bool.
        affine: (4, 4) voxel index to mm, RAS+.
    Returns:
        No vertices where the mask is too thin for the cells.
    Source: Gibson, "Constrained elastic surface nets", 1998.
    """
    values, places = _on_cells(inside, np.linalg.norm(affine[:3, :3], axis=0), step_mm)
    shape = tuple(size - 1 for size in values.shape)
    total, count = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)
    for axis in range(3):
        crossed, share = _crossings(values, axis)
        others = [other for other in range(3) if other != axis]
        for corner in np.ndindex(2, 2):  # each cell has four edges along an axis
            part = [slice(None)] * 3
            for other, end in zip(others, corner, strict=True):
                part[other] = slice(end, end + shape[other])
            own = crossed[tuple(part)]
            total[..., axis] += np.where(own, share[tuple(part)], 0)
            for other, end in zip(others, corner, strict=True):
                total[..., other] += own * end
            count += own
    passed = count > 0
    number = np.full(shape, -1)
    number[passed] = np.arange(passed.sum())
    cells = np.argwhere(passed) + total[passed] / count[passed][:, None]
    voxels = np.stack([np.interp(cells[:, axis], np.arange(len(p)), p) for axis, p in enumerate(places)], axis=1)
    vertices = (voxels @ affine[:3, :3].T + affine[:3, 3]).astype(np.float32)
    return Surface(vertices, np.concatenate([_triangles(values, number, axis) for axis in range(3)]))


def _on_cells(inside: np.ndarray, spacing_mm: np.ndarray, step_mm: float) -> tuple[np.ndarray, list[np.ndarray]]:
    """The mask blurred on the cells' corners, below one half at the rim; and the voxel index of each along an axis."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    steps = step_mm / spacing_mm
    margin = [math.ceil(2 * step) for step in steps]
    padded = np.pad(inside.astype(np.float32), [(m, m) for m in margin])
    blurred = gaussian_filter(padded, SMOOTH_CELLS * steps)
    places = [np.arange(0, size - 1 + step, step) for size, step in zip(padded.shape, steps, strict=True)]
    grid = np.meshgrid(*places, indexing="ij")
    values = map_coordinates(blurred, grid, order=1, mode="constant").astype(np.float32)
    return values, [place - m for place, m in zip(places, margin, strict=True)]


def _crossings(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """For each edge along an axis whether the surface crosses it, and where between 0 and 1."""
    low, high = (np.take(values, range(start, values.shape[axis] - 1 + start), axis) for start in (0, 1))
    crossed = (low >= 0.5) != (high >= 0.5)
    return crossed, np.divide(0.5 - low, high - low, out=np.zeros_like(low), where=crossed)


def _triangles(values: np.ndarray, number: np.ndarray, axis: int) -> np.ndarray:
    """Two for each crossed edge along an axis, between the four cells around it; seen from outside they turn left."""
    crossed, _ = _crossings(values, axis)
    edges = np.argwhere(crossed)
    first, second = ((axis + 1) % 3, (axis + 2) % 3)

    def cell(back_first: int, back_second: int) -> np.ndarray:
        place = edges.copy()
        place[:, first] -= back_first
        place[:, second] -= back_second
        return number[tuple(place.T)]

    a, b, c, d = cell(1, 1), cell(0, 1), cell(0, 0), cell(1, 0)
    leaves = values[tuple(edges.T)] >= 0.5
    b, d = np.where(leaves, b, d), np.where(leaves, d, b)
    return np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])


@dataclass(frozen=True)
class Layer:
    """Some structures of one arm, drawn alike.

    Args:
        names: which of them, in the order they are drawn.
        is_veil: whether others are seen through it.
        hidden: those that wait in the legend until they are asked for.
    """

    title: str
    masks: PackedMasks
    names: tuple[str, ...]
    is_veil: bool = False
    hidden: tuple[str, ...] = ()


def layers_of(session: Session) -> tuple[Layer, ...]:
    """What there is to see: the note's contours whole, the targets of the other contour and the reference as veils."""
    results = session.results
    first = results.get("text") or results.get("no-text")
    if first is None:
        return ()
    layers = [Layer("With the note" if "text" in results else "Without the note", first.masks, _named(first.masks))]
    second = session.compared.result if session.compared else results.get("no-text")
    if second is not None and second is not first:
        title = session.compared.title if session.compared else "Without the note"
        # Of what the note changed, the high-dose target is seen at once.
        names = _targets(second.masks)
        layers.append(Layer(title, second.masks, names, is_veil=True, hidden=names[1:]))
    if reference := session.shown.reference:
        names = _targets(reference)
        layers.append(Layer("Reference", reference, names, is_veil=True, hidden=names))
    return tuple(layer for layer in layers if layer.names)


def _named(masks: PackedMasks) -> tuple[str, ...]:
    return in_order({str(entry["name"]) for entry in masks.table})


def _targets(masks: PackedMasks) -> tuple[str, ...]:
    return tuple(name for name in _named(masks) if name in TARGETS)


def figure_of(layers: Sequence[Layer], frame: Frame, key: str) -> Figure | None:
    """All layers' surfaces, to turn and to hide by the legend; None where there is nothing to see.

    Args:
        key: of the case: the view and what is hidden stay while it does.
    """
    import plotly.graph_objects as go

    surfaces = _surfaces(layers, frame)
    if not surfaces:
        return None
    meshes = [_mesh(layer, name, surface) for layer, name, surface in surfaces]
    figure = go.Figure([*meshes, _letters([surface for *_, surface in surfaces])])
    hidden = {"visible": False, "showspikes": False}
    camera = {"eye": {"x": 0.45, "y": 1.2, "z": 0.27}, "up": {"x": 0, "y": 0, "z": 1}}
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        font={"family": "system-ui, sans-serif", "color": TEXT, "size": 12},
        scene={
            **{f"{axis}axis": hidden for axis in "xyz"},
            "domain": {"x": [LEGEND_SHARE, 1]},
            "aspectmode": "data",
            "camera": camera,
            "bgcolor": "rgba(0,0,0,0)",
            "dragmode": "orbit",
        },
        legend={
            "x": 0.01,
            "y": 0.99,
            "bgcolor": "rgba(13,17,22,0.6)",
            "font": {"size": 12, "color": TEXT},
            "groupclick": "toggleitem",
            "itemsizing": "constant",
            "grouptitlefont": {"size": 12, "color": MUTED},
            "tracegroupgap": 8,
        },
        modebar={"remove": ["toimage", "tableRotation", "orbitRotation", "pan3d", "zoom3d", "resetCameraLastSave3d"]},
        hoverlabel={"bgcolor": "#1c232d", "font": {"color": TEXT}},
        uirevision=key,
    )
    return figure


def _surfaces(layers: Sequence[Layer], frame: Frame) -> list[tuple[Layer, str, Surface]]:
    """At the finest cells that stay within MOST_VERTICES."""
    step_mm = STEP_MM
    while True:
        made = list(_made(layers, frame, step_mm))
        vertices = sum(len(surface.vertices) for *_, surface in made)
        if vertices <= MOST_VERTICES:
            return made
        # Vertices go with the square of the cells' edge.
        step_mm *= max(1.15, math.sqrt(vertices / MOST_VERTICES))


def _made(layers: Sequence[Layer], frame: Frame, step_mm: float) -> Iterator[tuple[Layer, str, Surface]]:
    for layer in layers:
        masks = {name: (box, inside) for name, box, inside in boxes_of(layer.masks)}
        for name in layer.names:
            box, inside = masks[name]
            affine = frame.affine.copy()
            affine[:3, 3] = (affine @ [*(part.start for part in box), 1])[:3]
            surface = surface_of(inside, affine, step_mm)
            if len(surface.triangles):
                yield layer, name, surface


def _mesh(layer: Layer, name: str, surface: Surface) -> Mesh3d:
    import plotly.graph_objects as go

    x, y, z = np.rint(surface.vertices.T / UNIT_MM).astype(np.int16)
    small = np.uint16 if len(surface.vertices) < 2**16 else np.uint32
    i, j, k = surface.triangles.T.astype(small)
    return go.Mesh3d(
        x=x,
        y=y,
        z=z,
        i=i,
        j=j,
        k=k,
        name=name,
        color=COLOURS.get(name, OTHER_COLOUR),
        opacity=_opacity(layer, name),
        lighting=LIGHT,
        lightposition={"x": 2000, "y": 20000, "z": 12000},
        legendgroup=layer.title,
        legendgrouptitle={"text": html.escape(layer.title)},
        showlegend=True,
        visible="legendonly" if name in layer.hidden else True,
        hovertemplate=f"{name}, {html.escape(layer.title.lower())}<extra></extra>",
    )


def _opacity(layer: Layer, name: str) -> float:
    """A target is seen through those of lower dose around it."""
    if layer.is_veil:
        return 0.3
    return {TARGETS[0]: 1.0, TARGETS[1]: 0.55, TARGETS[2]: 0.4}.get(name, 1.0)


def _letters(surfaces: Sequence[Surface]) -> Scatter3d:
    """R, L, A, P, S and I around what is shown."""
    import plotly.graph_objects as go

    points = np.concatenate([surface.vertices for surface in surfaces]) / UNIT_MM
    low, high = points.min(axis=0), points.max(axis=0)
    places = (low + high) / 2 + np.array(list(LETTERS.values())) * ((high - low) / 2 + 15 / UNIT_MM)
    x, y, z = places.round().astype(np.int16).T
    font = {"size": 14, "color": MUTED}
    return go.Scatter3d(
        x=x, y=y, z=z, text=list(LETTERS), mode="text", textfont=font, hoverinfo="skip", showlegend=False
    )
