"""Stage and nodal plan, read off a plan's contours: what an expanded note states beside the essential facts.

Neck levels are boxes about the body's midline, the parotids' centre and the cord. They follow where the levels of the
neck lie (Gregoire et al., Radiother. Oncol. 110, 172-181, 2014) as far as ten contours can tell, and hold whatever
target lies there, a lateral primary included.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from llmseg.case import Structures
from llmseg.text.facts import LEVELS, NODES

LATERAL_MM = 15.0
"""A level begins this far from the midline."""
HEIGHTS_MM = {"Ib": (10, 45), "II": (-15, 35), "III": (35, 62), "IV": (62, 115), "V": (0, 90)}
"""Level -> from and to how far below the parotids' centre it lies."""
ANTERIOR_MM, POSTERIOR_MM = 50.0, 5.0
"""Ib lies more than the first in front of the cord's centre, V behind the second; the others between or above."""
TREATED_ML, SHARE = 3.0, 0.3
"""A level is treated from this much target on, to the highest dose that holds this share of it."""
T_ML = ((120.0, "T1"), (250.0, "T2"), (450.0, "T3"))
"""Volume of the PTV70 under which the stage is given; T4 beyond."""


def t_stage(high_ml: float) -> str:
    """The stage that stands for the size of the high-dose target; contours tell no more of it."""
    return next((stage for end, stage in T_ML if high_ml < end), "T4")


def n_stage(nodes: tuple[tuple[str, str, int], ...]) -> str:
    """N0 without a level at 70 Gy, N1 with one, N2 with several, N3 with three or more on both sides."""
    high = {s: sum(n[0] == s and n[2] == 70 for n in nodes) for s in ("left", "right")}
    if min(high.values()) >= 3:
        return "N3"
    return ("N0", "N1")[sum(high.values())] if sum(high.values()) < 2 else "N2"


def nodal_plan(
    targets: Mapping[int, np.ndarray], structures: Structures, midline_mm: float, parotids_mm: float, back_mm: float
) -> tuple[tuple[str, str, int], ...]:
    """Which neck level on which side gets which dose.

    Args:
        targets: dose in Gy -> (X, Y, Z) bool.
        midline_mm, parotids_mm: x of the body's midline, z of the parotids' centre.
        back_mm: y that stands for the cord's centre where no cord is contoured.
    Returns:
        (side, level, dose in Gy) of each treated level, in the order of NODES.
    """
    voxel_ml = abs(np.linalg.det(structures.affine[:3, :3])) / 1000
    volumes_ml = {}
    for dose, mask in targets.items():
        points = np.argwhere(mask) @ structures.affine[:3, :3].T + structures.affine[:3, 3]
        in_front = points[:, 1] - _cord_y_mm(structures, points[:, 2], back_mm)
        level = _level(points[:, 0] - midline_mm, parotids_mm - points[:, 2], in_front)
        for side, on_side in (("left", points[:, 0] < midline_mm), ("right", points[:, 0] > midline_mm)):
            counts = np.bincount(level[on_side], minlength=len(LEVELS) + 1)
            volumes_ml |= {(side, name, dose): counts[i] * voxel_ml for i, name in enumerate(LEVELS)}
    nodes = []
    for side, name in NODES:
        by_dose = {dose: volumes_ml[side, name, dose] for dose in sorted(targets, reverse=True)}
        total = sum(by_dose.values())
        if total >= TREATED_ML:
            nodes.append((side, name, next(dose for dose, ml in by_dose.items() if ml >= SHARE * total)))
    return tuple(nodes)


def _level(lateral_mm: np.ndarray, below_mm: np.ndarray, in_front_mm: np.ndarray) -> np.ndarray:
    """Index into LEVELS of each point; len(LEVELS) where it lies in none."""
    height = {name: (below_mm >= top) & (below_mm < end) for name, (top, end) in HEIGHTS_MM.items()}
    inside = {
        **height,
        "Ib": height["Ib"] & (in_front_mm > ANTERIOR_MM),
        "V": height["V"] & (in_front_mm < POSTERIOR_MM),
    }
    first = ("Ib", "V", "II", "III", "IV")
    found = np.select([inside[name] for name in first], [LEVELS.index(name) for name in first], len(LEVELS))
    return np.where(np.abs(lateral_mm) > LATERAL_MM, found, len(LEVELS))


def _cord_y_mm(structures: Structures, z_mm: np.ndarray, back_mm: float) -> np.ndarray:
    cord = structures.get("SpinalCord")
    if cord is None or not cord.any():
        return np.full(len(z_mm), back_mm)
    points = np.argwhere(cord) @ structures.affine[:3, :3].T + structures.affine[:3, 3]
    heights, where = np.unique(points[:, 2], return_inverse=True)
    return np.interp(z_mm, heights, np.bincount(where, points[:, 1]) / np.bincount(where))
