"""With the note and without: every case scored on its own grid, nothing dropped in silence, tables whole or absent."""

from __future__ import annotations

import csv
import json
import math
import weakref
from dataclasses import asdict, replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from matplotlib.image import imread
from scipy import stats
from standin import LEFT, SHAPE, SPACING_MM, StandIn, ball, cord, write_dataset

from llmseg.case import InputError, Note, Structures, Volume
from llmseg.cli import main
from llmseg.evaluation.protocol import CONDITIONS, HONESTY, Row, evaluate, read_rows, summarise, write_rows
from llmseg.formats.nifti import read_mask
from llmseg.metrics import dice, hd95_mm, iou
from llmseg.metrics import score as score_structures

FIRST_COLUMNS = ["id", "structure", "condition", "dice", "iou", "hd95_mm"]
FURTHER_COLUMNS = [
    "asd_mm",
    "surface_dice_2mm",
    "surface_dice_3mm",
    "volume_error_ml",
    "volume_error_percent",
    "apl_mm",
    "apl_voxels",
    "reference_ml",
]
DIAGONAL_MM = float(np.linalg.norm(np.multiply(SHAPE, SPACING_MM)))


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """Two heads with a target on the side the note names; the stand-in puts it in the middle without a note."""
    return write_dataset(tmp_path_factory.mktemp("cases")).split("test")


