"""To the network's grid and exactly back: the only place that knows how a scanner's voxels become the network's.

Every resampling is three small weight matrices, one per axis, applied one axis at a time. Both grids share the centre
of the scanned field, so nothing drifts; a flipped axis is a matrix with its columns reversed: no large array is turned.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from types import MappingProxyType

import numpy as np
import torch
from scipy import ndimage

from llmseg.case import InputError, Volume, kind_of, spacing_of

BODY_ABOVE_HU = -300.0
COUCH_THICKNESS_MM = 24.0
COUCH_WIDTH_MM = 150.0
PIECE_SHARE = 0.1
MARGIN_VOXELS = 2
HEAD_AND_NECK_MM = 200.0
TOP_SLICE_MM2 = 1000.0
NEGLIGIBLE = 1e-3
SLAB_VOXELS = 4_000_000
"""How many full-resolution float32 voxels are held at a time."""

SUV_LIMIT = 200.0
"""A PET whose body holds more is not in SUV; a bladder reaches 100, Bq/ml begin in the thousands."""

WINDOWS = MappingProxyType({"ct": "window_hu", "pet": "window_suv", "mr": "window_percent"})
"""Kind of image -> which window of the grid it is seen in."""

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Grid:
    """What the network sees: voxel size, and for each kind of image the range that becomes [0, 1].

    Args:
        spacing_mm: voxel edges (x, y, z).
        window_hu: of a CT.
        window_suv: of a PET, in standardised uptake values.
        window_percent: of an MR, whose units mean nothing: percentiles of its values inside the body.
    Raises:
        InputError: a spacing outside 0.5 to 10 mm, or a window that is empty or cuts off the body's surface.
    """

    spacing_mm: Triple = (4.0, 4.0, 4.0)
    window_hu: tuple[float, float] = (-1000.0, 1000.0)
    window_suv: tuple[float, float] = (0.0, 15.0)
    window_percent: tuple[float, float] = (0.5, 99.5)

    def __post_init__(self):
        for name in ("spacing_mm", "window_hu", "window_suv", "window_percent"):
            object.__setattr__(self, name, tuple(float(v) for v in getattr(self, name)))
        if len(self.spacing_mm) != 3 or not all(0.5 <= v <= 10 for v in self.spacing_mm):
            raise InputError(f"Grid spacing {self.spacing_mm} mm; expected three values from 0.5 to 10. Correct it.")
        if len(self.window_hu) != 2 or not self.window_hu[0] <= -500 < 200 <= self.window_hu[1]:
            raise InputError(f"HU window {self.window_hu}; it must span -500 to 200 HU. Correct it.")
        if len(self.window_suv) != 2 or not 0 <= self.window_suv[0] < self.window_suv[1]:
            raise InputError(f"SUV window {self.window_suv}; it must rise from 0 or more. Correct it.")
        if len(self.window_percent) != 2 or not 0 <= self.window_percent[0] < self.window_percent[1] <= 100:
            raise InputError(f"MR window {self.window_percent} %; it must rise within 0 to 100. Correct it.")


@dataclass(frozen=True, eq=False)
class Placement:
    """Where the network's tensor lies in the CT: all that is needed to go back.

    Args:
        shape, affine: of the input; the affine in mm, RAS+.
        grid: spacing and window of the tensor.
        axes: for the tensor's right, anterior and superior axis, the input axis it came from.
        flips: for the same three, whether that input axis runs the other way.
        field: voxels of the whole resampled CT.
        offset, size: the tensor's first voxel in that field, and its shape.
        anchor: tensor index (x, y, z) of the body's midline, its middle from front to back and its top.
    """

    shape: tuple[int, int, int]
    affine: np.ndarray
    grid: Grid
    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]
    field: tuple[int, int, int]
    offset: tuple[int, int, int]
    size: tuple[int, int, int]
    anchor: Triple

    def part(self, box: Sequence[slice]) -> Placement:
        """Where a part of the tensor lies: of each axis the indices from start to stop."""
        return replace(
            self,
            offset=tuple(first + edge.start for first, edge in zip(self.offset, box, strict=True)),
            size=tuple(edge.stop - edge.start for edge in box),
            anchor=tuple(index - edge.start for index, edge in zip(self.anchor, box, strict=True)),
        )


def forward(
    volume: Volume, grid: Grid, others: Mapping[str, Volume] = MappingProxyType({})
) -> tuple[torch.Tensor, Placement]:
    """Bring a CT to the network's grid: turned to RAS, resampled, windowed to [0, 1], cropped to the body.

    An oblique CT is not rotated; each of its axes becomes the nearest anatomical one. Outside the body (couch, mask,
    air) the tensor is 0, so that a couch seen in one hospital and removed in another looks the same.

    Args:
        others: further images of the patient, registered to the CT, on any grid; the CT's grid rules.
    Returns:
        (1 + others, X, Y, Z) float32, the CT first, and the placement that leads back.
    Raises:
        InputError: voxels that do not look like HU or SUV, no body to be found, or an image that misses it.
    """
    low, high = grid.window_hu
    field = _whole_field(volume, grid)
    # Clipped first: a filling of 30,000 HU would smear over its neighbours.
    hu = _resample(volume.array, _matrices(field, _linear), lambda slab: np.clip(slab, low, high, dtype=np.float32))
    hu = hu.transpose(field.axes)
    _check_hu(hu, volume)
    body, seen = _body(hu, grid.spacing_mm, volume.name)
    box = tuple(slice(max(lo - MARGIN_VOXELS, 0), hi + MARGIN_VOXELS) for lo, hi in _bounds(body))
    image = np.where(seen[box], (hu[box] - low) / (high - low), 0).clip(0, 1)
    image = np.ascontiguousarray(image, dtype=np.float32)
    offset = tuple(part.start for part in box)
    anchor = _anchor(body[box], grid.spacing_mm)
    placement = replace(field, offset=offset, size=image.shape, anchor=anchor)
    channels = [image, *(_beside(kind_of(name), other, placement, seen[box]) for name, other in others.items())]
    return torch.from_numpy(np.stack(channels)), placement


def inverse(probabilities: torch.Tensor | np.ndarray, placement: Placement) -> np.ndarray:
    """Place probabilities back on the scanner's voxels, by linear interpolation; zero outside the crop.

    Args:
        probabilities: (K, X, Y, Z), each in [0, 1].
        placement: what `forward` did to this volume.
    Returns:
        (K, X0, Y0, Z0) float32 on the original affine. For masks `inverse_mask` needs a fraction of the memory.
    """
    full = np.zeros((len(probabilities), *placement.shape), dtype=np.float32)
    for out, probability in zip(full, probabilities, strict=True):
        _place_back(probability, placement, NEGLIGIBLE, out)
    return full


def inverse_mask(probability: torch.Tensor | np.ndarray, placement: Placement, threshold: float = 0.5) -> np.ndarray:
    """Contour one structure on the scanner's voxels: where its interpolated probability reaches the threshold.

    Args:
        probability: (X, Y, Z), each in [0, 1].
        threshold: above 0.
    Returns:
        (X0, Y0, Z0) bool; no full-size float array is held on the way.
    """
    mask = np.zeros(placement.shape, dtype=bool)
    _place_back(probability, placement, threshold, mask, finish=lambda slab: slab >= threshold)
    return mask


def to_grid(mask: np.ndarray, placement: Placement) -> np.ndarray:
    """Bring a contour to the network's grid: the fraction of each network voxel that lies inside it.

    Args:
        mask: (X0, Y0, Z0) bool on the input's voxels.
    Returns:
        (X, Y, Z) float32 in [0, 1].
    Raises:
        InputError: if the mask has another shape than the CT.
    """
    mask = np.asarray(mask)
    if mask.shape != placement.shape:
        raise InputError(
            f"A mask has shape {mask.shape}, its CT {placement.shape}. Resample the mask to the CT's grid."
        )
    if not mask.any():
        return np.zeros(placement.size, dtype=np.float32)
    box = tuple(slice(lo, hi) for lo, hi in _bounds(mask))
    inside = [matrix[:, part] for matrix, part in zip(_matrices(placement, _area), box, strict=True)]
    return np.ascontiguousarray(_resample(mask[box], inside, prepare=np.float32).transpose(placement.axes))


def _whole_field(volume: Volume, grid: Grid) -> Placement:
    """Where the tensor would lie if nothing were cropped."""
    from nibabel.orientations import io_orientation

    towards = io_orientation(volume.affine)  # for each input axis: the anatomical axis nearest to it, its direction
    axes = tuple(int(axis) for axis in np.argsort(towards[:, 0]))
    flips = tuple(bool(towards[axis, 1] < 0) for axis in axes)
    extent_mm = [volume.shape[axis] * volume.spacing_mm[axis] for axis in axes]
    size = tuple(max(1, math.ceil(mm / step - 1e-4)) for mm, step in zip(extent_mm, grid.spacing_mm, strict=True))
    return Placement(volume.shape, volume.affine, grid, axes, flips, size, (0, 0, 0), size, (0.0, 0.0, 0.0))


def _beside(kind: str, volume: Volume, placement: Placement, body: np.ndarray) -> np.ndarray:
    """Another image on the tensor's voxels, (X, Y, Z) float32 in [0, 1]; 0 outside the body and where it ends."""
    to_voxels = np.linalg.inv(volume.affine) @ affine_on_grid(placement)
    steps = np.array(placement.grid.spacing_mm)[np.argmax(abs(to_voxels[:3, :3]), axis=1)] / volume.spacing_mm
    # A finer image is blurred to the grid's resolution first, or its noise would be sampled instead of its tissue.
    smooth = ndimage.gaussian_filter(volume.array, np.sqrt(np.maximum(steps**2 - 1, 0)) / 2.355)
    values = ndimage.affine_transform(
        smooth, to_voxels[:3, :3], to_voxels[:3, 3], output_shape=placement.size, order=1, cval=np.nan
    )
    covered = body & np.isfinite(values)
    if covered.sum() < 0.05 * body.sum():
        raise InputError(f"{volume.name} misses the body in the CT. Register it to the CT.")
    low, high = _window(kind, values[covered], placement.grid, volume.name)
    return np.where(covered, ((values - low) / (high - low)).clip(0, 1), 0).astype(np.float32)


