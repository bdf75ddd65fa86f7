"""A prepared study is drawn once, whole, and never changes; whatever is amiss is refused by name."""

from __future__ import annotations

import json
import re
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from standin import LEFT, RIGHT, StandIn, ball, cord
from studies import CASES, prepare_small, small_dataset, write_protocol

from llmseg.case import Case, InputError, Note, Structures
from llmseg.cli import main
from llmseg.datasets.folder import Dataset, read_dataset
from llmseg.formats.nifti import read_mask, write_mask
from llmseg.formats.segmentation import write_segmentation
from llmseg.segmenter import Segmenter
from llmseg.study.preparing import FROZEN, SCORES, Prepared, prepare, read_prepared
from llmseg.study.protocol import read_study

ROOT = Path(__file__).parents[1]
MIDDLE = (36, 32, 20)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with a prepared study in it; tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("made")
    prepare_small(folder)
    return folder


@pytest.fixture(scope="module")
def dataset(made) -> Dataset:
    return read_dataset(made / "data")


@pytest.fixture
def prepared(made) -> Prepared:
    return read_prepared(made / "study")


@pytest.fixture
def copied(made, tmp_path) -> Path:
    return Path(shutil.copytree(made / "study", tmp_path / "study"))


def files(folder: Path) -> dict[str, bytes]:
    """What a study is made of, without what differs by its secret alone."""
    kept = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in (FROZEN, "secret"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in kept}


def prepare_again(folder: Path, out: str = "study", dataset: Dataset | None = None, **options: object) -> Prepared:
    load = options.pop("load", lambda checkpoint: StandIn())
    dataset = dataset or read_dataset(folder / "data")
    return prepare(folder / "protocol" / "study.toml", [dataset], folder / out, load=load, **options)


def changed(dataset: Dataset, id: str, **changes: object) -> Dataset:
    cases = (replace(case, **changes) if case.id == id else case for case in dataset.cases)
    return replace(dataset, cases=tuple(cases))


# ---- what is prepared ----


def test_each_arm_is_drawn_as_the_protocol_says(prepared):
    for case, side in zip(CASES, (LEFT, RIGHT, LEFT), strict=True):
        assert np.array_equal(prepared.contours(case, "noted")["PTV_High"], ball(side))
        assert np.array_equal(prepared.contours(case, "plain")["PTV_High"], ball(MIDDLE))
        assert np.array_equal(prepared.contours(case, "drawn")["SpinalCord"], cord())


def test_image_note_and_reference_are_copied(made, prepared):
    for case in read_dataset(made / "data").cases:
        assert np.array_equal(prepared.volume(case.id).array, case.volume.array)
        assert np.allclose(prepared.volume(case.id).affine, case.volume.affine)
        assert prepared.note(case.id) == case.note.text
        assert {**prepared.reference(case.id)}.keys() == {**case.structures}.keys()


def test_agreement_with_the_reference_is_known(prepared):
    assert prepared.scores("one", "drawn") == {"dice": 1.0, "hd95_mm": 0.0, "surface_dice_3mm": 1.0}
    assert prepared.scores("one", "noted", ["PTV_High"])["dice"] == 1.0
    assert prepared.scores("one", "noted")["dice"] == 0.5  # of PTV_High and SpinalCord, which is not drawn
    assert prepared.scores("one", "plain", ["PTV_High"])["dice"] < 0.2
    assert prepared.scores("one", "noted", ["Larynx"]) == dict.fromkeys(SCORES)


def test_a_study_needs_no_reference_where_no_arm_and_no_training_asks_for_one(dataset, tmp_path):
    write_protocol(
        tmp_path / "protocol",
        ('training = ["three"]', ""),
        ('[arms.drawn]\ncontours = "reference"', ""),
        ('["noted", "plain", "drawn"]', '["noted", "plain"]'),
    )
    for case in CASES:
        dataset = changed(dataset, case, has_structures=False, load_structures=lambda: None)
    prepared = prepare_again(tmp_path, dataset=dataset)
    assert prepared.reference("one") is None
    assert prepared.scores("one", "noted") == dict.fromkeys(SCORES)
    assert prepared.structures("rating", "one") == ("PTV_High",)


def test_what_one_arm_lacks_is_shown_for_none(prepared):
    assert set(prepared.contours("one", "drawn")) == {"PTV_High", "SpinalCord"}
    assert prepared.structures("rating", "one") == ("PTV_High",)


