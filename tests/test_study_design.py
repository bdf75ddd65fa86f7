"""Whatever the protocol, readings are complete, balanced, blinded, and the same for the same seed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations, pairwise, product
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as some

from llmseg.case import InputError
from llmseg.study.design import Reading, design_of, readings_of
from llmseg.study.protocol import COMPARE, EDIT, MASKS, RATE, SCALES, Arm, Person, Question, Study, Task

FEW = settings(max_examples=20)
KEY = b"a key of a test"
OPERATOR = Person("Operator", "operator")


def study_of(cases: int, arms: int, readers: int, kinds: Iterable[str] = (RATE, COMPARE), **changes: object) -> Study:
    """Every arm rated and edited, each pair of neighbours on a ring compared."""
    names = [f"arm-{number}" for number in range(arms)]
    ring = {frozenset(pair): pair for pair in zip(names, [*names[1:], names[0]], strict=True) if len(set(pair)) == 2}
    shown = {COMPARE: {"pairs": tuple(ring.values())}, RATE: {"arms": tuple(names)}, EDIT: {"arms": tuple(names)}}
    tasks = tuple(
        Task(kind, kind, ("use",), **shown[kind]) for kind in dict.fromkeys(kinds) if any(shown[kind].values())
    )
    study = Study(
        key="made-up",
        title="Made up",
        seed=0,
        cases=tuple(f"case-{number}" for number in range(cases)),
        arms={name: Arm(name, MASKS, masks=Path(name)) for name in names},
        questions={"use": Question("use", "?", SCALES["text"])},
        tasks=tasks,
        people=(*(Person(f"Reader {number}") for number in range(readers)), OPERATOR),
        minutes={task.key: 2.0 for task in tasks},
    )
    return replace(study, **changes)


@some.composite
def studies(draw, *, least_sessions: int = 1, repeats: bool = False) -> Study:
    """Any study with two cases or more for each sitting, so that a repeat finds a place everywhere."""
    arms, sessions = draw(some.integers(1, 4)), draw(some.integers(least_sessions, 4))
    return study_of(
        draw(some.integers(max(3, 2 * sessions), 2 * sessions + 4)),
        arms,
        draw(some.integers(1, 4)),
        draw(some.lists(some.sampled_from([RATE, COMPARE, EDIT] if arms > 1 else [RATE, EDIT]), min_size=1)),
        seed=draw(some.integers(0, 10_000)),
        sessions=sessions,
        training=("practice-0", "practice-1")[: draw(some.integers(0, 2))],
        repeats=draw(some.floats(0.2, 1.0)) if repeats else 0.0,
    )


def read(study: Study) -> list[tuple[Reading, ...]]:
    return [readings_of(study, person, KEY) for person in study.readers]


def counted(readings: Iterable[Reading]) -> list[Reading]:
    return [reading for reading in readings if not reading.training]


def firsts(readings: Iterable[Reading]) -> list[Reading]:
    return [reading for reading in counted(readings) if reading.repeats is None]


def of(readings: Iterable[Reading], task: Task, combination: tuple[str, ...]) -> list[Reading]:
    return [r for r in firsts(readings) if r.task == task.key and set(r.arms) == set(combination)]


def spread(counts: Iterable[int]) -> int:
    counts = list(counts)
    return max(counts) - min(counts)


def shown(reading: Reading) -> tuple[str, str, frozenset[str]]:
    return reading.task, reading.case, frozenset(reading.arms)


@FEW
@given(study=studies(repeats=True))
def test_every_reader_reads_every_combination_of_every_case_once_before_repeats(study):
    expected = {
        (task.key, case, frozenset(combination))
        for task, case in product(study.tasks, study.cases)
        for combination in task.combinations
    }
    for readings in read(study):
        assert Counter(map(shown, firsts(readings))) == Counter(expected)


@FEW
@given(study=studies(repeats=True))
def test_numbers_run_on_and_sittings_follow_each_other(study):
    for readings in read(study):
        assert [reading.number for reading in readings] == list(range(1, len(readings) + 1))
        sittings = [reading.session for reading in readings]
        assert sittings == sorted(sittings)
        assert set(sittings) == set(range(1, study.sessions + 1))


@FEW
@given(study=studies(repeats=True))
def test_tasks_come_in_the_protocols_order_in_each_sitting(study):
    order = [task.key for task in study.tasks]
    for readings in read(study):
        for session in range(1, study.sessions + 1):
            tasks = [order.index(r.task) for r in counted(readings) if r.session == session]
            assert tasks == sorted(tasks)


@FEW
@given(study=studies())
def test_arms_are_spread_evenly_over_each_readers_sittings(study):
    for readings in read(study):
        for task in study.tasks:
            for combination in task.combinations:
                own = Counter(
                    r.session for r in firsts(readings) if r.task == task.key and set(r.arms) == {*combination}
                )
                assert spread(own[session] for session in range(1, study.sessions + 1)) <= 1


@FEW
@given(study=studies(least_sessions=2))
def test_as_many_readers_as_sittings_see_each_contour_once_in_each(study):
    study = replace(study, people=tuple(Person(f"Reader {number}") for number in range(study.sessions)))
    met = defaultdict(list)
    for readings in read(study):
        for reading in firsts(readings):
            met[shown(reading)].append(reading.session)
    assert all(sorted(sittings) == list(range(1, study.sessions + 1)) for sittings in met.values())


@FEW
@given(study=studies(repeats=True))
def test_arms_of_one_case_never_meet_in_a_sitting_where_sittings_suffice(study):
    arms = {frozenset(combination) for task in study.tasks for combination in task.combinations}
    study = replace(study, sessions=len(arms), cases=tuple(f"case-{number}" for number in range(2 * len(arms) + 1)))
    for readings in read(study):
        met = defaultdict(set)
        for reading in counted(readings):
            met[reading.case, reading.session].add(frozenset(reading.arms))
        assert max(map(len, met.values())) == 1
    assert design_of(study).shared == 0
    assert design_of(study).enough == len(arms)


@FEW
@given(study=studies())
def test_single_arms_part_before_comparisons_do(study):
    study = replace(study, sessions=len(study.arms), cases=("a", "b", "c", "d", "e"))
    for readings in read(study):
        met = Counter((r.case, r.session, r.task) for r in firsts(readings) if len(r.arms) == 1)
        assert max(met.values(), default=1) == 1


@FEW
@given(study=studies())
def test_each_pair_stands_on_each_side_equally_often(study):
    for readings in read(study):
        for task in study.tasks:
            for first, second in task.pairs:
                sides = Counter(
                    r.arms for r in firsts(readings) if r.task == task.key and set(r.arms) == {first, second}
                )
                assert abs(sides[first, second] - sides[second, first]) <= 1


@FEW
@given(study=studies())
def test_the_next_reader_sees_each_pair_on_the_other_sides(study):
    for these, those in pairwise(read(study)):
        sides = [{shown(r): r.arms for r in firsts(readings) if len(r.arms) == 2} for readings in (these, those)]
        assert all(sides[1][key] == arms[::-1] for key, arms in sides[0].items())


def test_sides_are_balanced_within_sittings_too():
    study = study_of(16, 2, 3, [COMPARE], sessions=4)
    for readings in read(study):
        for session in range(1, 5):
            sides = Counter(reading.arms for reading in readings if reading.session == session)
            assert list(sides.values()) == [2, 2]


def test_no_arm_comes_earlier_than_another_in_any_sitting_of_any_reader():
    study = study_of(12, 3, 4, [RATE], sessions=2)
    for readings in read(study):
        for session in (1, 2):
            arms = [reading.arms for reading in readings if reading.session == session]
            for arm in study.arms:
                places = [(number + 0.5) / len(arms) for number, shown in enumerate(arms) if shown == (arm,)]
                assert sum(places) / len(places) == pytest.approx(0.5, abs=0.08)


def test_every_order_of_arms_occurs_over_sittings():
    study = study_of(12, 3, 1, [RATE], sessions=3)
    orders = defaultdict(list)
    for reading in read(study)[0]:
        orders[reading.case].append(reading.arms[0])
    assert Counter(map(tuple, orders.values())) == Counter(dict.fromkeys(set(map(tuple, orders.values())), 2))
    assert len(set(map(tuple, orders.values()))) == 6


def test_readings_of_one_case_lie_far_apart_in_one_sitting():
    study = study_of(20, 3, 3, [RATE])
    for readings in read(study):
        last: dict[str, int] = {}
        for reading in readings:
            assert reading.number - last.get(reading.case, -20) >= 15
            last[reading.case] = reading.number


def test_readers_orders_have_nothing_to_do_with_each_other():
    cases = [[reading.case for reading in readings] for readings in read(study_of(30, 1, 6, [RATE]))]
    for these, those in combinations(cases, 2):
        apart = [abs(number - those.index(case)) for number, case in enumerate(these)]
        assert 6 < sum(apart) / len(apart) < 14  # a third of 30 is chance


@FEW
@given(study=studies(repeats=True))
def test_the_same_seed_gives_the_same_study_and_another_one_another(study):
    once, again, other = (read(same) for same in (study, study, replace(study, seed=study.seed + 1)))
    assert once == again
    # Three readings alone may come out alike by chance.
    assume(len(once[0]) > 12)
    assert [list(map(shown, readings)) for readings in once] != [list(map(shown, readings)) for readings in other]


@FEW
@given(study=studies())
def test_a_reader_added_at_the_end_changes_nothing_for_the_others(study):
    more = replace(study, people=(*study.people, Person("Latecomer")))
    assert read(more)[:-1] == read(study)


# ---- repeats ----


@FEW
@given(study=studies(repeats=True))
def test_a_repeat_never_follows_its_first_and_has_its_sides_swapped(study):
    for readings in read(study):
        by_number = {reading.number: reading for reading in readings}
        for reading in readings:
            if reading.repeats is not None:
                first = by_number[reading.repeats]
                assert (first.task, first.case, first.repeats) == (reading.task, reading.case, None)
                assert first.arms == reading.arms[::-1]
                assert reading.number >= first.number + 2


@FEW
@given(study=studies(repeats=True))
def test_repeats_are_as_many_as_asked_and_balanced_over_arms(study):
    for readings in read(study):
        for task in study.tasks:
            again = [r for r in counted(readings) if r.task == task.key and r.repeats is not None]
            of = Counter(frozenset(reading.arms) for reading in again)
            assert abs(len(again) - study.repeats * len(study.cases) * len(task.combinations)) <= 0.5
            assert spread(of[frozenset(combination)] for combination in task.combinations) <= 1
            assert len(set(map(shown, again))) == len(again)


def test_a_repeat_lies_half_of_its_task_after_its_first_or_in_a_later_sitting():
    for sessions in (1, 2, 3):
        for readings in read(study_of(20, 2, 3, [RATE, EDIT], sessions=sessions, repeats=0.2)):
            sizes, by_number = Counter((r.session, r.task) for r in readings), {r.number: r for r in readings}
            again = [(by_number[r.repeats], r) for r in readings if r.repeats]
            assert len(again) == 16
            for first, second in again:
                apart = second.number - first.number
                assert second.session > first.session or apart >= 0.35 * sizes[first.session, first.task]


def test_repeats_go_to_a_later_sitting_where_one_is_free():
    readings = read(study_of(12, 2, 1, [RATE], sessions=4, repeats=0.25))[0]
    by_number = {reading.number: reading for reading in readings}
    assert all(reading.session > by_number[reading.repeats].session for reading in readings if reading.repeats)


def test_a_task_may_have_other_repeats_than_the_study():
    study = study_of(8, 2, 1, [RATE, EDIT], repeats=0.5)
    study = replace(study, tasks=(study.tasks[0], replace(study.tasks[1], repeats=0.0)))
    assert Counter(r.task for r in read(study)[0] if r.repeats) == {RATE: 8}


def test_repeats_that_come_to_none_are_refused():
    with pytest.raises(InputError, match=r"Task 'rate' repeats 0.05 of 8 readings, which is none"):
        design_of(study_of(8, 1, 1, [RATE], repeats=0.05))


def test_a_repeat_that_has_nowhere_to_go_is_refused():
    with pytest.raises(InputError, match="Sitting 1 is too short to repeat a reading in it"):
        design_of(study_of(1, 1, 1, [RATE], repeats=1.0))


def test_more_sittings_than_readings_are_refused():
    with pytest.raises(InputError, match="sessions = 3 leaves sitting 3 without a reading"):
        design_of(study_of(2, 1, 1, [RATE], sessions=3))


# ---- training ----


@FEW
@given(study=studies(repeats=True))
def test_training_comes_first_for_everyone_in_the_same_way_and_is_never_repeated(study):
    practised = []
    for readings in read(study):
        training = [reading for reading in readings if reading.training]
        assert list(readings[: len(training)]) == training
        assert Counter((r.task, r.case) for r in training) == Counter(
            product((t.key for t in study.tasks), study.training)
        )
        assert not {r.number for r in training} & {r.repeats for r in readings}
        assert not {r.case for r in training} & {r.case for r in counted(readings)}
        practised.append([(r.task, r.case, r.arms, r.session) for r in training])
    assert all(one == practised[0] for one in practised)


# ---- ids ----


@FEW
@given(study=studies(repeats=True))
def test_ids_are_unique_and_say_nothing(study):
    readings = [reading for own in read(study) for reading in own]
    assert len({reading.id for reading in readings}) == len(readings)
    for reading in readings:
        assert len(reading.id) == 32
        assert set(reading.id) <= set("0123456789abcdef")


def test_ids_cannot_be_made_without_the_secret():
    study = study_of(4, 2, 1)
    person = study.readers[0]
    these, those = (readings_of(study, person, secret) for secret in (b"one", b"other"))
    assert not {reading.id for reading in these} & {reading.id for reading in those}
    assert [replace(reading, id="") for reading in these] == [replace(reading, id="") for reading in those]


def test_ids_do_not_sort_like_what_they_stand_for():
    """No order of ids gives away the order of readings, cases or arms: all are near chance."""
    readings = read(study_of(40, 2, 1, [RATE]))[0]
    by_id = [reading.number for reading in sorted(readings, key=lambda reading: reading.id)]
    rising = sum(a < b for a, b in pairwise(by_id)) / (len(by_id) - 1)
    assert 0.3 < rising < 0.7


# ---- in numbers ----


@FEW
@given(study=studies(repeats=True))
def test_the_design_counts_what_is_read(study):
    design, every = design_of(study), read(study)
    for work, readings in zip(design.workloads, every, strict=True):
        assert work.readings == len(readings)
        assert work.training == sum(reading.training for reading in readings)
        assert work.repeats == sum(reading.repeats is not None for reading in readings)
        assert sum(work.minutes) == 2 * len(readings)
    assert sum(row.readings + row.repeats for row in design.balance) == sum(map(len, map(counted, every)))
    for row in design.balance:
        assert sum(row.sittings) == row.readings == len(study.cases) * len(study.readers)
        assert 0 < row.position < 1
        assert (row.as_listed is None) == (len(row.combination) == 1)


def test_the_design_says_how_often_arms_of_a_case_meet():
    design = design_of(study_of(5, 2, 2, [RATE]))
    assert (design.shared, design.enough) == (10, 2)
