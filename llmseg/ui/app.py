"""The one page: cases and note on the left, the linked panels in the middle, structures and numbers on the right."""

from __future__ import annotations

import atexit
import html
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

from llmseg.case import InputError
from llmseg.datasets.folder import Dataset
from llmseg.text.facts import DOSES_GY, NECKS, SIDES, SITES
from llmseg.ui.cases import Catalogue
from llmseg.ui.notes import N_STAGES, T_STAGES, Fields, exchange, fields_of
from llmseg.ui.running import Model, Stopped
from llmseg.ui.session import KEEP_SECONDS, Session, Workspace
from llmseg.ui.viewer import to_data, viewer
from llmseg.ui.workbench import Status, Workbench

if TYPE_CHECKING:
    from llmseg.segmenter import Segmenter

HERE = Path(__file__).parent
log = logging.getLogger(__name__)

LARGEST_UPLOAD = "600mb"
FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
PRIVACY = f"<p>An uploaded CT stays on this server, for this tab only, {KEEP_SECONDS // 3600} hours at most.</p>"
READY = Status("Edit the note, then press Run.")
NO_CASE = Status("Upload a CT to begin.")
OPENING = Status("Opening the CT", "busy")


def build_app(
    load_segmenter: Callable[[], Segmenter],
    datasets: Sequence[Dataset],
    *,
    gpu: Callable | None = None,
) -> gr.Blocks:
    """The app, ready to `launch(**launch_options())`.

    Args:
        load_segmenter: called once, when first needed; all sessions share what it returns, and nothing else.
        datasets: whose cases are offered, in this order; `results/<id>/` in one holds contours to show at once.
        gpu: wraps the model call where a GPU is lent per call (`spaces.GPU`).
    """
    bench = Workbench(Model(load_segmenter), Catalogue(datasets), Workspace(_private_folder() / "packed"), gpu)
    with gr.Blocks(title="llmseg", fill_width=True, analytics_enabled=False, delete_cache=(600, KEEP_SECONDS)) as demo:
        page = _Page(bench)
        page.wire(demo)
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
        "theme": _theme(),
        # In the head, not as `css`: Gradio prefixes that, and `:root` inside a media query then matches nothing.
        "head": f"<style>{(HERE / 'page.css').read_text(encoding='utf-8')}</style>",
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


