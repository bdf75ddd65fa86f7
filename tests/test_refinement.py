"""What is done to probabilities before they become contours: views, thresholds, pieces, calibration, uncertainty."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import NOTE, body, checkpoint_config, network, write_checkpoint, write_language_model

from llmseg.case import PAIRED, STRUCTURES, InputError, Note, Segmentation, Structures, Volume
from llmseg.formats.nifti import read_labels
from llmseg.formats.segmentation import read_segmentation, write_segmentation
from llmseg.model.checkpoint import load_checkpoint, save_checkpoint
from llmseg.model.refinement import Refinement, View, mirrored_channels
from llmseg.segmenter import Segmenter
from llmseg.text.wording import exchange_sides

GRID_MM = (4.0, 4.0, 4.0)
FREE = st.floats(0.01, 0.99)


@pytest.fixture(scope="session")
def language_model(tmp_path_factory):
    return write_language_model(tmp_path_factory.mktemp("language") / "model")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory, language_model):
    return write_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny", language_model)


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def load(checkpoint, cache):
    return lambda **options: Segmenter.load(checkpoint, "cpu", cache=cache, **options)


def everywhere(value: float) -> dict[str, float]:
    return dict.fromkeys(STRUCTURES, value)


# Views.


def mirrored(volume: Volume) -> Volume:
    """The patient in a mirror, left for right."""
    return Volume(np.flip(volume.array, 0).copy(), volume.affine, volume.name)


@pytest.mark.parametrize(("text", "shift_voxels"), [(NOTE, 1), ("Carcinoma of the larynx, 70 Gy", 0), (None, 0)])
def test_a_mirrored_patient_with_exchanged_note_gets_exactly_the_mirrored_contours(load, text, shift_voxels):
    segmenter = load(refinement=Refinement(mirror=True, shift_voxels=shift_voxels))
    exchanged = exchange_sides(text) if text == NOTE else text
    plain = segmenter.open(body()).segment(text and Note(text)).structures
    other = segmenter.open(mirrored(body())).segment(exchanged and Note(exchanged)).structures
    assert all(plain[name].any() for name in PAIRED)
    for name, mask in plain.items():
        assert np.array_equal(np.flip(mask, 0), other[PAIRED.get(name, name)]), name


def test_from_one_view_a_mirrored_patient_gets_other_contours(load):
    segmenter = load()
    plain = segmenter.open(body()).segment(None).structures["Larynx"]
    other = segmenter.open(mirrored(body())).segment(None).structures["Larynx"]
    assert not np.array_equal(np.flip(plain, 0), other)


def test_what_a_mirrored_view_draws_is_turned_back():
    drawn = torch.rand(2, len(STRUCTURES), 5, 4, 3)
    back = View(mirror=True).turned_back(drawn, STRUCTURES)
    left, right = STRUCTURES.index("Parotid_L"), STRUCTURES.index("Parotid_R")
    assert torch.equal(back[:, left], drawn[:, right].flip(1))
    assert torch.equal(View(mirror=True).turned_back(back, STRUCTURES), drawn)
    assert torch.equal(View().turned_back(drawn, STRUCTURES), drawn)


def test_half_a_pair_has_no_mirror_image():
    with pytest.raises(InputError, match="Parotid_L is drawn without Parotid_R"):
        mirrored_channels(("PTV_High", "Parotid_L"))


def test_a_prompt_that_names_no_side_keeps_its_words():
    assert View(mirror=True).told("Larynx, 70 Gy") == "Larynx, 70 Gy"
    assert View(mirror=True).told("Left larynx") == "Right larynx"
    assert View().told("Left larynx") == "Left larynx"


def test_every_view_is_encoded_once_and_a_note_costs_one_decode_of_each(load, monkeypatch):
    segmenter, calls = load(refinement=Refinement(mirror=True)), []
    encode_image, decode = segmenter.network.encode_image, segmenter.network.decode
    monkeypatch.setattr(segmenter.network, "encode_image", lambda *a: calls.append("encode") or encode_image(*a))
    monkeypatch.setattr(segmenter.network, "decode", lambda *a: calls.append("decode") or decode(*a))
    opened = segmenter.open(body())
    encoded = calls.count("encode")
    assert len(calls) == encoded
    list(opened.segment_each([Note(NOTE), None]))
    assert (calls.count("encode"), calls.count("decode")) == (encoded, 2 * encoded)
    assert len(opened.draw([None])[0]) == 2


def test_views_that_agree_say_so_and_one_view_says_nothing(load):
    twice = load(refinement=Refinement(mirror=True)).open(body()).segment(None)
    assert twice.agreement.keys() == set(STRUCTURES)
    assert all(0 <= score < 1 for score in twice.agreement.values())
    assert load().open(body()).segment(None).agreement == {}


# The defaults, and how to get back to them.


def test_without_a_refinement_nothing_is_changed(load):
    opened = load(refinement=False).open(body())
    [[drawn]] = opened.draw([Note(NOTE)])
    segmented = load().open(body()).segment(Note(NOTE))
    assert segmented.provenance["refinement"] == Refinement().to_json()
    for name, probability in zip(STRUCTURES, drawn.numpy(), strict=True):
        refined = Refinement().refine(name, probability.copy(), GRID_MM, tuple(slice(0, n) for n in drawn.shape[1:]))
        assert np.array_equal(refined, probability)
        assert Refinement().calibrated(name, probability) is probability


def test_a_checkpoints_refinement_is_applied_and_can_be_turned_off(checkpoint, cache, tmp_path):
    built, config = load_checkpoint(checkpoint)
    chosen = Refinement(mirror=True, thresholds=everywhere(0.6), calibration={"Larynx": (0.5, 0.1)})
    save_checkpoint(tmp_path / "refined", built, replace(config, refinement=chosen), "")
    refined = Segmenter.load(tmp_path / "refined", "cpu", cache=cache)
    assert refined.refinement == chosen
    fast = Segmenter.load(tmp_path / "refined", "cpu", cache=cache, one_view=True)
    assert fast.refinement == replace(chosen, mirror=False)
    bare = Segmenter.load(tmp_path / "refined", "cpu", cache=cache, refinement=False)
    own = Segmenter.load(checkpoint, "cpu", cache=cache)
    for name, mask in bare.open(body()).segment(None).structures.items():
        assert np.array_equal(mask, own.open(body()).segment(None).structures[name])


def test_a_checkpoint_from_before_there_was_refinement_loads(checkpoint, tmp_path):
    built, config = load_checkpoint(checkpoint)
    save_checkpoint(tmp_path / "old", built, config, "")
    path = tmp_path / "old" / "config.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "refinement"}))
    assert load_checkpoint(tmp_path / "old")[1] == config


@pytest.mark.parametrize("damage", [{"thresholds": 3}, {"sharpen": 1.0}, {"thresholds": {"Larynx": 1.5}}])
def test_a_refinement_that_cannot_be_meant_is_refused(language_model, tmp_path, damage):
    save_checkpoint(tmp_path / "odd", network(), checkpoint_config(language_model), "")
    path = tmp_path / "odd" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "refinement": damage}))
    with pytest.raises(InputError, match=r"is damaged|threshold of Larynx is 1\.5"):
        load_checkpoint(tmp_path / "odd")


@pytest.mark.parametrize(
    "values",
    [
        {"shift_voxels": -1},
        {"smooth_mm": {"Larynx": -1.0}},
        {"keep": {"Larynx": -1}},
        {"smallest_ml": {"Larynx": float("nan")}},
        {"thresholds": {"Larynx": 0.0}},
        {"calibration": {"Larynx": (0.0, 1.0)}},
    ],
)
def test_values_out_of_range_are_refused(values):
    with pytest.raises(InputError, match="Correct"):
        Refinement(**values)


# Thresholds and pieces.


def test_a_higher_threshold_draws_less_and_nothing_new(load):
    drawn = []
    for threshold in (0.3, 0.5, 0.7):
        segmenter = load(refinement=Refinement(thresholds=everywhere(threshold)))
        drawn.append(segmenter.open(body()).segment(None).structures)
    for name in STRUCTURES:
        low, middle, high = (structures[name] for structures in drawn)
        assert low.sum() > high.sum()
        assert not (middle & ~low).any()
        assert not (high & ~middle).any()


CORE = (slice(10, 20), slice(0, 4), slice(0, 4))
"""The anchor's part of 30 x 4 x 4 voxels."""


