"""Choose a checkpoint's refinement on its tuning patients: every option is measured, and kept only where it is better.

The network runs once for each patient and view. What it drew is kept, cut to where each structure may be, and each
option is scored on that, on the CT's own voxels: a threshold that moves nothing on the network's grid may move a
contour by half a voxel there. Choices that differ by structure are judged on patients they were not made on: for each
patient in turn they are made on all others. With a note and without count alike, so no choice favours one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from llmseg.case import PAIRED, Case, InputError
from llmseg.datasets.folder import Dataset
from llmseg.evaluation.calibration import OPEN_FROM, Bin, Histogram, calibrate
from llmseg.evaluation.statistics import Comparison, compare
from llmseg.metrics import dice
from llmseg.model.checkpoint import CheckpointConfig, load_checkpoint, save_checkpoint
from llmseg.model.refinement import HALF, Box, Refinement, View
from llmseg.preprocessing import NEGLIGIBLE, Placement, inverse_mask, to_grid
from llmseg.segmenter import Segmenter

CONDITIONS = ("text", "no-text")
OPTIONS: Mapping[str, tuple] = {
    "smooth_mm": (0.0, 2.0, 3.0, 4.0, 6.0),
    "thresholds": (HALF, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.55, 0.6, 0.65, 0.7, 0.75),
    "keep": (0, 1, 2),
    "smallest_ml": (0.0, 0.25, 0.5, 1.0, 2.0, 4.0),
}
"""What is tried for each structure, in this order; the first value changes nothing."""
FEWEST = 3
"""Patients that choices can be made on: each in turn is left out."""
MARGIN = 0.002
"""A value that gains a structure less DSC than this is not worth a setting."""
AROUND = 4
"""Voxels kept around where a structure may be: as far as smoothing reaches."""


@dataclass(frozen=True)
class Trial:
    """One option, measured.

    Args:
        option: a field of Refinement.
        values: what was chosen on all tuning patients; by structure, or one for all.
        before, after: mean DSC over patients, structures and conditions; for the calibration the Brier score, of which
            less is better.
        gain: paired by patient; above 0 is better.
        gain_text, gain_no_text: mean gain of each condition; none for the calibration, which is judged on both at once.
        by_structure: structure -> mean gain.
    """

    option: str
    values: object
    before: float
    after: float
    gain: Comparison
    gain_text: float | None = None
    gain_no_text: float | None = None
    by_structure: Mapping[str, float] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        """Better beyond what these few patients could show by chance: the whole interval lies above 0."""
        return self.gain.low > 0

    def to_json(self) -> dict[str, object]:
        return {**asdict(self), "kept": self.kept}


@dataclass(frozen=True)
class Findings:
    """What was measured, and the refinement that came of it.

    Args:
        trials: of every option, in the order they were tried.
        ece: structure -> expected calibration error before and after, on patients the calibration was not fitted on.
        reliability: "before" and "after" -> how often voxels of each probability were inside, over all structures.
        agreement: structure -> rank correlation over tuning patients of the views' agreement with the DSC.
    """

    refinement: Refinement
    patients: int
    trials: tuple[Trial, ...]
    ece: Mapping[str, tuple[float, float]]
    reliability: Mapping[str, tuple[Bin, ...]]
    agreement: Mapping[str, float]

    def to_json(self) -> dict[str, object]:
        return {**asdict(self), "trials": [trial.to_json() for trial in self.trials]}


def tuning_cases(config: CheckpointConfig, dataset: Dataset) -> tuple[Case, ...]:
    """The patients that were kept from training for choices like these.

    Raises:
        InputError: the checkpoint names none, or the dataset lacks one.
    """
    ids = set(config.trained.get("tuning_patients", ()))
    cases = tuple(case for case in dataset.split("training") if case.id in ids)
    if not ids:
        raise InputError("This checkpoint names no tuning patients. Train it with a tuning_share above 0.")
    if missing := sorted(ids - {case.id for case in cases}):
        raise InputError(f"{dataset.root} lacks the tuning patient {missing[0]}. Pass the dataset it was trained on.")
    return cases


def refine(
    checkpoint: str | Path,
    cases: Sequence[Case],
    out: str | Path,
    *,
    shift_voxels: int = 0,
    device: str = "auto",
    cache: Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Findings:
    """Write a copy of a checkpoint whose refinement was chosen on its tuning patients.

    Args:
        cases: of `tuning_cases`; choices made on patients it was trained on would be worth nothing.
        out: the new checkpoint: the same weights; its config says what was kept and what every option gave.
        shift_voxels: of moved views to try beside the mirrored one, for three times the work and memory; 0 tries none.
    Raises:
        InputError: `out` exists, fewer than three cases, or one without structures.
    """
    out = Path(out)
    if out.exists():
        raise InputError(f"{out} already exists. Choose another --out.")
    if len(cases) < FEWEST:
        raise InputError(f"{len(cases)} tuning patients are too few to choose on. Train with a larger tuning_share.")
    network, config = load_checkpoint(checkpoint)
    pairs = all(PAIRED.get(name, name) in config.network.structures for name in config.network.structures)
    widest = Refinement(mirror=pairs, shift_voxels=shift_voxels)  # half a pair has no mirror image
    segmenter = Segmenter.load(checkpoint, device, refinement=widest, cache=cache)
    drawn = []
    for number, case in enumerate(cases):
        if on_progress:
            on_progress(number, len(cases))
        drawn.append(_draw(segmenter, case))
    findings = choose(drawn, config)
    trained = {**config.trained, "refined": findings.to_json()}
    described = replace(config, refinement=findings.refinement, trained=trained)
    card = (Path(checkpoint) / "README.md").read_text().split(_HEADING)[0].rstrip("\n")
    save_checkpoint(out, network, described, card + _HEADING + table(findings))
    return findings


@dataclass(frozen=True, eq=False)
class Crop:
    """One structure of one tuning patient, cut to where the reference is or some view says it might be.

    Args:
        reference: (X0, Y0, Z0) bool on a part of the CT's own voxels, `box`.
        truth: (X, Y, Z) bool on a part of the network's grid, `placement`.
        core: see `Refinement.refine`; of this part.
        views: view -> (conditions, X, Y, Z) float16.
    """

    reference: np.ndarray
    box: Box
    truth: np.ndarray
    placement: Placement
    core: Box
    views: Mapping[View, np.ndarray]

    @classmethod
    def of(cls, reference: np.ndarray, placement: Placement, core: Box, views: Mapping[View, np.ndarray]) -> Crop:
        """Cut a reference on all of the CT's voxels, and (conditions, X, Y, Z) on the whole grid."""
        from scipy import ndimage

        truth = to_grid(reference, placement) >= HALF
        part = _around(np.logical_or.reduce([truth, *(drawn.max(axis=0) >= OPEN_FROM for drawn in views.values())]))
        kept = {view: drawn[(slice(None), *part)].astype(np.float16) for view, drawn in views.items()}
        there = placement.part(part)
        reach = inverse_mask(np.ones(there.size), there, NEGLIGIBLE) | reference
        [box] = ndimage.find_objects(reach.astype(np.uint8))
        return cls(reference[box].copy(), box, truth[part], there, _within(core, part), kept)

    def contour(self, probability: np.ndarray, threshold: float) -> np.ndarray:
        """(X, Y, Z) on the network's grid -> (X0, Y0, Z0) bool where it is drawn, as `reference` lies."""
        return inverse_mask(probability, self.placement, threshold)[self.box]

    def mean(self, views: Sequence[View]) -> np.ndarray:
        """(conditions, X, Y, Z) float32, the mean over these views."""
        return np.mean([self.views[view] for view in views], axis=0, dtype=np.float32)


