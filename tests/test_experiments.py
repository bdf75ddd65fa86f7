"""An arm is trained once, resumed where it was cut off, skipped when it is done, and never mixed with another."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from patients import FOR_TUNING, teach_briefly, write_config, write_patients
from standin import StandIn, write_dataset
from tiny import body, write_language_model

from llmseg.case import InputError, Structures
from llmseg.datasets.folder import Dataset
from llmseg.experiments import running
from llmseg.experiments.corruptions import CORRUPTIONS, corrupt
from llmseg.experiments.measuring import measure, note_of, told_exactly
from llmseg.experiments.plans import EXACT, EXPERIMENTS, LEVELS, NO_TEXT, TEXT, Arm, Choice, Condition, find
from llmseg.experiments.running import Setting, run, run_external
from llmseg.experiments.selection import agreements, choose, fold_of, patient_of
from llmseg.experiments.stored import mean_dice, read_result
from llmseg.metrics import dice
from llmseg.segmenter import Segmenter
from llmseg.training import finetune
from llmseg.training.config import read_config
from llmseg.training.samples import is_tuning, nested_share

IMAGE_ONLY = ("*image-only-100-s0",)


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
    return tmp_path_factory.mktemp("experiments")


@pytest.fixture(scope="module")
def dataset(shared) -> Dataset:
    return write_patients(shared / "patients", more=FOR_TUNING)


@pytest.fixture(scope="module")
def protocol(shared) -> Path:
    return write_config(shared / "protocol.toml", write_language_model(shared / "language"))


@pytest.fixture
def setting(shared, dataset, protocol, tmp_path) -> Setting:
    return Setting(dataset, tmp_path / "results", shared / "cache", protocol)


@pytest.fixture(scope="module")
def finished(shared, dataset, protocol) -> Path:
    """Results in which one arm is done."""
    run(find("data-efficiency"), Setting(dataset, shared / "finished", shared / "cache", protocol), only=IMAGE_ONLY)
    return shared / "finished"


@pytest.fixture
def done(setting, finished) -> Path:
    """The result file of an arm that is done, in a folder of this test's own."""
    shutil.copytree(finished, setting.results)
    return setting.results / "data-efficiency" / "image-only-100-s0.json"


@pytest.fixture(scope="module")
def checkpoint(shared, dataset, protocol) -> Path:
    """A trained network that reads notes."""
    return finetune.train(read_config(protocol), [dataset], shared / "trained", cache=shared / "cache")


def trainings(monkeypatch) -> list[bool]:
    """One entry for each training that starts: whether it was resumed."""
    started = []
    train = running.train

    def counted(*arguments, resume, **options):
        started.append(resume)
        return train(*arguments, resume=resume, **options)

    monkeypatch.setattr(running, "train", counted)
    return started


# Plans


def test_an_unknown_experiment_lists_the_known():
    with pytest.raises(InputError, match=r"'flagshp'.*flagship.*baselines"):
        find("flagshp")


def test_an_unknown_arm_lists_the_known():
    with pytest.raises(InputError, match=r"has no arm 'ful'.*full-s0"):
        find("baselines").chosen(["ful"])


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=lambda e: e.name)
def test_every_arm_has_a_name_of_its_own_and_follows_what_it_needs(experiment):
    names = [arm.name for arm in experiment.arms]
    assert len(set(names)) == len(names)
    assert all(names.index(before) < names.index(arm.name) for arm in experiment.arms for before in arm.after)


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=lambda e: e.name)
def test_every_arm_is_a_config_that_can_be_built_over_the_shipped_protocol(experiment):
    configs = [read_config(running.PROTOCOL, arm.settings) for arm in experiment.arms if arm.trains]
    assert len({(c.steps, c.batch, c.grid, c.tuning_share) for c in configs}) <= 1


def test_the_data_efficiency_arms_cover_every_share_and_series_three_times():
    arms = find("data-efficiency").arms
    configs = {arm.name: read_config(running.PROTOCOL, arm.settings) for arm in arms}
    assert {round(100 * c.fraction) for c in configs.values()} == {5, 10, 25, 50, 75, 90, 92, 95, 98, 100}
    assert {c.seed for c in configs.values()} == {0, 1, 2}
    assert len(arms) == 10 * 3 * 3


# Running


