"""Bootstrap intervals and the paired test, on cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.types import Ids
from retrieval.evaluation.bootstrap import FLIPS, intervals, sign_flip_test


def alone(count: int) -> Ids:
    return np.arange(count)


def test_an_interval_of_shares_is_that_of_the_binomial() -> None:
    values = np.repeat([[1.0], [0.0]], [300, 700], axis=0)
    ((low, high),) = intervals(values, alone(1000))
    spread = 1.96 * (0.3 * 0.7 / 1000) ** 0.5  # the normal approximation: .3 plus or minus .0284
    assert (low, high) == pytest.approx((0.3 - spread, 0.3 + spread), abs=0.004)


def test_intervals_cover_the_true_mean_about_95_times_in_100() -> None:
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(100):
        ((low, high),) = intervals(random.binomial(1, 0.4, (80, 1)).astype(np.float64), alone(80))
        covered += bool(low <= 0.4 <= high)
    assert 88 <= covered <= 100  # of 100 draws with .95, fewer than 88 come once in 200 times; the seed is fixed


def test_queries_that_belong_together_make_the_interval_as_wide_as_one_of_each() -> None:
    once = np.random.default_rng(2).random((50, 1))
    five = np.repeat(once, 5, axis=0)  # five captions that all fare alike are no more evidence than one
    together = intervals(five, np.repeat(np.arange(50), 5))
    assert together == pytest.approx(intervals(once, alone(50)))
    apart = intervals(five, alone(250))
    assert np.ptp(apart) < 0.6 * np.ptp(together)  # 1 / sqrt(5) = .45 of it


def test_equal_systems_have_p_1() -> None:
    assert sign_flip_test(np.zeros((30, 2)), alone(30)).tolist() == [1, 1]


def test_a_system_that_is_better_in_every_query_has_the_smallest_p() -> None:
    assert sign_flip_test(np.full((40, 1), 0.1), alone(40)).tolist() == [1 / (1 + FLIPS)]


def test_p_of_few_queries_is_the_share_of_signs_that_reach_as_far() -> None:
    # of the 8 ways to give 3 equal differences a sign, all + and all - reach as far: 2 / 8
    ((p),) = sign_flip_test(np.full((3, 1), 0.25), alone(3))
    assert p == pytest.approx(0.25, abs=0.02)


def test_one_clear_and_one_absent_difference_are_told_apart() -> None:
    random = np.random.default_rng(3)
    noise = random.normal(0, 0.3, (200, 2))
    noise -= noise.mean(axis=0)
    clear, absent = sign_flip_test(noise + np.array([0.1, 0.0]), alone(200))
    assert clear < 0.01
    assert absent == 1  # the mean is 0 to the last digit that counts


def test_differences_that_belong_together_are_flipped_together() -> None:
    differences = np.full((40, 1), 0.1)
    (p,) = sign_flip_test(differences, np.repeat(np.arange(2), 20))  # two photos, one direction each: 2 / 4
    assert p == pytest.approx(0.5, abs=0.02)


def test_the_same_values_give_the_same_answers() -> None:
    values = np.random.default_rng(4).random((60, 3))
    assert intervals(values, alone(60)).tolist() == intervals(values, alone(60)).tolist()
    assert sign_flip_test(values - 0.5, alone(60)).tolist() == sign_flip_test(values - 0.5, alone(60)).tolist()
