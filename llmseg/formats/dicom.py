"""DICOM CT series and structure sets, found by what their headers say, and CTs read in HU on the scanner's own grid.

Nothing of a header but geometry, rescaling and identifiers is read, and nothing is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from llmseg.case import InputError, Volume

if TYPE_CHECKING:
    from pydicom import Dataset

AIR_HU = -1024.0
"""Padding outside the scanner's circle is stored as anything below; it is air."""
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])
TILT_MM = 1.0
"""How far a series may drift sideways from its first to its last slice before it counts as tilted."""
STEP_SHARE = 0.1
"""By how much of a step two neighbouring slices may be nearer or farther than the others."""

_IDENTIFYING = (
    "SOPClassUID",
    "Modality",
    "ImageType",
    "PatientID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "SeriesDescription",
)
_REFERRING = ("ReferencedFrameOfReferenceSequence", "ApprovalStatus")
_GEOMETRY = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept")
_SAME = ("ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")


@dataclass(frozen=True)
class Series:
    """One CT series: where its slices lie, and what a structure set calls it."""

    uid: str
    patient: str
    frame: str
    paths: tuple[Path, ...]
    description: str = ""


@dataclass(frozen=True)
class StructureSet:
    """One RTSTRUCT and the CT series, of so many slices, that it says it was drawn on."""

    path: Path
    patient: str
    series: frozenset[str]
    slices: int
    frame: str
    approved: bool


class Tree(NamedTuple):
    """What a folder of DICOM files holds."""

    series: tuple[Series, ...]
    structure_sets: tuple[StructureSet, ...]


def find_series(root: str | Path, on_progress: Callable[[int, int], None] | None = None) -> Tree:
    """Sort a tree of DICOM files by their headers; file and folder names say nothing.

    Other files, other modalities and scout views are passed over.

    Args:
        on_progress: called with (files looked at, files in all).
    """
    files = sorted(path for path in Path(root).rglob("*") if path.is_file())
    slices, about, sets = defaultdict(list), {}, []
    for done, path in enumerate(files, start=1):
        header = _header(path)
        if header is not None and header.Modality == "RTSTRUCT":
            sets.append(_structure_set(path, header))
        elif header is not None and "LOCALIZER" not in (header.get("ImageType") or ()):
            uid = str(header.SeriesInstanceUID)
            slices[uid].append(path)
            words = ("PatientID", "FrameOfReferenceUID", "SeriesDescription")
            about[uid] = tuple(_text(header, keyword) for keyword in words)
        if on_progress:
            on_progress(done, len(files))
    series = []
    for uid, paths in slices.items():
        patient, frame, description = about[uid]
        series.append(Series(uid, patient, frame, tuple(paths), description))
    return Tree(tuple(series), tuple(sets))


def choose_series(tree: Tree) -> Series:
    """The one CT series of a tree, or the one that dwarfs the others: at least twice as many slices as any of them.

    Raises:
        InputError: no CT series, several patients, or several series of which none dwarfs the others.
    """
    found = sorted(tree.series, key=lambda series: -len(series.paths))
    if not found:
        raise InputError("There is no CT series in DICOM format in it. Export the planning CT, one file per slice.")
    if len({series.patient for series in found}) > 1:
        raise InputError(f"It holds CTs of {len({series.patient for series in found})} patients. Keep one of them.")
    if len(found) > 1 and len(found[0].paths) < 2 * len(found[1].paths):
        listed = "; ".join(f"{series.description or 'unnamed'}, {len(series.paths)} slices" for series in found[:6])
        raise InputError(f"It holds {len(found)} CT series ({listed}). Keep the one to contour.")
    return found[0]


def read_series(paths: tuple[Path, ...], name: str = "the CT") -> Volume:
    """Read one CT series in HU; the order of its files does not matter, nor how the patient lay.

    Returns:
        (columns, rows, slices) on the scanner's grid, slices in the direction of the image planes' normal.
    Raises:
        InputError: slices missing, doubled or unlike each other, a tilted gantry, no rescaling to HU, or pixels that
            cannot be decoded.
    """
    slices = _stack(paths, name)
    array = np.empty((slices[0].Columns, slices[0].Rows, len(slices)), np.float32, order="F")
    for number, header in enumerate(slices):
        array[:, :, number] = _pixels(header, name).T * float(header.RescaleSlope) + float(header.RescaleIntercept)
    return Volume(np.maximum(array, AIR_HU), affine_of(slices), name=name)


def read_headers(paths: tuple[Path, ...], name: str = "the CT") -> list[Dataset]:
    """Read the headers of one CT series in the order of the slices that `read_series` gives.

    Raises:
        InputError: see `read_series`.
    """
    return _stack(paths, name, stop_before_pixels=True)


def affine_of(headers: list[Dataset]) -> np.ndarray:
    """(4, 4) voxel index (column, row, slice) to mm, RAS+, of a series in the order of its slices."""
    right, down, normal = _directions(headers[0])
    positions = np.array([header.ImagePositionPatient for header in headers], float)
    step = (positions[-1] - positions[0]) @ normal / (len(headers) - 1)
    row_mm, column_mm = (float(edge) for edge in headers[0].PixelSpacing)
    affine = np.eye(4)
    affine[:3, :3] = LPS_TO_RAS @ np.stack([right * column_mm, down * row_mm, normal * step], axis=1)
    affine[:3, 3] = LPS_TO_RAS @ positions[0]
    return affine


