"""What a run has learned so far, as a picture of a few tuning patients on the network's grid."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from llmseg.case import Structures, Volume
from llmseg.plots import contour_panels
from llmseg.preprocessing import Grid
from llmseg.training.prepared import Sample

PATIENTS = 4


@dataclass(frozen=True, eq=False)
class Seen:
    """One patient as the network saw and drew it.

    Args:
        drawn: label -> (K, X, Y, Z) bool.
    """

    id: str
    sample: Sample
    drawn: Mapping[str, np.ndarray]


def picture_of(patients: Sequence[Seen], structures: Sequence[str], grid: Grid) -> bytes:
    """PNG of the first structure: the reference dashed, the first drawing in its colour, the second thin."""
    affine = np.diag([*grid.spacing_mm, 1.0])
    low, high = grid.window_hu

    def contours(masks: np.ndarray) -> Structures:
        return Structures(dict(zip(structures, masks, strict=True)), affine)

    volumes = [Volume(seen.sample.image[0].numpy() * (high - low) + low, affine) for seen in patients]
    panels = [
        {"reference": contours(seen.sample.targets.numpy() > 0.5)}
        | {label: contours(masks) for label, masks in seen.drawn.items()}
        for seen in patients
    ]
    figure = contour_panels(volumes, panels, [seen.id for seen in patients], structures[:1])
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110)
    return png.getvalue()
