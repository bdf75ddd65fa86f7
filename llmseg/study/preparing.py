"""Draw every contour of a study before anyone reads, and freeze it: readers never wait and never see other contours.

    study.toml, study.json      the protocol as written; as frozen: hashes of every file, what drew each contour, its
                                agreement with the reference, and who reads what
    secret                      key of the opaque ids; for its owner's eyes alone
    cases/<case>/               ct.nii.gz, note.txt, reference/<NAME>.nii.gz, and case.json: what it was copied from
    contours/<case>/<arm>/      <NAME>.nii.gz, and segmentation.json: what drew them

study.json is written last: a folder without it was interrupted, and is taken up where it was left.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from llmseg import __version__
from llmseg.case import RESEARCH_ONLY, STRUCTURES, Case, InputError, Note, Segmentation, Structures, Volume
from llmseg.datasets.folder import Dataset
from llmseg.formats.nifti import read_structures, read_volume, write_mask, write_volume
from llmseg.formats.segmentation import PROVENANCE, UNCERTAINTY, write_segmentation
from llmseg.formats.whole import write_whole
from llmseg.metrics import score
from llmseg.revision import commit
from llmseg.study.design import SECRET_BYTES, Reading, design_of, readings_of
from llmseg.study.protocol import DRAWN, MASKS, NEVER, REFERENCE, WITH_TEXT, Arm, Study, Task, read_study
from llmseg.text.deidentify import deidentify

if TYPE_CHECKING:
    from llmseg.segmenter import Segmenter

FORMAT = 1
PROTOCOL, FROZEN, SECRET = "study.toml", "study.json", "secret"
CT, NOTE, REFERENCES, COPIED = "ct.nii.gz", "note.txt", "reference", "case.json"
SCORES = ("dice", "hd95_mm", "surface_dice_3mm")
SUFFIX = ".nii.gz"
GRID_TOLERANCE_MM = 1e-2

Load = Callable[[Path], "Segmenter"]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A study that is ready to be read: everything in it was frozen, and is what was frozen.

    Args:
        sha256: of study.json, which has the hash of everything else.
        readings: reader's name -> what he reads, in order.
    """

    folder: Path
    study: Study
    sha256: str
    readings: Mapping[str, tuple[Reading, ...]]
    _frozen: Mapping[str, dict]

    def volume(self, case: str) -> Volume:
        return read_volume(self._case(case) / CT)

    def note(self, case: str) -> str:
        """The case's own note, as de-identification left it."""
        return (self._case(case) / NOTE).read_text(encoding="utf-8")

    def reference(self, case: str) -> Structures | None:
        """The contours that came with the case; None where there are none."""
        return read_structures(self._case(case) / REFERENCES, self._frozen["cases"][case]["reference"])

    def contours(self, case: str, arm: str) -> Structures:
        """All that an arm has contoured; `structures` says which of them are shown."""
        return read_structures(_arm_folder(self.folder, case, arm), self._drawn(case, arm)["structures"])

    def structures(self, task: str, case: str) -> tuple[str, ...]:
        """Names of what is shown: the same for every arm of the task, or a missing one would tell them apart."""
        return tuple(self._frozen["cases"][case]["shown"][task])

    def contour_sha256(self, case: str, arm: str) -> str:
        """Of the masks themselves, whatever file they lie in."""
        return self._drawn(case, arm)["sha256"]

    def provenance(self, case: str, arm: str) -> Mapping[str, object]:
        """What drew an arm's contours: network, note, language model, version."""
        return self._drawn(case, arm)["provenance"]

    def scores(self, case: str, arm: str, names: Sequence[str] = ()) -> Mapping[str, float | None]:
        """Agreement with the reference: each of SCORES as mean over structures, None where there is none to average.

        Args:
            names: which structures, as a task shows them; empty means all that any task shows and the reference has.
        """
        found = self._drawn(case, arm)["scores"]
        rows = [row for name, row in found.items() if not names or name in names]
        columns = {metric: [row[metric] for row in rows if row[metric] is not None] for metric in SCORES}
        return {metric: float(np.mean(values)) if values else None for metric, values in columns.items()}

    @property
    def version(self) -> str:
        """The llmseg that prepared it, and its commit where there was one."""
        return " ".join(filter(None, (self._frozen["llmseg"], self._frozen["commit"])))

    def _case(self, case: str) -> Path:
        return _case_folder(self.folder, case)

    def _drawn(self, case: str, arm: str) -> dict:
        return self._frozen["contours"][case][arm]


