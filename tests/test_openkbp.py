"""OpenKBP becomes a dataset folder without losing a voxel, and its notes give nothing away but four facts."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from llmseg.case import InputError, Structures, Volume, orientation_of
from llmseg.datasets import openkbp
from llmseg.datasets.folder import read_dataset
from llmseg.datasets.openkbp import convert, facts_from_structures, read_patient, reword
from llmseg.text.facts import Facts
from llmseg.text.wording import write_note

SPACING_MM = (4.0, 3.5, 2.5)
REAL = Path(__file__).parents[1] / "data" / "open-kbp" / "provided-data"


def box(front=(40, 60), right=(40, 88), top=(50, 60)) -> np.ndarray:
    """Flat indices of a block: ranges from anterior to posterior, right to left, superior to inferior."""
    grid = np.zeros(openkbp.GRID, bool)
    grid[slice(*front), slice(*right), slice(*top)] = True
    return np.flatnonzero(grid)


BODY = box((30, 98), (30, 98), (20, 90))
CONTOURS = {
    "PTV70": box((40, 50), (70, 80), (50, 60)),
    "PTV56": box((50, 60), (40, 88), (50, 60)),
    "LeftParotid": box((60, 64), (84, 88), (44, 48)),
    "RightParotid": box((60, 64), (40, 44), (44, 48)),
    "Mandible": box((34, 38), (50, 78), (50, 54)),
}


def write_sparse(path: Path, indices: np.ndarray, values: np.ndarray | None = None) -> None:
    data = [""] * len(indices) if values is None else values
    path.write_text(",data\n" + "".join(f"{i},{v}\n" for i, v in zip(indices, data, strict=True)))


def write_patient(folder: Path, contours=CONTOURS, body=BODY) -> Path:
    folder.mkdir(parents=True)
    stored = 1024 + np.random.default_rng(1).integers(-80, 80, len(body))
    write_sparse(folder / "ct.csv", body, stored.astype(float))
    for name, indices in contours.items():
        write_sparse(folder / f"{name}.csv", indices)
    (folder / "voxel_dimensions.csv").write_text("".join(f"{edge:.18e}\n" for edge in SPACING_MM))
    return folder


@pytest.fixture(scope="module")
def download(tmp_path_factory) -> Path:
    """A checkout with two training patients, one for validation and one for test."""
    root = tmp_path_factory.mktemp("open-kbp")
    first = write_patient(root / "provided-data" / "train-pats" / "pt_1")
    for place in ("train-pats/pt_10", "validation-pats/pt_201", "test-pats/pt_241"):
        shutil.copytree(first, root / "provided-data" / place)
    return root


@pytest.fixture
def own_download(download, tmp_path) -> Path:
    """The same, to break."""
    return Path(shutil.copytree(download, tmp_path / "own"))


@pytest.fixture(scope="module")
def converted(download, tmp_path_factory) -> Path:
    """The download as a dataset folder, to look at."""
    dest = tmp_path_factory.mktemp("openkbp")
    convert(download, dest, workers=1)
    return dest


def source_to_mm(flat: np.ndarray, spacing_mm=SPACING_MM) -> np.ndarray:
    """Where the paper's axes put a flat index in RAS+, with the grid's centre at the origin."""
    back, left, down = (np.array(np.unravel_index(flat, openkbp.GRID)).T - 63.5).T * np.array(spacing_mm)[:, None]
    return np.stack([-left, -back, -down], axis=1)


def voxels_at(positions_mm: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, ...]:
    homogeneous = np.c_[positions_mm, np.ones(len(positions_mm))]
    return tuple(np.rint(homogeneous @ np.linalg.inv(affine).T)[:, :3].astype(int).T)


def csv_columns(path: Path) -> tuple[np.ndarray, list[str]]:
    rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
    return np.array([int(index) for index, _ in rows]), [value for _, value in rows]


def assert_voxel_exact(source: Path, volume: Volume, structures: Structures) -> None:
    """Every voxel of CT and masks against the CSV, through the affine alone."""
    spacing_mm = [float(edge) for edge in (source / "voxel_dimensions.csv").read_text().split()]
    indices, values = csv_columns(source / "ct.csv")
    expected = np.full(volume.shape, -1024.0)
    expected[voxels_at(source_to_mm(indices, spacing_mm), volume.affine)] = np.array(values, float) - 1024
    np.testing.assert_array_equal(volume.array, expected)
    files = {**openkbp.TARGET_FILES, **openkbp.ORGAN_FILES}
    for file, name in files.items():
        path = source / f"{file}.csv"
        if not path.exists():
            assert name not in structures or (file in openkbp.TARGET_FILES and not structures[name].any())
            continue
        expected = np.zeros(volume.shape, bool)
        expected[voxels_at(source_to_mm(csv_columns(path)[0], spacing_mm), structures.affine)] = True
        np.testing.assert_array_equal(structures[name], expected, err_msg=name)


def test_conversion_is_voxel_exact(download, converted):
    case = read_dataset(converted).cases[0]
    assert_voxel_exact(download / "provided-data" / "train-pats" / "pt_1", case.volume, case.structures)
    assert case.volume.orientation == orientation_of(case.structures.affine) == "RAS"
    np.testing.assert_allclose(case.volume.spacing_mm, (SPACING_MM[1], SPACING_MM[0], SPACING_MM[2]))


@pytest.mark.skipif(not REAL.is_dir(), reason="OpenKBP is not unpacked in data/open-kbp")
@pytest.mark.parametrize("place", ["train-pats/pt_1", "validation-pats/pt_201", "train-pats/pt_10"])
def test_real_patients_are_voxel_exact(place, tmp_path):
    source = REAL / place
    shutil.copytree(source, tmp_path / "src" / place)
    convert(tmp_path / "src", tmp_path / "out", workers=1)
    (case,) = read_dataset(tmp_path / "out").cases
    assert_voxel_exact(source, case.volume, case.structures)


def test_left_and_right_front_and_back_up_and_down_are_the_patients(download):
    structures = read_patient(download / "provided-data" / "train-pats" / "pt_1").structures
    centre = {
        name: structures.affine[:3, :3] @ np.argwhere(mask).mean(axis=0) + structures.affine[:3, 3]
        for name, mask in structures.items()
        if mask.any()
    }
    assert centre["Parotid_L"][0] < 0 < centre["Parotid_R"][0]
    assert centre["Bone_Mandible"][1] > centre["Parotid_L"][1]
    assert centre["Parotid_L"][2] > centre["PTV_High"][2]


def test_not_contoured_has_no_file_and_not_prescribed_is_empty(converted):
    structures = read_dataset(converted).cases[0].structures
    assert set(structures) == {"PTV_High", "PTV_Mid", "PTV_Low", "Parotid_L", "Parotid_R", "Bone_Mandible"}
    assert not structures["PTV_Mid"].any()
    assert structures["PTV_Low"].any()


SCRAPS = np.concatenate([box((i, i + 1), (40, 88), (62, 63)) for i in range(50, 60, 2)])
"""Five lines of 48 voxels, 1.7 ml each, that touch nowhere: 8.4 ml in all."""


@pytest.mark.parametrize(
    ("contour", "left_empty", "doses"),
    [
        (SCRAPS, ("PTV_Mid",), (70, 56)),
        (box((50, 51), (31, 88), (62, 63)), ("PTV_Mid",), (70, 56)),  # 57 voxels, 1.995 ml
        (box((50, 51), (30, 88), (62, 63)), (), (70, 63, 56)),  # 58 voxels, 2.03 ml
    ],
    ids=["pieces", "just under", "just over"],
)
def test_a_lower_dose_level_of_nothing_but_scraps_was_not_prescribed(tmp_path, contour, left_empty, doses):
    source = tmp_path / "src"
    write_patient(source / "train-pats" / "pt_1", {**CONTOURS, "PTV63": contour})
    report = convert(source, tmp_path / "out", workers=1)
    (case,) = read_dataset(tmp_path / "out").cases
    assert dict(report.scraps) == ({"pt_1": left_empty} if left_empty else {})
    assert case.facts.dose_gy == doses
    assert ("63" in case.note.text) == (63 in doses)
    assert case.structures["PTV_Mid"].sum() == (0 if left_empty else len(contour))


def test_the_highest_dose_level_stays_however_small_it_is(tmp_path):
    folder = write_patient(tmp_path / "pt_1", {**CONTOURS, "PTV70": SCRAPS})
    patient = read_patient(folder)
    assert patient.scraps == ()
    assert patient.structures["PTV_High"].sum() == len(SCRAPS)


def test_patients_converted_by_other_rules_are_converted_again(download, tmp_path, monkeypatch):
    convert(download, tmp_path, workers=1)
    monkeypatch.setattr(openkbp, "RULES", openkbp.RULES + 1)
    assert convert(download, tmp_path, workers=1).converted == ("pt_1", "pt_10", "pt_201", "pt_241")
    assert convert(download, tmp_path, workers=1).converted == ()


def test_folders_become_splits(converted):
    dataset = read_dataset(converted)
    assert [case.id for case in dataset.split("training")] == ["pt_1", "pt_10"]
    assert [case.id for case in dataset.split("validation")] == ["pt_201"]
    assert [case.id for case in dataset.split("test")] == ["pt_241"]


def test_a_checkout_and_its_provided_data_are_the_same_source(download, converted):
    for source in (download, download / "provided-data"):
        assert convert(source, converted, workers=1).kept == ("pt_1", "pt_10", "pt_201", "pt_241")


def test_notes_state_the_facts_in_the_wordings_of_their_split(converted):
    for case in read_dataset(converted).cases:
        assert case.facts.essential == Facts("oropharynx", "left", "bilateral", (70, 56))
        assert case.note.text.strip() == write_note(case.facts.essential, split=case.split, seed=case.id).strip()


def test_several_processes_write_what_one_does(download, converted, tmp_path):
    convert(download, tmp_path, workers=2)
    one, two = read_dataset(converted), read_dataset(tmp_path)
    assert one.manifest_hash == two.manifest_hash
    for a, b in zip(one.cases, two.cases, strict=True):
        np.testing.assert_array_equal(a.volume.array, b.volume.array)
        assert a.note.text == b.note.text


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("ct.csv", None, "no CT"),
        ("voxel_dimensions.csv", None, "no voxel size"),
        ("PTV70.csv", None, "no PTV70"),
        ("PTV70.csv", ",data\n", "empty PTV70"),
        ("voxel_dimensions.csv", "3.9\n3.9\n", "three sizes"),
        ("voxel_dimensions.csv", "0\n0\n0\n", "spacing"),
        ("ct.csv", ",data\n5,100\n6,\n", "ct.csv is malformed"),
        ("ct.csv", "", "ct.csv is malformed"),
        ("Mandible.csv", ",data\nfive,\n", "Mandible.csv is malformed"),
        ("Mandible.csv", ",data\n2097152,\n", "outside the grid"),
        ("Mandible.csv", "12,\n13,\n", "header"),
    ],
)
def test_a_patient_that_cannot_be_used_says_why_in_one_line(download, tmp_path, file, content, reason):
    folder = Path(shutil.copytree(download / "provided-data" / "train-pats" / "pt_10", tmp_path / "pt_10"))
    (folder / file).unlink() if content is None else (folder / file).write_text(content)
    with pytest.raises(InputError, match=reason) as caught:
        read_patient(folder)
    assert "pt_10" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_skipped_patients_are_named_and_the_others_converted(own_download, tmp_path):
    training = own_download / "provided-data" / "train-pats"
    (training / "pt_1" / "ct.csv").unlink()
    (training / "pt_10" / "Mandible.csv").write_text(",data\n-1,\n")
    report = convert(own_download, tmp_path / "out", workers=1)
    assert report.converted == ("pt_201", "pt_241")
    assert {id: reason.split(" (")[0] for id, reason in report.skipped.items()} == {
        "pt_1": "pt_1 has no CT",
        "pt_10": "pt_10: Mandible.csv is malformed",
    }
    assert {case.id for case in read_dataset(tmp_path / "out").cases} == {"pt_201", "pt_241"}


def test_an_interrupted_conversion_goes_on_where_it_stopped(download, tmp_path):
    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(download, tmp_path, workers=1, on_progress=stop)
    report = convert(download, tmp_path, workers=1)
    assert len(report.kept) == len(report.converted) == 2
    assert len(read_dataset(tmp_path).cases) == 4


def test_a_patient_whose_files_went_missing_is_converted_again(download, converted):
    (converted / "images" / "pt_10.nii.gz").unlink()
    report = convert(download, converted, workers=1)
    assert report.converted == ("pt_10",)
    assert report.kept == ("pt_1", "pt_201", "pt_241")


def test_a_limit_takes_from_each_split_and_never_drops_finished_patients(download, tmp_path):
    assert convert(download, tmp_path, workers=1, limit=3).converted == ("pt_1", "pt_201", "pt_241")
    convert(download, tmp_path, workers=1, limit=1)
    assert len(read_dataset(tmp_path).cases) == 3


def test_progress_reaches_the_number_of_patients(download, tmp_path):
    seen = []
    convert(download, tmp_path, workers=1, limit=3, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_rewording_changes_notes_alone(converted):
    before = read_dataset(converted)
    for case in before.cases:
        Path(case.note.source).write_text("stub")
    reword(converted)
    after = read_dataset(converted)
    assert [case.note for case in after.cases] == [case.note for case in before.cases]
    assert after.manifest_hash == before.manifest_hash


def test_a_full_disk_stops_the_conversion_instead_of_skipping_patients(download, tmp_path, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(InputError, match="No space left"):
        convert(download, tmp_path, workers=1)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("limit", [0, -3])
def test_a_limit_below_one_is_refused(download, tmp_path, limit):
    with pytest.raises(InputError, match="limit"):
        convert(download, tmp_path, limit=limit)


def test_a_source_without_patients_is_refused(tmp_path):
    with pytest.raises(InputError, match="train-pats"):
        convert(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_id_in_two_splits_is_refused(own_download, tmp_path):
    (own_download / "provided-data" / "test-pats" / "pt_1").mkdir()
    with pytest.raises(InputError, match="pt_1 in two splits"):
        convert(own_download, tmp_path / "out")


# What a note says. A synthetic plan is drawn from its facts, with everything that is no fact left to chance.

SHAPE = (24, 64, 44)
PAROTID_SLICE, SLICE_MM = 34, 3.0
BELOW = {"nasopharynx": (-2, 1), "oropharynx": (2, 11), "hypopharynx": (12, 19), "larynx": (21, 28)}


@dataclass(frozen=True)
class Plan:
    """A plan of blocks either side of the midline; y-depths set the lateralities."""

    facts: Facts
    below: int
    """slices from the parotids' centre down to the middle of the PTV70"""
    weaker_depth: int
    """y-depth of the PTV70's smaller side; the larger one has 10"""
    width: int
    half_height: int
    parotids: tuple[str, ...]

    def volume(self) -> Volume:
        array = np.full(SHAPE, -1024.0, np.float32)
        array[2:-2, 2:-2] = 30 + np.arange(SHAPE[2])
        return Volume(array, np.array([[4, 0, 0, 11], [0, 4, 0, -7], [0, 0, SLICE_MM, 5], [0, 0, 0, 1.0]]))

    def structures(self) -> Structures:
        masks = {name: np.zeros(SHAPE, bool) for name in ("PTV_High", "PTV_Mid", "PTV_Low", *self.parotids)}
        for name in self.parotids:
            masks[name][self._half(name[-1], 4), 30:33, PAROTID_SLICE - 2 : PAROTID_SLICE + 3] = True
        for letter, side in (("L", "left"), ("R", "right")):
            depth = 10 if self.facts.side in (side, "midline") else self.weaker_depth
            if self.facts.side == "midline" and letter == "R":
                depth = 10 - self.weaker_depth
            self._draw(masks["PTV_High"], letter, 3, depth)
            if self.facts.neck in (side, "bilateral"):
                for name, dose, start, size in (("PTV_Low", 56, 14, 40), ("PTV_Mid", 63, 54, 6)):
                    self._draw(masks[name], letter, start, size if dose in self.facts.dose_gy else 0)
        return Structures(masks, self.volume().affine)

    def _draw(self, mask: np.ndarray, letter: str, start: int, depth: int) -> None:
        middle = PAROTID_SLICE - self.below
        slices = slice(middle - self.half_height, middle + self.half_height + 1)
        mask[self._half(letter, self.width), start : start + depth, slices] = True

    @staticmethod
    def _half(letter: str, width: int) -> slice:
        # RAS: x grows to the patient's right, so the left half comes first.
        return slice(12 - width, 12) if letter == "L" else slice(12, 12 + width)


