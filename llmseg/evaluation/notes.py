"""The notes a case can be drawn with: more of its facts, fewer, wrong ones, none; in wordings never trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from llmseg.case import Case, InputError, Note
from llmseg.text.facts import SITES, Facts
from llmseg.text.wording import write_note, write_partial_note


def noted(case: Case, kind: str) -> Note | None:
    """Write one patient's note of this kind, always in the same words.

    Args:
        kind: "essential" (site, side, neck, doses), "expanded" (stage and nodal plan as well), "sparse" (the site
            alone), "wrong" (an essential note of the other side; of another site where the tumour has no side) or
            "empty" (no note).
    Raises:
        InputError: another kind, or a case whose facts are not known.
    """
    if kind not in KINDS:
        raise InputError(f"{kind!r} is no kind of note. Choose from {', '.join(KINDS)}.")
    if kind == "empty":
        return None
    if case.facts is None:
        raise InputError(
            f"Case {case.id} has no facts to write a note from. Use its own note, or add facts to dataset.json."
        )
    return Note(KINDS[kind](case.facts, case.id), f"{kind} note of {case.id}")


def _essential(facts: Facts, id: str) -> str:
    return write_note(facts.essential, split="validation", seed=id)


def _expanded(facts: Facts, id: str) -> str:
    return write_note(facts, split="validation", seed=id)


def _sparse(facts: Facts, id: str) -> str:
    return write_partial_note(facts.essential, {"site"}, seed=id)


def _wrong(facts: Facts, id: str) -> str:
    if facts.side == "midline":
        other = SITES[(SITES.index(facts.site) + len(SITES) // 2) % len(SITES)]
        return write_note(replace(facts.essential, site=other), split="validation", seed=id)
    return write_note(facts.essential.mirrored(), split="validation", seed=id)


KINDS: Mapping[str, Callable[[Facts, str], str] | None] = {
    "essential": _essential,
    "expanded": _expanded,
    "sparse": _sparse,
    "wrong": _wrong,
    "empty": None,
}
