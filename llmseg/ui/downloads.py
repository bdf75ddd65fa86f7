"""What a user takes home: masks, numbers, a report, a structure set, the whole session. Each is made when asked for."""

from __future__ import annotations

import csv
import gzip
import math
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

from llmseg import __version__
from llmseg.case import RESEARCH_ONLY, STRUCTURES, InputError, Segmentation, Structures
from llmseg.formats.archive import write_zip
from llmseg.formats.nifti import write_labels, write_mask
from llmseg.formats.rtstruct import write_rtstruct
from llmseg.formats.saved import COMPARED, EDITED, STARTED, Arm, write_saved
from llmseg.plots import COLOURS
from llmseg.ui.cases import Entry, Shown
from llmseg.ui.numbers import DIGITS
from llmseg.ui.report import ARM_TITLES, Drawing, Report, write_report
from llmseg.ui.session import Edited, Result, Session, names_in
from llmseg.ui.viewer import Frame, PackedMasks, in_order

COLUMNS = (
    *("structure", "arm", "dsc", "hd95_mm", "volume_ml", "surface_dsc_2mm"),
    *("edit_seconds", "added_path_length_mm", "use"),
)
BY_HAND = "edited by hand"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet compute a cell instead of showing it."""


@dataclass(frozen=True, eq=False)
class Taken:
    """What stands on the page when a download is asked for.

    Args:
        results: arm ("text", "no-text", "compared", "edited") -> its contours and numbers.
        titles: arm -> its name in words.
        note: what the model read, de-identified.
    """

    entry: Entry
    shown: Shown
    results: Mapping[str, Result]
    titles: Mapping[str, str]
    note: str
    arms: Mapping[str, Arm] = field(default_factory=dict)
    edited: Edited | None = None

    @property
    def label(self) -> str:
        """What a file may call the case: the name of a sent file may be a patient's."""
        return "an uploaded CT" if self.entry.sent else self.entry.label

    @property
    def names(self) -> tuple[str, ...]:
        return names_in(self.shown, self.results)

    def structures(self, arm: str) -> Structures:
        """One arm's contours on the CT's own grid, as they are on show."""
        return self.whole(self.results[arm])

    def whole(self, result: Result) -> Structures:
        """A result's contours on the CT's own grid."""
        masks = unpack(result.masks, self.shown.frame, self.shown.shape)
        empty = np.zeros(self.shown.shape, bool)
        return Structures({name: masks.get(name, empty) for name in in_order(set(result.names))}, self.shown.frame.own)


def taken(session: Session, entry: Entry, edited: Edited | None = None) -> Taken:
    """Everything a session has to take home, with the contours of the open case that were edited by hand.

    Raises:
        InputError: nothing was contoured yet.
    """
    if session.shown is None or not (session.results or session.compared or edited):
        raise InputError("There is nothing to download yet. Press Run first.")
    results, titles = dict(session.results), dict(ARM_TITLES)
    if compared := session.compared:
        results[COMPARED], titles[COMPARED] = compared.result, compared.title
    if edited:
        results[EDITED], titles[EDITED] = edited.result, BY_HAND
    arms = {arm: Arm(result.caption, result.own_note) for arm, result in results.items()}
    if compared:
        arms[COMPARED] = Arm(compared.result.caption, compared.result.own_note, compared.name, compared.title)
    note = results["text"].note if "text" in results else ""
    return Taken(entry, session.shown, results, titles, note, arms, edited)


def make(kind: str, what: Taken, folder: Path) -> Path:
    """Make one of KINDS in a new folder inside `folder`, whose name nobody can guess.

    Raises:
        InputError: this case has no such file, or a full disk.
    """
    name, write = KINDS[kind]
    path = folder / "downloads" / secrets.token_hex(16) / name
    try:
        path.parent.mkdir(parents=True, mode=0o700)
        write(what, path)
    except OSError as error:
        shutil.rmtree(path.parent, ignore_errors=True)
        raise InputError(f"{name} cannot be made ({error.strerror}). Free some space on the server.") from error
    except InputError:
        shutil.rmtree(path.parent, ignore_errors=True)
        raise
    return path


def unpack(packed: PackedMasks, frame: Frame, shape: tuple[int, int, int]) -> dict[str, np.ndarray]:
    """Undo `viewer.pack_masks`: name -> (X, Y, Z) bool on the CT's own grid; empty masks were never packed."""
    masks = {}
    for name, box, inside in boxes_of(packed):
        masks[name] = np.zeros(shape, bool)
        frame.show(masks[name])[box] = inside  # a view: what is displayed is set where it lies
    return masks


def boxes_of(packed: PackedMasks) -> Iterator[tuple[str, tuple[slice, slice, slice], np.ndarray]]:
    """Name, box in displayed voxels, and what is inside it, of each mask."""
    bits = np.frombuffer(gzip.decompress(Path(packed.path).read_bytes()), np.uint8)
    for entry in packed.table:
        size = [high - low for low, high in entry["box"]]
        voxels = np.unpackbits(bits[entry["offset"] :], count=math.prod(size), bitorder="little")
        yield entry["name"], tuple(slice(*span) for span in entry["box"]), voxels.reshape(size[::-1]).T.astype(bool)


def _displayed(packed: PackedMasks | None, frame: Frame, part: tuple[slice, slice, slice]) -> dict[str, np.ndarray]:
    """Name -> mask as the page displays it, as far as it lies in one part of that."""
    masks = {}
    for name, box, inside in boxes_of(packed) if packed else ():
        whole = np.zeros(frame.shape, bool)
        whole[box] = inside
        if whole[part].any():
            masks[name] = whole[part]
    return masks