def test_every_reader_has_readings_and_no_operator_has(prepared):
    assert list(prepared.readings) == ["Ada", "Ben"]
    study = prepared.study
    for readings in prepared.readings.values():
        assert {reading.case for reading in readings} == set(study.cases + study.training)
        assert {arm for reading in readings for arm in reading.arms} == set(study.arms)


def test_reading_it_again_gives_the_same_study(made, prepared):
    again = read_prepared(made / "study")
    assert (again.sha256, again.study, again.readings) == (prepared.sha256, prepared.study, prepared.readings)


def test_it_remembers_what_drew_each_contour(prepared):
    said = prepared.provenance("one", "noted")
    assert (said["contours"], said["checkpoint"]) == ("text", StandIn.checkpoint_name)
    assert len(said["checkpoint_sha256"]) == len(said["note_sha256"]) == 64
    assert prepared.provenance("one", "plain").get("note_sha256") is None
    assert prepared.version


def test_two_studies_share_contours_and_no_id(made, dataset, tmp_path, prepared):
    other = prepare_small(tmp_path, dataset=dataset)
    assert files(tmp_path / "study") == files(made / "study")
    assert other.contour_sha256("one", "noted") == prepared.contour_sha256("one", "noted")
    ids = [{r.id for readings in study.readings.values() for r in readings} for study in (prepared, other)]
    assert not ids[0] & ids[1]


def test_a_contours_hash_depends_on_its_voxels_alone(prepared):
    hashes = {(case, arm): prepared.contour_sha256(case, arm) for case in CASES for arm in ("noted", "plain")}
    assert hashes["one", "noted"] == hashes["three", "noted"]
    assert len({hashes["one", "noted"], hashes["two", "noted"], hashes["one", "plain"]}) == 3


def test_only_its_owner_can_read_the_secret(made):
    assert stat.S_IMODE((made / "study" / "secret").stat().st_mode) == 0o600
    assert len((made / "study" / "secret").read_bytes()) == 32
    assert (made / "study" / "secret").read_bytes().hex() not in (made / "study" / FROZEN).read_text()


def test_an_image_is_encoded_once_for_all_its_arms(dataset, tmp_path):
    segmenter, steps = StandIn(), []
    write_protocol(tmp_path / "protocol")
    prepare_again(tmp_path, dataset=dataset, load=lambda _: segmenter, on_progress=lambda *step: steps.append(step))
    assert (segmenter.opened, segmenter.decoded) == (3, 6)
    assert steps == [(3, 9), (6, 9), (9, 9)]


def test_a_network_that_no_arm_needs_never_loads(dataset, tmp_path):
    drawn = ('contours = "text"', 'contours = "masks"\nmasks = "by-hand"'), ('"no-text"', '"masks"\nmasks = "machine"')
    protocol = write_protocol(tmp_path / "protocol", *drawn)
    for case in CASES:
        for masks, centre in (("by-hand", LEFT), ("machine", RIGHT)):
            path = protocol.parent / masks / case / "PTV_High.nii.gz"
            write_mask(path, ball(centre), dataset.cases[0].volume.affine)
    prepared = prepare_again(tmp_path, dataset=dataset, load=lambda _: pytest.fail("a network was loaded"))
    assert np.array_equal(prepared.contours("two", "noted")["PTV_High"], ball(LEFT))
    assert len(prepared.provenance("two", "noted")["files"]["PTV_High"]) == 64


def test_a_note_of_the_protocol_is_read_instead_of_the_cases_own(dataset, tmp_path):
    note = "Oropharynx, right. Both sides of the neck, 70 Gy."
    prepared = prepare_small(
        tmp_path / "one", ('contours = "text"', f'contours = "text"\nnote = "{note}"'), dataset=dataset
    )
    assert np.array_equal(prepared.contours("one", "noted")["PTV_High"], ball(RIGHT))
    for case in CASES:
        path = tmp_path / "many" / "protocol" / "swapped" / f"{case}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(note if case == "one" else note.replace("right", "left"))
    prepared = prepare_small(
        tmp_path / "many", ('contours = "text"', 'contours = "text"\nnotes = "swapped"'), dataset=dataset
    )
    assert np.array_equal(prepared.contours("one", "noted")["PTV_High"], ball(RIGHT))
    assert np.array_equal(prepared.contours("two", "noted")["PTV_High"], ball(LEFT))


