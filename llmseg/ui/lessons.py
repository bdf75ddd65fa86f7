"""Teaching lessons: contour a case blind, then see the reference, the numbers, and what a change of the note does.

A lesson is one TOML file. Which steps there are stands here; what they show of a case is the workbench's.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import gradio as gr

from llmseg.case import InputError
from llmseg.formats.toml import read_toml
from llmseg.ui.cases import Catalogue, Entry, Shown
from llmseg.ui.numbers import DIGITS, Measured

HERE = Path(__file__).parent
DRAW, SEEN, CHANGED = STAGES = ("draw", "seen", "changed")
HIDDEN = "The reference and the model’s contours stay hidden until you press Show me."
CHANGED_NOTE = "Changed note"
TIE = "\N{NO-BREAK SPACE}"
NO_LESSON = "There is no lesson {key!r} here. Choose one from the list."
NOT_YET = "In a lesson you contour first. Press Show me, then this is open to you too."


@dataclass(frozen=True)
class Lesson:
    """One lesson, as its teacher wrote it.

    Args:
        key: its file's name without the ending.
        case: key of the case in the catalogue.
        structure: what the learner contours.
        task: what the learner is told first.
        change: the note that is set against the case's own.
        why: what that shows.
    """

    key: str
    title: str
    case: str
    structure: str
    task: str
    change: str
    why: str


WRITTEN = tuple(field.name for field in fields(Lesson) if field.name != "key")
"""The keys of a lesson's file."""


@dataclass(frozen=True)
class Taught:
    """How far a learner is in a lesson.

    Args:
        stage: of STAGES.
        said: how the learner's contour compares, once the reference was seen.
        words: which words of the note were changed, "left → right".
    """

    lesson: Lesson
    stage: str = DRAW
    said: str = ""
    words: str = ""

    @property
    def is_blind(self) -> bool:
        return self.stage == DRAW


def read_lessons(folder: Path | None, catalogue: Catalogue) -> Mapping[str, Lesson]:
    """Key -> lesson, for each .toml file of a folder by name; none where there is no folder.

    Raises:
        InputError: a folder without lessons, a broken file, a key that is unknown, missing or empty, or a case that is
            not on offer, or has no reference of the structure.
    """
    if folder is None:
        return {}
    paths = sorted(Path(folder).glob("*.toml"))
    if not paths:
        raise InputError(f"{folder} holds no lesson. Put a .toml file there for each; docs/lessons.md says how.")
    return {path.stem: _read(path, catalogue) for path in paths}


def _read(path: Path, catalogue: Catalogue) -> Lesson:
    written = read_toml(path)
    for key in written:
        if key not in WRITTEN:
            raise InputError(f"{path}: unknown key {key!r}. A lesson has {', '.join(WRITTEN)}.")
    for key in WRITTEN:
        if key not in written:
            raise InputError(f"{path}: {key!r} is missing. Add it; docs/lessons.md says what it means.")
        if not isinstance(written[key], str) or not written[key].strip():
            raise InputError(f"{path}: {key} = {written[key]!r} is no text. Write it in quotation marks.")
    lesson = Lesson(path.stem, **{key: text.strip() for key, text in written.items()})
    entry = _entry(path, lesson, catalogue)
    _check_structure(path, lesson, entry)
    if lesson.change == entry.note:
        raise InputError(f"{path}: change is the case's own note. Change a word of it.")
    return replace(lesson, case=entry.key)


def _entry(path: Path, lesson: Lesson, catalogue: Catalogue) -> Entry:
    """The case, the first of that id on the list."""
    entry = next((entry for entry in catalogue if entry.name == lesson.case), None)
    if entry is None:
        names = ", ".join(sorted({entry.name for entry in catalogue})[:12]) or "none"
        raise InputError(f"{path}: case = {lesson.case!r} is not on offer. Offer its dataset, or name one of: {names}.")
    if not entry.note:
        raise InputError(f"{path}: case = {lesson.case!r} has no note. Name a case that has one.")
    return entry


def _check_structure(path: Path, lesson: Lesson, entry: Entry) -> None:
    reference = entry.load_reference() if entry.has_reference else None
    if not reference:
        raise InputError(f"{path}: case = {lesson.case!r} has no reference. Name a case with reference contours.")
    drawn = [name for name, mask in reference.items() if mask.any()]
    if lesson.structure not in drawn:
        names = ", ".join(drawn) or "none"
        raise InputError(
            f"{path}: structure = {lesson.structure!r} is not in the reference of {lesson.case}. Name one of: {names}."
        )


