"""The facts of a prompt as a row of ones and zeros: what a network can do with facts and without a language model.

Each fact has one place for each answer and one for "unknown", and exactly one of them is 1.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from types import MappingProxyType

import torch

from llmseg.text.facts import Facts
from llmseg.text.note import read_note
from llmseg.text.stated import StatedFacts
from llmseg.text.template import AS_WRITTEN

ONE_HOT = "one-hot"
"""EncoderSpec.model that means: no language model, the facts by the project's rules."""

_SITES = ("nasopharynx", "oropharynx", "hypopharynx", "larynx", "oral cavity", "salivary gland", "sinonasal", "thyroid")
_LEVELS = ("Ib", "II", "III", "IV", "V", "VIIa")
_DOSES_GY = (56, 63, 70)
_NODES = tuple(f"{side} {level}" for side in ("left", "right") for level in _LEVELS)
ANSWERS = MappingProxyType(
    {
        "site": (*_SITES, "unknown primary"),
        "side": ("left", "right", "bilateral", "midline"),
        "neck": ("left", "right", "bilateral", "none"),
        "T": ("T1", "T2", "T3", "T4"),
        "N": ("N0", "N1", "N2", "N3"),
        **{f"{dose} Gy": ("yes", "no") for dose in _DOSES_GY},
        **{node: ("none", *(f"{dose} Gy" for dose in _DOSES_GY)) for node in _NODES},
    }
)
"""Fact -> what may be said of it; whatever else is said, or nothing, is "unknown"."""

VOCABULARY = tuple(f"{fact}: {answer}" for fact, answers in ANSWERS.items() for answer in (*answers, "unknown"))
WIDTH = len(VOCABULARY)
"""NetworkConfig.token_width of a network that reads facts."""

_SWAPPED = {"left": "right", "right": "left"}
MIRROR = tuple(VOCABULARY.index(re.sub("left|right", lambda side: _SWAPPED[side.group()], v)) for v in VOCABULARY)
"""For each place, where a left-right mirror takes it from: `row[MIRROR]` is the mirrored patient's row."""

FINGERPRINT = hashlib.sha256("\n".join(VOCABULARY).encode()).hexdigest()[:16]


def one_hot(facts: Facts | StatedFacts) -> torch.Tensor:
    """(WIDTH,) float32, 1 at each fact's answer."""
    said = {f"{fact}: {answer if answer in ANSWERS[fact] else 'unknown'}" for fact, answer in _answers(facts).items()}
    return torch.tensor([float(place in said) for place in VOCABULARY])


def _answers(facts: Facts | StatedFacts) -> dict[str, str | None]:
    doses = {round(dose) for dose in facts.dose_gy}
    prescribed = {f"{dose} Gy": ("yes" if dose in doses else "no") if doses else None for dose in _DOSES_GY}
    # A plan that names levels says of all the others that they get nothing.
    nodes = dict.fromkeys(_NODES, "none" if facts.nodes else None)
    for side, level, dose in facts.nodes or ():
        nearest = min(_DOSES_GY, key=lambda known: abs(known - dose))
        nodes[f"{side} {_whole(level)}"] = f"{nearest} Gy"
    return {
        **{"site": facts.site, "side": facts.side, "neck": facts.neck},
        **{"T": (facts.t_stage or "")[:2], "N": (facts.n_stage or "")[:2]},
        **prescribed,
        **{node: nodes[node] for node in _NODES},
    }


def _whole(level: str) -> str:
    """The level a subdivision belongs to, where the vocabulary knows no finer one: "IIa" is in "II"."""
    return level if level in _LEVELS else level.rstrip("ab")


class OneHotEncoder:
    """Stands where a language model and its tokenizer stand: a prompt of any length is one token.

    Nothing is kept on disk: the rules cost little, and a row must follow them when they change.
    """

    def __init__(self, max_tokens: int):
        self.budget = max_tokens

    def ids(self, note: str) -> list[int]:
        return [0]

    def __call__(self, notes: Sequence[str]) -> torch.Tensor:
        """(B, 1, WIDTH) rows of prompts."""
        return torch.stack([_row(note) for note in notes])[:, None]


@lru_cache(maxsize=20_000)
def _row(note: str) -> torch.Tensor:
    return one_hot(read_note(note, template=AS_WRITTEN).facts)
