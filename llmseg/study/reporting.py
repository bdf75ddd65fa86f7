"""The report of a study: methods, tables and figures in Markdown."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from llmseg.evaluation.statistics import Comparison
from llmseg.formats.whole import write_whole
from llmseg.study import figures
from llmseg.study.analysis import Analysis, Choice
from llmseg.study.crossed import LEAST_READERS, Estimate
from llmseg.study.effort import Effort
from llmseg.study.methods import methods
from llmseg.study.preference import Preference
from llmseg.study.ratings import Rating
from llmseg.study.simulating import SIMULATED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from llmseg.study.preparing import Prepared

REPORT = "report.md"
OVER_CASES = "†"
"""Stands after an interval that speaks of its few readers only; it would be long in every cell."""

_MEASURES = {"edit_seconds": "edit time (s)", "apl_mm": "added path length (mm)"}
_METRICS = {"dice": "DSC", "hd95_mm": "HD95", "surface_dice_3mm": "surface DSC (3 mm)"}

Number = Callable[[float], str]


def report(analysis: Analysis, folder: Path, *, source: str = "", prepared: Prepared | None = None) -> list[Path]:
    """Write report.md and its figures.

    Args:
        source: where the answers came from, and their hash.
        prepared: the study as it was frozen, for the methods.
    Returns:
        what was written.
    """
    pictures: dict[str, Figure] = {}
    parts = [*_head(analysis, source), "## Methods", *methods(analysis, prepared)]
    for found in analysis.ratings:
        parts += _rating(found, pictures)
    for found in analysis.preferences:
        parts += _preference(found, pictures)
    for found in analysis.choices:
        parts += _choice(found)
    parts += _efforts(analysis.efforts, pictures)
    parts += _correlations(analysis)
    parts += _paces(analysis)
    for name, figure in pictures.items():
        write_whole(folder / f"{name}.png", _png(figure))
    if any(OVER_CASES in part for part in parts):
        parts.append(
            f"{OVER_CASES} Interval over cases alone, for these readers: fewer than {LEAST_READERS} read this."
        )
    write_whole(folder / REPORT, ("\n\n".join(parts) + "\n").encode())
    return [folder / REPORT, *(folder / f"{name}.png" for name in pictures)]


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    # Without the library's name, so that the same answers give the same bytes.
    figure.savefig(content, dpi=150, metadata={"Software": None}, facecolor="white")
    return content.getvalue()


# ---- how numbers are written ----


def _percent(value: float) -> str:
    return f"{100 * value:.0f}%"


def _two(value: float) -> str:
    return f"{value:.2f}"


def _signed(value: float) -> str:
    return f"{value:+.2f}"


def _points(value: float) -> str:
    return f"{100 * value:+.0f}"


def _with_interval(found: Estimate, number: Number) -> str:
    """The number with its interval, or with why there is none."""
    if math.isnan(found.value):
        return found.note
    said = number(found.value)
    if not math.isnan(found.low):
        said += f" ({number(found.low)} to {number(found.high)})"
        return said + (OVER_CASES if found.note else "")
    return f"{said} {found.note}"


def _p(value: float) -> str:
    return "–" if math.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _tested(found: Comparison, p_holm: float | None = None) -> list[str]:
    effect = "–" if math.isnan(found.effect) else _signed(found.effect)
    return [str(found.n), effect, _p(found.p), *([_p(p_holm)] if p_holm is not None else [])]


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    rule = ["---"] * len(header)
    return "\n".join("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in (header, rule, *rows))


def _cell(value: object) -> str:
    """Names are the researcher's and the readers' own: they must not break a table or become markup."""
    return " ".join(str(value).split()).replace("|", "\\|").replace("<", "&lt;")


def _file(*names: str) -> str:
    return "-".join(re.sub(r"\W+", "-", name).strip("-").lower() for name in names)


# ---- parts ----


def _head(analysis: Analysis, source: str) -> Iterator[str]:
    yield f"# Analysis of the reader study {_cell(analysis.sample.study)}"
    yield f"Written by `python -m llmseg study analyze`; nothing here is typed by hand. {source}".strip()
    if SIMULATED in analysis.versions:
        yield "**These answers were simulated. They show how the analysis works, and nothing about any contours.**"


def _picture(name: str, caption: str, figure: Figure, pictures: dict[str, Figure]) -> str:
    pictures[name] = figure
    return f"![{caption}]({name}.png)\n\n*{caption}*"


def _rating(found: Rating, pictures: dict[str, Figure]) -> Iterator[str]:
    yield f"## {found.task}: {found.question}"
    header = ["arm", "readings", "acceptable (95% interval)", f"mean, 1 to {len(found.labels)}", *found.labels]
    rows = [
        [
            arm.arm,
            arm.mean.readings,
            _with_interval(arm.acceptable, _percent),
            _with_interval(arm.mean, _two),
            *arm.counts,
        ]
        for arm in found.arms
    ]
    yield _table(header, rows)
    yield _picture(
        _file("acceptability", found.task, found.question),
        f"Answers to {found.question} in {found.task} by arm; numbers are readings.",
        figures.acceptability(found),
        pictures,
    )
    yield from _differences(found)
    yield from _agreement(found, pictures)
    if (figure := figures.rating_and_dice(found)) is not None:
        yield _picture(
            _file("rating-dice", found.task, found.question),
            f"Mean answer to {found.question} in {found.task} over readers against DSC; each mark is a case in an arm.",
            figure,
            pictures,
        )


def _differences(found: Rating) -> Iterator[str]:
    if not found.differences:
        return
    header = ["first minus second", "acceptable, points", "mean", "cases", "effect", "p", "p, Holm"]
    rows = [
        [
            f"{row.first} minus {row.second}",
            _with_interval(row.acceptable, _points),
            _with_interval(row.mean, _signed),
            *_tested(row.over_cases, row.p_holm),
        ]
        for row in found.differences
    ]
    yield "### Differences between arms"
    yield _table(header, rows)
    if found.model.note:
        yield found.model.note
        return
    effects = "; ".join(
        f"{effect.arm} {_signed(effect.estimate)} ({_signed(effect.low)} to {_signed(effect.high)}), p {_p(effect.p)}"
        for effect in found.model.effects
    )
    variances = ", ".join(f"{part} {_two(size)}" for part, size in found.model.variances.items())
    yield (
        f"Mixed model, against {_cell(found.model.baseline)}: {_cell(effects)} (t with {found.model.degrees} degrees "
        f"of freedom). Variances: {variances}."
    )


def _agreement(found: Rating, pictures: dict[str, Figure]) -> Iterator[str]:
    yield "### Agreement"
    rows = [
        [f"between readers, {part.arm or 'all arms'}", *_kappas(part.linear, part.quadratic), _kappa(part.fleiss)]
        for part in found.agreement
    ]
    again = found.repeatability
    if again:
        rows.append(["within readers", *_kappas(again.linear, again.quadratic), "–"])
    yield _table(["", "kappa, linear", "kappa, quadratic", "Fleiss' kappa"], rows)
    if again:
        each = ", ".join(f"{reader} {equal} of {count}" for reader, count, equal in again.per_reader)
        equal = _with_interval(again.equal, _percent)
        yield f"Second readings with the same answer: {equal}; by reader: {_cell(each)}."
    else:
        yield "Nothing was read twice, so agreement within readers is not known."
    yield _picture(
        _file("agreement", found.task, found.question),
        f"Agreement on {found.question} in {found.task} beyond chance, with 95% intervals.",
        figures.agreement(found),
        pictures,
    )


def _kappa(found: Estimate) -> str:
    return _with_interval(found, _two)


def _kappas(*found: Estimate) -> list[str]:
    return [_kappa(one) for one in found]


def _preference(found: Preference, pictures: dict[str, Figure]) -> Iterator[str]:
    yield f"## {found.task}: {found.question}, {found.first} or {found.second}"
    rows = [
        [f"{found.first} preferred", _with_interval(found.win, _percent)],
        ["no difference", _with_interval(found.tie, _percent)],
        [f"{found.second} preferred", _with_interval(found.loss, _percent)],
        [f"net preference for {found.first}, points", _with_interval(found.net, _points)],
    ]
    yield _table(["", f"share of {found.net.readings} readings (95% interval)"], rows)
    cases, effect, p = _tested(found.over_cases)
    yield f"Over {cases} cases, Wilcoxon's signed rank of the net preference: effect {effect}, p {p}."
    if found.left_share.readings:
        yield (
            f"Of {found.left_share.readings} readings with a preference, what stood as A was preferred in "
            f"{_with_interval(found.left_share, _percent)}; sides were balanced, so this should be near 50%."
        )
    else:
        yield "Every reading was a tie."
    yield _picture(
        _file("preference", found.task, found.question, found.first, found.second),
        f"Preference of each reader in {found.task}; numbers are readings.",
        figures.preference(found),
        pictures,
    )


def _choice(found: Choice) -> Iterator[str]:
    yield f"## {found.task}: {found.question}"
    rows = [
        [arm.arm, sum(arm.counts), *(_with_interval(share, _percent) for share in arm.shares)] for arm in found.arms
    ]
    yield _table(["arm", "readings", *found.labels], rows)
    yield "Where readers can tell the arms apart, the shares differ between them; where they cannot, they are alike."


def _efforts(found: Sequence[Effort], pictures: dict[str, Figure]) -> Iterator[str]:
    for task in dict.fromkeys(one.task for one in found):
        own = [one for one in found if one.task == task]
        yield f"## {task}: what it took to edit"
        arms = [
            [_MEASURES[one.measure], arm.arm, arm.mean.readings, _with_interval(arm.mean, _one), _one(arm.median)]
            for one in own
            for arm in one.arms
        ]
        yield _table(["", "arm", "edits", "mean (geometric for time)", "median"], arms)
        rows = [
            [
                _MEASURES[one.measure],
                f"{row.first} {'over' if one.is_ratio else 'minus'} {row.second}",
                _with_interval(row.change, _two if one.is_ratio else _one),
                *_tested(row.over_cases, row.p_holm),
            ]
            for one in own
            for row in one.differences
        ]
        if rows:
            yield _table(["", "arms", "ratio or difference", "cases", "effect", "p", "p, Holm"], rows)
        yield _picture(
            _file("effort", task),
            f"Edits in {task}: each mark is one case's mean over readers, each bar the arm's mean.",
            figures.effort(own),
            pictures,
        )


def _one(value: float) -> str:
    return f"{value:.1f}"


def _correlations(analysis: Analysis) -> Iterator[str]:
    if not analysis.correlations:
        return
    yield "## What the metrics say of it"
    rows = [
        [c.task, _MEASURES.get(c.of, c.of), _METRICS[c.with_metric], c.rho.readings, _with_interval(c.rho, _signed)]
        for c in analysis.correlations
    ]
    yield _table(["task", "readers' answer", "metric", "readings", "Spearman's rho within readers"], rows)


def _paces(analysis: Analysis) -> Iterator[str]:
    if not analysis.paces:
        return
    yield "## Time"
    rows = [[pace.task, pace.readings, *(f"{seconds:.0f}" for seconds in pace.quartiles)] for pace in analysis.paces]
    yield _table(["task", "readings", "active seconds, 1st quartile", "median", "3rd quartile"], rows)
    if analysis.sample.comments:
        yield f"Readers also wrote {analysis.sample.comments} comments; they are in the exported table."
