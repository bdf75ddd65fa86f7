"""The one page: cases and note on the left, the linked panels in the middle, structures and numbers on the right."""

from __future__ import annotations

import atexit
import html
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
from gradio.data_classes import FileData, GradioModel

from llmseg.case import InputError
from llmseg.datasets.folder import Dataset
from llmseg.explain import PRESETS
from llmseg.text.facts import DOSES_GY, NECKS, SIDES, SITES
from llmseg.text.note import read_note
from llmseg.text.wording import exchange_sides
from llmseg.ui import lessons, looks, training, tried
from llmseg.ui.browser import Shelf, browser, named
from llmseg.ui.cases import Catalogue
from llmseg.ui.early import calm
from llmseg.ui.lessons import Lesson, read_lessons
from llmseg.ui.notes import N_STAGES, T_STAGES, Fields, edited, fields_of
from llmseg.ui.reading import NOTHING, ON_LOAD, shown
from llmseg.ui.running import Model, Stopped
from llmseg.ui.session import KEEP_SECONDS, Session, Workspace
from llmseg.ui.toast import toast
from llmseg.ui.training import Trainer
from llmseg.ui.viewer import to_data, viewer
from llmseg.ui.workbench import Status, Workbench

if TYPE_CHECKING:
    from llmseg.segmenter import Segmenter

log = logging.getLogger(__name__)

LARGEST_UPLOAD = "600mb"
ACCEPTED = [".nii", ".gz", ".zip"]
PRIVACY = f"<p>An uploaded CT stays on this server, for this tab only, {KEEP_SECONDS // 3600} hours at most.</p>"
MASTHEAD = '<header class="masthead"><h1>llmseg</h1><span>The clinical note steers the contour</span></header>'
CHOICES = (
    '<button type="button" class="take-tour" title="Four steps through this page">Tour</button>'
    '<button type="button" class="scheme" title="A light or a dark page"></button>'
)
RESEARCH = '<p class="research">Research use only</p>'
PLACEHOLDER = "Paste or write the clinical note. Names and other identifiers are taken out before anything reads it."
READY = Status("Edit the note, then press Run.")
NO_CASE = Status("Drop a CT to begin.")
REWRITTEN = Status("The note's words could not be mended; it was written anew from the fields. Undo brings it back.")
GONE = "This server no longer holds what was open here; the note is still in its place. Press Run to contour again."
OPENING = Status("Opening the CT", "busy")
BLIND = Status("Draw the contour, then press Show me.")
TO_CHANGE = Status("Look at the two contours; then change the note.")
SAVED = Status("The edited contours are saved; Download has them.", "done")
PREPARING = Status("Preparing the file", "busy")
DOWNLOADS = {
    "masks": "Masks, NIfTI",
    "table": "Table, CSV",
    "report": "Report, HTML",
    "rtstruct": "RTSTRUCT",
    "session": "Session",
}
ABOUT_DOWNLOADS = (
    '<p class="quiet about">A session opens here again, by the drop area. An RTSTRUCT needs a CT sent as DICOM, and '
    "names its patient; the others hold the note as the model read it. All are for research use only.</p>"
)
NO_SURFACE = "Nothing was drawn that is thick enough for a surface."
SOLID_ARRIVED = """
watch("value", () => document.querySelector(".viewer").viewer.solid.arrived(props.value));
"""
EDIT_ANSWERED = """
watch("value", () => document.querySelector(".viewer").viewer.editor.answered(JSON.parse(props.value)));
"""
FETCH = """
watch("value", () => {
  if (!props.value?.file) return;
  const link = document.createElement("a");
  link.href = props.value.file.url;
  link.download = props.value.file.orig_name;
  link.click();
});
"""


