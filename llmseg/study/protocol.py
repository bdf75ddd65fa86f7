"""The protocol of a reader study, as its author writes it in study.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

RATE, COMPARE, EDIT = KINDS = ("rate", "compare", "edit")
READER, OPERATOR = ROLES = ("reader", "operator")
TIE = "tie"
ORDINAL, PREFERENCE, CHOICE, TEXT = MEASURES = ("ordinal", "preference", "choice", "text")


@dataclass(frozen=True)
class Scale:
    """What may be answered.

    Args:
        measure: one of MEASURES.
        labels: ordinal: from worst (1) to best, for example of 4; preference: what stands for A, for the tie and for B;
            choice: in any order. Empty for free text.
    """

    key: str
    measure: str
    labels: tuple[str, ...] = ()


ACCEPTABILITY_4 = Scale("acceptability-4", ORDINAL, ("Unusable", "Major edits", "Minor edits", "Use as is"))
ACCEPTABILITY_5 = Scale(
    "acceptability-5", ORDINAL, ("Unusable", "Major edits", "Some edits", "Minor edits", "Use as is")
)
PREFERRED = Scale("preference", PREFERENCE, ("A is better", "No difference", "B is better"))
TURING = Scale("turing", CHOICE, ("A person", "A computer", "Cannot tell"))
FREE_TEXT = Scale("text", TEXT)
SCALES = {scale.key: scale for scale in (ACCEPTABILITY_4, ACCEPTABILITY_5, PREFERRED, TURING, FREE_TEXT)}


@dataclass(frozen=True)
class Question:
    """One thing that is asked of a reading."""

    key: str
    text: str
    scale: Scale
    required: bool = True


@dataclass(frozen=True)
class Arm:
    """One kind of contour that is studied.

    Args:
        contours: "text" and "no-text" are drawn by the network, "reference" comes with the case, "masks" from a folder.
        note: read instead of the case's own, for "text".
        checkpoint: another network than the one that `study prepare` is given.
        masks: folder of `<case>/<NAME>.nii.gz`, for "masks" (for example contours that were edited by hand).
    """

    key: str
    contours: str
    note: str | None = None
    checkpoint: Path | None = None
    masks: Path | None = None


@dataclass(frozen=True)
class Task:
    """What is done with the contours of a case.

    Args:
        kind: "rate" shows one arm, "compare" two side by side, "edit" one that is edited until acceptable, timed.
        arms: each is read in every case (rate, edit).
        pairs: each is read in every case (compare).
        questions: keys, in the order in which they are asked.
        structures: which are shown, and may be edited; empty means all.
    """

    key: str
    kind: str
    questions: tuple[str, ...]
    arms: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    structures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Person:
    """Someone who signs in: a reader, or an operator."""

    name: str
    role: str = READER


@dataclass(frozen=True)
class Study:
    """A whole protocol, checked when it is read.

    Args:
        seed: decides every order and side; the same seed gives the same study.
        cases, training: ids of cases in the datasets that are given; training cases are read first, with feedback.
        repeats: share of the readings that every reader does a second time, for agreement with himself.
        sessions: sittings that the readings are divided into; two arms of one case never stand in one sitting where
            there are enough of them.
        washout_days: least time between the last reading of a sitting and the first of the next.
        show_note: "never", "after" the answer, or "before" it.
        back: how many readings one may go back to change an answer.
        minutes: expected minutes of one reading, by task.
    """

    key: str
    title: str
    seed: int
    cases: tuple[str, ...]
    arms: Mapping[str, Arm]
    questions: Mapping[str, Question]
    tasks: tuple[Task, ...]
    people: tuple[Person, ...]
    training: tuple[str, ...] = ()
    repeats: float = 0.0
    sessions: int = 1
    washout_days: float = 0.0
    show_note: str = "never"
    back: int = 1
    introduction: str = ""
    minutes: Mapping[str, float] = field(default_factory=dict)

    @property
    def readers(self) -> tuple[Person, ...]:
        return tuple(person for person in self.people if person.role == READER)
