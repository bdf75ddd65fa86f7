"""A hospital's own scans, contours and notes, into the dataset folder, without anybody's identity.

Ids come from a salted hash, or from notes.csv; of a DICOM header only geometry and Hounsfield units go on. Notes are
kept as written: they are de-identified whenever they are read.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from llmseg.case import STRUCTURES, TARGETS, InputError, Structures
from llmseg.datasets.folder import SPLITS, check_id, claim, in_parallel, write_case, write_manifest, write_text
from llmseg.datasets.notes import Row, read_notes
from llmseg.datasets.sources import Plan, Scan, find_scans
from llmseg.datasets.tg263 import Choice, NamesTable, read_names

NAME = "own data"
DESCRIPTION = "Imported scans with their planning contours and clinical notes as written."
NOTES = "notes.csv"

_FINISHED = ".finished"


@dataclass(frozen=True)
class ImportReport:
    """What an import did.

    Args:
        imported, kept: id -> where it came from; kept ones were finished by an earlier run.
        skipped: where it lies -> why it could not be used.
        unmapped: a plan's name that the table does not know -> in how many plans of this run.
        doubts: what was left out of a scan that was imported otherwise.
        unmatched: rows of notes.csv that no scan answers to.
        splits: split -> cases in the dataset now.
    """

    imported: Mapping[str, str]
    kept: Mapping[str, str]
    skipped: Mapping[str, str]
    unmapped: Mapping[str, int]
    doubts: tuple[str, ...]
    unmatched: tuple[str, ...]
    splits: Mapping[str, int]


class _Job(NamedTuple):
    scan: Scan
    id: str
    patient_id: str
    split: str
    note: str


class _Outcome(NamedTuple):
    reason: str
    unmapped: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def import_patients(
    src: str | Path,
    dest: str | Path,
    *,
    notes: str | Path | None = None,
    names: str | Path | None = None,
    validation: float = 0.1,
    test: float = 0.1,
    absent_targets: str | None = None,
    salt: str | Path | None = None,
    workers: int | None = None,
    on_files: Callable[[int, int], None] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> ImportReport:
    """Turn scans, contours and notes into a dataset folder; a second call continues and redoes what has changed.

    The manifest lists what `src` and notes.csv hold today: who is taken out of either is no longer listed.

    Args:
        src: DICOM studies, or NIfTI; see `sources.find_scans`.
        notes: default notes.csv in `src`.
        names: a table of names; default the packaged one.
        validation, test: shares of the patients, by a hash of their id, where notes.csv names no split.
        absent_targets: what a PTV level without a contour means, "unknown" or "empty"; default what the table says.
        salt: file of the secret that ids are made with; default beside `dest`, and made on the first run.
        workers: processes; 1 stays in this one.
        on_files, on_progress: called with (DICOM headers read, files), and (scans done, scans in all).
    Raises:
        InputError: nothing to import, a fault in notes.csv or the table, or `dest` cannot be written.
    """
    dest, src = Path(dest), Path(src)
    if min(validation, test) < 0 or validation + test >= 1:
        raise InputError(f"Shares of {validation:g} and {test:g} leave nobody to train on. Keep their sum below 1.")
    table = read_names(names).with_absent_targets(absent_targets)
    rows = read_notes(notes or src / NOTES)
    scans = find_scans(src, on_files)
    claim(dest, NAME)
    secret = _salt(Path(salt) if salt else _beside(dest), dest) if _needs_salt(scans, rows) else b""
    skipped, jobs = _plan(scans, rows, secret)
    jobs = _with_splits(jobs, validation, test)
    kept = [job for job in jobs if _is_finished(dest, job, table)]
    todo = [job for job in jobs if job not in kept]
    imported, unmapped, doubts = {}, Counter(), []
    for done, (job, outcome) in enumerate(in_parallel(partial(_import_one, dest=dest, table=table), todo, workers), 1):
        if outcome.reason:
            skipped[job.scan.label] = outcome.reason
        else:
            imported[job.id] = job.scan.label
        unmapped.update(outcome.unmapped)
        doubts += [f"{job.id}: {doubt}" for doubt in outcome.doubts]
        if on_progress:
            on_progress(len(kept) + done, len(jobs))
    finished = [job for job in jobs if job in kept or job.id in imported]
    _write_manifest(dest, finished)
    known = {key for scan in scans for key in scan.keys}
    return ImportReport(
        imported,
        {job.id: job.scan.label for job in kept},
        skipped,
        dict(unmapped.most_common()),
        tuple(sorted(doubts)),
        tuple(id for id in rows if id not in known),
        Counter(job.split for job in finished),
    )


def split_of(patient_id: str, validation: float, test: float) -> str:
    """Where a patient belongs, the same on every machine and whoever else is imported."""
    share = int(hashlib.sha256(patient_id.encode()).hexdigest()[:8], 16) / 16**8
    return "test" if share < test else "validation" if share < test + validation else "training"


def _plan(scans: Sequence[Scan], rows: Mapping[str, Row], salt: bytes) -> tuple[dict[str, str], list[_Job]]:
    """(scan -> why it is skipped, what is to be done): each scan with its note and with ids without identity."""
    skipped = {scan.label: scan.fault for scan in scans if scan.fault}
    by_patient = Counter(scan.keys[-1] for scan in scans if not scan.fault)
    jobs = []
    for scan in scans:
        if scan.fault:
            continue
        key = next((key for key in scan.keys if key in rows), None)
        row = rows.get(key)
        patient = row.patient or scan.patient if row else ""
        if row is None:
            skipped[scan.label] = f"{NOTES} has no row for it. Add one, with an empty note if there is none."
        elif key != scan.keys[0] and by_patient[key] > 1:
            skipped[scan.label] = (
                f"its patient has {by_patient[key]} scans. Give each a row under its SeriesInstanceUID."
            )
        elif not patient:
            skipped[scan.label] = f"its header has no PatientID. Fill in the column patient of {NOTES}."
        else:
            id = row.dataset_id or scan.id or f"ct_{_pseudonym(scan.keys[0], salt)}"
            patient_id = id if patient == scan.id else f"pt_{_pseudonym(patient, salt)}"
            jobs.append(_Job(scan, id, patient_id, row.split, row.note))
    return skipped, jobs


def _with_splits(jobs: Sequence[_Job], validation: float, test: float) -> list[_Job]:
    """All scans of a patient in one split: the one that notes.csv names, else by a hash."""
    named: dict[str, str] = {}
    ids = Counter(job.id for job in jobs)
    for job in jobs:
        check_id(job.id)
        if ids[job.id] > 1:
            raise InputError(f"Two scans would be called {job.id!r}. Give each its own dataset_id in {NOTES}.")
        if job.split and named.setdefault(job.patient_id, job.split) != job.split:
            raise InputError(
                f"{NOTES} puts scans of one patient into {named[job.patient_id]} and {job.split} ({job.scan.label}). "
                "Keep each patient in one split."
            )
    return [job._replace(split=named.get(job.patient_id) or split_of(job.patient_id, validation, test)) for job in jobs]


def _needs_salt(scans: Sequence[Scan], rows: Mapping[str, Row]) -> bool:
    return any(not scan.id for scan in scans) or any(row.patient for row in rows.values())


def _beside(dest: Path) -> Path:
    # Not inside: who gets the dataset must not get the means to look for a record number.
    return dest.resolve().with_name(f"{dest.resolve().name}.salt")


def _salt(path: Path, dest: Path) -> bytes:
    if not path.is_file():
        if (dest / _FINISHED).is_dir():
            # Another salt would bring everybody in once more under new ids.
            raise InputError(f"{path}, which made the ids in {dest}, is gone. Restore it, or import into a new folder.")
        write_text(path, secrets.token_hex(16) + "\n")
        path.chmod(0o600)
    salt = path.read_bytes().strip()
    if not 16 <= len(salt) <= 64:
        raise InputError(f"{path} holds {len(salt)} characters; a salt has 16 to 64. Restore it, or start afresh.")
    return salt


def _pseudonym(identity: str, salt: bytes) -> str:
    return hashlib.blake2b(identity.encode(), key=salt, digest_size=6).hexdigest()


def _import_one(job: _Job, dest: Path, table: NamesTable) -> _Outcome:
    """Import one scan; says why where it cannot be used. A full disk is raised, not skipped."""
    # What an earlier run made of other contours, another note or another table must not linger.
    _record(dest, job.id).unlink(missing_ok=True)
    shutil.rmtree(dest / "structures" / job.id, ignore_errors=True)
    try:
        plan = job.scan.read()
        choice = table.choose(plan.names)
        structures, doubts = _structures(plan, choice, table.absent_targets)
    except InputError as error:
        return _Outcome(str(error))
    entry = write_case(dest, job.id, plan.volume, structures, job.note)
    if job.patient_id != job.id:
        entry["patient_id"] = job.patient_id
    write_text(_record(dest, job.id), json.dumps({"fingerprint": _fingerprint(job, table), "entry": entry}))
    return _Outcome("", choice.unmapped, doubts)


def _structures(plan: Plan, choice: Choice, absent_targets: str) -> tuple[Structures, tuple[str, ...]]:
    """The masks of one scan, and what was left out of them."""
    masks, doubts = {}, []
    for structure in STRUCTURES:
        if name := choice.chosen.get(structure):
            mask = plan.draw(name)
            if mask.any():
                masks[structure] = mask
            else:
                doubts.append(f"{structure} ({name!r}) has no voxel inside the CT; left out as not contoured.")
    if not masks:
        shown = ", ".join(sorted(plan.names)[:8])
        raise InputError(f"none of its structures is known ({shown or 'it has none'}). Add their names to the table.")
    if absent_targets == "empty" and any(target in masks for target in TARGETS):
        masks.update({t: np.zeros(plan.volume.shape, bool) for t in TARGETS if t not in choice.chosen})
    return Structures(masks, plan.volume.affine), tuple(doubts)


def _fingerprint(job: _Job, table: NamesTable) -> str:
    """Changes with everything a case is made of, and tells nothing of it."""
    files = [(status.st_size, status.st_mtime_ns) for status in (path.stat() for path in job.scan.files)]
    patterns = {structure: pattern.pattern for structure, pattern in table.patterns.items()}
    made_of = (files, job.note, job.patient_id, dict(table.names), patterns, table.absent_targets)
    return hashlib.sha256(repr(made_of).encode()).hexdigest()


def _record(dest: Path, id: str) -> Path:
    # Written after all else, so its presence means the case is whole.
    return dest / _FINISHED / f"{id}.json"


def _is_finished(dest: Path, job: _Job, table: NamesTable) -> bool:
    path = _record(dest, job.id)
    if not path.is_file():
        return False
    record = json.loads(path.read_text())
    whole = all((dest / record["entry"][key]).exists() for key in ("image", "note", "structures"))
    return whole and record["fingerprint"] == _fingerprint(job, table)


def _write_manifest(dest: Path, finished: Sequence[_Job]) -> None:
    entries: dict[str, list[dict]] = {split: [] for split in SPLITS}
    for job in sorted(finished, key=lambda job: job.id):
        entries[job.split].append(json.loads(_record(dest, job.id).read_text())["entry"])
    if finished:
        write_manifest(dest, entries, NAME, DESCRIPTION)
