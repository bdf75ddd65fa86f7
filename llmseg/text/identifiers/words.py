"""Words of a note: how they are written, and what the lists beside this file know of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

Span = tuple[int, int]
"""Where something stands in a text: start and end, in code points."""

# A private character that no pattern matches: what it covers is settled, and no name or number runs across it.
VEIL = "\ue000"
_HERE = Path(__file__).parent


@cache
def _list(name: str) -> dict[str, frozenset[str]]:
    """A word list by section; a line that starts with # is a remark, with = it opens a section."""
    sections: dict[str, set[str]] = {}
    words = sections.setdefault("", set())
    for line in (_HERE / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("="):
            words = sections.setdefault(line[1:].strip(), set())
        elif not line.startswith("#"):
            words.update(line.split("|") if name == "cues" else line.split())
    return {section: frozenset(words) for section, words in sections.items()}


def cues_of(section: str) -> frozenset[str]:
    """The cues of one section, in lower case."""
    return _list("cues")[section]


_UPPER = "A-Z" + "".join(c for c in map(chr, [*range(0xC0, 0x250), *range(0x1E00, 0x1F00)]) if c.isupper())
_TAIL = r"[\w\u0300-\u036f]"
CAP = rf"[{_UPPER}](?:{_TAIL}|['’-](?=\w)){{0,40}}"
WORD = re.compile(rf"(?<![\w])[^\W\d_](?:{_TAIL}|['’-](?=[^\W\d_]))*")
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
PARTICLES = cues_of("particle")
ROMAN = re.compile(r"[IVX]{2,}")


@dataclass(slots=True)
class Word:
    text: str
    lower: str
    start: int
    end: int
    gap: str
    """What stands between this word and the next, as far as it can part two names."""

    @property
    def known(self) -> Known:
        return look_up(self.text)

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
        return self.lower in PARTICLES

    @property
    def odd(self) -> bool:
        """A code or a brand, such as T2N1M0 or RayStation, and no name."""
        return is_odd(self.text)

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
def is_odd(word: str) -> bool:
    """Whether a word is a code or a brand, such as T2N1M0 or RayStation."""
    if any(map(str.isdigit, word)) or "_" in word:
        return True
    tail = re.sub(r"^(?:Mc|Mac|De|Di|Da|Del|Della|Van|Von|Le|La|Du|Fitz|O|D|L|Al|El|St|Ní|Ó)['’-]?(?=[A-Z])", "", word)
    return not word.isupper() and bool(re.search(r"[a-z][A-Z]|[A-Z]{2}", tail))


class Reading:
    """One look at the note: its text, lower-case twin and words. What is veiled has no words."""

    def __init__(self, text: str, words: list[Word] | None = None, lower: str | None = None):
        self.text = text
        # Letter by letter where the whole would change length (İ): offsets must hold in both.
        lower = text.lower() if lower is None else lower
        self.lower = lower if len(lower) == len(text) else "".join(c.lower()[0] for c in text)
        self.words = self._read() if words is None else words
        for word, following in zip(self.words, [*self.words[1:], None], strict=False):
            stop = len(text) if following is None else following.start
            word.gap = text[word.end : stop] if stop - word.end < 5 else text[word.end : word.end + 2] + "\n\n"

    def _read(self) -> list[Word]:
        spans = [match.span() for match in WORD.finditer(self.text) if not _is_unit(self.text, *match.span())]
        return [Word(self.text[start:end], self.lower[start:end], start, end, "") for start, end in spans]

    @cached_property
    def place_of(self) -> dict[int, int]:
        return {word.start: place for place, word in enumerate(self.words)}

    def without(self, spans: list[Span]) -> Reading:
        if not spans:
            return self
        pieces, end = [], 0
        for start, stop in spans:
            pieces += [self.text[end:start], VEIL * (stop - start)]
            end = stop
        text = "".join([*pieces, self.text[end:]])
        return Reading(text, [word for word in self.words if text[word.start] != VEIL], self.lower)

    def cues(self, section: str) -> Iterator[tuple[int, int]]:
        """Where a cue of this section stands: the place of its first word, and the offset where it ends."""
        table = _cues_by_first_word(section)
        for place, word in enumerate(self.words):
            for cue in table.get(word.lower, ()):
                end = word.start + len(cue)
                inside = end < len(self.text) and self.text[end].isalnum() and cue[-1].isalnum()
                if not inside and self.lower.startswith(cue, word.start) and VEIL not in self.text[word.start : end]:
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
    for cue in sorted(cues_of(section), key=len, reverse=True):
        table.setdefault(WORD.search(cue).group(), []).append(cue)
    return {word: tuple(cues) for word, cues in table.items()}


@cache
def any_of(*sections: str) -> str:
    """A pattern for any cue of these sections in any case, as a tree: fast however many there are."""
    tree: dict = {}
    for cue in sorted(cue for section in sections for cue in cues_of(section)):
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


UNIT = rf"(?![ ]?(?:{any_of('unit of measure')}(?![^\W\d_])|%))"
OF = any_of("of")


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern:
    """The pattern, compiled once."""
    return re.compile(pattern)


def find_all(pattern: str, text: str) -> Iterator[re.Match]:
    """Every match of a pattern, from left to right."""
    return compiled(pattern).finditer(text)


def match_at(pattern: str, text: str, start: int) -> re.Match | None:
    """The match of a pattern that starts at this place, if there is one."""
    return compiled(pattern).match(text, start)


def span_of(match: re.Match) -> Span:
    """Group x, if there is one, is the identifier; the rest only leads to it."""
    return match.span("x") if "x" in match.re.groupindex else match.span()


def disjoint(spans: Iterable[Span]) -> list[Span]:
    """Sort spans and join those that overlap."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


@dataclass(frozen=True)
class Known:
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


def fold(word: str) -> str:
    """Lower case without diacritics or a possessive 's, to look a word up."""
    word = word.casefold().translate(_LETTERS).removesuffix("'s")
    if word.isascii():
        return word
    return "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))


@lru_cache(maxsize=20_000)
def look_up(word: str) -> Known:
    """What the lists know of a word, of its parts and of the word it is formed from."""
    folded = fold(word)
    parts = [part for part in re.split(r"['-]", folded) if len(part) > 1 and part not in PARTICLES] or [folded]
    # El-Sayed and Ben-Ari: what follows the particle is no English word, whatever it looks like.
    foreign = "-" in folded and folded.split("-")[0] in PARTICLES - {"de", "y", "e"}
    names, function = _list("names"), _list("clinical")["function"]
    whole = folded.replace("'", "")
    clinical = folded in _clinical_words() or any(
        _is_clinical(part) for part in parts if len(part) > 3 or part == parts[0]
    )
    return Known(
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


def is_proper(word: str) -> bool:
    """Whether a word can only be a name of something: in no vocabulary, or a frequent name."""
    known = look_up(word)
    return not is_odd(word) and (not known.common or (known.listed and not known.clinical))


def any_proper(words: str) -> bool:
    """Whether one of these words has a capital and can only be a name of something."""
    return any(is_proper(word) for word in WORD.findall(words) if word[0].isupper() and len(word) > 1)


def any_clinical(words: str) -> bool:
    """Whether one of these words is medicine, and no name, place or institution."""
    places = PARTICLES | cues_of("state") | cues_of("institution word")
    found = (word for word in WORD.findall(words) if fold(word) not in places and not ROMAN.fullmatch(word))
    return any(look_up(word).clinical and not look_up(word).listed for word in found)
