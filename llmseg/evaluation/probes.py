"""How well a linear probe reads a note's facts from its embedding, in wordings the probe never saw.

Each row of the table is one way to turn a note into a vector: a bag of words, or the states of a language model at one
layer, averaged, taken at the last token, or read by learned queries. Each way is tried on the note as it was written
and on the prompt rebuilt from the facts the rules found in it.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from llmseg.model.reader import TextReader, descend
from llmseg.text.encoder import EncoderSpec, TextEncoder, TextFeatures
from llmseg.text.facts import N_STAGES, NECKS, SIDES, SITES, T_STAGES, Facts
from llmseg.text.note import read_note
from llmseg.text.wording import write_note

FACTS = ("site", "side", "t_stage", "neck")
REBUILT = "expanded"
"""The template that states all four facts."""

_CHOICES = {"site": SITES, "side": SIDES, "neck": NECKS, "t_stage": T_STAGES}


@dataclass(frozen=True)
class Way:
    """One way to turn notes into vectors.

    Args:
        pooling: "words", "mean", "last" or "queries".
        spec: the language model and its layer; None for the bag of words.
    """

    name: str
    pooling: str
    spec: EncoderSpec | None = None


@dataclass(frozen=True)
class Score:
    """One row: fact -> accuracy on unseen wordings."""

    way: Way
    rebuilt: bool
    accuracy: dict[str, float]


def ways(specs: Sequence[tuple[str, EncoderSpec]], layers: Sequence[int]) -> list[Way]:
    """The bag of words, and for each model the paper's mean of the last layer and learned queries at several layers."""
    found = [Way("bag of words", "words")]
    for name, spec in specs:
        found += [Way(name, pooling, replace(spec, layer=0)) for pooling in ("mean", "last")]
        found += [Way(name, "queries", replace(spec, layer=layer)) for layer in layers]
    return found


def compare(
    asked: Sequence[Way],
    *,
    notes: int = 1200,
    seed: int = 0,
    cache: Path | None = None,
) -> Iterator[Score]:
    """Probe each way, with the note as written and rebuilt through a template.

    Args:
        notes: to learn from; a third as many, in wordings kept back, are tested on.
    Yields:
        Two scores for each way.
    """
    learned, tested = (_notes(count, split, seed) for count, split in ((notes, "training"), (notes // 3, "validation")))
    written = [[text for text, _ in part] for part in (learned, tested)]
    prompts = [[_rebuilt(text) for text in part] for part in written]
    answers = [_answers(part) for part in (learned, tested)]
    for way in asked:
        for rebuilt, texts in ((False, written), (True, prompts)):
            yield Score(way, rebuilt, _probe(way, texts, answers, seed, cache))


def _notes(count: int, split: str, seed: int) -> list[tuple[str, dict[str, str]]]:
    rng, found = random.Random(f"probe/{split}/{seed}"), []
    for number in range(count):
        side = rng.choice(SIDES)
        neck = rng.choice(NECKS if side == "midline" else (side, "bilateral"))
        facts = Facts(rng.choice(SITES), side, neck, (70, 56), rng.choice(T_STAGES), rng.choice(N_STAGES))
        text = write_note(facts, split=split, seed=f"probe/{seed}/{number}/{rng.random()}")
        found.append((text, {fact: getattr(facts, fact) for fact in FACTS}))
    return found


def _rebuilt(text: str) -> str:
    return read_note(text, template=REBUILT).prompt or text


def _answers(notes: Sequence[tuple[str, dict[str, str]]]) -> torch.Tensor:
    return torch.tensor([[_CHOICES[fact].index(facts[fact]) for fact in FACTS] for _, facts in notes])


def _probe(
    way: Way, texts: list[list[str]], answers: list[torch.Tensor], seed: int, cache: Path | None
) -> dict[str, float]:
    torch.manual_seed(seed)
    if way.pooling == "words":
        learned, tested = _bags(*texts)
    else:
        encoder = TextEncoder(way.spec, cache=cache)
        learned, tested = _vectors(way.pooling, *(encoder.encode(part) for part in texts), answers[0])
    found = {}
    for column, fact in enumerate(FACTS):
        weights, bias = _fit(learned, answers[0][:, column], len(_CHOICES[fact]))
        found[fact] = ((tested @ weights + bias).argmax(1) == answers[1][:, column]).float().mean().item()
    return found


def _bags(learned: list[str], tested: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    counted = [Counter(re.findall(r"\w+", text.lower())) for text in learned]
    vocabulary = {word: n for n, word in enumerate(sorted({word for bag in counted for word in bag}))}
    rows = []
    for part in (learned, tested):
        bag = torch.zeros(len(part), len(vocabulary))
        for row, text in enumerate(part):
            for word, count in Counter(re.findall(r"\w+", text.lower())).items():
                if word in vocabulary:
                    bag[row, vocabulary[word]] = min(count, 3)
        rows.append(bag)
    return rows[0], rows[1]


def _vectors(
    pooling: str, learned: TextFeatures, tested: TextFeatures, answers: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    if pooling == "queries":
        reader = _taught(learned, answers)
        with torch.inference_mode():
            pair = reader(learned), reader(tested)
        pair = tuple(vectors.clone() for vectors in pair)
    else:
        pair = tuple(_pooled(pooling, text) for text in (learned, tested))
    mean, deviation = pair[0].mean(0), pair[0].std(0).clamp_min(1e-4)
    return tuple((vectors - mean) / deviation for vectors in pair)


def _pooled(pooling: str, text: TextFeatures) -> torch.Tensor:
    if pooling == "mean":
        weights = text.mask.unsqueeze(-1).float()
        return (text.tokens * weights).sum(1) / weights.sum(1)
    return text.tokens[torch.arange(len(text.tokens)), text.mask.sum(1) - 1]


def _taught(text: TextFeatures, answers: torch.Tensor, steps: int = 600) -> TextReader:
    """Learned queries, trained to name the four facts."""
    reader = TextReader(text.tokens.shape[-1])
    reader.standardise(text)
    heads = nn.ModuleList(nn.Linear(reader.width, len(_CHOICES[fact])) for fact in FACTS)

    def loss_of(rows: torch.Tensor) -> torch.Tensor:
        context = reader(text[rows])
        return sum(nn.functional.cross_entropy(head(context), answers[rows, n]) for n, head in enumerate(heads))

    descend([*reader.parameters(), *heads.parameters()], loss_of, len(answers), steps)
    return reader.eval()


def _fit(vectors: torch.Tensor, answers: torch.Tensor, choices: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Multinomial logistic regression with a little ridge."""
    weights = torch.zeros(vectors.shape[1], choices, requires_grad=True)
    bias = torch.zeros(choices, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights, bias], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(vectors @ weights + bias, answers) + 1e-3 * weights.pow(2).sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return weights.detach(), bias.detach()
