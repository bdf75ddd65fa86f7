"""Results that nobody measured: a report can be written from them, and what it must say is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from llmseg.case import STRUCTURES
from llmseg.experiments.plans import EXPERIMENTS, Arm
from llmseg.experiments.stored import Result, Row

PATIENTS = tuple(f"pt_{number}" for number in (2, 10, 11, 12, 13, 14, 15, 16))
NAMES = STRUCTURES[:5]
SIDES = ("left", "right", "midline", "midline")


def made_up(
    experiment: str, arm: Arm, dice: dict[str, float], *, fraction: float = 1.0, seed: int = 0, **changes
) -> Result:
    """One arm's result with a DSC about these means, the same noise for every arm.

    Args:
        dice: condition -> mean DSC.
    """
    rng = np.random.default_rng(0)
    noise = {(id, name): 0.02 * rng.standard_normal() for id in PATIENTS for name in NAMES}
    rows = tuple(
        Row(id, name, condition, {"dice": mean + noise[id, name], "iou": mean - 0.1, "hd95_mm": 10 / mean})
        for id in PATIENTS
        for name in NAMES
        for condition, mean in dice.items()
    )
    facts = {"site": "larynx", "neck": "bilateral", "dose_gy": [70, 56]}
    values = {
        "experiment": experiment,
        "arm": arm.name,
        "series": arm.series,
        "command": f"python -m llmseg experiments run {experiment} --only {arm.name}",
        "identity": {"config": {}},
        "seed": seed,
        "fraction": fraction,
        "patients": round(100 * fraction),
        "data": {"name": "made up", "sha256": "0", "split": "validation"},
        "made": {
            "commit": "0" * 40,
            "training_seconds": 60.0,
            "testing_seconds": 6.0,
            "machine": {"cores": 2, "torch": "2"},
        },
        "checkpoint": {"name": "checkpoint", "weights": 1_000_000, "recipe": {"grid": {"spacing_mm": [4.0, 4.0, 4.0]}}},
        "cases": {id: {**facts, "side": SIDES[i % 4]} for i, id in enumerate(PATIENTS)},
        "rows": rows,
    }
    return Result(**{**values, **changes})


def write_run(folder: Path, steps: int, scores: Mapping[int, float], goal: int = 100) -> Path:
    """A run's folder as training leaves it after some steps; at some of them it was validated, with these scores."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps({"config": {"steps": goal}}))
    lines = [{"step": n, "loss": 2.0 - n / goal, "rate": 1e-3, "seconds": 2.0 * n} for n in range(1, steps + 1)]
    for step, score in scores.items():
        lines.append({"step": step, "validation": {"score": score, "PTV_High text": 0.6, "PTV_High no-text": 0.5}})
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def every_result() -> list[Result]:
    """Every arm of every experiment: text helps the target, half of the data does, and gated wins."""
    return [
        made_up(
            experiment.name,
            arm,
            {c.name: _dice(arm, c.name) for c in arm.conditions},
            fraction=_fraction(arm),
            seed=next((int(s[5:]) for s in arm.settings if s.startswith("seed=")), 0),
        )
        for experiment in EXPERIMENTS.values()
        for arm in experiment.arms
    ]


def _fraction(arm: Arm) -> float:
    if arm.choice:
        return arm.choice.share
    return next((float(s[9:]) for s in arm.settings if s.startswith("fraction=")), 1.0)


def _dice(arm: Arm, condition: str) -> float:
    base = {"text-only": 0.3, "unetr": 0.45, "film": 0.55, "random-weights": 0.52}.get(arm.series, 0.6)
    gain = 0.1 if condition.split("/")[0] in ("text", "essential", "expanded") and arm.series != "text-only" else 0.0
    return base + gain - 0.1 * (1 - _fraction(arm))
