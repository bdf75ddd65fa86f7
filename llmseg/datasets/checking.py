"""Reads every case of a dataset and says all that is wrong with it, one line each, with what to do about it.

An error is what would teach or score a network wrongly; a warning is what may be meant so.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from llmseg.case import PAIRED, TARGETS, Case, InputError, Volume, slice_axis_of, spacing_of
from llmseg.datasets.displaced import is_displaced, on_bone
from llmseg.datasets.folder import in_parallel, read_entry, read_manifest
from llmseg.datasets.scraps import SCRAP_ML, is_scraps
from llmseg.formats.nifti import read_mask
from llmseg.text.note import read_note

ERROR, WARNING = "error", "warning"
BODY_HU = -300
LOOK_MM = 2.0
"""How finely contours are looked at: every voxel, or every second, third, ... of a finer CT."""
MOSTLY_OUTSIDE, PARTLY_OUTSIDE = 0.5, 0.15
"""Shares of a contour's voxels in the air around the patient."""
ACROSS_MM = 10.0
"""How far past the midline the centre of a paired organ may not lie."""
SIDE_RATIO = 0.35
"""(left - right) / (left + right) from which a target is one-sided, as for the notes the network was trained on."""
LARGEST_ORGAN_ML = 300.0
SLICE_CM2 = 20.0
"""Tissue from which a slice counts as scanned: more than a contour that kept its HU where the rest was cut away."""
CUT_MM = 10.0
"""A scan that ends so close to a target ends where it does because the target does."""
NAMED = 5
"""Of the cases that share a fault."""


class Finding(NamedTuple):
    """One thing that is wrong: how bad, in which case, and what to do."""

    severity: str
    where: str
    text: str


@dataclass(frozen=True)
class CheckReport:
    """Everything found, errors first."""

    cases: int
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> int:
        return sum(finding.severity == ERROR for finding in self.findings)


@dataclass(frozen=True)
class _Seen:
    """What one case shows: enough to compare it with the others."""

    id: str
    split: str
    patient_id: str = ""
    image_hash: str = ""
    contoured: frozenset[str] = frozenset()
    cut: bool = False
    findings: tuple[Finding, ...] = ()


def check_dataset(
    path: str | Path, *, workers: int | None = None, on_progress: Callable[[int, int], None] | None = None
) -> CheckReport:
    """Read each image, contour and note of a dataset folder, and list all that is wrong.

    Args:
        workers: processes; 1 stays in this one.
        on_progress: called with (cases done, cases in all).
    Raises:
        InputError: there is no dataset to read.
    """
    manifest = read_manifest(path)
    seen = {}
    work = partial(_check_case, entries=manifest.entries, root=manifest.root, names=manifest.names)
    for done, (number, case) in enumerate(in_parallel(work, range(len(manifest.entries)), workers), start=1):
        seen[number] = case
        if on_progress:
            on_progress(done, len(manifest.entries))
    cases = [seen[number] for number in sorted(seen)]
    findings = [finding for case in cases for finding in case.findings]
    findings += [*_about_twins(cases), *_about_splits(cases, manifest.names)]
    return CheckReport(len(cases), tuple(sorted(findings, key=lambda finding: finding.severity != ERROR)))


def _about_twins(cases: Sequence[_Seen]) -> Iterator[Finding]:
    """Whoever is in twice: the same id, the same patient, or the same image under two names."""
    for key, what, remedy in (
        ("id", "id", "Give each case its own."),
        ("patient_id", "patient", "Keep each patient in one split."),
        ("image_hash", "image", "Keep one of them."),
    ):
        groups = defaultdict(list)
        for case in cases:
            groups[getattr(case, key)].append(case)
        for value, group in groups.items():
            splits = sorted({case.split for case in group})
            if not value or len(group) < 2 or (key == "patient_id" and len(splits) < 2):
                continue
            ids = ", ".join(sorted({case.id for case in group}))
            severity = ERROR if key == "id" or len(splits) > 1 else WARNING
            yield Finding(severity, ids, f"the same {what} {len(group)} times, in {' and '.join(splits)}. {remedy}")


