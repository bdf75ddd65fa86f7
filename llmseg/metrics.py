"""How well two contours agree: overlap, distance in mm, volume, and how much outline is left to draw.

One side empty: overlaps 0, distances the image's diagonal; counted, not dropped. Both empty: NaN, nothing to agree on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product

import numpy as np
from scipy.spatial import KDTree

from llmseg.case import InputError, Structures, slice_axis_of, spacing_of

ROUNDING_MM = 1e-4
"""A slice of 3 mm whose header says 3.0000001 lies within 3 mm."""


@dataclass(frozen=True)
class Score:
    """Agreement of one structure with its reference, as `Agreement` defines each; `reference_ml` is its volume."""

    structure: str
    dice: float
    iou: float
    hd95_mm: float
    asd_mm: float
    surface_dice_2mm: float
    surface_dice_3mm: float
    volume_error_ml: float
    volume_error_percent: float
    apl_mm: float
    apl_voxels: float
    reference_ml: float


def score(reference: Structures, prediction: Structures) -> list[Score]:
    """Compare every structure of the reference with the prediction, in the reference's order.

    A structure that the reference does not contour is unknown and left out; one that only the prediction lacks counts
    as drawn empty.

    Raises:
        InputError: if the two lie on different grids.
    """
    if not np.allclose(reference.affine, prediction.affine, atol=1e-2):
        raise InputError("Reference and prediction lie on different grids. Compare them on the CT's own grid.")
    spacing_mm, scores = reference.spacing_mm, []
    slice_axis = slice_axis_of(reference.affine)
    for name, expected in reference.items():
        drawn = prediction.get(name, np.zeros_like(expected))
        scores.append(_score(name, Agreement(expected, drawn, spacing_mm, slice_axis)))
    return scores


def _score(name: str, found: Agreement) -> Score:
    return Score(
        name,
        dice=found.dice,
        iou=found.iou,
        hd95_mm=found.hd95_mm,
        asd_mm=found.asd_mm,
        surface_dice_2mm=found.surface_dice(2),
        surface_dice_3mm=found.surface_dice(3),
        volume_error_ml=found.volume_error_ml,
        volume_error_percent=found.volume_error_percent,
        apl_mm=found.apl_mm,
        apl_voxels=found.apl_voxels,
        reference_ml=found.reference_ml,
    )


def dice(reference: np.ndarray, prediction: np.ndarray) -> float:
    """`Agreement.dice` of two masks, (X, Y, Z) bool."""
    return Agreement(reference, prediction).dice


def iou(reference: np.ndarray, prediction: np.ndarray) -> float:
    """`Agreement.iou` of two masks, (X, Y, Z) bool."""
    return Agreement(reference, prediction).iou


def hd95_mm(reference: np.ndarray, prediction: np.ndarray, spacing_mm: Sequence[float]) -> float:
    """`Agreement.hd95_mm` of two masks, (X, Y, Z) bool, whose voxels have edges of `spacing_mm`."""
    return Agreement(reference, prediction, spacing_mm).hd95_mm


def drawn_path_mm(start: np.ndarray, edited: np.ndarray, affine: np.ndarray) -> float:
    """Added path length that an edit drew: what is on its outline and was not on that of its start.

    Args:
        start, edited: (X, Y, Z) bool.
        affine: of their voxels, in mm.
    Returns:
        mm; 0 where neither holds anything.
    """
    apl_mm = Agreement(edited, start, spacing_of(affine), slice_axis_of(affine)).apl_mm
    return 0.0 if np.isnan(apl_mm) else apl_mm


class Agreement:
    """Two contours of one structure, compared; measures share what they have in common.

    Args:
        reference, prediction: (X, Y, Z) bool.
        spacing_mm: voxel edges along X, Y, Z.
        slice_axis: the axis that counts the axial slices.
    Raises:
        InputError: if their shapes differ.
    """

    def __init__(
        self,
        reference: np.ndarray,
        prediction: np.ndarray,
        spacing_mm: Sequence[float] = (1, 1, 1),
        slice_axis: int = 2,
    ):
        shapes = np.shape(reference), np.shape(prediction)
        if shapes[0] != shapes[1]:
            raise InputError(f"Masks have shapes {shapes[0]} and {shapes[1]}. Compare them on the CT's own grid.")
        masks = [np.asarray(mask, dtype=bool) for mask in (reference, prediction)]
        box = _box(masks)
        self._masks = [mask[box] for mask in masks]
        self._voxels = [int(np.count_nonzero(mask)) for mask in self._masks]
        self._common = int(np.count_nonzero(self._masks[0] & self._masks[1]))
        self._spacing_mm, self._slice_axis = np.asarray(spacing_mm, dtype=float), slice_axis
        self._diagonal_mm = float(np.linalg.norm(shapes[0] * self._spacing_mm))

    @property
    def dice(self) -> float:
        """Share of two contours that they have in common: 2 |A and B| / (|A| + |B|).

        Source: Dice 1945. Voxels of one image weigh the same, so spacing cancels.
        """
        return _ratio(2 * self._common, sum(self._voxels))

    @property
    def iou(self) -> float:
        """Common part of two contours over all they cover together: |A and B| / |A or B|."""
        return _ratio(self._common, sum(self._voxels) - self._common)

    @property
    def hd95_mm(self) -> float:
        """Distance within which 95% of either contour's surface lies from the other's, in mm.

        The larger of the two directed 95th percentiles (linear between ranks), as MONAI computes it; pooling both
        directions first, as some do, gives smaller values. A surface voxel shares a face with a voxel outside the mask;
        what lies outside the image counts as outside. Distances run between voxel centres.

        Source: Huttenlocher 1993, percentile form; Taha and Hanbury 2015.
        """
        directed = [distances for distances in self._surface_mm if len(distances)]
        return float(max((np.percentile(distances, 95) for distances in directed), default=np.nan))

    @property
    def asd_mm(self) -> float:
        """Average symmetric surface distance: how far a point of either contour lies from the other on average, in mm.

        The mean over the surface voxels of both, pooled, as MONAI computes it. `surface-distance` measures between
        voxel corners, which lie nearer to each other, and comes out lower by up to a voxel.
        """
        distances_mm = np.concatenate(self._surface_mm)
        return _ratio(distances_mm.sum(), len(distances_mm))

    def surface_dice(self, tolerance_mm: float) -> float:
        """Share of the two contours' surfaces that lies within a tolerance of the other: what needs no correction.

        A surface element sits at each voxel corner whose eight voxels differ and weighs as much as the area, in mm2, of
        the marching-cubes triangles there; distances run between corners. Google's `surface-distance` gives the same.
        Coarse voxels flatter: corners around a surface reach up to a voxel towards the other.

        Source: Nikolov et al. 2018.
        """
        distances_mm, areas_mm2 = self._elements
        return _ratio(areas_mm2[distances_mm <= tolerance_mm + ROUNDING_MM].sum(), areas_mm2.sum())

    @property
    def reference_ml(self) -> float:
        """The reference's volume."""
        return self._voxels[0] * float(self._spacing_mm.prod()) / 1000

    @property
    def volume_error_ml(self) -> float:
        """The prediction's volume minus the reference's."""
        more = self._voxels[1] - self._voxels[0]
        return more * float(self._spacing_mm.prod()) / 1000 if any(self._voxels) else float("nan")

    @property
    def volume_error_percent(self) -> float:
        """The volume error in percent of the reference's volume; NaN where the reference is empty."""
        return _ratio(100 * (self._voxels[1] - self._voxels[0]), self._voxels[0])

    @property
    def apl_voxels(self) -> float:
        """Added path length: how much of the reference's outline is not drawn yet.

        Counts, slice by slice, the voxels of the reference's outline that are not on the prediction's; an outline voxel
        shares an edge within its slice with a voxel outside. 0 where only the prediction drew: there is nothing to add.

        Source: Vaassen et al. 2020; no tolerance.
        """
        if not any(self._voxels):
            return float("nan")
        within = [axis for axis in range(3) if axis != self._slice_axis]
        reference, prediction = (_edge(mask, within) for mask in self._masks)
        return float(np.count_nonzero(reference & ~prediction))

    @property
    def apl_mm(self) -> float:
        """Added path length at one voxel edge a voxel: within the slice, the geometric mean of the two edges."""
        return self.apl_voxels * float(np.sqrt(np.delete(self._spacing_mm, self._slice_axis).prod()))

    @cached_property
    def _surface_mm(self) -> list[np.ndarray]:
        """Distance to the other contour of each surface voxel of the reference, and of the prediction."""
        return self._distances_mm(*(np.argwhere(_edge(mask, (0, 1, 2))) * self._spacing_mm for mask in self._masks))

    @cached_property
    def _elements(self) -> tuple[np.ndarray, np.ndarray]:
        """Of every surface element of both contours: the distance to the other one in mm, and the area in mm2."""
        area_mm2, corners, areas = _areas_mm2(tuple(self._spacing_mm)), [], []
        for mask in self._masks:
            codes = _corner_codes(mask)
            surface = (codes > 0) & (codes < 255)
            corners.append(np.argwhere(surface) * self._spacing_mm)
            areas.append(area_mm2[codes[surface]])
        return np.concatenate(self._distances_mm(*corners)), np.concatenate(areas)

    def _distances_mm(self, *surfaces: np.ndarray) -> list[np.ndarray]:
        """From each point of either set, (N, 3), to the other set; the image's diagonal where that is empty."""
        # Surfaces are sparse: a tree over their points beats a distance map of the whole image.
        return [
            KDTree(there, leafsize=32).query(here)[0] if len(there) else np.full(len(here), self._diagonal_mm)
            for here, there in (surfaces, surfaces[::-1])
        ]


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def _box(masks: Sequence[np.ndarray]) -> tuple[slice, ...]:
    """The smallest box around all masks; empty where they are."""
    found = []
    for others in ((1, 2), (0, 2), (0, 1)):
        inside = np.flatnonzero(np.any([mask.any(axis=others) for mask in masks], axis=0))
        found.append(slice(inside[0], inside[-1] + 1) if len(inside) else slice(0))
    return tuple(found)