@pytest.fixture(scope="module")
def evaluated(cases, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("evaluated") / "out"
    evaluate(StandIn(), cases, out, save_masks=True)
    return out


def rows_of(out: Path) -> list[dict[str, str]]:
    with (out / "per_case.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def summary_of(out: Path) -> dict:
    def refuse(constant: str):
        pytest.fail(f"summary.json holds {constant}, which is not JSON.")

    return json.loads((out / "summary.json").read_text(), parse_constant=refuse)


def score(out: Path, id: str, structure: str, condition: str) -> tuple[float, ...]:
    wanted = (id, structure, condition)
    (row,) = [r for r in rows_of(out) if (r["id"], r["structure"], r["condition"]) == wanted]
    return tuple(float(row[name]) for name in FIRST_COLUMNS[3:])


def with_masks(case, **masks: np.ndarray):
    """The case with other contours; None takes a structure's contour away."""
    merged = {name: mask for name, mask in {**case.structures, **masks}.items() if mask is not None}
    affine = case.structures.affine
    return replace(case, load_structures=lambda: Structures(merged, affine))


# The tables


def test_the_table_has_one_row_for_each_case_structure_and_condition(evaluated, cases):
    rows = rows_of(evaluated)
    assert list(rows[0]) == FIRST_COLUMNS + FURTHER_COLUMNS
    found = [(row["id"], row["structure"], row["condition"]) for row in rows]
    expected = {(c.id, name, condition) for c in cases for name in c.structures for condition in CONDITIONS}
    assert set(found) == expected
    assert len(found) == len(expected)


def test_the_note_is_read_in_one_condition_and_not_in_the_other(evaluated, cases):
    for case in cases:
        target, middle = case.structures["PTV_High"], ball((36, 32, 20))
        assert score(evaluated, case.id, "PTV_High", "text") == (1.0, 1.0, 0.0)
        expected = dice(target, middle), iou(target, middle), hd95_mm(target, middle, SPACING_MM)
        assert score(evaluated, case.id, "PTV_High", "no-text") == pytest.approx(expected)


def test_a_structure_that_only_one_side_drew_counts_as_nothing_in_common(evaluated):
    assert score(evaluated, "one", "SpinalCord", "text") == pytest.approx((0, 0, DIAGONAL_MM))


def test_both_empty_is_no_number_and_counted_apart(cases, tmp_path):
    nothing = np.zeros(SHAPE, bool)
    evaluate(StandIn(), [with_masks(cases[0], PTV_Low=nothing), with_masks(cases[1], PTV_Low=cord())], tmp_path)
    assert all(np.isnan(score(tmp_path, "one", "PTV_Low", "text")))
    low = summary_of(tmp_path)["structures"]["PTV_Low"]
    assert (low["text"]["n"], low["text"]["both_empty"]) == (1, 1)
    assert low["text"]["dice_mean"] == 0.0
    assert low["gain"]["n"] == 1


def test_a_structure_empty_everywhere_has_no_mean(cases, tmp_path):
    nothing = np.zeros(SHAPE, bool)
    evaluate(StandIn(), [with_masks(case, PTV_Low=nothing) for case in cases], tmp_path)
    low = summary_of(tmp_path)["structures"]["PTV_Low"]
    assert low == {"text": {"n": 0, "both_empty": 2}, "no-text": {"n": 0, "both_empty": 2}, "gain": {"n": 0}}


def test_what_was_not_contoured_is_left_out(cases, tmp_path):
    evaluate(StandIn(), [with_masks(cases[0], SpinalCord=None), cases[1]], tmp_path)
    assert {(row["id"], row["structure"]) for row in rows_of(tmp_path)} == {
        ("one", "PTV_High"),
        ("two", "PTV_High"),
        ("two", "SpinalCord"),
    }
    assert summary_of(tmp_path)["structures"]["SpinalCord"]["text"]["n"] == 1


def test_a_case_without_contours_is_listed_as_skipped(cases, tmp_path):
    summary = evaluate(StandIn(), [cases[0], replace(cases[1], load_structures=lambda: None)], tmp_path)
    assert list(summary["skipped"]) == ["two"]
    assert summary["cases"] == 1
    assert summary == summary_of(tmp_path)


def test_the_table_holds_what_the_metrics_say(evaluated, cases):
    case = cases[0]
    drawn = Structures({"PTV_High": ball((36, 32, 20))}, case.structures.affine)
    expected = {found.structure: asdict(found) for found in score_structures(case.structures, drawn)}
    for row in rows_of(evaluated):
        if (row["id"], row["condition"]) == ("one", "no-text"):
            found = [float(row[name]) for name in FURTHER_COLUMNS]
            assert found == pytest.approx([expected[row["structure"]][name] for name in FURTHER_COLUMNS], nan_ok=True)


def test_the_table_is_read_back_as_it_was_written(evaluated, tmp_path):
    rows = read_rows(evaluated / "per_case.csv")
    assert len(rows) == len(rows_of(evaluated))
    write_rows(tmp_path / "again.csv", rows)
    assert (tmp_path / "again.csv").read_bytes() == (evaluated / "per_case.csv").read_bytes()
    assert summarise(rows).items() <= summary_of(evaluated).items()


def test_a_table_without_the_later_metrics_is_read_with_them_unknown(tmp_path):
    path = tmp_path / "old.csv"
    path.write_text(",".join(FIRST_COLUMNS) + "\none,Larynx,text,0.5,0.3333,4.0\n")
    (row,) = read_rows(path)
    assert (row.id, row.dice, row.hd95_mm) == ("one", 0.5, 4.0)
    assert math.isnan(row.asd_mm)
    figures = summarise([row])["structures"]["Larynx"]["text"]
    assert "asd_mm_mean" not in figures
    assert "one_empty" not in figures


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "has no column id, structure, condition, dice, iou, hd95_mm"),
        ("id,structure,condition,dice,iou\n", "has no column hd95_mm"),
        (",".join(FIRST_COLUMNS) + "\none,Larynx,text,0.5,0.4,4\ntwo,Larynx,text,much,0.4,4\n", "line 3: .*much"),
        (",".join(FIRST_COLUMNS) + "\none,Larynx,text,0.5\n", "line 2: "),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, content, complaint):
    path = tmp_path / "per_case.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=complaint):
        read_rows(path)
    with pytest.raises(InputError, match="does not exist"):
        read_rows(tmp_path / "elsewhere.csv")


def test_one_side_empty_is_counted_and_has_no_share_of_nothing(cases, tmp_path):
    nothing = np.zeros(SHAPE, bool)
    summary = evaluate(StandIn(), [with_masks(cases[0], PTV_High=nothing), cases[1]], tmp_path)
    target = summary["structures"]["PTV_High"]["text"]
    assert (target["n"], target["one_empty"], target["both_empty"]) == (2, 1, 0)
    assert target["volume_error_percent_n"] == 1
    assert summary["structures"]["SpinalCord"]["text"]["one_empty"] == 2


