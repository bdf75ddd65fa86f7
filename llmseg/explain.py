"""Which words moved the contour, by how many millilitres, and whether note and contour agree.

ct = segmenter.open(volume)
for effect in ablate(ct, Note("T2N1 carcinoma of the left tonsil, bilateral neck, 70 / 56 Gy")).effects:
    print(effect.words, effect.moved_ml)

The image is encoded once; words that leave the prompt as it was cost no decode, and the others are decoded in batches.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from llmseg.case import TARGETS, InputError, Note, Segmentation, Structures, slice_axis_of
from llmseg.segmenter import OpenCT, Progress
from llmseg.text.facts import DOSES_GY, N_STAGES, NECKS, NODES, SIDES, SITES, T_STAGES, Facts
from llmseg.text.note import NoteReading
from llmseg.text.wording import exchange_sides, write_note

MOST_PHRASES = 10
TARGET = TARGETS[0]
STEERING = ("site", "side", "neck", "dose_gy")
"""What every note must say to steer the network; stage and nodal plan steer it where they are said."""

PRESETS = ("wrong side", "other site", "other stage", "paraphrase", "another patient", "empty")
"""What `counterfactuals` can make of a note."""

_CLAUSE = re.compile(r"[^,;.\n:()]+")
_OTHER_T = {"T0": "T2", "Tis": "T3", "TX": "T3", "T1": "T4a", "T2": "T4a", "T3": "T1", "T4": "T1"}
_OTHER_SITE = {
    "nasopharynx": "hypopharynx",
    "oropharynx": "larynx",
    "hypopharynx": "nasopharynx",
    "larynx": "oropharynx",
}
_OTHER_SIDE = {"left": "right", "right": "left"}
_NOT_DRAWN = {
    "optic chiasm": r"chiasm",
    "optic nerves": r"optic nerves?",
    "eyes": r"eyes?|globes?|retinas?",
    "lenses": r"lens(?:es)?",
    "cochleae": r"cochlea[es]?",
    "submandibular glands": r"submandibular glands?",
    "oral cavity": r"oral cavity",
    "constrictor muscles": r"(?:pharyngeal )?constrictors?",
    "brachial plexus": r"brachial plex\w+",
    "thyroid": r"thyroid gland|thyroid",
    "lips": r"lips?",
    "temporal lobes": r"temporal lobes?",
    "pituitary": r"pituitary",
}
_AT_RISK = re.compile(
    r"[<≤]|\b(?:spar\w*|constraint\w*|mean|max\w*|dmax|limit\w*|contour\w*|oars?|organs? at risk|delineat\w*"
    r"|protect\w*)\b"
)


@dataclass(frozen=True)
class Delta:
    """How one structure differs between two contours.

    Args:
        added_ml, removed_ml: what only the second, and only the first, holds.
        share: their sum over the first one's volume; infinite where that is empty.
        centre: voxel in the middle of the change, in its largest axial slice, on its larger side.
        side: of the patient on which most of the change lies: "left", "right", or "both" where neither has two thirds.
    """

    added_ml: float
    removed_ml: float
    share: float
    centre: tuple[int, int, int]
    side: str

    @property
    def moved_ml(self) -> float:
        return self.added_ml + self.removed_ml


@dataclass(frozen=True)
class Phrase:
    """Words that say one thing, wherever in the note they say it.

    Args:
        spans: offsets in the de-identified note.
        facts: the fields they state; () for words from which no fact was read.
    """

    spans: tuple[tuple[int, int], ...]
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Effect:
    """What dropping a phrase does.

    Args:
        words: the phrase as the note has it.
        shorter: the note without it, read again; None where nothing is left.
        deltas: structure -> change, from the contour with the whole note to the one without the phrase.
    """

    phrase: Phrase
    words: str
    shorter: NoteReading | None
    deltas: Mapping[str, Delta]

    @property
    def moved_ml(self) -> float:
        """Millilitres added and removed, all structures together."""
        return sum(delta.moved_ml for delta in self.deltas.values())


@dataclass(frozen=True, eq=False)
class Explanation:
    """A note and the effect of each of its phrases.

    Args:
        decodes: how many different prompts were drawn, the whole note's included.
    """

    reading: NoteReading
    effects: tuple[Effect, ...]
    decodes: int


@dataclass(frozen=True)
class Sensitivity:
    """How much the target moves when the note's meaning changes, and when only its wording does.

    Args:
        wrong_side: 1 - DSC of PTV_High between the note and the same with its sides exchanged; None without a side.
        paraphrase: the same for another wording of the same facts; None where a fact is missing.
    """

    wrong_side: float | None
    paraphrase: float | None

    @property
    def score(self) -> float | None:
        """1 where the side decides and the wording does not, 0 where the note is not listened to."""
        if self.wrong_side is None:
            return None
        return max(0.0, self.wrong_side - (self.paraphrase or 0.0))


def difference(before: Structures, after: Structures) -> dict[str, Delta]:
    """Structure -> how it changed, for those that did."""
    voxel_ml = abs(float(np.linalg.det(before.affine[:3, :3]))) / 1000
    deltas = {}
    for name in before:
        added, removed = after[name] & ~before[name], before[name] & ~after[name]
        changed = np.argwhere(added | removed)
        if not len(changed):
            continue
        added_ml, removed_ml, whole = (mask.sum() * voxel_ml for mask in (added, removed, before[name]))
        share = float((added_ml + removed_ml) / whole) if whole else float("inf")
        right = changed @ before.affine[0, :3] + before.affine[0, 3] > midline_mm(before, after)
        to_the_right = float(right.mean())
        side = "right" if to_the_right > 2 / 3 else "left" if to_the_right < 1 / 3 else "both"
        centre = _middle(changed[right == (to_the_right > 0.5)], before.affine)
        deltas[name] = Delta(float(added_ml), float(removed_ml), share, centre, side)
    return deltas


def _middle(voxels: np.ndarray, affine: np.ndarray) -> tuple[int, int, int]:
    """The voxel nearest to the middle of the axial slice that holds most of them."""
    axis = slice_axis_of(affine)
    slices, counts = np.unique(voxels[:, axis], return_counts=True)
    in_slice = voxels[voxels[:, axis] == slices[counts.argmax()]]
    nearest = np.abs(in_slice - np.median(in_slice, axis=0)).sum(axis=1).argmin()
    return tuple(int(v) for v in in_slice[nearest])


def midline_mm(*drawn: Structures) -> float:
    """x of the patient's middle in mm, RAS+: of the cord and the brainstem, else of everything drawn."""
    for names in (("SpinalCord", "Brainstem"), None):
        masks = [(s, s[name]) for s in drawn for name in (names or s) if name in s and s[name].any()]
        if masks:
            return float(np.mean([(np.argwhere(mask) @ s.affine[0, :3]).mean() + s.affine[0, 3] for s, mask in masks]))
    return float(drawn[0].affine[0, 3])


