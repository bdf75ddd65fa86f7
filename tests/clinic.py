"""A clinic in miniature: CT series and structure sets as a scanner and a planning system export them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

FLAT = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
"""Image rows run to the patient's left, columns to the back: the usual axial slice, in DICOM's LPS."""


@dataclass(frozen=True)
class Scanner:
    """How a CT is taken: columns, rows and slices, mm between them, where it starts and how it is turned."""

    shape: tuple[int, int, int] = (40, 36, 24)
    spacing_mm: tuple[float, float, float] = (5.0, 4.5, 3.0)
    origin_mm: tuple[float, float, float] = (-97.5, -78.75, -100.0)
    axes: tuple[Sequence[float], Sequence[float]] = FLAT
    shear: float = 0.0
    slope: float = 1.0
    intercept: float = -1024.0
    position: str = "HFS"

    @property
    def affine_lps(self) -> np.ndarray:
        right, down = np.array(self.axes)
        normal = np.cross(right, down)
        affine = np.eye(4)
        affine[:3, :3] = np.stack([right, down, normal + self.shear * down], axis=1) * self.spacing_mm
        affine[:3, 3] = self.origin_mm
        return affine

    def positions_lps(self) -> np.ndarray:
        """(X, Y, Z, 3) mm."""
        grid = np.stack(np.indices(self.shape), axis=-1)
        return grid @ self.affine_lps[:3, :3].T + self.affine_lps[:3, 3]


def head(scanner: Scanner) -> np.ndarray:
    """Soft tissue in air with a bone on the patient's left, in HU."""
    p = scanner.positions_lps()
    centre = p.reshape(-1, 3).mean(axis=0)
    hu = np.where((((p - centre) / (80, 70, 400)) ** 2).sum(-1) < 1, 40.0, -1000.0)
    hu[np.linalg.norm(p - centre - (50, 0, 0), axis=-1) < 12] = 900.0
    return hu


def write_ct(
    folder: Path,
    scanner: Scanner = Scanner(),
    patient: str = "MRN-0001",
    hu: np.ndarray | None = None,
    left_out: Sequence[int] = (),
    seed: int = 0,
) -> Dataset:
    """Write a series, its files in a random order under names that say nothing; returns what all slices share."""
    folder.mkdir(parents=True, exist_ok=True)
    hu = head(scanner) if hu is None else hu
    stored = np.rint((hu - scanner.intercept) / scanner.slope).astype(np.int16)
    common = _common(patient, "CT", CTImageStorage)
    common.FrameOfReferenceUID, common.StudyInstanceUID = generate_uid(), generate_uid()
    common.PatientPosition, common.ImageType = scanner.position, ["ORIGINAL", "PRIMARY", "AXIAL"]
    common.ImageOrientationPatient = [float(v) for axis in scanner.axes for v in axis]
    column_mm, row_mm, _ = scanner.spacing_mm
    common.PixelSpacing = [row_mm, column_mm]
    common.RescaleSlope, common.RescaleIntercept, common.RescaleType = scanner.slope, scanner.intercept, "HU"
    slices = []
    order = np.random.default_rng(seed).permutation(scanner.shape[2])
    for number, k in enumerate(k for k in order if k not in left_out):
        image = Dataset()
        image.update(common)
        image.SOPInstanceUID = generate_uid()
        image.InstanceNumber = int(number)
        position = scanner.affine_lps[:3, :3] @ (0, 0, k) + scanner.affine_lps[:3, 3]
        image.ImagePositionPatient = [round(float(v), 4) for v in position]
        image.Columns, image.Rows = scanner.shape[:2]
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 1
        image.PixelData = stored[:, :, k].T.tobytes()
        _save(image, folder / f"file{number:03d}")
        slices.append(_reference(image.SOPInstanceUID))
    common.ReferencedImageSequence = Items(slices)
    return common


