"""OpenKBP's public sparse-CSV layout, into the dataset folder; and the facts its contours tell.

Source of the data: Babier et al., "OpenKBP: The open-access knowledge-based planning grand challenge and dataset",
Medical Physics 48, 5549-5561 (2021).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from llmseg.case import InputError, Structures, Volume
from llmseg.datasets.folder import SPLITS, claim, in_parallel, write_case, write_manifest, write_text
from llmseg.datasets.nodal import n_stage, nodal_plan, t_stage
from llmseg.datasets.scraps import is_scraps
from llmseg.text.facts import DOSES_GY, Facts
from llmseg.text.wording import write_note

NAME = "openkbp"
DESCRIPTION = (
    "OpenKBP head-and-neck CTs with planning contours (MIT). "
    "The notes were read off the contours: they measure how well a model uses words, not clinical benefit."
)
GRID = (128, 128, 128)
FOLDERS = MappingProxyType(
    {"train-pats": "training", "validation-pats": "validation", "valid-pats": "validation", "test-pats": "test"}
)
TARGET_FILES = MappingProxyType({"PTV70": "PTV_High", "PTV63": "PTV_Mid", "PTV56": "PTV_Low"})
ORGAN_FILES = MappingProxyType(
    {
        "Brainstem": "Brainstem",
        "SpinalCord": "SpinalCord",
        "RightParotid": "Parotid_R",
        "LeftParotid": "Parotid_L",
        "Esophagus": "Esophagus",
        "Larynx": "Larynx",
        "Mandible": "Bone_Mandible",
    }
)
HU_OFFSET = 1024
AIR_HU = -HU_OFFSET

BODY_HU = -300
SIDE_RATIO, NECK_RATIO = 0.35, 0.5
LEVELS_MM = ((5.0, "nasopharynx"), (35.0, "oropharynx"), (60.0, "hypopharynx"))
LANDMARKS = (("Brainstem", 0.0, -7.0), ("SpinalCord", 1.0, -5.0), ("Larynx", 1.0, 64.0))
"""Where no parotid is contoured (5 of 203): structure, quantile of its heights (0 bottom, 1 top), and how many mm above
that the parotids' centre lies: the median of the training patients with both, 90% of whom are within 13, 13, 20 mm."""

RULES = 2
"""Raise it when a patient would be converted otherwise: those of other rules are converted again."""

_FINISHED = ".finished"


@dataclass(frozen=True)
class ConversionReport:
    """What a conversion did, by patient id.

    Args:
        converted: written in this run.
        skipped: id -> why it could not be used.
        kept: finished by an earlier run.
        scraps: id -> the dose levels of a patient converted in this run that were left empty: nothing but scraps.
    """

    converted: tuple[str, ...]
    skipped: Mapping[str, str]
    kept: tuple[str, ...]
    scraps: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class _Patient:
    id: str
    folder: Path
    split: str


