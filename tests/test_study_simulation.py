"""Simulated readers: what is said to be true of them is, and an analysis of their answers finds it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from reading_room import Prepared, open_room
from simulated_study import LIKE, WITH, WITHOUT, answered, planned, study

from llmseg.case import InputError
from llmseg.study.analysis import Analysis, analyze
from llmseg.study.exporting import export, read_answers
from llmseg.study.preference import preference
from llmseg.study.sample_size import sample_size
from llmseg.study.simulating import Panel, Readers, read_through, simulate, with_readers
from llmseg.study.store import Store

STUDIES = 100
NOISY = Readers(
    quality={WITH: 0.7, WITHOUT: -0.1},
    bias=0.5,
    taste=0.3,
    difficulty=0.6,
    fit=0.4,
    noise=0.6,
    steadiness=0.3,
    side=0.2,
)


def looks(like: Readers, arm: str, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A reader's first and second look at an arm, and another reader's; of many cases, each with readers of its own."""
    drawn = {name: rng.normal(0, getattr(like, name), count) for name in ("difficulty", "fit")}
    contours = like.quality[arm] + drawn["difficulty"] + drawn["fit"]
    views = [contours + sum(rng.normal(0, s, count) for s in (like.bias, like.taste)) for _ in range(2)]
    steady, slip = like.noise * np.sqrt(like.steadiness), like.noise * np.sqrt(1 - like.steadiness)
    views = [view + rng.normal(0, steady, count) for view in views]
    first, again, other = (views[reader] + rng.normal(0, slip, count) for reader in (0, 0, 1))
    return first, again, other


def kappa_of(first: np.ndarray, second: np.ndarray, power: int) -> float:
    """Weighted kappa from its definition, of very many pairs."""
    apart = (np.abs(first - second) ** power).mean()
    values, shares = np.unique(np.concatenate([first, second]), return_counts=True)
    shares = shares / shares.sum()
    by_chance = shares @ (np.abs(np.subtract.outer(values, values)) ** power) @ shares
    return 1 - apart / by_chance


def test_the_stated_kappas_and_shares_are_those_of_very_many_readings():
    rng = np.random.default_rng(3)
    cuts = NOISY.cuts(4)
    first, again, other = (
        np.concatenate(parts)
        for parts in zip(
            *([np.searchsorted(cuts, look) for look in looks(NOISY, arm, 400_000, rng)] for arm in (WITH, WITHOUT)),
            strict=True,
        )
    )
    both = (WITH, WITHOUT)
    assert NOISY.kappa(both, 4, "linear") == pytest.approx(kappa_of(first, other, 1), abs=0.005)
    assert NOISY.kappa(both, 4, "quadratic") == pytest.approx(kappa_of(first, other, 2), abs=0.005)
    assert NOISY.repeat_kappa(both, 4, "linear") == pytest.approx(kappa_of(first, again, 1), abs=0.005)
    assert NOISY.repeat_share_equal(both, 4) == pytest.approx((first == again).mean(), abs=0.005)
    with_note = np.bincount(first[:400_000], minlength=4) / 400_000
    assert NOISY.shares(WITH, 4) == pytest.approx(with_note, abs=0.005)


def test_the_stated_preference_is_that_of_very_many_readings():
    rng = np.random.default_rng(4)
    count = 400_000
    spreads = (NOISY.taste, NOISY.fit, NOISY.noise)
    gaps = 0.8 + sum(rng.normal(0, spread, count) - rng.normal(0, spread, count) for spread in spreads)
    gaps += np.where(np.arange(count) % 2, NOISY.side, -NOISY.side)
    win, tie, loss = NOISY.preference(WITH, WITHOUT)
    assert win == pytest.approx((gaps > NOISY.tie).mean(), abs=0.005)
    assert loss == pytest.approx((gaps < -NOISY.tie).mean(), abs=0.005)
    assert win + tie + loss == pytest.approx(1)


def test_turning_the_arms_round_turns_the_preference_round():
    assert NOISY.preference(WITHOUT, WITH) == pytest.approx(NOISY.preference(WITH, WITHOUT)[::-1])