def test_names_stay_out_of_the_note_that_readers_see(dataset, tmp_path):
    write_protocol(tmp_path / "protocol")
    dataset = changed(dataset, "one", note=Note("Dr. Smith: oropharynx, left. 70 Gy."))
    prepared = prepare_again(tmp_path, dataset=dataset)
    assert "Smith" not in prepared.note("one")
    assert "oropharynx, left" in prepared.note("one")
    assert "Smith" not in (tmp_path / "study" / FROZEN).read_text()


# ---- stored contours ----


def store(dataset: Dataset, case: Case, kind: str, segmenter: StandIn) -> Path:
    """What `llmseg segment` would store, with another target so that it is known again."""
    folder = dataset.root / "results" / case.id / kind
    drawn = segmenter.open(case.volume).segment(case.note if kind == "text" else None)
    marked = Structures({"PTV_High": ball((20, 20, 20))}, case.volume.affine)
    write_segmentation(folder, replace(drawn, structures=marked))
    return folder


def test_stored_contours_are_taken_where_the_same_network_drew_them(tmp_path):
    dataset, segmenter = small_dataset(tmp_path), StandIn()
    write_protocol(tmp_path / "protocol")
    for kind in ("text", "no-text"):
        store(dataset, dataset.cases[1], kind, segmenter)
    asked = StandIn()
    prepared = prepare_again(tmp_path, dataset=dataset, load=lambda _: asked)
    assert np.array_equal(prepared.contours("two", "noted")["PTV_High"], ball((20, 20, 20)))
    assert (asked.opened, asked.decoded) == (2, 4)


@pytest.mark.parametrize("key", ["checkpoint", "prompt", "shape"])
def test_contours_that_something_else_drew_are_drawn_again(tmp_path, key):
    dataset = small_dataset(tmp_path)
    write_protocol(tmp_path / "protocol")
    path = store(dataset, dataset.cases[1], "text", StandIn()) / "segmentation.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: "another"}))
    prepared = prepare_again(tmp_path, dataset=dataset)
    assert np.array_equal(prepared.contours("two", "noted")["PTV_High"], ball(RIGHT))


def test_the_example_needs_no_drawing(tmp_path, monkeypatch):
    """Shown on one of its cases; the others only take longer."""
    monkeypatch.setattr(Segmenter, "open", lambda *_, **__: pytest.fail("a CT was opened"))
    text = (ROOT / "examples" / "study.toml").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^cases = .*$", 'cases = ["teaching_0500001"]', text)
    text = re.sub(r"(?m)^(training = .*|repeats = .*)$", "", text)
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    prepared = prepare(tmp_path / "study.toml", [read_dataset(ROOT / "examples" / "teaching")], tmp_path / "study")
    assert prepared.structures("rating", "teaching_0500001") == ("PTV_High", "PTV_Low")
    assert prepared.scores("teaching_0500001", "reference")["dice"] == 1.0


# ---- interrupted, and taken up again ----


class Stopping(StandIn):
    """Stops at its nth contour, as Ctrl-C would."""

    def __init__(self, at: int):
        super().__init__()
        self.at = at

    def _work(self, what: str, on_progress) -> None:
        if self.decoded == self.at:
            raise KeyboardInterrupt
        super()._work(what, on_progress)


@pytest.mark.parametrize("at", [0, 1, 4])
def test_an_interrupted_preparation_goes_on_and_ends_the_same(made, dataset, tmp_path, at):
    stopping, rest = Stopping(at), StandIn()
    with pytest.raises(KeyboardInterrupt):
        prepare_small(tmp_path, segmenter=stopping, dataset=dataset)
    with pytest.raises(InputError, match="holds no prepared study"):
        read_prepared(tmp_path / "study")
    prepare_again(tmp_path, dataset=dataset, load=lambda _: rest)
    assert files(tmp_path / "study") == files(made / "study")
    finished = max(0, at - 1)
    assert rest.decoded == 6 - finished


def test_a_finished_study_is_only_looked_at(made, prepared):
    before = {path: path.stat().st_mtime_ns for path in (made / "study").rglob("*")}
    again = prepare_again(made, load=lambda _: pytest.fail("a network was loaded"))
    assert again.sha256 == prepared.sha256
    assert {path: path.stat().st_mtime_ns for path in (made / "study").rglob("*")} == before


