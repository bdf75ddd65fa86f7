"""Facts as ones and zeros: the encoder that needs no language model."""

from __future__ import annotations

import pytest
import torch
from tiny import network_config

from llmseg.case import InputError
from llmseg.model.network import ContextUNETR
from llmseg.model.reader import TextReader
from llmseg.text.encoder import EncoderSpec, TextEncoder
from llmseg.text.facts import NECKS, SIDES, SITES, Facts
from llmseg.text.onehot import ANSWERS, MIRROR, ONE_HOT, VOCABULARY, WIDTH, one_hot
from llmseg.text.stated import StatedFacts
from llmseg.text.wording import write_note

LEFT = Facts("oropharynx", "left", "bilateral", (70, 56))
NODES = (("left", "II", 70), ("left", "III", 70), ("right", "IIa", 56.0), ("right", "IV", 54.0))


@pytest.fixture
def encoder(tmp_path) -> TextEncoder:
    return TextEncoder(EncoderSpec(ONE_HOT), cache=tmp_path)


def places(row: torch.Tensor) -> set[str]:
    return {VOCABULARY[i] for i in row.nonzero().flatten().tolist()}


@pytest.mark.parametrize("facts", [StatedFacts(), LEFT, StatedFacts(site="thyroid", t_stage="T4a", nodes=NODES)])
def test_each_fact_has_exactly_one_answer(facts):
    said = places(one_hot(facts))
    assert [place.split(":")[0] for place in VOCABULARY if place in said] == list(ANSWERS)


def test_a_note_that_says_nothing_is_unknown_throughout():
    assert places(one_hot(StatedFacts())) == {f"{fact}: unknown" for fact in ANSWERS}


def test_what_is_said_stands_at_its_place():
    said = places(one_hot(StatedFacts(side="right", t_stage="T4a", n_stage="N2b", dose_gy=(69.96, 56.0), nodes=NODES)))
    assert {"side: right", "T: T4", "N: N2", "70 Gy: yes", "63 Gy: no", "56 Gy: yes", "site: unknown"} <= said
    assert {"left II: 70 Gy", "left III: 70 Gy", "right II: 56 Gy", "right IV: 56 Gy", "left IV: none"} <= said


def test_facts_that_no_place_was_kept_for_are_unknown():
    assert {"T: unknown", "N: unknown"} <= places(one_hot(StatedFacts(t_stage="Tis", n_stage="NX")))


def test_mirrored_facts_give_the_mirrored_row():
    facts = StatedFacts(site="larynx", side="left", neck="right", nodes=NODES)
    seen = tuple(({"left": "right", "right": "left"}[side], level, dose) for side, level, dose in NODES)
    mirrored = StatedFacts(site="larynx", side="right", neck="left", nodes=seen)
    assert torch.equal(one_hot(mirrored), one_hot(facts)[list(MIRROR)])
    assert not torch.equal(one_hot(mirrored), one_hot(facts))


@pytest.mark.parametrize("split", ["training", "validation"])
def test_a_mirrored_note_gives_the_mirrored_row(encoder, split):
    note, mirrored = (write_note(facts, split=split, seed="a") for facts in (LEFT, LEFT.mirrored()))
    tokens = encoder.encode([note, mirrored]).tokens[:, 0]
    assert torch.equal(tokens[1], tokens[0][list(MIRROR)])


def test_a_note_is_one_token(encoder):
    text = encoder.encode(["Left tonsil carcinoma, 70 Gy.", "Larynx. " * 200])
    assert text.tokens.shape == (2, 1, WIDTH)
    assert text.mask.all()
    assert encoder.tokens_in("Left tonsil carcinoma, 70 Gy.") == 1


def test_wordings_of_the_same_facts_are_read_alike(encoder):
    wordings = [write_note(LEFT, split="training", seed=str(i)) for i in range(4)]
    tokens = encoder.encode(wordings).tokens[:, 0]
    expected = one_hot(LEFT)
    assert all(torch.equal(row, expected) for row in tokens)


def test_no_language_model_loads_and_nothing_is_kept(encoder, tmp_path):
    encoder.warm_up()
    encoder.encode(["Left tonsil carcinoma."])
    assert encoder.loads == 0
    assert encoder.budget == 256
    assert not encoder.cuts("Left tonsil carcinoma.")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_note_is_refused(encoder):
    with pytest.raises(InputError, match="The note is empty"):
        encoder.encode(["  "])


def test_the_fingerprint_is_the_vocabularys_whatever_the_layer():
    assert EncoderSpec(ONE_HOT, layer=3).fingerprint == EncoderSpec(ONE_HOT, max_tokens=99).fingerprint
    assert EncoderSpec(ONE_HOT).fingerprint != EncoderSpec().fingerprint
    assert "one-hot facts" in str(EncoderSpec(ONE_HOT))


def test_a_fact_never_seen_while_standardising_does_not_drown_the_others(encoder):
    seen = [write_note(Facts("larynx", side, "bilateral"), split="training", seed=side) for side in SIDES]
    reader = TextReader(WIDTH, 8, pooling="mean").eval()
    reader.standardise(encoder.encode(seen))
    context = reader(encoder.encode(["Carcinoma of the left oral cavity, T3 N1."]))
    assert context.isfinite().all()
    assert context.abs().max() < 10


def test_a_network_tells_every_site_side_and_neck_apart(encoder):
    torch.manual_seed(0)
    network = ContextUNETR(network_config(token_width=WIDTH, pooling="mean")).eval()
    notes = [f"{side} {site} carcinoma. {neck} neck. 70 Gy." for site in SITES for side in SIDES[:2] for neck in NECKS]
    text = encoder.encode(notes)
    network.reader.standardise(text)
    contexts = network.context(text, len(notes))
    assert len(torch.unique(contexts.round(decimals=4), dim=0)) == len(notes)
