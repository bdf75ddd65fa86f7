"""A clinic's scans, contours and notes become a dataset folder that says nobody's name."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from clinic import Scanner, ball, in_ball, write_ct, write_structure_set
from tiny import body

from llmseg.case import STRUCTURES, InputError
from llmseg.cli import main
from llmseg.datasets.folder import read_dataset
from llmseg.datasets.importing import import_patients, split_of
from llmseg.datasets.notes import read_notes
from llmseg.datasets.sources import find_scans
from llmseg.datasets.tg263 import PACKAGED, read_names
from llmseg.formats.nifti import write_mask, write_volume
from llmseg.metrics import dice

TARGET, CORD = ((30.0, 0.0, -65.0), 20.0), ((0.0, 30.0, -65.0), 12.0)
NOTE = "Carcinoma of the left oropharynx, 70 Gy, both sides of the neck; seen by Dr. Jane Doe."


def contours(**names: tuple) -> dict:
    return {name.replace("__", " "): ball(Scanner(), *shape) for name, shape in names.items()}


def write_patient(folder: Path, patient: str, seed: int = 0, left_out=(), **names: tuple) -> pydicom.Dataset:
    shutil.rmtree(folder, ignore_errors=True)
    ct = write_ct(folder / "a", patient=patient, seed=seed, left_out=left_out)
    write_structure_set(folder / "b", ct, contours(**(names or {"PTV__70": TARGET, "Spinal__Cord": CORD})))
    return ct


def write_notes(folder: Path, *rows: tuple, header: str = "id,note") -> None:
    lines = [header, *(",".join(f'"{cell}"' for cell in row) for row in rows)]
    (folder / "notes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def hospital(tmp_path_factory) -> Path:
    """Two patients, one of them scanned twice, all in folders that say nothing."""
    src = tmp_path_factory.mktemp("hospital")
    write_patient(src / "x1", "MRN-0001", seed=1)
    first, second = write_patient(src / "x2", "MRN-0002", seed=2), write_patient(src / "x3", "MRN-0002", seed=3)
    write_notes(
        src, ("MRN-0001", NOTE), (first.SeriesInstanceUID, "Left larynx."), (second.SeriesInstanceUID, "Again.")
    )
    return src


@pytest.fixture
def own_hospital(hospital, tmp_path) -> Path:
    """The same, to change."""
    return Path(shutil.copytree(hospital, tmp_path / "hospital"))


@pytest.fixture(scope="module")
def imported(hospital, tmp_path_factory) -> Path:
    dest = tmp_path_factory.mktemp("imported") / "dataset"
    import_patients(hospital, dest, workers=1)
    return dest


def test_scans_contours_and_notes_arrive_together(imported):
    cases = read_dataset(imported).cases
    assert len(cases) == 3
    case = next(case for case in cases if case.note.text.startswith("Carcinoma"))
    assert case.note.text.strip() == NOTE
    assert set(case.structures) == {"PTV_High", "SpinalCord"}
    assert dice(in_ball(Scanner(), *TARGET), case.structures["PTV_High"]) >= 0.98
    np.testing.assert_allclose(case.structures.affine, case.volume.affine, atol=1e-4)


def test_scans_of_one_patient_share_a_split_and_an_identity(imported):
    cases = read_dataset(imported).cases
    twice = [case for case in cases if "Carcinoma" not in case.note.text]
    assert len({case.patient_id for case in twice}) == len({case.split for case in twice}) == 1
    assert len({case.id for case in cases}) == 3
    assert len({case.patient_id for case in cases}) == 2


def test_no_identity_leaves_the_header(imported, hospital):
    uids = {str(pydicom.dcmread(path).SeriesInstanceUID) for path in hospital.rglob("file*")}
    for path in imported.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        if path.suffix == ".gz":
            content = gzip.decompress(content)[:2000]
        for identity in ("MRN-000", "Doe^", "1950", *uids):
            assert identity.encode() not in content, path
            assert identity not in path.name


def test_ids_need_the_salt_to_be_made_again(hospital, imported, tmp_path):
    salt = imported.with_name("dataset.salt")
    assert salt.stat().st_mode & 0o077 == 0
    ids = {case.id for case in read_dataset(imported).cases}
    import_patients(hospital, tmp_path / "same", salt=salt, workers=1)
    import_patients(hospital, tmp_path / "other", workers=1)
    assert {case.id for case in read_dataset(tmp_path / "same").cases} == ids
    assert not {case.id for case in read_dataset(tmp_path / "other").cases} & ids


def test_a_lost_salt_does_not_bring_everybody_in_twice(own_hospital, tmp_path):
    import_patients(own_hospital, tmp_path / "dataset", workers=1)
    (tmp_path / "dataset.salt").unlink()
    with pytest.raises(InputError, match="Restore it"):
        import_patients(own_hospital, tmp_path / "dataset", workers=1)


def test_a_second_call_continues_and_redoes_only_what_changed(own_hospital, tmp_path):
    dest = tmp_path / "dataset"
    first = import_patients(own_hospital, dest, workers=1)
    assert (len(first.imported), len(first.kept)) == (3, 0)
    again = import_patients(own_hospital, dest, workers=1)
    assert (len(again.imported), len(again.kept)) == (0, 3)
    write_patient(own_hospital / "x4", "MRN-0004", seed=4)
    notes = own_hospital / "notes.csv"
    notes.write_text(notes.read_text().replace("Again.", "Right larynx.") + "MRN-0004,New.\n")
    third = import_patients(own_hospital, dest, workers=1)
    assert (len(third.imported), len(third.kept)) == (2, 2)
    assert {case.note.text.strip() for case in read_dataset(dest).cases} >= {"Right larynx.", "New."}


def test_another_table_leaves_no_old_mask_behind(own_hospital, tmp_path):
    dest, table = tmp_path / "dataset", tmp_path / "my.toml"
    import_patients(own_hospital, dest, workers=1)
    table.write_text('[Brainstem]\nnames = ["Spinal Cord"]\n')
    report = import_patients(own_hospital, dest, names=table, workers=1)
    assert all(set(case.structures) == {"Brainstem"} for case in read_dataset(dest).cases)
    assert report.unmapped == {"PTV 70": 3}


def test_who_is_taken_out_of_the_notes_is_no_longer_listed(own_hospital, tmp_path):
    import_patients(own_hospital, tmp_path / "dataset", workers=1)
    write_notes(own_hospital, ("MRN-0001", NOTE))
    report = import_patients(own_hospital, tmp_path / "dataset", workers=1)
    assert len(read_dataset(tmp_path / "dataset").cases) == 1
    assert all("no row" in reason for reason in report.skipped.values())


def test_an_absent_target_is_unknown_unless_the_user_says_otherwise(own_hospital, tmp_path):
    import_patients(own_hospital, tmp_path / "unknown", workers=1)
    import_patients(own_hospital, tmp_path / "empty", absent_targets="empty", workers=1)
    (unknown, *_), (empty, *_) = (read_dataset(tmp_path / name).cases for name in ("unknown", "empty"))
    assert set(unknown.structures) == {"PTV_High", "SpinalCord"}
    assert set(empty.structures) == {"PTV_High", "PTV_Mid", "PTV_Low", "SpinalCord"}
    assert not empty.structures["PTV_Mid"].any()
    assert empty.structures["PTV_High"].any()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda src: (src / "x1" / "b").unlink(), "no structure set refers to it"),
        (lambda src: shutil.rmtree(src / "x1" / "a"), "the CT it was drawn on is not here"),
        (lambda src: slice_at(src / "x1" / "a", -100.0).unlink(), "24 slices were contoured, 23 are here"),
        (lambda src: write_patient(src / "x1", "MRN-0001", left_out=(9,)), "not evenly spaced"),
        (lambda src: rewrite(src / "x1" / "b", PatientID="MRN-0009"), "bears another PatientID"),
        (lambda src: shutil.copy(src / "x1" / "b", src / "x1" / "c"), "2 structure sets were drawn on it"),
        (lambda src: rename(src / "x1" / "b", "PTV 70", "Cord"), "'Cord' and 'Spinal Cord' both mean SpinalCord"),
        (lambda src: rename(src / "x1" / "b", "PTV 70", "Target", "Spinal Cord", "Thing"), "none of its structures"),
    ],
)
def test_a_patient_that_cannot_be_used_is_skipped_with_the_reason(own_hospital, tmp_path, spoil, reason):
    spoil(own_hospital)
    report = import_patients(own_hospital, tmp_path / "dataset", workers=1)
    assert len(report.imported) == 2
    assert any(reason in why for why in report.skipped.values()), report.skipped


def slice_at(folder: Path, height_mm: float) -> Path:
    return next(p for p in folder.iterdir() if pydicom.dcmread(p).ImagePositionPatient[2] == height_mm)


def rewrite(path: Path, **values: str) -> None:
    header = pydicom.dcmread(path)
    for keyword, value in values.items():
        setattr(header, keyword, value)
    header.save_as(path)


def rename(path: Path, *names: str) -> None:
    header = pydicom.dcmread(path)
    for roi in header.StructureSetROISequence:
        roi.ROIName = dict(zip(names[::2], names[1::2], strict=True)).get(roi.ROIName, roi.ROIName)
    header.save_as(path)


def test_of_several_structure_sets_the_approved_one_counts(tmp_path):
    ct = write_ct(tmp_path / "a")
    write_structure_set(tmp_path / "b", ct, contours(Cord=CORD))
    write_structure_set(tmp_path / "c", ct, contours(Larynx=CORD), approved=True)
    (scan,) = find_scans(tmp_path)
    assert scan.read().names == ("Larynx",)


def test_a_structure_outside_the_scan_was_not_contoured(tmp_path):
    ct = write_ct(tmp_path / "src" / "a")
    rings = contours(PTV70=TARGET, Cord=CORD)
    rings["Cord"] = [ring + np.array([0, 0, 900]) for ring in rings["Cord"]]
    write_structure_set(tmp_path / "src" / "b", ct, rings)
    write_notes(tmp_path / "src", ("MRN-0001", NOTE))
    report = import_patients(tmp_path / "src", tmp_path / "dataset", workers=1)
    assert set(read_dataset(tmp_path / "dataset").cases[0].structures) == {"PTV_High"}
    assert "SpinalCord ('Cord') has no voxel inside the CT" in report.doubts[0]


def test_one_note_for_two_scans_of_a_patient_is_not_guessed(own_hospital, tmp_path):
    write_notes(own_hospital, ("MRN-0001", NOTE), ("MRN-0002", "Which scan?"))
    report = import_patients(own_hospital, tmp_path / "dataset", workers=1)
    assert len(report.imported) == 1
    assert all("under its SeriesInstanceUID" in reason for reason in report.skipped.values())


def write_nifti(src: Path, layout: str, ids: tuple[str, ...] = ("one", "two")) -> None:
    volume = body()
    high, cord = volume.array > 500, np.zeros(volume.shape, bool)
    cord[14:16, 5:8, 5:20] = True
    for id in ids:
        flat = layout.startswith("images")
        write_volume(src / "images" / f"{id}.nii.gz" if flat else src / id / "ct.nii.gz", volume)
        if layout.endswith("labels"):
            write_labels(src / "labels" / f"{id}.nii.gz" if flat else src / id / "labels.nii.gz", high + 2 * cord)
            (src / "labels.json").write_text('{"background": 0, "PTV 70": 1, "2": "Cord", "Larynx": 3}')
        else:
            for name, mask in (("PTV 70", high), ("Cord", cord)):
                folder = src / "structures" / id if flat else src / id
                write_mask(folder / f"{name}.nii.gz", mask, volume.affine)
    write_notes(src, *((id, NOTE) for id in ids))


def write_labels(path: Path, labels: np.ndarray) -> None:
    write_mask(path, labels, body().affine)


@pytest.mark.parametrize("layout", ["images masks", "images labels", "folders masks", "folders labels"])
def test_each_nifti_layout_arrives_voxel_for_voxel(tmp_path, layout):
    write_nifti(tmp_path / "src", layout)
    import_patients(tmp_path / "src", tmp_path / "dataset", workers=1)
    cases = read_dataset(tmp_path / "dataset").cases
    assert sorted(case.id for case in cases) == ["one", "two"]
    for case in cases:
        np.testing.assert_array_equal(case.volume.array, np.round(body().array))
        assert set(case.structures) == {"PTV_High", "SpinalCord"}  # nobody drew a larynx: unknown
        np.testing.assert_array_equal(case.structures["PTV_High"], body().array > 500)
    assert not list(tmp_path.glob("*.salt"))


def test_a_mask_on_another_grid_is_skipped(tmp_path):
    write_nifti(tmp_path / "src", "folders masks")
    shifted = body().affine.copy()
    shifted[0, 3] += 2
    write_mask(tmp_path / "src" / "one" / "Cord.nii.gz", np.ones(body().shape), shifted)
    report = import_patients(tmp_path / "src", tmp_path / "dataset", workers=1)
    assert "'Cord' lies on another grid" in report.skipped["one/ct.nii.gz"]
    assert list(report.imported) == ["two"]


def test_notes_decide_split_patient_and_id(tmp_path):
    write_nifti(tmp_path / "src", "images masks", ("one", "two", "three"))
    rows = (("one", "", "test", "P1", "first"), ("two", "", "", "P1", ""), ("three", "", "validation", "", ""))
    write_notes(tmp_path / "src", *rows, header="id,note,split,patient,dataset_id")
    import_patients(tmp_path / "src", tmp_path / "dataset", workers=1)
    assert {c.id: c.split for c in read_dataset(tmp_path / "dataset").cases} == {
        "first": "test",
        "two": "test",
        "three": "validation",
    }


def test_a_patient_named_for_two_splits_is_refused(tmp_path):
    write_nifti(tmp_path / "src", "images masks")
    write_notes(
        tmp_path / "src", ("one", "", "test", "P"), ("two", "", "training", "P"), header="id,note,split,patient"
    )
    with pytest.raises(InputError, match="Keep each patient in one split"):
        import_patients(tmp_path / "src", tmp_path / "dataset", workers=1)


def test_splits_have_the_shares_asked_for_and_stay_when_patients_join():
    ids = [f"pt_{i}" for i in range(4000)]
    splits = [split_of(id, 0.2, 0.1) for id in ids]
    assert abs(splits.count("validation") / 4000 - 0.2) < 0.03
    assert abs(splits.count("test") / 4000 - 0.1) < 0.03
    assert [split_of(id, 0.2, 0.1) for id in ids[::2]] == splits[::2]
    assert split_of("pt_1", 0, 0) == "training"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "no column 'id'"),
        (b"id,text\none,x\n", "no column 'note'"),
        (b"id,note,age\none,x,3\n", "a column 'age'"),
        (b"id,note\n", "no row"),
        (b"id,note\none,a\none,b\n", "two rows for 'one'"),
        (b"id,note\n,a\n", "the id is empty"),
        (b"id,note\none,left, 70 Gy\n", "more or fewer cells"),
        (b"id,note,split\none,a,train\n", "'train' is not a split"),
        (b"id,note\none,\xe4\n", "not UTF-8"),
        (b"id,note,dataset_id\none,a,x\ntwo,b,x\n", "dataset_id 'x' twice"),
        (b"id,note,dataset_id\none,a,../x\n", "cannot name a file"),
    ],
)
def test_a_faulty_notes_file_is_refused(tmp_path, content, complaint):
    (tmp_path / "notes.csv").write_bytes(content)
    with pytest.raises(InputError, match=complaint):
        read_notes(tmp_path / "notes.csv")


def test_notes_may_have_breaks_semicolons_and_a_byte_order_mark(tmp_path):
    (tmp_path / "notes.csv").write_text('id;note\none;"Left tonsil; T2.\n\nPlan: 70 Gy."\n', encoding="utf-8-sig")
    assert read_notes(tmp_path / "notes.csv")["one"].note == "Left tonsil; T2.\n\nPlan: 70 Gy."


@pytest.mark.parametrize(
    ("name", "structure"),
    [
        ("Lt Parotid", "Parotid_L"),
        ("parotid_left", "Parotid_L"),
        ("PAROTID-R", "Parotid_R"),
        ("PTV 70", "PTV_High"),
        ("PTV7000", "PTV_High"),
        ("PTV_69.96Gy", "PTV_High"),
        ("PTV_6300cGy", "PTV_Mid"),
        ("ptv 59.4", "PTV_Mid"),
        ("PTV56", "PTV_Low"),
        ("PTV_50.4", "PTV_Low"),
        ("Cord", "SpinalCord"),
        ("Spinal Cord", "SpinalCord"),
        ("Mandible", "Bone_Mandible"),
        ("Oesophagus", "Esophagus"),
        ("SpinalCord_PRV05", None),
        ("PTV70-eval", None),
        ("PTV1", None),
        ("Parotids", None),
        ("CTV70", None),
    ],
)
def test_names_of_plans_are_known(name, structure):
    assert read_names().structure(name) == structure


@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_tg263_name_means_itself(structure):
    assert read_names().structure(structure) == structure


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[Parotid]\n", "names 'Parotid', which is none of"),
        ('[Larynx]\nname = ["x"]\n', "may hold"),
        ('[Larynx]\nnames = "x"\n', "where a list of names"),
        ('[Larynx]\nnames = ["Cord"]\n[SpinalCord]\nnames = ["cord"]\n', "gives 'cord' to Larynx and to SpinalCord"),
        ('[Larynx]\npatterns = ["("]\n', "no regular expression"),
        ('absent_targets = "none"\n', "cannot mean 'none'"),
        ("[Larynx\n", "not valid TOML"),
    ],
)
def test_a_faulty_table_of_names_is_refused(tmp_path, content, complaint):
    (tmp_path / "my.toml").write_text(content)
    with pytest.raises(InputError, match=complaint):
        read_names(tmp_path / "my.toml")


def test_a_name_that_two_patterns_match_is_refused(tmp_path):
    (tmp_path / "my.toml").write_text('[Larynx]\npatterns = ["l.*"]\n[Brainstem]\npatterns = [".*x"]\n')
    table = read_names(tmp_path / "my.toml")
    with pytest.raises(InputError, match="'Lynx' matches the patterns of Larynx and Brainstem"):
        table.structure("Lynx")


def test_the_packaged_table_can_be_copied_and_used(tmp_path):
    shutil.copy(PACKAGED, tmp_path / "my.toml")
    assert read_names(tmp_path / "my.toml").names == read_names().names


def test_the_command_line_says_what_became_of_whom(own_hospital, tmp_path, capsys):
    (own_hospital / "x1" / "b").unlink()
    write_patient(own_hospital / "x5", "MRN-0005", PTV70=TARGET, Odd__thing=CORD)
    notes = own_hospital / "notes.csv"
    notes.write_text(notes.read_text() + 'MRN-0005,""\nMRN-0006,Nobody.\n')
    assert main(["data", "import", str(own_hospital), str(tmp_path / "dataset")]) == 0
    printed = capsys.readouterr().out
    assert "skipped x1/a/file000: no structure set" in printed
    assert "name not in the table: 'Odd thing' (1 plan)" in printed
    assert "a row for 'MRN-0006', but no scan" in printed
    assert "3 imported, 0 already there, 1 skipped" in printed
    assert json.loads((tmp_path / "dataset" / "dataset.json").read_text())["name"] == "own data"


def test_nothing_to_import_is_said_in_one_line(tmp_path, capsys):
    write_notes(tmp_path, ("one", NOTE))
    assert main(["data", "import", str(tmp_path), str(tmp_path / "dataset")]) == 2
    assert "holds no scan" in capsys.readouterr().err
    assert not (tmp_path / "dataset").exists()
