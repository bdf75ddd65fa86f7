"""Where a study is kept: events that are added and never changed, in SQLite or PostgreSQL.

Everything that happens is an event in somebody's record: an answer, an edit, signing in, going back. Events of one
record are counted 1, 2, ... (`turn`), and the database takes each turn once. So two tabs that answer at the same time
are told apart without a lock, and no order rests on a clock.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from threading import Lock
from urllib.parse import quote

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import URL, Connection, Engine

from llmseg import __version__
from llmseg.case import InputError

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
PATIENCE_SECONDS = 10
"""How long a database may keep an answer waiting."""
SQLITE_CONNECTIONS, POSTGRESQL_CONNECTIONS = 4, 8
"""Few, so that dozens of readers wait in line: at once, their threads keep each other from running."""
CLOCK = "clock"
CLOCKS_DIFFER = timedelta(seconds=1)
"""Between servers that share a database."""
MIGRATING = 0x6C6C6D736567
"""PostgreSQL's advisory lock while the schema changes."""


def database_of(folder: Path) -> Path:
    """The SQLite file of a prepared study, where its store lies unless it is told otherwise."""
    return Path(folder).absolute() / "study.db"


class StoreError(InputError):
    """The database cannot be written or read just now; nothing of what was being saved is in it."""


class Overtaken(Exception):
    """Another event took this turn of the record first: read the record again, and decide again."""


class UTC(sa.TypeDecorator):
    """A moment with its time zone, in databases that know none as well."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        value = value.astimezone(timezone.utc)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


SCHEMA = sa.MetaData()
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
EVENTS = sa.Table(
    "events",
    SCHEMA,
    sa.Column("seq", _SERIAL, primary_key=True, autoincrement=True),
    sa.Column("record", sa.Text, nullable=False),
    sa.Column("turn", sa.Integer, nullable=False),
    sa.Column("at", UTC, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("reading", sa.Text, nullable=False),
    sa.Column("key", sa.Text),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("content_sha256", sa.Text, nullable=False),
    sa.Column("client_time", sa.Text, nullable=False),
    sa.Column("app_version", sa.Text, nullable=False),
    sa.Column("contour_sha256", sa.Text, nullable=False),
    sa.Column("masks", sa.LargeBinary),
    sa.UniqueConstraint("record", "turn", name="one_event_a_turn"),
    sa.UniqueConstraint("record", "key", name="one_event_a_key"),
    sqlite_autoincrement=True,
)
TICKETS = sa.Table(
    "tickets",
    SCHEMA,
    sa.Column("secret_sha256", sa.Text, primary_key=True),
    sa.Column("event", _SERIAL, sa.ForeignKey("events.seq"), nullable=False),
    sa.Column("expires", UTC, nullable=False),
)
ATTEMPTS = sa.Table(
    "attempts",
    SCHEMA,
    sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("at", UTC, nullable=False),
    sqlite_autoincrement=True,
)
_EVENTS = sa.select(*(column for column in EVENTS.c if column.name != "masks")).order_by(EVENTS.c.record, EVENTS.c.turn)
# Built once: what is asked with every answer.
_NEWER = _EVENTS.where(EVENTS.c.record == sa.bindparam("name"), EVENTS.c.turn > sa.bindparam("turn"))


@dataclass(frozen=True)
class Event:
    """Something that happened, as it is kept.

    Args:
        record: whose record it belongs to; "" is the study's own.
        at: the server's clock.
        who: who did it; an operator where he did it to a reader.
        content: what JSON can say.
        key: made by the page for this one act; sent again, it is the same act.
        client_time: the page's clock, as it said.
        contour_sha256: of what was shown.
        masks: of an edit (`pack_masks`); not read back with a record.
        turn: its place in that record, 1, 2, ...; given by `Store.act`.
        seq: place among all events; 0 before it is stored.
        content_sha256: of kind, reading, content and masks; by which a repetition is known.
    """

    record: str
    at: datetime
    who: str
    kind: str
    content: Mapping[str, object] = field(default_factory=dict)
    reading: str = ""
    key: str | None = None
    client_time: str = ""
    app_version: str = __version__
    contour_sha256: str = ""
    masks: bytes | None = field(default=None, repr=False)
    turn: int = 0
    seq: int = 0
    content_sha256: str = ""

    def __post_init__(self):
        if not self.content_sha256:
            said = "\n".join((self.kind, self.reading, self.written)).encode() + b"\n" + (self.masks or b"")
            object.__setattr__(self, "content_sha256", hashlib.sha256(said).hexdigest())

    @property
    def written(self) -> str:
        """The content, in the one spelling that its hash is taken of; ASCII, as PostgreSQL's text holds no NUL."""
        return json.dumps(self.content, sort_keys=True, separators=(",", ":"), allow_nan=False)


