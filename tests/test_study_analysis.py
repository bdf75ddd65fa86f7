"""The analysis of a study: against other software, worked examples and properties; and honest where there is little."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from simulated_study import LIKE, WITH, WITHOUT, answered, as_rated, planned, study
from statsmodels.stats import inter_rater

from llmseg.case import InputError
from llmseg.cli import main
from llmseg.study.agreement import cohens_kappa, fleiss_kappa, repeat_kappa
from llmseg.study.analysis import analyze
from llmseg.study.correlation import spearman
from llmseg.study.crossed import NET, SHARE, Crossed, cross, mean
from llmseg.study.models import mixed_model
from llmseg.study.reporting import report
from llmseg.study.simulating import Readers


def crossed(values: np.ndarray) -> Crossed:
    """(R, C) or (R, C, A) numbers with names."""
    values = np.asarray(values, dtype=float)
    values = values if values.ndim == 3 else values[..., None]
    names = [tuple(f"{kind}{number}" for number in range(size)) for kind, size in zip("rca", values.shape, strict=True)]
    return Crossed(*names, values)


def drawn(readers: int, cases: int, labels: int = 4, seed: int = 0) -> np.ndarray:
    """Ratings that agree better than by chance."""
    rng = np.random.default_rng(seed)
    looks = rng.normal(0, 1, cases) + rng.normal(0, 0.8, (readers, cases))
    return 1 + np.searchsorted(np.linspace(-1, 1, labels - 1), looks).astype(float)


def table_of(first: np.ndarray, second: np.ndarray, labels: int) -> np.ndarray:
    table = np.zeros((labels, labels))
    np.add.at(table, (first.astype(int) - 1, second.astype(int) - 1), 1)
    return table


# ---- kappa ----


@pytest.mark.parametrize("weights", ["linear", "quadratic"])
@pytest.mark.parametrize("labels", [3, 4, 5])
def test_two_readers_weighted_kappa_is_that_of_statsmodels(weights, labels):
    values = drawn(2, 40, labels)
    expected = inter_rater.cohens_kappa(table_of(*values, labels), wt=weights).kappa
    assert cohens_kappa(crossed(values), labels, weights).value == pytest.approx(expected)


def test_weighted_kappa_of_a_table_worked_by_hand():
    # Of 3 labels, linear weights: 4 contours (1,1) (2,2) (3,3) (1,3): D = 1/4 * 1. Shares of the first 2/4 1/4 1/4, of
    # the second 1/4 1/4 2/4: E = .5 (2/4*1/4 + 1/4*1/4 + 1/4*2/4 + 1/4*1/4) + 1 (2/4*2/4 + 1/4*1/4) = .1875 + .3125.
    values = np.array([[1, 2, 3, 1], [1, 2, 3, 3]])
    assert cohens_kappa(crossed(values), 3, "linear").value == pytest.approx(1 - 0.25 / 0.5)


def test_kappa_of_three_readers_is_from_the_means_over_their_pairs():
    values = drawn(3, 30)
    distance = np.abs(np.subtract.outer(range(4), range(4))) / 3
    tables = [table_of(values[a], values[b], 4) / 30 for a, b in ((0, 1), (0, 2), (1, 2))]
    apart = sum((table * distance).sum() for table in tables)
    by_chance = sum((np.outer(table.sum(1), table.sum(0)) * distance).sum() for table in tables)
    assert cohens_kappa(crossed(values), 4).value == pytest.approx(1 - apart / by_chance)


def test_fleiss_kappa_is_that_of_statsmodels():
    values = drawn(5, 30)
    expected = inter_rater.fleiss_kappa(inter_rater.aggregate_raters(values.T.astype(int))[0])
    assert fleiss_kappa(crossed(values), 4).value == pytest.approx(expected)


def test_fleiss_kappa_of_the_textbook():
    """14 raters, 10 subjects, 5 categories: 0.210 (Fleiss 1971's method, the example of its Wikipedia page)."""
    counts = """0 0 0 0 14|0 2 6 4 2|0 0 3 5 6|0 3 9 2 0|2 2 8 1 1|7 7 0 0 0|3 2 6 3 0|2 5 3 2 2|6 5 2 1 0|0 2 2 3 7"""
    rows = [[int(number) for number in row.split()] for row in counts.split("|")]
    values = np.array([np.repeat(np.arange(1, 6), row) for row in rows]).T
    assert fleiss_kappa(crossed(values), 5).value == pytest.approx(0.210, abs=0.0005)


def test_agreement_with_oneself_is_kappa_of_all_pairs_in_one_table():
    values = drawn(6, 20)
    first, second = crossed(values[:3]), crossed(values[3:])
    expected = inter_rater.cohens_kappa(table_of(values[:3].ravel(), values[3:].ravel(), 4), wt="linear").kappa
    assert repeat_kappa(first, second, 4).value == pytest.approx(expected)


def test_what_only_some_have_read_counts_where_two_have():
    values = drawn(3, 30)
    values[2, 10:] = np.nan
    alone = values.copy()
    alone[:2, 29] = np.nan  # read by nobody now
    assert cohens_kappa(crossed(values), 4).readings == 70
    assert cohens_kappa(crossed(alone), 4).value == pytest.approx(cohens_kappa(crossed(alone[:, :29]), 4).value)


def test_perfect_agreement_is_one_and_says_that_nothing_varies():
    found = cohens_kappa(crossed(np.tile([1.0, 2, 3, 4, 2], (3, 1))), 4)
    assert found.value == 1
    assert math.isnan(found.low)
    assert "nothing varies" in found.note


# ---- intervals ----


def test_the_variance_of_a_full_tables_mean_is_the_one_shot_one():
    """From the unbiased moments of Gallas 2006: products of two readings that share both, a case, a reader, nothing."""
    rng = np.random.default_rng(5)
    r, c = 6, 15
    values = rng.normal(0, 1, (r, 1)) + rng.normal(0, 1, (1, c)) + rng.normal(0, 1, (r, c))
    square, by_case, by_reader = (values**2).sum(), (values.sum(0) ** 2).sum(), (values.sum(1) ** 2).sum()
    both, case = square / (r * c), (by_case - square) / (r * (r - 1) * c)
    reader = (by_reader - square) / (r * c * (c - 1))
    neither = (values.sum() ** 2 - by_case - by_reader + square) / (r * (r - 1) * c * (c - 1))
    moments = both + (r - 1) * case + (c - 1) * reader + (r - 1) * (c - 1) * neither
    variance = moments / (r * c) - neither
    squares = {
        "reader": c * values.mean(1).var(ddof=1),
        "case": r * values.mean(0).var(ddof=1),
    }
    rest = values - values.mean(0) - values.mean(1, keepdims=True) + values.mean()
    squares["rest"] = (rest**2).sum() / ((r - 1) * (c - 1))
    degrees = {"reader": r - 1, "case": c - 1, "rest": (r - 1) * (c - 1)}
    spread = sum((squares[part] / (r * c)) ** 2 / degrees[part] for part in squares)
    reach = stats.t.ppf(0.975, variance**2 / spread) * np.sqrt(variance)
    found = mean(values)
    assert (found.low, found.high) == pytest.approx((values.mean() - reach, values.mean() + reach), rel=1e-3)


def test_an_interval_is_wider_for_readers_who_differ():
    rng = np.random.default_rng(6)
    same = rng.normal(0, 1, (6, 20))
    differ = same + np.linspace(-2, 2, 6)[:, None]
    assert mean(differ).high - mean(differ).low > 2 * (mean(same).high - mean(same).low)


def test_intervals_stay_where_numbers_can_be():
    values = np.zeros((4, 10))
    values[0, 0] = 1
    share, net = mean(values, SHARE), mean(-values, NET)
    assert 0 < share.low < share.value < share.high < 1
    assert -1 < net.low < net.value < net.high < 0.3


def test_turning_the_numbers_round_turns_the_interval_round():
    values = np.random.default_rng(7).choice([-1.0, 0.0, 1.0], (5, 12), p=(0.2, 0.3, 0.5))
    forth, back = mean(values, NET), mean(-values, NET)
    assert (forth.low, forth.high) == pytest.approx((-back.high, -back.low))


# ---- arms ----


def test_which_side_an_arm_stood_on_changes_nothing():
    found = [a for a in answered(study(4, 10)) if a.measure == "preference"]
    swapped = [replace(a, arm=a.other, other=a.arm) for a in found]
    forth, back = analyze(found).preferences[0], analyze(swapped).preferences[0]
    assert (forth.win, forth.tie, forth.net) == (back.win, back.tie, back.net)
    assert forth.left_share.value == pytest.approx(1 - back.left_share.value)


def test_wins_ties_and_losses_are_counted_for_the_first_arm():
    found = [a for a in answered(study(4, 10)) if a.measure == "preference"]
    preferred = Counter(a.value for a in found)
    (one,) = analyze(found, arms=(WITHOUT, WITH)).preferences
    assert (one.first, one.second) == (WITHOUT, WITH)
    assert [share.value * 40 for share in (one.win, one.tie, one.loss)] == pytest.approx(
        [preferred[WITHOUT], preferred["tie"], preferred[WITH]]
    )
    assert one.net.value == pytest.approx((preferred[WITHOUT] - preferred[WITH]) / 40)


def test_an_arm_that_is_rated_higher_is_found_and_turning_round_changes_the_sign():
    answers = answered(study(6, 24), replace(LIKE, quality={WITH: 1.0}))
    (forth,) = analyze(answers, arms=(WITH, WITHOUT)).ratings[0].differences
    (back,) = analyze(answers, arms=(WITHOUT, WITH)).ratings[0].differences
    assert forth.acceptable.low > 0
    assert forth.mean.low > 0
    assert forth.p_holm < 0.01
    assert forth.over_cases.effect == pytest.approx(-back.over_cases.effect)
    assert forth.mean.value == pytest.approx(-back.mean.value)


def test_acceptable_is_one_of_the_two_best_labels():
    answers = answered(study(4, 10, rated=(WITH,)))
    values = [int(a.value) for a in answers if a.measure == "ordinal"]
    (arm,) = analyze(answers).ratings[0].arms
    assert arm.counts == tuple(values.count(label) for label in (1, 2, 3, 4))
    assert arm.acceptable.value == pytest.approx(sum(value >= 3 for value in values) / 40)
    assert arm.mean.value == pytest.approx(np.mean(values))


def test_the_mixed_model_of_a_full_table_has_the_effect_of_the_means():
    rng = np.random.default_rng(8)
    parts = rng.normal(0, 1, (6, 1, 1)), rng.normal(0, 1, (1, 20, 1)), rng.normal(0, 1, (6, 1, 2))
    values = sum(parts) + rng.normal(0, 1, (1, 20, 2)) + rng.normal(0, 0.7, (6, 20, 2)) + np.array([0, 1])
    model = mixed_model(crossed(values))
    (effect,) = model.effects
    gaps = values[..., 1] - values[..., 0]
    assert effect.estimate == pytest.approx(gaps.mean(), abs=1e-6)
    # Of a full table, the model's standard error is that of the one-shot variance of the mean difference.
    r, c = gaps.shape
    rest = gaps - gaps.mean(0) - gaps.mean(1, keepdims=True) + gaps.mean()
    squares = c * gaps.mean(1).var(ddof=1) + r * gaps.mean(0).var(ddof=1) - (rest**2).sum() / ((r - 1) * (c - 1))
    error = (effect.high - effect.low) / 2 / stats.t.ppf(0.975, model.degrees)
    assert error == pytest.approx(np.sqrt(squares / (r * c)), rel=0.02)


@pytest.mark.parametrize(
    "values", [np.full((4, 6, 2), 3.0), drawn(4, 6)[..., None], drawn(2, 6)[..., None].repeat(2, 2)]
)
def test_a_model_that_cannot_be_fitted_gives_a_sentence_and_no_number(values):
    model = mixed_model(crossed(values))
    assert model.effects == ()
    assert model.note


# ---- effort and metrics ----


def test_edit_times_are_compared_as_ratios_and_paths_as_differences():
    answers = answered(study(5, 16, edits=True), replace(LIKE, quality={WITH: 1.5}))
    seconds, apl = analyze(answers, arms=(WITH, WITHOUT)).efforts
    (ratio,), (difference,) = seconds.differences, apl.differences
    edits = {(a.reader, a.case, a.arm): a for a in answers if a.kind == "edit"}
    pairs = [(edits[r, c, WITH], edits[r, c, WITHOUT]) for r, c, arm in edits if arm == WITH]
    assert ratio.change.value == pytest.approx(
        np.exp(np.mean([np.log(a.edit_seconds / b.edit_seconds) for a, b in pairs]))
    )
    assert difference.change.value == pytest.approx(np.mean([a.apl_mm - b.apl_mm for a, b in pairs]))
    assert ratio.change.high < 1
    assert difference.change.high < 0


def test_a_correlation_within_one_reader_is_spearmans():
    values = drawn(1, 25, seed=3)
    metric = np.random.default_rng(9).normal(0, 1, 25) + values[0]
    known = {(f"c{number}", "a0"): float(value) for number, value in enumerate(metric)}
    assert spearman(crossed(values), known).value == pytest.approx(stats.spearmanr(values[0], metric).statistic)


def test_a_correlation_is_the_mean_over_readers_and_strictness_does_not_blur_it():
    values = drawn(2, 25, seed=3)
    known = {(f"c{number}", "a0"): float(number) for number in range(25)}
    each = [stats.spearmanr(row, np.arange(25)).statistic for row in values]
    assert spearman(crossed(values), known).value == pytest.approx(np.mean(each))
    assert spearman(crossed(values + np.array([[0], [10]])), known).value == pytest.approx(np.mean(each))


# ---- what counts ----


def test_training_second_readings_and_missing_ones_are_counted_and_said(tmp_path):
    whole = replace(study(4, 8, repeats=0.25), training=("practice",))
    readings = planned(whole)
    answers = answered(whole)
    cut = [a for a in answers if not (a.reader == "Reader 2" and a.reading > 20)]
    found = analyze(cut, planned=readings, arms=tuple(whole.arms))
    lacking = [r for r in readings["Reader 2"] if r.number > 20 and r.repeats is None and not r.training]
    assert found.sample.missing == len(lacking) > 0
    assert [row.reader for row in found.sample.unfinished] == ["Reader 2"]
    assert found.sample.training == sum(r.training for own in readings.values() for r in own if r.number <= 20)
    text = report(found, tmp_path)[0].read_text()
    assert f"{found.sample.training} training readings were left out" in text
    assert f"{len(lacking)} readings of the protocol are missing" in text
    assert "Reader 2 (" in text


def test_readers_who_have_not_finished_can_be_left_out(tmp_path):
    answers = [a for a in answered(study(4, 8)) if not (a.reader == "Reader 2" and a.reading > 10)]
    found = analyze(answers, finished_only=True)
    assert found.sample.left_out == ("Reader 2",)
    assert found.sample.missing == 0
    assert found.sample.readers == ("Reader 1", "Reader 3", "Reader 4")
    assert "were left out, with all their readings: Reader 2" in report(found, tmp_path)[0].read_text()


def test_a_reader_who_never_came_is_missing_when_the_protocol_is_known():
    whole = study(3, 6)
    answers = [a for a in answered(whole) if a.reader != "Reader 3"]
    assert analyze(answers).sample.unfinished == ()
    (row,) = analyze(answers, planned=planned(whole)).sample.unfinished
    assert (row.reader, row.read, row.of) == ("Reader 3", 0, 18)


def test_training_changes_no_number():
    whole = replace(study(4, 8), training=("practice",))
    answers = answered(whole)
    without = [a for a in answers if not a.training]
    assert analyze(answers).preferences == analyze(without).preferences


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda found: [*found, found[0]], "two answers to 'usable'"),
        (lambda found: [*found[1:], replace(found[0], value="7")], "'7' is not one of 1, 2, 3, 4"),
        (lambda found: [*found[1:], replace(found[0], value="3.5")], "'3.5' is not one of"),
        (lambda found: [*found[1:], replace(found[0], labels=())], "without its scale's labels"),
        (lambda found: [*found[1:], replace(found[0], study="other")], "several studies"),
        (lambda found: [replace(a, training=True) for a in found], "none that counts"),
        (lambda found: [], "none that counts"),
    ],
)
def test_answers_that_cannot_be_are_refused(change, complaint):
    answers = [a for a in answered(study(2, 4)) if a.question == "usable"]
    with pytest.raises(InputError, match=complaint):
        analyze(change(answers))


