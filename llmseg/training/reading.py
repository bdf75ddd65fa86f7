"""Teach the reader to read before any patient is seen: notes can be generated without end, patients cannot.

Two wordings of the same facts must steer alike, and a fact that the note leaves out must be an open question: so the
reader learns to name each fact, or that it is not stated, and to give a free wording the context of its prompt.
"""

from __future__ import annotations

import hashlib
import json
import logging
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import safetensors.torch
import torch
from torch import nn

from llmseg.case import Note
from llmseg.formats.whole import write_whole
from llmseg.model.reader import FACT_HEADS, TextReader, descend, fact_targets
from llmseg.text.encoder import TextEncoder, TextFeatures
from llmseg.text.facts import DOSES_GY, LEVELS, N_STAGES, NECKS, SIDES, SITES, T_STAGES, Facts
from llmseg.text.note import read_note
from llmseg.text.stated import StatedFacts
from llmseg.text.template import DEFAULT_TEMPLATE, fill, read_template
from llmseg.text.wording import write_note, write_partial_note

log = logging.getLogger(__name__)

READER_VERSION = 1
"""Raise it when a reader would be taught otherwise from the same arguments: readers of another version are not used."""

_ESSENTIAL = ("site", "side", "neck", "dose_gy")
_EXPANDED = ("t_stage", "n_stage", "nodes")


def draw_facts(rng: random.Random) -> Facts:
    """Facts as even as a clinic allows: a single treated neck lies on the tumour's side."""
    doses = (70, *(dose for dose in DOSES_GY[1:] if rng.random() < 0.5))
    side = rng.choice(SIDES)
    neck = rng.choice(NECKS if side == "midline" else (side, "bilateral"))
    treated = ("left", "right") if neck == "bilateral" else (neck,)
    share = {s: rng.choice((0.2, 0.5, 0.8)) for s in treated}  # of its levels that get the highest dose
    nodes = tuple(
        (s, level, 70 if rng.random() < share[s] else rng.choice(doses))
        for s in treated
        for level in LEVELS
        if rng.random() < 0.85
    )
    return Facts(rng.choice(SITES), side, neck, doses, rng.choice(T_STAGES), rng.choice(N_STAGES), nodes or None)


def said_of(facts: Facts, seed: int | str) -> StatedFacts:
    """What a note may say of these facts: the essential ones, all of them, or any of them."""
    rng = random.Random(f"said/{seed}")
    said = StatedFacts.of(facts)
    kind = rng.random()
    if kind < 0.35:
        return without(said, _EXPANDED)
    if kind < 0.75:
        return said
    return without(said, [name for name in (*_ESSENTIAL, *_EXPANDED) if rng.random() < 0.35])


def without(said: StatedFacts, names: Sequence[str]) -> StatedFacts:
    """The same note with some facts left out."""
    return replace(said, **{name: () if name in ("dose_gy", "nodes") else None for name in names})


def prompt_of(said: StatedFacts) -> str:
    """What the language model reads of a note that says this; "" where it says nothing."""
    return fill(read_template(DEFAULT_TEMPLATE), said).text


def prompt_of_note(note: Note) -> str:
    """What the language model reads of a written note: its prompt, or the note itself where the rules find nothing."""
    reading = read_note(note.text)
    return reading.prompt or reading.text.strip()


def generated_notes(count: int, *, seed: int) -> tuple[list[str], list[str], torch.Tensor]:
    """Training notes on patients who do not exist.

    Returns:
        Free wordings, the prompt of each, and the right answers (count, facts). Two in three have no wording of their
        own: their prompt stands for it.
    """
    rng = random.Random(f"training/{seed}")
    notes, prompts, answers = [], [], []
    while len(notes) < count:
        facts = draw_facts(rng)
        said, kind = said_of(facts, f"{seed}/{len(notes)}/{rng.random()}"), rng.random()
        if kind < 0.2:
            plain = facts if rng.random() < 0.6 else facts.essential
            said, note = StatedFacts.of(plain), write_note(plain, split="training", seed=f"{seed}/{len(notes)}")
        elif kind < 0.33:
            said = without(said, _EXPANDED)
            known = {name for name in _ESSENTIAL if getattr(said, name)}
            note = write_partial_note(facts.essential, known, seed=f"{seed}/{len(notes)}")
        else:
            note = ""
        if said.side == "midline" and rng.random() < 0.3:
            said = replace(said, side="bilateral")
        if prompt := prompt_of(said):
            notes.append(note or prompt)
            prompts.append(prompt)
            answers.append(fact_targets(said))
    return notes, prompts, torch.tensor(answers)


