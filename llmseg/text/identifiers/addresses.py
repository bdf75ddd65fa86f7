"""Addresses: a street or a postcode gives one away; what belongs to it stands before and after."""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmseg.text.identifiers.words import (
    CAP,
    OF,
    UNIT,
    VEIL,
    WORD,
    Reading,
    Span,
    Word,
    any_clinical,
    any_of,
    any_proper,
    compiled,
    cues_of,
    disjoint,
    find_all,
    is_proper,
    look_up,
    match_at,
)

_NO = r"\d{1,6}(?:-?[A-Za-z])?(?:[-/]\d{1,4}[A-Za-z]?)?(?![\w.]\w)"
_NAME_OF = rf"(?:{OF} |[dlDL]['’])?{CAP}\.?(?:[ -](?:{OF} |[dl]['’])?{CAP}){{0,4}}"
_CITY = rf"(?:(?:St|Saint|San|Mt|Ft)\.? )?{CAP}(?:[ -](?:(?:{OF}) )?{CAP}){{0,3}}"
_WIND = r"(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)"
_ENGLISH_STREET = (
    rf"(?<![\w./-])\d{{1,6}}(?:-?[A-Za-z])?(?:[-/]\d{{1,4}}[A-Za-z]?)?[ ,]{{1,2}}(?:{_WIND}\.? )?"
    rf"(?P<name>(?:(?:{CAP}\.?|\d{{1,3}}(?:st|nd|rd|th)) ){{1,4}})"
    rf"(?:(?P<strong>{any_of('strong street')})|(?P<weak>{any_of('weak street')}))(?![\w'’])\.?(?: {_WIND}\b)?"
)
_SHORT_STREETS = cues_of("short street")
_BOX = (
    r"(?<![\w])(?:(?i:p\.? ?o\.? ?box|postfach|boîte postale|apartado(?: de correos)?|postbus|casella postale"
    r"|skrytka pocztowa)[ #:]{1,2}\d{1,6}|(?:PSC|Unit|CMR) \d{1,5},? Box \d{1,5}|[FAD]PO,? A[AEP] \d{5}(?:-\d{4})?"
    rf"|US(?:NS|NV|S|CGC) {CAP})(?![\w-])"
)
_ZIP = rf"{any_of('state')}(?!\w),?[ ]{{1,2}}\d{{5}}(?:-\d{{4}})?(?!\d)"
_UK_CODE = r"(?:[A-PR-UWYZ][A-HK-Y]?\d[\dA-HJKMNP-Y]?) ?\d[ABD-HJLNP-UW-Z]{2}(?!\w)"
_CANADA_CODE = r"[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d(?!\w)"
_CODE = r"(?:[A-Z]{1,2}-)?(?:\d{5}|\d{3} \d{2}|\d{2}-\d{3}|\d{4,5}-\d{3}|\d{4} ?[A-Z]{2}|\d{4})(?![\w.])"
_DISTRICT = r"(?: \d{1,2}(?!\w|\.\d))?(?: ?\([A-Z]{2}\)| [A-Z]{2}(?!\w))?"
_GAP = r"[ \t]{0,3}[,;·|/-]?[ \t]{0,3}(?:\r?\n)?[ \t]{0,8}"
_AFTER = (
    rf"{_GAP}(?:{any_of('unit')}[ ]?#?(?:\d{{1,5}}[A-Za-z]?|[A-Z])(?!\w)|#[ ]?\w{{1,5}}"
    r"|\d{1,2}[ºª°](?: ?[A-Z](?!\w))?|\d{1,2}(?:st|nd|rd|th) [Ff]loor)",
    rf"{_GAP}(?:(?P<city>{_CITY}),?{_GAP})?(?:{_ZIP}|{_UK_CODE}|(?:[A-Z]{{2}},? )?{_CANADA_CODE})",
    rf"{_GAP}{_CODE}{_GAP}(?P<city>{_CITY}){_DISTRICT}",
    rf"{_GAP}(?P<city>{_CITY}),? \d{{5}}(?![\w.])",
    rf"{_GAP}{any_of('country')}(?!\w)",
    rf"{_GAP}(?P<place>{_CITY})(?:,? [A-Z]{{2}}(?!\w)| ?\([A-Z]{{2}}\))?(?=[ \t]*(?:[,;.)\n|]|$))",
    rf"{_GAP}\d{{5}}(?:-\d{{4}})?(?![\w.,/])",
)
_ANCHORS = (
    rf"(?<![\w'’-])(?P<city>{_CITY}),?[ ]{{1,2}}{_ZIP}",
    rf"(?:(?<=\n)|(?<=[,;] )|(?<=[a-z] )|(?<=\n ))(?P<uk>{_UK_CODE})",
    rf"(?<![\w./-]){_CODE}[ ]{{1,2}}(?P<city>{_CITY}){_DISTRICT}",
    rf"(?:(?<=\n)|(?<=, ))(?P<city>{_CITY}),? \d{{5}}(?=[ \t]*(?:[,;.\n]|$))",
)
_ADDRESS_VALUE = (
    rf"[ \t]*[:=-][ \t]*(?:\n[ \t]*)?(?P<x>[^\s;|{VEIL}][^\n;|{VEIL}]{{3,140}}?)"
    rf"(?=[ \t]*(?:[;|{VEIL}\n]|$|\.(?:\s|$)"
    rf"|[,. ]{{1,2}}(?:{any_of('phone', 'born', 'number')}|[Ee]-?[Mm]ail)(?![^\W\d_])))"
)
_ZIP_VALUE = r"[: ]{1,3}(?P<x>[A-Z\d][A-Z\d -]{2,8}\d[A-Z]{0,2})(?!\w)"