def _around(matters: np.ndarray) -> Box:
    """The smallest box about what is true, and `AROUND` voxels more."""
    from scipy import ndimage

    [tight] = ndimage.find_objects(matters.astype(np.uint8)) or [(slice(0, 1),) * 3]
    return tuple(
        slice(max(0, edge.start - AROUND), min(size, edge.stop + AROUND))
        for edge, size in zip(tight, matters.shape, strict=True)
    )


def _within(box: Box, part: Box) -> Box:
    """A box of the whole grid, as it lies in a part of it."""
    pairs = zip(box, part, strict=True)
    return tuple(slice(max(0, own.start - edge.start), max(0, own.stop - edge.start)) for own, edge in pairs)


Drawn = Mapping[str, Crop]
"""What the network drew of one tuning patient: structure -> where it may be; nothing for what was not contoured."""


def _draw(segmenter: Segmenter, case: Case) -> Drawn:
    names = segmenter.config.network.structures
    contoured = {name: mask for name, mask in (case.structures or {}).items() if name in names}
    if not contoured:
        raise InputError(f"Case {case.id} has no structures to compare with. Leave it out.")
    ct = segmenter.open(case.volume, others=case.others(segmenter.modalities))
    text, without = ct.draw([case.note, None])
    crops = {}
    for name, mask in contoured.items():
        row = names.index(name)
        pairs = zip(segmenter.refinement.views, text, without, strict=True)
        views = {view: np.stack((noted[row].numpy(), plain[row].numpy())) for view, noted, plain in pairs}
        crops[name] = Crop.of(mask, ct.placement, ct.core, views)
    return crops


