"""Answers a study in a loop, as a process of its own (answering.py URL TICKET), and says what was acknowledged."""

from __future__ import annotations

import sys

from reading_room import Clock, prepared

from llmseg.study.room import Place, ReadingRoom, Submitted
from llmseg.study.store import Store

LONG = prepared(cases=tuple(f"case-{number}" for number in range(100)))


def truthfully(place: Place) -> Submitted:
    """An answer that says which reading it is of: its ratings are the reading's number, modulo 4, plus 1."""
    value = str(place.number % 4 + 1)
    said = {"accept": value, "better": "tie", "why": f"{value}."}
    answers = {question.key: said[question.key] for question in place.questions}
    return Submitted(place.reading, answers, f"key-{place.reading}", 1.0)


def answer_all(url: str, ticket: str) -> None:
    """Print the id of each reading once its answer is acknowledged."""
    room = ReadingRoom(LONG, Store.open(url, upgrade=False), Clock())
    place = room.present(ticket)
    while place.state == "reading":
        place, saved = room.answer(ticket, truthfully(place)), place
        sys.stdout.write(f"{saved.reading}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    answer_all(*sys.argv[1:])