def test_an_arm_leaves_one_file_that_says_how_it_came_about(setting, done):
    result = read_result(done)
    assert "experiments run data-efficiency --only image-only-100-s0" in result.command
    assert str(setting.protocol) in result.command
    assert (result.seed, result.fraction, result.patients) == (0, 1.0, 3)
    assert result.data["sha256"] == setting.dataset.manifest_hash
    assert result.checkpoint["recipe"]["network"]["fusion"] == "none"
    assert result.made["machine"]["cores"] >= 1
    assert result.made["training_seconds"] > 0
    assert result.conditions == ("no-text",)
    assert {row.id for row in result.rows} == {case.id for case in setting.dataset.split("validation")}
    summary = json.loads(done.read_text())["summary"]["no-text"]
    assert summary["PTV_High"]["n"] == 2


def test_an_arm_that_is_done_is_not_trained_again(setting, done, monkeypatch):
    started, written = trainings(monkeypatch), done.read_bytes()
    assert run(find("data-efficiency"), setting, only=IMAGE_ONLY) == [done]
    assert started == []
    assert done.read_bytes() == written


def test_two_experiments_share_the_arm_they_have_in_common(setting, done, monkeypatch):
    started = trainings(monkeypatch)
    [other] = run(find("baselines"), setting, only=["image-only-s0"])
    assert started == []
    assert read_result(done).rows == read_result(other).rows
    assert "run baselines --only image-only-s0" in read_result(other).command


def test_an_arm_cut_off_in_training_is_resumed(setting, finished, monkeypatch):
    started = trainings(monkeypatch)

    def cut_off(arm, what, share, figures):
        if what == "training" and share > 0.6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(find("data-efficiency"), setting, only=IMAGE_ONLY, report=cut_off)
    assert not list(setting.results.glob("*/*-s0.json"))
    [path] = run(find("data-efficiency"), setting, only=IMAGE_ONLY)
    assert started == [False, True]
    assert read_result(path).rows == read_result(finished / "data-efficiency" / path.name).rows


def test_an_arm_trained_but_not_tested_is_only_tested(setting, done, monkeypatch):
    started, rows = trainings(monkeypatch), read_result(done).rows
    done.unlink()
    run(find("data-efficiency"), setting, only=IMAGE_ONLY)
    assert started == []
    assert read_result(done).rows == rows


def test_an_arm_is_tested_with_the_thresholds_that_its_tuning_patients_chose(setting, done):
    [folder] = [path for path in (setting.results / "runs").iterdir() if path.is_dir()]
    config = json.loads((folder / "refined" / "config.json").read_text())
    share = read_config(setting.protocol).tuning_share
    tuning = {c.id for c in setting.dataset.split("training") if is_tuning(patient_of(c), share)}
    assert set(config["trained"]["tuning_patients"]) == tuning
    assert config["trained"]["refined"]["patients"] == len(tuning) == 3
    refined = Segmenter.load(folder / "refined", cache=setting.cache)
    rows = measure(refined, setting.cases, (NO_TEXT,), full=False, on_progress=lambda done, total: None)
    expected = {(row.id, row.structure): row.values["dice"] for row in rows if not np.isnan(row.values["dice"])}
    assert read_result(done).scores("no-text") == pytest.approx(expected, abs=1e-4)


def test_a_dataset_with_nobody_to_choose_thresholds_on_is_refused_before_training(setting):
    with pytest.raises(InputError, match=r"has 0 tuning patients .* it takes 3\. Pass a larger --set tuning_share"):
        run(find("baselines"), replace(setting, overrides=("tuning_share=0.0",)), only=["image-only-s0"])
    assert not setting.results.exists()


def test_a_result_of_another_config_is_not_overwritten(setting, done):
    written = done.read_bytes()
    with pytest.raises(InputError, match=r"image-only-100-s0\.json is of another run: config\.learning_rate"):
        run(find("data-efficiency"), replace(setting, overrides=("learning_rate=0.01",)), only=IMAGE_ONLY)
    assert done.read_bytes() == written


def test_an_arm_that_another_process_works_on_is_left_to_it(setting, done):
    told = []
    done.unlink()
    [folder] = [path for path in (setting.results / "runs").iterdir() if path.is_dir()]
    with FileLock(setting.results / "runs" / f".{folder.name}.lock"):
        assert run(find("data-efficiency"), setting, only=IMAGE_ONLY, report=lambda *said: told.append(said[1])) == []
    assert any("left to the process" in what for what in told)


