"""A session of the page as a folder: the CT, the note, every contour on show and what drew it, and back.

    session.json                 what this is, and a line about each arm
    ct.nii.gz, note.txt          in HU; the note as the model read it
    results/<arm>/               "text", "no-text", "compared", and "edited" by hand, with the contours that edit
                                 "started" from: <NAME>.nii.gz and segmentation.json
    reference/<NAME>.nii.gz      contours drawn by people, where there are any

It holds no identifier of a DICOM header; of the note it holds what de-identification left.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path, PurePosixPath

from llmseg import __version__
from llmseg.case import RESEARCH_ONLY, STRUCTURES, InputError, Segmentation, Structures, Volume
from llmseg.formats.nifti import read_structures, write_mask, write_volume
from llmseg.formats.segmentation import PROVENANCE, write_segmentation

FORMAT = 1
RECORD, CT, NOTE, RESULTS, REFERENCE = "session.json", "ct.nii.gz", "note.txt", "results", "reference"
COMPARED, EDITED, STARTED = "compared", "edited", "started"
ARMS = ("text", "no-text", COMPARED, EDITED, STARTED)
LONGEST_LINE = 200
LARGEST_RECORD, LARGEST_NOTE = 1_000_000, 1_000_000


@dataclass(frozen=True)
class Arm:
    """What is said about one arm's contours.

    Args:
        own_note: whether the note was the case's own, for which its reference was drawn.
        name, title: of a comparison; "" otherwise.
    """

    caption: str = ""
    own_note: bool = True
    name: str = ""
    title: str = ""


@dataclass(frozen=True)
class Saved:
    """A saved session, unpacked.

    Args:
        ct: path of the CT.
        results: folder with a folder for each arm.
        arms: arm -> what is said about it.
    """

    label: str
    note: str
    ct: Path
    results: Path
    load_reference: Callable[[], Structures | None]
    arms: Mapping[str, Arm] = field(default_factory=dict)


def write_saved(
    folder: str | Path,
    label: str,
    volume: Volume,
    note: str,
    results: Mapping[str, Segmentation],
    arms: Mapping[str, Arm],
    reference: Structures | None = None,
) -> None:
    """Write a session into an empty folder.

    Args:
        results: arm -> its contours.
        arms: arm -> what is said about it.
    Raises:
        InputError: a full disk or a folder that cannot be written.
    """
    folder = Path(folder)
    write_volume(folder / CT, volume)
    for arm, segmentation in results.items():
        write_segmentation(folder / RESULTS / arm, segmentation)
    for name, mask in (reference or {}).items():
        write_mask(folder / REFERENCE / f"{name}.nii.gz", mask, volume.affine)
    record = {
        "format": FORMAT,
        "use": RESEARCH_ONLY,
        "llmseg": __version__,
        "label": label,
        "arms": {arm: vars(said) for arm, said in arms.items()},
    }
    (folder / NOTE).write_text(note, encoding="utf-8")
    (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def find(files: Mapping[str, Path]) -> Saved | None:
    """A saved session among the files of an archive; None where there is none.

    Args:
        files: name in the archive -> where it lies now, as `archive.unzip` gives it. Those of the session are moved.
    Raises:
        InputError: one that is damaged, or was saved by another version.
    """
    records = [name for name in files if PurePosixPath(name).name == RECORD and len(PurePosixPath(name).parts) <= 2]
    if not records:
        return None
    record = _record(files[records[0]])
    root = files[records[0]].parent / "session"
    before = records[0].removesuffix(RECORD)
    for name in _names():
        if before + name in files:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            files[before + name].rename(root / name)
    if not (root / CT).exists():
        raise InputError(f"The saved session has no {CT}. Save it again.")
    return Saved(
        label=_line(record.get("label")),
        note=_note(root / NOTE),
        ct=root / CT,
        results=root / RESULTS,
        load_reference=partial(read_structures, root / REFERENCE, STRUCTURES),
        arms={arm: _arm(record["arms"][arm]) for arm in ARMS if arm in record["arms"]},
    )


def _names() -> list[str]:
    """All that a session may hold; whatever else an archive has stays where it is."""
    folders = [*(f"{RESULTS}/{arm}" for arm in ARMS), REFERENCE]
    masks = [f"{folder}/{name}.nii.gz" for folder, name in product(folders, STRUCTURES)]
    return [CT, NOTE, *masks, *(f"{RESULTS}/{arm}/{PROVENANCE}" for arm in ARMS)]


def _record(path: Path) -> dict:
    try:
        record = json.loads(path.read_bytes()[:LARGEST_RECORD])
    except (ValueError, RecursionError) as error:
        raise InputError(f"{RECORD} is damaged ({error}). Save the session again.") from error
    if not isinstance(record, dict) or not isinstance(record.get("arms"), dict):
        raise InputError(f"{RECORD} is not one of a saved session. Save the session again.")
    if record.get("format") != FORMAT:
        raise InputError(f"The session was saved in format {_line(record.get('format'))}; this one reads {FORMAT}.")
    return record


def _arm(said: object) -> Arm:
    said = said if isinstance(said, dict) else {}
    words = {key: _line(said.get(key)) for key in ("caption", "name", "title")}
    return Arm(own_note=said.get("own_note") is not False, **words)


def _line(value: object) -> str:
    return re.sub(r"\s+", " ", "" if value is None else str(value))[:LONGEST_LINE].strip()


def _note(path: Path) -> str:
    return path.read_bytes()[:LARGEST_NOTE].decode("utf-8", errors="replace") if path.exists() else ""
