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
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
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
        _known.cache_clear()
        _is_odd.cache_clear()
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


# A private character that no pattern matches: what it covers is settled, and no name or number runs across it.
_VEIL = "\ue000"
_MARK = re.compile(rf"\[(?:{'|'.join(kind.upper() for kind in KINDS)})\]")


def _identifiers(text: str) -> list[Redaction]:
    found: list[Redaction] = []
    veiled = _MARK.sub(lambda mark: _VEIL * len(mark.group()), text)
    while True:
        reading, before = _Reading(veiled), len(found)
        for kind, spans_of in _RULES:
            spans = _disjoint(spans_of(reading))
            found += [Redaction(kind, *span) for span in spans]
            reading = reading.without(spans)
        # Veiling can uncover more (a word now ends its line). Stop only when a second reading finds nothing.
        if len(found) == before:
            return found
        veiled = reading.text


def _disjoint(spans: Iterable[Span]) -> list[Span]:
    """Sort spans and join those that overlap."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


# Words: how they are written, and what the lists know of them.

_HERE = Path(__file__).parent


@cache
def _list(name: str) -> dict[str, frozenset[str]]:
    """A word list by section; a line that starts with # is a remark, with = it opens a section."""
    sections: dict[str, set[str]] = {}
    words = sections.setdefault("", set())
    for line in (_HERE / f"deidentify_{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("="):
            words = sections.setdefault(line[1:].strip(), set())
        elif not line.startswith("#"):
            words.update(line.split("|") if name == "cues" else line.split())
    return {section: frozenset(words) for section, words in sections.items()}


def _cues(section: str) -> frozenset[str]:
    return _list("cues")[section]


_UPPER = "A-Z" + "".join(c for c in map(chr, [*range(0xC0, 0x250), *range(0x1E00, 0x1F00)]) if c.isupper())
_TAIL = r"[\w\u0300-\u036f]"
_CAP = rf"[{_UPPER}](?:{_TAIL}|['’-](?=\w)){{0,40}}"
_WORD = re.compile(rf"(?<![\w])[^\W\d_](?:{_TAIL}|['’-](?=[^\W\d_]))*")
_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "æ": "ae", "œ": "oe", "đ": "d", "ı": "i", "’": "'"})
_MEDICAL = re.compile(
    r"\w{3,}(?:itis|ectomy|[oe]tomy|ostomy|oscop(?:y|ic)|olog(?:y|ist|ical|ic)|path(?:y|ic)|plast(?:y|ic)|graph(?:y|ic)"
    r"|gram|a?emi[ac]|osis|otic|algia|pharyn(?:x|geal)|geal|therap(?:y|ist|eutic)|cytes?|penia|phagia|phasia"
    r"|pn(?:o?ea|eic)|uria|mab|[a-z]nib|platin|taxel|[aeiou]pril|sartan|statin|[aeiou]lol|azole|mycin|cillin|parin"
    r"|gliptin|gliflozin|setron|tidine|dipine|[fl]oxacin|cycline|[a-z]{2}oma|omas|omatous|[iy][sz]ation|lateral"
    r"|ectasis|megaly|rrho?ea|plasia|cutaneous|vascular|muscular|glossal|mandibular|maxillary|nodal|mucosal)s?"
)
_PREFIX = re.compile(
    r"(?:non|post|pre|peri|para|retro|intra|inter|supra|infra|sub|trans|naso|oro|hypo|hyper|multi|anti|micro|macro"
    r"|neuro|hemi|re|un|over|under|out|extra|radio|chemo|immuno|electro|cardio|gastro|self|semi|mid|uni|bi|tri)(\w{4,})"
)
_ENDINGS = (
    ("ies", "y"), ("ied", "y"), ("ier", "y"), ("iest", "y"), ("ily", "y"), ("iness", "y"), ("es", "e"), ("es", ""),
    ("s", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", ""), ("er", "e"), ("er", ""), ("est", "e"), ("est", ""),
    ("ly", ""), ("ly", "le"), ("ness", ""),
)  # fmt: skip
_PARTICLES = _cues("particle")
_ROMAN = re.compile(r"[IVX]{2,}")


@dataclass(slots=True)
class _Word:
    text: str
    lower: str
    start: int
    end: int
    gap: str
    """What stands between this word and the next, as far as it can part two names."""

    @property
    def known(self) -> _Known:
        return _known(self.text)

    @property
    def capital(self) -> bool:
        return self.text[0].isupper() or (self.lower[:2] in ("d'", "d’", "l'", "l’") and self.text[2:3].isupper())

    @property
    def shouted(self) -> bool:
        return len(self.text) > 1 and self.text.isupper()

    @property
    def initial(self) -> bool:
        return self.text[0].isupper() and (
            len(self.text) == 1
            or (len(self.text) == 2 and self.gap[:1] == "." and self.text in ("Ch", "Th", "Ph", "Yu"))
        )

    @property
    def particle(self) -> bool:
        return self.lower in _PARTICLES

    @property
    def odd(self) -> bool:
        """A code or a brand, such as T2N1M0 or RayStation, and no name."""
        return _is_odd(self.text)

    @property
    def plain(self) -> bool:
        """A capitalised word that neither ordinary English nor medicine claims."""
        return self.capital and len(self.text) > 1 and not self.known.common and not self.odd

    @property
    def nameable(self) -> bool:
        return self.plain or (self.capital and self.known.listed and not self.known.function and not self.odd)


def _is_unit(text: str, start: int, end: int) -> bool:
    """The L of mmol/L, the C of 36.9 C, both letters of 63 Y/O."""
    return end - start == 1 and bool(
        re.search(r"[/°]$|\d $", text[max(0, start - 2) : start]) or text[end : end + 1] == "/"
    )


@lru_cache(maxsize=20_000)
def _is_odd(word: str) -> bool:
    if any(map(str.isdigit, word)) or "_" in word:
        return True
    tail = re.sub(r"^(?:Mc|Mac|De|Di|Da|Del|Della|Van|Von|Le|La|Du|Fitz|O|D|L|Al|El|St|Ní|Ó)['’-]?(?=[A-Z])", "", word)
    return not word.isupper() and bool(re.search(r"[a-z][A-Z]|[A-Z]{2}", tail))


class _Reading:
    """One look at the note: its text, lower-case twin and words. What is veiled has no words."""

    def __init__(self, text: str, words: list[_Word] | None = None, lower: str | None = None):
        self.text = text
        # Letter by letter where the whole would change length (İ): offsets must hold in both.
        lower = text.lower() if lower is None else lower
        self.lower = lower if len(lower) == len(text) else "".join(c.lower()[0] for c in text)
        self.words = self._read() if words is None else words
        for word, following in zip(self.words, [*self.words[1:], None], strict=False):
            stop = len(text) if following is None else following.start
            word.gap = text[word.end : stop] if stop - word.end < 5 else text[word.end : word.end + 2] + "\n\n"

    def _read(self) -> list[_Word]:
        spans = [match.span() for match in _WORD.finditer(self.text) if not _is_unit(self.text, *match.span())]
        return [_Word(self.text[start:end], self.lower[start:end], start, end, "") for start, end in spans]

    @cached_property
    def place_of(self) -> dict[int, int]:
        return {word.start: place for place, word in enumerate(self.words)}

    def without(self, spans: list[Span]) -> _Reading:
        if not spans:
            return self
        pieces, end = [], 0
        for start, stop in spans:
            pieces += [self.text[end:start], _VEIL * (stop - start)]
            end = stop
        text = "".join([*pieces, self.text[end:]])
        return _Reading(text, [word for word in self.words if text[word.start] != _VEIL], self.lower)

    def cues(self, section: str) -> Iterator[tuple[int, int]]:
        """Where a cue of this section stands: the place of its first word, and the offset where it ends."""
        table = _cues_by_first_word(section)
        for place, word in enumerate(self.words):
            for cue in table.get(word.lower, ()):
                end = word.start + len(cue)
                inside = end < len(self.text) and self.text[end].isalnum() and cue[-1].isalnum()
                if not inside and self.lower.startswith(cue, word.start) and _VEIL not in self.text[word.start : end]:
                    yield place, end
                    break

    def labels(self, section: str) -> Iterator[tuple[int, int]]:
        """Cues that are whole words of their own: not the tail of "sub-accession" or "x.mrn"."""
        for place, end in self.cues(section):
            start = self.words[place].start
            if not start or not (self.text[start - 1].isalnum() or self.text[start - 1] in "'’-"):
                yield place, end


@cache
def _cues_by_first_word(section: str) -> dict[str, tuple[str, ...]]:
    table: dict[str, list[str]] = {}
    for cue in sorted(_cues(section), key=len, reverse=True):
        table.setdefault(_WORD.search(cue).group(), []).append(cue)
    return {word: tuple(cues) for word, cues in table.items()}


@cache
def _any_of(*sections: str) -> str:
    """A pattern for any cue of these sections in any case, as a tree: fast however many there are."""
    tree: dict = {}
    for cue in sorted(cue for section in sections for cue in _cues(section)):
        branch = tree
        for letter in cue:
            branch = branch.setdefault(letter, {})
        branch[""] = {}
    return _branches(tree)


def _branches(tree: dict) -> str:
    parts = [_letter(letter) + _branches(branch) for letter, branch in tree.items() if letter]
    if not parts:
        return ""
    body = parts[0] if len(parts) == 1 and "" not in tree else f"(?:{'|'.join(parts)})"
    return f"{body}?" if "" in tree else body


def _letter(letter: str) -> str:
    either = letter + letter.upper()
    return f"[{either}]" if len(either) == 2 and either[0] != either[1] else re.escape(letter)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern:
    return re.compile(pattern)


def _matches(pattern: str, text: str) -> Iterator[re.Match]:
    return _compiled(pattern).finditer(text)


def _match(pattern: str, text: str, start: int) -> re.Match | None:
    return _compiled(pattern).match(text, start)


def _span(match: re.Match) -> Span:
    """Group x, if there is one, is the identifier; the rest only leads to it."""
    return match.span("x") if "x" in match.re.groupindex else match.span()


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
    parts = [part for part in re.split(r"['-]", folded) if len(part) > 1 and part not in _PARTICLES] or [folded]
    # El-Sayed and Ben-Ari: what follows the particle is no English word, whatever it looks like.
    foreign = "-" in folded and folded.split("-")[0] in _PARTICLES - {"de", "y", "e"}
    names, function = _list("names"), _list("clinical")["function"]
    whole = folded.replace("'", "")
    clinical = folded in _clinical_words() or any(
        _is_clinical(part) for part in parts if len(part) > 3 or part == parts[0]
    )
    return _Known(
        given=whole in names["given"] or (len(parts) > 1 and parts[0] in names["given"] and not clinical),
        surname=whole in names["surname"] or (len(parts) > 1 and any(part in names["surname"] for part in parts)),
        common=not foreign
        and (clinical or _is_english(parts[0]) or (len(parts) > 1 and all(map(_is_english, parts[1:])))),
        clinical=clinical,
        function=folded in function,
    )


def _is_clinical(part: str) -> bool:
    names, words = _list("names"), _clinical_words()
    if part in words:
        return True
    regular = part.removesuffix("s") in words or bool(_MEDICAL.fullmatch(part))
    return regular and part not in names["given"] and part not in names["surname"]


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
    return not _is_odd(word) and (not known.common or (known.listed and not known.clinical))


def _any_clinical(words: str) -> bool:
    places = _PARTICLES | _cues("state") | _cues("institution word")
    found = (word for word in _WORD.findall(words) if _fold(word) not in places and not _ROMAN.fullmatch(word))
    return any(_known(word).clinical and not _known(word).listed for word in found)


# Things with a shape: links, mail, dates, phones, numbers, ages.

_EMAIL = (
    r"(?<![\w.+%'-])[\w.+%'-]+(?:@| ?[\[(] ?at ?[\])] ?)[\w-]{1,63}"
    r"(?:(?:\.| ?[\[(] ?dot ?[\])] ?)[\w-]{1,63}){1,6}"
)
_LINK = rf"(?i:\b[a-z][a-z0-9+]{{1,10}}://|\bwww\d?\.(?=\w))[^\s{_VEIL}<>\"]*[^\s{_VEIL}<>\".,;:!?)\]}}'’]"
_DOMAIN = (
    r"(?<![\w.@-])(?P<site>(?:[a-z0-9][a-z0-9-]{0,62}\.){1,4})(?P<land>com|org|net|edu|gov|info|biz|int|health|hospital"
    r"|clinic|care|io|app|eu|uk|de|fr|es|it|nl|pl|pt|se|cz|ch|at|be|dk|no|fi|ie|hu|ro|gr|sk|us|ca|au|nz|br|mx|in)"
    rf"(?![\w@-])(?P<path>[/?#:][^\s{_VEIL}<>\".,;)]*(?:\.\w+)*)?"
)
_SAFE_LANDS = _cues("safe domain")


def _emails(reading: _Reading) -> Iterator[Span]:
    if "@" in reading.text or "at" in reading.lower:
        yield from (match.span() for match in _matches(_EMAIL, reading.text))


def _urls(reading: _Reading) -> Iterator[Span]:
    if "://" in reading.text or "www" in reading.lower:
        yield from (match.span() for match in _matches(_LINK, reading.text))
    for match in _matches(_DOMAIN, reading.text):
        # "the neck.it was" lost a space and is no site.
        name = match["site"].rstrip(".").split(".")[-1]
        if match["path"] or (len(name) > 2 and (match["land"] in _SAFE_LANDS or not _known(name).common)):
            yield match.span()


_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_YEAR = r"(?:1[89]|20)\d\d"
_CLOCK = (
    r"(?:(?:T|,? (?:at )?)\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?"
    r"(?:Z|[+-]\d{2}:?\d{2}(?!\d)| ?[AaPp]\.?[Mm]\b\.?)?)?"
)
_UNIT = rf"(?![ ]?(?:{_any_of('unit of measure')}(?![^\W\d_])|%))"
_MONTH = rf"{_any_of('month')}\.?(?![^\W\d_])"
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
    rf"(?![\w/]|[.-]\d){_UNIT}",
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
    rf"(?:{_YEAR}|\d{{2}})(?![\w/]|[.-]\d){_CLOCK}{_UNIT}",
    # "on 03/05" and "on 3/5." have no year; "1/5 nodes" is a count.
    r"\b(?i:on|dated|since|until|am|le|el|il|vom|seit)[ ]{1,2}(?P<x>(?P<a>\d{1,2})[/.](?P<b>\d{1,2})"
    r"(?:(?<=0\d/\d\d)|(?<=\d\d/0\d)|(?=\.?[,;)]|\.?\s*$|\.\s)))(?![\w/]|[.,]\d)" + _UNIT,
)
_BIRTHDAY = r"[.:\s]{1,4}(?P<x>\d{1,2}[ ./-]{1,2}\d{1,2}[ ./-]{1,2}\d{2,4}|\d{8}|\d{6})(?!\d)"
_IN_A_MONTH = re.compile(r"(?:in|since|until|by|early|mid|late|last|end of|beginning of)[ -]$")
_LONG_MONTHS = _cues("long month")


