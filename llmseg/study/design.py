"""Who reads what, in which order, on which side: decided by the protocol's seed before anyone reads.

In each sitting the tasks come in the protocol's order. Sittings and sides are Latin squares over cases and readers, so
that each reader has them balanced and readers balance each other. Within a sitting the order is each reader's own: a
random one in which the arms keep pace with each other and readings of one case lie far apart.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random

from llmseg.case import InputError
from llmseg.study.protocol import Person, Study, Task

DRAWS = 16
"""Orders that are drawn for a sitting, and places for a repeat, to keep what lies furthest from the same case."""
SECRET_BYTES, ID_DIGITS = 32, 32


@dataclass(frozen=True)
class Reading:
    """One case in one task, as one reader meets it.

    Args:
        id: opaque; says nothing of case, arm or order to whoever sees it, and is another for every reader.
        number: 1, 2, ... in this reader's order, training readings first.
        session: the sitting, 1, 2, ...
        arms: one; or two as shown, A first.
        repeats: number of the reading that this one is a second time of.
        training: whether it only trains, and counts nowhere.
    """

    id: str
    reader: str
    number: int
    session: int
    task: str
    case: str
    arms: tuple[str, ...]
    repeats: int | None = None
    training: bool = False


def readings_of(study: Study, person: Person, secret: bytes) -> tuple[Reading, ...]:
    """Everything one reader reads, in order.

    Args:
        secret: key of the ids; nothing else depends on it.
    Raises:
        InputError: too few readings for the sittings or the repeats that are asked for.
    """
    reader = study.readers.index(person)
    rng = Random(f"{study.key}/{study.seed}/{reader}")
    planned = _trained(study) + _ordered(_with_repeats(_firsts(study, reader, rng), study, reader, rng), study, rng)
    numbers = {slot.key: number for number, slot in enumerate(planned, start=1)}
    found = []
    for number, slot in enumerate(planned, start=1):
        repeats = numbers[(*slot.read, False)] if slot.is_repeat else None
        shown = {"session": slot.session, "task": slot.task, "case": slot.case, "arms": slot.arms}
        reading = Reading("", person.name, number, **shown, repeats=repeats, training=slot.training)
        found.append(replace(reading, id=_id(study, reading, secret)))
    return tuple(found)


def _id(study: Study, reading: Reading, secret: bytes) -> str:
    content = json.dumps([study.key, reading.reader, reading.number, reading.task, reading.case, reading.arms])
    return hmac.new(secret, content.encode(), hashlib.sha256).hexdigest()[:ID_DIGITS]


@dataclass(frozen=True)
class _Slot:
    """A reading without its number.

    Args:
        combination: its arms as the protocol lists them; `arms` as they are shown.
        place: where in its task's part of the sitting it should come: 0 is first, 1 last, and a repeat may lie beyond.
        room: how far it may stray from there.
    """

    task: str
    case: str
    combination: tuple[str, ...]
    arms: tuple[str, ...]
    session: int
    place: float = 0.0
    room: float = 0.0
    is_repeat: bool = False
    training: bool = False

    @cached_property
    def read(self) -> tuple:
        """What is read, whichever time."""
        return self.task, self.case, self.combination

    @cached_property
    def key(self) -> tuple:
        return (*self.read, self.is_repeat)


def _trained(study: Study) -> list[_Slot]:
    """Each training case once in each task, its arms taking turns; the same for every reader."""
    slots = []
    for turn, task in enumerate(study.tasks):
        for number, case in enumerate(study.training, start=turn):
            combination = task.combinations[number % len(task.combinations)]
            arms = combination[::-1] if number % 2 else combination
            slots.append(_Slot(task.key, case, combination, arms, session=1, training=True))
    return slots


def _firsts(study: Study, reader: int, rng: Random) -> list[_Slot]:
    """Every case in every combination of every task, with its sitting, its sides and its place."""
    shared = Random(f"{study.key}/{study.seed}")
    ranks = _shuffled(study.cases, shared)
    own = _shuffled(study.cases, rng)
    groups = _groups(study)
    slots = []
    for task in study.tasks:
        for turn, combination in enumerate(task.combinations):
            offset = shared.randrange(2) + reader
            column = _column(turn, len(task.combinations), reader) / len(task.combinations)
            for case, rank in ranks.items():
                arms = combination[::-1] if _swapped(rank + offset, rank, study.sessions) else combination
                session = _session(study.sessions, rank, reader, groups[frozenset(combination)])
                place = (own[case] / len(own) + column) % 1
                slots.append(_Slot(task.key, case, combination, arms, session, place))
    return _evened(slots)


def _shuffled(cases: Sequence[str], rng: Random) -> dict[str, int]:
    return {case: rank for rank, case in enumerate(rng.sample(cases, len(cases)))}


def _groups(study: Study) -> dict[frozenset[str], int]:
    """A number for each set of arms that is shown at once, single arms first: those must not share a sitting."""
    shown = {frozenset(combination) for task in study.tasks for combination in task.combinations}
    order = list(study.arms)
    ordered = sorted(shown, key=lambda arms: (len(arms), sorted(map(order.index, arms))))
    return {arms: number for number, arms in enumerate(ordered)}


def _session(sessions: int, rank: int, reader: int, group: int) -> int:
    """A Latin square: groups of one case lie in different sittings while there are enough, those of one group evenly
    in all. Every other block of cases, and of readers, goes round the other way, so that no arm follows always the
    same one."""
    direction = -1 if (rank // sessions + reader // sessions) % 2 else 1
    return (rank + reader + direction * group) % sessions + 1


def _swapped(turn: int, rank: int, sessions: int) -> bool:
    """Every other case; with an even number of sittings shifted by one each round, or sides would follow sittings."""
    return bool((turn + (rank // sessions if sessions % 2 == 0 else 0)) % 2)


def _column(turn: int, count: int, reader: int) -> int:
    """Which of the combinations comes when: takes turns over readers, and every other round backwards."""
    column = (turn + reader) % count
    return count - 1 - column if reader // count % 2 else column


def _evened(slots: Iterable[_Slot]) -> list[_Slot]:
    """Spread each combination evenly over its part of a sitting, so that no arm comes earlier than another."""
    parts: dict[tuple, list[_Slot]] = defaultdict(list)
    for slot in slots:
        parts[slot.task, slot.combination, slot.session].append(slot)
    evened = []
    for part in parts.values():
        part.sort(key=lambda slot: slot.place)
        room = 1 / len(part)
        evened += [replace(slot, place=(n + 0.5) * room, room=room) for n, slot in enumerate(part)]
    return evened


def _with_repeats(firsts: list[_Slot], study: Study, reader: int, rng: Random) -> list[_Slot]:
    """Add what is read twice: evenly of each combination, of different cases as far as they go."""
    sittings = defaultdict(set)
    for slot in firsts:
        sittings[slot.case, slot.session].add(frozenset(slot.combination))
    taken, slots = Counter(), list(firsts)
    for task in study.tasks:
        counts = _repeats(study, task)
        for turn, combination in enumerate(task.combinations):
            fitting = [slot for slot in firsts if (slot.task, slot.combination) == (task.key, combination)]
            rng.shuffle(fitting)
            for _ in range(counts[(turn + reader) % len(counts)]):
                # One read in the first half leaves half of the part between; then cases take turns.
                fitting.sort(
                    key=lambda slot: (not _later(slot, sittings, study), max(slot.place, 0.5), taken[slot.case])
                )
                first = fitting.pop(0)
                repeat = _repeat(first, _later(first, sittings, study), slots, rng)
                sittings[repeat.case, repeat.session].add(frozenset(combination))
                taken[first.case] += 1
                slots.append(repeat)
    return slots


def _repeats(study: Study, task: Task) -> list[int]:
    """How often each combination of a task is repeated; differs by one at most."""
    share, kinds = study.repeats_of(task), len(task.combinations)
    total = len(study.cases) * kinds
    count = int(share * total + 0.5)
    if share and not count:
        raise InputError(
            f"Task {task.key!r} repeats {share:g} of {total} readings, which is none. Raise repeats, or set "
            "it to 0 there."
        )
    return [count // kinds + (number < count % kinds) for number in range(kinds)]


def _later(slot: _Slot, sittings: Mapping[tuple[str, int], set], study: Study) -> list[int]:
    """Later sittings in which the case is not seen with other arms."""
    own = {frozenset(slot.combination)}
    return [s for s in range(slot.session + 1, study.sessions + 1) if sittings.get((slot.case, s), own) <= own]


def _repeat(first: _Slot, later: Sequence[int], slots: Iterable[_Slot], rng: Random) -> _Slot:
    """The second time: in a later sitting if there is one, otherwise half of the task's part after the first; and as
    far from the case's other readings there as a few draws allow."""
    session = rng.choice(later) if later else first.session
    start = 0.0 if later else first.place + 0.5
    others = [s.place for s in slots if (s.task, s.case, s.session) == (first.task, first.case, session)]
    drawn = [start + rng.random() * max(0.0, 1 - start) for _ in range(DRAWS)]
    place = max(drawn, key=lambda place: min((abs(place - other) for other in others), default=0.0))
    return replace(first, arms=first.arms[::-1], session=session, place=place, room=0.0, is_repeat=True)


