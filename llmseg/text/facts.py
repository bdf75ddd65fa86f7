"""The facts a note of ours states, and nothing else it could give away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from llmseg.case import InputError

SITES = ("nasopharynx", "oropharynx", "hypopharynx", "larynx")
SIDES = ("left", "right", "midline")
NECKS = ("left", "right", "bilateral")
DOSES_GY = (70, 63, 56)
"""Prescription of PTV_High, PTV_Mid and PTV_Low."""
T_STAGES = ("T1", "T2", "T3", "T4")
N_STAGES = ("N0", "N1", "N2", "N3")
LEVELS = ("Ib", "II", "III", "IV", "V")
NODES = tuple((side, level) for side in ("left", "right") for level in LEVELS)

_MIRROR = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class Facts:
    """What an oncologist knows before contouring.

    The essential ones are site and side of the primary, neck coverage and dose levels. The expanded ones are the stage,
    and which neck level on which side gets which dose.

    Args:
        t_stage, n_stage: of T_STAGES and N_STAGES, without letters of subdivision; None where unknown.
        nodes: (side, level, dose in Gy) of each treated neck level, in the order of NODES; None where unknown.
    Raises:
        InputError: a value outside SITES, SIDES, NECKS, DOSES_GY, T_STAGES, N_STAGES or NODES.
    """

    site: str
    side: str
    neck: str
    dose_gy: tuple[int, ...] = DOSES_GY
    t_stage: str | None = None
    n_stage: str | None = None
    nodes: tuple[tuple[str, str, int], ...] | None = None

    def __post_init__(self):
        object.__setattr__(self, "dose_gy", tuple(sorted(self.dose_gy, reverse=True)))
        for value, allowed in ((self.site, SITES), (self.side, SIDES), (self.neck, NECKS)):
            if value not in allowed:
                raise InputError(f"{value!r} is not one of {', '.join(allowed)}. Correct the case's facts.")
        for value, allowed in ((self.t_stage, T_STAGES), (self.n_stage, N_STAGES)):
            if value is not None and value not in allowed:
                raise InputError(f"{value!r} is not one of {', '.join(allowed)}. Correct the case's facts.")
        if 70 not in self.dose_gy or not set(self.dose_gy) <= set(DOSES_GY):
            raise InputError(
                f"Dose levels {self.dose_gy} are not 70 Gy with 63 and 56 Gy as options. Correct the facts."
            )
        if self.nodes is not None:
            for side, level, dose in self.nodes:
                if (side, level) not in NODES or dose not in self.dose_gy:
                    raise InputError(
                        f"{side} {level} to {dose} Gy is no level and dose of this plan. Correct the facts."
                    )
            in_order = sorted(self.nodes, key=lambda node: NODES.index(tuple(node[:2])))
            object.__setattr__(self, "nodes", tuple(tuple(node) for node in in_order))

    @property
    def essential(self) -> Facts:
        """The same patient without the stage and the nodal plan."""
        return replace(self, t_stage=None, n_stage=None, nodes=None)

    def mirrored(self) -> Facts:
        """The same patient seen in a left-right mirror."""
        nodes = self.nodes and tuple((_MIRROR[side], level, dose) for side, level, dose in self.nodes)
        side, neck = (_MIRROR.get(word, word) for word in (self.side, self.neck))
        return replace(self, side=side, neck=neck, nodes=nodes)

    def to_json(self) -> dict[str, object]:
        known = {name: value for name, value in asdict(self).items() if value is not None}
        nodes = {"nodes": [list(node) for node in self.nodes]} if self.nodes is not None else {}
        return {**known, "dose_gy": list(self.dose_gy), **nodes}

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> Facts:
        if not isinstance(values, Mapping):
            raise InputError(f"Facts are an object with site, side, neck and dose_gy, not {values!r}. Correct them.")
        nodes = values.get("nodes")
        return cls(
            values["site"],
            values["side"],
            values["neck"],
            tuple(values["dose_gy"]),
            values.get("t_stage"),
            values.get("n_stage"),
            None if nodes is None else tuple(tuple(node) for node in nodes),
        )