def _dates(reading: _Reading) -> Iterator[Span]:
    text = reading.text
    yield from (match.span() for pattern in _DATES for match in _matches(pattern, text))
    for pattern in _NUMERIC_DATES:
        # 70/63/56 and 1.2.13 are no dates: one of the two must be a month, the other a day.
        yield from (_span(m) for m in _matches(pattern, text) if _day_and_month(int(m["a"]), int(m["b"])))
    for _, end in reading.labels("born"):
        if match := _match(_BIRTHDAY, text, end):
            yield match.span("x")
    for place, end in reading.cues("month"):
        word = reading.words[place]
        matches = [match for pattern in _AFTER_MONTH if (match := _match(pattern, text, end))]
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
    rf"(?P<x>[+(]{{0,2}}\d(?:[ ()./–-]{{0,3}}\d){{2,17}}{_EXTENSION})(?![.,]?\d)" + _UNIT
)
_SHORT_PHONES = _cues("short phone")
_PHONES = (
    # T: 020 7946 0958
    r"(?m)(?:^|[|;,])[ \t]*[TFPMH]:? ?(?P<x>[+(]?\d(?:[ ()./-]{0,2}\d){6,16})(?!\d)",
    # +49 89 1234567, 0044 20 ..., +1 (555) 123-4567 x12
    rf"(?<![\w+])(?:\+|00)(?=[1-9])\d{{1,3}}(?:[ ./-]{{0,2}}\(?\d{{1,6}}\)?){{1,7}}\d{_EXTENSION}(?!\d)",
    # (555) 123-4567, 555.123.4567, 1-555-123-4567
    rf"(?<![\w(.-])(?:1[ .-]?)?(?:\(\d{{3}}\) ?|\d{{3}}[ .–-])\d{{3}}[ .–-]\d{{4}}{_EXTENSION}(?!\d)",
    rf"(?<![\w.-])\(\d{{3,5}}\) ?\d{{3,7}}(?:[ .–-]?\d{{3,4}})?{_EXTENSION}(?!\d)" + _UNIT,
    r"\+\d{1,3}\n[ ]?\d[\d ]{5,12}\d",
    # 01 69 52 68 88, also broken over two lines
    r"(?<![\w.,/-])0[1-9](?:[ .\n-]\d{2}){4}(?!\d)",
    rf"(?<![\w.–-])\d{{3}}[ .–-]\d{{3}}[ .–-]\d{{4}}{_EXTENSION}(?!\d)",
    # 020 7946 0958, 01 23 45 67 89, 030/1234567, (0114) 496 0123
    r"(?<![\w.,/-])\(?0[1-9]\d{0,4}\)?(?:[ /.-]{1,2}\d{2,8}){1,5}(?![\w]|[/.,-]\d)",
    # 912 345 678, 91 123 45 67, 333 1234567
    r"(?<![\w.,/-])(?:[1-9]\d{2}[ -]\d{3}[ -]\d{3}|\d{2} \d{3} \d{2} \d{2}|\d{3} \d{2} \d{2} \d{2}|3\d{2}[ -]\d{6,7})"
    r"(?!\d|[.,/ -]\d)" + _UNIT,
)


