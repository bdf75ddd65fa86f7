"""Contours that lie beside their anatomy: drawn on another scan, or shifted."""

from __future__ import annotations

import numpy as np

WITHIN_BONE = ("Brainstem", "SpinalCord")
"""Organs that bone surrounds and that hold none."""
BONE_HU = 150.0
ON_BONE = 1 / 3
"""Share of such an organ on bone from which contours and CT do not belong together. Of OpenKBP's 203 patients one has
more, with 60% of the cord and 76% of the brainstem; everybody else has a tenth or less."""


def on_bone(mask: np.ndarray, ct_hu: np.ndarray) -> float:
    """The share of a contour's voxels on bone; 0 of none.

    Args:
        mask: (X, Y, Z) bool.
        ct_hu: (X, Y, Z), in Hounsfield units.
    """
    return float(np.mean(ct_hu[mask] > BONE_HU)) if mask.any() else 0.0


def is_displaced(name: str, share_on_bone: float) -> bool:
    """Whether an organ with so much of it on bone is beside its anatomy."""
    return name in WITHIN_BONE and share_on_bone > ON_BONE
