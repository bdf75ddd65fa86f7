"""One study as its server holds it: the room, what it shows, and what only its owner and operators may do."""

from __future__ import annotations

import io
import tempfile
import zipfile
from datetime import datetime, timezone
from pathlib import Path

from llmseg.study.exporting import export
from llmseg.study.preparing import Prepared, read_prepared
from llmseg.study.room import ReadingRoom
from llmseg.study.store import Store, database_of
from llmseg.ui.study.gallery import Gallery


class Desk:
    """A prepared study that is open to its readers.

    Args:
        store: stays open until `close`.
    """

    def __init__(self, prepared: Prepared, store: Store):
        self.prepared, self.study = prepared, prepared.study
        self.room = ReadingRoom(prepared, store, _now)
        self.gallery = Gallery(self.room, prepared)
        self._store = store

    @classmethod
    def open(cls, folder: Path, url: str | None = None, *, upgrade: bool = True) -> Desk:
        """Open a prepared study with its store, which is made where there is none.

        Args:
            url: of the store; default: a SQLite file in the study's folder.
            upgrade: see `Store.open`.
        Raises:
            InputError: not a prepared study, or its files have changed; or a store that cannot be used.
        """
        return cls(read_prepared(folder), Store.open(url or f"sqlite:///{database_of(folder)}", upgrade=upgrade))

    def close(self) -> None:
        self.gallery.close()
        self._store.close()

    def new_code(self, ticket: str, name: str) -> str:
        """A new personal code for somebody, shown this once; the one before opens nothing any more."""
        self.room.overview(ticket)  # an operator's ticket, or it raises
        return self.room.enroll([name])[name]

    def export(self, ticket: str) -> bytes:
        """Every answer that counts, as `study export` writes it, in a zip file."""
        buffer = io.BytesIO()
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in export(self.room.answers(ticket), Path(folder)):
                archive.write(path, path.name)
        return buffer.getvalue()


def _now() -> datetime:
    return datetime.now(timezone.utc)