def _phones(reading: _Reading) -> Iterator[Span]:
    for place, end in reading.labels("phone"):
        match = _match(_LABELLED_PHONE, reading.text, end)
        fewest = 3 if reading.words[place].lower in _SHORT_PHONES else 6
        if match and _digits(match["x"]) >= fewest:
            yield match.span("x")
    spans = [_span(match) for pattern in _PHONES for match in _matches(pattern, reading.text)]
    yield from (span for span in spans if _digits(reading.text[slice(*span)]) >= 7)


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))


_NUMBER_LINK = r"(?i:[ ]{0,2}(?:no|nr|num|number|nummer|numéro|número|n[°ºo]|id|code|card|ref|is|#)(?![^\W\d_])[.:]?)"
_VALUE = (
    r"(?P<x>[A-Z]{0,2} ?\d{1,4}(?: \d{2,4}){1,7}(?: ?[A-Z]\b)?(?![\w]|[./,-]\d)" + _UNIT + r"|(?=[A-Za-z./-]{0,6}\d)"
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
    rf"{_VEIL}[ \t]{{2,}}(?P<x>[A-Z]{{0,3}}-?\d[\d-]{{4,}})(?!\w)",
    r"(?<![\w/.-])[12] ?\d{2} ?\d{2} ?\d{2} ?\d{3} ?\d{3}(?: ?\d{2})?(?![\w/-])",
    r"(?<![\w/.-])\d{3} \d{3} \d{4}(?![\w/-])",
    r"(?<![\w])#[ ]?(?P<x>[A-Z]{0,3}-?\d{4,}[\d-]*)(?!\w)",
    r"(?<![\w/.-])[A-Z]{1,4}\d{2}-\d{4,8}(?![\w/-])",
    r"(?<![\w/.-])[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z](?!\w)",
)
_LONG_NUMBER = (
    r"(?<![\w.,/-])[A-Za-z]{0,6}[-/]?\d{1,40}(?:(?:[-/][A-Z]{0,3}|[A-Z]{1,3})\d{1,20}){0,5}[A-Za-z]{0,2}(?![\w]|[.,/-]\d)"
    + _UNIT
)
# Numbers that name a trial, a paper or a code, and no patient.
_PUBLIC = "nct|isrctn|pmid|pmc|doi|eudract|keynote|rtog|nrg|eortc|icd|snomed|cpt|grant|drks|actrn"
_PUBLIC_BEFORE = re.compile(rf"(?i:{_PUBLIC})[- :#]{{0,2}}$")
_PUBLIC_NUMBER = re.compile(rf"(?i:{_PUBLIC})")


