"""A dataset is a folder: dataset.json, images, structures and notes."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from llmseg.case import CT, STRUCTURES, Case, InputError, Note, Structures, Volume, kind_of
from llmseg.formats.nifti import has_structures, read_structures, read_volume, write_image, write_mask, write_volume
from llmseg.formats.whole import write_whole
from llmseg.text.facts import Facts
from llmseg.text.wording import write_note

SPLITS = ("training", "validation", "test")
MANIFEST = "dataset.json"

Item, Result = TypeVar("Item"), TypeVar("Result")

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Dataset:
    """The cases of one dataset folder; images load late, notes at once.

    Args:
        root: the folder.
        cases: in the manifest's order: training, validation, test.
        manifest_hash: sha256 of dataset.json, kept by every checkpoint trained on it.
    """

    root: Path
    cases: tuple[Case, ...]
    manifest_hash: str
    name: str = ""
    description: str = ""

    def split(self, name: str) -> tuple[Case, ...]:
        """The cases of "training", "validation" or "test"; may be empty.

        Raises:
            InputError: no such split.
        """
        if name not in SPLITS:
            raise InputError(f"{name!r} is not a split. Use {', '.join(SPLITS)}.")
        return tuple(case for case in self.cases if case.split == name)


@dataclass(frozen=True)
class Manifest:
    """What dataset.json says, before any case is looked at.

    Args:
        names: the structures that may have a mask.
        entries: (split, entry) in the order training, validation, test.
        hash: sha256 of the file.
    """

    root: Path
    names: tuple[str, ...]
    entries: tuple[tuple[str, object], ...]
    hash: str
    name: str = ""
    description: str = ""


def read_dataset(path: str | Path) -> Dataset:
    """Read a dataset folder and check that each image and note it lists is there.

    Raises:
        InputError: names the first missing file, broken entry, duplicate id or unknown split.
    """
    manifest = read_manifest(path)
    cases, seen = [], set()
    for split, entry in manifest.entries:
        case = read_entry(manifest.root, entry, split, manifest.names)
        if case.id in seen:
            raise InputError(f"{manifest.root / MANIFEST} lists the id {case.id!r} twice. Give each case its own id.")
        seen.add(case.id)
        cases.append(case)
    return Dataset(manifest.root, tuple(cases), manifest.hash, name=manifest.name, description=manifest.description)


def read_manifest(path: str | Path) -> Manifest:
    """Read dataset.json alone.

    Raises:
        InputError: there is none, it is no JSON, or it lists no case.
    """
    root = Path(path)
    if root.name == MANIFEST:
        root = root.parent
    path = root / MANIFEST
    if not path.is_file():
        raise InputError(f"{path} does not exist. Pass a dataset folder; `llmseg data` makes one.")
    content = path.read_bytes()
    manifest = _parsed(content, path)
    entries = tuple((split, entry) for split in SPLITS for entry in manifest.get(split, []))
    if not entries:
        raise InputError(f"{path} lists no case. Add some under {', '.join(SPLITS)}.")
    return Manifest(
        root,
        _structure_names(manifest, path),
        entries,
        hashlib.sha256(content).hexdigest(),
        name=str(manifest.get("name", "")),
        description=str(manifest.get("description", "")),
    )


def read_entry(root: Path, entry: object, split: str, names: Sequence[str]) -> Case:
    """One case of a manifest, its note read and its files there.

    Raises:
        InputError: a broken entry, a path out of the folder, or a missing file.
    """
    if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in ("id", "image", "note")):
        raise InputError(
            f'{root / MANIFEST} has a {split} entry without "id", "image" and "note": {entry!r:.80}. Add them.'
        )
    check_id(entry["id"])
    image, note = (_inside(root, entry[key], entry["id"]) for key in ("image", "note"))
    for path in (image, note):
        if not path.is_file():
            raise InputError(f"{path}, listed for {entry['id']}, does not exist. Restore it or drop the case.")
    structures = _inside(root, entry["structures"], entry["id"]) if entry.get("structures") else None
    others = _others(root, entry)
    return Case(
        id=entry["id"],
        note=Note(_read_text(note), source=str(note)),
        split=split,
        load_volume=partial(read_volume, image),
        load_structures=partial(_read_structures, structures, names),
        facts=_facts(entry),
        patient_id=str(entry.get("patient_id", entry["id"])),
        load_others={modality: partial(read_volume, path) for modality, path in others.items()},
        has_structures=structures is not None and has_structures(structures, names),
    )


def _others(root: Path, entry: dict) -> dict[str, Path]:
    """The images beside the CT, by their modality."""
    listed = entry.get("images", {})
    if not isinstance(listed, dict):
        raise InputError(f'"images" of {entry["id"]} is no table; expected {{"pet": "pet/1.nii.gz"}}. Correct it.')
    paths = {}
    for modality, relative in listed.items():
        if kind_of(modality) == CT:
            raise InputError(f'{entry["id"]} lists a second CT under "images". Its CT stands under "image".')
        paths[modality] = _inside(root, relative, entry["id"])
        if not paths[modality].is_file():
            raise InputError(f"{paths[modality]}, listed for {entry['id']}, does not exist. Restore it or drop it.")
    return paths


def write_case(
    root: str | Path,
    id: str,
    volume: Volume,
    structures: Structures | None,
    note_text: str,
    others: Mapping[str, Volume] = MappingProxyType({}),
) -> dict:
    """Write one patient's image, masks and, last of all, note.

    Args:
        others: modality -> image beside the CT; see `case.MODALITIES`.
    Returns:
        The manifest entry, without facts.
    Raises:
        InputError: the id is no plain file name, an unknown modality, or the disk refuses.
    """
    root = Path(root)
    check_id(id)
    beside = {modality: f"{kind_of(modality)}/{id}.{modality}.nii.gz" for modality in others}
    write_volume(root / "images" / f"{id}.nii.gz", volume)
    for modality, other in others.items():
        write_image(root / beside[modality], other)
    if structures is not None:
        for name, mask in structures.items():
            write_mask(root / "structures" / id / f"{name}.nii.gz", mask, structures.affine)
    write_text(root / "notes" / f"{id}.txt", note_text.rstrip("\n") + "\n")
    entry = {"id": id, "image": f"images/{id}.nii.gz", "note": f"notes/{id}.txt", "structures": f"structures/{id}"}
    return {**entry, "images": beside} if beside else entry


def write_manifest(root: str | Path, entries: Mapping[str, Iterable[dict]], name: str, description: str) -> None:
    """Write dataset.json whole or not at all.

    Args:
        entries: split -> what `write_case` returned, with "facts" (`Facts.to_json()`) where known.
    """
    unknown = set(entries) - set(SPLITS)
    if unknown:
        raise InputError(f"{', '.join(sorted(unknown))} is not a split. Use {', '.join(SPLITS)}.")
    manifest = {
        "name": name,
        "description": description,
        "labels": {str(number): structure for number, structure in enumerate(STRUCTURES, start=1)},
        **{split: list(entries.get(split, ())) for split in SPLITS},
    }
    write_text(Path(root) / MANIFEST, json.dumps(manifest, indent=1) + "\n")


def write_phantoms(
    dest: str | Path,
    count: int,
    seed: int,
    *,
    teaching: bool = False,
    split: str = "test",
    workers: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    **options: object,
) -> None:
    """Fill a folder with synthetic patients of the seeds `seed`, `seed + 1`, ... and their notes.

    Args:
        teaching: two identical lesions, and only the note says which is the target.
        split: where the manifest lists them.
        workers: processes; 1 stays in this one.
        on_progress: called with (phantoms done, phantoms in all).
        options: passed on to `make_phantom`.
    """
    if count < 1:
        raise InputError(f"A count of {count} makes no phantom. Ask for 1 or more.")
    if split not in SPLITS:
        raise InputError(f"{split!r} is not a split. Use {', '.join(SPLITS)}.")
    name = "teaching phantoms" if teaching else "phantoms"
    claim(dest, name)
    entries = {}
    write = partial(_write_phantom, root=Path(dest), teaching=teaching, split=split, options=options)
    for number, entry in in_parallel(write, range(seed, seed + count), workers):
        entries[number] = entry
        if on_progress:
            on_progress(len(entries), count)
    write_manifest(
        dest,
        {split: [entries[n] for n in sorted(entries)]},
        name,
        "Synthetic head-and-neck CTs; the notes state their true facts.",
    )


def _write_phantom(number: int, root: Path, teaching: bool, split: str, options: Mapping[str, object]) -> dict:
    from llmseg.datasets.phantom import make_phantom

    id = f"{'teaching' if teaching else 'phantom'}_{number:07d}"
    phantom = make_phantom(number, teaching=teaching, **options)
    # Spelled out where two lesions wait for one word: exchanging left and right must be possible in any editor.
    note = write_note(phantom.facts, split=split, seed=id, spelled_out=teaching)
    others = {"pet": phantom.pet} if phantom.pet else {}
    entry = write_case(root, id, phantom.volume, phantom.structures, note, others)
    return {**entry, "facts": phantom.facts.to_json()}


def in_parallel(
    work: Callable[[Item], Result], items: Sequence[Item], workers: int | None
) -> Iterator[tuple[Item, Result]]:
    """Each item with its result as it is done; the first error stops the rest.

    Args:
        workers: processes; None takes one per core, 1 stays in this one.
    """
    workers = min(workers or os.cpu_count() or 1, len(items))
    if workers <= 1:
        yield from ((item, work(item)) for item in items)
        return
    # Spawned, not forked: the caller may already run torch's threads.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(work, item): item for item in items}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def claim(dest: str | Path, name: str) -> None:
    """Make the folder, or accept it when it already holds this dataset.

    Raises:
        InputError: the folder belongs to another dataset, or cannot be made.
    """
    dest = Path(dest)
    path = dest / MANIFEST
    if path.is_file():
        other = _parsed(path.read_bytes(), path).get("name")
        if other != name:
            raise InputError(f"{dest} already holds the dataset {other!r}. Pick another folder, or remove that one.")
    try:
        dest.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{dest} cannot be made ({error.strerror}). Pick another folder.") from error


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all."""
    write_whole(path, text.encode())