class _Page:
    """The components, and which of them each button reads and writes."""

    def __init__(self, bench: Workbench):
        self.bench = bench
        first = bench.catalogue.first
        # The callback frees a closed tab's images; the time to live is for tabs that were left open.
        self.session = gr.State(None, time_to_live=KEEP_SECONDS, delete_callback=bench.forget)
        self.before = gr.State(None, time_to_live=KEEP_SECONDS)
        gr.HTML(_header(), elem_id="header")
        with gr.Row(elem_id="workbench", equal_height=False):
            with gr.Column(elem_id="left", scale=0, min_width=280):
                self._cases(first.key if first else None)
                self._note()
                self._run()
            with viewer(elem_id="viewer", elem_classes="fills") as self.viewer:
                self.chart = gr.Plot(show_label=False, elem_id="chart", container=False)

    def _cases(self, first: str | None) -> None:
        with gr.Row(elem_classes="tight"):
            self.case = gr.Dropdown(self.bench.catalogue.choices, value=first, label="Case", elem_id="case", scale=3)
            self.file = gr.UploadButton("Upload CT", size="sm", elem_id="upload", scale=0, min_width=82)

    def _note(self) -> None:
        with gr.Row(elem_classes="tight fields"):
            self.site = gr.Dropdown(["", *SITES], label="Site", elem_id="site", min_width=80)
            self.side = gr.Dropdown(["", *SIDES], label="Side", elem_id="side", min_width=80)
        with gr.Row(elem_classes="tight fields"):
            self.neck = gr.Dropdown(["", *NECKS], label="Neck", elem_id="neck", min_width=80)
            self.t_stage = gr.Dropdown(list(T_STAGES), label="T", elem_id="t-stage", min_width=40)
            self.n_stage = gr.Dropdown(list(N_STAGES), label="N", elem_id="n-stage", min_width=40)
        self.doses = gr.CheckboxGroup([str(dose) for dose in DOSES_GY], label="Dose, Gy", elem_id="doses")
        self.note = gr.Textbox(label="Clinical note", lines=6, max_lines=6, elem_id="note", max_length=200_000)
        with gr.Row(elem_classes="tight"):
            self.swap = gr.Button("⇄ Swap left / right", size="sm", elem_id="swap", scale=3)
            self.undo = gr.Button("Undo", size="sm", elem_id="undo", scale=1, min_width=50, interactive=False)

    def _run(self) -> None:
        with gr.Row(elem_classes="tight"):
            self.go = gr.Button("Run", variant="primary", elem_id="run", scale=3, interactive=False)
            self.stop = gr.Button("Stop", variant="stop", elem_id="stop", scale=1, min_width=60, interactive=False)
        self.status = gr.HTML(READY.html(), elem_id="status")
        gr.HTML(PRIVACY, elem_id="privacy")
        self.models = gr.HTML("<p>Loading the model</p>", elem_id="models")

    @property
    def fields(self) -> list[gr.components.Component]:
        return [self.site, self.side, self.neck, self.doses, self.t_stage, self.n_stage]

    def wire(self, demo: gr.Blocks) -> None:
        quiet = {"show_progress": "hidden", "api_visibility": "private"}
        quick = {**quiet, "queue": False}
        noted = [self.note, *self.fields, self.before, self.undo]
        opened = [self.session, self.viewer, self.chart, self.status, self.go, *noted]
        results = [self.session, self.viewer, self.chart, self.status]

        demo.load(self._or_toast(self.open_page, opened), [self.case], opened, **quiet).then(
            self.name_models, None, [self.models], **quiet
        )
        self.case.input(OPENING.html, None, [self.status], **quick).then(
            self._or_toast(self.choose, opened), [self.session, self.case], opened, **quiet
        )
        sent = [*opened, self.case]
        self.file.upload(OPENING.html, None, [self.status], **quick).then(
            self._or_toast(self.upload, sent), [self.session, self.file], sent, **quiet
        )
        for component in self.fields:
            component.input(self.fill, [self.note, *self.fields], [self.note, self.before, self.undo], **quick)
        self.swap.click(self._or_toast(self.exchange, noted), [self.note, *self.fields], noted, **quiet)
        self.undo.click(self.restore, [self.before], noted, **quick)

        self.go.click(self.begin, [self.session], [self.status, self.go, self.stop], **quick).then(
            self.run, [self.session, self.note], results, concurrency_id="gpu", concurrency_limit=1, **quiet
        ).then(self.end, None, [self.go, self.stop], **quick)
        self.stop.click(self.halt, [self.session], [self.status], **quick)

    # ---- what happens ----

    def open_page(self, key: str | None) -> tuple:
        return self.choose(None, key) if key else self._shown(Session.start())

    def choose(self, session: Session | None, key: str) -> tuple:
        return self._shown(self.bench.choose(session or Session.start(), key))

    def upload(self, session: Session | None, path: str) -> tuple:
        # The list lets go of its case, so that choosing that one again counts as a choice.
        return *self._shown(self.bench.upload(session or Session.start(), path)), None

    def _shown(self, session: Session) -> tuple:
        """A newly opened case: its panels, its note, and the buttons that now make sense."""
        if session.shown is None:
            return session, None, None, NO_CASE.html(), _enabled(False), "", *_values(Fields()), None, _enabled(False)
        entry = self.bench.entry(session)
        fields = _values(fields_of(entry.facts, entry.note))
        panels = to_data(self.bench.scene(session)), self.bench.chart(session)
        return session, *panels, READY.html(), _enabled(True), entry.note, *fields, None, _enabled(False)

    def fill(self, note: str, *fields) -> tuple:
        return _fields(fields).as_note(), (note, fields), _enabled(True)

    def exchange(self, note: str, *fields) -> tuple:
        new_note, new_fields = exchange(note, _fields(fields))
        return new_note, *_values(new_fields), (note, fields), _enabled(True)

    def restore(self, before: tuple) -> tuple:
        note, fields = before
        return note, *fields, None, _enabled(False)

    def begin(self, session: Session | None) -> tuple:
        self.bench.stops.new(session or Session.start())
        return Status("Waiting for the model", "busy", 0.0).html(), _enabled(False), _enabled(True)

    def run(self, session: Session | None, note: str) -> Iterator[tuple]:
        session, skip = session or Session.start(), gr.skip()
        try:
            for step in self.bench.run(session, note):
                if isinstance(step, Status):
                    yield skip, skip, skip, step.html()
                else:
                    yield step, to_data(self.bench.scene(step)), self.bench.chart(step), skip
        except Stopped:
            yield skip, skip, skip, Status("Stopped. Nothing was changed.").html()
        except InputError as error:
            _toast(error)
            yield skip, skip, skip, Status("Not run; the message says why.", "trouble").html()
        except Exception:
            log.exception("A run failed")
            yield (
                skip,
                skip,
                skip,
                Status("This run failed through a fault of ours. The server's log has it.", "trouble").html(),
            )

    def end(self) -> tuple:
        return _enabled(True), _enabled(False)

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

        def handled(*values):
            try:
                return handler(*values)
            except InputError as error:
                _toast(error)
                return tuple(READY.html() if output is self.status else gr.skip() for output in outputs)

        return handled


