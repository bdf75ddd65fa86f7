"""What of a study's answers is analysed, and what is left out; each is counted, so that a report can say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llmseg.case import InputError
from llmseg.study.answers import Answer
from llmseg.study.design import Reading
from llmseg.study.protocol import CHOICE, MEASURES, ORDINAL, PREFERENCE, TEXT, TIE

Combination = tuple[str, str, frozenset[str]]
"""Task, case and the arms that are shown."""


@dataclass(frozen=True)
class Unfinished:
    """A reader who has not read everything."""

    reader: str
    read: int
    of: int


@dataclass(frozen=True)
class Sample:
    """The answers of one study, sorted.

    Args:
        counted: first readings; what every comparison rests on.
        repeats: second readings; only agreement of readers with themselves rests on them.
        arms: in the order in which they are reported.
        readings: counted ones, each of one reader, task, case and arm or pair.
        training: readings left out because they only trained.
        unfinished: readers who lack some readings.
        planned: whether what was to be read is known from the protocol; otherwise it is what any reader has read.
        missing: readings that were to be there and are not, of the readers who count.
        left_out: readers left out because they are unfinished.
        comments: answers in words.
        first_day, last_day: of the counted answers, ISO 8601; empty where they have no time.
    """

    study: str
    counted: tuple[Answer, ...]
    repeats: tuple[Answer, ...]
    arms: tuple[str, ...]
    readers: tuple[str, ...]
    cases: tuple[str, ...]
    readings: int
    repeated: int
    training: int
    unfinished: tuple[Unfinished, ...]
    planned: bool
    missing: int
    left_out: tuple[str, ...]
    comments: int
    first_day: str
    last_day: str

    def of(self, measure: str) -> dict[tuple[str, str], tuple[Answer, ...]]:
        """(task, question) -> the counted answers of a measure, in the order of the table."""
        found: dict[tuple[str, str], list[Answer]] = {}
        for answer in self.counted:
            if answer.measure == measure:
                found.setdefault((answer.task, answer.question), []).append(answer)
        return {key: tuple(answers) for key, answers in found.items()}


def sample(
    answers: Sequence[Answer],
    *,
    planned: Mapping[str, Sequence[Reading]] | None = None,
    arms: Sequence[str] = (),
    finished_only: bool = False,
) -> Sample:
    """Sort answers into what counts, what repeats and what is left out.

    Args:
        planned: every reader's readings, as `Prepared.readings`.
        arms: their order in the report; others follow by name.
        finished_only: leave out readers who have not read everything, instead of what they did not read.
    Raises:
        InputError: no answer that counts, answers of two studies, one that is there twice, or one that its question
            does not have; names it.
    """
    studies = sorted({answer.study for answer in answers})
    if len(studies) > 1:
        raise InputError(f"The answers are of several studies ({', '.join(studies)}). Analyze one at a time.")
    _check_single(answers)
    for answer in answers:
        _check_value(answer)
    training = len({(a.reader, a.reading) for a in answers if a.training})
    firsts = [a for a in answers if not a.training and a.repeats is None]
    unfinished = _unfinished(firsts, planned)
    left_out = tuple(row.reader for row in unfinished) if finished_only else ()
    counted = tuple(a for a in firsts if a.reader not in left_out)
    if not counted:
        why = "only readers who have not finished" if firsts else "none that counts"
        raise InputError(f"Of {len(answers)} answers there are {why}. Wait for the readers.")
    named = {arm for a in counted for arm in (a.arm, a.other) if arm is not None}
    repeats = tuple(a for a in answers if a.repeats is not None and not a.training and a.reader not in left_out)
    days = {a.answered_at[: len("2026-01-31")] for a in counted if a.answered_at}
    return Sample(
        study=studies[0],
        counted=counted,
        repeats=repeats,
        arms=(*(arm for arm in arms if arm in named), *sorted(named - set(arms))),
        readers=tuple(sorted({a.reader for a in counted})),
        cases=tuple(sorted({a.case for a in counted})),
        readings=len({(a.reader, a.reading) for a in counted}),
        repeated=len({(a.reader, a.reading) for a in repeats}),
        training=training,
        unfinished=unfinished,
        planned=planned is not None,
        missing=sum(row.of - row.read for row in unfinished if row.reader not in left_out),
        left_out=left_out,
        first_day=min(days, default=""),
        last_day=max(days, default=""),
        comments=sum(a.measure == TEXT and a.value.strip() != "" for a in counted),
    )


def _check_single(answers: Sequence[Answer]) -> None:
    seen = set()
    for a in answers:
        combination = a.task, a.case, frozenset({a.arm, a.other}), a.repeats is not None, a.training
        for key in ((a.reader, a.reading, a.question), (a.reader, *combination, a.question)):
            if key in seen:
                raise InputError(
                    f"Reader {a.reader!r} has two answers to {a.question!r} of reading {a.reading} (case {a.case!r}). "
                    "Export the study again."
                )
            seen.add(key)


def _check_value(answer: Answer) -> None:
    where = f"Reader {answer.reader!r}, reading {answer.reading}, {answer.question!r}: {answer.value!r}"
    known = (*MEASURES, "")  # an edit may ask nothing
    if answer.measure not in known:
        raise InputError(f"{where} has the measure {answer.measure!r}, not one of {', '.join(MEASURES)}. Correct it.")
    if answer.measure in (ORDINAL, CHOICE) and not answer.labels:
        raise InputError(f"{where} comes without its scale's labels. Export the study again with this version.")
    allowed = {
        ORDINAL: [str(number) for number in range(1, len(answer.labels) + 1)],
        CHOICE: list(answer.labels),
        PREFERENCE: [answer.arm, answer.other, TIE],
    }.get(answer.measure)
    if allowed is not None and answer.value not in allowed:
        raise InputError(f"{where} is not one of {', '.join(map(str, allowed))}. Correct it or export again.")


def _combination(task: str, case: str, *arms: str | None) -> Combination:
    return task, case, frozenset(arm for arm in arms if arm is not None)


def _unfinished(firsts: Sequence[Answer], planned: Mapping[str, Sequence[Reading]] | None) -> tuple[Unfinished, ...]:
    read: dict[str, set[Combination]] = {}
    for a in firsts:
        read.setdefault(a.reader, set()).add(_combination(a.task, a.case, a.arm, a.other))
    if planned is None:
        every = set().union(*read.values())
        expected = dict.fromkeys(read, every)
    else:
        expected = {
            reader: {_combination(r.task, r.case, *r.arms) for r in own if not r.training and r.repeats is None}
            for reader, own in planned.items()
        }
    rows = (Unfinished(reader, len(read.get(reader, set()) & all_), len(all_)) for reader, all_ in expected.items())
    return tuple(sorted((row for row in rows if row.read < row.of), key=lambda row: row.reader))
