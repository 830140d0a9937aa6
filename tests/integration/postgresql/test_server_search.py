"""Libraries whose index the PostgreSQL server keeps: how it is chosen, followed, stopped and dropped."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from indexer.catalog.statements.index_settings import save_server_index
from indexer.types import Vectors
from indexer.vectors.pgvector_index import PgvectorIndex
from retrieval import Filter, Library
from retrieval.calibration.background import prompts
from tests.support.index_choice import chosen_kind, index_class, index_problems, recall_at_10, top_items
from tests.support.postgresql import PostgresServer
from tests.support.program import Program
from tests.support.server_library import COUNT, LITTLE

pytestmark = pytest.mark.cluster


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
    assert not list(library.path.glob("index-*"))


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


def test_the_status_says_that_the_server_answers(in_server: Library, recall_program: Program) -> None:
    lines = recall_program("status", "--library", in_server.name).stdout.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("index ")] == ["pgvector,"]


def test_many_threads_take_turns_to_search(in_server: Library) -> None:
    store = in_server._store

    def look(_: int) -> int:
        with store.locked_index() as index:
            time.sleep(0.1)
            with store.reading():  # a second connection, as after each commit
                return len(index)

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(look, range(20))) == [COUNT] * 20


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


def test_a_choice_of_another_version_is_none(in_server: Library) -> None:
    with in_server._store.transaction() as connection:
        save_server_index(connection, {"at": "another time"})
    assert in_server._store.server_choice() is None


def is_released(library: Library) -> bool:
    """Return whether no vectors are in memory."""
    return library._store._index is None