def _case_folder(folder: Path, case: str) -> Path:
    return folder / "cases" / case


def _arm_folder(folder: Path, case: str, arm: str) -> Path:
    return folder / "contours" / case / arm


# ---- reading ----


def read_prepared(folder: str | Path) -> Prepared:
    """Open a prepared study, after looking whether every file is still what was frozen.

    Raises:
        InputError: no prepared study, one that was interrupted or that another version made, or a file that changed or
            is gone; names it.
    """
    folder = Path(folder)
    path = folder / FROZEN
    if not path.is_file():
        raise InputError(f"{folder} holds no prepared study. Run `python -m llmseg study prepare` into it, to its end.")
    content = path.read_bytes()
    frozen = _parsed(path, content)
    if frozen.get("format") != FORMAT:
        raise InputError(f"{path} has format {frozen.get('format')!r}; this version reads {FORMAT}. Use that version.")
    try:
        for name, sha256 in frozen["files"].items():
            _check_unchanged(folder / name, sha256)
        readings = {name: tuple(_reading(values) for values in rows) for name, rows in frozen["readings"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged ({error!r}). Restore it, or prepare the study anew.") from error
    digest = hashlib.sha256(content).hexdigest()
    return Prepared(folder, read_study(folder / PROTOCOL), digest, MappingProxyType(readings), frozen)


def _check_unchanged(path: Path, sha256: str) -> None:
    try:
        found = _file_sha256(path)
    except OSError as error:
        raise InputError(f"{path}, frozen with the study, cannot be read ({error.strerror}). Restore it.") from error
    if found != sha256:
        raise InputError(
            f"{path} is not what was frozen (SHA-256 {found[:12]}, expected {sha256[:12]}). Restore it, or prepare "
            "another study in another folder."
        )


def _read(path: Path) -> dict:
    return _parsed(path, path.read_bytes())


def _parsed(path: Path, content: bytes) -> dict:
    try:
        values = json.loads(content)
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}). Restore it, or prepare the study anew.") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} holds no object. Restore it, or prepare the study anew.")
    return values


def _reading(values: dict) -> Reading:
    return Reading(**{**values, "arms": tuple(values["arms"])})


# ---- finding ----


@dataclass(frozen=True, eq=False)
class Listed:
    """A case of the protocol, and the dataset that lists it."""

    dataset: Dataset
    case: Case

    def stored(self, contours: str) -> Path:
        """Where an earlier run may have stored contours of a kind."""
        return self.dataset.root / "results" / self.case.id / contours


def find_cases(study: Study, datasets: Sequence[Dataset]) -> dict[str, Listed]:
    """Every case that the protocol names, after looking whether it has what its arms need.

    Raises:
        InputError: a case that no dataset lists, or several; no reference, no note, no masks, or a structure missing
            among them.
    """
    listed: dict[str, list[Listed]] = {}
    for dataset in datasets:
        for case in dataset.cases:
            listed.setdefault(case.id, []).append(Listed(dataset, case))
    found = {}
    for id in (*study.training, *study.cases):
        if len(listed.get(id, ())) != 1:
            raise InputError(_not_one(id, listed, datasets))
        found[id] = listed[id][0]
        _check_case(study, found[id].case)
        for arm in study.arms.values():
            _check_available(study, arm, found[id].case)
    return found


def _check_case(study: Study, case: Case) -> None:
    if study.show_note != NEVER and not case.note.text.strip():
        raise InputError(
            f"Case {case.id} has no note to show, and show_note = {study.show_note!r}. Write it, or drop the case."
        )
    if case.id in study.training and not case.has_structures:
        raise InputError(f"Training case {case.id} has no reference to show afterwards. Train on one that has.")


