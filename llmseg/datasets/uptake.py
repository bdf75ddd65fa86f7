"""A phantom's PET: what a tumour takes up, and what takes up as much and is none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from llmseg.case import Volume
from llmseg.datasets.anatomy import LUNG, airway, cranium, skin
from llmseg.datasets.canvas import Body, Grid, Scene
from llmseg.datasets.implicit import Shape, box, ellipsoid, tube

SPACING_MM = (4.0, 4.0, 4.0)
RESOLUTION_MM = 6.0
"""Full width at half maximum of a point."""

_ORGANS = (
    ("brain", cranium(14) & box((-90, -130, 26), (90, 90, 160)), (7.0, 11.0)),
    ("parotids", ellipsoid((60, -4, -1), (13, 20, 26)).both_sides(), (1.6, 2.8)),
    ("submandibular glands", ellipsoid((38, 30, -36), (10, 16, 14)).both_sides(), (1.8, 3.2)),
    ("tonsils", ellipsoid((16, 20, -14), (6, 8, 10)).both_sides(), (2.5, 5.0)),
    ("larynx", ellipsoid((0, 18, -70), (15, 9, 9)), (1.5, 3.5)),
    ("lungs", tube(LUNG).both_sides(), (0.3, 0.6)),
)
"""What takes up in everybody: its shape, and between which SUV."""


def paint_uptake(body: Body, lesions: Sequence[Shape]) -> Volume:
    """The standardised uptake values (SUV) of a patient with these lesions, blurred and noisy as a scanner's."""
    rng, scene = body.rng("uptake"), Scene(body, Grid.around(body, SPACING_MM), skin)
    suv = np.where(scene.points.depth < 0, rng.uniform(0.7, 1.3), 0.0).astype(np.float32)
    for _, shape, between in _ORGANS:
        _fill(suv, scene, shape, rng.uniform(*between))
    hot = rng.uniform(7, 15)
    for lesion in lesions:
        _fill(suv, scene, lesion, hot)
    _fill(suv, scene, airway(), 0.2)
    sigma = RESOLUTION_MM / 2.355 / np.array(SPACING_MM)
    grain = ndimage.gaussian_filter(rng.standard_normal(suv.shape, dtype=np.float32), sigma)
    suv = ndimage.gaussian_filter(suv, sigma) * (1 + 0.08 / grain.std() * grain)
    return Volume(suv.clip(0), scene.grid.affine, name=f"PET of phantom {body.seed}")


def _fill(suv: np.ndarray, scene: Scene, shape: Shape, level: float) -> None:
    """Let a shape take up so much; a voxel on its border takes up its share."""
    where = scene.reach(shape)
    if where is not None:
        points = scene.points.at(where)
        outside = np.maximum(shape.distance(points), points.depth + 2)
        suv[where] += np.clip(0.5 - outside / scene.edge_mm, 0, 1) * (level - suv[where])
