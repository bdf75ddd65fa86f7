"""The app without a page: a workbench on the small cases, and what pressing Run on it leaves."""

from __future__ import annotations

from pathlib import Path

from standin import StandIn, write_dataset

from llmseg.ui.cases import Catalogue
from llmseg.ui.running import Model
from llmseg.ui.session import Session, Workspace
from llmseg.ui.workbench import Status, Workbench


def workbench(folder: Path, segmenter: StandIn) -> Workbench:
    """On the cases of `write_dataset`."""
    return Workbench(Model(lambda: segmenter), Catalogue([write_dataset(folder / "data")]), Workspace(folder / "app"))


def pressed_run(bench: Workbench, session: Session, note: str) -> tuple[Session, Status]:
    """The session after Run, and what the page says of it."""
    bench.stops.new(session)
    *_, session, status = bench.run(session, note)
    return session, status