def build_app(
    load_segmenter: Callable[[], Segmenter],
    datasets: Sequence[Dataset],
    *,
    gpu: Callable | None = None,
    trainer: Trainer | None = None,
    lessons_in: Path | None = None,
) -> gr.Blocks:
    """The app, ready to `launch(**launch_options())`.

    Args:
        load_segmenter: called once, when first needed; all sessions share what it returns, and nothing else.
        datasets: whose cases are offered, in this order; `results/<id>/` in one holds contours to show at once.
        gpu: wraps the model call where a GPU is lent per call (`spaces.GPU`).
        trainer: whose runs a second page, /training, shows; None leaves it out.
        lessons_in: the folder of the lessons on these cases; None offers none.
    Raises:
        InputError: a lesson that cannot be used, see `read_lessons`.
    """
    bench = Workbench(Model(load_segmenter), Catalogue(datasets), Workspace(_private_folder() / "packed"), gpu)
    with gr.Blocks(title="llmseg", fill_width=True, analytics_enabled=False, delete_cache=(600, KEEP_SECONDS)) as demo:
        page = _Page(bench, read_lessons(lessons_in, bench.catalogue), trainer is not None)
        page.wire(demo)
    if trainer is not None:
        with demo.route("Training", "/training"):
            training.page(trainer)
    demo.queue(max_size=32, default_concurrency_limit=4, api_open=False)
    demo.workbench = bench
    return demo


def _private_folder() -> Path:
    """Where Gradio keeps uploads and we keep packed images: not in the /tmp/gradio that a machine's users share."""
    if "GRADIO_TEMP_DIR" not in os.environ:
        os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="llmseg-app-")
        atexit.register(shutil.rmtree, os.environ["GRADIO_TEMP_DIR"], ignore_errors=True)
    return Path(os.environ["GRADIO_TEMP_DIR"])


def launch_options() -> dict[str, object]:
    """What belongs to `launch()` in Gradio 6: looks, limits, and nothing that reports or records."""
    return {
        "theme": looks.theme(),
        "head": looks.head(),
        "app_kwargs": {"middleware": calm()},
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "max_file_size": LARGEST_UPLOAD,
        "allowed_paths": [],
        "show_error": False,
        # Only skips a check of our own address, which gives up after three seconds: too few on a busy machine.
        "_frontend": False,
    }


class Fetched(GradioModel):
    """A file on its way to the user."""

    file: FileData


@dataclass(frozen=True)
class TabMemory:
    """What a browser's tab keeps of itself over a reload, in its own storage."""

    session: str = ""
    case: str | None = None
    note: str | None = None

    @classmethod
    def read(cls, sent: object) -> TabMemory:
        """As sent by the browser, where anything can come from; what cannot be meant is left out."""
        told = sent if isinstance(sent, dict) else {}
        return cls(**{f.name: told[f.name] for f in fields(cls) if isinstance(told.get(f.name), str)})


