"""What is sent in is opened or refused; what is taken home is what was on show, marked as research, and forgotten."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from clinic import Scanner, write_ct
from hypothesis import given
from hypothesis import strategies as st
from pressing import pressed_run
from standin import LEFT, RIGHT, ball, head

from llmseg.case import RESEARCH_ONLY, InputError, Volume
from llmseg.formats.nifti import read_labels, read_mask, write_mask, write_volume
from llmseg.formats.rtstruct import draw, read_contours
from llmseg.metrics import dice
from llmseg.ui.downloads import FORMULA, KINDS, plain, unpack
from llmseg.ui.session import Session
from llmseg.ui.viewer import Frame, pack_masks, to_data
from llmseg.ui.workbench import Workbench

SCANNER = Scanner()
NOTE = "Mr. John Miller: oropharynx, left. Both sides of the neck, 70 Gy."


def after_run(bench: Workbench, session: Session, note: str = NOTE) -> Session:
    session, _ = pressed_run(bench, session, note)
    return session


def zipped(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            archive.write(file, file.relative_to(folder).as_posix())
    return path


def unzipped(path: str, folder: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def sent_dicom(tmp_path) -> Path:
    write_ct(tmp_path / "ct" / "deep", SCANNER)
    (tmp_path / "ct" / "README").write_text("exported")
    return zipped(tmp_path / "Doe Jane.zip", tmp_path / "ct")


# ---- sent in ----


def test_a_zipped_dicom_series_is_opened_and_contoured(bench, sent_dicom):
    session = bench.upload(Session.start(), str(sent_dicom))
    assert session.shown.label == "Doe Jane.zip"
    assert session.shown.shape == SCANNER.shape
    assert after_run(bench, session).results["text"].measured.ml["PTV_High"] > 0


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("scan.dcm", b"DICM", "none of .nii, .nii.gz and .zip"),
        ("scan.zip", b"nothing", "not a whole zip archive"),
        ("scan.nii", b"nothing", "cannot be read as NIfTI"),
    ],
)
def test_what_is_neither_is_refused_and_the_open_case_stays(bench, tmp_path, name, content, said):
    session = bench.choose(Session.start(), "0/one")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"^{name} .*{said}") as refused:
        bench.upload(session, str(tmp_path / name))
    assert str(tmp_path) not in str(refused.value)
    assert bench.entry(session).key == "0/one"


def test_an_archive_without_a_ct_says_what_to_send(bench, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "holiday.jpg").write_bytes(b"jpg")
    with pytest.raises(InputError, match=r"holiday\.zip cannot be opened\. There is no CT series"):
        bench.upload(Session.start(), str(zipped(tmp_path / "holiday.zip", tmp_path / "in")))
    write_volume(tmp_path / "in" / "ct.nii.gz", head())
    with pytest.raises(InputError, match="Send the CT itself, unzipped"):
        bench.upload(Session.start(), str(zipped(tmp_path / "nifti.zip", tmp_path / "in")))


def test_a_mask_sent_as_a_ct_is_refused(bench, tmp_path):
    write_mask(tmp_path / "target.nii.gz", ball(LEFT), head().affine)
    with pytest.raises(InputError, match=r"target\.nii\.gz cannot be contoured\. It holds only 2 different values"):
        bench.upload(Session.start(), str(tmp_path / "target.nii.gz"))


def test_what_is_odd_about_a_ct_is_known_before_it_is_run(bench, tmp_path):
    affine = head().affine.copy()
    affine[2, 2] = 6
    write_volume(tmp_path / "thick.nii.gz", Volume(head().array, affine))
    session = bench.upload(Session.start(), str(tmp_path / "thick.nii.gz"))
    assert any("6.0 mm apart" in line for line in session.shown.oddities)
    assert bench.choose(Session.start(), "0/one").shown.oddities == ()


# ---- taken home ----


@given(st.integers(0, 2**32 - 1), st.floats(0.001, 0.9))
def test_packed_masks_come_back_on_the_cts_own_grid(tmp_path_factory, seed, share):
    mask = np.random.default_rng(seed).random((7, 9, 5)) < share
    frame = Frame(np.array([[1, -1], [0, 1], [2, -1]]), (slice(0, 9), slice(0, 7), slice(0, 5)), np.eye(4), np.eye(4))
    packed = pack_masks({"Larynx": mask, "PTV_Low": mask & False}, frame, tmp_path_factory.mktemp("packed"))
    found = unpack(packed, frame, mask.shape)
    np.testing.assert_array_equal(found.get("Larynx", mask & False), mask)
    assert "PTV_Low" not in found


def test_masks_lie_where_they_were_drawn_and_the_map_agrees_with_its_table(bench, tmp_path):
    session = after_run(bench, bench.choose(Session.start(), "0/one"))
    folder = unzipped(bench.download(session, "masks"), tmp_path / "out")
    mask, affine = read_mask(folder / "text" / "PTV_High.nii.gz")
    np.testing.assert_array_equal(mask, ball(LEFT))
    np.testing.assert_allclose(affine, head().affine)
    numbers = {row["structure"]: int(row["label"]) for row in _rows(folder / "labels.csv")}
    labels, _ = read_labels(folder / "labels-no-text.nii.gz")
    np.testing.assert_array_equal(labels == numbers["PTV_High"], ball((36, 32, 20)))


def test_the_table_has_every_structure_and_arm_with_its_numbers(bench):
    session = after_run(bench, bench.choose(Session.start(), "0/one"))
    rows = _rows(Path(bench.download(session, "table")))
    found = {(row["structure"], row["arm"]): row for row in rows}
    assert float(found["PTV_High", "with the note"]["dsc"]) == 1.0
    assert float(found["PTV_High", "without the note"]["dsc"]) < 0.5
    assert found["SpinalCord", "with the note"]["volume_ml"] == ""
    assert float(found["SpinalCord", "reference"]["volume_ml"]) > 1
    assert {row["use"] for row in rows} == {RESEARCH_ONLY}


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))


@pytest.mark.parametrize("text", ['=HYPERLINK("x")', "+1", "-1", "@x", "\tx", "\rx"])
def test_no_cell_of_words_is_a_formula(bench, text):
    assert not plain(text).startswith(FORMULA)
    session = after_run(bench, bench.choose(Session.start(), "0/one"))
    *_, compared, _ = bench.compare(session, NOTE, "phrase 1", text, "right")
    rows = _rows(Path(bench.download(compared, "table")))
    assert not any(cell.startswith(FORMULA) for row in rows for cell in row.values())


def test_a_number_stays_a_number():
    assert plain(-1.5) == -1.5
    assert plain("PTV_High") == "PTV_High"


def test_the_report_shows_pictures_numbers_and_the_note_without_the_name(bench):
    session = after_run(bench, bench.choose(Session.start(), "0/one"))
    page = Path(bench.download(session, "report")).read_text("utf-8")
    assert "Miller" not in page
    assert "[NAME]: oropharynx, left" in page
    assert RESEARCH_ONLY in page
    assert ">1.00<" in page
    assert re.findall(r'src="(data:image/png;base64,)', page)
    assert not re.findall(r'(?:src|href)="(?!data:)', page)


def test_the_report_is_text_and_not_markup(bench):
    session = after_run(bench, bench.choose(Session.start(), "0/one"), "<script>x</script> left tonsil")
    session = replace(session, shown=replace(session.shown, oddities=("<b>odd</b>",)))
    page = Path(bench.download(session, "report")).read_text("utf-8")
    assert "<script>" not in page
    assert "<b>odd" not in page


def test_an_rtstruct_of_a_dicom_ct_holds_the_contours_on_show(bench, sent_dicom):
    session = after_run(bench, bench.upload(Session.start(), str(sent_dicom)))
    path = bench.download(session, "rtstruct")
    volume = bench.entry(session).load_volume()
    drawn = draw(read_contours(path)["PTV_High"], volume)
    assert dice(volume.array > 100, drawn) == 1.0
    plan = pydicom.dcmread(path)
    assert (plan.PatientID, plan.StructureSetLabel) == ("MRN-0001", "RESEARCH ONLY")


def test_an_rtstruct_of_a_ct_without_dicom_says_what_it_needs(bench):
    session = bench.choose(Session.start(), "0/one")
    with pytest.raises(InputError, match="Upload the DICOM series"):
        bench.download(session, "rtstruct")
    assert not list(bench.workspace.root.rglob("downloads/*"))


def test_nothing_can_be_downloaded_before_a_run(bench):
    for session in (Session.start(), bench.choose(Session.start(), "0/two")):
        with pytest.raises(InputError, match=r"Press Run first|No case is open"):
            bench.download(session, "masks")


def test_a_saved_session_opens_again_with_the_same_contours_numbers_and_note(bench):
    session = after_run(bench, bench.choose(Session.start(), "0/one"))
    *_, compared, _ = bench.compare(session, NOTE, "wrong side", "Wrong side", "right")
    again = bench.upload(Session.start(), bench.download(compared, "session"))
    assert bench.entry(again).note == "Mr. [NAME]: oropharynx, left. Both sides of the neck, 70 Gy."
    assert again.compared.title == "Wrong side"
    assert set(again.results) == {"text", "no-text"}
    for arm, result in again.results.items():
        assert result.measured == compared.results[arm].measured
        _same_masks(result, compared.results[arm], again, compared)
    _same_masks(again.compared.result, compared.compared.result, again, compared)
    scene, before = (to_data(bench.scene(s)).scene for s in (again, compared))
    assert scene["structures"] == before["structures"]
    assert scene["caveat"] == before["caveat"]
    assert scene["arms"]["text"]["caption"] == before["arms"]["text"]["caption"]


def _same_masks(one, other, first: Session, second: Session) -> None:
    masks = [unpack(r.masks, s.shown.frame, s.shown.shape) for r, s in ((one, first), (other, second))]
    assert masks[0].keys() == masks[1].keys()
    for name, mask in masks[0].items():
        np.testing.assert_array_equal(mask, masks[1][name])


def test_a_reopened_session_can_be_run_and_saved_again(bench):
    first = after_run(bench, bench.choose(Session.start(), "0/one"))
    again = after_run(bench, bench.upload(Session.start(), bench.download(first, "session")), "right")
    third = bench.upload(Session.start(), bench.download(again, "session"))
    masks = unpack(third.results["text"].masks, third.shown.frame, third.shown.shape)
    np.testing.assert_array_equal(masks["PTV_High"], ball(RIGHT))


def test_a_saved_session_of_a_dicom_ct_holds_no_identifier(bench, sent_dicom, tmp_path):
    session = after_run(bench, bench.upload(Session.start(), str(sent_dicom)))
    folder = unzipped(bench.download(session, "session"), tmp_path / "out")
    for file in (file for file in folder.rglob("*") if file.is_file()):
        content = file.read_bytes()
        assert not any(word in content for word in (b"Doe", b"MRN-0001", b"Miller")), file
    assert json.loads((folder / "session.json").read_text())["use"] == RESEARCH_ONLY


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: (f / "session.json").write_text("{"), "session.json is damaged"),
        (lambda f: (f / "session.json").write_text("[1]"), "not one of a saved session"),
        (lambda f: (f / "session.json").write_text('{"format": 99, "arms": {}}'), "saved in format 99"),
        (lambda f: (f / "ct.nii.gz").unlink(), "has no ct.nii.gz"),
        (lambda f: write_mask(f / "results/text/PTV_High.nii.gz", np.ones((3, 3, 3)), np.eye(4)), "has shape"),
        (lambda f: (f / "results/text/PTV_High.nii.gz").write_bytes(b"x"), "cannot be read as NIfTI"),
        (lambda f: (f / "results/text/segmentation.json").write_text("{"), "segmentation.json is damaged"),
    ],
)
def test_a_damaged_session_is_refused(bench, tmp_path, change, said):
    session = after_run(bench, bench.choose(Session.start(), "0/one"))
    folder = unzipped(bench.download(session, "session"), tmp_path / "out")
    change(folder)
    with pytest.raises(InputError, match=said) as refused:
        bench.upload(session, str(zipped(tmp_path / "changed.zip", folder)))
    assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"rtstruct"}))
def test_every_file_says_that_it_is_for_research_only_and_goes_with_its_session(bench, tmp_path, kind):
    session = after_run(bench, bench.choose(Session.start(), "0/one"))
    path = Path(bench.download(session, kind))
    assert bench.workspace.of(session) in path.parents
    said = RESEARCH_ONLY.encode()
    if path.suffix == ".zip":
        assert said in (unzipped(str(path), tmp_path / "out") / "READ-ME.txt").read_bytes()
    else:
        assert said in path.read_bytes()
    bench.forget(session)
    assert not path.exists()


def test_two_downloads_have_addresses_that_nobody_can_guess(bench):
    session = bench.choose(Session.start(), "0/one")
    one, two = (Path(bench.download(session, "table")) for _ in range(2))
    assert one.parent != two.parent
    assert len(one.parent.name) == 32
