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
from pathlib import Path
from threading import Lock

from llmseg.case import TARGETS, InputError, Note, Structures
from llmseg.explain import Delta, counterfactuals, difference, plan_ablation
from llmseg.formats.saved import COMPARED, EDITED, STARTED, Arm
from llmseg.text.note import NoteReading, read_note
from llmseg.ui import editing, lessons, numbers
from llmseg.ui.cases import ARMS, Catalogue, Entry, Shown, check_grid, prepare, read_stored, uploaded, volumes_ml
from llmseg.ui.downloads import make, taken
from llmseg.ui.lessons import Lesson, Taught
from llmseg.ui.notes import warnings_about
from llmseg.ui.numbers import Measured
from llmseg.ui.reading import shortened, told
from llmseg.ui.running import Drawn, Model, Progress, Stopped, stepwise
from llmseg.ui.session import (
    Compared,
    RecentlyUsed,
    Result,
    Session,
    StopSignals,
    Tried,
    Turns,
    Workspace,
    names_in,
)
from llmseg.ui.solid import figure_of, layers_of
from llmseg.ui.tried import name_of, picture_of, remember, what_changed
from llmseg.ui.viewer import Frame, Panel, Scene, in_order, pack_likely, pack_masks, pack_parts

PREPARED_CASES = 8
SAY_EVERY_SECONDS = 1.0
"""Each word of a run costs the browser a tenth of a second, on the cores that the model needs."""
WHY_NOT = {
    "wrong side": "the note names no side. Write left or right in it.",
    "other stage": "the note states no T stage. Write one, for example T2N1M0.",
    "other site": "the note names no site. Write one, for example larynx.",
    "another patient": "there is no other case with a note here.",
    "paraphrase": "the note lacks one of site, side, neck and 70 Gy, in terms the network was trained on.",
}
"""Preset -> what a note needs for it."""


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
        self.turns = Turns()
        self.edits = editing.Edits()
        self._prepared = RecentlyUsed(PREPARED_CASES)
        self._preparing = Lock()
        self._draw = (gpu or (lambda function: function))(self._steps)

    # ---- choosing a case ----

    def choose(self, session: Session, key: str) -> Session:
        """Open a case of the list, with its stored contours where there are any."""
        self.stops.stop(session)
        entry = self.catalogue[key]
        shown, results = self._ready(entry)
        opened = Session(session.id, session.home, shown, results=results, tried=session.tried)
        # What an earlier run left here counts as tried, so that the first change of a word can be set against it.
        if "text" in results and not opened.tried_here:
            return _remembering(opened, entry.note, frozenset(), results["text"])
        return opened

    def upload(self, session: Session, path: str) -> Session:
        """Open what the user sent: a CT, or a saved session with its contours; it stays in this session's own folder.

        Raises:
            InputError: neither of them, or a CT that cannot be contoured.
        """
        folder = self.workspace.of(session)
        try:
            entry = uploaded(path, f"upload/{session.id}/{time.time_ns()}", folder)
            shown = prepare(entry, folder)
            results = dict(self._stored(entry, shown, folder))
        except InputError as error:
            # Where this server keeps what is sent is nothing to tell.
            raise InputError(str(error).replace(f"{folder}{os.sep}", "")) from error
        again, said = results.pop(COMPARED, None), entry.arms.get(COMPARED)
        self.stops.stop(session)
        compared = Compared(said.name, said.title, again) if again and said else None
        edited, started = results.pop(EDITED, None), results.pop(STARTED, None)
        opened = Session(session.id, session.home, shown, entry, results, compared, tried=session.tried)
        self.edits.put(opened, editing.reopened(edited, started or results.get("text")))
        return _remembering(opened, entry.note, frozenset(), results.get("text"))

    def reload(self, secret: str) -> Session | None:
        """The session of a page that was loaded again, as it was; None where this server no longer holds it."""
        session = self.workspace.reload(secret)
        if session and not (session.shown and _still_there(session.shown, session.results)):
            self.workspace.forget(session)
            return None
        return session

    def entry(self, session: Session) -> Entry:
        if session.upload is not None:
            return session.upload
        if session.shown is None:
            raise InputError("No case is open. Choose one or upload a CT.")
        return self.catalogue[session.taught.lesson.case if session.taught else session.shown.key]

    def _ready(self, entry: Entry) -> tuple[Shown, Mapping[str, Result]]:
        """The server's own cases are prepared once for everyone: they hold nothing of any session."""
        with self._preparing:
            ready = self._prepared.get(entry.key)
            if ready is None or not _still_there(*ready):
                shown = prepare(entry, self.workspace.shared)
                ready = (shown, self._stored(entry, shown, self.workspace.shared))
                self._prepared.put(entry.key, ready)
            return ready

    def _stored(self, entry: Entry, shown: Shown, folder: Path) -> Mapping[str, Result]:
        stored = read_stored(entry)
        reference = entry.load_reference() if stored else None
        results = {}
        for arm, kept in stored.items():
            check_grid(kept.structures, shown.shape, f"The stored result of {entry.label}")
            is_own = _is_of(kept.provenance, entry.note)
            said = entry.arms.get(arm, Arm(_stored_caption(kept.provenance, is_own)))
            note = read_note(entry.note).text if arm == "text" and is_own else ""
            result = self._result(arm, kept.structures, reference, shown, folder, said.caption, kept.provenance)
            results[arm] = replace(result, stored=True, own_note=said.own_note, note=note)
        return results

    # ---- lessons ----

    def begin_lesson(self, session: Session, lesson: Lesson) -> Session:
        """Open a lesson's case blind, with a blank contour to draw on.

        What was drawn before its reference was seen goes on; after that the lesson begins anew.
        """
        session = self._in_lesson(session, Taught(lesson))
        blank = Result(
            masks=pack_parts({}, self.workspace.of(session)),
            names=frozenset([lesson.structure]),
            measured=numbers.Measured(),
            caption="from a blank contour",
        )
        drawn = self.edits.of(session)
        if drawn and drawn.result.measured.dsc:
            self.edits.put(session, None)
        others = {key: tried for key, tried in session.tried.items() if key != session.shown.key}
        return replace(session, results={"text": blank}, tried=others)

    def show_lesson(self, session: Session) -> Session:
        """The reference and the model's stored contours beside what the learner drew, with the numbers.

        Raises:
            InputError: no lesson is on.
        """
        taught, entry = _taught(session), self.entry(session)
        session = self._in_lesson(session, replace(taught, stage=lessons.SEEN))
        drawn, own = self.edits.of(session), None
        if drawn:
            drawn = editing.scored(drawn, session.shown, entry.load_reference())
            self.edits.put(session, drawn)
            own = drawn.result.measured
        _, stored = self._ready(entry)
        said = lessons.verdict(taught.lesson.structure, own, {arm: kept.measured for arm, kept in stored.items()})
        session = replace(session, results=stored, taught=replace(session.taught, said=said))
        return _remembering(session, entry.note, frozenset(), stored.get("text"))

    def change_lesson(self, session: Session) -> Iterator[Status | Session]:
        """Set the case's own note against the lesson's other one.

        Raises:
            InputError: no lesson is on, or its reference was not seen yet.
            Stopped: see `run`.
        """
        taught, own = _taught(session), self.entry(session).note
        change = taught.lesson.change
        for step in self.compare(session, own, "lesson", lessons.CHANGED_NOTE, change):
            if isinstance(step, Status):
                yield step
            else:
                yield replace(step, taught=replace(taught, stage=lessons.CHANGED, words=what_changed(own, change, 160)))

    def leave_lesson(self, session: Session) -> Session:
        """The lesson's case as anyone opens it.

        Raises:
            InputError: no lesson is on.
        """
        return self.choose(session, _taught(session).lesson.case)

    def _in_lesson(self, session: Session, taught: Taught) -> Session:
        """A lesson's case at one of its stages, without contours."""
        self.stops.stop(session)
        shown, _ = self._ready(self.catalogue[taught.lesson.case])
        shown = lessons.opened(taught.lesson, shown, taught.stage)
        return Session(session.id, session.home, shown, tried=session.tried, taught=taught)

    # ---- running ----

    def run(self, session: Session, note: str, kept: frozenset[str] = frozenset()) -> Iterator[Status | Session]:
        """Contour the open case: progress as `Status`, at the end the session with its results.

        `stops.new(session)` comes before it, when Run is pressed: the run may wait its turn, and be stopped meanwhile.

        Args:
            kept: keys of redactions that the user took back.
        Raises:
            InputError: the CT cannot be used.
            Stopped: by the Stop button, or because another case was opened.
        """
        reading = self._read(note, kept)
        notes = {"text": reading, **self._plain_if_missing(session)} if reading else {"no-text": None}
        drawn = yield from self._drawing(session, notes)
        results = self._measured(drawn, session, reading)
        ended = replace(session, results=results, compared=None, explanation=None)
        yield _remembering(ended, note, kept, results.get("text"))
        structures = drawn.structures("text") if reading else None
        yield Status(_summary(drawn, note.strip()), "done", warnings=self._warnings(reading, structures, drawn))

    def compare(
        self, session: Session, note: str, name: str, title: str, other: str | None, kept: frozenset[str] = frozenset()
    ) -> Iterator[Status | Session]:
        """Contour with the note and with another in its place, and show the two side by side.

        Args:
            name, title: of the comparison.
            other: the other note; None compares with the contour without one.
        Raises:
            InputError: the note is empty, or the CT cannot be used.
            Stopped: see `run`.
        """
        reading = self._read(note, kept)
        if reading is None:
            raise InputError("There is no note to compare with. Write one first.")
        notes = {"text": reading, "compared": self._read(other or "", kept)}
        drawn = yield from self._drawing(session, notes)
        results = {**self._measured(drawn, session, reading)}
        change = difference(drawn.structures("text"), drawn.structures("compared"))
        moved = told(sum(delta.moved_ml for delta in change.values()), change)
        if other is None:
            results["no-text"] = self._result_of(drawn, "compared", session, moved)
            compared = None
        else:
            result = self._result_of(drawn, "compared", session, f"{moved} · “{shortened(other)}”")
            compared = Compared(name, title, replace(result, own_note=False), _jump(change, session.shown.frame))
        yield _remembering(replace(session, results=results, compared=compared), note, kept, results["text"])
        warnings = self._warnings(reading, drawn.structures("text"), drawn)
        yield Status(f"{title}: {moved}.", "done", warnings=warnings)

    def explain(self, session: Session, note: str, kept: frozenset[str] = frozenset()) -> Iterator[Status | Session]:
        """Leave out each phrase of the note in turn and see what that moves.

        Raises:
            InputError, Stopped: see `compare`.
        """
        reading = self._read(note, kept)
        if reading is None:
            raise InputError("There is no note to explain. Write one first.")
        plan = plan_ablation(self.model.get().read, reading)
        notes = {"text": reading, **{f"without {n}": shorter for n, shorter in enumerate(plan.draws[1:])}}
        drawn = yield from self._drawing(session, {**notes, **self._plain_if_missing(session)})
        explanation = plan.effects(drawn.structures(arm) for arm in notes)
        results = self._measured(drawn, session, reading)
        ended = replace(session, results=results, compared=None, explanation=explanation)
        yield _remembering(ended, note, kept, results["text"])
        moving = sum(1 for effect in explanation.effects if effect.moved_ml)
        text = f"{moving} of {len(explanation.effects)} phrases move the contour; {explanation.decodes} decodes in "
        text += f"{drawn.seconds['decode']:.1f} s. Click a phrase to see it on the CT."
        yield Status(text, "done", warnings=self._warnings(reading, drawn.structures("text"), drawn))

    def preset(self, session: Session, note: str, name: str, kept: frozenset[str] = frozenset()) -> str | None:
        """What the note becomes under a preset of `explain.PRESETS`; None is no note.

        Raises:
            InputError: this note has nothing that the preset could change.
        """
        reading = self._read(note, kept)
        if reading is None:
            raise InputError("There is no note to change. Write one first.")
        another = self.catalogue.after(session.shown.key if session.shown else "")
        found = counterfactuals(reading, another.note if another else None)
        if name not in found:
            raise InputError(f"{name.capitalize()}: {WHY_NOT[name]}")
        return found[name]

    # ---- edited by hand ----

    def save_edit(self, session: Session, sent: object) -> None:
        """Keep contours that were edited on the page as the open case's third arm; the same save again is none.

        Raises:
            InputError: see `editing.read_sent`; or they were edited elsewhere meanwhile.
        """
        entry, before = self.entry(session), self.edits.of(session)
        known = [*session.results.values(), *(one.result for one in session.tried_here)]
        read = editing.read_sent(sent, session.shown, [before.start] if before else known)
        if before and before.id == read.id:
            return
        folder = self.workspace.of(session)
        reference = None if session.is_blind else entry.load_reference()
        edited = editing.applied(read, before, session.shown, reference, folder)
        self.edits.put(session, edited, read.after)

    # ---- notes tried before ----

    def back_to(self, session: Session, number: int) -> tuple[Session, Tried]:
        """A note tried before, in the first panel again; no run is needed.

        Raises:
            InputError: it is no longer kept.
        """
        one = _tried(session, number)
        results = {**session.results, "text": one.result}
        return replace(session, results=results, compared=None, explanation=None), one

    def beside(self, session: Session, number: int) -> Session:
        """A note tried before, in the second panel, or away again where it stands there.

        Raises:
            InputError: it is no longer kept.
        """
        one = _tried(session, number)
        name = name_of(number)
        if session.compared and session.compared.name == name:
            return replace(session, compared=None)
        caption = f"“{shortened(one.note)}”"
        return replace(session, compared=Compared(name, f"Note {number}", replace(one.result, caption=caption)))

    def _plain_if_missing(self, session: Session) -> dict[str, None]:
        """The contour without a note, where this session has none of its own yet."""
        has_own = "no-text" in session.results and not session.results["no-text"].stored
        return {} if has_own else {"no-text": None}

    def _read(self, note: str, kept: frozenset[str]) -> NoteReading | None:
        return self.model.get().read(Note(note), kept=kept) if note.strip() else None

    def _drawing(self, session: Session, notes: Mapping[str, NoteReading | None]) -> Iterator[Status]:
        """Yield progress; return what was drawn."""
        entry, stop, began = self.entry(session), self.stops.of(session), time.perf_counter()
        said = -SAY_EVERY_SECONDS
        if session.is_blind:
            raise InputError(lessons.NOT_YET)
        if stop.is_set():
            raise Stopped
        with closing(self._draw((session.id, entry.key), entry.load_volume, notes)) as steps:
            for step in steps:
                if stop.is_set():
                    raise Stopped
                if not isinstance(step, Progress):
                    yield Status("Measuring", "busy", 0.94)
                    if stop.is_set():
                        raise Stopped
                    return step
                if (passed := time.perf_counter() - began) >= said + SAY_EVERY_SECONDS:
                    said = passed
                    yield Status(f"{step.what} · {passed:.0f} s", "busy", 0.92 * step.fraction)
        raise AssertionError("a drawing ends with what was drawn")

    def _steps(self, key: tuple[str, str], load_volume: Callable, notes: Mapping) -> Iterator[Progress | Drawn]:
        # A function of plain values: where a GPU is lent per call, this one runs in another process.
        yield from stepwise(partial(self.model.draw, key, load_volume, notes))

    def _measured(self, drawn: Drawn, session: Session, reading: NoteReading | None) -> dict[str, Result]:
        """The session's results with the note's new one, and the one without a note where it was drawn."""
        results = {arm: kept for arm, kept in session.results.items() if arm == "no-text" and not kept.stored}
        own = reading is not None and reading.text == self.entry(session).note
        for arm in ARMS:
            if arm in drawn.masks:
                caption = f"“{shortened(reading.text)}”" if arm == "text" else ""
                result = self._result_of(drawn, arm, session, caption)
                note = reading.text if arm == "text" else ""
                results[arm] = replace(result, own_note=arm != "text" or own, note=note)
        return results

    def _result_of(self, drawn: Drawn, arm: str, session: Session, caption: str) -> Result:
        reference, folder = self.entry(session).load_reference(), self.workspace.of(session)
        structures, provenance = drawn.structures(arm), drawn.provenance[arm]
        result = self._result(arm, structures, reference, session.shown, folder, caption, provenance)
        likely = pack_likely(drawn.likely, session.shown.frame, folder) if arm == "text" else None
        return replace(result, likely=likely)

    def _result(
        self, arm: str, drawn: Structures, reference, shown: Shown, folder: Path, caption: str, provenance: Mapping
    ) -> Result:
        return Result(
            masks=pack_masks(drawn, shown.frame, folder),
            names=frozenset(drawn),
            measured=numbers.measure(drawn, reference, volumes_ml(drawn)),
            caption=caption,
            picture=picture_of(drawn, shown.frame, _middle(shown)) if arm == "text" else "",
            provenance=provenance,
        )

    def _warnings(self, reading: NoteReading | None, drawn: Structures | None, run: Drawn) -> tuple[str, ...]:
        if reading is None:
            return ()
        is_cut = bool(run.provenance["text"].get("note_cut"))
        return tuple(warnings_about(reading, drawn, is_cut))

    # ---- what the panels show ----

    def scene(self, session: Session) -> Scene:
        shown = session.shown
        edited = self.edits.of(session)
        results = self._on_show(session)
        panels = {arm: Panel(result.masks, result.caption) for arm, result in results.items()}
        if edited:
            panels[STARTED] = Panel(edited.start.masks)
        if shown.reference:
            panels["reference"] = Panel(shown.reference)
        names = names_in(shown, results)
        measured = self._measured_on_show(session)
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
            mean=numbers.means(measured, names) if not (session.taught and edited) else None,
            metrics=("dsc", "hd95", "ml") if has_scores else ("ml",) if measured else (),
            caveat=lessons.HIDDEN if session.is_blind else _caveat(results, has_scores),
            second=session.compared.title if session.compared else "",
            jump=session.compared.jump if session.compared else None,
            edit=editing.told(edited),
            likely=results["text"].likely if "text" in results else None,
            no_likely=_no_likely(results.get("text")),
            lesson=session.taught.stage if session.taught else "",
        )

    def _on_show(self, session: Session) -> dict[str, Result]:
        """Arm -> result, with a comparison in the place of the contour without a note."""
        edited = self.edits.of(session)
        compared = {"no-text": session.compared.result} if session.compared else {}
        return {**session.results, **compared, **({EDITED: edited.result} if edited else {})}

    def _measured_on_show(self, session: Session) -> dict[str, Measured]:
        """Arm -> numbers; with an edit also those of what it "started" from."""
        edited = self.edits.of(session)
        # A blank contour, as a lesson's begins with, has no numbers to compare with.
        started = {STARTED: edited.start.measured} if edited and edited.start.measured.ml else {}
        return {**{arm: result.measured for arm, result in self._on_show(session).items()}, **started}

    def chart(self, session: Session):
        results = self._on_show(session)
        measured = self._measured_on_show(session)
        second = session.compared.title if session.compared else "without the note"
        return numbers.chart(measured, in_order({name for r in results.values() for name in r.names}), second)

    def solid(self, session: Session):
        """The contours on show as surfaces, or None where there are none.

        Raises:
            InputError: they were cleared from the server.
        """
        try:
            return figure_of(layers_of(session), session.shown.frame, session.shown.key) if session.shown else None
        except OSError as error:
            raise InputError("These contours are no longer on the server. Press Run again.") from error

    # ---- what a user takes home ----

    def download(self, session: Session, kind: str) -> str:
        """Make one of `downloads.KINDS` of what is on show, and return its path; it goes when the session does.

        Raises:
            InputError: nothing was contoured yet, or this case has no such file.
        """
        if session.is_blind:
            raise InputError(lessons.NOT_YET)
        what = taken(session, self.entry(session), self.edits.of(session))
        return str(make(kind, what, self.workspace.of(session)))

    def forget(self, session: Session | None) -> None:
        """Delete everything kept for a tab that has gone."""
        if session is not None:
            self.stops.stop(session)
            self.turns.leave(session)
            self.model.forget(session.id)
            if self.workspace.forget(session):
                self.edits.forget(session.home)


