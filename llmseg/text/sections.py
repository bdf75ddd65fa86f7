"""Cut a note into sentences, and say of which section each is: by its heading, or by what it speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from llmseg.text.lexicon import (
    HEADINGS,
    HISTORICAL,
    SECTION_NAMES,
    SITE_PATTERNS,
    TUMOUR,
)
from llmseg.text.shadow import Shadow

_ABBREVIATIONS = [
    "dr",
    "mr",
    "mrs",
    "ms",
    "prof",
    "st",
    "vs",
    "no",
    "approx",
    "pt",
    "hx",
    "dx",
    "rx",
    "tx",
    "fx",
    "ca",
    "inc",
    "e.g",
    "i.e",
    "etc",
    "resp",
    "wt",
    "ht",
    "yr",
    "yrs",
    "fig",
    "max",
    "min",
    "bx",
]
_BREAK = re.compile(
    r"\n+[ \t]*|,\s(?=[a-z][a-z ]{2,28}:\s)|(?<=[.!?])[\"')\]]*\s+|;\s*|\s\|\s|\s[-*•]{1,2}\s(?=[a-z]{3}|\d[\d./, and]*gy)(?!i{1,3}v?\b)|\s/\s(?=[a-z])"
)
_LONGEST = 1000
_ENUMERATION = re.compile(r"[ \t]*(?:[-*•·>+]+|\(?\d{1,2}[.)](?!\d)|\(?[a-z][.)](?=\s))?[ \t]*")
_STAGE = re.compile(r"\b[cpyr]{0,2}t ?[0-4x](?:is)?[a-d]?,? ?[cp]?n ?[0-3x]|\bstage\b|\btnm\b")
_DOSE = re.compile(
    r"\d\s?c?gy\b|\bfractions?\b|\bimrt\b|\bvmat\b|\bradiotherapy\b|\bptv|\bctv|\bneck\b.*\btreat|\belective|\birradiat"
)
_IMAGING = re.compile(r"\b(?:pet|ct|mri|mr|scan|ultrasound|suv\w*|imaging|avid)\b")
_PAST = re.compile(rf"\b(?:{HISTORICAL}|tonsillectomy|dissection|resection|surgery|tors)\b")
_TREATED = re.compile(
    r"\b(?:radiotherapy|radiation|rt|gy|chemo\w*|surgery|resect\w*|\w+ectomy|dissection|tors|cisplatin|cetuximab|immunotherapy)\b"
)
_COMORBID = re.compile(
    r"\b(?:diabet\w*|hypertens\w*|htn|dm|copd|asthma|smok\w*|pack|drinks?|alcohol\w*|ckd|kidney|fibrillation|cad|stroke|cva|hypothyroid\w*"
    r"|allerg\w*|statin\w*|metformin|apixaban|warfarin|obes\w*|depress\w*|anxiety|hip|knee|arthr\w*|pacemaker|hernia|hyperlipid\w*|gerd|heart"
    r"|medical history|comorbid\w*|osteo\w*|migraine\w*|gout|epilep\w*|hepatitis|hiv|cirrhosis|angina|infarct\w*|glaucoma|cataract)\b"
)
_NECK = re.compile(
    r"\W*(?:left|right|bilat\w*|both|ipsilateral|unilateral)(?: sides? of(?: the)?)? (?:necks?|levels?|nod\w+)\b.{0,20}$"
)
_SITE = re.compile("|".join(rf"\b(?:{p})\b" for by in SITE_PATTERNS.values() for p in by.values()))
_CANCER = re.compile(rf"\b(?:{TUMOUR})\b")


@dataclass(frozen=True)
class Sentence:
    """A stretch of the shadow's text.

    Args:
        start, end: in the shadow, heading left out.
        section: one of SECTION_NAMES, or "" for what is dropped.
        label: the heading just before it on its line, or "".
        headed: whether a heading put it there, rather than its words.
    """

    start: int
    end: int
    section: str
    label: str = ""
    headed: bool = False


def sentences_of(shadow: Shadow) -> list[Sentence]:
    """Every sentence of the note, in order."""
    found, section, headed, line_end = [], "", False, 0
    for start, end in _stretches(shadow):
        blank = start > 0 and "\n\n" in shadow.text[max(0, start - 3) : start + 1]
        label, body, heading = _heading(shadow.text, start, end)
        words = shadow.text[body:end]
        has_body = bool(words.strip(" \t\n-*•:,."))
        if label and heading is None:
            headed = False
        elif heading is not None:
            section, headed = heading, True
            # A heading with words beside it heads its line; one on its own, all that follows.
            line_end = (shadow.text.find("\n", end) + 1 or len(shadow.text)) if has_body else len(shadow.text)
        elif start >= line_end or (blank and not section):
            headed = False
        if not has_body:
            continue
        stays = headed and (heading is not None or _keeps(section, words))
        if not stays and line_end < len(shadow.text):
            headed = False
        found.append(Sentence(body, end, section if stays else _by_content(words), label, stays))
    return found


def sections_of(note: str, shadow: Shadow, sentences: list[Sentence]) -> dict[str, str]:
    """Section -> its sentences as the note has them, for the sections the note has."""
    texts: dict[str, list[str]] = {}
    for sentence in sentences:
        if sentence.section:
            start, end = shadow.span(sentence.start, sentence.end)
            texts.setdefault(sentence.section, []).append(" ".join(note[start:end].split()).strip(" ;|-*•"))
    return {name: _joined(texts[name]) for name in SECTION_NAMES if name in texts}


def _joined(parts: list[str]) -> str:
    return " ".join(part if part[-1:] in ".!?:" else f"{part}." for part in parts if part)


def _stretches(shadow: Shadow) -> list[tuple[int, int]]:
    """Sentences, lines and list items; a line that only was too long goes on."""
    text, cuts, start = shadow.text, [], 0
    shouting = shadow.note.isupper()
    for match in _BREAK.finditer(text):
        next_letter = shadow.note[shadow.begin[match.end()]] if match.end() < len(text) else ""
        if _goes_on(text, start, match, next_letter if not shouting else next_letter.lower()):
            continue
        cuts.append((start, match.start()))
        start = match.end()
    cuts.append((start, len(text)))
    return [piece for s, e in cuts for piece in _pieces(text, s, e) if text[slice(*piece)].strip()]


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A stretch without an end (a list, a pasted table) in parts: what lies far apart says nothing of each other."""
    while end - start > _LONGEST:
        space = text.rfind(" ", start + 1, start + _LONGEST) + 1 or start + _LONGEST
        yield start, space
        start = space
    yield start, end


