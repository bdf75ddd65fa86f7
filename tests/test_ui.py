"""The app without a browser: what it sends to the page, what a session keeps, and what a run costs."""

from __future__ import annotations

import base64
import gzip
import io
import math
import re
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pressing import pressed_run, workbench
from standin import LEFT, RIGHT, SHAPE, StandIn, ball, head

from llmseg.case import InputError, Structures, Volume, orientation_of
from llmseg.formats.nifti import write_volume
from llmseg.plots import COLOURS
from llmseg.text.note import read_note
from llmseg.ui import numbers, tried
from llmseg.ui.app import TabMemory
from llmseg.ui.early import EarlyScript
from llmseg.ui.notes import Fields, edited, fields_of, warnings_about
from llmseg.ui.numbers import CAVEAT, Measured
from llmseg.ui.reading import shown
from llmseg.ui.running import Model, Progress, Stopped, stepwise
from llmseg.ui.session import RecentlyUsed, Session, Turns
from llmseg.ui.viewer import Frame, frame_of, in_order, pack_ct, pack_masks, to_data
from llmseg.ui.workbench import Status

GRIDS = [
    (order, signs) for order in permutations(range(3)) for signs in product((1, -1), repeat=3)
]  # every way a scanner may store its axes


def stored_as(order: tuple[int, ...], signs: tuple[int, ...]) -> Volume:
    """The standard head with its axes permuted and flipped, in the same place in space."""
    volume = head()
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1
    array = volume.array.transpose(order)
    for axis, (source, sign) in enumerate(zip(order, signs, strict=True)):
        array = np.flip(array, axis) if sign < 0 else array
        matrix[source, axis] = sign
        matrix[source, 3] = 0 if sign > 0 else array.shape[axis] - 1
    return Volume(np.ascontiguousarray(array), volume.affine @ matrix)


@pytest.mark.parametrize(("order", "signs"), GRIDS)
def test_a_ct_is_turned_to_ras_and_each_voxel_stays_where_it_was(order, signs):
    volume = stored_as(order, signs)
    frame = frame_of(volume)
    shown = frame.show(volume.array)
    assert orientation_of(frame.affine) == "RAS"
    assert shown.shape == frame.shape
    expected = frame_of(head())
    np.testing.assert_array_equal(shown, expected.show(head().array))
    np.testing.assert_allclose(frame.affine, expected.affine, atol=1e-9)


