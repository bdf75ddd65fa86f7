"""A dataset is read whole, and each planted fault is found, said once, with a remedy."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest
from standin import LEFT, RIGHT, ball, cord, head

from llmseg.case import STRUCTURES, Structures, Volume
from llmseg.cli import main
from llmseg.datasets.checking import ERROR, WARNING, check_dataset
from llmseg.datasets.folder import write_case, write_manifest
from llmseg.formats.nifti import write_mask, write_volume

NOTE = "Carcinoma of the {} oropharynx, T2 N1. 70 Gy to the primary, both sides of the neck."
HEIGHTS = {"Brainstem": 30, "Esophagus": 8, "Larynx": 12, "Bone_Mandible": 24}


def contours(target: tuple[int, int, int]) -> dict[str, np.ndarray]:
    """All ten structures, each where it belongs; `x` runs to the patient's right."""
    masks = {"PTV_High": ball(target), "PTV_Mid": ball(target, 20.0), "PTV_Low": ball((36, 32, 20), 24.0)}
    masks |= {name: ball((36, 32, height), 9.0) for name, height in HEIGHTS.items()}
    return {**masks, "SpinalCord": cord(), "Parotid_L": ball((20, 32, 25), 8.0), "Parotid_R": ball((52, 32, 25), 8.0)}


def write_sound(root: Path) -> Path:
    """Three patients that nothing is wrong with."""
    entries = {}
    for number, (id, split) in enumerate((("one", "training"), ("two", "training"), ("three", "validation"))):
        volume = head()
        array = volume.array.copy()
        array[30:33, 30:33, 20] += 10.0 * (number + 1)  # nobody looks quite like another
        target, side = ((LEFT, "left"), (RIGHT, "right"))[number % 2]
        structures = Structures(contours(target), volume.affine)
        entry = write_case(root, id, Volume(array, volume.affine), structures, NOTE.format(side))
        entries.setdefault(split, []).append(entry)
    write_manifest(root, entries, "sound", "For tests.")
    return root


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    return write_sound(tmp_path_factory.mktemp("sound"))


@pytest.fixture
def dataset(sound, tmp_path) -> Path:
    """The same, to spoil."""
    return Path(shutil.copytree(sound, tmp_path / "dataset"))


def write(dataset: Path, name: str, mask: np.ndarray, id: str = "one", affine: np.ndarray | None = None) -> None:
    write_mask(dataset / "structures" / id / f"{name}.nii.gz", mask, head().affine if affine is None else affine)


def edit_manifest(dataset: Path, edit) -> None:
    path = dataset / "dataset.json"
    manifest = json.loads(path.read_text())
    edit(manifest)
    path.write_text(json.dumps(manifest))


def shifted() -> np.ndarray:
    affine = head().affine.copy()
    affine[0, 3] += 5
    return affine


def twin(dataset: Path, of: str, id: str) -> None:
    """The image of one case under another's name, packed anew: the bytes of the file differ, those of the image not."""
    image = nibabel.load(dataset / "images" / f"{of}.nii.gz")
    write_volume(dataset / "images" / f"{id}.nii.gz", Volume(np.asarray(image.dataobj), image.affine))


def paint(dataset: Path, hu: float, where: np.ndarray) -> None:
    volume = head()
    write_volume(dataset / "images" / "one.nii.gz", Volume(np.where(where, hu, volume.array), volume.affine))


def beyond(target: np.ndarray, slices: int) -> np.ndarray:
    """Every slice more than so many above or below a target."""
    z = np.flatnonzero(target.any(axis=(0, 1)))
    far = np.ones(target.shape, bool)
    far[:, :, max(0, z[0] - slices) : z[-1] + slices + 1] = False
    return far


def same_patient(manifest: dict) -> None:
    manifest["training"][0]["patient_id"] = manifest["validation"][0]["patient_id"] = "P1"


def drop(name: str):
    def dropped(dataset: Path) -> None:
        for id in ("one", "two"):
            (dataset / "structures" / id / f"{name}.nii.gz").unlink()

    return dropped


