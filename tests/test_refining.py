"""A refinement is chosen on tuning patients, option by option, and kept only where it measures better."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from scipy import ndimage
from tiny import NOTE, body, checkpoint_config, write_checkpoint, write_language_model

from llmseg.case import STRUCTURES, Case, InputError, Note, Structures
from llmseg.datasets.folder import Dataset
from llmseg.evaluation.calibration import VALUES, Histogram, calibrate, expected_calibration_error, fit
from llmseg.evaluation.refining import Crop, Findings, _scores, _try_values, choose, refine, table, tuning_cases
from llmseg.metrics import dice
from llmseg.model.checkpoint import load_checkpoint
from llmseg.model.refinement import Refinement, View
from llmseg.preprocessing import Grid, Placement, inverse_mask, to_grid
from llmseg.segmenter import Segmenter

NAMES, SHAPE = ("PTV_High", "Larynx"), (20, 20, 20)
FIELD = (32, 32, 32)
"""The whole of `body` at once."""
WHOLE = tuple(slice(0, n) for n in SHAPE)
SAME = Placement(
    SHAPE, np.diag([4.0, 4.0, 4.0, 1.0]), Grid(), (0, 1, 2), (False,) * 3, SHAPE, (0, 0, 0), SHAPE, (0, 0, 0)
)
"""A CT whose voxels are the network's own."""
FINE = replace(SAME, shape=tuple(2 * n for n in SHAPE), affine=np.diag([2.0, 2.0, 2.0, 1.0]))
"""A CT of voxels of half the size."""
PLAIN, MIRROR = View(), View(mirror=True)


@pytest.fixture(scope="session")
def language_model(tmp_path_factory):
    return write_language_model(tmp_path_factory.mktemp("language") / "model")


@pytest.fixture
def config(language_model):
    return checkpoint_config(language_model, "0123456789abcdef", structures=NAMES)


def drawn_by(draw, patients: int = 8) -> list[dict[str, Crop]]:
    """Patients with a ball to contour; `draw(rng, truth)` gives view -> probabilities, for both conditions alike.

    Of the first patient the first structure is not contoured.
    """
    found = []
    for number in range(patients):
        rng = np.random.default_rng(number)
        centre, radius = rng.uniform(8, 12, 3), rng.uniform(4, 6)
        truth = np.linalg.norm(np.indices(SHAPE) - centre.reshape(3, 1, 1, 1), axis=0) < radius
        crop = Crop.of(truth, SAME, WHOLE, {view: np.stack((p, p)) for view, p in draw(rng, truth).items()})
        found.append(dict.fromkeys(NAMES if number else NAMES[1:], crop))
    return found


def soft(truth: np.ndarray) -> np.ndarray:
    """A probability that falls from the inside to the outside, one half at the surface."""
    depth = ndimage.distance_transform_edt(truth) - ndimage.distance_transform_edt(~truth)
    return 1 / (1 + np.exp(-(depth - np.sign(depth) * 0.5)))


def noisy(rng, truth: np.ndarray) -> np.ndarray:
    return (soft(truth) + ndimage.gaussian_filter(rng.normal(0, 1.2, SHAPE), 1)).clip(0.001, 0.999)


def kept(findings) -> set[str]:
    return {trial.option for trial in findings.trials if trial.kept}


def test_a_mirror_that_helps_is_kept(config):
    drawn = drawn_by(lambda rng, truth: {PLAIN: noisy(rng, truth), MIRROR: noisy(rng, truth)})
    findings = choose(drawn, config)
    mirror = findings.trials[0]
    assert mirror.option == "mirror"
    assert mirror.after > mirror.before
    assert mirror.gain.mean_difference == pytest.approx(mirror.after - mirror.before)
    assert findings.refinement.mirror
    assert findings.agreement.keys() <= set(NAMES)