def _window(kind: str, values: np.ndarray, grid: Grid, name: str) -> tuple[float, float]:
    """The values of an image that become 0 and 1."""
    if kind == "pet":
        if values.max() > SUV_LIMIT:
            raise InputError(
                f"{name} does not look like SUV: the body holds up to {values.max():,.0f}. Divide by dose and weight."
            )
        return grid.window_suv
    low, high = np.percentile(values, grid.window_percent)
    if low == high:
        raise InputError(f"{name} is {low:g} everywhere in the body. Pass an image that shows the patient.")
    return float(low), float(high)


def affine_on_grid(placement: Placement) -> np.ndarray:
    """(4, 4) tensor index to mm, RAS+."""
    p = placement
    to_input = np.zeros((4, 4))
    to_input[3, 3] = 1
    for i, axis in enumerate(p.axes):
        step = p.grid.spacing_mm[i] / spacing_of(p.affine)[axis] * (-1 if p.flips[i] else 1)
        to_input[axis, i] = step
        # Both grids share the centre of the scanned field.
        to_input[axis, 3] = (p.shape[axis] - 1) / 2 + step * (p.offset[i] - (p.field[i] - 1) / 2)
    return p.affine @ to_input


Kernel = Callable[[np.ndarray, float, np.ndarray, float], np.ndarray]