class _Line:
    """Lets so many in at once, in the order in which they came; a pool alone lets the lucky in again and again."""

    def __init__(self, places: int):
        self._free, self._waiting, self._lock = places, deque(), Lock()

    def __enter__(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            turn = Lock()
            turn.acquire()
            self._waiting.append(turn)
        turn.acquire()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()  # the place goes straight to who waited longest
            else:
                self._free += 1


class Store:
    """One study's database; safe to use from many threads, and on PostgreSQL from many servers."""

    def __init__(self, engine: Engine, file: Path | None = None):
        """Use `Store.open`."""
        self._engine, self._file = engine, file
        self._identity = _identity(file) if file else None
        # SQLite has one writer; waiting here is fair, where its own polling lets the unlucky starve.
        self._turnstile = Lock() if file else nullcontext()
        self._line = _Line(SQLITE_CONNECTIONS if file else POSTGRESQL_CONNECTIONS)
        self._known: dict[str, tuple[Event, ...]] = {}

    @classmethod
    def open(cls, url: str, *, upgrade: bool = True) -> Store:
        """Open a database.

        Args:
            url: "sqlite:////absolute/study.db" or "postgresql://user@host/name".
            upgrade: bring an older schema up to date (commands); False refuses it (a server, beside which an older one
                may still run). An empty database, or none, is made either way.
        Raises:
            InputError: another kind of URL, a database that is not a study's, older (`upgrade` False) or newer.
            StoreError: it cannot be reached.
        """
        parsed = _checked_url(url)
        file = Path(parsed.database).absolute() if parsed.get_backend_name() == "sqlite" else None
        if file:
            _checked_file(file)
        engine = _sqlite(file) if file else _postgresql(parsed)
        store = cls(engine, file)
        try:
            store._bring_up_to_date(parsed.render_as_string(hide_password=True), upgrade)
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with _explained(), self._line, self._engine.connect() as connection:
            self._check_file()
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction; when the block is left without an error, it is on the disk.

        Raises:
            StoreError: it is not, or may not be: what was being saved has to be sent again, with its key.
        """
        with _explained(), self._line, self._engine.connect().execution_options(writes=True) as connection:
            self._check_file()
            with self._turnstile, connection.begin():
                yield connection
            self._check_file()

    def append(self, event: Event) -> Event:
        """Add an event; it is durable when this returns.

        Returns:
            What is stored: this event, or the earlier one with its key and the same content.
        Raises:
            InputError: its key was used for something else.
            Overtaken: its turn is taken.
            StoreError: nothing was added, or it is unknown whether (a lost connection).
        """
        row = {column.name: getattr(event, column.name) for column in EVENTS.c if column.name != "seq"}
        row["content"] = event.written
        try:
            with self.writing() as connection:
                seq = connection.execute(sa.insert(EVENTS), row).inserted_primary_key[0]
        except sa.exc.IntegrityError as error:
            record = self.record(event.record)
            if earlier := repeated(event, record):
                return earlier
            if not record or record[-1].turn < event.turn:
                raise  # refused for another reason, and would be for ever
            raise Overtaken from error
        return replace(event, seq=seq, masks=None)

    def act(self, name: str, decide: Callable[[tuple[Event, ...]], Event | None]) -> tuple[Event, ...]:
        """Add what comes next in a record.

        Args:
            decide: the record -> the event, or None for none; asked again where another event came first.
        Returns:
            The record with it.
        Raises:
            InputError, StoreError: as `append`, and what `decide` raises; nothing was added.
        """
        while True:
            record = self.record(name)
            event = decide(record)
            if event is None:
                return record
            noted = clock_note(record, event.at)
            event = replace(noted or event, turn=record[-1].turn + 1 if record else 1)
            try:
                stored = self.append(event)
            except Overtaken:
                continue
            if not noted:
                return (*record, stored)

    def record(self, name: str) -> tuple[Event, ...]:
        """The events of one record by turn, without masks."""
        # What was read once never changes; only what came since is asked for.
        known = self._known.get(name, ())
        newer = self._read(_NEWER, {"name": name, "turn": len(known)})
        if newer:
            self._known[name] = known = (*known, *newer)
        return known

    def records(self, names: Iterable[str] | None = None, kind: str | None = None) -> dict[str, tuple[Event, ...]]:
        """Name -> its events by turn, without masks; of all records, and of every kind, where none is named."""
        query = _EVENTS
        if names is not None:
            query = query.where(EVENTS.c.record.in_(names))
        if kind is not None:
            query = query.where(EVENTS.c.kind == kind)
        found: dict[str, list[Event]] = {}
        for event in self._read(query):
            found.setdefault(event.record, []).append(event)
        return {name: tuple(events) for name, events in found.items()}

    def _read(self, query: sa.Select, values: Mapping[str, object] | None = None) -> list[Event]:
        with self.reading() as connection:
            rows = connection.execute(query, values).all()
        return [Event(**{**row._mapping, "content": json.loads(row.content)}) for row in rows]

    def masks(self, event: Event) -> bytes:
        """Those of a stored event that has some."""
        with self.reading() as connection:
            return connection.execute(sa.select(EVENTS.c.masks).where(EVENTS.c.seq == event.seq)).scalar_one()

    def _check_file(self) -> None:
        """A file that was deleted or replaced can still be written to, by whoever has it open; nobody reads that."""
        if self._file and _identity(self._file) != self._identity:
            log.error("%s was deleted or replaced while it was open", self._file)
            raise StoreError(_UNSAVED.format(why="its file is gone"))

    def _bring_up_to_date(self, name: str, upgrade: bool) -> None:
        config = Config(attributes={})
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        script = ScriptDirectory.from_config(config)
        with self.writing() as connection:
            if not self._file:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATING)))
            now = MigrationContext.configure(connection).get_current_revision()
            if now == script.get_current_head():
                return
            self._check_version(connection, now, {step.revision for step in script.walk_revisions()}, name, upgrade)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def _check_version(
        self, connection: Connection, now: str | None, known: set[str], name: str, upgrade: bool
    ) -> None:
        if now is None and sa.inspect(connection).get_table_names():
            raise InputError(f"{name} holds other tables already. Give the study an empty database of its own.")
        if now is not None and now not in known:
            raise InputError(f"{name} was written by a newer llmseg (version {now} of the store). Update llmseg.")
        if now is not None and not upgrade:
            raise InputError(
                f"{name} was written by an older llmseg (version {now} of the store). Stop its servers, then run: "
                "python -m llmseg study migrate."
            )


def clock_note(record: tuple[Event, ...], now: datetime) -> Event | None:
    """The event that says that the server's clock was set back; None where it was not."""
    if not record or now >= record[-1].at - CLOCKS_DIFFER:
        return None
    back = (record[-1].at - now).total_seconds()
    return Event(record[-1].record, now, who="", kind=CLOCK, content={"back_seconds": back})


def repeated(event: Event, record: tuple[Event, ...]) -> Event | None:
    """The event of a record that has this one's key; None where it is new.

    Raises:
        InputError: the key was used with other content.
    """
    earlier = next((known for known in record if known.key == event.key), None) if event.key else None
    if earlier and earlier.content_sha256 != event.content_sha256:
        raise InputError("This was saved before with another content; the first one counts. Reload the page.")
    return earlier


# ---- the two kinds of database ----


def _checked_url(url: str) -> URL:
    remedy = "Write sqlite:////path/study.db or postgresql://user@host/database."
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise InputError(f"The database's address cannot be read. {remedy}") from error
    backend = parsed.get_backend_name()
    if backend not in ("sqlite", "postgresql") or not parsed.database or parsed.database == ":memory:":
        raise InputError(f"{parsed.render_as_string(hide_password=True)} is no database for a study. {remedy}")
    return parsed.set(drivername="postgresql+psycopg") if backend == "postgresql" else parsed


def _checked_file(file: Path) -> None:
    try:
        # Made before it is opened: SQLite may only open what is there, so that a file lost later is never begun anew.
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise InputError(
            f"{file} cannot be opened ({error.strerror}). Check the path and who may write there."
        ) from error


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _pool(connections: int) -> dict[str, int]:
    return {"pool_size": connections, "max_overflow": 0, "pool_timeout": PATIENCE_SECONDS}


def _sqlite(file: Path) -> Engine:
    def connect() -> sqlite3.Connection:
        where = f"file:{quote(str(file))}?mode=rw"
        return sqlite3.connect(where, uri=True, timeout=PATIENCE_SECONDS, isolation_level=None, check_same_thread=False)

    engine = sa.create_engine(
        f"sqlite:///{file}",
        creator=connect,
        poolclass=sa.QueuePool,
        **_pool(SQLITE_CONNECTIONS),
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
            raise InputError(f"{file} lies where SQLite cannot write safely. Move the study to a local disk.")
        for pragma in ("synchronous = FULL", "foreign_keys = ON", "recursive_triggers = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads first and writes then would be refused where another one wrote in between.
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    patience = PATIENCE_SECONDS * 1000
    engine = sa.create_engine(
        url,
        **_pool(POSTGRESQL_CONNECTIONS),
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": PATIENCE_SECONDS,
            "application_name": "llmseg study",
            "options": f"-c statement_timeout={patience} -c lock_timeout={patience}",
        },
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: object, _: object) -> None:
        connection.autocommit = True
        with connection.cursor() as cursor:
            if cursor.execute("SHOW fsync").fetchone()[0] != "on":
                raise InputError("This PostgreSQL runs with fsync = off and may lose answers. Turn it on.")
            if cursor.execute("SHOW synchronous_commit").fetchone()[0] == "off":
                cursor.execute("SET synchronous_commit = on")
        connection.autocommit = False

    return engine


_UNSAVED = (
    "The study cannot be saved just now: {why}. Nothing of this was saved. Keep the page open and try again; if this "
    "goes on, tell the person who runs the study."
)


@contextmanager
def _explained() -> Iterator[None]:
    """Say what is wrong with the database in words for a reader; the details, which hold paths, go to the log."""
    try:
        yield
    except sa.exc.IntegrityError:
        raise
    except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
        log.error("the study's database: %s", error)
        raise StoreError(_UNSAVED.format(why=_why(error))) from error


def _why(error: Exception) -> str:
    said = str(error).lower()
    if any(words in said for words in ("full", "no space", "too large", "disk i/o")):
        return "the server's disk is full or broken"
    if any(words in said for words in ("locked", "timeout", "timed out")):
        return "its database is busy"
    if "not a database" in said or "malformed" in said:
        return "its database is damaged, or no database at all"
    return "its database cannot be reached"