def test_a_mirror_that_hurts_is_measured_and_not_kept(config):
    drawn = drawn_by(lambda rng, truth: {PLAIN: noisy(rng, truth), MIRROR: rng.random(SHAPE)})
    findings = choose(drawn, config)
    assert findings.trials[0].after < findings.trials[0].before
    assert "mirror" not in kept(findings)
    assert not findings.refinement.mirror


def test_contours_that_are_right_are_left_alone(config):
    drawn = drawn_by(lambda rng, truth: {PLAIN: soft(truth)})
    findings = choose(drawn, config)
    assert kept(findings) <= {"calibration"}
    assert findings.refinement.thresholds == findings.refinement.smooth_mm == findings.refinement.keep == {}


def test_the_threshold_that_draws_best_is_found(config):
    drawn = drawn_by(lambda rng, truth: {PLAIN: soft(truth) ** 2})  # the surface lies at a quarter
    findings = choose(drawn, config)
    assert "thresholds" in kept(findings)
    assert findings.refinement.thresholds == dict.fromkeys(NAMES, pytest.approx(0.25, abs=0.11))


def test_a_speck_beside_the_organ_is_dropped(config):
    def draw(rng, truth):
        speckled = soft(truth)
        speckled[0:3, 0:3, 0:3] = 0.99
        return {PLAIN: speckled}

    findings = choose(drawn_by(draw), config)
    refinement = findings.refinement
    assert refinement.keep or refinement.smallest_ml
    assert all(trial.by_structure.keys() == set(NAMES) for trial in findings.trials if trial.option == "keep")


def test_what_helps_one_patient_alone_is_not_kept(config):
    powers = iter([1.0] * 7 + [3.0])
    findings = choose(drawn_by(lambda rng, truth: {PLAIN: soft(truth) ** next(powers)}), config)
    assert "thresholds" not in kept(findings)
    assert findings.refinement.thresholds == {}


def test_a_structure_that_does_not_gain_on_other_patients_gets_no_value_though_another_does():
    sure, fickle = np.tile([0.0, 0.2, 0.0], (6, 1)), np.tile([0.0, 0.1, -0.03], (6, 1))
    fickle[3:] = [0.0, -0.03, 0.1]  # whoever is left out gets the value that suits the others
    scores = 0.5 + np.stack((sure, fickle), axis=1)[:, None].repeat(2, axis=1)  # (patients, conditions, K, values)
    trial = _try_values(scores, ("Brainstem", "Larynx"), "thresholds", (0.5, 0.4, 0.6))
    assert trial.kept
    assert trial.values == {"Brainstem": 0.4}
    assert trial.by_structure["Larynx"] == pytest.approx(-0.03)


def test_a_gain_too_small_to_matter_is_not_worth_a_setting(config):
    def draw(rng, truth):
        speckled = soft(truth)
        speckled[0, 0, 0] = 0.99  # one voxel of some five hundred: less than 0.002 DSC
        return {PLAIN: speckled}

    assert kept(choose(drawn_by(draw), config)) <= {"calibration"}