@pytest.mark.parametrize(("order", "signs"), GRIDS[::7])
def test_a_voxel_of_the_ct_is_found_where_it_is_displayed(order, signs):
    volume = stored_as(order, signs)
    frame = frame_of(volume)
    voxel = tuple(size // 2 for size in volume.shape)
    marked = np.zeros(volume.shape, bool)
    marked[voxel] = True
    assert frame.place(voxel) == tuple(int(index[0]) for index in np.nonzero(frame.show(marked)))


@given(st.tuples(*(st.floats(0, 0.999) for _ in range(3))))
def test_a_displayed_voxel_has_the_position_of_its_source(where):
    volume = stored_as((2, 0, 1), (-1, 1, -1))
    frame = frame_of(volume)
    voxel = [int(part * size) for part, size in zip(where, frame.shape, strict=True)]
    source = np.linalg.solve(volume.affine, frame.affine @ [*voxel, 1])[:3].round().astype(int)
    assert frame.show(volume.array)[tuple(voxel)] == volume.array[tuple(source)]


def test_the_crop_keeps_the_body_and_every_reference_voxel():
    corner = np.zeros(SHAPE, bool)
    corner[0, 0, 0] = True
    bare, with_corner = frame_of(head()), frame_of(head(), Structures({"Larynx": corner}, head().affine))
    assert (bare.show(head().array) > -400).sum() == (head().array > -400).sum()
    assert np.prod(bare.shape[:2]) < np.prod(SHAPE[:2])
    assert with_corner.show(corner).sum() == 1


def test_the_ct_arrives_as_it_was_in_whole_hu(tmp_path):
    volume = stored_as((1, 2, 0), (1, -1, 1))
    frame = frame_of(volume)
    data = np.frombuffer(gzip.decompress(Path(pack_ct(volume, frame, tmp_path)).read_bytes()), "<i2")
    np.testing.assert_array_equal(data.reshape(frame.shape[::-1]).T, frame.show(volume.array))


@given(st.integers(0, 2**32 - 1), st.floats(0.001, 0.9))
def test_masks_survive_packing(tmp_path_factory, seed, share):
    rng = np.random.default_rng(seed)
    masks = {name: rng.random((9, 7, 5)) < share for name in ("PTV_High", "Larynx")}
    frame = Frame(np.array([[0, 1], [1, -1], [2, 1]]), (slice(1, 9), slice(0, 7), slice(0, 5)), np.eye(4), np.eye(4))
    packed = pack_masks(masks, frame, tmp_path_factory.mktemp("packed"))
    bits = np.frombuffer(gzip.decompress(Path(packed.path).read_bytes()), np.uint8)
    assert {entry["name"] for entry in packed.table} == {n for n, m in masks.items() if frame.show(m).any()}
    for entry in packed.table:
        size = [high - low for low, high in entry["box"]]
        voxels = np.unpackbits(bits[entry["offset"] :], bitorder="little")[: math.prod(size)]
        unpacked = np.zeros(frame.shape, np.uint8)
        unpacked[tuple(slice(*span) for span in entry["box"])] = voxels.reshape(size[::-1]).T
        np.testing.assert_array_equal(unpacked, frame.show(masks[entry["name"]]))


def test_targets_come_first_and_unknown_names_last():
    assert in_order({"Zygoma", "Larynx", "PTV_Low", "PTV_High"}) == ("PTV_High", "PTV_Low", "Larynx", "Zygoma")


# ---- the note ----


NOTE = "cT2N1M0 SCC of the Left tonsil, p16 positive. Ex-smoker. Plan: 70 / 56 Gy, both sides of the neck."


def stated(note: str) -> Fields:
    return fields_of(read_note(note).facts)


def test_the_fields_say_what_the_note_says():
    assert stated(NOTE) == Fields("oropharynx", "left", "bilateral", ("70", "56"), "T2", "N1")


def test_the_fields_alone_make_a_note_that_says_the_same():
    fields = Fields("larynx", "right", "left", ("70", "63"), "T4a", "N2b")
    assert stated(fields.as_note()) == fields


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("site", "larynx"),
        ("side", "right"),
        ("side", ""),
        ("neck", "left"),
        ("doses", ("70", "63")),
        ("t_stage", "T4a"),
        ("n_stage", "N2b"),
    ],
)
def test_a_changed_field_changes_its_words_in_the_note_and_nothing_else(name, value):
    wanted = replace(stated(NOTE), **{name: value})
    note, was_rewritten = edited(NOTE, name, value)
    assert stated(note) == wanted
    assert not was_rewritten
    assert "p16 positive. Ex-smoker." in note


def test_a_field_that_the_note_does_not_speak_of_is_added_to_it():
    note, _ = edited("SCC of the tonsil.", "side", "left")
    assert note == "SCC of the tonsil.\nSide: left."


def test_words_are_mended_where_they_stand_also_behind_a_redaction():
    note = "Mr. John Miller has SCC of the left tonsil."
    assert edited(note, "side", "right")[0] == "Mr. John Miller has SCC of the right tonsil."


def test_the_words_panel_shows_redactions_facts_and_the_prompt():
    page = shown("Mr. John Miller has SCC of the left tonsil.", ())
    assert "Miller" not in page
    assert 'class="redaction"' in page
    assert 'data-fact="side"' in page
    assert "left oropharynx" in page


def test_a_redaction_taken_back_is_shown_and_can_be_made_again():
    note = "Mr. John Miller has SCC of the left tonsil."
    key = re.search('data-key="([^"]+)"', shown(note, ())).group(1)
    page = shown(note, (key,))
    assert "John Miller" in page
    assert f'data-key="{key}"' in page
    assert 'class="kept"' in page


