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
import unicodedata
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from llmseg.case import InputError

KINDS = ("name", "date", "age", "number", "phone", "email", "address", "institution", "url")
LONGEST_NOTE = 100_000
"""Characters."""

Span = tuple[int, int]


@dataclass(frozen=True)
class Redaction:
    """One identifier: its kind and where it stood in the original text (code points)."""

    kind: str
    start: int
    end: int


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
    found = sorted(_identifiers(text), key=lambda redaction: redaction.start)
    if kept:
        found = [redaction for redaction in found if key_of(text[redaction.start : redaction.end]) not in kept]
    pieces, end = [], 0
    for redaction in found:
        pieces += [text[end : redaction.start], f"[{redaction.kind.upper()}]"]
        end = redaction.end
    return Deidentified("".join([*pieces, text[end:]]), tuple(found))


def key_of(words: str) -> str:
    """A short fingerprint of some words, so that a choice about them can be stored without the words."""
    plain = " ".join(words.casefold().split())
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:16]


# A private character that no pattern matches: what it covers is settled, and no name or number runs across it.
_VEIL = "\ue000"
_MARK = re.compile(rf"\[(?:{'|'.join(kind.upper() for kind in KINDS)})\]")


def _identifiers(text: str) -> list[Redaction]:
    found: list[Redaction] = []
    veiled = _MARK.sub(lambda mark: _VEIL * len(mark.group()), text)
    while True:
        before = len(found)
        for kind, spans_of in _rules():
            spans = list(spans_of(veiled))
            found += [Redaction(kind, *span) for span in spans]
            veiled = _veil(veiled, spans)
        # Veiling can uncover more (a word now ends its line). Stop only when a second reading would find nothing.
        if len(found) == before:
            return found


def _veil(text: str, spans: list[Span]) -> str:
    pieces, end = [], 0
    for start, stop in spans:
        pieces += [text[end:start], _VEIL * (stop - start)]
        end = stop
    return "".join([*pieces, text[end:]])


@cache
def _rules() -> tuple[tuple[str, Callable[[str], Iterator[Span]]], ...]:
    """Kinds and finders, in order: what contains other identifiers (a street has a number) comes first."""
    return (
        ("url", _urls),
        ("email", _pattern(_EMAIL)),
        ("address", _addresses),
        ("institution", _institutions),
        ("date", _dates),
        ("phone", _phones),
        ("number", _numbers),
        ("age", _ages),
        ("name", _names),
    )


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern:
    return re.compile(pattern)


def _matches(pattern: str, text: str) -> Iterator[re.Match]:
    return _compiled(pattern).finditer(text)


def _pattern(pattern: str) -> Callable[[str], Iterator[Span]]:
    """A finder for a pattern that needs no second look; group x, if there is one, is the identifier."""

    def spans_of(text: str) -> Iterator[Span]:
        return (_span(match) for match in _matches(pattern, text))

    return spans_of


def _span(match: re.Match) -> Span:
    return match.span("x") if "x" in match.re.groupindex else match.span()