def _ordered(slots: Iterable[_Slot], study: Study, rng: Random) -> list[_Slot]:
    """The readings of all sittings, each in the best of several orders that are drawn.

    Raises:
        InputError: a sitting without a reading, or a repeat that cannot but follow its first.
    """
    tasks = {task.key: number for number, task in enumerate(study.tasks)}
    sittings: dict[int, list[_Slot]] = {session: [] for session in range(1, study.sessions + 1)}
    for slot in slots:
        sittings[slot.session].append(slot)
    ordered = []
    for session, own in sittings.items():
        if not own:
            raise InputError(f"sessions = {study.sessions} leaves sitting {session} without a reading. Lower it.")
        ordered += _best_order(session, own, ordered[-1:], tasks, rng)
    return ordered


def _best_order(
    session: int, slots: Sequence[_Slot], before: list[_Slot], tasks: Mapping[str, int], rng: Random
) -> list[_Slot]:
    """One sitting's order.

    Args:
        before: the reading just before, or a repeat could open a sitting whose predecessor its first has closed.
    """

    def best(places: Callable[[], dict[tuple, float]]) -> list[_Slot]:
        drawn = (places() for _ in range(DRAWS))
        orders = (sorted(slots, key=lambda s, at=at: (tasks[s.task], at[s.key])) for at in drawn)
        return max(orders, key=lambda order: _apart(before + order))

    order = best(lambda: {s.key: s.place + (rng.random() - 0.5) * s.room for s in slots})
    if _apart(before + order)[0] == 1:
        # A short part: any order will do in which repeats come last.
        here = {slot.read for slot in slots if not slot.is_repeat}
        order = best(lambda: {s.key: rng.random() + (s.is_repeat and s.read in here) for s in slots})
    if _apart(before + order)[0] == 1:
        raise InputError(f"Sitting {session} is too short to repeat a reading in it. Add cases, or set repeats = 0.")
    return order