def _labelled_numbers(reading: _Reading) -> Iterator[Span]:
    for section, pattern in _LABELLED_NUMBERS:
        for _, end in reading.labels(section):
            match = _match(pattern, reading.text, end)
            if match and _numbers_someone(match["x"]):
                yield match.span("x")


def _numbers(reading: _Reading) -> Iterator[Span]:
    text = reading.text
    yield from (_span(match) for pattern in _NUMBERS for match in _matches(pattern, text))
    for match in _matches(_LONG_NUMBER, text):
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
    return not any(_known(word).clinical for word in re.findall(r"[A-Za-z]{3,}", value) if word.upper() != "MRN")


_OLD = r"(?P<x>9\d|1[0-2]\d|(?i:(?:ninety|one hundred)(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?))"
_AGES = (
    # 93-year-old, 93 y/o, 93yo, 93-jähriger, 93 ans, 93/F
    rf"(?<![\w.,/-]){_OLD}(?=(?i:[ -]{{0,2}}(?:(?:years?|yrs?)[ -]{{0,2}}(?:old|of age)|y\.?[ /]?o\b"
    r"|yo[mf]?\b|y\b|yrs\b"
    r"|jährig|jaehrig|jahre\b|jaar\b|ans\b|años\b|anni\b|anos\b|år\b|letni|letá|letý)|[ ]?/ ?[mf]\b))",
    rf"(?<![\w.,/-]){_OLD}(?=[MF]\b,? (?:with|w/|who|hx|s/p|presents))",
    # aged 93, age: 93, a woman of 93, she is 93.
    rf"\b{_any_of('age label')}[:= \t]{{1,3}}{_OLD}(?!\w|[.,]\d|%)",
    rf"(?i:\b(?:he|she|patient|who) is(?: now)? ){_OLD}(?=[.,;)]?(?:\s|$)(?![%a-z]))",
    rf"(?i:\b(?:man|woman|male|female|gentleman|lady), ?){_OLD}(?=[.,;) ])(?! ?%)",
    rf"\b[MF]/{_OLD}(?!\w|[/.]\d)",
    rf"(?<![\w.,/-]){_OLD}(?=[MF][,);:])",
    rf"(?<![\w.,/-]){_OLD}(?=[ \n](?i:years|yrs)[,;.) ](?! ?(?i:ago|later|of smoking|history|after|before)))",
)


def _ages(reading: _Reading) -> Iterator[Span]:
    if re.search(r"(?<![\d.,])(?:9\d|1[0-2]\d)(?!\d)|(?i:ninety|hundred)", reading.text):
        yield from (match.span("x") for pattern in _AGES for match in _matches(pattern, reading.text))


# Addresses: a street or a postcode gives one away; what belongs to it stands before and after.

