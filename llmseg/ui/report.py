"""A report of one session as a single HTML file: pictures, numbers, the note as it was read, and what drew it."""

from __future__ import annotations

import base64
import html
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from llmseg import __version__
from llmseg.case import RESEARCH_ONLY, TARGETS
from llmseg.formats.whole import write_whole
from llmseg.plots import COLOURS, OTHER_COLOUR, SOFT_TISSUE_HU
from llmseg.ui.numbers import CAVEAT, NO_REFERENCE, OTHER_NOTE, Measured

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARM_TITLES = MappingProxyType({"text": "with the note", "no-text": "without the note"})
PLANES = ("Axial", "Coronal", "Sagittal")
HIDDEN = ("affine", "shape")
"""Of the provenance: a matrix and a size that the line on the grid says better."""

STYLE = """
body { font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: #1b2530; max-width: 62rem;
  margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
.use { background: #fff3cd; border-left: 4px solid #c99700; padding: .5rem .9rem; font-weight: 600; margin: 1rem 0; }
.quiet { color: #5b6977; } img { width: 100%; display: block; border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid #e3e8ed; font-weight: 400; }
th { color: #5b6977; } th:first-child, td:first-child { text-align: left; white-space: nowrap; }
td i { display: inline-block; width: .7rem; height: .7rem; border-radius: 50%; margin-right: .5rem; }
.about td, .about th { text-align: left; vertical-align: top; overflow-wrap: anywhere; }
.about td:first-child { width: 11rem; }
pre { white-space: pre-wrap; background: #f5f7f9; padding: .8rem 1rem; border-radius: 6px; font: inherit; }
@media print { body { margin: 0; } h2 { break-after: avoid; } }
"""


@dataclass(frozen=True, eq=False)
class Drawing:
    """One arm: its name in words, its masks on the displayed grid, its numbers, and what drew it."""

    title: str
    masks: Mapping[str, np.ndarray]
    measured: Measured
    provenance: Mapping[str, object]


@dataclass(frozen=True, eq=False)
class Report:
    """Everything a report says.

    Args:
        hu: (X, Y, Z) as displayed at first: RAS+, cropped to the body. All masks are on this grid.
        grid: of the CT itself, in words.
        note: de-identified; "" where there was none.
        reference: name -> mask as displayed.
        start: displayed voxel to cut through where no target was drawn.
    """

    label: str
    hu: np.ndarray
    spacing_mm: tuple[float, float, float]
    grid: str
    note: str
    drawings: Sequence[Drawing]
    reference: Mapping[str, np.ndarray]
    reference_ml: Mapping[str, float]
    names: tuple[str, ...]
    start: tuple[int, int, int]
    oddities: tuple[str, ...] = ()
    has_other_note: bool = False


def write_report(path: Path, report: Report) -> None:
    """Write one HTML file that needs no other, and asks for none.

    Raises:
        InputError: a full disk or a folder that cannot be written.
    """
    write_whole(path, "".join(_pages(report)).encode("utf-8"))


def _pages(report: Report) -> Iterator[str]:
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    yield (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>llmseg report</title>'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        f"style-src 'unsafe-inline'\"><style>{STYLE}</style></head><body>"
        f"<h1>Contours of {html.escape(report.label)}</h1>"
        f'<p class="quiet">llmseg {html.escape(__version__)} · {now} · {html.escape(report.grid)}</p>'
        f'<p class="use">{RESEARCH_ONLY}</p>'
    )
    yield from (f'<p class="quiet">About this CT: {html.escape(line)}</p>' for line in report.oddities)
    picture = base64.b64encode(_png(pictures(report))).decode()
    yield f'<h2>Contours</h2><img alt="Axial, coronal and sagittal slices" src="data:image/png;base64,{picture}">'
    yield f'<p class="quiet">{_legend(report)}</p>'
    yield f'<h2>Numbers</h2>{_table(report)}<p class="quiet">{html.escape(_caveat(report))}</p>'
    note = (
        f"<pre>{html.escape(report.note)}</pre>"
        if report.note
        else '<p class="quiet">There was none, or a stored result does not say which.</p>'
    )
    yield f"<h2>The note as the model read it</h2>{note}"
    yield '<p class="quiet">Identifiers were taken out by rules; this is no certified de-identification.</p>'
    yield f"<h2>What drew the contours</h2>{_about(report)}</body></html>\n"


def _legend(report: Report) -> str:
    dashed = "; white dashes: the reference of the outlined structures" if report.reference else ""
    return f"Through the middle of the high-dose target. The patient's right is on the left{dashed}."


def _caveat(report: Report) -> str:
    if not report.reference:
        return NO_REFERENCE
    return f"{CAVEAT} {OTHER_NOTE}" if report.has_other_note else CAVEAT


