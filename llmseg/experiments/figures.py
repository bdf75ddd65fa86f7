"""The report's figures. Each function returns a matplotlib Figure and saves nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from llmseg.experiments.pictures import ct_of, masks_of
from llmseg.plots import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TEXT_COLOUR, PLAIN_COLOUR = "#1b6ca8", "#8a93a0"
LINE_COLOURS = ("#1b6ca8", "#d1495b", "#3a9d5d", "#8a5fbf", "#c98a1b", "#4a4e57")

Points = Mapping[float, Sequence[float]]
"""x -> one value for each seed."""


def curves(panels: Mapping[str, Mapping[str, Points]], x_label: str, ticks: Sequence[float] | None = None) -> Figure:
    """One panel a measure, one line a series: every seed as a dot, the mean as the line."""
    rows, columns = -(-len(panels) // 3), min(3, len(panels))
    figure = _figure(5.0 * columns, 4.0 * rows)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    for axes, (title, series) in zip(grid, panels.items(), strict=False):
        for colour, (name, points) in zip(cycle(LINE_COLOURS), series.items(), strict=False):
            places = sorted(points)
            axes.plot(places, [np.mean(points[x]) for x in places], color=colour, lw=1.8, label=name)
            every = [(x, value) for x in places for value in points[x]]
            axes.plot(*zip(*every, strict=True), ".", color=colour, ms=7, alpha=0.6)
        if ticks is not None:
            axes.set_xticks(ticks)
        _finish(axes, title, x_label, "DSC")
        axes.legend(frameon=False, fontsize=9)
    return figure


def patients(rows: Sequence[tuple[str, float, float, float, float]]) -> Figure:
    """DSC and HD95 of every patient with the note and without, from the worst to the best with it.

    Args:
        rows: (patient, DSC with, DSC without, HD95 with, HD95 without); NaN is left out.
    """
    figure = _figure(max(7.0, 0.3 * len(rows) + 2), 6.0)
    above, below = figure.subplots(2, 1, sharex=True)
    ranked = sorted(rows, key=lambda row: row[1])
    places = np.arange(len(ranked))
    for axes, first, label in ((above, 1, "DSC"), (below, 3, "HD95 (mm)")):
        text, plain = (np.array([row[first + i] for row in ranked]) for i in (0, 1))
        axes.vlines(places, text, plain, color="#c9ced6", lw=1.5, zorder=0)
        axes.plot(places, text, "o", ms=5, color=TEXT_COLOUR, label="with the note")
        axes.plot(places, plain, "o", ms=5, color=PLAIN_COLOUR, label="without")
        for values, colour in ((text, TEXT_COLOUR), (plain, PLAIN_COLOUR)):
            if np.isfinite(values).any():
                axes.axhline(np.nanmean(values), color=colour, lw=0.9, ls="dashed")
        _finish(axes, "", "", label)
    above.legend(frameon=False, fontsize=9, ncols=2)
    below.set_xticks(places, [row[0] for row in ranked], rotation=90, fontsize=7)
    return figure


def contours(pictures: Sequence[Mapping[str, object]], labels: Mapping[str, str]) -> Figure:
    """Original, reference and predictions of some patients, one row each.

    Args:
        pictures: as stored; see `llmseg.experiments.pictures`.
        labels: condition -> its column's title; the CT and the reference come before.
    """
    columns = {"": "CT", "reference": "Reference", **labels}
    figure = _figure(2.5 * len(columns), 2.55 * len(pictures), face="black")
    grid = figure.subplots(len(pictures), len(columns), squeeze=False)
    for row, picture in zip(grid, pictures, strict=True):
        for axes, condition in zip(row, columns, strict=True):
            _slice(axes, picture, condition)
        named = f"{picture['id']}\nDSC {picture['dice']:.2f}"
        row[0].text(0.02, 0.98, named, transform=row[0].transAxes, color="white", fontsize=9, va="top")
    for axes, title in zip(grid[0], columns.values(), strict=True):
        axes.set_title(title, fontsize=11, color="white")
    _legend(figure, {name for picture in pictures for name in picture["masks"]["reference"]})
    return figure


def _legend(figure: Figure, names: Collection[str]) -> None:
    """Which colour is which structure, below the pictures."""
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=colour, label=name) for name, colour in COLOURS.items() if name in names]
    figure.legend(handles=lines, loc="outside lower center", ncols=5, frameon=False, labelcolor="white", fontsize=9)


def _slice(axes: Axes, picture: Mapping[str, object], condition: str) -> None:
    wide, high = picture["spacing_mm"]
    # Radiological: the patient's right on the left. RAS runs to the right, so the picture is turned.
    axes.imshow(ct_of(picture).T[:, ::-1], cmap="gray", vmin=0, vmax=255, origin="lower", aspect=high / wide)
    for name, mask in masks_of(picture, condition).items() if condition else ():
        if mask.any():
            axes.contour(mask.T[:, ::-1].astype(float), [0.5], colors=COLOURS.get(name, "white"), linewidths=1.2)
    axes.set_axis_off()


def bars(values: Mapping[str, Mapping[str, Sequence[float]]], label: str = "DSC") -> Figure:
    """Groups of bars, one bar a series: the mean, and every value as a dot.

    Args:
        values: group -> series -> values.
    """
    figure = _figure(max(6.0, 1.5 * len(values) + 1), 4.2)
    axes = figure.subplots()
    series = list(dict.fromkeys(name for group in values.values() for name in group))
    width, jitter = 0.8 / len(series), np.random.default_rng(0)
    for number, (name, colour) in enumerate(zip(series, cycle(LINE_COLOURS), strict=False)):
        places = [i + (number - (len(series) - 1) / 2) * width for i in range(len(values))]
        found = [list(group.get(name, ())) for group in values.values()]
        axes.bar(places, [np.mean(v) if v else 0 for v in found], 0.9 * width, color=colour, alpha=0.75, label=name)
        for place, dots in zip(places, found, strict=True):
            spread = jitter.uniform(-0.25, 0.25, len(dots)) * width
            axes.plot(place + spread, dots, ".", ms=4, color="#22303c", alpha=0.55)
    axes.set_xticks(range(len(values)), list(values), rotation=15 if len(values) > 5 else 0)
    _finish(axes, "", "", label)
    axes.legend(frameon=False, fontsize=9, ncols=min(4, len(series)), loc="lower right", bbox_to_anchor=(1, 1))
    return figure


def _figure(width: float, height: float, face: str = "white") -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", facecolor=face)


def _finish(axes: Axes, title: str, x_label: str, y_label: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e7eaee", lw=0.7)
    axes.set_axisbelow(True)
