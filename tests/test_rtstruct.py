"""Masks become a structure set of their CT that any reader turns back into the same masks."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pydicom
import pytest
from clinic import Scanner, write_ct
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from llmseg.case import InputError, Structures, Volume
from llmseg.formats.dicom import Series, find_series, read_series
from llmseg.formats.rtstruct import draw, fill_even_odd, read_contours, trace, write_rtstruct
from llmseg.metrics import dice

OBLIQUE = ((np.cos(0.2), 0.0, np.sin(0.2)), (0.0, 1.0, 0.0))
SCANNERS = {
    "upright": Scanner(shape=(24, 24, 8), spacing_mm=(1.2, 1.2, 3.0)),
    "feet first": Scanner(shape=(24, 24, 8), axes=((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0)), spacing_mm=(0.9, 0.9, 2.5)),
    "oblique": Scanner(shape=(24, 24, 8), axes=OBLIQUE, spacing_mm=(0.7, 0.7, 5.0)),
}
OBLONG = Scanner(shape=(30, 20, 7), spacing_mm=(0.8, 1.3, 3.0))
"""Of another number of rows than columns, and of oblong pixels: more than the second reader can take."""


class Taken(NamedTuple):
    folder: Path
    series: Series
    volume: Volume


def taken(folder: Path, scanner: Scanner) -> Taken:
    write_ct(folder, scanner, hu=np.random.default_rng(0).uniform(-1000, 1000, scanner.shape))
    (series,) = find_series(folder).series
    return Taken(folder, series, read_series(series.paths))


@pytest.fixture(scope="module", params=list(SCANNERS))
def ct(request, tmp_path_factory) -> Taken:
    return taken(tmp_path_factory.mktemp("ct"), SCANNERS[request.param])


def any_mask(shape: tuple[int, int, int], seed: int, share: float, kind: str) -> np.ndarray:
    """Noise (many pieces, many holes), a shell (a hole in each slice), or lines one voxel wide."""
    rng = np.random.default_rng(seed)
    if kind == "noise":
        mask = rng.random(shape) < share
    elif kind == "shell":
        grid = np.stack(np.indices(shape), axis=-1)
        radius = np.linalg.norm((grid - rng.uniform(0, shape)) / rng.uniform(0.5, 2, 3), axis=-1)
        mask = (radius > 4 * share) & (radius < 4 * share + rng.uniform(1, 6))
    else:
        mask = np.zeros(shape, bool)
        mask[rng.integers(shape[0]), :, :] = True
        mask[:, rng.integers(shape[1]), :] = True
        mask[tuple(rng.integers(0, size, 40) for size in shape)] = True
    mask[:, :, rng.integers(shape[2])] |= rng.random(shape[:2]) < 0.1
    return mask


MASKS = given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.98), st.sampled_from(["noise", "shell", "thin"]))
FEW = settings(max_examples=8)


def is_without_gaps(mask: np.ndarray) -> bool:
    """Whether a reader cannot take it for a structure that was contoured on every second slice only."""
    steps = np.diff(np.flatnonzero(mask.any(axis=(0, 1))))
    return not len(steps) or bool(np.median(steps) == 1)


@FEW
@MASKS
def test_contours_of_any_mask_give_the_same_mask_back(ct, tmp_path_factory, seed, share, kind):
    mask = any_mask(ct.volume.shape, seed, share, kind)
    assume(is_without_gaps(mask))
    path = tmp_path_factory.mktemp("plan") / "plan.dcm"
    write_rtstruct(path, Structures({"PTV_High": mask}, ct.volume.affine), ct.series)
    assert dice(mask, draw(read_contours(path)["PTV_High"], ct.volume)) == 1.0


@FEW
@MASKS
def test_a_second_reader_finds_the_same_mask(ct, tmp_path_factory, seed, share, kind):
    from rt_utils import RTStructBuilder

    mask = any_mask(ct.volume.shape, seed, share, kind)
    path = tmp_path_factory.mktemp("plan") / "plan.dcm"
    write_rtstruct(path, Structures({"Larynx": mask}, ct.volume.affine), ct.series)
    plan = RTStructBuilder.create_from(dicom_series_path=str(ct.folder), rt_struct_path=str(path))
    # Its masks are (rows, columns, slices).
    assert dice(mask, plan.get_roi_mask_by_name("Larynx").transpose(1, 0, 2)) == 1.0


@FEW
@MASKS
def test_oblong_voxels_and_pictures_come_back_as_well(tmp_path_factory, seed, share, kind):
    ct = taken(tmp_path_factory.mktemp("ct"), OBLONG)
    mask = any_mask(ct.volume.shape, seed, share, kind)
    assume(is_without_gaps(mask))
    path = tmp_path_factory.mktemp("plan") / "plan.dcm"
    write_rtstruct(path, Structures({"Larynx": mask}, ct.volume.affine), ct.series)
    assert dice(mask, draw(read_contours(path)["Larynx"], ct.volume)) == 1.0


@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.98))
def test_a_traced_border_encloses_what_it_was_traced_from(seed, share):
    mask = np.random.default_rng(seed).random((9, 12)) < share
    loops = trace(mask)
    np.testing.assert_array_equal(fill_even_odd(loops, mask.shape), mask)
    area = sum(float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2) for x, y in (loop.T for loop in loops))
    assert 0.8 * mask.sum() <= area <= mask.sum()


def test_a_planning_system_finds_patient_frame_and_every_slice(tmp_path):
    ct = taken(tmp_path / "ct", OBLONG)
    masks = {"PTV_High": np.ones(ct.volume.shape, bool), "SpinalCord": np.zeros(ct.volume.shape, bool)}
    masks["Larynx"] = masks["PTV_High"].copy()
    structures = Structures(masks, ct.volume.affine)
    write_rtstruct(tmp_path / "plan.dcm", structures, ct.series, {"PTV_High": "#ff4b4b"})
    plan = pydicom.dcmread(tmp_path / "plan.dcm")
    slices = [pydicom.dcmread(path) for path in ct.series.paths]
    assert (plan.PatientID, plan.PatientName, plan.PatientBirthDate) == ("MRN-0001", "Doe^Jane", "19500101")
    assert plan.StudyInstanceUID == slices[0].StudyInstanceUID
    assert plan.SeriesInstanceUID != slices[0].SeriesInstanceUID
    (found,) = find_series(tmp_path).structure_sets
    assert (found.series, found.slices, found.frame) == ({ct.series.uid}, len(slices), slices[0].FrameOfReferenceUID)
    assert not found.approved
    heights = {image.SOPInstanceUID: image.ImagePositionPatient[2] for image in slices}
    target = plan.ROIContourSequence[0]
    for contour in target.ContourSequence:
        referred = contour.ContourImageSequence[0].ReferencedSOPInstanceUID
        assert set(contour.ContourData[2::3]) == {heights[referred]}
    assert list(target.ROIDisplayColor) == [255, 75, 75]
    assert [roi.ROIName for roi in plan.StructureSetROISequence] == ["PTV_High", "Larynx"]
    assert [seen.RTROIInterpretedType for seen in plan.RTROIObservationsSequence] == ["PTV", "ORGAN"]


def test_a_structure_set_says_wherever_one_looks_that_it_is_for_research_only(tmp_path):
    ct = taken(tmp_path / "ct", OBLONG)
    mask = np.ones(ct.volume.shape, bool)
    write_rtstruct(tmp_path / "plan.dcm", Structures({"PTV_High": mask}, ct.volume.affine), ct.series)
    plan = pydicom.dcmread(tmp_path / "plan.dcm")
    assert plan.StructureSetLabel == "RESEARCH ONLY"
    assert plan.ApprovalStatus == "UNAPPROVED"
    for line in (plan.SeriesDescription, plan.StructureSetDescription, plan.StructureSetName):
        assert line == "llmseg research use only, not for clinical use"
    assert plan.StructureSetROISequence[0].ROIGenerationDescription == plan.StructureSetName


def test_masks_of_another_grid_and_empty_ones_are_refused(tmp_path):
    ct = taken(tmp_path / "ct", OBLONG)
    mask = np.ones(ct.volume.shape, bool)
    moved = ct.volume.affine.copy()
    moved[0, 3] += 5
    for structures in (Structures({"Larynx": mask}, moved), Structures({"Larynx": mask[1:]}, ct.volume.affine)):
        with pytest.raises(InputError, match="do not lie on the grid"):
            write_rtstruct(tmp_path / "plan.dcm", structures, ct.series)
    with pytest.raises(InputError, match="Every contour is empty"):
        write_rtstruct(tmp_path / "plan.dcm", Structures({"Larynx": ~mask}, ct.volume.affine), ct.series)
    assert not (tmp_path / "plan.dcm").exists()


def test_a_series_without_a_frame_of_reference_is_refused(tmp_path):
    ct = taken(tmp_path / "ct", OBLONG)
    for path in ct.series.paths:
        header = pydicom.dcmread(path)
        del header.FrameOfReferenceUID
        header.save_as(path)
    structures = Structures({"Larynx": np.ones(ct.volume.shape, bool)}, ct.volume.affine)
    with pytest.raises(InputError, match="no FrameOfReferenceUID"):
        write_rtstruct(tmp_path / "plan.dcm", structures, ct.series)
