"""A note states four facts and nothing else; its sides can be exchanged."""

from __future__ import annotations

import re
import string
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from llmseg.case import InputError
from llmseg.text.facts import NECKS, SIDES, SITES, Facts
from llmseg.text.wording import (
    HELD_OUT_WORDINGS,
    TRAINING_WORDINGS,
    exchange_sides,
    write_note,
)

DOSES = ((70,), (70, 63), (70, 56), (70, 63, 56))
SHORT = {"left": "(?i:left)|Lt?", "right": "(?i:right)|Rt?"}
"""How a note may write a side; L and Lt only with these capitals."""

CENTRAL = r"midline|central|bilateral|not lateralised"
BOTH_NECKS = r"bilat|both (sides|necks)|left and right|right and left|either side"
PLACES = {
    "site": {"site", "site_adj", "site_cap", "site_caps", "site_adj_cap"},
    "side": {"side", "side_cap", "side_caps", "side_sided", "side_on", "lat"},
    "neck": {"neck", "neck_cap", "neck_caps", "neck_short"},
    "doses": {"dose_list", "dose_long"},
}
"""Which places of a wording state which fact."""

facts_of_a_patient = st.builds(
    Facts, st.sampled_from(SITES), st.sampled_from(SIDES), st.sampled_from(NECKS), st.sampled_from(DOSES)
)
splits = st.sampled_from(("training", "validation", "test"))
seeds = st.integers(0, 100_000)


def one_neck(side: str) -> str:
    """Matches any way to say that the neck is treated on this side alone."""
    s = f"({SHORT[side]})"
    after = "(?i:neck|hemineck|cervical nodes|nodes|levels)"
    before = "(?i:neck,|basins on the|nodes on the|nodes of the|only the)"
    return rf"\b{s}(?i:-sided)? {after}\b|\b{before} {s}\b"


def doses_in(note: str) -> set[int]:
    runs = re.findall(r"\d+(?:(?: / |/|, | and )\d+)* Gy", note, re.IGNORECASE)
    return {int(dose) for run in runs for dose in re.findall(r"\d+", run)}


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def test_there_are_thirty_wordings_and_ten_more_kept_back_and_no_wording_is_in_both():
    assert len(set(TRAINING_WORDINGS)) >= 30
    assert len(set(HELD_OUT_WORDINGS)) >= 10
    assert not set(TRAINING_WORDINGS) & set(HELD_OUT_WORDINGS)


@pytest.mark.parametrize("fact", PLACES)
@pytest.mark.parametrize("wording", TRAINING_WORDINGS + HELD_OUT_WORDINGS)
def test_each_wording_has_a_place_for_each_fact(wording, fact):
    places = {name for _, name, _, _ in string.Formatter().parse(wording) if name}
    assert places & PLACES[fact]


@given(facts_of_a_patient, splits, seeds)
def test_a_note_names_the_site_of_the_primary_and_no_other(facts, split, seed):
    stems = {"nasopharynx": "nasophary", "oropharynx": "orophary", "hypopharynx": "hypophary", "larynx": "laryn"}
    note = write_note(facts, split=split, seed=seed).lower()
    assert {site for site, stem in stems.items() if stem in note} == {facts.site}


@given(facts_of_a_patient, splits, seeds)
def test_a_note_names_every_prescribed_dose_and_no_other(facts, split, seed):
    note = write_note(facts, split=split, seed=seed)
    # An age may stand right before the doses: "Woman, 61, 70 and 56 Gy".
    ages = {int(age) for age in re.findall(r"(?:man|male|lady), (\d\d)\b", note, re.IGNORECASE)}
    assert set(facts.dose_gy) <= doses_in(note) <= set(facts.dose_gy) | ages


@given(facts_of_a_patient, splits, seeds)
def test_a_note_says_which_neck_is_treated(facts, split, seed):
    assume(facts.side != "midline")  # "both sides" may then be the tumour's
    note = write_note(facts, split=split, seed=seed)
    bilateral = re.search(BOTH_NECKS, note, re.IGNORECASE)
    said = [neck for neck in ("left", "right") if not bilateral and re.search(one_neck(neck), note)]
    assert said == ([] if facts.neck == "bilateral" else [facts.neck])
    assert bool(bilateral) == (facts.neck == "bilateral")


@given(facts_of_a_patient, splits, seeds)
def test_a_note_says_when_the_tumour_lies_in_the_midline(facts, split, seed):
    assume(facts.neck != "bilateral")  # "bilateral" may then be the neck's
    note = write_note(facts, split=split, seed=seed)
    # Without what is said only of lateral tumours.
    lateral = r"clear of the midline|not crossing the midline|(left|right) of the midline|no midline extension"
    note = re.sub(lateral, "", note, flags=re.IGNORECASE)
    assert bool(re.search(CENTRAL, note, re.IGNORECASE)) == (facts.side == "midline")


@pytest.mark.parametrize("fact", ["side", "neck"])
@given(facts=facts_of_a_patient, split=splits, seed=seeds)
def test_another_side_changes_words_for_sides_and_nothing_else(fact, facts, split, seed):
    left, right = (write_note(replace(facts, **{fact: side}), split=split, seed=seed) for side in ("left", "right"))
    assert len(words(left)) == len(words(right))
    changed = {(a.lower(), b.lower()) for a, b in zip(words(left), words(right), strict=True) if a != b}
    assert changed
    assert changed <= {("left", "right"), ("l", "r"), ("lt", "rt")}


