"""A course in miniature: coarse phantoms, and a run over them that takes seconds.

Started as a script it is `python -m llmseg`, but for a reader that is taught on few notes.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from llmseg.datasets.folder import Dataset, read_dataset, write_case, write_manifest

COARSE_MM = (8.0, 8.0, 8.0)
TRAINING, VALIDATION = (900_201, 900_202, 900_203, 900_208), (900_301, 900_302)
FOR_TUNING = (900_210, 900_217)
"""Two more, by the hash of their ids: enough to choose thresholds on."""
CONFIG = """
steps = 8
batch = 2
learning_rate = 3e-2
warmup = 2
wordings = 2
ema = 0.9
validate_every = 4
save_every = 2
log_every = 1
tuning_share = 0.25
workers = 0
precision = "no"

[network]
field = [16, 16, 16]
channels = [8, 8, 16, 16]
token_width = 16
context_width = 8
queries = 2
depth = 1
heads = 2

[grid]
spacing_mm = [10.0, 10.0, 10.0]

[encoder]
model = "{model}"
layer = 1
max_tokens = 64
"""


def write_patients(folder: Path, more: tuple[int, ...] = ()) -> Dataset:
    """Four phantoms to train on, of which one is for tuning, and two to validate with; their notes state their facts.

    Args:
        more: seeds of phantoms that join the training patients.
    """
    from llmseg.datasets.phantom import make_phantom
    from llmseg.text.wording import write_note

    entries = {"training": [], "validation": []}
    for split, seeds in (("training", TRAINING + more), ("validation", VALIDATION)):
        for seed in seeds:
            phantom, id = make_phantom(seed, spacing_mm=COARSE_MM), f"phantom_{seed}"
            note = write_note(phantom.facts, split=split, seed=id)
            entry = write_case(folder, id, phantom.volume, phantom.structures, note)
            entries[split].append({**entry, "facts": phantom.facts.to_json()})
    write_manifest(folder, entries, "coarse phantoms", "For tests.")
    return read_dataset(folder)


def write_config(path: Path, language_model: Path) -> Path:
    path.write_text(CONFIG.format(model=language_model))
    return path


def teach_briefly(finetune) -> None:
    """Let the reader learn from 64 notes instead of thousands."""
    finetune.pretrain_reader = partial(finetune.pretrain_reader, notes=64, steps=20)


if __name__ == "__main__":
    import torch

    from llmseg.cli import main
    from llmseg.training import finetune

    torch.set_num_threads(1)
    teach_briefly(finetune)
    sys.exit(main())