def _goes_on(text: str, start: int, match: re.Match, next_letter: str) -> bool:
    if "-" in match.group() and "\n" not in match.group():
        return _named(text[_ENUMERATION.match(text, start).end() : match.start()]) is not None
    before = text[max(0, match.start() - 12) : match.start()]
    if "\n" in match.group():
        line = text.rfind("\n", 0, match.start()) + 1
        after = text[match.end() : match.end() + 40]
        wrapped = (
            match.start() - line > 45
            and before[-1:] not in ".:;!?"
            and (next_letter.islower() or next_letter in "(0123456789")
        )
        return bool(wrapped) and match.group().count("\n") == 1 and not re.match(r"\d{1,2}[.)]\s|[\w /]{2,30}:", after)
    if before.endswith("."):
        word = re.search(r"([\w.]+)\.$", before)
        return bool(word) and (word.group(1) in _ABBREVIATIONS or word.group(1) == "p")
    return False


@lru_cache(maxsize=1)
def _heading_patterns() -> tuple[tuple[str, re.Pattern], ...]:
    return tuple((name, re.compile(pattern)) for name, pattern in HEADINGS.items())


def _heading(text: str, start: int, end: int) -> tuple[str, int, str | None]:
    """The heading a sentence begins with, where its body starts, and its section (None without a heading)."""
    begin = _ENUMERATION.match(text, start, end).end()
    line_start = start == 0 or text[start - 1] in "\n \t|;-*•." or text[:start].rstrip(" \t")[-1:] in ("\n", "")
    match = re.compile(r"([a-z][a-z0-9 /&.()'-]{0,44}?)\s*(?::|=|(?: -|-) )\s*").match(text, begin, end)
    if match and line_start:
        section = _named(match.group(1))
        is_fact = section is None and (
            _SITE.search(match.group(1))
            or _CANCER.search(match.group(1))
            or re.search(r"\b(?:left|right|midline)\b|\d", match.group(1))
        )
        if section is not None or (not is_fact and text[match.start(1) : match.end()].rstrip().endswith(":")):
            return match.group(1), match.end(), section
    whole = text[begin:end].strip(" \t:#*_=-.")
    alone = text[start - 1 : start] in ("", "\n") and text[end : end + 1] in ("", "\n")
    if alone and len(whole) < 45 and (section := _named(whole)) is not None:
        return whole, end, section
    return "", begin, None


def _named(heading: str) -> str | None:
    heading = heading.strip(" #*_().")
    for section, pattern in _heading_patterns():
        if pattern.fullmatch(heading):
            return section
    return None


def _keeps(section: str, words: str) -> bool:
    """Under a heading stands what speaks of it or of nothing in particular."""
    return _by_content(words) in (section, "") or section in ("Imaging impression", "Radiation plan", "")


def _by_content(words: str) -> str:
    if _CANCER.search(words) and _SITE.search(words) and not _IMAGING.search(words):
        return "Diagnosis"
    if _PAST.search(words) and _TREATED.search(words):
        return "Prior treatment"
    if _STAGE.search(words) and not _IMAGING.search(words):
        return "Stage"
    if _IMAGING.search(words) and (_CANCER.search(words) or _SITE.search(words) or re.search(r"\bnod", words)):
        return "Imaging impression"
    if _DOSE.search(words):
        return "Radiation plan"
    if _SITE.search(words):
        return "Diagnosis"
    if _COMORBID.search(words):
        return "Comorbidities"
    return "Radiation plan" if _NECK.match(words) else ""
