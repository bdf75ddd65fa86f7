"""Figures of a study's analysis. Each function returns a matplotlib Figure and saves nothing.

Colours run from orange (bad) to blue (good) and can be told apart without seeing red or green; arms have markers of
their own as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from llmseg.plots import ARMS
from llmseg.study.crossed import Estimate
from llmseg.study.effort import Effort
from llmseg.study.preference import Preference, means_over_readers
from llmseg.study.ratings import Rating

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WORST_TO_BEST = ("#b4530b", "#f0c690", "#a9cbe2", "#1b6ca8")
FIRST, TIE, SECOND = "#1b6ca8", "#d5d9df", "#c8690f"
INK = "#22303c"
MARKERS = ("o", "s", "^", "D", "v")
UNITS = {"edit_seconds": "edit time (s)", "apl_mm": "added path length (mm)"}


def acceptability(rating: Rating) -> Figure:
    """Each arm's answers as one bar of shares, worst to best, with the counts in it."""
    figure, axes = _figure(1.4 + 0.55 * len(rating.arms))
    colours = _scale(len(rating.labels))
    for place, arm in enumerate(rating.arms):
        _stack(axes, place, arm.counts, colours)
    _name_rows(axes, [f"{arm.arm} (n={arm.mean.readings})" for arm in rating.arms])
    _share_axis(axes, "share of readings (%)")
    _legend(figure, rating.labels, colours)
    return figure


def preference(found: Preference) -> Figure:
    """Each reader's preferences as one bar, and all together."""
    figure, axes = _figure(1.7 + 0.36 * len(found.readers))
    rows = [(r.reader, (r.wins, r.ties, r.losses)) for r in found.readers]
    totals = tuple(sum(counts[side] for _, counts in rows) for side in range(3))
    colours = (FIRST, TIE, SECOND)
    for place, (_, counts) in enumerate([*rows, ("all", totals)]):
        _stack(axes, place, counts, colours)
    axes.axhline(len(rows) - 0.5, color=INK, lw=0.8)
    _name_rows(axes, [*(name for name, _ in rows), "all readers"])
    _share_axis(axes, f"share of readings (%); net preference for {found.first}: {_said(found.net)}")
    _legend(figure, (f"{found.first} preferred", "no difference", f"{found.second} preferred"), colours)
    return figure


def agreement(rating: Rating) -> Figure:
    """Kappas as dots with their intervals: between readers, by arm, and of readers with themselves."""
    rows = []
    for part in rating.agreement:
        where = part.arm or "all arms"
        rows += [
            (f"linear, {where}", part.linear, 0),
            (f"quadratic, {where}", part.quadratic, 1),
            (f"Fleiss, {where}", part.fleiss, 2),
        ]
    if rating.repeatability:
        rows += [
            ("linear, with themselves", rating.repeatability.linear, 0),
            ("quadratic, with themselves", rating.repeatability.quadratic, 1),
        ]
    figure, axes = _figure(1.2 + 0.3 * len(rows))
    for place, (_, found, kind) in enumerate(rows):
        if np.isnan(found.value):
            axes.text(0.02, place, "not defined", va="center", fontsize=7, color=INK)
            continue
        if not np.isnan(found.low):
            axes.plot((found.low, found.high), (place, place), "-", color=_arm_colour(kind), lw=2)
        axes.plot(found.value, place, MARKERS[kind], color=_arm_colour(kind), ms=6)
    axes.axvline(0, color=INK, lw=0.8)
    _name_rows(axes, [name for name, _, _ in rows])
    lows = [found.low for _, found, _ in rows if not np.isnan(found.low)]
    axes.set_xlim(min([-0.1, *lows]) - 0.02, 1.02)
    axes.set_xlabel("kappa, 95% interval (0 as by chance, 1 always the same)")
    return figure


