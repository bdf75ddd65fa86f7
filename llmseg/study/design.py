"""Who reads what, in which order, on which side: decided by the protocol's seed before anyone reads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """One case in one task, as one reader meets it.

    Args:
        id: opaque; says nothing of case, arm or order to whoever sees it, and is another for every reader.
        number: 1, 2, ... in this reader's order, training readings first.
        session: the sitting, 1, 2, ...
        arms: one; or two as shown, A first.
        repeats: number of the reading that this one is a second time of.
        training: whether it only trains, and counts nowhere.
    """

    id: str
    reader: str
    number: int
    session: int
    task: str
    case: str
    arms: tuple[str, ...]
    repeats: int | None = None
    training: bool = False
