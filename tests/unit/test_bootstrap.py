"""Bootstrap intervals and the paired test, on cases with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.types import Ids
from retrieval.evaluation.bootstrap import FLIPS, intervals, sign_flip_test


def separate(count: int) -> Ids:
    """Return clusters of one query each."""
    return np.arange(count)


def test_the_interval_of_a_share_is_that_of_the_binomial_distribution() -> None:
    values = np.repeat([[1.0], [0.0]], [300, 700], axis=0)
    ((low, high),) = intervals(values, separate(1000))
    spread = 1.96 * (0.3 * 0.7 / 1000) ** 0.5  # the normal approximation: .3 plus or minus .0284
    assert (low, high) == pytest.approx((0.3 - spread, 0.3 + spread), abs=0.004)


def test_intervals_cover_the_true_mean_about_95_times_in_100() -> None:
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(100):
        ((low, high),) = intervals(random.binomial(1, 0.4, (80, 1)).astype(np.float64), separate(80))
        covered += bool(low <= 0.4 <= high)
    assert 88 <= covered <= 100  # fewer than 88 of 100 at .95 happens once in 200 times; the seed is fixed


def test_a_cluster_of_equal_queries_counts_as_one_query() -> None:
    once = np.random.default_rng(2).random((50, 1))
    five = np.repeat(once, 5, axis=0)  # five captions with equal results are no more evidence than one
    clustered = intervals(five, np.repeat(np.arange(50), 5))
    assert clustered == pytest.approx(intervals(once, separate(50)))
    unclustered = intervals(five, separate(250))
    assert np.ptp(unclustered) < 0.6 * np.ptp(clustered)  # 1 / sqrt(5) = .45 of it


def test_equal_systems_have_p_1() -> None:
    assert sign_flip_test(np.zeros((30, 2)), separate(30)).tolist() == [1, 1]


def test_a_system_that_is_better_on_every_query_has_the_smallest_p() -> None:
    assert sign_flip_test(np.full((40, 1), 0.1), separate(40)).tolist() == [1 / (1 + FLIPS)]


def test_p_of_few_queries_is_the_share_of_sign_combinations_as_extreme() -> None:
    # of the 8 sign combinations of 3 equal differences, all + and all - are as extreme: 2 / 8
    ((p),) = sign_flip_test(np.full((3, 1), 0.25), separate(3))
    assert p == pytest.approx(0.25, abs=0.02)


def test_a_clear_and_an_absent_difference_have_different_p() -> None:
    random = np.random.default_rng(3)
    noise = random.normal(0, 0.3, (200, 2))
    noise -= noise.mean(axis=0)
    clear, absent = sign_flip_test(noise + np.array([0.1, 0.0]), separate(200))
    assert clear < 0.01
    assert absent == 1  # the mean is 0 up to rounding


def test_the_differences_of_a_cluster_are_flipped_together() -> None:
    differences = np.full((40, 1), 0.1)
    (p,) = sign_flip_test(differences, np.repeat(np.arange(2), 20))  # two clusters with one sign each: 2 / 4
    assert p == pytest.approx(0.5, abs=0.02)


def test_equal_values_give_equal_results() -> None:
    values = np.random.default_rng(4).random((60, 3))
    assert intervals(values, separate(60)).tolist() == intervals(values, separate(60)).tolist()
    assert sign_flip_test(values - 0.5, separate(60)).tolist() == sign_flip_test(values - 0.5, separate(60)).tolist()