@st.composite
def facts(draw) -> Facts:
    side = draw(st.sampled_from(["left", "right", "midline"]))
    doses = draw(st.sampled_from([(70,), (70, 56), (70, 63, 56)]))
    one_level = {"left": ["left"], "right": ["right"], "midline": ["bilateral"]}[side]
    necks = one_level if doses == (70,) else ["bilateral", side if side != "midline" else "left"]
    return Facts(draw(st.sampled_from(sorted(BELOW))), side, draw(st.sampled_from(necks)), doses)


@st.composite
def plans(draw, stated=None) -> Plan:
    stated = stated or draw(facts())
    return Plan(
        facts=stated,
        below=draw(st.integers(*BELOW[stated.site])),
        weaker_depth=draw(st.integers(0, 3)),
        width=draw(st.integers(1, 8)),
        half_height=draw(st.integers(0, 3)),
        parotids=draw(st.sampled_from([("Parotid_L", "Parotid_R"), ("Parotid_L",), ("Parotid_R",)])),
    )


@given(plan=plans())
@settings(max_examples=60)
def test_facts_are_those_the_plan_was_drawn_with(plan):
    assert facts_from_structures(plan.volume(), plan.structures()).essential == plan.facts


@given(plan=plans())
@settings(max_examples=30)
def test_a_mirrored_patient_has_mirrored_facts(plan):
    volume, structures = plan.volume(), plan.structures()
    mirrored = Volume(volume.array[::-1], volume.affine)
    swapped = {{"Parotid_L": "Parotid_R", "Parotid_R": "Parotid_L"}.get(n, n): m[::-1] for n, m in structures.items()}
    found = facts_from_structures(mirrored, Structures(swapped, structures.affine))
    assert found == facts_from_structures(volume, structures).mirrored()