def islands() -> np.ndarray:
    """One runs out of the anchor's part, one lies in it, one beyond: of 160, 32 and 48 voxels of 64 mm3."""
    drawn = np.full((3, 30, 4, 4), 0.1, dtype=np.float32)
    drawn[0, 5:15] = 0.9
    drawn[1, 17:19] = 0.8
    drawn[2, 24:27] = 0.8
    return drawn.max(axis=0)


def left(**values) -> list[bool]:
    """Which of the three is still drawn; what is cleared stays just below the threshold, the rest as it was."""
    refinement = Refinement(**{option: {"Larynx": value} for option, value in values.items()})
    after, threshold = refinement.refine("Larynx", islands(), GRID_MM, CORE), refinement.threshold("Larynx")
    cleared = (islands() >= threshold) & (after < threshold)
    assert np.allclose(after[cleared], threshold - 1e-3)
    assert np.array_equal(after[~cleared], islands()[~cleared])
    pieces = [after[part] >= threshold for part in (slice(5, 15), slice(17, 19), slice(24, 27))]
    assert all(piece.all() or not piece.any() for piece in pieces)
    return [bool(piece.all()) for piece in pieces]


def test_what_hangs_on_the_anchors_tile_stays_and_islands_beyond_it_go():
    assert left() == [True, True, False]
    assert left(thresholds=0.85) == [True, False, False]


