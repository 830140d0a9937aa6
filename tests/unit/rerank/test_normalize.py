"""Scores of different encoders on one scale."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.search.rerank.normalize import rescale, standardize


def test_scores_have_mean_0_and_deviation_1_and_missing_ones_are_retrieval_scores_on_that_scale() -> None:
    retrieval = np.array([3, 1, 5], dtype=np.float32)
    scores = np.array([10, 30, np.nan], dtype=np.float32)
    # of the two with a score: mean 2, deviation 1 of the retrieval scores; 5 is 3 deviations above it
    assert standardize(scores, retrieval).tolist() == [-1, 1, 3]
    assert rescale(scores, retrieval).tolist() == [1, 3, 5]


def test_equal_scores_are_all_average() -> None:
    retrieval = np.array([3, 1], dtype=np.float32)
    scores = np.array([0.1, 0.1], dtype=np.float32)
    assert standardize(scores, retrieval).tolist() == pytest.approx([0, 0], abs=1e-6)


def test_without_any_score_the_retrieval_scores_are_standardized() -> None:
    retrieval = np.array([3, 1], dtype=np.float32)
    assert standardize(np.array([np.nan, np.nan], dtype=np.float32), retrieval).tolist() == [1, -1]
