"""The results page: every table and figure, written again from the stored results alone."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from llmseg.case import InputError
from llmseg.evaluation.protocol import HONESTY
from llmseg.experiments.checkpoint_sections import (
    exact_facts,
    external,
    fit,
    main_table,
    notes,
    per_patient,
    resolution,
    robustness,
    subgroups,
)
from llmseg.experiments.comparing import by_series, table
from llmseg.experiments.limits import limits
from llmseg.experiments.plans import EXPERIMENTS
from llmseg.experiments.sections import Section
from llmseg.experiments.stored import Result, read_results, write_result
from llmseg.experiments.training_sections import against_chance, data_efficiency, ranking, with_without
from llmseg.formats.whole import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KEPT = "json"
"""The folder of the shipped results, packed, beside the page that is written from them."""

CHAPTERS: Mapping[str, tuple[Callable[[Sequence[Result]], Section | None], ...]] = {
    "flagship": (main_table, limits, per_patient, subgroups),
    "with-without-text": (with_without,),
    "data-efficiency": (data_efficiency,),
    "baselines": (ranking("baselines", "Which network wins?", "full"),),
    "fusion": (ranking("fusion", "How the note enters", "gated"),),
    "encoder": (ranking("encoder", "What reads the note", "layer-16"),),
    "size": (ranking("size", "Would a larger network do better?", "as-shipped"),),
    "notes": (notes,),
    "fit": (fit,),
    "exact-facts": (exact_facts,),
    "resolution": (resolution,),
    "robustness": (robustness,),
    "active-learning": (
        against_chance(
            "active-learning",
            "Contour the unsure patients first?",
            "uncertain",
            "random",
            "adding the patients that the network is least sure of",
        ),
    ),
    "pruning": (
        against_chance(
            "pruning",
            "Leave out contradicted contours?",
            "consistent",
            "fewer",
            "leaving out the patients whose contours a network contradicts",
        ),
    ),
    "external": (external,),
}
"""Experiment -> the chapters of the page that its results fill."""

_INTRODUCTION = f"""# Results

Written by `python -m llmseg experiments report` from the JSON files in [`json/`](json); each names the command that
made it. Nothing here is typed by hand: run that again and every table, figure and sentence comes back.

{HONESTY}