def test_the_words_panel_is_text_and_not_markup():
    page = shown("<script>alert(1)</script> <b>left</b> tonsil SCC", ())
    assert "<script>" not in page
    assert "<b>" not in page


@pytest.mark.parametrize(
    ("note", "is_cut", "warnings"),
    [
        ("T2N1; oropharynx; left; bilateral neck; 70 / 56 Gy", False, ()),
        ("Carcinoma de orofaringe izquierda, estadio avanzado, radioterapia bilateral", False, ("English",)),
        ("Патологическое образование гортани справа", False, ("English",)),
        ("The tumour is on the left. " * 2000, True, ("12,000 words",)),
        ("Carcinoma of the tonsil, 70 Gy.", False, ("the side or the neck",)),
        ("Left oral tongue carcinoma, left neck, 66 Gy.", False, ("oral cavity", "66 Gy")),
    ],
)
def test_a_note_that_cannot_be_understood_is_said_to_be_so(note, is_cut, warnings):
    found = warnings_about(read_note(note), is_cut=is_cut)
    assert all(any(part in line for line in found) for part in warnings)
    assert any("English" in line for line in found) == ("English" in warnings)


# ---- the numbers ----

WITH = Measured(dsc={"PTV_High": 0.8, "Larynx": 0.5}, hd95={"PTV_High": 4.0, "Larynx": 9.0}, ml={"PTV_High": 100})
WITHOUT = Measured(dsc={"PTV_High": 0.6, "Larynx": math.nan}, hd95={"PTV_High": 9.0, "Larynx": math.nan}, ml={})


def test_a_better_number_is_marked_and_carries_the_caveat():
    row = numbers.table({"text": WITH, "no-text": WITHOUT}, ("PTV_High",))["PTV_High"]
    assert row["dsc"]["difference"] == {"text": "+0.20", "tone": "better", "title": CAVEAT}
    assert row["hd95"]["difference"] == {"text": "−5.0", "tone": "better", "title": CAVEAT}
    worse = numbers.table({"text": WITHOUT, "no-text": WITH}, ("PTV_High",))["PTV_High"]
    assert worse["hd95"]["difference"]["tone"] == "worse"


def test_what_is_unknown_is_a_dash_and_stays_out_of_the_means():
    row = numbers.table({"text": WITH, "no-text": WITHOUT}, ("Larynx",))["Larynx"]
    assert row["dsc"]["no-text"]["text"] == row["dsc"]["difference"]["text"] == "–"
    mean = numbers.means({"text": WITH, "no-text": WITHOUT}, ("PTV_High", "Larynx"))["numbers"]
    assert mean["dsc"]["text"]["text"] == "0.80"


def test_the_chart_shows_each_structure_with_and_without_the_note():
    figure = numbers.chart({"text": WITH, "no-text": WITHOUT}, ("PTV_High", "Larynx"))
    points = [trace for trace in figure.data if trace.mode == "markers"]
    assert [list(trace.x) for trace in points[:2]] == [[0.6, None], [0.8, 0.5]]
    assert numbers.chart({"text": Measured(ml={"PTV_High": 1.0})}, ("PTV_High",)) is None


def test_a_distance_beyond_the_chart_is_an_arrow_at_its_edge():
    lost = Measured(dsc={"PTV_High": 0.0}, hd95={"PTV_High": 700.0})
    figure = numbers.chart({"text": WITH, "no-text": lost}, ("PTV_High",))
    ring = next(trace for trace in figure.data if list(trace.customdata or []) == [700.0])
    assert list(ring.x) == [numbers.MOST_MM]
    assert list(ring.marker.symbol) == ["triangle-right"]


# ---- runs ----


def test_progress_comes_before_the_result():
    def work(on_progress):
        on_progress(0.5, "half")
        return "done"

    *progress, result = stepwise(work)
    assert Progress(0.5, "half") in progress
    assert result == "done"