def opened(lesson: Lesson, shown: Shown, stage: str) -> Shown:
    """The case as a lesson shows it: under a key of its own, so that no earlier edit or note comes along; and blind
    without its reference, from the middle of the CT, which tells nothing of the target's place."""
    key = f"lesson/{lesson.key}/{shown.key}"
    if stage != DRAW:
        return replace(shown, key=key)
    middle = tuple(size // 2 for size in shown.frame.shape)
    return replace(shown, key=key, reference=None, reference_ml={}, start=middle)


def verdict(structure: str, own: Measured | None, arms: Mapping[str, Measured]) -> str:
    """How the learner's contour agrees with the reference, beside the model's.

    Args:
        own: the learner's; None where nothing was drawn.
        arms: the model's, "text" and "no-text", as far as they are stored.
    """
    said = {"with the note": arms.get("text"), "without it": arms.get("no-text")}
    models = ", ".join(f"{words} {_scores(arm, structure)}" for words, arm in said.items() if arm and arm.dsc)
    if own is None:
        return f"You skipped the drawing{models and f'; {structure} of the model: {models}'}."
    return f"Your {structure} has {_scores(own, structure)}{models and f'; the model {models}'}."


def _scores(measured: Measured, structure: str) -> str:
    dsc, hd95 = (getattr(measured, metric).get(structure, math.nan) for metric in ("dsc", "hd95"))
    digits = 0 if hd95 >= 100 else DIGITS["hd95"]
    distance = "no HD95" if math.isnan(hd95) else f"HD95{TIE}{hd95:.{digits}f}{TIE}mm"
    return f"DSC{TIE}{dsc:.{DIGITS['dsc']}f} and {distance}"


# ---- on the page ----


def menu(lessons: Mapping[str, Lesson], catalogue: Catalogue, **kwargs) -> gr.HTML:
    """A button, and the list that it opens; a chosen lesson is a "select" event with its `lesson`."""
    rows = "".join(_row(lesson, catalogue[lesson.case].name) for lesson in lessons.values())
    page, script = ((HERE / name).read_text(encoding="utf-8") for name in ("lessons.html", "lessons.js"))
    content = page.replace("<!-- rows -->", rows)
    return gr.HTML(content, js_on_load=script, apply_default_css=False, padding=False, **kwargs)


def _row(lesson: Lesson, case: str) -> str:
    title, structure, name, key = (html.escape(text) for text in (lesson.title, lesson.structure, case, lesson.key))
    words = f"<b>{title}</b><span>{structure}</span><i>{name}</i>"
    return f'<li><button type="button" data-lesson="{key}">{words}</button></li>'


def card(taught: Taught | None) -> str:
    """Where the learner is, and the button that goes on; "" without a lesson."""
    if taught is None:
        return ""
    lesson, number = taught.lesson, STAGES.index(taught.stage) + 1
    step, text, button = {
        DRAW: (f"Contour {lesson.structure}", lesson.task, ("show", "Show me")),
        SEEN: ("Compare", taught.said, ("change", "Change the note")),
        CHANGED: ("What the note changed", lesson.why, None),
    }[taught.stage]
    changed = f'<p class="changed-words">In the note: {html.escape(taught.words)}</p>' if taught.words else ""
    going = f'<button type="button" class="next" data-does="{button[0]}">{button[1]}</button>' if button else ""
    return (
        f'<section class="lesson" data-stage="{taught.stage}" data-structure="{html.escape(lesson.structure)}" '
        f'aria-label="Lesson"><header><h2>{html.escape(lesson.title)}</h2>'
        f'<span class="step">Step {number} of {len(STAGES)}: {html.escape(step)}</span></header>'
        f'<div class="words" tabindex="0">{changed}<p>{html.escape(text)}</p></div>'
        '<p class="nothing-drawn" role="status"></p>'
        f'<footer>{going}<button type="button" class="leave" data-does="leave">Leave</button></footer></section>'
    )


def place_of_card(**kwargs) -> gr.HTML:
    """Where the card stands; its buttons are "select" events with what each `does`, Change the note a "submit"."""
    script = (HERE / "lesson.js").read_text(encoding="utf-8")
    return gr.HTML("", js_on_load=script, apply_default_css=False, padding=False, **kwargs)


def chosen(lessons: Mapping[str, Lesson], key: str) -> Lesson:
    if key not in lessons:
        raise InputError(NO_LESSON.format(key=key))
    return lessons[key]