def phrases_of(reading: NoteReading, most: int = MOST_PHRASES) -> tuple[Phrase, ...]:
    """A note's phrases: one for each fact, then the longest other clauses, in the order of the note."""
    by_fact: dict[str, set[tuple[int, int]]] = {}
    for mention in reading.mentions:
        by_fact.setdefault(mention.fact, set()).add((mention.start, mention.end))
    by_spans: dict[tuple[tuple[int, int], ...], list[str]] = {}
    for fact, spans in by_fact.items():
        by_spans.setdefault(tuple(sorted(spans)), []).append(fact)
    stated = [Phrase(spans, tuple(facts)) for spans, facts in by_spans.items()]
    stated.sort(key=lambda phrase: not set(phrase.facts) & set(STEERING))
    stated = stated[:most]
    others = sorted(_other_clauses(reading), key=lambda span: span[0] - span[1])[: most - len(stated)]
    return tuple(sorted((*stated, *(Phrase((span,)) for span in others)), key=lambda phrase: phrase.spans))


def _other_clauses(reading: NoteReading) -> Iterator[tuple[int, int]]:
    taken = [(m.start, m.end) for m in reading.mentions]
    for match in _CLAUSE.finditer(reading.text):
        start, end = match.span()
        words = match.group().strip()
        if len(words.split()) >= 2 and not any(a < end and start < b for a, b in taken):
            start += len(match.group()) - len(match.group().lstrip())
            yield start, start + len(words)


def without(reading: NoteReading, phrase: Phrase) -> str:
    """The de-identified note with the phrase taken out."""
    text = reading.text
    for start, end in sorted(phrase.spans, reverse=True):
        text = text[:start] + text[end:]
    return re.sub(r"[ \t]{2,}", " ", text)


