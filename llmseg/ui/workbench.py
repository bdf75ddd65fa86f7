"""What each button does. Nothing here knows where on the page it stands."""

from __future__ import annotations

import hashlib
import html
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock

from llmseg.case import InputError, Note, Structures
from llmseg.ui import numbers
from llmseg.ui.cases import ARMS, Catalogue, Entry, Shown, prepare, read_stored, uploaded, volumes_ml
from llmseg.ui.notes import warnings_about
from llmseg.ui.running import Drawn, Model, Progress, Stopped, stepwise
from llmseg.ui.session import RecentlyUsed, Result, Session, StopSignals, Workspace
from llmseg.ui.viewer import Panel, Scene, in_order, pack_masks

PREPARED_CASES = 8


@dataclass(frozen=True)
class Status:
    """The line under Run.

    Args:
        kind: "idle", "busy", "done" or "trouble".
        fraction: for the bar, while busy.
    """

    text: str
    kind: str = "idle"
    fraction: float | None = None
    warnings: tuple[str, ...] = ()

    def html(self) -> str:
        bar = ""
        if self.fraction is not None:
            percent = round(100 * min(max(self.fraction, 0.0), 1.0))
            bar = f'<progress max="100" value="{percent}" aria-label="Progress">{percent} %</progress>'
        lines = "".join(f'<p class="warning">{html.escape(line)}</p>' for line in self.warnings)
        return f'<div class="status {self.kind}" role="status"><p>{html.escape(self.text)}</p>{bar}{lines}</div>'


class Workbench:
    """One server's app: its cases, its model, and what each open tab asks of them."""

    def __init__(self, model: Model, catalogue: Catalogue, workspace: Workspace, gpu: Callable | None = None):
        self.model = model
        self.catalogue = catalogue
        self.workspace = workspace
        self.stops = StopSignals()
        self._prepared = RecentlyUsed(PREPARED_CASES)
        self._preparing = Lock()
        self._draw = (gpu or (lambda function: function))(self._steps)

    # ---- choosing a case ----

    def choose(self, session: Session, key: str) -> Session:
        """Open a case of the list, with its stored contours where there are any."""
        self.stops.stop(session)
        entry = self.catalogue[key]
        shown, results = self._ready(entry)
        return replace(session, shown=shown, results=results, upload=None)

    def upload(self, session: Session, path: str) -> Session:
        """Open a CT the user sent; it stays in this session's own folder."""
        entry = uploaded(path, key=f"upload/{session.id}/{time.time_ns()}")
        shown = prepare(entry, self.workspace.of(session))
        self.stops.stop(session)
        return replace(session, shown=shown, upload=entry, results={})

    def entry(self, session: Session) -> Entry:
        if session.upload is not None:
            return session.upload
        if session.shown is None:
            raise InputError("No case is open. Choose one or upload a CT.")
        return self.catalogue[session.shown.key]

    def _ready(self, entry: Entry) -> tuple[Shown, Mapping[str, Result]]:
        """The server's own cases are prepared once for everyone: they hold nothing of any session."""
        with self._preparing:
            ready = self._prepared.get(entry.key)
            if ready is None or not _still_there(*ready):
                shown = prepare(entry, self.workspace.shared)
                ready = (shown, self._stored(entry, shown))
                self._prepared.put(entry.key, ready)
            return ready

    def _stored(self, entry: Entry, shown: Shown) -> Mapping[str, Result]:
        stored = read_stored(entry)
        reference = entry.load_reference() if stored else None
        results = {}
        for arm, kept in stored.items():
            caption = _stored_caption(kept.provenance, entry.note)
            results[arm] = self._result(kept.structures, reference, shown, self.workspace.shared, caption, stored=True)
        return results

    # ---- running ----

    def run(self, session: Session, note: str) -> Iterator[Status | Session]:
        """Contour the open case: progress as `Status`, at the end the session with its results.

        `stops.new(session)` comes before it, when Run is pressed: the run may wait its turn, and be stopped meanwhile.

        Raises:
            InputError: the CT cannot be used.
            Stopped: by the Stop button, or because another case was opened.
        """
        entry, shown, stop = self.entry(session), session.shown, self.stops.of(session)
        if stop.is_set():
            raise Stopped
        note = note.strip()
        began = time.perf_counter()
        notes = {"text": Note(note)} if note else {}
        if not note or "no-text" not in session.results or session.results["no-text"].stored:
            notes["no-text"] = None
        drawn = None
        with closing(self._draw((session.id, entry.key), entry.load_volume, notes)) as steps:
            for step in steps:
                if stop.is_set():
                    raise Stopped
                if isinstance(step, Progress):
                    yield Status(f"{step.what} · {time.perf_counter() - began:.0f} s", "busy", 0.92 * step.fraction)
                else:
                    drawn = step
        yield Status("Measuring", "busy", 0.94)
        results = self._measured(drawn, entry, shown, session, note)
        if stop.is_set():
            raise Stopped
        yield replace(session, results=results)
        yield Status(_summary(drawn, note), "done", warnings=tuple(warnings_about(note, _is_cut(drawn))))

    def _steps(self, key: tuple[str, str], load_volume: Callable, notes: Mapping) -> Iterator[Progress | Drawn]:
        # A function of plain values: where a GPU is lent per call, this one runs in another process.
        yield from stepwise(partial(self.model.draw, key, load_volume, notes))

    def _measured(self, drawn: Drawn, entry: Entry, shown: Shown, session: Session, note: str) -> Mapping[str, Result]:
        reference = entry.load_reference()
        results = {arm: kept for arm, kept in session.results.items() if arm == "no-text" and not kept.stored}
        for arm, masks in drawn.masks.items():
            structures = Structures(masks, drawn.affine)
            caption = f"{drawn.seconds[arm]:.1f} s" + (f" · “{_shortened(note)}”" if arm == "text" else "")
            result = self._result(structures, reference, shown, self.workspace.of(session), caption)
            results[arm] = replace(result, own_note=arm != "text" or note == entry.note)
        return results

    def _result(self, drawn: Structures, reference, shown: Shown, folder, caption: str, stored: bool = False) -> Result:
        return Result(
            masks=pack_masks(drawn, shown.frame, folder),
            names=frozenset(drawn),
            measured=numbers.measure(drawn, reference, volumes_ml(drawn)),
            caption=caption,
            stored=stored,
        )

    # ---- what the panels show ----

    def scene(self, session: Session) -> Scene:
        shown = session.shown
        panels = {arm: Panel(result.masks, result.caption) for arm, result in session.results.items()}
        if shown.reference:
            panels["reference"] = Panel(shown.reference)
        names = in_order({*shown.reference_ml, *(name for r in session.results.values() for name in r.names)})
        measured = {arm: result.measured for arm, result in session.results.items()}
        has_scores = any(arm.dsc for arm in measured.values())
        return Scene(
            key=shown.key,
            label=shown.label,
            frame=shown.frame,
            ct=shown.ct,
            start=shown.start,
            field=shown.field,
            panels=panels,
            absent=_absent(session),
            names=names,
            numbers=numbers.table(measured, names) if measured else {},
            mean=numbers.means(measured, names),
            metrics=("dsc", "hd95", "ml") if has_scores else ("ml",) if measured else (),
            caveat=_caveat(session, has_scores),
        )

    def chart(self, session: Session):
        measured = {arm: result.measured for arm, result in session.results.items()}
        return numbers.chart(measured, in_order({name for r in session.results.values() for name in r.names}))

    def forget(self, session: Session | None) -> None:
        """Delete everything kept for a tab that has gone."""
        if session is not None:
            self.stops.stop(session)
            self.model.forget(session.id)
            self.workspace.forget(session)


