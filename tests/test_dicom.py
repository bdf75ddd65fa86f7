"""A DICOM series becomes a CT in HU where the scanner put it, or is refused; its contours become masks that fit."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pydicom
import pytest
from clinic import Scanner, ball, finer, head, in_ball, write_ct, write_structure_set
from hypothesis import example, given
from hypothesis import strategies as st

from llmseg.case import InputError, Volume
from llmseg.formats.dicom import LPS_TO_RAS, choose_series, find_series, read_series
from llmseg.formats.rtstruct import draw, fill_even_odd, read_contours
from llmseg.metrics import dice

TURNED = ((np.cos(0.2), 0.0, np.sin(0.2)), (0.0, 1.0, 0.0))
FEET_FIRST = ((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
CENTRE, RADIUS = (10.0, -5.0, -65.0), 22.0


def read(folder: Path) -> Volume:
    (series,) = find_series(folder).series
    return read_series(series.paths, "the scan")


@pytest.mark.parametrize("axes", [((1, 0, 0), (0, 1, 0)), FEET_FIRST, TURNED], ids=["HFS", "FFS", "oblique"])
def test_every_voxel_has_its_hu_at_its_place_whatever_the_order_of_the_files(tmp_path, axes):
    scanner = Scanner(axes=axes)
    write_ct(tmp_path, scanner)
    volume = read(tmp_path)
    np.testing.assert_allclose(volume.array, head(scanner), atol=0.5)
    expected = np.diag([-1.0, -1, 1, 1]) @ scanner.affine_lps
    np.testing.assert_allclose(volume.affine, expected, atol=1e-3)


def test_the_patients_left_is_on_the_left(tmp_path):
    write_ct(tmp_path)
    volume = read(tmp_path)
    bone = np.argwhere(volume.array > 500) @ volume.affine[0, :3] + volume.affine[0, 3]
    assert bone.max() < np.median(np.argwhere(volume.array > -500) @ volume.affine[0, :3] + volume.affine[0, 3])


def test_stored_values_are_rescaled_to_hu(tmp_path):
    scanner = Scanner(slope=0.5, intercept=-1000.0)
    write_ct(tmp_path, scanner)
    np.testing.assert_allclose(read(tmp_path).array, head(scanner), atol=0.25)


def test_padding_around_the_scanners_circle_is_air(tmp_path):
    hu = head(Scanner())
    hu[0, 0] = -3024.0
    write_ct(tmp_path, hu=hu)
    assert read(tmp_path).array.min() == -1024


@pytest.mark.parametrize(
    ("scanner", "left_out", "complaint"),
    [
        (Scanner(), (7,), "not evenly spaced: its slices are 3 mm apart, but 6 mm at"),
        (Scanner(shear=0.2), (), "gantry tilted by 11"),
        (Scanner(), range(1, 24), "has 1 slice"),
    ],
    ids=["a missing slice", "a tilted gantry", "one slice"],
)
def test_a_series_that_is_no_upright_stack_is_refused(tmp_path, scanner, left_out, complaint):
    write_ct(tmp_path, scanner, left_out=left_out)
    with pytest.raises(InputError, match=complaint):
        read(tmp_path)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda s: delattr(s, "RescaleIntercept"), "without RescaleIntercept"),
        (lambda s: setattr(s, "PixelSpacing", [2.0, 2.0]), "different PixelSpacing"),
        (lambda s: setattr(s, "RescaleType", "US"), "holds US, not Hounsfield"),
        (lambda s: setattr(s, "NumberOfFrames", 3), "multi-frame"),
        (lambda s: setattr(s, "PixelData", s.PixelData[:100]), "cannot be decoded"),
        (lambda s: setattr(s, "ImagePositionPatient", [-97.5, -78.75, -97.0]), "two slices at"),
    ],
)
def test_an_odd_slice_is_refused(tmp_path, change, complaint):
    write_ct(tmp_path)
    path = next(p for p in sorted(tmp_path.iterdir()) if pydicom.dcmread(p).ImagePositionPatient[2] == -100.0)
    header = pydicom.dcmread(path)
    change(header)
    header.save_as(path)
    with pytest.raises(InputError, match=complaint):
        read(tmp_path)


def test_scouts_and_other_files_are_passed_over(tmp_path):
    write_ct(tmp_path / "ct")
    scout = pydicom.dcmread(next((tmp_path / "ct").iterdir()))
    scout.ImageType, scout.SeriesInstanceUID = ["ORIGINAL", "PRIMARY", "LOCALIZER"], "1.2.3"
    scout.save_as(tmp_path / "scout")
    (tmp_path / "readme.dcm").write_text("no DICOM")
    tree = find_series(tmp_path)
    assert [len(series.paths) for series in tree.series] == [24]
    assert tree.structure_sets == ()


def test_of_two_series_the_one_with_twice_the_slices_is_meant(tmp_path):
    write_ct(tmp_path / "a", left_out=range(12, 24))
    write_ct(tmp_path / "b")
    assert len(choose_series(find_series(tmp_path)).paths) == 24


def test_series_that_cannot_be_told_apart_are_listed_and_none_is_chosen(tmp_path):
    write_ct(tmp_path / "a", left_out=range(13, 24))
    write_ct(tmp_path / "b")
    for path in (tmp_path / "b").iterdir():
        header = pydicom.dcmread(path)
        header.SeriesDescription = "Neck 3.0"
        header.save_as(path)
    with pytest.raises(InputError, match=r"2 CT series \(Neck 3\.0, 24 slices; unnamed, 13 slices\)"):
        choose_series(find_series(tmp_path))


def test_two_patients_are_never_mixed_up(tmp_path):
    write_ct(tmp_path / "a", left_out=range(3, 24), patient="A")
    write_ct(tmp_path / "b", patient="B")
    with pytest.raises(InputError, match="CTs of 2 patients"):
        choose_series(find_series(tmp_path))


def test_a_tree_without_a_ct_says_what_to_export(tmp_path):
    (tmp_path / "readme").write_text("no DICOM")
    with pytest.raises(InputError, match="no CT series"):
        choose_series(find_series(tmp_path))


@pytest.mark.parametrize("axes", [((1, 0, 0), (0, 1, 0)), FEET_FIRST, TURNED], ids=["HFS", "FFS", "oblique"])
def test_a_ball_comes_back_as_a_ball(tmp_path, axes):
    scanner = finer(Scanner(axes=axes))
    centre = scanner.positions_lps().mean(axis=(0, 1, 2)) + np.array([10, -5, 3])
    write_structure_set(tmp_path / "rs", write_ct(tmp_path / "ct", scanner), {"Ball": ball(scanner, centre, RADIUS)})
    contours = read_contours(tmp_path / "rs")
    mask = draw(contours["Ball"], read(tmp_path / "ct"))
    assert dice(in_ball(scanner, centre, RADIUS), mask) >= 0.99


def test_contours_on_every_second_slice_are_filled_in_between(tmp_path):
    scanner = finer(Scanner())
    volume = Volume(head(scanner), np.diag([-1.0, -1, 1, 1]) @ scanner.affine_lps)
    sparse = [points @ LPS_TO_RAS for points in ball(scanner, CENTRE, RADIUS, every=2)]
    assert dice(in_ball(scanner, CENTRE, RADIUS), draw(sparse, volume)) >= 0.97


def test_a_gap_between_two_nodes_stays_open():
    volume = Volume(head(Scanner()), np.diag([-1.0, -1, 1, 1]) @ Scanner().affine_lps)
    rings = [points @ LPS_TO_RAS for points in ball(Scanner(), CENTRE, RADIUS)]
    mask = draw([ring for ring in rings if abs(ring[0, 2] - CENTRE[2]) > 7], volume)
    filled = np.flatnonzero(mask.any(axis=(0, 1)))
    assert np.diff(filled).max() > 1
    assert np.median(np.diff(filled)) == 1


def test_contours_beyond_the_scan_are_left_out():
    volume = Volume(head(Scanner()), np.diag([-1.0, -1, 1, 1]) @ Scanner().affine_lps)
    above = [points @ LPS_TO_RAS + (0, 0, 500) for points in ball(Scanner(), CENTRE, RADIUS)]
    assert not draw(above, volume).any()


def test_contours_across_the_slices_are_refused():
    volume = Volume(head(Scanner()), np.diag([-1.0, -1, 1, 1]) @ Scanner().affine_lps)
    with pytest.raises(InputError, match="'Cord' has contours that are not parallel"):
        draw([np.array([[0, 0, -90.0], [0, 20, -60], [0, 20, -50]])], volume, "Cord")


def test_a_contour_within_another_is_a_hole():
    square = np.array([[1.5, 1.5], [8.5, 1.5], [8.5, 8.5], [1.5, 8.5]])
    ring = fill_even_odd([square, 5 + (square - 5) * 0.4], (10, 10))
    expected = np.zeros((10, 10), bool)
    expected[2:9, 2:9] = True
    expected[4:7, 4:7] = False
    np.testing.assert_array_equal(ring, expected)


def test_a_keyhole_leaves_the_same_hole():
    outer, inner = [(1.5, 1.5), (8.5, 1.5), (8.5, 8.5), (1.5, 8.5)], [(3.5, 3.5), (3.5, 6.5), (6.5, 6.5), (6.5, 3.5)]
    keyhole = np.array([*outer, outer[0], *inner, inner[0]])
    apart = fill_even_odd([np.array(outer), np.array(inner)], (10, 10))
    np.testing.assert_array_equal(fill_even_odd([keyhole], (10, 10)), apart)


@given(st.floats(-2, 12), st.integers(0, 9))
@example(-0.7, 0)  # through the centre of a voxel, which the two reckoned a rounding apart
def test_two_polygons_that_share_an_edge_share_no_voxel_and_leave_none_out(cut, whole):
    for edge in (cut, float(whole)):
        left = np.array([[-5.0, -5], [edge, -5], [edge + 1, 15], [-5, 15]])
        right = np.array([[edge, -5.0], [15, -5], [15, 15], [edge + 1, 15]])
        a, b = fill_even_odd([left], (10, 10)), fill_even_odd([right], (10, 10))
        assert not (a & b).any()
        assert (a | b).all()


@given(st.lists(st.tuples(st.floats(-3, 13), st.floats(-3, 13)), min_size=3, max_size=8))
def test_filling_agrees_with_counting_crossings_voxel_by_voxel(points):
    polygon = np.array(points)
    centres = np.stack(np.indices((10, 10)), axis=-1).reshape(-1, 2)
    edges = np.concatenate([polygon, polygon[:1]])
    # Only centres clear of every edge: on an edge the two may decide either way.
    clear = np.min([_distance(centres, a, b) for a, b in pairwise(edges)], axis=0) > 1e-6
    crossings = sum(_crosses(centres, a, b) for a, b in pairwise(edges))
    ours = fill_even_odd([polygon], (10, 10)).ravel()
    np.testing.assert_array_equal(ours[clear], (crossings % 2 == 1)[clear])


def _crosses(p: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether a ray from p towards +y meets the edge."""
    (x0, y0), (x1, y1) = a, b
    spans = (x0 > p[:, 0]) != (x1 > p[:, 0])
    with np.errstate(divide="ignore", invalid="ignore"):
        y = y0 + (p[:, 0] - x0) * (y1 - y0) / (x1 - x0)
    return (spans & (y > p[:, 1])).astype(int)


def _distance(p: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    along = b - a
    t = np.clip((p - a) @ along / max(float(along @ along), 1e-300), 0, 1)
    return np.linalg.norm(p - a - t[:, None] * along, axis=1)


def test_a_name_used_twice_is_refused_and_an_empty_one_was_not_contoured(tmp_path):
    rings = ball(Scanner(), CENTRE, RADIUS)
    write_structure_set(tmp_path / "rs", write_ct(tmp_path / "ct"), {"Cord": rings, "Larynx": [], "Spare": rings})
    assert set(read_contours(tmp_path / "rs")) == {"Cord", "Spare"}
    header = pydicom.dcmread(tmp_path / "rs")
    header.StructureSetROISequence[2].ROIName = "Cord"
    header.save_as(tmp_path / "rs")
    with pytest.raises(InputError, match="two structures named 'Cord'"):
        read_contours(tmp_path / "rs")


def test_points_and_open_lines_are_no_contours(tmp_path):
    rings = ball(Scanner(), CENTRE, RADIUS)
    write_structure_set(tmp_path / "rs", write_ct(tmp_path / "ct"), {"Iso": rings}, kind="OPEN_PLANAR")
    assert read_contours(tmp_path / "rs") == {}
