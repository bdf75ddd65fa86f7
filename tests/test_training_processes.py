"""Several processes learn what one would with a batch as large as all of theirs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import patients
import pytest
import torch
from patients import teach_briefly, write_config, write_patients
from tiny import write_language_model

from llmseg.cli import main
from llmseg.model.checkpoint import load_checkpoint
from llmseg.training import finetune

ROOT = Path(__file__).parents[1]
LAUNCH = ("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1",
          "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0")  # fmt: skip
TOGETHER = ("steps=6", "validate_every=3", "save_every=3", "accumulate=2", "tuning_share=0.25")


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Path:
    """Patients of whom one lacks structures that the others have, a config, and the cache of all runs."""
    shared = tmp_path_factory.mktemp("processes")
    structures = write_patients(shared / "patients").root / "structures"
    for name in ("PTV_Low", "Parotid_L"):
        (structures / "phantom_900201" / f"{name}.nii.gz").unlink()
    write_config(shared / "run.toml", write_language_model(shared / "language"))
    return shared


@pytest.fixture(scope="module", autouse=True)
def _brief(shared):
    threads, taught = torch.get_num_threads(), finetune.pretrain_reader
    torch.set_num_threads(1)
    teach_briefly(finetune)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLMSEG_CACHE", str(shared / "cache"))
        yield
    finetune.pretrain_reader = taught
    torch.set_num_threads(threads)


def arguments(shared: Path, out: Path, *settings: str, command: str = "train") -> list[str]:
    sets = [part for setting in settings for part in ("--set", setting)]
    return [command, str(shared / "run.toml"), "--data", str(shared / "patients"), "--out", str(out), *sets]


def launched(*given: str) -> subprocess.CompletedProcess:
    """Run a command in two processes, as `accelerate launch` starts them."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    script = [sys.executable, *LAUNCH, str(Path(patients.__file__)), *given]
    return subprocess.run(script, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=1800, check=False)


def lines_of(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def two(shared) -> Path:
    """A run of two processes with batch 1 each."""
    ran = launched(*arguments(shared, shared / "two", *TOGETHER, "batch=1"))
    assert ran.returncode == 0, ran.stderr
    (shared / "two.txt").write_text(ran.stdout)
    return shared / "two"


def test_two_processes_follow_the_curve_of_one_with_twice_the_batch(shared, two):
    one = shared / "one"
    assert main(arguments(shared, one, *TOGETHER, "batch=2")) == 0
    ours, theirs = lines_of(two), lines_of(one)
    assert [line["step"] for line in ours] == [line["step"] for line in theirs] == [1, 2, 3, 3, 4, 5, 6, 6]
    for alone, together in zip(theirs, ours, strict=True):
        for name in ("loss", "dice", "focal", "rate"):
            assert together.get(name) == pytest.approx(alone.get(name), abs=1e-3)
        assert together.get("validation") == pytest.approx(alone.get("validation"), abs=2e-2)
    nets = [load_checkpoint(out / "checkpoint")[0].state_dict() for out in (one, two)]
    for name, value in nets[0].items():
        torch.testing.assert_close(nets[1][name], value, atol=5e-3, rtol=0)


def test_one_process_speaks_and_writes_for_all(shared, two):
    said = (shared / "two.txt").read_text()
    assert said.count("step 6 ") == said.count("checkpoint: ") == 1
    assert {path.name for path in two.iterdir()} == {
        "checkpoint",
        "metrics.jsonl",
        "run.json",
        "run.lock",
        "trainer.pt",
        "validation.png",
    }


def test_a_run_of_two_is_not_gone_on_with_by_one(shared, two, capsys):
    assert main([*arguments(shared, two, *TOGETHER, "batch=1"), "--resume"]) == 2
    assert "processes was 2 and is 1" in capsys.readouterr().err
