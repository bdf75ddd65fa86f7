"""RTSTRUCT contours: how they become masks on a CT's grid, and masks the contours of a structure set.

What is written names the patient, as the CT it was drawn on does: a planning system takes no other. Nothing else of
this project writes an identifier.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from llmseg import __version__
from llmseg.case import RESEARCH_ONLY, TARGETS, InputError, Structures, Volume
from llmseg.formats.dicom import LPS_TO_RAS, Series, affine_of, read_headers
from llmseg.formats.whole import write_whole
from llmseg.plots import OTHER_COLOUR

if TYPE_CHECKING:
    from pydicom import Dataset

CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR", "INTERPOLATED_PLANAR")
FLAT_MM = 0.5
"""How far a contour's points may lie off one plane parallel to the slices."""
SAME_PLANE = 0.1
"""Contours nearer than this share of a slice to each other belong to one plane."""
MOST_SLICES = 4
"""A structure contoured on every n-th slice, n up to this, is filled in between."""

LABEL = "RESEARCH ONLY"
"""Of 16 letters at most: the one line that every planning system shows."""

INSET = 0.02
"""How far, in voxels, a traced contour is drawn in from the voxels' border.

Readers that fill what lies inside and readers that round a point to its voxel then both find the same voxels.
"""
STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"
"""Detached Study Management: what the standard has a structure set call the study of its CT."""

WAYS = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
"""Right, up, left, down; one further is a turn to the left."""

_NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
_NEVER_MISSING = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
    *("OperatorsName", "PositionReferenceIndicator"),
)
_COPIED = ("SpecificCharacterSet", "StudyInstanceUID", "FrameOfReferenceUID", *_NEVER_MISSING)

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
        following = np.roll(polygon, -1, axis=0)
        falls = polygon[:, 1:] > following[:, 1:]
        # From its lower end: neighbours run along their common edge in opposite directions, and must round it alike.
        (x0, y0), (x1, y1) = np.where(falls, following, polygon).T, np.where(falls, polygon, following).T
        low, high = (np.ceil(y).clip(0, shape[1]).astype(int) for y in (y0, y1))
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