def _middle(shown: Shown) -> tuple[int, int, int]:
    """The middle of the neck, at the height of the target."""
    (left, right), (back, front) = shown.field[:2]
    return (left + right) // 2, (back + front) // 2, shown.start[2]


def _remembering(session: Session, note: str, kept: frozenset[str], result: Result | None) -> Session:
    """With this note among those tried on the open case; an empty one is not."""
    if result is None:
        return session
    return replace(
        session, tried={**session.tried, session.shown.key: remember(session.tried_here, note, kept, result)}
    )


def _tried(session: Session, number: int) -> Tried:
    found = next((one for one in session.tried_here if one.number == number), None)
    if found is None:
        raise InputError(f"Note {number} is no longer kept here. Run it again.")
    return found


def _taught(session: Session) -> Taught:
    if session.taught is None:
        raise InputError("No lesson is open here any more. Choose it again under Lessons.")
    return session.taught


def _still_there(shown: Shown, results: Mapping[str, Result]) -> bool:
    """Whether Gradio's regular clearing has left a prepared case's files alone."""
    return all(os.path.exists(path) for path in (*shown.files, *(result.masks.path for result in results.values())))


def _absent(session: Session) -> dict[str, str]:
    if not session.results:
        press = "Press Run to contour this CT."
        return {"text": press, "no-text": press, "overlaid": press}
    return {"text": "The note is empty: only the contours without a note were drawn. Write a note and press Run."}