class _Page:
    """The components, and which of them each button reads and writes."""

    def __init__(self, bench: Workbench, on_offer: Mapping[str, Lesson], has_training: bool = False):
        self.bench, self.on_offer = bench, on_offer
        # The callback frees a closed tab's images; the time to live is for tabs that were left open.
        self.session = gr.State(None, time_to_live=KEEP_SECONDS, delete_callback=bench.forget)
        self.before = gr.State(None, time_to_live=KEEP_SECONDS)
        self.kept = gr.State(frozenset(), time_to_live=KEEP_SECONDS)
        self.picked = gr.State(None, time_to_live=KEEP_SECONDS)
        self.tab = gr.JSON(visible=False)
        with gr.Row(elem_id="header"):
            gr.HTML(MASTHEAD, elem_id="masthead")
            if has_training:
                gr.HTML('<a href="./training">Training</a>', elem_id="to-training")
            self.models = gr.HTML("<p>Loading the model</p>", elem_id="models")
            self.lessons = lessons.menu(on_offer, bench.catalogue, elem_id="lessons", visible=bool(on_offer))
            gr.HTML(CHOICES, elem_id="choices")
            gr.HTML(RESEARCH, elem_id="research")
        with gr.Row(elem_id="workbench", equal_height=False):
            with gr.Column(elem_id="left", scale=0, min_width=280):
                self._cases()
                self._note()
                self._run()
            with viewer(elem_id="viewer", elem_classes="fills") as self.viewer:
                # Not there from the start: the page would wait for Plotly.
                self.chart = gr.Plot(show_label=False, elem_id="chart", container=False, visible=False)
                self.solid = gr.Plot(show_label=False, elem_id="solid", container=False, visible=False)
                silent = {"html_template": "", "apply_default_css": False, "padding": False}
                self.arrived = gr.HTML(None, js_on_load=SOLID_ARRIVED, elem_id="solid-of", **silent)
                self.answer = gr.HTML(None, js_on_load=EDIT_ANSWERED, elem_id="answer", **silent)

    def _cases(self) -> None:
        shelf = Shelf(self.bench.catalogue, lambda: self.bench.model.is_drawing)
        self.case = browser(shelf, elem_id="case")
        self.wanted = gr.State(None, time_to_live=KEEP_SECONDS)
        self.file = gr.File(
            show_label=False, file_types=ACCEPTED, height=46, elem_id="upload", elem_classes="drop", container=False
        )
        self.lesson = lessons.place_of_card(elem_id="lesson")

    def _note(self) -> None:
        with gr.Row(elem_classes="tight fields"):
            self.site = gr.Dropdown(["", *SITES], label="Site", elem_id="site", min_width=80)
            self.side = gr.Dropdown(["", *SIDES], label="Side", elem_id="side", min_width=80)
        with gr.Row(elem_classes="tight fields"):
            self.neck = gr.Dropdown(["", *NECKS], label="Neck", elem_id="neck", min_width=80)
            self.t_stage = gr.Dropdown(list(T_STAGES), label="T", elem_id="t-stage", min_width=40)
            self.n_stage = gr.Dropdown(list(N_STAGES), label="N", elem_id="n-stage", min_width=40)
        self.doses = gr.CheckboxGroup([str(dose) for dose in DOSES_GY], label="Dose, Gy", elem_id="doses")
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Note", id="note"):
                self.note = gr.Textbox(
                    show_label=False, lines=6, max_lines=6, elem_id="note", max_length=200_000, placeholder=PLACEHOLDER
                )
                with gr.Row(elem_classes="tight"):
                    self.swap = gr.Button("⇄ Swap left / right", size="sm", elem_id="swap", scale=3)
                    self.undo = gr.Button("Undo", size="sm", elem_id="undo", scale=1, min_width=50, interactive=False)
            with gr.Tab("Words", id="words"):
                self.words = gr.HTML(NOTHING, elem_id="words", js_on_load=ON_LOAD, apply_default_css=False)
                self.explain = gr.Button("Explain: which words move it?", size="sm", elem_id="explain")
                gr.HTML('<p class="quiet">Compare with</p>', elem_id="compare-with")
                with gr.Row(elem_classes="tight presets"):
                    self.presets = {
                        name: gr.Button(_button(name), size="sm", min_width=70, elem_id=_button_id(name))
                        for name in PRESETS
                    }

            with gr.Tab("Tried", id="tried"):
                self.tried = gr.HTML(tried.NOTHING, elem_id="tried", js_on_load=tried.ON_LOAD, apply_default_css=False)
            with gr.Tab("Download", id="download"):
                with gr.Row(elem_classes="downloads"):
                    self.downloads = {
                        kind: gr.Button(label, size="sm", min_width=70, elem_id=f"get-{kind}")
                        for kind, label in DOWNLOADS.items()
                    }
                gr.HTML(ABOUT_DOWNLOADS)
                self.fetch = gr.HTML(None, html_template="", js_on_load=FETCH, apply_default_css=False, elem_id="fetch")

    def _run(self) -> None:
        with gr.Row(elem_classes="tight"):
            self.go = gr.Button("Run", variant="primary", elem_id="run", scale=3, interactive=False)
            self.stop = gr.Button("Stop", variant="stop", elem_id="stop", scale=1, min_width=60, interactive=False)
        self.status = gr.HTML(READY.html(), elem_id="status")
        self.clock = gr.Timer(1.0, active=False)
        gr.HTML(PRIVACY, elem_id="privacy")

    @property
    def fields(self) -> dict[str, gr.components.Component]:
        """The component of each of the `Fields`, in their order."""
        return {field.name: getattr(self, field.name) for field in fields(Fields)}

    @property
    def starters(self) -> list[gr.Button]:
        """Whatever starts a run; off while one goes on."""
        return [self.go, self.explain, *self.presets.values()]

    def wire(self, demo: gr.Blocks) -> None:
        quiet = {"show_progress": "hidden", "api_visibility": "private"}
        quick = {**quiet, "queue": False}
        noted = [self.note, *self.fields.values(), self.before, self.undo, self.words]
        asked = [self.session, self.note, self.kept]
        panels = [self.session, self.viewer, self.status, self.tried]
        opened = [self.tab, *panels, *self.starters, self.kept, *noted, self.case, self.lesson]

        def opens(event, handler: Callable, inputs: list, outputs: list, js: str | None = None):
            """Open a case, and let the browser's tab remember it; the chart comes when the case is on the screen."""
            opening = event(self._or_toast(handler, outputs), inputs, outputs, js=js, **quiet)
            opened = opening.then(None, [self.tab], None, js="(tab) => keepInTab(tab)", **quick)
            self._chart_after(opened, quick)
            return opened

        opens(demo.load, self.open_page, [self.tab], opened, js="() => keptInTab()").then(
            self.name_models, None, [self.models], **quiet
        )
        choosing = self.case.select(self.want, None, [self.wanted, self.status], **quick)
        opens(choosing.then, self.choose, [self.session, self.wanted], opened)
        beginning = self.lessons.select(self.want_lesson, None, [self.wanted, self.status], **quick)
        opens(beginning.then, self.begin_lesson, [self.session, self.wanted], opened)
        opens(self.lesson.select, self.go_on, [self.session], opened)
        sending = self.file.upload(OPENING.html, None, [self.status], **quick)
        opens(sending.then, self.upload, [self.session, self.file], [*opened, self.file])
        saved = [self.viewer, self.chart, self.status, self.answer]
        self.viewer.submit(self.save_edit, [self.session], saved, trigger_mode="multiple", **quiet)
        for kind, button in self.downloads.items():
            fetched = [self.fetch, self.status]
            button.click(PREPARING.html, None, [self.status], **quick).then(
                self._or_toast(partial(self.download, kind), fetched), [self.session], fetched, **quiet
            )
        # `change`, not `input`: a pasted note counts too. Only the last of a burst of keystrokes is read.
        read = [*self.fields.values(), self.words]
        self.note.change(self.read, asked, read, trigger_mode="always_last", **quick)
        self.note.change(None, [self.note], None, js="(note) => keepInTab({ note })", **quick)
        for name, component in self.fields.items():
            component.input(partial(self.fill, name), [*asked, component], [*noted, self.status], **quick)
        self.swap.click(self._or_toast(self.exchange, noted), asked, noted, **quiet)
        self.undo.click(self.restore, [self.session, self.kept, self.before], noted, **quick)
        self.words.undo(self.toggle, asked, [self.kept, *read], **quick)
        self._wire_runs(asked, quiet, quick)

    def _chart_after(self, event: gr.events.Dependency, quick: dict) -> None:
        """Draw the chart once the contours are on the screen; it is slow, and they are waited for."""
        on_screen = event.then(None, None, None, js="() => caseOnScreen()", **quick)
        on_screen.then(self.draw_chart, [self.session], [self.chart], **quick)

    def _wire_runs(self, asked: list, quiet: dict, quick: dict) -> None:
        results = [self.viewer, self.words, self.tried]
        started = [self.status, self.clock, self.stop, *self.starters]
        ended = [self.clock, self.stop, *self.starters, self.lesson]

        def runs(begun, handler: Callable, inputs: list) -> None:
            # Whatever a step names as its output the browser works through at each of them, changed or not.
            steps = [self.session, self.status]
            ran = begun.then(handler, inputs, steps, concurrency_id="gpu", concurrency_limit=1, **quiet)
            drawn = ran.then(self.show, asked, results, **quick)
            drawn.then(self.end, [self.session], ended, **quick)
            self._chart_after(drawn, quick)

        def begins(event: Callable):
            return event(self.begin, [self.session], started, **quick)

        runs(begins(self.go.click), self.run, asked)
        runs(begins(self.explain.click), self.explain_words, asked)
        runs(begins(self.lesson.submit), self.change_lesson, asked)
        for name, button in self.presets.items():
            runs(begins(button.click), partial(self.compare, name), asked)
        chosen = self.words.select(self.pick, [self.session], [self.picked, *started], **quick)
        runs(chosen, self.compare_phrase, [*asked, self.picked])
        self.clock.tick(self.wait, [self.session], [self.status, self.clock], **quick)
        self.stop.click(self.halt, [self.session], [self.status], **quick)
        again = [self.session, *results, self.chart, self.status, self.kept, self.note, self.before, self.undo]
        self.viewer.select(self.solidify, [self.session], [self.solid, self.arrived], **quiet)
        self.tried.select(self._or_toast(self.look_back, again), asked, again, **quiet)

    # ---- what happens ----

    def open_page(self, tab: dict | None) -> tuple:
        """The first case; or, where this tab was loaded before, what stood in it."""
        before, catalogue = TabMemory.read(tab), self.bench.catalogue
        if session := self.bench.reload(before.session):
            return self._shown(session, before.note)
        if before.session:
            gr.Info(GONE)
        first, session = catalogue.first, Session.start()
        key = before.case if before.case in catalogue else first and first.key
        return self._shown(self.bench.choose(session, key) if key else session, before.note)

    def want(self, event: gr.EventData) -> tuple:
        return str(event.case), OPENING.html()

    def choose(self, session: Session | None, key: str) -> tuple:
        return self._shown(self.bench.choose(session or Session.start(), key))

    def upload(self, session: Session | None, path: str) -> tuple:
        # The drop area lets go of its file, and takes the next one.
        return *self._shown(self.bench.upload(session or Session.start(), path)), None

    def want_lesson(self, event: gr.EventData) -> tuple:
        return str(event.lesson), OPENING.html()

    def begin_lesson(self, session: Session | None, key: str) -> tuple:
        lesson = lessons.chosen(self.on_offer, key)
        return self._shown(self.bench.begin_lesson(session or Session.start(), lesson))

    def go_on(self, session: Session | None, event: gr.EventData) -> tuple:
        """What the card's button does: see the reference, or leave the lesson."""
        does = self.bench.show_lesson if event.does == "show" else self.bench.leave_lesson
        return self._shown(does(session or Session.start()))

    def download(self, kind: str, session: Session | None) -> tuple:
        path = self.bench.download(session or Session.start(), kind)
        return Fetched(file=FileData(path=path, orig_name=Path(path).name)), Status("Downloaded.", "done").html()

    def _shown(self, session: Session, note: str | None = None) -> tuple:
        """A newly opened case: its panels, a note or its own, and the buttons that now make sense."""
        session = self.bench.workspace.keep(session)
        if session.shown is None:
            nothing = (
                note or "",
                *_values(Fields()),
                None,
                _enabled(False),
                NOTHING,
                named(None, self.bench.catalogue),
                "",
            )
            tab, panels = {"session": session.id}, (session, None, NO_CASE.html(), tried.NOTHING)
            return tab, *panels, *self._starting(False), frozenset(), *nothing
        entry = self.bench.entry(session)
        note = entry.note if note is None else note
        tab = {"session": session.id, "case": None if session.upload else entry.key, "note": note}
        panels = to_data(self.bench.scene(session))
        card = lessons.card(session.taught)
        name = named(entry, self.bench.catalogue)
        rest = (*self._written(note), None, _enabled(False), shown(note, ()), name, card)
        starting = self._starting(not session.is_blind)
        return tab, session, panels, _ready(session).html(), tried.shown(session), *starting, frozenset(), *rest

    def draw_chart(self, session: Session | None) -> dict:
        figure = self.bench.chart(session) if session and session.shown else None
        return gr.Plot(figure, visible=figure is not None)

    def _written(self, note: str) -> tuple:
        """A note and the fields that say the same."""
        return note, *_values(_fields_in(note))

    def _starting(self, yes: bool) -> list[dict]:
        return [_enabled(yes)] * len(self.starters)

    def _words(self, session: Session | None, note: str, kept: frozenset) -> str:
        explanation = session.explanation if session else None
        picked = session.compared.name if session and session.compared else ""
        return shown(note, kept, explanation, picked)

    def read(self, session: Session | None, note: str, kept: frozenset) -> tuple:
        return *_values(_fields_in(note)), self._words(session, note, kept)

    def fill(self, name: str, session: Session | None, note: str, kept: frozenset, value: str | list | None) -> tuple:
        # Of the fields only the one just set is asked: the others may not have caught up with the note yet.
        new, was_rewritten = edited(note, name, tuple(value) if isinstance(value, list) else value or "")
        status = REWRITTEN.html() if was_rewritten else gr.skip()
        return *self._written(new), note, _enabled(True), self._words(session, new, kept), status

    def exchange(self, session: Session | None, note: str, kept: frozenset) -> tuple:
        new = exchange_sides(note)
        return *self._written(new), note, _enabled(True), self._words(session, new, kept)

    def restore(self, session: Session | None, kept: frozenset, before: str) -> tuple:
        return *self._written(before), None, _enabled(False), self._words(session, before, kept)

    def toggle(self, session: Session | None, note: str, kept: frozenset, event: gr.EventData) -> tuple:
        """Leave a redacted word in, or take it out again."""
        kept = kept ^ {str(event.key)}
        return kept, *self.read(session, note, kept)

    def begin(self, session: Session | None) -> tuple:
        session = session or Session.start()
        self.bench.stops.new(session)
        self.bench.turns.join(session)
        before = self.bench.turns.before(session)
        return _waiting(before).html(), gr.Timer(active=before > 0), _enabled(True), *self._starting(False)

    def wait(self, session: Session | None) -> tuple:
        """The place in the queue, for as long as there is one."""
        before = self.bench.turns.before(session) if session else 0
        return (_waiting(before).html(), gr.skip()) if before else (gr.skip(), gr.Timer(active=False))

    def pick(self, session: Session | None, event: gr.EventData) -> tuple:
        return int(event.phrase), *self.begin(session)

    def run(self, session: Session | None, note: str, kept: frozenset) -> Iterator[tuple]:
        session = session or Session.start()
        yield from self._going(session, lambda: self.bench.run(session, note, kept))

    def explain_words(self, session: Session | None, note: str, kept: frozenset) -> Iterator[tuple]:
        session = session or Session.start()
        yield from self._going(session, lambda: self.bench.explain(session, note, kept))

    def compare(self, name: str, session: Session | None, note: str, kept: frozenset) -> Iterator[tuple]:
        session = session or Session.start()

        def steps() -> Iterator[Status | Session]:
            other = self.bench.preset(session, note, name, kept)
            yield from self.bench.compare(session, note, name, _title(name), other, kept)

        yield from self._going(session, steps)

    def change_lesson(self, session: Session | None, note: str, kept: frozenset) -> Iterator[tuple]:
        session = session or Session.start()
        yield from self._going(session, lambda: self.bench.change_lesson(session))

    def compare_phrase(self, session: Session | None, note: str, kept: frozenset, number: int) -> Iterator[tuple]:
        session = session or Session.start()

        def steps() -> Iterator[Status | Session]:
            if session.explanation is None:
                raise InputError("This explanation is no longer there. Press Explain again.")
            effect = session.explanation.effects[number]
            other = effect.shorter.text if effect.shorter else None
            yield from self.bench.compare(session, note, f"phrase {number}", f"Without “{effect.words}”", other, kept)

        yield from self._going(session, steps)

    def _going(self, session: Session, begin: Callable[[], Iterator[Status | Session]]) -> Iterator[tuple]:
        """Show each step of a run; whatever ends it early leaves the page as it was, and says so."""
        skip = gr.skip()
        self.bench.turns.begin(session)
        try:
            for step in begin():
                if isinstance(step, Status):
                    yield skip, step.html()
                else:
                    yield self.bench.workspace.keep(step), skip
            return
        except Stopped:
            said = Status("Stopped. Nothing was changed.")
        except InputError as error:
            toast(error)
            said = Status("Not run; the message says why.", "trouble")
        except Exception:
            log.exception("A run failed")
            said = Status("This run failed through a fault of ours. The server's log has it.", "trouble")
        finally:
            self.bench.turns.leave(session)
        yield skip, said.html()

    def show(self, session: Session | None, note: str, kept: frozenset) -> tuple:
        """What a run that has ended left to be seen; of one that failed, what was there before."""
        session = session or Session.start()
        scene = to_data(self.bench.scene(session)) if session.shown else gr.skip()
        return scene, self._words(session, note, kept), tried.shown(session)

    def look_back(self, session: Session | None, note: str, kept: frozenset, event: gr.EventData) -> tuple:
        """A note tried before: back in its place, or beside the one that is."""
        session, number = session or Session.start(), int(event.tried)
        if event.does == "compare":
            session, rest = self.bench.beside(session, number), (kept, note, gr.skip(), gr.skip())
        else:
            session, one = self.bench.back_to(session, number)
            rest = (one.kept, one.note, note, _enabled(True))
        self.bench.workspace.keep(session)
        return session, *self.show(session, rest[1], rest[0]), self.draw_chart(session), READY.html(), *rest

    def solidify(self, session: Session | None, event: gr.EventData) -> tuple:
        """The surfaces that the page asks for when it shows 3D, and the number it asked by."""
        try:
            figure = self.bench.solid(session) if session else None
            said = "" if figure else NO_SURFACE
        except InputError as error:
            figure, said = None, str(error)
        return gr.Plot(figure, visible=figure is not None), {"number": event.number, "said": said}

    def save_edit(self, session: Session | None, event: gr.EventData) -> tuple:
        """Contours edited by hand; the page is told whether they were kept, and loses nothing if they were not."""
        session, sent = session or Session.start(), getattr(event, "edit", None)
        answer = {"id": sent.get("id") if isinstance(sent, dict) else None, "saved": False}
        try:
            self.bench.save_edit(session, sent)
            scene = self.bench.scene(session)
            answer |= {"saved": True, "after": scene.edit["id"] if scene.edit else ""}
            return to_data(scene), self.draw_chart(session), SAVED.html(), json.dumps(answer)
        except InputError as error:
            toast(error)
            said = Status("The edit was not saved; the message says why.", "trouble")
        except Exception:
            log.exception("An edit could not be saved")
            said = Status("The edit was not saved, through a fault of ours. The server's log has it.", "trouble")
        return gr.skip(), gr.skip(), said.html(), json.dumps(answer)

    def end(self, session: Session | None) -> tuple:
        is_blind = session is not None and session.is_blind
        card = lessons.card(session.taught if session else None)
        return gr.Timer(active=False), _enabled(False), *self._starting(not is_blind), card

    def halt(self, session: Session | None) -> str:
        if session is not None:
            self.bench.stops.stop(session)
        return Status("Stopping", "busy").html()

    def name_models(self) -> str:
        try:
            return _models(self.bench.model.get())
        except InputError as error:
            return Status(str(error), "trouble").html()

    def _or_toast(self, handler: Callable, outputs: list) -> Callable:
        """The handler; what a user got wrong becomes a toast and leaves every output as it was."""

        @wraps(handler)  # so that Gradio sees which of its arguments is the event
        def handled(*values):
            try:
                return handler(*values)
            except InputError as error:
                toast(error)
                # The drop area lets go of a file that was refused, and takes the next one.
                undone = {self.status: READY.html(), self.file: None}
                return tuple(undone.get(output, gr.skip()) for output in outputs)

        return handled


