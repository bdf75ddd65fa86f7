"""A run can be looked into while it is written, and started or stopped only where that is allowed."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from made_up import write_run

from llmseg.case import InputError
from llmseg.training.runfolder import lock
from llmseg.training.watching import find_runs, read_run
from llmseg.ui.training import Trainer, chart, said_of


def begun(folder: Path, steps: int = 30, validations: tuple[int, ...] = (20,)) -> Path:
    return write_run(folder, steps, {step: step / 100 for step in validations})


def test_a_run_says_how_far_it_is_and_when_it_will_end(tmp_path):
    run = read_run(begun(tmp_path / "one"))
    assert (run.step, run.goal, run.is_finished) == (30, 100, False)
    assert run.seconds_left == pytest.approx(140.0)
    assert run.losses[-1] == (30, pytest.approx(1.7))
    assert run.scores[20]["PTV_High text"] == 0.6


def test_the_kept_checkpoint_is_the_best_and_not_the_last(tmp_path):
    folder = begun(tmp_path / "one", validations=(10, 30, 20))
    lines = (folder / "metrics.jsonl").read_text().replace('"score": 0.3', '"score": 0.1')
    (folder / "metrics.jsonl").write_text(lines)
    assert read_run(folder).best == (20, 0.2)


def test_a_line_that_is_being_written_is_left_for_the_next_look(tmp_path):
    folder = begun(tmp_path / "one")
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 31, "lo')
    assert read_run(folder).step == 30


def test_a_run_that_has_only_begun_has_nothing_to_show_yet(tmp_path):
    run = read_run(begun(tmp_path / "one", steps=0, validations=()))
    assert (run.step, run.seconds_left, run.best) == (0, None, None)
    assert chart(run).data[0].x == ()


def test_a_folder_that_is_held_is_going(tmp_path):
    folder = begun(tmp_path / "one")
    assert not read_run(folder).is_going
    with lock(folder):
        assert read_run(folder).is_going
        assert 'data-state="going"' in said_of(read_run(folder))
    assert 'data-state="stopped"' in said_of(read_run(folder))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"config": 3}'])
def test_a_damaged_run_is_refused_by_name(tmp_path, content):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "run.json").write_text(content)
    with pytest.raises(InputError, match="one holds a damaged run"):
        read_run(tmp_path / "one")


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no run"):
        read_run(tmp_path)


def test_runs_are_found_at_any_depth(tmp_path):
    folders = {begun(tmp_path / name) for name in ("one", "more/two")}
    assert set(find_runs(tmp_path)) == folders


def test_the_chart_has_a_line_with_the_note_and_one_without(tmp_path):
    lines = {line.name: line for line in chart(read_run(begun(tmp_path / "one"))).data}
    assert lines["PTV_High"].y == (0.6,)
    assert lines["PTV_High, without"].y == (0.5,)
    assert lines["PTV_High, without"].line.dash == "dot"


# Starting and stopping


@pytest.fixture
def trainer(tmp_path, monkeypatch):
    """Its runs are a script that waits to be stopped, in the place of training."""
    script = tmp_path / "waits.py"
    script.write_text("import sys, time\nprint(' '.join(sys.argv), flush=True)\ntime.sleep(60)\n")
    monkeypatch.setattr("llmseg.ui.training.LAUNCH", (sys.executable, str(script)))
    return Trainer(tmp_path / "runs", {"paper": tmp_path / "paper.toml"}, {"mine": tmp_path / "mine"}, allowed=True)


def test_a_run_is_started_as_from_the_command_line_and_stopped(trainer, tmp_path):
    assert "has begun" in trainer.start("one", "paper", ["mine"])
    with pytest.raises(InputError, match="one is going already"):
        trainer.start("one", "paper", ["mine"])
    log = tmp_path / "runs" / "one.log"
    until(lambda: log.read_text().strip())
    expected = f"train {tmp_path / 'paper.toml'} --data {tmp_path / 'mine'} --out {tmp_path / 'runs' / 'one'}"
    assert log.read_text().strip().endswith(expected)
    assert "was stopped" in trainer.stop("one")
    assert trainer.complaint("one") == ""
    with pytest.raises(InputError, match="not started from this page, or has ended"):
        trainer.stop("one")


def test_a_run_of_the_same_name_goes_on(trainer, tmp_path):
    begun(tmp_path / "runs" / "one")
    assert "goes on" in trainer.start("one", "paper", ["mine"])
    log = tmp_path / "runs" / "one.log"
    until(lambda: log.read_text().strip())
    assert log.read_text().strip().endswith("--resume")
    trainer.stop("one")


def until(holds) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def test_a_run_that_fails_says_its_last_words(trainer, tmp_path, monkeypatch):
    script = tmp_path / "fails.py"
    script.write_text("import sys\nprint('llmseg: no patients here')\nsys.exit(2)\n")
    monkeypatch.setattr("llmseg.ui.training.LAUNCH", (sys.executable, str(script)))
    trainer.start("one", "paper", ["mine"])
    until(lambda: trainer.complaint("one"))
    assert trainer.complaint("one") == "llmseg: no patients here"


@pytest.mark.parametrize("name", ["", "../etc", "a/b", ".hidden", "x" * 65, "a b"])
def test_a_name_that_is_no_folders_is_refused(trainer, name):
    with pytest.raises(InputError, match="cannot be a run's name"):
        trainer.start(name, "paper", ["mine"])


@pytest.mark.parametrize(("config", "datasets"), [("other", ["mine"]), ("paper", []), ("paper", ["/etc"])])
def test_only_what_is_on_offer_is_trained(trainer, config, datasets):
    with pytest.raises(InputError, match="Choose a config"):
        trainer.start("one", config, datasets)


def test_nobody_starts_or_stops_a_run_unless_the_operator_allows_it(tmp_path):
    trainer = Trainer(tmp_path, {"paper": tmp_path}, {"mine": tmp_path})
    for act in (lambda: trainer.start("one", "paper", ["mine"]), lambda: trainer.stop("one")):
        with pytest.raises(InputError, match="--allow-training"):
            act()


def test_a_run_outside_the_folder_cannot_be_watched(tmp_path):
    begun(tmp_path / "secret")
    with pytest.raises(InputError, match="There is no run"):
        Trainer(tmp_path / "runs").watch("../secret")
