"""Names: a word opens one when something says so, and it runs on as long as its words can be part of a name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmseg.text.identifiers.words import (
    CAP,
    PARTICLES,
    ROMAN,
    VEIL,
    Reading,
    Span,
    Word,
    any_of,
    cues_of,
    disjoint,
    find_all,
    fold,
    match_at,
)

# MR is also an imaging method, MS a disease: in capitals the word itself must be a name.
_AFTER_TITLE = r"\.?(?:[ ]?(?:/|&|and|und|et)[ ]?" + any_of("title") + r"\.?)?(?:[ \t]{1,3}|[ \t]?\n)"
_MORE_TITLES = (
    rf"(?:(?:{any_of('title')}|med|dent|rer|nat|h\.?c|hab|n\.med)\.?(?:[ ]|(?<=\.))"
    r"(?:[ ]?(?:dent|nat|mult)\.)?[ ]?){0,4}"
)
_AFTER_ROLE = r"(?:\(s\)|['’]s)?(?:[ \t]*[:=|#][ \t*_]*(?:\r?\n[ \t]*)?|\t[ \t]*| {2,}| [-–] )"
_AFTER_BY = rf"(?:[ ](?:the|our|my|his|her|an?))?(?:[ ]{any_of('person')})?[,:]?[ ]{{1,2}}"
_AFTER_KIN = r"(?:['’]s name)?(?: is| named| called)?(?:, | \(|: ?| )"
_AFTER_DEAR = r"[ ]{1,2}"
_AFTER_FAREWELL = r"[,.!:]?\s{1,30}(?:[-–—]{1,2} ?)?"
_SIGNED = r"(?m)^[ \t]*(?:--|[–—~]{1,2}|/s/)[ \t]*(?=(?P<x>\w))(?=[^\n:]{3,50}$)"
_ANNOUNCED = (
    ("role", _AFTER_ROLE, True),
    ("by", _AFTER_BY, False),
    ("kin", _AFTER_KIN, False),
    ("dear", _AFTER_DEAR, False),
    ("farewell", _AFTER_FAREWELL, False),
)
_AND = cues_of("and")
_NO_NAMES = cues_of("no name")
_TOLD = (
    r"(?: (?:is|was) (?:an? |now )?|,? (?:an? |aged |age )?| ?[(\[]|: )"
    r"(?:\d{2}[- ]?(?:years?|yrs?|y\.?/?o|yo|[mf]\b|-)|(?:very )?(?:[a-z]{4,12})? ?\d{2}[- ]year)"
    rf"|(?:['’]s)? {any_of('told')}\b"
)
_ACTS = r" (?:has been|has had|asked|will be|will call|understands|understood|reports|reported|denies|lives|first noticed|is seen|was seen|was discussed)\b"
# The Gregoire consensus and the Kaplan-Meier curve are nobody's.
_EPONYM = rf"(?:['’]s)? {any_of('eponym')}(?![^\W\d_])"
_HEADED = rf"(?: {CAP}\.?)?[ ,;|()–-]{{1,4}}(?:(?i:dob|mrn|born|id|\*)[:. ]{{0,3}})?(?:{VEIL}|\(|\d\d[- ]?[yMF])"


def names(reading: Reading) -> Iterator[Span]:
    """People: those who are announced, listed or plainly named, and every other mention of them."""
    announced = (*_after_a_title(reading), *_after_a_role(reading), *_before_a_credential(reading))
    spans = disjoint([*announced, *_in_records(reading), *_bare(reading)])
    yield from spans
    yield from _again(reading, spans)


def _name_from(words: list[Word], first: int, *, trusted: bool, comma: bool = False) -> Span | None:
    """Read a name that begins with this word: how far it goes, or None if it is none.

    Args:
        trusted: something said that a name follows, so that an ordinary word may be one ("Dr. Archer").
        comma: "Kowalska, Anna" may be one name.
    """
    last, turned = None, False
    for place in range(first, min(first + 8, len(words))):
        word = words[place]
        after = words[last] if last is not None else None
        if not _fits(words, place, after, trusted=trusted, turned=turned):
            break
        if not word.particle or word.known.given or place == first:
            last = place
        if word.gap == ", " and comma and not turned and not word.initial:
            turned = True
        elif word.gap in ("\n", ".\n"):
            # The line only was full: "Mr P.⏎Jäntsch", "Sarah⏎Sims".
            following = words[place + 1] if place + 1 < len(words) else None
            if not (following and following.plain and (trusted or word.initial or word.known.given)):
                break
        elif not (word.gap in (" ", "  ", "-") or (word.gap in (". ", ".") and (word.initial or word.lower == "st"))):
            break
    if last is None or not any(len(word.text) > 1 and not word.particle for word in words[first : last + 1]):
        return None
    if last + 1 < len(words) and words[last + 1].lower == "wort":
        return None  # St. John's wort is a drug.
    final = words[last]
    end = final.end + (final.initial and final.gap.startswith(".")) - _possessive(final.text)
    return words[first].start, end


def _possessive(word: str) -> int:
    return 2 if word.endswith(("'s", "’s", "'S", "’S")) and len(word) > 3 else 0


def _fits(words: list[Word], place: int, after: Word | None, *, trusted: bool, turned: bool) -> bool:
    """Whether this word can stand in a name, behind the word `after` (None: it opens the name)."""
    word = words[place]
    if word.particle and not word.known.given and place + 1 < len(words) and word.gap in (" ", "  ", ". "):
        following = words[place + 1]
        return (
            following.particle or following.nameable or (trusted and following.capital and not following.known.clinical)
        )
    if word.initial:
        return word.text != "I" or word.gap.startswith(".")
    if not word.capital or len(word.text) < 2 or word.odd or ROMAN.fullmatch(word.text) or word.lower in _NO_NAMES:
        return False
    if word.plain:
        return True
    if word.known.function:
        return False
    if word.known.listed:
        # "Brown" after "Anna", "Mr." or "J." is a surname, after "Reports" a colour.
        return (
            trusted
            or turned
            or (after is None and not word.known.clinical)
            or bool(after and not word.known.clinical and (after.known.given or after.plain or after.initial))
        )
    if word.known.clinical or after is None:
        return trusted and not word.known.clinical
    if after.initial and not word.shouted:
        return True  # "Frederick M. Parkes"
    # A frequent given name makes a surname of an ordinary word that ends it: "Anna Archer," but not "ANNA REPORTS".
    return (
        after.known.given
        and not after.known.common
        and not word.shouted
        and word.gap[:1] in (",", ".", ";", ")", "\n", "")
    )


def _after_a_title(reading: Reading) -> Iterator[Span]:
    words = reading.words
    for section in ("title", "weak title"):
        for place, end in reading.labels(section):
            match = match_at(_AFTER_TITLE, reading.text, end)
            if not match:
                continue
            start = match_at(_MORE_TITLES, reading.text, match.end()).end()
            first = reading.place_of.get(start, reading.place_of.get(match.end()))
            if first is None:
                continue
            pointed = reading.text[end : end + 1] == "."  # "MR. BOYER" is a man, "MR NECK" an image
            sure = section == "title" and (pointed or words[place].text not in ("MS", "MR", "DR"))
            word = words[first]
            if not word.capital and not word.particle:
                # dr kowalski: notes typed in a hurry.
                if (
                    section == "title"
                    and words[place].lower in ("mr", "mrs", "ms", "dr", "prof")
                    and _typed_small(word)
                ):
                    yield word.start, word.end
            elif sure or word.particle or word.initial or (word.nameable and not word.known.clinical):
                span = _name_from(words, first, trusted=sure)
                if words[place].lower in ("drs", "messrs"):
                    yield from _several(words, first, trusted=True, comma=False)
                elif span and (section == "title" or words[place].capital):
                    yield span


def _typed_small(word: Word) -> bool:
    return len(word.text) > 2 and not word.known.common


def _after_a_role(reading: Reading) -> Iterator[Span]:
    for section, pattern, labelled in _ANNOUNCED:
        for _, end in reading.labels(section):
            match = match_at(pattern, reading.text, end)
            place = reading.place_of.get(match.end()) if match else None
            if place is not None:
                yield from _announced(reading.words, place, labelled=labelled, comma=section != "kin")
    for match in find_all(_SIGNED, reading.text):
        place = reading.place_of.get(match.start("x"))
        if place is not None:
            yield from _announced(reading.words, place, labelled=False, comma=True)


def _announced(words: list[Word], place: int, *, labelled: bool, comma: bool) -> Iterator[Span]:
    """A name that a role, a relative or a farewell announces; a label with a colon is believed more."""
    word = words[place]
    if word.lower in cues_of("title"):
        return  # "Dear Dr. Kowalska": the title finds its own name
    paired = place + 1 < len(words) and word.gap in (" ", ", ", ". ", "-") and words[place + 1].nameable
    if not word.capital and not word.particle:
        if labelled and word.known.given and not word.known.common:
            surname = words[place + 1] if word.gap == " " and place + 1 < len(words) else word
            yield word.start, surname.end if _typed_small(surname) else word.end
        return
    acronym = word.shouted and not labelled and not word.known.listed and not paired
    if acronym or not (word.nameable or word.initial or word.particle or (labelled and paired)):
        return
    if word.known.clinical and not paired:
        return
    yield from _several(words, place, trusted=not word.known.clinical or paired, comma=comma)


def _several(words: list[Word], place: int, *, trusted: bool, comma: bool) -> Iterator[Span]:
    """The name at this word and those listed with it: "cc: Anna Rossi, Jan de Vries and Bo Xi"."""
    for _ in range(6):
        span = _name_from(words, place, trusted=trusted and not words[place].shouted, comma=comma)
        if span is None:
            return
        yield span
        while place < len(words) and words[place].start < span[1]:
            place += 1
        separated = place and re.fullmatch(r"[,;&/ ]{1,3}", words[place - 1].gap)
        if separated and place < len(words) and words[place].lower in _AND:
            place += 1
        if not separated or place >= len(words) or not words[place].plain or words[place].shouted:
            return


def _before_a_credential(reading: Reading) -> Iterator[Span]:
    words = reading.words
    for section, gaps in (("credential", (", ", ",", " ", "  ")), ("comma credential", (", ", ","))):
        for place, _ in reading.labels(section):
            if not place or not words[place].capital or words[place - 1].gap.replace(".", "", 1) not in gaps:
                continue
            last = first = place - 1
            while first >= 0 and last - first < 6 and _can_be_name(words[first]):
                if first < last and words[first].gap not in (" ", "  ", ". ", ".", ", ", "-"):
                    break
                first -= 1
            first += 1
            named = [word for word in words[first : last + 1] if word.nameable]
            clear = len(named) > 1 or (named and named[0].plain and len(named[0].text) > 3) or words[first].initial
            if named and clear:
                yield words[first].start, words[last].end


_LABELLED = (
    r"(?im)^[ \t]*(?:patient(?:'s)?(?: name)?|pt(?: name)?|name|physician|attending(?: physician)?|oncologist|referring(?: md| physician)?"
    r"|surgeon|consultant|dictated by|seen by|re|regarding)[ \t]*:[ \t]*(?=(?P<x>\w))"
)
_RECORD = (
    rf"(?:[ ]?[,(|]{{1,2}}[ ]?|[ ]{{2,}}|[ ]?\n)(?:{VEIL}|(?i:mrn?\b|nhs\b|d\.?o\.?b\b|date of birth|born\b|medical record|record\b|hospital n"
    r"|age[d:]|unit n|\d{2,3}[ -]?(?:years?\b|yrs?\b|y/?o\b|[mf]\b)|an? \d{2}[- ]?y))"
)
_ENTRY = rf"(?m)(?:^[ \t]*(?:\d{{1,3}}[.)][ \t]+|[-*•–][ \t]+)?|\b(?:re|Re|RE|regarding|Regarding|see|seeing|patient)[: ]+)(?=(?P<x>{CAP}))"


def _in_records(reading: Reading) -> Iterator[Span]:
    """A name that its place gives away: behind a label, or before a record number, an age or a date of birth."""
    for pattern, needs_record in ((_LABELLED, False), (_ENTRY, True)):
        for match in find_all(pattern, reading.text):
            place = reading.place_of.get(match.start("x"))
            span = None if place is None else _written_name(reading.words, place)
            if span and (not needs_record or match_at(_RECORD, reading.text, span[1])):
                yield span


def _written_name(words: list[Word], first: int) -> Span | None:
    """Up to five capitalised words, "BOYER, WILLIAM J." too, of which one at least is no word of medicine or English."""
    last, turned = None, False
    for place in range(first, min(first + 5, len(words))):
        word = words[place]
        written = word.capital and not word.odd and word.lower not in _NO_NAMES and not word.known.function
        if not (word.initial or word.particle or written):
            break
        last = place
        if word.gap == ", " and not turned:
            turned = True
        elif not (word.gap in (" ", "-", ".", ". ") and (word.gap in (" ", "-") or word.initial)):
            break
    if last is None or not any(word.nameable and not word.known.clinical for word in words[first : last + 1]):
        return None
    final = words[last]
    return words[first].start, final.end + (final.initial and final.gap.startswith("."))


def _can_be_name(word: Word) -> bool:
    return word.particle or word.initial or (word.nameable and word.lower not in _NO_NAMES)


def _bare(reading: Reading) -> Iterator[Span]:
    """Names that nothing announces: their words must speak for themselves."""
    text, words = reading.text, reading.words
    done = 0
    for place, word in enumerate(words):
        if word.start < done or not word.capital or word.odd or not (word.nameable or word.initial):
            continue
        span = _name_from(words, place, trusted=False, comma=_turned(text, words, place))
        if span is None:
            continue
        end = place + 1
        while end < len(words) and words[end].start < span[1]:
            end += 1
        if _convincing(text, words[place:end], span[1]):
            yield span
            done = span[1]


def _turned(text: str, words: list[Word], place: int) -> bool:
    """Whether a surname with a comma stands here: "Kowalska, Anna"."""
    word = words[place]
    if word.gap != ", " or place + 1 >= len(words):
        return False
    second = words[place + 1]
    if second.capital and second.known.given and not second.known.clinical and (word.plain or not second.known.common):
        return True
    # Neither is frequent: believed only as a heading, with a date of birth or a number behind it.
    opens = word.start == 0 or text[word.start - 1] == "\n"
    return opens and word.plain and second.plain and bool(match_at(_HEADED, text, second.end))


def _convincing(text: str, name: list[Word], end: int) -> bool:
    full = [word for word in name if not word.initial and not (word.particle and not word.known.given)]
    plain = [word for word in full if word.plain]
    given = [word for word in full if word.known.given and not word.known.common]
    given = [word for word in given if not (word.shouted and len(word.text) < 4)]
    told = bool(match_at(_TOLD, text, end))
    if not full or text.startswith(":", end) or match_at(_EPONYM, text, end):
        return False
    if len(full) == 1:
        signed = name[0].initial and name[0].gap.startswith(".") and not full[0].shouted
        surname = bool(plain) or (full[0].known.surname and not full[0].known.clinical)
        return (signed and surname) or bool(given) or (bool(plain) and told and not plain[0].shouted)
    if given or (told and (plain or full[0].known.given)):
        return True
    if all(word.shouted for word in full):
        return len(plain) >= 2 and any(word.known.listed for word in plain)
    if len(plain) >= 2:
        return all(_pronounced(word.text) and not word.shouted for word in plain)
    # One of the two is also an ordinary word: then it must be a frequent name.
    return bool(plain) and all(word.plain or (word.known.listed and not word.known.clinical) for word in full)


def _pronounced(word: str) -> bool:
    return len(word) > 2 and bool(re.search(r"[aeiouy]", fold(word)))


def _again(reading: Reading, spans: list[Span]) -> Iterator[Span]:
    """Other mentions of a name that is known by now: "Kowalska" after "Anna Kowalska"."""
    words, known, place = reading.words, set(), 0
    for word in words:
        while place < len(spans) and spans[place][1] <= word.start:
            place += 1
        if place < len(spans) and spans[place][0] <= word.start:
            known.update((fold(word.text), *fold(word.text).split("-")))
    known = {name for name in known if len(name) > 2 and name not in PARTICLES}
    before = None
    for word in words if known else ():
        folded = fold(word.text)
        mentioned = folded in known or (word.plain and not known.isdisjoint(folded.split("-")))
        if mentioned and not word.known.clinical and not word.odd and _means_the_name(reading.text, word, before):
            yield word.start, word.end - _possessive(word.text)
        before = word


def _means_the_name(text: str, word: Word, before: Word | None) -> bool:
    if not word.known.common:
        return word.capital or len(word.text) > 4
    # Mr. Long has a long history: an ordinary word is his name only with a capital inside a sentence.
    inside = before is not None and before.text.islower() and before.gap == " "
    told = match_at(_TOLD, text, word.end) if word.known.listed else match_at(_ACTS, text, word.end)
    return bool(inside or told) and word.capital and not word.shouted and word.gap != "-"