def _disjoint(spans: Iterator[Span] | list[Span]) -> list[Span]:
    """Sort spans and join those that overlap."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


# Words: what the lists say about one.

_HERE = Path(__file__).parent
_UPPER = "A-Z" + "".join(c for c in map(chr, [*range(0xC0, 0x250), *range(0x1E00, 0x1F00)]) if c.isupper())
_TAIL = r"[\w\u0300-\u036f]"
_CAP = rf"[{_UPPER}](?:{_TAIL}|['’-](?=\w)){{0,40}}"
_WORD = rf"[^\W\d_](?:{_TAIL}|['’-](?=[^\W\d_]))*"
_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "æ": "ae", "œ": "oe", "đ": "d", "ı": "i", "’": "'"})
_MEDICAL = re.compile(
    r"\w{3,}(?:itis|ectomy|[oe]tomy|ostomy|oscop(?:y|ic)|olog(?:y|ist|ical|ic)|path(?:y|ic)|plast(?:y|ic)|graph(?:y|ic)"
    r"|gram|a?emi[ac]|osis|otic|algia|pharyn(?:x|geal)|geal|therap(?:y|ist|eutic)|cytes?|penia|phagia|phasia|pn(?:o?ea|eic)"
    r"|uria|mab|[a-z]nib|platin|taxel|[aeiou]pril|sartan|statin|[aeiou]lol|azole|mycin|cillin|parin|gliptin|gliflozin"
    r"|setron|tidine|dipine|[fl]oxacin|cycline|[a-z]{2}oma|omas|omatous|[iy][sz]ation|lateral|ectasis|megaly|rrho?ea"
    r"|plasia|cutaneous|vascular|muscular|glossal|mandibular|maxillary|nodal|mucosal)s?"
)
_PREFIX = re.compile(
    r"(?:non|post|pre|peri|para|retro|intra|inter|supra|infra|sub|trans|naso|oro|hypo|hyper|multi|anti|micro|macro|neuro"
    r"|hemi|re|un|over|under|out|extra|radio|chemo|immuno|electro|cardio|gastro|self|semi|mid|uni|bi|tri)(\w{4,})"
)
_ENDINGS = (
    ("ies", "y"), ("ied", "y"), ("ier", "y"), ("iest", "y"), ("ily", "y"), ("iness", "y"), ("es", "e"), ("es", ""),
    ("s", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", ""), ("er", "e"), ("er", ""), ("est", "e"), ("est", ""),
    ("ly", ""), ("ly", "le"), ("ness", ""),
)  # fmt: skip


@dataclass(frozen=True)
class _Known:
    """What the lists know of a word. `common`: an ordinary or medical word, whatever else it is."""

    given: bool
    surname: bool
    common: bool
    clinical: bool
    function: bool

    @property
    def listed(self) -> bool:
        return self.given or self.surname


@cache
def _list(name: str) -> dict[str, frozenset[str]]:
    """A word list by section; a line that starts with # is a remark, with = it opens a section."""
    sections: dict[str, set[str]] = {}
    words = sections.setdefault("", set())
    for line in (_HERE / f"deidentify_{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("="):
            words = sections.setdefault(line[1:].strip(), set())
        elif not line.startswith("#"):
            words.update(line.split())
    return {section: frozenset(words) for section, words in sections.items()}


@cache
def _clinical_words() -> frozenset[str]:
    return frozenset().union(*_list("clinical").values())


def _fold(word: str) -> str:
    """Lower case without diacritics or a possessive 's, to look a word up."""
    word = word.casefold().translate(_LETTERS).removesuffix("'s")
    if word.isascii():
        return word
    return "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))


@lru_cache(maxsize=20_000)
def _known(word: str) -> _Known:
    folded = _fold(word)
    parts = [part for part in re.split(r"['-]", folded) if len(part) > 1] or [folded]
    names, function = _list("names"), _list("clinical")["function"]
    whole = folded.replace("'", "")
    clinical = folded in _clinical_words() or any(_is_clinical(part) for part in parts)
    return _Known(
        given=whole in names["given"] or (len(parts) > 1 and parts[0] in names["given"] and not clinical),
        surname=whole in names["surname"] or (len(parts) > 1 and any(part in names["surname"] for part in parts)),
        common=clinical or any(_is_english(part) for part in parts),
        clinical=clinical,
        function=folded in function,
    )


def _is_clinical(part: str) -> bool:
    names, words = _list("names"), _clinical_words()
    if part in words or part.removesuffix("s") in words:
        return True
    return bool(_MEDICAL.fullmatch(part)) and part not in names["given"] and part not in names["surname"]


def _is_english(part: str) -> bool:
    if _stem_listed(part):
        return True
    rest = _PREFIX.fullmatch(part)
    return bool(rest) and (_stem_listed(rest[1]) or _is_clinical(rest[1]))


def _stem_listed(word: str) -> bool:
    words = _list("english")[""]
    if word in words:
        return True
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            stem = word[: -len(ending)]
            if stem + instead in words or (stem[-1] == stem[-2] and stem[:-1] in words):
                return True
    return False


def _proper(word: str) -> bool:
    """Whether a word can only be a name of something: in no vocabulary, or a frequent name."""
    known = _known(word)
    return not known.common or (known.listed and not known.clinical)


def _any_clinical(words: str) -> bool:
    return any(_known(word).clinical and not _known(word).listed for word in re.findall(_WORD, words))


# Things with a shape: links, mail, dates, phones, numbers, ages.

_EMAIL = (
    rf"(?<![\w.+%'-])[\w.+%'-]+(?:@| ?[\[(] ?at ?[\])] ?)[\w-]{{1,63}}"
    rf"(?:(?:\.| ?[\[(] ?dot ?[\])] ?)[\w-]{{1,63}}){{1,6}}"
)
_LINK = rf"(?i:\b[a-z][a-z0-9+]{{1,10}}://|\bwww\d?\.(?=\w))[^\s{_VEIL}<>\"]*[^\s{_VEIL}<>\".,;:!?)\]}}'’]"
_DOMAIN = (
    r"(?<![\w.@-])(?P<site>(?:[a-z0-9][a-z0-9-]{0,62}\.){1,4})"
    r"(?P<land>com|org|net|edu|gov|info|biz|int|mil|health|hospital|clinic|care|io|app|eu|uk|de|fr|es|it|nl|pl|pt|se|cz|ch|at|be|dk"
    rf"|no|fi|ie|hu|ro|gr|sk|us|ca|au|nz|br|mx|jp|cn|in|ru)(?![\w@-])(?P<path>[/?#:][^\s{_VEIL}<>\".,;)]*(?:\.\w+)*)?"
)
_SAFE_LANDS = frozenset("com org net edu gov info biz uk de fr nl pl cz ch eu".split())


def _urls(text: str) -> Iterator[Span]:
    yield from _disjoint([*_pattern(_LINK)(text), *_domains(text)])


def _domains(text: str) -> Iterator[Span]:
    for match in _matches(_DOMAIN, text):
        # "the neck.it was" lost a space; "p.o. de" is no site either.
        words = match["site"].rstrip(".").split(".")
        if match["path"] or (len(words[-1]) > 2 and (match["land"] in _SAFE_LANDS or not _known(words[-1]).common)):
            yield match.span()


_MONTHS = (
    "jan(?:uary|uar|vier|uari|ner|eiro)?|jänner|styczeń|stycznia|leden|ledna|enero|ene|gennaio|gen"
    "|feb(?:ruary|ruar|rero|braio|ruari)?|févr?(?:ier)?|fev(?:ereiro)?|luty|lutego|únor|února"
    "|mar(?:ch|s|zo|ço|zec|ca|t)?|märz|mrz|mär|maart|mrt|březen|března"
    "|apr(?:il|ile)?|avr(?:il)?|abr(?:il)?|kwiecień|kwietnia|duben|dubna"
    "|may|mai|mayo|maggio|mag|mei|maj|maja|maio|květen|května"
    "|june?|juni|juin|junio|giugno|giu|czerwiec|czerwca|junho|červen|června"
    "|july?|juli|juillet|juil|julio|luglio|lug|lipiec|lipca|julho|červenec|července"
    "|aug(?:ust|usti|ustus)?|août|agosto|ago|sierpień|sierpnia|srpen|srpna"
    "|sept?(?:ember|embre|tiembre)?|septiembre|settembre|wrzesień|września|setembro|září"
    "|o[ck]t(?:ober|obre|ubre)?|ottobre|ott|październik|października|outubro|říjen|října"
    "|nov(?:ember|embre|iembre|embro)?|listopada?u?|novembro"
    "|de[cz](?:ember|embre|iembre|embro)?|décembre|déc|diciembre|dic|dicembre|grudzień|grudnia|dezembro|prosinec|prosince"
)
_MONTH = rf"(?i:{_MONTHS})\.?(?![^\W\d_])"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_YEAR = r"(?:1[89]|20)\d\d"
_CLOCK = r"(?:(?:T|,? (?:at )?)\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:?\d{2}| ?[AaPp]\.?[Mm]\b\.?)?)?"
_WEEKDAY = r"(?:(?i:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,? )?"
_DATES = (
    # 2024-03-05, 2024/03/05, 2024.3.5
    rf"(?<![\w/.-]){_YEAR}([-/.])(?:0?[1-9]|1[0-2])\1{_DAY}(?!\d|[-/.]\d){_CLOCK}",
    # 5 March 2024, 5th of March, 5. März 2024, 5 de marzo de 2024, 12-JAN-1961, 3-5 March
    rf"(?<![\w/.]){_WEEKDAY}{_DAY}(?:st|nd|rd|th|er|º|\.)?(?:\s?[-–]\s?{_DAY}(?:st|nd|rd|th|\.)?)?(?:[ -]|[ ](?:of|de|di|d['’])[ ]?|/)?{_MONTH}"
    rf"(?:(?:,? |[-/]|,| (?:of|de|del) )(?:{_YEAR}|['’]?\d{{2}}(?![\d.,/]*\d| ?[A-Za-z%]))(?!\d))?{_CLOCK}",
    # March 5th, 2024; Mar-05-2024; Mar. 5
    rf"(?<![\w/.]){_WEEKDAY}{_MONTH}[ -]{{1,2}}(?:the )?{_DAY}(?:st|nd|rd|th)?(?!\d|\.\d)(?:\s?[-–]\s?{_DAY}(?:st|nd|rd|th)?(?!\d))?"
    rf"(?:(?:,? {{1,2}}|-)(?:{_YEAR}|['’]\d{{2}})(?!\d))?{_CLOCK}",
    # Mar 2024, March of 2024, Mar '24, marzo de 2024
    rf"(?<![\w/.]){_MONTH}(?:,? |-|/| (?:of|de|del) )(?:{_YEAR}|['’]\d{{2}})(?!\d)",
    # 2024 March 5, 2024-Mar-05
    rf"(?<![\w/.]){_YEAR}[ -]{_MONTH}[ -]{_DAY}(?!\d){_CLOCK}",
)
_UNIT = (
    r"(?![ ]?(?i:c?gy|fx|fractions?|fr|mm|cm|ml|mg|µg|mcg|g|kg|hu|mv|mev|hz|%|x|nodes?|of|lymph|mmhg|bpm|units?|iu|cells|copies"
    r"|cycles?|sessions?|weeks?|days?|months?|years?|hours?|minutes?|mu|per)(?![^\W\d_]))"
)
_NUMERIC_DATE = rf"(?<![\w/])(?<!\d[.-])(?P<a>\d{{1,2}})(?P<sep> ?[/.-] ?)(?P<b>\d{{1,2}})(?P=sep)(?P<y>{_YEAR}|\d{{2}})(?![\w/]|[.-]\d){_CLOCK}{_UNIT}"
_MONTH_AND_YEAR = rf"(?<![\w/.-])(?:(?:0?[1-9]|1[0-2])/{_YEAR}|(?:0[1-9]|1[0-2])[.-]{_YEAR}|{_YEAR}[/-](?:0[1-9]|1[0-2]))(?![\w/]|[.-]\d){_UNIT}"
_DAY_AND_MONTH = (
    rf"\b(?i:on|dated|since|until|am|le|el|il|vom|seit)[ ]{{1,2}}"
    rf"(?P<x>(?P<a>\d{{1,2}})(?P<sep>[/.])(?P<b>\d{{1,2}})(?:(?<=0\d/\d\d)|(?<=\d\d/0\d)|(?=\.?[,;)]|\.?\s*$|\.\s)))(?![\w/]|[.,]\d){_UNIT}"
)
_BIRTH = (
    r"(?i:\b(?:d\.?o\.?b\.?|date of birth|birth ?date|born(?: on)?|geb(?:oren)?(?: am)?|geburtsdatum|né(?:e)? le|date de naissance"
    r"|fecha de nacimiento|nacid[oa] el|data di nascita|nat[oa] il|geboortedatum|data urodzenia|data de nascimento|datum narození"
    r"|födelsedatum)(?![^\W\d_])[.:\s]{1,4})(?P<x>\d{1,2}[ ./-]{1,2}\d{1,2}[ ./-]{1,2}\d{2,4}|\d{8}|\d{6})(?!\d)"
)
_LONE_MONTH = (
    r"\b(?i:in|since|until|by|early|mid|late|last|end of|beginning of)[ -]"
    r"(?P<x>January|February|March|April|May|June|July|August|September|October|November|December)\b(?![ -]?\d)"
)


def _dates(text: str) -> Iterator[Span]:
    spans = [
        _span(match) for pattern in (*_DATES, _BIRTH, _MONTH_AND_YEAR, _LONE_MONTH) for match in _matches(pattern, text)
    ]
    for pattern in (_NUMERIC_DATE, _DAY_AND_MONTH):
        # 70/63/56 and 1.2.13 are no dates: one of the two must be a month, the other a day.
        spans += [_span(m) for m in _matches(pattern, text) if _day_and_month(int(m["a"]), int(m["b"]))]
    yield from _disjoint(spans)


def _day_and_month(a: int, b: int) -> bool:
    return 1 <= min(a, b) <= 12 and max(a, b) <= 31


_PHONE_LABEL = (
    r"(?i:(?:tele?phone|tel[eé]fono|t[eé]l[eé]phone|telefoon|telefone|phone|ph|telefax|fax|tel|t[eé]l|tlf|fon|mobile|mobil|mob"
    r"|handy|portable|móvil|cellulare|cell ?phone|cell(?=:)|pager|bleep|beeper|ext(?:ension)?|hotline|contact(?: no| number)?(?=:)"
    r"|call(?:ed)?|reached at|reach (?:him|her|me|us) (?:at|on)|number(?=:))(?:[ ]?(?:no|nr|number|office|work|home|direct))?)"
)
_PHONES = (
    # A label says so: any grouping of five digits or more.
    rf"(?<![^\W\d_]){_PHONE_LABEL}[.:# ()]{{0,4}}(?:(?i:us|him|her|me|on|at|is)[: ]{{1,2}}){{0,2}}(?P<x>[+(]{{0,2}}\d(?:[ ()./–-]{{0,3}}\d){{4,17}}(?:[ ,]{{0,2}}(?i:x|ext\.?|ext)[ .]?\d{{1,6}})?)",
    rf"(?<![^\W\d_])(?i:ext|extension|pager|bleep|beeper|x)[.:# ]{{0,3}}(?P<x>\d{{3,6}})(?![\w.]\w){_UNIT}",
    r"(?m)(?:^|[|;,])[ \t]*[TFPMH]:? ?(?P<x>[+(]?\d(?:[ ()./-]{0,2}\d){6,16})(?!\d)",
    # +49 89 1234567, 0044 20 ..., +1 (555) 123-4567 x12
    r"(?<![\w+])(?:\+|00)(?=[1-9])\d{1,3}(?:[ ./-]{0,2}\(?\d{1,6}\)?){1,7}\d(?:[ ,]{0,2}(?:x|ext\.? ?)\d{1,6})?(?!\d)",
    # (555) 123-4567, 555.123.4567, 1-555-123-4567
    r"(?<![\w(.-])(?:1[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .–-])\d{3}[ .–-]\d{4}(?:[ ,]{0,2}(?:x|ext\.? ?)\d{1,6})?(?!\d)",
    r"(?<![\w(.-])\(\d{3}\)\d{7}(?!\d)",
    # 020 7946 0958, 01 23 45 67 89, 030/1234567, (0114) 496 0123
    r"(?<![\w.,/-])\(?0[1-9]\d{0,4}\)?(?:[ /.-]{1,2}\d{2,8}){1,5}(?![\w]|[/.,-]\d)",
    # 912 345 678, 91 123 45 67, 333 1234567
    r"(?<![\w.,/-])(?:[1-9]\d{2}[ -]\d{3}[ -]\d{3}|\d{2} \d{3} \d{2} \d{2}|\d{3} \d{2} \d{2} \d{2}|3\d{2}[ -]\d{6,7})(?!\d|[.,/ -]\d)"
    + _UNIT,
)


def _phones(text: str) -> Iterator[Span]:
    spans = []
    for place, pattern in enumerate(_PHONES):
        fewest = 3 if place == 1 else 5 if place == 0 else 7
        spans += [
            span for span in map(_span, _matches(pattern, text)) if sum(map(str.isdigit, text[slice(*span)])) >= fewest
        ]
    yield from _disjoint(spans)


_NUMBER_WORD = (
    r"(?:[ ]{0,2}(?:no|nr|num|number|nummer|numéro|número|numero|#|n[°ºo]|id|code|card|ref|is)(?![^\W\d_])[.:]?){0,3}"
)
_SURE_LABEL = (
    r"m\.?r\.?n|(?:electronic )?(?:medical|health|patient|hospital|clinic|unit|chart|dental) (?:record|number|no|id|nr)|pt\.? ?id|patient identifier|chart|s\.?s\.?n"
    r"|social security|nhs|chi|hospital|account|acct|insurance|policy|member|subscriber|medicare|medicaid|beneficiary|mbi|hicn"
    r"|accession|encounter|csn|licen[cs]e|lic|dea|npi|gmc|passport|driver'?s licen[cs]e|vin|fallnummer|fall-?nr|patienten-?(?:nummer|nr|id)"
    r"|versicherten-?(?:nummer|nr)|versicherungsnummer|aktenzeichen|codice fiscale|tessera sanitaria|nir|ipp|nss|dni|nie|nif|nhc|cip|pesel"
    r"|bsn|patiëntnummer|patientnummer|personnummer|rodné číslo|r\.?č|dossier|historia(?: clínica)?|n[°º]|utente|sns|iban|fin|ur"
)
_OTHER_LABEL = (
    r"record|case|file|order|visit|ref(?:erence)?|device|serial|specimen|path(?:ology)?|registration|group|claim|plate|vehicle|certificate"
    r"|requisition|implant|invoice|id|identifier|barcode|room|study|plan"
)
_VALUE = (
    r"(?:[A-Z]{0,2} ?\d{1,4}(?: \d{2,4}){1,7}(?: ?[A-Z]\b)?(?![\w]|[./,-]\d)"
    + _UNIT
    + r"|(?=[A-Za-z./-]{0,6}\d)[A-Za-z0-9]+(?:[-/.][A-Za-z0-9]+){0,6})"
)
_NUMBERS = (
    rf"(?<![^\W\d_])(?i:{_SURE_LABEL})(?![^\W\d_])(?i:{_NUMBER_WORD})[:#= (]{{0,4}}(?P<x>{_VALUE})",
    rf"(?<![^\W\d_])(?i:{_OTHER_LABEL})(?i:[ ]{{0,2}}(?:no|nr|number|id|#|:|n[°º])[.:#]?(?![^\W\d_])){{1,3}}[:#= ]{{0,3}}(?P<x>{_VALUE})",
)
_BARE_NUMBERS = (
    # 123-45-6789; 610112/1234; 19610112-1234; 4 x 4 card; DICOM UID; IP address; QQ 12 34 56 C; 1 84 12 75 123 456 78
    r"(?<![\w/.-])\d{3}-\d{2}-\d{4}(?![\w/-])",
    r"(?<![\w/.-])(?:\d{6}|\d{8})[/+-]\d{3,4}(?![\w/-])",
    r"(?<![\w/.-])(?:[A-Z]{2}\d{2}[ -]?)?\d{4}(?:[ -]\d{4}){2,6}(?:[ -]\d{1,3})?(?![\w/-])",
    r"(?<![\w.])\d{1,3}(?:\.\d{1,40}){5,20}(?![\w])",
    r"(?<![\w.])(?:\d{1,3}\.){3}\d{2,3}(?![\w]|\.\d)",
    r"(?<!\w)[A-Z]{2} ?\d{2} \d{2} \d{2} [A-D](?!\w)",
    r"(?<![\w/.-])[12] ?\d{2} ?\d{2} ?\d{2} ?\d{3} ?\d{3}(?: ?\d{2})?(?![\w/-])",
    r"(?<![\w/.-])\d{3} \d{3} \d{4}(?![\w/-])",
    r"(?<![\w])#[ ]?(?P<x>[A-Z]{0,3}-?\d{4,}[\d-]*)(?!\w)",
    r"(?<![\w/.-])[A-Z]{1,4}\d{2}-\d{4,8}(?![\w/-])",
    r"(?<![\w/.-])[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z](?!\w)",
)
_LONG = (
    r"(?<![\w.,/-])(?P<x>[A-Za-z]{0,6}(?:[-/]?[A-Z]{0,3}\d{1,20}){1,6}[A-Za-z]{0,2}\d{0,4})(?![\w]|[.,/-]\d)" + _UNIT
)
_PUBLIC_NUMBER = re.compile(
    r"(?i)(?:nct|isrctn|pmid|doi|eudract|keynote|rtog|nrg|eortc|icd|snomed|cpt|grant|drks|actrn|ea)[- :#]{0,2}$|^(?:nct|isrctn|pmid|pmc|drks|actrn|ea\d|rtog|nrg|eortc|grch)"
)


def _numbers(text: str) -> Iterator[Span]:
    spans = []
    for pattern in _NUMBERS:
        spans += [m.span("x") for m in _matches(pattern, text) if _numbers_someone(m["x"])]
    for pattern in _BARE_NUMBERS:
        spans += [_span(m) for m in _matches(pattern, text)]
    for match in _matches(_LONG, text):
        said = text[max(0, match.start() - 12) : match.start()]
        public = _PUBLIC_NUMBER.search(said) or _PUBLIC_NUMBER.match(match["x"])
        if not public and sum(map(str.isdigit, match["x"])) >= 7 and max(map(len, re.findall(r"\d+", match["x"]))) >= 4:
            spans.append(match.span("x"))
    yield from _disjoint(spans)


def _numbers_someone(value: str) -> bool:
    digits = sum(map(str.isdigit, value))
    if digits < 4 and not (digits >= 3 and len(value) >= 6):
        return False
    if re.fullmatch(rf"{_YEAR}(?:-{_YEAR})?", value):
        return False
    return not any(_known(word).clinical for word in re.findall(r"[A-Za-z]{3,}", value) if word.upper() != "MRN")


_OLD = r"(?P<x>9\d|1[0-2]\d|(?i:(?:ninety|one hundred)(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?))"
_AGES = (
    # 93-year-old, 93 y/o, 93yo, 93-jähriger, 93 ans
    rf"(?<![\w.,/-]){_OLD}(?=(?i:[ -]{{0,2}}(?:(?:years?|yrs?)[ -]{{0,2}}(?:old|of age)|y\.?[ /]?o\b|yo[mf]?\b|y\b|yrs\b"
    r"|jährig|jaehrig|jahre\b|jaar\b|ans\b|años\b|anni\b|anos\b|år\b|letni|letá|letý)|[ ]?/ ?[mf]\b))",
    rf"(?<![\w.,/-]){_OLD}(?=[MF]\b,? (?:with|w/|who|hx|s/p|presents))",
    # aged 93, age: 93, a woman of 93, she is 93.
    r"(?i:\b(?:aged?(?: of| is)?|alter|edad|âge|età|leeftijd|wiek|idade|věk|ålder|(?:man|woman|male|female|lady|patient) of)[:= \t]{1,3})"
    rf"{_OLD}(?!\w|[.,]\d|%)",
    rf"(?i:\b(?:he|she|patient|who) is(?: now)? ){_OLD}(?=[.,;)]?(?:\s|$)(?![%a-z]))",
    rf"(?i:\b(?:man|woman|male|female|gentleman|lady), ?){_OLD}(?=[.,;) ])(?! ?%)",
    rf"\b[MF]/{_OLD}(?!\w|[/.]\d)",
)


def _ages(text: str) -> Iterator[Span]:
    yield from _disjoint([_span(match) for pattern in _AGES for match in _matches(pattern, text)])


# Addresses: a street or a postcode gives one away; what belongs to it stands before and after.

_NO = r"\d{1,6}[A-Za-z]?(?:[-/]\d{1,4}[A-Za-z]?)?"
_LINK_WORD = r"(?:de la|de los|de las|de l['’]|of the|am|an der|an den|auf der|im|in der|bei|ob der|upon|on|sur|aan den|aan de|den|de|del|della|delle|dei|degli|di|da|do|dos|das|du|des|la|le|les|las|los|nad|pod|u|v|y|e|and|van|von|vom|zur|zum|al|san|auf|aux|et|en|im\.)"
_NAME_OF = rf"(?:{_LINK_WORD} |[dlDL]['’])?{_CAP}\.?(?:[ -](?:{_LINK_WORD} |[dl]['’])?{_CAP}){{0,4}}"
_CITY = rf"(?:(?:St|Saint|San|Mt|Ft)\.? )?{_CAP}(?:[ -](?:(?:{_LINK_WORD}) )?{_CAP}){{0,3}}"
_STRONG_STREETS = "street|avenue|ave|road|lane|drive|boulevard|blvd|parkway|pkwy|highway|hwy|crescent|terrace|mews|turnpike|freeway|expressway|causeway"
_WEAK_STREETS = (
    "st|rd|ln|dr|ct|pl|sq|ter|cir|trl|close|court|place|square|circle|trail|way|row|walk|grove|gardens?|hill|rise|view|park|green"
    "|alley|annex|arcade|bayou|beach|bend|bluffs?|branch|bridge|brooks?|burgs?|bypass|camp|canyon|cape|centers?|cliffs?|club|commons?|corners?|course|cove"
    "|creek|crest|crossing|crossroads?|curve|dale|dam|divide|estates?|extension|falls?|ferry|fields?|flats?|fords?|forest|forges?|forks?|fort|gateway|glens?"
    "|groves?|harbors?|haven|heights|hills|hollow|inlet|islands?|isle|junctions?|keys?|knolls?|lakes?|land|landing|lights?|loaf|locks?|lodge|loop|mall|manors?|meadows?"
    "|mills?|mission|motorway|mountains?|neck|orchard|oval|overpass|parks|parkways?|pass|passage|path|pike|pines?|plains?|plaza|points?|ports?|prairie|radial|ramp|ranch|rapids?"
    "|rest|ridges?|river|route|rue|run|shoals?|shores?|skyway|springs?|spurs?|squares|station|stravenue|stream|streets|summit|throughway|trace|track|trafficway|tunnel"
    "|underpass|unions?|valleys?|viaduct|views|villages?|ville|vista|walks|wall|ways|wells?|lanes?|drives|roads|courts|circles|avenues|quay|parade|yard|chase|broadway|junction|wharf"
)
_HEADING = r"(?:(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)\.? )?"
_ENGLISH_STREET = (
    rf"(?<![\w./-])(?:{_NO}[ ,]{{1,2}}){_HEADING}(?P<name>(?:(?:{_CAP}\.?|\d{{1,3}}(?:st|nd|rd|th)) ){{1,4}}?)"
    rf"(?:(?P<strong>(?i:{_STRONG_STREETS}))|(?P<weak>(?i:{_WEAK_STREETS})))(?![\w'’])\.?(?: (?:N|S|E|W|NE|NW|SE|SW)\b)?"
)
_STREET_ALONE = rf"(?P<name>(?:{_CAP} ){{1,3}}?)(?:Street|Avenue|Road|Lane|Boulevard|Crescent)(?![\w'’])"
_JOINED_STREET = (
    rf"(?<![\w'’-])(?P<name>(?:{_CAP}[ -]){{0,2}}[{_UPPER}]{_TAIL}{{1,30}}(?P<kind>stra(?:ß|ss)e|str\.|STRA(?:ß|SS)E|weg|platz|allee|gasse|ring|damm|ufer|berg|steig|markt|chaussee"
    r"|graben|hof|pfad|str|straat|laan|plein|gracht|kade|dreef|singel|steeg|dijk|gatan|vägen|gränd|torget|stigen|backen|gata|veien|vegen|vej|gade|katu|utca))[ ]{1,2}"
    rf"{_NO}(?![\w.]\w){_UNIT}"
)
_SPOKEN_STREET = (
    rf"(?<![\w'’-])(?:(?P<name>(?:Am|Im|An der|An den|An dem|Auf der|Auf dem|In der|In den|Zum|Zur|Unter den|Hinter der|Hinter dem|Beim|Vor dem|Nad|Pod|Na|U|V) {_CAP}(?: {_CAP})?)"
    rf"|(?P<full>(?:{_CAP} ){{1,2}}(?:Straße|Strasse|Str\.|Weg|Platz|Allee|Gasse|Ring|Ufer))) {_NO}(?![\w.]\w){_UNIT}"
)
_FRENCH_STREET = (
    rf"(?<![\w./-])(?P<no>{_NO}(?: ?(?:bis|ter|quater))?,? )?(?P<kind>(?i:rue|avenue|av\.?|boulevard|bd\.?|boul\.|place|chemin|impasse|allée|quai|cours|route|passage|faubourg|voie|sentier|esplanade|villa|cité|résidence))"
    rf" (?P<name>{_NAME_OF})"
)
_ROMANCE_STREET = (
    rf"(?<![\w'’-])(?P<kind>(?i:calle|c/|cl\.|avda\.?|avenida|av\.|plaza|pza\.?|paseo|camino|carretera|ctra\.?|ronda|travesía|glorieta|pasaje|rambla|vía|cuesta|urbanización|callejón|alameda|acceso|cañada|pasadizo|rampa|vial"
    rf"|via|viale|v\.le|piazza|p\.zza|corso|c\.so|largo|vicolo|strada|piazzale|contrada|borgo|rotonda|canale|stretto|incrocio|lungotevere|rua|r\.|travessa|praça|estrada|rotunda|beco|largo))"
    rf" ?(?P<name>{_NAME_OF})(?P<no>,? (?:(?i:n[.º°]{{1,2}} ?|núm\.? ?|no\.? ?|nr\.? ?|#))?{_NO}(?![\w.]\w){_UNIT}|,? s/n)?"
)
_SLAVIC_STREET = rf"(?<![\w'’-])(?i:ul\.|ulica|ulice|al\.|aleja|aleje|pl\.|plac|os\.|osiedle|nám\.|náměstí|třída|tř\.|nábřeží|nábř\.) ?(?P<name>{_NAME_OF})(?: {_NO}(?![\w.]\w))?"
_BOX = (
    r"(?<![\w])(?:(?i:p\.? ?o\.? ?box|postfach|boîte postale|apartado(?: de correos)?|postbus|casella postale|skrytka pocztowa)[ #:]{1,2}\d{1,6}"
    r"|(?:PSC|Unit|CMR) \d{1,5},? Box \d{1,5}|US[NC][SG]S? "
    + _CAP
    + r"(?= ?\n? ?[FAD]PO)|[FAD]PO,? A[AEP] \d{5}(?:-\d{4})?)"
)
_STATE = "A[KLRZ]|C[AOT]|D[CE]|FL|GA|GU|HI|I[ADLN]|K[SY]|LA|M[ADEHINOPST]|N[CDEHJMVY]|O[HKR]|P[ARW]|RI|S[CD]|T[NX]|UT|V[AIT]|W[AIVY]|AS|FM|AE|AP|AA"
_STATE_NAME = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota"
    "|Mississippi|Missouri|Montana|Nebraska|Nevada|New (?:Hampshire|Jersey|Mexico|York)|(?:North|South) (?:Carolina|Dakota)|Ohio|Oklahoma|Oregon|Pennsylvania|Rhode Island|Tennessee|Texas|Utah|Vermont|Virginia|Washington|West Virginia|Wisconsin|Wyoming"
)
_ZIP = rf"(?:{_STATE}|(?i:{_STATE_NAME})),?[ ]{{1,2}}\d{{5}}(?:-\d{{4}})?(?!\d)"
_UK_CODE = r"(?:[A-PR-UWYZ][A-HK-Y]?\d[\dA-HJKMNP-Y]?) ?\d[ABD-HJLNP-UW-Z]{2}(?!\w)"
_CANADA_CODE = r"[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d(?!\w)"
_CODE = r"(?:[A-Z]{1,2}-)?(?:\d{5}|\d{3} \d{2}|\d{2}-\d{3}|\d{4}-\d{3}|\d{4} ?[A-Z]{2}|\d{4})(?![\w.])"
_COUNTRIES = (
    "USA|U\\.S\\.A\\.|United States(?: of America)?|UK|United Kingdom|England|Scotland|Wales|Northern Ireland|Ireland|Germany|Deutschland|France|Spain|España|Italy|Italia|Netherlands|Nederland|Poland|Polska|Portugal|Sweden|Sverige|Czech Republic|Czechia"
    "|Austria|Österreich|Switzerland|Schweiz|Suisse|Belgium|Belgique|België|Denmark|Danmark|Norway|Norge|Finland|Suomi|Canada|Australia|New Zealand"
)
_GAP = r"[ \t]{0,3}[,;·|/-]?[ \t]{0,3}(?:\r?\n)?[ \t]{0,8}"
_AFTER = (
    rf"{_GAP}(?P<unit>(?i:apt|apartment|suite|ste|unit|flat|floor|fl|room|rm|bldg|building|box|p\.?o\.? box|piso|puerta|apartamento|appartamento|piano|interno|scala|esc|portal|bloque|wohnung|whg|etage|byt|lok|appt|appartement|bâtiment|bât|escalier|étage|m)\.?[ ]?#?(?:\d{{1,5}}[A-Za-z]?|[A-Z])(?!\w)"
    r"|#[ ]?\w{1,5}|\d{1,2}[ºª°](?: ?[A-Z](?!\w))?|(?i:\d{1,2}(?:st|nd|rd|th) floor))",
    rf"{_GAP}(?:(?P<city>{_CITY}),?{_GAP})?(?:{_ZIP}|{_UK_CODE}|(?:[A-Z]{{2}},? )?{_CANADA_CODE})",
    rf"{_GAP}{_CODE}{_GAP}(?P<city>{_CITY})(?: \d{{1,2}}(?![\w.]))?(?: ?\([A-Z]{{2}}\)| [A-Z]{{2}}(?!\w))?",
    rf"{_GAP}(?P<city>{_CITY}),? \d{{5}}(?![\w.])",
    rf"{_GAP}\d{{5}}(?:-\d{{4}})?(?![\w.,/])",
    rf"{_GAP}(?P<country>{_COUNTRIES})(?!\w)",
    rf"{_GAP}(?P<place>{_CITY})(?:,? (?:{_STATE})(?!\w)| ?\([A-Z]{{2}}\))?(?=[ \t]*(?:[,;.)\n|]|$))",
)
_ANCHORS = (
    rf"(?<![\w'’-])(?P<city>{_CITY}),?[ ]{{1,2}}{_ZIP}",
    rf"(?:(?<=\n)|(?<=[,;] )|(?<=[a-z] )|(?<=\n ))(?P<uk>{_UK_CODE})",
    rf"(?<![\w./-]){_CODE}[ ]{{1,2}}(?P<city>{_CITY})(?: \d{{1,2}}(?![\w.]))?(?: ?\([A-Z]{{2}}\))?",
    rf"(?:(?<=\n)|(?<=, ))(?P<city>{_CITY}),? \d{{5}}(?=[ \t]*(?:[,;.\n]|$))",
)
_LABELLED_ADDRESS = (
    r"(?im:(?:^|[.;|,(])[ \t]*(?:(?:home|street|mailing|postal|patient|current|permanent|work)[ ])?(?:address|adresse|anschrift|wohnhaft|dirección|domicilio|indirizzo|residenza|adres|morada|endereço|adress|adresa|bydliště|bostadsadress)"
    rf"[ \t]*[:=-][ \t]*)(?:\n[ \t]*)?(?P<x>[^\s;|{_VEIL}][^\n;|{_VEIL}]{{3,140}}?)(?=[ \t]*(?:[;|{_VEIL}\n]|$|\.(?:\s|$)|[,. ]{{1,2}}(?i:phone|tel|fax|mobile|dob|mrn|email|e-mail)\b))"
)
_HOME = (
    rf"\b(?i:liv(?:es|ed|ing)|resid(?:es|ed|ing|ent)|born|moved|travel(?:s|led|ed)|retired|relocated|hails|comes|native|drives)"
    rf"(?: (?:alone|with (?:his|her) \w{{1,12}}|\w{{2,12}}ly))?(?: back)? (?:in|to|from|at|of|near) (?P<x>(?P<city>{_CITY})(?:, ?(?:{_STATE}|{_CITY})(?!\w))?)"
)
_ZIP_LABEL = r"(?i:\b(?:zip(?: ?code)?|post ?code|postal code|plz|code postal|código postal|c\.?p\.|cap|postleitzahl)[: ]{1,3})(?P<x>[A-Z\d][A-Z\d -]{2,8}\d[A-Z]{0,2})(?!\w)"


