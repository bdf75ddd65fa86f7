"""`python -m llmseg study ...`: each command reads flags, calls one function below, prints."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from llmseg.case import InputError
from llmseg.progress import Bar

if TYPE_CHECKING:
    from llmseg.datasets.folder import Dataset
    from llmseg.study.answers import Answer
    from llmseg.study.design import Balance, Design
    from llmseg.study.preparing import Prepared
    from llmseg.study.protocol import Study
    from llmseg.ui.study.desk import Desk

EXAMPLES = Path(__file__).parents[1] / "examples"


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of `study` its commands."""
    kinds = parser.add_subparsers(required=True, metavar="ACTION")
    _add_check(kinds.add_parser("check", help="check a protocol and print its design: readings, minutes, balance"))
    _add_prepare(kinds.add_parser("prepare", help="draw every contour of a study and freeze it"))
    _add_serve(kinds.add_parser("serve", help="open a prepared study to its readers; prints their codes once"))
    _add_codes(kinds.add_parser("codes", help="make personal codes, shown this once"))
    _add_migrate(kinds.add_parser("migrate", help="bring the database of an older llmseg up to date"))
    _add_demo(kinds.add_parser("demo", help="prepare and serve the example study on the bundled phantoms"))
    _add_simulate(kinds.add_parser("simulate", help="answer a study as readers of known habits, to try the analysis"))
    _add_export(kinds.add_parser("export", help="write the answers as a table, its dictionary and files for iMRMC"))
    _add_analyze(kinds.add_parser("analyze", help="write the report: methods, tables, figures"))
    _add_sample_size(kinds.add_parser("sample-size", help="how many readers and cases a difference takes"))


def _add_serve(parser: argparse.ArgumentParser) -> None:
    _add_study(parser)
    _add_address(parser)
    parser.set_defaults(run=_serve)


def _add_codes(parser: argparse.ArgumentParser) -> None:
    _add_study(parser)
    parser.add_argument("names", nargs="*", metavar="NAME", help="who gets a new code; default: who has none yet")
    parser.set_defaults(run=_codes)


def _add_migrate(parser: argparse.ArgumentParser) -> None:
    _add_study(parser)
    parser.set_defaults(run=_migrate)


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=Path("runs/study-demo"), metavar="STUDY", help="where it is kept")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    _add_address(parser)
    parser.set_defaults(run=_demo)


