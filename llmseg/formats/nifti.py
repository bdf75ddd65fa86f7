"""NIfTI in and out, checked at the door and written whole or not at all."""

from __future__ import annotations

import os
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from llmseg.case import RESEARCH_ONLY, InputError, Structures, Volume

SUFFIXES = (".nii.gz", ".nii")


def read_volume(path: str | Path) -> Volume:
    """Read a CT in HU.

    Raises:
        InputError: not a NIfTI file, truncated, not 3D, not finite, constant, or on an unusable grid.
    """
    array, affine = _read(Path(path))
    return Volume(array, affine, name=Path(path).name)


def read_mask(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Read one mask: ((X, Y, Z) bool, true where the file is above 0.5; (4, 4) affine)."""
    array, affine = _read(Path(path))
    return array > 0.5, affine


def read_labels(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a map of whole-number labels: ((X, Y, Z) int32, (4, 4) affine)."""
    array, affine = _read(Path(path))
    return np.rint(array).astype(np.int32), affine


def read_structures(folder: str | Path, names: tuple[str, ...]) -> Structures | None:
    """Read `<name>.nii.gz` for each name that has a file; None where no file exists."""
    masks, affine = {}, None
    for name, path in _mask_paths(folder, names):
        mask, mask_affine = read_mask(path)
        if affine is not None and not np.allclose(affine, mask_affine, atol=1e-3):
            raise InputError(f"{path} lies on another grid than its neighbours. Resample all masks to the CT's grid.")
        masks[name], affine = mask, mask_affine
    return Structures(masks, affine) if masks else None


def has_structures(folder: str | Path, names: tuple[str, ...]) -> bool:
    """Whether `read_structures` would find any."""
    return any(_mask_paths(folder, names))


def _mask_paths(folder: str | Path, names: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    paths = ((name, Path(folder) / f"{name}.nii.gz") for name in names)
    return ((name, path) for name, path in paths if path.exists())


def write_volume(path: str | Path, volume: Volume) -> None:
    """Write HU as int16."""
    _write(Path(path), np.round(volume.array).clip(-32768, 32767).astype(np.int16), volume.affine)


def write_image(path: str | Path, volume: Volume) -> None:
    """Write another modality's values (SUV, an MR signal) as float32."""
    _write(Path(path), volume.array, volume.affine)


def write_mask(path: str | Path, mask: np.ndarray, affine: np.ndarray) -> None:
    """Write one (X, Y, Z) mask as uint8."""
    write_labels(path, mask, affine)


def write_labels(path: str | Path, labels: np.ndarray, affine: np.ndarray) -> None:
    """Write a (X, Y, Z) map of labels from 0 to 255."""
    _write(Path(path), np.asarray(labels).astype(np.uint8), affine)


def write_percent(path: str | Path, share: np.ndarray, affine: np.ndarray) -> None:
    """Write a (X, Y, Z) map of shares in [0, 1] as whole percent, uint8."""
    _write(Path(path), np.rint(share * 100).astype(np.uint8), affine)


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    import nibabel
    from nibabel.filebasedimages import ImageFileError
    from nibabel.imageglobals import LoggingOutputSuppressor
    from nibabel.spatialimages import HeaderDataError, ImageDataError

    if not path.exists():
        raise InputError(f"{path} does not exist. Check the path.")
    if not path.name.endswith(SUFFIXES):
        raise InputError(f"{path.name} is not named .nii or .nii.gz. Convert it to NIfTI first.")
    broken = (ImageFileError, HeaderDataError, ImageDataError, zlib.error, OSError, EOFError, ValueError, TypeError)
    try:
        with LoggingOutputSuppressor():  # one line for the user, not nibabel's beside it
            image = nibabel.load(path)
            _check_spacing(path, image)
            array = np.asarray(image.dataobj, dtype=np.float32)
    except InputError:
        raise
    except (*broken, MemoryError) as error:
        raise InputError(
            f"{path.name} cannot be read as NIfTI ({_first_line(error)}). Export or copy it again."
        ) from error
    return array, image.affine


def _check_spacing(path: Path, image) -> None:
    """Look at the header as stored: nibabel turns a spacing of 0 into 1 mm."""
    with image.file_map["image"].get_prepare_fileobj("rb") as file:
        stored = image.header_class.from_fileobj(file, check=False)
    spacing = stored["pixdim"][1 : 1 + min(3, len(image.shape))]
    if not (spacing != 0).all():
        shown = " x ".join(f"{edge:g}" for edge in spacing)
        raise InputError(f"{path.name} has a voxel spacing of {shown} mm. Correct the header.")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _write(path: Path, array: np.ndarray, affine: np.ndarray) -> None:
    import nibabel

    image = nibabel.Nifti1Image(array, affine)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = RESEARCH_ONLY
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        suffix = ".nii" if path.name.endswith(".nii") else ".nii.gz"
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-", suffix=suffix)
        os.close(handle)
        nibabel.save(image, temporary)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({_first_line(error)}). Free some space or pick another folder."
        ) from error
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
