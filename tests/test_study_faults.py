"""What can go wrong while a study is read, in SQLite and in PostgreSQL: whatever was acknowledged is kept, once."""

from __future__ import annotations

import os
import random
import resource
import sqlite3
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import psycopg
import pytest
from answering import LONG, truthfully
from reading_room import SHAPE, open_room
from sqlalchemy import make_url

from llmseg.study import access
from llmseg.study import store as storing
from llmseg.study.room import Place, Submitted
from llmseg.study.store import Store, StoreError

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _quick_codes(monkeypatch):
    monkeypatch.setattr(access, "SCRYPT", access.SCRYPT | {"n": 16})


@pytest.fixture
def opened(database):
    """The study with many readings, in either kind of database."""
    store = Store.open(database)
    yield open_room(store, LONG)
    store.close()


@pytest.fixture
def embedded(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path}/study.db")
    yield open_room(store, LONG)
    store.close()


@pytest.fixture
def served(postgresql):
    store = Store.open(postgresql.create())
    yield open_room(store, LONG)
    store.close()


def answering(url: str, opened) -> subprocess.Popen:
    """Another server's process, which answers for Ada as fast as it can."""
    command = [sys.executable, str(HERE / "answering.py"), url, opened.tickets["Ada"].secret]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def answer_some(opened, count: int) -> list[Place]:
    """Answer so many readings; where they were."""
    places = []
    for _ in range(count):
        places.append(opened.room.present(opened.tickets["Ada"]))
        opened.room.answer(opened.tickets["Ada"], truthfully(places[-1]))
    return places


def answered(opened) -> Counter:
    """Reading -> how often it was answered, by what the store holds."""
    trail = opened.room.audit(opened.room.owner())
    return Counter(event.reading for event in trail if event.kind == "answer")


def check_kept(opened, acknowledged: list[str]) -> None:
    """Each acknowledged answer is there once, with what was said; and reading goes on after the last one."""
    found, order = answered(opened), [reading.id for reading in LONG.readings["Ada"]]
    assert set(found.values()) <= {1}
    # One more may be kept than was acknowledged: the one that was under way.
    assert len(acknowledged) <= len(found) <= len(acknowledged) + 1
    assert list(found) == order[: len(found)]
    assert acknowledged == order[: len(acknowledged)]
    rows = [row for row in opened.room.answers(opened.room.owner()) if row.question in ("accept", "why")]
    assert all(row.value.rstrip(".") == str(row.reading % 4 + 1) for row in rows)
    assert opened.room.present(opened.tickets["Ada"]).reading == order[len(found)]


def test_what_was_acknowledged_survives_a_kill_at_any_moment(database, opened):
    acknowledged, rng = [], random.Random(len(database))
    for _ in range(2):
        process = answering(database, opened)
        acknowledged += [process.stdout.readline().strip() for _ in range(rng.randrange(1, 40))]
        process.kill()
        # What it said before it died was acknowledged too.
        acknowledged += process.stdout.read().split()
        process.wait()
        process.stdout.close()
        check_kept(opened, acknowledged)
        acknowledged = list(answered(opened))


def until_it_fails(opened) -> tuple[list[str], Submitted, Exception]:
    """Answer as long as it goes: the acknowledged readings, what could not be saved, and why."""
    acknowledged = []
    while True:
        place = opened.room.present(opened.tickets["Ada"])
        submitted = truthfully(place)
        try:
            opened.room.answer(opened.tickets["Ada"], submitted)
        except StoreError as refused:
            return acknowledged, submitted, refused
        acknowledged.append(place.reading)


