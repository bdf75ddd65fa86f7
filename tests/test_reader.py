"""The reader turns a note's tokens into one vector, and padding has no say in it."""

from __future__ import annotations

import pytest
import torch
from tiny import text

from llmseg.model.reader import FACT_HEADS, TextReader, fact_targets
from llmseg.text.encoder import TextFeatures
from llmseg.text.facts import Facts
from llmseg.text.stated import StatedFacts

POOLINGS = ("queries", "mean", "last")


def reader(pooling: str = "queries", width: int = 8) -> TextReader:
    torch.manual_seed(0)
    return TextReader(16, width, queries=3, pooling=pooling).eval()


@pytest.mark.parametrize("pooling", POOLINGS)
def test_each_note_becomes_one_vector(pooling):
    assert reader(pooling)(text((5, 3, 1))).shape == (3, 8)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_what_stands_in_the_padding_does_not_matter(pooling):
    notes = text((6, 3))
    filled = torch.where(notes.mask[..., None], notes.tokens, 100.0)
    read = reader(pooling)
    assert torch.equal(read(TextFeatures(filled, notes.mask)), read(notes))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_note_reads_the_same_beside_a_longer_one(pooling):
    notes, read = text((9, 4)), reader(pooling)
    alone = TextFeatures(notes.tokens[1:, :4], notes.mask[1:, :4])
    torch.testing.assert_close(read(notes)[1:], read(alone))


@pytest.mark.parametrize("pooling", ["queries", "mean"])
def test_every_real_token_matters(pooling):
    notes, read = text((4,)), reader(pooling)
    for position in range(4):
        changed = notes.tokens.clone()
        changed[0, position, 0] += 1
        assert not torch.allclose(read(TextFeatures(changed, notes.mask)), read(notes))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_standardised_tokens_have_mean_zero_and_deviation_one(pooling):
    notes, read = text((40, 25, 31)), reader(pooling)
    notes = TextFeatures(torch.where(notes.mask[..., None], 3 * notes.tokens + 50, 0), notes.mask)
    read.standardise(notes)
    standard = ((notes.tokens - read.mean) / read.deviation)[notes.mask]
    torch.testing.assert_close(standard.mean(0), torch.zeros(16), atol=1e-4, rtol=0)
    torch.testing.assert_close(standard.std(0), torch.ones(16), atol=1e-4, rtol=0)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_shift_and_scale_of_all_notes_is_undone(pooling):
    notes, read, other = text((12, 9)), reader(pooling), reader(pooling)
    moved = TextFeatures(7 * notes.tokens - 300, notes.mask)
    read.standardise(notes)
    other.standardise(moved)
    torch.testing.assert_close(other(moved), read(notes), atol=1e-3, rtol=1e-3)


def test_a_width_in_which_all_notes_agree_divides_by_nothing_small():
    notes, read = text((5, 3)), reader()
    notes.tokens[..., 0] = 4.0
    read.standardise(notes)
    assert read(notes).isfinite().all()


def test_mean_pooling_projects_the_mean_of_the_real_tokens():
    notes, read = text((5, 2)), reader("mean")
    means = torch.stack([notes.tokens[0].mean(0), notes.tokens[1, :2].mean(0)])
    torch.testing.assert_close(read(notes), read.project(means))


def test_last_pooling_projects_the_last_real_token_alone():
    notes, read = text((5, 2, 1)), reader("last")
    lasts = torch.stack([notes.tokens[0, 4], notes.tokens[1, 1], notes.tokens[2, 0]])
    torch.testing.assert_close(read(notes), read.project(lasts))


def test_the_order_of_tokens_is_left_to_the_language_model():
    notes, read = text((6,)), reader()
    turned = TextFeatures(notes.tokens.flip(1), notes.mask)
    torch.testing.assert_close(read(turned), read(notes))


def test_gradients_reach_every_query_and_every_weight():
    read = reader()
    read(text()).square().sum().backward()
    assert read.queries.grad.abs().sum(1).gt(0).all()
    assert all(parameter.grad is not None for parameter in read.parameters())


def test_standardisation_travels_with_the_weights():
    read, other = reader(), reader()
    read.standardise(text((9, 9), seed=3))
    other.load_state_dict(read.state_dict())
    torch.testing.assert_close(other(text()), read(text()), atol=0, rtol=0)
    assert {"mean", "deviation"} <= read.state_dict().keys()


def test_each_fact_has_one_answer_among_those_asked():
    said = StatedFacts.of(Facts("larynx", "midline", "bilateral", (70, 56), "T4", "N0", (("right", "II", 56),)))
    answers = dict(zip(FACT_HEADS, fact_targets(said), strict=True))
    assert [answers[fact] for fact in ("site", "side", "neck", "63 Gy", "56 Gy")] == [3, 2, 2, 0, 1]
    assert [answers[fact] for fact in ("t_stage", "n_stage", "right II", "left II")] == [3, 0, 3, 0]
    assert all(0 <= answer < FACT_HEADS[fact] for fact, answer in answers.items())


def test_what_a_note_leaves_out_is_an_answer_of_its_own():
    answers = dict(zip(FACT_HEADS, fact_targets(StatedFacts()), strict=True))
    assert all(answer == FACT_HEADS[fact] - 1 for fact, answer in answers.items())