def _no_likely(result: Result | None) -> str:
    """Why nothing is known of how sure the contour with the note is."""
    if result is None:
        return "There is no contour with the note yet. Press Run."
    if result.stored:
        return "A stored contour comes without its probabilities. Press Run to see how sure the model is."
    return "The model sees no target anywhere, however unsure."


def _jump(change: Mapping[str, Delta], frame: Frame) -> tuple[int, int, int] | None:
    """The displayed voxel in the middle of the high-dose target's change, or of the largest where that stands still."""
    if not change:
        return None
    return frame.place(change.get(TARGETS[0], max(change.values(), key=lambda delta: delta.moved_ml)).centre)


def _caveat(results: Mapping[str, Result], has_scores: bool) -> str:
    if not has_scores:
        return numbers.NO_REFERENCE if results else ""
    is_own = all(result.own_note for result in results.values())
    return numbers.CAVEAT if is_own else f"{numbers.CAVEAT} {numbers.OTHER_NOTE}"


def _is_of(provenance: Mapping[str, object], note: str) -> bool:
    """Whether contours were drawn with this note."""
    same = {hashlib.sha256(text.encode()).hexdigest() for text in (note, f"{note}\n")}  # a file ends its last line
    return provenance.get("note_sha256") in same


def _stored_caption(provenance: Mapping[str, object], is_own: bool) -> str:
    known = [provenance.get("checkpoint"), provenance.get("llmseg") and f"llmseg {provenance['llmseg']}"]
    if provenance.get("note_sha256"):
        known.append("this note" if is_own else "another note")
    return " · ".join(["Stored result", *(str(part) for part in known if part)])


def _summary(drawn: Drawn, note: str) -> str:
    image, decode = drawn.seconds.get("image"), drawn.seconds["decode"]
    encoded = f"Image encoded in {image:.1f} s" if image is not None else "Image already encoded"
    if not note:
        return f"The note is empty, so this is the contour without a note. {encoded}; decode {decode:.1f} s."
    return f"{encoded}; decode {decode:.1f} s{' (with and without the note)' if 'no-text' in drawn.masks else ''}."
