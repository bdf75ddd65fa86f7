"""The numbers beside the panels: one table, one chart, one caveat."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from llmseg.case import Structures

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

CAVEAT = "Notes were read off the contours: this measures how the model uses words, not clinical benefit."
OTHER_NOTE = "The reference was drawn for the case's own note, not for this one."
NO_REFERENCE = "No reference contours for this CT: volumes only."
DIGITS = {"dsc": 2, "hd95": 1, "ml": 1}
HIGHER_IS_BETTER = {"dsc": True, "hd95": False}
NOTICEABLE = {"dsc": 0.005, "hd95": 0.05}
MOST_MM = 60.0
"""The chart's HD95 axis ends here, so that one lost structure does not flatten the others."""
COLUMNS = ("text", "no-text", "edited", "started")

TEXT, MUTED, LINE = "#e8ecf1", "#9aa7b5", "#2a323d"
WITH, WITHOUT, BY_HAND = "#3d97e6", "#8895a3", "#a87ee8"  # seen on the light page as well as on the dark one


@dataclass(frozen=True)
class Measured:
    """One arm's numbers, by structure.

    Args:
        dsc, hd95, surface: against the reference, where there is one; HD95 in mm, surface DSC at 2 mm.
        ml: volume.
    """

    dsc: Mapping[str, float] = field(default_factory=dict)
    hd95: Mapping[str, float] = field(default_factory=dict)
    ml: Mapping[str, float] = field(default_factory=dict)
    surface: Mapping[str, float] = field(default_factory=dict)

    def updated(self, newer: Measured) -> Measured:
        """With the newer numbers of those structures that have any."""
        names = (number.name for number in fields(self))
        return Measured(**{name: {**getattr(self, name), **getattr(newer, name)} for name in names})


def measure(drawn: Structures, reference: Structures | None, ml: Mapping[str, float]) -> Measured:
    """Score one arm's contours on the CT's own grid; structures without a reference have only a volume."""
    from llmseg.metrics import score

    scores = score(reference, drawn) if reference else []
    return Measured(
        dsc={s.structure: s.dice for s in scores},
        hd95={s.structure: s.hd95_mm for s in scores},
        ml=dict(ml),
        surface={s.structure: s.surface_dice_2mm for s in scores},
    )


def table(measured: Mapping[str, Measured], names: tuple[str, ...]) -> dict[str, dict]:
    """Cells of each structure's row: metric -> column -> text, tone ("better", "worse" or "") and title."""
    return {name: {metric: _cells(metric, *_values(measured, metric, name)) for metric in DIGITS} for name in names}


def means(measured: Mapping[str, Measured], names: tuple[str, ...]) -> dict | None:
    """The row of means over the structures that have a number in every arm there is."""
    if not measured or not any(arm.dsc for arm in measured.values()):
        return None
    numbers = {metric: _cells(metric, *_means(measured, metric, names)) for metric in HIGHER_IS_BETTER}
    return {"label": "Mean", "numbers": numbers}


def _values(measured: Mapping[str, Measured], metric: str, name: str) -> tuple[float, ...]:
    """One number for each of COLUMNS, NaN where there is none."""
    return tuple(getattr(measured[arm], metric).get(name, math.nan) if arm in measured else math.nan for arm in COLUMNS)


def _means(measured: Mapping[str, Measured], metric: str, names: tuple[str, ...]) -> tuple[float, ...]:
    arms = [arm in measured for arm in COLUMNS]
    rows = [_values(measured, metric, name) for name in names]
    rows = [row for row in rows if all(not math.isnan(v) for v, there in zip(row, arms, strict=True) if there)]
    return tuple(sum(row[n] for row in rows) / len(rows) if rows else math.nan for n in range(len(COLUMNS)))


def _cells(metric: str, text: float, plain: float, edited: float, started: float) -> dict[str, dict[str, str]]:
    difference = text - plain
    tone = _tone(metric, difference)
    # An empty contour costs the image diagonal: hundreds of mm, where a decimal says nothing.
    digits = 0 if max(text, plain) >= 100 else DIGITS[metric]
    by_hand = f"By hand: {_signed(edited - started, digits)}" if not math.isnan(edited - started) else ""
    return {
        "text": _cell(f"{text:.{digits}f}", text),
        "no-text": _cell(f"{plain:.{digits}f}", plain),
        "difference": {
            **_cell(_signed(difference, digits), difference),
            "tone": tone,
            "title": CAVEAT if tone == "better" else "",
        },
        "edited": {**_cell(f"{edited:.{digits}f}", edited), "tone": _tone(metric, edited - started), "title": by_hand},
    }