def test_a_closed_run_ends_at_its_next_report():
    reports, closing = [], Event()

    def work(on_progress):
        for step in range(1000):
            reports.append(step)
            on_progress(step / 1000, "working")
            closing.wait(0.01)

    steps = stepwise(work)
    next(steps)
    steps.close()
    assert len(reports) < 1000


def test_a_failing_run_says_why():
    def work(on_progress):
        raise InputError("no body")

    with pytest.raises(InputError, match="no body"):
        list(stepwise(work))


def test_only_the_values_used_last_are_kept():
    kept = RecentlyUsed(2)
    for key in "abc":
        kept.put(key, key.upper())
        kept.get("a")
    assert [kept.get(key) for key in "abc"] == ["A", None, "C"]


def test_an_image_is_encoded_once_per_session_and_case():
    segmenter = StandIn()
    model = Model(lambda: segmenter)
    for key in (("me", "one"), ("me", "one"), ("me", "two"), ("you", "one")):
        model.draw(key, head, {"text": read_note("left")}, lambda fraction, what: None)
    assert (segmenter.opened, segmenter.decoded) == (3, 4)
    model.forget("me")
    model.draw(("me", "one"), head, {"text": read_note("left")}, lambda fraction, what: None)
    assert segmenter.opened == 4


# ---- the workbench ----


@pytest.fixture
def segmenter():
    return StandIn()


@pytest.fixture
def bench(tmp_path, segmenter):
    return workbench(tmp_path, segmenter)


def test_a_chosen_case_shows_its_stored_result_and_numbers(bench):
    session = bench.choose(Session.start(), "0/one")
    scene = to_data(bench.scene(session)).scene
    assert set(scene["arms"]) == {"text", "no-text", "reference"}
    assert scene["arms"]["text"]["caption"].startswith("Stored result")
    assert scene["structures"][0]["numbers"]["dsc"]["text"]["text"] == "1.00"
    assert scene["caveat"] == CAVEAT


def test_a_case_without_stored_results_asks_for_a_run(bench):
    session = bench.choose(Session.start(), "0/two")
    assert not session.results
    assert "Press Run" in bench.scene(session).absent["text"]


def test_a_second_note_costs_one_decode(bench, segmenter):
    session, status = pressed_run(bench, bench.choose(Session.start(), "0/one"), "left")
    assert (segmenter.opened, segmenter.decoded) == (1, 2)
    assert "Image encoded" in status.text
    first = session.results["text"].measured.dsc["PTV_High"]
    session, status = pressed_run(bench, session, "right")
    assert (segmenter.opened, segmenter.decoded) == (1, 3)
    assert "Image already encoded" in status.text
    assert first == 1.0
    assert session.results["text"].measured.dsc["PTV_High"] == 0.0


def test_numbers_of_another_note_than_the_cases_own_say_so(bench):
    session = bench.choose(Session.start(), "0/one")
    own, _ = pressed_run(bench, session, bench.entry(session).note)
    assert bench.scene(own).caveat == CAVEAT
    other, _ = pressed_run(bench, session, "right")
    assert "case's own note" in bench.scene(other).caveat


def test_an_empty_note_draws_without_one_and_says_so(bench):
    session, status = pressed_run(bench, bench.choose(Session.start(), "0/one"), "  ")
    assert set(session.results) == {"no-text"}
    assert "empty" in status.text
    assert "empty" in bench.scene(session).absent["text"]


def test_a_counterfactual_stands_beside_the_notes_own_contour_and_says_how_far_it_moved(bench):
    session = bench.choose(Session.start(), "0/one")
    bench.stops.new(session)
    note = bench.entry(session).note
    other = bench.preset(session, note, "wrong side")
    assert "right" in other
    *_, compared, status = bench.compare(session, note, "wrong side", "Wrong side", other)
    scene = to_data(bench.scene(compared)).scene
    assert scene["second"] == "Wrong side"
    assert "ml move" in scene["arms"]["no-text"]["caption"]
    assert "PTV_High" in status.text
    assert len(scene["jump"]) == 3
    assert "case's own note" in scene["caveat"]
    again, _ = pressed_run(bench, compared, note)
    assert to_data(bench.scene(again)).scene["second"] == ""