def _addresses(text: str) -> Iterator[Span]:
    spans = [*_streets(text), *_anchored(text)]
    spans += [m.span("x") for m in _matches(_LABELLED_ADDRESS, text) if re.search(r"\d", m["x"]) or _any_proper(m["x"])]
    spans += [m.span("x") for m in _matches(_HOME, text) if _any_proper(m["city"]) and not _any_clinical(m["city"])]
    spans += [m.span("x") for m in _matches(_ZIP_LABEL, text)]
    yield from _disjoint([(start, _address_end(text, end)) for start, end in _disjoint(spans)])


def _any_proper(words: str) -> bool:
    return any(_proper(word) for word in re.findall(_WORD, words) if word[0].isupper())


def _streets(text: str) -> Iterator[Span]:
    for match in _matches(_ENGLISH_STREET, text):
        # "2 Left Neck" and "12 Large Points" are medicine; a rare kind of street needs a proper name or a place after it.
        kind = match["strong"] or match["weak"]
        sure = (match["strong"] and match["strong"][0].isupper()) or _any_proper(match["name"])
        if not _any_clinical(match["name"]) and (
            (sure and (kind[0].isupper() or match["strong"]))
            or _address_end(text, match.end(), sure=True) > match.end()
        ):
            yield match.span()
    for pattern in (_JOINED_STREET, _SPOKEN_STREET, _SLAVIC_STREET):
        for match in _matches(pattern, text):
            name = match["name"] or match["full"]
            if _any_proper(name) and not _any_clinical(name):
                yield match.span()
    for match in _matches(_STREET_ALONE, text):
        if not any(_known(word).clinical or _known(word).function for word in match["name"].split()):
            yield match.span()
    for match in _matches(_FRENCH_STREET, text):
        sure = match["no"] or match["kind"].lower() in ("rue", "boulevard", "impasse", "chemin")
        if sure and not _any_clinical(match["name"]) and (_any_proper(match["name"]) or match["kind"].lower() == "rue"):
            yield match.span()
    for match in _matches(_ROMANCE_STREET, text):
        if match["kind"][0].isupper() and _any_proper(match["name"]) and not _any_clinical(match["name"]):
            if match["no"] or len(match["kind"]) > 3:
                yield match.span()
    yield from (match.span() for match in _matches(_BOX, text))


