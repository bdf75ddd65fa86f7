"""A run that was killed goes on as if it had not been: the same samples, the same losses, each step logged once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import patients
import pytest
import torch
from patients import teach_briefly, write_config, write_patients
from tiny import write_language_model

from llmseg.cli import main
from llmseg.training import finetune, run

STEPS = 40
# Saved at steps 5, 10, ... and validated at 4, 8, ...: a resumed run has both kinds ahead, out of step.
SETTINGS = ("steps=40", "save_every=5", "validate_every=4")
SHORT = ("steps=8", "save_every=3", "validate_every=2", "network.fusion=none")
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module", autouse=True)
def _brief(tmp_path_factory):
    threads, taught = torch.get_num_threads(), finetune.pretrain_reader
    torch.set_num_threads(1)
    teach_briefly(finetune)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLMSEG_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
    finetune.pretrain_reader = taught
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """The arguments of one training run into a folder."""
    shared = tmp_path_factory.mktemp("resume")
    config = write_config(shared / "run.toml", write_language_model(shared / "language"))
    data = write_patients(shared / "patients").root

    def command(out: Path, *flags: str, settings: tuple[str, ...] = SETTINGS) -> list[str]:
        sets = [part for setting in settings for part in ("--set", setting)]
        return ["train", str(config), "--data", str(data), "--out", str(out), *sets, *flags]

    return command


@pytest.fixture(scope="module")
def uninterrupted(command, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("uninterrupted") / "run"
    assert main(command(out)) == 0
    return out


def lines_of(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def validated(out: Path) -> bool:
    return (out / "metrics.jsonl").exists() and '"step": 8, "validation"' in (out / "metrics.jsonl").read_text()


def kill_midway(arguments: list[str], out: Path) -> None:
    """Start training as a process of its own and kill it with -9 once it has saved beyond two validations."""
    script = [sys.executable, str(Path(patients.__file__)), *arguments]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(script, env={**os.environ, "PYTHONPATH": str(ROOT)}, **quiet) as process:
        while not validated(out):
            try:
                process.wait(timeout=0.02)
            except subprocess.TimeoutExpired:
                continue
            pytest.fail(f"Training ended before it could be killed: {process.stderr.read()}")
        process.kill()
    assert process.returncode == -signal.SIGKILL


def assert_same_curve(ours: list[dict], theirs: list[dict]) -> None:
    assert [line["step"] for line in ours] == [line["step"] for line in theirs]
    for one, other in zip(ours, theirs, strict=True):
        for name in ("loss", "dice", "focal", "rate", "validation"):
            assert one.get(name) == other.get(name)


def test_a_run_killed_with_9_goes_on_along_the_same_curve(command, uninterrupted, tmp_path):
    out = tmp_path / "run"
    kill_midway(command(out), out)
    stopped = torch.load(out / "trainer.pt", weights_only=True)["step"]
    assert 5 <= stopped < STEPS  # the state of step 10 is written a moment after its lines
    assert main(command(out, "--resume")) == 0
    lines = lines_of(out)
    assert [line["step"] for line in lines if "loss" in line] == list(range(1, STEPS + 1))
    assert [line["step"] for line in lines if "validation" in line] == list(range(4, STEPS + 1, 4))
    assert_same_curve(lines, lines_of(uninterrupted))
    assert_same_weights(out, uninterrupted)


def assert_same_weights(ours: Path, theirs: Path) -> None:
    one, other = (torch.load(out / "trainer.pt", weights_only=True) for out in (ours, theirs))
    for part in ("network", "average"):
        for name, value in other[part].items():
            assert torch.equal(one[part][name], value)
    assert one["best"] == other["best"]
    weights = [(out / "checkpoint" / "model.safetensors").read_bytes() for out in (ours, theirs)]
    assert weights[0] == weights[1]
    shipped = [json.loads((out / "checkpoint" / "config.json").read_text())["trained"] for out in (ours, theirs)]
    assert shipped[0]["steps"] == shipped[1]["steps"]
    assert shipped[0]["reading"] == shipped[1]["reading"]


class Killed(BaseException):
    """Death at a chosen place; unlike an Exception nothing on the way may handle it."""


@pytest.fixture(scope="module")
def short(command, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("short") / "run"
    assert main(command(out, settings=SHORT)) == 0
    return out


@pytest.mark.parametrize("saves", [0, 1, 2])
def test_death_between_the_log_and_the_state_doubles_no_step(command, short, tmp_path, monkeypatch, saves):
    out, save, left = tmp_path / "run", run.Course._save_state, [None] * saves

    def save_or_die(course) -> None:
        if not left:
            raise Killed
        left.pop()
        save(course)

    monkeypatch.setattr(run.Course, "_save_state", save_or_die)
    with pytest.raises(Killed):
        main(command(out, settings=SHORT))
    with (out / "metrics.jsonl").open("a") as file:
        file.write('{"loss": 0.5, "di')  # as a full write buffer would leave it
    monkeypatch.setattr(run.Course, "_save_state", save)
    assert main(command(out, "--resume", settings=SHORT)) == 0
    assert_same_curve(lines_of(out), lines_of(short))


def test_the_reader_is_not_taught_twice(command, uninterrupted, tmp_path, monkeypatch):
    def never(*_arguments, **_options):
        pytest.fail("A resumed run taught its reader again.")

    monkeypatch.setattr(finetune, "pretrain_reader", never)
    assert main(command(uninterrupted, "--resume")) == 0


@pytest.mark.parametrize("change", [{"settings": ("steps=40", "save_every=5", "validate_every=4", "seed=1")}, {}])
def test_what_cannot_be_gone_on_with_is_refused_in_one_line(command, uninterrupted, capsys, change):
    before = (uninterrupted / "trainer.pt").read_bytes()
    flags = ["--resume"] if change else []
    assert main(command(uninterrupted, *flags, **change)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert str(uninterrupted) in line
    assert ("another config" if change else "--resume") in line
    assert (uninterrupted / "trainer.pt").read_bytes() == before
