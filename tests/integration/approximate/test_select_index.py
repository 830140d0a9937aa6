"""The choice of an index by measurement, on clustered vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from indexer.errors import ConfigError
from indexer.types import Ids, Vectors
from indexer.vectors import new_index
from indexer.vectors.autotune.choice_file import read_choice, write_choice
from indexer.vectors.autotune.select import choose
from indexer.vectors.base import MutableIndex
from indexer.vectors.faiss_ivf import InvertedFile, expected_bytes
from indexer.vectors.index_file import StaleIndexError
from indexer.vectors.ivf_refined import ApproximateIndex
from indexer.vectors.kinds import Kind
from indexer.vectors.measurements import HoldoutQueries, IndexMeasurement, IndexTarget, SearchDepth
from tests.support.clusters import DIM, N, approximate, holdout_queries, queries_near, recall

BUILT: tuple[Kind, ...] = ("ivf-sq8", "ivf-pq4", "ivf-rabitq")
"""The kinds that are built if there is enough memory."""


def fix_times(monkeypatch: pytest.MonkeyPatch, *, slow_from: int = 1000) -> None:
    """Replace measured times by those of a large library on an idle machine; exact search takes 1,000 ms.

    Args:
        monkeypatch: Restores the measurement after the test.
        slow_from: Number of results from which an approximate search is slower than an exact one.
    """

    def time_query(_: object, index: MutableIndex, results: int) -> float:
        if not isinstance(index, ApproximateIndex):
            return 1000.0
        (depth,) = index._depths
        return depth.probes + depth.refine / 10 if results < slow_from else 2000.0

    monkeypatch.setattr("indexer.vectors.autotune.trial.Trial._time_query", time_query)


def test_recall_is_the_same_for_few_and_many_results(
    exact: MutableIndex,
    built: dict[Kind, InvertedFile],
    rows: Vectors,
    row_ids: Ids,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fix_times(monkeypatch)
    measurements, _ = choose(exact, holdout_queries(rows, row_ids), IndexTarget(0.95), folder=tmp_path)
    queries = queries_near(rows[3:], 200)
    depths = {measured.kind: measured.depths for measured in measurements}
    for kind in BUILT:
        assert [depth.results for depth in depths[kind]] == [10, 24, 50, 100, 200, 400], kind
        index = approximate(exact, built[kind], *depths[kind])
        for k in (1, 10, 24, 30, 100, 400, 1001):
            assert recall(index.search(queries, k).ids, exact.search(queries, k).ids) >= 0.94, (kind, k)


def test_numbers_of_results_that_are_not_faster_get_no_depth(
    exact: MutableIndex, rows: Vectors, row_ids: Ids, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fix_times(monkeypatch, slow_from=200)
    measurements, _ = choose(exact, holdout_queries(rows, row_ids), IndexTarget(0.95), folder=tmp_path)
    for measured in measurements:
        expected = [] if measured.kind == "exact" else [10, 24, 50, 100]
        assert [depth.results for depth in measured.depths] == expected


def test_the_fastest_kind_that_meets_the_target_is_chosen(
    exact: MutableIndex, rows: Vectors, row_ids: Ids, tmp_path: Path
) -> None:
    measurements, file = choose(exact, holdout_queries(rows, row_ids), IndexTarget(0.95), folder=tmp_path)
    assert {measured.kind for measured in measurements} == {"exact", *BUILT}
    assert measurements[0].fits
    assert measurements[0].waiting == min(measured.waiting for measured in measurements if measured.fits)
    assert list(tmp_path.iterdir()) == ([] if file is None else [file])


def test_the_memory_limit_is_respected(exact: MutableIndex, rows: Vectors, row_ids: Ids, tmp_path: Path) -> None:
    smallest = expected_bytes("ivf-pq4", N, DIM)
    measurements, file = choose(
        exact, holdout_queries(rows, row_ids), IndexTarget(0.5, int(smallest * 1.2)), folder=tmp_path
    )
    assert file is not None
    assert measurements[0].memory <= smallest * 1.2 < N * DIM * 2


def test_four_bits_are_built_if_eight_are_too_large(
    exact: MutableIndex, rows: Vectors, row_ids: Ids, tmp_path: Path
) -> None:
    target = IndexTarget(0.99, expected_bytes("ivf-sq8", N, DIM) - 1)
    measurements, _ = choose(exact, holdout_queries(rows, row_ids), target, folder=tmp_path)
    by_kind = {measured.kind: measured for measured in measurements}
    assert "ivf-sq8" not in by_kind
    four_bits = by_kind["ivf-sq4"]
    assert (four_bits.recall >= 0.99, four_bits.fits) == (True, True)
    assert abs(four_bits.memory / expected_bytes("ivf-sq4", N, DIM) - 1) < 0.05


def test_too_little_memory_is_answered_with_the_smallest_size(
    exact: MutableIndex, rows: Vectors, row_ids: Ids, tmp_path: Path
) -> None:
    message = r"no index reaches a recall of 0.9 in 1,000 bytes: the smallest that might, ivf-\w+, takes about \d"
    with pytest.raises(ConfigError, match=message):
        choose(exact, holdout_queries(rows, row_ids), IndexTarget(0.9, 1000), folder=tmp_path)
    with pytest.raises(
        ConfigError,
        match=r"no index reaches a recall of 1 in 0\.1 MB: the smallest that might, exact, takes about 0\.4 MB",
    ):
        choose(exact, holdout_queries(rows, row_ids), IndexTarget(1.0, 100_000), folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_recall_of_one_is_exact_search(exact: MutableIndex, rows: Vectors, row_ids: Ids, tmp_path: Path) -> None:
    measurements, file = choose(exact, holdout_queries(rows, row_ids), IndexTarget(1.0), folder=tmp_path)
    assert ([measured.kind for measured in measurements], file) == (["exact"], None)


@pytest.mark.parametrize("n", [1, 9, 100])
def test_few_vectors_are_searched_exactly(n: int, rows: Vectors, row_ids: Ids, tmp_path: Path) -> None:
    index = new_index(DIM)
    index.add(row_ids[:n], rows[:n])
    measurements, file = choose(
        index, {"own": HoldoutQueries(rows[:n], row_ids[:n])}, IndexTarget(0.99), folder=tmp_path
    )
    assert ([measured.kind for measured in measurements], measurements[0].fits, file) == (["exact"], True, None)


def test_an_interruption_leaves_no_file(
    exact: MutableIndex, rows: Vectors, row_ids: Ids, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("indexer.vectors.autotune.trial.InvertedFile.load", stop)
    with pytest.raises(KeyboardInterrupt):
        choose(exact, holdout_queries(rows, row_ids), IndexTarget(0.9), folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "ivf-flat"},
        {"depths": ()},
        {"depths": (SearchDepth(24, 0, 50),)},
        {"depths": (SearchDepth(24, 10**9, 50),)},
        {"depths": (SearchDepth(24, 8, 10**9),)},
        {"depths": (SearchDepth(0, 8, 50),)},
        {"depths": (SearchDepth(51, 8, 50),)},
        {"depths": (SearchDepth(24, 8, 50), SearchDepth(24, 8, 50))},
    ],
)
def test_a_file_with_wrong_measurements_is_refused(exact: MutableIndex, tmp_path: Path, change: dict[str, Any]) -> None:
    valid: dict[str, Any] = {"kind": "ivf-sq8", "depths": (SearchDepth(24, 8, 50),)}
    measurement = IndexMeasurement(
        **(valid | change), recall=0.99, milliseconds=1.0, opening=1.0, memory=1, seconds=1.0, vectors=N
    )
    part, file = tmp_path / "some.part", tmp_path / "some.lists"
    part.touch()
    write_choice(part, file, target=IndexTarget(0.9), measurements=[measurement], index=exact, fingerprint="f")
    with pytest.raises(StaleIndexError, match="its measurements are invalid"):
        read_choice(file, exact, fingerprint="f")