def _tone(metric: str, difference: float) -> str:
    if metric not in HIGHER_IS_BETTER or not abs(difference) >= NOTICEABLE[metric]:
        return ""
    return "better" if (difference > 0) == HIGHER_IS_BETTER[metric] else "worse"


def _cell(shown: str, value: float) -> dict[str, str]:
    return {"text": "–" if math.isnan(value) else shown, "tone": "", "title": ""}


def _signed(value: float, digits: int) -> str:
    shown = f"{value:+.{digits}f}"
    return "0" if float(shown) == 0 else shown.replace("-", "−")


def chart(measured: Mapping[str, Measured], names: tuple[str, ...], second: str = "without the note") -> Figure | None:
    """DSC and HD95 of each structure: with the note (disc), as the second panel shows (ring), and edited (square)."""
    from plotly.subplots import make_subplots

    names = tuple(n for n in names if any(not math.isnan(v) for v in _values(measured, "dsc", n)))
    if not names:
        return None
    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.06)
    for column, metric in enumerate(HIGHER_IS_BETTER, start=1):
        _dumbbells(figure, column, metric, {name: _values(measured, metric, name) for name in names})
    small = {"size": 10.5, "color": MUTED}
    axis = {"gridcolor": LINE, "zeroline": False, "tickfont": small, "fixedrange": True, "title_standoff": 4}
    figure.update_xaxes(axis)
    for column, (title, most, step) in enumerate((("DSC", 1.0, 0.5), ("HD95 (mm)", MOST_MM, 20)), start=1):
        span = [-0.06 * most, 1.06 * most]
        figure.update_xaxes(range=span, title={"text": title, "font": small}, dtick=step, row=1, col=column)
    figure.update_yaxes(axis | {"autorange": "reversed", "showgrid": False})
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "color": TEXT, "size": 11},
        margin={"l": 92, "r": 6, "t": 26, "b": 34},
        title={"text": _key(second, "edited" in measured), "font": small, "x": 0.03, "y": 0.985, "yanchor": "top"},
        hoverlabel={"bgcolor": "#1c232d", "font": {"color": TEXT}},
        showlegend=False,
    )
    return figure


def _key(second: str, has_edit: bool) -> str:
    # A legend of Plotly's breaks into lines where the column is narrow.
    said = [(WITHOUT, "○", second.lower()), (WITH, "●", "with the note"), *[(BY_HAND, "■", "edited")] * has_edit]
    return "    ".join(
        f'<span style="color:{colour}">{mark}</span> {html.escape(words)}' for colour, mark, words in said
    )


def _dumbbells(figure: Figure, column: int, metric: str, found: Mapping[str, tuple[float, ...]]) -> None:
    import plotly.graph_objects as go

    names = list(found)
    most = MOST_MM if metric == "hd95" else math.inf
    joined_x, joined_y = [], []
    for name, (text, plain, *_) in found.items():
        joined_x += [min(plain, most), min(text, most), None]
        joined_y += [name, name, None]
    line = go.Scatter(x=joined_x, y=joined_y, mode="lines", line={"color": MUTED, "width": 1.5}, hoverinfo="skip")
    figure.add_trace(line, row=1, col=column)
    unit = " mm" if metric == "hd95" else ""
    ring = {"color": "rgba(0,0,0,0)", "size": 8, "line": {"color": WITHOUT, "width": 1.8}}
    disc = {"color": WITH, "size": 9}
    square = {"color": BY_HAND, "size": 7}
    for arm, label, marker in ((1, "Without", ring), (0, "With the note", disc), (2, "Edited by hand", square)):
        # Of the edited only what the edit has changed: the rest would cover what it equals.
        drawn = {name: one[arm] for name, one in found.items() if arm != 2 or one[2] != one[3]}
        values = [None if math.isnan(drawn.get(name, math.nan)) else drawn[name] for name in names]
        if all(value is None for value in values):
            continue
        # An arrow at the edge stands for what lies beyond it; an empty contour counts as the image diagonal.
        own = "square" if arm == 2 else "circle"
        symbols = ["triangle-right" if value is not None and value > most else own for value in values]
        figure.add_trace(
            go.Scatter(
                x=[None if value is None else min(value, most) for value in values],
                y=names,
                customdata=values,
                mode="markers",
                marker=marker | {"symbol": symbols},
                name=label,
                hovertemplate=f"%{{y}}: %{{customdata:.{DIGITS[metric]}f}}{unit}<extra>{label}</extra>",
                cliponaxis=False,
            ),
            row=1,
            col=column,
        )
