"""One answer as a row: what the store gives out, an export writes, an analysis reads and a simulation makes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """One question of one reading, answered; the last answer where it was changed. Blinding is undone.

    Args:
        study: key of the study.
        reader: name of who read.
        session: the sitting, 1, 2, ...
        reading: number in this reader's order.
        task: key of the task.
        kind: rate, compare or edit.
        case: id of the case.
        arm: what was rated or edited; of a comparison, what stood as A.
        other: of a comparison, what stood as B.
        question: key of the question.
        measure: ordinal, preference, choice or text.
        value: the answer as text: an ordinal's number ("3"), the preferred ARM's key or "tie", a choice's label, words.
        repeats: number of the reading that this is a second time of.
        training: whether it only trained, and counts nowhere.
        active_seconds: of the whole reading, without pauses; the same in each of its answers.
        edit_seconds, apl_mm: of an edit, over its structures: active time, and added path length against what it began
            with.
        dice, hd95_mm, surface_dice_3mm: of the arm against the reference, mean over the structures shown; None without.
        answered_at: UTC, ISO 8601.
        app_version: of the software that took the answer.
        contour_sha256: of what was shown, A and B joined by "|".
        labels: what could be answered: of an ordinal from worst (1) to best, of a preference what stands for A, for the
            tie and for B, of a choice in the order shown; empty for words.
    """

    study: str
    reader: str
    session: int
    reading: int
    task: str
    kind: str
    case: str
    arm: str
    other: str | None
    question: str
    measure: str
    value: str
    repeats: int | None = None
    training: bool = False
    active_seconds: float | None = None
    edit_seconds: float | None = None
    apl_mm: float | None = None
    dice: float | None = None
    hd95_mm: float | None = None
    surface_dice_3mm: float | None = None
    answered_at: str = ""
    app_version: str = ""
    contour_sha256: str = ""
    labels: tuple[str, ...] = ()
