"""Masks as the page sends them, drawn by hand: checked here, and put back on the CT's own grid."""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections.abc import Mapping, Set
from typing import TYPE_CHECKING

import numpy as np

from llmseg.case import InputError

if TYPE_CHECKING:
    from llmseg.ui.viewer import Frame

LONGEST_SECONDS = 24 * 3600.0
LARGEST_TEXT = 64_000_000
"""Characters of base64; what does not compress to this was not drawn by hand."""
REMEDY = "Nothing was changed. Reload the page if this goes on."

Part = tuple[tuple[slice, slice, slice], np.ndarray]
"""A box of the displayed grid and what lies in it, (X, Y, Z) bool."""


def read_parts(sent: Mapping, shape: tuple[int, int, int], names: Set[str]) -> dict[str, Part]:
    """The masks of a save.

    Args:
        sent: {"table": [{"name", "box"}], "bits"}. A box is three [first, one past the last] of the displayed grid, or
            null for an empty contour; `bits` is base64 of the gzip that `viewer.pack_masks` describes.
        shape: of the displayed grid.
        names: structures that may be edited.
    Raises:
        InputError: anything that this page would not have sent.
    """
    return _voxels(sent.get("bits"), _table(sent.get("table"), shape, names))


def read_seconds(sent: Mapping, names: Set[str]) -> dict[str, float]:
    """Structure -> active seconds of a save, its "seconds"."""
    seconds = sent.get("seconds")
    seconds = seconds if isinstance(seconds, dict) else {"": None}
    for name, value in seconds.items():
        if name not in names or type(value) not in (int, float) or not 0 <= value <= LONGEST_SECONDS:
            raise InputError(f"The edit says it took {str(value)[:40]!r} seconds. {REMEDY}")
    return {name: float(value) for name, value in seconds.items()}


def _table(table: object, shape: tuple[int, int, int], names: Set[str]) -> dict[str, tuple[slice, ...]]:
    """Structure -> box, of no size where the contour is empty."""
    found = {}
    for entry in table if isinstance(table, list) else [None]:
        name, box = (entry.get("name"), entry.get("box")) if isinstance(entry, dict) else (None, None)
        if not isinstance(name, str) or name not in names or name in found:
            raise InputError(f"The edit names the structure {str(name)[:40]!r}, which cannot be edited here. {REMEDY}")
        found[name] = _box(box, shape)
    if not found:
        raise InputError(f"The edit holds no structure. {REMEDY}")
    return found


def _box(box: object, shape: tuple[int, int, int]) -> tuple[slice, ...]:
    if box is None:
        return (slice(0, 0),) * 3
    spans = box if isinstance(box, list) and len(box) == 3 else [None] * 3
    for span, size in zip(spans, shape, strict=True):
        is_pair = isinstance(span, list) and len(span) == 2 and all(type(end) is int for end in span)
        if not is_pair or not 0 <= span[0] < span[1] <= size:
            raise InputError(f"The edit holds voxels outside the CT ({str(box)[:80]}). {REMEDY}")
    return tuple(slice(*span) for span in spans)


def _voxels(text: object, table: Mapping[str, tuple[slice, ...]]) -> dict[str, Part]:
    sizes = {name: [part.stop - part.start for part in box] for name, box in table.items()}
    lengths = {name: -(-math.prod(size) // 8) for name, size in sizes.items()}
    bits = np.frombuffer(_gunzipped(text, sum(lengths.values())), np.uint8)
    parts, offset = {}, 0
    for name, size in sizes.items():
        voxels = np.unpackbits(bits[offset : offset + lengths[name]], count=math.prod(size), bitorder="little")
        parts[name] = table[name], voxels.reshape(size[::-1]).T.astype(bool)
        offset += lengths[name]
    return parts


def _gunzipped(text: object, length: int) -> bytes:
    """Exactly so many bytes; a bomb is never unpacked."""
    problem = InputError(f"The edit arrived damaged or with another size than its boxes have. {REMEDY}")
    if not isinstance(text, str) or len(text) > LARGEST_TEXT:
        raise problem
    try:
        unzip = zlib.decompressobj(wbits=31)
        found = unzip.decompress(base64.b64decode(text, validate=True), length + 1)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise problem from error
    if len(found) != length or not unzip.eof:
        raise problem
    return found


def whole(part: Part, frame: Frame, shape: tuple[int, int, int]) -> np.ndarray:
    """A part on the CT's own grid, (X, Y, Z) bool."""
    mask = np.zeros(shape, bool)
    frame.show(mask)[part[0]] = part[1]
    return mask
