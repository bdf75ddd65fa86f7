"""Does the meaning of a note move the contour, and its wording not? PTV_High on patients, by four notes each.

    python benchmarks/wording.py --data data/openkbp [--split validation] [--checkpoint FOLDER] [--template T]

Each patient is contoured with a note in a wording used in training, with two in wordings never used, and with the
first of these after left and right were exchanged in its facts. Printed: the DSC of each, and the symmetric
difference over the volume of the first unseen wording's contour, for a paraphrase and for a wrong side in lateralised
patients.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from llmseg.case import InputError, Note
from llmseg.datasets.folder import read_dataset
from llmseg.metrics import dice
from llmseg.segmenter import DEFAULT_CHECKPOINT, Segmenter
from llmseg.text.wording import write_note

TARGET = "PTV_High"
MOST_FALL, MOST_PARAPHRASE, LEAST_WRONG_SIDE = 0.01, 0.05, 0.30


def notes_of(case) -> dict[str, Note]:
    facts = case.facts
    notes = {
        "training wording": write_note(facts, split="training", seed=f"{case.id}/wording"),
        "unseen wording": write_note(facts, split="validation", seed=f"{case.id}/wording/0"),
        "paraphrase": write_note(facts, split="validation", seed=f"{case.id}/wording/1"),
    }
    if facts.side != "midline":
        notes["wrong side"] = write_note(facts.mirrored(), split="validation", seed=f"{case.id}/wording/0")
    return {name: Note(text) for name, text in notes.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="validation")
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--template", default="essential", help="or as-written")
    options = parser.parse_args()
    try:
        segmenter = Segmenter.load(options.checkpoint, template=options.template)
        cases = [c for c in read_dataset(options.data).split(options.split) if c.facts and c.structures]
    except InputError as error:
        print(f"wording: {error}", file=sys.stderr)
        return 2
    scores, moved = defaultdict(list), defaultdict(list)
    for case in cases:
        notes, truth, ct = notes_of(case), case.structures[TARGET], segmenter.open(case.volume)
        masks = dict(zip(notes, (s.structures[TARGET] for s in ct.segment_each(list(notes.values()))), strict=True))
        for name, mask in masks.items():
            scores[name].append(dice(truth, mask))
        for name in ("paraphrase", "wrong side"):
            if name in masks:
                original = masks["unseen wording"]
                moved[name].append((original ^ masks[name]).sum() / max(int(original.sum()), 1))
        print(f"\r{len(scores['paraphrase'])} of {len(cases)}", end="", file=sys.stderr, flush=True)
    print(f"\n{options.checkpoint}, template {options.template}, {options.split}\n", file=sys.stderr)
    print(f"{'note':18} {'n':>3} {'DSC':>7}")
    for name, values in scores.items():
        print(f"{name:18} {len(values):3} {np.nanmean(values):7.3f}")
    fall = np.nanmean(scores["training wording"]) - np.nanmean(scores["unseen wording"])
    paraphrase, wrong = np.median(moved["paraphrase"]), np.median(moved["wrong side"])
    rows = (
        ("fall from training to unseen wording", f"{fall:+.4f}", f"< {MOST_FALL}", fall < MOST_FALL),
        (
            "symmetric difference, paraphrase",
            f"{paraphrase:.1%}",
            f"< {MOST_PARAPHRASE:.0%}",
            paraphrase < MOST_PARAPHRASE,
        ),
        ("symmetric difference, wrong side", f"{wrong:.1%}", f"> {LEAST_WRONG_SIDE:.0%}", wrong > LEAST_WRONG_SIDE),
    )
    print()
    for what, value, bar, holds in rows:
        print(f"{what:38} {value:>8}   bar {bar:7} {'holds' if holds else 'FAILS'}")
    return 0 if all(row[-1] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
