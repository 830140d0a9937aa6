"""Libraries whose index the PostgreSQL server keeps: how it is chosen, followed, stopped and dropped."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from indexer.encoders import load_encoder
from indexer.errors import ConfigError
from indexer.types import Vectors
from indexer.vectors.autotune import trial
from indexer.vectors.pgvector_index import PgvectorIndex
from retrieval import Filter, Library
from retrieval.calibration.background import background_vectors, prompts
from tests.support.index_choice import chosen_kind, index_class, index_problems, recall_at_10, top_items
from tests.support.postgresql import PostgresServer
from tests.support.program import Program
from tests.support.vectors import mixed_vectors

pytestmark = pytest.mark.cluster

COUNT = 1501
LITTLE = 1000
"""Bytes of memory that no index in memory fits into."""

_GRAPHS = "SELECT indexname FROM pg_indexes WHERE schemaname = %s AND indexdef LIKE '%%hnsw%%' ORDER BY 1"
_BUILDING = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%%hnsw%%' AND state = 'active'"


@pytest.fixture(autouse=True)
def fewer_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_TIMED_QUERIES", 2)


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    return mixed_vectors(COUNT + 10, background_vectors(load_encoder("compact")))


@pytest.fixture
def library(postgresql_url: str, vectors: Vectors) -> Iterator[Library]:
    """Return a library of `COUNT` items in two collections, searched in memory."""
    with Library.open(postgresql_url) as opened:
        opened.add(vectors=vectors[:COUNT:2], collection="even")
        opened.add(vectors=vectors[1:COUNT:2], collection="odd")
        yield opened


@pytest.fixture
def in_server(library: Library) -> Library:
    """Return that library, searched in the server."""
    library.optimize(recall=0.9, memory=LITTLE)
    return library


@pytest.fixture
def graphs(postgresql_url: str, postgresql_server: PostgresServer) -> Callable[[], list[str]]:
    """Return a function that returns the names of the graphs in the library's schema."""
    schema = postgresql_url.partition("schema=")[2]
    return lambda: [name for (name,) in postgresql_server.sql(_GRAPHS, schema)]


def test_where_no_memory_is_allowed_the_server_is_chosen_and_finds_the_same(
    library: Library, graphs: Callable[[], list[str]]
) -> None:
    before = top_items(library)
    choice = library.optimize(recall=0.9, memory=LITTLE)
    chosen = choice.measurements[0]
    assert (chosen.kind, chosen.vectors, chosen.memory, chosen.recall >= 0.9) == ("pgvector", COUNT, 0, True)
    assert [measured.kind for measured in choice.measurements[1:]] == ["exact"]
    assert (index_class(library), graphs()) == (PgvectorIndex, ["ix_embeddings_hnsw_1"])
    assert recall_at_10(top_items(library), before) >= 0.9
    assert chosen_kind(library) == "pgvector"
    assert index_problems(library) == []


def test_results_have_the_scores_and_probabilities_of_a_search_in_memory(library: Library) -> None:
    collection = Filter.collection("odd")
    expected = [library.search(text, k=5, where=collection) for text in prompts()[:5]]
    many = library.search_many(prompts()[:5], k=5, where=collection)
    library.optimize(recall=0.9, memory=LITTLE)
    assert [library.search(text, k=5, where=collection) for text in prompts()[:5]] == expected
    assert library.search_many(prompts()[:5], k=5, where=collection) == many
    explained = library.explain(prompts()[0], expected[0][3], where=collection)
    assert (explained.rank, explained.total) == (4, COUNT // 2)


def test_another_machine_follows_the_choice_and_holds_no_vectors(in_server: Library, tmp_path: Path) -> None:
    with Library.open(in_server.name, cache=tmp_path, read_only=True) as other:
        assert top_items(other) == top_items(in_server)
        assert (index_class(other), chosen_kind(other)) == (PgvectorIndex, "pgvector")
        assert is_released(other)
        assert not list(other.path.glob("index-*"))


def test_an_open_reader_follows_a_new_choice_and_frees_its_memory(library: Library, tmp_path: Path) -> None:
    with Library.open(library.name, cache=tmp_path) as reader:
        reader.search("a cat")
        assert reader._store._index is not None
        library.optimize(recall=0.9, memory=LITTLE)
        reader.search("a cat")
        assert index_class(reader) is PgvectorIndex
        assert is_released(reader)
        library.optimize(recall=1)
        assert index_class(reader) is not PgvectorIndex
        assert top_items(reader) == top_items(library)


def test_what_is_added_and_deleted_is_seen_at_once(in_server: Library, tmp_path: Path, vectors: Vectors) -> None:
    with Library.open(in_server.name, cache=tmp_path) as reader:
        (item,) = in_server.add(vectors=vectors[COUNT : COUNT + 1], collection="odd").ids
        assert reader.search(vectors[COUNT], k=1)[0].id == item
        in_server.delete([item], collection="odd")
        hits = reader.search(vectors[COUNT], k=COUNT + 5)
        assert item not in [hit.id for hit in hits]
        assert len(hits) == COUNT


def test_the_graph_is_dropped_when_another_kind_is_chosen(in_server: Library, graphs: Callable[[], list[str]]) -> None:
    assert in_server.optimize(recall=1).measurements[0].kind == "exact"
    assert (graphs(), chosen_kind(in_server)) == ([], "exact")
    with pytest.raises(ConfigError, match=r"no index reaches a recall of 1 in 1,000 bytes: .* exact"):
        in_server.optimize(recall=1, memory=LITTLE)
    assert graphs() == []


def test_a_target_that_the_server_misses_leaves_nothing(
    library: Library, graphs: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "SERVER_DEPTHS", (1,))
    with pytest.raises(ConfigError, match=r"no index reaches a recall of 0\.999 in 1,000 bytes"):
        library.optimize(recall=0.999, memory=LITTLE)
    assert (graphs(), chosen_kind(library)) == ([], None)


def test_the_status_says_that_the_server_answers(in_server: Library, recall_program: Program) -> None:
    lines = recall_program("status", "--library", in_server.name).stdout.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("index ")] == ["pgvector,"]


