"""Load once, open a CT once, segment it with as many notes as you like, on the CT's own voxels."""

from __future__ import annotations

import hashlib
import logging
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import NOTE, OTHER_NOTE, body, checkpoint_config, network, write_checkpoint, write_language_model

from llmseg import __version__
from llmseg.case import STRUCTURES, InputError, Note, Volume
from llmseg.formats.nifti import write_mask
from llmseg.formats.segmentation import read_segmentation, write_segmentation
from llmseg.metrics import dice
from llmseg.model.checkpoint import save_checkpoint
from llmseg.model.refinement import Refinement
from llmseg.model.tiling import tile_origins
from llmseg.preprocessing import forward
from llmseg.segmenter import Segmenter, choose_device
from llmseg.text.encoder import TextEncoder


@pytest.fixture(scope="session")
def language_model(tmp_path_factory):
    return write_language_model(tmp_path_factory.mktemp("language") / "model")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory, language_model):
    return write_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny", language_model)


@pytest.fixture
def segmenter(checkpoint, tmp_path):
    return Segmenter.load(checkpoint, "cpu", cache=tmp_path / "cache")


class BoneFinder(torch.nn.Module):
    """Stands for a trained network: every structure is bone (above 300 HU), the last one all of the body."""

    def encode_image(self, image):
        return [image.float()]

    def decode(self, features, text):
        bone, inside = (features[0] - 0.65) * 200, (features[0] > 0.25).float() * 20 - 10
        return torch.cat([bone] * (len(STRUCTURES) - 1) + [inside], dim=1)

    def probabilities(self, logits):
        return logits.float().sigmoid()


@pytest.fixture
def bone_finder(language_model, tmp_path):
    config = checkpoint_config(language_model)
    encoder = TextEncoder(config.encoder, cache=tmp_path / "cache")
    return Segmenter(BoneFinder(), config, encoder, torch.device("cpu"), "bone finder")


def turned(volume: Volume, axes: tuple[int, int, int], flips: tuple[int, ...]) -> Volume:
    """The same patient in the same place, stored with its axes in another order and direction."""
    affine = volume.affine.copy()
    for axis in flips:
        affine[:3, 3] += affine[:3, axis] * (volume.shape[axis] - 1)
        affine[:3, axis] *= -1
    affine[:, :3] = affine[:, axes]
    return Volume(np.flip(volume.array, flips).transpose(axes).copy(), affine, volume.name)


TURNS = pytest.mark.parametrize(
    ("axes", "flips"), [((0, 1, 2), ()), ((0, 1, 2), (0, 1)), ((2, 0, 1), ()), ((1, 2, 0), (0, 2))]
)


# Where contours land.


@TURNS
def test_contours_land_on_the_ct_however_it_is_stored(bone_finder, axes, flips):
    ct = turned(body((40, 34, 38), 3.0), axes, flips)
    drawn = bone_finder.open(ct).segment(None)
    assert drawn.structures["PTV_High"].shape == ct.shape
    assert np.array_equal(drawn.structures.affine, ct.affine)
    assert dice(drawn.structures["PTV_High"], ct.array > 300) > 0.85


@TURNS
def test_a_network_draws_the_same_contours_however_the_ct_is_stored(segmenter, axes, flips):
    plain = segmenter.open(body()).segment(None).structures["Larynx"]
    other = segmenter.open(turned(body(), axes, flips)).segment(None).structures["Larynx"]
    assert plain.any()
    assert dice(np.flip(plain, flips).transpose(axes), other) > 0.98


def test_the_input_is_not_touched(segmenter):
    ct = body()
    array, affine = ct.array.copy(), ct.affine.copy()
    segmenter.open(ct).segment(Note(NOTE))
    assert np.array_equal(ct.array, array)
    assert np.array_equal(ct.affine, affine)


def test_a_ct_larger_than_the_field_is_tiled_and_never_cropped(bone_finder):
    spine = (slice(-3, 3), slice(2, 6), slice(-24, 26))
    ct = body((50, 40, 60), bar=spine)
    drawn = bone_finder.open(ct).segment(None)
    inside = ct.array > -500
    assert (drawn.structures[STRUCTURES[-1]] & inside).sum() > 0.97 * inside.sum()
    assert dice(drawn.structures["PTV_High"], ct.array > 300) > 0.95


def test_what_is_drawn_far_from_the_head_on_nothing_near_it_is_dropped(bone_finder):
    knee = (slice(-3, 3), slice(-3, 3), slice(-24, -18))
    drawn = bone_finder.open(body((50, 40, 60), bar=knee)).segment(None)
    assert not drawn.structures["PTV_High"].any()
    assert drawn.probabilities["PTV_High"].max() > 0.45


