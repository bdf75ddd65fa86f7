"""Contours edited by hand, without a browser: what a save may hold, what becomes of it, and that none is lost."""

from __future__ import annotations

import base64
import csv
import gzip
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clinic import Scanner, write_ct
from hypothesis import given
from hypothesis import strategies as st
from pressing import pressed_run
from standin import LEFT, RIGHT, SHAPE, SPACING_MM, ball, head

from llmseg.case import InputError, Volume
from llmseg.formats.archive import write_zip
from llmseg.formats.nifti import read_mask, write_volume
from llmseg.formats.rtstruct import draw, read_contours
from llmseg.metrics import dice
from llmseg.ui import editing
from llmseg.ui.downloads import boxes_of, unpack
from llmseg.ui.sent import read_parts
from llmseg.ui.session import Session
from llmseg.ui.viewer import pack_parts, to_data
from llmseg.ui.workbench import Workbench

LARGER = ball(LEFT, 20.0)
FIRST, SECOND = "1" * 32, "2" * 32


@pytest.fixture
def session(bench) -> Session:
    return bench.choose(Session.start(), "0/one")


def packed(masks: dict[str, np.ndarray]) -> dict[str, object]:
    """Masks as displayed, as the page sends them."""
    table, bits = [], b""
    for name, mask in masks.items():
        spans = [np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
        box = [[int(span[0]), int(span[-1]) + 1] for span in spans] if mask.any() else None
        table.append({"name": name, "box": box})
        if box:
            inside = mask[tuple(slice(*span) for span in box)]
            bits += np.packbits(inside.T.ravel(), bitorder="little").tobytes()
    return {"table": table, "bits": base64.b64encode(gzip.compress(bits)).decode()}


def save_of(bench: Workbench, session: Session, masks: dict[str, np.ndarray], **others) -> dict[str, object]:
    """A save by an honest page, of masks on the CT's grid."""
    scene, kept = bench.scene(session), bench.edits.of(session)
    start = kept.start.masks.id if kept else scene.panels["text"].masks.id
    shown = packed({name: session.shown.frame.show(mask) for name, mask in masks.items()})
    about = {"id": FIRST, "case": session.shown.key, "start": start, "after": kept.id if kept else ""}
    return {**about, **shown, "seconds": dict.fromkeys(masks, 10.0), **others}


def edited_mask(bench: Workbench, session: Session, name: str = "PTV_High") -> np.ndarray:
    result = bench.edits.of(session).result
    return unpack(result.masks, session.shown.frame, session.shown.shape)[name]


# ---- what becomes of a save ----


def test_what_was_drawn_becomes_a_third_arm_with_numbers_of_its_own(bench, session):
    before = to_data(bench.scene(session)).scene
    bench.save_edit(session, save_of(bench, session, {"PTV_High": LARGER}))
    scene = to_data(bench.scene(session)).scene
    np.testing.assert_array_equal(edited_mask(bench, session), LARGER)
    assert [scene["arms"][arm]["id"] for arm in ("text", "no-text", "started")] == [
        before["arms"][arm]["id"] for arm in ("text", "no-text", "text")
    ]
    cells = {metric: cell["edited"]["text"] for metric, cell in scene["structures"][0]["numbers"].items()}
    ml = LARGER.sum() * np.prod(SPACING_MM) / 1000
    assert (cells["dsc"], cells["ml"]) == (f"{dice(ball(LEFT), LARGER):.2f}", f"{ml:.1f}")
    assert scene["structures"][0]["numbers"]["dsc"]["edited"]["tone"] == "worse"
    (row,) = scene["edit"]["rows"]
    assert (row["name"], row["time"]) == ("PTV_High", "0:10")
    assert "edited" not in to_data(bench.scene(bench.choose(Session.start(), "0/one"))).masks


def test_the_added_path_length_is_the_outline_that_was_not_there(bench, session):
    moved = ball(LEFT)
    moved[LEFT[0], LEFT[1], LEFT[2]] = False  # a hole of one voxel: its four neighbours are outline now
    bench.save_edit(session, save_of(bench, session, {"PTV_High": moved}))
    assert bench.edits.of(session).apl_mm == {"PTV_High": pytest.approx(4 * 2.5)}


def test_edit_time_adds_up_and_the_path_stays_that_from_the_beginning(bench, session):
    bench.save_edit(session, save_of(bench, session, {"PTV_High": LARGER}))
    first = bench.edits.of(session)
    bench.save_edit(session, save_of(bench, session, {"PTV_High": LARGER | ball((30, 32, 20))}, id=SECOND))
    second = bench.edits.of(session)
    assert (first.seconds["PTV_High"], second.seconds["PTV_High"]) == (10, 20)
    assert second.start == first.start
    assert second.apl_mm["PTV_High"] > 0


def test_a_save_that_arrives_twice_counts_once(bench, session):
    sent = save_of(bench, session, {"PTV_High": LARGER})
    for _ in range(2):
        bench.save_edit(session, sent)
    assert bench.edits.of(session).seconds["PTV_High"] == 10
    with pytest.raises(InputError, match="edited elsewhere"):
        bench.save_edit(session, {**sent, "id": SECOND})
    assert bench.edits.of(session).id == FIRST


def test_a_structure_may_be_added_and_one_emptied(bench, session):
    bench.save_edit(session, save_of(bench, session, {"Larynx": ball(RIGHT), "PTV_High": np.zeros(SHAPE, bool)}))
    result = bench.edits.of(session).result
    assert {name for name, *_ in boxes_of(result.masks)} == {"Larynx"}
    assert result.measured.ml["PTV_High"] == 0
    assert bench.scene(session).numbers["PTV_High"]["dsc"]["edited"]["text"] == "0.00"
    assert "Larynx" in bench.scene(session).names


def test_an_edit_that_was_taken_back_is_none(bench, session):
    bench.save_edit(session, save_of(bench, session, {"PTV_High": LARGER}))
    bench.save_edit(session, save_of(bench, session, {"PTV_High": ball(LEFT)}, id=SECOND))
    assert bench.edits.of(session) is None
    assert set(bench.scene(session).panels) == {"text", "no-text", "reference"}


def test_an_edit_lands_where_it_was_drawn_on_a_ct_stored_any_way(bench, tmp_path):
    array, matrix = np.flip(head().array.transpose(2, 0, 1), 0), np.zeros((4, 4))
    matrix[[0, 1, 2, 3], [1, 2, 0, 3]] = [1, 1, -1, 1]
    matrix[2, 3] = array.shape[0] - 1
    write_volume(tmp_path / "turned.nii.gz", Volume(np.ascontiguousarray(array), head().affine @ matrix))
    session = bench.upload(Session.start(), str(tmp_path / "turned.nii.gz"))
    session, _ = pressed_run(bench, session, "left")
    mask = np.flip(LARGER.transpose(2, 0, 1), 0)
    bench.save_edit(session, save_of(bench, session, {"PTV_High": mask}))
    np.testing.assert_array_equal(edited_mask(bench, session), mask)
    assert bench.edits.of(session).apl_mm["PTV_High"] > 0


# ---- none is lost ----


def test_an_edit_outlives_a_run_that_began_before_it_was_saved(bench, session):
    bench.stops.new(session)
    steps = bench.run(session, "Larynx, right. No neck, 70 Gy.")
    next(steps)
    bench.save_edit(session, save_of(bench, session, {"PTV_High": LARGER}))
    *_, ended, _ = steps
    np.testing.assert_array_equal(edited_mask(bench, ended), LARGER)
    assert bench.scene(ended).edit["start"] != bench.scene(ended).panels["text"].masks.id
    cell = bench.scene(ended).numbers["PTV_High"]["dsc"]["edited"]
    assert cell["tone"] == "worse"  # than what it began with, not than the new note's


def test_an_edit_of_contours_that_a_run_has_replaced_is_still_saved(bench, session):
    sent = save_of(bench, session, {"PTV_High": LARGER})
    session, _ = pressed_run(bench, session, "Larynx, right. No neck, 70 Gy.")
    bench.save_edit(session, sent)
    np.testing.assert_array_equal(edited_mask(bench, session), LARGER)


def test_an_edit_is_found_again_on_coming_back_to_its_case_and_goes_with_its_tab(bench, session):
    bench.save_edit(session, save_of(bench, session, {"PTV_High": LARGER}))
    other = bench.choose(session, "0/two")
    assert bench.scene(other).edit is None
    back = bench.choose(other, "0/one")
    np.testing.assert_array_equal(edited_mask(bench, back), LARGER)
    bench.forget(back)
    assert bench.edits.of(back) is None


# ---- what is refused ----


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"case": "0/two"}, "Another case is open"),
        ({"start": "0" * 32}, "no longer here"),
        ({"start": None}, "no longer here"),
        ({"id": "../../etc"}, "which save"),
        ({"after": 3}, "which save"),
        ({"after": SECOND}, "edited elsewhere"),
        ({"table": []}, "no structure"),
        ({"table": "PTV_High"}, "cannot be edited"),
        ({"table": [{"name": "../PTV", "box": None}]}, "'../PTV', which cannot be edited"),
        ({"table": [{"name": ["PTV_High"], "box": None}]}, "cannot be edited"),
        ({"table": [{"name": "PTV_High", "box": None}] * 2}, "cannot be edited"),
        ({"table": [{"name": "PTV_High", "box": [[0, 1], [0, 1], [0, 4000]]}]}, "outside the CT"),
        ({"table": [{"name": "PTV_High", "box": [[0, 1], [0, 1], [-1, 2]]}]}, "outside the CT"),
        ({"table": [{"name": "PTV_High", "box": [[0, 1], [0, 1], [2, 2]]}]}, "outside the CT"),
        ({"table": [{"name": "PTV_High", "box": [[0, 1], [0, 1.5]]}]}, "outside the CT"),
        ({"bits": "not base64 at all"}, "damaged"),
        ({"bits": base64.b64encode(b"not gzip").decode()}, "damaged"),
        ({"bits": base64.b64encode(gzip.compress(b"short")).decode()}, "damaged"),
        ({"bits": base64.b64encode(gzip.compress(bytes(10_000_000))).decode()}, "damaged"),
        ({"bits": None}, "damaged"),
        ({"seconds": {"PTV_High": -1}}, "seconds"),
        ({"seconds": {"PTV_High": float("nan")}}, "seconds"),
        ({"seconds": {"PTV_High": 1e9}}, "seconds"),
        ({"seconds": {"PTV_High": True}}, "seconds"),
        ({"seconds": {"somebody": 3}}, "seconds"),
        ({"seconds": 3}, "seconds"),
    ],
)
def test_what_this_page_would_not_have_sent_is_refused_and_changes_nothing(bench, session, change, said):
    sent = save_of(bench, session, {"PTV_High": LARGER})
    with pytest.raises(InputError, match=said):
        bench.save_edit(session, sent | change)
    assert bench.edits.of(session) is None


