"""What a reader's page shows of a reading: panels that are called a and b, whatever lies in them.

A file's address holds the reading's own opaque id; whether it may be seen is asked at every call, and no browser keeps
it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock

import numpy as np

from llmseg.case import InputError, Structures
from llmseg.study.design import Reading
from llmseg.study.preparing import Prepared
from llmseg.study.protocol import EDIT
from llmseg.study.room import NotCurrent, Place, ReadingRoom
from llmseg.ui.cases import start_of
from llmseg.ui.sent import read_parts, read_seconds, whole
from llmseg.ui.viewer import Frame, PackedMasks, describe, field_of, frame_of, in_order, pack_ct, pack_masks

CT, STARTED, EDITED, REFERENCE = "ct", "started", "edited", "reference"
SIDES = ("a", "b")
KEPT_EDITS = 256


@dataclass(frozen=True, eq=False)
class Wall:
    """A case as the panels show it, the same in every reading of it.

    Args:
        shape: of the CT itself.
        ct: path of the packed CT.
        start, field: displayed voxel where the crosshair begins, and what the views show at first.
    """

    frame: Frame
    shape: tuple[int, int, int]
    ct: str
    start: tuple[int, int, int]
    field: tuple[tuple[int, int], ...]


class Gallery:
    """Scenes and files of readings, for whoever may see them now."""

    def __init__(self, room: ReadingRoom, prepared: Prepared):
        self._room, self._prepared = room, prepared
        self._readings = {reading.id: reading for rows in prepared.readings.values() for reading in rows}
        self._home = tempfile.TemporaryDirectory(prefix="llmseg-study-")
        self._folder, self._lock = Path(self._home.name), Lock()
        self._hung, self._packed = cache(self._hang), cache(self._pack)
        self._references: dict[tuple[str, str], PackedMasks] = {}
        self._edited = lru_cache(maxsize=KEPT_EDITS)(self._pack_edited)

    def close(self) -> None:
        """Take every file away."""
        self._home.cleanup()

    def scene(self, ticket: str, place: Place) -> dict[str, object]:
        """What the viewer takes (`viewer.to_data`), of the reading where a reader is.

        Returns:
            "ct" and "masks" as addresses, and "scene": no case, no arm, no number about them.
        """
        reading = self._room.reading(ticket, place.reading)
        wall = self._wall(reading)
        shown = {name: self._masks(ticket, reading, name) for name in _names(reading, place)}
        return {
            "ct": _address(reading, CT),
            "masks": {name.split("-")[0]: _address(reading, name) for name in shown},
            "scene": {
                "key": reading.id,
                "kind": place.kind,
                "shape": list(wall.frame.shape),
                "spacing_mm": list(wall.frame.spacing_mm),
                "affine": wall.frame.affine.tolist(),
                "start": list(wall.start),
                "field": [list(span) for span in wall.field],
                "arms": {name.split("-")[0]: {"table": list(masks.table)} for name, masks in shown.items()},
                "structures": [describe(name) for name in in_order(set(place.structures))],
                "edit": {"id": place.edited} if place.edited else None,
            },
        }

    def file(self, ticket: str, reading_id: str, name: str) -> bytes:
        """One of the files that a scene names.

        Raises:
            InputError: there is none of that name, or it is not to be seen now.
        """
        reading = self._room.reading(ticket, reading_id)
        path = self._wall(reading).ct if name == CT else self._masks(ticket, reading, name).path
        return Path(path).read_bytes()

    def drawn(self, ticket: str, reading_id: str, sent: Mapping) -> tuple[dict[str, np.ndarray], dict[str, float]]:
        """The masks of a save on the CT's own grid, and the seconds they took.

        Args:
            sent: {"table", "bits", "seconds"}, as `sent.read_parts` and `read_seconds` have them.
        Raises:
            InputError: anything that this page would not have sent; NotCurrent where there is no such reading.
        """
        self._room.role(ticket)
        # Whose it is, and whether it may be drawn on now, is the room's to say when it is saved: also in a pause.
        reading = self._readings.get(reading_id)
        if reading is None:
            raise NotCurrent("There is no such reading for you. Reload the page.")
        wall, names = self._wall(reading), set(self._structures(reading))
        parts = read_parts(sent, wall.frame.shape, names)
        return {name: whole(part, wall.frame, wall.shape) for name, part in parts.items()}, read_seconds(sent, names)

    # ---- files, each made once ----

    def _wall(self, reading: Reading) -> Wall:
        with self._lock:
            return self._hung(reading.case, reading.task)

    def _masks(self, ticket: str, reading: Reading, name: str) -> PackedMasks:
        kind, _, save = name.partition("-")
        wall = self._wall(reading)
        with self._lock:
            if kind in SIDES[: len(reading.arms)] or (kind == STARTED and self._is_edit(reading)):
                arm = reading.arms[SIDES.index(kind) if kind in SIDES else 0]
                return self._packed(reading.case, arm, reading.task)
            if kind == EDITED and self._is_edit(reading):
                return self._edited(ticket, reading.id, save, wall)
            if kind == REFERENCE:
                reference = self._room.reference(ticket, reading.id)  # or it raises: not to be seen now
                key = reading.case, reading.task
                if key not in self._references:
                    self._references[key] = pack_masks(reference, wall.frame, self._folder)
                return self._references[key]
        raise InputError("There is no such file. Reload the page.")

    def _is_edit(self, reading: Reading) -> bool:
        return self._prepared.study.task(reading.task).kind == EDIT

    def _structures(self, reading: Reading) -> tuple[str, ...]:
        return self._prepared.structures(reading.task, reading.case)

    def _hang(self, case: str, task: str) -> Wall:
        volume, arms = self._prepared.volume(case), self._arms(case, task)
        # Neither the frame nor where the panels begin may depend on the arm that is shown.
        any_arm, every_arm = _joined(arms, np.logical_or), _joined(arms, np.logical_and)
        frame = frame_of(volume, any_arm)
        start = start_of(frame, {name: mask if mask.any() else any_arm[name] for name, mask in every_arm.items()})
        ct = pack_ct(volume, frame, self._folder)
        return Wall(frame, volume.shape, ct, start, field_of(volume, frame, start[2]))

    def _arms(self, case: str, task: str) -> list[Structures]:
        """What each arm of a task has of a case."""
        arms = {arm for combination in self._prepared.study.task(task).combinations for arm in combination}
        return [self._contours(case, arm, task) for arm in sorted(arms)]

    def _contours(self, case: str, arm: str, task: str) -> Structures:
        names = self._prepared.structures(task, case)
        contours = self._prepared.contours(case, arm)
        return Structures({name: contours[name] for name in names}, contours.affine)

    def _pack(self, case: str, arm: str, task: str) -> PackedMasks:
        frame = self._hung(case, task).frame
        return pack_masks(self._contours(case, arm, task), frame, self._folder)

    def _pack_edited(self, ticket: str, reading_id: str, save: str, wall: Wall) -> PackedMasks:
        edited = self._room.edited(ticket, reading_id)
        if edited is None:
            raise InputError("Nothing was drawn here yet. Reload the page.")
        return pack_masks(edited, wall.frame, self._folder)


def _joined(arms: Sequence[Structures], join: np.ufunc) -> dict[str, np.ndarray]:
    """Structure -> what every arm, or any arm, has of it."""
    return {name: join.reduce([arm[name] for arm in arms]) for name in arms[0]}


def _names(reading: Reading, place: Place) -> list[str]:
    """The files of a reading besides its CT."""
    names = list(SIDES[: len(reading.arms)])
    if place.edited:
        names = [STARTED, f"{EDITED}-{place.edited}"]
    return [*names, REFERENCE] if place.state == "training feedback" else names


def _address(reading: Reading, name: str) -> dict[str, str]:
    url = f"reading/files/{reading.id}/{name}"
    return {"path": url, "url": url}
