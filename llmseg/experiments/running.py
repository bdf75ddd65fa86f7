"""Run an experiment: train each arm once, test it, and store what came out; what is done already is not done again."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import re
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

from llmseg import __version__
from llmseg.case import Case, InputError
from llmseg.datasets.folder import Dataset
from llmseg.evaluation.refining import FEWEST, refine
from llmseg.experiments.measuring import measure, measure_exact, measure_grid, take_pictures
from llmseg.experiments.plans import RANDOM_TWIN, WITH_AND_WITHOUT, Arm, Experiment
from llmseg.experiments.selection import choose, patient_of
from llmseg.experiments.stored import RUNS, Result, Row, mean_dice, path_of, read_result, write_result
from llmseg.formats.whole import write_whole
from llmseg.model.checkpoint import digest_of
from llmseg.revision import commit
from llmseg.segmenter import DEFAULT_CHECKPOINT, Segmenter
from llmseg.training.config import TrainConfig, read_config
from llmseg.training.finetune import train
from llmseg.training.samples import is_tuning, nested_share

log = logging.getLogger(__name__)

VERSION = 1
"""Raise it when the same arm would be trained or tested otherwise: results of another version are not mixed."""

PROTOCOL = Path(__file__).parents[2] / "examples" / "experiments.toml"

Report = Callable[[str, str, float, dict], None]
"""Called with the arm, what is being done, the share of it done, and figures."""


@dataclass(frozen=True)
class Setting:
    """Where and on what an experiment runs.

    Args:
        dataset, results, cache: what to learn from, where results go, where prepared cases are kept.
        protocol, overrides: the TOML file that all arms share, and `key=value` over it.
        checkpoints: arm -> checkpoint, for arms that test one instead of training; "" stands for every such arm.
        split: what is tested; "" for every case of the dataset.
    """

    dataset: Dataset
    results: Path
    cache: Path
    protocol: Path = PROTOCOL
    overrides: tuple[str, ...] = ()
    checkpoints: Mapping[str, Path] = field(default_factory=dict)
    split: str = "validation"

    @property
    def cases(self) -> tuple[Case, ...]:
        """The cases to test on.

        Raises:
            InputError: there is none.
        """
        cases = self.dataset.split(self.split) if self.split else self.dataset.cases
        if not cases:
            raise InputError(f"{self.dataset.root} lists no {self.split} case to test on. Add one to dataset.json.")
        return cases


def run(
    experiment: Experiment, setting: Setting, *, only: Sequence[str] = (), report: Report = lambda *told: None
) -> list[Path]:
    """Run the arms that have no result yet, one after the other.

    Started twice on one folder, the two share the arms: each is worked on by one of them.

    Args:
        only: patterns of arm names.
    Returns:
        the result files of all chosen arms that have one.
    Raises:
        InputError: an unknown arm, a result of another config in the way, nothing to train on or to test.
    """
    runner = _Runner(experiment, setting, report)
    arms = experiment.chosen(only)
    for arm in arms:  # before hours are spent, not after
        runner.check(arm)
    for arm in arms:
        runner.go(arm)
    paths = [path_of(setting.results, experiment.name, arm.name) for arm in arms]
    return [path for path in paths if path.exists()]


def run_external(setting: Setting, report: Report = lambda *told: None) -> Path:
    """Test a checkpoint, the shipped one unless another is given, on another institution's dataset.

    Returns:
        the result file, named after the dataset.
    Raises:
        InputError: no case with contours, or a result of another checkpoint in the way.
    """
    arm = Arm(re.sub(r"\W+", "-", setting.dataset.name).strip("-") or "external", "external", trains=False, full=True)
    runner = _Runner(Experiment("external", "Does it hold elsewhere?", (arm,)), setting, report)
    runner.check(arm)
    runner.go(arm)
    return path_of(setting.results, "external", arm.name)


class _Runner:
    def __init__(self, experiment: Experiment, setting: Setting, report: Report):
        self.experiment, self.setting, self.report, self.cases = experiment, setting, report, setting.cases
        tuning_share = self._config(experiment.arms[0]).tuning_share
        training = setting.dataset.split("training")
        kept = {case.id: is_tuning(patient_of(case), tuning_share) for case in training}
        self.tuning = [case for case in training if kept[case.id]]
        self.pool = [case for case in training if not kept[case.id]]

    def check(self, arm: Arm) -> None:
        """Refuse a result of another config in this arm's place, and a dataset that nothing can be chosen on."""
        if not self._done(arm) and arm.trains and len(self.tuning) < FEWEST:
            raise InputError(
                f"{self.setting.dataset.root} has {len(self.tuning)} tuning patients to choose an arm's thresholds on; "
                f"it takes {FEWEST}. Pass a larger --set tuning_share=..., or a dataset with more training patients."
            )

    def go(self, arm: Arm) -> None:
        if self._lacks_checkpoint(arm):
            self.report(arm.name, f"left out: it needs --checkpoint {arm.name}=FOLDER", 1.0, {})
            return
        if self._done(arm):
            self.report(arm.name, "already there", 1.0, {})
            return
        try:
            with self._working_on(arm):
                result = self._elsewhere(arm) or self._made(arm)
                write_result(path_of(self.setting.results, self.experiment.name, arm.name), result)
                self.report(arm.name, "stored", 1.0, {"dice": mean_dice(result.scores(result.conditions[0]))})
        except _Busy as busy:
            self.report(arm.name, f"left to the process that works on {busy}", 1.0, {})

    @contextmanager
    def _working_on(self, arm: Arm) -> Iterator[None]:
        from filelock import FileLock, Timeout

        name = self._folder(arm).name if arm.trains else f"{self.experiment.name}-{arm.name}"
        path = self.setting.results / RUNS / f".{name}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise _Busy(arm.name) from None
        try:
            yield
        finally:
            lock.release()

    def _made(self, arm: Arm) -> Result:
        folder = self._refined(arm) if arm.trains else self._checkpoint(arm)
        began = time.monotonic()
        if arm.spacing_mm:
            tell = self._telling(arm, "testing")
            rows = measure_grid(self._cases(arm), arm.spacing_mm, arm.conditions, on_progress=tell)
            pictures, checkpoint, patients = (), {}, 0
        else:
            rows, pictures, checkpoint, patients = self._tested(arm, folder)
        dataset = self.setting.dataset
        return Result(
            experiment=self.experiment.name,
            arm=arm.name,
            series=arm.series,
            command=self._command(arm),
            identity=self._identity(arm),
            seed=checkpoint.get("recipe", {}).get("seed", 0),
            fraction=self._share(arm),
            patients=patients,
            data={"name": dataset.name, "sha256": dataset.manifest_hash, "split": self._split(arm)},
            made={
                "commit": commit(),
                "version": __version__,
                "machine": _machine(),
                "training_seconds": self._finished(arm).get("seconds") if arm.trains else None,
                "testing_seconds": round(time.monotonic() - began, 1),
            },
            checkpoint=checkpoint,
            cases={case.id: case.facts.to_json() if case.facts else None for case in self._cases(arm)},
            rows=tuple(rows),
            pictures=pictures,
        )

    def _tested(self, arm: Arm, folder: Path) -> tuple[list[Row], tuple, dict[str, object], int]:
        """Rows, pictures, what the checkpoint is, and how many patients it learned from."""
        segmenter, cases = Segmenter.load(folder, cache=self.setting.cache), self._cases(arm)
        measured = measure_exact if arm.exact else partial(measure, full=arm.full)
        rows = measured(segmenter, cases, arm.conditions, on_progress=self._telling(arm, "testing"))
        pictured = [c for c in arm.conditions if c in WITH_AND_WITHOUT]
        pictures = take_pictures(segmenter, cases, rows, pictured) if arm.full else ()
        described = segmenter.config.trained
        checkpoint = {
            "name": segmenter.checkpoint_name,
            "best_step": described.get("steps"),
            "tuning_score": described.get("tuning_scores", {}).get("score"),
            "weights": sum(p.numel() for p in segmenter.network.parameters()),
            "recipe": described.get("recipe", {}),
        }
        return rows, pictures, checkpoint, described.get("patients", 0)

    def _split(self, arm: Arm) -> str:
        return "training" if arm.seen else self.setting.split

    def _cases(self, arm: Arm) -> Sequence[Case]:
        """What an arm is tested on.

        Raises:
            InputError: the patients that were trained on are asked for, and there is none.
        """
        if not arm.seen:
            return self.cases
        if not self.pool:
            raise InputError(f"{self.setting.dataset.root} lists no training case to test on. Add one to dataset.json.")
        chosen = nested_share(map(patient_of, self.pool), arm.seen / len(self.pool))
        return [case for case in self.pool if patient_of(case) in chosen]

    def _telling(self, arm: Arm, what: str) -> Callable[[int, int], None]:
        return lambda done, total: self.report(arm.name, what, done / total, {})

    # Training

    def trained(self, arm: Arm) -> Path:
        """The checkpoint of an arm: there already, resumed, or trained from the start."""
        folder = self._folder(arm)
        if self._finished(arm):
            return folder / "checkpoint"
        config = self._resolved(arm)

        def tell(what: str, share: float, figures: dict) -> None:
            shown = {name: figures[name] for name in ("loss", "score") if name in figures}
            self.report(arm.name, what, share, shown)

        began = time.monotonic()
        train(
            config,
            [self.setting.dataset],
            folder,
            cache=self.setting.cache,
            resume=(folder / "run.json").exists(),
            report=tell,
        )
        spent = round(time.monotonic() - began, 1)
        write_whole(folder / "finished.json", (json.dumps({"seconds": spent}) + "\n").encode())
        (folder / "trainer.pt").unlink(missing_ok=True)  # only an interrupted run needs it
        return folder / "checkpoint"

    def _refined(self, arm: Arm) -> Path:
        """An arm's checkpoint with its thresholds chosen on the tuning patients, as those of the shipped one are.

        At one half for all, a thin organ on coarse voxels comes and goes with how sure a network happens to be.
        """
        refined = self._folder(arm) / "refined"
        if not refined.exists():
            tell = self._telling(arm, "choosing thresholds")
            refine(self.trained(arm), self.tuning, refined, cache=self.setting.cache, on_progress=tell)
        return refined

    def _folder(self, arm: Arm) -> Path:
        """Arms of different experiments that train the same network share its run."""
        return self.setting.results / RUNS / _digest(self._training_identity(arm))[:16]

    def _finished(self, arm: Arm) -> dict:
        marker = self._folder(arm) / "finished.json"
        return json.loads(marker.read_text()) if marker.exists() else {}

    def _resolved(self, arm: Arm) -> TrainConfig:
        """The arm's config with its patients chosen and its language model written."""
        config = self._config(arm)
        if config.encoder.model == RANDOM_TWIN:
            config = replace(config, encoder=replace(config.encoder, model=str(_random_twin(self.setting.cache))))
        return replace(config, patients=self._chosen(arm)) if arm.choice else config

    def _chosen(self, arm: Arm) -> tuple[str, ...]:
        """The patients an arm with a choice trains on; kept, because finding them takes other arms' networks."""
        kept = self._folder(arm) / "patients.json"
        if kept.exists():
            return tuple(json.loads(kept.read_text()))
        before = [self.experiment.arm(name) for name in arm.after]
        networks = []
        for other in before if arm.choice.kind in ("uncertain", "consistent") else ():
            with self._working_on(other):
                networks.append(Segmenter.load(self.trained(other), cache=self.setting.cache))
        patients = choose(
            arm.choice,
            self.pool,
            seed=self._config(arm).seed,
            before=self._patients(before[0]) if arm.choice.kind in ("uncertain", "random") else (),
            networks=networks,
            on_progress=self._telling(arm, "choosing patients"),
        )
        write_whole(kept, json.dumps(patients).encode())
        return patients

    def _patients(self, arm: Arm) -> tuple[str, ...]:
        if arm.choice:
            return self._chosen(arm)
        return tuple(nested_share([patient_of(case) for case in self.pool], self._config(arm).fraction))

    def _config(self, arm: Arm) -> TrainConfig:
        return read_config(self.setting.protocol, (*arm.settings, *self.setting.overrides))

    def _share(self, arm: Arm) -> float:
        if not arm.trains:
            return 1.0
        return arm.choice.share if arm.choice else self._config(arm).fraction

    def _checkpoint(self, arm: Arm) -> Path | None:
        """What an arm without training tests: the checkpoint named for it, or for all; at last the shipped one."""
        given = self.setting.checkpoints
        shipped = None if arm.name == "image-only" else DEFAULT_CHECKPOINT
        return given.get(arm.name) or (given.get("") if arm.name != "image-only" else None) or shipped

    def _lacks_checkpoint(self, arm: Arm) -> bool:
        return not arm.trains and not arm.spacing_mm and self._checkpoint(arm) is None

    # What is done

    def _training_identity(self, arm: Arm) -> dict[str, object]:
        config, default = self._config(arm).to_json(), TrainConfig().to_json()
        # Differences only: a key that is added to the config later, at its default, makes no other network.
        changed = {key: value for key, value in config.items() if value != default[key]}
        before = [self._training_identity(self.experiment.arm(name)) for name in arm.after]
        return {
            "config": changed,
            "data": self.setting.dataset.manifest_hash,
            "choice": asdict(arm.choice) if arm.choice else None,
            "after": _digest(before) if before else None,
            "version": VERSION,
        }

    def _identity(self, arm: Arm) -> dict[str, object]:
        if arm.trains:
            network = {**self._training_identity(arm), "refined": True}
        elif arm.spacing_mm:
            network = {"spacing_mm": arm.spacing_mm, "data": self.setting.dataset.manifest_hash, "version": VERSION}
        else:
            folder = self._checkpoint(arm)
            network = {
                "checkpoint": digest_of(folder),
                "data": self.setting.dataset.manifest_hash,
                "version": VERSION,
            }
        tested = {"split": self._split(arm), "conditions": [asdict(c) for c in arm.conditions], "full": arm.full}
        return {**network, **tested} | ({"seen": arm.seen} if arm.seen else {}) | ({"exact": True} if arm.exact else {})

    def _done(self, arm: Arm) -> bool:
        """Whether the arm's result is there.

        Raises:
            InputError: one is, but of another config, dataset or version.
        """
        path = path_of(self.setting.results, self.experiment.name, arm.name)
        if not path.exists() or self._lacks_checkpoint(arm):
            return False
        theirs, ours = read_result(path).identity, json.loads(json.dumps(self._identity(arm)))
        if theirs == ours:
            return True
        differs = ", ".join(_differences(theirs, ours))
        raise InputError(f"{path} is of another run: {differs}. Choose another --out, or remove that file.")

    def _elsewhere(self, arm: Arm) -> Result | None:
        """The same arm's result in another experiment."""
        wanted = json.loads(json.dumps(self._identity(arm)))
        for path in sorted(self.setting.results.glob("*/*.json")):
            if path.parent.name in (RUNS, self.experiment.name):
                continue
            result = read_result(path)
            if result.identity == wanted:
                return replace(
                    result,
                    experiment=self.experiment.name,
                    arm=arm.name,
                    series=arm.series,
                    command=self._command(arm),
                )
        return None

    def _command(self, arm: Arm) -> str:
        setting = self.setting
        words = ["python", "-m", "llmseg", "experiments"]
        words += (
            ["external"] if self.experiment.name == "external" else ["run", self.experiment.name, "--only", arm.name]
        )
        words += ["--data", str(setting.dataset.root), "--out", str(setting.results)]
        words += ["--split", setting.split] if setting.split not in ("", "validation") else []
        if setting.protocol != PROTOCOL:
            words += ["--config", str(setting.protocol)]
        words += [word for override in setting.overrides for word in ("--set", override)]
        if not arm.trains and not arm.spacing_mm and self._checkpoint(arm) != DEFAULT_CHECKPOINT:
            words += ["--checkpoint", f"{arm.name}={self._checkpoint(arm)}"]
        return shlex.join(words)


class _Busy(Exception):
    """Another process works on an arm that is needed here."""


def _random_twin(cache: Path) -> Path:
    from llmseg.text.encoder import PACKAGED, EncoderSpec, write_random_twin

    folder = cache / "models" / "random-twin"
    return folder if folder.exists() else write_random_twin(EncoderSpec(PACKAGED), folder, seed=0)


def _differences(theirs: Mapping, ours: Mapping) -> list[str]:
    """What two identities disagree in, down to the keys of the config."""
    found = []
    for key in dict.fromkeys([*theirs, *ours]):
        a, b = theirs.get(key), ours.get(key)
        if a == b:
            continue
        if isinstance(a, dict) and isinstance(b, dict):
            found += [f"{key}.{name}" for name in _differences(a, b)]
        else:
            found.append(key)
    return found


def _digest(values: object) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _machine() -> dict[str, object]:
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "processor": platform.machine(),
        "gpu": gpu,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