@pytest.mark.parametrize("sent", [None, [], "edit", {}, {"case": "0/one"}])
def test_what_is_no_save_at_all_is_refused(bench, session, sent):
    with pytest.raises(InputError):
        bench.save_edit(session, sent)
    with pytest.raises(InputError, match="No case is open"):
        bench.save_edit(Session.start(), sent)


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.9))
def test_masks_survive_the_way_from_the_page(tmp_path_factory, seed, share):
    mask = np.random.default_rng(seed).random((7, 6, 5)) < share
    parts = read_parts(packed({"Larynx": mask}), mask.shape, {"Larynx"})
    found = np.zeros_like(mask)
    for _, box, inside in boxes_of(pack_parts(parts, tmp_path_factory.mktemp("packed"))):
        found[box] = inside
    np.testing.assert_array_equal(found, mask)


# ---- taken home ----


def files_of(bench: Workbench, session: Session, kind: str, folder: Path) -> Path:
    path = Path(bench.download(session, kind))
    if path.suffix != ".zip":
        return path
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return folder


def test_the_edited_contours_are_in_every_download(bench, session, tmp_path):
    bench.save_edit(session, save_of(bench, session, {"PTV_High": LARGER}))
    masks = files_of(bench, session, "masks", tmp_path / "masks")
    np.testing.assert_array_equal(read_mask(masks / "edited" / "PTV_High.nii.gz")[0], LARGER)
    assert "edited: contours edited by hand" in (masks / "READ-ME.txt").read_text()
    with files_of(bench, session, "table", tmp_path).open(encoding="utf-8-sig") as file:
        rows = {(row["arm"], row["structure"]): row for row in csv.DictReader(file)}
    row = rows["edited by hand", "PTV_High"]
    assert (float(row["edit_seconds"]), float(row["added_path_length_mm"])) == (10, pytest.approx(_apl(bench, session)))
    assert float(row["surface_dsc_2mm"]) < float(rows["with the note", "PTV_High"]["surface_dsc_2mm"]) == 1
    assert rows["with the note", "PTV_High"]["edit_seconds"] == ""
    report = files_of(bench, session, "report", tmp_path).read_text()
    assert "Axial, coronal and sagittal slices" in report
    assert "edited by hand" in report
    assert "edit seconds" in report