def addresses(reading: Reading) -> Iterator[Span]:
    """Streets, boxes and postcodes, with the unit, town and country beside them."""
    spans = [*_streets(reading), *_anchored(reading.text)]
    for _, end in reading.labels("address"):
        match = match_at(_ADDRESS_VALUE, reading.text, end)
        if match and (re.search(r"\d", match["x"]) or any_proper(match["x"])) and not any_clinical(match["x"]):
            spans.append(match.span("x"))
    for _, end in reading.labels("home"):
        match = match_at(rf" {{1,2}}(?P<x>{_CITY}(?:, ?(?:[A-Z]{{2}}(?!\w)|{_CITY}))?)", reading.text, end)
        if match and any_proper(match["x"]) and not any_clinical(match["x"]):
            spans.append(match.span("x"))
    spans += [m.span("x") for _, end in reading.labels("zip") if (m := match_at(_ZIP_VALUE, reading.text, end))]
    return ((_with_unit_before(reading.text, start), _address_end(reading.text, end)) for start, end in disjoint(spans))


def _all_proper(words: str) -> bool:
    found = [word for word in WORD.findall(words) if word[0].isupper()]
    return bool(found) and all(is_proper(word) for word in found)


def _streets(reading: Reading) -> Iterator[Span]:
    text, words = reading.text, reading.words
    yield from (match.span() for match in find_all(_BOX, text))
    yield from (match.span() for match in find_all(_ENGLISH_STREET, text) if _is_english_street(text, match))
    for place, end in reading.cues("strong street"):
        # "lives on Maple Street": no number, so nothing ordinary may stand before it.
        before = words[place - 1] if place else None
        if before and words[place].capital and before.gap == " " and before.plain and not before.shouted:
            yield before.start, end
    for place, word in enumerate(words):
        if not (word.lower.endswith(_JOINED_STREETS) and word.plain and len(word.text) > 6):
            continue
        if match := match_at(rf"\.?[ ]{{1,2}}{_NO}{UNIT}", text, word.end):
            before = words[place - 1] if place else word
            yield (before.start if before.gap in (" ", "-") and before.plain else word.start), match.end()
    for section, pattern in _FOREIGN_STREETS:
        for place, end in reading.labels(section):
            match = match_at(pattern, text, end)
            if match and _is_foreign_street(section, text, words[place], match):
                yield _house_before(text, words[place].start), match.end()


_JOINED_STREETS = tuple(cues_of("joined street"))
_NUMBER_AFTER = rf"(?P<no>,? (?:(?i:n[.º°]{{1,2}} ?|núm\.? ?|no\.? ?|nr\.? ?|#))?{_NO}{UNIT}|,? s/n)"
_FOREIGN_STREETS = (
    ("french street", rf" (?P<name>{_NAME_OF})"),
    ("romance street", rf" ?(?P<name>{_NAME_OF}){_NUMBER_AFTER}?"),
    ("slavic street", rf" ?(?P<name>{_NAME_OF})(?: {_NO})?"),
    ("spoken street", rf" (?P<name>{CAP}(?: {CAP})?) (?P<no>{_NO}{UNIT})"),
)
_HOUSE_BEFORE = re.compile(r"(?<![\w./-])\d{1,5}[A-Za-z]?(?:[-/]\d{1,4})?(?: ?(?:bis|ter|quater))?,? $")


