"""Tiles cover any CT, hang on the patient and not on the scan's edges, and join without a seam."""

from __future__ import annotations

import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from llmseg.model.tiling import TOP_MARGIN, Tile, blend, cut_tile, field_origin, tile_origins, tiles_of

edges = st.sampled_from((8, 12, 16))
fields = st.tuples(edges, edges, edges)


@st.composite
def scans(draw):
    """Size of a CT, an anchor inside it, and a field."""
    size = tuple(draw(st.lists(st.integers(3, 44), min_size=3, max_size=3)))
    anchor = tuple(draw(st.integers(0, 4 * (edge - 1))) / 4 for edge in size)
    return size, anchor, draw(fields)


def tiles(origins) -> list[Tile]:
    return [Tile(origin) for origin in origins]


def seen(size, origins, field) -> torch.Tensor:
    """How many tiles show each voxel."""
    count = torch.zeros(size, dtype=torch.int)
    for origin in origins:
        count[tuple(slice(max(o, 0), max(o + edge, 0)) for o, edge in zip(origin, field, strict=True))] += 1
    return count


@given(scans())
def test_every_voxel_is_in_a_tile(scan):
    size, anchor, field = scan
    assert seen(size, tile_origins(size, anchor, field), field).min() >= 1


@given(scans())
def test_no_tile_is_given_twice_or_lies_outside(scan):
    size, anchor, field = scan
    origins = tile_origins(size, anchor, field)
    assert len(set(origins)) == len(origins)
    for origin in origins:
        assert all(o < n and o + e > 0 for o, e, n in zip(origin, field, size, strict=True))


@given(scans())
def test_the_first_tile_hangs_on_the_anchor(scan):
    size, (x, y, z), field = scan
    first = tile_origins(size, (x, y, z), field)[0]
    assert first == field_origin((x, y, z), field)
    middle = [o + edge / 2 for o, edge in zip(first, field, strict=True)]
    assert abs(middle[0] - x) <= 0.5
    assert abs(middle[1] - y) <= 0.5
    assert first[2] + field[2] == math.floor(z + 0.5) + 1 + TOP_MARGIN


@given(scans(), st.integers(1, 20))
def test_a_wider_crop_of_the_same_body_leaves_the_field_where_it_was(scan, wider):
    _, (x, y, z), field = scan
    here = field_origin((x, y, z), field)
    assert field_origin((x + wider, y + wider, z), field) == (here[0] + wider, here[1] + wider, here[2])


@given(scans(), st.integers(1, 90))
def test_more_chest_below_leaves_every_tile_where_it_was_on_the_patient(scan, chest):
    (x, y, z), anchor, field = scan
    short = tile_origins((x, y, z), anchor, field)
    # Voxels count from the feet: chest below lifts everything by as many.
    longer = tile_origins((x, y, z + chest), (*anchor[:2], anchor[2] + chest), field)
    lowered = [(a, b, c - chest) for a, b, c in longer]
    assert lowered[0] == short[0]
    assert set(short) <= set(lowered)


@given(scans())
def test_a_scan_no_larger_than_the_field_around_its_anchor_is_one_tile(scan):
    _, _, field = scan
    size = (field[0] - 2, field[1] - 2, field[2] - TOP_MARGIN - 1)
    assert len(tile_origins(size, (size[0] / 2, size[1] / 2, size[2] - 1), field)) == 1


@given(scans())
def test_tiles_are_cut_where_they_lie_with_air_beyond_the_scan(scan):
    size, anchor, field = scan
    image = torch.rand(1, *size) + 1
    around = torch.nn.functional.pad(image, [24] * 6)
    for origin in tile_origins(size, anchor, field):
        there = tuple(slice(o + 24, o + 24 + edge) for o, edge in zip(origin, field, strict=True))
        assert torch.equal(cut_tile(image, origin, field), around[(slice(None), *there)])


