"""The store: what is in it stays as it was written, in SQLite and in PostgreSQL alike."""

from __future__ import annotations

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmseg.case import InputError
from llmseg.study import store as storing
from llmseg.study.store import CLOCK, SCHEMA, Event, Overtaken, Store, StoreError

NOW = datetime(2026, 3, 2, 9, 30, 0, 123456, tzinfo=timezone.utc)
AFTER_V1 = """
import sqlalchemy as sa
from alembic import op

revision = "v2"
down_revision = "v1"


def upgrade():
    op.add_column("attempts", sa.Column("why", sa.Text))
"""
"""A made-up second version of the schema."""


@pytest.fixture
def store(database):
    store = Store.open(database)
    yield store
    store.close()


def event(**changes) -> Event:
    return Event(**{"record": "Ada", "at": NOW, "who": "Ada", "kind": "answer", "turn": 1} | changes)


def directly(url: str) -> sa.Engine:
    """The same database, past the store."""
    return sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)


# ---- events ----


@given(content=st.dictionaries(st.text(), st.text() | st.floats(allow_nan=False, allow_infinity=False) | st.none()))
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_event_comes_back_as_it_was_stored(store, content):
    written = event(record=f"record {len(store.records())}", reading="r1", contour_sha256="ab|cd", content=content)
    stored = store.append(written)
    (found,) = store.record(written.record)
    assert found == stored
    assert (found.content, found.at, found.content_sha256) == (content, NOW, written.content_sha256)


def test_a_moment_is_the_same_in_every_time_zone(store):
    store.append(event(at=NOW.astimezone(timezone(timedelta(hours=-7)))))
    assert store.record("Ada")[0].at == NOW


def test_masks_come_back_byte_by_byte(store):
    masks = bytes(range(256)) * 40
    assert store.masks(store.append(event(masks=masks))) == masks


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET who = 'Ben'",
        "UPDATE events SET content = '{}' WHERE turn = 1",
        "DELETE FROM events",
        "DELETE FROM events WHERE turn = 2",
    ],
)
def test_the_database_lets_nobody_change_or_delete_an_event(store, database, statement):
    before = [store.append(event(turn=turn)) for turn in (1, 2)]
    with directly(database).connect() as connection, pytest.raises(sa.exc.DBAPIError, match="never"):
        connection.execute(sa.text(statement))
    assert store.record("Ada") == tuple(before)


def test_postgresql_lets_nobody_empty_the_events(postgresql):
    url = postgresql.create()
    store = Store.open(url)
    kept = store.append(event())
    with directly(url).connect() as connection, pytest.raises(sa.exc.DBAPIError, match="never"):
        connection.execute(sa.text("TRUNCATE events CASCADE"))
    assert store.record("Ada") == (kept,)
    store.close()


@pytest.mark.parametrize("column", ["seq", "turn", "key"])
def test_sqlite_lets_nobody_replace_an_event(tmp_path, column):
    store = Store.open(f"sqlite:///{tmp_path}/study.db")
    kept = store.append(event(key="key-1"))
    other = {"seq": 99, "turn": 99, "key": "key-9"} | {column: getattr(kept, column)}
    columns = "record, at, who, kind, reading, content, content_sha256, client_time, app_version, contour_sha256"
    # A connection of its own, in which SQLite's recursive triggers are off.
    with sqlite3.connect(tmp_path / "study.db") as connection, pytest.raises(sqlite3.IntegrityError, match="never"):
        connection.execute(
            f"INSERT OR REPLACE INTO events (seq, turn, key, {columns}) SELECT ?, ?, ?, {columns} FROM events",
            tuple(other.values()),
        )
    connection.close()
    assert store.record("Ada") == (kept,)
    store.close()


def test_the_same_act_sent_twice_is_one_event(store):
    first = store.append(event(key="key-1", content={"answer": "3"}))
    again = store.append(event(turn=2, key="key-1", content={"answer": "3"}, client_time="later"))
    assert again == first
    assert store.record("Ada") == (first,)


@pytest.mark.parametrize("change", [{"content": {"answer": "4"}}, {"reading": "r2"}, {"kind": "edit"}, {"masks": b"1"}])
def test_a_key_used_for_something_else_is_refused(store, change):
    first = store.append(event(key="key-1", reading="r1", content={"answer": "3"}))
    with pytest.raises(InputError, match="saved before with another content"):
        store.append(event(**{"turn": 2, "key": "key-1", "reading": "r1", "content": {"answer": "3"}} | change))
    assert store.record("Ada") == (first,)


def test_the_same_key_of_another_person_is_another_act(store):
    store.append(event(key="key-1"))
    store.append(event(key="key-1", record="Ben"))
    assert [len(record) for record in store.records().values()] == [1, 1]


def test_a_turn_is_taken_once(store):
    store.append(event(key="key-1"))
    with pytest.raises(Overtaken):
        store.append(event(key="key-2"))


def test_what_the_database_refuses_for_good_is_not_tried_for_ever(store):
    with pytest.raises(sa.exc.IntegrityError):
        store.act("Ada", lambda _: event(who=None))


def test_acts_of_many_at_once_each_find_their_own_turn(store):
    def act(number: int) -> None:
        store.act("Ada", lambda record: event(content={"saw": len(record)}, key=f"key-{number}"))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(act, range(20)))
    record = store.record("Ada")
    assert [event.turn for event in record] == list(range(1, 21))
    assert [event.content["saw"] for event in record] == list(range(20))
    assert {event.key for event in record} == {f"key-{number}" for number in range(20)}