def test_every_voxel_of_the_body_has_a_probability_of_every_structure(segmenter):
    ct = body((50, 40, 60))
    probabilities = segmenter.open(ct).segment(Note(NOTE)).probabilities
    assert set(probabilities) == set(STRUCTURES)
    for probability in probabilities.values():
        assert probability.shape == ct.shape
        assert probability[ct.array > -500].min() > 0
        assert probability.max() <= 1


def test_a_contour_is_where_its_probability_is_at_least_a_half(segmenter):
    drawn = segmenter.open(body()).segment(Note(NOTE))
    for name, mask in drawn.structures.items():
        assert np.array_equal(mask, drawn.probabilities[name] >= 0.5), name


# What the note is read for.


def test_two_wordings_of_the_same_facts_draw_the_same_contour(segmenter):
    ct = segmenter.open(body())
    first, second = (
        ct.segment(Note(n)).structures for n in ("SCC of the left tonsil, 70 Gy", "70 Gy. Oropharynx, left.")
    )
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_note_that_states_nothing_is_passed_over_and_said_to_be(segmenter):
    ct = segmenter.open(body())
    drawn = ct.segment(Note("The patient feels well."))
    assert drawn.provenance["condition"] == "no-text"
    assert drawn.provenance["note_sha256"]
    assert np.array_equal(drawn.structures["Larynx"], ct.segment(None).structures["Larynx"])


def test_many_notes_at_once_draw_what_each_draws_alone(segmenter):
    ct = segmenter.open(body())
    notes = [Note(NOTE), None, Note(OTHER_NOTE), Note("Left larynx"), Note("Right larynx, both necks"), Note(NOTE)]
    together = list(ct.segment_each(notes))
    for note, drawn in zip(notes, together, strict=True):
        alone = ct.segment(note)
        assert drawn.provenance == alone.provenance
        assert all(dice(drawn.structures[name], alone.structures[name]) > 0.99 for name in ("PTV_High", "Larynx"))


def test_an_unknown_template_is_refused_when_the_model_loads(checkpoint, tmp_path):
    with pytest.raises(InputError, match="no template 'haiku'"):
        Segmenter.load(checkpoint, "cpu", cache=tmp_path, template="haiku")


# What is done once.


@pytest.fixture
def counted(segmenter, monkeypatch):
    """How often the image was encoded and decoded."""
    counts = {"encode_image": 0, "decode": 0}
    for name in counts:
        original = getattr(segmenter.network, name)

        def call(*args, name=name, original=original):
            counts[name] += 1
            return original(*args)

        monkeypatch.setattr(segmenter.network, name, call)
    return counts


def test_each_tile_is_encoded_once_and_a_note_costs_a_decode(segmenter, counted):
    opened = segmenter.open(body())
    tiles = counted["encode_image"]
    assert tiles > 1
    for note in (Note(NOTE), Note(OTHER_NOTE), None):
        opened.segment(note)
    assert counted == {"encode_image": tiles, "decode": 3 * tiles}
    assert segmenter.encoder.loads == 1


def test_tiles_of_air_are_not_encoded(segmenter, counted):
    ct = body((60, 50, 60))
    segmenter.open(ct)
    image, placement = forward(ct, segmenter.config.grid)
    tiles = tile_origins(image.shape[1:], placement.anchor, segmenter.config.network.field)
    assert 0 < counted["encode_image"] < len(tiles)


def test_without_a_note_the_language_model_never_loads(segmenter, monkeypatch):
    monkeypatch.setattr(TextEncoder, "_load", lambda self: pytest.fail("the language model was loaded"))
    drawn = segmenter.open(body()).segment(None)
    assert drawn.structures["Larynx"].any()
    assert segmenter.encoder.loads == 0


def test_probabilities_are_placed_only_on_request(segmenter, monkeypatch):
    drawn = segmenter.open(body()).segment(None)
    monkeypatch.setattr("llmseg.segmenter.inverse", lambda *args: pytest.fail("probabilities were placed"))
    assert len(drawn.structures) == len(STRUCTURES)


def test_the_note_steers_the_contour_and_the_same_note_draws_the_same(segmenter):
    opened = segmenter.open(body())
    one, again, other, without = (
        opened.segment(note).structures["PTV_High"] for note in (Note(NOTE), Note(NOTE), Note(OTHER_NOTE), None)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one, without)