_NO = r"\d{1,6}(?:-?[A-Za-z])?(?:[-/]\d{1,4}[A-Za-z]?)?(?![\w.]\w)"
_OF = _any_of("of")
_NAME_OF = rf"(?:{_OF} |[dlDL]['’])?{_CAP}\.?(?:[ -](?:{_OF} |[dl]['’])?{_CAP}){{0,4}}"
_CITY = rf"(?:(?:St|Saint|San|Mt|Ft)\.? )?{_CAP}(?:[ -](?:(?:{_OF}) )?{_CAP}){{0,3}}"
_WIND = r"(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)"
_ENGLISH_STREET = (
    rf"(?<![\w./-])\d{{1,6}}(?:-?[A-Za-z])?(?:[-/]\d{{1,4}}[A-Za-z]?)?[ ,]{{1,2}}(?:{_WIND}\.? )?"
    rf"(?P<name>(?:(?:{_CAP}\.?|\d{{1,3}}(?:st|nd|rd|th)) ){{1,4}})"
    rf"(?:(?P<strong>{_any_of('strong street')})|(?P<weak>{_any_of('weak street')}))(?![\w'’])\.?(?: {_WIND}\b)?"
)
_SHORT_STREETS = _cues("short street")
_BOX = (
    r"(?<![\w])(?:(?i:p\.? ?o\.? ?box|postfach|boîte postale|apartado(?: de correos)?|postbus|casella postale"
    r"|skrytka pocztowa)[ #:]{1,2}\d{1,6}|(?:PSC|Unit|CMR) \d{1,5},? Box \d{1,5}|[FAD]PO,? A[AEP] \d{5}(?:-\d{4})?"
    rf"|US(?:NS|NV|S|CGC) {_CAP})(?![\w-])"
)
_ZIP = rf"{_any_of('state')}(?!\w),?[ ]{{1,2}}\d{{5}}(?:-\d{{4}})?(?!\d)"
_UK_CODE = r"(?:[A-PR-UWYZ][A-HK-Y]?\d[\dA-HJKMNP-Y]?) ?\d[ABD-HJLNP-UW-Z]{2}(?!\w)"
_CANADA_CODE = r"[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d(?!\w)"
_CODE = r"(?:[A-Z]{1,2}-)?(?:\d{5}|\d{3} \d{2}|\d{2}-\d{3}|\d{4,5}-\d{3}|\d{4} ?[A-Z]{2}|\d{4})(?![\w.])"
_DISTRICT = r"(?: \d{1,2}(?!\w|\.\d))?(?: ?\([A-Z]{2}\)| [A-Z]{2}(?!\w))?"
_GAP = r"[ \t]{0,3}[,;·|/-]?[ \t]{0,3}(?:\r?\n)?[ \t]{0,8}"
_AFTER = (
    rf"{_GAP}(?:{_any_of('unit')}[ ]?#?(?:\d{{1,5}}[A-Za-z]?|[A-Z])(?!\w)|#[ ]?\w{{1,5}}"
    r"|\d{1,2}[ºª°](?: ?[A-Z](?!\w))?|\d{1,2}(?:st|nd|rd|th) [Ff]loor)",
    rf"{_GAP}(?:(?P<city>{_CITY}),?{_GAP})?(?:{_ZIP}|{_UK_CODE}|(?:[A-Z]{{2}},? )?{_CANADA_CODE})",
    rf"{_GAP}{_CODE}{_GAP}(?P<city>{_CITY}){_DISTRICT}",
    rf"{_GAP}(?P<city>{_CITY}),? \d{{5}}(?![\w.])",
    rf"{_GAP}{_any_of('country')}(?!\w)",
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
    rf"[ \t]*[:=-][ \t]*(?:\n[ \t]*)?(?P<x>[^\s;|{_VEIL}][^\n;|{_VEIL}]{{3,140}}?)"
    rf"(?=[ \t]*(?:[;|{_VEIL}\n]|$|\.(?:\s|$)"
    rf"|[,. ]{{1,2}}(?:{_any_of('phone', 'born', 'number')}|[Ee]-?[Mm]ail)(?![^\W\d_])))"
)
_ZIP_VALUE = r"[: ]{1,3}(?P<x>[A-Z\d][A-Z\d -]{2,8}\d[A-Z]{0,2})(?!\w)"


def _addresses(reading: _Reading) -> Iterator[Span]:
    spans = [*_streets(reading), *_anchored(reading.text)]
    for _, end in reading.labels("address"):
        match = _match(_ADDRESS_VALUE, reading.text, end)
        if match and (re.search(r"\d", match["x"]) or _any_proper(match["x"])) and not _any_clinical(match["x"]):
            spans.append(match.span("x"))
    for _, end in reading.labels("home"):
        match = _match(rf" {{1,2}}(?P<x>{_CITY}(?:, ?(?:[A-Z]{{2}}(?!\w)|{_CITY}))?)", reading.text, end)
        if match and _any_proper(match["x"]) and not _any_clinical(match["x"]):
            spans.append(match.span("x"))
    spans += [m.span("x") for _, end in reading.labels("zip") if (m := _match(_ZIP_VALUE, reading.text, end))]
    return (
        (_with_unit_before(reading.text, start), _address_end(reading.text, end)) for start, end in _disjoint(spans)
    )


def _any_proper(words: str) -> bool:
    return any(_proper(word) for word in _WORD.findall(words) if word[0].isupper() and len(word) > 1)


def _all_proper(words: str) -> bool:
    found = [word for word in _WORD.findall(words) if word[0].isupper()]
    return bool(found) and all(_proper(word) for word in found)


def _streets(reading: _Reading) -> Iterator[Span]:
    text, words = reading.text, reading.words
    yield from (match.span() for match in _matches(_BOX, text))
    yield from (match.span() for match in _matches(_ENGLISH_STREET, text) if _is_english_street(text, match))
    for place, end in reading.cues("strong street"):
        # "lives on Maple Street": no number, so nothing ordinary may stand before it.
        before = words[place - 1] if place else None
        if before and words[place].capital and before.gap == " " and before.plain and not before.shouted:
            yield before.start, end
    for place, word in enumerate(words):
        if not (word.lower.endswith(_JOINED_STREETS) and word.plain and len(word.text) > 6):
            continue
        if match := _match(rf"\.?[ ]{{1,2}}{_NO}{_UNIT}", text, word.end):
            before = words[place - 1] if place else word
            yield (before.start if before.gap in (" ", "-") and before.plain else word.start), match.end()
    for section, pattern in _FOREIGN_STREETS:
        for place, end in reading.labels(section):
            match = _match(pattern, text, end)
            if match and _is_foreign_street(section, text, words[place], match):
                yield _house_before(text, words[place].start), match.end()


