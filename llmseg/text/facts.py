"""The facts an essential note states, and nothing else it could give away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from llmseg.case import InputError

SITES = ("nasopharynx", "oropharynx", "hypopharynx", "larynx")
SIDES = ("left", "right", "midline")
NECKS = ("left", "right", "bilateral")
DOSES_GY = (70, 63, 56)
"""Prescription of PTV_High, PTV_Mid and PTV_Low."""

_MIRROR = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class Facts:
    """What an oncologist knows before contouring: site and side of the primary, neck coverage, dose levels.

    Raises:
        InputError: a value outside SITES, SIDES, NECKS or DOSES_GY.
    """

    site: str
    side: str
    neck: str
    dose_gy: tuple[int, ...] = DOSES_GY

    def __post_init__(self):
        object.__setattr__(self, "dose_gy", tuple(sorted(self.dose_gy, reverse=True)))
        for value, allowed in ((self.site, SITES), (self.side, SIDES), (self.neck, NECKS)):
            if value not in allowed:
                raise InputError(f"{value!r} is not one of {', '.join(allowed)}. Correct the case's facts.")
        if 70 not in self.dose_gy or not set(self.dose_gy) <= set(DOSES_GY):
            raise InputError(
                f"Dose levels {self.dose_gy} are not 70 Gy with 63 and 56 Gy as options. Correct the facts."
            )

    def mirrored(self) -> Facts:
        """The same patient seen in a left-right mirror."""
        return replace(self, side=_MIRROR.get(self.side, self.side), neck=_MIRROR.get(self.neck, self.neck))

    def to_json(self) -> dict[str, object]:
        return {**asdict(self), "dose_gy": list(self.dose_gy)}

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> Facts:
        return cls(values["site"], values["side"], values["neck"], tuple(values["dose_gy"]))