# ---- honest where there is little ----


LITTLE = {
    "one reader": answered(study(1, 5, edits=True)),
    "two readers": answered(study(2, 5, repeats=0.4, edits=True)),
    "two cases": answered(study(4, 2, edits=True)),
    "one reader, two cases": answered(study(1, 2, edits=True)),
    "all ties": answered(study(3, 5), replace(LIKE, tie=99.0)),
    "all the same": as_rated(answered(study(3, 5, repeats=0.4)), "4"),
    "nothing but comments": [a for a in answered(study(2, 4)) if a.measure == "text"],
}


@pytest.fixture(scope="module", params=LITTLE)
def little(request, tmp_path_factory) -> tuple[str, str]:
    """Which little study, and its report."""
    folder = tmp_path_factory.mktemp("little")
    return request.param, report(analyze(LITTLE[request.param]), folder)[0].read_text()


SAID = {
    "one reader": ("agreement takes at least 2 readers", "† Interval over cases alone"),
    "two readers": ("† Interval over cases alone", "say nothing of other readers"),
    "two cases": ("No interval: 2 cases only",),
    "one reader, two cases": ("No interval: 2 cases only", "agreement takes at least 2 readers"),
    "all ties": ("Every reading was a tie", "No interval: nothing varies between these readings"),
    "all the same": (
        "Not defined: every reading has the same answer",
        "No model: every reading has the same answer",
    ),
    "nothing but comments": ("Readers also wrote",),
}