def write_structure_set(
    path: Path,
    ct: Dataset,
    contours: Mapping[str, Sequence[np.ndarray]],
    approved: bool = False,
    kind: str = "CLOSED_PLANAR",
) -> None:
    """Write closed contours, each (N, 3) mm in LPS, drawn on that CT."""
    sets = _common(str(ct.PatientID), "RTSTRUCT", RTStructureSetStorage)
    sets.StudyInstanceUID, sets.SOPInstanceUID = ct.StudyInstanceUID, generate_uid()
    sets.ApprovalStatus = "APPROVED" if approved else "UNAPPROVED"
    series, study, frame = Dataset(), Dataset(), Dataset()
    series.SeriesInstanceUID = ct.SeriesInstanceUID
    series.ContourImageSequence = ct.ReferencedImageSequence
    study.RTReferencedSeriesSequence = Items([series])
    frame.FrameOfReferenceUID, frame.RTReferencedStudySequence = ct.FrameOfReferenceUID, Items([study])
    sets.ReferencedFrameOfReferenceSequence = Items([frame])
    sets.StructureSetROISequence, sets.ROIContourSequence = Items(), Items()
    for number, (name, polygons) in enumerate(contours.items(), start=1):
        roi, drawn = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName = number, name
        drawn.ReferencedROINumber, drawn.ContourSequence = number, Items()
        for points in polygons:
            contour = Dataset()
            contour.ContourGeometricType = kind
            contour.NumberOfContourPoints = len(points)
            contour.ContourData = [f"{v:.4f}" for v in np.asarray(points, float).ravel()]
            drawn.ContourSequence.append(contour)
        sets.StructureSetROISequence.append(roi)
        sets.ROIContourSequence.append(drawn)
    _save(sets, path)


def ball(scanner: Scanner, centre_mm: Sequence[float], radius_mm: float, every: int = 1) -> list[np.ndarray]:
    """Contours of a ball on every n-th slice of a scanner: circles of 120 points, mm in LPS."""
    right, down = np.array(scanner.axes)
    normal, centre = np.cross(right, down), np.array(centre_mm, float)
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    circles = []
    for k in range(0, scanner.shape[2], every):
        height = float((scanner.affine_lps[:3, :3] @ (0, 0, k) + scanner.affine_lps[:3, 3] - centre) @ normal)
        if abs(height) < radius_mm:
            radius = np.sqrt(radius_mm**2 - height**2)
            circles.append(
                centre + height * normal + radius * (np.outer(np.cos(angle), right) + np.outer(np.sin(angle), down))
            )
    return circles


def in_ball(scanner: Scanner, centre_mm: Sequence[float], radius_mm: float) -> np.ndarray:
    """The same ball by its formula: voxels whose centre lies in it, (columns, rows, slices)."""
    return np.linalg.norm(scanner.positions_lps() - np.array(centre_mm), axis=-1) < radius_mm


def finer(scanner: Scanner) -> Scanner:
    """The same field in voxels of about 1.5 mm."""
    factor = np.maximum(1, np.rint(np.array(scanner.spacing_mm) / 1.5)).astype(int)
    return replace(
        scanner,
        shape=tuple(int(v) for v in np.array(scanner.shape) * factor),
        spacing_mm=tuple(float(v) for v in np.array(scanner.spacing_mm) / factor),
    )


def _common(patient: str, modality: str, kind: str) -> Dataset:
    header = Dataset()
    header.PatientID, header.PatientName, header.PatientBirthDate = patient, "Doe^Jane", "19500101"
    header.Modality, header.SOPClassUID, header.SeriesInstanceUID = modality, kind, generate_uid()
    return header


def _reference(uid: str) -> Dataset:
    image = Dataset()
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = CTImageStorage, uid
    return image


def _save(header: Dataset, path: Path) -> None:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
    header.file_meta = meta
    path.parent.mkdir(parents=True, exist_ok=True)
    header.save_as(path, enforce_file_format=True)