def test_each_patient_has_figures_of_its_own(evaluated):
    patients = summary_of(evaluated)["patients"]
    assert list(patients) == ["one", "two"]
    figures = patients["one"]["text"]
    # The target is met and the cord is missed.
    assert (figures["n"], figures["dice_mean"], figures["dice_median"]) == (2, 0.5, 0.5)
    assert figures["dice_sd"] == pytest.approx(np.std([0, 1], ddof=1), abs=1e-4)


def test_one_case_is_held_at_a_time(cases, tmp_path):
    held: list[weakref.ref] = []

    def watched(load):
        def loading():
            alive.append(sum(reference() is not None for reference in held))
            held.append(weakref.ref(loaded := load()))
            return loaded

        return loading

    alive: list[int] = []
    many = [
        replace(
            cases[0],
            id=f"case{n}",
            load_volume=watched(cases[0].load_volume),
            load_structures=watched(cases[0].load_structures),
        )
        for n in range(3)
    ]
    evaluate(StandIn(), many, tmp_path)
    assert alive[: 2 * len(many)] == [0, 1] * len(many)  # contours first, then its CT; nothing of an earlier case


def test_the_notes_can_be_any_and_the_first_is_compared_with_each_other(cases, tmp_path):
    conditions = {
        "own": lambda case: case.note,
        "no-text": lambda case: None,
        "wrong": lambda case: Note("left" if "right" in case.note.text else "right"),
    }
    segmenter = StandIn()
    summary = evaluate(segmenter, cases, tmp_path, conditions=conditions)
    assert segmenter.opened == 2 * len(cases)
    assert summary["conditions"] == list(conditions)
    target = summary["structures"]["PTV_High"]
    assert set(target) == {"own", "no-text", "wrong", "gain", "gain_over_wrong"}
    assert target["gain_over_wrong"]["dice_mean"] == 1
    assert 0 < target["gain"]["dice_mean"] < 1
    assert {row["condition"] for row in rows_of(tmp_path)} == set(conditions)
    assert (tmp_path / "contours.png").exists()


def test_the_summary_says_what_was_evaluated_and_how_to_read_it(evaluated):
    summary = summary_of(evaluated)
    assert summary["cases"] == 2
    assert summary["checkpoint"] == StandIn.checkpoint_name
    assert summary["note"] == HONESTY
    assert set(summary["structures"]) == {"PTV_High", "SpinalCord"}
    figures = summary["structures"]["PTV_High"]
    assert set(figures) == {"text", "no-text", "gain"}
    for condition in CONDITIONS:
        assert {"n", "both_empty", "dice_mean", "dice_median", "dice_sd", "iou_mean", "hd95_mm_mean"} <= set(
            figures[condition]
        )


def test_the_image_is_encoded_once_for_both_conditions(cases, tmp_path):
    segmenter, told = StandIn(), []
    evaluate(segmenter, cases, tmp_path, on_progress=lambda done, total, id: told.append((done, total, id)))
    for_tables = len(cases)
    for_the_picture = len(cases)
    assert segmenter.opened == for_tables + for_the_picture
    assert told == [(0, 2, "one"), (1, 2, "two")]


# Masks and figures


def test_saved_masks_lie_where_they_are_promised_on_the_input_grid(evaluated, cases):
    paths = sorted(str(path.relative_to(evaluated / "masks")) for path in (evaluated / "masks").rglob("*.nii.gz"))
    assert paths == sorted(f"{c}/{case.id}/PTV_High.nii.gz" for c in CONDITIONS for case in cases)
    for case in cases:
        mask, affine = read_mask(evaluated / "masks" / "text" / case.id / "PTV_High.nii.gz")
        np.testing.assert_allclose(affine, case.volume.affine)
        np.testing.assert_array_equal(mask, case.structures["PTV_High"])
        stored = nibabel.load(evaluated / "masks" / "text" / case.id / "PTV_High.nii.gz")
        assert stored.get_data_dtype() == np.uint8


def test_masks_are_written_only_when_asked_for(cases, tmp_path):
    evaluate(StandIn(), cases, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "contours.png",
        "dice.png",
        "patients.png",
        "per_case.csv",
        "summary.json",
    ]


