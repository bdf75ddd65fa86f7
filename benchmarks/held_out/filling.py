"""Puts patients into layouts, and notes down what each text has said of them.

A layout or phrase is a text with

    {name}             one of the phrases of that name, or a value of the patient (below); {^name} begins with a capital
    [this|that|]       one of these
    {only a b}         this phrase is for patients with one of these tags, {not a b} for those with none
    {num 2 9}          a whole number, {dec 2 9} one with a decimal
    {side}             the side of the primary: says it
    {near}             the side of the nodes or the symptoms, which says nothing about the primary
    {other}            a side that has nothing to do with the tumour, mostly the opposite one
    {opposite}         the side opposite the primary: needs one
    {clear}            the same, where no node lies there
    {t} {n} {m}        say the stage: T2; {t_} N_ apart: T 4 a
    {d1} {d2} {d3}     say a dose level in Gy, {c1} {c2} {c3} in cGy; {fx} the fractions

Truth is what was said: a fact whose name the finished text never went through is None there.
"""

from __future__ import annotations

import calendar
import random
import re
from dataclasses import dataclass, field
from types import ModuleType

from held_out.cases import OPPOSITE, Case, draw_case

COUNT = 200
DISTRACTED = 0.4  # of notes, with a side in them that is not the tumour's
OPPOSITE_SHARE = 0.8  # of unrelated sides
TYPOS = 0.025  # of the longer words
LONGER = 8  # letters
# A typo in a stage, a dose or a side would leave no truth to be found.
SPELT_RIGHT = re.compile(r"(left|right|lateral|mid-?line|fraction|contra|ipsi|unknown)", re.IGNORECASE)
TRIES = 400

# Terse phrases that are chosen as their longer sisters are.
SHORT_FOR = {
    "dx": "disease",
    "hist": "histology",
    "rx": "dose",
    "cgy": "dose",
    "prescription": "dose",
    "nk": "neck",
    "ln": "nodes",
    "findings": "lesion",
    "sx": "complaint",
}

STYLES = {
    "full": ("left", "right"),
    "Lt": ("Lt", "Rt"),
    "lt": ("lt", "rt"),
    "Lt.": ("Lt.", "Rt."),
    "L": ("L", "R"),
    "(L)": ("(L)", "(R)"),
}


@dataclass(frozen=True)
class Layout:
    """One hospital's way to write: the text, how a side is written, and whether all is in capitals or small letters."""

    name: str
    text: str
    style: str = "full"
    letters: str = ""  # "upper", "lower" or as typed


@dataclass
class Truth:
    """What a careful oncologist takes from the note; None or [] where it does not say."""

    site: str | None = None
    side: str | None = None
    t_stage: str | None = None
    n_stage: str | None = None
    m_stage: str | None = None
    dose_gy: list[float] = field(default_factory=list)
    fractions: int | None = None
    neck: str | None = None


@dataclass(frozen=True)
class HeldOutNote:
    """A note, its truth, and whether it names a side that is negated, contralateral, historical or unrelated.

    Args:
        also: a side that is no error either: an unknown primary has none, but its nodes may lend it theirs.
    """

    layout: str
    text: str
    truth: Truth
    distracted: bool
    also: str | None


class DoesNotFit(Exception):
    """No phrase is left that suits this patient."""


def make_notes(phrases: ModuleType, count: int = COUNT) -> list[HeldOutNote]:
    """The notes of one set, always the same: layouts in turn, patients drawn."""
    rng = random.Random(phrases.SEED)
    distracted = [index < DISTRACTED * count for index in range(count)]
    rng.shuffle(distracted)
    layouts = [phrases.LAYOUTS[index % len(phrases.LAYOUTS)] for index in range(count)]
    return [_make_note(phrases, layout, wanted, rng) for layout, wanted in zip(layouts, distracted, strict=True)]


def _make_note(phrases: ModuleType, layout: Layout, distracted: bool, rng: random.Random) -> HeldOutNote:
    for _ in range(TRIES):
        case = draw_case(rng)
        filling = Filling(phrases, layout, case, rng, distracted)
        try:
            text = filling.expand(layout.text)
        except DoesNotFit:
            continue
        if filling.distracted == distracted and filling.truth_is_whole():
            also = case.near if case.site == "unknown primary" and case.nodes != "bilateral" else None
            return HeldOutNote(layout.name, filling.finish(text), filling.truth(), distracted, also)
    raise AssertionError(f"No patient fits the layout {layout.name!r}.")


