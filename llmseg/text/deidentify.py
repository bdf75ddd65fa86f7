"""Take names, dates and other identifiers out of a clinical note, offline, and leave the medicine as it was written.

    deidentify("Mr. John Smith, seen 03/05/2024: T2N1M0, 70 Gy.").text
    # "Mr. [NAME], seen [DATE]: T2N1M0, 70 Gy."

Rules and word lists, no model. This is NO certified de-identification: it meets neither HIPAA nor the GDPR by itself.
Read the result before it leaves the hospital. A lone year and an age up to 89 stay, as HIPAA's Safe Harbor allows.

How it works: each rule in turn finds its identifiers and veils them, so that no later rule reads them twice. Numbers,
dates, addresses and institutions have a shape, so patterns find them. Names have none: a capitalised word is a name
when something says so (a title, "dictated by", a signature, a frequent given name) and nothing speaks against it
(ordinary English, medicine). Every pattern is bounded, so that the time grows with the length of the note, not faster.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from llmseg.case import InputError
from llmseg.text.identifiers.addresses import addresses
from llmseg.text.identifiers.institutions import institutions
from llmseg.text.identifiers.names import names
from llmseg.text.identifiers.shapes import ages, dates, emails, labelled_numbers, numbers, phones, urls
from llmseg.text.identifiers.words import VEIL, Reading, Span, disjoint, is_odd, look_up

KINDS = ("name", "date", "age", "number", "phone", "email", "address", "institution", "url")
LONGEST_NOTE = 100_000
"""Characters."""


@dataclass(frozen=True)
class Redaction:
    """One identifier: its kind and where it stood in the original text (code points)."""

    kind: str
    start: int
    end: int

    @property
    def mark(self) -> str:
        """What stands in its place."""
        return f"[{self.kind.upper()}]"


@dataclass(frozen=True)
class Deidentified:
    """The note with a mark such as [NAME] for each identifier; redactions are sorted and never overlap."""

    text: str
    redactions: tuple[Redaction, ...]


def deidentify(text: str, kept: Collection[str] = ()) -> Deidentified:
    """Replace every identifier the rules find by a mark that says its kind.

    Args:
        text: the note as written, in Latin script.
        kept: keys (see `key_of`) of words to leave as they are, for a clinician who undoes a redaction.
    Raises:
        InputError: if the note is longer than LONGEST_NOTE characters.
    """
    if len(text) > LONGEST_NOTE:
        raise InputError(
            f"The note has {len(text):,} characters; at most {LONGEST_NOTE:,} are read. Paste the relevant part."
        )
    try:
        found = sorted(_identifiers(text), key=lambda redaction: redaction.start)
    finally:
        # What was looked up are the patient's words: none stays in memory.
        look_up.cache_clear()
        is_odd.cache_clear()
    if kept:
        found = [redaction for redaction in found if key_of(text[redaction.start : redaction.end]) not in kept]
    pieces, end = [], 0
    for redaction in found:
        pieces += [text[end : redaction.start], redaction.mark]
        end = redaction.end
    return Deidentified("".join([*pieces, text[end:]]), tuple(found))


def key_of(words: str) -> str:
    """A short fingerprint of some words, so that a choice about them can be stored without the words."""
    plain = " ".join(words.casefold().split())
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:16]


_MARK = re.compile(rf"\[(?:{'|'.join(kind.upper() for kind in KINDS)})\]")


def _identifiers(text: str) -> list[Redaction]:
    found: list[Redaction] = []
    veiled = _MARK.sub(lambda mark: VEIL * len(mark.group()), text)
    while True:
        reading, before = Reading(veiled), len(found)
        for kind, spans_of in _RULES:
            spans = disjoint(spans_of(reading))
            found += [Redaction(kind, *span) for span in spans]
            reading = reading.without(spans)
        # Veiling can uncover more (a word now ends its line). Stop only when a second reading finds nothing.
        if len(found) == before:
            return found
        veiled = reading.text


_RULES: tuple[tuple[str, Callable[[Reading], Iterable[Span]]], ...] = (
    ("url", urls),
    ("email", emails),
    ("address", addresses),
    ("institution", institutions),
    ("date", dates),
    ("number", labelled_numbers),
    ("phone", phones),
    ("number", numbers),
    ("age", ages),
    ("name", names),
)
"""In this order: what contains other identifiers (a street has a number) is read first."""
