"""Does the note choose the target? Left and right exchanged in the notes of twenty teaching phantoms.

    python benchmarks/exchange.py [--checkpoint FOLDER] [--count N]

A teaching phantom holds two mirrored, identical lesions, and nothing but the note says which one is the target. Each
is contoured with its note and with left and right exchanged in it; the target has moved when the centroid of PTV_High
lies nearer to the named lesion with the one and nearer to the other lesion with the other.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from llmseg.case import InputError, Note, Structures
from llmseg.datasets.phantom import TEST_SEEDS, make_phantom
from llmseg.segmenter import DEFAULT_CHECKPOINT, Segmenter
from llmseg.text.wording import exchange_sides, write_note

COUNT = 20
MIRROR = np.array([-1.0, 1.0, 1.0])  # a teaching phantom's twins mirror each other in x = 0


@dataclass(frozen=True, eq=False)
class Exchange:
    """Where the target went: centroids of PTV_High in mm, RAS+, NaN where nothing was drawn.

    Args:
        side: what the note names, "left" or "right".
        lesion: of the target the note means; the other lesion is its mirror image.
        noted, exchanged: as drawn with the note, and with its sides exchanged.
    """

    seed: int
    side: str
    lesion: np.ndarray
    noted: np.ndarray
    exchanged: np.ndarray

    @property
    def moved(self) -> bool:
        return self.nearer(self.noted) == "named" and self.nearer(self.exchanged) == "other"

    def nearer(self, centroid: np.ndarray) -> str:
        """ "named" or "other" lesion, or "none" where nothing was drawn."""
        if np.isnan(centroid).any():
            return "none"
        named, other = (np.linalg.norm(centroid - lesion) for lesion in (self.lesion, self.lesion * MIRROR))
        return "named" if named < other else "other"


def exchange(segmenter: Segmenter, seed: int) -> Exchange:
    """Contour one teaching phantom with its note, in a wording never trained on, and with left and right exchanged."""
    phantom = make_phantom(seed, teaching=True)
    note = write_note(phantom.facts, split="test", seed=seed, spelled_out=True)
    ct = segmenter.open(phantom.volume)
    noted, exchanged = (ct.segment(Note(text)).structures for text in (note, exchange_sides(note)))
    return Exchange(seed, phantom.facts.side, *map(centroid_mm, (phantom.structures, noted, exchanged)))


def centroid_mm(structures: Structures) -> np.ndarray:
    voxels = np.argwhere(structures["PTV_High"])
    if not len(voxels):
        return np.full(3, np.nan)
    return structures.affine[:3, :3] @ voxels.mean(axis=0) + structures.affine[:3, 3]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--count", type=int, default=COUNT, help="how many phantoms")
    options = parser.parse_args()
    try:
        segmenter = Segmenter.load(options.checkpoint)
    except InputError as error:
        print(f"exchange: {error}", file=sys.stderr)
        return 2
    print(f"{options.checkpoint}, {segmenter.encoder_name}")
    print("x of the centroid of PTV_High in mm; the patient's right is positive\n")
    print(f"{'seed':>7}  {'note':6}  {'lesion':>7}  {'note':>7}  {'exchanged':>9}  moved")
    moved = 0
    for seed in TEST_SEEDS[: options.count]:
        found = exchange(segmenter, seed)
        moved += found.moved
        x, noted_x, exchanged_x = (where[0] for where in (found.lesion, found.noted, found.exchanged))
        row = f"{seed:>7}  {found.side:6}  {x:>7.1f}  {noted_x:>7.1f}  {exchanged_x:>9.1f}"
        print(row, "yes" if found.moved else "NO", sep="  ", flush=True)
    print(f"\nThe target moved to the other lesion in {moved} of {options.count}.")
    return 0 if moved == options.count else 1


if __name__ == "__main__":
    sys.exit(main())
