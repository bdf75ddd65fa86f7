"""A small case and a segmenter without a network, for tests of the app: it draws what a test can predict."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event

import numpy as np

from llmseg.case import Likelihood, Note, Segmentation, Structures, Volume
from llmseg.datasets.folder import Dataset, read_dataset, write_case, write_manifest
from llmseg.formats.nifti import write_mask
from llmseg.text.facts import Facts
from llmseg.text.note import NoteReading, read_note

SHAPE, SPACING_MM = (72, 64, 40), (2.5, 2.5, 4.0)
LEFT, RIGHT = (24, 32, 20), (48, 32, 20)
"""Voxels of a RAS grid: x runs towards the patient's right."""


def ball(centre: tuple[int, int, int], radius_mm: float = 16.0) -> np.ndarray:
    """A ball on the standard grid, (X, Y, Z) bool."""
    return _squared_mm(centre) <= radius_mm**2


def _squared_mm(centre: tuple[int, int, int]) -> np.ndarray:
    axes = zip(np.indices(SHAPE, sparse=True), centre, SPACING_MM, strict=True)
    return sum(((index - middle) * step) ** 2 for index, middle, step in axes)


def likelihood(centre: tuple[int, int, int]) -> Likelihood:
    """One half on the surface of a ball, 1 in its middle and 0 at twice its radius; on every second voxel."""
    values = np.clip(1 - np.sqrt(_squared_mm(centre)) / 32, 0, 1)[::2, ::2, ::2]
    return Likelihood(values.astype(np.float32), head().affine @ np.diag([2.0, 2.0, 2.0, 1.0]), 0.5)


def head() -> Volume:
    """Soft tissue in air, with a bone on the patient's right side only."""
    array = np.where(_squared_mm((36, 32, 20)) <= 70.0**2, 40.0, -1000.0)
    array[ball((58, 32, 20), 8.0)] = 1200.0
    return Volume(array, np.diag([*SPACING_MM, 1.0]), name="head.nii.gz")


def write_dataset(folder: Path, ids: tuple[str, ...] = ("one", "two")) -> Dataset:
    """Cases whose target lies left ("one") or right; the first has stored results."""
    volume, entries = head(), []
    for number, id in enumerate(ids):
        side = ("left", "right")[number % 2]
        reference = Structures({"PTV_High": ball((LEFT, RIGHT)[number % 2]), "SpinalCord": cord()}, volume.affine)
        entry = write_case(folder, id, volume, reference, f"Oropharynx, {side}. Both sides of the neck, 70 Gy.")
        entries.append({**entry, "facts": Facts("oropharynx", side, "bilateral", (70,)).to_json()})
    write_manifest(folder, {"test": entries}, "stand-ins", "For tests.")
    for arm, centre in (("text", LEFT), ("no-text", RIGHT)):
        write_mask(folder / "results" / ids[0] / arm / "PTV_High.nii.gz", ball(centre), volume.affine)
    return read_dataset(folder)


def cord() -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[34:38, 18:22, 5:35] = True
    return mask


LESSON = {
    "title": "Which side?",
    "case": "one",
    "structure": "PTV_High",
    "task": "Contour the target that the note names.",
    "change": "Oropharynx, right. Both sides of the neck, 70 Gy.",
    "why": "The target goes where the note says.",
}


def write_lesson(folder: Path, name: str = "side", **keys: object) -> Path:
    """One lesson's file; a key that is None is left out."""
    folder.mkdir(exist_ok=True)
    lines = [f"{key} = {value!r}" for key, value in (LESSON | keys).items() if value is not None]
    path = folder / f"{name}.toml"
    path.write_text("\n".join(lines))
    return path


class StandIn:
    """Puts the target on the side the note names first, in the middle without one; counts what it is asked."""

    encoder_name, checkpoint_name = "a stand-in for the language model", "a stand-in for the network"
    modalities = ("ct",)

    def __init__(self):
        self.opened = self.decoded = 0
        self.go_on = Event()  # cleared by a test that wants to look while it works
        self.go_on.set()

    def open(self, volume: Volume, on_progress=None, *, others=()) -> OpenStandIn:
        self.opened += 1
        self._work("Encoding the image", on_progress)
        return OpenStandIn(self, volume)

    def read(self, note: Note, **options) -> NoteReading:
        return read_note(note.text, **options)

    def provenance(self, reading: NoteReading | None, shape: Sequence[int], affine: np.ndarray) -> dict[str, object]:
        prompt = reading.prompt if reading else ""
        return {"checkpoint": self.checkpoint_name, "prompt": prompt, "note_cut": False, "shape": list(shape)}

    def _work(self, what: str, on_progress) -> None:
        for step in range(4):
            self.go_on.wait(timeout=60)
            if on_progress:
                on_progress(step / 4, what)


class OpenStandIn:
    def __init__(self, segmenter: StandIn, volume: Volume):
        self.segmenter, self.volume = segmenter, volume

    def segment(self, note: Note | NoteReading | None, on_progress=None) -> Segmentation:
        return self._segment(self.segmenter.read(note) if isinstance(note, Note) else note, on_progress)

    def segment_each(self, readings: Sequence[NoteReading | None], on_progress=None) -> Iterator[Segmentation]:
        for reading in readings:
            yield self._segment(reading, on_progress)

    def _segment(self, reading: NoteReading | None, on_progress) -> Segmentation:
        self.segmenter.decoded += 1
        self.segmenter._work("Drawing", on_progress)
        side = re.search("left|right", reading.text.lower()) if reading else None
        centre = {"left": LEFT, "right": RIGHT}[side.group()] if side else (36, 32, 20)
        # A CT of another shape gets a mask that fits, wherever it lies.
        mask = ball(centre) if self.volume.shape == SHAPE else self.volume.array > 100
        load_likelihood = (lambda _: likelihood(centre)) if self.volume.shape == SHAPE else None
        drawn = Structures({"PTV_High": mask}, self.volume.affine)
        provenance = self.segmenter.provenance(reading, self.volume.shape, self.volume.affine)
        return Segmentation(drawn, provenance, load_likelihood=load_likelihood)