def _address_end(text: str, end: int, *, sure: bool = False) -> int:
    """Follow an address over flat, postcode, city and country, also on the next lines."""
    for _ in range(6):
        for number, pattern in enumerate(_AFTER):
            match = _compiled(pattern).match(text, end)
            if not match or match.end() == end:
                continue
            groups = match.groupdict()
            if groups.get("city") and _any_clinical(groups["city"]):
                continue
            if groups.get("place") and (
                sure or not _all_proper(groups["place"]) or "\n" in match.group()[:-1].rstrip()
            ):
                continue
            if sure and number == 4:
                continue
            end = match.end()
            break
        else:
            return end
    return end


def _all_proper(words: str) -> bool:
    found = re.findall(_WORD, words)
    return bool(found) and all(_proper(word) for word in found if word[0].isupper())


def _anchored(text: str) -> Iterator[Span]:
    """Addresses known by their postcode; what stands before it on the same and on earlier lines belongs to it."""
    for number, pattern in enumerate(_ANCHORS):
        for match in _matches(pattern, text):
            city = match.groupdict().get("city") or ""
            start = _address_start(text, match.start())
            houses = bool(re.search(r"\d", text[start : match.start()]))
            place = (
                number == 0
                or houses
                or (number == 1 and start < match.start())
                or (number == 2 and _all_proper(city) and not re.match(r"(?:19|20)?\d\d[ ]|\d{4}[ ]", match.group()))
            )
            if place and not _any_clinical(city):
                yield start, match.end()