def _apart(order: Sequence[_Slot]) -> tuple[int, int]:
    """Steps between a repeat and its first, and between any two readings of one case, where they are fewest."""
    repeats = cases = len(order) + 1
    last: dict[str, int] = {}
    firsts: dict[tuple, int] = {}
    for number, slot in enumerate(order):
        cases = min(cases, number - last.get(slot.case, -len(order)))
        last[slot.case] = number
        if slot.is_repeat:
            repeats = min(repeats, number - firsts.get(slot.read, -len(order)))
        else:
            firsts[slot.read] = number
    return repeats, cases


# ---- in numbers ----


@dataclass(frozen=True)
class Workload:
    """What one reader does.

    Args:
        readings: all of them, those that train and those that repeat too.
        minutes: expected, of each sitting.
    """

    reader: str
    readings: int
    training: int
    repeats: int
    minutes: tuple[float, ...]


@dataclass(frozen=True)
class Balance:
    """How one arm, or pair, of a task is spread over all readers; what is said of first readings leaves out repeats.

    Args:
        readings: first ones.
        sittings: readings in each sitting.
        as_listed: how often the pair's first stood as A; None for one arm.
        position: mean place among the task's readings in its sitting: 0 first, 1 last.
    """

    task: str
    combination: tuple[str, ...]
    readings: int
    repeats: int
    sittings: tuple[int, ...]
    as_listed: int | None
    position: float


@dataclass(frozen=True)
class Design:
    """A study in numbers, before anyone reads.

    Args:
        shared: how often a reader sees one case with different arms in one sitting.
        enough: sittings from which on that never happens.
    """

    workloads: tuple[Workload, ...]
    balance: tuple[Balance, ...]
    shared: int
    enough: int


def design_of(study: Study) -> Design:
    """The whole design in numbers.

    Raises:
        InputError: too few readings for the sittings or the repeats that are asked for.
    """
    by_reader = {person.name: readings_of(study, person, b"") for person in study.readers}
    workloads = tuple(_workload(study, name, readings) for name, readings in by_reader.items())
    counted = [reading for readings in by_reader.values() for reading in readings if not reading.training]
    places = dict(_places(reading for reading in counted if reading.repeats is None))
    balance = tuple(
        _balance(study, task, combination, counted, places) for task in study.tasks for combination in task.combinations
    )
    seen = defaultdict(set)
    for reading in counted:
        seen[reading.reader, reading.case, reading.session].add(frozenset(reading.arms))
    return Design(workloads, balance, sum(len(arms) > 1 for arms in seen.values()), len(_groups(study)))


def _workload(study: Study, name: str, readings: Sequence[Reading]) -> Workload:
    minutes = [0.0] * study.sessions
    for reading in readings:
        minutes[reading.session - 1] += study.minutes[reading.task]
    training, repeats = sum(r.training for r in readings), sum(r.repeats is not None for r in readings)
    return Workload(name, len(readings), training, repeats, tuple(minutes))


def _places(readings: Iterable[Reading]) -> Iterator[tuple[Reading, float]]:
    """Each reading with its place among those of its task in its sitting, in [0, 1]."""
    parts = defaultdict(list)
    for reading in readings:
        parts[reading.reader, reading.session, reading.task].append(reading)
    for part in parts.values():
        yield from ((reading, (n + 0.5) / len(part)) for n, reading in enumerate(part))


def _balance(
    study: Study, task: Task, combination: tuple[str, ...], readings: Sequence[Reading], places: Mapping[Reading, float]
) -> Balance:
    own = [r for r in readings if r.task == task.key and set(r.arms) == set(combination)]
    firsts = [r for r in own if r.repeats is None]
    sittings = Counter(r.session for r in firsts)
    return Balance(
        task.key,
        combination,
        len(firsts),
        len(own) - len(firsts),
        tuple(sittings[session] for session in range(1, study.sessions + 1)),
        sum(r.arms == combination for r in firsts) if len(combination) > 1 else None,
        sum(places[r] for r in firsts) / len(firsts),
    )