def test_what_a_kill_leaves_behind_is_no_part_of_the_study(made, dataset, tmp_path):
    left = tmp_path / "study" / ".writing-1" / "PTV_High.nii.gz"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    prepare_small(tmp_path, dataset=dataset)
    inside = tmp_path / "study" / "contours" / "one" / "noted" / ".writing-2"
    inside.mkdir()
    assert read_prepared(tmp_path / "study").structures("rating", "one") == ("PTV_High",)


@pytest.mark.parametrize("what", ["note", "image", "reference"])
def test_a_case_that_changed_meanwhile_is_refused(made, what):
    dataset = read_dataset(made / "data")
    case = dataset.cases[0]
    changes = {
        "note": {"note": Note(case.note.text + " Also the thyroid.")},
        "image": {"load_volume": lambda: replace(case.volume, array=case.volume.array + 1)},
        "reference": {"load_structures": lambda: Structures({"PTV_High": ball(RIGHT)}, case.volume.affine)},
    }
    with pytest.raises(InputError, match=r"cases/one was made from another image, note"):
        prepare_again(made, dataset=changed(dataset, "one", **changes[what]))


def test_another_checkpoint_than_it_was_begun_with_is_refused(made, tmp_path):
    other = Path(shutil.copytree(ROOT / "assets" / "checkpoints" / "openkbp", tmp_path / "other"))
    (other / "config.json").write_text((other / "config.json").read_text() + "\n")
    with pytest.raises(InputError, match=r"contours/three/noted was made from another image, note"):
        prepare_again(made, checkpoint=other)


def test_a_folder_that_holds_another_study_is_refused(made, tmp_path):
    before = files(made / "study")
    protocol = write_protocol(tmp_path, ("seed = 7", "seed = 8"))
    with pytest.raises(InputError, match="holds another study, or this one before its protocol changed"):
        prepare(protocol, [read_dataset(made / "data")], made / "study", load=lambda _: StandIn())
    assert files(made / "study") == before


def test_a_folder_that_holds_other_files_is_left_alone(tmp_path):
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "holiday.jpg").write_bytes(b"")
    with pytest.raises(InputError, match="holds other files"):
        prepare_small(tmp_path)
    assert [path.name for path in (tmp_path / "study").iterdir()] == ["holiday.jpg"]


# ---- refused before anything is written ----


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('["one", "two"]', '["one", "four"]', "Case 'four' of the protocol is in none of .*: one, three, two"),
        ('["PTV_High"]', '["SpinalCord"]\narms = 1', "has 'pairs' and no 'arms'"),
        ('"reference"', '"masks"\nmasks = "nowhere"', "arm 'drawn' has no contour in .*nowhere/three. Add them"),
        ('contours = "text"', 'contours = "text"\nnotes = "gone"', r"gone/three.txt, the note of arm 'noted', cannot"),
        ('contours = "text"', 'contours = "text"\ncheckpoint = "gone"', "gone is no checkpoint"),
        ("repeats = 0.5", "repeats = 0.1", "Task 'comparing' repeats 0.1 of 2 readings, which is none"),
        (
            'questions = ["use", "words"]',
            'questions = ["use", "words"]\nstructures = ["Larynx"]',
            "'drawn' has no contour",
        ),
    ],
)
def test_what_cannot_be_prepared_is_refused_before_anything_is_written(dataset, tmp_path, old, new, said):
    with pytest.raises(InputError, match=said):
        prepare_small(tmp_path, (old, new), dataset=dataset)
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    ("id", "changes", "option", "said"),
    [
        ("two", {"note": Note(" ")}, "", "Case two: arm 'noted' reads the note, and it is empty"),
        ("two", {"note": Note(" ")}, 'show_note = "before"', "Case two has no note to show"),
        ("two", {"has_structures": False}, "", "Case two: arm 'drawn' has no contour in its dataset"),
        ("three", {"has_structures": False}, "", "Training case three has no reference"),
    ],
)
def test_a_case_without_what_the_study_needs_is_refused(dataset, tmp_path, id, changes, option, said):
    write_protocol(tmp_path / "protocol", ("seed = 7", f"seed = 7\n{option}"))
    with pytest.raises(InputError, match=said):
        prepare_again(tmp_path, dataset=changed(dataset, id, **changes))
    assert not (tmp_path / "study").exists()