_JOINED_STREETS = tuple(_cues("joined street"))
_NUMBER_AFTER = rf"(?P<no>,? (?:(?i:n[.º°]{{1,2}} ?|núm\.? ?|no\.? ?|nr\.? ?|#))?{_NO}{_UNIT}|,? s/n)"
_FOREIGN_STREETS = (
    ("french street", rf" (?P<name>{_NAME_OF})"),
    ("romance street", rf" ?(?P<name>{_NAME_OF}){_NUMBER_AFTER}?"),
    ("slavic street", rf" ?(?P<name>{_NAME_OF})(?: {_NO})?"),
    ("spoken street", rf" (?P<name>{_CAP}(?: {_CAP})?) (?P<no>{_NO}{_UNIT})"),
)
_HOUSE_BEFORE = re.compile(r"(?<![\w./-])\d{1,5}[A-Za-z]?(?:[-/]\d{1,4})?(?: ?(?:bis|ter|quater))?,? $")


def _house_before(text: str, start: int) -> int:
    match = _HOUSE_BEFORE.search(text[max(0, start - 16) : start])
    return start - len(match.group()) if match else start


def _is_foreign_street(section: str, text: str, kind: _Word, match: re.Match) -> bool:
    name, numbered = match["name"], _house_before(text, kind.start) < kind.start
    if _any_clinical(name) or not (
        _any_proper(name) or (kind.lower in ("rue", "calle", "rua", "ul") and name[0].islower())
    ):
        return False
    if section == "french street":
        return numbered or kind.lower in ("rue", "boulevard", "impasse", "chemin")
    if section == "romance street":
        return kind.capital and (bool(match["no"]) or len(kind.text) > 3)
    return section == "slavic street" or kind.capital


def _is_english_street(text: str, match: re.Match) -> bool:
    # "2 Left Neck" is medicine: a rare kind of street needs a proper name, or a place after it.
    if _any_clinical(match["name"]):
        return False
    if (
        match["strong"]
        or (match["weak"][0].isupper() and _any_proper(match["name"]))
        or (match["weak"].istitle() and match["weak"].lower() in _SHORT_STREETS)
    ):
        return True
    return bool(re.search(r"\d{5}|\d[A-Z]{2}\b", text[match.end() : _address_end(text, match.end())]))


def _with_unit_before(text: str, start: int) -> int:
    """ "Flat 4, 22 Harcourt Terrace": the flat may come first."""
    pattern = rf"{_any_of('unit')} ?\w{{1,4}}[,\n ]{{1,3}}$"
    match = _compiled(rf"(?<!\w){pattern}").search(text[max(0, start - 24) : start])
    return start - len(match.group()) if match else start


def _address_end(text: str, end: int) -> int:
    """Follow an address over flat, postcode, city and country, also on the next lines."""
    for _ in range(6):
        for pattern in _AFTER:
            match = _match(pattern, text, end)
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
    return not (groups.get("city") and _any_clinical(groups["city"]))


def _anchored(text: str) -> Iterator[Span]:
    """Addresses known by their postcode; what stands before it on the same and on earlier lines belongs to it."""
    for number, pattern in enumerate(_ANCHORS):
        for match in _matches(pattern, text):
            city = match.groupdict().get("city") or ""
            start = _address_start(text, match.start())
            house = any(map(str.isdigit, text[start : match.start()]))
            # 80331 München speaks for itself; four digits could be a year or a dose.
            alone = number == 0 or (number == 2 and _all_proper(city) and not re.match(r"\d{4} ", match.group()))
            if (alone or house or (number == 1 and start < match.start())) and not _any_clinical(city):
                yield start, match.end()


_PIECE = re.compile(rf"[^\n,;:|{_VEIL}]*$")


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
    words = _WORD.findall(piece)
    if not (2 <= len(piece) <= 50 and 1 <= len(words) <= 6 and (piece[0].isupper() or piece[0].isdigit())):
        return False
    if _any_clinical(piece):
        return False
    if any(map(str.isdigit, piece)):
        return any(word[0].isupper() for word in words)
    return len(words) < 4 and _any_proper(piece) and all(word[0].isupper() or _known(word).common for word in words)


# Institutions: a word such as Hospital, and the proper words it stands with.

_FIRST_REST = (
    rf"(?P<rest>(?:,? ?[-–]?[ ](?:(?:{_OF}|im\.|[Ii]m|sv\.|św\.|Św\.|Sv\.|St\.|Sta\.|Dr\.|Prof\.)[ ]|[dl]['’]){{0,2}}"
    rf"{_CAP}){{0,6}})"
)
_GERMAN_HOUSES = tuple(_cues("compound house"))
_OF_PLACE = rf"[ ](?i:of|for)[ ](?:(?i:the)[ ])?(?P<x>{_CAP}(?:[ ,-]{{1,2}}(?:(?i:at|of)[ ])?{_CAP}){{0,5}})"
_SAINT = rf"(?<![\w'’])(?:St|ST|Saint|SAINT|Ste|Sainte)\.?[ -]{_CAP}['’][sS](?!\w)(?! (?i:wort))"
_LABELLED_INSTITUTION = rf"[ \t]*[:=][ \t]*(?P<x>{_CAP}(?:(?:,? |[-&]| & | and | of )(?:{_OF} )?{_CAP}\.?){{0,8}})"
_JOINERS = _cues("joiner")
_OF_HEADS = _cues("institution of")


def _institutions(reading: _Reading) -> Iterator[Span]:
    text, words = reading.text, reading.words
    yield from (match.span() for match in _matches(_SAINT, text))
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
    yield from (match.span("x") for match in _matches(_EMPLOYED, text) if _any_proper(match["x"]))
    yield from _institutions_by_first_word(reading)
    for _, end in reading.labels("institution label"):
        match = _match(_LABELLED_INSTITUTION, text, end)
        if match and _any_proper(match["x"]) and not _any_clinical(match["x"]):
            yield match.span("x")


