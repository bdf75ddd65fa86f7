"""The page that shows a training run while it goes on, and starts or stops one where the operator allows it."""

from __future__ import annotations

import html
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from llmseg.case import InputError
from llmseg.plots import COLOURS, OTHER_COLOUR
from llmseg.training.watching import Watched, find_runs, read_run
from llmseg.ui.numbers import LINE, MUTED, TEXT, WITH
from llmseg.ui.toast import toast

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

LAUNCH = (sys.executable, "-m", "llmseg")
LOOK_EVERY_SECONDS = 5
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NO_RUN = "No run yet in {folder}. `python -m llmseg train ... --out {folder}/NAME` makes one."
HEAD = (
    '<header class="training-head"><h1>Training</h1><a href="./">Back to the workbench</a>'
    '<p class="research">Research use only</p></header>'
)
PICTURE = "First tuning patients, high-dose target: red with the note, blue without, dashed the reference"
SMOOTHED = 25
"""Steps that the drawn loss is averaged over."""


@dataclass
class Trainer:
    """Runs that this server started; each is a process of its own, and goes on where it was after a restart.

    Args:
        runs: folder of the runs.
        configs, datasets: what may be trained, by the name shown.
        allowed: whether this server may start and stop runs; by the operator's flag.
    """

    runs: Path
    configs: Mapping[str, Path] = field(default_factory=dict)
    datasets: Mapping[str, Path] = field(default_factory=dict)
    allowed: bool = False
    _started: dict[str, subprocess.Popen] = field(default_factory=dict)

    def names(self) -> list[str]:
        """The runs there are, the one written last first."""
        return [folder.relative_to(self.runs).as_posix() for folder in find_runs(self.runs)]

    def watch(self, name: str) -> Watched:
        """Look into one of them.

        Raises:
            InputError: there is none of that name.
        """
        folder = (self.runs / name).resolve()
        if self.runs.resolve() not in folder.parents or not (folder / "run.json").exists():
            raise InputError(f"There is no run {name!r} here. Choose one from the list.")
        return read_run(folder)

    def start(self, name: str, config: str, datasets: Sequence[str]) -> str:
        """Start a run, or go on with one of this name.

        Returns:
            what was done, in words.
        Raises:
            InputError: not allowed, a name that is no folder's, nothing to train on, or already going.
        """
        self._check_allowed()
        if not NAME.fullmatch(name or ""):
            raise InputError(f"{name!r} cannot be a run's name. Use letters, digits, dots, dashes and underscores.")
        if config not in self.configs or not datasets or not set(datasets) <= set(self.datasets):
            raise InputError("Choose a config and at least one dataset of the list.")
        if self._is_going(name):
            raise InputError(f"{name} is going already. Stop it first, or choose another name.")
        is_there = (self.runs / name / "run.json").exists()
        command = [*LAUNCH, "train", str(self.configs[config])]
        command += [part for one in datasets for part in ("--data", str(self.datasets[one]))]
        command += ["--out", str(self.runs / name), *(["--resume"] if is_there else [])]
        self.runs.mkdir(parents=True, exist_ok=True)
        with self._log(name).open("ab") as log:
            self._started[name] = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        return f"{name} {'goes on' if is_there else 'has begun'}. It prepares its patients first."

    def stop(self, name: str) -> str:
        """End a run that this server started; it can go on from its last saved step.

        Raises:
            InputError: not allowed, or not started here.
        """
        self._check_allowed()
        if not self._is_going(name):
            raise InputError(f"{name} was not started from this page, or has ended. Stop it where it was started.")
        self._started[name].send_signal(signal.SIGTERM)
        self._started[name].wait(timeout=30)
        return f"{name} was stopped. Start with the same name, config and data goes on from its last saved step."

    def complaint(self, name: str) -> str:
        """The last line that a run started here wrote, where it failed; else nothing."""
        process = self._started.get(name)
        if process is None or process.poll() in (None, 0, -signal.SIGTERM):
            return ""
        lines = self._log(name).read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"{name} failed without a word."

    def complaints(self) -> list[str]:
        """Those of all runs started here that failed."""
        return [line for name in self._started if (line := self.complaint(name))]

    def _is_going(self, name: str) -> bool:
        return name in self._started and self._started[name].poll() is None

    def _log(self, name: str) -> Path:
        return self.runs / f"{name}.log"

    def _check_allowed(self) -> None:
        if not self.allowed:
            raise InputError("This server does not start runs. Its operator allows it with --allow-training.")


def page(trainer: Trainer) -> None:
    """The components of the page, wired; to be called inside a route."""
    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    quick = {**quiet, "queue": False}
    with gr.Column(elem_id="training"):
        gr.HTML(HEAD)
        names = trainer.names()
        with gr.Row(elem_classes="training-row"):
            chosen = gr.Dropdown(names, value=names[0] if names else None, label="Run", elem_id="training-run")
            if trainer.allowed:
                _controls(trainer, quiet)  # through the queue: without it Gradio shows no toast
        said = gr.HTML(elem_id="training-said")
        plot = gr.Plot(show_label=False, elem_id="training-plot", container=False)
        gr.HTML(f'<p class="quiet">{PICTURE}</p>')
        picture = gr.Image(
            show_label=False, elem_id="training-picture", container=False, interactive=False, buttons=[], format="png"
        )

    def look(run: str | None) -> tuple:
        there = trainer.names()
        run = run if run in there else next(iter(there), None)
        return gr.update(choices=there, value=run), *_shown(trainer, run)

    shown = [chosen, said, plot, picture]
    gr.Timer(LOOK_EVERY_SECONDS).tick(look, [chosen], shown, **quick)
    chosen.input(look, [chosen], shown, **quick)
    gr.context.Context.root_block.load(look, [chosen], shown, **quick)


