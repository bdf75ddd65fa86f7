"""Overlap and distance, against shapes with a known answer, MONAI and their own symmetries."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from llmseg.case import InputError, Structures
from llmseg.metrics import Score, dice, hd95_mm, iou, score

SHAPE, SPACING_MM = (40, 36, 30), (1.0, 1.5, 3.0)


def box(x, y, z, shape=SHAPE):
    mask = np.zeros(shape, dtype=bool)
    mask[slice(*x), slice(*y), slice(*z)] = True
    return mask


def ball(radius_mm, centre=(20, 27, 45), shape=SHAPE, spacing_mm=SPACING_MM):
    where = np.moveaxis(np.indices(shape), 0, -1) * spacing_mm - np.array(centre)
    return np.linalg.norm(where, axis=-1) <= radius_mm


def blob(seed, shape=SHAPE):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 3)
    return noise > np.quantile(noise, 0.85)


def test_a_shifted_box_overlaps_by_what_is_left():
    a, b = box((5, 15), (5, 15), (5, 15)), box((10, 20), (5, 15), (5, 15))
    assert dice(a, b) == 0.5
    assert iou(a, b) == pytest.approx(1 / 3)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_shift_is_measured_in_mm_along_its_axis(axis):
    a = box((5, 15), (5, 15), (5, 15))
    # Every point of the face that moved lies four voxels from the other box.
    assert hd95_mm(a, np.roll(a, 4, axis), SPACING_MM) == 4 * SPACING_MM[axis]


def test_nested_balls_lie_as_far_apart_as_their_radii():
    fine = {"centre": (40, 40, 40), "shape": (81, 81, 81), "spacing_mm": (1, 1, 1)}
    assert hd95_mm(ball(30, **fine), ball(20, **fine), (1, 1, 1)) == pytest.approx(10, abs=1)


def test_identical_contours_agree_fully():
    assert score(*[Structures({"Larynx": blob(1)}, np.diag([*SPACING_MM, 1]))] * 2) == [Score("Larynx", 1, 1, 0)]


def test_a_few_stray_voxels_do_not_set_hd95():
    a = ball(14)
    stray = a.copy()
    stray[0, 0, 0] = True
    assert hd95_mm(a, stray, SPACING_MM) == 0
    assert dice(a, stray) < 1


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")  # MONAI's own call
@pytest.mark.parametrize("seed", range(6))
def test_hd95_is_what_monai_computes(seed):
    from monai.metrics import compute_hausdorff_distance

    # One contour beside the other or around it, both cut off by the image's edge.
    a, b = blob(seed), blob(seed + 100) | blob(seed) if seed % 2 else blob(seed + 100)
    spacing_mm = tuple(np.random.default_rng(seed).uniform(0.7, 5, 3))
    expected = compute_hausdorff_distance(
        torch.from_numpy(b)[None, None], torch.from_numpy(a)[None, None], True, percentile=95, spacing=spacing_mm
    )
    assert hd95_mm(a, b, spacing_mm) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("metric", [dice, iou, lambda a, b: hd95_mm(a, b, SPACING_MM)])
def test_neither_contour_comes_first(metric):
    assert metric(blob(1), blob(2)) == metric(blob(2), blob(1))


def test_the_larger_direction_counts():
    small, large = (
        box((18, 22), (16, 20), (14, 16)),
        box((18, 22), (16, 20), (14, 16)) | box((30, 36), (16, 20), (14, 16)),
    )
    assert hd95_mm(small, large, SPACING_MM) == hd95_mm(large, small, SPACING_MM) > 10


def test_iou_follows_from_dice():
    share = dice(blob(1), blob(3))
    assert 0 < share < 1
    assert iou(blob(1), blob(3)) == pytest.approx(share / (2 - share))


def test_cropping_the_image_changes_nothing():
    a, b = ball(10), ball(10, centre=(24, 24, 48))
    crop = np.s_[5:38, 5:32, 8:24]
    assert dice(a[crop], b[crop]) == dice(a, b)
    assert iou(a[crop], b[crop]) == iou(a, b)
    assert hd95_mm(a[crop], b[crop], SPACING_MM) == hd95_mm(a, b, SPACING_MM)


def test_one_empty_side_scores_nothing_and_the_whole_diagonal():
    empty, a = np.zeros(SHAPE, dtype=bool), ball(10)
    diagonal = math.hypot(40 * 1.0, 36 * 1.5, 30 * 3.0)
    for pair in ((empty, a), (a, empty)):
        assert (dice(*pair), iou(*pair)) == (0, 0)
        assert hd95_mm(*pair, SPACING_MM) == pytest.approx(diagonal)


def test_two_empty_sides_have_nothing_to_agree_on():
    empty = np.zeros(SHAPE, dtype=bool)
    assert all(
        math.isnan(value) for value in (dice(empty, empty), iou(empty, empty), hd95_mm(empty, empty, SPACING_MM))
    )


def test_only_what_the_reference_contours_is_scored():
    affine = np.diag([*SPACING_MM, 1])
    reference = Structures({"Larynx": blob(1), "PTV_Low": np.zeros(SHAPE)}, affine)
    prediction = Structures({"Esophagus": blob(2), "PTV_Low": blob(3)}, affine)
    larynx, low = score(reference, prediction)
    assert (larynx.structure, low.structure) == ("Larynx", "PTV_Low")
    assert larynx.dice == low.dice == 0
    assert larynx.hd95_mm == low.hd95_mm > 100


def test_spacing_comes_from_the_affine_of_an_oblique_ct():
    turn = np.array([[0, -1, 0], [0.8, 0, -0.6], [0.6, 0, 0.8]])
    affine = np.eye(4)
    affine[:3, :3] = turn * SPACING_MM
    a, b = blob(1), blob(2)
    (found,) = score(Structures({"Larynx": a}, affine), Structures({"Larynx": b}, affine))
    assert found.hd95_mm == pytest.approx(hd95_mm(a, b, SPACING_MM))


def test_masks_on_different_grids_are_refused():
    a = Structures({"Larynx": blob(1)}, np.diag([*SPACING_MM, 1]))
    with pytest.raises(InputError, match="different grids"):
        score(a, Structures({"Larynx": blob(1)}, np.diag([1, 1, 1, 1])))
    with pytest.raises(InputError, match="shapes"):
        score(a, Structures({"Larynx": blob(1)[1:]}, np.diag([*SPACING_MM, 1])))