def test_a_clock_that_was_set_back_is_noted_and_moves_nothing(store):
    for hours, kind in ((0, "first"), (-3, "second"), (-2, "third")):
        store.act("Ada", lambda _, at=NOW + timedelta(hours=hours), kind=kind: event(at=at, kind=kind))
    record = store.record("Ada")
    assert [event.kind for event in record] == ["first", CLOCK, "second", "third"]
    assert record[1].content == {"back_seconds": 3 * 3600}


def test_clocks_of_two_servers_may_differ_a_little(store):
    for milliseconds in (0, -900):
        store.act("Ada", lambda _, at=NOW + timedelta(milliseconds=milliseconds): event(at=at))
    assert [event.kind for event in store.record("Ada")] == ["answer", "answer"]


# ---- durability, as it is set ----


def test_sqlite_writes_ahead_and_waits_for_the_disk(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path}/study.db")
    with store.writing() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert found == ["wal", 2, 1, 10_000]
    assert (tmp_path / "study.db").stat().st_mode & 0o777 == 0o600
    store.close()


def test_postgresql_waits_for_the_disk_even_where_it_is_told_not_to(postgresql):
    url = postgresql.create()
    with directly(url).begin() as connection:
        connection.execute(sa.text("ALTER ROLE CURRENT_USER SET synchronous_commit = off"))
    store = Store.open(url)
    with store.writing() as connection:
        assert connection.execute(sa.text("SHOW synchronous_commit")).scalar_one() == "on"
    store.close()


# ---- versions ----


def test_the_migrations_make_the_schema_that_the_store_uses(store):
    with store.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SCHEMA) == []


def test_a_database_opens_again_as_it_was_left(store, database):
    kept = store.append(event())
    for upgrade in (True, False):
        again = Store.open(database, upgrade=upgrade)
        assert again.record("Ada") == (kept,)
        again.close()


def test_two_that_open_an_empty_database_at_once_make_one_schema(database):
    with ThreadPoolExecutor(4) as threads:
        stores = list(threads.map(lambda _: Store.open(database), range(4)))
    kept = stores[0].append(event())
    assert [store.record("Ada") for store in stores] == [(kept,)] * 4
    for store in stores:
        store.close()


@pytest.fixture
def later(tmp_path, monkeypatch):
    """The llmseg of a time when the schema has gone on; call it with the code of its second version."""
    folder = tmp_path / "migrations"
    shutil.copytree(storing.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))

    def write(code: str = AFTER_V1) -> None:
        (folder / "versions" / "v2_later.py").write_text(code)
        monkeypatch.setattr(storing, "MIGRATIONS", folder)

    return write


def columns_of(url: str, table: str) -> set[str]:
    engine = directly(url)
    return {column["name"] for column in sa.inspect(engine).get_columns(table)}


def test_a_command_brings_an_older_database_up_to_date_and_loses_nothing(store, database, later):
    kept = store.append(event(content={"answer": "3"}, masks=b"bits"))
    later()
    newer = Store.open(database)
    assert "why" in columns_of(database, "attempts")
    assert newer.record("Ada") == (kept,)
    assert newer.masks(kept) == b"bits"
    with directly(database).connect() as connection, pytest.raises(sa.exc.DBAPIError, match="never"):
        connection.execute(sa.text("DELETE FROM events"))
    newer.close()


def test_an_older_database_is_not_served_but_told_how_to_go_on(store, database, later):
    later()
    with pytest.raises(InputError, match=r"older llmseg \(version v1 .* Stop its servers, then run: .* migrate"):
        Store.open(database, upgrade=False)
    assert "why" not in columns_of(database, "attempts")


def test_a_newer_database_is_refused(database, later, monkeypatch):
    shipped = storing.MIGRATIONS
    later()
    Store.open(database).close()
    monkeypatch.setattr(storing, "MIGRATIONS", shipped)
    for upgrade in (True, False):
        with pytest.raises(InputError, match=r"newer llmseg \(version v2 .* Update llmseg"):
            Store.open(database, upgrade=upgrade)


def test_a_migration_that_fails_half_way_changes_nothing(store, database, later):
    kept = store.append(event())
    later(AFTER_V1 + "    raise RuntimeError('half way')\n")
    with pytest.raises(RuntimeError, match="half way"):
        Store.open(database)
    assert "why" not in columns_of(database, "attempts")
    assert store.record("Ada") == (kept,)


# ---- what is no study's database ----


def test_a_database_with_other_tables_is_left_alone(database):
    if database.startswith("sqlite"):
        sqlite3.connect(database.removeprefix("sqlite:///")).close()
    engine = directly(database)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE patients (id INTEGER)"))
    with pytest.raises(InputError, match="other tables already"):
        Store.open(database)
    assert sa.inspect(engine).get_table_names() == ["patients"]


def test_an_empty_database_is_made_ready_for_commands_and_servers_alike(database):
    store = Store.open(database, upgrade=False)
    assert store.append(event()) in store.record("Ada")
    store.close()


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path):
    (tmp_path / "study.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="damaged, or no database"):
        Store.open(f"sqlite:///{tmp_path}/study.db")
    assert (tmp_path / "study.db").read_bytes() == b"no database at all" * 100


@pytest.mark.parametrize("url", ["study.db", "mysql://root@/study", "sqlite://", "sqlite:///:memory:", "", "a b://"])
def test_an_address_of_another_kind_is_refused(url):
    with pytest.raises(InputError, match="Write sqlite:"):
        Store.open(url)


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        Store.open(f"sqlite:///{tmp_path}/nowhere/study.db")


def test_a_password_is_never_told(tmp_path, caplog):
    url = f"postgresql://user:hunter22@/study?host={tmp_path}"
    with pytest.raises(StoreError, match="cannot be reached") as refused:
        Store.open(url)
    assert "hunter22" not in str(refused.value) + caplog.text