def test_another_case_leaves_the_comparison_and_the_explanation_of_the_last_one_behind(bench, tmp_path):
    session = bench.choose(Session.start(), "0/one")
    bench.stops.new(session)
    *_, explained, _ = bench.explain(session, bench.entry(session).note)
    *_, compared, _ = bench.compare(explained, "left", "wrong side", "Wrong side", "right")
    write_volume(tmp_path / "sent.nii.gz", head())
    for opened in (bench.choose(compared, "0/two"), bench.upload(compared, str(tmp_path / "sent.nii.gz"))):
        assert opened.compared is None
        assert opened.explanation is None
        assert "no-text" not in to_data(bench.scene(opened)).scene["arms"]


def test_a_comparison_with_no_note_is_the_contour_without_one(bench):
    session = bench.choose(Session.start(), "0/one")
    bench.stops.new(session)
    *_, compared, _ = bench.compare(session, "left", "empty", "Without the note", None)
    assert set(compared.results) == {"text", "no-text"}
    assert compared.compared is None


def test_another_patients_note_is_that_of_the_next_case(bench):
    session = bench.choose(Session.start(), "0/one")
    assert "right" in bench.preset(session, bench.entry(session).note, "another patient")


@pytest.mark.parametrize(("note", "name"), [("A tumour, 70 Gy.", "wrong side"), ("Left tonsil.", "other stage")])
def test_a_preset_that_a_note_gives_no_hold_for_says_what_is_missing(bench, note, name):
    session = bench.choose(Session.start(), "0/one")
    with pytest.raises(InputError, match="the note"):
        bench.preset(session, note, name)


def test_an_explanation_shades_the_words_that_move_the_contour(bench, segmenter):
    session = bench.choose(Session.start(), "0/one")
    bench.stops.new(session)
    note = "Oropharynx, left. Both sides of the neck, 70 Gy. Enjoys long walks."
    *_, explained, status = bench.explain(session, note)
    moved = {effect.words: effect.moved_ml for effect in explained.explanation.effects}
    assert moved["left"] > 0
    assert moved["Enjoys long walks"] == 0
    assert segmenter.decoded == explained.explanation.decodes + 1 <= 12  # and the contour without a note
    page = shown(note, (), explained.explanation)
    assert 'data-explained="true"' in page
    assert 'data-explained="false"' in shown(note + " And more.", (), explained.explanation)
    assert f"{explained.explanation.decodes} decodes" in status.text


def test_a_run_stopped_while_it_waits_never_starts(bench, segmenter):
    session = bench.choose(Session.start(), "0/one")
    bench.stops.new(session)
    bench.stops.stop(session)
    with pytest.raises(Stopped):
        list(bench.run(session, "left"))
    assert segmenter.opened == 0


def test_opening_another_case_ends_the_run(bench):
    session = bench.choose(Session.start(), "0/one")
    bench.stops.new(session)
    steps = bench.run(session, "left")
    next(steps)
    bench.choose(session, "0/two")
    with pytest.raises(Stopped):
        list(steps)


def test_a_bad_upload_changes_nothing(bench, tmp_path):
    session = bench.choose(Session.start(), "0/one")
    (tmp_path / "bad.nii.gz").write_bytes(b"not an image")
    with pytest.raises(InputError, match=r"^bad\.nii\.gz cannot be read") as refused:
        bench.upload(session, str(tmp_path / "bad.nii.gz"))
    assert str(tmp_path) not in str(refused.value)
    assert bench.entry(session).key == "0/one"


def test_an_uploaded_ct_is_contoured_and_has_volumes_only(bench, tmp_path):
    write_volume(tmp_path / "sent.nii.gz", head())
    session = bench.upload(Session.start(), str(tmp_path / "sent.nii.gz"))
    session, _ = pressed_run(bench, session, "right")
    scene = bench.scene(session)
    assert scene.metrics == ("ml",)
    assert float(scene.numbers["PTV_High"]["ml"]["text"]["text"]) == pytest.approx(4 / 3 * math.pi * 1.6**3, rel=0.1)
    assert bench.chart(session) is None