@pytest.mark.parametrize("core", [WHOLE, (slice(8, 20), slice(0, 20), slice(0, 9))])
def test_cutting_to_what_matters_changes_no_contour(core):
    rng = np.random.default_rng(0)
    truth = np.linalg.norm(np.indices(SHAPE) - 10, axis=0) < 4
    whole = np.where(np.linalg.norm(np.indices(SHAPE) - 10, axis=0) < 6, rng.random(SHAPE), 0).astype(np.float16)
    crop = Crop.of(truth, SAME, core, {PLAIN: np.stack((whole, whole / 2))})
    assert crop.truth.shape == (19, 19, 19)
    assert crop.truth.sum() == truth.sum()
    refinement = Refinement(smooth_mm={"Larynx": 3.0}, keep={"Larynx": 1}, thresholds={"Larynx": 0.3})
    for grid, small in zip((whole, whole / 2), crop.mean([PLAIN]), strict=True):
        expected = refinement.refine("Larynx", grid.astype(np.float32), (4, 4, 4), core) >= 0.3
        refined = refinement.refine("Larynx", small, (4, 4, 4), crop.core)
        found = refined >= 0.3
        assert found.sum() == expected.sum()
        assert np.array_equal(found, expected[1:, 1:, 1:])
        assert np.array_equal(crop.contour(refined, 0.3), expected[crop.box])


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.75])
def test_a_contour_is_measured_on_the_voxels_of_the_ct(threshold):
    truth = np.linalg.norm(np.indices(FINE.shape) - 19.5, axis=0) < 9
    # Sure of every voxel of its own grid.
    steep = (np.linalg.norm(np.indices(SHAPE) - 9.5, axis=0) < 4.5).astype(np.float32)
    crop = Crop.of(truth, FINE, WHOLE, {PLAIN: np.stack((steep, steep))})
    assert crop.reference.sum() == truth.sum()
    on_the_ct = inverse_mask(steep, FINE, threshold)
    found = crop.contour(crop.mean([PLAIN])[0], threshold)
    assert np.array_equal(found, on_the_ct[crop.box])
    assert found.sum() == on_the_ct.sum()
    assert dice(crop.reference, found) == dice(truth, on_the_ct)


def test_a_threshold_that_moves_nothing_on_the_networks_grid_is_still_judged_by_what_it_costs_the_ct():
    def drawn(number: int) -> dict[str, Crop]:
        centre = np.random.default_rng(number).uniform(18, 21, 3).reshape(3, 1, 1, 1)
        truth = np.linalg.norm(np.indices(FINE.shape) - centre, axis=0) < 9
        steep = np.where(to_grid(truth, FINE) >= 0.5, 0.97, 0.03).astype(np.float32)
        return {"Larynx": Crop.of(truth, FINE, WHOLE, {PLAIN: np.stack((steep, steep))})}

    values = [Refinement(), Refinement(thresholds={"Larynx": 0.75})]
    scores = _scores([drawn(number) for number in range(4)], values, ["Larynx"], Grid().spacing_mm)
    assert (scores[..., 1] < scores[..., 0] - 0.03).all()


def test_what_is_neither_there_nor_drawn_is_still_a_crop():
    crop = Crop.of(np.zeros(SHAPE, bool), SAME, WHOLE, {PLAIN: np.zeros((2, *SHAPE))})
    assert crop.mean([PLAIN]).max() == 0


# Calibration.


def overconfident(seed: int) -> Histogram:
    rng = np.random.default_rng(seed)
    meant = rng.random((20, 20, 20))
    said = meant**3 / (meant**3 + (1 - meant) ** 3)
    return Histogram.of(said, rng.random((20, 20, 20)) < meant)


def test_overconfidence_is_mended():
    calibrated = calibrate([[overconfident(seed)] for seed in range(5)], ["Larynx"])
    slope, offset = calibrated.values["Larynx"]
    assert slope == pytest.approx(1 / 3, abs=0.03)
    assert offset == pytest.approx(0, abs=0.1)
    before, after = calibrated.ece["Larynx"]
    assert before > 0.1
    assert after < 0.03
    for when, most in (("before", 1), ("after", 0.06)):
        bins = calibrated.reliability[when]
        assert sum(b.voxels for b in bins) == pytest.approx(5 * 20**3, rel=0.25)
        assert max(abs(b.said - b.inside) for b in bins) < most
    assert (calibrated.brier_after < calibrated.brier_before).all()


def test_a_structure_that_calibration_makes_worse_keeps_its_probabilities():
    rng = np.random.default_rng(0)
    said = np.full((10, 10, 10), 0.5)
    each = [[Histogram.of(said, rng.random(said.shape) < share)] for share in (0.1, 0.9, 0.1, 0.9)]
    calibrated = calibrate(each, ["Larynx"])
    assert calibrated.values == {}
    assert calibrated.ece["Larynx"][0] == calibrated.ece["Larynx"][1]
    assert (calibrated.brier_after == calibrated.brier_before).all()