def _about_splits(cases: Sequence[_Seen], names: Sequence[str]) -> Iterator[Finding]:
    present = {case.split for case in cases}
    if "training" not in present:
        yield Finding(ERROR, "dataset", "no case to train on. Put some under training.")
    if "validation" not in present:
        yield Finding(WARNING, "dataset", "no validation case, so nothing to evaluate with. Put some patients there.")
    contoured = {name for case in cases if case.split == "training" for name in case.contoured}
    for name in names:
        if "training" in present and name not in contoured:
            yield Finding(WARNING, "dataset", f"{name} is contoured in no training case and cannot be learnt.")
    if cut := [case.id for case in cases if case.cut]:
        which = ", ".join(cut[:NAMED]) + (", ..." if len(cut) > NAMED else "")
        yield Finding(
            WARNING,
            "dataset",
            f"the scan ends within {CUT_MM:g} mm of the targets in {len(cut)} of {len(cases)} cases ({which}): where "
            "it ends tells a network where they do. Import the whole scan if there is one.",
        )


def _check_case(number: int, entries: Sequence[tuple[str, object]], root: Path, names: Sequence[str]) -> _Seen:
    split, entry = entries[number]
    try:
        case = read_entry(root, entry, split, names)
    except InputError as error:
        id = entry.get("id") if isinstance(entry, dict) else None
        id = id if isinstance(id, str) else f"{split} entry {number + 1}"
        return _Seen(id, split, findings=(Finding(ERROR, id, str(error)),))
    seen = partial(_Seen, case.id, split, case.patient_id)
    try:
        volume = case.volume
    except InputError as error:
        return seen(findings=(Finding(ERROR, case.id, str(error)),))
    folder = root / entry["structures"] if entry.get("structures") else None
    masks, faults = _read_masks(folder, names, volume)
    look = _Look(volume)
    findings = [
        *_about_images(case, volume),
        *faults,
        *_about_note(case, look, masks.get(TARGETS[0])),
        *(found for name, mask in masks.items() for found in _about_contour(name, mask, look)),
    ]
    return seen(
        hashlib.sha256(np.ascontiguousarray(volume.array)).hexdigest(),
        frozenset(name for name, mask in masks.items() if mask.any()),
        look.ends_at([look.at(mask) for name, mask in masks.items() if name in TARGETS]),
        tuple(Finding(severity, case.id, text) for severity, text in findings),
    )


def _about_images(case: Case, volume: Volume) -> Iterator[tuple[str, str]]:
    from llmseg.preprocessing import Grid, forward

    try:
        forward(volume, Grid(), case.others(case.load_others))  # whatever training would refuse
    except InputError as error:
        yield ERROR, str(error)


def _read_masks(
    folder: Path | None, names: Sequence[str], volume: Volume
) -> tuple[dict[str, np.ndarray], list[tuple[str, str]]]:
    masks, faults = {}, []
    files = sorted(folder.glob("*")) if folder and folder.is_dir() else []
    if not files:
        faults.append((WARNING, "nothing is contoured. Import its contours, or drop the case."))
    for path in files:
        name = path.name.removesuffix(".nii.gz")
        if name not in names or name == path.name:
            faults.append((WARNING, f"{path.name} is no known structure and is never read. Rename it after TG-263."))
            continue
        try:
            mask, affine = read_mask(path)
        except InputError as error:
            faults.append((ERROR, str(error)))
            continue
        if mask.shape != volume.shape or not np.allclose(affine, volume.affine, atol=1e-2):
            faults.append((ERROR, f"{name} lies on another grid than the CT. Resample it to the CT's grid."))
        else:
            masks[name] = mask
    return masks, faults


class _Look:
    """A CT seen coarsely: where the patient is, and where left and right begin."""

    def __init__(self, volume: Volume):
        self.affine = volume.affine
        self._every = tuple(slice(None, None, max(1, int(LOOK_MM / edge))) for edge in volume.spacing_mm)
        self._affine = volume.affine @ np.diag([*(part.step for part in self._every), 1])
        self._axial = slice_axis_of(volume.affine)
        self.ct_hu = volume.array[self._every]
        self._dense = self.ct_hu > BODY_HU
        self._in_slice = tuple(axis for axis in range(3) if axis != self._axial)
        self.inside = np.logical_and.reduce([_between(self._dense, axis) for axis in self._in_slice])
        self.voxel_ml = abs(float(np.linalg.det(self._affine[:3, :3]))) / 1000

    def at(self, mask: np.ndarray) -> np.ndarray:
        """A mask seen as coarsely; a speck may fall between and be gone."""
        return mask[self._every]

    def across_mm(self, mask: np.ndarray) -> np.ndarray:
        """How far right of the patient's middle each voxel of a coarse mask lies; left is negative.

        The middle is the median of the patient's own voxels in the slices that the mask spans.
        """
        slices = np.flatnonzero(mask.any(axis=self._in_slice))
        spanned = [slice(None)] * 3
        spanned[self._axial] = slice(slices[0], slices[-1] + 1)
        start = np.zeros(3)
        start[self._axial] = slices[0]
        body = self._x_mm(np.argwhere(self._dense[tuple(spanned)]) + start)
        return self._x_mm(np.argwhere(mask)) - (np.median(body) if body.size else 0.0)

    def ends_at(self, masks: Sequence[np.ndarray]) -> bool:
        """Whether the scan ends above or below where these coarse masks do, within `CUT_MM`."""
        step_mm = spacing_of(self._affine)[self._axial]
        area_cm2 = self._dense.sum(axis=self._in_slice) * self.voxel_ml / (step_mm / 10)
        scanned = np.flatnonzero(area_cm2 > SLICE_CM2)
        filled = np.flatnonzero(sum(mask.sum(axis=self._in_slice) for mask in masks))
        if not scanned.size or not filled.size:
            return False
        beyond = min(filled[0] - scanned[0], scanned[-1] - filled[-1])
        return bool(beyond * step_mm <= CUT_MM)

    def _x_mm(self, voxels: np.ndarray) -> np.ndarray:
        return voxels @ self._affine[0, :3] + self._affine[0, 3]


