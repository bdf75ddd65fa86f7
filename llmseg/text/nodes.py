"""The nodal plan a note states: which neck level on which side gets which dose.

"70 Gy to left II-III; 56 Gy to left IV and right II-IV", "Left neck: II 70, III 70, IV 56" and "level II left 70 Gy"
say it in three orders. A statement is a run of sides, levels and doses with nothing but filling words between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from llmseg.text.numbers import expand_levels, level_order
from llmseg.text.reading import Mention, Page

_ROMAN = r"(?:vii|vi|iv|iii|ii|i[ab]|v[ab]?)(?![a-z])"
_ANY = rf"(?:{_ROMAN}|[1-6][ab]?(?![\w.]))"
_NUMBER = r"\d{2}(?:\.\d+)?(?:\s*gy)?"
_JOIN = r"\s*(?:-|to|through|,|/|and|&|\+|, and)\s*"
_TOKENS = re.compile(
    r"(?P<side>\b(?:left|right|bilateral(?:ly)?|both (?:sides|necks|sides of the neck)|both)\b)"
    rf"|(?P<list>(?<![\d.]){_NUMBER}(?:\s*(?:/|,|\band\b)\s*(?:and )?{_NUMBER})+(?![\d.])|\d{{2}}(?:\s*gy)?\s*(?:in|/)\s*\d{{2}}\b)"
    rf"|(?P<levels>\b(?:levels?|lvls?)\s+{_ANY}(?:{_JOIN}{_ANY})*|\b{_ROMAN}(?:{_JOIN}{_ROMAN})*)"
    r"|(?P<dose>(?<![\d.])[4-7]\d(?:\.\d+)?(?![\d.])(?:\s*gy)?)"
)
_FILLING = re.compile(
    r"(?:\s|[,;:()=>-]|\b(?:neck|nodal|nodes?|plan|levels?|lvls?|to|at|of|on|in|the|and|with|gets?|will|receives?|is|are|side|"
    r"gy|treated|elective|dose|lymph|cover(?:s|ed|ing|age)?|irradiat\w+|prescribed)\b)*"
)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


def nodes_of(page: Page) -> tuple[tuple[tuple[str, str, float], ...], list[Mention]]:
    """(side, level, dose in Gy) of each level that is given a dose; where two contradict each other, the last stands."""
    found: dict[tuple[str, str], float] = {}
    mentions = []
    for run in _runs(page):
        if plan := _assign(run):
            found |= {(side, level): dose for side, level, dose in plan}
            used = [t for t in run if t.kind != "list"]
            mentions.append(page.mention("nodes", used[0].start, used[-1].end))
    in_order = sorted(found, key=lambda node: (node[0], level_order(node[1])))
    return tuple((*node, found[node]) for node in in_order), mentions


def _runs(page: Page) -> Iterator[list[_Token]]:
    for start, end in _lines(page.text):
        run: list[_Token] = []
        for match in _TOKENS.finditer(page.text, start, end):
            token = _Token(match.lastgroup, match.group(), match.start(), match.end())
            if token.kind == "list" or (run and not _FILLING.fullmatch(page.text, run[-1].end, token.start)):
                yield run
                run = []
            if token.kind != "list":
                run.append(token)
        yield run


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Sentences end at a line's end or at a full stop that is no decimal point."""
    start = 0
    for stop in re.finditer(r"\n|\.(?=\s|$)", text):
        yield start, stop.start()
        start = stop.end()
    yield start, len(text)


def _assign(run: list[_Token]) -> list[tuple[str, str, float]]:
    """Give each level of a run its side and dose, which come before it or after it throughout."""
    kinds = [token.kind for token in run]
    if not {"side", "levels", "dose"} <= set(kinds):
        return []
    side_leads = kinds.index("side") < kinds.index("levels")
    dose_leads = [kind for kind in kinds if kind != "side"][-1] == "levels"
    side: tuple[str, ...] = ()
    dose: float | None = None
    waiting: list[dict] = []
    plan = []
    for token in run:
        if token.kind == "levels":
            listed = re.sub(r"^(?:levels?|lvls?)\s+", "", token.text)
            waiting.append(
                {
                    "levels": expand_levels(listed),
                    "side": side if side_leads else (),
                    "dose": dose if dose_leads else None,
                }
            )
        elif token.kind == "side":
            side = (token.text,) if token.text in ("left", "right") else ("left", "right")
            for entry in waiting:
                entry["side"] = entry["side"] or side
        else:
            dose = float(re.match(r"[\d.]+", token.text).group())
            for entry in waiting:
                entry["dose"] = entry["dose"] if entry["dose"] is not None else dose
        complete = [entry for entry in waiting if entry["side"] and entry["dose"] is not None]
        plan += [(s, level, entry["dose"]) for entry in complete for s in entry["side"] for level in entry["levels"]]
        waiting = [entry for entry in waiting if entry not in complete]
    return plan
