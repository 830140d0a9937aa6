"""The index that a PostgreSQL server keeps, compared with exact search of the same vectors."""

from __future__ import annotations

import time
from collections.abc import Callable
from unittest.mock import Mock

import numpy as np
import pytest
from sqlalchemy import column, insert, text

from indexer.types import Ids, Vectors
from indexer.vectors import pgvector_index
from indexer.vectors.base import Condition
from indexer.vectors.numpy_flat import NumpyIndex
from indexer.vectors.pgvector_index import KnownVectors
from retrieval.search.candidates import _EXTRA_UNITS
from retrieval.search.query_batch import QueryBatch
from tests.support.clusters import DIM, N, clustered_rows, ids_with_gaps, queries_near, recall
from tests.support.server_index import ServerIndex
from tests.support.vectors import unit_vectors

pytestmark = pytest.mark.cluster

SHARES = (0.5, 0.1, 0.01, 0.001)

Make = Callable[[int], ServerIndex]


@pytest.fixture(scope="module")
def rows() -> Vectors:
    return clustered_rows()


@pytest.fixture(scope="module")
def row_ids() -> Ids:
    """Return the ids of the rows, with gaps."""
    return ids_with_gaps()


@pytest.fixture(scope="module")
def exact(rows: Vectors, row_ids: Ids) -> NumpyIndex:
    index = NumpyIndex(DIM)
    index.add(row_ids, rows)
    return index


@pytest.fixture
def index(server_indexes: Make, rows: Vectors, row_ids: Ids) -> ServerIndex:
    index = server_indexes(DIM)
    index.fill(row_ids, rows)
    return index


def having(allowed: Ids) -> Condition:
    """Return the condition that a row has one of the ids."""
    return Condition(allowed.tobytes(), column("id").in_(allowed.tolist()), lambda: allowed)


def test_the_graph_finds_most_of_the_ten_best_with_exact_scores(
    index: ServerIndex, exact: NumpyIndex, rows: Vectors
) -> None:
    queries = queries_near(rows)
    truth, found = exact.search(queries, 10), index.search(queries, 10)
    assert recall(found.ids, truth.ids) >= 0.97
    for row in range(len(queries)):
        scores = dict(zip(truth.ids[row].tolist(), truth.scores[row].tolist(), strict=True))
        for id_, score in zip(found.ids[row].tolist(), found.scores[row].tolist(), strict=True):
            assert score == scores.get(id_, score)


def test_the_server_answers_from_the_graph(index: ServerIndex, rows: Vectors) -> None:
    index.search(rows[:3], 5)
    scans = text("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = :name")
    found, end = 0, time.monotonic() + 60  # a process of the server reports what it did when it is idle
    while found < 3 and time.monotonic() < end:
        time.sleep(0.2)
        with index._open() as connection:
            found = connection.scalar(scans, {"name": index._stored.graph}) or 0
    assert found == 3


@pytest.mark.parametrize("most_compared", [0, pgvector_index._MOST_COMPARED])
@pytest.mark.parametrize("share", SHARES)
def test_a_filter_costs_no_recall(
    index: ServerIndex,
    exact: NumpyIndex,
    rows: Vectors,
    row_ids: Ids,
    share: float,
    most_compared: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pgvector_index, "_MOST_COMPARED", most_compared)  # 0: the graph is asked first
    queries, allowed = queries_near(rows), row_ids[np.random.default_rng(1).random(N) < share]
    truth = exact.search(queries, 10, allowed=allowed)
    for given in (allowed, having(allowed)):
        found = index.search(queries, 10, allowed=given)
        assert np.count_nonzero(found.ids == -1) == np.count_nonzero(truth.ids == -1)
        if most_compared or share <= 0.01:
            assert found.ids.tolist() == truth.ids.tolist()
            assert found.scores.tolist() == truth.scores.tolist()
        else:
            assert recall(found.ids, truth.ids) >= 0.97