def test_a_full_disk_is_told_and_what_did_not_fit_can_be_sent_again(embedded, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    room = (tmp_path / "study.db-wal").stat().st_size + 200_000
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
        acknowledged, submitted, refused = until_it_fails(embedded)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(refused).startswith(
        "The study cannot be saved just now: the server's disk is full or broken. Nothing of this was saved."
    )
    assert acknowledged
    assert set(answered(embedded)) == set(acknowledged)
    check_kept(embedded, acknowledged)
    embedded.room.answer(embedded.tickets["Ada"], submitted)
    check_kept(embedded, [*acknowledged, submitted.reading])


def test_an_edit_that_does_not_fit_on_the_disk_is_not_half_there(embedded, tmp_path):
    ticket = embedded.tickets["Ada"]
    while (place := embedded.room.present(ticket)).kind != "edit":
        embedded.room.answer(ticket, truthfully(place))
    mask = {"Parotid_L": np.ones(SHAPE, bool)}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "study.db-wal").stat().st_size, limits[1]))
        with pytest.raises(StoreError, match="full or broken"):
            embedded.room.save_edit(ticket, place.reading, "save-0001", mask, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert embedded.room.edited(ticket, place.reading) is None
    embedded.room.save_edit(ticket, place.reading, "save-0001", mask, {})
    assert embedded.room.edited(ticket, place.reading)["Parotid_L"].all()


def test_a_file_that_is_taken_away_while_reading_is_told_and_nothing_goes_to_nowhere(embedded, tmp_path):
    acknowledged = [place.reading for place in answer_some(embedded, 3)]
    place = embedded.room.present(embedded.tickets["Ada"])
    (tmp_path / "study.db").rename(tmp_path / "elsewhere")
    for _ in range(2):
        with pytest.raises(StoreError, match="its file is gone"):
            embedded.room.answer(embedded.tickets["Ada"], truthfully(place))
    assert not (tmp_path / "study.db").exists()
    (tmp_path / "elsewhere").rename(tmp_path / "study.db")
    check_kept(embedded, acknowledged)
    embedded.room.answer(embedded.tickets["Ada"], truthfully(place))
    check_kept(embedded, [*acknowledged, place.reading])


def test_another_file_in_its_place_is_not_written_to(embedded, tmp_path):
    place = embedded.room.present(embedded.tickets["Ada"])
    (tmp_path / "study.db").rename(tmp_path / "elsewhere")
    Store.open(f"sqlite:///{tmp_path}/study.db").close()
    with pytest.raises(StoreError, match="its file is gone"):
        embedded.room.answer(embedded.tickets["Ada"], truthfully(place))


def test_a_database_that_another_program_holds_is_told_as_busy(tmp_path, monkeypatch):
    monkeypatch.setattr(storing, "PATIENCE_SECONDS", 0)
    store = Store.open(f"sqlite:///{tmp_path}/study.db")
    opened = open_room(store, LONG)
    place = opened.room.present(opened.tickets["Ada"])
    other = sqlite3.connect(tmp_path / "study.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="its database is busy"):
        opened.room.answer(opened.tickets["Ada"], truthfully(place))
    assert opened.room.present(opened.tickets["Ada"]) == place  # reading waits for nobody
    other.execute("ROLLBACK")
    other.close()
    assert opened.room.answer(opened.tickets["Ada"], truthfully(place)).number == 2
    store.close()


def test_a_server_that_crashes_while_reading_is_told_and_lost_nothing(served, postgresql):
    acknowledged = [place.reading for place in answer_some(served, 5)]
    place = served.room.present(served.tickets["Ada"])
    postgresql.crash()
    try:
        for _ in range(2):
            with pytest.raises(StoreError, match=r"cannot be reached\. Nothing of this was saved"):
                served.room.answer(served.tickets["Ada"], truthfully(place))
    finally:
        postgresql.start()
    check_kept(served, acknowledged)
    served.room.answer(served.tickets["Ada"], truthfully(place))
    check_kept(served, [*acknowledged, place.reading])


def cut_connections(postgresql, url: str) -> None:
    with psycopg.connect(postgresql.url(), autocommit=True) as connection:
        user = make_url(url).username
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [user])


def test_a_connection_that_was_dropped_between_answers_is_opened_again(postgresql):
    url = postgresql.create()
    store = Store.open(url)
    opened = open_room(store, LONG)
    acknowledged = []
    for _ in range(3):
        acknowledged += [place.reading for place in answer_some(opened, 1)]
        cut_connections(postgresql, url)
    check_kept(opened, acknowledged)
    store.close()


def test_connections_dropped_at_any_moment_lose_and_double_nothing(postgresql):
    url = postgresql.create()
    store = Store.open(url)
    opened = open_room(store, LONG)
    ticket, acknowledged = opened.tickets["Ada"], []

    def tried(act):
        """Try until it is saved, as a page does: with the same key."""
        while True:
            with suppress(StoreError):
                return act()

    with ThreadPoolExecutor(1) as threads:
        for _ in range(20):
            cutting = threads.submit(cut_connections, postgresql, url)
            submitted = truthfully(tried(lambda: opened.room.present(ticket)))
            tried(lambda submitted=submitted: opened.room.answer(ticket, submitted))
            acknowledged.append(submitted.reading)
            cutting.result()
    check_kept(opened, acknowledged)
    store.close()


def test_the_log_says_what_the_reader_is_not_told(embedded, tmp_path, caplog):
    place = embedded.room.present(embedded.tickets["Ada"])
    (tmp_path / "study.db").unlink()
    with pytest.raises(StoreError) as refused:
        embedded.room.answer(embedded.tickets["Ada"], truthfully(place))
    assert str(tmp_path) not in str(refused.value)
    assert f"{tmp_path}/study.db was deleted or replaced" in caplog.text