def choose(drawn: Sequence[Drawn], config: CheckpointConfig) -> Findings:
    """Try the options one after another, each on top of what was kept before it."""
    names, grid_mm = config.network.structures, config.grid.spacing_mm
    widest, current, trials = tuple(next(iter(drawn[0].values())).views), Refinement(), []
    shift_voxels = max(view.shift for view in widest)
    for changes in ({"mirror": True}, {"shift_voxels": shift_voxels}):
        candidate = replace(current, **changes)
        if candidate == current or not set(candidate.views) <= set(widest):
            continue
        trial = _try_views(_scores(drawn, (current, candidate), names, grid_mm), names, changes)
        trials.append(trial)
        current = candidate if trial.kept else current
    for option, values in OPTIONS.items():
        candidates = [replace(current, **{option: dict.fromkeys(names, value)}) for value in values]
        trial = _try_values(_scores(drawn, candidates, names, grid_mm), names, option, values)
        trials.append(trial)
        current = replace(current, **{option: trial.values}) if trial.kept else current
    histograms = _histograms(drawn, current, names, grid_mm)
    calibrated = calibrate(histograms, names)
    gain = compare(calibrated.brier_before, calibrated.brier_after)
    before, after = float(np.mean(calibrated.brier_before)), float(np.mean(calibrated.brier_after))
    trials.append(Trial("calibration", calibrated.values, before, after, gain))
    current = replace(current, calibration=calibrated.values) if trials[-1].kept else current
    agreement = _agreement(drawn, current, names, grid_mm)
    return Findings(current, len(drawn), tuple(trials), calibrated.ece, calibrated.reliability, agreement)


def _scores(
    drawn: Sequence[Drawn], candidates: Sequence[Refinement], names: Sequence[str], grid_mm: Sequence[float]
) -> np.ndarray:
    """(patients, conditions, K, candidates) DSC; NaN where a structure was not contoured.

    Where reference and prediction are both empty, the DSC is the structure's mean under the first candidate: such a
    case leaves the mean that an evaluation reports where it is.
    """
    shape = (len(drawn), len(CONDITIONS), len(names), len(candidates))
    scores, both_empty = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
    for patient, one in enumerate(drawn):
        for row, name in enumerate(names):
            if crop := one.get(name):
                for column, candidate in enumerate(candidates):
                    for condition, contour in enumerate(_contours(crop, name, candidate, grid_mm)):
                        score = dice(crop.reference, contour)
                        scores[patient, condition, row, column] = score
                        both_empty[patient, condition, row, column] = np.isnan(score)
    average = np.ma.masked_invalid(scores[..., :1]).mean(axis=0, keepdims=True).filled(0.0)
    return np.where(both_empty, average, scores)


def _refined(crop: Crop, name: str, refinement: Refinement, grid_mm: Sequence[float]) -> list[np.ndarray]:
    """(X, Y, Z) of each condition."""
    return [refinement.refine(name, mean, grid_mm, crop.core) for mean in crop.mean(refinement.views)]


def _contours(crop: Crop, name: str, refinement: Refinement, grid_mm: Sequence[float]) -> list[np.ndarray]:
    """(X0, Y0, Z0) of each condition."""
    return [crop.contour(p, refinement.threshold(name)) for p in _refined(crop, name, refinement, grid_mm)]


def _try_views(scores: np.ndarray, names: Sequence[str], changes: Mapping[str, object]) -> Trial:
    [(option, value)] = changes.items()
    return _trial(option, value, scores[..., 0], scores[..., 1], names)


def _try_values(scores: np.ndarray, names: Sequence[str], option: str, values: Sequence[float]) -> Trial:
    """Choose a value for each structure; for the measure, each patient's is chosen on the others.

    A structure that this costs DSC on patients it was not chosen on gets none, whatever the others gain.
    """
    after = scores[..., 0].copy()
    for patient, own in enumerate(scores):
        others = np.delete(scores, patient, axis=0)
        for row in range(len(names)):
            after[patient, :, row] = own[:, row, _best(others[:, :, row])]
    carries = np.nansum(after - scores[..., 0], axis=(0, 1)) > 0
    chosen = {name: values[_best(scores[:, :, row]) if carries[row] else 0] for row, name in enumerate(names)}
    return _trial(option, {n: v for n, v in chosen.items() if v != values[0]}, scores[..., 0], after, names)


