"""Cover a CT of any size with the training field, one tile exactly where training put it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch.nn import functional

Origin = tuple[int, int, int]
TOP_MARGIN = 2
"""Voxels of air the field keeps above the head."""
BLIND_SHARE = 0.1
"""Lowest part of the anchor's tile that is kept from it: 32 mm of 320."""


@dataclass(frozen=True)
class Tile:
    """One place where the network looks.

    Args:
        origin: of the field, in voxels of the image.
        blind: how many of its lowest layers are shown as air, and drawn by another tile.
    """

    origin: Origin
    blind: int = 0

    def cut(self, image: torch.Tensor, field: Sequence[int]) -> torch.Tensor:
        """(1, X, Y, Z) -> (1, *field), air where the tile is blind or reaches beyond the image."""
        tile = cut_tile(image, self.origin, field).clone()
        tile[..., : self.blind] = 0
        return tile


def tiles_of(image: torch.Tensor, anchor: Sequence[float], field: Sequence[int]) -> list[Tile]:
    """Where to look, those that rule first: the anchor's tile blind to the chest, the same tile seeing it, the others.

    A normalisation over the whole field lets a chest shift every contour of the head: kept from it, a scan that goes on
    below and one that ends there give the same contours down to the blind layers.
    """
    first, *others = tile_origins(image.shape[1:], anchor, field)
    blind = round(field[2] * BLIND_SHARE)
    shows_more = bool(cut_tile(image, first, field)[..., :blind].any())
    ruling = [Tile(first, blind), Tile(first)] if shows_more else [Tile(first)]
    return [*ruling, *(Tile(o) for o in others if cut_tile(image, o, field).any())]


def field_origin(anchor: Sequence[float], field: Sequence[int]) -> Origin:
    """First voxel of the field that hangs on the anchor: centred on the midline, its top just above the head."""
    x, y, z = anchor
    # Halves go up, always: rounded to even, a wider crop of the same body would move the field by a voxel.
    return (_nearest(x - field[0] / 2), _nearest(y - field[1] / 2), _nearest(z) + 1 + TOP_MARGIN - field[2])


def _nearest(value: float) -> int:
    return math.floor(value + 0.5)


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


def blend(drawn: Sequence[torch.Tensor], tiles: Sequence[Tile], size: Sequence[int]) -> torch.Tensor:
    """Join what was drawn in each tile, (K, *field), into (K, X, Y, Z).

    The anchor's tile rules wherever it lies and is not blind: there the network sees what it was trained on, and a
    longer scan changes nothing. The others fade linearly into each other beyond it.
    """
    field = drawn[0].shape[1:]
    total = torch.zeros(len(drawn[0]), *size)
    weights = torch.zeros(size)
    fade = _fade(field)
    ruling = [i for i, tile in enumerate(tiles) if tile.origin == tiles[0].origin]
    for part, tile in zip(drawn[len(ruling) :], tiles[len(ruling) :], strict=True):
        inside, source = overlap(tile.origin, field, size)
        total[(slice(None), *inside)] += part[(slice(None), *source)] * fade[source]
        weights[inside] += fade[source]
    total.div_(weights.clamp_min(1e-6))
    for i in reversed(ruling):
        inside, source = overlap(tiles[i].origin, field, size, tiles[i].blind)
        total[(slice(None), *inside)] = drawn[i][(slice(None), *source)]
    return total


def overlap(
    origin: Origin, field: Sequence[int], size: Sequence[int], blind: int = 0
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where a tile lies in the image above its blind layers, and which part of the tile that is."""
    low = (0, 0, blind)
    inside = tuple(
        slice(max(o + skipped, 0), max(0, min(o + e, n)))
        for o, skipped, e, n in zip(origin, low, field, size, strict=True)
    )
    source = tuple(slice(part.start - o, part.stop - o) for part, o in zip(inside, origin, strict=True))
    return inside, source


def _fade(field: Sequence[int]) -> torch.Tensor:
    ramps = []
    for edge in field:
        distance = torch.minimum(torch.arange(edge) + 1, edge - torch.arange(edge)).float()
        ramps.append((distance / (edge // 4)).clamp(max=1))
    return ramps[0][:, None, None] * ramps[1][None, :, None] * ramps[2][None, None, :]
