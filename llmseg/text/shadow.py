"""A note as the rules read it: one case, spelled-out sides, slips of the pen corrected; offsets lead back to the note."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from llmseg.text.lexicon import KNOWN, ORGANS_AT_RISK, SITE_PATTERNS, VOCABULARY

_TOKEN = re.compile(r"[^\W\d_]+|[\s\S]")
_TENS = {"forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "thirty": 30, "twenty": 20}
_UNITS = {
    word: n for n, word in enumerate(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], start=1)
}
_NUMBER = re.compile(rf"\b({'|'.join(_TENS)})(?:[- ]({'|'.join(_UNITS)}))?\b", re.IGNORECASE)
# "2 L" is a volume, "L4" a vertebra, "R/O" and "L-shaped" are words, "J. R." a name.
_LETTER_SIDE = re.compile(
    r"(?<=[a-z,:(] )(?<!Mr )(?<!Dr )(?<!rs )[LR](?=\.(?:\s|$))|(?<![\w./'’])(?<![\s(]\d )(?<![\s(.]\d\d )(?<!\.\d )[LR](?:(?=-sided)|(?![\w/'’-]|\.\s?[A-Z]))"
)
_SHORT_SIDE = re.compile(r"\b[lr]t\b\.?(?!\w)", re.IGNORECASE)
_SMALL_SIDE = re.compile(
    rf"(?<![\w./'’-])[lr](?= (?:{'|'.join(p for s in SITE_PATTERNS.values() for p in s.values())}|neck|side|sided|wall|lobe|faucial|true|nodes?)\b)"
)
_ANATOMY = re.compile(
    r"\W{0,2}(?:(?:wall|lateral|posterior|anterior|base|true|sided|side|neck|nodal|cervical|level|t[1-4]|palatine|oral|hemi\w*|ear|hip|knee)\b|"
    + r"(?:(?!(?:to|for|of|in|with|plan|the|at|by|alone|only|on|and|dose)\b)[a-z-]+\s){0,2}(?:"
    + "|".join(p for s in SITE_PATTERNS.values() for p in s.values())
    + rf"|{ORGANS_AT_RISK}))",
    re.IGNORECASE,
)
_SPACED_STAGE = re.compile(r"\b(?:[cpCP]?)([TNtn]) (\d) ([a-dA-D])(?=[,;.)\n]|\s*[cpCP]?[NMnm] ?\d|$)")
# "The left neck was left alone": a verb.
_LEFT_AS_IT_IS = re.compile(
    r"\bleft(?= (?:alone|untr\w+|unirr\w+|undissected|out|in situ|in place|as is|behind)\b)", re.IGNORECASE
)
_SLASHED = re.compile(r"(?<![\w/])(?:[IiCc]/[Ll]|ipsi|contra|IPSI|CONTRA)(?![\w/-])")
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—−"), "-") | dict.fromkeys(map(ord, "’‘`´"), "'") | {0xA0: " ", 0x202F: " "}


@dataclass(frozen=True)
class Shadow:
    """The normalised text, and where each of its characters stands in the note.

    Args:
        text: what the patterns are matched with.
        begin, finish: per character of `text`, first and one past the last offset in the note.
        note: as it was written.
    """

    text: str
    begin: tuple[int, ...]
    finish: tuple[int, ...]
    note: str

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Offsets in the note of a stretch of `text`."""
        return self.begin[start], self.finish[end - 1]


def shadow_of(note: str) -> Shadow:
    """Lower the case, spell out sides and numbers, correct slips of one letter in the words that matter."""
    swaps = _swaps(note)
    pieces, begin, finish, at = [], [], [], 0
    while at < len(note):
        if at in swaps:
            end, words = swaps[at]
        else:
            match = _TOKEN.match(note, at)
            end, words = match.end(), _normal(match.group())
        pieces.append(words)
        last = len(words) - 1
        begin += [min(at + i, end - 1) for i in range(len(words))]
        finish += [end if i == last else min(at + i + 1, end) for i in range(len(words))]
        at = end
    return Shadow("".join(pieces), tuple(begin), tuple(finish), note)


