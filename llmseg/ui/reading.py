"""What the model reads, on the page: redactions, the words of each fact, and how far each phrase moves the contour."""

from __future__ import annotations

import html
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from llmseg.case import InputError
from llmseg.explain import Effect, Explanation
from llmseg.text.deidentify import deidentify, key_of
from llmseg.text.note import NoteReading, read_note

FACT_NAMES = {
    "site": "site",
    "side": "side",
    "t_stage": "T",
    "n_stage": "N",
    "m_stage": "M",
    "dose_gy": "dose",
    "fractions": "fractions",
    "levels": "nodal levels",
    "neck": "neck",
    "surgery": "surgery",
}
NOTHING = '<p class="quiet">Write a note, or choose a case that has one.</p>'
ON_LOAD = """
element.addEventListener("click", (event) => {
  const mark = event.target.closest("[data-phrase], [data-key]");
  if (mark?.dataset.key) trigger("undo", { key: mark.dataset.key });
  else if (mark) trigger("select", { phrase: mark.dataset.phrase });
});
element.addEventListener("keydown", (event) => {
  if ((event.key === "Enter" || event.key === " ") && event.target.matches("[data-phrase], [data-key]")) {
    event.preventDefault();
    event.target.click();
  }
});
"""


@dataclass(frozen=True)
class _Mark:
    """A stretch of the shown text and how it is shown; of two that overlap, the shorter one is on top."""

    start: int
    end: int
    opening: str
    is_on_top: bool = False


def shown(note: str, kept: Collection[str], explanation: Explanation | None = None, picked: str = "") -> str:
    """The panel's HTML for a note.

    Args:
        kept: keys of redactions the user took back.
        explanation: shades the phrases where it is of this very note.
        picked: name of the comparison on show, "phrase 3" for one.
    """
    if not note.strip():
        return NOTHING
    try:
        reading = read_note(note, kept=kept)
    except InputError as error:
        return f'<p class="warning">{html.escape(str(error))}</p>'
    is_explained = explanation is not None and explanation.reading.text == reading.text
    marks = [*_redactions(note, reading), *_kept(note, reading, kept)]
    marks += _phrases(explanation.effects, picked) if is_explained else _facts(reading)
    return (
        f'<div class="read-note" data-explained="{str(is_explained).lower()}">{_marked(reading.text, marks)}</div>'
        f"{_legend(explanation if is_explained else None)}"
        f'<details class="prompt"{" open" if not is_explained else ""}><summary>The model is given</summary>'
        f"<pre>{html.escape(reading.prompt) or 'nothing: the note states no fact that steers it'}</pre></details>"
        f"{_redaction_line(reading, kept)}"
    )


def _redactions(note: str, reading: NoteReading) -> Iterator[_Mark]:
    for redaction in reading.redactions:
        words, start = note[redaction.start : redaction.end], reading.in_text(redaction.start)
        # The page knows a redaction by a hash of its words, and never gets the words themselves from here.
        opening = (
            f'<mark class="redaction" role="button" tabindex="0" data-key="{key_of(words)}" '
            f'title="Taken out: {redaction.kind}. Click to leave it in."'
        )
        yield _Mark(start, start + len(redaction.mark), opening, is_on_top=True)


def _kept(note: str, reading: NoteReading, kept: Collection[str]) -> Iterator[_Mark]:
    """Words that the rules would take out and the user left in."""
    for redaction in deidentify(note).redactions if kept else ():
        words, start = note[redaction.start : redaction.end], reading.in_text(redaction.start)
        if key_of(words) in kept:
            opening = (
                f'<mark class="kept" role="button" tabindex="0" data-key="{key_of(words)}" '
                f'title="Left in by you: {redaction.kind}. Click to take it out."'
            )
            yield _Mark(start, start + len(words), opening, is_on_top=True)


