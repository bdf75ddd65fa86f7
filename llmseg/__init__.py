"""Contour a head and neck CT for radiotherapy, steered by the clinical note.

    from llmseg import Note, Segmenter, read_volume

    segmenter = Segmenter.load()
    ct = segmenter.open(read_volume("ct.nii.gz"))
    with_note = ct.segment(Note("Left oropharynx, 70 Gy, both sides of the neck."))
    without = ct.segment(None)

A name is imported when first used, so `import llmseg` stays instant.
"""

from __future__ import annotations

from importlib import import_module

__version__ = "0.1.0"

_HOME = {
    "Case": "llmseg.case",
    "InputError": "llmseg.case",
    "Note": "llmseg.case",
    "Segmentation": "llmseg.case",
    "Structures": "llmseg.case",
    "Volume": "llmseg.case",
    "Segmenter": "llmseg.segmenter",
    "read_dataset": "llmseg.datasets.folder",
    "read_volume": "llmseg.formats.nifti",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