@pytest.mark.skipif(os.name == "nt", reason="stops a process with a signal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopped_while_the_graph_is_built_it_leaves_nothing(
    library: Library,
    graphs: Callable[[], list[str]],
    postgresql_server: PostgresServer,
    recall_program: Program,
    number: signal.Signals,
) -> None:
    schema = library.name.partition("schema=")[2]
    blocker = threading.Event()

    def hold() -> None:  # building waits for the end of what changes the table
        import psycopg

        with psycopg.connect(**postgresql_server._arguments("postgres", "photos")) as connection:
            connection.execute(f"LOCK TABLE {schema}.embeddings IN ROW EXCLUSIVE MODE".encode())
            blocker.wait(60)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold)
        run = recall_program.start("optimize", "--recall", "0.9", "--memory", "1kB", "--library", library.name)
        try:
            wait_until(lambda: bool(postgresql_server.sql(_BUILDING)), run)
            os.killpg(run.pid, number)
            _, output = run.communicate(timeout=60)
            if number == signal.SIGINT:
                assert (run.returncode, output.splitlines()[-1]) == (130, "recall: stopped")
                assert postgresql_server.sql(_BUILDING) == []
        finally:
            blocker.set()
            held.result()
    wait_until(lambda: not postgresql_server.sql(_BUILDING))
    assert (graphs(), chosen_kind(library)) == ([], None)
    assert library.optimize(recall=0.9, memory=LITTLE).measurements[0].kind == "pgvector"


def test_a_graph_that_is_not_valid_is_built_anew(
    in_server: Library, graphs: Callable[[], list[str]], postgresql_server: PostgresServer
) -> None:
    schema = in_server.name.partition("schema=")[2]
    graph = f"{schema}.ix_embeddings_hnsw_1"
    postgresql_server.sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = CAST(%s AS regclass)", graph)
    assert "is not valid" in "".join(problem.subject for problem in in_server.check())
    in_server.optimize(recall=0.9, memory=LITTLE)
    assert graphs() == ["ix_embeddings_hnsw_1"]
    is_valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = CAST(%s AS regclass)"
    assert postgresql_server.sql(is_valid, graph) == [(True,)]


def test_searches_answer_while_another_process_writes(in_server: Library, tmp_path: Path, vectors: Vectors) -> None:
    with Library.open(in_server.name, cache=tmp_path) as reader, ThreadPoolExecutor(1) as pool:
        adding = pool.submit(
            lambda: [in_server.add(vectors=vectors[COUNT + n : COUNT + n + 1], collection="new") for n in range(10)]
        )
        counts = []
        while not adding.done():
            counts.append(len(reader.search(vectors[0], k=COUNT + 50)))
        counts.append(len(reader.search(vectors[0], k=COUNT + 50)))
        adding.result()
    assert counts == sorted(counts)
    assert counts[-1] == COUNT + 10


def test_readers_search_again_after_the_server_was_killed(own_postgresql: PostgresServer, vectors: Vectors) -> None:
    with Library.open(own_postgresql.url()) as library:
        library.add(vectors=vectors[:COUNT])
        library.optimize(recall=0.9, memory=LITTLE)
        before = top_items(library)
        own_postgresql.kill()
        with ThreadPoolExecutor(1) as pool:
            again = pool.submit(top_items, library)  # waits for the server
            time.sleep(0.5)
            own_postgresql.start()
            assert again.result() == before


def test_the_vectors_of_another_encoder_are_searched_in_memory_until_the_next_choice(
    in_server: Library, graphs: Callable[[], list[str]]
) -> None:
    store = in_server._store
    with store.transaction() as connection:  # what a change of encoder does when it is done
        connection.exec_driver_sql("UPDATE encoders SET fingerprint = 'another'")
    assert store.server_choice() is None
    assert index_class(in_server) is not PgvectorIndex
    assert graphs() == ["ix_embeddings_hnsw_1"]


def is_released(library: Library) -> bool:
    """Return whether no vectors are in memory."""
    return library._store._index is None


def wait_until(is_done: Callable[[], bool], run: subprocess.Popen[str] | None = None) -> None:
    """Wait until something is done, and fail if it is not within a minute, or if a process ends before it."""
    end = time.monotonic() + 60
    while not is_done():
        if run is not None and run.poll() is not None:
            pytest.fail(f"it has ended: {run.communicate()}")
        if time.monotonic() > end:
            pytest.fail("it takes too long")
        time.sleep(0.05)