def check_id(id: str) -> None:
    """Refuse an id that cannot name a file.

    Raises:
        InputError: anything but letters, digits, ".", "_" and "-", or one that starts with a mark.
    """
    if not _ID.fullmatch(id):
        raise InputError(f"{id!r} cannot name a file. Use letters, digits, '.', '_' and '-'.")


def _parsed(content: bytes, path: Path) -> dict:
    try:
        manifest = json.loads(content)
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON ({error}). Correct it or make the dataset again.") from error
    if not isinstance(manifest, dict) or not all(isinstance(manifest.get(split, []), list) for split in SPLITS):
        raise InputError(f"{path} has no {' / '.join(SPLITS)} lists. Make the dataset again.")
    return manifest


def _structure_names(manifest: dict, path: Path) -> tuple[str, ...]:
    labels = manifest.get("labels", dict(enumerate(STRUCTURES)))
    if not isinstance(labels, dict):
        raise InputError(f'{path} has "labels" of the wrong kind; expected {{"1": "PTV_High", ...}}. Correct it.')
    names = tuple(str(name) for name in labels.values() if name != "background")
    for name in names:
        check_id(name)
    return names


def _read_structures(folder: Path | None, names: Sequence[str]) -> Structures | None:
    return read_structures(folder, names) if folder else None


def _facts(entry: dict) -> Facts | None:
    if entry.get("facts") is None:
        return None
    try:
        return Facts.from_json(entry["facts"])
    except (KeyError, TypeError, InputError) as error:
        raise InputError(f"The facts of {entry['id']} cannot be used ({error}). Correct dataset.json.") from error


def _inside(root: Path, relative: object, id: str) -> Path:
    # A dataset from elsewhere must not reach files beyond its own folder.
    path = Path(str(relative))
    if path.is_absolute() or ".." in path.parts:
        raise InputError(f"{relative}, listed for {id}, leads out of the dataset folder. Use a path relative to it.")
    return root / path


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path} cannot be read as UTF-8 text. Save the note again.") from error