def test_the_same_seed_gives_the_same_answers_and_another_gives_others():
    found = study(3, 6, edits=True)
    assert answered(found, seed=5) == answered(found, seed=5)
    assert answered(found, seed=5) != answered(found, seed=6)


def test_what_a_reader_says_does_not_hang_on_who_is_asked_first():
    found = study(3, 6)
    readings = planned(found)
    panel, other = (Panel(found, readings, LIKE, 5) for _ in range(2))
    flat = [reading for own in readings.values() for reading in own]
    assert [panel.says(reading) for reading in flat] == [other.says(reading) for reading in flat[::-1]][::-1]


def test_every_reading_is_answered_with_what_its_question_allows():
    found = study(3, 6, repeats=0.25, edits=True)
    answers = answered(found)
    readings = planned(found)
    assert {(a.reader, a.reading) for a in answers} == {(r.reader, r.number) for own in readings.values() for r in own}
    assert {a.value for a in answers if a.question == "usable"} <= set("1234")
    assert {a.value for a in answers if a.question == "better"} <= {WITH, WITHOUT, "tie"}
    assert all(a.edit_seconds > 0 for a in answers if a.kind == "edit")


def test_readers_without_noise_repeat_themselves_exactly():
    found = study(3, 8, repeats=0.5)
    answers = answered(found, replace(LIKE, steadiness=1.0))
    firsts = {(a.reader, a.reading, a.question): a.value for a in answers}
    repeats = [a for a in answers if a.repeats is not None and a.question == "usable"]
    assert repeats
    assert all(a.value == firsts[a.reader, a.repeats, a.question] for a in repeats)


def test_readers_who_see_no_difference_tie_and_biased_ones_do_not():
    found = study(3, 8)
    tied = answered(found, replace(LIKE, tie=50.0))
    assert {a.value for a in tied if a.measure == "preference"} == {"tie"}
    leaning = answered(found, replace(LIKE, side=50.0))
    assert all(a.value == a.arm for a in leaning if a.measure == "preference")


def test_no_readers_answer_nothing():
    with pytest.raises(InputError, match="0 readers"):
        with_readers(study(2, 4), 0)


# ---- through a reading room ----


def test_what_readers_say_in_a_room_comes_out_of_it_and_through_an_export_to_the_last_answer(tmp_path):
    found = replace(study(3, 5, repeats=0.2, edits=True), training=("practice",))
    readings = planned(found)
    panel = Panel(found, readings, LIKE, 8)
    store = Store.open(f"sqlite:///{tmp_path / 'study.db'}")
    opened = open_room(store, Prepared(found, readings))
    for name, own in readings.items():
        place = read_through(opened.room, opened.tickets[name], panel, own, stop=4)
        assert place.number < place.of
        assert read_through(opened.room, opened.tickets[name], panel, own).state == "done"
    answers = opened.room.answers(opened.room.owner())
    store.close()
    said = {(a.reader, a.reading, a.question): a for a in simulate(found, readings, LIKE, 8)}
    assert len(answers) == len(said)
    for answer in answers:
        own = said[answer.reader, answer.reading, answer.question]
        for field in ("case", "arm", "other", "value", "measure", "labels", "repeats", "training", "task", "session"):
            assert getattr(answer, field) == getattr(own, field)
        assert answer.edit_seconds == pytest.approx(own.edit_seconds)
    export(answers, tmp_path / "export")
    assert read_answers(tmp_path / "export" / "answers.csv") == answers
    assert analyze(answers, planned=readings).sample.unfinished == ()


# ---- what an analysis finds ----


def numbers_of(found: Analysis) -> dict[str, tuple[float, float, float]]:
    """Estimate and interval of what is known of simulated readers."""
    (rating,), (preference,) = found.ratings, found.preferences
    estimates = {
        "net preference": preference.net,
        "linear kappa": rating.agreement[0].linear,
        "quadratic kappa": rating.agreement[0].quadratic,
        "acceptable": rating.arms[0].acceptable,
    }
    return {name: (e.value, e.low, e.high) for name, e in estimates.items()}


