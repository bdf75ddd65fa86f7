"""notes.csv: whose note says what, and where wanted, who is in which split."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llmseg.case import InputError
from llmseg.datasets.folder import SPLITS, check_id

COLUMNS = ("id", "note", "split", "patient", "dataset_id")


@dataclass(frozen=True)
class Row:
    """One line of notes.csv.

    Args:
        id: what the source calls the scan: its file name, or a DICOM PatientID or SeriesInstanceUID.
        note: as written; may be empty.
        split: "training", "validation" or "test"; "" lets a hash decide.
        patient: what scans of one patient share; "" takes what the source says.
        dataset_id: what the dataset shall call it; "" makes one.
    """

    id: str
    note: str
    split: str = ""
    patient: str = ""
    dataset_id: str = ""


def read_notes(path: str | Path) -> Mapping[str, Row]:
    """Read notes.csv (comma or semicolon, UTF-8): id -> its row.

    Raises:
        InputError: no such file, not UTF-8, a column missing or unknown, an empty or repeated id, an unknown split.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist. Write one line per scan under a header: id,note.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 (byte {error.start}). Save it as CSV UTF-8.") from error
    header = lines[0] if lines else ""
    reader = csv.DictReader(lines, delimiter=";" if header.count(";") > header.count(",") else ",")
    _check_columns([name.strip() for name in reader.fieldnames or ()], path)
    reader.fieldnames = [name.strip() for name in reader.fieldnames]
    rows: dict[str, Row] = {}
    dataset_ids = set()
    for line in reader:
        row = _row(line, f"{path}, line {reader.line_num}")
        if row.id in rows:
            raise InputError(f"{path} has two rows for {row.id!r}. Keep one.")
        if row.dataset_id and row.dataset_id in dataset_ids:
            raise InputError(f"{path} gives the dataset_id {row.dataset_id!r} twice. Give each scan its own.")
        rows[row.id] = row
        dataset_ids.add(row.dataset_id)
    if not rows:
        raise InputError(f"{path} has no row under its header. Write one line per scan.")
    return rows


def _check_columns(names: list[str], path: Path) -> None:
    for name in ("id", "note"):
        if name not in names:
            raise InputError(f"{path} has no column {name!r} (it has: {', '.join(names) or 'none'}). Add it.")
    if unknown := sorted(set(names) - set(COLUMNS)):
        raise InputError(f"{path} has a column {unknown[0]!r}. Use {', '.join(COLUMNS)}; remove the others.")


def _row(line: dict, where: str) -> Row:
    if None in line or None in line.values():
        raise InputError(f"{where}: more or fewer cells than the header. Put notes with commas or breaks in quotes.")
    values = {name: text if name == "note" else text.strip() for name, text in line.items()}
    row = Row(**values)
    if not row.id:
        raise InputError(f"{where}: the id is empty. Name the scan.")
    if row.split and row.split not in SPLITS:
        raise InputError(f"{where}: {row.split!r} is not a split. Use {', '.join(SPLITS)} or leave it empty.")
    if row.dataset_id:
        check_id(row.dataset_id)
    return row