FAULTS = {
    "an image that is no NIfTI": (
        lambda d: (d / "images" / "one.nii.gz").write_bytes(b"no image"),
        ERROR,
        "one",
        "cannot be read as NIfTI",
    ),
    "an image that is not in HU": (
        lambda d: write_volume(d / "images" / "one.nii.gz", Volume(head().array + 1024, head().affine)),
        ERROR,
        "one",
        "does not look like HU",
    ),
    "a missing note": (lambda d: (d / "notes" / "one.txt").unlink(), ERROR, "one", "does not exist"),
    "a target of scraps": (
        lambda d: write(d, "PTV_Mid", ball((20, 20, 20), 7.0) | ball((50, 20, 20), 7.0) | ball((36, 44, 20), 7.0)),
        WARNING,
        "one",
        "PTV_Mid has no piece of 2 ml, only scraps that nobody contoured. Contour it again, or empty it",
    ),
    "an empty note": (lambda d: (d / "notes" / "one.txt").write_text(" \n"), WARNING, "one", "the note is empty"),
    "a note of another side": (
        lambda d: (d / "notes" / "one.txt").write_text(NOTE.format("right")),
        WARNING,
        "one",
        "says right, but PTV_High lies mostly on the left",
    ),
    "a mask on another grid": (
        lambda d: write(d, "Larynx", ball(LEFT), affine=shifted()),
        ERROR,
        "one",
        "Larynx lies on another grid",
    ),
    "a mask that is no NIfTI": (
        lambda d: (d / "structures" / "one" / "Larynx.nii.gz").write_bytes(b"no mask"),
        ERROR,
        "one",
        "Larynx.nii.gz cannot be read",
    ),
    "a mask of no known name": (
        lambda d: write(d, "Cord", cord()),
        WARNING,
        "one",
        "Cord.nii.gz is no known structure",
    ),
    "an empty organ": (
        lambda d: write(d, "Larynx", np.zeros(head().shape)),
        WARNING,
        "one",
        "Larynx is empty, which means absent",
    ),
    "an organ in the air": (
        lambda d: write(d, "Larynx", ball((3, 3, 20), 8.0)),
        ERROR,
        "one",
        "Larynx lies 100% outside the body",
    ),
    "a parotid of the other side": (
        lambda d: write(d, "Parotid_L", ball((52, 32, 25), 8.0)),
        ERROR,
        "one",
        "Parotid_L lies on the patient's right",
    ),
    "a cord on bone": (
        lambda d: paint(d, 600.0, cord()),
        ERROR,
        "one",
        "SpinalCord lies 100% on bone, beside its anatomy. Take the CT that was contoured.",
    ),
    "a scan cut at its targets": (
        lambda d: paint(d, -1000.0, beyond(contours(LEFT)["PTV_Low"], 1)),
        WARNING,
        "dataset",
        "ends within 10 mm of the targets in 1 of 3 cases (one): where it ends tells a network where they do.",
    ),
    "a target as large as the body": (
        lambda d: write(d, "PTV_Low", head().array > 0),
        ERROR,
        "one",
        "PTV_Low fills more than half of the body",
    ),
    "an organ far too large": (
        lambda d: write(d, "SpinalCord", ball((36, 32, 20), 45.0)),
        WARNING,
        "one",
        "SpinalCord has 3",
    ),
    "no contour at all": (
        lambda d: shutil.rmtree(d / "structures" / "three"),
        WARNING,
        "three",
        "nothing is contoured",
    ),
    "an id in two splits": (
        lambda d: edit_manifest(d, lambda m: m["validation"].append(m["training"][0])),
        ERROR,
        "one",
        "the same id 2 times, in training and validation",
    ),
    "a patient in two splits": (
        lambda d: edit_manifest(d, same_patient),
        ERROR,
        "one, three",
        "the same patient 2 times, in training and validation",
    ),
    "an image in two splits": (
        lambda d: twin(d, "one", "three"),
        ERROR,
        "one, three",
        "the same image 2 times, in training and validation",
    ),
    "an image twice in one split": (lambda d: twin(d, "one", "two"), WARNING, "one, two", "the same image 2 times"),
    "no validation": (
        lambda d: edit_manifest(d, lambda m: m.pop("validation")),
        WARNING,
        "dataset",
        "no validation case",
    ),
    "no training": (lambda d: edit_manifest(d, lambda m: m.pop("training")), ERROR, "dataset", "no case to train on"),
    "a structure that nobody can learn": (
        drop("Esophagus"),
        WARNING,
        "dataset",
        "Esophagus is contoured in no training case",
    ),
    "a broken entry": (
        lambda d: edit_manifest(d, lambda m: m["training"].append({"id": "four"})),
        ERROR,
        "four",
        'without "id", "image"',
    ),
}


def test_a_sound_dataset_has_nothing_wrong(sound):
    report = check_dataset(sound, workers=1)
    assert report.findings == ()
    assert report.cases == 3


@pytest.mark.parametrize("fault", FAULTS)
def test_each_planted_fault_is_found(dataset, fault):
    plant, severity, where, text = FAULTS[fault]
    plant(dataset)
    report = check_dataset(dataset, workers=1)
    found = [finding for finding in report.findings if text in finding.text]
    assert [(finding.severity, finding.where) for finding in found] == [(severity, where)], report.findings
    assert found[0].text.rstrip().endswith(".")


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 0, 2)], ids=["sagittal", "turned"])
def test_left_is_left_however_the_image_is_stored(dataset, order):
    for path in [*dataset.glob("images/*"), *dataset.glob("structures/*/*")]:
        image = nibabel.load(path)
        turned = np.asarray(image.dataobj).transpose(order)[:, ::-1]
        affine = image.affine[:, [*order, 3]].copy()
        affine[:, 3] += affine[:, 1] * (turned.shape[1] - 1)
        affine[:, 1] *= -1
        nibabel.save(nibabel.Nifti1Image(turned, affine), path)
    assert check_dataset(dataset, workers=1).findings == ()


def test_an_airway_is_part_of_the_patient(dataset):
    volume = head()
    array = volume.array.copy()
    array[ball((36, 32, 20), 10.0)] = -1000.0
    write_volume(dataset / "images" / "one.nii.gz", Volume(array, volume.affine))
    write(dataset, "Larynx", ball((36, 32, 20), 11.0))
    assert check_dataset(dataset, workers=1).findings == ()


def test_all_faults_of_a_dataset_are_listed_errors_first(dataset, capsys):
    for fault in ("an empty note", "a parotid of the other side", "no validation"):
        FAULTS[fault][0](dataset)
    (dataset / "images" / "two.nii.gz").write_bytes(b"no image")
    assert main(["data", "check", str(dataset)]) == 2
    printed, complaint = capsys.readouterr()
    assert [line.split()[0] for line in printed.splitlines()] == ["error"] * 2 + ["warning"] * 2 + ["2"]
    assert "has 2 errors" in complaint.splitlines()[-1]


def test_warnings_alone_are_no_failure(dataset, capsys):
    FAULTS["an empty note"][0](dataset)
    assert main(["data", "check", str(dataset)]) == 0
    assert "3 cases, 0 errors, 1 warnings" in capsys.readouterr().out


def test_no_dataset_is_said_in_one_line(tmp_path, capsys):
    assert main(["data", "check", str(tmp_path)]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_the_sound_dataset_has_every_structure():
    assert set(contours(LEFT)) == set(STRUCTURES)
