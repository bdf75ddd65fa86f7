"""How well two contours agree: overlap, and distance in mm.

One side empty: Dice and IoU 0, HD95 the image's diagonal; counted, not dropped. Both empty: NaN, nothing to agree on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree

from llmseg.case import InputError, Structures


@dataclass(frozen=True)
class Score:
    """Agreement of one structure with its reference."""

    structure: str
    dice: float
    iou: float
    hd95_mm: float


def score(reference: Structures, prediction: Structures) -> list[Score]:
    """Compare every structure of the reference with the prediction, in the reference's order.

    A structure that the reference does not contour is unknown and left out; one that only the prediction lacks counts
    as drawn empty.

    Raises:
        InputError: if the two lie on different grids.
    """
    spacing_mm, scores = reference.spacing_mm, []
    if not np.allclose(reference.affine, prediction.affine, atol=1e-2):
        raise InputError("Reference and prediction lie on different grids. Compare them on the CT's own grid.")
    for name, expected in reference.items():
        drawn = prediction.get(name, np.zeros_like(expected))
        scores.append(Score(name, dice(expected, drawn), iou(expected, drawn), hd95_mm(expected, drawn, spacing_mm)))
    return scores


def dice(reference: np.ndarray, prediction: np.ndarray) -> float:
    """Share of two contours that they have in common: 2 |A and B| / (|A| + |B|).

    Args:
        reference, prediction: (X, Y, Z) bool.
    Source: Dice 1945. Voxels of one image weigh the same, so spacing cancels.
    """
    common, total = _overlap(reference, prediction)
    return 2 * common / total if total else float("nan")


def iou(reference: np.ndarray, prediction: np.ndarray) -> float:
    """Common part of two contours over all they cover together: |A and B| / |A or B|; (X, Y, Z) bool each."""
    common, total = _overlap(reference, prediction)
    return common / (total - common) if total else float("nan")


def hd95_mm(reference: np.ndarray, prediction: np.ndarray, spacing_mm: Sequence[float]) -> float:
    """Distance within which 95% of either contour's surface lies from the other's, in mm.

    The larger of the two directed 95th percentiles (linear between ranks), as MONAI computes it; pooling both
    directions first, as some do, gives smaller values. A surface voxel shares a face with a voxel outside the mask;
    what lies outside the image counts as outside. Distances run between voxel centres.

    Args:
        reference, prediction: (X, Y, Z) bool.
        spacing_mm: voxel edges along X, Y, Z.
    Source: Huttenlocher 1993, percentile form; Taha and Hanbury 2015.
    """
    _check_shapes(reference, prediction)
    present = bool(np.any(reference)), bool(np.any(prediction))
    if not all(present):
        diagonal = float(np.linalg.norm(np.multiply(np.shape(reference), spacing_mm)))
        return diagonal if any(present) else float("nan")
    # Surfaces are sparse: a tree over their points beats a distance map of the whole image.
    expected, drawn = _surface_mm(reference, spacing_mm), _surface_mm(prediction, spacing_mm)
    directed = (KDTree(to, leafsize=32).query(start)[0] for start, to in ((expected, drawn), (drawn, expected)))
    return float(max(np.percentile(distances, 95) for distances in directed))


def _surface_mm(mask: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
    """(N, 3) positions of the surface voxels of a non-empty mask."""
    box = ndimage.find_objects(np.asarray(mask, dtype=np.uint8))[0]
    inside = np.asarray(mask, dtype=bool)[box]
    points = np.argwhere(inside & ~ndimage.binary_erosion(inside))
    return (points + [part.start for part in box]) * np.asarray(spacing_mm, dtype=float)


def _overlap(reference: np.ndarray, prediction: np.ndarray) -> tuple[int, int]:
    """|A and B|, and |A| + |B|."""
    _check_shapes(reference, prediction)
    a, b = np.asarray(reference, dtype=bool), np.asarray(prediction, dtype=bool)
    return int(np.count_nonzero(a & b)), int(np.count_nonzero(a) + np.count_nonzero(b))


def _check_shapes(reference: np.ndarray, prediction: np.ndarray) -> None:
    if np.shape(reference) != np.shape(prediction):
        raise InputError(
            f"Masks have shapes {np.shape(reference)} and {np.shape(prediction)}. Compare them on the CT's own grid."
        )