def _waiting(before: int) -> Status:
    place = f": {before} {'run' if before == 1 else 'runs'} before yours" if before else ""
    return Status(f"Waiting for the model{place}", "busy", 0.0)


def _ready(session: Session) -> Status:
    """What to do with the case that was opened."""
    if session.taught is None:
        return replace(READY, warnings=session.shown.oddities)
    return BLIND if session.is_blind else TO_CHANGE


def _enabled(yes: bool) -> dict:
    return gr.update(interactive=yes)


def _values(fields: Fields) -> tuple:
    return fields.site, fields.side, fields.neck, list(fields.doses), fields.t_stage, fields.n_stage


def _fields_in(note: str) -> Fields:
    """What the note states; nothing where it cannot be read yet, which the panel of words says."""
    try:
        return fields_of(read_note(note).facts) if note.strip() else Fields()
    except InputError:
        return Fields()


def _button(preset: str) -> str:
    return {"another patient": "Other patient", "empty": "No note"}.get(preset, preset.capitalize())


def _button_id(preset: str) -> str:
    return "try-" + preset.replace(" ", "-")


def _title(preset: str) -> str:
    return {"another patient": "Another patient’s note", "empty": "Without the note"}.get(preset, preset.capitalize())


def _models(segmenter: Segmenter) -> str:
    rows = (("Note read by", segmenter.encoder_name), ("Contours by", segmenter.checkpoint_name))
    return "".join(f"<p><b>{label}</b> {html.escape(str(name))}</p>" for label, name in rows)
