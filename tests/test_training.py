"""A run learns, keeps what it must, ships its best, and stops with one line where it cannot go on."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from patients import teach_briefly, write_config, write_patients
from PIL import Image
from tiny import write_language_model

from llmseg.case import STRUCTURES, InputError, Note
from llmseg.datasets.folder import Dataset
from llmseg.model.architectures import build_network
from llmseg.model.checkpoint import load_checkpoint
from llmseg.segmenter import Segmenter
from llmseg.training import finetune
from llmseg.training.config import TrainConfig, read_config
from llmseg.training.finetune import structure_weights, train
from llmseg.training.losses import dice_focal
from llmseg.training.patients import Patients
from llmseg.training.runfolder import PICTURE, lock
from llmseg.training.samples import is_tuning, nested_share
from llmseg.training.starting import read_start
from llmseg.training.watching import read_run

IMAGE_ONLY = "network.fusion=none"
STEPS = 48


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
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="module")
def dataset(shared) -> Dataset:
    return write_patients(shared / "patients")


@pytest.fixture(scope="module")
def config(shared):
    path = write_config(shared / "run.toml", write_language_model(shared / "language"))
    return lambda *settings: read_config(path, settings)


@dataclass
class Run:
    """A finished run, and what was seen of it from outside."""

    config: TrainConfig
    folder: Path
    told: list[tuple[str, float, dict]]
    read_with: dict[str, torch.Tensor]

    @property
    def lines(self) -> list[dict]:
        return lines_of(self.folder)

    @property
    def steps(self) -> list[dict]:
        return [line for line in self.lines if "loss" in line]

    @property
    def trainer(self) -> dict:
        return state_of(self.folder)


@pytest.fixture(scope="module")
def trained(dataset, config, shared) -> Run:
    """Trained with notes, tuning patients and the same phantoms as extras."""
    told, read_with = [], {}

    def spy(reader, encoder, **options):
        accuracy = finetune_pretrain(reader, encoder, **options)
        read_with.update({name: value.clone() for name, value in reader.state_dict().items()})
        return accuracy

    finetune_pretrain, finetune.pretrain_reader = finetune.pretrain_reader, spy
    try:
        chosen = config(f"steps={STEPS}", "validate_every=16", "save_every=8")
        folder = shared / "trained"
        checkpoint = train(chosen, [dataset], folder, cache=shared / "cache", report=lambda *said: told.append(said))
    finally:
        finetune.pretrain_reader = finetune_pretrain
    assert checkpoint == folder / "checkpoint"
    return Run(chosen, folder, told, read_with)


@pytest.fixture
def start(dataset, config, shared, tmp_path):
    """Start a run in a fresh folder, or again in the same one."""

    def start(*settings: str, datasets=None, out=tmp_path / "run", **options) -> Path:
        return train(config(*settings), datasets or [dataset], out, cache=shared / "cache", **options).parent

    return start


def lines_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def state_of(folder: Path) -> dict:
    return torch.load(folder / "trainer.pt", weights_only=True)


def refused(action, *arguments, **options) -> str:
    with pytest.raises(InputError) as caught:
        action(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# A whole run


def test_the_latest_validation_leaves_a_picture(trained):
    with Image.open(trained.folder / PICTURE) as picture:
        assert picture.format == "PNG"
        assert np.ptp(np.asarray(picture.convert("L"))) > 200
    assert read_run(trained.folder).picture == trained.folder / PICTURE


def test_the_loss_falls(trained):
    losses = [line["loss"] for line in trained.steps]
    assert np.mean(losses[-8:]) < 0.85 * np.mean(losses[:8])


def test_every_step_is_logged_once_with_its_parts(trained):
    assert [line["step"] for line in trained.steps] == list(range(1, STEPS + 1))
    for line in trained.steps:
        weighted = trained.config.dice_weight * line["dice"] + trained.config.focal_weight * line["focal"]
        assert line["loss"] == pytest.approx(weighted, rel=1e-4)
    assert [line["step"] for line in trained.lines if "validation" in line] == [16, 32, 48]


def test_the_rate_warms_up_and_falls_to_a_hundredth(trained):
    rates = [line["rate"] for line in trained.steps]
    top = trained.config.learning_rate
    assert rates[: trained.config.warmup] == pytest.approx([top / 2, top])
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert rates[-1] == pytest.approx(top / 100, rel=0.3)


def test_progress_tells_each_stage_to_its_end(trained):
    ends = {what: share for what, share, _ in trained.told}
    learning = {"training", "validation", "trained"}
    assert set(ends) == {"preparing patients", "reading notes", "teaching the reader"} | learning
    assert set(ends.values()) == {1.0}


def test_the_reader_stays_as_it_was_taught(trained):
    for weights in (trained.trainer["network"], trained.trainer["average"]):
        kept = {name[7:]: value for name, value in weights.items() if name.startswith("reader.")}
        assert kept.keys() == trained.read_with.keys()
        for name, value in kept.items():
            torch.testing.assert_close(value, trained.read_with[name])


def test_the_null_context_learns(trained):
    assert trained.trainer["network"]["null_context"].abs().min() > 0


def test_everything_that_is_not_the_reader_learns(trained):
    torch.manual_seed(trained.config.seed)
    fresh = build_network(trained.config.network).state_dict()
    learned = trained.trainer["network"]
    still = {name for name in fresh if torch.equal(fresh[name], learned[name]) and not name.startswith("reader.")}
    assert {name.split(".")[-2] for name in still} <= {"norm_cross_attn"}  # MONAI's block has one it does not use


def test_the_checkpoint_is_the_averaged_network_of_the_best_step(trained):
    network, described = load_checkpoint(trained.folder / "checkpoint")
    scores = [line["validation"]["score"] for line in trained.lines if "validation" in line]
    best = [16, 32, 48][int(np.argmax(scores))]
    assert described.trained["steps"] == best
    assert described.trained["tuning_scores"]["score"] == max(scores) == trained.trainer["best"]
    assert network.config == trained.config.network
    if best == STEPS:
        for name, value in network.state_dict().items():
            torch.testing.assert_close(value, trained.trainer["average"][name].half().float(), atol=0, rtol=0)


def test_the_checkpoint_says_what_it_was_trained_on(trained, dataset):
    _, described = load_checkpoint(trained.folder / "checkpoint")
    tuning = [case.id for case in dataset.split("training") if is_tuning(case.id, trained.config.tuning_share)]
    assert described.trained["tuning_patients"] == tuning == ["phantom_900208"]
    assert described.trained["patients"] == 3
    assert described.trained["manifests"] == [dataset.manifest_hash]
    assert described.trained["recipe"] == trained.config.to_json()
    assert described.trained["reading"].keys() >= {"site", "side", "neck", "t_stage", "nodes", "63 Gy", "prompt nodes"}


def test_the_model_card_names_data_limits_and_numbers(trained, dataset):
    card = (trained.folder / "checkpoint" / "README.md").read_text()
    _, described = load_checkpoint(trained.folder / "checkpoint")
    for part in ("3 training patients", "coarse phantoms", "Research use only", described.encoder_fingerprint):
        assert part in card
    assert f"step {described.trained['steps']}" in card
    assert "OpenKBP" not in card
    for name, value in described.trained["tuning_scores"].items():
        assert name == "score" or f"{name} {value:.2f}" in card


def test_a_trained_checkpoint_segments(trained, dataset, shared):
    segmenter = Segmenter.load(trained.folder / "checkpoint", "cpu", cache=shared / "cache")
    case = dataset.split("validation")[0]
    drawn = segmenter.open(case.volume).segment(case.note)
    assert set(drawn.structures) == set(STRUCTURES)


def test_nothing_but_the_runs_own_files_is_left(trained):
    left = {path.name for path in trained.folder.iterdir()}
    assert left == {"checkpoint", "metrics.jsonl", "run.json", "run.lock", "trainer.pt", PICTURE}


# Variants


def test_an_image_only_network_needs_no_language_model(start, dataset, shared, monkeypatch):
    def never(*_args, **_options):
        pytest.fail("An image-only network asked for the language model.")

    monkeypatch.setattr(finetune, "TextEncoder", never)
    monkeypatch.setattr("llmseg.text.encoder._load_model", never)
    folder = start(IMAGE_ONLY)
    assert lines_of(folder)[-1]["step"] == 8
    card = (folder / "checkpoint" / "README.md").read_text()
    assert "image alone" in card
    segmenter = Segmenter.load(folder / "checkpoint", "cpu", cache=shared / "cache")
    case = dataset.split("validation")[0]
    ct = segmenter.open(case.volume)
    with_note, without = ct.segment(Note("left larynx")), ct.segment(None)
    assert with_note.provenance["text_encoder"] is None
    for name, mask in with_note.structures.items():
        assert np.array_equal(mask, without.structures[name])


@pytest.mark.parametrize("settings", [["network.encoder=vit", "network.depth=3", "network.vit_width=16"],
                                      ["network.activation=softmax"]])  # fmt: skip
def test_the_papers_choices_train(start, settings):
    lines = lines_of(start("steps=3", IMAGE_ONLY, *settings))
    assert [line["step"] for line in lines] == [1, 2, 3, 3]
    assert lines[-1]["validation"]


def test_mean_pooling_trains(start):
    assert state_of(start("steps=2", "network.pooling=mean"))["step"] == 2


def test_further_datasets_lend_their_share(start, dataset):
    extras = replace(dataset, manifest_hash="b" * 64, cases=renamed(dataset.cases))
    folder = start("steps=2", IMAGE_ONLY, datasets=[dataset, extras])
    _, described = load_checkpoint(folder / "checkpoint")
    assert described.trained["phantoms"] == 4
    assert described.trained["manifests"] == [dataset.manifest_hash, "b" * 64]


def renamed(cases):
    return tuple(replace(case, id=f"more_{case.id}") for case in cases)


def test_one_patients_scans_are_all_tuned_on_or_all_trained_on(start, dataset):
    cases = tuple(replace(case, patient_id="phantom_900208") for case in dataset.cases)
    assert "tuning" in refused(start, IMAGE_ONLY, datasets=[replace(dataset, cases=cases)])


def test_without_tuning_patients_the_last_step_is_shipped(start):
    folder = start("tuning_share=0", "steps=6", "validate_every=2", IMAGE_ONLY)
    network, described = load_checkpoint(folder / "checkpoint")
    assert described.trained["steps"] == 6
    for name, value in state_of(folder)["average"].items():
        torch.testing.assert_close(network.state_dict()[name], value.half().float(), atol=0, rtol=0)


def test_the_running_average_lags_behind_the_weights(start, tmp_path):
    for ema in (0, 0.9):
        state = state_of(start("steps=6", f"ema={ema}", IMAGE_ONLY, out=tmp_path / str(ema)))
        assert torch.equal(state["average"]["head.bias"], state["network"]["head.bias"]) == (ema == 0)


def contoured(*known: tuple[bool, ...]) -> Patients:
    return Patients([SimpleNamespace(known=np.array(row)) for row in known], [], [])


def test_a_rare_organ_and_a_target_count_more(config):
    chosen = config('network.structures=["PTV_High", "Larynx", "Brainstem"]', "target_weight=2")
    one_in_ten = contoured((True, True, True), *[(True, False, True)] * 9)
    assert structure_weights(one_in_ten, chosen).tolist() == pytest.approx([2.0, 4.0, 1.0])
    half = contoured((True, False, True), (True, True, True))
    assert structure_weights(half, chosen).tolist() == pytest.approx([2.0, 2.0, 1.0])


def test_a_structure_nobody_contoured_has_no_weight(config):
    chosen = config('network.structures=["PTV_High", "Larynx", "Brainstem"]')
    weights = structure_weights(contoured((True, False, True), (True, False, True)), chosen)
    assert weights.tolist() == [2.0, 0.0, 1.0]


# When to stop, and what it cost


def test_training_stops_where_the_tuning_patients_gain_nothing_more(start, tmp_path):
    settings = ("steps=40", "validate_every=2", "learning_rate=1e-12", "ema=0", IMAGE_ONLY)
    stopped = [line["step"] for line in lines_of(start(*settings, "patience=2")) if "validation" in line]
    assert stopped == [2, 4, 6]
    start(*settings, "patience=2", resume=True)
    assert [line["step"] for line in lines_of(tmp_path / "run") if "validation" in line] == stopped


def test_patience_needs_tuning_patients(start, config):
    assert "tuning_share" in refused(config, "patience=2", "tuning_share=0")
    assert "tuning_share" in refused(start, "patience=2", "tuning_share=1e-9", IMAGE_ONLY)


def test_the_share_of_time_spent_waiting_for_data_is_kept_and_told(trained):
    assert all(0 <= line["waiting"] <= 1 for line in trained.steps)
    ((_, _, summary),) = [told for told in trained.told if told[0] == "trained"]
    assert summary["steps"] == STEPS
    assert 0 < summary["waiting"] < 1


# Who is learned from


def patients_of(folder: Path) -> int:
    return load_checkpoint(folder / "checkpoint")[1].trained["patients"]


def test_a_fraction_of_the_patients_is_learned_from_and_all_are_tuned_on(start):
    folder = start("fraction=0.34", "steps=1", IMAGE_ONLY)
    assert patients_of(folder) == 1
    _, described = load_checkpoint(folder / "checkpoint")
    assert described.trained["tuning_patients"] == ["phantom_900208"]


def test_a_smaller_share_lies_within_a_larger_one():
    ids = [f"patient {i}" for i in range(97)]
    shares = [nested_share(ids, fraction) for fraction in (0.05, 0.1, 0.5, 0.9, 1.0)]
    assert [len(share) for share in shares] == [5, 10, 48, 87, 97]
    assert all(smaller < larger for smaller, larger in pairwise(shares))
    assert nested_share(reversed(ids), 0.5) == shares[2]


def test_a_fraction_that_leaves_nobody_is_refused(start, tmp_path):
    message = refused(start, "fraction=0.1", IMAGE_ONLY)
    assert "fraction = 0.1 of 3 training cases leaves none" in message
    assert not (tmp_path / "run").exists()


def test_only_the_named_patients_are_learned_from(start):
    assert patients_of(start('patients=["phantom_900201", "phantom_900203"]', "steps=1", IMAGE_ONLY)) == 2


@pytest.mark.parametrize(
    ("name", "reason"), [("phantom_900208", "is kept for tuning"), ("nobody", "is no training patient")]
)
def test_a_named_patient_who_cannot_be_learned_from_is_told(start, name, reason):
    assert f"{name!r} {reason}" in refused(start, f'patients=["{name}", "phantom_900201"]', IMAGE_ONLY)


def test_gradients_accumulate_to_those_of_a_larger_batch(start, tmp_path):
    sizes = {"whole": ("batch=4",), "parts": ("batch=2", "accumulate=2"), "single": ("batch=1", "accumulate=4")}
    runs = {n: start("steps=6", IMAGE_ONLY, *sets, out=tmp_path / n) for n, sets in sizes.items()}
    losses = {n: [line["loss"] for line in lines_of(folder) if "loss" in line] for n, folder in runs.items()}
    assert losses["parts"] == pytest.approx(losses["whole"], abs=1e-3)
    assert losses["single"] == pytest.approx(losses["whole"], abs=1e-3)


# Starting from a checkpoint


def test_a_run_from_a_checkpoint_starts_where_that_one_ended(start, trained, tmp_path):
    start("learning_rate=1e-9", "steps=1", init=[trained.folder / "checkpoint"])
    ours, (theirs, described) = state_of(tmp_path / "run")["network"], load_checkpoint(trained.folder / "checkpoint")
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours[name], value, atol=1e-6, rtol=1e-6)
    _, written = load_checkpoint(tmp_path / "run" / "checkpoint")
    assert written.trained["reading"] == described.trained["reading"]
    assert written.trained["init"]["manifests"] == described.trained["manifests"]
    assert written.trained["init"]["checkpoint"] == str(trained.folder / "checkpoint")
    assert {"encoder", "reader", "levels", "head"} <= set(written.trained["init"]["taken"])


def test_a_taught_reader_is_not_taught_again(start, trained, monkeypatch):
    monkeypatch.setattr(finetune, "pretrain_reader", lambda *_, **__: pytest.fail("The reader was taught again."))
    start("steps=1", init=[trained.folder / "checkpoint"])


def test_another_fusion_starts_afresh_in_the_same_network(start, trained, tmp_path):
    start("learning_rate=1e-9", "steps=1", "network.fusion=film", init=[trained.folder / "checkpoint"])
    theirs, _ = load_checkpoint(trained.folder / "checkpoint")
    ours = state_of(tmp_path / "run")["network"]
    for name in ("encoder.positions", "levels.0.up.weight", "levels.1.refine.conv1.conv.weight"):
        torch.testing.assert_close(ours[name], theirs.state_dict()[name], atol=1e-6, rtol=1e-6)
    _, written = load_checkpoint(tmp_path / "run" / "checkpoint")
    taken = set(written.trained["init"]["taken"])
    assert {"encoder", "reader", "head", "levels.0.up", "levels.0.refine"} <= taken
    assert not {"levels", "levels.0.gate", "bottleneck_gate"} & taken


def test_a_network_grows_from_its_inner_part_over_one_of_its_own_size(start, trained, tmp_path):
    whole, inner = trained.folder / "checkpoint", tmp_path / "inner"
    start("steps=2", "network.channels=[8, 16, 16]", "network.field=[8, 8, 8]", init=[whole], out=inner)
    start("learning_rate=1e-9", "steps=1", init=[whole, inner / "checkpoint"])
    weights = {folder: load_checkpoint(folder)[0].state_dict() for folder in (whole, inner / "checkpoint")}
    ours, (small, large) = state_of(tmp_path / "run")["network"], (weights[inner / "checkpoint"], weights[whole])
    for name, source in {
        "encoder.stages.2.conv1.conv.weight": small["encoder.stages.1.conv1.conv.weight"],
        "encoder.positions": small["encoder.positions"],
        "levels.0.up.weight": small["levels.0.up.weight"],
        "encoder.stages.1.conv1.conv.weight": large["encoder.stages.1.conv1.conv.weight"],
        "levels.2.up.weight": large["levels.2.up.weight"],
        "head.weight": large["head.weight"],
    }.items():
        torch.testing.assert_close(ours[name], source, atol=1e-6, rtol=1e-6)
    assert (small["levels.0.up.weight"] != large["levels.0.up.weight"]).any()
    _, within = load_checkpoint(inner / "checkpoint")
    taken = set(within.trained["init"]["taken"])
    assert {"encoder.stages.1", "encoder.positions", "levels", "reader"} <= taken
    assert not {"encoder.stages.0", "head"} & taken
    _, written = load_checkpoint(tmp_path / "run" / "checkpoint")
    assert written.trained["init"]["checkpoint"] == str(inner / "checkpoint")
    assert "head" not in written.trained["init"]["taken"]
    assert written.trained["init"]["over"]["checkpoint"] == str(whole)


def test_levels_that_get_another_voxel_size_than_they_learned_are_told(start, config, tmp_path, caplog):
    start("steps=1", "network.channels=[8, 16, 16]", "network.field=[8, 8, 8]", IMAGE_ONLY)
    inner = tmp_path / "run" / "checkpoint"
    read_start(inner, config(IMAGE_ONLY, "grid.spacing_mm=[5, 5, 5]"))
    assert "was trained on a grid" not in caplog.text
    read_start(inner, config(IMAGE_ONLY))
    assert "was trained on a grid of (10.0, 10.0, 10.0) mm; here it gets one of (20.0, 20.0, 20.0) mm" in caplog.text


def test_a_checkpoint_that_does_not_fit_is_refused_by_what_differs(start, trained, tmp_path):
    message = refused(start, "network.channels=[8, 8, 16, 32]", init=[trained.folder / "checkpoint"])
    assert "network.channels = (8, 8, 16, 16) there and (8, 8, 16, 32) here" in message
    assert not (tmp_path / "run").exists()


def test_a_run_is_resumed_with_the_checkpoint_it_started_from(start, trained):
    start("steps=2", init=[trained.folder / "checkpoint"])
    refused(start, "steps=2", resume=True)
    assert state_of(start("steps=2", init=[trained.folder / "checkpoint"], resume=True))["step"] == 2


# What stops a run


def break_loss(monkeypatch, at: int, broken) -> None:
    """Replace the loss of one step."""
    calls = []

    def loss(logits, *arguments, **options):
        calls.append(1)
        computed = dice_focal(logits, *arguments, **options)
        return replace(computed, total=broken(computed.total)) if len(calls) == at else computed

    monkeypatch.setattr(finetune, "dice_focal", loss)


def endless_slope(total: torch.Tensor) -> torch.Tensor:
    """A finite loss whose gradient is not a number."""
    return total + (total * 0).sqrt()


@pytest.mark.parametrize("broken", [lambda total: total * torch.nan, lambda total: total * torch.inf, endless_slope])
def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_state(start, tmp_path, monkeypatch, broken):
    break_loss(monkeypatch, 6, broken)
    message = refused(start, IMAGE_ONLY)
    assert "step 6" in message
    assert "phantom_9002" in message
    assert str(tmp_path / "run") in message
    state = state_of(tmp_path / "run")
    assert state["step"] == 4
    assert all(torch.isfinite(value).all() for value in state["network"].values())
    assert [line["step"] for line in lines_of(tmp_path / "run")] == [1, 2, 3, 4, 4]


def test_a_stopped_run_goes_on_from_its_last_good_state(start, monkeypatch):
    break_loss(monkeypatch, 6, lambda total: total * torch.nan)
    refused(start, IMAGE_ONLY)
    monkeypatch.setattr(finetune, "dice_focal", dice_focal)
    assert state_of(start(IMAGE_ONLY, resume=True))["step"] == 8


def test_a_folder_that_holds_a_run_is_not_written_over(start):
    folder = start("steps=2", IMAGE_ONLY)
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert "--resume" in refused(start, "steps=2", IMAGE_ONLY)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_another_config_or_dataset_cannot_be_resumed(start, dataset):
    folder = start("steps=2", IMAGE_ONLY)
    message = refused(start, "steps=3", "network.depth=2", IMAGE_ONLY, resume=True)
    assert str(folder) in message
    assert "config.network.depth was 1 and is 2; config.steps was 2 and is 3" in message
    other = replace(dataset, manifest_hash="c" * 64)
    assert "dataset" in refused(start, "steps=2", IMAGE_ONLY, datasets=[other], resume=True)


def test_a_run_older_than_a_key_of_the_config_goes_on_with_its_default(start):
    folder = start("steps=2", IMAGE_ONLY)
    remembered = json.loads((folder / "run.json").read_text())
    del remembered["config"]["patience"], remembered["config"]["contrast"]
    (folder / "run.json").write_text(json.dumps(remembered))
    assert "config.patience was 0 and is 3" in refused(start, "steps=2", "patience=3", IMAGE_ONLY, resume=True)
    start("steps=2", IMAGE_ONLY, resume=True)


def test_a_folder_that_another_run_holds_is_left_alone(start, tmp_path):
    folder = start("steps=2", IMAGE_ONLY)
    with lock(folder):
        assert "in use by another run" in refused(start, "steps=2", IMAGE_ONLY, resume=True)
    start("steps=2", IMAGE_ONLY, resume=True)
    (tmp_path / "other").mkdir()
    with lock(tmp_path / "other"):
        assert "in use by another run" in refused(start, "steps=2", IMAGE_ONLY, out=tmp_path / "other")
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["run.lock"]


def test_a_damaged_state_is_refused(start):
    folder = start("steps=2", IMAGE_ONLY)
    (folder / "trainer.pt").write_bytes((folder / "trainer.pt").read_bytes()[:1000])
    assert "trainer.pt is damaged" in refused(start, "steps=2", IMAGE_ONLY, resume=True)


def test_where_nothing_was_started_nothing_is_resumed(start, tmp_path):
    assert "no run to resume" in refused(start, resume=True)
    assert not (tmp_path / "run").exists()


def test_resuming_a_finished_run_changes_nothing(start):
    folder = start("steps=2", IMAGE_ONLY)
    before = (folder / "metrics.jsonl").read_text()
    start("steps=2", IMAGE_ONLY, resume=True)
    assert (folder / "metrics.jsonl").read_text() == before
    assert state_of(folder)["step"] == 2


def without_contours(case):
    return replace(case, load_structures=lambda: None)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"cases": ()}, "no training case"),
        ({"root": Path("elsewhere"), "cases": "validation only"}, "elsewhere lists no training case"),
        ({"cases": "without contours"}, "phantom_900201 has no structures"),
    ],
)
def test_data_that_cannot_be_learned_from_is_named_and_starts_nothing(start, tmp_path, dataset, change, named):
    cases = {
        "validation only": dataset.split("validation"),
        "without contours": tuple(map(without_contours, dataset.cases)),
    }
    broken = replace(dataset, manifest_hash="d" * 64, **{**change, "cases": cases.get(change["cases"], ())})
    assert named in refused(start, IMAGE_ONLY, datasets=[broken])
    assert not (tmp_path / "run").exists()


def test_a_structure_that_nobody_contoured_is_named_once(start, caplog):
    start("steps=1", 'network.structures=["PTV_High", "Bone_Hyoid"]', IMAGE_ONLY)
    assert [record.message for record in caplog.records if "Bone_Hyoid" in record.message] == [
        "No training case has a contour of Bone_Hyoid: it will not be learned."
    ]


def test_structures_of_which_none_was_contoured_are_refused(start, tmp_path):
    message = refused(start, 'network.structures=["Bone_Hyoid", "Lens_L"]', IMAGE_ONLY)
    assert "No training case has a contour of Bone_Hyoid, Lens_L" in message
    assert not (tmp_path / "run").exists()


def test_a_run_without_tuning_patients_says_so(start, caplog):
    start("steps=1", "tuning_share=0", IMAGE_ONLY)
    assert any("nothing is validated" in record.message for record in caplog.records)


def test_an_id_in_two_datasets_is_refused(start, dataset):
    # Notes are kept by id: one patient would be drawn with the other's.
    assert "phantom_900201" in refused(start, IMAGE_ONLY, datasets=[dataset, dataset])


def test_two_runs_of_one_process_may_differ_in_precision(start, tmp_path):
    for precision in ("no", "bf16"):
        wide = "network.field=[24, 24, 24]"
        folder = start("steps=1", f"precision={precision}", IMAGE_ONLY, wide, out=tmp_path / precision)
        assert state_of(folder)["step"] == 1


def test_bf16_is_refused_where_a_processor_would_add_up_wrongly(start, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("a GPU adds up small maps as it does large ones")
    message = refused(start, "steps=1", "precision=bf16", IMAGE_ONLY)
    assert "(2, 2, 2)" in message
    assert "Enlarge the field" in message
    assert not (tmp_path / "run").exists()


def test_a_language_model_of_another_width_is_refused_before_the_first_step(start, tmp_path):
    message = refused(start, "network.token_width=24")
    assert "16" in message
    assert "24" in message
    assert not (tmp_path / "run").exists()


def test_a_full_disk_stops_the_run_and_keeps_the_last_good_state(start, tmp_path, monkeypatch):
    replaced, run = os.replace, tmp_path / "run"

    def full(source, target) -> None:
        if Path(target) == run / "trainer.pt" and run.joinpath("trainer.pt").exists():
            raise OSError(28, "No space left on device")
        replaced(source, target)

    monkeypatch.setattr(os, "replace", full)
    assert "trainer.pt cannot be written (No space left on device)" in refused(start, IMAGE_ONLY)
    assert state_of(run)["step"] == 2
    assert not list(run.glob(".*"))
    monkeypatch.setattr(os, "replace", replaced)
    assert state_of(start(IMAGE_ONLY, resume=True))["step"] == 8