def _address_start(text: str, start: int) -> int:
    for _ in range(4):
        before = text[max(0, start - 70) : start].rstrip(" \t\r\n,")
        stripped = start - len(text[max(0, start - 70) : start]) + len(before)
        if stripped == start and start and text[start - 1] not in "\n,":
            return start
        piece = re.split(rf"[\n,;:.|{_VEIL}](?![^\W\d_])|[\n,;:|{_VEIL}]", before)[-1]
        piece = piece.lstrip(" \t-*•")
        if not _address_like(piece):
            return start
        start = stripped - len(piece)
    return start


def _address_like(piece: str) -> bool:
    words = re.findall(_WORD, piece)
    if not 2 <= len(piece) <= 50 or len(words) > 6 or not (piece[0].isupper() or piece[0].isdigit()):
        return False
    if not words or _any_clinical(piece):
        return False
    street = bool(re.search(r"\d", piece)) and any(word[0].isupper() for word in words)
    return street or (
        _proper(words[0]) and all(word[0].isupper() or _known(word).common for word in words) and len(words) < 4
    )


# Institutions: a word such as Hospital, and the proper words it stands with.

_INSTITUTION_WORD = (
    r"(?:Hospitals?|Clinics?|Infirmary|Hospice|Sanatorium|Sanitarium|Polyclinic|University|College|Institutes?|Foundation|Pharmacy"
    r"|(?:(?:Medical|Cancer|Health|Healthcare|Oncology|Treatment|Radiation|Imaging|Surgical|Proton|Heart|Care|Rehabilitation|Trauma|Research) )+(?:Cent(?:er|re)s?|Group|Associates|Partners|Institute|Practice|Services?|System|Network|Alliance|Trust|Specialists)"
    r"|Health(?:care)?(?: (?:System|Network|Trust|Partners|Board|Group))?|(?:Nursing|Care) Home|Surgery|Practice|Laborator(?:y|ies)|Labs|Associates|Partners|Medical School|School of Medicine"
    r"|NHS (?:Foundation )?Trust|Trust|Radiology|Oncology|Imaging|Diagnostics|Medical|Group|Cent(?:er|re)"
    r"|Ltd|LLC|PLC|Inc|LLP|GmbH|AG|KG|OHG|SE|e\.?V\.?|(?:and|&|und|y|et|e|i|en|och|a) (?:Sons?|Söhne|Hijos|Fils|Figli|Synowie|Zonen|Söner|Daughters)|S\.?A\.?R\.?L\.?|S\.A\.U?\.?|S\.L\.[UL]?\.?|S\.p\.A\.?|s\.r\.[lo]\.?|S\.r\.l\.?|B\.?V\.?|N\.V\.|a\.s\.|Sp\. z o\.o\.|S\.A\.S\.?|Stiftung(?: & Co\. KG(?:aA)?)?|HB|AB|KB"
    r"|ziekenhuis|Ziekenhuis|Sjukhus|sjukhus|lasarett|Nemocnice|nemocnice|Szpital)"
)
_INSTITUTION_END = rf"(?i:(?<![\w'’]){_INSTITUTION_WORD})(?![\w'’])"
_FOREIGN_HEAD = (
    rf"(?<![\w'’-])(?:[{_UPPER}]{_TAIL}{{0,30}}(?:klinikum|klinik|krankenhaus|spital|hospital|sjukhuset|sjukhus|ziekenhuis|lasarett|sygehus|sykehus|stift)|(?:Centre|Center|Centro|Centrum|Institut|Instituto|Istituto|Fundación|Fondazione|Fundação|Clínica|Clinica|Clinique|Polyclinique|Policlinico|Policlínico|Hôpital|Hôpitaux|Hopital"
    r"|Hospital|Hospitais|Ospedale|Ospedali|Klinikum|Klinik|Kliniken|Krankenhaus|Spital|Uniklinik|Universitätsklinik|CHU|CHRU|CHUV|CHR|AOU|ASST|IRCCS|ULS|Szpital|Nemocnice|Fakultní nemocnice|Poliklinika|Przychodnia|Ziekenhuis|UMC|Maternité|Azienda Ospedaliera|Casa di Cura|Praxis|Gemeinschaftspraxis|MVZ|Cabinet|Sairaala|Medizinische Hochschule|Universität|Universidad|Université|Università|Universidade|Université|Uniwersytet|Univerzita|Universiteit|Universitet|Charité))"
    rf"(?P<rest>(?:,? ?[-–]?[ ](?:{_LINK_WORD}[ ]|[dl]['’]|(?:im|sv|św|Św|Sv|St|Sta|Sto|Dr|Prof)\. ?){{0,2}}{_CAP}){{0,6}})"
)
_UNIVERSITY_OF = rf"(?i:(?<![\w'’])(?:university|institute|college|hospitals?|school|clinic))[ ](?i:of|for)[ ](?:(?i:the)[ ])?(?P<x>{_CAP}(?:[ ,-]{{1,2}}(?:(?i:at|of)[ ])?{_CAP}){{0,5}})"
_FAMOUS = (
    r"(?i:\b(?:m\.?d\.? anderson(?! (?:dysphagia|symptom))|mayo clinic|(?:memorial )?sloan[- ]kettering|mskcc|johns hopkins|royal marsden|gustave roussy|charité|karolinska|princess margaret|dana[- ]farber|moffitt|fox chase|cleveland clinic|the christie|antoni van leeuwenhoek|city of hope)"
    r"(?:[ ](?:cancer|medical|hospital|institute|center|centre|clinic|research)\b){0,4})"
)
_SAINT = rf"(?<![\w'’])(?:St|ST|Saint|SAINT|Ste|Sainte|Sankt|Sta|Santa|San)\.?[ -]{_CAP}['’][sS](?!\w)(?! [Ww]ort)"
_LABELLED_INSTITUTION = (
    rf"(?im:(?:^|[.;|,(])[ \t]*(?:(?:referring|treating|home|primary) )?(?:hospital|facility|institution|clinic|cent(?:er|re)|practice|employer|location|krankenhaus|klinik|hôpital|ospedale|szpital|ziekenhuis|nemocnice|referred from|transferred from|treated at|seen at)(?: name)?[ \t]*[:=][ \t]*)"
    rf"(?P<x>{_CAP}(?:(?:,? |[-&]| & | and | of )(?:(?:{_LINK_WORD}) )?{_CAP}\.?){{0,8}})"
)
# Of the words above these say nothing about whose it is, so that "Radiation Oncology Clinic" stays.
_PROPERISH = frozenset(
    "memorial general regional county community city national royal central mercy sacred good samaritan trinity providence methodist baptist presbyterian lutheran jewish veterans children children's childrens women's "
    "saint st northern southern eastern western north south east west valley lakeside riverside hillside northside southside eastside westside university universitario universitaria state united grand holy cross our blessed "
    "heart divine metropolitan district parkland mount harbor bay coast highland queen king queen's king's princess prince victoria imperial federal military naval army kaiser cedars".split()
)
_WEAK_INSTITUTIONS = frozenset(
    "radiology oncology imaging diagnostics medical group health center centre surgery practice trust partners associates labs ag kg se sa ab hb kb bv inc ev college foundation pharmacy healthcare".split()
)


