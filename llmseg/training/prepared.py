"""Cases brought to the network's grid once, kept small, and cut to the training field with fresh randomness."""

from __future__ import annotations

import hashlib
import io
import logging
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from llmseg.case import CT, PAIRED, Case, InputError, kind_of
from llmseg.formats.whole import write_whole
from llmseg.model.tiling import field_origin
from llmseg.preprocessing import WINDOWS, Grid, forward, to_grid

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class PreparedCase:
    """One case on the network's grid.

    Args:
        case: the patient it came from.
        image: (M, X, Y, Z) float16 in [0, 1], one channel per modality, the CT first.
        targets: (K, X, Y, Z) uint8, 255 where a voxel lies wholly inside; zero where not contoured.
        known: (K,) bool, false where a structure was not contoured.
        anchor: grid index (x, y, z) of midline, middle and top of the body.
    """

    case: Case
    image: np.ndarray
    targets: np.ndarray
    known: np.ndarray
    anchor: tuple[float, float, float]


def prepare(
    cases: Sequence[Case],
    grid: Grid,
    structures: Sequence[str],
    cache: Path,
    on_progress: Callable[[int, int], None] | None = None,
    modalities: Sequence[str] = (CT,),
) -> list[PreparedCase]:
    """Bring cases to the grid, or read them from the cache of an earlier run.

    Raises:
        InputError: a case without structures or without one of the images, or an image that cannot be used.
    """
    prepared = []
    for case in cases:
        path = cache / f"{case.split}-{case.id}-{_recipe(grid, structures, modalities)}.npz"
        arrays = _read(path)
        if arrays is None:
            arrays = _compute(case, grid, structures, modalities)
            _write(path, arrays)
        prepared.append(
            PreparedCase(case, arrays["image"], arrays["targets"], arrays["known"], tuple(arrays["anchor"].tolist()))
        )
        if on_progress:
            on_progress(len(prepared), len(cases))
    return prepared


def _recipe(grid: Grid, structures: Sequence[str], modalities: Sequence[str]) -> str:
    """What a prepared case depends on. A CT alone is named as it was before a case had other images."""
    kinds = {kind_of(modality) for modality in modalities}
    unused = {window for kind, window in WINDOWS.items() if kind not in kinds}
    settings = {name: value for name, value in asdict(grid).items() if name not in unused}
    beside = (tuple(modalities),) if len(modalities) > 1 else ()
    return hashlib.sha256(repr((settings, tuple(structures), *beside, 1)).encode()).hexdigest()[:12]


def _compute(case: Case, grid: Grid, structures: Sequence[str], modalities: Sequence[str]) -> dict[str, np.ndarray]:
    image, placement = forward(case.volume, grid, case.others(modalities))
    contoured = case.structures
    if contoured is None:
        raise InputError(f"Case {case.id} has no structures to learn from. Contour it, or take it out of training.")
    targets = np.zeros((len(structures), *image.shape[1:]), dtype=np.uint8)
    known = np.array([name in contoured for name in structures])
    for row, name in enumerate(structures):
        if known[row]:
            targets[row] = np.round(to_grid(contoured[name], placement) * 255)
    return {
        "image": image.numpy().astype(np.float16),
        "targets": targets,
        "known": known,
        "anchor": np.array(placement.anchor),
    }


def _read(path: Path) -> dict[str, np.ndarray] | None:
    if not path.exists():
        return None
    try:
        with path.open("rb") as content, np.load(content) as file:
            arrays = {name: file[name] for name in ("image", "targets", "known", "anchor")}
            # A CT that was prepared before a case had other images has no axis for them.
            return arrays | {"image": arrays["image"].reshape(-1, *arrays["targets"].shape[1:])}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        log.warning("The cache file %s is damaged; preparing that case again.", path)
        return None


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    write_whole(path, content.getbuffer())


def mirrored_channels(structures: Sequence[str]) -> list[int]:
    """Which channel a left-right mirror turns each structure into."""
    names = list(structures)
    return [names.index(PAIRED[n]) if PAIRED.get(n) in names else i for i, n in enumerate(names)]


@dataclass(frozen=True)
class Augmentation:
    """How far a training sample strays from its patient: LLMSeg III.B asks for affine, elastic and noise.

    Args:
        rotation_deg, scale, shift: largest turn about each axis, relative size change, and move as a share of the
            field, whose long tail teaches what a tile off the centre of a long scan looks like.
        elastic_mm: size of the smooth random deformation.
        contrast, brightness, noise: of the image in [0, 1].
        lost: share of the samples in whose CT some slices are fainter than they should be or gone, a fifth on average.
    """

    rotation_deg: float = 10.0
    scale: float = 0.15
    shift: float = 0.1
    far_shift: float = 0.7
    elastic_mm: float = 6.0
    contrast: float = 0.1
    brightness: float = 0.015
    noise: float = 0.015
    lost: float = 0.0

    def __post_init__(self):
        for name, value in asdict(self).items():
            if not value >= 0:
                raise InputError(f"augment.{name} = {value}; it must be 0 or more. Correct the config.")
        if self.scale > 0.5:
            raise InputError(f"augment.scale = {self.scale}; it must be at most 0.5. Correct the config.")


