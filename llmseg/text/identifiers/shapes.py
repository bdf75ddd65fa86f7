"""Identifiers with a shape: links, mail, dates, phones, numbers, ages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmseg.text.identifiers.words import (
    UNIT,
    VEIL,
    Reading,
    Span,
    any_of,
    cues_of,
    find_all,
    look_up,
    match_at,
    span_of,
)

_EMAIL = (
    r"(?<![\w.+%'-])[\w.+%'-]+(?:@| ?[\[(] ?at ?[\])] ?)[\w-]{1,63}"
    r"(?:(?:\.| ?[\[(] ?dot ?[\])] ?)[\w-]{1,63}){1,6}"
)
_LINK = rf"(?i:\b[a-z][a-z0-9+]{{1,10}}://|\bwww\d?\.(?=\w))[^\s{VEIL}<>\"]*[^\s{VEIL}<>\".,;:!?)\]}}'’]"
_DOMAIN = (
    r"(?<![\w.@-])(?P<site>(?:[a-z0-9][a-z0-9-]{0,62}\.){1,4})(?P<land>com|org|net|edu|gov|info|biz|int|health|hospital"
    r"|clinic|care|io|app|eu|uk|de|fr|es|it|nl|pl|pt|se|cz|ch|at|be|dk|no|fi|ie|hu|ro|gr|sk|us|ca|au|nz|br|mx|in)"
    rf"(?![\w@-])(?P<path>[/?#:][^\s{VEIL}<>\".,;)]*(?:\.\w+)*)?"
)
_SAFE_LANDS = cues_of("safe domain")


def emails(reading: Reading) -> Iterator[Span]:
    """E-mail addresses."""
    if "@" in reading.text or "at" in reading.lower:
        yield from (match.span() for match in find_all(_EMAIL, reading.text))


def urls(reading: Reading) -> Iterator[Span]:
    """Links, and domains that stand alone."""
    if "://" in reading.text or "www" in reading.lower:
        yield from (match.span() for match in find_all(_LINK, reading.text))
    for match in find_all(_DOMAIN, reading.text):
        # "the neck.it was" lost a space and is no site.
        name = match["site"].rstrip(".").split(".")[-1]
        if match["path"] or (len(name) > 2 and (match["land"] in _SAFE_LANDS or not look_up(name).common)):
            yield match.span()


_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_YEAR = r"(?:1[89]|20)\d\d"
_CLOCK = (
    r"(?:(?:T|,? (?:at )?)\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?"
    r"(?:Z|[+-]\d{2}:?\d{2}(?!\d)| ?[AaPp]\.?[Mm]\b\.?)?)?"
)
_MONTH = rf"{any_of('month')}\.?(?![^\W\d_])"
_DATES = (
    # 2024-03-05, 2024/03/05, 2024.3.5; 2024-Mar-05
    rf"(?<![\w/.-]){_YEAR}([-/.])(?:0?[1-9]|1[0-2])\1{_DAY}(?!\d|[-/.]\d){_CLOCK}",
    rf"(?<![\w/.]){_YEAR}[ -]{_MONTH}[ -]{_DAY}(?!\d){_CLOCK}",
    # 5 March 2024, 5th of March, 5. März 2024, 5 de marzo de 2024, 12-JAN-1961, 3-5 March
    rf"(?<![\w/.]){_DAY}(?i:st|nd|rd|th|er|º|\.)?(?:\s?[-–]\s?{_DAY}(?i:st|nd|rd|th|\.)?)?"
    rf"(?:[ \n-]|[ \n](?i:of|de|di|d['’])[ \n]?|/)?{_MONTH}"
    rf"(?:(?:,?[ \n]|[-/]|,|[ \n](?i:of|de|del)[ \n])(?:{_YEAR}|['’]?\d{{2}}(?![\d.,/]*\d| ?[A-Za-z%]))(?!\d))?{_CLOCK}",
    # 03/2024, 2024-03
    rf"(?<![\w/.-])(?:(?:0?[1-9]|1[0-2])/{_YEAR}|(?:0[1-9]|1[0-2])[.-]{_YEAR}|{_YEAR}[/-](?:0[1-9]|1[0-2]))"
    rf"(?![\w/]|[.-]\d){UNIT}",
)
_AFTER_MONTH = (
    # March 5th, 2024; Mar-05-2024; Mar. 5
    rf"\.?[ \n-]{{1,2}}(?i:the )?{_DAY}(?i:st|nd|rd|th)?(?!\d|\.\d|/)(?:\s?[-–]\s?{_DAY}(?:st|nd|rd|th)?(?!\d))?"
    rf"(?:(?:,?[ \n]{{1,2}}|-)(?:{_YEAR}|['’]\d{{2}})(?!\d))?{_CLOCK}",
    # Mar 2024, March of 2024, Mar '24, marzo de 2024
    rf"\.?(?:,?[ \n]|-|/|[ \n](?i:of|de|del)[ \n])(?:{_YEAR}|['’]\d{{2}})(?!\d)",
)
_NUMERIC_DATES = (
    rf"(?<![\w/])(?<!\d[.-])(?P<a>\d{{1,2}})(?P<sep> ?[/.-] ?)(?P<b>\d{{1,2}})(?P=sep)"
    rf"(?:{_YEAR}|\d{{2}})(?![\w/]|[.-]\d){_CLOCK}{UNIT}",
    # "on 03/05" and "on 3/5." have no year; "1/5 nodes" is a count.
    r"\b(?i:on|dated|since|until|am|le|el|il|vom|seit)[ ]{1,2}(?P<x>(?P<a>\d{1,2})[/.](?P<b>\d{1,2})"
    r"(?:(?<=0\d/\d\d)|(?<=\d\d/0\d)|(?=\.?[,;)]|\.?\s*$|\.\s)))(?![\w/]|[.,]\d)" + UNIT,
)
_BIRTHDAY = r"[.:\s]{1,4}(?P<x>\d{1,2}[ ./-]{1,2}\d{1,2}[ ./-]{1,2}\d{2,4}|\d{8}|\d{6})(?!\d)"
_IN_A_MONTH = re.compile(r"(?:in|since|until|by|early|mid|late|last|end of|beginning of)[ -]$")
_LONG_MONTHS = cues_of("long month")


def dates(reading: Reading) -> Iterator[Span]:
    """Days, with their time; a lone year stays."""
    text = reading.text
    yield from (match.span() for pattern in _DATES for match in find_all(pattern, text))
    for pattern in _NUMERIC_DATES:
        # 70/63/56 and 1.2.13 are no dates: one of the two must be a month, the other a day.
        yield from (span_of(m) for m in find_all(pattern, text) if _day_and_month(int(m["a"]), int(m["b"])))
    for _, end in reading.labels("born"):
        if match := match_at(_BIRTHDAY, text, end):
            yield match.span("x")
    for place, end in reading.cues("month"):
        word = reading.words[place]
        matches = [match for pattern in _AFTER_MONTH if (match := match_at(pattern, text, end))]
        if matches and text[word.start - 1 : word.start] not in ("/", "."):
            yield word.start, max(match.end() for match in matches)
        elif (
            word.lower in _LONG_MONTHS
            and word.capital
            and _IN_A_MONTH.search(text[max(0, word.start - 14) : word.start])
        ):
            yield word.start, word.end


def _day_and_month(a: int, b: int) -> bool:
    return 1 <= min(a, b) <= 12 and max(a, b) <= 31


_EXTENSION = r"(?:[ ,]{0,2}(?i:x|ext\.?|ext)[ .]?\d{1,6})?"
_LABELLED_PHONE = (
    r"(?i:[.:# ()]|no\b|nr\b|office\b|home\b|work\b|mobile\b|us\b|uk\b|direct\b|is\b|at\b|on\b){0,6}"
    rf"(?P<x>[+(]{{0,2}}\d(?:[ ()./–-]{{0,3}}\d){{2,17}}{_EXTENSION})(?![.,]?\d)" + UNIT
)
_SHORT_PHONES = cues_of("short phone")
_PHONES = (
    # T: 020 7946 0958
    r"(?m)(?:^|[|;,])[ \t]*[TFPMH]:? ?(?P<x>[+(]?\d(?:[ ()./-]{0,2}\d){6,16})(?!\d)",
    # +49 89 1234567, 0044 20 ..., +1 (555) 123-4567 x12
    rf"(?<![\w+])(?:\+|00)(?=[1-9])\d{{1,3}}(?:[ ./-]{{0,2}}\(?\d{{1,6}}\)?){{1,7}}\d{_EXTENSION}(?!\d)",
    # (555) 123-4567, 555.123.4567, 1-555-123-4567
    rf"(?<![\w(.-])(?:1[ .-]?)?(?:\(\d{{3}}\) ?|\d{{3}}[ .–-])\d{{3}}[ .–-]\d{{4}}{_EXTENSION}(?!\d)",
    rf"(?<![\w.-])\(\d{{3,5}}\) ?\d{{3,7}}(?:[ .–-]?\d{{3,4}})?{_EXTENSION}(?!\d)" + UNIT,
    r"\+\d{1,3}\n[ ]?\d[\d ]{5,12}\d",
    # 01 69 52 68 88, also broken over two lines
    r"(?<![\w.,/-])0[1-9](?:[ .\n-]\d{2}){4}(?!\d)",
    rf"(?<![\w.–-])\d{{3}}[ .–-]\d{{3}}[ .–-]\d{{4}}{_EXTENSION}(?!\d)",
    # 020 7946 0958, 01 23 45 67 89, 030/1234567, (0114) 496 0123
    r"(?<![\w.,/-])\(?0[1-9]\d{0,4}\)?(?:[ /.-]{1,2}\d{2,8}){1,5}(?![\w]|[/.,-]\d)",
    # 912 345 678, 91 123 45 67, 333 1234567
    r"(?<![\w.,/-])(?:[1-9]\d{2}[ -]\d{3}[ -]\d{3}|\d{2} \d{3} \d{2} \d{2}|\d{3} \d{2} \d{2} \d{2}|3\d{2}[ -]\d{6,7})"
    r"(?!\d|[.,/ -]\d)" + UNIT,
)


def phones(reading: Reading) -> Iterator[Span]:
    """Numbers to call or to fax."""
    for place, end in reading.labels("phone"):
        match = match_at(_LABELLED_PHONE, reading.text, end)
        fewest = 3 if reading.words[place].lower in _SHORT_PHONES else 6
        if match and _digits(match["x"]) >= fewest:
            yield match.span("x")
    spans = [span_of(match) for pattern in _PHONES for match in find_all(pattern, reading.text)]
    yield from (span for span in spans if _digits(reading.text[slice(*span)]) >= 7)


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))


_NUMBER_LINK = r"(?i:[ ]{0,2}(?:no|nr|num|number|nummer|numéro|número|n[°ºo]|id|code|card|ref|is|#)(?![^\W\d_])[.:]?)"
_VALUE = (
    r"(?P<x>[A-Z]{0,2} ?\d{1,4}(?: \d{2,4}){1,7}(?: ?[A-Z]\b)?(?![\w]|[./,-]\d)" + UNIT + r"|(?=[A-Za-z./-]{0,6}\d)"
    r"[A-Za-z0-9]+(?:[-/.][A-Za-z0-9]+){0,6})"
)
_LABELLED_NUMBERS = (
    ("number", rf"{_NUMBER_LINK}{{0,3}}[.:#= (\n]{{0,4}}{_VALUE}"),
    ("other number", rf"(?:{_NUMBER_LINK}|[ ]?[:#]){{1,3}}[:#= ]{{0,3}}{_VALUE}"),
)
_NUMBERS = (
    # 123-45-6789; 610112/1234; 19610112-1234; four by four; DICOM UID; IP address; QQ 12 34 56 C; 1 84 12 75 123 456 78
    r"(?<![\w/.-])\d{3}-\d{2}-\d{4}(?![\w/-])",
    r"(?<![\w/.-])(?:\d{6}|\d{8})[/+-]\d{3,4}(?![\w/-])",
    r"(?<![\w/.-])\d{4}(?:[ -]\d{4}){2,6}(?:[ -]\d{1,3})?(?![\w/-])",
    r"(?<![\w.])\d{1,3}(?:\.\d{1,40}){5,20}(?![\w])",
    r"(?<![\w.])(?:\d{1,3}\.){3}\d{2,3}(?![\w]|\.\d)",
    r"(?<!\w)[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-Z](?!\w)",
    # What stands between a name and a date in the foot of a page.
    rf"{VEIL}[ \t]{{2,}}(?P<x>[A-Z]{{0,3}}-?\d[\d-]{{4,}})(?!\w)",
    r"(?<![\w/.-])[12] ?\d{2} ?\d{2} ?\d{2} ?\d{3} ?\d{3}(?: ?\d{2})?(?![\w/-])",
    r"(?<![\w/.-])\d{3} \d{3} \d{4}(?![\w/-])",
    r"(?<![\w])#[ ]?(?P<x>[A-Z]{0,3}-?\d{4,}[\d-]*)(?!\w)",
    r"(?<![\w/.-])[A-Z]{1,4}\d{2}-\d{4,8}(?![\w/-])",
    r"(?<![\w/.-])[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z](?!\w)",
)
_LONG_NUMBER = (
    r"(?<![\w.,/-])[A-Za-z]{0,6}[-/]?\d{1,40}(?:(?:[-/][A-Z]{0,3}|[A-Z]{1,3})\d{1,20}){0,5}[A-Za-z]{0,2}(?![\w]|[.,/-]\d)"
    + UNIT
)
# Numbers that name a trial, a paper or a code, and no patient.
_PUBLIC = "nct|isrctn|pmid|pmc|doi|eudract|keynote|rtog|nrg|eortc|icd|snomed|cpt|grant|drks|actrn"
_PUBLIC_BEFORE = re.compile(rf"(?i:{_PUBLIC})[- :#]{{0,2}}$")
_PUBLIC_NUMBER = re.compile(rf"(?i:{_PUBLIC})")


def labelled_numbers(reading: Reading) -> Iterator[Span]:
    """Numbers that a label such as MRN announces."""
    for section, pattern in _LABELLED_NUMBERS:
        for _, end in reading.labels(section):
            match = match_at(pattern, reading.text, end)
            if match and _numbers_someone(match["x"]):
                yield match.span("x")


def numbers(reading: Reading) -> Iterator[Span]:
    """Record and other numbers that could be one person's; those of trials, papers and codes stay."""
    text = reading.text
    yield from (span_of(match) for pattern in _NUMBERS for match in find_all(pattern, text))
    for match in find_all(_LONG_NUMBER, text):
        value = match.group()
        if _digits(value) >= 7 and max(map(len, re.findall(r"\d+", value))) >= 4:
            said = text[max(0, match.start() - 12) : match.start()]
            if not (_PUBLIC_BEFORE.search(said) or _PUBLIC_NUMBER.match(value)):
                yield match.span()