def test_a_small_or_uniform_study_is_reported_in_words_instead_of_nonsense(little):
    which, text = little
    assert not re.search(r"\bnan\b|\binf\b|None", text)
    for sentence in SAID[which]:
        assert sentence in text


def test_names_that_are_markup_break_no_table(tmp_path):
    names = {"Reader 1": "a|b", "Reader 2": "<script>", "Reader 3": "x\ny"}
    answers = [replace(a, reader=names[a.reader]) for a in answered(study(3, 6, repeats=0.25))]
    text = report(analyze(answers), tmp_path)[0].read_text()
    assert "<script" not in text
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert tables
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_every_figure_is_there_and_shown(tmp_path):
    written = report(analyze(answered(study(3, 6, repeats=0.25, edits=True))), tmp_path)
    shown = re.findall(r"\]\(([\w-]+\.png)\)", written[0].read_text())
    assert sorted(shown) == sorted(path.name for path in written[1:]) == sorted(p.name for p in tmp_path.glob("*.png"))
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written[1:])
    assert len(shown) == 5


# ---- from the command line ----

PROTOCOL = """
key = "neck"
title = "Does the note help?"
seed = 3
cases = ["a", "b", "c", "d"]
[arms.with-note]
contours = "text"
[arms.without-note]
contours = "no-text"
[questions.usable]
text = "Would you use it?"
scale = "acceptability-4"
[questions.better]
text = "Which is better?"
scale = "preference"
[[tasks]]
key = "rating"
kind = "rate"
arms = ["with-note", "without-note"]
questions = ["usable"]
[[tasks]]
key = "comparing"
kind = "compare"
pairs = [["with-note", "without-note"]]
questions = ["better"]
[[people]]
name = "Somebody"
"""