@given(plan=plans(), axes=st.permutations([0, 1, 2]), flip=st.integers(0, 2))
@settings(max_examples=30)
def test_facts_do_not_depend_on_how_the_voxels_are_stored(plan, axes, flip):
    volume, structures = plan.volume(), plan.structures()
    change = np.zeros((4, 4))
    change[axes, range(3)] = 1
    change[3, 3] = 1
    back = np.eye(4)
    back[flip, flip], back[flip, 3] = -1, volume.shape[axes[flip]] - 1
    affine = volume.affine @ change @ back

    def stored(array):
        return np.flip(array.transpose(axes), flip)

    other = Structures({name: stored(mask) for name, mask in structures.items()}, affine)
    assert facts_from_structures(Volume(stored(volume.array), affine), other) == facts_from_structures(
        volume, structures
    )


@given(data=st.data(), stated=facts(), split=st.sampled_from(["training", "validation", "test"]))
@settings(max_examples=40)
def test_an_essential_note_depends_on_nothing_but_the_essential_facts(data, stated, split):
    one, other = data.draw(plans(stated)), data.draw(plans(stated))
    assume(one != other)
    notes = {
        write_note(facts_from_structures(plan.volume(), plan.structures()).essential, split=split, seed="pt_7")
        for plan in (one, other)
    }
    assert len(notes) == 1


