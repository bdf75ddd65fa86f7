"""One answer as a row: what the store gives out, an export writes, an analysis reads and a simulation makes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """One question of one reading, answered; the last answer where it was changed. Blinding is undone.

    Args:
        arm: what was rated or edited; of a comparison, what stood as A.
        other: of a comparison, what stood as B.
        value: the answer as text: an ordinal's number ("3"), the preferred ARM's key or "tie", a choice's label, words.
        repeats: number of the reading that this is a second time of.
        active_seconds: of the whole reading, without pauses; the same in each of its answers.
        edit_seconds, apl_mm: of an edit, over its structures: active time, and added path length against what it began
            with.
        dice, hd95_mm, surface_dice_3mm: of the arm against the reference, mean over the structures shown; None without.
        answered_at: UTC, ISO 8601.
        contour_sha256: of what was shown, A and B joined by "|".
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
