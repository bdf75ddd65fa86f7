"""One page of a note under the rules' eyes: its sentences, and how to judge words by those around them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property

from llmseg.text.lexicon import EXTENSION, FAMILY, HISTORICAL, NEGATED_AFTER, NEGATION, OTHER_CANCERS, PRESENT
from llmseg.text.sections import Sentence, sentences_of
from llmseg.text.shadow import Shadow, shadow_of

_TURN = re.compile(r"[,;:()]|\bbut\b|\bhowever\b|\balthough\b|\bwhile\b|\bwhereas\b|\bwhich\b| - | \+ |\bwith\b")
_STRONG_TURN = re.compile(r"\bbut\b|\bnow\b|\bhowever\b|\bpresent(?:s|ed|ing)\b|\bhere for\b|\. ")
_SOFT = ","
# "The left torus tubarius is normal", but not "left p16-negative carcinoma".
_FOUND_NORMAL = re.compile(
    r"(?: (?!p16|hpv|ebv|eber|node|surgical|with|and|but)[\w-]+){0,3} (?:is |are |was |appears? |remains? |looks? )?"
    r"(?<!p16 )(?<!hpv )(?:normal|clear|unremarkable|uninvolved|intact|free)\b(?! (?:cell|tissue|flap|margin))"
)


@cache
def words(pattern: str) -> re.Pattern:
    """The pattern as whole words."""
    return re.compile(rf"(?<![\w])(?:{pattern})(?!\w)")


@dataclass(frozen=True)
class Mention:
    """Words of the note that state a fact.

    Args:
        fact: the field of StatedFacts.
        start, end: offsets in the note.
    """

    fact: str
    start: int
    end: int


@dataclass(frozen=True)
class Found:
    """A pattern's hit, in the shadow's text, with the sentence it stands in."""

    start: int
    end: int
    text: str
    sentence: Sentence
    match: re.Match


class Page:
    """A note, its shadow and its sentences."""

    def __init__(self, note: str):
        self.note = note
        self.shadow: Shadow = shadow_of(note)
        self.text = self.shadow.text

    @cached_property
    def sentences(self) -> list[Sentence]:
        return sentences_of(self.shadow)

    def without(self, mentions: Iterable[Mention]) -> Page:
        """The same page with these words blank; offsets stay."""
        note = self.note
        for mention in mentions:
            note = note[: mention.start] + " " * (mention.end - mention.start) + note[mention.end :]
        return Page(note) if note != self.note else self

    def find(self, pattern: re.Pattern) -> Iterator[Found]:
        """Every hit, sentence by sentence."""
        for sentence in self.sentences:
            for match in pattern.finditer(self.text, sentence.start, sentence.end):
                yield Found(match.start(), match.end(), match.group(), sentence, match)

    def mention(self, fact: str, start: int, end: int) -> Mention:
        return Mention(fact, *self.shadow.span(start, end))

    def words_of(self, sentence: Sentence) -> str:
        return self.text[sentence.start : sentence.end]

    def before(self, found: Found, letters: int = 60) -> str:
        """The words before a hit in its sentence."""
        return self.text[max(found.sentence.start, found.start - letters) : found.start]

    def after(self, found: Found, letters: int = 60) -> str:
        return self.text[found.end : min(found.sentence.end, found.end + letters)]

    def clause(self, found: Found) -> str:
        """The stretch between commas and turns around a hit."""
        start, end = self.clause_span(found)
        return self.text[start:end]

    def clause_span(self, found: Found) -> tuple[int, int]:
        start, end = found.sentence.start, found.sentence.end
        for turn in _TURN.finditer(self.text, found.sentence.start, found.start):
            start = turn.end()
        turn = _TURN.search(self.text, found.end, found.sentence.end)
        return start, turn.start() if turn else end

    def is_negated(self, found: Found) -> bool:
        """Whether what a hit names is denied, ruled out or only asked for."""
        start, end = self.clause_span(found)
        before = self.text[start : found.start]
        if _denies(before):
            return True
        if self._continues_a_denial(found, start):
            return True
        if _FOUND_NORMAL.match(self.text, found.end, found.sentence.end):
            return True
        after = self.text[found.end : max(end, min(found.sentence.end, found.end + 30))]
        return re.match(rf"[\s)]*(?:{NEGATED_AFTER})", after) is not None

    def _continues_a_denial(self, found: Found, start: int) -> bool:
        """ "No extension to the nasopharynx, larynx or left side": a list goes on under its first word's denial."""
        if self.text[start - 1 : start] != _SOFT or len(self.text[start : found.start].split()) > 3:
            return False
        earlier = self.text[max(found.sentence.start, start - 90) : start - 1]
        if not _denies(re.split(r"[;:]|\bbut\b|\bhowever\b", earlier)[-1]):
            return False
        rest = self.text[start : found.sentence.end]
        # Only a list of things; a clause with a subject and a finding of its own starts anew.
        asserted = words(r"t[0-4][a-c]?|scc|carcinoma|primary|gy|tumou?r|mass|lesion|plan")
        return bool(re.search(r"\b(?:or|and|nor)\b", rest)) and not asserted.search(rest)

    def is_historical(self, found: Found) -> bool:
        start, end = self.clause_span(found)
        clause = self.text[start:end]
        if re.match(r"\s*(?:treated|received|for which|with|managed|followed by|which)\b", clause):
            clause = self.text[max(found.sentence.start, start - 60) : end]  # it says how the clause before went on
        return bool(words(HISTORICAL).search(clause)) and not words(PRESENT).search(clause)

    def is_of_family(self, found: Found) -> bool:
        return bool(words(FAMILY).search(self._wide_clause(found)))

    def is_other_cancer(self, found: Found) -> bool:
        start, end = self.clause_span(found)
        start = max(min(start, found.start - 60), found.sentence.start)  # "rectal cancer, pT3N0, in 2015"
        return bool(words(OTHER_CANCERS).search(self.text[start:end]))

    def is_extension(self, found: Found) -> bool:
        """Whether a hit is where the disease spreads to, not where it arises."""
        start = max(found.sentence.start, found.start - 55)
        before = re.split(
            r"[;:.]|\barising\b|\bfrom\b|\bcentred\b|\bcentered\b|\binvolving\b|\bextension,",
            self.text[start : found.start],
        )[-1]
        return bool(words(EXTENSION).search(before))

    def _wide_clause(self, found: Found) -> str:
        """The sentence, cut at its strong turns only."""
        start, end = found.sentence.start, found.sentence.end
        for turn in _STRONG_TURN.finditer(self.text[start : found.start]):
            start = found.sentence.start + turn.start()
        return self.text[start:end]


def _denies(before: str) -> bool:
    hits = list(words(NEGATION).finditer(before))
    if not hits:
        return False
    between = before[hits[-1].end() :]
    # "No nodes and a left tonsil mass": a finding after "and a" is asserted again.
    # and "not crossing the midline" has denied its object.
    return not re.search(r"\band (?:a|an|the)\b|\bthere is\b|\bonly\b|\bmid-?line\b|\blaterali[sz]ed\b", between)