def _institutions(text: str) -> Iterator[Span]:
    spans = [match.span() for pattern in (_FAMOUS, _SAINT) for match in _matches(pattern, text)]
    for match in _matches(_INSTITUTION_END, text):
        if match.group()[0].isupper() or match.group()[0] in "a&euyi":
            start = _institution_start(text, match)
            if start is not None:
                spans.append((start, _institution_tail(text, match.end())))
    for match in _matches(_FOREIGN_HEAD, text):
        rest = _until_common(match["rest"])
        alone = len(match.group().split()[0]) > 10 and match.group().lower().startswith(
            ("uni", "kreis", "stadt", "bezirks", "landes")
        )
        if alone or _any_proper(rest):
            spans.append((match.start(), match.start("rest") + len(rest)))
    for match in _matches(_UNIVERSITY_OF, text):
        rest = _until_common(match["x"])
        if _any_proper(rest) or any(_fold(word) in _states() for word in rest.split()):
            spans.append((match.start(), match.start("x") + len(rest)))
    spans += [
        m.span("x") for m in _matches(_LABELLED_INSTITUTION, text) if _any_proper(m["x"]) and not _any_clinical(m["x"])
    ]
    yield from _disjoint(spans)


@cache
def _states() -> frozenset[str]:
    return frozenset(_STATE_NAME.lower().replace("(?:", "").replace(")", "").replace(" ", "|").split("|"))


def _until_common(words: str) -> str:
    """The words up to the first that ordinary English or medicine claims."""
    end = 0
    for match in re.finditer(_WORD, words):
        known = _known(match.group())
        if (
            match.group()[0].isupper()
            and known.common
            and not known.listed
            and _fold(match.group()) not in _PROPERISH | _states()
        ):
            if not re.fullmatch(_INSTITUTION_WORD, match.group()):
                break
        if match.group()[0].isupper():
            end = match.end()
    return words[:end]


_BEFORE = rf"(?:(?P<word>{_CAP}\.?)|(?P<link>(?i:of|and|the|for|de|di|del|la|van|der|von)|&))(?P<gap>[ ]|[ ]?[-–][ ]?|, |,? & |,? and )$"


def _institution_start(text: str, match: re.Match) -> int | None:
    """Where the institution that ends in this word begins, or None if nothing before it is a proper name."""
    shouting = match.group().isupper() and len(match.group()) > 3
    words: list[tuple[int, str]] = []
    for token in reversed(list(re.finditer(r"[^\s,\n]+", text[max(0, match.start() - 90) : match.start()]))):
        start = max(0, match.start() - 90) + token.start()
        end = start + len(token.group())
        after = text[end : words[-1][0] if words else match.start()]
        word = token.group().rstrip(".")
        if not re.fullmatch(r" |, ", after) or len(words) >= 8 or _VEIL in word or not word:
            break
        if token.group().endswith(".") and len(word) > 2 and word.lower() not in ("mt", "ste", "sta"):
            break
        if after == ", " and (
            not _proper(word) or (words and words[-1][1].lower() not in ("and", "&") and not _proper(words[-1][1]))
        ):
            break
        linking = word.lower() in ("of", "and", "&", "de", "di", "del", "la", "van", "der", "von", "the", "for")
        if not (word[0].isupper() or linking) or not re.fullmatch(rf"(?:{_CAP})|&|{_LINK_WORD}|the|for|of|and", word):
            break
        words.append((start, word))
    words.reverse()
    before = text[: words[0][0]].rstrip(" ")[-12:] if words else ""
    while words and not _opens(words[0][1]):
        words.pop(0)
    if not words:
        return None
    named = [word for _, word in words if _names_institution(word)]
    proper = [word for word in named if _proper(word)]
    weak = match.group().lower().replace(".", "") in _WEAK_INSTITUTIONS
    if proper and (not weak or _proper(words[-1][1]) or len(words) > 1):
        first = next(place for place, word in words if _names_institution(word))
        return first
    if weak:
        return None
    in_sentence = not shouting and bool(re.search(r"\b(?:at|from|to|the|by|in|with|of)$", before))
    if named or (in_sentence and any(not _known(w).clinical and not _known(w).function for _, w in words)):
        return words[0][0]
    return None


def _opens(word: str) -> bool:
    known = _known(word)
    return word[0].isupper() and (
        _fold(word) in _PROPERISH or not (known.function or (known.clinical and not known.listed))
    )


def _names_institution(word: str) -> bool:
    return word[0].isupper() and (_proper(word) or _fold(word) in _PROPERISH)


def _institution_tail(text: str, end: int) -> int:
    tail = rf"(?:,? (?:(?:and|&|of|at|for) (?:the )?)?(?:{_CAP}))"
    while match := _compiled(tail).match(text, end):
        word = re.findall(_WORD, match.group())[-1]
        if not (
            re.fullmatch(rf"(?:{_INSTITUTION_WORD})|NHS|Research|Cancer|Medical|Trust|Foundation", word)
            or (" of " in match.group() and _proper(word))
        ):
            break
        end = match.end()
    return end


# Names: a word opens one when something says so, and it runs on as long as its words can be part of a name.


@dataclass(frozen=True)
class _Word:
    text: str
    start: int
    end: int
    gap: str
    """What stands between this word and the next (three characters are enough to tell)."""
    known: _Known

    @property
    def capital(self) -> bool:
        return self.text[0].isupper() or self.text[:2] in ("d'", "d’", "l'", "l’", "O'", "'t")

    @property
    def shouted(self) -> bool:
        return self.text.isupper() and len(self.text) > 1

    @property
    def initial(self) -> bool:
        return self.text[0].isupper() and (
            len(self.text) == 1 or (len(self.text) == 2 and "." in self.gap and self.text not in _NO_INITIAL)
        )

    @property
    def odd(self) -> bool:
        """Such as T2N1M0, VMATs or RayStation: a code or a brand, not a name."""
        tail = re.sub(r"^(?:Mc|Mac|De|Di|Da|Del|Della|Van|Von|Le|La|Du|Fitz|O|D|L|Al|El|St)['’-]?", "", self.text)
        return (
            any(map(str.isdigit, self.text))
            or "_" in self.text
            or (not self.shouted and bool(re.search(r"[^\W_A-Z][A-Z]", tail)))
        )

    @property
    def plain(self) -> bool:
        """A capitalised word that ordinary English does not know, or only as a name."""
        return self.capital and len(self.text) > 1 and not self.odd and not self.known.common


