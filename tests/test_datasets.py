"""A dataset folder is read whole or refused with one line that names what is wrong."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from llmseg.case import InputError, Structures, Volume
from llmseg.datasets.folder import read_dataset, write_case, write_manifest, write_phantoms
from llmseg.datasets.phantom import make_phantom
from llmseg.text.facts import Facts
from llmseg.text.wording import write_note

FACTS = Facts("larynx", "left", "bilateral")
COARSE_MM = (6.0, 6.0, 6.0)
AFFINE = np.diag([2.0, 3.0, 4.0, 1.0])


def volume() -> Volume:
    return Volume(np.arange(4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6) - 50, AFFINE)


def structures() -> Structures:
    mask = np.zeros((4, 5, 6), bool)
    mask[1:3, 2, 2:5] = True
    return Structures({"PTV_High": mask, "Larynx": np.zeros_like(mask)}, AFFINE)


@pytest.fixture
def folder(tmp_path) -> Path:
    """One training patient with contours and facts, one for test with neither."""
    first = {**write_case(tmp_path, "pt_1", volume(), structures(), "Left larynx."), "facts": FACTS.to_json()}
    second = write_case(tmp_path, "pt_2", volume(), None, "No contours yet.")
    write_manifest(tmp_path, {"training": [first], "test": [second]}, "two", "Two patients.")
    return tmp_path


def manifest(folder: Path) -> dict:
    return json.loads((folder / "dataset.json").read_text())


def change(folder: Path, **entries) -> None:
    (folder / "dataset.json").write_text(json.dumps({**manifest(folder), **entries}))


def test_what_was_written_is_read_back(folder):
    dataset = read_dataset(folder)
    (case,) = dataset.split("training")
    assert (dataset.name, dataset.description) == ("two", "Two patients.")
    assert (case.id, case.split, case.note.text.strip(), case.facts) == ("pt_1", "training", "Left larynx.", FACTS)
    np.testing.assert_array_equal(case.volume.array, volume().array)
    np.testing.assert_allclose(case.volume.affine, AFFINE)
    assert set(case.structures) == {"PTV_High", "Larynx"}
    np.testing.assert_array_equal(case.structures["PTV_High"], structures()["PTV_High"])


def test_the_manifest_file_stands_for_its_folder(folder):
    assert read_dataset(folder / "dataset.json").root == folder


def test_a_case_without_contours_has_none(folder):
    (case,) = read_dataset(folder).split("test")
    assert case.structures is None
    assert case.facts is None


def test_splits_keep_the_manifests_order_and_may_be_empty(folder):
    dataset = read_dataset(folder)
    assert [case.id for case in dataset.cases] == ["pt_1", "pt_2"]
    assert dataset.split("validation") == ()


def test_the_hash_is_that_of_the_manifest(folder):
    expected = hashlib.sha256((folder / "dataset.json").read_bytes()).hexdigest()
    assert read_dataset(folder).manifest_hash == expected


def test_cases_travel_to_other_processes(folder):
    case = pickle.loads(pickle.dumps(read_dataset(folder).cases[0]))
    np.testing.assert_array_equal(case.volume.array, volume().array)
    assert set(case.structures) == {"PTV_High", "Larynx"}


def test_images_load_late(folder):
    dataset = read_dataset(folder)
    (folder / "images" / "pt_1.nii.gz").write_bytes(b"not an image")
    with pytest.raises(InputError, match=r"pt_1\.nii\.gz"):
        _ = dataset.cases[0].volume


def test_labels_name_the_structures_to_read(folder):
    change(folder, labels={"0": "background", "1": "Larynx"})
    assert set(read_dataset(folder).cases[0].structures) == {"Larynx"}


def test_an_unknown_split_is_refused(folder):
    with pytest.raises(InputError, match="'train' is not a split"):
        read_dataset(folder).split("train")
    with pytest.raises(InputError, match="holdout is not a split"):
        write_manifest(folder, {"holdout": []}, "two", "")


@pytest.mark.parametrize("missing", ["images/pt_2.nii.gz", "notes/pt_1.txt", "dataset.json"])
def test_a_missing_file_is_named(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(InputError, match=missing):
        read_dataset(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"training": {}}', '{"training": [], "test": []}', "\xff"])
def test_a_broken_manifest_is_named(folder, content):
    (folder / "dataset.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match=r"dataset\.json"):
        read_dataset(folder)


def test_an_id_used_twice_is_named(folder):
    change(folder, validation=manifest(folder)["training"])
    with pytest.raises(InputError, match="'pt_1' twice"):
        read_dataset(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", "../pt_1"),
        ("id", 7),
        ("image", None),
        ("image", "/etc/hostname"),
        ("note", "../secret.txt"),
        ("structures", "../elsewhere"),
        ("facts", {"site": "knee", "side": "left", "neck": "left", "dose_gy": [70]}),
        ("facts", {"site": "larynx"}),
        ("facts", "larynx"),
    ],
)
def test_an_unusable_entry_is_refused_in_one_line(folder, key, value):
    entry = manifest(folder)["training"][0]
    change(folder, training=[{**entry, key: value}])
    with pytest.raises(InputError) as caught:
        read_dataset(folder)
    assert "\n" not in str(caught.value)


def test_a_note_that_is_not_text_is_named(folder):
    (folder / "notes" / "pt_2.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"pt_2\.txt"):
        read_dataset(folder)


def test_an_id_that_is_no_file_name_is_not_written(tmp_path):
    with pytest.raises(InputError, match="cannot name a file"):
        write_case(tmp_path, "../pt_1", volume(), None, "")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_manifest(folder, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    before = sorted(path.name for path in folder.iterdir()), (folder / "dataset.json").read_bytes()
    monkeypatch.setattr("os.replace", full)
    with pytest.raises(InputError, match="No space left"):
        write_manifest(folder, {}, "two", "")
    assert (sorted(path.name for path in folder.iterdir()), (folder / "dataset.json").read_bytes()) == before


def test_another_dataset_is_never_overwritten(folder):
    with pytest.raises(InputError, match="already holds the dataset 'two'"):
        write_phantoms(folder, 1, 900_003)
    assert len(read_dataset(folder).cases) == 2


def test_phantoms_fill_a_folder_with_their_true_facts(tmp_path):
    seen = []
    write_phantoms(
        tmp_path,
        2,
        900_003,
        spacing_mm=COARSE_MM,
        workers=1,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    cases = read_dataset(tmp_path).split("test")
    assert [case.id for case in cases] == ["phantom_0900003", "phantom_0900004"]
    assert seen == [(1, 2), (2, 2)]
    phantom = make_phantom(900_003, spacing_mm=COARSE_MM)
    assert cases[0].facts == phantom.facts
    assert cases[0].note.text.strip() == write_note(phantom.facts, split="test", seed="phantom_0900003").strip()
    np.testing.assert_array_equal(cases[0].volume.array, phantom.volume.array)
    np.testing.assert_array_equal(cases[0].structures["PTV_High"], phantom.structures["PTV_High"])


def test_teaching_phantoms_can_be_made_for_training(tmp_path):
    write_phantoms(tmp_path, 1, 7, teaching=True, split="training", spacing_mm=COARSE_MM, workers=1)
    (case,) = read_dataset(tmp_path).split("training")
    assert case.id == "teaching_0000007"


@pytest.mark.parametrize(("count", "seed", "split"), [(0, 1, "test"), (1, -1, "test"), (1, 1, "holdout")])
def test_phantoms_that_cannot_be_made_leave_no_manifest(tmp_path, count, seed, split):
    with pytest.raises(InputError):
        write_phantoms(tmp_path, count, seed, split=split, workers=1)
    assert not (tmp_path / "dataset.json").exists()
