"""From stored rows to figures one can quote: means over seeds, pairs of patients, and a test in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from llmseg.case import TARGETS
from llmseg.evaluation.statistics import Comparison, compare, holm
from llmseg.experiments.plans import EXPERIMENTS
from llmseg.experiments.stored import Result, mean_dice

TARGET = TARGETS[0]
CHANCE = 0.05

Scores = Mapping[tuple[str, str], float]
"""(id, structure) -> value."""


def of_share(results: Sequence[Result], share: float) -> list[Result]:
    return [result for result in results if round(result.fraction, 4) == share]


def shares_of(results: Sequence[Result]) -> list[float]:
    """The shares of the training patients that were trained on, smallest first."""
    return sorted({round(result.fraction, 4) for result in results})


def by_series(results: Sequence[Result], experiment: str) -> dict[str, list[Result]]:
    """Series -> its arms, in the order they were planned in."""
    order = {arm.name: place for place, arm in enumerate(EXPERIMENTS[experiment].arms)}
    own = sorted((r for r in results if r.experiment == experiment), key=lambda r: order.get(r.arm, len(order)))
    grouped: dict[str, list[Result]] = {}
    for result in own:
        grouped.setdefault(result.series, []).append(result)
    return grouped


def pooled(
    results: Sequence[Result], condition: str = "", metric: str = "dice", structure: str | None = None
) -> Scores:
    """Mean over seeds of what each patient's structure scored; "" takes each arm's first condition."""
    values: dict[tuple[str, str], list[float]] = {}
    for result in results:
        for key, value in result.scores(condition or result.conditions[0], metric, structure).items():
            values.setdefault(key, []).append(value)
    return {key: float(np.mean(found)) for key, found in values.items()}


def of_patients(scores: Scores) -> dict[str, float]:
    """Mean over a patient's structures."""
    grouped: dict[str, list[float]] = {}
    for (id, _), value in scores.items():
        grouped.setdefault(id, []).append(value)
    return {id: float(np.mean(values)) for id, values in grouped.items()}


def paired(a: Mapping, b: Mapping) -> Comparison | None:
    """Compare two sets of scores pair by pair; None where they share nothing."""
    shared = [key for key in a if key in b]
    return compare([a[key] for key in shared], [b[key] for key in shared]) if shared else None


def target_of(results: Sequence[Result], condition: str = "", metric: str = "dice") -> Scores:
    return pooled(results, condition, metric, TARGET)


def over_seeds(results: Sequence[Result], condition: str = "", structure: str | None = None) -> list[float]:
    """One mean DSC for each arm."""
    return [mean_dice(r.scores(condition or r.conditions[0], "dice", structure)) for r in results]


def in_words(found: Comparison) -> str:
    """The difference with its interval, test and effect."""
    return (
        f"{found.mean_difference:+.3f} (95% interval {found.low:+.3f} to {found.high:+.3f}; "
        f"Wilcoxon {p_value(found.p)}, effect {found.effect:+.2f}, n = {found.n})"
    )


def change(found: Comparison | None) -> str:
    """The difference with its interval, for a table's cell; a dash for none."""
    return f"{found.mean_difference:+.3f} ({found.low:+.3f} to {found.high:+.3f})" if found else "–"


def said(found: Comparison, ahead: str, behind: str, even: str) -> str:
    """One of three wordings: the first is ahead or behind beyond chance, or that cannot be told."""
    return {1: ahead, -1: behind, 0: even}[verdict(found)]


def verdict(found: Comparison) -> int:
    """1 or -1 where the first is ahead or behind beyond chance, 0 where that cannot be told."""
    if not found.p < CHANCE:
        return 0
    return 1 if found.mean_difference > 0 else -1


def adjusted(found: Mapping[str, Comparison]) -> dict[str, float]:
    """The p values of one table, corrected for their number (Holm)."""
    return dict(zip(found, holm([comparison.p for comparison in found.values()]), strict=True))


def p_value(p: float) -> str:
    if math.isnan(p):
        return "p not defined"
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"


def mean_sd(values: Sequence[float] | Mapping, digits: int = 3) -> str:
    """ "0.712 ± 0.034", the SD left out of a single value and a dash for none."""
    numbers = [v for v in (values.values() if isinstance(values, Mapping) else values) if not math.isnan(v)]
    if not numbers:
        return "–"
    mean = f"{np.mean(numbers):.{digits}f}"
    return f"{mean} ± {np.std(numbers, ddof=1):.{digits}f}" if len(numbers) > 1 else mean


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; all columns after the first are right-aligned."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (header, rule, *rows))