def _stack(paths: tuple[Path, ...], name: str, **reading: bool) -> list[Dataset]:
    """The slices of a series in the direction of the image planes' normal, once they are known to be a stack."""
    slices = [_read_slice(path, name, **reading) for path in paths]
    _check_alike(slices, name)
    *_, normal = _directions(slices[0])
    slices.sort(key=lambda header: float(np.dot(header.ImagePositionPatient, normal)))
    _check_stack(np.array([header.ImagePositionPatient for header in slices], float), normal, name)
    return slices


def _directions(header: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where columns, rows and slices run, as unit vectors in LPS."""
    right, down = np.asarray(header.ImageOrientationPatient, float).reshape(2, 3)
    return right, down, np.cross(right, down)


def _header(path: Path) -> Dataset | None:
    """The identifying part of a CT's or a structure set's header; None for any other file."""
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        header = dcmread(path, stop_before_pixels=True, specific_tags=[*_IDENTIFYING, *_REFERRING])
    except (InvalidDicomError, EOFError, ValueError):
        return None
    known = header.get("Modality") in ("CT", "RTSTRUCT") and header.get("SeriesInstanceUID")
    return header if known else None


def _structure_set(path: Path, header: Dataset) -> StructureSet:
    frames = header.get("ReferencedFrameOfReferenceSequence") or ()
    series = list(_referenced_series(header))
    return StructureSet(
        path,
        _text(header, "PatientID"),
        frozenset(_text(item, "SeriesInstanceUID") for item in series),
        sum(len(item.get("ContourImageSequence") or ()) for item in series),
        _text(frames[0], "FrameOfReferenceUID") if frames else _text(header, "FrameOfReferenceUID"),
        _text(header, "ApprovalStatus") == "APPROVED",
    )


def _referenced_series(header: Dataset) -> Iterator[Dataset]:
    for frame in header.get("ReferencedFrameOfReferenceSequence") or ():
        for study in frame.get("RTReferencedStudySequence") or ():
            yield from study.get("RTReferencedSeriesSequence") or ()


def _text(header: Dataset, keyword: str) -> str:
    return str(header.get(keyword) or "").strip()


def _read_slice(path: Path, name: str, **reading: bool) -> Dataset:
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        header = dcmread(path, **reading)
    except (InvalidDicomError, EOFError, ValueError) as error:
        raise InputError(f"{name} has a file that cannot be read ({path.name}: {error}). Copy it again.") from error
    if int(header.get("NumberOfFrames") or 1) > 1:
        raise InputError(f"{name} is one multi-frame file. Export it as one file per slice.")
    missing = [keyword for keyword in _GEOMETRY if header.get(keyword) is None]
    if missing:
        raise InputError(f"{name} has a slice without {', '.join(missing)}. Export the series again from the scanner.")
    if header.get("RescaleType", "HU") not in ("HU", ""):
        raise InputError(f"{name} holds {header.RescaleType}, not Hounsfield units. Export the CT in HU.")
    return header


def _check_alike(slices: list[Dataset], name: str) -> None:
    if len(slices) < 2:
        raise InputError(f"{name} has {len(slices)} slice. Copy the whole series.")
    for keyword in _SAME:
        values = np.array([header.get(keyword) for header in slices], float)
        if not np.allclose(values, values[0], atol=1e-3):
            raise InputError(f"{name} has slices of different {keyword}. Keep one scan in a series.")


def _check_stack(positions: np.ndarray, normal: np.ndarray, name: str) -> None:
    """Refuse slices that are not evenly spaced, or not above one another."""
    heights = positions @ normal
    steps = np.diff(heights)
    step = float(np.median(steps))
    if steps.min() < 0.01:
        raise InputError(f"{name} has two slices at {heights[steps.argmin()]:g} mm. Remove the doubled one.")
    if (uneven := np.abs(steps - step) > STEP_SHARE * step).any():
        first = int(uneven.argmax())
        raise InputError(
            f"{name} is not evenly spaced: its slices are {step:g} mm apart, but {steps[first]:g} mm at "
            f"{heights[first]:g} mm. Copy the missing slices, or resample the scan evenly."
        )
    along = positions[-1] - positions[0]
    sideways_mm = float(np.linalg.norm(along - normal * (along @ normal)))
    if sideways_mm > TILT_MM:
        tilt = np.degrees(np.arctan2(sideways_mm, along @ normal))
        raise InputError(f"{name} was scanned with the gantry tilted by {tilt:.1f} degrees. Use an untilted scan.")


def _pixels(header: Dataset, name: str) -> np.ndarray:
    """(rows, columns) as stored."""
    try:
        return header.pixel_array
    except (AttributeError, NotImplementedError, RuntimeError, ValueError) as error:
        how = header.file_meta.TransferSyntaxUID.name if "TransferSyntaxUID" in header.file_meta else "unknown"
        raise InputError(
            f"{name} has pixels that cannot be decoded ({how}). Export it uncompressed (explicit VR little endian)."
        ) from error