def _table(report: Report) -> str:
    metrics = (("dsc", "DSC", 2), ("hd95", "HD95, mm", 1)) if report.reference else ()
    metrics = (*metrics, ("ml", "Volume, ml", 1))
    titles = [drawing.title for drawing in report.drawings]
    shown = [(key, f"{label} {title}", digits) for key, label, digits in metrics for title in titles]
    heads = "".join(f"<th>{html.escape(label)}</th>" for _, label, _ in shown)
    heads += "<th>Volume, ml reference</th>" if report.reference else ""
    rows = []
    for name in report.names:
        values = [
            (getattr(drawing.measured, key).get(name, math.nan), digits)
            for key, _, digits in metrics
            for drawing in report.drawings
        ]
        values += [(report.reference_ml.get(name, math.nan), 1)] if report.reference else []
        cells = "".join(f"<td>{'–' if math.isnan(v) else f'{v:.{digits}f}'}</td>" for v, digits in values)
        dot = f'<i style="background:{COLOURS.get(name, OTHER_COLOUR)}"></i>'
        rows.append(f"<tr><td>{dot}{html.escape(name)}</td>{cells}</tr>")
    return f"<table><tr><th>Structure</th>{heads}</tr>{''.join(rows)}</table>"


def _about(report: Report) -> str:
    keys = dict.fromkeys(key for drawing in report.drawings for key in drawing.provenance if key not in HIDDEN)
    heads = "".join(f"<th>{html.escape(drawing.title)}</th>" for drawing in report.drawings)
    rows = "".join(
        f"<tr><td>{html.escape(key.replace('_', ' '))}</td>"
        + "".join(f"<td>{html.escape(_told(drawing.provenance.get(key)))}</td>" for drawing in report.drawings)
        + "</tr>"
        for key in keys
    )
    return (
        f'<table class="about"><tr><th></th>{heads}</tr>{rows}</table>' if keys else '<p class="quiet">Not known.</p>'
    )


def _told(value: object) -> str:
    if value is None or value in ([], {}):
        return "–"
    return value if isinstance(value, str) else json.dumps(value)


# ---- the pictures ----


def pictures(report: Report) -> Figure:
    """One row an arm, one column a plane, each as large as it is in millimetres."""
    from matplotlib.figure import Figure

    centre = _centre(report)
    size = np.array(report.hu.shape) * report.spacing_mm
    widths, height = (size[0], size[0], size[1]), max(size[1], size[2])
    rows = len(report.drawings)
    figure = Figure(
        figsize=(11, 11 * rows * height / sum(widths) + 0.3 * rows), layout="constrained", facecolor="black"
    )
    grid = figure.subplots(rows, 3, squeeze=False, width_ratios=widths)
    for row, drawing in zip(grid, report.drawings, strict=True):
        for axes, plane, axis in zip(row, PLANES, (2, 1, 0), strict=True):
            _plane(axes, report, drawing, axis, centre[axis])
            axes.set_title(f"{plane}, {drawing.title}", color="white", fontsize=8)
    return figure


def _centre(report: Report) -> tuple[int, int, int]:
    """The middle of the first target's largest slice, or of whatever was drawn first."""
    drawn = {name: mask for drawing in reversed(report.drawings) for name, mask in drawing.masks.items()}
    for name in (*TARGETS, *drawn):
        if name in drawn:
            z = int(drawn[name].sum(axis=(0, 1)).argmax())
            x, y = (int(np.median(index)) for index in np.nonzero(drawn[name][:, :, z]))
            return x, y, z
    return report.start


def _plane(axes, report: Report, drawing: Drawing, axis: int, index: int) -> None:
    across, up = (edge for place, edge in enumerate(report.spacing_mm) if place != axis)
    # As on the page: the patient's right, and the front of a sagittal slice, on the left.
    low, high = SOFT_TISSUE_HU
    slab = np.take(report.hu, index, axis).T
    axes.imshow(slab[:, ::-1], cmap="gray", vmin=low, vmax=high, origin="lower", aspect=up / across)
    for name, mask in drawing.masks.items():
        _outline(axes, np.take(mask, index, axis).T[:, ::-1], COLOURS.get(name, OTHER_COLOUR), "solid", 1.1)
        if name in report.reference:
            _outline(axes, np.take(report.reference[name], index, axis).T[:, ::-1], "white", (0, (3, 2)), 0.7)
    axes.set_axis_off()


def _outline(axes, mask: np.ndarray, colour: str, style: object, width: float) -> None:
    if mask.any():
        padded = np.pad(mask.astype(float), 1)
        ticks = [np.arange(-1, size + 1) for size in mask.shape]
        axes.contour(ticks[1], ticks[0], padded, [0.5], colors=colour, linewidths=width, linestyles=[style])


def _png(figure: Figure) -> bytes:
    file = BytesIO()
    figure.savefig(file, dpi=150, format="png", metadata={"Description": RESEARCH_ONLY})
    return file.getvalue()