def pretrain_reader(
    reader: TextReader, encoder: TextEncoder, *, notes: int = 4000, steps: int = 4000, seed: int = 0
) -> dict[str, float]:
    """Train the reader to name each fact of generated notes; afterwards it is frozen.

    What it learns depends on the arguments alone, so a reader once taught is kept in the encoder's cache.

    Returns:
        fact -> accuracy on an eighth as many expanded notes in wordings never trained on ("nodes": mean over the
        levels); "prompt ..." for their prompts; "apart": how far, in standard deviations, a note's context lies from
        its prompt's.
    """
    shapes = {name: list(value.shape) for name, value in reader.state_dict().items()}
    recipe = json.dumps([READER_VERSION, reader.pooling, shapes, notes, steps, seed])
    path = encoder.folder / f"reader-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}.safetensors"
    accuracy = _read_taught(reader, path)
    if accuracy is None:
        accuracy = _teach(reader, encoder, notes, steps, seed)
        write_whole(path, safetensors.torch.save(reader.state_dict(), {"accuracy": json.dumps(accuracy)}))
    reader.eval().requires_grad_(False)
    log.info("Reader on unseen wordings: %s", ", ".join(f"{fact} {share:.2f}" for fact, share in accuracy.items()))
    return accuracy


def _read_taught(reader: TextReader, path: Path) -> dict[str, float] | None:
    if not path.exists():
        return None
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            reader.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
            return json.loads(file.metadata()["accuracy"])
    except (safetensors.SafetensorError, OSError, RuntimeError, KeyError, TypeError, ValueError):
        log.warning("The cache file %s is damaged; teaching that reader again.", path)
        return None


def _teach(reader: TextReader, encoder: TextEncoder, notes: int, steps: int, seed: int) -> dict[str, float]:
    torch.manual_seed(seed)
    reader.reset()
    worded, prompts, targets = generated_notes(notes, seed=seed)
    text = encoder.encode([*worded, *prompts])
    reader.standardise(text)
    heads = nn.ModuleList(nn.Linear(reader.width, answers) for answers in FACT_HEADS.values())

    def loss_of(rows: torch.Tensor) -> torch.Tensor:
        context = reader(drop_tokens(_shortened(text[rows]), share=0.1))
        with torch.no_grad():
            goal = reader(_shortened(text[rows + notes]))
        named = sum(nn.functional.cross_entropy(head(context), targets[rows, i]) for i, head in enumerate(heads))
        return named + 5 * (context - goal).pow(2).mean()

    reader.train()
    descend([*reader.parameters(), *heads.parameters()], loss_of, notes, steps)
    reader.eval()
    return _accuracy(reader, heads, encoder, notes // 8, seed)


@torch.inference_mode()
def _accuracy(
    reader: TextReader, heads: Sequence[nn.Module], encoder: TextEncoder, count: int, seed: int
) -> dict[str, float]:
    rng = random.Random(f"validation/{seed}")
    facts = [draw_facts(rng) for _ in range(count)]
    answers = torch.tensor([fact_targets(StatedFacts.of(f)) for f in facts])
    unseen = [write_note(f, split="validation", seed=f"{seed}/{i}") for i, f in enumerate(facts)]
    contexts = {
        "": reader(encoder.encode(unseen)),
        "prompt ": reader(encoder.encode([prompt_of(StatedFacts.of(f)) for f in facts])),
    }
    found = {}
    for prefix, context in contexts.items():
        right = [(head(context).argmax(1) == answers[:, i]).float().mean().item() for i, head in enumerate(heads)]
        by_fact = dict(zip(FACT_HEADS, right, strict=True))
        nodes = [by_fact.pop(name) for name in tuple(by_fact) if name.split()[-1] in LEVELS]
        found |= {f"{prefix}{fact}": round(share, 4) for fact, share in by_fact.items()}
        found[f"{prefix}nodes"] = round(sum(nodes) / len(nodes), 4)
    apart = (contexts[""] - contexts["prompt "]).pow(2).mean() / contexts["prompt "].var(0).mean()
    return {**found, "apart": round(apart.sqrt().item(), 4)}


def _shortened(text: TextFeatures) -> TextFeatures:
    longest = int(text.mask.sum(1).max())
    return TextFeatures(text.tokens[:, :longest], text.mask[:, :longest])


def drop_tokens(text: TextFeatures, share: float) -> TextFeatures:
    keep = torch.rand(text.mask.shape) >= share
    keep[:, 0] = True
    return TextFeatures(text.tokens, text.mask & keep)
