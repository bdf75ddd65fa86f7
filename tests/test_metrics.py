"""Overlap, distance, volume, added path: against shapes with a known answer, MONAI, surface-distance, symmetries."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest
import torch
from scipy import ndimage

from llmseg.case import InputError, Structures
from llmseg.metrics import Agreement, dice, drawn_path_mm, hd95_mm, iou, score

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


def pair_and_spacing(seed):
    """One contour beside the other or around it, both cut off by the image's edge; voxels of any shape."""
    a, b = blob(seed), blob(seed + 100) | blob(seed) if seed % 2 else blob(seed + 100)
    return a, b, tuple(np.random.default_rng(seed).uniform(0.7, 5, 3))


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
    (found,) = score(*[Structures({"Larynx": blob(1)}, np.diag([*SPACING_MM, 1]))] * 2)
    assert found.structure == "Larynx"
    assert (found.dice, found.iou, found.surface_dice_2mm, found.surface_dice_3mm) == (1, 1, 1, 1)
    assert (found.hd95_mm, found.asd_mm, found.volume_error_ml, found.volume_error_percent, found.apl_mm) == (0,) * 5


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

    a, b, spacing_mm = pair_and_spacing(seed)
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
        found = Agreement(*pair, SPACING_MM)
        assert (dice(*pair), iou(*pair), found.surface_dice(2), found.surface_dice(50)) == (0, 0, 0, 0)
        assert (hd95_mm(*pair, SPACING_MM), found.asd_mm) == pytest.approx((diagonal, diagonal))


def test_two_empty_sides_have_nothing_to_agree_on():
    empty = Structures({"PTV_Low": np.zeros(SHAPE)}, np.diag([*SPACING_MM, 1]))
    (found,) = score(empty, empty)
    values = asdict(found)
    assert (values.pop("structure"), values.pop("reference_ml")) == ("PTV_Low", 0)
    assert all(math.isnan(value) for value in values.values())


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


# Surfaces

FINE = {"centre": (40, 40, 40), "shape": (81, 81, 81), "spacing_mm": (1, 1, 1)}


@pytest.mark.filterwarnings("ignore:.*scipy.ndimage:DeprecationWarning")  # surface-distance's own calls
@pytest.mark.parametrize("seed", range(6))
def test_surface_dice_is_what_surface_distance_computes(seed):
    from surface_distance import compute_surface_dice_at_tolerance, compute_surface_distances

    a, b, spacing_mm = pair_and_spacing(seed)
    expected, found = compute_surface_distances(a, b, spacing_mm), Agreement(a, b, spacing_mm)
    for tolerance_mm in (0, 2, 3, 7.5):
        share = compute_surface_dice_at_tolerance(expected, tolerance_mm)
        assert found.surface_dice(tolerance_mm) == pytest.approx(share, abs=1e-6)


@pytest.mark.filterwarnings("ignore:.*scipy.ndimage:DeprecationWarning")  # surface-distance's own calls
@pytest.mark.parametrize("seed", range(6))
def test_the_mean_distance_is_within_half_a_voxel_of_surface_distances(seed):
    from surface_distance import compute_surface_distances

    a, b, spacing_mm = pair_and_spacing(seed)
    google = compute_surface_distances(a, b, spacing_mm)
    ways = ("distances_gt_to_pred", "surfel_areas_gt"), ("distances_pred_to_gt", "surfel_areas_pred")
    mean_mm = sum(google[mm] @ google[mm2] for mm, mm2 in ways) / sum(google[mm2].sum() for _, mm2 in ways)
    assert Agreement(a, b, spacing_mm).asd_mm == pytest.approx(mean_mm, abs=max(spacing_mm) / 2)


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")  # MONAI's own call
@pytest.mark.parametrize("seed", range(6))
def test_the_mean_distance_is_what_monai_computes(seed):
    from monai.metrics import compute_average_surface_distance

    a, b, spacing_mm = pair_and_spacing(seed)
    expected = compute_average_surface_distance(
        torch.from_numpy(b)[None, None], torch.from_numpy(a)[None, None], True, symmetric=True, spacing=spacing_mm
    )
    assert Agreement(a, b, spacing_mm).asd_mm == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("gap_mm", [1, 2, 3, 5, 8])
def test_nested_balls_lie_apart_by_the_difference_of_their_radii(gap_mm):
    found = Agreement(ball(30, **FINE), ball(30 - gap_mm, **FINE), (1, 1, 1))
    assert found.asd_mm == pytest.approx(gap_mm, abs=0.3)
    assert found.surface_dice(gap_mm + 1) == 1
    assert found.surface_dice(gap_mm - 2) < 0.01


@pytest.mark.parametrize("shift_mm", [2, 4, 8])
def test_the_mean_distance_of_a_shifted_ball_is_half_its_shift(shift_mm):
    # The distance along the normal is |shift * cos(angle)|, and |cos| is 1/2 on average over a ball.
    shifted = ball(30, **FINE | {"centre": (40, 40, 40 + shift_mm)})
    assert Agreement(ball(30, **FINE), shifted, (1, 1, 1)).asd_mm == pytest.approx(shift_mm / 2, abs=0.3)


