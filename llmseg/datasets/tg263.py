"""What a structure is called in a plan, and which TG-263 structure that is: an editable table.

Source: Mayo et al., "American Association of Physicists in Medicine Task Group 263: Standardizing nomenclatures in
radiation oncology", Int J Radiat Oncol Biol Phys 100, 1057-1066 (2018).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from llmseg.case import STRUCTURES, InputError
from llmseg.formats.toml import read_toml

PACKAGED = Path(__file__).with_name("tg263.toml")
ABSENT_TARGETS = ("unknown", "empty")


class Choice(NamedTuple):
    """TG-263 name -> the plan's name for it; and the plan's names that the table does not know."""

    chosen: Mapping[str, str]
    unmapped: tuple[str, ...]


@dataclass(frozen=True)
class NamesTable:
    """Names and patterns of each structure.

    Args:
        names: bare name -> TG-263 name.
        patterns: TG-263 name -> what the whole of a bare name must match.
        ignored: what is passed over without a word.
        absent_targets: what a PTV level without a contour means, "unknown" or "empty".
    """

    names: Mapping[str, str]
    patterns: Mapping[str, re.Pattern]
    ignored: re.Pattern
    absent_targets: str = "unknown"
    source: str = "the table of names"

    def with_absent_targets(self, meaning: str | None) -> NamesTable:
        """The same table with another meaning of a missing PTV level; None keeps its own."""
        if meaning is None:
            return self
        if meaning not in ABSENT_TARGETS:
            raise InputError(f"A missing PTV level cannot mean {meaning!r}. Use {' or '.join(ABSENT_TARGETS)}.")
        return replace(self, absent_targets=meaning)

    def structure(self, name: str) -> str | None:
        """The TG-263 name of one of the plan's names; None where the table does not know it.

        Raises:
            InputError: patterns of two structures match it.
        """
        bare = _bare(name)
        if bare in self.names:
            return self.names[bare]
        found = [structure for structure, pattern in self.patterns.items() if pattern.fullmatch(bare)]
        if len(found) > 1:
            raise InputError(
                f"{name!r} matches the patterns of {' and '.join(found)} in {self.source}. "
                "List it under the names of one."
            )
        return found[0] if found else None

    def choose(self, names: Collection[str]) -> Choice:
        """Which of a plan's contoured structures are ours.

        Raises:
            InputError: two of them mean the same structure.
        """
        chosen, unmapped = {}, []
        for name in names:
            structure = self.structure(name)
            if structure is None:
                if not self.ignored.fullmatch(_bare(name)):
                    unmapped.append(name)
            elif structure in chosen:
                raise InputError(
                    f"{chosen[structure]!r} and {name!r} both mean {structure}. Take one of them out of "
                    f"{self.source} (--names), or out of the plan."
                )
            else:
                chosen[structure] = name
        return Choice(chosen, tuple(unmapped))


def read_names(path: str | Path | None = None) -> NamesTable:
    """Read a table of names; without a path the packaged one.

    Raises:
        InputError: no such file, not TOML, an unknown structure or key, a broken pattern, or a name given to two.
    """
    path = PACKAGED if path is None else Path(path)
    table = read_toml(path)
    absent_targets = table.pop("absent_targets", None)
    ignored = _pattern(table.pop("ignore", []), path)
    names, patterns = {}, {}
    for structure, entry in table.items():
        if structure not in STRUCTURES:
            raise InputError(f"{path} names {structure!r}, which is none of {', '.join(STRUCTURES)}. Correct it.")
        if not isinstance(entry, dict) or set(entry) - {"names", "patterns"}:
            raise InputError(f'{path}: [{structure}] may hold "names" and "patterns", two lists. Correct it.')
        patterns[structure] = _pattern(entry.get("patterns", []), path)
        for name in (structure, *_list(entry.get("names", []), path)):
            if names.setdefault(_bare(name), structure) != structure:
                raise InputError(f"{path} gives {name!r} to {names[_bare(name)]} and to {structure}. Keep one.")
    source = NamesTable.source if path == PACKAGED else str(path)
    return NamesTable(names, patterns, ignored, source=source).with_absent_targets(absent_targets)


def _bare(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())


def _list(values: object, path: Path) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InputError(f"{path} has {values!r:.60} where a list of names in quotes belongs. Correct it.")
    return values


def _pattern(values: object, path: Path) -> re.Pattern:
    try:
        # An empty list matches nothing, not everything.
        return re.compile("|".join(f"(?:{value})" for value in _list(values, path)) or r"(?!)")
    except re.error as error:
        raise InputError(f"{path} has a pattern that is no regular expression ({error}). Correct it.") from error