def test_open_cts_share_nothing(segmenter):
    first = segmenter.open(body())
    before = first.segment(Note(NOTE)).structures["Larynx"]
    segmenter.open(body((30, 30, 30))).segment(Note(OTHER_NOTE))
    assert np.array_equal(first.segment(Note(NOTE)).structures["Larynx"], before)


# What is said of it.


def test_a_segmentation_says_how_it_came_about(segmenter):
    ct = body()
    opened = segmenter.open(ct)
    said = opened.segment(Note(NOTE)).provenance
    assert said == {
        "llmseg": __version__,
        "checkpoint": "tiny",
        "steps": 7,
        "condition": "text",
        "text_encoder": segmenter.encoder.spec.model,
        "text_encoder_fingerprint": segmenter.encoder.fingerprint,
        "note_sha256": hashlib.sha256(NOTE.encode()).hexdigest(),
        "template": "essential",
        "prompt_sha256": hashlib.sha256(segmenter.read(Note(NOTE)).prompt.encode()).hexdigest(),
        "prompt_dropped": [],
        "note_cut": False,
        "modalities": ["ct"],
        "grid_mm": [4.0, 4.0, 4.0],
        "refinement": Refinement().to_json(),
        "shape": list(ct.shape),
        "affine": ct.affine.tolist(),
    }
    without = opened.segment(None).provenance
    assert without["condition"] == "no-text"
    assert not any(without[key] for key in said if key.startswith(("text_encoder", "note_", "prompt", "template")))


def test_a_cut_note_is_said_to_be(segmenter):
    long = segmenter.read(Note("left " * 10_000), template="as-written")
    assert segmenter.open(body()).segment(long).provenance["note_cut"] is True
    assert segmenter.open(body()).segment(Note("left " * 10_000)).provenance["note_cut"] is False


def test_a_segmentation_is_written_and_read_back(segmenter, tmp_path):
    drawn = segmenter.open(body()).segment(Note(NOTE))
    write_segmentation(tmp_path / "drawn", drawn)
    read = read_segmentation(tmp_path / "drawn")
    assert read.provenance == drawn.provenance
    assert read.structures.keys() == drawn.structures.keys()
    for name, mask in drawn.structures.items():
        assert np.array_equal(read.structures[name], mask)
    assert np.allclose(read.structures.affine, drawn.structures.affine)


def test_a_segmentation_that_was_not_finished_is_refused(segmenter, tmp_path):
    drawn = segmenter.open(body()).segment(None)
    write_segmentation(tmp_path, drawn)
    (tmp_path / "segmentation.json").unlink()
    with pytest.raises(InputError, match="no finished segmentation"):
        read_segmentation(tmp_path)
    with pytest.raises(InputError, match="no finished segmentation"):
        read_segmentation(tmp_path / "nothing")


def test_a_segmentation_whose_provenance_is_damaged_is_refused(segmenter, tmp_path):
    write_segmentation(tmp_path, segmenter.open(body()).segment(None))
    (tmp_path / "segmentation.json").write_text("{")
    with pytest.raises(InputError, match=r"segmentation\.json is damaged"):
        read_segmentation(tmp_path)


def test_a_disk_that_fills_while_rewriting_leaves_the_earlier_segmentation(segmenter, tmp_path, monkeypatch):
    opened, written = segmenter.open(body()), []
    earlier = opened.segment(None)
    folder = tmp_path / "drawn"
    write_segmentation(folder, earlier)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full_after_three(path, *args):
        if len(written) == 3:
            raise InputError(f"{path} cannot be written (No space left on device). Free some space.")
        written.append(path)
        write_mask(path, *args)

    monkeypatch.setattr("llmseg.formats.segmentation.write_mask", full_after_three)
    with pytest.raises(InputError, match="No space left"):
        write_segmentation(folder, opened.segment(Note(NOTE)))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert read_segmentation(folder).provenance == earlier.provenance


# Progress.


def test_progress_only_grows_and_says_what_is_done(segmenter):
    told = []
    opened = segmenter.open(body(), lambda share, what: told.append((share, what)))
    encoding, drawing = told.copy(), []
    opened.segment(Note(NOTE), lambda share, what: drawing.append((share, what)))
    for steps in (encoding, drawing):
        shares = [share for share, _ in steps]
        assert shares == sorted(shares)
        assert shares[0] == 0
        assert shares[-1] == 1
        assert all(what for _, what in steps)


class Stop(Exception):
    pass


