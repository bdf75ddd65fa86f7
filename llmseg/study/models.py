"""A linear mixed-effects model of ratings: arms are fixed, readers and cases are draws from many."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from llmseg.study.crossed import LEAST_CASES, LEAST_READERS, Crossed

READER, CASE, READER_ARM, CASE_ARM = PARTS = ("reader", "case", "reader x arm", "case x arm")
RESIDUAL = "residual"
_NONE, _LITTLE = 1e-3, 1e-2
"""Shares of the residual variance: less is none; where the fit complains, what is less than a little may be dropped."""

_NO_COMPLAINT = "boundary of the parameter space"
"""statsmodels says so of any variance below 0.01, whatever the unit; here it is seen against the residual's."""


@dataclass(frozen=True)
class Effect:
    """How much higher an arm is rated than the baseline, with a 95% interval."""

    arm: str
    estimate: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class MixedModel:
    """Effects of arms against the first; none where the model has none to give, and the note says why.

    Args:
        variances: part -> estimated variance, 0 where it was dropped because it was estimated as none; "residual" too.
        degrees: of freedom of the t distribution in intervals and p.
    """

    baseline: str = ""
    effects: tuple[Effect, ...] = ()
    variances: Mapping[str, float] = field(default_factory=dict)
    degrees: int = 0
    note: str = ""


def mixed_model(values: Crossed) -> MixedModel:
    """Fit value = arm + reader + case + reader x arm + case x arm + residual by restricted likelihood.

    The answers' labels count as numbers, evenly spaced. A part whose variance is estimated as none is dropped and the
    rest fitted again. Standard errors are Wald's, taken with t on min(readers, cases) - 1 degrees of freedom, or few
    readers would seem to say too much.

    Returns:
        Numbers only from a fit that converged, with a covariance that could be calculated.
    Source: Baayen, Davidson and Bates 2008 for crossed effects; statsmodels' MixedLM.
    """
    sizes = int(values.present.any((1, 2)).sum()), int(values.present.any((0, 2)).sum())
    if why := _unfit(values, sizes):
        return MixedModel(note=why)
    kept = list(PARTS)
    while kept:
        fitted, complaints = _fit(values, kept)
        if fitted is None:
            return MixedModel(note=_NO_RESULT.format(complaints[0]))
        smallest = int(np.argmin(fitted.vcomp))
        if fitted.vcomp[smallest] > (_LITTLE if complaints else _NONE) * fitted.scale:
            return MixedModel(note=_NO_RESULT.format(complaints[0])) if complaints else _read(fitted, kept, values)
        del kept[smallest]
    return MixedModel(note=_NO_RESULT.format("neither readers nor cases were found to differ"))


_NO_RESULT = "The mixed model gave no result: {}. The paired comparisons stand."


def _unfit(values: Crossed, sizes: tuple[int, int]) -> str:
    """Why no model is fitted; empty where one can be."""
    if len(values.arms) < 2:
        return "No model: one arm has nothing to be compared with."
    if sizes[0] < LEAST_READERS or sizes[1] < LEAST_CASES:
        return f"No model: it takes at least {LEAST_READERS} readers and {LEAST_CASES} cases."
    if len(set(values.values[values.present].tolist())) < 2:
        return "No model: every reading has the same answer."
    return ""


def _fit(values: Crossed, parts: Sequence[str]) -> tuple[object | None, list[str]]:
    """The fitted model, or None; and what statsmodels complained of."""
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

    reader, case, arm = np.nonzero(values.present)
    levels = {
        READER: reader,
        CASE: case,
        READER_ARM: reader * len(values.arms) + arm,
        CASE_ARM: case * len(values.arms) + arm,
    }
    designs = [_indicators(levels[part]) for part in parts]
    columns = [[[str(number) for number in range(design.shape[1])]] for design in designs]
    fixed = np.column_stack([np.ones(len(arm)), *(arm == other for other in range(1, len(values.arms)))])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            model = MixedLM(
                values.values[values.present],
                fixed,
                np.zeros(len(arm)),
                exog_vc=VCSpec(list(parts), columns, [[design] for design in designs]),
            )
            fitted = model.fit(reml=True, method=["lbfgs"], maxiter=500)
            complaints = [] if fitted.converged else ["it did not converge"]
            if not np.isfinite(fitted.bse_fe).all():
                complaints.append("its covariance could not be calculated")
        except (np.linalg.LinAlgError, ValueError) as error:
            return None, [str(error).rstrip(".")]
    messages = [str(warning.message).rstrip(".") for warning in said]
    return fitted, complaints + [message for message in messages if _NO_COMPLAINT not in message]


def _indicators(levels: np.ndarray) -> np.ndarray:
    """(N, L): one column for each level that is there."""
    return (levels[:, None] == np.unique(levels)).astype(float)


def _read(fitted, parts: Sequence[str], values: Crossed) -> MixedModel:
    from scipy.stats import t

    degrees = min(len(values.readers), len(values.cases)) - 1
    estimates, errors = np.asarray(fitted.fe_params)[1:], np.asarray(fitted.bse_fe)[1:]
    reach = t.ppf(0.975, degrees) * errors
    p = 2 * t.sf(np.abs(estimates / errors), degrees)
    rows = zip(values.arms[1:], estimates, estimates - reach, estimates + reach, p, strict=True)
    found = dict(zip(parts, fitted.vcomp, strict=True)) | {RESIDUAL: fitted.scale}
    return MixedModel(
        baseline=values.arms[0],
        effects=tuple(Effect(arm, *map(float, numbers)) for arm, *numbers in rows),
        variances={part: float(found.get(part, 0.0)) for part in (*PARTS, RESIDUAL)},
        degrees=degrees,
    )
