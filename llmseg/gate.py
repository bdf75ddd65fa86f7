"""What is odd about a CT, said before anything is drawn on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from llmseg.case import Volume, slice_axis_of

THICKEST_SLICE_MM, COARSEST_PIXEL_MM = 5.0, 2.5
SHEAR_DEGREES, TURN_DEGREES = 1.0, 20.0
NARROWEST_MM, SHORTEST_MM, LONGEST_MM, FEWEST_SLICES = 200.0, 120.0, 700.0, 10
AIR_HU, TISSUE_HU, SOFT_HU = -500.0, -300.0, (-100.0, 200.0)
BODY_MM2, HEAD_MM2, TRUNK_MM2 = 1500.0, 6000.0, 36_000.0
"""Tissue in a slice: less is no body, less in every slice is no head, more in every slice has no head or neck in it."""
FEWEST_VALUES = 16
"""A mask or a map of labels holds no more different values than this."""
CUT_OFF_SHARE = 0.25
LOOK_MM = 3.0


@dataclass(frozen=True)
class Oddity:
    """One thing about a CT that its user should know.

    Args:
        text: what is odd, with the value, and the remedy.
        refused: no contour of this CT could be right.
    """

    text: str
    refused: bool = False


def check_ct(volume: Volume) -> tuple[Oddity, ...]:
    """Look at a CT's values, grid and extent; what cannot work comes first, and then alone.

    Only what can be told from the image is said: neither a mirrored patient nor a wrong one can be.
    """
    look = _Look(volume)
    if not_a_ct := tuple(_about_values(volume, look)):
        return not_a_ct
    return (*_about_grid(volume, look), *_about_extent(look))


class _Look:
    """A CT seen coarsely, its axes sorted: across, front to back, and along the patient last."""

    def __init__(self, volume: Volume):
        self.along = slice_axis_of(volume.affine)
        order = [*(axis for axis in range(3) if axis != self.along), self.along]
        edges = [volume.spacing_mm[axis] for axis in order]
        self.slices, self.pixel_mm, self.slice_mm = volume.shape[self.along], max(edges[:2]), edges[2]
        self.extent_mm = [edge * volume.shape[axis] for edge, axis in zip(edges, order, strict=True)]
        every = [max(1, int(LOOK_MM / edge)) for edge in edges]
        self.hu = volume.array.transpose(order)[tuple(slice(None, None, step) for step in every)]
        self.tissue = self.hu > TISSUE_HU
        pixel_mm2 = edges[0] * every[0] * edges[1] * every[1]
        self.areas_mm2 = self.tissue.sum(axis=(0, 1)) * pixel_mm2


def _about_values(volume: Volume, look: _Look) -> Iterator[Oddity]:
    low, high = float(volume.array.min()), float(volume.array.max())
    values = np.unique(look.hu)
    if low >= 0 and len(values) <= FEWEST_VALUES:
        text = f"It holds only {len(values)} different values from {low:g} to {high:g}, as a mask does. Send the CT."
        yield Oddity(text, refused=True)
        return
    air = look.hu < AIR_HU
    soft = (look.hu > SOFT_HU[0]) & (look.hu < SOFT_HU[1])
    if air.mean() < 0.001 or soft.sum() < 0.1 * (~air).sum():
        missing = "air (below -500)" if air.mean() < 0.001 else "soft tissue (-100 to 200)"
        text = f"Its values from {low:g} to {high:g} are not HU: there is no {missing}. "
        yield Oddity(f"{text}Apply rescale slope and intercept, often: subtract 1024.", refused=True)
    elif look.areas_mm2.max() < BODY_MM2:
        text = f"There is no body in it: at most {look.areas_mm2.max() / 100:.0f} cm² of tissue in a slice. "
        yield Oddity(f"{text}Send a CT of the head and neck.", refused=True)


def _about_grid(volume: Volume, look: _Look) -> Iterator[Oddity]:
    if look.slice_mm > THICKEST_SLICE_MM:
        yield Oddity(f"Its slices are {look.slice_mm:.1f} mm apart: thin structures may be lost. Use 3 mm or less.")
    if look.pixel_mm > COARSEST_PIXEL_MM:
        yield Oddity(f"Its pixels are {look.pixel_mm:.1f} mm wide: borders will be coarse. Use the CT as it was taken.")
    axes = volume.affine[:3, :3] / np.array(volume.spacing_mm)
    shear = np.degrees(np.arcsin(np.clip(np.abs(axes.T @ axes - np.eye(3)).max(), 0, 1)))
    if shear > SHEAR_DEGREES:
        yield Oddity(
            f"Its axes are {shear:.0f} degrees off the right angle, as with a tilted gantry: contours may be sheared. "
            "Use an untilted scan, or resample it to an upright grid."
        )
    turn = np.degrees(np.arccos(np.clip(np.abs(axes).max(axis=0).min(), 0, 1)))
    if turn > TURN_DEGREES:
        yield Oddity(f"Its grid is turned by {turn:.0f} degrees against the patient. Resample it to an upright grid.")


def _about_extent(look: _Look) -> Iterator[Oddity]:
    width, depth, length = look.extent_mm
    if min(width, depth) < NARROWEST_MM:
        yield Oddity(f"It shows only {width:.0f} x {depth:.0f} mm in a slice. Use a field of view with the whole neck.")
    elif _cut_off(look) > CUT_OFF_SHARE:
        yield Oddity("The body is cut off at the sides of the picture. Use a wider field of view.")
    if look.slices < FEWEST_SLICES or length < SHORTEST_MM:
        yield Oddity(f"Its {look.slices} slices cover only {length:.0f} mm. Use a scan of the whole head and neck.")
    elif length > LONGEST_MM:
        yield Oddity(f"It is {length:.0f} mm long: more than head and neck. Cut it to them if contours go astray.")
    filled = look.areas_mm2[look.areas_mm2 > BODY_MM2]
    if np.percentile(filled, 10) > TRUNK_MM2:
        yield Oddity("No slice is as narrow as a head or a neck. The network was trained on head and neck CTs only.")
    elif filled.max() < HEAD_MM2:
        yield Oddity("No slice is as wide as a head. The network was trained on head and neck CTs only.")


def _cut_off(look: _Look) -> float:
    """How much of the picture's frame is tissue, in the middle half of the slices: shoulders may well touch it."""
    count = look.tissue.shape[2]
    middle = look.tissue[:, :, count // 4 : max(count - count // 4, count // 4 + 1)]
    frame = [middle[0], middle[-1], middle[:, 0], middle[:, -1]]
    return sum(side.sum() for side in frame) / sum(side.size for side in frame)