def _best(scores: np.ndarray) -> int:
    """The value of the highest mean in (patients, conditions, values), if it beats the first by more than chance might.

    That is by its standard error, and by MARGIN.
    """
    gains = (scores - scores[..., :1]).mean(axis=1)
    gains = gains[~np.isnan(gains).any(axis=1)]
    if len(gains) < 3:
        return 0
    best = int(gains.mean(axis=0).argmax())
    error = gains[:, best].std(ddof=1) / np.sqrt(len(gains))
    return best if gains[:, best].mean() > max(error, MARGIN) else 0


def _trial(option: str, values: object, before: np.ndarray, after: np.ndarray, names: Sequence[str]) -> Trial:
    """Measure (patients, conditions, K) DSC against another."""
    seen = ~np.isnan(before).all(axis=(0, 1))  # structures that nobody contoured
    before, after = before[:, :, seen], after[:, :, seen]
    gain = compare(np.nanmean(after, axis=(1, 2)), np.nanmean(before, axis=(1, 2)))
    gains = after - before
    text, without = (float(np.nanmean(gains[:, condition])) for condition in range(len(CONDITIONS)))
    by_name = dict(zip(np.array(names)[seen].tolist(), np.nanmean(gains, axis=(0, 1)).tolist(), strict=True))
    means = (float(np.nanmean(scores, axis=(1, 2)).mean()) for scores in (before, after))
    return Trial(option, values, *means, gain, text, without, by_name)


def _histograms(
    drawn: Sequence[Drawn], refinement: Refinement, names: Sequence[str], grid_mm: Sequence[float]
) -> list[list[Histogram | None]]:
    """For each patient and structure how often each probability was right; None where not contoured."""
    rows = []
    for one in drawn:
        rows.append([None] * len(names))
        for row, name in enumerate(names):
            if crop := one.get(name):
                refined = _refined(crop, name, refinement, grid_mm)
                rows[-1][row] = Histogram(sum(Histogram.of(p, crop.truth).counts for p in refined))
    return rows


def _agreement(
    drawn: Sequence[Drawn], refinement: Refinement, names: Sequence[str], grid_mm: Sequence[float]
) -> dict[str, float]:
    """How far the agreement of all views foretells the DSC with the note, as Spearman's rank correlation."""
    from scipy.stats import spearmanr

    found = {}
    for name in names:
        pairs = []
        for one in drawn:
            if (crop := one.get(name)) and len(crop.views) > 1:
                contour = _contours(crop, name, refinement, grid_mm)[0]
                threshold = refinement.threshold(name)
                each = [dice(contour, crop.contour(crop.mean([view])[0], threshold)) for view in crop.views]
                pairs.append((np.mean(each), dice(crop.reference, contour)))
        pairs = np.array([pair for pair in pairs if not np.isnan(pair).any()]).reshape(-1, 2)
        if len(pairs) > 4 and (pairs.std(axis=0) > 0).all():
            found[name] = float(spearmanr(*pairs.T).statistic)
    return found


_HEADING = "\n\n## Refinement\n\n"


def table(findings: Findings) -> str:
    """What every option gave, as Markdown for the model card."""
    lines = [
        f"Chosen on the {findings.patients} tuning patients, on each CT's own grid, with a note and without alike.",
        "Kept is what gains with its whole 95% interval above 0. A structure gets a value of its own only for a gain",
        f"above its standard error and above {MARGIN} DSC, and only where patients it was not chosen on gain from it, "
        "too.",
        "",
        "| option | measure | before | after | gain | 95% interval | p | kept |",
        "|---|---|---:|---:|---:|---:|---:|---|",
    ]
    for trial in findings.trials:
        gain, measure = trial.gain, "Brier score" if trial.option == "calibration" else "DSC"
        figures = f"{trial.before:.4f} | {trial.after:.4f} | {gain.mean_difference:+.4f}"
        interval = f"{gain.low:+.4f} to {gain.high:+.4f} | {gain.p:.2g} | {'yes' if trial.kept else 'no'}"
        lines.append(f"| {trial.option} | {measure} | {figures} | {interval} |")
    ece = [f"{name} {before:.3f} to {after:.3f}" for name, (before, after) in findings.ece.items()]
    agreement = [f"{name} {correlation:.2f}" for name, correlation in findings.agreement.items()]
    if ece:
        lines += ["", f"Expected calibration error, before to after: {', '.join(ece)}."]
    if agreement:
        lines += ["", f"Rank correlation of the agreement of views with the DSC: {', '.join(agreement)}."]
    return "\n".join(lines) + "\n"