def _institutions_by_first_word(reading: _Reading) -> Iterator[Span]:
    """Hôpital Saint-Louis, Klinikum Musterstadt, University of Somewhere."""
    text, words = reading.text, reading.words
    heads = [(words[place], end) for place, end in reading.labels("institution first")]
    compounds = [word for word in words if word.lower.endswith(_GERMAN_HOUSES) and len(word.text) > 8]
    for word, end in [*heads, *((word, word.end) for word in compounds)]:
        rest = _until_common(_match(_FIRST_REST, text, end)["rest"])
        if word.capital and (_any_proper(rest) or (len(word.text) > 13 and word in compounds)):
            yield word.start, end + len(rest)
    for word in words:
        if word.lower in _OF_HEADS and word.capital and (match := _match(_OF_PLACE, text, word.end)):
            rest = _until_common(match["x"])
            if _any_proper(rest) or set(_fold(rest).split()) & _cues("state"):
                yield word.start, match.start("x") + len(rest)


def _until_common(words: str) -> str:
    """The words up to the first that ordinary English or medicine claims."""
    end, of = 0, False
    known = _cues("institution word") | _cues("institution") | _cues("state")
    for match in _WORD.finditer(words):
        word = match.group()
        if word[0].isupper() and word.lower() not in _PARTICLES:
            if _fold(word) in _cues("month") or not (_proper(word) or _fold(word) in known or (of and end)):
                break
            end = match.end()
        of = word.lower() in ("de", "di", "do", "da")
    return words[:end]


def _institution_start(reading: _Reading, place: int, head: str) -> int | None:
    """Where the institution that ends in this word begins; None if nothing before it is a proper name."""
    words = reading.words
    first = _walk_back(words, place)
    while first < place and not _opens(words[first]):
        first += 1
    if first == place:
        return None
    before = words[first:place]
    named = [word for word in before if _names_institution(word)]
    weak = head.lower() in _cues("weak institution")
    if any(word.plain and not word.shouted if weak else _proper(word.text) for word in named):
        opening = before[: before.index(named[0]) + 1]
        while len(opening) > 1 and opening[-2].lower in _TOWNS:
            opening.pop()
        return opening[-1].start
    if weak:
        return None
    sentence = first and words[first - 1].lower in ("at", "from", "to", "the", "by", "in", "with", "of", "our")
    ordinary = any(not word.known.clinical and not word.known.function for word in before)
    # A "University Hospital" could be any.
    if any(_fold(word.text) not in _cues("any institution") for word in named) or (
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
    rf"(?P<x>{_CAP}(?:(?:[ -]|, | & | and | und | et | y )(?:{_OF} )?{_CAP}\.?(?:[A-Z]\b\.?)?){{0,5}})"
)


def _walk_back(words: list[_Word], place: int) -> int:
    first, joined = place, words[place].lower in _cues("weak institution")
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


def _opens(word: _Word) -> bool:
    if not word.capital or word.lower in ("the", "of", "for", "and"):
        return False
    return _fold(word.text) in _cues("institution word") or word.known.listed or not word.known.clinical


def _names_institution(word: _Word) -> bool:
    return word.capital and (_proper(word.text) or _fold(word.text) in _cues("institution word"))


_TAIL_WORDS = _cues("institution tail")


def _institution_tail(text: str, end: int) -> int:
    for _ in range(6):
        match = _match(rf",? (?P<link>(?:and|&|of|at|for) (?:the )?)?(?P<word>{_CAP})", text, end)
        if not match:
            break
        word = match["word"].lower()
        belongs = word in _cues("institution") or word in _TAIL_WORDS
        if not belongs and not (match["link"] == "of " and _proper(match["word"])):
            break
        end = match.end()
    return end


# Names: a word opens one when something says so, and it runs on as long as its words can be part of a name.

# MR is also an imaging method, MS a disease: in capitals the word itself must be a name.
_AFTER_TITLE = r"\.?(?:[ ]?(?:/|&|and|und|et)[ ]?" + _any_of("title") + r"\.?)?(?:[ \t]{1,3}|[ \t]?\n)"
_MORE_TITLES = (
    rf"(?:(?:{_any_of('title')}|med|dent|rer|nat|h\.?c|hab|n\.med)\.?(?:[ ]|(?<=\.))"
    r"(?:[ ]?(?:dent|nat|mult)\.)?[ ]?){0,4}"
)
_AFTER_ROLE = r"(?:\(s\)|['’]s)?(?:[ \t]*[:=|#][ \t*_]*(?:\r?\n[ \t]*)?|\t[ \t]*| {2,}| [-–] )"
_AFTER_BY = rf"(?:[ ](?:the|our|my|his|her|an?))?(?:[ ]{_any_of('person')})?[,:]?[ ]{{1,2}}"
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
_AND = _cues("and")
_NO_NAMES = _cues("no name")
_TOLD = (
    r"(?: (?:is|was) (?:an? |now )?|,? (?:an? |aged |age )?| ?[(\[]|: )"
    r"(?:\d{2}[- ]?(?:years?|yrs?|y\.?/?o|yo|[mf]\b|-)|(?:very )?(?:[a-z]{4,12})? ?\d{2}[- ]year)"
    rf"|(?:['’]s)? {_any_of('told')}\b"
)
_ACTS = r" (?:has been|has had|asked|will be|will call|understands|understood|reports|reported|denies|lives|first noticed|is seen|was seen|was discussed)\b"
# The Gregoire consensus and the Kaplan-Meier curve are nobody's.
_EPONYM = rf"(?:['’]s)? {_any_of('eponym')}(?![^\W\d_])"
_HEADED = rf"(?: {_CAP}\.?)?[ ,;|()–-]{{1,4}}(?:(?i:dob|mrn|born|id|\*)[:. ]{{0,3}})?(?:{_VEIL}|\(|\d\d[- ]?[yMF])"


def _names(reading: _Reading) -> Iterator[Span]:
    announced = (*_after_a_title(reading), *_after_a_role(reading), *_before_a_credential(reading))
    spans = _disjoint([*announced, *_in_records(reading), *_bare(reading)])
    yield from spans
    yield from _again(reading, spans)


def _name_from(words: list[_Word], first: int, *, trusted: bool, comma: bool = False) -> Span | None:
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


def _fits(words: list[_Word], place: int, after: _Word | None, *, trusted: bool, turned: bool) -> bool:
    """Whether this word can stand in a name, behind the word `after` (None: it opens the name)."""
    word = words[place]
    if word.particle and not word.known.given and place + 1 < len(words) and word.gap in (" ", "  ", ". "):
        following = words[place + 1]
        return (
            following.particle or following.nameable or (trusted and following.capital and not following.known.clinical)
        )
    if word.initial:
        return word.text != "I" or word.gap.startswith(".")
    if not word.capital or len(word.text) < 2 or word.odd or _ROMAN.fullmatch(word.text) or word.lower in _NO_NAMES:
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