def recovered(readers: int, cases: int, like: Readers, first_seed: int) -> dict[str, tuple[float, float]]:
    """Share of 100 simulated studies whose interval holds the truth, and the intervals' median width over the spread
    that holds 95% of the estimates."""
    found = study(readers, cases, rated=(WITH,))
    readings = planned(found)
    analyses = [
        numbers_of(analyze(simulate(found, readings, like, seed))) for seed in range(first_seed, first_seed + STUDIES)
    ]
    win, _, loss = like.preference(WITH, WITHOUT)
    truths = {
        "net preference": win - loss,
        "linear kappa": like.kappa([WITH], 4, "linear"),
        "quadratic kappa": like.kappa([WITH], 4, "quadratic"),
        "acceptable": float(like.shares(WITH, 4)[2:].sum()),
    }
    result = {}
    for name, truth in truths.items():
        values, lows, highs = np.array([numbers[name] for numbers in analyses]).T
        spread = np.subtract(*np.percentile(values, (97.5, 2.5)))
        covered = ((lows <= truth) & (truth <= highs)).mean()
        result[name] = float(covered), float(np.median(highs - lows) / spread)
    return result


def test_an_analysis_recovers_preference_and_kappa_with_intervals_as_wide_as_they_must_be():
    for name, (covered, width) in recovered(5, 20, LIKE, first_seed=1000).items():
        assert covered >= 0.9, name
        assert 0.75 <= width <= 1.25, name


# ---- how large a study has to be ----


def test_more_readers_and_cases_find_more_and_enough_is_the_smallest_that_does():
    found = sample_size("preference", 0.4, readers=(4, 8), cases=(12, 40), studies=60, power=0.8)
    powers = {(row.readers, row.cases): row.power for row in found.table}
    assert powers[4, 12] < powers[8, 40]
    assert found.enough is not None
    assert found.enough.power >= 0.8
    smaller = [row for row in found.table if row.readers * row.cases < found.enough.readers * found.enough.cases]
    assert all(row.power < 0.8 for row in smaller)


@pytest.mark.parametrize(("aim", "difference"), [("acceptability", 0.15), ("preference", 0.3)])
def test_the_difference_that_is_sized_for_is_the_one_that_is_simulated(aim, difference):
    found = sample_size(aim, difference, readers=(4,), cases=(10,), studies=5)
    if aim == "preference":
        win, _, loss = found.like.preference("first", "second")
        assert win - loss == pytest.approx(difference)
    else:
        shares = [found.like.shares(arm, 4)[2:].sum() for arm in ("first", "second")]
        assert shares == pytest.approx([0.75, 0.6])
    assert any("kappa" in sentence for sentence in found.assumptions())


def test_power_is_what_analyses_find():
    """The table's short way of simulating against whole studies, answer by answer."""
    sized = sample_size("preference", 0.35, readers=(4,), cases=(24,), studies=300, seed=2)
    found = study(4, 24, rated=(WITH,))
    like = Readers(quality={WITH: sized.like.quality["first"]})
    readings = planned(found)
    compared = [[a for a in simulate(found, readings, like, seed) if a.kind == "compare"] for seed in range(80)]
    hits = [preference(answers, WITH, WITHOUT).net.low > 0 for answers in compared]
    assert np.mean(hits) == pytest.approx(sized.table[0].power, abs=0.16)  # 2.5 standard errors


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"aim": "speed"}, "'speed' is not one of"),
        ({"difference": 15}, "not between 0 and 1"),
        ({"difference": float("nan")}, "not between 0 and 1"),
        ({"aim": "acceptability", "share": 0.9, "difference": 0.2}, "not between 0 and 1"),
        ({"readers": (2,)}, "at least 3 readers"),
        ({"power": 80}, "not between 0 and 1"),
        ({"studies": 0}, "show nothing"),
    ],
)
def test_a_size_that_cannot_be_is_refused(changes, complaint):
    asked = {"aim": "preference", "difference": 0.2, "readers": (4,), "cases": (10,), "studies": 5} | changes
    with pytest.raises(InputError, match=complaint):
        sample_size(asked.pop("aim"), asked.pop("difference"), **asked)