def convert(
    src: str | Path,
    dest: str | Path,
    *,
    limit: int | None = None,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> ConversionReport:
    """Turn an OpenKBP download into a dataset folder; a second call continues where the first stopped.

    Args:
        src: holds train-pats, validation-pats and/or test-pats, itself or in its provided-data.
        dest: the dataset folder; its manifest lists every patient finished so far.
        limit: at most this many patients, taken in turn from each split.
        workers: processes; 1 stays in this one.
        on_progress: called with (patients done, patients in all).
    Raises:
        InputError: no patients in `src`, an id used twice, or `dest` cannot be written.
    """
    dest = Path(dest)
    if limit is not None and limit < 1:
        raise InputError(f"A limit of {limit} converts nothing. Ask for 1 patient or more.")
    patients = _find_patients(Path(src))[:limit]
    claim(dest, NAME)
    kept = [patient for patient in patients if _is_finished(dest, patient)]
    todo = [patient for patient in patients if patient not in kept]
    converted, skipped, scraps = [], {}, {}
    if on_progress:
        on_progress(len(kept), len(patients))
    results = in_parallel(partial(_convert_one, dest=dest), todo, workers)
    for done, (patient, told) in enumerate(results, start=len(kept) + 1):
        if isinstance(told, str):
            skipped[patient.id] = told
        else:
            converted.append(patient.id)
            scraps |= {patient.id: told} if told else {}
        if on_progress:
            on_progress(done, len(patients))
    if _finished(dest):
        _write_finished_manifest(dest)
    return ConversionReport(
        converted=tuple(sorted(converted, key=_natural)),
        skipped=MappingProxyType({id: skipped[id] for id in sorted(skipped, key=_natural)}),
        kept=tuple(sorted((patient.id for patient in kept), key=_natural)),
        scraps=MappingProxyType({id: scraps[id] for id in sorted(scraps, key=_natural)}),
    )


def reword(dest: str | Path) -> None:
    """Word each note anew from the facts kept with it, leaving images and contours alone."""
    for split, entry in _finished(Path(dest)):
        note = write_note(Facts.from_json(entry["facts"]).essential, split=split, seed=entry["id"])
        write_text(Path(dest) / entry["note"], note.rstrip("\n") + "\n")


class PatientData(NamedTuple):
    """One patient's CT and contours on one grid, and the lower levels left empty: they were nothing but scraps."""

    volume: Volume
    structures: Structures
    scraps: tuple[str, ...]


def read_patient(folder: str | Path) -> PatientData:
    """Read one patient's CT and contours from the public CSV layout.

    The source grid runs anterior to posterior, right to left, superior to inferior. It is reordered and reversed to
    RAS (`to_ras`), so the affine is the spacing on its diagonal. The public files carry no origin: (0, 0, 0) is the
    grid's centre. HU where the file lists a voxel (the body), -1024 elsewhere.

    Raises:
        InputError: no CT, no voxel size, no PTV70, or a malformed file.
    """
    folder = Path(folder)
    for name, why in (("ct", "CT"), ("voxel_dimensions", "voxel size"), ("PTV70", "PTV70")):
        if not (folder / f"{name}.csv").is_file():
            raise InputError(f"{folder.name} has no {why} ({name}.csv). Download this patient again.")
    affine = _read_affine(folder / "voxel_dimensions.csv")
    array = np.full(GRID, AIR_HU, np.float32)
    indices, stored = _read_rows(folder / "ct.csv")
    array.flat[indices] = _numbers(stored, np.float32, folder / "ct.csv") - HU_OFFSET
    masks = {}
    for file, name in TARGET_FILES.items():
        path = folder / f"{file}.csv"
        # A level without a file was not prescribed; an organ without one was not contoured.
        masks[name] = to_ras(_read_mask(path)) if path.is_file() else np.zeros(GRID, bool)
    if not masks["PTV_High"].any():
        raise InputError(f"{folder.name} has an empty PTV70. Download this patient again.")
    scraps = tuple(name for name in ("PTV_Mid", "PTV_Low") if is_scraps(masks[name], affine))
    masks |= {name: np.zeros(GRID, bool) for name in scraps}
    for file, name in ORGAN_FILES.items():
        path = folder / f"{file}.csv"
        if path.is_file():
            masks[name] = to_ras(_read_mask(path))
    return PatientData(Volume(to_ras(array), affine, name=folder.name), Structures(masks, affine), scraps)


def to_ras(grid: np.ndarray) -> np.ndarray:
    """Reorder a source grid (anterior-posterior, right-left, superior-inferior) to (X, Y, Z) of RAS."""
    return np.ascontiguousarray(grid.transpose(1, 0, 2)[::-1, ::-1, ::-1])


def facts_from_structures(volume: Volume, structures: Structures) -> Facts:
    """Read side, level, neck coverage and dose levels off a plan's contours, with a stage and the nodal plan.

    With L and R a target's voxels left and right of the neck's midline, its laterality is (L - R) / (L + R). The
    midline is the median x of the body (above -300 HU) between the PTV70's top and bottom slices. Side: the PTV70's
    laterality above 0.35 is left, below -0.35 right, else midline (midline or bilateral). Neck: the same for all PTVs
    together, beyond 0.5; else bilateral. Site: how far the PTV70's median slice lies below the parotids' centre: under
    5 mm nasopharynx, under 35 mm oropharynx, under 60 mm hypopharynx, beyond larynx; `LANDMARKS` stand in where no
    parotid was contoured. Stage and nodal plan, which only expanded notes state: llmseg/datasets/nodal.py.

    Raises:
        InputError: no PTV_High, or no landmark to tell the level.
    """
    high = structures.get("PTV_High")
    if high is None or not high.any():
        raise InputError(f"{volume.name} has no PTV_High. Facts can only be read off a plan with one.")
    targets = {dose: structures.get(name) for dose, name in zip(DOSES_GY, TARGET_FILES.values(), strict=True)}
    prescribed = {dose: mask for dose, mask in targets.items() if mask is not None and mask.any()}
    middle_mm = _middle_mm(volume, high)
    parotids_mm = _parotid_level_mm(structures, volume.name)
    side = _lateral(high, volume.affine, middle_mm[0], SIDE_RATIO, "midline")
    nodes = nodal_plan(prescribed, structures, middle_mm[0], parotids_mm, middle_mm[1])
    return Facts(
        site=_site(parotids_mm - _median_mm(high, volume.affine, axis=2)),
        side=side,
        neck=_lateral(np.any(list(prescribed.values()), axis=0), volume.affine, middle_mm[0], NECK_RATIO, "bilateral"),
        dose_gy=tuple(prescribed),
        t_stage=t_stage(high.sum() * abs(np.linalg.det(volume.affine[:3, :3])) / 1000),
        n_stage=n_stage(nodes),
        nodes=nodes,
    )


def _site(below_parotids_mm: float) -> str:
    return next((site for end, site in LEVELS_MM if below_parotids_mm < end), "larynx")


def _lateral(mask: np.ndarray, affine: np.ndarray, midline_mm: float, ratio: float, otherwise: str) -> str:
    x = _world_mm(mask, affine)[:, 0]
    # A voxel on the midline belongs to neither side, whichever way its position is rounded.
    left, right = int((x < midline_mm - 1e-3).sum()), int((x > midline_mm + 1e-3).sum())
    laterality = (left - right) / max(left + right, 1)
    return "left" if laterality > ratio else "right" if laterality < -ratio else otherwise


def _middle_mm(volume: Volume, high: np.ndarray) -> np.ndarray:
    """(x, y) of the body's middle between the top and the bottom of the PTV70."""
    z = _world_mm(high, volume.affine)[:, 2]
    body = _world_mm(volume.array > BODY_HU, volume.affine)
    inside = (body[:, 2] >= z.min() - 1e-3) & (body[:, 2] <= z.max() + 1e-3)
    if not inside.any():
        raise InputError(f"{volume.name} has no body around its PTV_High. Check that CT and contours belong together.")
    return np.median(body[inside, :2], axis=0)


def _parotid_level_mm(structures: Structures, name: str) -> float:
    """Height (z, mm) of the parotids' centre, or where another landmark puts it."""
    parotids = [structures[side] for side in ("Parotid_L", "Parotid_R") if side in structures]
    centres = [_world_mm(mask, structures.affine)[:, 2].mean() for mask in parotids if mask.any()]
    if centres:
        return float(np.mean(centres))
    for landmark, quantile, above_mm in LANDMARKS:
        if landmark in structures and structures[landmark].any():
            z = _world_mm(structures[landmark], structures.affine)[:, 2]
            return float(np.quantile(z, quantile)) + above_mm
    raise InputError(f"{name} has no parotid, brainstem, larynx or cord. Its note needs one to tell the level.")


def _median_mm(mask: np.ndarray, affine: np.ndarray, axis: int) -> float:
    return float(np.median(_world_mm(mask, affine)[:, axis]))


def _world_mm(mask: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """(N, 3) positions in mm of a mask's voxels."""
    return np.argwhere(mask) @ affine[:3, :3].T + affine[:3, 3]


def _read_affine(path: Path) -> np.ndarray:
    try:
        rows, columns, slices = (float(value) for value in path.read_text().split())
    except ValueError as error:
        raise _malformed(path, "expected three sizes in mm") from error
    spacing = np.array([columns, rows, slices])
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -spacing * (np.array(GRID) - 1) / 2
    return affine


def _read_mask(path: Path) -> np.ndarray:
    mask = np.zeros(GRID, bool)
    mask.flat[_read_rows(path)[0]] = True
    return mask


def _read_rows(path: Path) -> tuple[np.ndarray, list[bytes]]:
    """The flat indices a sparse file lists, and beside each what stands in its data column."""
    header, *rows = path.read_bytes().splitlines() or [b"0"]
    cells = [row.partition(b",") for row in rows if row.strip()]
    if header[:1].isdigit():
        raise _malformed(path, "it lacks its header line")
    indices = _numbers([index for index, _, _ in cells], np.int64, path)
    if indices.size and not 0 <= indices.min() <= indices.max() < np.prod(GRID):
        raise _malformed(path, f"an index lies outside the grid of {GRID[0]} x {GRID[1]} x {GRID[2]}")
    return indices, [value for _, _, value in cells]


def _numbers(cells: list[bytes], dtype: type, path: Path) -> np.ndarray:
    try:
        return np.array(cells, dtype="S").astype(dtype)
    except ValueError as error:
        raise _malformed(path, str(error)) from error


def _malformed(path: Path, why: str) -> InputError:
    return InputError(f"{path.parent.name}: {path.name} is malformed ({why}). Download this patient again.")


def _find_patients(src: Path) -> list[_Patient]:
    """Every patient folder, the splits taken in turn so that a limit leaves none of them out."""
    root = src / "provided-data" if (src / "provided-data").is_dir() else src
    splits = {split: [] for split in SPLITS}
    for folder, split in FOLDERS.items():
        if (root / folder).is_dir():
            found = [path for path in (root / folder).iterdir() if path.is_dir() and not path.name.startswith(".")]
            found.sort(key=lambda path: _natural(path.name))
            splits[split] += [_Patient(path.name, path, split) for path in found]
    patients = [patient for turn in zip_longest(*splits.values()) for patient in turn if patient]
    if not patients:
        raise InputError(f"{src} holds no {', '.join(FOLDERS)} with patients in it. Pass an open-kbp checkout.")
    ids = [patient.id for patient in patients]
    twice = sorted({id for id in ids if ids.count(id) > 1}, key=_natural)
    if twice:
        raise InputError(f"{src} holds {twice[0]} in two splits. Keep each patient in one.")
    return patients


def _natural(id: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", id)]


def _convert_one(patient: _Patient, dest: Path) -> str | tuple[str, ...]:
    """Convert one patient; returns why it was skipped, or its scraps. A full disk is raised, not skipped."""
    try:
        data = read_patient(patient.folder)
        facts = facts_from_structures(data.volume, data.structures)
    except InputError as error:
        return str(error)
    note = write_note(facts.essential, split=patient.split, seed=patient.id)
    entry = {**write_case(dest, patient.id, data.volume, data.structures, note), "facts": facts.to_json()}
    write_text(_record(dest, patient.id), json.dumps({"split": patient.split, "rules": RULES, "entry": entry}))
    return data.scraps


def _record(dest: Path, id: str) -> Path:
    # Written after all else, so its presence means the patient is whole.
    return dest / _FINISHED / f"{id}.json"


def _is_finished(dest: Path, patient: _Patient) -> bool:
    record = _record(dest, patient.id)
    if not record.is_file():
        return False
    stored = json.loads(record.read_text())
    if stored.get("rules") != RULES:
        return False
    files = [dest / stored["entry"][key] for key in ("image", "note", "structures")]
    return stored["split"] == patient.split and all(path.exists() for path in files)


def _finished(dest: Path) -> list[tuple[str, dict]]:
    records = sorted((dest / _FINISHED).glob("*.json"), key=lambda path: _natural(path.stem))
    stored = [json.loads(path.read_text()) for path in records]
    return [(record["split"], record["entry"]) for record in stored]


def _write_finished_manifest(dest: Path) -> None:
    finished = _finished(dest)
    write_manifest(dest, {split: [e for s, e in finished if s == split] for split in SPLITS}, NAME, DESCRIPTION)