@pytest.mark.parametrize(("site", "below"), [("nasopharynx", 1), ("oropharynx", 3)])
@pytest.mark.parametrize(("landmark", "offset_mm"), [("Brainstem", -7.0), ("SpinalCord", -5.0), ("Larynx", 64.0)])
def test_another_landmark_tells_the_level_where_no_parotid_is_contoured(landmark, offset_mm, site, below):
    plan = Plan(Facts(site, "left", "bilateral"), below, 0, 4, 1, ())
    marked = np.zeros(SHAPE, bool)
    marked[12, 30, round(PAROTID_SLICE - offset_mm / SLICE_MM)] = True
    both = Structures({**plan.structures(), landmark: marked}, plan.volume().affine)
    assert facts_from_structures(plan.volume(), both).essential == plan.facts


def test_facts_without_a_target_or_a_landmark_are_refused():
    plan = Plan(Facts("oropharynx", "left", "bilateral"), 6, 0, 4, 1, ())
    with pytest.raises(InputError, match="no parotid, brainstem"):
        facts_from_structures(plan.volume(), plan.structures())
    untreated = {**plan.structures(), "PTV_High": np.zeros(SHAPE, bool)}
    with pytest.raises(InputError, match="PTV_High"):
        facts_from_structures(plan.volume(), Structures(untreated, plan.volume().affine))


def test_a_target_outside_the_scanned_body_is_refused():
    plan = replace(Plan(Facts("oropharynx", "left", "bilateral"), 6, 0, 4, 1, ("Parotid_L",)), half_height=0)
    array = plan.volume().array.copy()
    array[:, :, PAROTID_SLICE - 6] = -1024
    with pytest.raises(InputError, match="no body"):
        facts_from_structures(Volume(array, plan.volume().affine), plan.structures())
