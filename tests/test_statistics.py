"""Pairs of patients compared: against scipy, textbook values and properties of intervals, effects and corrections."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from llmseg.evaluation.statistics import Comparison, compare, holm


def pairs(n: int, gain: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    without = rng.uniform(0.3, 0.7, n)
    return without + rng.normal(gain, 0.1, n), without


def test_p_is_that_of_wilcoxons_signed_ranks():
    first, second = pairs(33, 0.05)
    assert compare(first, second).p == pytest.approx(stats.wilcoxon(first, second).pvalue)


def test_the_smallest_p_of_ten_pairs_is_that_of_the_textbook():
    found = compare(np.arange(1, 11), np.zeros(10))
    assert found.p == pytest.approx(2 / 2**10)
    assert found.effect == 1


def test_the_effect_is_the_share_of_rank_sums():
    # Ranks 1 + 2 + 4 speak for the first, rank 3 for the second: (7 - 3) / 10.
    assert compare([1, 2, -3, 4], [0, 0, 0, 0]).effect == pytest.approx(0.4)
    assert compare([5, 0, -3, 4, 2], [0, 0, 0, 0, 0]).effect == pytest.approx((4 + 3 + 1 - 2) / 10)


def test_the_interval_is_what_scipys_bootstrap_finds():
    first, second = pairs(33, 0.05)
    found = compare(first, second)
    expected = stats.bootstrap((first - second,), np.mean, method="percentile", rng=np.random.default_rng(1))
    low, high = expected.confidence_interval
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.003)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    hits = 0
    for seed in range(100):
        found = compare(*pairs(33, 0.05, seed))
        hits += found.low <= 0.05 <= found.high
    assert 88 <= hits <= 99


def test_the_same_pairs_give_the_same_interval():
    assert compare(*pairs(20, 0.1)) == compare(*pairs(20, 0.1))


def test_turning_the_pairs_round_turns_every_sign():
    forth, back = compare(*pairs(20, 0.1)), compare(*pairs(20, 0.1)[::-1])
    assert (back.mean_difference, back.effect, back.p) == pytest.approx(
        (-forth.mean_difference, -forth.effect, forth.p)
    )
    assert (back.low, back.high) == pytest.approx((-forth.high, -forth.low), abs=1e-9) or back.low < 0 > back.high


def test_a_pair_without_a_number_is_left_out():
    nan = float("nan")
    assert compare([0.5, nan, 0.7, 0.9], [0.4, 0.2, nan, 0.6]) == compare([0.5, 0.9], [0.4, 0.6])


def test_no_pairs_say_nothing():
    found = compare([float("nan")], [0.5])
    assert found.n == 0
    assert all(math.isnan(value) for value in (found.mean_difference, found.low, found.high, found.p, found.effect))


def test_one_pair_has_a_difference_and_no_interval():
    found = compare([0.5], [0.4])
    assert (found.n, found.p, found.mean_difference) == (1, 1, pytest.approx(0.1))
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_pairs_that_never_differ_are_no_evidence():
    assert compare([0.5, 0.6], [0.5, 0.6]) == Comparison(2, 0, 0, 0, 1, 0)


def test_pairs_without_a_partner_are_refused():
    with pytest.raises(AssertionError, match="partner"):
        compare([0.5], [0.5, 0.6])


# Correction for many tests


def test_holm_is_the_textbooks():
    # Holm 1979 by hand: 0.01 x 4, 0.02 x 3, 0.03 x 2 raised to the one before, 0.04 x 1 likewise.
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])


def test_a_test_that_was_not_made_is_not_counted():
    found = holm([0.01, float("nan"), 0.04])
    assert math.isnan(found[1])
    assert [found[0], found[2]] == pytest.approx([0.02, 0.04])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_a_correction_never_lowers_a_p_and_never_changes_their_order(p_values):
    found = holm(p_values)
    assert all(raw <= corrected <= 1 for raw, corrected in zip(p_values, found, strict=True))
    assert min(found) == pytest.approx(min(1, min(p_values) * len(p_values)))
    ranked = [corrected for _, corrected in sorted(zip(p_values, found, strict=True))]
    assert ranked == sorted(ranked)
