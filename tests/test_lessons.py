"""Teaching lessons, without a browser: what a lesson's file may say, and that a learner is told nothing too early."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pressing import workbench
from standin import LEFT, LESSON, RIGHT, StandIn, ball, head, write_lesson
from test_editing import save_of

from llmseg.case import InputError
from llmseg.datasets.folder import read_dataset
from llmseg.formats.nifti import write_mask
from llmseg.metrics import dice
from llmseg.ui.cases import Catalogue
from llmseg.ui.lessons import Lesson, card, chosen, read_lessons
from llmseg.ui.session import Session
from llmseg.ui.viewer import to_data
from llmseg.ui.workbench import Status, Workbench

EXAMPLES = Path(__file__).parents[1] / "examples"
DRAWN = ball(LEFT, 12.0)


@pytest.fixture
def lesson(bench, tmp_path) -> Lesson:
    write_lesson(tmp_path / "lessons")
    return read_lessons(tmp_path / "lessons", bench.catalogue)["side"]


@pytest.fixture
def blind(bench, lesson) -> Session:
    return bench.begin_lesson(Session.start(), lesson)


def changed(bench: Workbench, session: Session) -> tuple[Session, Status]:
    bench.stops.new(session)
    *_, session, status = bench.change_lesson(session)
    return session, status


# ---- the file ----


def test_a_folder_of_files_is_a_list_of_lessons_by_name(bench, tmp_path):
    for name in ("b", "a"):
        write_lesson(tmp_path / "lessons", name, title=f"Lesson {name}")
    lessons = read_lessons(tmp_path / "lessons", bench.catalogue)
    assert [(key, lesson.title) for key, lesson in lessons.items()] == [("a", "Lesson a"), ("b", "Lesson b")]
    assert chosen(lessons, "a").case == "0/one"
    with pytest.raises(InputError, match="no lesson 'c'"):
        chosen(lessons, "c")
    assert read_lessons(None, bench.catalogue) == {}


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"hint": "Look left."}, "unknown key 'hint'. A lesson has title, case"),
        ({"why": None}, "'why' is missing. Add it"),
        ({"task": " "}, "task = ' ' is no text"),
        ({"title": 3}, "title = 3 is no text"),
        ({"case": "three"}, "case = 'three' is not on offer. Offer its dataset, or name one of: one, two"),
        ({"structure": "Larynx"}, "structure = 'Larynx' is not in the reference of one. Name one of: "),
        ({"structure": "PTV_Low"}, "structure = 'PTV_Low' is not in the reference of one"),  # there, and empty
        ({"change": "Oropharynx, left. Both sides of the neck, 70 Gy."}, "change is the case's own note"),
    ],
)
def test_what_cannot_be_taught_is_refused_by_file_and_key(tmp_path, keys, complaint):
    bench = workbench(tmp_path, StandIn())
    write_mask(tmp_path / "data" / "structures" / "one" / "PTV_Low.nii.gz", ball(LEFT) & False, head().affine)
    path = write_lesson(tmp_path / "lessons", **keys)
    with pytest.raises(InputError, match=f"^{re.escape(f'{path}: {complaint}')}"):
        read_lessons(tmp_path / "lessons", bench.catalogue)


def test_a_case_without_a_reference_teaches_nothing(bench, tmp_path):
    for mask in (tmp_path / "data" / "structures" / "one").iterdir():
        mask.unlink()
    catalogue = Catalogue([read_dataset(tmp_path / "data")])
    write_lesson(tmp_path / "lessons")
    with pytest.raises(InputError, match=r"side\.toml: case = 'one' has no reference\. Name a case with"):
        read_lessons(tmp_path / "lessons", catalogue)


def test_a_broken_file_and_an_empty_folder_are_named(bench, tmp_path):
    with pytest.raises(InputError, match=r"lessons holds no lesson\. Put a \.toml file"):
        read_lessons(tmp_path / "lessons", bench.catalogue)
    write_lesson(tmp_path / "lessons").write_text("title = left")
    with pytest.raises(InputError, match=r"side\.toml is not valid TOML .* Correct that line"):
        read_lessons(tmp_path / "lessons", bench.catalogue)


# ---- blind ----


def test_a_learner_who_draws_is_sent_nothing_of_the_reference_or_of_the_model(bench, blind):
    session = bench.choose(blind, "0/one")
    ordinary, scene = to_data(bench.scene(session)), to_data(bench.scene(blind))
    bench.save_edit(blind, save_of(bench, blind, {"PTV_High": DRAWN}))
    for sent in (scene, to_data(bench.scene(blind))):
        ids = {arm["id"] for arm in sent.scene["arms"].values()}
        assert ids.isdisjoint(arm["id"] for arm in ordinary.scene["arms"].values())
        assert sent.scene["arms"].keys() <= {"text", "edited", "started"}
        assert sent.scene["arms"]["text"]["table"] == []
        assert [structure["name"] for structure in sent.scene["structures"]] == ["PTV_High"]
        assert sent.scene["metrics"] in ([], ["ml"])
        assert "hidden" in sent.scene["caveat"]
        # Not even where to look: the crosshair of an ordinary visit begins in the middle of the target.
        assert sent.scene["start"] == [size // 2 for size in sent.scene["shape"]] != ordinary.scene["start"]
    assert not bench.edits.of(blind).result.measured.dsc
    assert bench.scene(blind).edit["rows"][0]["surface"] == "–"
    assert bench.chart(blind) is None


def test_a_learner_who_draws_cannot_ask_the_model_or_take_the_answer_home(bench, blind):
    bench.save_edit(blind, save_of(bench, blind, {"PTV_High": DRAWN}))
    bench.stops.new(blind)
    for run in (bench.run(blind, "left"), bench.explain(blind, "left"), bench.change_lesson(blind)):
        with pytest.raises(InputError, match="Press Show me"):
            list(run)
    with pytest.raises(InputError, match="Press Show me"):
        bench.download(blind, "session")
    assert bench.model.get().decoded == 0


def test_a_drawing_is_kept_apart_from_an_ordinary_edit_of_the_case(bench, lesson):
    session = bench.choose(Session.start(), "0/one")
    bench.save_edit(session, save_of(bench, session, {"PTV_High": ball(LEFT, 20.0)}))
    blind = bench.begin_lesson(session, lesson)
    assert bench.edits.of(blind) is None
    bench.save_edit(blind, save_of(bench, blind, {"PTV_High": DRAWN}))
    own = bench.edits.of(blind)
    left = bench.leave_lesson(blind)
    assert left.taught is None
    assert left.shown == session.shown
    assert bench.edits.of(left).id == bench.edits.of(session).id
    # Whoever left before seeing the reference goes on; whoever saw it begins anew.
    again = bench.begin_lesson(left, lesson)
    assert bench.edits.of(again) is own
    assert bench.edits.of(bench.begin_lesson(bench.show_lesson(again), lesson)) is None


def test_a_page_loaded_again_is_still_in_its_lesson(bench, blind):
    bench.save_edit(blind, save_of(bench, blind, {"PTV_High": DRAWN}))
    again = bench.reload(bench.workspace.keep(blind).id)
    assert again.is_blind
    assert bench.edits.of(again) is bench.edits.of(blind)


# ---- shown ----


def test_showing_sets_the_learners_contour_beside_the_reference_and_the_model(bench, blind):
    bench.save_edit(blind, save_of(bench, blind, {"PTV_High": DRAWN}))
    seen = bench.show_lesson(blind)
    scene = to_data(bench.scene(seen)).scene
    assert {"reference", "text", "no-text", "edited"} <= scene["arms"].keys()
    row = scene["structures"][0]["numbers"]["dsc"]
    own, model = dice(ball(LEFT), DRAWN), dice(ball(LEFT), ball(RIGHT))
    assert [row[arm]["text"] for arm in ("text", "no-text", "edited")] == ["1.00", f"{model:.2f}", f"{own:.2f}"]
    assert re.fullmatch(
        rf"Your PTV_High has DSC {own:.2f} and HD95 [\d.]+ mm; the model with the note DSC 1.00 and HD95 0.0 mm, "
        rf"without it DSC {model:.2f} and HD95 [\d.]+ mm.",
        seen.taught.said.replace("\N{NO-BREAK SPACE}", " "),
    )
    assert seen.taught.said in card(seen.taught)
    assert bench.download(seen, "masks")


def test_a_learner_may_skip_the_drawing(bench, blind):
    seen = bench.show_lesson(blind)
    assert re.match(r"You skipped the drawing; PTV_High of the model: with the note DSC\s1\.00", seen.taught.said)
    assert "edited" not in bench.scene(seen).panels


def test_the_verdict_stays_the_one_of_the_blind_contour(bench, blind):
    bench.save_edit(blind, save_of(bench, blind, {"PTV_High": DRAWN}))
    seen = bench.show_lesson(blind)
    bench.save_edit(seen, save_of(bench, seen, {"PTV_High": ball(LEFT)}, id="3" * 32))
    assert bench.scene(seen).numbers["PTV_High"]["dsc"]["edited"]["text"] == "1.00"
    assert changed(bench, seen)[0].taught.said == seen.taught.said


def test_a_case_without_stored_contours_is_taught_all_the_same(bench, lesson, tmp_path):
    path = write_lesson(tmp_path / "more", case="two", change=LESSON["change"].replace("right", "left"))
    two = read_lessons(path.parent, bench.catalogue)["side"]
    seen = bench.show_lesson(bench.begin_lesson(Session.start(), two))
    assert seen.taught.said == "You skipped the drawing."
    assert bench.scene(seen).panels.keys() == {"reference"}
    ended, _ = changed(bench, seen)
    assert ended.compared.title == "Changed note"


def test_the_changed_note_stands_in_the_second_panel_and_the_card_says_why(bench, blind):
    ended, status = changed(bench, bench.show_lesson(blind))
    scene = bench.scene(ended)
    assert scene.second == "Changed note"
    assert status.text.startswith("Changed note: ")
    assert [scene.numbers["PTV_High"]["dsc"][arm]["text"] for arm in ("text", "no-text")] == ["1.00", "0.00"]
    assert "left → right" in card(ended.taught)
    assert LESSON["why"] in card(ended.taught)
    assert "Change the note" not in card(ended.taught)


def test_what_a_teacher_wrote_is_text_on_the_card_and_no_markup(bench, tmp_path):
    write_lesson(tmp_path / "lessons", title="<b>T</b>", task="<img src=x>")
    lesson = read_lessons(tmp_path / "lessons", bench.catalogue)["side"]
    said = card(bench.begin_lesson(Session.start(), lesson).taught)
    assert "<b>" not in said
    assert "<img" not in said
    assert card(None) == ""


# ---- the bundled ones ----


def test_the_bundled_lessons_fit_the_bundled_cases():
    datasets = [read_dataset(EXAMPLES / name) for name in ("teaching", "phantoms")]
    lessons = read_lessons(EXAMPLES / "lessons", Catalogue(datasets))
    assert len(lessons) == 3
    assert len({lesson.structure for lesson in lessons.values()}) == 3
