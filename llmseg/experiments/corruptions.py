"""What goes wrong with a planning CT, at a level: noise, metal, lost slices, wrong units, a narrow field of view.

Each keeps the grid, so that the reference contours stay where they are. The same CT and level give the same result.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from llmseg.case import InputError, Volume

AIR_HU = -1000.0
METAL_HU = 1500.0
STREAK_SLICES_MM = 15.0
STREAKS = 12


def corrupt(volume: Volume, kind: str, level: float) -> Volume:
    """Spoil a CT.

    Args:
        kind: "noise", "streaks", "missing-slices", "shifted-hu" or "field-of-view".
        level: in the unit that the function of this kind names.
    Raises:
        InputError: no such kind.
    """
    if kind not in CORRUPTIONS:
        raise InputError(f"There is no corruption {kind!r}. Choose one of {', '.join(CORRUPTIONS)}.")
    array = CORRUPTIONS[kind](volume, level).astype(np.float32)
    return Volume(array, volume.affine, volume.name)


def _noise(volume: Volume, sd_hu: float) -> np.ndarray:
    """White noise of so many HU (SD) wherever there is tissue, as of a scan with too little dose."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(volume.shape, dtype=np.float32) * sd_hu
    return np.where(volume.array > -900, volume.array + noise, volume.array)


def _streaks(volume: Volume, amplitude_hu: float) -> np.ndarray:
    """Bright and dark rays of so many HU from the teeth, over 3 cm, fading with distance, as fillings throw them."""
    x0, y0, z0 = _densest_bone(volume)
    dx, dy, dz = volume.spacing_mm
    x, y = np.meshgrid((np.arange(volume.shape[0]) - x0) * dx, (np.arange(volume.shape[1]) - y0) * dy, indexing="ij")
    angle, distance = np.arctan2(y, x), np.hypot(x, y)
    rng = np.random.default_rng(0)
    rays = np.zeros_like(angle)
    for middle, sign in zip(rng.uniform(-np.pi, np.pi, STREAKS), rng.choice((-1.0, 1.0), STREAKS), strict=True):
        off = np.abs((angle - middle + np.pi) % (2 * np.pi) - np.pi)
        rays += sign * np.exp(-((off / 0.06) ** 2))
    rays *= amplitude_hu * np.exp(-distance / 80.0)
    height = (np.arange(volume.shape[2]) - z0) * dz
    fade = np.exp(-((height / STREAK_SLICES_MM) ** 2))
    tissue = volume.array > -900
    return np.where(tissue, volume.array + rays[..., None] * fade, volume.array).clip(-1024, 3071)


def _missing_slices(volume: Volume, share: float) -> np.ndarray:
    """That share of the axial slices is air, evenly spread: lost on the way from the scanner."""
    array, count = volume.array.copy(), volume.shape[2]
    lost = np.linspace(0, count - 1, max(1, round(share * count)) + 2).round().astype(int)[1:-1]
    array[:, :, lost] = AIR_HU
    return array


def _shifted_hu(volume: Volume, shift_hu: float) -> np.ndarray:
    """All tissue is so many HU too dense, as on a scanner that was not calibrated."""
    return np.where(volume.array > -900, volume.array + shift_hu, volume.array)


def _field_of_view(volume: Volume, diameter_mm: float) -> np.ndarray:
    """Only a cylinder of this diameter about the image's middle was reconstructed; beyond it is air."""
    centred = [(np.arange(n) - (n - 1) / 2) * edge for n, edge in zip(volume.shape, volume.spacing_mm, strict=True)]
    inside = np.hypot(centred[0][:, None], centred[1][None]) <= diameter_mm / 2
    return np.where(inside[..., None], volume.array, AIR_HU)


def _densest_bone(volume: Volume) -> tuple[float, float, float]:
    """Where metal would be: the middle of the densest voxels, which in this region are teeth."""
    dense = volume.array >= min(METAL_HU, float(np.quantile(volume.array, 0.9995)))
    return tuple(float(np.median(index)) for index in np.nonzero(dense))


CORRUPTIONS: MappingProxyType[str, Callable[[Volume, float], np.ndarray]] = MappingProxyType(
    {
        "noise": _noise,
        "streaks": _streaks,
        "missing-slices": _missing_slices,
        "shifted-hu": _shifted_hu,
        "field-of-view": _field_of_view,
    }
)
