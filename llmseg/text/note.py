"""The way of a note: de-identified, cut into sections, its facts read, a prompt built from them.

reading = read_note("Dr. Smith: 68M, SCC L tonsil cT2N1, plan 70/56 Gy in 35# to bilat neck")
reading.text        "Dr. [NAME]: 68M, SCC L tonsil ..."   what may be shown, kept and encoded
reading.facts.side  "left"
reading.prompt      "Diagnosis: left oropharynx carcinoma ..."   what the language model reads
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from llmseg.case import InputError
from llmseg.text.deidentify import Redaction, deidentify
from llmseg.text.reading import Mention, Page
from llmseg.text.sections import sections_of
from llmseg.text.stated import StatedFacts, stated_facts
from llmseg.text.template import AS_WRITTEN, DEFAULT_TEMPLATE, fill, read_template

_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1f\ufffd\ud800-\udfff]")


@dataclass(frozen=True)
class NoteReading:
    """Everything the rules found in a note.

    Args:
        text: the de-identified note.
        redactions: what was taken out; offsets index the original.
        sections: section name -> text, of the de-identified note.
        facts: what it states.
        mentions: the words that state each fact; offsets index `text`.
        prompt: what the language model reads; "" where the note states nothing that the template asks for.
        dropped: sections left out of the prompt to fit the token budget.
        template, kept: how it was read; see `read_note`.
    """

    text: str
    redactions: tuple[Redaction, ...]
    sections: Mapping[str, str]
    facts: StatedFacts
    mentions: tuple[Mention, ...]
    prompt: str
    dropped: tuple[str, ...] = ()
    template: str = DEFAULT_TEMPLATE
    kept: frozenset[str] = frozenset()

    def in_original(self, offset: int) -> int:
        """Where an offset of `text` lies in the note as it was given."""
        shift = 0
        for redaction in self.redactions:
            if redaction.start + shift + len(redaction.mark) > offset:
                break
            shift += len(redaction.mark) - (redaction.end - redaction.start)
        return offset - shift

    def in_text(self, offset: int) -> int:
        """Where an offset of the note as it was given, outside every redaction or at one's start, lies in `text`."""
        before = (r for r in self.redactions if r.end <= offset)
        return offset + sum(len(r.mark) - (r.end - r.start) for r in before)

    def to_json(self) -> dict[str, object]:
        """What `text parse --json` prints."""
        return {
            "deidentified": self.text,
            "redactions": [{"kind": r.kind, "start": r.start, "end": r.end} for r in self.redactions],
            "sections": dict(self.sections),
            "facts": self.facts.to_json(),
            "prompt": self.prompt,
            "dropped": list(self.dropped),
        }


def read_note(
    note: str,
    *,
    template: str = DEFAULT_TEMPLATE,
    kept: Collection[str] = (),
    budget: int = 256,
    count_tokens: Callable[[str], int] | None = None,
) -> NoteReading:
    """Take a note from a hospital to a prompt, offline and by rules.

    Args:
        template: "essential", "expanded", "personalised", "paper", a path to your own, or "as-written".
        kept: keys (`deidentify.key_of`) of words that the user wants left in.
        budget, count_tokens: how long the prompt may be; see `template.fill`.
    Raises:
        InputError: an empty note, one too long, one that is no text, or an unknown template.
    """
    check_text(note)
    clean = deidentify(note, kept)
    page = Page(clean.text)
    facts, mentions = stated_facts(page)
    sections = sections_of(clean.text, page.shadow, page.sentences)
    if template == AS_WRITTEN:
        prompt, dropped = clean.text.strip(), ()
    else:
        filled = fill(read_template(template), facts, sections, budget=budget, count_tokens=count_tokens)
        prompt, dropped = filled.text, filled.dropped
    return NoteReading(
        clean.text, clean.redactions, sections, facts, mentions, prompt, dropped, template, frozenset(kept)
    )


def check_text(note: str) -> None:
    """Refuse what is no note.

    Raises:
        InputError: empty, or binary.
    """
    if not note.strip():
        raise InputError("The note is empty. Write one, or segment without a note.")
    odd = len(_NO_TEXT.findall(note))
    if odd > 0.02 * len(note) or "\0" in note:
        raise InputError(f"The note holds {odd} characters that are no text. Save it as plain UTF-8 text and retry.")
