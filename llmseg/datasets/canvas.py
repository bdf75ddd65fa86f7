"""What a phantom is painted on: one patient's build and pose, a grid of voxels, and the HU and masks on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np

from llmseg.case import ORGANS
from llmseg.datasets.implicit import Points, Shape, along

AIR_HU = -1000.0

TISSUES = MappingProxyType(
    {
        "skin": (-20.0, 12.0),
        "fat": (-121.0, 13.0),
        "muscle": (32.0, 9.0),
        "brain": (12.0, 5.0),
        "white matter": (7.0, 4.0),
        "csf": (-4.0, 3.0),
        "falx": (35.0, 4.0),
        "brainstem": (9.0, 7.0),
        "cord": (16.0, 11.0),
        "canal": (-8.0, 6.0),
        "cortical bone": (1370.0, 150.0),
        "skull": (1050.0, 120.0),
        "marrow": (170.0, 110.0),
        "fatty marrow": (140.0, 45.0),
        "vertebra": (300.0, 70.0),
        "disc": (85.0, 12.0),
        "tooth": (1800.0, 250.0),
        "parotid": (-27.0, 19.0),
        "gland": (30.0, 9.0),
        "vessel": (150.0, 8.0),
        "thyroid": (120.0, 10.0),
        "cartilage": (210.0, 90.0),
        "oesophagus": (28.0, 10.0),
        "mucosa": (32.0, 10.0),
        "eye": (5.0, 4.0),
        "tumour": (60.0, 8.0),
        "lung": (-830.0, 40.0),
        "heart": (90.0, 10.0),
        "air": (-995.0, 4.0),
        "foam": (-940.0, 15.0),
        "carbon fibre": (-350.0, 30.0),
    }
)
"""Tissue -> mean HU and SD of its texture; each patient's mean differs by about half an SD, and a scanner's shift."""

CORD = ((90, -24), (68, -29), (40, -34), (12, -34), (-20, -29), (-50, -30), (-80, -35), (-110, -45), (-140, -58),
        (-180, -70), (-250, -76), (-600, -78))  # fmt: skip
"""y of the spinal cord's middle, by z."""