def test_a_tile_beside_the_scan_is_air():
    image = torch.ones(1, 5, 5, 5)
    for origin in ((5, 0, 0), (-8, 0, 0), (0, 30, 0), (0, 0, -20)):
        tile = cut_tile(image, origin, (8, 8, 8))
        assert tile.shape == (1, 8, 8, 8)
        assert not tile.any()


@given(scans(), st.floats(0.01, 1))
def test_constant_tiles_join_to_a_constant(scan, value):
    size, anchor, field = scan
    origins = tile_origins(size, anchor, field)
    joined = blend([torch.full((2, *field), value) for _ in origins], tiles(origins), size)
    torch.testing.assert_close(joined, torch.full((2, *size), value))


@given(scans())
def test_tiles_cut_from_an_image_join_to_that_image(scan):
    size, anchor, field = scan
    image = torch.rand(1, *size) + 0.1
    looked = tiles_of(image, anchor, field)
    torch.testing.assert_close(blend([tile.cut(image, field) for tile in looked], looked, size), image)


@given(scans())
def test_looking_leaves_the_image_as_it_was(scan):
    size, anchor, field = scan
    image = torch.rand(1, *size) + 0.1
    before = image.clone()
    for tile in tiles_of(image, anchor, field):
        tile.cut(image, field)
    assert torch.equal(image, before)


@given(st.integers(0, 40))
def test_more_chest_below_is_kept_from_the_anchors_tile(chest):
    field = (16, 16, 40)  # of which the lowest four layers are blind
    image = torch.rand(1, 12, 12, 34) + 0.1
    longer = torch.cat((torch.rand(1, 12, 12, chest) + 0.1, image), dim=3)
    short, long = (tiles_of(i, (6, 6, i.shape[3] - 1), field) for i in (image, longer))
    assert short == [Tile((-2, -2, -4))]
    assert (len(long) > 1) == (chest > 0)
    assert torch.equal(short[0].cut(image, field)[..., 4:], long[0].cut(longer, field)[..., 4:])
    if len(long) > 1:
        assert not long[0].cut(longer, field)[..., :4].any()


def test_the_blind_layers_are_drawn_by_the_tile_that_sees_them():
    looked, field = [Tile((0, 0, 0), blind=3), Tile((0, 0, 0)), Tile((0, 0, -12))], (8, 8, 16)
    drawn = [torch.full((1, *field), value) for value in (1.0, 0.5, 0.0)]
    line = blend(drawn, looked, (8, 8, 16))[0, 4, 4]
    assert (line[:3] == 0.5).all()
    assert (line[3:] == 1).all()


def test_the_anchors_tile_rules_wherever_it_lies():
    origins, field = [(12, 0, 0), (0, 0, 0), (24, 0, 0)], (16, 16, 16)
    drawn = [torch.full((1, *field), value) for value in (0.5, 0.0, 1.0)]
    line = blend(drawn, tiles(origins), (40, 16, 16))[0, :, 8, 8]
    assert (line[:12] == 0).all()
    assert (line[12:28] == 0.5).all()
    assert (line[28:] == 1).all()


def test_where_two_other_tiles_overlap_one_fades_into_the_other():
    origins, field = [(-12, 0, 0), (0, 0, 0), (12, 0, 0)], (16, 16, 16)
    drawn = [torch.full((1, *field), value) for value in (0.5, 0.0, 1.0)]
    line = blend(drawn, tiles(origins), (28, 16, 16))[0, 4:, 8, 8]
    assert (line[:8] == 0).all()
    assert ((line[8:12] > 0) & (line[8:12] < 1)).all()
    assert (line[12:] == 1).all()
    assert (line.diff() >= 0).all()


def test_where_no_tile_was_drawn_nothing_is():
    joined = blend([torch.ones(1, 8, 8, 8)], tiles([(0, 0, 0)]), (20, 8, 8))
    assert (joined[:, :8] == 1).all()
    assert (joined[:, 8:] == 0).all()