def test_a_simulated_study_is_analyzed_from_the_command_line(tmp_path, capsys):
    (tmp_path / "study.toml").write_text(PROTOCOL)
    simulated = ["study", "simulate", str(tmp_path / "study.toml"), "--readers", "3", "--seed", "4"]
    assert main([*simulated, "--quality", "with-note=0.5", "--out", str(tmp_path / "out")]) == 0
    win, _, loss = Readers(quality={WITH: 0.5}).preference(WITH, WITHOUT)
    assert f"{win - loss:+.3f} net" in capsys.readouterr().out
    assert main(["study", "analyze", str(tmp_path / "out"), "--out", str(tmp_path / "report")]) == 0
    text = (tmp_path / "report" / "report.md").read_text()
    assert "These answers were simulated" in text
    assert "by 3 readers of 4 cases" in text


def test_a_size_is_asked_for_from_the_command_line(capsys):
    asked = ["study", "sample-size", "preference", "0.4", "--readers", "4", "--cases", "8", "--studies", "5"]
    assert main(asked) == 0
    assert "Assumed:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["analyze", "nowhere.csv"], "cannot be read"),
        (["simulate", "study.toml", "--readers", "0"], "0 readers"),
        (["simulate", "study.toml", "--readers", "2", "--quality", "note=1"], "names no arm"),
        (["simulate", "study.toml", "--readers", "2", "--quality", "with-note=much"], "has no number"),
        (["export", "."], "no prepared study"),
    ],
)
def test_bad_input_to_a_command_is_one_line(tmp_path, monkeypatch, capsys, arguments, complaint):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.toml").write_text(PROTOCOL)
    assert main(["study", *arguments, "--out", "out"]) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_laying_answers_out_keeps_the_order_of_arms_that_is_asked_for():
    entries = [("r", "c", arm, 1.0) for arm in ("b", "a", "z")]
    assert cross(entries, ("z", "b")).arms == ("z", "b", "a")