def effort(found: Sequence[Effort]) -> Figure:
    """Time and path length: each case's mean over readers as a dot, joined between arms; the arm's mean as a bar."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(found), 3.8), layout="constrained")
    for axes, one in zip(np.atleast_1d(figure.subplots(1, len(found))), found, strict=True):
        means = _means_of_cases(one)
        _cases(axes, means)
        for place, arm in enumerate(one.arms):
            axes.plot((place - 0.22, place + 0.22), (arm.mean.value,) * 2, "-", color=INK, lw=2.5, zorder=4)
        axes.set_xticks(range(len(one.arms)), [f"{arm.arm}\nn={arm.mean.readings}" for arm in one.arms])
        axes.set_xlim(-0.5, len(one.arms) - 0.5)
        axes.set_ylabel(UNITS[one.measure])
        axes.set_title("bar: geometric mean" if one.is_ratio else "bar: mean", fontsize=8, color=INK)
        if one.is_ratio:
            _logarithmic(axes, means[~np.isnan(means)])
        else:
            axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def rating_and_dice(rating: Rating) -> Figure | None:
    """Each case's mean rating against the DSC of its contours, by arm; None where there is no DSC."""
    means = means_over_readers(rating.values)
    if np.isnan(rating.dice).all():
        return None
    figure, axes = _figure(4.0, 5.6)
    for place, arm in enumerate(rating.values.arms):
        axes.plot(
            rating.dice[:, place], means[:, place], MARKERS[place % len(MARKERS)], color=_arm_colour(place), label=arm
        )
    axes.set_xlabel("DSC of what was shown")
    axes.set_ylabel("mean rating over readers")
    axes.set_yticks(range(1, len(rating.labels) + 1), [f"{n} {name}" for n, name in enumerate(rating.labels, 1)])
    axes.set_ylim(0.8, len(rating.labels) + 0.2)
    axes.grid(color="#e6e9ed", lw=0.6)
    axes.set_axisbelow(True)
    figure.legend(loc="outside upper center", frameon=False, ncols=len(rating.values.arms))
    return figure


def _figure(height: float, width: float = 7.2) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _scale(count: int) -> list[str]:
    """So many colours from worst to best."""
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    colours = LinearSegmentedColormap.from_list("worst to best", WORST_TO_BEST)
    return [to_hex(colours(place)) for place in np.linspace(0, 1, count)]


def _arm_colour(place: int) -> str:
    colours = (ARMS[0], SECOND, "#5b6573", ARMS[4], ARMS[3])
    return colours[place % len(colours)]


def _stack(axes: Axes, place: int, counts: Sequence[int], colours: Sequence[str]) -> None:
    total, left = max(sum(counts), 1), 0.0
    for count, colour in zip(counts, colours, strict=True):
        width = 100 * count / total
        axes.barh(place, width, left=left, color=colour, height=0.72, edgecolor="white", lw=0.8)
        if width >= 4:
            ink = "white" if _is_dark(colour) else INK
            axes.text(left + width / 2, place, str(count), ha="center", va="center", fontsize=8, color=ink)
        left += width


def _is_dark(colour: str) -> bool:
    from matplotlib.colors import to_rgb

    return float(np.dot(to_rgb(colour), (0.3, 0.59, 0.11))) < 0.55


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)  # the first on top


def _share_axis(axes: Axes, label: str) -> None:
    axes.set_xlim(0, 100)
    axes.set_xlabel(label)


def _legend(figure: Figure, names: Sequence[str], colours: Sequence[str]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=colour) for colour in colours]
    figure.legend(handles, names, loc="outside upper center", frameon=False, ncols=len(names), fontsize=8)


def _said(found: Estimate) -> str:
    if np.isnan(found.low):
        return f"{found.value:+.2f}"
    return f"{found.value:+.2f} ({found.low:+.2f} to {found.high:+.2f})"


def _means_of_cases(found: Effort) -> np.ndarray:
    """(C, A): each case's mean over readers, geometric where ratios are compared."""
    if not found.is_ratio:
        return means_over_readers(found.values)
    return np.exp(means_over_readers(replace(found.values, values=np.log(found.values.values))))


def _cases(axes: Axes, means: np.ndarray) -> None:
    if means.shape[1] > 1:
        for row in means:
            axes.plot(range(len(row)), row, "-", color="#b0b7c3", lw=0.8, zorder=1)
    for place in range(means.shape[1]):
        spread = np.linspace(-0.12, 0.12, len(means)) if means.shape[1] == 1 else np.zeros(len(means))
        axes.plot(
            place + spread, means[:, place], MARKERS[place % len(MARKERS)], color=_arm_colour(place), ms=4, zorder=3
        )


def _logarithmic(axes: Axes, values: np.ndarray) -> None:
    from matplotlib.ticker import NullFormatter, ScalarFormatter

    axes.set_yscale("log")
    ticks = [t for t in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200) if values.min() <= t <= values.max()]
    axes.set_yticks(ticks or [float(np.median(values))])
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())
