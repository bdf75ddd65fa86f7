"""The nouns: Volume, Structures, Note, Case, Segmentation; and InputError, the one error a user sees.

Frozen and checked when built, so every room above can trust what it is handed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np

TARGETS = ("PTV_High", "PTV_Mid", "PTV_Low")
ORGANS = ("Brainstem", "SpinalCord", "Parotid_R", "Parotid_L", "Esophagus", "Larynx", "Bone_Mandible")
STRUCTURES = TARGETS + ORGANS
"""TG-263 names, in the order of the network's channels."""

PAIRED = MappingProxyType({"Parotid_L": "Parotid_R", "Parotid_R": "Parotid_L"})
"""What a left-right mirror turns each paired organ into."""

CT = "ct"
MODALITIES = (CT, "pet", "mr")
"""The kinds of image there are; "mr-t1" and "mr-t2" are two of one kind."""

RESEARCH_ONLY = "llmseg research use only, not for clinical use"
"""What every file that leaves the project says; short enough for the headers of NIfTI and DICOM."""

SPACING_RANGE_MM = (0.1, 10.0)


class InputError(ValueError):
    """Something the user gave cannot be used: says what, which value, and the remedy."""


def kind_of(modality: str) -> str:
    """The kind of image a modality names: "mr" of "mr-t1".

    Raises:
        InputError: none of MODALITIES.
    """
    kind = modality.split("-")[0]
    if kind not in MODALITIES:
        raise InputError(
            f"Modality {modality!r} is none of {', '.join(MODALITIES)}. Two of one kind are told apart as in mr-t1."
        )
    return kind


@dataclass(frozen=True, eq=False)
class Volume:
    """A CT on its scanner's grid.

    Args:
        array: (X, Y, Z) float32, Hounsfield units.
        affine: (4, 4) voxel index to mm, RAS+.
        name: what an error message calls it.
    Raises:
        InputError: if it is not a finite, varying 3D array on a usable grid.
    """

    array: np.ndarray
    affine: np.ndarray
    name: str = "the CT"

    def __post_init__(self):
        array = np.asarray(self.array, dtype=np.float32)
        if array.ndim != 3:
            raise InputError(f"{self.name} has {array.ndim} axes; expected 3. Pass one whole 3D volume.")
        if min(array.shape) < 2:
            raise InputError(
                f"{self.name} has shape {array.shape}; every axis needs 2 voxels or more. Pass a whole CT."
            )
        if not np.isfinite(array).all():
            count = int(array.size - np.isfinite(array).sum())
            raise InputError(
                f"{self.name} has {count} NaN or infinite voxels. Replace them (air is -1000 HU) and retry."
            )
        if array.max() == array.min():
            raise InputError(f"{self.name} is constant ({array.flat[0]:g} everywhere). Pass a CT with a patient in it.")
        object.__setattr__(self, "array", _read_only(array))
        object.__setattr__(self, "affine", _checked_affine(self.affine, self.name))

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.array.shape

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        return spacing_of(self.affine)

    @property
    def orientation(self) -> str:
        """Nearest anatomical axis codes, for example "RAS" or "LPS"."""
        return orientation_of(self.affine)


def spacing_of(affine: np.ndarray) -> tuple[float, float, float]:
    """Voxel edge lengths in mm of a (4, 4) affine."""
    return tuple(float(v) for v in np.linalg.norm(affine[:3, :3], axis=0))


def slice_axis_of(affine: np.ndarray) -> int:
    """The voxel axis that runs most nearly from the patient's feet to the head: its index counts axial slices."""
    return int(np.argmax(np.abs(affine[2, :3]) / spacing_of(affine)))


def orientation_of(affine: np.ndarray) -> str:
    """Nearest anatomical axis codes of a (4, 4) RAS+ affine, each axis used once."""
    from nibabel.orientations import aff2axcodes

    return "".join(aff2axcodes(affine))


def _checked_affine(affine: np.ndarray, name: str) -> np.ndarray:
    affine = np.asarray(affine, dtype=np.float64)
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise InputError(f"{name} has no usable 4x4 affine. Export it again with its geometry.")
    low, high = SPACING_RANGE_MM
    spacing = spacing_of(affine)
    if not all(low <= edge <= high for edge in spacing):
        shown = " x ".join(f"{edge:g}" for edge in spacing)
        raise InputError(
            f"{name} has a voxel spacing of {shown} mm; expected {low:g} to {high:g} mm per axis. Correct the header."
        )
    if abs(np.linalg.det(affine[:3, :3] / np.array(spacing))) < 0.1:
        raise InputError(f"{name} has axes that nearly coincide. Export it again with its geometry.")
    return _read_only(affine)


