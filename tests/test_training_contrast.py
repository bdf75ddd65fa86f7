"""Images learn which note is theirs, and contouring starts from what they learned."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from patients import COARSE_MM, teach_briefly, write_config
from tiny import write_language_model
from torch.nn import functional

from llmseg.case import InputError, Note
from llmseg.datasets.folder import Dataset, read_dataset, write_case, write_manifest
from llmseg.datasets.phantom import make_phantom
from llmseg.model.checkpoint import load_checkpoint
from llmseg.text.facts import Facts
from llmseg.text.stated import StatedFacts
from llmseg.text.wording import write_note
from llmseg.training import finetune
from llmseg.training.config import read_config
from llmseg.training.contrastive import differing, info_nce, pretrain, retrieval
from llmseg.training.finetune import train
from llmseg.training.prepared import Augmentation

FACTS = Facts("oropharynx", "left", "bilateral", (70, 56), "T2", "N1")
PHANTOMS = range(900_400, 900_408)
STEPS = 80
SETTINGS = (f"steps={STEPS}", "batch=4", "validate_every=40", "save_every=30", "learning_rate=3e-3",
            "contrast.width=16", "contrast.memory=8", "contrast.negatives=3", "tuning_share=0.3")  # fmt: skip
STILL = tuple(f"augment.{field.name}=0" for field in fields(Augmentation))
"""Few steps suffice to know patients who hold still."""


@pytest.fixture(scope="module", autouse=True)
def _brief():
    threads, taught = torch.get_num_threads(), finetune.pretrain_reader
    torch.set_num_threads(1)
    teach_briefly(finetune)
    yield
    finetune.pretrain_reader = taught
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("contrast")


@pytest.fixture(scope="module")
def dataset(shared) -> Dataset:
    """Teaching phantoms: the image tells the site of the twin lesions, and not which of them is the target."""
    entries = []
    for seed in PHANTOMS:
        phantom, id = make_phantom(seed, teaching=True, spacing_mm=COARSE_MM), f"phantom_{seed}"
        note = write_note(phantom.facts, split="training", seed=id)
        entry = write_case(shared / "phantoms", id, phantom.volume, phantom.structures, note)
        entries.append({**entry, "facts": phantom.facts.to_json()})
    write_manifest(shared / "phantoms", {"training": entries}, "teaching phantoms", "For tests.")
    return read_dataset(shared / "phantoms")


@pytest.fixture(scope="module")
def config(shared):
    path = write_config(shared / "run.toml", write_language_model(shared / "language"))
    return lambda *settings: read_config(path, (*SETTINGS, *STILL, *settings))


@pytest.fixture(scope="module")
def pretrained(dataset, config, shared) -> Path:
    """The folder of a run."""
    return pretrain(config(), [dataset], shared / "run", cache=shared / "cache").parent


def lines_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def refused(action, *arguments, **options) -> str:
    with pytest.raises(InputError) as caught:
        action(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# The loss


def embeddings(count: int, seed: int = 0) -> torch.Tensor:
    return functional.normalize(torch.randn(count, 8, generator=torch.Generator().manual_seed(seed)), dim=1)


def numbers(*values: int) -> torch.Tensor:
    return torch.tensor(values)


def test_pairs_that_lie_together_cost_nothing_and_pairs_at_random_the_logarithm_of_their_number():
    apart, alike = torch.eye(8)[:4], torch.ones(4, 8) / math.sqrt(8)
    said = numbers(0, 1, 2, 3)
    found = info_nce(apart, apart, said, said, pairs=4, sharpness=100.0)
    assert found.loss < 1e-6
    assert found.accuracy == 1
    assert float(info_nce(alike, alike, said, said, pairs=4, sharpness=100.0).loss) == pytest.approx(math.log(4))


def test_both_directions_count_alike():
    images, notes, said = embeddings(5), embeddings(5, seed=1), numbers(0, 1, 2, 3, 4)
    one = info_nce(images, notes, said, said, pairs=5, sharpness=7.0).loss
    other = info_nce(notes, images, said, said, pairs=5, sharpness=7.0).loss
    by_torch = [functional.cross_entropy(7 * a @ b.T, torch.arange(5)) for a, b in ((images, notes), (notes, images))]
    torch.testing.assert_close(one, sum(by_torch) / 2)
    torch.testing.assert_close(one, other)


@pytest.mark.parametrize("same", [0, -1])
def test_one_that_says_the_same_or_nothing_is_not_wrong(same):
    images, notes = embeddings(1), torch.cat((embeddings(1, seed=1), embeddings(1)))
    found = info_nce(images, notes, numbers(0), numbers(0, same), pairs=1, sharpness=7.0)
    assert found.loss == 0
    assert info_nce(images, notes, numbers(0), numbers(0, 1), pairs=1, sharpness=7.0).loss > 1


def test_remembered_images_and_notes_add_to_the_wrong_ones():
    images, notes, said = embeddings(2), embeddings(2, seed=1), numbers(0, 1)
    bare = info_nce(images, notes, said, said, pairs=2, sharpness=1.0).loss
    more = torch.cat((images, embeddings(3, seed=2)))
    assert info_nce(more, notes, numbers(0, 1, 2, 3, 4), said, pairs=2, sharpness=1.0).loss > bare


# Notes that differ in one fact


def changed_facts(one: StatedFacts, other: StatedFacts) -> list[str]:
    return [f.name for f in fields(StatedFacts) if getattr(one, f.name) != getattr(other, f.name)]


def test_a_hard_negative_differs_in_one_fact_and_each_fact_has_its_turn():
    said = StatedFacts.of(FACTS)
    others = differing(said, 12, "seed")
    changed = [changed_facts(said, other) for other in others]
    assert all(len(names) == 1 for names in changed)
    stated = {"site", "side", "neck", "dose_gy", "t_stage", "n_stage"}
    assert {name for (name,) in changed[:6]} == {name for (name,) in changed} == stated
    assert len(set(others)) == 12
    assert differing(said, 12, "seed") == others != differing(said, 12, "another seed")


def test_what_is_not_stated_is_not_changed():
    assert {tuple(changed_facts(StatedFacts(side="left"), o)) for o in differing(StatedFacts(side="left"), 9, 0)} == {
        ("side",)
    }
    assert differing(StatedFacts(), 4, 0) == []
    assert all(other.t_stage != "T4" for other in differing(StatedFacts(t_stage="T4a"), 9, 0))


# Finding


def test_retrieval_counts_both_directions_and_the_changed_notes():
    images, rows = torch.eye(8)[:3], torch.tensor([[0, 3], [1, 4], [2, -1]])
    notes = torch.cat((torch.eye(8)[:3], torch.eye(8)[3:6]))
    perfect = retrieval(images, notes, rows)
    assert {perfect[name] for name in ("score", "image to note", "note to image", "one fact")} == {1.0}
    assert perfect["chance"] == pytest.approx(1 / 5, abs=1e-3)
    fooled = retrieval(images, torch.cat((torch.eye(8)[:3], torch.eye(8)[:3])), rows)
    assert (fooled["note to image"], fooled["one fact"]) == (1.0, pytest.approx(1 / 3, abs=1e-3))
    swapped = retrieval(images, notes[[1, 2, 0, 3, 4, 5]], rows)
    assert swapped["image to note"] == swapped["note to image"] == 0
    assert 0 < swapped["score"] < 0.5


# A run


def test_the_loss_falls_and_images_find_their_notes_above_chance(pretrained):
    steps = [line for line in lines_of(pretrained) if "loss" in line]
    first, last = steps[2:12], steps[-20:]  # the memory is full
    assert np.mean([line["loss"] for line in last]) < 0.7 * np.mean([line["loss"] for line in first])
    assert np.mean([line["accuracy"] for line in last]) > 4 / (4 + 4 * 3 + 8)
    assert all(0.01 <= line["temperature"] <= 1 for line in steps)
    assert steps[-1]["temperature"] != steps[0]["temperature"]


def test_tuning_patients_choose_the_step(pretrained):
    found = [line["validation"] for line in lines_of(pretrained) if "validation" in line]
    assert {"score", "image to note", "note to image", "one fact", "chance"} == set(found[0])
    _, described = load_checkpoint(pretrained / "checkpoint")
    assert described.trained["tuning_scores"]["score"] == max(scores["score"] for scores in found)


def test_the_checkpoint_says_that_it_contours_nothing(pretrained):
    _, described = load_checkpoint(pretrained / "checkpoint")
    assert described.trained["stage"] == "pretrain"
    assert "contours nothing yet" in (pretrained / "checkpoint" / "README.md").read_text()


def test_only_the_encoder_learned(pretrained, config):
    torch.manual_seed(config().seed)
    fresh = finetune.build_network(config().network).state_dict()
    learned = torch.load(pretrained / "trainer.pt", weights_only=True)["network"]
    changed = {name.split(".")[0] for name in fresh if not torch.equal(fresh[name], learned[f"network.{name}"])}
    assert changed == {"encoder", "reader"}  # the reader was taught before


def test_a_stopped_run_goes_on_along_the_same_curve(dataset, config, shared, pretrained, tmp_path, monkeypatch):
    from llmseg.training import run

    validate, seen = run.Course._validate, []

    def stop(course) -> dict:
        seen.append(course.step)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return validate(course)

    monkeypatch.setattr(run.Course, "_validate", stop)
    with pytest.raises(KeyboardInterrupt):
        pretrain(config(), [dataset], tmp_path / "run", cache=shared / "cache")
    monkeypatch.undo()
    pretrain(config(), [dataset], tmp_path / "run", cache=shared / "cache", resume=True)
    kept = ("step", "loss", "accuracy", "validation")
    ours, theirs = ([{k: line.get(k) for k in kept} for line in lines_of(f)] for f in (tmp_path / "run", pretrained))
    assert ours == theirs


def test_contouring_starts_from_its_encoder_and_reader(dataset, config, shared, pretrained, tmp_path, monkeypatch):
    monkeypatch.setattr(finetune, "pretrain_reader", lambda *_, **__: pytest.fail("The reader was taught again."))
    chosen = replace(config(), steps=1, learning_rate=1e-9)
    out = train(chosen, [dataset], tmp_path / "run", cache=shared / "cache", init=[pretrained / "checkpoint"])
    theirs, _ = load_checkpoint(pretrained / "checkpoint")
    ours = torch.load(tmp_path / "run" / "trainer.pt", weights_only=True)["network"]
    for name, value in theirs.state_dict().items():
        if name.split(".")[0] in ("encoder", "reader"):
            torch.testing.assert_close(ours[name], value, atol=1e-6, rtol=1e-6)
    _, described = load_checkpoint(out)
    assert described.trained["init"]["taken"] == ["encoder", "reader"]
    assert described.trained["init"]["stage"] == "pretrain"
    assert "stage" not in described.trained


def test_a_network_that_cannot_read_is_refused(dataset, config, shared, tmp_path):
    for setting in ("network.fusion=none", "network.architecture=dynunet"):
        message = refused(pretrain, config(setting), [dataset], tmp_path / "run", cache=shared / "cache")
        assert "context-unetr that reads" in message
    assert not (tmp_path / "run").exists()


def test_patients_without_a_note_cannot_be_aligned(dataset, config, shared, tmp_path):
    silent = [replace(case, facts=None, note=Note("")) for case in dataset.cases]
    nobody = replace(dataset, manifest_hash="e" * 64, cases=tuple(silent))
    message = refused(pretrain, config(), [nobody], tmp_path / "run", cache=shared / "cache")
    assert "note" in message
    assert not (tmp_path / "run").exists()


def test_neither_stage_goes_on_with_a_run_of_the_other(dataset, config, shared, pretrained):
    message = refused(train, config(), [dataset], pretrained, cache=shared / "cache", resume=True)
    assert "stage" in message
