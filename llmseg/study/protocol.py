"""The protocol of a reader study, as its author writes it in study.toml; docs/studies.md has every key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from llmseg.formats.toml import read_toml
from llmseg.study.table import Table

RATE, COMPARE, EDIT = KINDS = ("rate", "compare", "edit")
READER, OPERATOR = ROLES = ("reader", "operator")
TIE = "tie"
ORDINAL, PREFERENCE, CHOICE, TEXT = MEASURES = ("ordinal", "preference", "choice", "text")
WITH_TEXT, WITHOUT_TEXT, REFERENCE, MASKS = CONTOURS = ("text", "no-text", "reference", "masks")
DRAWN = (WITH_TEXT, WITHOUT_TEXT)
"""Contours that the network draws."""
NEVER, AFTER, BEFORE = SHOW_NOTE = ("never", "after", "before")
MINUTES = {RATE: 1.0, COMPARE: 1.5, EDIT: 5.0}
"""Expected of one reading, where the protocol does not say."""
MOST_SESSIONS, MOST_BACK, LONGEST_NAME = 100, 100, 80


@dataclass(frozen=True)
class Scale:
    """What may be answered.

    Args:
        measure: one of MEASURES.
        labels: ordinal: from worst (1) to best, for example of 4; preference: what stands for A, for the tie and for B;
            choice: in any order. Empty for free text.
    """

    key: str
    measure: str
    labels: tuple[str, ...] = ()


ACCEPTABILITY_4 = Scale("acceptability-4", ORDINAL, ("Unusable", "Major edits", "Minor edits", "Use as is"))
ACCEPTABILITY_5 = Scale(
    "acceptability-5", ORDINAL, ("Unusable", "Major edits", "Some edits", "Minor edits", "Use as is")
)
PREFERRED = Scale("preference", PREFERENCE, ("A is better", "No difference", "B is better"))
TURING = Scale("turing", CHOICE, ("A person", "A computer", "Cannot tell"))
FREE_TEXT = Scale("text", TEXT)
SCALES = {scale.key: scale for scale in (ACCEPTABILITY_4, ACCEPTABILITY_5, PREFERRED, TURING, FREE_TEXT)}


@dataclass(frozen=True)
class Question:
    """One thing that is asked of a reading."""

    key: str
    text: str
    scale: Scale
    required: bool = True


@dataclass(frozen=True)
class Arm:
    """One kind of contour that is studied.

    Args:
        contours: "text" and "no-text" are drawn by the network, "reference" comes with the case, "masks" from a folder.
        note, notes: read instead of the case's own, for "text": one text for all cases, or a folder of `<case>.txt`.
        checkpoint: another network than the one that `study prepare` is given.
        masks: folder of `<case>/<NAME>.nii.gz`, for "masks" (for example contours that were edited by hand).
    """

    key: str
    contours: str
    note: str | None = None
    notes: Path | None = None
    checkpoint: Path | None = None
    masks: Path | None = None


@dataclass(frozen=True)
class Task:
    """What is done with the contours of a case.

    Args:
        kind: "rate" shows one arm, "compare" two side by side, "edit" one that is edited until acceptable, timed.
        arms: each is read in every case (rate, edit).
        pairs: each is read in every case (compare).
        questions: keys, in the order in which they are asked.
        structures: which are shown, and may be edited; empty means all that each of its arms has contoured.
        repeats: instead of the study's own.
    """

    key: str
    kind: str
    questions: tuple[str, ...]
    arms: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    structures: tuple[str, ...] = ()
    repeats: float | None = None

    @property
    def combinations(self) -> tuple[tuple[str, ...], ...]:
        """What is read of every case: one arm each, or the two of a pair."""
        return self.pairs or tuple((arm,) for arm in self.arms)


@dataclass(frozen=True)
class Person:
    """Someone who signs in: a reader, or an operator."""

    name: str
    role: str = READER


@dataclass(frozen=True)
class Study:
    """A whole protocol, checked when it is read.

    Args:
        seed: decides every order and side; the same seed gives the same study.
        cases, training: ids of cases in the datasets that are given; training cases are read first, with feedback.
        repeats: share of the readings that every reader does a second time, for agreement with himself.
        sessions: sittings that the readings are divided into; two arms of one case never stand in one sitting where
            there are enough of them.
        washout_days: least time between the last reading of a sitting and the first of the next.
        show_note: "never", "after" the answer, or "before" it.
        back: how many readings one may go back to change an answer.
        minutes: expected minutes of one reading, by task.
    """

    key: str
    title: str
    seed: int
    cases: tuple[str, ...]
    arms: Mapping[str, Arm]
    questions: Mapping[str, Question]
    tasks: tuple[Task, ...]
    people: tuple[Person, ...]
    training: tuple[str, ...] = ()
    repeats: float = 0.0
    sessions: int = 1
    washout_days: float = 0.0
    show_note: str = NEVER
    back: int = 1
    introduction: str = ""
    minutes: Mapping[str, float] = field(default_factory=dict)

    @property
    def readers(self) -> tuple[Person, ...]:
        return tuple(person for person in self.people if person.role == READER)

    def task(self, key: str) -> Task:
        """The task of a key that the protocol has."""
        return next(task for task in self.tasks if task.key == key)

    def repeats_of(self, task: Task) -> float:
        """Share of a task's readings that are done a second time."""
        return self.repeats if task.repeats is None else task.repeats


