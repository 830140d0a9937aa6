"""Inverted files and the index that stands on them, with exact search as the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexer.errors import ConfigError
from indexer.types import Ids, Vectors
from indexer.vectors import new_index
from indexer.vectors.autotune.choice_file import read_choice, write_choice
from indexer.vectors.autotune.select import choose
from indexer.vectors.base import VectorIndex
from indexer.vectors.faiss_ivf import InvertedFile, InvertedFileBuilder, expected_bytes, list_count
from indexer.vectors.index_file import StaleIndexError
from indexer.vectors.ivf_refined import ApproximateIndex, changed_share
from indexer.vectors.kinds import APPROXIMATE_KINDS, Kind
from indexer.vectors.measurements import HoldoutQueries, IndexMeasurement, IndexTarget, SearchDepth
from tests.support.vectors import clustered_vectors, ids, unit_vectors

N, DIM = 6000, 32


@pytest.fixture(scope="module")
def rows() -> Vectors:
    return clustered_vectors(N, DIM, clusters=60, spread=0.7)


@pytest.fixture(scope="module")
def held() -> Ids:
    """Return the ids of the rows, with gaps."""
    return np.arange(N, dtype=np.int64) * 3 + 7


@pytest.fixture
def exact(rows: Vectors, held: Ids) -> VectorIndex:
    index = new_index(DIM)
    index.add(held, rows)
    return index


@pytest.fixture(scope="module")
def built(rows: Vectors, held: Ids) -> dict[Kind, InvertedFile]:
    """Return an inverted file of each kind."""
    index = new_index(DIM)
    index.add(held, rows)
    builder = InvertedFileBuilder(index.ids, index.vectors, DIM, progress=None)
    return {kind: builder.build(kind) for kind in APPROXIMATE_KINDS}


@pytest.fixture(params=APPROXIMATE_KINDS)
def lists(request: pytest.FixtureRequest, built: dict[Kind, InvertedFile]) -> InvertedFile:
    return built[request.param]


TRIED: tuple[Kind, ...] = ("ivf-sq8", "ivf-pq4", "ivf-rabitq")
"""What is, where memory is no matter."""

USUAL = SearchDepth(100, 64, 400)


def over(exact: VectorIndex, lists: InvertedFile, *depths: SearchDepth) -> ApproximateIndex:
    """Return an index on all that the inverted file was built from."""
    return ApproximateIndex(exact, lists, watermark=int(exact.ids[-1]), depths=depths or [USUAL])


def recall(found: Ids, truth: Ids) -> float:
    """Return the part of the true ids that is found, the mean over queries."""
    return float(
        np.mean([len(np.intersect1d(one, other)) / len(other) for one, other in zip(found, truth, strict=True)])
    )


def near(rows: Vectors, count: int = 40) -> Vectors:
    """Return queries near some of the rows, shape (count, DIM)."""
    moved = rows[:: len(rows) // count][:count] + 0.5 * unit_vectors(count, DIM, seed=3)
    found: Vectors = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return found


def test_it_finds_nearly_all_of_the_ten_best_and_scores_them_exactly(
    exact: VectorIndex, lists: InvertedFile, rows: Vectors
) -> None:
    queries = near(rows)
    truth, found = exact.search(queries, 10), over(exact, lists).search(queries, 10)
    assert recall(found.ids, truth.ids) >= 0.97
    for row in range(len(queries)):
        scores = dict(zip(truth.ids[row].tolist(), truth.scores[row].tolist(), strict=True))
        same = [
            (scores[id_], score)
            for id_, score in zip(found.ids[row].tolist(), found.scores[row].tolist(), strict=True)
            if id_ in scores
        ]
        assert all(one == other for one, other in same)


def test_one_query_gives_what_a_batch_gives(exact: VectorIndex, lists: InvertedFile, rows: Vectors) -> None:
    index, queries = over(exact, lists), near(rows, 6)
    batch = index.search(queries, 10)
    for row in range(len(queries)):
        assert index.search(queries[row : row + 1], 10).ids[0].tolist() == batch.ids[row].tolist()


def test_what_was_removed_is_never_found_and_what_was_added_is_at_once(
    exact: VectorIndex, lists: InvertedFile, rows: Vectors, held: Ids
) -> None:
    index, query = over(exact, lists), rows[100:101]
    assert index.search(query, 3).ids[0, 0] == held[100]
    index.remove(held[100:101])
    assert held[100] not in index.search(query, 50).ids[0]
    index.add(ids(10**6), query)
    assert index.search(query, 3).ids[0, 0] == 10**6
    assert changed_share(index.ids, int(held[-1]), N) == pytest.approx(2 / N)


def test_where_most_was_removed_the_rest_is_still_found(exact: VectorIndex, lists: InvertedFile, held: Ids) -> None:
    index, query = over(exact, lists, SearchDepth(24, 4, 50)), unit_vectors(1, DIM, seed=8)
    index.remove(held[:-20])
    assert np.count_nonzero(index.search(query, 12).ids[0] != -1) == 12
    assert set(index.search(query, 24).ids[0].tolist()) == {-1, *held[-20:].tolist()}
    index.remove(held)
    assert index.search(query, 2).ids.tolist() == [[-1, -1]]


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_a_filter_costs_no_recall(
    exact: VectorIndex, lists: InvertedFile, rows: Vectors, held: Ids, share: float
) -> None:
    allowed = held[np.random.default_rng(1).random(N) < share]
    queries = near(rows)
    truth = exact.search(queries, 10, allowed=allowed)
    found = over(exact, lists).search(queries, 10, allowed=allowed)
    assert np.isin(found.ids, allowed).all()
    assert found.ids.tolist() == truth.ids.tolist()


def test_pages_of_one_answer_agree(exact: VectorIndex, lists: InvertedFile, rows: Vectors) -> None:
    index, query = over(exact, lists, SearchDepth(24, 2, 30), SearchDepth(50, 3, 60)), near(rows)[3:4]
    first, more = index.search(query, 30), index.search(query, 50)
    assert first.ids[0].tolist() == more.ids[0, :30].tolist()  # both look as far as 50 results ask for


def test_a_query_most_of_whose_candidates_are_gone_is_searched_exactly(
    exact: VectorIndex, lists: InvertedFile, rows: Vectors
) -> None:
    index, query = over(exact, lists, SearchDepth(24, 4, 40)), rows[100:101]
    index.remove(exact.search(query, 90).ids[0])
    assert index.search(query, 10).ids.tolist() == exact.search(query, 10).ids.tolist()


def test_more_results_than_was_measured_are_searched_exactly(
    exact: VectorIndex, lists: InvertedFile, rows: Vectors
) -> None:
    queries, index = near(rows), over(exact, lists, SearchDepth(24, 1, 24))
    assert index.search(queries, 25).ids.tolist() == exact.search(queries, 25).ids.tolist()
    assert recall(index.search(queries, 24).ids, exact.search(queries, 24).ids) < 0.95


def fix_costs(monkeypatch: pytest.MonkeyPatch, *, dear_from: int = 1000) -> None:
    """Have a search take what one of a large library might, on a machine that is never busy; exactly 1,000 ms.

    Args:
        monkeypatch: Takes it back.
        dear_from: Results for which a part takes longer than all.
    """

    def one_query(_: object, index: VectorIndex, results: int) -> float:
        if not isinstance(index, ApproximateIndex):
            return 1000.0
        (depth,) = index._depths
        return depth.probes + depth.refine / 10 if results < dear_from else 2000.0

    monkeypatch.setattr("indexer.vectors.autotune.trial.Trial._time_query", one_query)


def test_many_results_are_as_complete_as_few(
    exact: VectorIndex,
    built: dict[Kind, InvertedFile],
    rows: Vectors,
    held: Ids,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fix_costs(monkeypatch)
    figures, _ = choose(exact, held_out(rows, held), IndexTarget(0.95), folder=tmp_path)
    queries = near(rows[3:], 200)
    depths = {each.kind: each.depths for each in figures}
    for kind in TRIED:
        assert [depth.results for depth in depths[kind]] == [10, 24, 50, 100, 200, 400], kind
        index = over(exact, built[kind], *depths[kind])
        for k in (1, 10, 24, 30, 100, 400, 1001):
            assert recall(index.search(queries, k).ids, exact.search(queries, k).ids) >= 0.94, (kind, k)


def test_results_for_which_it_is_no_faster_are_searched_exactly(
    exact: VectorIndex, rows: Vectors, held: Ids, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fix_costs(monkeypatch, dear_from=200)
    figures, _ = choose(exact, held_out(rows, held), IndexTarget(0.95), folder=tmp_path)
    for each in figures:
        assert [depth.results for depth in each.depths] == ([] if each.kind == "exact" else [10, 24, 50, 100])


def test_a_file_gives_the_same_answers_mapped_or_not(
    exact: VectorIndex, lists: InvertedFile, rows: Vectors, tmp_path: Path
) -> None:
    queries = near(rows, 5)
    lists.save(tmp_path / "lists")
    with (tmp_path / "lists").open("rb") as file:
        again = InvertedFile.load(file)
    (tmp_path / "lists").unlink()  # replaced by another, or deleted: what is open stays
    assert (len(again), again.dim, again.lists) == (N, DIM, lists.lists)
    expected = over(exact, lists).search(queries, 10)
    assert over(exact, again).search(queries, 10).ids.tolist() == expected.ids.tolist()


def test_sizes_are_known_before_anything_is_built(built: dict[Kind, InvertedFile], tmp_path: Path) -> None:
    for kind, lists in built.items():
        lists.save(tmp_path / kind)
        assert 0.6 < expected_bytes(kind, N, DIM) / (tmp_path / kind).stat().st_size < 1.6, kind


@pytest.mark.parametrize(
    ("n", "lists"), [(1, 1), (40, 1), (80, 2), (10_000, 256), (100_000, 1024), (1_000_000, 4096), (10_000_000, 8192)]
)
def test_there_are_about_four_times_the_root_of_lists(n: int, lists: int) -> None:
    assert list_count(n) == lists  # a power of two, of which each has 40 vectors to learn from


def held_out(rows: Vectors, held: Ids) -> dict[str, HoldoutQueries]:
    return {"near": HoldoutQueries(near(rows)), "own": HoldoutQueries(rows[:50], held[:50])}


def test_the_fastest_of_those_that_find_enough_is_chosen(
    exact: VectorIndex, rows: Vectors, held: Ids, tmp_path: Path
) -> None:
    figures, file = choose(exact, held_out(rows, held), IndexTarget(0.95), folder=tmp_path)
    assert {each.kind for each in figures} == {"exact", *TRIED}
    assert figures[0].fits
    assert figures[0].waiting == min(each.waiting for each in figures if each.fits)
    assert list(tmp_path.iterdir()) == ([] if file is None else [file])


def test_the_memory_that_is_allowed_is_kept(exact: VectorIndex, rows: Vectors, held: Ids, tmp_path: Path) -> None:
    least = expected_bytes("ivf-pq4", N, DIM)
    figures, file = choose(exact, held_out(rows, held), IndexTarget(0.5, int(least * 1.2)), folder=tmp_path)
    assert file is not None
    assert figures[0].memory <= least * 1.2 < N * DIM * 2


def test_half_the_bits_are_tried_where_the_whole_are_too_large(
    exact: VectorIndex, rows: Vectors, held: Ids, tmp_path: Path
) -> None:
    asked = IndexTarget(0.99, expected_bytes("ivf-sq8", N, DIM) - 1)
    figures, _ = choose(exact, held_out(rows, held), asked, folder=tmp_path)
    halved = next(each for each in figures if each.kind == "ivf-sq4")
    assert all(each.kind != "ivf-sq8" for each in figures)
    assert (halved.recall >= 0.99, halved.fits) == (True, True)
    assert abs(halved.memory / expected_bytes("ivf-sq4", N, DIM) - 1) < 0.05


def test_too_little_memory_says_which_is_the_least(
    exact: VectorIndex, rows: Vectors, held: Ids, tmp_path: Path
) -> None:
    message = r"no index reaches a recall of 0.9 in 1,000 bytes: the smallest that might, ivf-\w+, takes about \d"
    with pytest.raises(ConfigError, match=message):
        choose(exact, held_out(rows, held), IndexTarget(0.9, 1000), folder=tmp_path)
    with pytest.raises(
        ConfigError,
        match=r"no index reaches a recall of 1 in 0\.1 MB: the smallest that might, exact, takes about 0\.4 MB",
    ):
        choose(exact, held_out(rows, held), IndexTarget(1.0, 100_000), folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_all_that_can_be_found_is_found_exactly(exact: VectorIndex, rows: Vectors, held: Ids, tmp_path: Path) -> None:
    figures, file = choose(exact, held_out(rows, held), IndexTarget(1.0), folder=tmp_path)
    assert ([each.kind for each in figures], file) == (["exact"], None)


@pytest.mark.parametrize("n", [1, 9, 100])
def test_a_handful_of_vectors_is_searched_exactly(n: int, rows: Vectors, held: Ids, tmp_path: Path) -> None:
    index = new_index(DIM)
    index.add(held[:n], rows[:n])
    figures, file = choose(index, {"own": HoldoutQueries(rows[:n], held[:n])}, IndexTarget(0.99), folder=tmp_path)
    assert ([each.kind for each in figures], figures[0].fits, file) == (["exact"], True, None)


def test_a_stop_leaves_no_file(
    exact: VectorIndex, rows: Vectors, held: Ids, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("indexer.vectors.autotune.trial.InvertedFile.load", stop)
    with pytest.raises(KeyboardInterrupt):
        choose(exact, held_out(rows, held), IndexTarget(0.9), folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "odd",
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
def test_a_file_whose_figures_cannot_be_is_refused(exact: VectorIndex, tmp_path: Path, odd: dict[str, Any]) -> None:
    usual: dict[str, Any] = {"kind": "ivf-sq8", "depths": (SearchDepth(24, 8, 50),)}
    figures = IndexMeasurement(
        **(usual | odd), recall=0.99, milliseconds=1.0, opening=1.0, memory=1, seconds=1.0, vectors=N
    )
    part, file = tmp_path / "some.part", tmp_path / "some.lists"
    part.touch()
    write_choice(part, file, target=IndexTarget(0.9), measurements=[figures], index=exact, fingerprint="f")
    with pytest.raises(StaleIndexError, match="its measurements are invalid"):
        read_choice(file, exact, fingerprint="f")