def test_the_largest_pieces_are_kept_and_those_beyond_the_tile_do_not_count():
    assert left(keep=1) == [True, False, False]
    assert left(keep=2) == [True, True, False]


def test_pieces_below_a_volume_go():
    assert left(smallest_ml=2.0) == [True, True, False]
    assert left(smallest_ml=2.1) == [True, False, False]
    assert left(smallest_ml=11.0) == [False, False, False]


@given(st.integers(0, 1000), FREE)
def test_clearing_draws_nothing_new_and_clears_once(seed, threshold):
    refinement = Refinement(thresholds={"Larynx": threshold}, keep={"Larynx": 2})
    before = np.random.default_rng(seed).random((12, 4, 4), dtype=np.float32)
    core = (slice(3, 8), slice(None), slice(None))
    after = refinement.refine("Larynx", before.copy(), GRID_MM, core)
    changed = after != before
    assert (before[changed] >= np.float32(threshold)).all()
    assert (after[changed] < threshold).all()
    assert np.array_equal(refinement.refine("Larynx", after.copy(), GRID_MM, core), after)


def test_smoothing_flattens_a_speck_and_leaves_other_structures():
    speck = np.zeros((15, 15, 15), dtype=np.float32)
    speck[7, 7, 7] = 1.0
    whole = tuple(slice(0, 15) for _ in range(3))
    refinement = Refinement(smooth_mm={"Larynx": 4.0})
    smooth = refinement.refine("Larynx", speck.copy(), GRID_MM, whole)
    assert smooth.max() < 0.1
    assert smooth.sum() == pytest.approx(1, abs=1e-3)
    assert np.array_equal(refinement.refine("PTV_High", speck.copy(), GRID_MM, whole), speck)


# How sure.


@given(st.floats(0.2, 5), st.floats(-4, 4))
def test_calibration_keeps_the_order_and_both_ends(slope, offset):
    before = np.linspace(0, 1, 101, dtype=np.float32)
    after = Refinement(calibration={"Larynx": (slope, offset)}).calibrated("Larynx", before)
    assert after.dtype == np.float32
    assert (after[0], after[-1]) == (0, 1)
    assert (np.diff(after) >= 0).all()


def test_calibration_moves_no_contour(load):
    refinement = Refinement(calibration=dict.fromkeys(STRUCTURES, (0.5, 1.0)))
    bare, calibrated = load().open(body()).segment(None), load(refinement=refinement).open(body()).segment(None)
    for name, mask in bare.structures.items():
        assert np.array_equal(calibrated.structures[name], mask)
        assert not np.array_equal(calibrated.probabilities[name], bare.probabilities[name])
        inside = calibrated.probabilities[name] >= refinement.calibrated(name, np.array([0.5], np.float32))[0]
        assert (inside == mask).mean() > 0.999


def test_uncertainty_is_zero_where_sure_and_one_at_a_half():
    probability = np.array([0, 0.1, 0.5, 0.9, 1], dtype=np.float32).reshape(5, 1, 1)
    masks = Structures({"Larynx": probability >= 0.5}, np.eye(4))
    drawn = Segmentation(masks, {}, lambda: {"Larynx": probability})
    unsure = drawn.uncertainty()["Larynx"].ravel()
    assert unsure.dtype == np.float32
    assert unsure[[0, 2, 4]].tolist() == [0, 1, 0]
    assert unsure[1] == pytest.approx(unsure[3], abs=1e-6)
    assert 0 < unsure[1] < 1


def test_uncertainty_is_written_beside_the_masks_on_request_and_never_left_over(tmp_path):
    probability = np.array([0, 0.5, 1], dtype=np.float32).reshape(3, 1, 1)
    masks = Structures({"Larynx": probability >= 0.5}, np.eye(4))
    drawn = Segmentation(masks, {}, lambda: {"Larynx": probability})
    written = tmp_path / "Larynx-uncertainty-percent.nii.gz"
    write_segmentation(tmp_path, drawn, uncertainty=True)
    assert read_labels(written)[0].ravel().tolist() == [0, 100, 0]
    assert read_segmentation(tmp_path).structures.keys() == {"Larynx"}
    write_segmentation(tmp_path, drawn)
    assert not written.exists()


def test_masks_without_probabilities_have_no_uncertainty():
    with pytest.raises(InputError, match="has no probabilities"):
        Segmentation(Structures({"Larynx": np.ones((2, 2, 2), bool)}, np.eye(4)), {}).uncertainty()