@dataclass(frozen=True, eq=False)
class Sample:
    """One training field: image (M, X, Y, Z), targets (K, X, Y, Z) in [0, 1], known (K,) bool."""

    image: torch.Tensor
    targets: torch.Tensor
    known: torch.Tensor


def cut(
    prepared: PreparedCase,
    field: Sequence[int],
    mirror: bool = False,
    swap: Sequence[int] = (),
    augment: Augmentation | None = None,
    spacing_mm: Sequence[float] = (4.0, 4.0, 4.0),
    rng: torch.Generator | None = None,
) -> Sample:
    """Cut the training field at the case's anchor, deformed and mirrored in one resampling.

    Args:
        field: (X, Y, Z) voxels.
        mirror: left for right; `swap` then says which channel becomes which.
        augment: None cuts straight, for tuning patients.
    """
    coordinates = field_coordinates(prepared.anchor, field)  # (X, Y, Z, 3) in voxels of the case
    if augment is not None:
        coordinates = _deform(coordinates, prepared.anchor, field, augment, spacing_mm, rng)
    shown, *size = prepared.image.shape
    size = torch.tensor(size, dtype=torch.float32)
    grid = ((coordinates + 0.5) / size * 2 - 1).flip(-1)
    stack = torch.from_numpy(np.concatenate((prepared.image.astype(np.float32) * 255, prepared.targets)))
    out = functional.grid_sample(stack[None].float(), grid[None], align_corners=False)[0] / 255
    image, targets = out[:shown], out[shown:]
    known = torch.from_numpy(prepared.known)
    if mirror:
        image, targets, known = image.flip(1), targets.flip(1)[list(swap)], known[list(swap)]
    if augment is not None:
        image = _intensity(image, augment, rng)
    return Sample(image.contiguous(), targets.contiguous(), known)


def field_coordinates(anchor: Sequence[float], field: Sequence[int]) -> torch.Tensor:
    """(X, Y, Z, 3) index of each field voxel in the case's tensor."""
    origin = field_origin(anchor, field)
    axes = [torch.arange(n, dtype=torch.float32) + start for n, start in zip(field, origin, strict=True)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


def _deform(coordinates, anchor, field, augment, spacing_mm, rng) -> torch.Tensor:
    def uniform(*size: int) -> torch.Tensor:
        return torch.rand(*size, generator=rng) * 2 - 1

    edges = torch.tensor(field, dtype=torch.float32)
    centre = coordinates[tuple(n // 2 for n in field)]
    turn = torch.linalg.matrix_exp(_skew(uniform(3) * augment.rotation_deg * torch.pi / 180))
    size = 1 + uniform(3) * augment.scale / 3 + uniform(1) * augment.scale
    far = torch.rand(1, generator=rng) < 0.1
    move = uniform(3) * edges * torch.where(far, augment.far_shift, augment.shift)
    coarse = uniform(1, 3, 5, 5, 6) * augment.elastic_mm / torch.tensor(spacing_mm)[None, :, None, None, None]
    bend = functional.interpolate(coarse, size=tuple(field), mode="trilinear", align_corners=True)[0].permute(
        1, 2, 3, 0
    )
    return (coordinates - centre) @ (turn * size).T + centre + move + bend


def _skew(turn: torch.Tensor) -> torch.Tensor:
    x, y, z = turn.tolist()
    return torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]])


def _intensity(image: torch.Tensor, augment: Augmentation, rng) -> torch.Tensor:
    def chance() -> float:
        return float(torch.rand(1, generator=rng))

    def uniform() -> float:
        return chance() * 2 - 1

    def changed(channel: torch.Tensor, still: float) -> torch.Tensor:
        return (channel - still) * (1 + augment.contrast * uniform()) + still + augment.brightness * uniform()

    def noisy(channel: torch.Tensor) -> torch.Tensor:
        return channel + torch.randn(channel.shape, generator=rng) * augment.noise * abs(uniform())

    ct, *others = image
    inside = ct > 0.02
    water = 0.5
    image = torch.stack([changed(ct, water), *(changed(other, 0.0) for other in others)])
    if uniform() > 0.5:
        image = functional.avg_pool3d(image[None], 3, stride=1, padding=1)[0]
    image = torch.where(inside, torch.stack([noisy(channel) for channel in image]).clamp(0, 1), 0.0)
    if augment.lost and chance() < augment.lost:
        image[0] *= _slices_left(image.shape[-1], rng)
    return image


def _slices_left(count: int, rng: torch.Generator) -> torch.Tensor:
    """(Z,) how much of each slice is left, where up to two in five are lost on the way, wholly or to the resampling."""
    share = 0.4 * torch.rand(1, generator=rng)
    return torch.where(torch.rand(count, generator=rng) < share, torch.rand(count, generator=rng), 1.0)