def test_probabilities_that_are_right_have_no_calibration_error_and_stay():
    counts = np.round(np.stack((1 - VALUES, VALUES)) * 1000).astype(int)
    right = Histogram(counts)
    assert expected_calibration_error([(right, VALUES)]) < 1e-3
    assert fit(right) == (pytest.approx(1, abs=0.01), pytest.approx(0, abs=0.01))


def test_a_structure_that_is_never_there_keeps_its_probabilities():
    nothing = Histogram.of(np.full(SHAPE, 0.2), np.zeros(SHAPE, bool))
    assert fit(nothing) == (1.0, 0.0)


# The whole way.


def case(number: int) -> Case:
    def structures() -> Structures:
        volume = body()
        return Structures(dict.fromkeys(STRUCTURES, volume.array > 300), volume.affine)

    return Case(f"pt_{number}", Note(NOTE), "training", body, structures)


@pytest.fixture(scope="session")
def cases():
    return [case(number) for number in range(3)]


class Refined(NamedTuple):
    source: Path
    out: Path
    findings: Findings
    told: list[tuple[int, int]]


@pytest.fixture(scope="session")
def refined(tmp_path_factory, language_model, cases) -> Refined:
    folder, told = tmp_path_factory.mktemp("refined"), []
    source = write_checkpoint(folder / "source", language_model, structures=NAMES, field=FIELD)
    findings = refine(source, cases, folder / "out", device="cpu", cache=folder, on_progress=lambda *n: told.append(n))
    return Refined(source, folder / "out", findings, told)


def test_a_refined_checkpoint_has_the_same_weights_and_says_what_was_measured(refined, tmp_path):
    assert refined.told == [(0, 3), (1, 3), (2, 3)]
    assert (refined.out / "model.safetensors").read_bytes() == (refined.source / "model.safetensors").read_bytes()
    _, config = load_checkpoint(refined.out)
    assert config.refinement == refined.findings.refinement
    measured = json.loads((refined.out / "config.json").read_text())["trained"]["refined"]
    options = [trial["option"] for trial in measured["trials"]]
    assert options == ["mirror", "smooth_mm", "thresholds", "keep", "smallest_ml", "calibration"]
    card = (refined.out / "README.md").read_text()
    assert card.startswith("# A tiny checkpoint")
    assert table(refined.findings) in card
    assert Segmenter.load(refined.out, "cpu", cache=tmp_path).refinement == refined.findings.refinement


def test_refining_twice_starts_from_the_bare_network_again(refined, cases, tmp_path):
    again = refine(refined.out, cases, tmp_path / "twice", device="cpu", cache=tmp_path)
    assert again.refinement == refined.findings.refinement
    assert (tmp_path / "twice" / "README.md").read_text() == (refined.out / "README.md").read_text()


def test_a_folder_that_is_there_is_not_touched(tmp_path, language_model, cases):
    source = write_checkpoint(tmp_path / "source", language_model)
    with pytest.raises(InputError, match="already exists"):
        refine(source, cases, source)


def test_two_patients_are_too_few_to_choose_on(tmp_path, language_model, cases):
    source = write_checkpoint(tmp_path / "source", language_model)
    with pytest.raises(InputError, match="2 tuning patients are too few"):
        refine(source, cases[:2], tmp_path / "out")


def test_only_the_tuning_patients_choose(tmp_path, config, cases):
    from dataclasses import replace

    dataset = Dataset(tmp_path, tuple(cases), "hash")
    named = replace(config, trained={"tuning_patients": ["pt_2", "pt_0"]})
    assert [case.id for case in tuning_cases(named, dataset)] == ["pt_0", "pt_2"]
    with pytest.raises(InputError, match="names no tuning patients"):
        tuning_cases(config, dataset)
    with pytest.raises(InputError, match="lacks the tuning patient pt_9"):
        tuning_cases(replace(config, trained={"tuning_patients": ["pt_0", "pt_9"]}), dataset)


def test_an_unrefined_network_is_what_it_was(config):
    assert config.refinement == Refinement()