def _numbers_someone(value: str) -> bool:
    digits = _digits(value)
    if digits < 4 and not (digits == 3 and len(value) >= 6):
        return False
    # A year, a date or a list of doses behind a label is no number of anyone.
    if re.fullmatch(rf"{_YEAR}(?:-{_YEAR})?|\d{{1,3}}(?:[/.]\d{{1,3}})+", value):
        return False
    return not any(look_up(word).clinical for word in re.findall(r"[A-Za-z]{3,}", value) if word.upper() != "MRN")


_OLD = r"(?P<x>9\d|1[0-2]\d|(?i:(?:ninety|one hundred)(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?))"
_AGES = (
    # 93-year-old, 93 y/o, 93yo, 93-jähriger, 93 ans, 93/F
    rf"(?<![\w.,/-]){_OLD}(?=(?i:[ -]{{0,2}}(?:(?:years?|yrs?)[ -]{{0,2}}(?:old|of age)|y\.?[ /]?o\b"
    r"|yo[mf]?\b|y\b|yrs\b"
    r"|jährig|jaehrig|jahre\b|jaar\b|ans\b|años\b|anni\b|anos\b|år\b|letni|letá|letý)|[ ]?/ ?[mf]\b))",
    rf"(?<![\w.,/-]){_OLD}(?=[MF]\b,? (?:with|w/|who|hx|s/p|presents))",
    # aged 93, age: 93, a woman of 93, she is 93.
    rf"\b{any_of('age label')}[:= \t]{{1,3}}{_OLD}(?!\w|[.,]\d|%)",
    rf"(?i:\b(?:he|she|patient|who) is(?: now)? ){_OLD}(?=[.,;)]?(?:\s|$)(?![%a-z]))",
    rf"(?i:\b(?:man|woman|male|female|gentleman|lady), ?){_OLD}(?=[.,;) ])(?! ?%)",
    rf"\b[MF]/{_OLD}(?!\w|[/.]\d)",
    rf"(?<![\w.,/-]){_OLD}(?=[MF][,);:])",
    rf"(?<![\w.,/-]){_OLD}(?=[ \n](?i:years|yrs)[,;.) ](?! ?(?i:ago|later|of smoking|history|after|before)))",
)


def ages(reading: Reading) -> Iterator[Span]:
    """Ages of 90 and more."""
    if re.search(r"(?<![\d.,])(?:9\d|1[0-2]\d)(?!\d)|(?i:ninety|hundred)", reading.text):
        yield from (match.span("x") for pattern in _AGES for match in find_all(pattern, reading.text))