def _house_before(text: str, start: int) -> int:
    match = _HOUSE_BEFORE.search(text[max(0, start - 16) : start])
    return start - len(match.group()) if match else start


def _is_foreign_street(section: str, text: str, kind: Word, match: re.Match) -> bool:
    name, numbered = match["name"], _house_before(text, kind.start) < kind.start
    if any_clinical(name) or not (
        any_proper(name) or (kind.lower in ("rue", "calle", "rua", "ul") and name[0].islower())
    ):
        return False
    if section == "french street":
        return numbered or kind.lower in ("rue", "boulevard", "impasse", "chemin")
    if section == "romance street":
        return kind.capital and (bool(match["no"]) or len(kind.text) > 3)
    return section == "slavic street" or kind.capital


def _is_english_street(text: str, match: re.Match) -> bool:
    # "2 Left Neck" is medicine: a rare kind of street needs a proper name, or a place after it.
    if any_clinical(match["name"]):
        return False
    if (
        match["strong"]
        or (match["weak"][0].isupper() and any_proper(match["name"]))
        or (match["weak"].istitle() and match["weak"].lower() in _SHORT_STREETS)
    ):
        return True
    return bool(re.search(r"\d{5}|\d[A-Z]{2}\b", text[match.end() : _address_end(text, match.end())]))


def _with_unit_before(text: str, start: int) -> int:
    """ "Flat 4, 22 Harcourt Terrace": the flat may come first."""
    pattern = rf"{any_of('unit')} ?\w{{1,4}}[,\n ]{{1,3}}$"
    match = compiled(rf"(?<!\w){pattern}").search(text[max(0, start - 24) : start])
    return start - len(match.group()) if match else start


def _address_end(text: str, end: int) -> int:
    """Follow an address over flat, postcode, city and country, also on the next lines."""
    for _ in range(6):
        for pattern in _AFTER:
            match = match_at(pattern, text, end)
            if match and match.end() > end and _is_place(match):
                end = match.end()
                break
        else:
            return end
    return end


def _is_place(match: re.Match) -> bool:
    groups = match.groupdict()
    if groups.get("place"):
        return _all_proper(groups["place"])
    return not (groups.get("city") and any_clinical(groups["city"]))


def _anchored(text: str) -> Iterator[Span]:
    """Addresses known by their postcode; what stands before it on the same and on earlier lines belongs to it."""
    for number, pattern in enumerate(_ANCHORS):
        for match in find_all(pattern, text):
            city = match.groupdict().get("city") or ""
            start = _address_start(text, match.start())
            house = any(map(str.isdigit, text[start : match.start()]))
            # 80331 München speaks for itself; four digits could be a year or a dose.
            alone = number == 0 or (number == 2 and _all_proper(city) and not re.match(r"\d{4} ", match.group()))
            if (alone or house or (number == 1 and start < match.start())) and not any_clinical(city):
                yield start, match.end()


_PIECE = re.compile(rf"[^\n,;:|{VEIL}]*$")


def _address_start(text: str, start: int) -> int:
    for _ in range(4):
        low = max(0, start - 70)
        before = text[low:start].rstrip(" \t\r\n,")
        if low + len(before) == start and text[start - 1 : start] not in ("\n", ","):
            return start
        piece = _PIECE.search(before).group().lstrip(" \t-*•")
        if not _address_like(piece):
            return start
        start = low + len(before) - len(piece)
    return start


def _address_like(piece: str) -> bool:
    words = WORD.findall(piece)
    if not (2 <= len(piece) <= 50 and 1 <= len(words) <= 6 and (piece[0].isupper() or piece[0].isdigit())):
        return False
    if any_clinical(piece):
        return False
    if any(map(str.isdigit, piece)):
        return any(word[0].isupper() for word in words)
    return len(words) < 4 and any_proper(piece) and all(word[0].isupper() or look_up(word).common for word in words)