@dataclass(frozen=True)
class Plan:
    """Which notes to draw so that every phrase's effect is known: each different prompt once, the whole note first.

    Args:
        shorter: for each phrase the note without it, or None where nothing is left.
        draws: what to draw.
    """

    reading: NoteReading
    phrases: tuple[Phrase, ...]
    shorter: tuple[NoteReading | None, ...]
    draws: tuple[NoteReading | None, ...]

    def effects(self, drawn: Iterable[Structures]) -> Explanation:
        """Compare what was drawn, in the order of `draws`, with the whole note's contour."""
        drawn = iter(drawn)
        whole = next(drawn)
        deltas = {_prompt(self.draws[0]): {}}
        deltas |= {_prompt(r): difference(whole, s) for r, s in zip(self.draws[1:], drawn, strict=True)}
        effects = tuple(
            Effect(phrase, _words(self.reading, phrase), shorter, deltas[_prompt(shorter)])
            for phrase, shorter in zip(self.phrases, self.shorter, strict=True)
        )
        return Explanation(self.reading, effects, len(self.draws))


def plan_ablation(read: Callable[..., NoteReading], reading: NoteReading, most: int = MOST_PHRASES) -> Plan:
    """Read the note again without each of its phrases.

    Args:
        read: `OpenCT.read` or `Segmenter.read`.
    """
    phrases = phrases_of(reading, most)
    shorter = tuple(reread(read, reading, without(reading, phrase)) for phrase in phrases)
    draws = {_prompt(r): r for r in (reading, *shorter)}
    return Plan(reading, phrases, shorter, tuple(draws.values()))


def ablate(
    ct: OpenCT, note: Note | NoteReading, *, most: int = MOST_PHRASES, on_progress: Progress | None = None
) -> Explanation:
    """Drop each phrase of a note in turn and see what that does to the contours.

    Args:
        most: phrases; at most one decode for each, and one for the whole note.
    Raises:
        InputError: an empty note.
    """
    reading = note if isinstance(note, NoteReading) else ct.read(note)
    plan = plan_ablation(ct.read, reading, most)
    return plan.effects(drawn.structures for drawn in ct.segment_each(plan.draws, on_progress))


def reread(read: Callable[..., NoteReading], reading: NoteReading, text: str) -> NoteReading | None:
    """Another text read the way `reading` was; None where there is none."""
    return read(Note(text), template=reading.template, kept=reading.kept) if text.strip() else None


def _prompt(reading: NoteReading | None) -> str:
    return reading.prompt if reading else ""


def _words(reading: NoteReading, phrase: Phrase) -> str:
    return " … ".join(dict.fromkeys(reading.text[start:end] for start, end in phrase.spans))


def counterfactuals(reading: NoteReading, another: str | None = None) -> dict[str, str | None]:
    """Name -> what the note becomes; None is no note. Only those that make sense of this note.

    Args:
        another: another patient's note.
    """
    text, facts = reading.text, reading.facts
    found: dict[str, str | None] = {}
    with suppress(InputError):
        found["wrong side"] = exchange_sides(text)
    if facts.t_stage:
        plain = facts.t_stage.rstrip("abcd")
        found["other stage"] = _swap(reading, "t_stage", _OTHER_T[plain])
    if facts.site:
        found["other site"] = _swap(reading, "site", _OTHER_SITE.get(facts.site, "larynx"))
    found["empty"] = None
    if another and another.strip():
        found["another patient"] = another.strip()
    if (same := paraphrase(reading)) is not None:
        found["paraphrase"] = same
    return found


def _swap(reading: NoteReading, fact: str, new: str) -> str:
    text = reading.text
    for mention in sorted((m for m in reading.mentions if m.fact == fact), key=lambda m: -m.start):
        said = text[mention.start : mention.end]
        instead = new
        if fact == "t_stage":  # "cT2N1M0" keeps its other letters
            instead = re.sub(r"(?i)t\s?(?:[0-4][a-d]?|x|is)", new, said, count=1)
        text = text[: mention.start] + instead + text[mention.end :]
    return text


def paraphrase(reading: NoteReading, seed: str | int = 0) -> str | None:
    """The same facts in another wording; None where one of site, side, neck and doses is missing or unheard of."""
    facts = as_trained(reading)
    return write_note(facts, split="validation", seed=seed, spelled_out=True) if facts else None


def as_trained(reading: NoteReading) -> Facts | None:
    """The facts in the form training knows them, where they are complete."""
    facts = reading.facts
    side = "midline" if facts.side == "bilateral" else facts.side
    doses = tuple(int(dose) for dose in facts.dose_gy if dose in DOSES_GY)
    if facts.site not in SITES or side not in SIDES or facts.neck not in NECKS or 70 not in doses:
        return None
    t, n = (
        plain if (plain := (stage or "")[:2]) in known else None
        for stage, known in ((facts.t_stage, T_STAGES), (facts.n_stage, N_STAGES))
    )
    nodes = tuple((*where, int(dose)) for *where, dose in facts.nodes if tuple(where) in NODES and dose in doses)
    return Facts(facts.site, side, facts.neck, doses, t, n, nodes or None)


