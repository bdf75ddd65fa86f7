"""A study's answers as files: a table for any spreadsheet, what its columns mean, and input for iMRMC."""

from __future__ import annotations

import csv
import io
import json
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import get_type_hints

from llmseg.case import InputError
from llmseg.formats.whole import write_whole
from llmseg.study.answers import Answer
from llmseg.study.protocol import ORDINAL, PREFERENCE, TIE

TABLE, DICTIONARY = "answers.csv", "data-dictionary.md"

GUARDED = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
"""A spreadsheet may run a cell that begins so. The apostrophe is guarded too, so that taking a guard off is exact."""

MADE_UP_CASES = 5
"""Of an iMRMC file: without the signal, all scored 0.5."""

ACCEPTABLE_LABELS = 2
"""The best so many labels of a scale count as acceptable."""


def export(answers: Sequence[Answer], folder: Path) -> list[Path]:
    """Write the answers, one a row; the data dictionary; and one iMRMC file for each scale and preference.

    Returns:
        what was written.
    Raises:
        InputError: there is no answer, or the folder cannot be written.
    """
    if not answers:
        raise InputError("The study has no answer yet; there is nothing to export. Wait for a reader.")
    files = {TABLE: _table(answers), DICTIONARY: data_dictionary(), **_imrmc_files(answers)}
    for name, text in files.items():
        write_whole(folder / name, text.encode("utf-8", "surrogatepass"))
    return [folder / name for name in files]