def _between(dense: np.ndarray, axis: int) -> np.ndarray:
    """What has tissue on both sides along an axis, so that an airway is inside and the air around is not."""
    back = np.flip(np.maximum.accumulate(np.flip(dense, axis), axis), axis)
    return np.maximum.accumulate(dense, axis) & back


def _about_contour(name: str, whole: np.ndarray, look: _Look) -> Iterator[tuple[str, str]]:
    if not whole.any():
        # An empty lower level is how a plan says that it prescribed none; anything else is more often a slip.
        if name not in TARGETS[1:]:
            yield WARNING, f"{name} is empty, which means absent. If it was not contoured, delete the file."
        return
    mask = look.at(whole)
    if not mask.any():
        yield WARNING, f"{name} is a speck of {int(whole.sum())} voxels. Contour it again, or delete the file."
        return
    outside = 1 - float((mask & look.inside).sum() / mask.sum())
    if outside > PARTLY_OUTSIDE:
        severity = ERROR if outside > MOSTLY_OUTSIDE else WARNING
        yield severity, f"{name} lies {outside:.0%} outside the body. Check that contours and CT belong together."
    if is_displaced(name, share := on_bone(mask, look.ct_hu)):
        yield ERROR, f"{name} lies {share:.0%} on bone, beside its anatomy. Take the CT that was contoured."
    if name in PAIRED:
        across_mm, own = float(look.across_mm(mask).mean()), -1 if name.endswith("_L") else 1
        if across_mm * own < -ACROSS_MM:
            side = "right" if across_mm > 0 else "left"
            yield ERROR, f"{name} lies on the patient's {side}. Check the names, and that the image is not mirrored."
    if name in TARGETS and is_scraps(whole, look.affine):
        remedy = "Contour it again, or empty it if that dose was not prescribed."
        yield WARNING, f"{name} has no piece of {SCRAP_ML:g} ml, only scraps that nobody contoured. {remedy}"
    if name in TARGETS and mask.sum() > look.inside.sum() / 2:
        yield ERROR, f"{name} fills more than half of the body. Check which contour was imported as {name}."
    if name not in TARGETS and (volume_ml := mask.sum() * look.voxel_ml) > LARGEST_ORGAN_ML:
        yield WARNING, f"{name} has {volume_ml:.0f} ml, more than that organ can have. Contour it again."


def _about_note(case: Case, look: _Look, target: np.ndarray | None) -> Iterator[tuple[str, str]]:
    if not case.note.text.strip():
        yield WARNING, "the note is empty: only a network that reads no notes can use it. Write one, or drop the case."
        return
    try:
        stated = read_note(case.note.text).facts.side
    except InputError as error:
        yield ERROR, str(error)
        return
    lies = _leaning(look, target)
    if stated in ("left", "right") and lies in ("left", "right") and stated != lies:
        yield WARNING, f"the note says {stated}, but {TARGETS[0]} lies mostly on the {lies}. Check note and patient."


def _leaning(look: _Look, target: np.ndarray | None) -> str:
    mask = None if target is None else look.at(target)
    if mask is None or not mask.any():
        return ""
    x = look.across_mm(mask)
    ratio = float((x < 0).mean() - (x > 0).mean())
    return "left" if ratio > SIDE_RATIO else "right" if ratio < -SIDE_RATIO else ""