@dataclass(frozen=True, eq=False)
class Body:
    """One patient's build and pose: how the average anatomy is stretched, bent and turned into the room.

    Args:
        angles: pitch, roll and yaw of the head against the shoulders, radians.
        ripples: slow waves that make every outline a little different; rows of amplitude, wavelength, phase per axis.
        symmetric: left and right are mirror images up to the pose.
    """

    seed: int
    scale: np.ndarray
    neck: float
    lift_mm: float
    angles: np.ndarray
    ripples: np.ndarray
    fat_mm: float
    jaw: float
    shoulders: float
    contrast: float
    hu_shift: float
    offsets: dict[str, float]
    symmetric: bool

    @classmethod
    def draw(cls, seed: int, *, symmetric: bool) -> Body:
        rng = np.random.default_rng([seed, 1])
        size = rng.normal(0.97, 0.035)
        waves = (
            np.clip(rng.normal(0, 0.65, (6, 3)), -1.1, 1.1),
            rng.uniform(9, 30, (6, 3)),
            rng.uniform(0, 2 * np.pi, (6, 3)),
        )
        return cls(
            seed=seed,
            scale=np.clip(size * rng.normal(1, 0.025, 3), 0.86, 1.08),
            neck=float(np.clip(rng.normal(1, 0.09), 0.82, 1.2)),
            lift_mm=float(np.clip(rng.normal(7, 3), 0, 14)),
            angles=np.radians(np.clip(rng.normal(0, 1, 3), -2, 2) * ((4, 0.7, 1.0) if symmetric else (4, 1.8, 2.6))),
            ripples=np.stack(waves, axis=1),
            fat_mm=float(np.clip(rng.gamma(4, 1.1), 1.5, 10)),
            jaw=float(np.clip(rng.normal(0, 1), -2, 2)),
            shoulders=float(np.clip(rng.normal(1, 0.05), 0.9, 1.1)),
            contrast=float(rng.choice([0.0, 1.0, 1.0]) * rng.uniform(0.5, 1.3)),
            hu_shift=float(np.clip(rng.normal(0, 3.5), -8, 6)),
            offsets={name: float(np.clip(rng.normal(0, 0.4), -0.9, 0.9)) for name in TISSUES},
            symmetric=symmetric,
        )

    def rng(self, stream: str) -> np.random.Generator:
        """Random numbers of one organ, the same whenever and however often they are asked for."""
        return np.random.default_rng([self.seed, *stream.encode()])

    def hu(self, tissue: str) -> tuple[float, float]:
        """Mean HU and texture SD of a tissue in this patient."""
        mean, texture = TISSUES[tissue]
        if tissue == "vessel":
            mean = 32 + (mean - 32) * self.contrast
        if tissue == "thyroid":
            mean += 40 * (self.contrast - 0.6)
        return mean + texture * self.offsets[tissue] + self.hu_shift, texture

    def to_anatomy(self, x, y, z):
        """Points of the room (mm) -> points of the average patient (mm)."""
        x, y, z = self._straighten(x, y, z)
        x, y, z = (p / s for p, s in zip((x, y, z), self.scale.astype(np.float32), strict=True))
        # The skull base stands more or less high above the parotids.
        z = z - self.lift_mm * np.clip((z + 8) / 40, 0, 1)
        # The neck is longer or shorter than average between jaw and shoulders; below, everything moves along.
        top, span = -40.0, 65.0
        long = span * self.neck
        z = np.where(z > top, z, np.where(z > top - long, top + (z - top) / self.neck, z + long - span))
        across = np.abs(x) if self.symmetric else x
        for amplitude, length, phase in self.ripples.astype(np.float32):
            wave = across / length[0] + y / length[1] + z / length[2]
            x = x if self.symmetric else x + amplitude[0] * np.sin(wave + phase[0])
            y = y + amplitude[1] * np.sin(wave + phase[1])
            z = z + amplitude[2] * np.sin(wave + phase[2])
        return x, y, z

    def _straighten(self, x, y, z):
        """Undo the head's pitch, roll and yaw, which fade out towards the shoulders."""
        head = np.clip((z + 105) / 90, 0, 1)
        head = head * head * (3 - 2 * head)
        pivots = (((1, 2), (-15, -55)), ((0, 2), (0, -60)), ((0, 1), (0, -20)))
        for ((first, second), (a, b)), angle in zip(pivots, self.angles.astype(np.float32), strict=True):
            points = [x, y, z]
            u, v, c, s = points[first] - a, points[second] - b, np.cos(angle * head), np.sin(angle * head)
            points[first], points[second] = u * c - v * s + a, u * s + v * c + b
            x, y, z = points
        return x, y, z


@dataclass(frozen=True, eq=False)
class Grid:
    """A block of voxels along RAS+: its size, its edges, and the centre of voxel (0, 0, 0), in mm."""

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]

    @classmethod
    def around(cls, body: Body, spacing_mm: tuple[float, float, float]) -> Grid:
        """A scan from above the vertex to the upper chest."""
        rng = body.rng("field")
        size = np.array([rng.uniform(444, 468), rng.uniform(272, 286), rng.uniform(294, 322)])
        low = np.array(
            [-size[0] / 2, -size[1] / 2 - 22, (158 + body.lift_mm) * body.scale[2] + rng.uniform(3, 12) - size[2]]
        )
        spacing = np.array(spacing_mm, dtype=float)
        shape = np.maximum(np.round(size / spacing), 2).astype(int)
        # Whole voxels rarely fill the field exactly: keep its top, where the scan starts.
        low[2] += size[2] - shape[2] * spacing[2]
        return cls(tuple(map(int, shape)), tuple(map(float, spacing)), tuple(map(float, low + spacing / 2)))

    def below(self, mm: float) -> Grid:
        """The block that prolongs this one downwards."""
        depth = max(1, round(mm / self.spacing_mm[2]))
        x, y, z = self.origin_mm
        return Grid((*self.shape[:2], depth), self.spacing_mm, (x, y, z - depth * self.spacing_mm[2]))

    @property
    def affine(self) -> np.ndarray:
        affine = np.diag([*self.spacing_mm, 1.0])
        affine[:3, 3] = self.origin_mm
        return affine

    @property
    def axes_mm(self) -> list[np.ndarray]:
        """Positions of the voxels along x, y and z in the room."""
        return [o + s * np.arange(n) for o, s, n in zip(self.origin_mm, self.spacing_mm, self.shape, strict=True)]

    @cached_property
    def points(self) -> tuple[np.ndarray, ...]:
        """Positions of the voxels in the room, mm: three (X, Y, Z) float32."""
        return tuple(p.astype(np.float32) for p in np.meshgrid(*self.axes_mm, indexing="ij"))


