"""Settle a trained reader: every wording of the same facts one context, every missing fact an open question.

A reader taught to name facts leaves two things to chance. Two wordings of the same facts give contexts that lie a
little apart, and so contours that do; and a fact the note does not state is guessed, because no training note ever left
one out. Both are mended without touching the network: the mean context over many wordings becomes the facts' own, the
mean over all values of a missing fact stands for not knowing it, and the reader is taught to give just those.
"""

from __future__ import annotations

import copy
import logging
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import torch

from llmseg.model.checkpoint import load_checkpoint, save_checkpoint
from llmseg.model.reader import TextReader, descend
from llmseg.text.encoder import TextEncoder, TextFeatures
from llmseg.text.facts import DOSES_GY, NECKS, SIDES, SITES, Facts
from llmseg.text.stated import StatedFacts
from llmseg.text.template import fill, read_template, template_names
from llmseg.text.wording import write_note, write_partial_note
from llmseg.training.card import model_card
from llmseg.training.reading import draw_facts, drop_tokens

log = logging.getLogger(__name__)

WORDINGS = 8
"""How many wordings the context of each set of facts is averaged over."""

_FIELDS = ("site", "side", "neck", "dose_gy")


def every_facts() -> list[Facts]:
    """Every set of facts a note can state; a single treated neck lies on the tumour's side."""
    doses = [(70, *more) for n in range(3) for more in combinations(DOSES_GY[1:], n)]
    necks = {side: NECKS if side == "midline" else (side, "bilateral") for side in SIDES}
    return [Facts(site, side, neck, d) for site in SITES for side in SIDES for neck in necks[side] for d in doses]


def settle_reader(
    reader: TextReader, encoder: TextEncoder, *, notes: int = 6000, steps: int = 900, seed: int = 0
) -> tuple[TextReader, dict[str, float]]:
    """Teach a copy of a trained reader the mean context of each set of facts.

    Args:
        notes: generated for it; a little under half of them leave facts out.
    Returns:
        The settled reader, and what it reads of notes in wordings never trained on: fact -> accuracy of the nearest
        set of facts, with "prompt ..." for the same facts written by the default template.
    """
    torch.manual_seed(seed)
    facts = every_facts()
    worded = [write_note(f, split="training", seed=f"settle/{i}") for f in facts for i in range(WORDINGS)]
    with torch.inference_mode():
        contexts = reader(encoder.encode(worded)).reshape(len(facts), WORDINGS, -1).mean(1)
    texts, goals = _lessons(facts, contexts, notes, seed)
    texts += worded
    goals = torch.cat((goals, contexts.repeat_interleave(WORDINGS, 0))).clone()
    settled = _taught(copy.deepcopy(reader), encoder.encode(texts), goals, steps)
    return settled, _accuracy(settled, encoder, facts, contexts, seed)


def settle_checkpoint(source: str | Path, out: str | Path, *, cache: Path | None = None) -> dict[str, float]:
    """Write a checkpoint whose reader is settled; the rest of it stays as it was, tuning scores included.

    Raises:
        InputError: no such checkpoint, or one that reads no notes.
    """
    network, config = load_checkpoint(source)
    network.reader, accuracy = settle_reader(network.reader, TextEncoder(config.encoder, cache=cache))
    config = replace(config, trained={**config.trained, "settled": accuracy})
    save_checkpoint(out, network, config, model_card(config))
    return accuracy


def _lessons(facts: Sequence[Facts], contexts: torch.Tensor, count: int, seed: int) -> tuple[list[str], torch.Tensor]:
    """Notes, complete and not, in clauses and through every template, and the context each should give."""
    rng = random.Random(f"settle/{seed}")
    templates = [read_template(name) for name in template_names()]
    texts, goals = [], []
    for number in range(count):
        stated, known = draw_facts(rng), set(_FIELDS)
        if rng.random() < 0.45:
            known = {name for name in _FIELDS if rng.random() < 0.6}
        if rng.random() < 0.4:
            text = fill(rng.choice(templates), _as_stated(stated, known, rng)).text
        elif len(known) == len(_FIELDS):
            text = write_note(stated, split="training", seed=f"settled/{seed}/{number}")
        else:
            text = write_partial_note(stated, known, seed=f"settled/{seed}/{number}")
        if text.strip():
            rows = [i for i, f in enumerate(facts) if all(getattr(f, n) == getattr(stated, n) for n in known)]
            texts.append(text)
            goals.append(contexts[rows].mean(0))
    return texts, torch.stack(goals)


def _as_stated(facts: Facts, known: set[str], rng: random.Random) -> StatedFacts:
    """The known facts, among stages and fractions that say nothing of the patient."""
    said = {name: getattr(facts, name) for name in known}
    return StatedFacts(
        **said,
        t_stage=rng.choice((None, "T1", "T2", "T3", "T4a")),
        n_stage=rng.choice((None, "N0", "N1", "N2b")),
        m_stage=rng.choice((None, "M0")),
        fractions=rng.choice((None, 33, 35)),
    )


def _taught(reader: TextReader, text: TextFeatures, goals: torch.Tensor, steps: int) -> TextReader:
    reader.requires_grad_(True).train()
    spread = (goals - goals.mean(0)).pow(2).mean()

    def loss_of(rows: torch.Tensor) -> torch.Tensor:
        batch = text[rows]
        longest = int(batch.mask.sum(1).max())
        batch = TextFeatures(batch.tokens[:, :longest], batch.mask[:, :longest])
        return (reader(drop_tokens(batch, share=0.1)) - goals[rows]).pow(2).mean() / spread

    descend(reader.parameters(), loss_of, len(goals), steps)
    return reader.eval().requires_grad_(False)


@torch.inference_mode()
def _accuracy(
    reader: TextReader,
    encoder: TextEncoder,
    facts: Sequence[Facts],
    contexts: torch.Tensor,
    seed: int,
    count: int = 600,
) -> dict[str, float]:
    rng = random.Random(f"unseen/{seed}")
    unseen = [draw_facts(rng) for _ in range(count)]
    worded = [write_note(f, split="validation", seed=f"unseen/{seed}/{i}") for i, f in enumerate(unseen)]
    plain = read_template(template_names()[0])
    prompts = [fill(plain, StatedFacts(**{n: getattr(f, n) for n in _FIELDS})).text for f in unseen]
    found = {}
    for prefix, texts in (("", worded), ("prompt ", prompts)):
        nearest = torch.cdist(reader(encoder.encode(texts)), contexts).argmin(1)
        for name in _FIELDS:
            right = sum(
                getattr(facts[i], name) == getattr(f, name) for i, f in zip(nearest.tolist(), unseen, strict=True)
            )
            found[f"{prefix}{name}"] = right / count
    log.info("Settled reader: %s", ", ".join(f"{name} {share:.2f}" for name, share in found.items()))
    return found
