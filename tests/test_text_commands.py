"""`llmseg text ...`: what is printed, and one clear line for what cannot be used."""

from __future__ import annotations

import io
import json

import pytest
from tiny import write_language_model

from llmseg.cli import main
from llmseg.evaluation.probes import FACTS, compare, ways
from llmseg.text.encoder import EncoderSpec

NOTE = "Mr. John Miller, 68M, SCC L tonsil cT2N1, plan 70/56 Gy in 35# to bilat neck"


@pytest.fixture
def note(tmp_path):
    (tmp_path / "note.txt").write_text(NOTE, encoding="utf-8")
    return tmp_path / "note.txt"


def test_parse_prints_one_json_object_with_offsets_into_the_original(note, capsys):
    assert main(["text", "parse", str(note), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {"deidentified", "redactions", "sections", "facts", "prompt"} <= set(said)
    facts = {
        name: said["facts"][name] for name in ("site", "side", "t_stage", "n_stage", "m_stage", "fractions", "neck")
    }
    assert facts == {
        "site": "oropharynx",
        "side": "left",
        "t_stage": "T2",
        "n_stage": "N1",
        "m_stage": None,
        "fractions": 35,
        "neck": "bilateral",
    }
    assert said["facts"]["dose_gy"] == [70, 56]
    [redaction] = said["redactions"]
    assert NOTE[redaction["start"] : redaction["end"]] == "John Miller"
    assert "Miller" not in said["deidentified"]


def test_parse_reads_stdin_and_another_template(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Right larynx SCC T3N0M0, 70 Gy")))
    assert main(["text", "parse", "-", "--template", "paper"]) == 0
    assert "Diagnosis: right laryngeal carcinoma; Stage: T3N0M0; Radiation: IMRT 70Gy." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"left \xff\xfe tonsil", "not UTF-8"),
        ("linke Tonsille, T2N1M0 \N{GRINNING FACE} \u0627\u0644\u064a\u0633\u0631\u0649".encode("utf-16"), "not UTF-8"),
        (b"\x7fELF\x00\x01\x02left", "no text"),
        (b"left tonsil " * 90_000, "characters"),
    ],
)
def test_what_is_no_note_is_refused_in_one_line(tmp_path, capsys, content, said):
    (tmp_path / "bad.txt").write_bytes(content)
    assert main(["text", "parse", str(tmp_path / "bad.txt"), "--json"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize("options", [["--template", "haiku"], ["--template", "missing.toml"]])
def test_an_unknown_template_is_refused_in_one_line(note, capsys, options):
    assert main(["text", "parse", str(note), *options]) == 2
    assert "There is no template" in capsys.readouterr().err


def test_a_probe_reads_the_bag_of_words_and_the_rebuilt_prompt_reads_better():
    written, rebuilt = compare(ways([], [])[:1], notes=240)
    assert set(written.accuracy) == set(FACTS)
    assert all(0 < share <= 1 for share in written.accuracy.values())
    assert sum(rebuilt.accuracy.values()) >= sum(written.accuracy.values())


def test_each_way_of_pooling_can_be_probed(tmp_path):
    spec = EncoderSpec(str(write_language_model(tmp_path / "model")), layer=2)
    asked = ways([("tiny", spec)], [2])[1:]
    assert {way.pooling for way in asked} == {"mean", "last", "queries"}
    assert len(list(compare(asked, notes=30, cache=tmp_path))) == 2 * len(asked)
