"""RTSTRUCT contours, and how they become masks on a CT's grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from llmseg.case import InputError, Volume
from llmseg.formats.dicom import LPS_TO_RAS

CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR", "INTERPOLATED_PLANAR")
FLAT_MM = 0.5
"""How far a contour's points may lie off one plane parallel to the slices."""
SAME_PLANE = 0.1
"""Contours nearer than this share of a slice to each other belong to one plane."""
MOST_SLICES = 4
"""A structure contoured on every n-th slice, n up to this, is filled in between."""

Contours = Sequence[np.ndarray]
"""Closed polygons, each (N, 3) in mm, RAS+."""


def read_contours(path: str | Path) -> Mapping[str, Contours]:
    """Read each contoured structure by the name it has in the plan; one without a closed contour was not contoured.

    Raises:
        InputError: no RTSTRUCT, one name used for two contoured structures, or broken contour data.
    """
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    path = Path(path)
    try:
        header = dcmread(path)
    except (InvalidDicomError, EOFError, OSError) as error:
        raise InputError(f"{path.name} cannot be read as an RTSTRUCT ({error}). Export it again.") from error
    names = {roi.ROINumber: str(roi.ROIName).strip() for roi in header.get("StructureSetROISequence") or ()}
    contours = {}
    for roi in header.get("ROIContourSequence") or ():
        name = names.get(roi.ReferencedROINumber, "")
        polygons = [_polygon(item, name) for item in roi.get("ContourSequence") or () if _is_closed(item)]
        if polygons and name in contours:
            raise InputError(f"The structure set holds two structures named {name!r}. Rename or remove one.")
        if polygons:
            contours[name] = polygons
    return contours


def draw(contours: Contours, volume: Volume, name: str = "a structure") -> np.ndarray:
    """Fill contours on a CT's grid: the voxels whose centre lies inside an odd number of a plane's polygons.

    A slice takes the nearest contour plane within half a slice; where only every second, third or fourth slice was
    contoured, within half of that. What lies outside the CT is left out.

    Returns:
        (X, Y, Z) bool.
    Raises:
        InputError: a contour that is not parallel to the slices.
    """
    to_voxels = np.linalg.inv(volume.affine)
    polygons = [points @ to_voxels[:3, :3].T + to_voxels[:3, 3] for points in contours]
    step_mm = volume.spacing_mm[2]
    if any(np.ptp(points[:, 2]) * step_mm > FLAT_MM for points in polygons):
        raise InputError(f"{name!r} has contours that are not parallel to the slices. Contour it on axial slices.")
    mask = np.zeros(volume.shape, bool, order="F")  # slice by slice, as files hold it
    if not polygons:
        return mask
    planes = _planes(polygons)
    heights = np.array([height for height, _ in planes])
    reach = _steps(heights) / 2
    for number in range(volume.shape[2]):
        # Half-open, as within a slice: one midway between two planes is filled from the upper, one below the last too.
        away = heights - number - 1e-6
        nearest = int(np.abs(away).argmin())
        if -reach < away[nearest] <= reach:
            mask[:, :, number] = fill_even_odd([p[:, :2] for p in planes[nearest][1]], volume.shape[:2])
    return mask


def fill_even_odd(polygons: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Voxels whose centre lies inside an odd number of polygons: holes stay holes, by keyhole or by a second contour.

    A centre on a boundary belongs to the polygon on its far side only, so neighbours neither overlap nor leave a gap.

    Args:
        polygons: each (N, 2), in voxels; the centre of voxel (i, j) is (i, j).
        shape: (X, Y).
    Returns:
        (X, Y) bool.
    """
    # A ray along x enters or leaves at each edge it crosses: whoever has an odd number of them behind him is inside.
    crossings = np.zeros((shape[0] + 1, shape[1]), np.uint8)
    for polygon in polygons:
        (x0, y0), (x1, y1) = polygon.T, np.roll(polygon, -1, axis=0).T
        low = np.ceil(np.minimum(y0, y1)).clip(0, shape[1]).astype(int)
        high = np.ceil(np.maximum(y0, y1)).clip(0, shape[1]).astype(int)
        count = high - low
        edge = np.repeat(np.arange(len(polygon)), count)
        row = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - low, count)
        x = x0[edge] + (row - y0[edge]) * (x1 - x0)[edge] / (y1 - y0)[edge]
        np.add.at(crossings, (np.ceil(x).clip(0, shape[0]).astype(int), row), 1)
    return np.bitwise_xor.accumulate(crossings[:-1] & 1, axis=0).view(bool)


def _is_closed(item) -> bool:
    return item.get("ContourGeometricType") in CLOSED and len(item.get("ContourData") or ()) >= 9


def _polygon(item, name: str) -> np.ndarray:
    values = np.array(item.ContourData, float)
    if values.size % 3 or not np.isfinite(values).all():
        raise InputError(f"{name!r} has a contour with broken coordinates. Export the structure set again.")
    return values.reshape(-1, 3) @ LPS_TO_RAS


def _planes(polygons: Sequence[np.ndarray]) -> list[tuple[float, list[np.ndarray]]]:
    """Polygons grouped by the plane they lie in: (height in slices, polygons), lowest first."""
    ordered = sorted(polygons, key=lambda points: points[:, 2].mean())
    planes: list[tuple[float, list[np.ndarray]]] = []
    for points in ordered:
        height = float(points[:, 2].mean())
        if planes and height - planes[-1][0] <= SAME_PLANE:
            planes[-1][1].append(points)
        else:
            planes.append((height, [points]))
    return planes


def _steps(heights: np.ndarray) -> float:
    """How many slices lie from one contour plane to the next; 1 where that cannot be told."""
    step = float(np.median(np.diff(heights))) if len(heights) > 2 else 1.0
    return step if 1 < step <= MOST_SLICES else 1.0