def _read_only(array: np.ndarray) -> np.ndarray:
    # A view, so that the caller's own array stays writable.
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False)
class Structures(Mapping[str, np.ndarray]):
    """Contours of one patient as masks on one grid.

    A missing name was not contoured (unknown). An empty mask is absent or, for a PTV level, not prescribed.

    Args:
        masks: TG-263 name -> (X, Y, Z) bool.
        affine: (4, 4) voxel index to mm, RAS+.
    Raises:
        InputError: if the masks disagree in shape.
    """

    masks: Mapping[str, np.ndarray]
    affine: np.ndarray

    def __post_init__(self):
        masks = {name: _read_only(np.asarray(mask, dtype=bool)) for name, mask in self.masks.items()}
        shapes = {mask.shape for mask in masks.values()}
        if len(shapes) > 1 or any(len(shape) != 3 for shape in shapes):
            raise InputError(f"Masks have shapes {sorted(shapes)}; expected one 3D shape. Resample them to one CT.")
        object.__setattr__(self, "masks", MappingProxyType(masks))
        object.__setattr__(self, "affine", _checked_affine(self.affine, "the structure set"))

    def __getitem__(self, name: str) -> np.ndarray:
        return self.masks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.masks)

    def __len__(self) -> int:
        return len(self.masks)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        return spacing_of(self.affine)


@dataclass(frozen=True)
class Note:
    """A clinical note and where it came from (a file, a wording, the app's user)."""

    text: str
    source: str = "user"


@dataclass(frozen=True, eq=False)
class Case:
    """One patient of a dataset; image and structures load when first asked for, and are not kept.

    Args:
        id: unique in its dataset; also the patient's unless `patient_id` says otherwise.
        split: "training", "validation" or "test".
        facts: what the note says, where known; lets training word it anew and mirror it.
        load_others: images beside the CT by their modality, "pet" or "mr-t1", on grids of their own.
        has_structures: whether there is a contour to load, known without loading one.
    """

    id: str
    note: Note
    split: str
    load_volume: Callable[[], Volume]
    load_structures: Callable[[], Structures | None]
    facts: object | None = None
    patient_id: str = ""
    load_others: Mapping[str, Callable[[], Volume]] = field(default_factory=dict)
    has_structures: bool = True

    @property
    def volume(self) -> Volume:
        return self.load_volume()

    @property
    def structures(self) -> Structures | None:
        return self.load_structures()

    def others(self, modalities: Iterable[str]) -> dict[str, Volume]:
        """The images that a network of these modalities looks at beside the CT.

        Raises:
            InputError: the case has no such image.
        """
        beside = [modality for modality in modalities if modality != CT]
        for modality in beside:
            if modality not in self.load_others:
                raise InputError(
                    f'Case {self.id} has no image "{modality}", which the network looks at. List it under "images" in '
                    "dataset.json, or use a network without it."
                )
        return {modality: self.load_others[modality]() for modality in beside}


@dataclass(frozen=True, eq=False)
class Likelihood:
    """How likely each voxel of a coarse grid belongs to one structure.

    Args:
        values: (X, Y, Z) float32 in [0, 1], calibrated: how often a voxel like this one belongs to it.
        affine: (4, 4) voxel index to mm, RAS+; each axis lies along one of the CT's.
        at_contour: the value where the contour was drawn.
    """

    values: np.ndarray
    affine: np.ndarray
    at_contour: float


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What the network drew on the input's own grid, and how it came about.

    Args:
        structures: TG-263 name -> mask on the CT's grid.
        provenance: model id, text encoder id, prompt hash or None, spacing, version.
        load_probabilities: gives name -> (X, Y, Z) float32 in [0, 1]; computed only on request.
        agreement: structure -> how well the contours of several views of the CT agree, as DSC with their mean; empty
            for one view.
        load_likelihood: gives a structure's probabilities on the grid they were drawn on, far fewer than the CT's.
    """

    structures: Structures
    provenance: Mapping[str, object]
    load_probabilities: Callable[[], Mapping[str, np.ndarray]] | None = field(default=None, repr=False)
    agreement: Mapping[str, float] = field(default_factory=dict)
    load_likelihood: Callable[[str], Likelihood] | None = field(default=None, repr=False)

    @cached_property
    def probabilities(self) -> Mapping[str, np.ndarray]:
        if self.load_probabilities is None:
            raise InputError("This segmentation was read from masks and has no probabilities. Segment again.")
        return self.load_probabilities()

    def uncertainty(self) -> Mapping[str, np.ndarray]:
        """How unsure each voxel is: 0 where it surely belongs or surely does not, 1 at a probability of one half.

        Views that disagree make a voxel unsure too: their mean moves towards one half.

        Returns:
            name -> (X, Y, Z) float32, the binary entropy of the probability in bits.
        Raises:
            InputError: a segmentation without probabilities.
        """
        from scipy.special import entr

        return {name: (entr(p) + entr(1 - p)) / np.float32(np.log(2)) for name, p in self.probabilities.items()}