def _facts(reading: NoteReading) -> Iterator[_Mark]:
    for mention in reading.mentions:
        name = FACT_NAMES[mention.fact]
        yield _Mark(
            mention.start, mention.end, f'<span class="fact" data-fact="{mention.fact}" title="Read as: {name}"'
        )


def _phrases(effects: tuple[Effect, ...], picked: str) -> Iterator[_Mark]:
    most = max((effect.moved_ml for effect in effects), default=0.0)
    for number, effect in enumerate(effects):
        heat = effect.moved_ml / most if most else 0.0
        pressed = str(picked == f"phrase {number}").lower()
        label = html.escape(f"Without “{effect.words}”: {told(effect.moved_ml, effect.deltas)}", quote=True)
        for start, end in effect.phrase.spans:
            opening = (
                f'<span class="phrase" role="button" tabindex="0" data-phrase="{number}" aria-pressed="{pressed}" '
                f'style="--heat: {heat:.2f}" title="{label}" aria-label="{label}"'
            )
            yield _Mark(start, end, opening)


def told(moved_ml: float, deltas: Mapping) -> str:
    """A change in words: how many millilitres, of what, and where."""
    if not deltas:
        return "nothing moves"
    name, delta = max(deltas.items(), key=lambda item: item[1].moved_ml)
    where = "on both sides" if delta.side == "both" else f"mainly on the {delta.side}"
    return f"{moved_ml:.0f} ml move; most in {name} (−{delta.removed_ml:.0f} ml, +{delta.added_ml:.0f} ml), {where}"


def _marked(text: str, marks: list[_Mark]) -> str:
    """The text with every mark; each piece carries the shortest mark that covers it."""
    cuts = sorted({0, len(text), *(m.start for m in marks), *(min(m.end, len(text)) for m in marks)})
    pieces = []
    for start, end in pairwise(cuts):
        over = [m for m in marks if m.start <= start and end <= m.end]
        said = html.escape(text[start:end])
        if not over:
            pieces.append(said)
            continue
        mark = min(over, key=lambda m: (not m.is_on_top, m.end - m.start))
        tag = mark.opening[1:].split(" ", 1)[0]
        pieces.append(f"{mark.opening}>{said}</{tag}>")
    return "".join(pieces)


def _legend(explanation: Explanation | None) -> str:
    if explanation is None:
        return '<p class="quiet">Underlined: what was understood. Explain shows which words move the contour.</p>'
    rows = "".join(
        f'<li><button type="button" data-phrase="{number}"><b>{html.escape(shortened(effect.words, 26))}</b>'
        f'<span class="bar" style="--heat: {_share(effect, explanation):.2f}"></span>'
        f"<i>{effect.moved_ml:.0f} ml</i></button></li>"
        for number, effect in sorted(enumerate(explanation.effects), key=lambda item: -item[1].moved_ml)
        if effect.moved_ml
    )
    still = sum(1 for effect in explanation.effects if not effect.moved_ml)
    quiet = f'<p class="quiet">{still} other phrases move nothing.</p>' if still else ""
    return f'<ol class="effects" aria-label="Millilitres that move when a phrase is left out">{rows}</ol>{quiet}'


def _share(effect: Effect, explanation: Explanation) -> float:
    return effect.moved_ml / (max(e.moved_ml for e in explanation.effects) or 1.0)


def shortened(text: str, letters: int = 60) -> str:
    """The text in one line, its end left out where it is too long."""
    line = " ".join(text.split())
    return line if len(line) <= letters else line[: letters - 1].rstrip() + "…"


def _redaction_line(reading: NoteReading, kept: Collection[str]) -> str:
    count = len(reading.redactions)
    if not count and not kept:
        return '<p class="quiet redactions">No identifier found. By rules, offline; not certified.</p>'
    many = f"{count} identifier{'s' * (count != 1)} taken out" + (f", {len(kept)} left in by you" if kept else "")
    return f'<p class="quiet redactions">{many}. Click one to undo. By rules, offline; not certified.</p>'