def test_a_case_that_two_datasets_list_is_refused(dataset, tmp_path):
    protocol = write_protocol(tmp_path / "protocol")
    with pytest.raises(InputError, match="Case 'three' is listed by more than one of"):
        prepare(protocol, [dataset, dataset], tmp_path / "study")


def test_a_structure_that_the_network_does_not_draw_is_refused_by_name(dataset, tmp_path):
    with pytest.raises(
        InputError, match="Case three: arm 'noted' has no contour of SpinalCord, which task 'comparing'"
    ):
        prepare_small(tmp_path, ('["PTV_High"]', '["SpinalCord"]'), dataset=dataset)


def test_masks_on_another_grid_are_refused(dataset, tmp_path):
    protocol = write_protocol(tmp_path / "protocol", ('"reference"', '"masks"\nmasks = "by-hand"'))
    for case in CASES:
        write_mask(protocol.parent / "by-hand" / case / "PTV_High.nii.gz", ball(LEFT)[:-1], np.eye(4))
    with pytest.raises(InputError, match="Case three: arm 'drawn' has contours on another grid than the CT"):
        prepare_again(tmp_path, dataset=dataset)


# ---- frozen ----


@pytest.mark.parametrize(
    "name",
    [
        "study.toml",
        "cases/one/ct.nii.gz",
        "cases/one/note.txt",
        "cases/two/reference/SpinalCord.nii.gz",
        "contours/one/noted/PTV_High.nii.gz",
        "contours/three/plain/segmentation.json",
    ],
)
@pytest.mark.parametrize("how", ["changed", "gone"])
def test_a_file_that_changed_is_refused_by_name(copied, name, how):
    path = copied / name
    if how == "gone":
        path.unlink()
    else:
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_prepared(copied)
    assert str(path) in str(caught.value)
    assert ("is not what was frozen" if how == "changed" else "cannot be read") in str(caught.value)


def test_every_file_but_the_secret_is_frozen(made):
    frozen = json.loads((made / "study" / FROZEN).read_text())["files"]
    assert set(frozen) == set(files(made / "study"))


def test_a_finished_study_is_never_repaired_by_drawing(made, copied, tmp_path):
    path = copied / "contours" / "one" / "noted" / "segmentation.json"
    path.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        prepare(made / "protocol" / "study.toml", [read_dataset(made / "data")], copied, load=lambda _: StandIn())
    assert not path.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is damaged"),
        ("[]", "holds no object"),
        ('{"format": 0}', "has format 0; this version reads 1"),
        ('{"format": 1, "files": {}}', "is damaged"),
        ('{"format": 1, "files": {}, "readings": {"Ada": [{"arms": 1}]}}', "is damaged"),
    ],
)
def test_a_damaged_record_is_refused(copied, content, said):
    (copied / FROZEN).write_text(content)
    with pytest.raises(InputError, match=said):
        read_prepared(copied)


def test_a_folder_without_a_study_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no prepared study"):
        read_prepared(tmp_path / "nothing")


def test_the_study_opens_wherever_its_folder_is_moved_to(made, copied, prepared):
    moved = read_prepared(copied)
    assert moved.sha256 == prepared.sha256
    assert read_mask(copied / "contours" / "one" / "noted" / "PTV_High.nii.gz")[0].any()


# ---- on the command line ----


def test_check_prints_the_design(made, capsys):
    assert main(["study", "check", str(made / "protocol" / "study.toml"), "--data", str(made / "data")]) == 0
    said = capsys.readouterr().out
    study = read_study(made / "protocol" / "study.toml")
    for word in (study.title, "Ada", "Ben", *study.arms, "noted | plain", "All cases are there"):
        assert word in said
    assert "sees a case with different arms in one sitting; never with sessions = 4" in said


def test_check_without_a_dataset_says_that_it_did_not_look(made, capsys):
    assert main(["study", "check", str(made / "protocol" / "study.toml")]) == 0
    assert "Cases were not looked for" in capsys.readouterr().out


def test_prepare_says_where_and_a_mistake_is_one_line(made, tmp_path, capsys, prepared):
    protocol, data = str(made / "protocol" / "study.toml"), str(made / "data")
    assert main(["study", "prepare", protocol, "--data", data, "--out", str(made / "study")]) == 0
    assert prepared.sha256[:12] in capsys.readouterr().out
    assert main(["study", "prepare", protocol, "--data", str(tmp_path), "--out", str(tmp_path / "new")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
