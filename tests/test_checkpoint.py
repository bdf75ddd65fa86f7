"""A checkpoint folder is written whole or not at all, and read key by key."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import stat

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import CONV, VIT, network, network_config

from llmseg.case import InputError
from llmseg.model import checkpoint
from llmseg.model.checkpoint import CheckpointConfig, load_checkpoint, save_checkpoint
from llmseg.preprocessing import Grid
from llmseg.text.encoder import EncoderSpec

CONFIG = CheckpointConfig(
    network_config(), Grid((3.0, 4.0, 5.0)), EncoderSpec("a/model", 3), "0123456789abcdef", {"steps": 7, "data": ["x"]}
)


@pytest.fixture
def folder(tmp_path):
    save_checkpoint(tmp_path / "point", network(), CONFIG, "# A card\n")
    return tmp_path / "point"


def weights_of(folder) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def everything_in(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("encoder", [CONV, VIT], ids=["conv", "vit"])
def test_what_was_saved_is_read_back_exactly_at_half_precision(tmp_path, encoder):
    built = network(seed=3, **encoder)
    config = CheckpointConfig(built.config, CONFIG.grid, CONFIG.encoder, CONFIG.encoder_fingerprint, CONFIG.trained)
    save_checkpoint(tmp_path / "deep" / "point", built, config, "# A card\n")
    loaded, described = load_checkpoint(tmp_path / "deep" / "point")
    assert described == config
    assert loaded.state_dict().keys() == built.state_dict().keys()
    for key, value in built.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value.half().float()), key


def test_a_read_network_is_ready_to_draw_and_not_to_train(folder):
    loaded, _ = load_checkpoint(folder)
    assert not loaded.training
    assert not any(weight.requires_grad for weight in loaded.parameters())
    assert all(weight.dtype == torch.float32 for weight in loaded.parameters())


def test_the_folder_holds_config_weights_and_card_and_nothing_else(folder):
    assert {path.name for path in folder.iterdir()} == {"config.json", "model.safetensors", "README.md"}
    assert (folder / "README.md").read_text() == "# A card\n"
    assert json.loads((folder / "config.json").read_text())["format"] == 1
    assert {path.name for path in folder.parent.iterdir()} == {"point"}


def test_others_can_read_what_was_saved(folder):
    for path in (folder, *folder.iterdir()):
        assert path.stat().st_mode & stat.S_IROTH, path


def test_saving_again_replaces_everything(folder):
    save_checkpoint(folder, network(seed=9), CONFIG, "# Another card\n")
    torch.testing.assert_close(weights_of(folder)["head.weight"], network(seed=9).head.weight.half(), atol=0, rtol=0)
    assert (folder / "README.md").read_text() == "# Another card\n"
    assert {path.name for path in folder.parent.iterdir()} == {"point"}


# Broken folders.


def without(key):
    def spoil(folder):
        weights = weights_of(folder)
        del weights[key]
        save_file(weights, folder / "model.safetensors")

    return spoil


def with_weight(key, value):
    return lambda folder: save_file({**weights_of(folder), key: value}, folder / "model.safetensors")


def with_config(**changes):
    def spoil(folder):
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return spoil


def with_text(text):
    return lambda folder: (folder / "config.json").write_text(text)


def without_entry(folder):
    path = folder / "config.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "grid"}))


def cut_short(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def a_file(folder):
    shutil.rmtree(folder)
    folder.write_text("no folder")


BROKEN = {
    "missing key": (without("head.weight"), "1 keys missing, extra or misshapen, first 'head.weight'"),
    "extra key": (with_weight("llama.weight", torch.zeros(3)), "1 keys missing, extra or misshapen, first 'llama.we"),
    "misshapen key": (with_weight("head.weight", torch.zeros(3)), "1 keys missing, extra or misshapen, first 'head.w"),
    "another network": (with_config(network={"channels": (4, 8, 8, 32), "heads": 2}), "does not fit its config"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), r"model\.safetensors is missing"),
    "no config": (lambda folder: (folder / "config.json").unlink(), r"config\.json is missing"),
    "no folder": (shutil.rmtree, r"config\.json is missing"),
    "a file": (a_file, "is not a checkpoint"),
    "cut weights": (cut_short, "is damaged"),
    "weights of another kind": (lambda folder: (folder / "model.safetensors").write_text("no"), "is damaged"),
    "broken json": (with_text('{"format": 1,'), "is damaged"),
    "config that is a list": (with_text("[]"), "is damaged"),
    "config that is not text": (lambda folder: (folder / "config.json").write_bytes(b"\xff\xfe\x00"), "is damaged"),
    "config without a grid": (without_entry, "is damaged"),
    "unknown setting": (with_config(network={"layers": 3}), "is damaged"),
    "setting of another type": (with_config(network={"field": 64}), "is damaged"),
    "unusable setting": (with_config(network={"encoder": "resnet"}), "is not one of conv, vit"),
    "another format": (with_config(format=2), r"Checkpoint format 2; this version reads 1\. Update llmseg"),
    "no format": (with_text("{}"), "Checkpoint format None; this version reads 1"),
}


@pytest.mark.parametrize("problem", BROKEN)
def test_a_broken_checkpoint_is_refused_in_one_line(folder, problem):
    spoil, says = BROKEN[problem]
    spoil(folder)
    with pytest.raises(InputError, match=says) as refused:
        load_checkpoint(folder)
    assert "\n" not in str(refused.value)


# Disks that fail.


@contextlib.contextmanager
def files_no_larger_than(size: int):
    """A disk with so many bytes left, as far as one file can tell."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_previous_checkpoint(folder):
    before = everything_in(folder)
    with pytest.raises(InputError, match="cannot be written") as refused, files_no_larger_than(4096):
        save_checkpoint(folder, network(seed=9), CONFIG, "# Another card\n")
    assert "\n" not in str(refused.value)
    assert everything_in(folder) == before
    assert {path.name for path in folder.parent.iterdir()} == {"point"}


def test_a_full_disk_leaves_nothing_where_nothing_was(tmp_path):
    with pytest.raises(InputError, match="cannot be written"), files_no_larger_than(4096):
        save_checkpoint(tmp_path / "point", network(), CONFIG, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failing", [1, 2])
def test_a_checkpoint_that_cannot_be_put_in_place_leaves_the_previous_one(folder, monkeypatch, failing):
    before, calls, replace = everything_in(folder), [], os.replace

    def fails_once(source, destination):
        calls.append(destination)
        if len(calls) == failing:
            raise OSError(28, "No space left on device")
        replace(source, destination)

    monkeypatch.setattr(checkpoint.os, "replace", fails_once)
    with pytest.raises(InputError, match="No space left on device"):
        save_checkpoint(folder, network(seed=9), CONFIG, "# Another card\n")
    assert everything_in(folder) == before
    assert {path.name for path in folder.parent.iterdir()} == {"point"}


def test_what_an_interrupted_save_left_does_not_stop_the_next(folder):
    left = folder.with_name(".replaced-point")
    left.mkdir()
    (left / "config.json").write_text("{}")
    save_checkpoint(folder, network(seed=9), CONFIG, "# Another card\n")
    assert (folder / "README.md").read_text() == "# Another card\n"


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        save_checkpoint(tmp_path / "file" / "point", network(), CONFIG, "")