@pytest.mark.parametrize("most_compared", [0, pgvector_index._MOST_COMPARED])
def test_a_filter_that_keeps_the_farthest_costs_no_recall(
    index: ServerIndex, exact: NumpyIndex, rows: Vectors, most_compared: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pgvector_index, "_MOST_COMPARED", most_compared)
    for query in queries_near(rows, 5):
        farthest = np.sort(exact.search(query[None], N).ids[0, -N // 50 :])
        truth = exact.search(query[None], 24, allowed=farthest)
        assert index.search(query[None], 24, allowed=having(farthest)).ids.tolist() == truth.ids.tolist()


def test_removed_vectors_are_never_found_and_added_ones_always(index: ServerIndex, rows: Vectors, row_ids: Ids) -> None:
    query = rows[100:101]
    assert index.search(query, 3).ids[0, 0] == row_ids[100]
    index.remove(row_ids[100:101])
    assert row_ids[100] not in index.search(query, 50).ids[0]
    index.add(np.array([10**6]), query)
    assert index.search(query, 3).ids[0, 0] == 10**6
    index.remove(row_ids[20:])
    assert np.count_nonzero(index.search(query, 30).ids[0] != -1) == 21
    assert len(index) == 21


def test_more_results_than_the_graph_can_name_are_exact(index: ServerIndex, exact: NumpyIndex, rows: Vectors) -> None:
    query = queries_near(rows, 2)
    assert index.search(query, 803).ids.tolist() == exact.search(query, 803).ids.tolist()
    found = index.search(query[:1], N + 5)
    assert found.ids[0, :N].tolist() == exact.search(query[:1], N).ids[0].tolist()
    assert found.ids[0, N:].tolist() == [-1] * 5


def test_eight_hundred_items_are_found_by_the_graph(
    index: ServerIndex, rows: Vectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "_by_comparing", None)
    assert index.search(queries_near(rows, 1), 800 + _EXTRA_UNITS).ids.min() > 0


def test_where_the_server_would_compare_all_the_graph_is_measured(server_indexes: Make, rows: Vectors) -> None:
    index = server_indexes(DIM)
    index.fill(np.arange(300), rows[:300])
    index.always_by_graph = False
    assert np.count_nonzero(index.candidates(rows[:5], 300, probes=40) != -1) <= 5 * 40


def test_few_conditions_are_counted_at_a_time(
    index: ServerIndex, rows: Vectors, row_ids: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pgvector_index, "_MAX_PASSING", 2)
    for count in range(1, 6):
        index.search(rows[:1], 1, allowed=having(row_ids[:count]))
    assert list(index._known.passing.values()) == [5]


def test_of_equal_vectors_the_smallest_ids_are_found(index: ServerIndex, exact: NumpyIndex) -> None:
    copies = np.repeat(unit_vectors(1, DIM, seed=9), 1200, axis=0)  # more than the graph names at most
    ids = np.arange(10**6, 10**6 + 1200)
    index.add(ids, copies)
    assert index.search(copies[:1], 20).ids[0].tolist() == ids[:20].tolist()
    some = having(np.sort(ids[::-7]))
    assert index.search(copies[:1], 20, allowed=some).ids[0].tolist() == np.sort(ids[::-7])[:20].tolist()


def test_vectors_of_another_encoder_are_never_found(index: ServerIndex, rows: Vectors) -> None:
    other = [{"id": 10**7 + n, "encoder_id": 3, "vector": rows[n].astype("<f2").tobytes()} for n in range(50)]
    with index.engines.writer.begin() as connection:
        connection.execute(insert(index.table), other)
    for allowed in (None, having(np.arange(10**7, 10**7 + 50))):
        assert index.search(rows[:50], 5, allowed=allowed).ids.max() < 10**7
    assert not index.contains(np.array([10**7])).any()
    assert index.score(rows[0], np.array([10**7]))[0].tolist() == []


def test_a_batch_gives_the_results_of_single_queries(index: ServerIndex, rows: Vectors) -> None:
    queries = queries_near(rows, 6)
    batch = index.search(queries, 10)
    for row in range(len(queries)):
        assert index.search(queries[row : row + 1], 10).ids[0].tolist() == batch.ids[row].tolist()


def test_after_a_commit_the_rest_of_a_batch_is_searched_one_by_one(
    index: ServerIndex, rows: Vectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = queries_near(rows, 6)
    expected = index.search(queries, 10).ids.tolist()
    search = Mock(side_effect=index._best)
    monkeypatch.setattr(index, "_best", search)
    batch = QueryBatch(queries)
    for row in range(6):
        monkeypatch.setattr(index, "_known", KnownVectors())  # as after a commit
        assert batch.search(index, row, 10, None).ids[0].tolist() == expected[row]
    assert search.call_count == 6 + 5


def test_ids_that_are_evenly_spaced_begin_and_end_with_the_first_and_the_last(index: ServerIndex, row_ids: Ids) -> None:
    spread = index.spread_ids(500)
    assert (len(spread), spread[0], spread[-1]) == (500, row_ids[0], row_ids[-1])
    assert index.contains(spread).all()
    assert np.ptp(np.diff(spread)) <= 2 * 3  # ids are three apart


def test_a_search_sees_what_its_transaction_sees(index: ServerIndex, rows: Vectors, row_ids: Ids) -> None:
    with index._open() as connection:
        connection.execute(text("SELECT count(*) FROM pg_class"))  # begins to see one state
        before = index._best(connection, rows[5], 3, None)[0].tolist()
        index.remove(row_ids[5:6])
        assert index._best(connection, rows[5], 3, None)[0].tolist() == before
    assert index.search(rows[5:6], 3).ids[0, 0] != row_ids[5]
