"""Figures. Each function returns a matplotlib Figure and saves nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from llmseg.case import Structures, Volume

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {
    "PTV_High": "#ff4d4d",
    "PTV_Mid": "#ff9f1c",
    "PTV_Low": "#ffd84d",
    "Brainstem": "#4dd2ff",
    "SpinalCord": "#3ddc84",
    "Parotid_R": "#7aa2ff",
    "Parotid_L": "#c58bff",
    "Esophagus": "#c8a27a",
    "Larynx": "#ff8ad4",
    "Bone_Mandible": "#f2f2f2",
}
"""One colour for each structure, the same in every figure and in the viewer."""

SOFT_TISSUE_HU = (-160, 240)
VIEW_MM = 220.0


def dice_by_structure(values: Sequence[tuple[str, str, float]]) -> Figure:
    """DSC of every case as a dot, with and without text side by side, and the mean as a bar.

    Args:
        values: (structure, condition, DSC); NaN is left out.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    axes = figure.subplots()
    structures = list(dict.fromkeys(structure for structure, _, _ in values))
    jitter = np.random.default_rng(0)
    arms = ((-0.2, "text", "#1b6ca8"), (0.2, "no-text", "#b0b7c3"))
    handles = [Patch(color=colour) for _, _, colour in arms]
    for offset, condition, colour in arms:
        for place, name in enumerate(structures):
            dice = np.array([v for s, c, v in values if (s, c) == (name, condition) and not np.isnan(v)])
            if len(dice) == 0:
                continue
            axes.bar(place + offset, dice.mean(), width=0.36, color=colour)
            axes.plot(
                place + offset + jitter.uniform(-0.12, 0.12, len(dice)), dice, ".", color="#22303c", alpha=0.5, ms=4
            )
            axes.text(place + offset, 0.02, f"{dice.mean():.2f}\nn={len(dice)}", ha="center", fontsize=6.5)
    axes.set_xticks(range(len(structures)), structures, rotation=20)
    axes.set_ylim(0, 1)
    axes.set_ylabel("DSC")
    axes.legend(handles, ("with the note", "without"), loc="upper right", frameon=False, ncols=2)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def contour_panels(
    volumes: Sequence[Volume],
    panels: Sequence[Mapping[str, Structures]],
    titles: Sequence[str],
    names: Sequence[str] = ("PTV_High",),
) -> Figure:
    """One column a patient, one row a plane: contours over the CT, at the middle of the reference's first structure.

    Args:
        volumes: in RAS orientation.
        panels: per patient, line style label -> structures; "reference" dashed white, "without" thin.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.4 * len(volumes), 5.1), layout="constrained", facecolor="black")
    grid = figure.subplots(2, len(volumes), squeeze=False)
    for column, (volume, sets, title) in enumerate(zip(volumes, panels, titles, strict=True)):
        centre = [int(np.median(index)) for index in np.nonzero(sets["reference"][names[0]])]
        _panel(grid[0, column], volume, sets, names, axis=2, centre=centre)
        _panel(grid[1, column], volume, sets, names, axis=1, centre=centre)
        grid[0, column].set_title(title, fontsize=8, color="white")
    return figure


def _panel(
    axes, volume: Volume, sets: Mapping[str, Structures], names: Sequence[str], axis: int, centre: Sequence[int]
) -> None:
    low, high = SOFT_TISSUE_HU
    index = centre[axis]
    plane = np.take(volume.array, index, axis)
    spacing = [edge for i, edge in enumerate(volume.spacing_mm) if i != axis]
    # Radiological: the patient's right on the left. RAS runs to the right, so the picture is turned.
    axes.imshow(plane.T[:, ::-1], cmap="gray", vmin=low, vmax=high, origin="lower", aspect=spacing[1] / spacing[0])
    styles = {"reference": ("white", "dashed", 1.2), "text": (None, "solid", 1.6), "no-text": ("#35c3ff", "solid", 1.1)}
    for label, structures in sets.items():
        colour, style, width = styles[label]
        for name in names:
            mask = np.take(structures[name], index, axis) if name in structures else np.zeros(1)
            if mask.any():
                axes.contour(
                    mask.T[:, ::-1].astype(float),
                    [0.5],
                    colors=colour or COLOURS[name],
                    linestyles=style,
                    linewidths=width,
                )
    across, up = (place for i, place in enumerate(centre) if i != axis)
    across = plane.shape[0] - 1 - across
    axes.set_xlim(across - VIEW_MM / 2 / spacing[0], across + VIEW_MM / 2 / spacing[0])
    axes.set_ylim(up - VIEW_MM / 2 / spacing[1], up + VIEW_MM / 2 / spacing[1])
    axes.set_axis_off()