# ---- the files ----


def _zip_of(write: Callable[[Taken, Path], None]) -> Callable[[Taken, Path], None]:
    """Writes a folder, and zips it."""

    def zipped(what: Taken, path: Path) -> None:
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            write(what, Path(folder))
            write_zip(path, folder)

    return zipped


def _write_masks(what: Taken, folder: Path) -> None:
    numbered = {name: number for number, name in enumerate(what.names, start=1)}
    for arm in what.results:
        structures = what.structures(arm)
        labels = np.zeros(what.shown.shape, np.uint8)
        for name in reversed(list(structures)):
            write_mask(folder / arm / f"{name}.nii.gz", structures[name], structures.affine)
            labels[structures[name]] = numbered[name]
        write_labels(folder / f"labels-{arm}.nii.gz", labels, structures.affine)
    rows = [(number, name, COLOURS.get(name, "")) for name, number in numbered.items()]
    _write_csv(folder / "labels.csv", ("label", "structure", "colour"), rows)
    lines = [f"{arm}: contours {what.titles[arm]}" for arm in what.results]
    text = (
        f"{RESEARCH_ONLY}\n\nllmseg {__version__}, contours of {what.label}.\n\n"
        "<arm>/<structure>.nii.gz is one mask on the CT's grid.\n"
        "labels-<arm>.nii.gz is all of them in one map; labels.csv says which number is which.\n"
        "Where structures overlap, the map has the one with the lower number.\n\n"
    )
    (folder / "READ-ME.txt").write_text(text + "\n".join(lines) + "\n", encoding="utf-8")


def _write_table(what: Taken, path: Path) -> None:
    rows = []
    for arm, result in what.results.items():
        for name in what.names:
            values = [getattr(result.measured, number).get(name, math.nan) for number in (*DIGITS, "surface")]
            edit = [what.edited.seconds, what.edited.apl_mm] if arm == EDITED else [{}, {}]
            values += [number.get(name, math.nan) for number in edit]
            rows.append((name, what.titles[arm], *map(_number, values), RESEARCH_ONLY))
    for name, ml in what.shown.reference_ml.items():
        rows.append((name, "reference", "", "", _number(ml), "", "", "", RESEARCH_ONLY))
    _write_csv(path, COLUMNS, rows)


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4f}"


def _write_csv(path: Path, columns: tuple[str, ...], rows: list[tuple]) -> None:
    # With the mark that makes a spreadsheet read it as UTF-8.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows([plain(cell) for cell in row] for row in rows)


def plain(cell: object) -> object:
    """A cell that a spreadsheet shows as text, whatever it begins with; a number stays one."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _write_report(what: Taken, path: Path) -> None:
    frame, volume = what.shown.frame, what.entry.load_volume()
    # What the panels show at first: wide shoulders would make the neck small.
    part = tuple(slice(*span) for span in what.shown.field)
    drawings = [
        Drawing(what.titles[arm], _displayed(result.masks, frame, part), result.measured, result.provenance)
        for arm, result in what.results.items()
    ]
    report = Report(
        label=what.label,
        hu=frame.show(volume.array)[part],
        spacing_mm=frame.spacing_mm,
        grid=f"{' x '.join(map(str, volume.shape))} voxels of {' x '.join(f'{v:.3g}' for v in volume.spacing_mm)} mm",
        note=what.note,
        drawings=drawings,
        reference=_displayed(what.shown.reference, frame, part),
        reference_ml=what.shown.reference_ml,
        names=what.names,
        start=tuple(middle - span.start for middle, span in zip(what.shown.start, part, strict=True)),
        oddities=what.shown.oddities,
        has_other_note=not all(result.own_note for result in what.results.values()),
    )
    write_report(path, report)


def _write_rtstruct(what: Taken, path: Path) -> None:
    if what.entry.series is None:
        raise InputError(
            "An RTSTRUCT refers to the DICOM files of its CT, and this CT has none. Upload the DICOM series, zipped."
        )
    # What was corrected last is what goes on to planning.
    arm = next(arm for arm in (EDITED, "text", "no-text") if arm in what.results)
    write_rtstruct(path, what.structures(arm), what.entry.series, COLOURS)


def _write_session(what: Taken, folder: Path) -> None:
    shown = {**what.results, **({STARTED: what.edited.start} if what.edited else {})}
    results = {arm: Segmentation(what.whole(one), dict(one.provenance)) for arm, one in shown.items()}
    arms = {arm: what.arms.get(arm, Arm(one.caption, one.own_note)) for arm, one in shown.items()}
    reference = what.entry.load_reference()
    known = {name: mask for name, mask in (reference or {}).items() if name in STRUCTURES}
    kept = Structures(known, what.shown.frame.own) if known else None
    write_saved(folder, what.label, what.entry.load_volume(), what.note, results, arms, kept)
    (folder / "READ-ME.txt").write_text(
        f"{RESEARCH_ONLY}\n\nA session of llmseg {__version__}. To see it again, drop the zip on the page.\n",
        encoding="utf-8",
    )


KINDS: Mapping[str, tuple[str, Callable[[Taken, Path], None]]] = MappingProxyType(
    {
        "masks": ("llmseg-masks.zip", _zip_of(_write_masks)),
        "table": ("llmseg-table.csv", _write_table),
        "report": ("llmseg-report.html", _write_report),
        "rtstruct": ("llmseg-rtstruct.dcm", _write_rtstruct),
        "session": ("llmseg-session.zip", _zip_of(_write_session)),
    }
)
"""What can be downloaded -> its file's name, and what writes it."""