@pytest.mark.parametrize("header_mm", [3 - 1e-6, 3, 3 + 1e-6])
def test_a_contour_one_slice_of_3_mm_away_is_within_3_mm_however_the_header_is_rounded(header_mm):
    a = box((5, 25), (5, 25), (8, 20))
    found = Agreement(a, np.roll(a, 1, 2), (1, 1, header_mm))
    assert found.surface_dice(3) == 1
    assert found.surface_dice(2) < 1


def test_a_surface_element_weighs_as_much_as_its_area():
    # The longer the voxels, the larger the four faces on which the boxes differ beside the two they share.
    a, b = box((5, 15), (5, 15), (5, 15)), box((5, 25), (5, 15), (5, 15))
    shares = [Agreement(a, b, (edge, 1, 1)).surface_dice(0.5) for edge in (1, 4, 16)]
    ideal = [(2 * 400 * edge + 200 + 100) / (3 * 400 * edge + 400) for edge in (1, 4, 16)]
    assert shares == pytest.approx(ideal, abs=0.05)


@pytest.mark.parametrize("name", ["dice", "iou", "hd95_mm", "asd_mm"])
def test_neither_contour_comes_first_in_any_symmetric_measure(name):
    forth, back = (Agreement(*pair, SPACING_MM) for pair in ((blob(1), blob(2)), (blob(2), blob(1))))
    assert getattr(forth, name) == pytest.approx(getattr(back, name), rel=1e-12)
    assert forth.surface_dice(3) == pytest.approx(back.surface_dice(3), rel=1e-12)


def test_the_surface_within_a_wider_tolerance_is_never_less():
    shares = [Agreement(blob(1), blob(2), SPACING_MM).surface_dice(mm) for mm in (0, 1, 2, 3, 5, 100)]
    assert shares == sorted(shares)
    assert shares[0] < shares[3] < shares[-1] == 1


# Volume and added path


def test_a_volume_error_has_a_sign_and_a_share():
    small, large = box((0, 10), (0, 10), (0, 10)), box((0, 10), (0, 10), (0, 15))
    more, less = Agreement(small, large, (1, 1, 2)), Agreement(large, small, (1, 1, 2))
    assert (more.reference_ml, more.volume_error_ml, more.volume_error_percent) == pytest.approx((2, 1, 50))
    assert (less.reference_ml, less.volume_error_ml, less.volume_error_percent) == pytest.approx((3, -1, -100 / 3))


def test_a_volume_has_no_share_of_nothing():
    empty, a = np.zeros(SHAPE, dtype=bool), box((0, 10), (0, 10), (0, 10))
    drawn, missed = Agreement(empty, a), Agreement(a, empty)
    assert drawn.volume_error_ml == 1
    assert math.isnan(drawn.volume_error_percent)
    assert (missed.volume_error_ml, missed.volume_error_percent) == (-1, -100)


def test_the_whole_outline_is_to_be_added_where_nothing_was_drawn():
    a, empty = box((5, 15), (5, 15), (5, 8)), np.zeros(SHAPE, dtype=bool)
    found = Agreement(a, empty, (2, 2, 5))
    assert found.apl_voxels == 3 * 36  # the rim of 10 x 10 voxels, in three slices
    assert found.apl_mm == 3 * 36 * 2
    assert Agreement(empty, a).apl_voxels == 0


def test_only_the_outline_that_is_missing_is_added():
    a, b = box((5, 15), (5, 15), (5, 8)), box((5, 15), (5, 13), (5, 8))
    # The reference's far row of ten, and both ends of the row before it, where the prediction's outline does not reach.
    assert Agreement(a, b).apl_voxels == 3 * (10 + 2)
    assert Agreement(b, a).apl_voxels == 3 * 8


def test_the_added_path_is_counted_in_the_axial_slices_of_any_orientation():
    a, b = box((5, 15), (5, 15), (5, 8)), box((5, 15), (5, 13), (5, 8))
    upright = np.diag([1, 1, 3, 1])
    turned = upright[:, [2, 0, 1, 3]]

    def path(affine, order):
        pair = (Structures({"Larynx": mask.transpose(order)}, affine) for mask in (a, b))
        (found,) = score(*pair)
        return found.apl_voxels, found.apl_mm

    assert path(upright, (0, 1, 2)) == path(turned, (2, 0, 1)) == (36, 36)


def test_an_edit_drew_the_outline_that_its_start_had_not():
    a, b, empty = box((5, 15), (5, 15), (5, 8)), box((5, 15), (5, 13), (5, 8)), np.zeros(SHAPE, dtype=bool)
    upright = np.diag([2, 2, 5, 1])
    assert drawn_path_mm(b, a, upright) == 3 * (10 + 2) * 2
    assert drawn_path_mm(a, b, upright) == 3 * 8 * 2
    assert drawn_path_mm(empty, a, upright) == 3 * 36 * 2
    assert drawn_path_mm(a, empty, upright) == drawn_path_mm(empty, empty, upright) == 0