def _linear(to_mm: np.ndarray, to_step: float, from_mm: np.ndarray, from_step: float) -> np.ndarray:
    # Widened when the new grid is the coarser one: interpolation and antialiasing in one kernel.
    return np.maximum(0, 1 - np.abs(to_mm - from_mm) / max(to_step, from_step))


def _area(to_mm: np.ndarray, to_step: float, from_mm: np.ndarray, from_step: float) -> np.ndarray:
    upper = np.minimum(to_mm + to_step / 2, from_mm + from_step / 2)
    lower = np.maximum(to_mm - to_step / 2, from_mm - from_step / 2)
    return np.maximum(0, upper - lower)


def _weights(to: tuple[int, float], source: tuple[int, float], kernel: Kernel) -> np.ndarray:
    """(voxels to, voxels from) float32, rows summing to one; each side is (voxels, step in mm) about one centre."""
    to_mm, from_mm = ((np.arange(count) - (count - 1) / 2) * step for count, step in (to, source))
    weights = kernel(to_mm[:, None], to[1], from_mm[None, :], source[1])
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _matrices(placement: Placement, kernel: Kernel, back: bool = False) -> list[np.ndarray]:
    """For each INPUT axis the (tensor, input) matrix, or (input, tensor) if `back`.

    Rows are normalised over the whole field and then cut to the crop: outside it everything is zero.
    """
    p, matrices = placement, [None] * 3
    for i, axis in enumerate(p.axes):
        new = (p.field[i], p.grid.spacing_mm[i])
        old = (p.shape[axis], spacing_of(p.affine)[axis])
        weights = _weights(old, new, kernel).T if back else _weights(new, old, kernel)
        weights = weights[p.offset[i] : p.offset[i] + p.size[i], :: -1 if p.flips[i] else 1]
        matrices[axis] = weights.T if back else weights
    return matrices


