"""Solid shapes as signed distances, to be joined, cut and grown: the clay that phantoms are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

Knots = tuple[tuple[float, ...], ...]


class Points(NamedTuple):
    """Places in the average patient, in mm: x to the right, y anterior, z superior of the parotids' centre.

    Args:
        back: y measured from the middle of the spinal cord at that height.
        depth: distance to the skin, negative inside.
    """

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    back: np.ndarray
    depth: np.ndarray

    def at(self, where: tuple[slice, ...]) -> Points:
        return Points(*(field[where] for field in self))


@dataclass(frozen=True, eq=False)
class Shape:
    """A signed distance in mm (negative inside), and a box (low, high) that holds the inside."""

    distance: Callable[[Points], np.ndarray]
    low: tuple[float, float, float]
    high: tuple[float, float, float]

    def mirrored(self) -> Shape:
        """The same shape on the patient's other side."""
        (a, b, c), (d, e, f) = self.low, self.high
        return Shape(lambda p: self.distance(p._replace(x=-p.x)), (-d, b, c), (-a, e, f))

    def both_sides(self) -> Shape:
        return self | self.mirrored()

    def grown(self, mm: float) -> Shape:
        """Everything within `mm` of the shape; a negative `mm` shrinks it."""
        low, high = np.array(self.low) - mm, np.array(self.high) + mm
        return Shape(lambda p: self.distance(p) - mm, tuple(low), tuple(high))

    def __or__(self, other: Shape) -> Shape:
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        return Shape(lambda p: np.minimum(self.distance(p), other.distance(p)), tuple(low), tuple(high))

    def __and__(self, other: Shape) -> Shape:
        low, high = np.maximum(self.low, other.low), np.minimum(self.high, other.high)
        return Shape(lambda p: np.maximum(self.distance(p), other.distance(p)), tuple(low), tuple(high))

    def __sub__(self, other: Shape) -> Shape:
        return Shape(lambda p: np.maximum(self.distance(p), -other.distance(p)), self.low, self.high)


FAR = 1e4
NOTHING = Shape(lambda p: np.full(np.shape(p.x), FAR, dtype=np.float32), (FAR,) * 3, (-FAR,) * 3)


def anywhere(distance: Callable[[Points], np.ndarray]) -> Shape:
    """A shape without bounds of its own."""
    return Shape(distance, (-FAR,) * 3, (FAR,) * 3)


def along(z: np.ndarray, knots: Knots, column: int = 1) -> np.ndarray:
    """What a table (z, values...) says at the heights `z`."""
    table = np.array(sorted(knots), dtype=np.float64)
    return np.interp(z, table[:, 0], table[:, column]).astype(np.float32)


def ellipse(u, v, ru, rv):
    """Distance to an ellipse around the origin, exact to first order."""
    u, v = u / ru, v / rv
    k = np.sqrt(u * u + v * v)
    return k * (k - 1) / np.maximum(np.sqrt((u / ru) ** 2 + (v / rv) ** 2), 1e-4)


def ellipsoid(centre, radii) -> Shape:
    """An ellipsoid with its axes along x, y, z."""
    (a, b, c), (ra, rb, rc) = centre, radii

    def distance(p: Points):
        u, v, w = (p.x - a) / ra, (p.y - b) / rb, (p.z - c) / rc
        k = np.sqrt(u * u + v * v + w * w)
        return k * (k - 1) / np.maximum(np.sqrt((u / ra) ** 2 + (v / rb) ** 2 + (w / rc) ** 2), 1e-4)

    return Shape(distance, (a - ra, b - rb, c - rc), (a + ra, b + rb, c + rc))


def rod(start, end, radius: float, stretch=(1.0, 1.0, 1.0)) -> Shape:
    """A rod with round ends; `stretch` widens (or thins) it along x, y, z."""
    scale = 1 / np.array(stretch, dtype=np.float32)
    a, b = np.array(start, dtype=np.float32) * scale, np.array(end, dtype=np.float32) * scale
    d = b - a
    length = max(float(d @ d), 1e-6)
    # The stretched space measures too much along thin axes; its smallest scale keeps thin walls crisp.
    unit = float(np.min(stretch)) if min(stretch) < 1 else 1.0

    def distance(p: Points):
        px, py, pz = p.x * scale[0] - a[0], p.y * scale[1] - a[1], p.z * scale[2] - a[2]
        t = np.clip((px * d[0] + py * d[1] + pz * d[2]) / length, 0, 1)
        return unit * (np.sqrt((px - t * d[0]) ** 2 + (py - t * d[1]) ** 2 + (pz - t * d[2]) ** 2) - radius)

    reach = radius * np.array(stretch)
    return Shape(distance, tuple(np.minimum(start, end) - reach), tuple(np.maximum(start, end) + reach))


def path(points, radius: float, stretch=(1.0, 1.0, 1.0)) -> Shape:
    """Rods from point to point."""
    rods = [rod(a, b, radius, stretch) for a, b in pairwise(points)]
    whole = rods[0]
    for part in rods[1:]:
        whole = whole | part
    return whole


def tube(knots: Knots) -> Shape:
    """An upright tube of elliptic sections, each (z, x, y, rx, ry)."""
    table = np.array(sorted(knots))
    bottom, top = table[0, 0], table[-1, 0]

    def distance(p: Points):
        u, v = p.x - along(p.z, knots, 1), p.y - along(p.z, knots, 2)
        side = ellipse(u, v, along(p.z, knots, 3), along(p.z, knots, 4))
        return np.maximum(side, np.maximum(bottom - p.z, p.z - top))

    low = (table[:, 1] - table[:, 3]).min(), (table[:, 2] - table[:, 4]).min(), bottom
    high = (table[:, 1] + table[:, 3]).max(), (table[:, 2] + table[:, 4]).max(), top
    return Shape(distance, low, high)


def box(low, high) -> Shape:
    """A block from corner to corner."""

    def distance(p: Points):
        sides = [np.maximum(a - q, q - b) for q, a, b in zip((p.x, p.y, p.z), low, high, strict=True)]
        return np.maximum(np.maximum(*sides[:2]), sides[2])

    return Shape(distance, tuple(low), tuple(high))


def blend(a, b, width: float):
    """Smooth minimum of two distances: bodies that grow together."""
    h = np.clip(0.5 + 0.5 * (b - a) / width, 0, 1)
    return b + (a - b) * h - width * h * (1 - h)