def test_sessions_have_secret_names_and_folders_of_their_own(bench, tmp_path):
    write_volume(tmp_path / "sent.nii.gz", head())
    mine, yours = (bench.upload(Session.start(), str(tmp_path / "sent.nii.gz")) for _ in range(2))
    assert mine.shown.ct != yours.shown.ct
    assert Path(mine.shown.ct).parent == bench.workspace.of(mine)
    assert "sent" not in mine.shown.ct
    bench.forget(mine)
    assert not Path(mine.shown.ct).exists()
    assert Path(yours.shown.ct).exists()


def test_a_page_loaded_again_finds_what_it_held_and_outlives_the_one_before(bench, tmp_path):
    write_volume(tmp_path / "sent.nii.gz", head())
    before = bench.workspace.keep(bench.upload(Session.start(), str(tmp_path / "sent.nii.gz")))
    after = bench.reload(before.id)
    assert after.id != before.id
    assert after.shown is before.shown
    bench.forget(before)
    assert Path(after.shown.ct).exists()
    assert bench.reload(before.id) is None
    bench.forget(after)
    assert not Path(after.shown.ct).exists()


@pytest.mark.parametrize("secret", ["", "0" * 32, "../cases"])
def test_a_name_nobody_was_given_finds_no_session(bench, secret):
    bench.workspace.keep(bench.choose(Session.start(), "0/one"))
    assert bench.reload(secret) is None


@pytest.mark.parametrize("sent", [None, "text", [1], {"session": 5, "note": ["x"]}, {"other": "x"}])
def test_what_no_tab_keeps_of_itself_is_taken_for_nothing(sent):
    assert TabMemory.read(sent) == TabMemory()


def test_a_case_whose_files_were_cleared_is_prepared_again(bench):
    first = bench.choose(Session.start(), "0/one").shown
    assert bench.choose(Session.start(), "0/one").shown is first
    Path(first.ct).unlink()
    again = bench.choose(Session.start(), "0/one").shown
    assert Path(again.ct).exists()


def test_an_unknown_case_is_refused(bench):
    with pytest.raises(InputError, match="no case"):
        bench.choose(Session.start(), "0/../secrets")


def test_a_status_is_text_and_not_markup():
    assert "<b>" not in Status("<b>bold</b>", warnings=("<i>",)).html()


def test_the_stand_ins_targets_lie_on_either_side():
    assert not (ball(LEFT) & ball(RIGHT)).any()


# Notes tried before


@pytest.fixture
def two_notes(bench):
    """A session that has run two notes that differ in one word, on a case without stored contours."""
    session = bench.choose(Session.start(), "0/two")
    for note in ("Oropharynx, left. 70 Gy.", "Oropharynx, right. 70 Gy."):
        session, _ = pressed_run(bench, session, note)
    return session


def test_each_note_that_was_run_is_kept_and_says_which_word_changed(two_notes):
    assert [one.note for one in two_notes.tried_here] == ["Oropharynx, left. 70 Gy.", "Oropharynx, right. 70 Gy."]
    panel = tried.shown(two_notes)
    assert "left → right" in panel
    assert panel.index("Note 2") < panel.index("Note 1")


def test_going_back_to_a_note_shows_its_contours_without_a_run(bench, segmenter, two_notes):
    decoded = segmenter.decoded
    back, one = bench.back_to(two_notes, 1)
    assert one.note == "Oropharynx, left. 70 Gy."
    assert back.results["text"] == two_notes.tried_here[0].result
    assert segmenter.decoded == decoded


def test_any_two_notes_can_stand_side_by_side(bench, two_notes):
    both = bench.beside(two_notes, 1)
    scene = bench.scene(both)
    assert scene.second == "Note 1"
    assert scene.panels["no-text"].masks == two_notes.tried_here[0].result.masks
    assert scene.panels["text"].masks == two_notes.tried_here[1].result.masks
    assert bench.beside(both, 1).compared is None