def test_a_share_that_leaves_nobody_is_refused(setting):
    with pytest.raises(InputError, match=r"fraction = 0\.05"):
        run(find("data-efficiency"), setting, only=["image-only-005-s0"])
    assert not list(setting.results.glob("data-efficiency/*.json"))


def test_a_dataset_without_validation_is_refused(setting):
    training = replace(setting.dataset, cases=setting.dataset.split("training"))
    with pytest.raises(InputError, match="lists no validation case"):
        run(find("data-efficiency"), replace(setting, dataset=training), only=IMAGE_ONLY)


def test_an_unknown_setting_is_refused_before_anything_is_written(setting):
    with pytest.raises(InputError, match="stepz"):
        run(find("data-efficiency"), replace(setting, overrides=("stepz=1",)))
    assert not setting.results.exists()


def test_a_network_that_reads_notes_is_tested_with_them_and_without(setting):
    [path] = run(find("with-without-text"), setting, only=["multimodal-s0"])
    assert read_result(path).conditions == ("text", "no-text")


# Arms that test a checkpoint


def test_a_given_checkpoint_is_tested_with_every_kind_of_note(setting, checkpoint):
    [path] = run(find("notes"), replace(setting, checkpoints={"": checkpoint}))
    result = read_result(path)
    assert result.conditions == ("essential", "expanded", "sparse", "wrong", "empty", "no-text")
    assert result.scores("empty") == result.scores("no-text")
    assert f"--checkpoint network={checkpoint}" in result.command


def test_the_flagship_has_every_metric_and_pictures(setting, checkpoint):
    [path] = run(find("flagship"), replace(setting, checkpoints={"": checkpoint}))  # no image-only twin was given
    result = read_result(path)
    assert {"dice", "iou", "hd95_mm"} < set(result.rows[0].values)
    assert [set(picture["masks"]) for picture in result.pictures] == [{"reference", "text", "no-text"}] * 2


def test_a_contour_comes_back_whole_from_its_own_grid_and_not_from_another(setting):
    paths = run(find("resolution"), setting, only=("6-mm", "8-mm"))  # the phantoms' voxels have 8 mm
    other, own = (mean_dice(read_result(path).scores("reference")) for path in paths)
    assert 0.5 < other < own == 1
    assert "--checkpoint" not in read_result(paths[0]).command
    on_bone = read_result(paths[1]).scores("reference", "on_bone")
    assert all((share > 0.5) == (name == "Bone_Mandible") for (_, name), share in on_bone.items()), on_bone


def test_the_fit_is_tested_on_patients_that_were_trained_on(setting, checkpoint):
    [path] = run(find("fit"), replace(setting, checkpoints={"": checkpoint}))
    result = read_result(path)
    share = read_config(setting.protocol).tuning_share
    trained_on = {c.id for c in setting.dataset.split("training") if not is_tuning(patient_of(c), share)}
    assert {row.id for row in result.rows} == trained_on
    assert result.data["split"] == "training"


def test_another_checkpoint_is_not_taken_for_the_one_that_was_tested(setting, checkpoint, shared):
    run(find("notes"), replace(setting, checkpoints={"": checkpoint}))
    other = shutil.copytree(checkpoint, shared / "other")
    (other / "config.json").write_text((other / "config.json").read_text().replace('"steps"', '"steps" '))
    with pytest.raises(InputError, match="of another run: checkpoint"):
        run(find("notes"), replace(setting, checkpoints={"": other}))


def test_a_folder_that_is_no_checkpoint_is_refused(setting, tmp_path):
    with pytest.raises(InputError, match="is no checkpoint"):
        run(find("notes"), replace(setting, checkpoints={"": tmp_path}))


def test_another_institution_is_tested_whole(setting, checkpoint):
    path = run_external(replace(setting, checkpoints={"": checkpoint}, split=""))
    result = read_result(path)
    assert path.name == "coarse-phantoms.json"
    assert {row.id for row in result.rows} == {case.id for case in setting.dataset.cases}
    assert result.command.startswith("python -m llmseg experiments external --data")


# Measuring


@pytest.fixture(scope="module")
def cases(shared):
    return write_dataset(shared / "standin").split("test")


