"""Does the parser read a note as an oncologist would? Two hundred made-up notes whose facts are known.

    python benchmarks/reading.py [--set A] [--show-misses]

There are ten sets, A to J, written apart from the parser's rules; they share no phrase. A set whose misses have been
looked at is spent: judge the fix on the next one.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable

from held_out.cases import OPPOSITE
from held_out.filling import HeldOutNote, make_notes

from llmseg.text.note import read_note

SETS = ("A", "B", "C", "D", "E", "F", "G", "H", "I", "J")
BAR = 0.95
BARRED = ("site", "side", "t_stage", "n_stage", "dose_gy")
FIELDS = ("site", "side", "t_stage", "n_stage", "m_stage", "dose_gy", "fractions", "neck")
WRONG_SIDES = 0  # a contour on the wrong side is worse than none


def is_right(note: HeldOutNote, name: str, found: object) -> bool:
    expected = getattr(note.truth, name)
    if name == "dose_gy":
        found = tuple(found or ())
        return len(found) == len(expected) and all(abs(a - b) < 0.005 for a, b in zip(found, expected, strict=True))
    if name == "side" and note.also is not None:
        return found in (expected, note.also)
    return found == expected


def is_wrong_side(note: HeldOutNote, found: object) -> bool:
    """The opposite side, in a note that names one beside the tumour's."""
    meant = note.truth.side or note.also
    return note.distracted and meant in OPPOSITE and found == OPPOSITE[meant]


def main(arguments: list[str], read: Callable = read_note) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", choices=SETS, default="A", dest="name", help="which two hundred notes")
    parser.add_argument("--show-misses", action="store_true", help="print each note misread, expected and found")
    options = parser.parse_args(arguments)
    notes = make_notes(importlib.import_module(f"held_out.set_{options.name.lower()}"))
    right, wrong_sides, absent = dict.fromkeys(FIELDS, 0), 0, set()
    for number, note in enumerate(notes, 1):
        facts = read(note.text).facts
        misses = []
        for name in FIELDS:
            if not hasattr(facts, name):
                absent.add(name)
                continue
            found = getattr(facts, name)
            if is_right(note, name, found):
                right[name] += 1
            else:
                misses.append(f"{name}: expected {getattr(note.truth, name)}, found {found}")
        wrong = is_wrong_side(note, facts.side)
        wrong_sides += wrong
        if misses and options.show_misses:
            print(f"--- {number}, {note.layout}{', WRONG SIDE' if wrong else ''}\n{note.text}")
            print("\n".join(f"    {miss}" for miss in misses), end="\n\n")
    return _report(options.name, notes, right, wrong_sides, absent)


def _report(name: str, notes: list[HeldOutNote], right: dict[str, int], wrong_sides: int, absent: set[str]) -> int:
    print(f"Set {name}: {len(notes)} notes, {sum(note.distracted for note in notes)} with a side beside the tumour's")
    holds = wrong_sides <= WRONG_SIDES
    for field in FIELDS:
        share = right[field] / len(notes)
        if field in absent:
            print(f"{field:10} not read")
        elif field in BARRED:
            print(f"{field:10} {share:.3f}   at least {BAR} {'holds' if share >= BAR else 'FAILS'}")
        else:
            print(f"{field:10} {share:.3f}")
        holds &= field not in BARRED or (field not in absent and share >= BAR)
    print(
        f"wrong sides on negated or contralateral mentions: {wrong_sides}   "
        f"at most {WRONG_SIDES} {'holds' if wrong_sides <= WRONG_SIDES else 'FAILS'}"
    )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