def _after_a_title(reading: _Reading) -> Iterator[Span]:
    words = reading.words
    for section in ("title", "weak title"):
        for place, end in reading.labels(section):
            match = _match(_AFTER_TITLE, reading.text, end)
            if not match:
                continue
            start = _match(_MORE_TITLES, reading.text, match.end()).end()
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


def _typed_small(word: _Word) -> bool:
    return len(word.text) > 2 and not word.known.common


def _after_a_role(reading: _Reading) -> Iterator[Span]:
    for section, pattern, labelled in _ANNOUNCED:
        for _, end in reading.labels(section):
            match = _match(pattern, reading.text, end)
            place = reading.place_of.get(match.end()) if match else None
            if place is not None:
                yield from _announced(reading.words, place, labelled=labelled, comma=section != "kin")
    for match in _matches(_SIGNED, reading.text):
        place = reading.place_of.get(match.start("x"))
        if place is not None:
            yield from _announced(reading.words, place, labelled=False, comma=True)


def _announced(words: list[_Word], place: int, *, labelled: bool, comma: bool) -> Iterator[Span]:
    """A name that a role, a relative or a farewell announces; a label with a colon is believed more."""
    word = words[place]
    if word.lower in _cues("title"):
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


def _several(words: list[_Word], place: int, *, trusted: bool, comma: bool) -> Iterator[Span]:
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


def _before_a_credential(reading: _Reading) -> Iterator[Span]:
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
    rf"(?:[ ]?[,(|]{{1,2}}[ ]?|[ ]{{2,}}|[ ]?\n)(?:{_VEIL}|(?i:mrn?\b|nhs\b|d\.?o\.?b\b|date of birth|born\b|medical record|record\b|hospital n"
    r"|age[d:]|unit n|\d{2,3}[ -]?(?:years?\b|yrs?\b|y/?o\b|[mf]\b)|an? \d{2}[- ]?y))"
)
_ENTRY = rf"(?m)(?:^[ \t]*(?:\d{{1,3}}[.)][ \t]+|[-*•–][ \t]+)?|\b(?:re|Re|RE|regarding|Regarding|see|seeing|patient)[: ]+)(?=(?P<x>{_CAP}))"


def _in_records(reading: _Reading) -> Iterator[Span]:
    """A name that its place gives away: behind a label, or before a record number, an age or a date of birth."""
    for pattern, needs_record in ((_LABELLED, False), (_ENTRY, True)):
        for match in _matches(pattern, reading.text):
            place = reading.place_of.get(match.start("x"))
            span = None if place is None else _written_name(reading.words, place)
            if span and (not needs_record or _match(_RECORD, reading.text, span[1])):
                yield span


def _written_name(words: list[_Word], first: int) -> Span | None:
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


def _can_be_name(word: _Word) -> bool:
    return word.particle or word.initial or (word.nameable and word.lower not in _NO_NAMES)


def _bare(reading: _Reading) -> Iterator[Span]:
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


def _turned(text: str, words: list[_Word], place: int) -> bool:
    """Whether a surname with a comma stands here: "Kowalska, Anna"."""
    word = words[place]
    if word.gap != ", " or place + 1 >= len(words):
        return False
    second = words[place + 1]
    if second.capital and second.known.given and not second.known.clinical and (word.plain or not second.known.common):
        return True
    # Neither is frequent: believed only as a heading, with a date of birth or a number behind it.
    opens = word.start == 0 or text[word.start - 1] == "\n"
    return opens and word.plain and second.plain and bool(_match(_HEADED, text, second.end))


def _convincing(text: str, name: list[_Word], end: int) -> bool:
    full = [word for word in name if not word.initial and not (word.particle and not word.known.given)]
    plain = [word for word in full if word.plain]
    given = [word for word in full if word.known.given and not word.known.common]
    given = [word for word in given if not (word.shouted and len(word.text) < 4)]
    told = bool(_match(_TOLD, text, end))
    if not full or text.startswith(":", end) or _match(_EPONYM, text, end):
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
    return len(word) > 2 and bool(re.search(r"[aeiouy]", _fold(word)))


def _again(reading: _Reading, spans: list[Span]) -> Iterator[Span]:
    """Other mentions of a name that is known by now: "Kowalska" after "Anna Kowalska"."""
    words, known, place = reading.words, set(), 0
    for word in words:
        while place < len(spans) and spans[place][1] <= word.start:
            place += 1
        if place < len(spans) and spans[place][0] <= word.start:
            known.update((_fold(word.text), *_fold(word.text).split("-")))
    known = {name for name in known if len(name) > 2 and name not in _PARTICLES}
    before = None
    for word in words if known else ():
        folded = _fold(word.text)
        mentioned = folded in known or (word.plain and not known.isdisjoint(folded.split("-")))
        if mentioned and not word.known.clinical and not word.odd and _means_the_name(reading.text, word, before):
            yield word.start, word.end - _possessive(word.text)
        before = word


def _means_the_name(text: str, word: _Word, before: _Word | None) -> bool:
    if not word.known.common:
        return word.capital or len(word.text) > 4
    # Mr. Long has a long history: an ordinary word is his name only with a capital inside a sentence.
    inside = before is not None and before.text.islower() and before.gap == " "
    told = _match(_TOLD, text, word.end) if word.known.listed else _match(_ACTS, text, word.end)
    return bool(inside or told) and word.capital and not word.shouted and word.gap != "-"


_RULES: tuple[tuple[str, Callable[[_Reading], Iterable[Span]]], ...] = (
    ("url", _urls),
    ("email", _emails),
    ("address", _addresses),
    ("institution", _institutions),
    ("date", _dates),
    ("number", _labelled_numbers),
    ("phone", _phones),
    ("number", _numbers),
    ("age", _ages),
    ("name", _names),
)
"""In this order: what contains other identifiers (a street has a number) is read first."""
