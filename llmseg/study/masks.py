"""Masks as the bytes that the store keeps."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Mapping

import numpy as np


def pack_masks(masks: Mapping[str, np.ndarray]) -> bytes:
    """One bit a voxel, in gzip; the same masks give the same bytes.

    Args:
        masks: structure -> (X, Y, Z) bool.
    Returns:
        A line of JSON, {structure: shape}, then each mask's bits in C order, the first voxel in the highest bit, each
        mask from a new byte on.
    """
    table = json.dumps({name: mask.shape for name, mask in masks.items()}).encode()
    bits = b"".join(np.packbits(mask).tobytes() for mask in masks.values())
    # Mostly empty space: level 1 is as small as level 9.
    return gzip.compress(table + b"\n" + bits, compresslevel=1, mtime=0)


def unpack_masks(packed: bytes) -> dict[str, np.ndarray]:
    """What `pack_masks` was given."""
    table, _, bits = gzip.decompress(packed).partition(b"\n")
    masks, offset = {}, 0
    for name, shape in json.loads(table).items():
        length = -(-math.prod(shape) // 8)
        voxels = np.unpackbits(np.frombuffer(bits, np.uint8, length, offset), count=math.prod(shape))
        masks[name] = voxels.reshape(shape).astype(bool)
        offset += length
    return masks
