"""A study's answers as files: read back to the last character, harmless in a spreadsheet, ready for iMRMC."""

from __future__ import annotations

import csv
import re
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmseg.case import InputError
from llmseg.study.answers import Answer
from llmseg.study.exporting import data_dictionary, export, read_answers

RATED = Answer(
    study="neck",
    reader="Dr. Who",
    session=1,
    reading=3,
    task="rate",
    kind="rate",
    case="case-7",
    arm="text",
    other=None,
    question="usable",
    measure="ordinal",
    value="3",
    active_seconds=12.25,
    dice=0.1 + 0.2,
    answered_at="2026-11-26T07:00:00+00:00",
    app_version="1.0",
    contour_sha256="ab",
    labels=("Unusable", "Major edits", "Minor edits", "Use as is"),
)
COMPARED = replace(
    RATED, task="compare", kind="compare", other="no-text", question="better", measure="preference", value="tie"
)
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", "''", "'", "=cmd|' /C calc'!A0")

words = st.text(st.characters(codec="utf-8"), max_size=12)
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
answers = st.builds(
    Answer,
    **dict.fromkeys(
        ("study", "reader", "task", "kind", "case", "arm", "question", "measure", "value", "answered_at"), words
    ),
    session=st.integers(1, 9),
    reading=st.integers(1, 999),
    other=st.none() | words.filter(bool),
    repeats=st.none() | st.integers(1, 999),
    training=st.booleans(),
    **dict.fromkeys(("active_seconds", "edit_seconds", "apl_mm", "dice", "hd95_mm", "surface_dice_3mm"), numbers),
    labels=st.lists(words, max_size=3).map(tuple),
)


def said(value: str) -> Answer:
    return replace(RATED, question="why", measure="text", value=value, labels=())


@given(st.lists(answers.map(lambda answer: replace(answer, measure="text")), min_size=1, max_size=5))
def test_what_is_exported_is_read_back_to_the_last_character(tmp_path_factory, found):
    folder = tmp_path_factory.mktemp("export")
    export(found, folder)
    assert read_answers(folder / "answers.csv") == found


@pytest.mark.parametrize("typed", FORMULAS)
def test_a_spreadsheet_meets_no_formula_and_the_words_come_back(tmp_path, typed):
    export([said(typed)], tmp_path)
    with (tmp_path / "answers.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert not row["value"].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert read_answers(tmp_path / "answers.csv")[0].value == typed


def test_commas_quotes_and_lines_in_a_comment_stay_in_their_cell(tmp_path):
    typed = 'too "wide",\r\nby 2 mm\n\n; see <b>slice 40</b>'
    export([said(typed), RATED], tmp_path)
    assert [answer.value for answer in read_answers(tmp_path / "answers.csv")] == [typed, "3"]


def test_a_table_that_a_spreadsheet_saved_again_is_still_read(tmp_path):
    export([replace(RATED, training=True)], tmp_path)
    path = tmp_path / "answers.csv"
    path.write_bytes(path.read_bytes().replace(b",true,", b",TRUE,").removeprefix(b"\xef\xbb\xbf"))
    assert read_answers(path) == [replace(RATED, training=True)]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (b"reading,", b"", "no column 'reading'"),
        (b",12.25,", b",soon,", r"line 2: active_seconds = 'soon' is no float"),
        (b",false,", b",perhaps,", r"line 2: training = 'perhaps' is no bool"),
        (b"Dr. Who", b"\xff\xfe", "is not UTF-8"),
        (b",case-7,", b",", "line 2 has not one cell for each column"),
    ],
)
def test_a_broken_table_is_refused_with_its_line(tmp_path, old, new, complaint):
    export([RATED], tmp_path)
    path = tmp_path / "answers.csv"
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(InputError, match=complaint):
        read_answers(path)


def test_a_missing_table_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_answers(tmp_path / "answers.csv")


