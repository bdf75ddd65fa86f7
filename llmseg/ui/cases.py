"""Which cases there are to choose from, and one of them made ready for the panels."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as default
from functools import partial
from pathlib import Path

import numpy as np

from llmseg.case import STRUCTURES, Case, InputError, Structures, Volume
from llmseg.datasets.folder import Dataset
from llmseg.formats import saved
from llmseg.formats.archive import unzip
from llmseg.formats.dicom import Series, choose_series, find_series, read_series
from llmseg.formats.nifti import SUFFIXES, read_structures, read_volume
from llmseg.formats.saved import Arm
from llmseg.formats.segmentation import PROVENANCE
from llmseg.gate import check_ct
from llmseg.text.facts import Facts
from llmseg.ui.viewer import Frame, PackedMasks, field_of, frame_of, pack_ct, pack_masks

SPLIT_ORDER = ("validation", "test", "training")
ARMS = ("text", "no-text")


@dataclass(frozen=True, eq=False)
class Entry:
    """One case on the list; image and contours load when it is chosen.

    Args:
        key: unique on this server.
        results: folder of stored contours with "text" and "no-text" in it, or None.
        series: the DICOM series a sent CT came as.
        sent: whether a user sent it; what is odd about it is then said.
        name, split, dataset: of a case on the list: its id, and where it is listed.
        has_reference: whether `load_reference` has something to load.
        arms: what a saved session said about each arm's contours.
    """

    key: str
    label: str
    load_volume: Callable[[], Volume]
    load_reference: Callable[[], Structures | None]
    note: str = ""
    facts: Facts | None = None
    results: Path | None = None
    series: Series | None = None
    sent: bool = False
    arms: Mapping[str, Arm] = default(default_factory=dict)
    name: str = ""
    split: str = ""
    dataset: str = ""
    has_reference: bool = False


class Catalogue:
    """The cases of every dataset on offer, validation before training.

    A dataset may hold `results/<id>/text` and `results/<id>/no-text`: contours stored by an earlier run.
    """

    def __init__(self, datasets: Sequence[Dataset]):
        found = [_entry(number, dataset, case) for number, dataset in enumerate(datasets) for case in _sorted(dataset)]
        self._entries: Mapping[str, Entry] = {entry.key: entry for entry in found}

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    @property
    def first(self) -> Entry | None:
        return next(iter(self._entries.values()), None)

    def after(self, key: str) -> Entry | None:
        """The next case on the list that has another note: another patient, for comparison."""
        keys = list(self._entries)
        start = keys.index(key) + 1 if key in keys else 0
        own = self._entries[key].note if key in keys else ""
        others = (self._entries[k] for k in (*keys[start:], *keys[:start]))
        return next((entry for entry in others if entry.note and entry.note != own), None)

    def __contains__(self, key: str | None) -> bool:
        return key in self._entries

    def __getitem__(self, key: str) -> Entry:
        if key not in self:
            raise InputError(f"There is no case {key!r} here. Choose one from the list.")
        return self._entries[key]


def _sorted(dataset: Dataset) -> list[Case]:
    return sorted(dataset.cases, key=lambda case: SPLIT_ORDER.index(case.split))


def _entry(number: int, dataset: Dataset, case: Case) -> Entry:
    results = dataset.root / "results" / case.id
    return Entry(
        key=f"{number}/{case.id}",
        label=_label(case),
        load_volume=partial(getattr, case, "volume"),
        load_reference=partial(getattr, case, "structures"),
        note=case.note.text.strip(),
        facts=case.facts,
        results=results if results.is_dir() else None,
        name=case.id,
        split=case.split,
        dataset=dataset.name or dataset.root.name,
        has_reference=case.has_structures,
    )


def _label(case: Case) -> str:
    facts = f"{case.facts.side} {case.facts.site}" if case.facts else ""
    return " · ".join(part for part in (case.id, facts, case.split) if part)


def uploaded(path: str | Path, key: str, folder: Path) -> Entry:
    """An entry for what a user sent: a NIfTI, a zipped DICOM series, or a session saved on this page.

    Args:
        folder: where an archive is unpacked; the session's own.
    Raises:
        InputError: none of these, or an archive that cannot be used.
    """
    path = Path(path)
    entry = Entry(key, path.name, load_volume=partial(_read_sent, path), load_reference=_none, sent=True)
    if path.name.lower().endswith(".zip"):
        return _unzipped(entry, path, folder)
    if not path.name.endswith(SUFFIXES):
        raise InputError(
            f"{path.name} is none of .nii, .nii.gz and .zip. Send a CT as NIfTI, or its DICOM files zipped."
        )
    return entry


def _unzipped(entry: Entry, path: Path, folder: Path) -> Entry:
    files = unzip(path, folder)
    try:
        if found := saved.find(files):
            return replace(
                entry,
                label=found.label or path.name,
                load_volume=partial(read_volume, found.ct),
                load_reference=found.load_reference,
                note=found.note,
                results=found.results,
                arms=found.arms,
            )
        if any(place.name.endswith(SUFFIXES) for place in files.values()):
            raise InputError("It holds NIfTI files. Send the CT itself, unzipped.")
        series = choose_series(find_series(next(iter(files.values())).parent))
    except InputError as error:
        raise InputError(f"{path.name} cannot be opened. {error}") from error
    return replace(entry, load_volume=partial(read_series, series.paths, path.name), series=series)


def _read_sent(path: Path) -> Volume:
    try:
        return read_volume(path)
    except InputError as error:
        # Where this server keeps uploads is nothing to tell.
        raise InputError(str(error).replace(f"{path.parent}{os.sep}", "")) from error


def _none() -> None:
    return None


@dataclass(frozen=True, eq=False)
class Shown:
    """A case made ready for the panels: files and small numbers only, so that a session can hold it.

    Args:
        shape: of the CT itself.
        start, field: displayed voxel where the crosshair begins, and what the views show at first.
        oddities: what its user should know about a CT that was sent.
    """

    key: str
    label: str
    frame: Frame
    shape: tuple[int, int, int]
    ct: str
    reference: PackedMasks | None
    reference_ml: Mapping[str, float]
    start: tuple[int, int, int]
    field: tuple[tuple[int, int], ...]
    oddities: tuple[str, ...] = ()

    @property
    def files(self) -> list[str]:
        return [self.ct, *([self.reference.path] if self.reference else [])]


def prepare(entry: Entry, folder: Path) -> Shown:
    """Read a case and pack its CT and reference contours for the page.

    Raises:
        InputError: whatever is wrong with the files, or a sent CT that cannot be contoured.
    """
    volume, reference = entry.load_volume(), entry.load_reference()
    oddities = check_ct(volume) if entry.sent else ()
    if refused := [oddity.text for oddity in oddities if oddity.refused]:
        raise InputError(f"{entry.label} cannot be contoured. {' '.join(refused)}")
    if reference is not None:
        check_grid(reference, volume.shape, "The reference of " + entry.label)
    frame = frame_of(volume, reference)
    start = start_of(frame, reference or {})
    return Shown(
        key=entry.key,
        label=entry.label,
        frame=frame,
        shape=volume.shape,
        ct=pack_ct(volume, frame, folder),
        reference=pack_masks(reference, frame, folder) if reference else None,
        reference_ml=volumes_ml(reference) if reference else {},
        start=start,
        field=field_of(volume, frame, start[2]),
        oddities=tuple(oddity.text for oddity in oddities),
    )


def check_grid(structures: Structures, ct: tuple[int, int, int], name: str) -> None:
    """Refuse contours that do not lie on the CT's grid, by its shape."""
    shape = next(iter(structures.values())).shape
    if shape != ct:
        raise InputError(f"{name} has shape {shape}, the CT {ct}. Resample the contours to the CT's grid.")


