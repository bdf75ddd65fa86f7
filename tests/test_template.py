"""Prompts from facts: missing ones leave no hole, too long ones lose a whole section."""

from __future__ import annotations

import re

import pytest

from llmseg.case import InputError
from llmseg.text.note import read_note
from llmseg.text.stated import StatedFacts
from llmseg.text.template import estimate_tokens, fill, read_template, template_names

FULL = StatedFacts(
    site="larynx",
    subsite="glottis",
    side="left",
    t_stage="T2",
    n_stage="N1",
    m_stage="M0",
    dose_gy=(70, 56),
    fractions=35,
    levels=("II", "III"),
    neck="bilateral",
)


def test_the_papers_template_writes_the_papers_prompt():
    facts = StatedFacts(site="nasopharynx", t_stage="T2", n_stage="N1", m_stage="M0", dose_gy=(70,))
    prompt = fill(read_template("paper"), facts, {"Comorbidities": "Diabetes Mellitus"}).text
    expected = (
        "Diagnosis: nasopharyngeal carcinoma; Stage: T2N1M0; Radiation: IMRT 70Gy; Comorbidities: Diabetes Mellitus."
    )
    assert prompt == expected


@pytest.mark.parametrize("name", template_names())
@pytest.mark.parametrize("missing", ["site", "side", "t_stage", "dose_gy", "fractions", "levels", "neck", "subsite"])
def test_a_missing_fact_leaves_no_hole(name, missing):
    values = {**FULL.__dict__, missing: () if missing in ("dose_gy", "levels") else None}
    prompt = fill(read_template(name), StatedFacts(**values)).text
    assert not re.search(r"[{}\[\]]|None|\(\)|: *$|  |, *,", prompt, re.MULTILINE)


@pytest.mark.parametrize("name", template_names())
def test_no_facts_give_no_prompt(name):
    assert fill(read_template(name), StatedFacts()).text == ""


def test_a_prompt_too_long_loses_its_least_important_section_whole_and_says_so():
    note = "Left tonsil SCC, T2N1M0, 70 Gy in 35 fractions, bilateral neck. PMH: " + "diabetes, hypertension, " * 60
    reading = read_note(note, template="personalised", budget=80)
    assert reading.dropped == ("Comorbidities",)
    assert "Comorbidities" not in reading.prompt
    assert "bilateral neck" in reading.prompt
    assert read_note(note, template="personalised", budget=1000).dropped == ()


def test_the_last_section_is_never_dropped():
    assert "larynx" in fill(read_template("essential"), FULL, budget=8).text


def test_the_estimate_is_on_the_safe_side():
    prompt = fill(read_template("personalised"), FULL).text
    assert estimate_tokens(prompt) >= len(prompt.split())


def write(folder, text: str) -> str:
    (folder / "mine.toml").write_text(text)
    return str(folder / "mine.toml")


def test_anyone_can_add_a_template(tmp_path):
    path = write(
        tmp_path, '[[section]]\nname = "D"\nimportance = 1\ntext = "{side} {site}[ in {fractions} fractions]"\n'
    )
    assert read_note("Left larynx SCC", template=path).prompt == "left larynx"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[section]]\nname = "D"\nimportance = 1\ntext = "{laterality}"\n', "laterality"),
        ('[[section]]\nname = "D"\nimportance = 1\ntext = "x"\nneeds = ["colour"]\n', "colour"),
        ("[[section]\n", "not valid TOML"),
        ('[[section]]\nname = "D"\ntext = "x"\n', "importance"),
        ('colour = "red"\n', "colour"),
    ],
)
def test_a_template_that_cannot_be_used_says_why_in_one_line(tmp_path, text, said):
    with pytest.raises(InputError, match=said) as refused:
        read_template(write(tmp_path, text))
    assert "\n" not in str(refused.value).strip()


def test_an_unknown_template_names_the_known_ones():
    with pytest.raises(InputError, match="essential, expanded, paper, personalised"):
        read_template("sonnet")
