"""The note and the template's fields, each written from the other; and what the page says about a note."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from llmseg.case import Structures
from llmseg.explain import check
from llmseg.text.facts import DOSES_GY, NECKS, SIDES, SITES
from llmseg.text.note import NoteReading, read_note
from llmseg.text.stated import StatedFacts
from llmseg.text.template import AS_WRITTEN, fill, read_template

T_STAGES = ("", "T1", "T2", "T3", "T4", "T4a", "T4b")
N_STAGES = ("", "N0", "N1", "N2", "N2a", "N2b", "N2c", "N3")

_ENGLISH = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be both by central dose for from has he in is left midline neck no not of on or patient "
        "primary radiation right she side sided sides site stage the this to tumor tumour was we will with years",
    )
)
_LABELS = {"site": "Site", "side": "Side", "neck": "Neck", "doses": "Dose", "t_stage": "Stage", "n_stage": "Stage"}
_FACTS = {"doses": "dose_gy"}


@dataclass(frozen=True)
class Fields:
    """The template's fields, as the page holds them; "" or () where unknown, or where the page has no choice for it."""

    site: str = ""
    side: str = ""
    neck: str = ""
    doses: tuple[str, ...] = ()
    t_stage: str = ""
    n_stage: str = ""

    def as_note(self) -> str:
        """A plain note that says just this."""
        facts = StatedFacts(
            site=self.site or None,
            side=self.side or None,
            neck=self.neck or None,
            dose_gy=_gray(self.doses),
            t_stage=self.t_stage or None,
            n_stage=self.n_stage or None,
        )
        return fill(read_template("expanded"), facts).text


def fields_of(facts: StatedFacts) -> Fields:
    """What a note states, as far as the page has a field for it."""

    def chosen(value: str | None, choices: Sequence[str]) -> str:
        return value if value in choices else ""

    side = "midline" if facts.side == "bilateral" else facts.side
    doses = tuple(str(dose) for dose in DOSES_GY if dose in facts.dose_gy)
    t_stage, n_stage = chosen(facts.t_stage, T_STAGES), chosen(facts.n_stage, N_STAGES)
    return Fields(chosen(facts.site, SITES), chosen(side, SIDES), chosen(facts.neck, NECKS), doses, t_stage, n_stage)


def edited(note: str, field: str, value: str | tuple[str, ...]) -> tuple[str, bool]:
    """The note with the words changed that state one field; all else in it stays.

    Returns:
        The new note, and whether it had to be written anew from its fields because its words could not be mended.
    """
    wanted = replace(_stated(note), **{field: value})
    if not note.strip():
        return wanted.as_note(), False
    mended = _mended(note, field, value)
    if mended.strip() and _stated(mended) == wanted:
        return mended, False
    return wanted.as_note(), True


def _stated(note: str) -> Fields:
    return fields_of(read_note(note, template=AS_WRITTEN).facts) if note.strip() else Fields()


def _mended(note: str, name: str, value: str | tuple[str, ...]) -> str:
    """Replace the words that state one fact, or add a line that states it."""
    reading = read_note(note, template=AS_WRITTEN)
    fact = _FACTS.get(name, name)
    spans = [(m.start, m.end) for m in reading.mentions if m.fact == fact]
    words = _words(name, value)
    for start, end in reversed(spans):
        start, end = reading.in_original(start), reading.in_original(end)
        instead = words if fact.endswith("_stage") else _like(note[start:end], words)
        if fact.endswith("_stage"):
            letter = fact[0]
            instead = re.sub(rf"(?i){letter}\s?(?:[0-4][a-d]?|x|is)", value, note[start:end], count=1)
        note = note[:start] + instead + note[end:]
    if not spans and words:
        note = f"{note.rstrip()}\n{_LABELS[name]}: {words}."
    return re.sub(r"[ \t]{2,}", " ", note)


def _words(name: str, value: str | tuple[str, ...]) -> str:
    if name == "doses":
        return f"{' / '.join(f'{dose:g}' for dose in _gray(value))} Gy" if value else ""
    return f"{value} neck" if name == "neck" and value else value


def _like(said: str, words: str) -> str:
    """In the capitals of what stood there."""
    if said.isupper() and len(said) > 2:
        return words.upper()
    return words[:1].upper() + words[1:] if said[:1].isupper() else words


def _gray(doses: Sequence[str]) -> tuple[int, ...]:
    return tuple(sorted((int(dose) for dose in doses), reverse=True))


def warnings_about(reading: NoteReading, drawn: Structures | None = None, is_cut: bool = False) -> list[str]:
    """One line for each thing that keeps a note from being understood, or from agreeing with its contour.

    Args:
        is_cut: whether what was read is longer than the language model's token budget.
    """
    words = re.findall(r"[^\W\d_]+", reading.text.lower())
    warnings = []
    if is_cut:
        warnings.append(f"The note has {len(words):,} words; the model read only its beginning. Put the plan first.")
    if len(words) >= 4 and sum(word in _ENGLISH for word in words) < 0.08 * len(words):
        warnings.append("The note does not look like English. The model was trained on English notes only.")
    return warnings + check(reading, drawn)