def _apl(bench: Workbench, session: Session) -> float:
    return bench.edits.of(session).apl_mm["PTV_High"]


def test_a_structure_set_holds_what_was_corrected(bench, tmp_path):
    write_ct(tmp_path / "ct", Scanner())
    write_zip(tmp_path / "ct.zip", tmp_path / "ct")
    session = bench.upload(Session.start(), str(tmp_path / "ct.zip"))
    session, _ = pressed_run(bench, session, "left")
    edited = np.zeros(session.shown.shape, bool)
    edited[4:9, 3:8, 2:4] = True
    bench.save_edit(session, save_of(bench, session, {"PTV_High": edited}))
    contours = read_contours(bench.download(session, "rtstruct"))
    np.testing.assert_array_equal(draw(contours["PTV_High"], bench.entry(session).load_volume()), edited)


def test_a_saved_session_opens_again_with_its_edit_which_goes_on(bench, session):
    bench.save_edit(session, save_of(bench, session, {"PTV_High": LARGER, "Larynx": ball(RIGHT, 8)}))
    first = bench.edits.of(session)
    opened = bench.upload(Session.start(), bench.download(session, "session"))
    again = bench.edits.of(opened)
    np.testing.assert_array_equal(edited_mask(bench, opened), LARGER)
    assert again.seconds == first.seconds
    assert again.apl_mm == pytest.approx(first.apl_mm, abs=0.05)
    assert again.result.measured.dsc == pytest.approx(first.result.measured.dsc)
    assert bench.scene(opened).panels["edited"].caption == first.result.caption
    bench.save_edit(opened, save_of(bench, opened, {"PTV_High": ball(LEFT, 24)}, id=SECOND))
    assert bench.edits.of(opened).seconds["PTV_High"] == 20


def test_a_sessions_edit_with_times_that_are_none_opens_without_them(bench, session):
    bench.save_edit(session, save_of(bench, session, {"PTV_High": LARGER}))
    result = bench.edits.of(session).result
    odd = {**result.provenance, "edit_seconds": {"PTV_High": "long", "<b>": 3}, "added_path_length_mm": 7}
    again = editing.reopened(replace(result, provenance=odd), result)
    assert (again.seconds, again.apl_mm) == ({}, {})