_NO_INITIAL = frozenset("No Nr St Pt Dr Mr Ms Dx Tx Rx Hx Fx Gy Cm Mm Mg Ml Vs".split())
_PARTICLES = frozenset(
    "van von der den de di da do dos das del della dello dei degli du des la le las los ter ten te zu zum zur vom el al bin ibn ben y e af av zur 't st st. san santa santo mac mc o'".split()
)
_TITLES = (
    r"Mr|Mrs|Ms|Miss|Mx|Master|Messrs|Dr|Drs|Dra|Drin|Doctor|Doctora|Docteur|Dottor|Prof|Professor|Professeur|Profesor|Profesora|Professoressa|PD|Priv\.-Doz|Univ\.-Prof|Dipl\.-Ing|Dipl\.-Psych|Sir|Dame|Rev|Reverend|Herr|Herrn|Frau"
    r"|Fräulein|Monsieur|Madame|Mademoiselle|Mme|Mlle|Señora?|Señorita|Sra|Srta|Doña|Dña|Signora?|Sig|Sig\.ra|Sig\.na|Dott|Dott\.ssa|Dhr|Meneer|Mevrouw|Mevr|Mw|Senhora?|Exmo|Exma|Herra|Fru|Pán|Paní|Pani|MUDr|Mgr|Ing|Bc|JUDr|RNDr|PhDr|Lek|lek|Hr|Capt|Captain|Sgt|Lt|Col|Maj"
)
_WEAK_TITLES = r"M|MM|Sr|Fr|Pan|Don|D|Dª|Sister|Brother|Father|Nurse|Matron|Judge|Lic|Hab|hab|Med|med|Pt|Patient|Patientin|Paziente|Paciente|Pacjent|Pacjentka|Pacient|Pacientka|Patiente|Doente"
_TITLE = rf"(?<![\w.'’-])(?P<title>(?P<sure>(?i:{_TITLES}))|(?:{_WEAK_TITLES}))\.?(?:[ ]?(?:/|&|and|und|et|y|e)[ ]?(?i:{_TITLES})\.?)?[ \t]{{1,3}}(?:(?i:med|dent|rer|nat|h\.?c|hab|n\.? ?med|{_TITLES})\.?[ ]{{1,2}}(?:dent\.|nat\.|mult\.)?[ ]?){{0,4}}(?=(?P<x>\w|['’]))"
_ROLES = (
    r"(?:(?:patient|pt|full|legal|preferred|first|last|middle|given|family|maiden)(?:'s)?[ ])?name|(?:sur|fore|last|first)name|patient|pt|client|subject|nom|prénom|nom et prénom|nombre(?: y apellidos)?|apellidos?|nome|cognome|naam|voornaam|achternaam|nazwisko|imię(?: i nazwisko)?|pacjent(?:ka)?|pacient(?:ka)?|jméno|příjmení|namn|efternamn|vorname|nachname|familienname"
    r"|patientin|paciente|paziente|utente|doente|(?:(?:attending|referring|ordering|consulting|treating|primary(?: care)?|family|admitting|supervising|responsible|reporting|reading|requesting|interpreting|radiation|medical|surgical|clinical|lead|chief|staff|resident|senior|junior)[ /]){0,3}"
    r"(?:attending|physician|doctor|provider|consultant|clinician|oncologist|radiologist|pathologist|surgeon|resident|registrar|fellow|nurse|physicist|dosimetrist|therapist|dietitian|dentist|otolaryngologist|practitioner|specialist|author|scribe|transcriptionist|interpreter|navigator|coordinator)s?(?: name)?"
    r"|referring|referred by|referrer|dictated by|dictating|transcribed by|typed by|prepared by|signed|signed by|electronically signed(?: by)?|e-signed by|digitally signed by|authenticated by|approved by|verified by|reviewed by|read by|reported by|seen by|written by|entered by|attested by|countersigned by|witnessed by|planned by|checked by|contoured by|performed by|provided by|operated by|examined by|assessed by|evaluated by|discussed with|under the care of|care of|c/o|d/w"
    r"|cc|c\.c\.|bcc|copy(?: to)?|copies to|to|from|attn|attention|re|regarding|gp|pcp|md|np|rn|pa|next of kin|nok|emergency contact|contact(?: person)?|guardian|proxy|health ?care proxy|power of attorney|poa|carer|caregiver|signature|medico|médico|arzt|hausarzt|ärztin|médecin|médecin traitant|lekarz|lékař|läkare|huisarts|verwijzer|medico curante"
)
_KIN = r"(?:wife|husband|spouse|partner|fiancée?|girlfriend|boyfriend|daughter|son|mother|father|mom|mum|dad|sister|brother|niece|nephew|aunt|uncle|cousin|friend|neighbou?r|carer|caregiver|guardian|grandson|granddaughter|(?:son|daughter|mother|father|brother|sister)-in-law|stepson|stepdaughter|roommate|interpreter|ehefrau|ehemann|tochter|sohn|épouse|mari|fille|fils|esposa|esposo|marido|hija|hijo|moglie|marito|figlia|figlio|echtgenote|żona|mąż|córka|manželka|manžel)"
_BY = r"(?:dictated|signed|transcribed|typed|reviewed|seen|examined|referred|sent|followed|approved|verified|authenticated|prepared|written|contoured|planned|performed|evaluated|assessed|treated|attested|reported|read|operated|supervised|accompanied|countersigned|entered|checked|managed|recommended|ordered|discussed|interviewed|consented|staffed|seen and examined|done|biopsied) (?:by|with)|under the care of|on behalf of|care of|attending|c/o|d/w|named|called|known as|spoke (?:to|with)|met with|discussed with|speaking (?:to|with)|thank you for (?:referring|sending|seeing)|pleasure (?:of|to) (?:seeing|see|meeting|meet)|reviewed"
_DEAR = r"dear|hi|hello|liebe[r]?|cher|chère|querid[oa]|estimad[oa]|gentile|egregio|car[oa]|geachte|beste|szanown[ay]|vážen[ýá]|bäste|bästa|kära|prezad[oa]"
_FAREWELL = (
    r"sincerely(?: yours)?|yours (?:sincerely|faithfully|truly)|(?:(?:kind|best|warm|warmest|with kind|with best) )?regards|(?:with )?best wishes|respectfully(?: submitted)?|cordially|many thanks|thanks|thank you|mit freundlichen grü(?:ß|ss)en|mit (?:kollegialen|besten|herzlichen) grü(?:ß|ss)en|hochachtungsvoll|mfg"
    r"|cordialement|bien (?:cordialement|confraternellement)|confraternellement|atentamente|un (?:cordial )?saludo|saludos(?: cordiales)?|cordiali saluti|distinti saluti|met vriendelijke groet(?:en)?|met collegiale groet(?:en)?|z poważaniem|atenciosamente|com os melhores cumprimentos|s pozdravem|s úctou|med vänliga? hälsning(?:ar)?|vänliga hälsningar|/s/"
)
_CREDENTIAL = r"(?:M\.D\.?|MD|MDs|D\.O\.|Ph\.?D\.?|M\.?B\.?,? ?B\.?S\.?|MBBS|MBChB|MB ChB|FRCR|FRCS(?:\([A-Z-]+\))?|FRCP[CS]?|MRCP|FRANZCR|M\.?Sc\.?|B\.?Sc\.?|R\.N\.|RN|PA-C|CRNP|APRN|ARNP|FNP(?:-BC)?|DNP|DDS|DMD|CMD|DABR|FACS|FACR|FASTRO|CCC-SLP|RDN|LCSW|R\.?T\.?\(T\)|PharmD|MPH|MBA|OCN|BSN|MSN|FAAOHNS|facharzt|Fachärztin|Oberarzt|Oberärztin|Chefarzt|Esq\.?|Jr\.?|Sr\.|III)"
_COMMA_CREDENTIAL = r"(?:DO|NP|PA|RD|SLP|RT|MS|MA|PT|OD|BS|BA|LPN|CNP|SpR|ST\d|CT\d)"
_AGED = (
    r"(?: (?:is|was) (?:an? |now )?|,? (?:an? |aged |age )?| ?[(\[]|: )(?:\d{2}[- ]?(?:years?|yrs?|y\.?/?o|yo|[mf]\b|-)|(?:very )?(?:pleasant|lovely|delightful|elderly|retired|\w+)? ?\d{2}[- ]year)"
    r"|(?:['’]s)? (?:reports|denies|presents|presented|complains|endorses|attended|attends|consented|agrees|agreed|wishes|states|lives|works|understands|tolerated|was (?:seen|referred|admitted|diagnosed|discharged|counselled|counseled)|has (?:been|a)|returned|returns|came|comes|will (?:return|attend|see)|underwent|smokes|smoked|drinks|quit)\b"
)


def _names(text: str) -> Iterator[Span]:
    words = _words(text)
    starts = {word.start: place for place, word in enumerate(words)}
    spans = [
        *_after_a_title(text, words, starts),
        *_after_a_role(text, words, starts),
        *_before_a_credential(text, words),
        *_bare(text, words),
    ]
    spans = _disjoint(spans)
    yield from _disjoint([*spans, *_again(text, words, spans)])


