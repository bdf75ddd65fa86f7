"""A CT that is as it should be passes in silence; whatever is odd about one is said, with the remedy."""

from __future__ import annotations

import numpy as np
import pytest

from llmseg.case import Volume
from llmseg.gate import check_ct

SHAPE, SPACING_MM = (120, 110, 80), (2.5, 2.5, 3.0)


def patient(shape=SHAPE, spacing_mm=SPACING_MM, across_mm=(75.0, 95.0), noise=20.0) -> np.ndarray:
    """A head of noisy soft tissue through all slices, in air, (X, Y, Z) HU."""
    x, y, _ = (
        (index - (size - 1) / 2) * edge
        for index, size, edge in zip(np.indices(shape, sparse=True), shape, spacing_mm, strict=True)
    )
    inside = np.broadcast_to((x / across_mm[0]) ** 2 + (y / across_mm[1]) ** 2 < 1, shape)
    return np.where(inside, 40.0, -1000.0) + np.random.default_rng(0).normal(0, noise, shape)


def ct(array=None, spacing_mm=SPACING_MM, axes=None) -> Volume:
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) if axes is None else np.array(axes)) * spacing_mm
    return Volume(patient() if array is None else array, affine)


def turned(degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def test_a_head_and_neck_ct_passes_in_silence():
    assert check_ct(ct()) == ()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_it_does_not_matter_how_the_axes_are_stored(order):
    volume = ct(spacing_mm=(2.5, 2.5, 6.0))
    affine = np.eye(4)
    affine[:3, :3] = volume.affine[:3, :3][:, list(order)]
    found = check_ct(Volume(volume.array.transpose(order), affine))
    assert [oddity.text for oddity in found] == [oddity.text for oddity in check_ct(volume)]
    assert "6.0 mm apart" in found[0].text


@pytest.mark.parametrize(
    ("array", "said"),
    [
        ((patient() > -300).astype(float), "only 2 different values from 0 to 1, as a mask does"),
        (np.digitize(patient(noise=0), [-500, 0]) + np.eye(120, 110)[:, :, None], "as a mask does"),
        (patient() + 1024, "no air"),
        ((patient() + 1000) / 8, "no air"),
        (np.where(patient() > -300, 900.0, -1000.0) + np.random.default_rng(0).normal(0, 5, SHAPE), "no soft tissue"),
        (patient(across_mm=(4.0, 4.0)), "no body"),
    ],
    ids=["a mask", "labels", "an offset of 1024", "grey values", "bones only", "an empty field"],
)
def test_what_is_no_ct_is_refused_and_nothing_else_is_said(array, said):
    (oddity,) = check_ct(ct(array))
    assert oddity.refused
    assert said in oddity.text


@pytest.mark.parametrize(
    ("volume", "said"),
    [
        (ct(spacing_mm=(2.5, 2.5, 6.0)), "slices are 6.0 mm apart"),
        (ct(patient((100, 90, 80), (3.5, 3.5, 3)), (3.5, 3.5, 3)), "pixels are 3.5 mm wide"),
        (ct(axes=[[1, 0, 0], [0, 1, 0.2], [0, 0, 0.98]]), "12 degrees off the right angle"),
        (ct(axes=turned(30)), "turned by 30 degrees"),
        (ct(patient((70, 70, 80))), "only 175 x 175 mm"),
        (ct(patient(across_mm=(160.0, 140.0))), "cut off at the sides"),
        (ct(patient((120, 110, 20))), "20 slices cover only 60 mm"),
        (ct(patient((120, 110, 300))), "900 mm long"),
        (ct(patient((180, 140, 80), across_mm=(200.0, 120.0))), "as narrow as a head"),
        (ct(patient(across_mm=(40.0, 40.0))), "as wide as a head"),
    ],
)
def test_what_is_odd_is_said_with_its_value_and_not_refused(volume, said):
    found = check_ct(volume)
    assert any(said in oddity.text for oddity in found), found
    assert not any(oddity.refused for oddity in found)
    assert len(found) <= 2


def test_an_oblique_but_upright_enough_scan_passes():
    assert check_ct(ct(axes=turned(8))) == ()