class Filling:
    """One patient being put into one layout."""

    def __init__(self, phrases: ModuleType, layout: Layout, case: Case, rng: random.Random, may_distract: bool) -> None:
        self.phrases, self.layout, self.case, self.rng = phrases, layout, case, rng
        self.may_distract = may_distract
        self.distracted = False
        self.said: set[str] = set()
        self.used: set[str] = set()
        self.values = self._values()

    def _values(self) -> dict[str, str]:
        case, rng, phrases = self.case, self.rng, self.phrases
        male = case.sex == "male"
        largest = {"T1": (9, 19), "T2": (22, 39), "T0": (0, 0), "TX": (0, 0)}.get(case.t, (42, 61))
        node = {"single": (12, 29), "multiple": (14, 44), "large": (62, 81)}.get(case.nodes, (13, 36))
        node = (32, 55) if case.n == "N2a" else node
        size, node_size = rng.randint(*largest), rng.randint(*node)
        positive = 1 if case.n in ("N1", "N2a") else rng.randint(2, 5)
        taken_out = rng.randint(18, 46)
        month = rng.randint(1, 12)
        surname = rng.choice(phrases.SURNAMES)
        values = {
            "age": str(case.age),
            "he": "he" if male else "she",
            "his": "his" if male else "her",
            "him": "him" if male else "her",
            "man": "man" if male else "woman",
            "gentleman": "gentleman" if male else "lady",
            "male": "male" if male else "female",
            "sex": "M" if male else "F",
            "mr": "Mr" if male else rng.choice(["Mrs", "Ms"]),
            "given": rng.choice(phrases.GIVEN[case.sex]),
            "surname": surname,
            "size": f"{size / 10:g}",
            "size_mm": str(size),
            "node_size": f"{node_size / 10:g}",
            "node_mm": str(node_size),
            "positive": str(positive),
            "taken_out": str(taken_out),
            "day": str(rng.randint(1, 28)),
            "month_number": f"{month:02d}",
            "month": calendar.month_name[month],
            "year": str(rng.randint(2019, 2025)),
            "c": "p" if case.intent == "postop" else "c",
            "weeks": str(max(1, round(case.fractions / 5))),
        }
        if case.dose_gy:
            values["per_fraction"] = f"{case.dose_gy[0] / case.fractions:.2f}".rstrip("0").rstrip(".")
        return values

    def expand(self, text: str) -> str:
        while "[" in text:
            text = re.sub(r"\[([^\[\]]*)\]", lambda found: self._choose(found[1].split("|")), text)
        return re.sub(r"\{([^{}]*)\}", lambda found: self._slot(found[1]), text)

    def _choose(self, options: list[str]) -> str:
        fitting = [option for option in options if self._fits(option)]
        if not fitting:
            raise DoesNotFit(options)
        return self.rng.choice(fitting)

    def _fits(self, option: str) -> bool:
        for word, tags in re.findall(r"\{(only|not) ([^{}]*)\}", option):
            if (word == "only") != bool(self.case.tags & set(tags.split())):
                return False
        wanted = set(re.findall(r"\{\^?(\w+)\}", option))
        if wanted & {"opposite", "clear"} and self.case.side not in OPPOSITE:
            return False
        if "clear" in wanted and self.case.nodes in ("bilateral", "contralateral"):
            return False
        if any(f"{letter}{level}" in wanted for letter in "dc" for level in range(len(self.case.dose_gy) + 1, 4)):
            return False
        return self.may_distract or not wanted & {"opposite", "clear", "other"}

    def _slot(self, name: str) -> str:
        if name.startswith("^"):
            text = self._slot(name[1:])
            return text[:1].upper() + text[1:]
        if name.startswith(("only ", "not ")):
            if not self._fits(f"{{{name}}}"):
                raise DoesNotFit(name)
            return ""
        if name.startswith("num "):
            return str(self.rng.randint(*map(int, name.split()[1:])))
        if name.startswith("dec "):
            low, high = map(int, name.split()[1:])
            return f"{self.rng.randint(10 * low, 10 * high) / 10:.1f}"
        if name in ("side", "near", "other", "opposite", "clear"):
            return self._side(name)
        if name in ("t", "n", "m", "t_", "n_", "m_"):
            return self._stage(name)
        if name == "fx":
            self.said.add("fx")
            return str(self.case.fractions)
        if re.fullmatch("[dc][123]", name):
            return self._dose(name)
        if name in self.values:
            return self.values[name]
        return self._phrase(name)

    def _side(self, name: str) -> str:
        case = self.case
        if not self._fits(f"{{{name}}}") or (name == "side" and case.side not in OPPOSITE):
            raise DoesNotFit(name)
        if name == "near":
            side = case.near
        elif name == "side":
            side = case.side
            self.said.add("side")
        else:
            self.distracted = True
            alike = name == "other" and self.rng.random() > OPPOSITE_SHARE
            side = case.near if alike else OPPOSITE[case.near]
        return STYLES[self.layout.style][side == "right"]

    def _stage(self, name: str) -> str:
        self.said.add(name[0])
        stage = getattr(self.case, name[0])
        if name.endswith("_"):
            return " ".join([stage[0], *re.findall(r"\d|is|X|[a-c]", stage[1:])])
        return stage

    def _dose(self, name: str) -> str:
        if int(name[1]) > len(self.case.dose_gy):
            raise DoesNotFit(name)
        self.said.add("d" + name[1])
        dose = self.case.dose_gy[int(name[1]) - 1]
        return f"{round(100 * dose)}" if name[0] == "c" else f"{dose:g}"

    def _phrase(self, name: str) -> str:
        phrases = getattr(self.phrases, name.upper())
        if isinstance(phrases, dict):
            phrases = self._keyed(name, phrases)
        fresh = [phrase for phrase in phrases if phrase not in self.used and self._fits(phrase)]
        chosen = self._choose(fresh or phrases)
        self.used.add(chosen)
        return self.expand(chosen)

    def _keyed(self, name: str, phrases: dict[str, list[str]]) -> list[str]:
        """The phrases for this patient: `key` says which of the dictionary's entries, with "" for all others."""
        case = self.case
        name = SHORT_FOR.get(name, name)
        if name == "disease":
            self.said.add("primary")
        if name == "primary":
            self.said.add("primary")
            kind = "sided" if case.side in OPPOSITE else case.side or "unsaid"
            if kind in ("midline", "bilateral"):
                self.said.add("side")
            phrases = phrases[case.subsite]
            return phrases[kind] if isinstance(phrases, dict) else phrases
        if name in ("neck", "necks"):
            if case.neck is not None:
                self.said.add("neck")
            return phrases[{None: "", "none": "none", "bilateral": "bilateral"}.get(case.neck, "near")]
        keys = {
            "dose": str(len(case.dose_gy)),
            "nodes": f"postop {case.nodes}" if case.intent == "postop" else case.nodes,
            "lesion": self._lesion(),
            "chemo": "early" if case.early_glottic else case.intent,
            "intent": case.intent,
            "hpv": case.hpv,
            "histology": case.subsite if case.subsite in phrases else case.site,
            "disease": case.subsite,
            "complaint": case.site,
            "spread": case.m,
        }
        key = keys[name]
        if key in phrases:
            return phrases[key]
        if key is not None and key.startswith("postop "):
            return phrases["postop"]
        return phrases[""]

    def _lesion(self) -> str:
        case = self.case
        if case.intent == "postop":
            return "postop"
        if case.site == "larynx":
            return {"T3": "fixed", "T4a": "cartilage", "T2": "sluggish"}.get(case.t, "mobile")
        sized = case.site in ("oropharynx", "oral cavity", "salivary gland", "hypopharynx")
        return "sized" if sized else case.site or ""

    def truth_is_whole(self) -> bool:
        """A note that prescribes only the lower levels, or names no tumour, is none of ours."""
        levels = {word for word in self.said if re.fullmatch(r"d\d", word)}
        whole = levels in (set(), {f"d{level + 1}" for level in range(len(self.case.dose_gy))})
        return whole and "primary" in self.said

    def truth(self) -> Truth:
        case, said = self.case, self.said
        truth = Truth(site=case.site)
        truth.side = case.side if "side" in said else None
        truth.t_stage = case.t if "t" in said else None
        truth.n_stage = case.n if "n" in said else None
        truth.m_stage = case.m if "m" in said else None
        truth.dose_gy = list(case.dose_gy) if "d1" in said else []
        truth.fractions = case.fractions if "fx" in said else None
        truth.neck = case.neck if "neck" in said else None
        return truth

    def finish(self, text: str) -> str:
        """Tidy what empty phrases have left behind, mistype a few words, and set the letters."""
        text = re.sub(r"\b\w+", self._mistype, text)
        text = re.sub(r" +([.,;:)])(?=\s|$)", r"\1", re.sub(r" {2,}", " ", text))
        text = re.sub(r"([.,;])\1+", r"\1", text).replace(",.", ".").replace(".,", ".")
        text = re.sub(r"[ ,]+\n", "\n", text + "\n")
        text = re.sub(r"\(\(([LR])\)", r"(\1", text)  # a side in brackets that was itself put in brackets
        text = re.sub(r"(?mi)^(?:[-*•>]|\d\.|neck[\w ]*[:=])\n", "", text)
        text = re.sub(r"\n{3,}", "\n\n", text).strip()
        return {"upper": text.upper, "lower": text.lower}.get(self.layout.letters, lambda: text)()

    def _mistype(self, found: re.Match) -> str:
        word, rng = found[0], self.rng
        if len(word) < LONGER or not word.isalpha() or SPELT_RIGHT.search(word) or rng.random() > TYPOS:
            return word
        at = rng.randrange(1, len(word) - 2)
        return rng.choice(
            [
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word[:at] + word[at + 1 :],
                word[:at] + word[at] + word[at:],
            ]
        )
