"""Zip archives: unpacked so that nothing in a stranger's one can do harm, and written whole."""

from __future__ import annotations

import secrets
import shutil
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from llmseg.case import InputError

MOST_FILES = 10_000
MOST_BYTES = 3 * 1024**3
KEPT_SUFFIXES = (".nii.gz", ".nii")
"""What a reader of files goes by; every other suffix is dropped."""

_CHUNK = 1 << 20
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, RuntimeError)


def unzip(path: str | Path, folder: str | Path, *, most_bytes: int = MOST_BYTES) -> Mapping[str, Path]:
    """Unpack an archive into a new folder inside `folder`.

    A file is stored under a number, so that no name in an archive reaches the disk: none can leave the folder, be a
    link or overwrite another. Its bytes are counted as they come, whatever the archive says of their number.

    Returns:
        Name in the archive, with "/" between folders -> where it lies now.
    Raises:
        InputError: no zip archive, one that is damaged, locked, or larger than allowed; nothing of it is left behind.
    """
    path, target = Path(path), Path(folder) / f"unpacked-{secrets.token_hex(8)}"
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not _is_beside(member)]
            _check(path.name, members, most_bytes)
            target.mkdir(parents=True, mode=0o700)
            return _unpack(archive, members, target, most_bytes)
    except InputError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise InputError(f"{path.name} {error}") from error
    except _BROKEN as error:
        shutil.rmtree(target, ignore_errors=True)
        raise InputError(f"{path.name} is not a whole zip archive ({error}). Zip the folder again.") from error
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise InputError(f"{path.name} cannot be unpacked ({error.strerror}). Free some space there.") from error


def _is_beside(member: zipfile.ZipInfo) -> bool:
    """Folders, and what a Mac puts beside the files."""
    parts = PurePosixPath(member.filename).parts
    return member.is_dir() or "__MACOSX" in parts or (bool(parts) and parts[-1] == ".DS_Store")


def _check(name: str, members: list[zipfile.ZipInfo], most_bytes: int) -> None:
    if not members:
        raise InputError("is an empty archive. Zip the folder with the CT's files in it.")
    if len(members) > MOST_FILES:
        raise InputError(f"holds {len(members):,} files; at most {MOST_FILES:,} are taken. Zip one CT series only.")
    if any(member.flag_bits & 1 for member in members):
        raise InputError("is locked with a password. Zip the folder without one.")
    if sum(member.file_size for member in members) > most_bytes:
        raise _too_large(most_bytes)


def _too_large(most_bytes: int) -> InputError:
    return InputError(f"unpacks to more than {most_bytes / 1024**3:.3g} GiB. Zip one CT series only.")


def _unpack(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], target: Path, most_bytes: int) -> dict[str, Path]:
    found, taken = {}, 0
    for number, member in enumerate(members):
        suffix = next((suffix for suffix in KEPT_SUFFIXES if member.filename.endswith(suffix)), "")
        place = target / f"{number:05d}{suffix}"
        with archive.open(member) as packed, place.open("xb") as file:
            while chunk := packed.read(_CHUNK):
                taken += len(chunk)
                if taken > most_bytes:
                    raise _too_large(most_bytes)
                file.write(chunk)
        found[member.filename] = place
    return found


def write_zip(path: str | Path, folder: str | Path) -> None:
    """Zip all files of a folder, under their names in it.

    Raises:
        InputError: a full disk or a folder that cannot be written; nothing is left behind.
    """
    path, folder = Path(path), Path(folder)
    scratch = path.with_name(f".writing-{secrets.token_hex(8)}")
    try:
        with zipfile.ZipFile(scratch, "w") as archive:
            for file in sorted(file for file in folder.rglob("*") if file.is_file()):
                packed = file.name.endswith(".gz")
                how = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
                archive.write(file, file.relative_to(folder).as_posix(), how)
        scratch.replace(path)
    except OSError as error:
        raise InputError(f"{path.name} cannot be written ({error.strerror}). Free some space there.") from error
    finally:
        scratch.unlink(missing_ok=True)