def _edge(mask: np.ndarray, axes: Sequence[int]) -> np.ndarray:
    """Voxels of a mask that share a face, along one of the axes, with a voxel outside."""
    padded, inner = np.pad(mask, 1), mask.copy()
    for axis in axes:
        for start in (0, 2):
            inner &= _window(padded, [start if i == axis else 1 for i in range(3)], mask.shape)
    return mask & ~inner


def _corner_codes(mask: np.ndarray) -> np.ndarray:
    """Which of the eight voxels around each voxel corner are inside, one bit each: (X + 1, Y + 1, Z + 1) uint8."""
    padded, shape = np.pad(mask, 1).view(np.uint8), [edge + 1 for edge in mask.shape]
    return sum(_window(padded, start, shape) << (7 - bit) for bit, start in enumerate(product((0, 1), repeat=3)))


def _window(array: np.ndarray, starts: Sequence[int], shape: Sequence[int]) -> np.ndarray:
    return array[tuple(slice(start, start + size) for start, size in zip(starts, shape, strict=True))]


@lru_cache
def _areas_mm2(spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """(256,) area of the surface at a voxel corner, for each code of its neighbours."""
    from monai.metrics.utils import get_code_to_measure_table

    return get_code_to_measure_table(spacing_mm)[0].numpy().astype(float)