def volumes_ml(structures: Structures) -> dict[str, float]:
    """Volume of each structure in millilitres."""
    voxel_ml = abs(float(np.linalg.det(structures.affine[:3, :3]))) / 1000
    return {name: float(mask.sum()) * voxel_ml for name, mask in structures.items()}


def start_of(frame: Frame, reference: Mapping[str, np.ndarray]) -> tuple[int, int, int]:
    """The middle of the high-dose target's largest slice, or of the whole field."""
    for name in STRUCTURES:
        mask = frame.show(reference[name]) if name in reference else None
        if mask is not None and mask.any():
            z = int(mask.sum(axis=(0, 1)).argmax())
            x, y = (int(np.median(index)) for index in np.nonzero(mask[:, :, z]))
            return x, y, z
    return tuple(size // 2 for size in frame.shape)


@dataclass(frozen=True)
class Stored:
    """Contours kept from an earlier run, and what drew them."""

    structures: Structures
    provenance: Mapping[str, object]


def read_stored(entry: Entry) -> dict[str, Stored]:
    """The stored contours of a case, by the arms of `saved.ARMS`; empty if there are none."""
    found = {}
    for arm in saved.ARMS if entry.results else ():
        folder = entry.results / arm
        structures = read_structures(folder, STRUCTURES) if folder.is_dir() else None
        if structures:
            found[arm] = Stored(structures, _provenance(folder / PROVENANCE))
    return found


def _provenance(path: Path) -> Mapping[str, object]:
    try:
        record = json.loads(path.read_bytes()) if path.is_file() else {}
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path.name} is damaged ({error}). Contour the case again.") from error
    return record if isinstance(record, dict) else {}