def sensitivity(ct: OpenCT, note: Note | NoteReading, on_progress: Progress | None = None) -> Sensitivity:
    """Contour with the note, with its sides exchanged and with a paraphrase, and compare PTV_High."""
    reading = note if isinstance(note, NoteReading) else ct.read(note)
    presets = counterfactuals(reading)
    names = [name for name in ("wrong side", "paraphrase") if name in presets]
    readings = [reread(ct.read, reading, presets[name]) for name in names]
    whole, *others = ct.segment_each([reading, *readings], on_progress)
    apart = {name: _apart(whole, other) for name, other in zip(names, others, strict=True)}
    wrong = apart.get("wrong side") if reading.facts.side in _OTHER_SIDE else None
    return Sensitivity(wrong, apart.get("paraphrase"))


def _apart(one: Segmentation, other: Segmentation) -> float:
    a, b = one.structures[TARGET], other.structures[TARGET]
    both = int(a.sum() + b.sum())
    return 1 - 2 * int((a & b).sum()) / both if both else 0.0


def check(reading: NoteReading, drawn: Structures | None = None) -> list[str]:
    """Where note and contour, or the note and itself, do not agree: one line each, to warn and never to block.

    Args:
        drawn: the contours made with it.
    """
    return [*_about_the_note(reading), *_about_the_contour(reading, drawn)]


def _about_the_note(reading: NoteReading) -> Iterator[str]:
    facts = reading.facts
    steering = {
        "the site": facts.site,
        "the side": facts.side,
        "the neck to be treated": facts.neck,
        "the dose levels": facts.dose_gy,
    }
    missing = [name for name, known in steering.items() if not known]
    if len(missing) == len(STEERING):
        yield "The note states no site, side, neck or dose: it cannot steer the contour."
    elif missing:
        yield f"The note does not state {' or '.join(missing)}; the contour rests on the image there."
    if facts.site and facts.site not in SITES:
        yield f"No {facts.site} tumour was seen in training ({', '.join(SITES)}); expect little of the word."
    if facts.dose_gy and not set(facts.dose_gy) <= set(DOSES_GY):
        prescribed = ", ".join(f"{dose:g}" for dose in facts.dose_gy)
        yield f"The network was trained on plans of 70, 63 and 56 Gy; the note prescribes {prescribed} Gy."
    if facts.side in _OTHER_SIDE and facts.neck == _OTHER_SIDE[facts.side]:
        yield f"The note treats only the {facts.neck} neck of a {facts.side}-sided primary. Check the sides."
    if facts.n_stage == "N0" and facts.levels and facts.neck in (None, "none"):
        levels = ", ".join(facts.levels)
        yield f"The note says N0 and names nodal levels {levels}, but no neck to be treated that holds them."
    if reading.dropped:
        yield f"The prompt was too long; left out: {', '.join(reading.dropped)}."
    if organs := _not_drawn(reading):
        yield f"The note speaks of the {' and the '.join(organs)}; the network does not draw that."


def _not_drawn(reading: NoteReading) -> list[str]:
    """Organs at risk in the note that no network of ours draws."""
    found = []
    for sentence in re.split(r"[;\n]|(?<=[.!?])\s", reading.text.lower()):
        if _AT_RISK.search(sentence):
            named = (organ for organ, pattern in _NOT_DRAWN.items() if re.search(rf"\b(?:{pattern})\b", sentence))
            found += [organ for organ in named if organ != reading.facts.site and organ not in found]
    return found


def _about_the_contour(reading: NoteReading, drawn: Structures | None) -> Iterator[str]:
    if drawn is None or TARGET not in drawn or not drawn[TARGET].any():
        return
    facts = reading.facts
    leaning = _leaning(drawn, TARGET)
    if facts.side in _OTHER_SIDE and leaning == _OTHER_SIDE[facts.side]:
        yield f"The note says {facts.side}, but {TARGET} lies mostly on the {leaning}. Check the side."
    if facts.n_stage == "N0" and facts.levels and not drawn.get(TARGETS[2], np.zeros(1)).any():
        levels = ", ".join(facts.levels)
        yield f"The note says N0 and names levels {levels}, but no elective volume ({TARGETS[2]}) was drawn."


def _leaning(drawn: Structures, name: str) -> str:
    """The side on which a structure mostly lies, by the rule the training notes were written with; "" for neither."""
    x = np.argwhere(drawn[name]) @ drawn.affine[0, :3] + drawn.affine[0, 3] - midline_mm(drawn)
    ratio = float((x < 0).mean() - (x > 0).mean())
    return "left" if ratio > 0.35 else "right" if ratio < -0.35 else ""