def _words(text: str) -> list[_Word]:
    found = list(_compiled(_WORD).finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return [
        _Word(
            match.group(),
            match.start(),
            match.end(),
            text[match.end() : min(end, match.end() + 3)] if end - match.end() < 4 else "\n\n\n",
            _known(match.group()),
        )
        for match, end in zip(found, ends, strict=True)
    ]


def _name_from(words: list[_Word], first: int, *, trusted: bool, comma: bool = False) -> Span | None:
    """Read a name that begins with this word: how far it goes, or None if it is none.

    Args:
        trusted: something before it said that a name follows, so that an ordinary word may be one ("Dr. Archer").
        comma: "Kowalska, Anna" may be one name.
    """
    last, place, sure, turned = None, first, 0, False
    while place < len(words) and place - first < 8:
        word = words[place]
        fits = _fits(
            words, place, first, trusted=trusted and last is None, after=words[last] if last is not None else None
        )
        if not fits:
            break
        if fits == "word":
            last, sure = place, sure + 1
        elif fits == "initial" and (last is not None or place == first):
            last = place if last is not None else last
        gap = word.gap
        if gap == ", " and comma and not turned and last is not None:
            turned = True
        elif not (
            gap in (" ", "  ", "-") or (gap in (". ", ".") and (word.initial or word.text.lower() in ("st", "jr")))
        ):
            break
        place += 1
    if last is None or not sure:
        return None
    end = words[last].end + (1 if words[last].initial and words[last].gap.startswith(".") else 0)
    end -= len("'s") if words[last].text[-2:] in ("'s", "’s") else 0
    return words[first].start, end


def _fits(words: list[_Word], place: int, first: int, *, trusted: bool, after: _Word | None) -> str:
    """Whether this word can be part of a name: "word", "initial", "particle" or "" for no."""
    word = words[place]
    if (
        word.text.lower() in _PARTICLES
        and not word.known.given
        and place + 1 < len(words)
        and words[place + 1].capital
        and word.gap in (" ", "  ", ". ")
    ):
        following = words[place + 1]
        return "particle" if not following.known.common or following.known.listed else ""
    if word.initial and not (len(word.text) == 1 and word.text == "I" and "." not in word.gap):
        return "initial"
    if not word.capital or word.odd or len(word.text) < 2 or re.fullmatch(r"[IVX]{2,}", word.text):
        return ""
    if not word.known.common or (
        word.known.listed and not word.known.function and not (word.known.clinical and after is None and not trusted)
    ):
        if (
            word.known.listed
            and word.known.common
            and not trusted
            and after is not None
            and not (after.known.given or after.plain or after.initial)
        ):
            return ""
        return "word"
    if trusted and not word.known.clinical and not word.known.function:
        return "word"
    # A frequent given name makes a surname of an ordinary word: "Anna Archer", but not "Anna Reports" in capitals.
    strong = after is not None and after.known.given and not after.known.common and not word.shouted
    return "word" if strong and not word.known.clinical and not word.known.function and word.gap != " " else ""


def _after_a_title(text: str, words: list[_Word], starts: dict[int, int]) -> Iterator[Span]:
    for match in _matches(_TITLE, text):
        place = starts.get(match.start("x"))
        if place is None:
            continue
        title, word = match["title"], words[place]
        # MR is also an imaging method, MS a disease, Pan a scope and M. a muscle: then the word itself must be a name.
        sure = bool(match["sure"]) and title not in (
            "MS",
            "MR",
            "DR",
            "PD",
            "COL",
            "Lt",
            "LT",
            "lt",
            "Col",
            "SIG",
            "ING",
            "Ing",
            "MAJ",
            "Maj",
        )
        if title[0].islower() and not word.capital:
            if (
                sure
                and title.lower() in ("mr", "mrs", "ms", "dr", "prof", "miss", "herr", "frau")
                and len(word.text) > 2
                and (not word.known.common)
            ):
                yield word.start, word.end
            continue
        if not sure and not (word.plain or word.known.listed or word.initial):
            continue
        if not sure and word.known.clinical:
            continue
        if span := _name_from(words, place, trusted=sure, comma=False):
            yield span


def _after_a_role(text: str, words: list[_Word], starts: dict[int, int]) -> Iterator[Span]:
    patterns = (
        (
            rf"(?im:(?:^|(?<=[.;|,(•*/-])|(?<=[a-z)] )|(?<=  ))[ \t*•-]{{0,4}}(?:{_ROLES})(?:\(s\))?[ \t]*[:=][ \t*]*(?:\n[ \t]*)?)(?=(?P<x>\w))",
            True,
            True,
        ),
        (
            rf"(?i:(?<![\w'’-])(?:{_BY})(?: the| our| my| his| her)?(?: physician| doctor| attending| resident| colleague| surgeon)?[,:]?[ ]{{1,2}})(?=(?P<x>\w))",
            False,
            True,
        ),
        (
            rf"(?i:(?<![\w'’-]){_KIN}(?:['’]s name)?(?: is|,|:| \(| named| called)?[ ]{{0,2}})(?=(?P<x>\w))",
            False,
            False,
        ),
        (rf"(?i:(?<![\w'’-])(?:{_DEAR})[ ]{{1,2}})(?=(?P<x>\w))", False, False),
        (rf"(?i:(?<![\w'’-])(?:{_FAREWELL})[,.!:]?[\s]{{1,30}}(?:[-–—]{{1,2}} ?)?)(?=(?P<x>\w))", False, True),
        (r"(?m:^[ \t]*(?:[-–—~]{1,2}|/s/|By:?|Signed:?)[ \t]*)(?=(?P<x>\w))", False, True),
    )
    for pattern, labelled, comma in patterns:
        for match in _matches(pattern, text):
            place = starts.get(match.start("x"))
            if place is None:
                continue
            word = words[place]
            trusted = not word.shouted and (labelled or word.known.listed)
            if not (
                word.plain
                or word.known.listed
                or word.initial
                or word.text.lower() in _PARTICLES
                or (labelled and trusted)
            ):
                if labelled and not word.capital and word.known.given and not word.known.common:
                    yield from _lower_case_name(words, place)
                continue
            if labelled and trusted and word.known.common and not word.known.listed and not _two_proper(words, place):
                continue
            if (
                word.known.common
                and word.known.listed
                and not labelled
                and not _two_proper(words, place)
                and word.known.clinical
            ):
                continue
            yield from _several(words, place, trusted=trusted or word.plain, comma=comma)


def _two_proper(words: list[_Word], place: int) -> bool:
    """Whether a proper word follows at once: "Archer Kowalska" but not "Archer was"."""
    if place + 1 >= len(words) or words[place].gap not in (" ", ", ", ". ", "-"):
        return False
    following = words[place + 1]
    return following.plain or (following.capital and following.known.listed and not following.known.function)


def _several(words: list[_Word], place: int, *, trusted: bool, comma: bool) -> Iterator[Span]:
    """The name at this word and those it is listed with: "cc: Anna Rossi, Jan de Vries and Dr. Smith"."""
    for _ in range(6):
        span = _name_from(words, place, trusted=trusted, comma=comma)
        if span is None:
            return
        yield span
        while place < len(words) and words[place].start < span[1]:
            place += 1
        if place < len(words) and words[place].text.lower() in ("and", "und", "et", "y", "e", "en", "i", "a", "och"):
            place += 1
        previous = words[place - 1]
        if place >= len(words) or not re.fullmatch(r"[,;&/ ]{1,3}", previous.gap) or not words[place].plain:
            return


def _lower_case_name(words: list[_Word], place: int) -> Iterator[Span]:
    end = words[place].end
    if words[place].gap == " " and place + 1 < len(words) and not words[place + 1].known.common:
        end = words[place + 1].end
    yield words[place].start, end


def _before_a_credential(text: str, words: list[_Word]) -> Iterator[Span]:
    ends = {word.end: place for place, word in enumerate(words)}
    pattern = rf"(?:,[ ]{{0,2}}(?:{_CREDENTIAL}|{_COMMA_CREDENTIAL})|[ ]{{1,2}}{_CREDENTIAL})(?![\w'’-])"
    for match in _matches(pattern, text):
        place = ends.get(
            match.start(), ends.get(match.start() - 1) if text[match.start() - 1 : match.start()] == "." else None
        )
        if place is None:
            continue
        first, count = place, 0
        while (
            first >= 0
            and place - first < 6
            and _can_be_name(words[first])
            and (first == place or words[first].gap in (" ", "  ", ". ", ", ", "-"))
        ):
            count += not words[first].initial and words[first].text.lower() not in _PARTICLES
            first -= 1
        first += 1
        while first < place and words[first].text.lower() in _PARTICLES and words[first].text[0].islower():
            first += 1
        named = [word for word in words[first : place + 1] if word.plain or word.known.listed]
        if count and named and (count > 1 or any(word.plain for word in named) or words[first].initial):
            yield words[first].start, words[place].end


def _can_be_name(word: _Word) -> bool:
    if word.text.lower() in _PARTICLES or word.initial:
        return True
    return word.plain or (word.capital and word.known.listed and not word.odd and not word.known.function)


def _bare(text: str, words: list[_Word]) -> Iterator[Span]:
    """Names that nothing announces: their words must speak for themselves."""
    place = 0
    while place < len(words):
        word = words[place]
        place += 1
        if not word.capital or not (word.plain or word.known.listed or word.initial) or word.odd:
            continue
        span = _name_from(words, place - 1, trusted=False, comma=_turned(text, words, place - 1))
        if span is None:
            continue
        end = place
        while end < len(words) and words[end].start < span[1]:
            end += 1
        if _convincing(text, words[place - 1 : end], span[1]):
            yield span
            place = end


def _turned(text: str, words: list[_Word], place: int) -> bool:
    """Whether "Kowalska, Anna" stands here: surname first."""
    word = words[place]
    if word.gap != ", " or place + 1 >= len(words) or (word.known.common and not word.known.listed):
        return False
    second = words[place + 1]
    if not second.capital or second.odd or len(second.text) < 2:
        return False
    if second.known.given and not second.known.clinical and (not second.known.common or word.plain):
        return not (second.known.common and word.known.common)
    # Neither is frequent: believe it only as a heading, with a date of birth or a number behind it.
    opens = word.start == 0 or text[word.start - 1] == "\n"
    return (
        opens
        and word.plain
        and second.plain
        and bool(
            re.match(
                rf"(?: {_CAP}\.?)?[ ,;|()–-]{{1,4}}(?:(?i:dob|mrn|born|id|\*)[:. ]{{0,3}})?(?:{_VEIL}|\(|\d\d[- ]?[yMF])",
                text[second.end : second.end + 40],
            )
        )
    )


def _convincing(text: str, name: list[_Word], end: int) -> bool:
    full = [
        word
        for word in name
        if not word.initial and word.text.lower() not in _PARTICLES or (word.known.given and word is name[0])
    ]
    given = [
        word
        for word in full
        if word.known.given and not word.known.common and not (word.shouted and len(word.text) < 4)
    ]
    plain = [word for word in full if word.plain]
    initials = [word for word in name if word.initial]
    told = bool(_compiled(rf"(?:{_AGED})").match(text, end))
    if len(full) >= 2:
        if given or (told and (plain or full[0].known.given)):
            return True
        if all(word.shouted for word in full):
            return any(word.known.listed for word in plain) and len(plain) >= 2
        if len(plain) >= 2:
            return not any(word.shouted for word in plain) and all(_pronounced(word.text) for word in plain)
        return (
            bool(plain)
            and all(word.known.listed for word in full if not word.plain)
            and not any(word.known.clinical for word in full)
        )
    if initials and full and "." in initials[0].gap:
        return (
            name[0].initial
            and bool(plain or (full[0].known.surname and not full[0].known.clinical))
            and not full[0].shouted
        )
    if given and not full[0].known.clinical:
        return True
    return bool(plain) and told and not plain[0].shouted


def _pronounced(word: str) -> bool:
    return len(word) > 2 and bool(re.search(r"[aeiouy]", _fold(word)))


def _again(text: str, words: list[_Word], spans: list[Span]) -> Iterator[Span]:
    """Later and earlier mentions of a name that is known by now: "Kowalska" after "Anna Kowalska"."""
    known: set[str] = set()
    place = 0
    for word in words:
        while place < len(spans) and spans[place][1] <= word.start:
            place += 1
        if place < len(spans) and spans[place][0] <= word.start < spans[place][1] and len(word.text) > 2:
            known.update([_fold(word.text), *_fold(word.text).split("-")])
    known = {name for name in known if len(name) > 2 and name not in _PARTICLES}
    for before, word in zip([None, *words], words, strict=False):
        folded = _fold(word.text)
        if folded not in known and not (known & set(folded.split("-")) and word.plain):
            continue
        if word.known.clinical or word.odd:
            continue
        if word.known.common:
            # Mr. Long has a long history: an ordinary word is his name only with a capital inside a sentence.
            inside = before is not None and before.text[0].islower() and before.gap == " "
            if not inside or not word.capital or word.shouted or word.gap == "-":
                continue
        elif not word.capital and len(word.text) < 5:
            continue
        yield word.start, word.end - (2 if word.text[-2:] in ("'s", "’s") else 0)
