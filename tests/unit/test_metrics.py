"""Metrics of lists that can be ranked by hand, with ir-measures and without."""

from __future__ import annotations

import math

import numpy as np
import pytest

from indexer.types import Ids
from retrieval.evaluation import caption_retrieval, metrics
from retrieval.evaluation.caption_retrieval import rank_both_ways
from retrieval.evaluation.metrics import METRICS, RelevantRanks, metric_names, values_per_query


def ranks(queries: int, *rows: tuple[int, int, int]) -> RelevantRanks:
    """Return relevant answers from rows of query, rank and grade."""
    owners, positions, grades = np.array(rows, dtype=np.int64).T
    return RelevantRanks(queries, owners, positions, grades)


def means(answers: RelevantRanks) -> dict[str, float]:
    """Return the mean of each metric over all queries."""
    return dict(zip(metric_names(), values_per_query(answers).mean(axis=0).tolist(), strict=True))


def test_metrics_of_one_list_are_those_of_their_definitions() -> None:
    # of three relevant answers one is second (grade 1), one seventh (grade 3), one not in the list
    values = means(ranks(1, (0, 1, 1), (0, 6, 3), (0, -1, 1)))
    assert values == pytest.approx(
        {
            "R@1": 0,
            "R@5": 1,
            "R@10": 1,
            "MRR": 1 / 2,
            "nDCG@10": (1 / math.log2(3) + 3 / math.log2(8)) / (3 + 1 / math.log2(3) + 1 / math.log2(4)),
            "mAP": (1 / 2 + 2 / 7) / 3,
        }
    )


def test_a_query_without_results_counts_zero_in_every_metric() -> None:
    assert means(ranks(2, (0, 0, 1), (1, -1, 1))) == pytest.approx(dict.fromkeys(METRICS, 1 / 2))
    assert means(ranks(1, (0, -1, 2), (0, -1, 1))) == dict.fromkeys(METRICS, 0)


def test_an_answer_at_any_depth_counts_in_mrr_and_map() -> None:
    values = means(ranks(1, (0, 19_999, 1)))
    assert (values["MRR"], values["mAP"], values["R@10"]) == (1 / 20_000, 1 / 20_000, 0)


def test_queries_are_measured_in_blocks_with_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_BLOCK", 2)
    done: list[int] = []
    values = values_per_query(ranks(3, (0, 0, 1), (1, 1, 1), (2, 3, 1)), report=done.append)
    assert values[:, METRICS.index("MRR")].tolist() == [1, 1 / 2, 1 / 4]
    assert done == [2, 3]


def test_without_ir_measures_only_recall_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = ranks(3, (0, 4, 1), (0, 7, 1), (1, -1, 1), (2, 0, 1), (2, -1, 1))
    full = means(answers)
    monkeypatch.setattr(metrics, "find_spec", lambda _: None)
    assert means(answers) == {name: full[name] for name in ("R@1", "R@5", "R@10")}
    assert full["R@1"] == pytest.approx(1 / 3)


def test_an_encoder_with_one_vector_for_everything_finds_by_chance() -> None:
    equal = np.ones((20, 4), dtype=np.float32)
    for answers in rank_both_ways(equal, equal, np.arange(20)):
        values = means(answers)
        assert (values["R@1"], values["R@5"]) == (1 / 20, 5 / 20)  # only the answers with the smallest indexes


def test_image_to_text_counts_any_caption_and_text_to_image_counts_each() -> None:
    images = np.eye(2, dtype=np.float32)
    texts = np.asarray([[1, 0], [0, 1], [0, 1]], dtype=np.float32)
    owners: Ids = np.asarray([0, 0, 1])  # the second caption of picture 0 is most similar to picture 1
    forward, backward = rank_both_ways(texts, images, owners)
    assert means(forward)["R@1"] == pytest.approx(2 / 3)
    assert means(backward)["R@1"] == 1 / 2  # caption 1, which is not its own, ties with caption 2


def test_scores_in_blocks_give_the_same_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    texts, images = (random.integers(0, 3, (count, 3)).astype(np.float32) for count in (40, 15))
    owners = np.sort(np.concatenate([np.arange(15), random.integers(0, 15, 25)]))
    whole = rank_both_ways(texts, images, owners)
    monkeypatch.setattr(caption_retrieval, "_MAX_SCORES", 100)  # six captions, or two pictures, at once
    for one, other in zip(whole, rank_both_ways(texts, images, owners), strict=True):
        assert one.ranks.tolist() == other.ranks.tolist()


def test_an_empty_set_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        rank_both_ways(np.ones((0, 3), np.float32), np.ones((2, 3), np.float32), np.zeros(0, np.int64))