How to read it: DSC is the overlap with the physician's contour (1 is the same), HD95 the distance within which 95% of
the surfaces agree; mean ± SD over patients, or over seeds where a column says so. A structure that a patient has no
contour of is left out, and n is printed. Two things are said to differ only where Wilcoxon's signed-rank test on the
same patients gives p < 0.05; intervals are bootstrapped over patients. Mean DSC gives every structure the same weight.
Comparisons between arms share a reduced protocol (`examples/experiments.toml`): they rank arms, they are not what a
network can reach. [docs/experiments.md](../../docs/experiments.md) says what each experiment is.
"""


def write_report(results: Path | None, out: Path) -> list[Path]:
    """Write README.md, the tables and the figures.

    Args:
        results: folder of results; each is packed into `out`/json first. None uses what is kept there.
    Returns:
        what was written.
    Raises:
        InputError: there is no result at all; says which command makes one.
    """
    kept = out / KEPT
    for result in read_results(results) if results else ():
        write_result(kept / result.experiment / f"{result.arm}.json.gz", result)
    stored = read_results(kept)
    if not stored:
        raise InputError(f"{results or kept} holds no result. Make some first: {_command('baselines', '*')}")
    written, chapters = [], [_INTRODUCTION]
    for experiment, makers in CHAPTERS.items():
        for section in filter(None, (make(stored) for make in makers)):
            written += _write_parts(section, out)
            chapters.append(_chapter(section))
        if missing := _missing(experiment, stored):
            chapters.append(missing)
    chapters.append(_provenance(stored))
    write_whole(out / "README.md", ("\n".join(chapters)).encode())
    return [*written, out / "README.md"]


def _write_parts(section: Section, out: Path) -> Iterator[Path]:
    for name, text in section.tables.items():
        write_whole(out / f"{name}.md", f"{text}\n".encode())
        yield out / f"{name}.md"
    for name, figure in section.figures.items():
        write_whole(out / f"{name}.png", _png(figure))
        yield out / f"{name}.png"


def _chapter(section: Section) -> str:
    parts = [f"## {section.title}", *section.text, *section.tables.values()]
    parts += [f"![{section.title}]({name}.png)" for name in section.figures]
    return "\n\n".join(parts) + "\n"


def _missing(experiment: str, stored: Sequence[Result]) -> str:
    """What has not been run of an experiment, and the command that runs it."""
    if experiment not in EXPERIMENTS:
        return ""
    planned = [arm.name for arm in EXPERIMENTS[experiment].arms]
    there = {result.arm for found in by_series(stored, experiment).values() for result in found}
    missing = [name for name in planned if name not in there]
    if not missing:
        return ""
    what = f"## {experiment}\n\n{EXPERIMENTS[experiment].question} Not run yet" if not there else "Not run yet"
    which = "" if not there else f": {len(missing)} of {len(planned)} arms of {experiment}"
    return f"{what}{which}; `{_command(experiment, '*' if not there else missing[0])}` makes the first.\n"


def _command(experiment: str, arm: str) -> str:
    only = "" if arm == "*" else f" --only {arm}"
    return f"python -m llmseg experiments run {experiment} --data data/openkbp --out results{only}"


def _provenance(stored: Sequence[Result]) -> str:
    rows = [
        [
            f"{r.experiment} / {r.arm}",
            r.seed,
            r.patients,
            _minutes(r.made.get("training_seconds")),
            _minutes(r.made.get("testing_seconds")),
            str(r.made.get("commit"))[:9],
            f"`{r.command}`",
        ]
        for r in stored
    ]
    machines = sorted({f"{r.made['machine']['cores']} cores, torch {r.made['machine']['torch']}" for r in stored})
    header = ["Arm", "seed", "patients", "training (min)", "testing (min)", "commit", "command"]
    return (
        f"## How each was made\n\nMachines: {'; '.join(machines)}. "
        f"A + behind a commit says that files differed from it.{_versions(stored)}{_other_weights(stored)}\n\n"
        f"<details><summary>{len(rows)} arms</summary>\n\n{table(header, rows)}\n\n</details>\n"
    )


def _versions(stored: Sequence[Result]) -> str:
    """Which experiments were made on which version of the dataset, where there is more than one."""
    made: dict[str, list[str]] = {}
    for result in stored:
        experiments = made.setdefault(str(result.data["sha256"])[:8], [])
        if result.experiment not in ("external", *experiments):
            experiments.append(result.experiment)
    made = {version: experiments for version, experiments in made.items() if experiments}
    if len(made) < 2:
        return ""
    named = "; ".join(f"{version} in {', '.join(experiments)}" for version, experiments in made.items())
    return f" The dataset has changed between experiments: {named}. Only what is on one version compares exactly."


def _other_weights(stored: Sequence[Result]) -> str:
    """Which experiments tested other weights than the checkpoint's own page shows."""
    shown = {r.identity.get("checkpoint") for r in stored if (r.experiment, r.series) == ("flagship", "network")}
    others = [r for r in stored if shown and r.identity.get("checkpoint") not in {None, *shown}]
    named = dict.fromkeys(r.experiment for r in others if r.experiment not in ("flagship", "external"))
    return f" Other weights than the checkpoint's were tested in {', '.join(named)}." if named else ""


def _minutes(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds / 60:.1f}"


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    # Without the library's name, so that the same results give the same bytes.
    figure.savefig(content, dpi=120, metadata={"Software": None}, facecolor=figure.get_facecolor())
    return content.getvalue()
