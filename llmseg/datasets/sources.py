"""Where patients' CTs and contours lie: a tree of DICOM studies, or NIfTI files. Found first, read one by one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from llmseg.case import InputError, Volume
from llmseg.formats import dicom, rtstruct
from llmseg.formats.nifti import SUFFIXES, read_labels, read_mask, read_volume

IMAGES, MASKS, LABELS, LEGEND, CT = "images", "structures", "labels", "labels.json", "ct"


class Plan(NamedTuple):
    """One scan, read: its CT, the names of what was contoured, and how to draw each on the CT's grid."""

    volume: Volume
    names: tuple[str, ...]
    draw: Callable[[str], np.ndarray]


@dataclass(frozen=True)
class Scan:
    """One CT with its contours, found and not yet read.

    Args:
        label: where it lies in the source; for messages, never written.
        keys: what notes.csv may call it, the most particular first.
        patient: what scans of one patient share; "" where the source does not say.
        files: all that it is read from.
        read: gives the plan; an InputError says why the scan cannot be used.
        id: a name without identity; "" where one has to be made.
        fault: why it cannot be used, where that was seen without reading it.
    """

    label: str
    keys: tuple[str, ...]
    patient: str
    files: tuple[Path, ...]
    read: Callable[[], Plan] | None
    id: str = ""
    fault: str = ""


def find_scans(src: str | Path, on_progress: Callable[[int, int], None] | None = None) -> list[Scan]:
    """Every scan below a folder: NIfTI where it is laid out as such, else DICOM by its headers.

    Args:
        on_progress: called with (DICOM headers read, files in all).
    Raises:
        InputError: no such folder, or neither NIfTI nor a DICOM CT in it.
    """
    src = Path(src)
    if not src.is_dir():
        raise InputError(f"{src} is no folder. Pass the folder that holds the scans.")
    scans = list(_nifti_scans(src)) or list(_dicom_scans(src, on_progress))
    if not scans:
        raise InputError(
            f"{src} holds no scan. Pass a tree of DICOM CT series and RTSTRUCTs, or {IMAGES}/<id>.nii.gz or "
            f"<id>/{CT}.nii.gz."
        )
    return scans


def _dicom_scans(src: Path, on_progress: Callable[[int, int], None] | None) -> Iterator[Scan]:
    tree = dicom.find_series(src, on_progress)
    in_frame = Counter(series.frame for series in tree.series)
    lonely = {sets.path: sets for sets in tree.structure_sets}
    for series in tree.series:
        # A structure set that names no series is placed by its frame of reference, where that leaves no choice.
        alone = bool(series.frame) and in_frame[series.frame] == 1
        drawn = [
            s
            for s in tree.structure_sets
            if series.uid in s.series or (not s.series and alone and s.frame == series.frame)
        ]
        for sets in drawn:
            lonely.pop(sets.path, None)
        chosen = drawn if len(drawn) < 2 else [s for s in drawn if s.approved]
        fault = _fault(series, drawn, chosen)
        files = (*series.paths, *(s.path for s in chosen))
        label, keys = str(series.paths[0].relative_to(src)), (series.uid, *filter(None, [series.patient]))
        read = None if fault else partial(_read_dicom, series.paths, chosen[0].path, label)
        yield Scan(label, keys, series.patient, files, read, fault=fault)
    for path, sets in lonely.items():
        fault = "the CT it was drawn on is not here. Export that series too."
        keys = tuple(filter(None, [sets.patient]))
        yield Scan(str(path.relative_to(src)), keys, sets.patient, (path,), None, fault=fault)


def _fault(series: dicom.Series, drawn: Sequence[dicom.StructureSet], chosen: Sequence[dicom.StructureSet]) -> str:
    """Why a CT cannot be used with its structure sets, as far as the headers tell; "" where it can."""
    if not drawn:
        return "no structure set refers to it. Export its RTSTRUCT too."
    if len(chosen) != 1:
        return f"{len(drawn)} structure sets were drawn on it, {len(chosen)} of them approved. Keep one."
    if chosen[0].patient != series.patient:
        return "its structure set bears another PatientID. Check whose it is."
    if chosen[0].slices > len(series.paths):
        return f"{chosen[0].slices} slices were contoured, {len(series.paths)} are here. Copy the whole series."
    return ""


def _read_dicom(slices: tuple[Path, ...], structure_set: Path, label: str) -> Plan:
    try:
        contours = rtstruct.read_contours(structure_set)
        volume = dicom.read_series(slices, label)
    except InputError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"its DICOM headers are broken ({error}). Export it again.") from error
    return Plan(volume, tuple(contours), lambda name: rtstruct.draw(contours[name], volume, name))


def _nifti_scans(src: Path) -> Iterator[Scan]:
    if (src / IMAGES).is_dir():
        for image in _nifti_files(src / IMAGES):
            id = _stem(image)
            yield _nifti_scan(src, id, image, src / MASKS / id, src / LABELS, id, src)
    else:
        for folder in sorted(path for path in src.iterdir() if path.is_dir()):
            for image in _nifti_files(folder):
                if _stem(image) == CT:
                    yield _nifti_scan(src, folder.name, image, folder, folder, LABELS, folder)


def _nifti_scan(src: Path, id: str, image: Path, masks: Path, maps: Path, map_name: str, legends: Path) -> Scan:
    # In <id>/ everything lies together: the CT and a label map are no masks.
    apart = [p for p in _nifti_files(masks) if p != image and not (maps == masks and _stem(p) == map_name)]
    together = [p for p in _nifti_files(maps) if _stem(p) == map_name]
    legend = legends / LEGEND if (legends / LEGEND).is_file() else src / LEGEND
    files = (image, *apart, *together, *([legend] if together and legend.is_file() else []))
    fault = "" if apart or together else "it has no mask and no label map. Put them beside it."
    read = partial(_read_nifti, image, tuple(apart), tuple(together), legend)
    return Scan(str(image.relative_to(src)), (id,), id, files, read, id, fault)


def _read_nifti(image: Path, masks: Sequence[Path], label_maps: Sequence[Path], legend: Path) -> Plan:
    volume = read_volume(image)
    sources: dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {
        _stem(path): partial(read_mask, path) for path in masks
    }
    for path in label_maps:
        labels, affine = read_labels(path)
        for name, number in _read_legend(legend).items():
            if name in sources:
                raise InputError(f"{name!r} has a mask and a label in {path.name}. Keep one of them.")
            if (labels == number).any():  # a label that nobody drew says nothing about the patient
                sources[name] = partial(_label, labels, number, affine)

    def draw(name: str) -> np.ndarray:
        mask, affine = sources[name]()
        if mask.shape != volume.shape or not np.allclose(affine, volume.affine, atol=1e-3):
            raise InputError(f"{name!r} lies on another grid than {image.name}. Resample it to the CT's grid.")
        return mask

    return Plan(volume, tuple(sources), draw)


def _label(labels: np.ndarray, number: int, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return labels == number, affine


def _read_legend(path: Path) -> dict[str, int]:
    """Name -> number, whichever way round the file has it; background is left out."""
    try:
        pairs = json.loads(path.read_text(encoding="utf-8")).items()
        named = [(str(a), int(b)) if isinstance(b, int) else (str(b), int(a)) for a, b in pairs]
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise InputError(f'{path} cannot be read ({error}). Write {{"1": "Parotid_L", ...}}.') from error
    return {name: number for name, number in named if number != 0}


def _nifti_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("*") if p.name.endswith(SUFFIXES) and not p.name.startswith("."))


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".nii")
