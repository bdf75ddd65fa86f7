"""Teach the reader to read before any patient is seen: notes can be generated without end, patients cannot."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence

import torch
from torch import nn

from llmseg.model.reader import FACT_HEADS, TextReader, descend, fact_targets
from llmseg.text.encoder import TextEncoder, TextFeatures
from llmseg.text.facts import DOSES_GY, NECKS, SIDES, SITES, Facts
from llmseg.text.wording import write_note

log = logging.getLogger(__name__)


def draw_facts(rng: random.Random) -> Facts:
    """Facts as even as a clinic allows: a single treated neck lies on the tumour's side."""
    optional = tuple(dose for dose in DOSES_GY[1:] if rng.random() < 0.5)
    side = rng.choice(SIDES)
    necks = NECKS if side == "midline" else (side, "bilateral")
    return Facts(rng.choice(SITES), side, rng.choice(necks), (70, *optional))


def generated_notes(count: int, *, split: str, seed: int) -> tuple[list[str], torch.Tensor]:
    """Notes on patients who do not exist, and the right answers (count, facts)."""
    rng = random.Random(f"{split}/{seed}")
    facts = [draw_facts(rng) for _ in range(count)]
    notes = [write_note(f, split=split, seed=f"{seed}/{i}") for i, f in enumerate(facts)]
    return notes, torch.tensor([fact_targets(f) for f in facts])


def pretrain_reader(
    reader: TextReader, encoder: TextEncoder, *, notes: int = 3000, steps: int = 1200, seed: int = 0
) -> dict[str, float]:
    """Train the reader to name each fact of generated notes; afterwards it is frozen.

    Returns:
        fact -> accuracy on as many notes as fit a quarter of the training set, in wordings never trained on.
    """
    torch.manual_seed(seed)
    texts, targets = generated_notes(notes, split="training", seed=seed)
    text = encoder.encode(texts)
    reader.standardise(text)
    heads = nn.ModuleList(nn.Linear(reader.width, answers) for answers in FACT_HEADS.values())

    def loss_of(rows: torch.Tensor) -> torch.Tensor:
        context = reader(drop_tokens(text[rows], share=0.1))
        return sum(nn.functional.cross_entropy(head(context), targets[rows, i]) for i, head in enumerate(heads))

    reader.train()
    descend([*reader.parameters(), *heads.parameters()], loss_of, notes, steps)
    reader.eval().requires_grad_(False)
    unseen, answers = generated_notes(notes // 4, split="validation", seed=seed)
    accuracy = reading_accuracy(reader, heads, encoder.encode(unseen), answers)
    log.info("Reader on unseen wordings: %s", ", ".join(f"{fact} {share:.2f}" for fact, share in accuracy.items()))
    return accuracy


@torch.inference_mode()
def reading_accuracy(
    reader: TextReader, heads: Sequence[nn.Module], text: TextFeatures, answers: torch.Tensor
) -> dict[str, float]:
    context = reader(text)
    right = [(head(context).argmax(1) == answers[:, i]).float().mean().item() for i, head in enumerate(heads)]
    return dict(zip(FACT_HEADS, right, strict=True))


def drop_tokens(text: TextFeatures, share: float) -> TextFeatures:
    keep = torch.rand(text.mask.shape) >= share
    keep[:, 0] = True
    return TextFeatures(text.tokens, text.mask & keep)