NODE_MM = 6.0
STRIDE = 5


def _on_nodes(grid: Grid, fields: Callable[..., Points]) -> Points:
    """Smooth fields on a grid, worked out on a coarse lattice fixed in the room and interpolated linearly.

    A millimetre of accuracy is lost nowhere, three quarters of the time is saved, and because the lattice does not
    move with the grid, every grid shows the same patient.
    """
    nodes, weights = [], []
    for axis in grid.axes_mm:
        first = np.floor(axis[0] / NODE_MM)
        position = axis / NODE_MM - first
        count = int(np.floor(position[-1])) + 2
        nodes.append(((first + np.arange(count)) * NODE_MM).astype(np.float32))
        weights.append(np.clip(1 - np.abs(position[:, None] - np.arange(count)), 0, 1).astype(np.float32))
    coarse = fields(*np.meshgrid(*nodes, indexing="ij"))
    a, b, c = weights
    return Points(*(a @ (b @ (field.astype(np.float32) @ c.T)).reshape(field.shape[0], -1) for field in coarse))


class Scene:
    """A grid being painted from the skin inwards: HU, how strong the texture is, and the organs' masks so far."""

    def __init__(self, body: Body, grid: Grid, skin: Callable[[Body, Points], np.ndarray]):
        self.body, self.grid = body, grid

        def fields(*room) -> Points:
            x, y, z = body.to_anatomy(*room)
            here = Points(x, y, z, y - along(z, CORD), x)
            return here._replace(depth=skin(body, here))

        self.points = Points(*(field.reshape(grid.shape) for field in _on_nodes(grid, fields)))
        self.hu = np.full(grid.shape, AIR_HU, dtype=np.float32)
        self.texture = np.full(grid.shape, 3.0, dtype=np.float32)
        self.masks = {name: np.zeros(grid.shape, dtype=bool) for name in ORGANS}
        self.edge_mm = float(np.cbrt(np.prod(grid.spacing_mm)))
        self._coarse = [p[::STRIDE, ::STRIDE, ::STRIDE] for p in self.points[:3]]

    def fill(
        self, tissue: str, shape: Shape, strength: float = 1.0, *, pair: bool = False, under_skin_mm: float = 2.0
    ) -> None:
        """Paint a tissue; a voxel on the border gets its share (partial volume).

        Args:
            strength: 1 replaces what was there, less mixes.
            pair: paint the mirror image too.
            under_skin_mm: nothing is painted nearer to the skin than this.
        """
        mean, texture = self.body.hu(tissue)
        for part in (shape, shape.mirrored()) if pair else (shape,):
            where = self.reach(part)
            if where is None:
                continue
            points = self.points.at(where)
            outside = np.maximum(part.distance(points), points.depth + under_skin_mm)
            share = strength * np.clip(0.5 - outside / self.edge_mm, 0, 1)
            self.hu[where] += share * (mean - self.hu[where])
            self.texture[where] += share * (texture - self.texture[where])

    def mark(self, organ: str, shape: Shape) -> None:
        """Add a shape to an organ's contour."""
        self.masks[organ] |= self.mask(shape)

    def mask(self, shape: Shape) -> np.ndarray:
        mask = np.zeros(self.grid.shape, dtype=bool)
        where = self.reach(shape)
        if where is not None:
            mask[where] = shape.distance(self.points.at(where)) < 0
        return mask

    def reach(self, shape: Shape) -> tuple[slice, ...] | tuple[np.ndarray, ...] | None:
        """An index of the voxels that a shape can touch; None where it touches none.

        A block for a small shape. For one that spans the grid, the voxels in and just around the body: a quarter.
        """
        far = 1.3 * STRIDE * max(self.grid.spacing_mm) + self.edge_mm
        near = np.ones(self._coarse[0].shape, dtype=bool)
        for p, low, high in zip(self._coarse, shape.low, shape.high, strict=True):
            near &= (p > low - far) & (p < high + far)
        if not near.any():
            return None
        spans = [np.flatnonzero(near.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
        block = tuple(slice(STRIDE * span[0], STRIDE * span[-1] + STRIDE) for span in spans)
        return self._body if near.sum() > 0.5 * near.size else block

    @cached_property
    def _body(self) -> tuple[np.ndarray, ...]:
        return np.nonzero(self.points.depth < self.edge_mm)
