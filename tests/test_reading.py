"""A reader is taught once: what it learns depends on its notes and its seed, not on the network around it."""

from __future__ import annotations

import pytest
import torch
from tiny import write_language_model

from llmseg.model.reader import TextReader
from llmseg.text.encoder import EncoderSpec, TextEncoder
from llmseg.training import reading

BRIEF = {"notes": 24, "steps": 3}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> TextEncoder:
    folder = tmp_path_factory.mktemp("reading")
    return TextEncoder(EncoderSpec(str(write_language_model(folder / "model")), layer=2), cache=folder / "cache")


def taught(encoder: TextEncoder, **options) -> tuple[TextReader, dict[str, float]]:
    width = encoder.encode(["left tonsil"]).tokens.shape[-1]
    reader = TextReader(width, 8, queries=2)
    return reader, reading.pretrain_reader(reader, encoder, **BRIEF, **options)


def test_a_reader_taught_before_is_not_taught_again(encoder, monkeypatch):
    torch.manual_seed(1)
    first, accuracy = taught(encoder)
    monkeypatch.setattr(reading, "_teach", lambda *_: pytest.fail("The reader was taught again."))
    second, again = taught(encoder)
    assert again == accuracy
    assert all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())
    assert not any(parameter.requires_grad for parameter in second.parameters())


def test_what_was_drawn_before_does_not_change_what_is_learned(encoder, monkeypatch):
    monkeypatch.setattr(reading, "_read_taught", lambda *_: None)
    readers = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        readers.append(taught(encoder)[0].state_dict())
    assert all(torch.equal(readers[0][name], readers[1][name]) for name in readers[0])


def test_another_seed_teaches_another_reader(encoder):
    assert not torch.equal(taught(encoder)[0].queries, taught(encoder, seed=1)[0].queries)


def test_a_damaged_reader_is_taught_again_and_said_to_be(encoder, caplog):
    first, accuracy = taught(encoder)
    for path in encoder.folder.glob("reader-*"):
        path.write_bytes(path.read_bytes()[:100])
    second, again = taught(encoder)
    assert "damaged" in caplog.text
    assert again == accuracy
    assert torch.equal(first.queries, second.queries)