def _swaps(note: str) -> dict[int, tuple[int, str]]:
    """Start -> (end, what stands there instead)."""
    swaps = {}
    for match in _NUMBER.finditer(note):
        tens, units = match.groups()
        value = _TENS[tens.lower()] + (_UNITS[units.lower()] if units else 0)
        swaps[match.start()] = match.end(), str(value)
    for match in _SPACED_STAGE.finditer(note):
        swaps[match.start()] = match.end(), "".join(match.groups()).lower()
    for match in _SLASHED.finditer(note):
        swaps[match.start()] = match.end(), {"i": "ipsilateral", "c": "contralateral"}[match.group()[0].lower()]
    for match in _LEFT_AS_IT_IS.finditer(note):
        swaps[match.start()] = match.end(), "kept"
    for match in _LETTER_SIDE.finditer(note):
        swaps[match.start()] = match.end(), {"L": "left", "R": "right"}[match.group()]
    for match in _SMALL_SIDE.finditer(note):
        swaps[match.start()] = match.end(), {"l": "left", "r": "right"}[match.group()]
    for match in _SHORT_SIDE.finditer(note):
        word = match.group().rstrip(".")
        # RT is radiotherapy unless anatomy follows; a trailing full stop may end the sentence.
        is_place = _ANATOMY.match(note, match.end()) or note[: match.start()].lower().endswith(("on the ", "of the "))
        is_course = re.match(
            r"\s+(?:to|for|plan\w*|alone|with|dose|given|in|at|on)\b",
            note[match.end() : match.end() + 9],
            re.IGNORECASE,
        )
        if (word == "RT" and not is_place) or (word == "rt" and is_course):
            continue
        is_shortened = re.match(r"\.\s+(?=[a-z])", note[match.start() + 2 : match.start() + 6]) or (
            note.isupper() and _ANATOMY.match(note, match.end())
        )
        end = match.end() if is_shortened else match.start() + 2
        swaps[match.start()] = end, "left" if word[0] in "lL" else "right"
    return swaps


def _normal(token: str) -> str:
    if len(token) == 1:
        token = token.translate(_DASHES)
        return token.lower() if len(token.lower()) == 1 else token
    lowered = token.lower()
    if not lowered.isascii():
        lowered = unicodedata.normalize("NFC", lowered)
    return corrected(lowered) if len(lowered) >= 6 else lowered


@lru_cache(maxsize=20_000)
def corrected(word: str) -> str:
    """The one word of the vocabulary that is a single slip away, or the word itself."""
    if word in KNOWN or word in _vocabulary():
        return word
    near = {
        known for piece in (word, *_shorter(word)) for known in _deletions().get(piece, ()) if _is_slip(word, known)
    }
    return near.pop() if len(near) == 1 else word


@lru_cache(maxsize=1)
def _vocabulary() -> frozenset[str]:
    return frozenset(VOCABULARY)


@lru_cache(maxsize=1)
def _deletions() -> dict[str, tuple[str, ...]]:
    """Every vocabulary word under itself and under what is left with one letter out (SymSpell's index)."""
    found: dict[str, list[str]] = {}
    for word in VOCABULARY:
        if len(word) >= 6:
            for piece in (word, *_shorter(word)):
                found.setdefault(piece, []).append(word)
    return {piece: tuple(words) for piece, words in found.items()}


def _shorter(word: str) -> list[str]:
    return [word[:i] + word[i + 1 :] for i in range(len(word))]


def _is_slip(word: str, known: str) -> bool:
    """One letter added, lost or replaced, or two neighbours exchanged; the first letter stays, as it does in writing."""
    if word[0] != known[0]:
        return False
    if abs(len(word) - len(known)) == 1:
        long, short = (word, known) if len(word) > len(known) else (known, word)
        # A plural or another ending is a form of the word, not a slip.
        return short in _shorter(long) and long[:-1] != short
    if len(word) != len(known):
        return False
    wrong = [i for i, (a, b) in enumerate(zip(word, known, strict=True)) if a != b]
    if len(wrong) == 1:
        return True
    return (
        len(wrong) == 2
        and wrong[1] == wrong[0] + 1
        and word[wrong[0]] == known[wrong[1]]
        and word[wrong[1]] == known[wrong[0]]
    )
