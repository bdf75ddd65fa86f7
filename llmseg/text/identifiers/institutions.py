"""Institutions: a word such as Hospital, and the proper words it stands with."""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmseg.text.identifiers.words import (
    CAP,
    OF,
    PARTICLES,
    WORD,
    Reading,
    Span,
    Word,
    any_clinical,
    any_proper,
    cues_of,
    find_all,
    fold,
    is_proper,
    match_at,
)

_FIRST_REST = (
    rf"(?P<rest>(?:,? ?[-–]?[ ](?:(?:{OF}|im\.|[Ii]m|sv\.|św\.|Św\.|Sv\.|St\.|Sta\.|Dr\.|Prof\.)[ ]|[dl]['’]){{0,2}}"
    rf"{CAP}){{0,6}})"
)
_GERMAN_HOUSES = tuple(cues_of("compound house"))
_OF_PLACE = rf"[ ](?i:of|for)[ ](?:(?i:the)[ ])?(?P<x>{CAP}(?:[ ,-]{{1,2}}(?:(?i:at|of)[ ])?{CAP}){{0,5}})"
_SAINT = rf"(?<![\w'’])(?:St|ST|Saint|SAINT|Ste|Sainte)\.?[ -]{CAP}['’][sS](?!\w)(?! (?i:wort))"
_LABELLED_INSTITUTION = rf"[ \t]*[:=][ \t]*(?P<x>{CAP}(?:(?:,? |[-&]| & | and | of )(?:{OF} )?{CAP}\.?){{0,8}})"
_JOINERS = cues_of("joiner")
_OF_HEADS = cues_of("institution of")


def institutions(reading: Reading) -> Iterator[Span]:
    """Hospitals, practices and the like, with the words that name them."""
    text, words = reading.text, reading.words
    yield from (match.span() for match in find_all(_SAINT, text))
    for place, end in reading.labels("famous institution"):
        # The dysphagia inventory of that name is an instrument.
        if not re.match(r" (?i:dysphagia|symptom)", text[end : end + 12]):
            yield words[place].start, _institution_tail(text, end)
    for place, end in reading.labels("institution"):
        start = (
            _institution_start(reading, place, text[words[place].start : end])
            if words[place].capital or not words[place].known.common
            else None
        )
        if start is not None:
            yield start, _institution_tail(text, end)
    yield from (match.span("x") for match in find_all(_EMPLOYED, text) if any_proper(match["x"]))
    yield from _institutions_by_first_word(reading)
    for _, end in reading.labels("institution label"):
        match = match_at(_LABELLED_INSTITUTION, text, end)
        if match and any_proper(match["x"]) and not any_clinical(match["x"]):
            yield match.span("x")


def _institutions_by_first_word(reading: Reading) -> Iterator[Span]:
    """Hôpital Saint-Louis, Klinikum Musterstadt, University of Somewhere."""
    text, words = reading.text, reading.words
    heads = [(words[place], end) for place, end in reading.labels("institution first")]
    compounds = [word for word in words if word.lower.endswith(_GERMAN_HOUSES) and len(word.text) > 8]
    for word, end in [*heads, *((word, word.end) for word in compounds)]:
        rest = _until_common(match_at(_FIRST_REST, text, end)["rest"])
        if word.capital and (any_proper(rest) or (len(word.text) > 13 and word in compounds)):
            yield word.start, end + len(rest)
    for word in words:
        if word.lower in _OF_HEADS and word.capital and (match := match_at(_OF_PLACE, text, word.end)):
            rest = _until_common(match["x"])
            if any_proper(rest) or set(fold(rest).split()) & cues_of("state"):
                yield word.start, match.start("x") + len(rest)


def _until_common(words: str) -> str:
    """The words up to the first that ordinary English or medicine claims."""
    end, of = 0, False
    known = cues_of("institution word") | cues_of("institution") | cues_of("state")
    for match in WORD.finditer(words):
        word = match.group()
        if word[0].isupper() and word.lower() not in PARTICLES:
            if fold(word) in cues_of("month") or not (is_proper(word) or fold(word) in known or (of and end)):
                break
            end = match.end()
        of = word.lower() in ("de", "di", "do", "da")
    return words[:end]


def _institution_start(reading: Reading, place: int, head: str) -> int | None:
    """Where the institution that ends in this word begins; None if nothing before it is a proper name."""
    words = reading.words
    first = _walk_back(words, place)
    while first < place and not _opens(words[first]):
        first += 1
    if first == place:
        return None
    before = words[first:place]
    named = [word for word in before if _names_institution(word)]
    weak = head.lower() in cues_of("weak institution")
    if any(word.plain and not word.shouted if weak else is_proper(word.text) for word in named):
        opening = before[: before.index(named[0]) + 1]
        while len(opening) > 1 and opening[-2].lower in _TOWNS:
            opening.pop()
        return opening[-1].start
    if weak:
        return None
    sentence = first and words[first - 1].lower in ("at", "from", "to", "the", "by", "in", "with", "of", "our")
    ordinary = any(not word.known.clinical and not word.known.function for word in before)
    # A "University Hospital" could be any.
    if any(fold(word.text) not in cues_of("any institution") for word in named) or (
        sentence and not named and words[first - 1].text.islower() and ordinary and not head.isupper()
    ):
        return before[0].start
    return None


_TOWNS = frozenset(
    [
        "port",
        "new",
        "north",
        "south",
        "east",
        "west",
        "lake",
        "upper",
        "lower",
        "great",
        "little",
        "mount",
        "fort",
        "saint",
        "st",
    ]
)
_EMPLOYED = (
    rf"(?i:\b(?:retired from|worked (?:for|at)|works (?:for|at)|employed (?:by|at|with)|employee of|employer:?|works as an? \w+ (?:for|at))) "
    rf"(?P<x>{CAP}(?:(?:[ -]|, | & | and | und | et | y )(?:{OF} )?{CAP}\.?(?:[A-Z]\b\.?)?){{0,5}})"
)


def _walk_back(words: list[Word], place: int) -> int:
    first, joined = place, words[place].lower in cues_of("weak institution")
    while first and place - first < 8:
        word = words[first - 1]
        linked = word.gap in (" ", "\n", "-", " & ") or (
            word.gap == ". " and (word.initial or word.lower in ("st", "mt", "ste"))
        )
        listed = word.gap == ", " and joined and word.nameable and words[first].nameable
        if word.shouted and word.lower in ("in", "at", "the", "for", "to", "by", "on", "from"):
            break
        if not (linked or listed) or not (word.capital or word.lower in _JOINERS) or word.odd:
            break
        joined = joined or word.lower in ("and", "und", "y", "et", "e") or word.gap == " & "
        first -= 1
    return first


def _opens(word: Word) -> bool:
    if not word.capital or word.lower in ("the", "of", "for", "and"):
        return False
    return fold(word.text) in cues_of("institution word") or word.known.listed or not word.known.clinical


def _names_institution(word: Word) -> bool:
    return word.capital and (is_proper(word.text) or fold(word.text) in cues_of("institution word"))


_TAIL_WORDS = cues_of("institution tail")


def _institution_tail(text: str, end: int) -> int:
    for _ in range(6):
        match = match_at(rf",? (?P<link>(?:and|&|of|at|for) (?:the )?)?(?P<word>{CAP})", text, end)
        if not match:
            break
        word = match["word"].lower()
        belongs = word in cues_of("institution") or word in _TAIL_WORDS
        if not belongs and not (match["link"] == "of " and is_proper(match["word"])):
            break
        end = match.end()
    return end
