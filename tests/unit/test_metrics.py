"""What metrics say of lists that can be ranked in the head, with ir-measures and without."""

from __future__ import annotations

import math

import numpy as np
import pytest

from indexer.types import Ids
from retrieval.evaluation import caption_retrieval, metrics
from retrieval.evaluation.caption_retrieval import rank_both_ways
from retrieval.evaluation.metrics import METRICS, RelevantRanks, metric_names, values_per_query


def judged(queries: int, *rows: tuple[int, int, int]) -> RelevantRanks:
    """Return rows of query, place and grade."""
    owners, places, grades = np.array(rows, dtype=np.int64).T
    return RelevantRanks(queries, owners, places, grades)


def means(found: RelevantRanks) -> dict[str, float]:
    return dict(zip(metric_names(), values_per_query(found).mean(axis=0).tolist(), strict=True))


def test_one_list_gives_the_values_that_its_definitions_give() -> None:
    # of three relevant answers one is second, with grade 1, one seventh, with grade 3, one is not in the list
    found = means(judged(1, (0, 1, 1), (0, 6, 3), (0, -1, 1)))
    assert found == pytest.approx(
        {
            "R@1": 0,
            "R@5": 1,
            "R@10": 1,
            "MRR": 1 / 2,
            "nDCG@10": (1 / math.log2(3) + 3 / math.log2(8)) / (3 + 1 / math.log2(3) + 1 / math.log2(4)),
            "mAP": (1 / 2 + 2 / 7) / 3,
        }
    )


def test_a_query_that_finds_nothing_counts_zero_in_every_metric() -> None:
    assert means(judged(2, (0, 0, 1), (1, -1, 1))) == pytest.approx(dict.fromkeys(METRICS, 1 / 2))
    assert means(judged(1, (0, -1, 2), (0, -1, 1))) == dict.fromkeys(METRICS, 0)


def test_a_relevant_answer_however_deep_has_its_part_in_mrr_and_map() -> None:
    found = means(judged(1, (0, 19_999, 1)))
    assert (found["MRR"], found["mAP"], found["R@10"]) == (1 / 20_000, 1 / 20_000, 0)


def test_many_queries_are_measured_in_blocks_and_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_BLOCK", 2)
    done: list[int] = []
    values = values_per_query(judged(3, (0, 0, 1), (1, 1, 1), (2, 3, 1)), report=done.append)
    assert values[:, METRICS.index("MRR")].tolist() == [1, 1 / 2, 1 / 4]
    assert done == [2, 3]


def test_without_ir_measures_recall_is_the_same_and_the_rest_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found = judged(3, (0, 4, 1), (0, 7, 1), (1, -1, 1), (2, 0, 1), (2, -1, 1))
    full = means(found)
    monkeypatch.setattr(metrics, "find_spec", lambda _: None)
    assert means(found) == {name: full[name] for name in ("R@1", "R@5", "R@10")}
    assert full["R@1"] == pytest.approx(1 / 3)


def test_an_encoder_that_gives_one_vector_for_everything_finds_by_chance_only() -> None:
    same = np.ones((20, 4), dtype=np.float32)
    for found in rank_both_ways(same, same, np.arange(20)):
        shares = means(found)
        assert (shares["R@1"], shares["R@5"]) == (1 / 20, 5 / 20)  # only those whose answer has the smallest indexes


def test_image_to_text_counts_any_of_the_captions_and_text_to_image_each_one() -> None:
    images = np.eye(2, dtype=np.float32)
    texts = np.asarray([[1, 0], [0, 1], [0, 1]], dtype=np.float32)
    owners: Ids = np.asarray([0, 0, 1])  # the second caption of picture 0 points at picture 1
    forward, backward = rank_both_ways(texts, images, owners)
    assert means(forward)["R@1"] == pytest.approx(2 / 3)
    assert means(backward)["R@1"] == 1 / 2  # picture 1 meets caption 1, which is not its own, before caption 2


def test_scores_that_are_held_in_blocks_give_the_same_places(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    texts, images = (random.integers(0, 3, (count, 3)).astype(np.float32) for count in (40, 15))
    owners = np.sort(np.concatenate([np.arange(15), random.integers(0, 15, 25)]))
    whole = rank_both_ways(texts, images, owners)
    monkeypatch.setattr(caption_retrieval, "_MAX_SCORES", 100)  # six captions, or two pictures, at once
    for one, other in zip(whole, rank_both_ways(texts, images, owners), strict=True):
        assert one.ranks.tolist() == other.ranks.tolist()


def test_nothing_to_rank_is_a_programming_mistake() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        rank_both_ways(np.ones((0, 3), np.float32), np.ones((2, 3), np.float32), np.zeros(0, np.int64))
