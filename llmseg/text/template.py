"""Prompts from facts: a template is a TOML file of sections, each with its text, its importance and what it needs.

In a section's text `{field}` stands for a fact and `[...]` for a part that is left out where a fact in it is missing. A
section is left out whole where a fact outside brackets is missing, or where nothing of its `needs` is known. Put your
own file beside the packaged ones, or name it by its path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from llmseg.case import InputError
from llmseg.formats.toml import read_toml
from llmseg.text.stated import StatedFacts

PACKAGED = Path(__file__).parent / "templates"
DEFAULT_TEMPLATE = "essential"
AS_WRITTEN = "as-written"
"""The name for no template: the network reads the de-identified note itself."""

FIELDS = (
    *(
        "site",
        "site_adjective",
        "subsite",
        "side",
        "t_stage",
        "n_stage",
        "m_stage",
        "stage",
        "tn_stage",
        "doses",
        "fractions",
        "levels",
        "nodes",
        "neck",
    ),
    *("surgery", "diagnosis", "imaging", "comorbidities", "prior_treatment"),
)
_ADJECTIVES = {
    "nasopharynx": "nasopharyngeal",
    "oropharynx": "oropharyngeal",
    "hypopharynx": "hypopharyngeal",
    "larynx": "laryngeal",
    "salivary gland": "salivary gland",
}
_NECKS = {"left": "left neck", "right": "right neck", "bilateral": "bilateral neck", "none": "neck not treated"}
_FIELD = re.compile(r"{(\w+)}")
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True)
class Section:
    """One part of a prompt.

    Args:
        importance: the least important is dropped first where the prompt is too long.
        needs: fields of which at least one must be known.
    """

    name: str
    text: str
    importance: int
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Template:
    """Sections in the order they are written."""

    name: str
    sections: tuple[Section, ...]
    description: str = ""
    separator: str = "\n"
    end: str = ""


@dataclass(frozen=True)
class Prompt:
    """What the language model reads.

    Args:
        dropped: names of the sections left out to fit the token budget.
    """

    text: str
    dropped: tuple[str, ...] = ()


def template_names() -> tuple[str, ...]:
    """The packaged templates, the default first."""
    names = sorted(path.stem for path in PACKAGED.glob("*.toml"))
    return (DEFAULT_TEMPLATE, *(name for name in names if name != DEFAULT_TEMPLATE))


def read_template(name: str) -> Template:
    """A packaged template by its name, or one in a file of yours by its path.

    Raises:
        InputError: no such template, broken TOML, or a field that does not exist.
    """
    path = Path(name) if name.endswith(".toml") else PACKAGED / f"{name}.toml"
    if not path.is_file():
        raise InputError(
            f"There is no template {name!r}. Use {', '.join(template_names())}, or a path to a .toml file."
        )
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=32)
def _read(path: Path, changed: int) -> Template:
    values = read_toml(path)
    unknown = sorted(values.keys() - {"description", "separator", "end", "section"})
    if unknown:
        raise InputError(f"{path}: unknown key {unknown[0]!r}. Known keys: description, separator, end, section.")
    try:
        sections = tuple(_section(path, entry) for entry in values["section"])
        return Template(
            path.stem, sections, values.get("description", ""), values.get("separator", "\n"), values.get("end", "")
        )
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{path} has a section without {error}. Give each a name, a text and an importance."
        ) from error


def _section(path: Path, entry: Mapping[str, object]) -> Section:
    section = Section(entry["name"], entry["text"], entry["importance"], tuple(entry.get("needs", ())))
    for field in (*_FIELD.findall(section.text), *section.needs):
        if field not in FIELDS:
            raise InputError(f"{path}: section {section.name!r} asks for {field!r}. Known fields: {', '.join(FIELDS)}.")
    return section


def fill(
    template: Template,
    facts: StatedFacts,
    sections: Mapping[str, str] | None = None,
    *,
    budget: int = 256,
    count_tokens: Callable[[str], int] | None = None,
) -> Prompt:
    """Write a prompt; the least important sections are dropped whole until it fits.

    Args:
        sections: the note's own sections, for templates that quote them.
        budget: the most tokens.
        count_tokens: of a text; without it, a cautious estimate from its letters.
    """
    values = _values(facts, sections or {})
    written = [(section, text) for section in template.sections if (text := _write(section, values))]
    count, dropped = count_tokens or estimate_tokens, []

    def joined() -> str:
        return template.separator.join(text for _, text in written) + (template.end if written else "")

    while len(written) > 1 and count(joined()) > budget:
        least = min(written, key=lambda part: part[0].importance)
        written.remove(least)
        dropped.append(least[0].name)
    return Prompt(joined(), tuple(dropped))


def estimate_tokens(text: str) -> int:
    """No fewer tokens than a byte-pair vocabulary makes of English: one for three letters, one for each other sign."""
    return sum(1 + len(word) // 4 for word in re.findall(r"[^\W\d_]+", text)) + len(re.findall(r"[\d_]|[^\w\s]", text))


def _write(section: Section, values: Mapping[str, str]) -> str:
    if section.needs and not any(values.get(field) for field in section.needs):
        return ""
    text = _OPTIONAL.sub(
        lambda part: part.group(1) if all(values.get(f) for f in _FIELD.findall(part.group(1))) else "", section.text
    )
    if not all(values.get(field) for field in _FIELD.findall(text)):
        return ""
    return _FIELD.sub(lambda field: values[field.group(1)], text)


def write_nodes(nodes: Sequence[tuple[str, str, float]]) -> str:
    """ "left II 70, III 70, IV 56; right II 56": each level once, as the network's prompts have it."""
    by_side = {side: [f"{level} {dose:g}" for s, level, dose in nodes if s == side] for side in ("left", "right")}
    return "; ".join(f"{side} {', '.join(levels)}" for side, levels in by_side.items() if levels)


def _plain_stage(stage: str | None) -> str:
    """ "T4a" -> "T4"; nothing for "TX", which says that nobody knows."""
    return stage[:2] if stage and stage[1] != "X" else ""


def _values(facts: StatedFacts, sections: Mapping[str, str]) -> dict[str, str]:
    site = facts.site or ""
    return {
        "site": site,
        "site_adjective": _ADJECTIVES.get(site, site),
        "subsite": facts.subsite or "",
        "side": facts.side or "",
        "t_stage": facts.t_stage or "",
        "n_stage": facts.n_stage or "",
        "m_stage": facts.m_stage or "",
        "nodes": write_nodes(facts.nodes),
        "tn_stage": "".join(_plain_stage(stage) for stage in (facts.t_stage, facts.n_stage)),
        "stage": "".join(part for part in (facts.t_stage, facts.n_stage, facts.m_stage) if part),
        "doses": " / ".join(f"{dose:g}" for dose in facts.dose_gy),
        "fractions": str(facts.fractions or ""),
        "levels": ", ".join(facts.levels),
        "neck": _NECKS.get(facts.neck or "", ""),
        "surgery": ", ".join(facts.surgery),
        "diagnosis": sections.get("Diagnosis", ""),
        "imaging": sections.get("Imaging impression", ""),
        "comorbidities": sections.get("Comorbidities", "").rstrip("."),
        "prior_treatment": sections.get("Prior treatment", ""),
    }
