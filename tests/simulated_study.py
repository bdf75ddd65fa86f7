"""Small studies and what simulated readers answer to them, for the tests of exports and analyses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llmseg.study.answers import Answer
from llmseg.study.design import Reading, readings_of
from llmseg.study.protocol import (
    ACCEPTABILITY_4,
    FREE_TEXT,
    PREFERRED,
    TURING,
    Arm,
    Person,
    Question,
    Study,
    Task,
)
from llmseg.study.simulating import Readers, simulate

WITH, WITHOUT = "with-note", "without-note"
LIKE = Readers(quality={WITH: 0.5})


def study(
    readers: int, cases: int, *, rated: Sequence[str] = (WITH, WITHOUT), repeats: float = 0.0, edits: bool = False
) -> Study:
    """Rate, compare, and perhaps edit."""
    questions = (
        Question("usable", "Would you use it?", ACCEPTABILITY_4),
        Question("better", "Which is better?", PREFERRED),
        Question("who", "Who drew it?", TURING),
        Question("why", "Why?", FREE_TEXT, required=False),
    )
    tasks = [
        Task("rating", "rate", ("usable", "who", "why"), arms=tuple(rated), repeats=repeats),
        Task("comparing", "compare", ("better",), pairs=((WITH, WITHOUT),)),
    ]
    if edits:
        tasks.append(Task("editing", "edit", (), arms=(WITH, WITHOUT)))
    return Study(
        key="neck",
        title="Does the note help?",
        seed=7,
        cases=tuple(f"case-{number:02}" for number in range(1, cases + 1)),
        arms={arm: Arm(arm, "text" if arm == WITH else "no-text") for arm in (WITH, WITHOUT)},
        questions={question.key: question for question in questions},
        tasks=tuple(tasks),
        people=tuple(Person(f"Reader {number}") for number in range(1, readers + 1)),
        minutes={task.key: 1.0 for task in tasks},
    )


def planned(found: Study) -> dict[str, tuple[Reading, ...]]:
    return {person.name: readings_of(found, person, b"") for person in found.readers}


def answered(found: Study, like: Readers = LIKE, seed: int = 1) -> list[Answer]:
    return simulate(found, planned(found), like, seed)


def as_rated(answers: Sequence[Answer], value: str) -> list[Answer]:
    """The same readings, all with one rating."""
    return [replace(a, value=value) if a.measure == "ordinal" else a for a in answers]
