"""The nodal plan: stated in many orders, read the same; told from contours, mirrored, and written into the prompt."""

from __future__ import annotations

import numpy as np
import pytest

from llmseg.case import Case, InputError, Note, Structures
from llmseg.datasets.nodal import n_stage, nodal_plan, t_stage
from llmseg.evaluation.notes import KINDS, noted
from llmseg.text.facts import NODES, Facts
from llmseg.text.note import read_note
from llmseg.text.wording import write_note

PLAN = (("left", "II", 70), ("left", "III", 70), ("left", "IV", 56), ("right", "II", 56))
FACTS = Facts("oropharynx", "left", "bilateral", (70, 56), "T3", "N2", PLAN)


@pytest.mark.parametrize(
    "note",
    [
        "70 Gy to left II-III; 56 Gy to left IV and right II.",
        "Left neck: levels II and III 70 Gy, IV 56 Gy. Right neck: level II 56 Gy.",
        "Levels II, III left to 70 Gy; level IV left to 56 Gy; level II right to 56 Gy",
        "Nodal plan: left II 70, III 70, IV 56; right II 56 Gy",
        "Left levels: II (70 Gy), III (70 Gy), IV (56 Gy).\nRight levels: II (56 Gy).",
        "Lt neck II/III 70 Gy, IV 56 Gy; Rt neck II 56 Gy",
    ],
)
def test_a_nodal_plan_is_read_in_any_order_of_side_level_and_dose(note):
    assert read_note(f"Left tonsil SCC, bilateral neck, 70 / 56 Gy.\n{note}").facts.nodes == PLAN


@pytest.mark.parametrize(
    "note",
    [
        "Left tonsil SCC, T2N1M0, 70 Gy in 35 fractions to both necks.",
        "A 2 cm node in level II on the left. IV contrast was given. 70 / 56 Gy in 35 fractions.",
        "Stage III-IV disease, left neck, plan 70 Gy in 35 fractions.",
        "CN V and VII intact on the left. Prescription 70 Gy.",
    ],
)
def test_a_note_without_a_nodal_plan_gives_none(note):
    assert read_note(note).facts.nodes == ()


def test_a_nodal_plan_does_not_change_what_else_is_read():
    essential = "Left tonsil SCC, bilateral neck, 70 / 56 Gy."
    plain, full = read_note(essential).facts, read_note(f"{essential}\n56 Gy: right II-V. 70 Gy: left II-V.").facts
    for fact in ("site", "side", "neck", "dose_gy"):
        assert getattr(plain, fact) == getattr(full, fact)


@pytest.mark.parametrize("split", ["training", "validation"])
def test_an_expanded_note_states_every_fact_in_every_wording(split):
    for seed in range(60):
        facts = read_note(write_note(FACTS, split=split, seed=seed)).facts
        assert facts.nodes == PLAN
        assert (facts.t_stage[:2], facts.n_stage[:2]) == ("T3", "N2")


def test_an_essential_note_tells_neither_stage_nor_plan():
    for seed in range(60):
        reading = read_note(write_note(FACTS.essential, split="validation", seed=seed))
        assert "Stage" not in reading.prompt
        assert reading.facts.nodes == ()


def test_a_mirror_exchanges_the_necks():
    mirrored = FACTS.mirrored()
    assert mirrored.nodes == (("left", "II", 56), ("right", "II", 70), ("right", "III", 70), ("right", "IV", 56))
    assert mirrored.mirrored() == FACTS


def test_facts_survive_json():
    assert Facts.from_json(FACTS.to_json()) == FACTS
    assert Facts.from_json(FACTS.essential.to_json()) == FACTS.essential


@pytest.mark.parametrize("node", [("left", "VIII", 70), ("middle", "II", 70), ("left", "II", 63)])
def test_a_level_outside_the_plan_is_refused(node):
    with pytest.raises(InputError, match="no level and dose of this plan"):
        Facts("larynx", "left", "left", (70, 56), nodes=(node,))


def case_of(facts: Facts | None) -> Case:
    return Case("pt_1", Note("As it was written."), "validation", lambda: None, lambda: None, facts)


def neck(*boxes: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]) -> np.ndarray:
    """A mask on a grid of 4 mm with these boxes, in mm from the parotids' centre at the midline: x, y, z."""
    mask = np.zeros((60, 60, 60), bool)
    for box in boxes:
        mask[tuple(slice(round(low / 4) + 30, round(high / 4) + 30) for low, high in box)] = True
    return mask


def plan_of(**targets: np.ndarray):
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -120.0
    cord = neck(((-4, 4), (-4, 4), (-110, 60)))
    masks = {int(name[1:]): mask for name, mask in targets.items()}
    return nodal_plan(masks, Structures({"SpinalCord": cord}, affine), 0.0, 0.0, 0.0)


def test_a_box_below_and_left_of_the_parotids_is_the_level_that_lies_there():
    left_ii, right_iv = ((-40, -20), (12, 40), (-30, -2)), ((20, 40), (12, 40), (-100, -70))
    assert plan_of(d70=neck(left_ii), d56=neck(right_iv)) == (("left", "II", 70), ("right", "IV", 56))
    assert plan_of(d70=neck(((-8, 8), (12, 40), (-30, -2)))) == ()


def test_a_level_of_two_doses_has_the_higher_one_where_that_is_no_trifle():
    half, rim = ((-40, -20), (12, 28), (-30, -2)), ((-40, -20), (28, 40), (-30, -2))
    assert plan_of(d70=neck(half), d56=neck(rim)) == (("left", "II", 70),)
    assert plan_of(d70=neck(((-40, -20), (12, 16), (-30, -2))), d56=neck(((-40, -20), (16, 40), (-30, -2)))) == (
        ("left", "II", 56),
    )


def test_the_stage_follows_size_and_levels():
    assert [t_stage(ml) for ml in (50, 130, 300, 900)] == ["T1", "T2", "T3", "T4"]
    assert n_stage(()) == n_stage((("left", "II", 56),)) == "N0"
    assert n_stage(PLAN[:1]) == "N1"
    assert n_stage(PLAN) == "N2"
    assert n_stage(tuple((*node, 70) for node in NODES)) == "N3"


def test_notes_of_every_kind_differ_and_say_what_they_should():
    case = case_of(FACTS)
    prompts = {kind: read_note(noted(case, kind).text).prompt for kind in KINDS if kind != "empty"}
    assert noted(case, "empty") is None
    assert "Nodal plan: left II 70" in prompts["expanded"]
    assert "Nodal plan" not in prompts["essential"]
    assert "left" not in prompts["sparse"]
    assert "right oropharynx" in prompts["wrong"]
    assert len(set(prompts.values())) == len(prompts)


def test_a_wrong_note_on_a_midline_tumour_names_another_site():
    facts = Facts("larynx", "midline", "bilateral")
    assert read_note(noted(case_of(facts), "wrong").text).facts.site == "oropharynx"


def test_an_unknown_kind_and_a_case_without_facts_are_refused():
    with pytest.raises(InputError, match="essential, expanded, sparse, wrong, empty"):
        noted(case_of(FACTS), "poetic")
    with pytest.raises(InputError, match="pt_1 has no facts"):
        noted(case_of(None), "essential")
