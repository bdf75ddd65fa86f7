"""Which words moved the contour, and whether note and contour agree."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import body, write_checkpoint, write_language_model

from llmseg.case import Note, Structures
from llmseg.explain import (
    MOST_PHRASES,
    ablate,
    check,
    counterfactuals,
    difference,
    paraphrase,
    phrases_of,
    sensitivity,
    without,
)
from llmseg.segmenter import Segmenter
from llmseg.text.note import read_note

NOTE = "cT2N1M0 SCC of the left tonsil. Plan: 70 / 56 Gy to both sides of the neck. He keeps bees, and sings."
AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])


@pytest.fixture(scope="module")
def ct(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explain")
    language_model = write_language_model(folder / "model")
    write_checkpoint(folder / "tiny", language_model)
    segmenter = Segmenter.load(folder / "tiny", "cpu", cache=folder / "cache")
    return segmenter.open(body())


def box(low: int, high: int, shape: tuple[int, int, int] = (20, 10, 10)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[low:high, 3:7, 3:7] = True
    return mask


def drawn(**masks: np.ndarray) -> Structures:
    return Structures(masks, AFFINE)


def facts_of(note: str):
    return read_note(note).facts


# ---- how two contours differ ----


def test_a_difference_is_told_in_millilitres_and_where():
    before, after = drawn(PTV_High=box(2, 6), SpinalCord=box(9, 11)), drawn(PTV_High=box(4, 8), SpinalCord=box(9, 11))
    delta = difference(before, after)
    assert set(delta) == {"PTV_High"}
    assert delta["PTV_High"].added_ml == delta["PTV_High"].removed_ml == pytest.approx(2 * 16 * 8 / 1000)
    assert delta["PTV_High"].share == pytest.approx(1.0)
    assert delta["PTV_High"].side == "left"  # x runs to the patient's right, the cord lies beyond
    assert before["PTV_High"][delta["PTV_High"].centre] != after["PTV_High"][delta["PTV_High"].centre]


def test_what_moves_from_one_side_to_the_other_moves_on_both():
    cord = box(9, 11)
    delta = difference(drawn(PTV_High=box(2, 6), SpinalCord=cord), drawn(PTV_High=box(14, 18), SpinalCord=cord))
    assert delta["PTV_High"].side == "both"
    assert delta["PTV_High"].share == pytest.approx(2.0)


def test_equal_contours_do_not_differ():
    assert difference(drawn(PTV_High=box(2, 6)), drawn(PTV_High=box(2, 6))) == {}


# ---- phrases ----


def test_each_fact_is_one_phrase_wherever_it_is_said():
    reading = read_note("Left tonsil SCC. Side: left. 70 Gy.")
    by_fact = {fact: phrase for phrase in phrases_of(reading) for fact in phrase.facts}
    assert len(by_fact["side"].spans) == 2
    assert "eft" not in without(reading, by_fact["side"])


def test_there_are_never_more_phrases_than_asked_for_and_facts_come_first():
    note = NOTE + " " + " ".join(f"He has told us story number {n}." for n in range(40))
    phrases = phrases_of(read_note(note))
    assert len(phrases) == MOST_PHRASES
    assert {"site", "side", "neck", "dose_gy"} <= {fact for phrase in phrases for fact in phrase.facts}


def test_only_words_that_state_a_fact_move_the_contour(ct):
    explained = ablate(ct, Note(NOTE))
    moved = {effect.words: effect.moved_ml for effect in explained.effects}
    assert moved["left"] > 0
    assert moved["He keeps bees"] == 0
    assert explained.decodes <= 12
    prompts = {effect.shorter.prompt for effect in explained.effects} | {explained.reading.prompt}
    assert explained.decodes == len(prompts)


def test_an_effect_is_what_segmenting_the_shorter_note_gives(ct):
    explained = ablate(ct, Note(NOTE))
    effect = next(e for e in explained.effects if "side" in e.phrase.facts)
    whole, shorter = (ct.segment(r).structures for r in (explained.reading, effect.shorter))
    expected = difference(whole, shorter)
    assert effect.moved_ml == pytest.approx(sum(d.moved_ml for d in expected.values()), rel=0.05)


# ---- counterfactuals ----


def test_each_counterfactual_changes_what_it_says_and_nothing_else():
    reading = read_note(NOTE)
    presets = {name: facts_of(note) for name, note in counterfactuals(reading).items() if note}
    assert presets["wrong side"].side == "right"
    assert presets["wrong side"].site == "oropharynx"
    assert presets["other site"].site == "larynx"
    assert presets["other site"].side == "left"
    assert presets["other stage"].t_stage == "T4a"
    assert presets["other stage"].n_stage == "N1"
    for name in ("site", "side", "neck", "dose_gy"):
        assert getattr(presets["paraphrase"], name) == getattr(reading.facts, name)


def test_a_paraphrase_has_other_words():
    assert paraphrase(read_note(NOTE)) != NOTE
    assert paraphrase(read_note("Left tonsil SCC.")) is None


def test_presets_that_make_no_sense_of_a_note_are_not_offered():
    assert set(counterfactuals(read_note("A tumour. 70 Gy."))) == {"empty"}
    assert "another patient" in counterfactuals(read_note(NOTE), another="Right larynx.")


def test_a_wrong_side_counts_and_a_paraphrase_does_not(ct):
    found = sensitivity(ct, Note(NOTE))
    assert found.paraphrase == 0
    assert found.wrong_side > 0
    assert found.score == found.wrong_side


def test_a_note_without_a_side_has_no_score(ct):
    assert sensitivity(ct, Note("Midline larynx SCC, both necks, 70 Gy")).score is None


# ---- consistency ----


def says(words: str, note: str, structures: Structures | None = None) -> bool:
    return any(words in line for line in check(read_note(note), structures))


def test_a_note_and_a_contour_that_agree_raise_no_warning():
    left = drawn(PTV_High=box(2, 6), SpinalCord=box(9, 11))
    assert check(read_note("Left tonsil SCC, bilateral neck, 70 / 56 Gy"), left) == []


def test_a_contour_on_the_other_side_is_said_to_be():
    left = drawn(PTV_High=box(2, 6), SpinalCord=box(9, 11))
    assert says("The note says right, but PTV_High lies mostly on the left", "Right tonsil SCC, 70 Gy", left)


def test_n0_with_levels_that_no_elective_volume_holds_is_said():
    note = "Left tonsil SCC T1N0, levels II-III, 70 Gy, left neck"
    assert says("N0", note, drawn(PTV_High=box(2, 6), PTV_Low=box(0, 0), SpinalCord=box(9, 11)))
    assert not says("N0", note, drawn(PTV_High=box(2, 6), PTV_Low=box(4, 6), SpinalCord=box(9, 11)))


def test_an_organ_that_is_not_drawn_is_said():
    assert says("optic chiasm", "Left tonsil SCC, 70 Gy. Chiasm max 54 Gy.")
    assert not says("does not draw", "Left tonsil SCC, 70 Gy. Cord max 45 Gy.")


def test_a_sparse_note_says_what_is_missing():
    assert says("no site, side, neck or dose", "The patient feels well.")
    assert says("does not state the neck", "Left tonsil SCC, 70 Gy")


def test_what_the_network_never_saw_is_said():
    assert says("oral cavity", "Left floor of mouth carcinoma, left neck, 70 Gy")
    assert says("66", "Left tonsil SCC, left neck, 66 Gy")
    assert says("only the right neck", "Left tonsil SCC. Plan: right neck, 70 Gy.")
