"""Figures. Each function returns a matplotlib Figure and saves nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from llmseg.case import Structures, Volume

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = MappingProxyType(
    {
        "PTV_High": "#fe6676",
        "PTV_Mid": "#ff9311",
        "PTV_Low": "#7cb8f8",
        "Brainstem": "#8f6ae6",
        "SpinalCord": "#ffff32",
        "Parotid_R": "#43c3a1",
        "Parotid_L": "#b0fcb4",
        "Esophagus": "#ac6b0b",
        "Larynx": "#cc437d",
        "Bone_Mandible": "#d8d8e5",
    }
)
"""One colour for each structure, the same in every figure and on the page.

The customary hues (high dose red, cord yellow), also told apart by those who see no red or no green.
"""

OTHER_COLOUR = "#cfd8dc"

ARMS = ("#1b6ca8", "#b0b7c3", "#e0a458", "#7a9e7e", "#9b7fb8")
"""Colours of conditions that are compared, in their order."""

LABELS = {"text": "with the note", "no-text": "without"}

SOFT_TISSUE_HU = (-160, 240)
VIEW_MM = 220.0


def dice_by_structure(values: Sequence[tuple[str, str, float]]) -> Figure:
    """DSC of every case as a dot, the conditions side by side, and the mean as a bar.

    Args:
        values: (structure, condition, DSC); NaN is left out.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    axes = figure.subplots()
    structures, conditions = (list(dict.fromkeys(value[place] for value in values)) for place in (0, 1))
    jitter = np.random.default_rng(0)
    step = 0.8 / len(conditions)
    for number, condition in enumerate(conditions):
        for place, name in enumerate(structures):
            dice = np.array([v for s, c, v in values if (s, c) == (name, condition) and not np.isnan(v)])
            if len(dice) == 0:
                continue
            centre = place + (number + 0.5) * step - 0.4
            axes.bar(centre, dice.mean(), width=0.9 * step, color=ARMS[number % len(ARMS)])
            dots = centre + step * jitter.uniform(-0.3, 0.3, len(dice))
            axes.plot(dots, dice, ".", color="#22303c", alpha=0.5, ms=4)
            axes.text(centre, 0.02, f"{dice.mean():.2f}\nn={len(dice)}", ha="center", fontsize=6.5)
    axes.set_xticks(range(len(structures)), structures, rotation=20)
    axes.set_ylim(0, 1)
    axes.set_ylabel("DSC")
    handles = [Patch(color=ARMS[number % len(ARMS)]) for number in range(len(conditions))]
    labels = [LABELS.get(condition, condition) for condition in conditions]
    axes.legend(handles, labels, loc="upper right", frameon=False, ncols=len(labels))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def metric_by_patient(values: Sequence[tuple[str, str, str, float]], label: str = "DSC") -> Figure:
    """Each patient's metric as one dot for each structure, with the note and without joined by a line.

    A line is blue where the first condition has the higher number, red where it has the lower one.

    Args:
        values: (patient, structure, condition, value) of two conditions; of more, the first two are drawn. A patient
            with a NaN is left out.
        label: the metric with its unit.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    axes = figure.subplots()
    structures, conditions = (list(dict.fromkeys(value[place] for value in values)) for place in (1, 2))
    shown = conditions[:2]
    for place, name in enumerate(structures):
        found = {c: {id: v for id, s, arm, v in values if (s, arm) == (name, c) and not np.isnan(v)} for c in shown}
        patients = [id for id in found[shown[0]] if all(id in found[c] for c in shown)]
        across = np.linspace(-0.25, 0.25, len(shown)) + place
        for id in patients:
            pair = [found[c][id] for c in shown]
            colour = "#b0b7c3" if pair[0] == pair[-1] else ARMS[0] if pair[0] > pair[-1] else "#c0392b"
            axes.plot(across, pair, "-", color=colour, lw=0.8, alpha=0.6)
        for number, condition in enumerate(shown):
            dots = [found[condition][id] for id in patients]
            axes.plot(np.full(len(dots), across[number]), dots, "o", color=ARMS[number], ms=3.5, zorder=3)
        axes.text(place, 1.01, f"n={len(patients)}", ha="center", fontsize=7, transform=axes.get_xaxis_transform())
    axes.set_xticks(range(len(structures)), structures, rotation=20)
    axes.set_ylabel(label)
    handles = [Line2D([], [], marker="o", ls="", color=ARMS[number]) for number in range(len(shown))]
    figure.legend(
        handles, [LABELS.get(c, c) for c in shown], loc="outside upper right", frameon=False, ncols=len(shown)
    )
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
        panels: per patient, label -> structures: first the reference, dashed white, then one or two drawings, the
            second one thin.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.4 * len(volumes), 5.1), layout="constrained", facecolor="black")
    grid = figure.subplots(2, len(volumes), squeeze=False)
    for column, (volume, sets, title) in enumerate(zip(volumes, panels, titles, strict=True)):
        reference = next(iter(sets.values()))
        centre = [int(np.median(index)) for index in np.nonzero(reference[names[0]])]
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
    styles = ("white", "dashed", 1.2), (None, "solid", 1.6), ("#35c3ff", "solid", 1.1)
    for structures, (colour, style, width) in zip(sets.values(), styles, strict=False):
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