def write_rtstruct(
    path: str | Path, structures: Structures, series: Series, colours: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Write masks as a structure set of the CT series they were drawn on, with its patient and its frame of reference.

    The border between voxels becomes closed contours in the plane of each slice; a hole is a contour within another. An
    empty mask is left out. `draw` gives the same masks back, unless one skips every second slice: it would fill those.

    Args:
        structures: on the grid of that series, as `read_series` gives it; their names are written as they are.
        colours: structure -> "#rrggbb".
    Raises:
        InputError: masks on another grid, no voxel in any of them, a series without study or frame of reference, or a
            file that cannot be written.
    """
    headers = read_headers(series.paths, "the CT")
    _check_grid(structures, headers)
    drawn = {name: mask for name, mask in structures.items() if mask.any()}
    if not drawn:
        raise InputError("Every contour is empty, so there is nothing to write. Contour the CT first.")
    plan = _about(headers[0])
    plan.ReferencedFrameOfReferenceSequence = [_referenced(headers)]
    plan.StructureSetROISequence, plan.ROIContourSequence, plan.RTROIObservationsSequence = [], [], []
    for number, (name, mask) in enumerate(drawn.items(), start=1):
        plan.StructureSetROISequence.append(_roi(number, name, plan.FrameOfReferenceUID))
        plan.ROIContourSequence.append(_contoured(number, mask, headers, colours.get(name, OTHER_COLOUR)))
        plan.RTROIObservationsSequence.append(_observed(number, name))
    file = BytesIO()
    plan.save_as(file, enforce_file_format=True)
    write_whole(Path(path), file.getbuffer())


def trace(mask: np.ndarray) -> list[np.ndarray]:
    """The border of a flat mask as closed polygons, drawn in by INSET; voxels that touch at a corner only are apart.

    Args:
        mask: (X, Y) bool.
    Returns:
        Each (N, 2), in voxels, counter-clockwise around the mask and clockwise around a hole.
    """
    edges, loops = _edges(mask), []
    while edges:
        first = edge = next(iter(edges))
        corners = []
        while edge in edges:
            del edges[edge]
            x, y, way = edge
            end = (x + WAYS[way][0], y + WAYS[way][1])
            # Left first: where two voxels touch at a corner, the walk stays with the one it has gone around so far.
            turns = ((*end, (way + turn) % 4) for turn in (1, 0, 3))
            edge = next((turn for turn in turns if turn in edges), first)
            if edge[2] != way:
                corners.append((*end, way, edge[2]))
        x, y, before, after = np.array(corners).T
        inwards = INSET * (WAYS[(before + 1) % 4] + WAYS[(after + 1) % 4])
        loops.append(np.stack([x, y], axis=1) - 0.5 + inwards)
    return loops


def _edges(mask: np.ndarray) -> dict[tuple[int, int, int], None]:
    """Each voxel's borders with the outside, the voxel on the left: from which corner, in which of WAYS."""
    padded = np.pad(mask, 1)
    inside, edges = padded[1:-1, 1:-1], {}
    below, right, above, left = padded[1:-1, :-2], padded[2:, 1:-1], padded[1:-1, 2:], padded[:-2, 1:-1]
    for way, (beyond, start) in enumerate(((below, (0, 0)), (right, (1, 0)), (above, (1, 1)), (left, (0, 1)))):
        corners = np.argwhere(inside & ~beyond) + start
        edges.update(((int(x), int(y), way), None) for x, y in corners)
    return edges


def _check_grid(structures: Structures, headers: Sequence[Dataset]) -> None:
    shape = (int(headers[0].Columns), int(headers[0].Rows), len(headers))
    fits = np.allclose(affine_of(headers), structures.affine, atol=1e-3)
    if not fits or any(mask.shape != shape for mask in structures.values()):
        raise InputError("The contours do not lie on the grid of this DICOM series. Contour the series itself.")


def _about(ct: Dataset) -> Dataset:
    """A structure set without structures: whose it is, what made it, and that it is for research only."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

    missing = [keyword for keyword in _NEEDED if not ct.get(keyword)]
    if missing:
        raise InputError(f"The CT has no {', '.join(missing)}, which an RTSTRUCT must repeat. Export the series again.")
    plan, now = Dataset(), datetime.now()
    for keyword in _COPIED:
        if keyword in ct:
            plan[keyword] = ct[keyword]
    for keyword in _NEVER_MISSING:
        if keyword not in plan:
            setattr(plan, keyword, "")
    plan.SOPClassUID, plan.SOPInstanceUID, plan.SeriesInstanceUID = (
        RTStructureSetStorage,
        generate_uid(),
        generate_uid(),
    )
    plan.Modality, plan.SeriesNumber, plan.SeriesDescription = "RTSTRUCT", None, RESEARCH_ONLY
    plan.Manufacturer, plan.ManufacturerModelName, plan.SoftwareVersions = "llmseg", "llmseg", __version__
    plan.InstanceCreationDate = plan.StructureSetDate = now.strftime("%Y%m%d")
    plan.InstanceCreationTime = plan.StructureSetTime = now.strftime("%H%M%S")
    plan.StructureSetLabel, plan.StructureSetName, plan.StructureSetDescription = LABEL, RESEARCH_ONLY, RESEARCH_ONLY
    plan.ApprovalStatus = "UNAPPROVED"
    plan.file_meta = FileMetaDataset()
    plan.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    plan.file_meta.MediaStorageSOPClassUID = plan.SOPClassUID
    plan.file_meta.MediaStorageSOPInstanceUID = plan.SOPInstanceUID
    return plan


def _item(**elements: object) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item


def _referenced(headers: Sequence[Dataset]) -> Dataset:
    first = headers[0]
    series = _item(SeriesInstanceUID=first.SeriesInstanceUID, ContourImageSequence=[_image(ct) for ct in headers])
    study = _item(
        ReferencedSOPClassUID=STUDY_CLASS,
        ReferencedSOPInstanceUID=first.StudyInstanceUID,
        RTReferencedSeriesSequence=[series],
    )
    return _item(FrameOfReferenceUID=first.FrameOfReferenceUID, RTReferencedStudySequence=[study])


def _image(ct: Dataset) -> Dataset:
    return _item(ReferencedSOPClassUID=ct.SOPClassUID, ReferencedSOPInstanceUID=ct.SOPInstanceUID)


def _roi(number: int, name: str, frame: str) -> Dataset:
    return _item(
        ROINumber=number,
        ReferencedFrameOfReferenceUID=frame,
        ROIName=name,
        ROIGenerationAlgorithm="AUTOMATIC",
        ROIGenerationDescription=RESEARCH_ONLY,
    )


def _observed(number: int, name: str) -> Dataset:
    return _item(
        ObservationNumber=number,
        ReferencedROINumber=number,
        RTROIInterpretedType="PTV" if name in TARGETS else "ORGAN",
        ROIInterpreter="",
    )


def _contoured(number: int, mask: np.ndarray, headers: Sequence[Dataset], colour: str) -> Dataset:
    contours = [_contour(points, header) for points, header in _in_space(mask, headers)]
    for place, contour in enumerate(contours, start=1):
        contour.ContourNumber = place
    return _item(ROIDisplayColor=list(bytes.fromhex(colour[1:])), ContourSequence=contours, ReferencedROINumber=number)


def _in_space(mask: np.ndarray, headers: Sequence[Dataset]) -> Iterator[tuple[np.ndarray, Dataset]]:
    """Closed contours, each (N, 3) in mm, LPS, in the plane of its slice, and that slice."""
    for number in np.flatnonzero(mask.any(axis=(0, 1))):
        header = headers[number]
        right, down = np.asarray(header.ImageOrientationPatient, float).reshape(2, 3)
        row_mm, column_mm = (float(edge) for edge in header.PixelSpacing)
        steps = np.stack([right * column_mm, down * row_mm])
        for points in trace(mask[:, :, number]):
            yield np.asarray(header.ImagePositionPatient, float) + points @ steps, header


def _contour(points: np.ndarray, header: Dataset) -> Dataset:
    return _item(
        ContourImageSequence=[_image(header)],
        ContourGeometricType="CLOSED_PLANAR",
        NumberOfContourPoints=len(points),
        ContourData=[f"{value:.4f}" for value in points.ravel()],
    )