def _not_one(id: str, listed: Mapping[str, Sequence[Listed]], datasets: Sequence[Dataset]) -> str:
    where = ", ".join(str(dataset.root) for dataset in datasets) or "no dataset"
    if id in listed:
        return f"Case {id!r} is listed by more than one of {where}. Pass the one that is meant."
    known = ", ".join(sorted(listed)[:12]) or "none"
    return f"Case {id!r} of the protocol is in none of {where}. Pass its dataset with --data, or name one of: {known}."


def _check_available(study: Study, arm: Arm, case: Case) -> None:
    """Look whether contours that are not drawn are there."""
    if arm.contours == WITH_TEXT and not _note(arm, case).strip():
        raise InputError(
            f"Case {case.id}: arm {arm.key!r} reads the note, and it is empty. Write it, or drop the case."
        )
    if arm.contours in DRAWN:
        return
    names = _available(arm, case)
    if not names:
        where = arm.masks / case.id if arm.masks else "its dataset"
        raise InputError(f"Case {case.id}: arm {arm.key!r} has no contour in {where}. Add them, or drop the case.")
    for task in study.tasks:
        missing = [name for name in task.structures if name not in names]
        if missing and any(arm.key in combination for combination in task.combinations):
            raise InputError(_lacks(case.id, arm.key, missing[0], task.key))


def _note(arm: Arm, case: Case) -> str:
    """What an arm reads of a case."""
    if arm.notes is None:
        return arm.note or case.note.text
    path = arm.notes / f"{case.id}.txt"
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}, the note of arm {arm.key!r}, cannot be read ({error}). Save it as UTF-8.") from error


def _available(arm: Arm, case: Case) -> list[str]:
    if arm.contours == MASKS:
        return _mask_names(arm.masks / case.id)
    return list(case.structures or ()) if case.has_structures else []


def _mask_names(folder: Path) -> list[str]:
    """Structures that a folder holds masks of; maps of uncertainty and what was never finished are none."""
    names = (path.name for path in folder.glob(f"[!.]*{SUFFIX}"))
    return sorted(name.removesuffix(SUFFIX) for name in names if not name.endswith(UNCERTAINTY))


def _lacks(case: str, arm: str, name: str, task: str) -> str:
    return (
        f"Case {case}: arm {arm!r} has no contour of {name}, which task {task!r} shows. Add it (an empty mask means "
        "absent), drop the case, or take it out of the task's structures."
    )


# ---- preparing ----