def _toast(error: InputError) -> None:
    # Gradio shows a toast as HTML, and a file's name may hold anything.
    gr.Warning(html.escape(str(error)), duration=15)


def _enabled(yes: bool) -> dict:
    return gr.update(interactive=yes)


def _fields(values: tuple) -> Fields:
    site, side, neck, doses, t_stage, n_stage = values
    return Fields(site or "", side or "", neck or "", tuple(doses or ()), t_stage or "", n_stage or "")


def _values(fields: Fields) -> tuple:
    return fields.site, fields.side, fields.neck, list(fields.doses), fields.t_stage, fields.n_stage


def _header() -> str:
    return (
        '<header class="masthead"><strong>llmseg</strong><span>The clinical note steers the contour</span>'
        '<span class="spring"></span><span class="research">Research use only</span></header>'
    )


def _models(segmenter: Segmenter) -> str:
    rows = (("Note read by", segmenter.encoder_name), ("Contours by", segmenter.checkpoint_name))
    return "".join(f"<p><b>{label}</b> {html.escape(str(name))}</p>" for label, name in rows)


def _theme() -> gr.themes.Base:
    """Dark in either colour scheme, with the system's own fonts: nothing is fetched from elsewhere."""
    theme = gr.themes.Base(primary_hue="sky", neutral_hue="slate", font=FONTS, font_mono=("ui-monospace", "monospace"))
    colours = {
        "body_background_fill": "#0d1116",
        "body_text_color": "#e8ecf1",
        "body_text_color_subdued": "#9aa7b5",
        "background_fill_primary": "#151b23",
        "background_fill_secondary": "#10151b",
        "block_background_fill": "transparent",
        "block_border_color": "#2a323d",
        "block_label_background_fill": "transparent",
        "block_label_text_color": "#9aa7b5",
        "block_title_text_color": "#9aa7b5",
        "border_color_primary": "#2a323d",
        "border_color_accent": "#3d8fd6",
        "color_accent_soft": "#1d3650",
        "input_background_fill": "#151b23",
        "input_background_fill_focus": "#151b23",
        "input_border_color": "#2a323d",
        "input_border_color_focus": "#3d8fd6",
        "input_placeholder_color": "#6d7a88",
        "button_primary_background_fill": "#2b7fc4",
        "button_primary_background_fill_hover": "#3590d8",
        "button_primary_text_color": "#ffffff",
        "button_secondary_background_fill": "#1c242e",
        "button_secondary_background_fill_hover": "#263140",
        "button_secondary_border_color": "#2a323d",
        "button_secondary_text_color": "#e8ecf1",
        "button_cancel_background_fill": "#1c242e",
        "button_cancel_background_fill_hover": "#4a2328",
        "button_cancel_border_color": "#2a323d",
        "button_cancel_text_color": "#e8ecf1",
        "checkbox_background_color": "#151b23",
        "checkbox_background_color_selected": "#2b7fc4",
        "checkbox_border_color": "#3b4653",
        "checkbox_label_background_fill": "#151b23",
        "checkbox_label_background_fill_hover": "#1c242e",
        "checkbox_label_background_fill_selected": "#1d3650",
        "checkbox_label_text_color": "#e8ecf1",
        "checkbox_label_text_color_selected": "#e8ecf1",
        "checkbox_label_border_color": "#2a323d",
    }
    return theme.set(**colours, **{f"{name}_dark": value for name, value in colours.items()})