@pytest.mark.parametrize("after", range(4))
def test_an_exception_from_progress_stops_and_leaves_the_ct_usable(segmenter, after):
    def stops():
        told = []

        def tell(share, what):
            told.append(share)
            if len(told) > after:
                raise Stop

        return tell

    with pytest.raises(Stop):
        segmenter.open(body(), stops())
    opened = segmenter.open(body())
    with pytest.raises(Stop):
        opened.segment(Note(NOTE), stops())
    assert opened.segment(Note(NOTE)).structures["Larynx"].any()


# The language model a checkpoint was trained with.


@pytest.fixture(scope="session")
def another_model(tmp_path_factory):
    return write_language_model(tmp_path_factory.mktemp("another") / "model", seed=1)


def test_another_language_model_is_refused_in_one_line(checkpoint, another_model):
    with pytest.raises(InputError, match=r"^tiny was trained with the language model .* --allow-encoder-mismatch\.$"):
        Segmenter.load(checkpoint, "cpu", encoder=str(another_model))


def test_another_language_model_is_accepted_when_allowed_and_named(checkpoint, another_model, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        segmenter = Segmenter.load(
            checkpoint, "cpu", encoder=str(another_model), allow_encoder_mismatch=True, cache=tmp_path
        )
    assert "Contours with text will be worse" in caplog.text
    assert str(another_model) in segmenter.encoder_name
    drawn = segmenter.open(body()).segment(Note(NOTE))
    assert drawn.provenance["text_encoder"] == str(another_model)
    assert drawn.provenance["text_encoder_fingerprint"] == segmenter.encoder.fingerprint


def test_a_copy_of_the_trained_language_model_is_no_other(checkpoint, language_model, tmp_path):
    shutil.copytree(language_model, tmp_path / "copy")
    Segmenter.load(checkpoint, "cpu", encoder=str(tmp_path / "copy"))


def test_a_language_model_of_another_width_cannot_read_for_it(language_model, tmp_path):
    config = checkpoint_config(language_model, token_width=12)
    save_checkpoint(tmp_path / "narrow", network(token_width=12), config, "")
    opened = Segmenter.load(tmp_path / "narrow", "cpu", cache=tmp_path).open(body())
    with pytest.raises(InputError, match="states of width 16; narrow reads 12"):
        opened.segment(Note(NOTE))


def test_an_image_only_network_passes_over_the_note_and_needs_no_language_model(tmp_path, monkeypatch):
    config = checkpoint_config(tmp_path / "gone", "0123456789abcdef", fusion="none")
    save_checkpoint(tmp_path / "image-only", network(fusion="none"), config, "")
    monkeypatch.setattr(TextEncoder, "_load", lambda self: pytest.fail("the language model was loaded"))
    segmenter = Segmenter.load(tmp_path / "image-only", "cpu", cache=tmp_path)
    assert not segmenter.reads_notes
    segmenter.warm_up()
    assert "image-only" in segmenter.encoder_name
    opened = segmenter.open(body())
    with_note, without = opened.segment(Note(NOTE)), opened.segment(None)
    assert with_note.provenance == without.provenance
    assert with_note.provenance["condition"] == "no-text"
    assert np.array_equal(with_note.structures["Larynx"], without.structures["Larynx"])


# What cannot be segmented.


def test_an_empty_note_is_refused_and_the_ct_stays_open(segmenter):
    opened = segmenter.open(body())
    with pytest.raises(InputError, match="The note is empty"):
        opened.segment(Note("  "))
    assert opened.segment(Note(NOTE)).structures["Larynx"].any()


def test_a_volume_that_is_no_ct_in_hu_is_refused(segmenter):
    ct = body()
    with pytest.raises(InputError, match=r"body\.nii\.gz does not look like HU"):
        segmenter.open(Volume(ct.array + 1024, ct.affine, ct.name))


def test_a_checkpoint_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not a checkpoint"):
        Segmenter.load(tmp_path / "nothing", "cpu")


def test_a_checkpoint_that_was_only_pretrained_is_refused(tmp_path, language_model):
    config = replace(checkpoint_config(language_model), trained={"stage": "pretrain"})
    folder = tmp_path / "aligned"
    save_checkpoint(folder, network(), config, "# Aligned, but not trained\n")
    with pytest.raises(InputError, match=r"only pretrained.*--init"):
        Segmenter.load(folder)


def test_an_unknown_device_is_refused():
    with pytest.raises(InputError, match="Device 'tpu' is not one of auto, cpu, cuda"):
        choose_device("tpu")


def test_a_gpu_that_is_not_there_is_refused_and_auto_takes_what_there_is(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == torch.device("cpu")
    with pytest.raises(InputError, match="Use --device cpu or auto"):
        choose_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda")
    assert choose_device("cpu") == torch.device("cpu")