def _resample(array: np.ndarray, matrices: list[np.ndarray], prepare: Callable) -> np.ndarray:
    """Apply one matrix per axis in the cheapest order, `prepare`d slab by slab so that no full-size copy is made."""
    memory = np.argsort([-abs(stride) for stride in array.strides], kind="stable")  # slowest axis first
    array, matrices = array.transpose(memory), [matrices[axis] for axis in memory]
    first, second, third = _cheapest_order(array.shape, matrices)
    along = min(second, third)
    count = array.shape[along]
    step = max(1, SLAB_VOXELS * count // array.size)
    slabs = []
    for start in range(0, count, step):
        slab = array[(slice(None),) * along + (slice(start, start + step),)]
        slabs.append(_apply(matrices[first], prepare(slab), first))
    result = np.concatenate(slabs, axis=along)
    for axis in (second, third):
        result = _apply(matrices[axis], result, axis)
    return result.transpose(np.argsort(memory))


def _apply(matrix: np.ndarray, array: np.ndarray, axis: int) -> np.ndarray:
    """Multiply one axis of a C-ordered array by a (to, from) matrix, without turning the array."""
    before, after = math.prod(array.shape[:axis]), math.prod(array.shape[axis + 1 :])
    # Torch rather than numpy: beside a training run numpy's BLAS threads wait for each other, ten times slower.
    weights, values = torch.from_numpy(np.ascontiguousarray(matrix)), torch.from_numpy(array)
    if after == 1:
        result = values.reshape(before, -1) @ weights.T
    else:
        result = torch.bmm(weights.expand(before, -1, -1), values.reshape(before, -1, after))
    return result.reshape(*array.shape[:axis], len(matrix), *array.shape[axis + 1 :]).numpy()


def _cheapest_order(shape: tuple[int, ...], matrices: list[np.ndarray]) -> tuple[int, int, int]:
    def work(order: tuple[int, ...]) -> int:
        sizes, total = list(shape), 0
        for axis in order:
            total += math.prod(sizes) * len(matrices[axis])
            sizes[axis] = len(matrices[axis])
        return total

    return min(permutations(range(3)), key=work)


def _place_back(
    probability, placement: Placement, level: float, out: np.ndarray, finish: Callable = np.asarray
) -> None:
    """Fill `out` (X0, Y0, Z0) where the interpolated probability can reach `level`, slab by slab; leave the rest."""
    if isinstance(probability, torch.Tensor):
        probability = probability.detach().float().cpu().numpy()
    probability = np.asarray(probability, dtype=np.float32)
    if probability.shape != placement.size:
        raise InputError(f"Probabilities have shape {probability.shape}, the placement {placement.size}. Pair them up.")
    probability = probability.transpose(np.argsort(placement.axes))
    if not (probability >= level).any():
        return
    # An interpolated value reaches the level only where one of its neighbours does: the rest need not be computed.
    matrices, box, near = [], [], []
    for matrix, (lo, hi) in zip(_matrices(placement, _linear, back=True), _bounds(probability >= level), strict=True):
        rows = slice(*_range(matrix[:, lo:hi].any(axis=1)))
        columns = slice(*_range(matrix[rows].any(axis=0)))
        matrices.append(matrix[rows, columns])
        box.append(rows)
        near.append(columns)
    out = out[tuple(box)]
    probability = np.array(probability[tuple(near)], order="C")
    first, second, last = _cheapest_order(probability.shape, matrices)
    for axis in (first, second):
        probability = _apply(matrices[axis], probability, axis)
    step = max(1, SLAB_VOXELS * out.shape[last] // out.size)
    for start in range(0, out.shape[last], step):
        part = slice(start, start + step)
        out[(slice(None),) * last + (part,)] = finish(_apply(matrices[last][part], probability, last))


def _bounds(mask: np.ndarray) -> list[tuple[int, int]]:
    """First and one past the last index of a non-empty mask along each axis."""
    return [
        _range(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis))) for axis in range(mask.ndim)
    ]


