"""To the network's grid and back, for any way a scanner stores a patient."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import llmseg.preprocessing as preprocessing
from llmseg.case import InputError, Volume
from llmseg.preprocessing import Grid, forward, inverse, inverse_mask, to_grid

GRID = Grid()
BALL_RADIUS_MM = 20.0
FIELD_MM = 150.0


def turned(angles_deg):
    """Rotation about x, then y, then z."""
    result = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(angles_deg)):
        a, b = (other for other in range(3) if other != axis)
        step = np.eye(3)
        step[[a, a, b, b], [a, b, a, b]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        result = step @ result
    return result


@st.composite
def scanner_grids(draw):
    """(shape, affine): anisotropic, permuted, flipped, oblique, shifted."""
    spacing = np.array(draw(st.tuples(*[st.floats(1.2, 5.0)] * 3)))
    order = draw(st.permutations(range(3)))
    signs = np.array(draw(st.tuples(*[st.sampled_from([-1, 1])] * 3)))
    angles = draw(st.tuples(*[st.floats(-20, 20)] * 3))
    centre = np.array(draw(st.tuples(*[st.floats(-300, 300)] * 3)))
    shape = tuple(round(FIELD_MM / step) for step in spacing)
    affine = np.eye(4)
    affine[:3, :3] = turned(angles) @ np.eye(3)[:, order] @ np.diag(signs * spacing)
    affine[:3, 3] = centre - affine[:3, :3] @ (np.array(shape) - 1) / 2
    return shape, affine


def world(shape, affine):
    """(X, Y, Z, 3) position of each voxel in mm."""
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    return index @ affine[:3, :3].T + affine[:3, 3]


def ball(where, centre, radius=BALL_RADIUS_MM):
    return np.linalg.norm(where - centre, axis=-1) < radius


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def centroid(weights):
    return np.argwhere(weights > 0).T @ weights[weights > 0] / weights.sum()


def head(shape, affine):
    """A ball of soft tissue in air, and the position of its centre."""
    where = world(shape, affine)
    centre = where.reshape(-1, 3).mean(axis=0)
    return np.where(ball(where, centre, 65), 40, -1000).astype(np.float32), where, centre


@settings(max_examples=25)
@given(scanner_grids(), st.tuples(*[st.floats(-20, 20)] * 3))
def test_a_ball_goes_to_the_grid_and_back_to_where_it_was(scanner, offset):
    shape, affine = scanner
    array, where, centre = head(shape, affine)
    mask = ball(where, centre + offset)
    before = array.copy(), affine.copy(), mask.copy()
    volume = Volume(array, affine)
    _, placement = forward(volume, GRID)
    back = inverse_mask(to_grid(mask, placement), placement)

    assert back.shape == shape
    assert back.dtype == bool
    assert np.array_equal(placement.affine, affine)
    assert dice(mask, back) >= 0.95
    drift = affine[:3, :3] @ (centroid(back.astype(float)) - centroid(mask.astype(float)))
    assert np.linalg.norm(drift) <= 0.5 * max(*volume.spacing_mm, *GRID.spacing_mm)
    for kept, now in zip(before, (array, affine, mask), strict=True):
        assert np.array_equal(kept, now)


@settings(max_examples=10)
@given(scanner_grids())
def test_a_contour_lies_on_the_tissue_it_was_drawn_on(scanner):
    shape, affine = scanner
    array, where, centre = head(shape, affine)
    mask = ball(where, centre + np.array([12, -9, 15]))
    array[mask] = 900
    image, placement = forward(Volume(array, affine), GRID)
    inside = to_grid(mask, placement)

    assert image.shape == (1, *placement.size) == (1, *inside.shape)
    bright = np.clip(image[0].numpy() - 0.52, 0, None)
    assert np.abs(centroid(bright) - centroid(inside)).max() < 0.2
    # The fractions keep the volume.
    assert inside.sum() * 4**3 == pytest.approx(mask.sum() * abs(np.linalg.det(affine[:3, :3])), rel=1e-3)


@pytest.fixture(scope="module")
def crooked():
    """A head that looks different from every side, stored right, anterior, superior."""
    shape, affine = (60, 70, 45), np.diag([2.5, 2.3, 3.1, 1])
    array, where, centre = head(shape, affine)
    for offset, hu in (([35, 0, 0], 900), ([0, 35, 0], 500), ([0, 0, 35], -800)):
        array[ball(where, centre + offset, 12)] = hu
    return Volume(array, affine)


def test_every_storage_order_gives_the_same_tensor(crooked):
    expected, _ = forward(crooked, GRID)
    for order in permutations(range(3)):
        for signs in ((0, 0, 0), (1, 0, 0), (0, 1, 1)):
            array = crooked.array.transpose(order)
            affine = crooked.affine[:, [*order, 3]].copy()
            for axis, flipped in enumerate(signs):
                if flipped:
                    array = np.flip(array, axis)
                    affine[:3, 3] += affine[:3, axis] * (array.shape[axis] - 1)
                    affine[:3, axis] *= -1
            image, _ = forward(Volume(array, affine), GRID)
            assert torch.allclose(image, expected, atol=1e-5), (order, signs)


def test_the_tensor_runs_to_the_right_the_front_and_the_top(crooked):
    image, placement = forward(crooked, GRID)
    middle = (np.array(placement.field) - 1) / 2 - placement.offset
    share = image[0].numpy()
    for inside, direction in ((share > 0.9, [1, 0, 0]), ((share > 0.74) & (share < 0.76), [0, 1, 0])):
        assert centroid(inside.astype(float)) == pytest.approx(middle + 35 / 4 * np.array(direction), abs=1)
    assert share[tuple((middle + np.array([0, 0, 35 / 4])).round().astype(int))] == pytest.approx(0.1, abs=0.01)


def test_values_are_hu_in_the_window(crooked):
    image, _ = forward(crooked, GRID)
    assert image.dtype == torch.float32
    assert image.is_contiguous()
    assert float(image.min()) == 0
    assert float(image[image > 0.3].median()) == pytest.approx(1040 / 2000, abs=1e-3)


def test_metal_does_not_smear(crooked):
    bone, metal = crooked.array.copy(), crooked.array.copy()
    bone[crooked.array == 900] = 1000
    metal[crooked.array == 900] = 30000
    expected, _ = forward(Volume(bone, crooked.affine), GRID)
    image, _ = forward(Volume(metal, crooked.affine), GRID)
    assert torch.equal(image, expected)


def patient(chest_mm=60, couch=False):
    """Head, neck and shoulders on 4 mm voxels, top at a fixed height; and a ball in the head to measure from."""
    shape = (130, 80, 65 + chest_mm // 4)
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -258, -158, -shape[2] * 4 + 2
    where = world(shape, affine)
    x, y, z = np.moveaxis(where, -1, 0)
    skull = (x / 76) ** 2 + ((y - 10) / 94) ** 2 + ((z + 130) / 110) ** 2 < 1
    neck = ((x / 60) ** 2 + (y / 60) ** 2 < 1) & (z < -130)
    trunk = ((x / 220) ** 2 + ((y + 5) / 105) ** 2 < 1) & (z < -240)
    array = np.where(skull | neck | trunk, 40, -1000).astype(np.float32)
    if couch:
        array[(y < -108) & (y > -128)] = 100
    return Volume(array, affine), ball(where, np.array([0, 10, -100]))


def from_the_anchor(volume, mask):
    _, placement = forward(volume, GRID)
    return centroid(to_grid(mask, placement)) - placement.anchor


@pytest.mark.parametrize("added", [{"chest_mm": 300}, {"couch": True}, {"chest_mm": 300, "couch": True}], ids=str)
def test_chest_and_couch_do_not_move_the_anchor(added):
    assert from_the_anchor(*patient(**added)) == pytest.approx(from_the_anchor(*patient()), abs=1)


def test_the_anchor_is_the_midline_and_the_top_of_the_head():
    x, y, z = from_the_anchor(*patient())
    assert x == pytest.approx(0, abs=0.51)
    assert y == pytest.approx(0, abs=3)
    assert z == pytest.approx(-(100 - 20) / 4, abs=2)


def test_a_sliver_above_the_head_does_not_move_the_anchor():
    volume, mask = patient()
    array = volume.array.copy()
    above = np.flatnonzero((volume.array > -300).any(axis=(0, 1)))[-1] + 1
    array[60:67, 35:43, above : above + 3] = 40
    assert from_the_anchor(Volume(array, volume.affine), mask) == pytest.approx(from_the_anchor(volume, mask), abs=1e-3)


def test_the_network_does_not_see_the_couch():
    bare, _ = forward(patient()[0], GRID)
    image, placement = forward(patient(couch=True)[0], GRID)
    rows = np.broadcast_to(np.arange(80)[None, :, None] < 12, placement.shape)
    couch = to_grid(rows, placement) > 0
    assert couch.any()
    above_the_shoulders = np.s_[:, :, round(placement.anchor[2]) - 52 :]
    assert float(image[0][above_the_shoulders][torch.from_numpy(couch[above_the_shoulders])].sum()) == 0
    assert image.shape[3] == bare.shape[3]


def test_the_crop_holds_the_body_with_a_margin(crooked):
    image, placement = forward(crooked, GRID)
    body = to_grid(crooked.array > -300, placement)
    assert body.sum() * 4**3 == pytest.approx((crooked.array > -300).sum() * np.prod(crooked.spacing_mm), rel=1e-3)
    for axis in range(3):
        line = np.flatnonzero(body.any(axis=tuple({0, 1, 2} - {axis})))
        assert 1 <= line[0] <= 2
        assert 1 <= placement.size[axis] - 1 - line[-1] <= 2
    assert float(image[0, 0].max()) == float(image[0, -1].max()) == 0


def test_probabilities_come_back_smooth_and_only_inside_the_crop(crooked):
    _, placement = forward(crooked, GRID)
    full = inverse(np.ones((2, *placement.size), np.float32), placement)
    assert full.shape == (2, *crooked.shape)
    assert full.dtype == np.float32
    assert full[:, crooked.array > -300] == pytest.approx(1, abs=1e-5)
    assert full.max() <= 1 + 1e-5
    assert full[:, 0, 0, 0].max() == 0


def test_a_mask_is_where_the_probability_reaches_the_threshold(crooked):
    _, placement = forward(crooked, GRID)
    noise = torch.rand(1, *placement.size, generator=torch.Generator().manual_seed(0))
    full = inverse(noise, placement)[0]
    for threshold in (0.2, 0.5, 0.7):
        assert np.array_equal(inverse_mask(noise[0], placement, threshold), full >= threshold)


def test_a_part_of_the_tensor_lies_where_it_was_cut(crooked):
    _, placement = forward(crooked, GRID)
    box = (slice(3, 9), slice(0, 8), slice(4, placement.size[2]))
    whole = np.zeros((1, *placement.size), np.float32)
    alone = whole[0][box]
    alone[:] = np.random.default_rng(0).random(alone.shape)
    np.testing.assert_allclose(inverse(alone[None], placement.part(box)), inverse(whole, placement), atol=1e-6)
    assert placement.part(box).size == alone.shape
    assert placement.part(box).anchor == tuple(a - edge.start for a, edge in zip(placement.anchor, box, strict=True))


def test_nothing_probable_is_an_empty_mask(crooked):
    _, placement = forward(crooked, GRID)
    assert not inverse_mask(np.full(placement.size, 0.49, np.float32), placement).any()
    assert not to_grid(np.zeros(crooked.shape, bool), placement).any()


def test_slabs_leave_no_seam(crooked, monkeypatch):
    image, placement = forward(crooked, GRID)
    noise = np.random.default_rng(0).random(placement.size, dtype=np.float32)
    mask, share = inverse_mask(noise, placement), to_grid(crooked.array > 100, placement)
    monkeypatch.setattr(preprocessing, "SLAB_VOXELS", 7000)
    assert torch.allclose(forward(crooked, GRID)[0], image, atol=1e-6)
    assert np.allclose(to_grid(crooked.array > 100, placement), share, atol=1e-6)
    assert (inverse_mask(noise, placement) != mask).mean() < 1e-5


def test_a_grid_survives_json():
    grid = Grid(spacing_mm=(3, 3, 4.5), window_hu=(-1000, 2000))
    assert Grid(**json.loads(json.dumps(asdict(grid)))) == grid


@pytest.mark.parametrize(
    "wrong", [{"spacing_mm": (4, 4)}, {"spacing_mm": (4, 4, 0)}, {"window_hu": (0, 1000)}, {"window_hu": (-1000, 100)}]
)
def test_an_unusable_grid_is_refused(wrong):
    with pytest.raises(InputError, match="Correct it"):
        Grid(**wrong)


@pytest.mark.parametrize(
    ("scale", "shift", "shown"), [(1, 1024, "24 to 1924"), (1 / 2000, 0.5, "0 to 0.95"), (0, -1000, "-1500 to -1000")]
)
def test_voxels_that_are_not_hu_are_refused_with_their_range(crooked, scale, shift, shown):
    array = crooked.array * scale + shift
    array[0, 0, 0] -= 0 if scale else 500
    with pytest.raises(InputError, match=f"does not look like HU.*{shown}.*retry"):
        forward(Volume(array, crooked.affine, "odd.nii.gz"), GRID)


def test_a_couch_without_a_patient_is_not_a_body():
    array = np.full((60, 60, 40), -1000, np.float32)
    array[:, 20:24] = 50
    with pytest.raises(InputError, match="No body was found in empty"):
        forward(Volume(array, np.diag([4, 4, 4, 1]), "empty.nii.gz"), GRID)


def test_masks_and_probabilities_of_another_shape_are_refused(crooked):
    _, placement = forward(crooked, GRID)
    with pytest.raises(InputError, match="Resample the mask"):
        to_grid(np.zeros((3, 3, 3), bool), placement)
    with pytest.raises(InputError, match="shape"):
        inverse_mask(np.zeros((3, 3, 3), np.float32), placement)


def test_a_missing_slice_does_not_cost_half_the_patient():
    volume, mask = patient(chest_mm=300)
    array = volume.array.copy()
    array[:, :, 75:77] = -1000
    _, placement = forward(Volume(array, volume.affine), GRID)
    head_and_chest = array > -300
    assert to_grid(head_and_chest, placement).sum() == pytest.approx(head_and_chest.sum(), rel=0.01)
    assert dice(mask, inverse_mask(to_grid(mask, placement), placement)) > 0.95


def test_a_thin_part_of_the_patient_is_kept():
    volume, _ = patient()
    array = volume.array.copy()
    cord = np.zeros(volume.shape, dtype=bool)
    cord[63:67, 38:42, :8] = True
    array[:, :, :8] = -1000
    array[cord] = 40
    image, placement = forward(Volume(array, volume.affine), GRID)
    assert float(image[0][torch.from_numpy(to_grid(cord, placement) > 0.99)].min()) > 0.5
