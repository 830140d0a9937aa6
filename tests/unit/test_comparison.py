"""Metrics of judged units, the statistics of a gain, and the decision of the gate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from retrieval.tuning.comparison import compare_paired, make_report, query_metrics
from tests.bench.gate import make_training_set


def test_a_query_is_measured_on_its_judged_units_in_the_order_of_their_scores() -> None:
    training_set = make_training_set(2, 3, 0, taste=1)
    good = np.array([False, True, False, True, False, False])
    scores = np.array([0.9, 0.5, 0.1, 0.3, 0.3, 0.3], dtype=np.float32)
    # the good unit of the first query is second: 1 / log2(3); that of the second is the first of equal ones
    metrics = query_metrics(replace(training_set, good=good), scores)
    assert metrics.tolist() == [[pytest.approx(0.63093), 1.0], [1.0, 1.0]]


def test_metrics_agree_with_ir_measures() -> None:
    measures = pytest.importorskip("ir_measures")
    training_set = make_training_set(4, 13, 1, taste=1)
    scores = np.random.default_rng(0).random(52).astype(np.float32)
    relevant: dict[str, dict[str, int]] = {str(query): {} for query in range(4)}
    rankings: dict[str, dict[str, float]] = {str(query): {} for query in range(4)}
    units = zip(training_set.owners, training_set.good, scores.tolist(), strict=True)
    for number, (owner, good, score) in enumerate(units):
        relevant[str(owner)][str(number)], rankings[str(owner)][str(number)] = int(good), score
    columns = [measures.nDCG @ 10, measures.Success @ 5]
    expected = np.zeros((4, 2))
    for metric in measures.iter_calc(columns, relevant, rankings):
        expected[int(metric.query_id), columns.index(metric.measure)] = metric.value
    np.testing.assert_allclose(query_metrics(training_set, scores), expected, atol=1e-9)


def test_the_interval_is_students() -> None:
    # mean 3.5, standard deviation 1.8708, t of five degrees of freedom 2.5706: 2.5706 * 1.8708 / sqrt(6) = 1.9633
    comparison = compare_paired(np.array([1.0, 2, 3, 4, 5, 6]))
    assert [comparison.low, comparison.high] == pytest.approx([1.5367, 5.4633], abs=0.003)
    assert comparison.p == pytest.approx(2 / 64, abs=0.006)  # all six gain: two of 64 flips are as extreme


@pytest.mark.parametrize(
    ("gain", "control_after", "reason"),
    [
        (0.1, 69.0, ""),
        (0.1, 68.9, "the control set lost 1.1 points, more than 1"),
        (0.1, float("nan"), "the control set lost nan points, more than 1"),
        (-0.1, 70.0, "held-out queries did not gain; judge more"),
    ],
)
def test_a_gain_passes_if_the_control_set_loses_at_most_one_point(
    gain: float, control_after: float, reason: str
) -> None:
    before = np.full((8, 2), 0.5)
    after = before + gain + np.linspace(0, 0.01, 8)[:, None]
    report = make_report(before, after, 70.0, control_after)
    assert (report.passed, report.reason) == (not reason, reason)


def test_one_large_gain_among_many_queries_may_be_chance() -> None:
    before = np.zeros((10, 2))
    after = before.copy()
    after[0] = 1.0
    assert make_report(before, after, 70.0, 70.0).reason == "the gain may be chance; judge more"