def read_study(path: str | Path) -> Study:
    """Read a protocol and check all of it that can be checked without the cases.

    Raises:
        InputError: no such file, broken TOML, a key that is unknown or missing, or a value that cannot be meant; names
            the table and the key.
    """
    path = Path(path)
    table = Table(read_toml(path), str(path))
    scales = SCALES | {key: _scale(key, inner) for key, inner in table.named("scales", required=False)}
    arms = {key: _arm(key, inner, path.parent) for key, inner in table.named("arms")}
    questions = {key: _question(key, inner, scales) for key, inner in table.named("questions")}
    tasks, minutes = [], {}
    for inner in table.listed("tasks"):
        task = _task(inner, arms, questions)
        tasks.append(task)
        minutes[task.key] = inner.number("minutes", MINUTES[task.kind], above=0)
        inner.close()
    study = Study(
        key=table.id("key"),
        title=table.text("title"),
        seed=table.whole("seed", None),
        cases=table.ids("cases"),
        arms=arms,
        questions=questions,
        tasks=tuple(tasks),
        people=tuple(_person(inner) for inner in table.listed("people")),
        training=table.ids("training", ()),
        repeats=table.number("repeats", 0.0, most=1),
        sessions=table.whole("sessions", 1, least=1, most=MOST_SESSIONS),
        washout_days=table.number("washout_days", 0.0),
        show_note=table.one_of("show_note", SHOW_NOTE, NEVER),
        back=table.whole("back", 1, most=MOST_BACK),
        introduction=table.text("introduction", ""),
        minutes=minutes,
    )
    table.close()
    _check(study, table)
    return study


def _scale(key: str, table: Table) -> Scale:
    if key in SCALES:
        raise table.refusal(f"{key!r} is a scale already. Give yours another name.")
    measure = table.one_of("measure", (ORDINAL, PREFERENCE, CHOICE))
    labels = table.texts("labels")
    if measure == PREFERENCE and len(labels) != 3:
        raise table.refusal(f"labels has {len(labels)} texts; a preference has 3: for A, for neither and for B.")
    if len(labels) < 2:
        raise table.refusal(f"labels = {list(labels)} leaves no choice. Write 2 or more.")
    table.close()
    return Scale(key, measure, labels)


def _arm(key: str, table: Table, folder: Path) -> Arm:
    """One arm; paths are relative to the protocol's folder."""
    if key == TIE:
        raise table.refusal(f"{TIE!r} is what no preference is called. Give the arm another name.")
    contours = table.one_of("contours", CONTOURS)
    fitting = {"note": (WITH_TEXT,), "notes": (WITH_TEXT,), "checkpoint": DRAWN, "masks": (MASKS,)}
    given = {option: table.text(option) for option in fitting if table.offers(option)}
    for option in given:
        if contours not in fitting[option]:
            raise table.refusal(f"{option!r} means nothing with contours = {contours!r}. Leave it out.")
    if contours == MASKS and "masks" not in given:
        raise table.refusal(
            f"'masks' is missing: the folder with <case>/<NAME>.nii.gz. Add it for contours = {MASKS!r}."
        )
    if {"note", "notes"} <= given.keys():
        raise table.refusal("has 'note' and 'notes'. Leave one of them out.")
    table.close()
    paths = {option: folder / text for option, text in given.items() if option != "note"}
    return Arm(key, contours, given.get("note"), **paths)


def _question(key: str, table: Table, scales: Mapping[str, Scale]) -> Question:
    scale = table.one_of("scale", tuple(scales))
    question = Question(key, table.text("text"), scales[scale], table.yes_or_no("required", True))
    table.close()
    return question


