"""A segmentation as a folder: one NIfTI mask per structure, and where they came from."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from llmseg.case import STRUCTURES, InputError, Segmentation
from llmseg.formats.nifti import read_structures, write_mask, write_percent

PROVENANCE = "segmentation.json"
UNCERTAINTY = "-uncertainty-percent.nii.gz"
"""How the name of an uncertainty map goes on after its structure's."""


def write_segmentation(folder: str | Path, segmentation: Segmentation, *, uncertainty: bool = False) -> None:
    """Write <NAME>.nii.gz for each structure, and segmentation.json last, so that its presence says all is there.

    Everything is written aside first: a disk that fills leaves the folder as it was.

    Args:
        uncertainty: write <NAME>-uncertainty-percent.nii.gz as well; see `Segmentation.uncertainty`.
    Raises:
        InputError: a full disk or a folder that cannot be written.
    """
    folder = Path(folder)
    new, scratch = not folder.exists(), None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=folder, prefix=".writing-"))
        for name, mask in segmentation.structures.items():
            write_mask(scratch / f"{name}.nii.gz", mask, segmentation.structures.affine)
        for name, unsure in segmentation.uncertainty().items() if uncertainty else ():
            write_percent(scratch / f"{name}{UNCERTAINTY}", unsure, segmentation.structures.affine)
        maps = [path.name for path in scratch.glob(f"*{UNCERTAINTY}")]
        (scratch / PROVENANCE).write_text(json.dumps(dict(segmentation.provenance), indent=1) + "\n")
        (folder / PROVENANCE).unlink(missing_ok=True)  # from here on an older one is no longer whole
        for stale in folder.glob(f"*{UNCERTAINTY}"):
            stale.unlink()
        for name in (*(f"{name}.nii.gz" for name in segmentation.structures), *maps, PROVENANCE):
            os.replace(scratch / name, folder / name)
    except (OSError, InputError) as error:
        reason = getattr(error.__cause__ or error, "strerror", None) or error
        raise InputError(f"{folder} cannot be written ({reason}). Free some space or pick another.") from error
    finally:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)
        if new:
            with suppress(OSError):
                folder.rmdir()  # only when nothing came into it


def read_segmentation(folder: str | Path) -> Segmentation:
    """Read what `write_segmentation` wrote.

    Raises:
        InputError: no segmentation there, or one that was not written to its end.
    """
    folder = Path(folder)
    structures = read_structures(folder, STRUCTURES)
    if structures is None or not (folder / PROVENANCE).exists():
        raise InputError(f"{folder} holds no finished segmentation. Run `python -m llmseg segment` into it.")
    try:
        return Segmentation(structures, json.loads((folder / PROVENANCE).read_text()))
    except ValueError as error:
        raise InputError(f"{folder / PROVENANCE} is damaged ({error}). Segment again.") from error