def read_answers(path: Path) -> list[Answer]:
    """Read what `export` wrote, to the last character.

    Raises:
        InputError: not such a table, or a cell that cannot be; names the line.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig", "surrogatepass")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}). Check the path.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text. Save it as CSV UTF-8.") from error
    rows = csv.DictReader(io.StringIO(text, newline=""))
    names = [field.name for field in fields(Answer)]
    try:
        if missing := [name for name in names if name not in (rows.fieldnames or ())]:
            raise InputError(f"{path} has no column {missing[0]!r}. Give a table that `study export` wrote.")
        return [_answer(row, f"{path}, line {rows.line_num}") for row in rows]
    except csv.Error as error:
        raise InputError(f"{path}, line {rows.line_num} is not CSV ({error}). Export it again.") from error


def _table(answers: Iterable[Answer]) -> str:
    names = [field.name for field in fields(Answer)]
    buffer = io.StringIO(newline="")
    buffer.write("\ufeff")  # by which Excel knows UTF-8
    writer = csv.writer(buffer)
    writer.writerow(names)
    writer.writerows([_written(getattr(answer, name)) for name in names] for answer in answers)
    return buffer.getvalue()


def _written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, tuple):
        return json.dumps(value, ensure_ascii=False)
    return f"'{value}" if value.startswith(GUARDED) else value


def _text(cell: str) -> str:
    return cell[1:] if cell.startswith("'") else cell


def _labels(cell: str) -> tuple[str, ...]:
    labels = json.loads(cell)
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError
    return tuple(labels)


def _flag(cell: str) -> bool:
    return {"true": True, "false": False}[cell.lower()]  # spreadsheets write TRUE


_READ: Mapping[str, Callable[[str], object]] = MappingProxyType(
    {"str": _text, "int": int, "float": float, "bool": _flag, "tuple": _labels}
)
_KINDS = {
    name: re.sub(r"\[.*| \| None", "", hint if isinstance(hint, str) else getattr(hint, "__name__", str(hint)))
    for name, hint in Answer.__annotations__.items()
}
_OPTIONAL = {name for name, hint in get_type_hints(Answer).items() if type(None) in getattr(hint, "__args__", ())}


def _answer(row: Mapping[str, str | None], where: str) -> Answer:
    if None in row or None in row.values():  # csv's marks for too many cells and too few
        raise InputError(f"{where} has not one cell for each column. Correct the line or export again.")
    values = {}
    for name, kind in _KINDS.items():
        cell = row[name]
        try:
            values[name] = None if cell == "" and name in _OPTIONAL else _READ[kind](cell)
        except (ValueError, KeyError) as error:
            raise InputError(f"{where}: {name} = {cell!r} is no {kind}. Correct the cell or export again.") from error
    return Answer(**values)


def data_dictionary() -> str:
    """What each column means, in Markdown, from the description of an answer itself."""
    meanings = _meanings(Answer.__doc__ or "")
    lines = [
        "# Data dictionary",
        "",
        f"`{TABLE}` has one row for each question of each reading: the last answer where it was changed, with the",
        "blinding undone. It is UTF-8 with commas; an empty cell is no value; labels are a JSON list. A text that",
        "begins with one of `= + - @ '`, a tab or a line break has an apostrophe before it, so no spreadsheet runs",
        "it: take one leading apostrophe away.",
        "",
        "| column | type | may be empty | meaning |",
        "|---|---|---|---|",
    ]
    for name, kind in _KINDS.items():
        lines.append(f"| {name} | {kind} | {'yes' if name in _OPTIONAL else 'no'} | {meanings[name]} |")
    return "\n".join(lines) + "\n"


def _meanings(docstring: str) -> dict[str, str]:
    """Field -> its text under "Args:"; several fields may share one."""
    block = textwrap.dedent(docstring.partition("Args:\n")[2]).strip("\n")
    entries = re.split(r"\n(?=\S)", textwrap.dedent(block))
    found = {}
    for entry in entries:
        names, _, meaning = entry.partition(":")
        for name in names.split(","):
            found[name.strip()] = " ".join(meaning.split()).replace("|", "\\|")
    return found


def _imrmc_files(answers: Iterable[Answer]) -> dict[str, str]:
    groups: dict[tuple[str, str], list[Answer]] = {}
    for answer in answers:
        if answer.measure in (ORDINAL, PREFERENCE) and not answer.training and answer.repeats is None:
            groups.setdefault((answer.task, answer.question), []).append(answer)
    return {f"{_name(task)}.{_name(question)}.imrmc": _imrmc(found) for (task, question), found in groups.items()}


def _name(key: str) -> str:
    return re.sub(r"[^\w-]", "_", key)


def _imrmc(answers: Sequence[Answer]) -> str:
    """One question for iMRMC, whose "AUC" is then the mean score over readers and cases.

    iMRMC compares ROC areas and wants cases with and without a signal. A contour has no such truth, so the way of its
    authors for binary data is taken: every real case is one with the signal, and a few made-up ones without it are
    scored 0.5 by all. The area is then P(score > 0.5) + P(score = 0.5) / 2: the share acceptable, or for a preference
    the share of wins plus half of the ties, with iMRMC's multi-reader multi-case variance.

    Source: DIDSR/iMRMC, wiki, "MRMC analysis of binary data"; Gallas 2006.
    """
    scores = {}
    for answer in answers:
        modality, score = _imrmc_score(answer)
        scores[answer.reader, answer.case, modality] = score
    readers, cases, modalities = (_unique_names(sorted({key[place] for key in scores})) for place in range(3))
    made_up = _unique_names([f"made-up {number + 1}" for number in range(MADE_UP_CASES)], taken=set(cases.values()))
    lines = [
        f"{answers[0].study}: task {answers[0].task}, question {answers[0].question}",
        "The area under the ROC curve that iMRMC reports is the mean score: "
        + ("wins plus half of the ties." if answers[0].measure == PREFERENCE else "the share acceptable."),
        f"The {MADE_UP_CASES} cases without the signal are made up and scored 0.5 by all; read nothing else from them.",
        "Single ratings and second readings are not here: see answers.csv.",
        f"N0: {MADE_UP_CASES}",
        f"N1: {len(cases)}",
        f"NR: {len(readers)}",
        f"NM: {len(modalities)}",
        "",
        "BEGIN DATA:",
    ]
    lines += [f"-1,{case},0,0" for case in made_up.values()]
    lines += [f"-1,{case},0,1" for case in cases.values()]
    lines += [f"{r},{c},{m},0.5" for r in readers.values() for m in modalities.values() for c in made_up.values()]
    lines += [f"{readers[r]},{cases[c]},{modalities[m]},{score:g}" for (r, c, m), score in scores.items()]
    return "\n".join(lines) + "\n"


def _imrmc_score(answer: Answer) -> tuple[str, float]:
    """What it is a score of, and the score: 1 is acceptable, or the first of the two preferred."""
    if answer.measure == ORDINAL:
        return answer.arm, float(int(answer.value) > len(answer.labels) - ACCEPTABLE_LABELS)
    first, second = sorted((answer.arm, answer.other or ""))
    return f"{first} over {second}", {first: 1.0, TIE: 0.5, second: 0.0}[answer.value]


def _unique_names(names: Iterable[str], taken: set[str] | None = None) -> dict[str, str]:
    """Without what the format keeps for itself: commas, line breaks, and the ids of its rows of truth."""
    taken = {"-1", "0", "truth", ""} | (taken or set())
    given = {}
    for name in names:
        plain = " ".join(name.replace(",", " ").split())
        unique, number = plain, 1
        while unique in taken:
            number += 1
            unique = f"{plain} ({number})"
        taken.add(unique)
        given[name] = unique
    return given