def test_the_same_note_again_keeps_its_place(bench, two_notes):
    again, _ = pressed_run(bench, two_notes, "Oropharynx, left. 70 Gy.")
    assert [one.number for one in again.tried_here] == [1, 2]


def test_another_case_has_notes_of_its_own_and_coming_back_finds_the_old_ones(bench, two_notes):
    other = bench.choose(two_notes, "0/one")
    assert [one.note for one in other.tried_here] == [bench.catalogue["0/one"].note]
    assert bench.choose(other, "0/two").tried_here == two_notes.tried_here


def test_a_note_that_is_no_longer_kept_is_refused(bench, two_notes):
    with pytest.raises(InputError, match="Note 7 is no longer kept"):
        bench.beside(two_notes, 7)


def test_the_first_note_and_the_newest_outlive_the_others(two_notes):
    one, kept = two_notes.tried_here[0], ()
    for number in range(tried.MOST + 5):
        kept = tried.remember(kept, f"note {number}", frozenset(), one.result)
    assert len(kept) == tried.MOST
    assert (kept[0].number, kept[-1].number) == (1, tried.MOST + 5)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("Left oropharynx, T2N1.", "Right oropharynx, T2N1.", "Left → Right"),
        ("Left oropharynx.", "Left oropharynx. Level IV to 56 Gy.", "+ Level IV to 56 Gy ."),
        ("Left oropharynx, smoker, T2N1.", "Left oropharynx, T2N1.", "− smoker ,"),
        ("Left oropharynx.", "Left  oropharynx", "other spacing or signs"),
        ("Left oropharynx.", "Something else was written here.", "Something else was written here."),
    ],
)
def test_a_change_is_told_in_the_words_that_changed(before, after, said):
    assert tried.what_changed(before, after) == said


def test_a_tried_note_is_text_and_not_markup(two_notes):
    one = two_notes.tried_here[0]
    nasty = replace(one, note='<img src="x" onerror="alert(1)">')
    assert '<img src="x"' not in tried.shown(replace(two_notes, tried={two_notes.shown.key: (nasty,)}))


def test_the_small_picture_shows_the_patients_right_on_its_left(two_notes):
    pictures = [
        np.array(Image.open(io.BytesIO(base64.b64decode(one.result.picture.split(",")[1]))))
        for one in two_notes.tried_here
    ]
    colour = list(bytes.fromhex(COLOURS["PTV_High"][1:]))
    target = [np.argwhere((picture == colour).all(axis=2))[:, 1].mean() for picture in pictures]
    middle = pictures[0].shape[1] / 2
    assert target[0] > middle > target[1]


def test_whoever_asks_again_waits_anew_and_a_run_that_begins_waits_for_nobody():
    turns, (first, gone, last) = Turns(), (Session.start() for _ in range(3))
    for session in (first, gone, last):
        turns.join(session)
    assert [turns.before(session) for session in (first, gone, last)] == [0, 1, 2]
    turns.join(first)
    assert [turns.before(session) for session in (first, gone, last)] == [2, 0, 1]
    turns.begin(last)  # the one before closed its tab while it waited
    assert turns.before(first) == 1
    turns.leave(last)
    assert turns.before(first) == 0


def test_a_script_is_put_before_gradios_own_and_into_no_other_answer():
    page = "<html><head><script>window.gradio_config = {};</script></head></html>"

    async def app(scope, receive, send):
        body = (page if scope["path"] == "/" else page.replace("gradio", "other")).encode()
        headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"text/html")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["path"] != "/":
            await send({"type": "http.response.body", "body": body[:20], "more_body": True})
            body = body[20:]
        await send({"type": "http.response.body", "body": body})

    client = TestClient(EarlyScript(app, "early()"))
    answers = [client.get(path).text for path in ("/", "/gradio_api/file", "/other")]
    assert answers[0] == page.replace("<head>", "<head><script>early()</script>")
    assert answers[1:] == [page.replace("gradio", "other")] * 2
