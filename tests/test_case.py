"""The nouns refuse what no room above could use, and say what, which value and the remedy."""

from __future__ import annotations

import re
from types import MappingProxyType

import numpy as np
import pytest

from llmseg.case import (
    ORGANS,
    PAIRED,
    STRUCTURES,
    TARGETS,
    Case,
    InputError,
    Note,
    Segmentation,
    Structures,
    Volume,
    slice_axis_of,
)

AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])


def ct(shape=(4, 5, 6)):
    return np.random.default_rng(0).uniform(-1000, 1000, shape).astype(np.float32)


def with_voxel(value):
    array = ct()
    array[1, 2, 3] = value
    return array


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (ct((4, 5)), "has 2 axes; expected 3"),
        (ct((4, 5, 6, 2)), "has 4 axes; expected 3"),
        (ct((4, 5, 1)), "has shape (4, 5, 1); every axis needs 2 voxels"),
        (with_voxel(np.nan), "has 1 NaN or infinite voxels"),
        (with_voxel(np.inf), "has 1 NaN or infinite voxels"),
        (np.full((4, 5, 6), -1000.0), "is constant (-1000 everywhere)"),
    ],
)
def test_a_volume_no_network_can_use_is_refused(array, says):
    with pytest.raises(InputError, match=f"scan.nii {re.escape(says)}") as refused:
        Volume(array, AFFINE, "scan.nii")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("affine", "says"),
    [
        (np.diag([0, 2, 3, 1]), "spacing of 0 x 2 x 3 mm; expected 0.1 to 10 mm"),
        (np.diag([2, 2, 20, 1]), "spacing of 2 x 2 x 20 mm; expected 0.1 to 10 mm"),
        (np.diag([2, 2, np.nan, 1]), "no usable 4x4 affine"),
        (np.eye(3), "no usable 4x4 affine"),
        (np.array([[2, 2, 0, 0], [0, 0.01, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1]]), "axes that nearly coincide"),
    ],
)
def test_a_grid_no_patient_was_scanned_on_is_refused(affine, says):
    with pytest.raises(InputError, match=re.escape(says)):
        Volume(ct(), affine)
    with pytest.raises(InputError, match=re.escape(says)):
        Structures({"Larynx": ct() > 0}, affine)


def test_a_volume_knows_its_spacing_and_orientation():
    affine = np.array([[0, -2.0, 0, 5], [1.5, 0, 0, 6], [0, 0, -3.0, 7], [0, 0, 0, 1]])
    volume = Volume(ct(), affine)
    assert volume.spacing_mm == (1.5, 2.0, 3.0)
    assert volume.orientation == "ALI"
    assert volume.shape == (4, 5, 6)


def test_a_volume_cannot_be_written_to_and_leaves_the_callers_array_writable():
    array = ct()
    volume = Volume(array, AFFINE)
    with pytest.raises(ValueError, match="read-only"):
        volume.array[0, 0, 0] = 0
    with pytest.raises(ValueError, match="read-only"):
        volume.affine[0, 0] = 0
    array[0, 0, 0] = 7
    assert AFFINE.flags.writeable


def test_structures_are_a_mapping_that_tells_missing_from_empty():
    structures = Structures({"Larynx": ct() > 0, "PTV_Low": np.zeros((4, 5, 6))}, AFFINE)
    assert list(structures) == ["Larynx", "PTV_Low"]
    assert structures["PTV_Low"].dtype == bool
    assert not structures["PTV_Low"].any()
    assert "Esophagus" not in structures
    assert structures.spacing_mm == (2.0, 2.0, 3.0)
    assert isinstance(structures.masks, MappingProxyType)


@pytest.mark.parametrize("other", [(4, 5, 7), (4, 5)])
def test_masks_of_different_shapes_are_refused(other):
    with pytest.raises(InputError, match="Resample them to one CT"):
        Structures({"Larynx": ct() > 0, "Esophagus": ct(other) > 0}, AFFINE)


def test_a_mirror_exchanges_paired_organs_and_no_others():
    assert TARGETS + ORGANS == STRUCTURES
    assert all(PAIRED[PAIRED[name]] == name for name in PAIRED)
    assert {name for name in STRUCTURES if name.endswith(("_L", "_R"))} == set(PAIRED)


def test_a_case_loads_late_and_keeps_nothing():
    asked = []
    case = Case("pt_1", Note("Left."), "training", lambda: asked.append("ct") or Volume(ct(), AFFINE), lambda: None)
    assert asked == []
    assert case.volume is not case.volume
    assert len(asked) == 2
    assert case.structures is None


def test_probabilities_are_computed_once_and_only_on_request():
    asked = []
    structures = Structures({"Larynx": ct() > 0}, AFFINE)
    segmentation = Segmentation(structures, {}, lambda: asked.append(1) or {"Larynx": ct()})
    assert asked == []
    assert segmentation.probabilities is segmentation.probabilities
    assert asked == [1]
    with pytest.raises(InputError, match="Segment again"):
        _ = Segmentation(structures, {}).probabilities


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_axial_slices_are_counted_along_the_axis_that_runs_up_the_patient(axis):
    runs = [0, 1]
    runs.insert(axis, 2)
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, runs] @ np.diag([1.0, 2.0, 3.0])
    affine[2, axis] *= -1  # head to feet is the same axis
    assert slice_axis_of(affine) == axis


def test_long_voxels_do_not_make_an_oblique_axis_the_upright_one():
    steep, flat = np.deg2rad(35), 5.0  # the second axis rises by 35 degrees, in steps five times as long
    affine = np.eye(4)
    affine[1:3, 1] = flat * np.array([np.cos(steep), np.sin(steep)])
    affine[1:3, 2] = np.array([-np.sin(steep), np.cos(steep)])
    assert slice_axis_of(affine) == 2