def prepare(
    protocol: str | Path,
    datasets: Sequence[Dataset],
    out: str | Path,
    *,
    checkpoint: str | Path | None = None,
    load: Load | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Prepared:
    """Draw each arm of each case once and freeze the study. Interrupted, it goes on where it was; done, it is read.

    Contours that a dataset stores in `results/<case>/text` and `no-text` are taken if what drew them is what would draw
    them now: the same checkpoint, version, language model, note and grid.

    Args:
        protocol: path of study.toml.
        checkpoint: for arms that name none; default: the shipped one.
        load: gives the segmenter of a checkpoint's folder; default: `Segmenter.load`.
        on_progress: called with (contours ready, contours in all).
    Raises:
        InputError: a protocol or case that cannot be used, a folder that holds something else, or inputs that changed
            since the preparation was begun. Nothing is written before the first two are known to be right.
    """
    protocol, out = Path(protocol), Path(out)
    study, written = read_study(protocol), protocol.read_bytes()
    _check_free(out, written)
    design_of(study)
    found = find_cases(study, datasets)
    workshop = _Workshop(study, out, checkpoint, load)
    is_frozen = (out / FROZEN).exists()
    if is_frozen:
        read_prepared(out)  # what is gone from it must not be drawn again
    else:
        _claim(out, written)
    for number, (id, listed) in enumerate(found.items(), start=1):
        try:
            workshop.draw(listed)
        except InputError as error:
            raise InputError(str(error) if str(error).startswith("Case ") else f"Case {id}: {error}") from error
        if on_progress:
            on_progress(number * len(study.arms), len(found) * len(study.arms))
    if not is_frozen:
        write_whole(out / FROZEN, (json.dumps(_frozen(study, out), indent=1) + "\n").encode())
    return read_prepared(out)


def _check_free(out: Path, written: bytes) -> None:
    """Refuse a folder that holds anything but this study."""
    if not out.is_dir():
        if out.exists():
            raise InputError(f"{out} is a file. Choose a new folder.")
    elif (out / PROTOCOL).exists():
        if (out / PROTOCOL).read_bytes() != written:
            raise InputError(
                f"{out} holds another study, or this one before its protocol changed. Choose another --out."
            )
    elif any(not path.name.startswith(".") for path in out.iterdir()):  # one that was killed leaves a .writing-
        raise InputError(f"{out} holds other files. Choose an empty folder, or a new one.")


def _claim(out: Path, written: bytes) -> None:
    """Make the folder this study's: protocol first, then the secret."""
    write_whole(out / PROTOCOL, written)
    if not (out / SECRET).exists():
        # Closed to others from its first moment on, as mkstemp makes it.
        handle, temporary = tempfile.mkstemp(dir=out, prefix=".writing-")
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
        os.replace(temporary, out / SECRET)


class _Workshop:
    """Copies cases and draws their arms into a study's folder; networks load when the first contour needs them."""

    def __init__(self, study: Study, out: Path, checkpoint: str | Path | None, load: Load | None):
        self._study, self._out, self._load = study, out, load
        drawn = [arm for arm in study.arms.values() if arm.contours in DRAWN]
        self._checkpoints = {arm.key: Path(arm.checkpoint or checkpoint or _default()) for arm in drawn}
        self._digests = {path: _digest(path) for path in set(self._checkpoints.values())}
        self._segmenters: dict[Path, Segmenter] = {}

    def draw(self, listed: Listed) -> None:
        """Make one case ready: what is there already is only looked at."""
        copied = self._copy(listed.case)
        folder, opened = _case_folder(self._out, listed.case.id), {}
        volume, reference = read_volume(folder / CT), read_structures(folder / REFERENCES, tuple(copied["reference"]))
        for arm in self._study.arms.values():
            target = _arm_folder(self._out, listed.case.id, arm.key)
            asked = self._asked(arm, listed.case)
            if (target / PROVENANCE).exists():
                _check_begun(target / PROVENANCE, asked)
                continue
            drawn = self._drawn(arm, listed, volume, reference, opened)
            _check_grid(drawn.structures, volume, arm)
            names = list(drawn.structures)
            said = {"structures": names, "scores": _scores(self._study, reference, drawn.structures)}
            provenance = {"asked": asked, "drawn_by": dict(drawn.provenance), **said}
            write_segmentation(target, Segmentation(drawn.structures, provenance))
        _shown(self._study, self._out, listed.case.id)

    def _copy(self, case: Case) -> dict[str, object]:
        """Copy CT, note and reference, and say what they were."""
        folder, volume, reference = _case_folder(self._out, case.id), case.volume, case.structures
        source = {
            "ct_sha256": _volume_sha256(volume),
            "note_sha256": _sha256(case.note.text),
            "reference": {name: _masks_sha256({name: mask}, reference) for name, mask in (reference or {}).items()},
        }
        if (folder / COPIED).exists():
            _check_begun(folder / COPIED, source, key=None)
            return source
        if reference is not None:
            _check_grid(reference, volume, None)
        write_volume(folder / CT, volume)
        # Readers may see it, and a study travels: names stay at home.
        write_whole(folder / NOTE, deidentify(case.note.text).text.encode())
        for name, mask in (reference or {}).items():
            write_mask(folder / REFERENCES / f"{name}{SUFFIX}", mask, volume.affine)
        write_whole(folder / COPIED, (json.dumps(source, indent=1) + "\n").encode())
        return source

    def _asked(self, arm: Arm, case: Case) -> dict[str, object]:
        """What decides how an arm's contours come out, as far as it is known without drawing them."""
        asked: dict[str, object] = {"contours": arm.contours}
        if arm.contours in DRAWN:
            asked["checkpoint_sha256"] = self._digests[self._checkpoints[arm.key]]
        if arm.contours == WITH_TEXT:
            asked["note_sha256"] = _sha256(_note(arm, case))
        if arm.contours == MASKS:
            folder = arm.masks / case.id
            asked["files"] = {name: _file_sha256(folder / f"{name}{SUFFIX}") for name in _mask_names(folder)}
        return asked

    def _drawn(
        self, arm: Arm, listed: Listed, volume: Volume, reference: Structures | None, opened: dict
    ) -> Segmentation:
        if arm.contours == REFERENCE:
            return Segmentation(reference, {"condition": REFERENCE})
        if arm.contours == MASKS:
            folder = arm.masks / listed.case.id
            return Segmentation(read_structures(folder, _mask_names(folder)), {"condition": MASKS})
        path = self._checkpoints[arm.key]
        segmenter = self._segmenter(path)
        note = Note(_note(arm, listed.case)) if arm.contours == WITH_TEXT else None
        if found := _stored(listed, arm, segmenter, note, volume):
            return found
        if path not in opened:
            opened[path] = segmenter.open(volume, others=listed.case.others(segmenter.modalities))
        return opened[path].segment(note)

    def _segmenter(self, path: Path) -> Segmenter:
        if path not in self._segmenters:
            from llmseg.segmenter import Segmenter

            self._segmenters[path] = (self._load or Segmenter.load)(path)
        return self._segmenters[path]


def _default() -> Path:
    from llmseg.segmenter import DEFAULT_CHECKPOINT

    return DEFAULT_CHECKPOINT


def _digest(checkpoint: Path) -> str:
    from llmseg.model.checkpoint import digest_of

    return digest_of(checkpoint)


def _stored(listed: Listed, arm: Arm, segmenter: Segmenter, note: Note | None, volume: Volume) -> Segmentation | None:
    """Contours that the dataset holds, if the same segmenter drew them with the same note on the same grid."""
    folder = listed.stored(arm.contours)
    if not (folder / PROVENANCE).is_file():
        return None
    said = _read(folder / PROVENANCE)
    reading = segmenter.read(note) if note else None
    expected = json.loads(json.dumps(segmenter.provenance(reading, volume.shape, volume.affine)))
    if said != expected:
        return None
    return Segmentation(read_structures(folder, _mask_names(folder)), said)


def _check_begun(path: Path, asked: dict, key: str | None = "asked") -> None:
    """Refuse to go on with what was begun from other inputs."""
    begun = _read(path) if key is None else _read(path).get(key)
    if begun != asked:
        raise InputError(
            f"{path.parent} was made from another image, note, mask or checkpoint than there is now. Give what it was "
            "begun with, or choose another --out."
        )


def _check_grid(structures: Structures, volume: Volume, arm: Arm | None) -> None:
    """Refuse contours that do not lie on the CT's voxels."""
    shape = next(iter(structures.values())).shape if structures else volume.shape
    if shape != volume.shape or not np.allclose(structures.affine, volume.affine, atol=GRID_TOLERANCE_MM):
        whose = f"arm {arm.key!r}" if arm else "the reference"
        raise InputError(
            f"{whose} has contours on another grid than the CT ({shape}; the CT {volume.shape}). Resample them to it."
        )


def _scores(study: Study, reference: Structures | None, drawn: Structures) -> dict[str, dict[str, float | None]]:
    """Each structure that a task shows -> each of SCORES, None where neither has drawn it; nothing without a
    reference."""
    if reference is None:
        return {}
    names = set(reference)
    if all(task.structures for task in study.tasks):
        names &= {name for task in study.tasks for name in task.structures}
    shown = Structures({name: mask for name, mask in reference.items() if name in names}, reference.affine)
    return {row.structure: {metric: _or_none(getattr(row, metric)) for metric in SCORES} for row in score(shown, drawn)}


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _shown(study: Study, out: Path, case: str) -> dict[str, list[str]]:
    """Task -> what it shows of a case: what the task names, or whatever each of its arms has.

    Raises:
        InputError: an arm lacks one, or the arms have none in common.
    """
    names = {arm: _read(_arm_folder(out, case, arm) / PROVENANCE)["structures"] for arm in study.arms}
    return {task.key: _shown_in(task, case, names) for task in study.tasks}


def _shown_in(task: Task, case: str, names: Mapping[str, Sequence[str]]) -> list[str]:
    arms = dict.fromkeys(arm for combination in task.combinations for arm in combination)
    for arm in arms:
        for name in task.structures:
            if name not in names[arm]:
                raise InputError(_lacks(case, arm, name, task.key))
    common = set.intersection(*(set(names[arm]) for arm in arms))
    if not common:
        raise InputError(f"Case {case}: the arms of task {task.key!r} have no structure in common. Drop the case.")
    order = [*STRUCTURES, *sorted(common - set(STRUCTURES))]
    return list(task.structures) or [name for name in order if name in common]


# ---- freezing ----


def _frozen(study: Study, out: Path) -> dict[str, object]:
    """What study.json holds."""
    secret = (out / SECRET).read_bytes()
    ids = (*study.training, *study.cases)
    return {
        "format": FORMAT,
        "use": RESEARCH_ONLY,
        "study": study.key,
        "llmseg": __version__,
        "commit": commit(),
        "files": {path.relative_to(out).as_posix(): _file_sha256(path) for path in _files(study, out)},
        "cases": {id: _frozen_case(study, out, id) for id in ids},
        "contours": {id: {arm: _frozen_arm(out, id, arm) for arm in study.arms} for id in ids},
        "readings": {person.name: [asdict(r) for r in readings_of(study, person, secret)] for person in study.readers},
    }


def _files(study: Study, out: Path) -> Iterator[Path]:
    """All that must never change, by name: what else lies in the folder is no part of the study."""
    yield out / PROTOCOL
    for id in (*study.training, *study.cases):
        folder = _case_folder(out, id)
        references = (f"{REFERENCES}/{name}{SUFFIX}" for name in _read(folder / COPIED)["reference"])
        yield from (folder / name for name in (CT, NOTE, COPIED, *references))
        for arm in study.arms:
            folder = _arm_folder(out, id, arm)
            names = _read(folder / PROVENANCE)["structures"]
            yield from (folder / name for name in (PROVENANCE, *(f"{name}{SUFFIX}" for name in names)))


def _frozen_case(study: Study, out: Path, case: str) -> dict[str, object]:
    source = _read(_case_folder(out, case) / COPIED)
    return {**source, "reference": list(source["reference"]), "shown": _shown(study, out, case)}


def _frozen_arm(out: Path, case: str, arm: str) -> dict[str, object]:
    folder = _arm_folder(out, case, arm)
    said = _read(folder / PROVENANCE)
    structures = read_structures(folder, said["structures"])
    return {
        "sha256": _masks_sha256(structures, structures),
        "structures": said["structures"],
        "scores": said["scores"],
        "provenance": {**said["asked"], **said["drawn_by"]},
    }


def _file_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _volume_sha256(volume: Volume) -> str:
    digest = hashlib.sha256(f"{volume.shape}{np.round(volume.affine, 3).tolist()}".encode())
    digest.update(volume.array.tobytes())
    return digest.hexdigest()


def _masks_sha256(masks: Mapping[str, np.ndarray], grid: Structures) -> str:
    """Of names, voxels and grid: what a reader sees, whatever wrote the files."""
    digest = hashlib.sha256(str(np.round(grid.affine, 3).tolist()).encode())
    for name in sorted(masks):
        digest.update(f"{name}{masks[name].shape}".encode())
        digest.update(np.packbits(masks[name]).tobytes())
    return digest.hexdigest()