def _range(line: np.ndarray) -> tuple[int, int]:
    found = np.flatnonzero(line)
    return (int(found[0]), int(found[-1]) + 1) if found.size else (0, 0)


def _check_hu(hu: np.ndarray, volume: Volume) -> None:
    tissue = hu >= -500
    soft = (hu > -100) & (hu < 200)
    # Shares, not counts: a few slices of neck in a large empty field are still a CT.
    no_air, no_soft_tissue = tissue.mean() > 0.999, soft.sum() < 0.1 * tissue.sum()
    if no_air or no_soft_tissue or not tissue.any():
        missing = "air (below -500)" if no_air else "soft tissue (-100 to 200)"
        raise InputError(
            f"{volume.name} does not look like HU: no {missing} in values from {volume.array.min():g} to "
            f"{volume.array.max():g}. Apply rescale slope and intercept (often: subtract 1024) and retry."
        )


def _body(hu: np.ndarray, spacing_mm: Triple, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The patient without couch or mask, and the same with cavities and a rim of partial volume; (X, Y, Z) bool."""
    dense = hu > BODY_ABOVE_HU
    # A couch is thin from front to back and wide; the thin parts of a patient (nose, sinus walls, a lone cord) are not.
    thin = dense & ~_opened(dense, 1, COUCH_THICKNESS_MM / spacing_mm[1])
    body = dense & ~_opened(thin, 0, COUCH_WIDTH_MM / spacing_mm[0])
    pieces, count = ndimage.label(body)
    if not count:
        raise InputError(f"No body was found in {name}. Pass a CT in HU that shows the patient's head and neck.")
    # A missing slice cuts a patient in two: keep every large piece, not the largest.
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    sizes[0] = 0
    body = (sizes >= PIECE_SHARE * sizes.max())[pieces]
    rim = _filled(body)
    for axis in (0, 1):
        rim = _filter(ndimage.maximum_filter1d, rim, axis, 3)
    return body, rim


def _opened(mask: np.ndarray, axis: int, voxels: float) -> np.ndarray:
    """What is longer than so many voxels along an axis."""
    size = 2 * round(voxels / 2) + 1
    return _filter(ndimage.maximum_filter1d, _filter(ndimage.minimum_filter1d, mask, axis, size), axis, size)


def _filter(filter1d: Callable, mask: np.ndarray, axis: int, size: int) -> np.ndarray:
    # Edges repeat: shoulders that leave the field of view are not eroded from there.
    return filter1d(mask.view(np.uint8), size, axis=axis, mode="nearest").view(bool)


def _filled(body: np.ndarray) -> np.ndarray:
    """Fill what each axial slice encloses (airway, sinuses, lungs)."""
    in_slice = np.zeros((3, 3, 3), dtype=bool)
    in_slice[:, 1, 1] = in_slice[1, :, 1] = True
    # One ring of air around each slice makes its outside a single piece, the one in the corner.
    background, _ = ndimage.label(np.pad(~body, ((1, 1), (1, 1), (0, 0)), constant_values=True), in_slice)
    return (background != background[0, 0])[1:-1, 1:-1]


def _anchor(body: np.ndarray, spacing_mm: Triple) -> Triple:
    """Midline, middle from front to back, and top, from the head and neck alone: shoulders and chest have no say."""
    area_mm2 = body.sum(axis=(0, 1)) * spacing_mm[0] * spacing_mm[1]
    # The top is the first slice of some size: a sliver of skin or mask above it is in one scan and not in the next.
    top = _range(area_mm2 >= min(TOP_SLICE_MM2, area_mm2.max()))[1]
    head = body[:, :, max(0, top - round(HEAD_AND_NECK_MM / spacing_mm[2])) : top]
    # The median of each slice's middle: steadier against the brainstem than the median voxel or the extent.
    x, y = (
        np.median([(sum(_range(line)) - 1) / 2 for line in head.any(axis=other).T if line.any()]) for other in (1, 0)
    )
    return float(x), float(y), float(top - 1)