def _task(table: Table, arms: Mapping[str, Arm], questions: Mapping[str, Question]) -> Task:
    kind = table.one_of("kind", KINDS)
    own, other = ("pairs", "arms") if kind == COMPARE else ("arms", "pairs")
    if other in table:
        raise table.refusal(f"a task of kind {kind!r} has {own!r} and no {other!r}. Leave it out.")
    task = Task(
        table.id("key"),
        kind,
        # An edit is an answer by itself.
        questions=table.ids("questions", () if kind == EDIT else None),
        arms=table.ids("arms") if own == "arms" else (),
        pairs=table.pairs("pairs") if own == "pairs" else (),
        structures=table.ids("structures", ()),
        repeats=table.number("repeats", 0.0, most=1) if table.offers("repeats") else None,
    )
    _check_known(table, "arm", [arm for combination in task.combinations for arm in combination], arms)
    _check_known(table, "question", task.questions, questions)
    _check_questions(table, task, questions)
    _check_pairs(table, task)
    return task


def _person(table: Table) -> Person:
    name = table.text("name")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise table.refusal(f"name = {name!r:.100} is no name. Write one line of {LONGEST_NAME} characters at most.")
    person = Person(name, table.one_of("role", ROLES, READER))
    table.close()
    return person


def _check_known(table: Table, what: str, keys: Iterable[str], known: Mapping[str, object]) -> None:
    for key in keys:
        if key not in known:
            raise table.refusal(f"unknown {what} {key!r}. Known: {', '.join(known)}.")


def _check_questions(table: Table, task: Task, questions: Mapping[str, Question]) -> None:
    for key in task.questions:
        if questions[key].scale.measure == PREFERENCE and task.kind != COMPARE:
            raise table.refusal(
                f"question {key!r} asks for a preference, and kind = {task.kind!r} shows one contour. "
                f"Ask it in a task of kind {COMPARE!r}."
            )


def _check_pairs(table: Table, task: Task) -> None:
    """Refuse comparisons that say nothing, say it twice, or show one arm more often than another."""
    seen = set()
    for pair in task.pairs:
        if len(set(pair)) == 1:
            raise table.refusal(f"pair {list(pair)} compares an arm with itself. Pair it with another.")
        if frozenset(pair) in seen:
            raise table.refusal(f"pair {list(pair)} stands there twice; sides are swapped anyway. Leave one out.")
        seen.add(frozenset(pair))
    shown = Counter(arm for pair in task.pairs for arm in pair)
    if len(set(shown.values())) > 1:
        often, seldom = shown.most_common()[0], shown.most_common()[-1]
        raise table.refusal(
            f"the arms are unbalanced: {often[0]!r} stands in {often[1]} pairs and {seldom[0]!r} in {seldom[1]}, so "
            "that readers come to know it. Add the missing pairs, or give each pair a task of its own."
        )


def _check(study: Study, table: Table) -> None:
    """What only the whole protocol shows."""
    _check_once(table, "task", (task.key for task in study.tasks))
    _check_once(table, "name", (person.name.casefold() for person in study.people))
    if both := set(study.cases) & set(study.training):
        raise table.refusal(f"case {min(both)!r} stands in cases and in training. Train on a case that is not studied.")
    if not study.readers:
        raise table.refusal(f"nobody of people has the role {READER!r}. Add one.")
    if study.washout_days and study.sessions == 1:
        raise table.refusal(f"washout_days = {study.washout_days:g} lies between sittings, and sessions = 1. Raise it.")
    read = {arm for task in study.tasks for combination in task.combinations for arm in combination}
    asked = {question for task in study.tasks for question in task.questions}
    for what, unused in (("arm", study.arms.keys() - read), ("question", study.questions.keys() - asked)):
        if unused:
            raise table.refusal(f"{what} {min(unused)!r} stands in no task. Add it to one, or leave it out.")
    _check_arms_differ(study, table)


def _check_once(table: Table, what: str, keys: Iterable[str]) -> None:
    key, count = Counter(keys).most_common(1)[0]
    if count > 1:
        raise table.refusal(f"{what} {key!r} is given {count} times. Give each a name of its own.")


def _check_arms_differ(study: Study, table: Table) -> None:
    same: dict[tuple, str] = {}
    for key, arm in study.arms.items():
        first = same.setdefault((arm.contours, arm.note, arm.notes, arm.checkpoint, arm.masks), key)
        if first != key:
            raise table.refusal(f"arms {first!r} and {key!r} are the same contours. Change one, or leave it out.")
