"""A config is read whole, or refused with one line that names the key and the value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmseg.case import InputError
from llmseg.experiments.plans import WIDE
from llmseg.training.config import TrainConfig, read_config

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def toml(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "run.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def refusal(*arguments) -> str:
    with pytest.raises(InputError) as caught:
        read_config(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_nothing_given_is_the_defaults():
    assert read_config() == TrainConfig()


@pytest.mark.parametrize("name", ["openkbp", "openkbp-coarse", "paper"])
def test_the_examples_load(name):
    config = read_config(EXAMPLES / f"{name}.toml")
    assert config.batch == 2
    assert config != TrainConfig()


def test_the_coarse_example_is_the_inner_part_of_the_other():
    whole, inner = (read_config(EXAMPLES / f"{name}.toml") for name in ("openkbp", "openkbp-coarse"))
    assert inner.network.channels == whole.network.channels[1:]
    assert [2 * edge for edge in inner.network.field] == list(whole.network.field)
    assert inner.grid.spacing_mm == tuple(2 * edge for edge in whole.grid.spacing_mm)
    assert inner.encoder == whole.encoder
    assert inner.network.queries == whole.network.queries


def test_the_wide_arms_are_as_wide_as_the_network_that_ships():
    wide, inner = read_config(EXAMPLES / "experiments.toml", WIDE), read_config(EXAMPLES / "openkbp-coarse.toml")
    for name in ("channels", "heads", "field", "queries"):
        assert getattr(wide.network, name) == getattr(inner.network, name)
    assert wide.grid == inner.grid


def test_a_file_goes_over_the_defaults_and_leaves_the_rest(toml):
    config = read_config(toml("steps = 7\n[grid]\nspacing_mm = [5, 5, 3]\n[network]\nencoder = 'vit'\ndepth = 4\n"))
    assert (config.steps, config.grid.spacing_mm) == (7, (5.0, 5.0, 3.0))
    assert (config.network.encoder, config.network.channels) == ("vit", TrainConfig().network.channels)
    assert config.batch == TrainConfig().batch


def test_settings_go_over_the_file_and_the_last_one_wins(toml):
    path = toml("steps = 7\nlearning_rate = 0.1\n")
    config = read_config(path, ["steps=8", "network.field=[32, 32, 48]", "encoder.model=some/model", "steps=9"])
    assert (config.steps, config.learning_rate, config.network.field) == (9, 0.1, (32, 32, 48))
    assert config.encoder.model == "some/model"


def test_settings_are_judged_together_in_any_order():
    settings = ["network.heads=2", "network.channels=[4, 8, 8, 16]", "network.field=[24, 24, 24]"]
    assert read_config(None, settings) == read_config(None, settings[::-1])


def test_a_whole_number_stands_for_a_decimal_one():
    config = read_config(None, ["learning_rate=1"])
    assert config.learning_rate == 1.0
    assert isinstance(config.learning_rate, float)


def test_a_config_survives_json():
    config = read_config(None, ["steps=3", 'network.structures=["PTV_High"]'])
    assert json.loads(json.dumps(config.to_json())) == config.to_json()
    assert config.to_json()["network"]["structures"] == ["PTV_High"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("stesp = 3", "'stesp'"),
        ("[network]\nchanels = [1]", "'chanels'"),
        ("[optimiser]\nname = 'sgd'", "'optimiser'"),
        ("steps = 'many'", "steps = 'many'"),
        ("steps = 2.5", "steps = 2.5"),
        ("steps = true", "steps = True"),
        ("learning_rate = true", "learning_rate = True"),
        ("precision = 16", "precision = 16"),
        ("network = 'vit'", "network = 'vit'"),
        ("[steps]\nx = 1", "steps"),
        ("[network]\nfield = 64", "field = 64"),
        ("[network]\nfield = [64, 'wide', 80]", "field"),
        ("[network]\nfield = [64, 64]", "64, 64"),
        ("[network]\nfield = [64, 64, 0]", "64, 64, 0"),
        ("[network]\nchannels = [8.5, 16]", "channels"),
        ("[network]\nheads = 5", "heads"),
        ("[grid]\nspacing_mm = [4, 4]", r"4.0, 4.0"),
        ("[grid]\nspacing_mm = ['a', 4, 4]", "spacing_mm"),
        ("[grid]\nspacing_mm = [0.1, 4, 4]", "0.1"),
        ("steps = 0", "steps = 0"),
        ("batch = -1", "batch = -1"),
        ("warmup = -1", "warmup = -1"),
        ("workers = -1", "workers = -1"),
        ("patience = -1", "patience = -1"),
        ("[contrast]\ntemperature = 0", "temperature = 0"),
        ("[contrast]\nmemory = -1", "memory = -1"),
        ("[augment]\nnoise = -1", "noise = -1"),
        ("[augment]\nscale = 0.9", "scale = 0.9"),
        ("seed = -1", "seed = -1"),
        ("weight_decay = -0.1", "weight_decay = -0.1"),
        ("focal_gamma = -1.0", "focal_gamma = -1.0"),
        ("learning_rate = nan", "learning_rate = nan"),
        ("drop_note = 1.0", "drop_note = 1.0"),
        ("ema = nan", "ema = nan"),
        ("precision = 'fp8'", "'fp8'"),
        ("[network]\nencoder = 'resnet'", "'resnet'"),
        ("[network]\nfield = [60, 64, 64]", "60, 64, 64"),
        ("[encoder]\nlayer = -1", "-1"),
        ("steps = ", "not valid TOML"),
        ("steps = 1\nsteps = 2", "not valid TOML"),
    ],
)
def test_what_cannot_be_used_is_named(toml, text, named):
    message = refusal(toml(text))
    assert named in message


def test_the_file_or_the_setting_is_named(toml):
    assert "run.toml" in refusal(toml("stesp = 3"))
    assert "--set stesp=3" in refusal(None, ["stesp=3"])
    assert "--set network.depth.x=3" in refusal(None, ["network.depth.x=3"])
    assert "depth" in refusal(None, ["network.depth=2", "network.depth.x=3"])


def test_an_unknown_key_is_answered_with_the_known_ones():
    assert "drop_note" in refusal(None, ["drop_notes=0.1"])
    assert "channels" in refusal(None, ["network.chanels=[1]"])


def test_a_setting_without_a_value_is_named():
    assert "--set steps" in refusal(None, ["steps"])


def test_a_missing_file_is_named(tmp_path):
    assert "nowhere.toml" in refusal(tmp_path / "nowhere.toml")


def test_a_file_that_is_not_text_is_named(tmp_path):
    path = tmp_path / "run.toml"
    path.write_bytes(b"steps = \xff")
    assert "run.toml" in refusal(path)


def test_comments_may_be_in_any_language(toml):
    assert read_config(toml("# Schrittzahl für die Übung: 学習\nsteps = 3\n")).steps == 3
