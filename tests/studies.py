"""A small reader study on the stand-in's cases: its protocol as text, and prepared without a network."""

from __future__ import annotations

from pathlib import Path

from standin import StandIn, write_dataset

from llmseg.datasets.folder import Dataset
from llmseg.study.preparing import Prepared, prepare

CASES = ("one", "two", "three")
PROTOCOL = """
key = "small"
title = "A small study"
seed = 7
cases = ["one", "two"]
training = ["three"]
repeats = 0.5

[arms.noted]
contours = "text"

[arms.plain]
contours = "no-text"

[arms.drawn]
contours = "reference"

[questions.use]
text = "Would you use it?"
scale = "acceptability-4"

[questions.better]
text = "Which is better?"
scale = "preference"

[questions.words]
text = "Anything to add?"
scale = "text"
required = false

[[tasks]]
key = "rating"
kind = "rate"
arms = ["noted", "plain", "drawn"]
questions = ["use", "words"]

[[tasks]]
key = "comparing"
kind = "compare"
pairs = [["noted", "plain"]]
questions = ["better"]
structures = ["PTV_High"]

[[tasks]]
key = "editing"
kind = "edit"
arms = ["plain"]
questions = ["use"]
repeats = 0

[[people]]
name = "Ada"

[[people]]
name = "Ben"

[[people]]
name = "Olga"
role = "operator"
"""


def write_protocol(folder: Path, *changes: tuple[str, str]) -> Path:
    """study.toml in a folder, with words exchanged."""
    text = PROTOCOL
    for old, new in changes:
        assert old in text, f"{old!r} is not in the protocol"
        text = text.replace(old, new, 1)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


def prepare_small(
    folder: Path, *changes: tuple[str, str], segmenter: StandIn | None = None, dataset: Dataset | None = None
) -> Prepared:
    """The study in `folder`/study, on a dataset, or one that is written to `folder`/data."""
    segmenter, dataset = segmenter or StandIn(), dataset or small_dataset(folder)
    protocol = write_protocol(folder / "protocol", *changes)
    return prepare(protocol, [dataset], folder / "study", load=lambda checkpoint: segmenter)


def small_dataset(folder: Path) -> Dataset:
    return write_dataset(folder / "data", CASES)