@given(facts_of_a_patient, splits, seeds)
def test_a_note_depends_on_facts_and_seed_alone(facts, split, seed):
    twin = Facts.from_json(facts.to_json())
    assert write_note(facts, split=split, seed=seed) == write_note(twin, split=split, seed=str(seed))


def test_seeds_draw_different_notes_and_splits_draw_from_different_pools():
    facts = Facts("larynx", "left", "bilateral")
    notes = {
        split: {write_note(facts, split=split, seed=seed) for seed in range(300)} for split in ("training", "test")
    }
    assert min(map(len, notes.values())) > 280
    assert not notes["training"] & notes["test"]
    assert write_note(facts, split="test", seed=1) != write_note(facts, split="validation", seed=1)


def test_an_essential_note_tells_no_stage():
    notes = [write_note(Facts("larynx", "left", "left"), split="training", seed=seed) for seed in range(300)]
    stages = {match.group() for note in notes for match in re.finditer(r"T(\d|X)\w?N(\d|X)\w?M0", note)}
    assert stages == {"TXNXM0"}


def test_an_expanded_note_tells_its_stage_and_draws_the_subdivision():
    facts = Facts("larynx", "left", "left", (70,), "T4", "N2", (("left", "II", 70),))
    notes = [write_note(facts, split="training", seed=seed) for seed in range(300)]
    stages = {re.search(r"T\d\w?N\d\w?M0", note).group() for note in notes}
    assert stages == {f"{t}{n}M0" for t in ("T4", "T4a") for n in ("N2a", "N2b", "N2c")}


@given(facts_of_a_patient, splits, seeds)
def test_a_spelled_out_note_never_shortens_a_side(facts, split, seed):
    assert not re.search(r"\b(L|Lt|R|Rt)\b", write_note(facts, split=split, seed=seed, spelled_out=True))


def test_other_notes_sometimes_shorten_a_side():
    notes = [write_note(Facts("larynx", "left", "left"), split="training", seed=seed) for seed in range(100)]
    assert any(re.search(r"\b(L|Lt)\b", note) for note in notes)


# Exchanging the sides.


@given(facts_of_a_patient, splits, seeds)
def test_exchanging_twice_gives_the_note_back(facts, split, seed):
    note = write_note(facts, split=split, seed=seed, spelled_out=True)
    assume(re.search("left|right", note, re.IGNORECASE))
    assert exchange_sides(note) != note
    assert exchange_sides(exchange_sides(note)) == note


@given(facts_of_a_patient, splits, seeds, st.booleans())
def test_the_exchanged_note_is_the_mirrored_patients_note(facts, split, seed, spelled_out):
    assume(facts.side != "midline" and facts.neck != "bilateral")
    note, mirrored = (write_note(f, split=split, seed=seed, spelled_out=spelled_out) for f in (facts, facts.mirrored()))
    history = {a for a, b in zip(words(note), words(mirrored), strict=True) if a == b}
    assume(not {word.lower() for word in history} & {"left", "right"})  # a hip or an eye is mirrored by words alone
    assert exchange_sides(note) == mirrored


@pytest.mark.parametrize(
    ("note", "exchanged"),
    [
        ("Left oropharynx, LEFT neck, left-sided.", "Right oropharynx, RIGHT neck, right-sided."),
        ("right and left neck", "left and right neck"),
        ("Lt neck, rt tonsil, Rt. tonsil", "Rt neck, lt tonsil, Lt. tonsil"),
        ("L neck, tonsil (R)", "R neck, tonsil (L)"),
        ("Primary: oropharynx, L. Neck: L neck", "Primary: oropharynx, R. Neck: R neck"),
        ("Side: R", "Side: L"),
        ("Laterality: L\nNeck: R; T2", "Laterality: R\nNeck: L; T2"),
    ],
)
def test_every_way_to_write_a_side_is_exchanged_with_its_capitals(note, exchanged):
    assert exchange_sides(note) == exchanged
    assert exchange_sides(exchanged) == note


@pytest.mark.parametrize(
    "other",
    [
        "bright lesion, leftover food, upright, rightly",
        "L-shaped scar, R0 resection, L4 fracture, 2 L of fluid",
        "RT planning, chemoRT, HEAD AND NECK RT",
        "patient l. r. smith",
    ],
)
def test_words_that_are_no_sides_stay(other):
    assert exchange_sides(f"Left tonsil. {other}.") == f"Right tonsil. {other}."
    with pytest.raises(InputError, match=r"names no side\. Write left or right"):
        exchange_sides(other)


# The facts.


@given(facts_of_a_patient)
def test_a_mirror_twice_is_no_mirror_and_keeps_site_and_doses(facts):
    assert facts.mirrored().mirrored() == facts
    assert (facts.mirrored().site, facts.mirrored().dose_gy) == (facts.site, facts.dose_gy)
    assert (facts.mirrored() == facts) == (facts.side == "midline" and facts.neck == "bilateral")


@pytest.mark.parametrize(
    "values",
    [
        ("tonsil", "left", "left", (70,)),
        ("larynx", "bilateral", "left", (70,)),
        ("larynx", "left", "none", (70,)),
        ("larynx", "left", "left", (63,)),
        ("larynx", "left", "left", (70, 66)),
    ],
)
def test_facts_that_no_note_can_state_are_refused(values):
    with pytest.raises(InputError, match="Correct the"):
        Facts(*values)