def test_notes_share_the_encoded_image_and_corruptions_do_not(cases):
    stand_in = StandIn()
    conditions = (TEXT, NO_TEXT, Condition("text/noise=9", "as-written", "noise", 9.0))
    rows = measure(stand_in, cases[:1], conditions, full=False, on_progress=lambda done, total: None)
    assert stand_in.opened == 2
    assert {row.condition for row in rows} == {"text", "no-text", "text/noise=9"}


def test_a_structure_that_was_not_contoured_has_no_row(cases):
    rows = measure(StandIn(), cases, (TEXT,), full=False, on_progress=lambda done, total: None)
    assert {row.structure for row in rows} == set(cases[0].structures)


def test_cases_without_contours_are_refused_together(cases):
    bare = [replace(case, load_structures=lambda: None) for case in cases]
    with pytest.raises(InputError, match="None of the 2 cases"):
        measure(StandIn(), bare, (TEXT,), full=False, on_progress=lambda done, total: None)


def test_exact_facts_bring_the_target_closer_and_keep_to_what_they_say():
    rng = np.random.default_rng(0)
    target, low = np.zeros((2, 12, 10, 8), bool)
    target[3:6, 3:7, 2:5] = low[3:9, 2:8, 1:7] = True
    reference = Structures({"PTV_High": target, "PTV_Low": low & ~target}, np.diag([2.0, 2.0, 2.0, 1.0]))
    probability = np.clip(0.6 * target + 0.3 * low + 0.3 * rng.random(target.shape), 0, 1)
    drawn = probability >= 0.5
    told = {fact: told_exactly(fact, drawn, probability, reference) for fact in ("", *EXACT)}
    assert (told[""] == drawn).all()
    assert told["volume"].sum() == told["everything"].sum() == target.sum() < drawn.sum()
    assert probability[told["volume"]].min() >= probability[~told["volume"]].max()
    assert (told["slices"] == drawn & (np.arange(8) >= 2) & (np.arange(8) < 5)).all()
    assert (told["outline"] == drawn & low).all()
    assert not (told["everything"] & ~low).any()
    scores = {fact: dice(target, mask) for fact, mask in told.items()}
    assert all(scores[fact] > scores[""] for fact in ("volume", "slices", "everything"))


