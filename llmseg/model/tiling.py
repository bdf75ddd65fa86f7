"""Cover a CT of any size with the training field, one tile exactly where training put it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional

Origin = tuple[int, int, int]
TOP_MARGIN = 2
"""Voxels of air the field keeps above the head."""


def field_origin(anchor: Sequence[float], field: Sequence[int]) -> Origin:
    """First voxel of the field that hangs on the anchor: centred on the midline, its top just above the head."""
    x, y, z = anchor
    return (round(x - field[0] / 2), round(y - field[1] / 2), round(z) + 1 + TOP_MARGIN - field[2])


def tile_origins(size: Sequence[int], anchor: Sequence[float], field: Sequence[int]) -> list[Origin]:
    """Where each tile begins, the anchor's first; neighbours overlap by a quarter of the field.

    Hung on the anchor and not on the scan's edges, so that more chest below or a couch leaves the first tile as it was.
    """
    axes = []
    for start, edge, length in zip(field_origin(anchor, field), field, size, strict=True):
        step = edge - edge // 4
        after = range(start + step, start + step + max(0, length - start - edge), step)
        before = range(start - step, start - step - max(0, start), -step)
        axes.append([start, *after, *before])
    return list(product(*axes))


def cut_tile(image: torch.Tensor, origin: Origin, field: Sequence[int]) -> torch.Tensor:
    """(1, X, Y, Z) -> (1, *field), air where the tile reaches beyond the image."""
    pads, parts = [], []
    for start, edge, length in zip(origin, field, image.shape[1:], strict=True):
        low, high = max(start, 0), min(start + edge, length)
        parts.append(slice(low, max(low, high)))
        pads.append((low - start if high > low else 0, start + edge - high if high > low else edge))
    cut = image[(slice(None), *parts)]
    return functional.pad(cut, [amount for pair in reversed(pads) for amount in pair])


def blend(tiles: Sequence[torch.Tensor], origins: Sequence[Origin], size: Sequence[int]) -> torch.Tensor:
    """Join (K, *field) tiles into (K, X, Y, Z).

    The first, the anchor's, rules wherever it lies: there the network sees what it was trained on, and a longer scan
    changes nothing. The others fade linearly into each other beyond it.
    """
    field = tiles[0].shape[1:]
    total = torch.zeros(len(tiles[0]), *size)
    weights = torch.zeros(size)
    fade = _fade(field)
    for tile, origin in zip(tiles[1:], origins[1:], strict=True):
        inside, source = _overlap(origin, field, size)
        total[(slice(None), *inside)] += tile[(slice(None), *source)] * fade[source]
        weights[inside] += fade[source]
    total.div_(weights.clamp_min(1e-6))
    inside, source = _overlap(origins[0], field, size)
    total[(slice(None), *inside)] = tiles[0][(slice(None), *source)]
    return total


def drop_islands(probabilities: torch.Tensor, origin: Origin, field: Sequence[int]) -> torch.Tensor:
    """Clear what was drawn beyond the anchor's tile and hangs on nothing inside it: shoulders taken for a neck.

    A cord that runs on into the chest stays. Cleared voxels fall to just under one half; chosen on tuning patients,
    where it raised the DSC of PTV_High from 0.54 to 0.62.

    Args:
        probabilities: (K, X, Y, Z); changed in place.
        origin: of the anchor's tile.
    """
    core, _ = _overlap(origin, field, probabilities.shape[1:])
    outside = torch.ones(probabilities.shape[1:], dtype=torch.bool)
    outside[core] = False
    for probability in probabilities:
        drawn = probability >= 0.5
        if not (drawn & outside).any():
            continue
        pieces, _ = ndimage.label(drawn.numpy())
        rooted = np.isin(pieces, np.unique(pieces[core]))
        probability[drawn & ~torch.from_numpy(rooted)] = 0.499
    return probabilities


def _overlap(origin: Origin, field: Sequence[int], size: Sequence[int]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where a tile lies in the image, and which part of the tile that is."""
    inside = tuple(slice(max(o, 0), max(0, min(o + e, n))) for o, e, n in zip(origin, field, size, strict=True))
    source = tuple(slice(part.start - o, part.stop - o) for part, o in zip(inside, origin, strict=True))
    return inside, source


def _fade(field: Sequence[int]) -> torch.Tensor:
    ramps = []
    for edge in field:
        distance = torch.minimum(torch.arange(edge) + 1, edge - torch.arange(edge)).float()
        ramps.append((distance / (edge // 4)).clamp(max=1))
    return ramps[0][:, None, None] * ramps[1][None, :, None] * ramps[2][None, None, :]
