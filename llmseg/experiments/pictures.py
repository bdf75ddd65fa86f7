"""One slice of a patient with its contours, small enough to live in a JSON file."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Mapping, Sequence

import numpy as np

from llmseg.case import TARGETS, Case, Structures
from llmseg.experiments.stored import Row

WINDOW_HU = (-160.0, 240.0)
VIEW_MM = 220.0


def spread_by_rank(cases: Sequence[Case], rows: Sequence[Row], condition: str, count: int) -> list[tuple[Case, float]]:
    """Patients evenly spaced by rank of their target's DSC, worst first, each with that DSC."""
    dice = {
        row.id: row.values["dice"]
        for row in rows
        if (row.structure, row.condition) == (TARGETS[0], condition) and not math.isnan(row.values["dice"])
    }
    ranked = sorted((case for case in cases if case.id in dice), key=lambda case: dice[case.id])
    if not ranked:
        return []
    places = np.unique(np.linspace(0, len(ranked) - 1, count).round().astype(int))
    return [(ranked[place], dice[ranked[place].id]) for place in places]


def picture(case: Case, drawn: Mapping[str, Structures], dice: float) -> dict[str, object]:
    """The axial slice through the middle of the target: soft-tissue window, every structure under every condition.

    Args:
        drawn: condition -> contours; the reference is added.
    """
    reference, volume = case.structures, case.volume
    where = np.nonzero(reference[TARGETS[0]])
    middle = [int(np.median(index)) for index in where] if where[0].size else [n // 2 for n in volume.shape]
    window = tuple(
        slice(max(0, place - round(VIEW_MM / 2 / edge)), place + round(VIEW_MM / 2 / edge) + 1)
        for place, edge in zip(middle[:2], volume.spacing_mm[:2], strict=True)
    )
    low, high = WINDOW_HU
    plane = (volume.array[(*window, middle[2])].clip(low, high) - low) / (high - low) * 255
    masks = {
        condition: {name: _packed(mask[(*window, middle[2])]) for name, mask in structures.items()}
        for condition, structures in {"reference": reference, **drawn}.items()
    }
    return {
        "id": case.id,
        "dice": round(dice, 4),
        "shape": list(plane.shape),
        "spacing_mm": [round(edge, 4) for edge in volume.spacing_mm[:2]],
        "ct": _packed(plane.round().astype(np.uint8)),
        "masks": masks,
    }


def ct_of(stored: Mapping[str, object]) -> np.ndarray:
    """(X, Y) uint8 grey values of a stored picture."""
    return np.frombuffer(_unpacked(stored["ct"]), np.uint8).reshape(stored["shape"])


def masks_of(stored: Mapping[str, object], condition: str) -> dict[str, np.ndarray]:
    """Structure -> (X, Y) bool of a stored picture, under one condition or of the "reference"."""
    size = math.prod(stored["shape"])
    return {
        name: np.unpackbits(np.frombuffer(_unpacked(text), np.uint8), count=size).reshape(stored["shape"]).astype(bool)
        for name, text in stored["masks"][condition].items()
    }


def _packed(array: np.ndarray) -> str:
    content = np.packbits(array) if array.dtype == bool else array
    return base64.b64encode(zlib.compress(np.ascontiguousarray(content).tobytes(), 9)).decode()


def _unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))