def _controls(trainer: Trainer, quiet: Mapping[str, object]) -> None:
    name = gr.Textbox(label="Name", elem_id="training-name", min_width=120)
    config = gr.Dropdown(list(trainer.configs), label="Config", elem_id="training-config", min_width=120)
    data = gr.Dropdown(list(trainer.datasets), label="Datasets", multiselect=True, elem_id="training-data")
    start = gr.Button("Start", variant="primary", size="sm", elem_id="start-training", scale=0, min_width=80)
    stop = gr.Button("Stop", variant="stop", size="sm", elem_id="stop-training", scale=0, min_width=80)
    start.click(_told(trainer.start), [name, config, data], None, **quiet)
    stop.click(_told(trainer.stop), [name], None, **quiet)


def _told(act):
    """What was done, or why not, as a toast."""

    def handled(*values) -> None:
        try:
            gr.Info(html.escape(act(*values)))
        except InputError as error:
            toast(error)

    return handled


def _shown(trainer: Trainer, run: str | None) -> tuple:
    complaints = "".join(f'<p class="warning">{html.escape(line)}</p>' for line in trainer.complaints())
    if run is None:
        return f"{complaints}<p>{html.escape(NO_RUN.format(folder=trainer.runs))}</p>", None, None
    try:
        watched = trainer.watch(run)
    except InputError as error:
        return f'{complaints}<p class="warning">{html.escape(str(error))}</p>', None, None
    return complaints + said_of(watched), chart(watched), _picture(watched)


def _picture(run: Watched):
    """Read here: Gradio would refuse a file outside its own folders."""
    from PIL import Image

    return Image.open(run.picture).convert("RGB") if run.picture else None


def said_of(run: Watched) -> str:
    """Where a run stands, as HTML."""
    state = "finished" if run.is_finished else "going" if run.is_going else "stopped"
    parts = [f"<b>{html.escape(run.name)}</b> {state}: step {run.step:,} of {run.goal:,}"]
    if state == "going" and run.seconds_left is not None:
        parts.append(f"about {_duration(run.seconds_left)} left")
    if run.best:
        parts.append(f"best score {run.best[1]:.3f} at step {run.best[0]:,}")
    bar = f'<progress max="{run.goal}" value="{run.step}" aria-label="Steps taken"></progress>'
    return f'<div class="status busy" data-state="{state}"><p>{" · ".join(parts)}</p>{bar}</div>'


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def chart(run: Watched) -> Figure:
    """Loss and learning rate against the step; DSC of each structure on the tuning patients, solid with the note."""
    from plotly.subplots import make_subplots

    titles = ("Loss", "DSC on tuning patients (dotted: without the note)", "Learning rate")
    figure = make_subplots(
        rows=1, cols=3, column_widths=[0.28, 0.5, 0.22], horizontal_spacing=0.05, subplot_titles=titles
    )
    figure.add_trace(_line(_smooth(run.losses), "Loss", WITH), row=1, col=1)
    figure.add_trace(_line(run.rates, "Learning rate", WITH), row=1, col=3)
    structures = list(dict.fromkeys(k.rsplit(" ", 1)[0] for found in run.scores.values() for k in found if " " in k))
    for name in structures:
        for said, dash in (("text", "solid"), ("no-text", "dot")):
            points = [
                (step, found[f"{name} {said}"]) for step, found in run.scores.items() if f"{name} {said}" in found
            ]
            line = _line(points, name if said == "text" else f"{name}, without", COLOURS.get(name, OTHER_COLOUR))
            line.update(line_dash=dash, showlegend=said == "text", mode="lines+markers", legendgroup=name)
            figure.add_trace(line, row=1, col=2)
    figure.update_annotations(font={"size": 12.5, "color": MUTED})
    figure.update_xaxes(title_text="step", gridcolor=LINE, zeroline=False, range=[0, run.goal])
    figure.update_yaxes(gridcolor=LINE, zeroline=False)
    figure.update_yaxes(range=[0, 1], row=1, col=2)
    return figure.update_layout(
        template="none",
        height=330,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "color": TEXT, "size": 12},
        legend={"orientation": "h", "y": -0.22, "font": {"color": MUTED}},
        margin={"l": 50, "r": 10, "t": 30, "b": 40},
        uirevision=run.name,
    )


def _line(points: Sequence[tuple[float, float]], name: str, colour: str):
    import plotly.graph_objects as go

    steps, values = zip(*points, strict=True) if points else ((), ())
    return go.Scatter(x=steps, y=values, name=name, mode="lines", line={"color": colour}, showlegend=False)


def _smooth(points: Sequence[tuple[int, float]]) -> list[tuple[float, float]]:
    groups = [points[start : start + SMOOTHED] for start in range(0, len(points), SMOOTHED)]
    return [(group[-1][0], sum(value for _, value in group) / len(group)) for group in groups]