def test_the_figures_show_something(evaluated):
    for name in ("dice.png", "patients.png", "contours.png"):
        picture = imread(evaluated / name)
        assert min(picture.shape[:2]) > 200
        assert picture[..., :3].std() > 0.05


def test_the_figures_are_drawn_without_a_complaint_when_the_first_structure_is_empty(cases, tmp_path):
    nothing = {"PTV_High": np.zeros(SHAPE, bool)}
    empty = [replace(case, note=Note("no side")) for case in cases]

    class DrawsNothing(StandIn):
        def open(self, volume, on_progress=None, **images):
            opened = super().open(volume, on_progress)
            opened.segment = lambda note: type("Drawn", (), {"structures": Structures(nothing, volume.affine)})
            return opened

    evaluate(DrawsNothing(), [with_masks(case, **nothing) for case in empty], tmp_path)
    assert (tmp_path / "dice.png").exists()


# What stops it


def refused(*arguments, **options) -> str:
    with pytest.raises(InputError) as caught:
        evaluate(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def flat() -> Volume:
    raise InputError("ct.nii.gz is constant")


def test_a_case_that_cannot_be_used_is_named(cases, tmp_path):
    class Refusing(StandIn):
        def open(self, volume, on_progress=None, **images):
            raise InputError("no body was found")

    def elsewhere() -> Structures:
        return Structures({"PTV_High": ball(LEFT)[::2]}, np.diag([*SPACING_MM, 1.0]))

    good, bad = cases
    assert "two: ct.nii.gz" in refused(StandIn(), [good, replace(bad, load_volume=flat)], tmp_path)
    assert "one: no body" in refused(Refusing(), cases, tmp_path)
    assert "two: " in refused(StandIn(), [good, replace(bad, load_structures=elsewhere)], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_compare_with_is_refused_and_leaves_nothing(cases, tmp_path):
    bare = [replace(case, load_structures=lambda: None) for case in cases]
    assert "None of the 2 cases" in refused(StandIn(), bare, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["per_case.csv", "summary.json", "dice.png", "patients.png", "contours.png"])
def test_a_full_disk_leaves_no_half_written_table_or_figure(cases, evaluated, tmp_path, monkeypatch, name):
    import os

    replaced = os.replace

    def full(source, target) -> None:
        if Path(target).name == name:
            raise OSError(28, "No space left on device")
        replaced(source, target)

    monkeypatch.setattr(os, "replace", full)
    assert f"{name} cannot be written" in refused(StandIn(), cases, tmp_path)
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (evaluated / path.name).read_bytes()
    assert name not in [path.name for path in tmp_path.iterdir()]


# Statistics


def table(text: list[float], without: list[float], structure: str = "PTV_High") -> list[Row]:
    return [
        Row(f"pt_{i}", structure, condition, value, value / 2, 10 * (1 - value))
        for i, pair in enumerate(zip(text, without, strict=True))
        for condition, value in zip(CONDITIONS, pair, strict=True)
    ]


def test_the_gain_is_tested_by_wilcoxons_signed_ranks():
    rng = np.random.default_rng(7)
    without = rng.uniform(0.3, 0.7, 33)
    text = (without + rng.normal(0.05, 0.08, 33)).clip(0, 1)
    gain = summarise(table(text.tolist(), without.tolist()))["structures"]["PTV_High"]["gain"]
    assert gain["n"] == 33
    assert gain["dice_mean"] == pytest.approx((text - without).mean(), abs=1e-4)
    assert gain["wilcoxon_p"] == pytest.approx(stats.wilcoxon(text, without).pvalue, rel=5e-3)


def test_the_smallest_p_of_ten_pairs_is_that_of_the_textbook():
    gain = summarise(table([0.51 + i / 100 for i in range(10)], [0.5] * 10))["structures"]["PTV_High"]["gain"]
    assert gain["wilcoxon_p"] == pytest.approx(2 / 2**10, rel=5e-3)


def test_means_medians_and_deviations_are_numpys():
    text, without = [0.2, 0.9, 0.7, 0.4], [0.1, 0.8, 0.9, 0.3]
    figures = summarise(table(text, without))["structures"]["PTV_High"]["text"]
    assert figures["n"] == 4
    assert figures["dice_mean"] == pytest.approx(np.mean(text))
    assert figures["dice_median"] == pytest.approx(np.median(text))
    assert figures["dice_sd"] == pytest.approx(np.std(text, ddof=1), abs=1e-4)
    assert figures["hd95_mm_mean"] == pytest.approx(10 * (1 - np.mean(text)))


def test_without_a_difference_there_is_no_evidence_of_one():
    gain = summarise(table([0.5, 0.6], [0.5, 0.6]))["structures"]["PTV_High"]["gain"]
    assert (gain.pop("n"), gain.pop("wilcoxon_p"), gain.pop("holm_p")) == (2, 1, 1)
    assert gain == {"dice_mean": 0, "dice_low": 0, "dice_high": 0, "effect": 0}


def test_one_case_has_a_mean_and_no_deviation():
    figures = summarise(table([0.5], [0.4]))["structures"]["PTV_High"]
    assert figures["text"]["dice_mean"] == 0.5
    assert "dice_sd" not in figures["text"]
    assert figures["gain"]["dice_mean"] == pytest.approx(0.1)


def test_structures_keep_the_order_they_came_in():
    rows = table([0.5], [0.4], "Larynx") + table([0.6], [0.4], "PTV_High")
    assert list(summarise(rows)["structures"]) == ["Larynx", "PTV_High"]


def test_a_gain_has_an_interval_an_effect_and_a_corrected_p():
    rng = np.random.default_rng(7)
    without = rng.uniform(0.3, 0.6, 20)
    clear, none = without + rng.uniform(0.01, 0.2, 20), without + rng.normal(0, 0.05, 20)
    rows = table(clear.tolist(), without.tolist(), "PTV_High") + table(none.tolist(), without.tolist(), "Larynx")
    gains = {name: figures["gain"] for name, figures in summarise(rows)["structures"].items()}
    target, larynx = gains["PTV_High"], gains["Larynx"]
    assert 0 < target["dice_low"] < target["dice_mean"] < target["dice_high"]
    assert target["effect"] == 1
    assert target["holm_p"] == pytest.approx(2 * target["wilcoxon_p"], rel=1e-2)  # the smaller of two
    assert larynx["holm_p"] == larynx["wilcoxon_p"] > 0.05


def test_a_gain_counts_only_cases_seen_under_both_conditions():
    rows = table([0.5, 0.6, float("nan")], [0.4, 0.5, 0.3])
    gain = summarise(rows[:-3] + rows[-2:])["structures"]["PTV_High"]["gain"]
    assert gain["n"] == 1


# On the command line


def printed(capsys, cases, folder: Path, monkeypatch, *options: str) -> str:
    import llmseg.cli

    monkeypatch.setattr(llmseg.cli, "_load", lambda options: StandIn())
    data = write_dataset(folder / "data").root
    code = main(["evaluate", "--data", str(data), "--split", "test", "--out", str(folder / "out"), *options])
    out, errors = capsys.readouterr()
    assert code == 0, errors
    return out


def test_the_printed_table_shows_counts_gain_and_surfaces(capsys, cases, tmp_path, monkeypatch):
    out = printed(capsys, cases, tmp_path, monkeypatch)
    header, target = out.splitlines()[:2]
    for column in ("n", "empty", "DSC text", "gain (95% interval)", "Holm p", "HD95 mm", "sDSC 3 mm"):
        assert column in header
    assert len(header) == len(target) < 140
    assert target.split()[:3] == ["PTV_High", "2", "0"]
    assert "1.000 +- 0.000" in target
    assert "+0.984 (+0.984 to +0.984)" in target
    assert HONESTY in out


def test_other_notes_can_be_asked_for_and_are_named(capsys, cases, tmp_path, monkeypatch):
    printed(capsys, cases, tmp_path, monkeypatch, "--notes", "essential")
    assert {row["condition"] for row in rows_of(tmp_path / "out")} == set(CONDITIONS)
    assert score(tmp_path / "out", "one", "PTV_High", "text")[0] == 1