def test_a_study_without_an_answer_has_nothing_to_export(tmp_path):
    with pytest.raises(InputError, match="no answer yet"):
        export([], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_every_column_has_its_meaning_in_the_dictionary():
    described = dict(re.findall(r"^\| (\w+) \|.*\| (.+) \|$", data_dictionary(), re.MULTILINE))
    assert [name for name in described if name != "column"] == [field.name for field in fields(Answer)]
    assert all(len(meaning) > 10 for name, meaning in described.items() if name != "column")


def auc_of(path) -> dict[tuple[str, str], float]:
    """Area under the ROC curve by reader and modality, as iMRMC reads such a file."""
    head, _, data = path.read_text().partition("BEGIN DATA:\n")
    rows = [[cell.strip() for cell in line.split(",")] for line in data.splitlines()]
    assert all(len(row) == 4 for row in rows)
    truth = {case: int(score) for reader, case, _, score in rows if reader == "-1"}
    scores = {(r, m, c): float(score) for r, c, m, score in rows if r != "-1"}
    assert {c for _, _, c in scores} <= set(truth)
    sizes = {key: int(number) for key, number in re.findall(r"^(N0|N1|NR|NM): (\d+)$", head, re.MULTILINE)}
    assert sizes == {
        "N0": sum(score == 0 for score in truth.values()),
        "N1": sum(truth.values()),
        "NR": len({r for r, _, _ in scores}),
        "NM": len({m for _, m, _ in scores}),
    }
    areas = {}
    for reader, modality in {(r, m) for r, m, _ in scores}:
        given = {c: score for (r, m, c), score in scores.items() if (r, m) == (reader, modality)}
        pairs = [(given[a], given[b]) for a in given if truth[a] for b in given if not truth[b]]
        areas[reader, modality] = float(np.mean([(a > b) + 0.5 * (a == b) for a, b in pairs]))
    return areas


def test_the_area_that_imrmc_finds_is_the_share_acceptable(tmp_path):
    values = {"case-1": "1", "case-2": "3", "case-3": "4", "case-4": "2", "case-5": "4"}
    export([replace(RATED, case=case, value=value) for case, value in values.items()], tmp_path)
    assert auc_of(tmp_path / "rate.usable.imrmc") == {("Dr. Who", "text"): pytest.approx(3 / 5)}


def test_the_area_that_imrmc_finds_of_a_preference_counts_a_tie_as_half(tmp_path):
    shown = [("text", "no-text", "text"), ("no-text", "text", "text"), ("text", "no-text", "tie")]
    shown += [("no-text", "text", "no-text")]
    found = [
        replace(COMPARED, case=f"case-{number}", arm=arm, other=other, value=value)
        for number, (arm, other, value) in enumerate(shown)
    ]
    export(found, tmp_path)
    (area,) = auc_of(tmp_path / "compare.better.imrmc").values()
    assert area == pytest.approx((1 + 0.5) / 4)  # of "no-text over text": one win, one tie


def test_imrmc_gets_no_training_no_second_reading_and_no_words(tmp_path):
    found = [
        RATED,
        replace(RATED, case="case-8", value="1"),
        replace(RATED, value="1", reading=9, repeats=3),
        replace(RATED, case="practice", value="1", training=True),
        said("fine"),
    ]
    export(found, tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.imrmc")) == ["rate.usable.imrmc"]
    assert auc_of(tmp_path / "rate.usable.imrmc") == {("Dr. Who", "text"): pytest.approx(1 / 2)}


def test_names_that_imrmc_cannot_hold_stay_apart(tmp_path):
    readers = ("Who, Dr.", "Who  Dr.", "-1", "truth")
    export(
        [replace(RATED, reader=reader, value=value) for reader, value in zip(readers, "4411", strict=True)], tmp_path
    )
    areas = auc_of(tmp_path / "rate.usable.imrmc")
    assert len(areas) == 4
    assert sorted(areas.values()) == [0, 0, 1, 1]
