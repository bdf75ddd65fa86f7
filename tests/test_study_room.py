"""The reading room, as readers and operators meet it."""

from __future__ import annotations

import pytest
from reading_room import open_room

from llmseg.study.store import Store


@pytest.fixture
def store(database):
    store = Store.open(database)
    yield store
    store.close()


@pytest.fixture
def opened(store):
    return open_room(store)


def test_a_reader_goes_from_the_first_reading_to_the_last(opened):
    places = [opened.room.present(opened.tickets["Ada"])]
    while places[-1].state == "reading":
        places.append(opened.answer("Ada"))
    readings = opened.prepared.readings["Ada"]
    assert [place.reading for place in places] == [*(reading.id for reading in readings), ""]
    assert [place.number for place in places] == [*range(1, 9), 8]
    assert places[-1].state == "done"
