"""`python -m llmseg study ...`: each command reads flags, calls one function below, prints."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from llmseg.progress import Bar

if TYPE_CHECKING:
    from llmseg.datasets.folder import Dataset
    from llmseg.study.design import Balance, Design
    from llmseg.study.protocol import Study


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of `study` its commands."""
    kinds = parser.add_subparsers(required=True, metavar="ACTION")
    _add_check(kinds.add_parser("check", help="check a protocol and print its design: readings, minutes, balance"))
    _add_prepare(kinds.add_parser("prepare", help="draw every contour of a study and freeze it"))


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("protocol", type=Path, help="study.toml: docs/studies.md")
    parser.add_argument("--data", type=Path, nargs="+", default=[], metavar="DATASET", help="look for the cases there")
    parser.set_defaults(run=_check)


def _add_prepare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("protocol", type=Path, help="study.toml: docs/studies.md")
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DATASET", help="with the cases")
    parser.add_argument("--out", type=Path, required=True, metavar="STUDY", help="new folder; or one to go on with")
    parser.add_argument("--checkpoint", type=Path, help="for arms that name none; default: the shipped one")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.set_defaults(run=_prepare)


def _check(options: argparse.Namespace) -> None:
    from llmseg.study.design import design_of
    from llmseg.study.preparing import find_cases
    from llmseg.study.protocol import read_study

    study = read_study(options.protocol)
    design = design_of(study)
    datasets = _datasets(options.data)
    if datasets:
        find_cases(study, datasets)
    for line in _described(study, design):
        print(line)
    print(
        "All cases are there, with what their arms need."
        if datasets
        else "Cases were not looked for. Pass their datasets with --data."
    )


def _prepare(options: argparse.Namespace) -> None:
    from llmseg.study.preparing import prepare

    def load(checkpoint: Path) -> object:
        from llmseg.segmenter import Segmenter

        return Segmenter.load(checkpoint, options.device)

    datasets = _datasets(options.data)
    with Bar("contours") as bar:
        prepared = prepare(
            options.protocol,
            datasets,
            options.out,
            checkpoint=options.checkpoint,
            load=load,
            on_progress=bar.count,
        )
    print(f"{prepared.study.title}: ready in {options.out}, frozen as {prepared.sha256[:12]}")


def _datasets(paths: Sequence[Path]) -> list[Dataset]:
    from llmseg.datasets.folder import read_dataset

    return [read_dataset(path) for path in paths]


def _described(study: Study, design: Design) -> Iterator[str]:
    """The design as `study check` prints it."""
    yield f"{study.title} ({study.key}, seed {study.seed})"
    counts = f"{len(study.cases)} cases, {len(study.training)} for training, {len(study.arms)} arms"
    yield f"{counts}; {len(study.readers)} to read, {len(study.people) - len(study.readers)} to operate"
    yield ""
    yield f"{'reader':24} {'readings':>8} {'training':>8} {'repeats':>7}  minutes in each sitting"
    for work in design.workloads:
        minutes = " + ".join(f"{minutes:.0f}" for minutes in work.minutes)
        total = f" = {sum(work.minutes):.0f}" if len(work.minutes) > 1 else ""
        yield f"{work.reader:24} {work.readings:8} {work.training:8} {work.repeats:7}  {minutes}{total}"
    yield ""
    yield f"{'task':16} {'arm':32} {'read':>5} {'again':>5}  {'place':>5}  {'sides':>7}  in each sitting"
    for row in design.balance:
        yield _balanced(row)
    yield ""
    yield "place: mean place in its sitting, 0 first, 1 last. sides: how often the first arm was A, and how often B."
    yield _shared(study, design)


def _balanced(row: Balance) -> str:
    sides = "" if row.as_listed is None else f"{row.as_listed}:{row.readings - row.as_listed}"
    sittings = " ".join(f"{count:4}" for count in row.sittings)
    arms = " | ".join(row.combination)
    return f"{row.task:16} {arms:32} {row.readings:5} {row.repeats:5}  {row.position:5.2f}  {sides:>7}  {sittings}"


def _shared(study: Study, design: Design) -> str:
    if not design.shared:
        return "No reader sees a case with different arms in one sitting."
    return (
        f"{design.shared} times a reader sees a case with different arms in one sitting; never with sessions = "
        f"{design.enough} instead of {study.sessions}."
    )
