"""What the page says about a note before the network reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from llmseg.text.facts import DOSES_GY, Facts
from llmseg.text.wording import exchange_sides, fill_template

T_STAGES = ("", "T1", "T2", "T3", "T4", "T4a", "T4b")
N_STAGES = ("", "N0", "N1", "N2", "N2a", "N2b", "N2c", "N3")

_MIRROR = {"left": "right", "right": "left"}
_ENGLISH = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be both by central dose for from has he in is left midline neck no not of on or patient "
        "primary radiation right she side sided sides site stage the this to tumor tumour was we will with years",
    )
)


@dataclass(frozen=True)
class Fields:
    """The template's fields, as the page holds them; "" or () where unknown."""

    site: str = ""
    side: str = ""
    neck: str = ""
    doses: tuple[str, ...] = ()
    t_stage: str = ""
    n_stage: str = ""

    def as_note(self) -> str:
        doses = tuple(sorted((int(dose) for dose in self.doses), reverse=True))
        return fill_template(self.site, self.side, self.neck, doses, t_stage=self.t_stage, n_stage=self.n_stage)

    def exchanged(self) -> Fields:
        """The same with left and right exchanged."""
        side, neck = (_MIRROR.get(value, value) for value in (self.side, self.neck))
        return Fields(self.site, side, neck, self.doses, self.t_stage, self.n_stage)


def fields_of(facts: Facts | None, note: str) -> Fields:
    """What is known of a case: its facts, and a stage where the note plainly states one."""
    t_stage, n_stage = (_first(choices, note) for choices in (T_STAGES, N_STAGES))
    if facts is None:
        return Fields(t_stage=t_stage, n_stage=n_stage)
    doses = tuple(str(dose) for dose in DOSES_GY if dose in facts.dose_gy)
    return Fields(facts.site, facts.side, facts.neck, doses, t_stage, n_stage)


def _first(stages: tuple[str, ...], note: str) -> str:
    found = re.search(rf"{stages[1][0]}[0-4][abc]?", note)
    return found.group() if found and found.group() in stages else ""


def exchange(note: str, fields: Fields) -> tuple[str, Fields]:
    """Left for right and right for left, in the note and in its fields.

    Raises:
        InputError: the note names no side.
    """
    return exchange_sides(note), fields.exchanged()


def warnings_about(note: str, is_cut: bool) -> list[str]:
    """One line for each thing that keeps a note from being understood; the network reads it all the same.

    Args:
        is_cut: whether it was longer than the language model's token budget.
    """
    words = re.findall(r"[^\W\d_]+", note.lower())
    warnings = []
    if is_cut:
        warnings.append(f"The note has {len(words):,} words; the model read only its beginning. Put the plan first.")
    if len(words) >= 4 and sum(word in _ENGLISH for word in words) < 0.08 * len(words):
        warnings.append("The note does not look like English. The model was trained on English notes only.")
    return warnings