def test_top_and_bottom_are_the_patients_however_the_grid_lies():
    target = np.zeros((6, 8, 10), bool)
    target[2:4, 3:5, 3:5] = True
    lying = np.array([[0.0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])  # the first axis runs up the patient
    everywhere = np.ones(target.shape, bool)
    kept = told_exactly("slices", everywhere, target * 1.0, Structures({"PTV_High": target}, lying))
    assert (np.flatnonzero(kept.all(axis=(1, 2))) == [2, 3]).all()
    assert kept.sum() == 2 * 8 * 10


def test_exact_facts_are_measured_on_the_target_alone_with_either_note(setting, checkpoint):
    [path] = run(find("exact-facts"), replace(setting, checkpoints={"": checkpoint}))
    result = read_result(path)
    assert {row.structure for row in result.rows} == {"PTV_High"}
    assert set(result.conditions) == {f"{k}{f}" for k in ("text", "expanded") for f in ("", *(f"+{f}" for f in EXACT))}
    for kind in ("text", "expanded"):
        plain, told = result.scores(kind), result.scores(f"{kind}+slices")
        assert all(told[key] >= plain[key] for key in plain)


def test_an_empty_note_is_no_note(cases):
    assert note_of(cases[0], "empty") is None
    assert note_of(cases[0], "") is None
    assert note_of(cases[0], "as-written") == cases[0].note


# Corruptions


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_a_corruption_keeps_the_grid_and_comes_out_the_same_again(kind):
    volume = body()
    level = LEVELS[kind][-1]
    spoilt, again = corrupt(volume, kind, level), corrupt(volume, kind, level)
    assert spoilt.shape == volume.shape
    assert (spoilt.affine == volume.affine).all()
    assert (spoilt.array == again.array).all()


@pytest.mark.parametrize(
    ("kind", "mild", "strong"),
    [
        ("noise", 20, 120),
        ("streaks", 200, 1200),
        ("missing-slices", 0.05, 0.2),
        ("shifted-hu", 50, 100),
        ("field-of-view", 90, 60),
    ],
)
def test_a_higher_level_does_more(kind, mild, strong):
    volume = body()
    changed = [np.abs(corrupt(volume, kind, level).array - volume.array).mean() for level in (mild, strong)]
    assert 0 < changed[0] < changed[1]


def test_noise_has_the_spread_it_says():
    volume = body()
    tissue = volume.array > -900
    assert np.std((corrupt(volume, "noise", 50.0).array - volume.array)[tissue]) == pytest.approx(50.0, rel=0.05)


def test_lost_slices_are_air_and_the_others_untouched():
    volume = body()
    spoilt = corrupt(volume, "missing-slices", 0.25)
    lost = [
        z
        for z in range(volume.shape[2])
        if (spoilt.array[:, :, z] == -1000).all() and (volume.array[:, :, z] > -900).any()
    ]
    kept = [z for z in range(volume.shape[2]) if (spoilt.array[:, :, z] == volume.array[:, :, z]).all()]
    assert lost
    assert all((spoilt.array[:, :, z] == volume.array[:, :, z]).all() for z in kept)
    assert len(kept) + round(0.25 * volume.shape[2]) == volume.shape[2]


def test_a_narrow_field_of_view_leaves_air_beyond_it():
    volume = body()
    spoilt = corrupt(volume, "field-of-view", 60.0).array
    centre = tuple(n // 2 for n in volume.shape)
    assert spoilt[centre] == volume.array[centre]
    assert (spoilt[0] == -1000).all()


def test_an_unknown_corruption_lists_the_known():
    with pytest.raises(InputError, match=r"'rain'.*noise"):
        corrupt(body(), "rain", 1.0)


# Choosing patients


def pool_of(dataset) -> list:
    return list(dataset.split("training"))


def quiet(done: int, total: int) -> None:
    pass


@pytest.mark.parametrize("kind", ["random", "fewer"])
def test_chance_picks_as_many_as_asked_and_the_same_again(dataset, kind):
    pool = pool_of(dataset)
    before = (patient_of(pool[0]),) if kind == "random" else ()
    options = {"seed": 0, "before": before, "networks": (), "on_progress": quiet}
    chosen = choose(Choice(kind, 0.5), pool, **options)
    assert len(chosen) == len(set(chosen)) == len(pool) // 2
    assert set(before) <= set(chosen) <= {patient_of(case) for case in pool}
    assert chosen == choose(Choice(kind, 0.5), pool, **options)


def test_every_patient_is_left_out_of_exactly_one_fold(dataset):
    pool = [replace(pool_of(dataset)[0], id=f"p{i}", patient_id=f"p{i}") for i in range(30)]
    options = {"seed": 1, "before": (), "networks": (), "on_progress": quiet}
    folds = [set(choose(Choice("fold", 2 / 3, fold), pool, **options)) for fold in range(3)]
    for case in pool:
        assert sum(patient_of(case) not in fold for fold in folds) == 1
        assert patient_of(case) not in folds[fold_of(patient_of(case), 1)]


def test_a_share_that_leaves_nobody_to_choose_is_refused(dataset):
    with pytest.raises(InputError, match="leaves none"):
        choose(Choice("fewer", 0.01), pool_of(dataset), seed=0, before=(), networks=(), on_progress=quiet)


def test_active_learning_and_pruning_train_on_whom_they_chose(setting, monkeypatch):
    arms = (
        Arm("start", "start", ("fraction=0.34", "network.fusion=none"), (NO_TEXT,)),
        Arm(
            "uncertain",
            "uncertain",
            ("network.fusion=none",),
            (NO_TEXT,),
            choice=Choice("uncertain", 0.67),
            after=("start",),
        ),
    )
    experiment = replace(find("active-learning"), arms=arms)
    started = trainings(monkeypatch)
    paths = run(experiment, setting)
    first, second = (read_result(path) for path in paths)
    assert started == [False, False]
    assert (first.patients, second.patients) == (1, 2)
    share = read_config(setting.protocol).tuning_share
    learners = [p for p in map(patient_of, setting.dataset.split("training")) if not is_tuning(p, share)]
    assert set(nested_share(learners, 0.34)) < set(second.checkpoint["recipe"]["patients"])


def test_the_patient_whose_contour_the_networks_contradict_agrees_least(cases):
    """The stand-in draws the target where the note says; one patient's note is given the other's contours."""
    swapped = replace(cases[1], load_structures=cases[0].load_structures)
    found = agreements([cases[0], swapped], [StandIn()] * 3, seed=0, on_progress=quiet)
    assert found["two"] < found["one"]