def _still_there(shown: Shown, results: Mapping[str, Result]) -> bool:
    """Whether Gradio's regular clearing has left a prepared case's files alone."""
    return all(os.path.exists(path) for path in (*shown.files, *(result.masks.path for result in results.values())))


def _absent(session: Session) -> dict[str, str]:
    if not session.results:
        press = "Press Run to contour this CT."
        return {"text": press, "no-text": press, "overlaid": press}
    return {"text": "The note is empty: only the contours without a note were drawn. Write a note and press Run."}


def _caveat(session: Session, has_scores: bool) -> str:
    if not has_scores:
        return numbers.NO_REFERENCE if session.results else ""
    is_own = all(result.own_note for result in session.results.values())
    return numbers.CAVEAT if is_own else f"{numbers.CAVEAT} {numbers.OTHER_NOTE}"


def _stored_caption(provenance: Mapping[str, object], note: str) -> str:
    known = [provenance.get("checkpoint"), provenance.get("llmseg") and f"llmseg {provenance['llmseg']}"]
    if read := provenance.get("note_sha256"):
        same = {hashlib.sha256(text.encode()).hexdigest() for text in (note, f"{note}\n")}  # a file ends its last line
        known.append("this note" if read in same else "another note")
    return " · ".join(["Stored result", *(str(part) for part in known if part)])


def _summary(drawn: Drawn, note: str) -> str:
    seconds = drawn.seconds
    image = f"Image encoded in {seconds['image']:.1f} s" if "image" in seconds else "Image already encoded"
    decodes = " and ".join(f"{seconds[arm]:.1f} s" for arm in ARMS if arm in seconds)
    if not note:
        return f"The note is empty, so this is the contour without a note. {image}; decode {decodes}."
    return f"{image}; decode {decodes}{' (with and without the note)' if 'no-text' in seconds else ''}."


def _is_cut(drawn: Drawn) -> bool:
    return bool(drawn.provenance.get("text", {}).get("note_cut"))


def _shortened(note: str, letters: int = 60) -> str:
    line = " ".join(note.split())
    return line if len(line) <= letters else line[: letters - 1].rstrip() + "…"