def _add_study(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("study", type=Path, metavar="STUDY", help="folder that `study prepare` made")
    parser.add_argument("--store", metavar="URL", help="postgresql://user@host/database; default: STUDY/study.db")


def _add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 to be reached from other machines")
    parser.add_argument("--port", type=int, default=7870)


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


def _add_simulate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("study", type=Path, metavar="STUDY", help="a prepared study, or a protocol (study.toml)")
    parser.add_argument("--readers", type=int, required=True, metavar="N", help="instead of the study's own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--quality", nargs="+", default=[], metavar="ARM=VALUE", help="mean of an arm on the hidden scale (default 0)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.set_defaults(run=_simulate)


def _add_export(parser: argparse.ArgumentParser) -> None:
    _add_study(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.set_defaults(run=_export)


def _add_analyze(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="SOURCE", help="an exported table or its folder; a prepared study")
    parser.add_argument("--store", metavar="URL", help="of a prepared study; default: SOURCE/study.db")
    parser.add_argument("--study", type=Path, help="the prepared study of an exported table, for the methods")
    parser.add_argument("--finished-only", action="store_true", help="leave out readers who have not read everything")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.set_defaults(run=_analyze)


def _add_sample_size(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("aim", choices=("acceptability", "preference"))
    parser.add_argument(
        "difference", type=float, help="of the shares acceptable, 0.15 for 15 points; or net preference"
    )
    parser.add_argument("--readers", type=int, nargs="+", default=[4, 6, 8, 12])
    parser.add_argument("--cases", type=int, nargs="+", default=[20, 40, 60])
    parser.add_argument("--share", type=float, default=0.6, help="acceptable with the worse arm (default 0.6)")
    parser.add_argument("--power", type=float, default=0.8, help="that is wanted (default 0.8)")
    parser.add_argument("--studies", type=int, default=400, help="simulated for each size (default 400)")
    parser.add_argument("--seed", type=int, default=0)
    parser.set_defaults(run=_sample_size)


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


def _serve(options: argparse.Namespace) -> None:
    from llmseg.ui.study.desk import Desk

    _serve_desk(Desk.open(options.study, options.store, upgrade=False), options.host, options.port)


def _serve_desk(desk: Desk, host: str, port: int) -> None:
    from llmseg.ui.study.serving import serve

    def announce() -> None:
        _print_codes(desk.room.enroll())
        address = f"http://{host}:{port}"
        print(f"{desk.study.title}\nreaders:   {address}\noperators: {address}/operator", flush=True)

    try:
        serve(desk, host, port, announce)
    finally:
        desk.close()


def _codes(options: argparse.Namespace) -> None:
    from llmseg.ui.study.desk import Desk

    desk = Desk.open(options.study, options.store)
    try:
        codes = desk.room.enroll(options.names or None)
    finally:
        desk.close()
    _print_codes(codes)
    if not codes:
        print("Everyone has a code. Name whose code is to be replaced.")


def _migrate(options: argparse.Namespace) -> None:
    from llmseg.ui.study.desk import Desk

    Desk.open(options.study, options.store).close()
    print(f"The database of {options.study} is up to date.")


def _print_codes(codes: Mapping[str, str]) -> None:
    if codes:
        print("Personal codes, shown this once:")
    for name, code in codes.items():
        print(f"  {name:24} {code}")


def _demo(options: argparse.Namespace) -> None:
    from llmseg.ui.study.desk import Desk

    if not (options.out / "study.json").exists():
        options.protocol, options.checkpoint = EXAMPLES / "study.toml", None
        options.data = [EXAMPLES / "teaching", EXAMPLES / "phantoms"]
        _prepare(options)
    desk = Desk.open(options.out)
    # A demonstration is begun again and again: its people get new codes each time.
    _print_codes(desk.room.enroll([person.name for person in desk.study.people]))
    _serve_desk(desk, options.host, options.port)


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


def _simulate(options: argparse.Namespace) -> None:
    from llmseg.study.design import readings_of
    from llmseg.study.exporting import export
    from llmseg.study.preparing import PROTOCOL
    from llmseg.study.protocol import read_study
    from llmseg.study.simulating import Readers, simulate, with_readers

    protocol = options.study / PROTOCOL if options.study.is_dir() else options.study
    study = with_readers(read_study(protocol), options.readers)
    like = Readers(quality=_qualities(options.quality, study))
    readings = {person.name: readings_of(study, person, b"") for person in study.readers}
    export(simulate(study, readings, like, options.seed), options.out)
    print(f"{options.readers} simulated readers answered {study.key}; their answers are in {options.out}")
    for line in like.truths(study):
        print(line)


def _qualities(settings: Sequence[str], study: Study) -> dict[str, float]:
    found = {}
    for setting in settings:
        arm, _, value = setting.partition("=")
        if arm not in study.arms:
            raise InputError(f"--quality {setting} names no arm. Arms: {', '.join(study.arms)}.")
        try:
            found[arm] = float(value)
        except ValueError:
            raise InputError(f"--quality {setting} has no number. Write --quality {arm}=0.5") from None
    return found


def _export(options: argparse.Namespace) -> None:
    from llmseg.study.exporting import export
    from llmseg.study.preparing import read_prepared

    answers = _stored_answers(read_prepared(options.study), options.store)
    for path in export(answers, options.out):
        print(path)


def _stored_answers(prepared: Prepared, url: str | None) -> list[Answer]:
    """What the study's store gives out; a store is never made here."""
    from datetime import datetime, timezone

    from llmseg.study.room import ReadingRoom
    from llmseg.study.store import Store, database_of

    file = database_of(prepared.folder)
    if url is None and not file.exists():
        raise InputError(f"{file} is not there: nobody has read yet. Serve the study, or name its store with --store.")
    store = Store.open(url or f"sqlite:///{file}")
    try:
        room = ReadingRoom(prepared, store, lambda: datetime.now(timezone.utc))
        return room.answers(room.owner())
    finally:
        store.close()


def _analyze(options: argparse.Namespace) -> None:
    import hashlib

    from llmseg.study.analysis import analyze
    from llmseg.study.exporting import TABLE, read_answers
    from llmseg.study.preparing import FROZEN, read_prepared
    from llmseg.study.reporting import report

    source = options.source
    if (source / FROZEN).exists():
        prepared = read_prepared(source)
        answers = _stored_answers(prepared, options.store)
        said = f"Source: the store of {prepared.study.key}, {len(answers)} answers."
    else:
        table = source / TABLE if source.is_dir() else source
        answers = read_answers(table)
        prepared = read_prepared(options.study) if options.study else None
        said = f"Source: {table.name}, SHA-256 {hashlib.sha256(table.read_bytes()).hexdigest()}."
    known = {"planned": prepared.readings, "arms": tuple(prepared.study.arms)} if prepared else {}
    found = analyze(answers, finished_only=options.finished_only, **known)
    written = report(found, options.out, source=said, prepared=prepared)
    print(f"{written[0]} with {len(written) - 1} figures")


def _sample_size(options: argparse.Namespace) -> None:
    from llmseg.study.sample_size import sample_size

    found = sample_size(
        options.aim,
        options.difference,
        readers=options.readers,
        cases=options.cases,
        share=options.share,
        power=options.power,
        studies=options.studies,
        seed=options.seed,
    )
    print("Assumed:")
    for sentence in found.assumptions():
        print(f"- {sentence}")
    print(f"\n{'readers':>7} {'cases':>5} {'power':>6}  95% interval   median width of a study's interval")
    for row in found.table:
        print(f"{row.readers:7} {row.cases:5} {row.power:6.0%}  {row.low:4.0%} to {row.high:4.0%}   {row.width:.2f}")
    if found.enough:
        print(f"\n{found.enough.readers} readers and {found.enough.cases} cases reach {options.power:.0%}.")
    else:
        print(f"\nNone of these reaches {options.power:.0%}. Ask for more readers or cases.")
