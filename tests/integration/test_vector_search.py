"""Searches by a vector and by several queries at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image

from indexer.errors import FeedbackError, LibraryError, QueryError
from indexer.vectors.faiss_flat import FaissIndex
from retrieval import Filter, Hits, Library, Part, Query, QueryVector
from tests.support.color_photos import paint, paint_many, photo_bytes
from tests.support.encoders import FakeEncoder
from tests.support.statements import record_statements

RED = np.array([1, 0, 0], dtype=np.float32)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a library of 80 photos, every fourth a copy of another, and two texts."""
    folder = tmp_path_factory.mktemp("vectors")
    paint_many(folder / "pictures", 60)
    for number in range(20):  # equal vectors: ties
        paint(folder / "pictures" / "copies" / f"{number}.png", ("red", "tomato", "blue", "navy")[number % 4])
    (folder / "pictures" / "red.txt").write_text("something red", encoding="utf-8")
    (folder / "pictures" / "blue.txt").write_text("something blue", encoding="utf-8")
    with Library.open(folder / "test.recall", encoder=FakeEncoder()) as library:
        library.sync(folder / "pictures")
    return folder


@pytest.fixture
def mixed(place: Path, encoder: FakeEncoder) -> Iterator[Library]:
    """Return that library, open with an encoder that records its input; it is only read."""
    with Library.open(place / "test.recall", encoder=encoder, read_only=True) as library:
        yield library


def contents(hits: Hits) -> list[dict[str, Any]]:
    """Return hits as values."""
    return [hit.to_dict() for hit in hits]


def test_a_vector_finds_what_is_nearest_to_it_and_encodes_nothing(mixed: Library, encoder: FakeEncoder) -> None:
    hits = mixed.search(RED * 7, k=6)
    assert [hit.path.name for hit in hits] == ["0.png", "12.png", "16.png", "4.png", "8.png", "red.txt"]  # by item id
    assert [(round(hit.score, 3), hit.probability, hit.part_scores[0].part) for hit in hits] == [
        (1.0, None, "vector")
    ] * 6
    assert (hits.expected, hits.unknown_words, hits.understood) == (None, {}, None)
    assert (encoder.texts, encoder.pictures) == ([], [])


def test_nothing_that_a_vector_finds_is_hidden(mixed: Library) -> None:
    everything = mixed.search(-RED, k=1000)
    assert len(everything) == len(everything.above(everything.cutoff)) == 82
    assert len(mixed.search(-RED, k=1000, threshold=0.9)) == 82


def test_a_vector_is_searched_with_filters_kinds_pages_and_rerankers(mixed: Library, place: Path) -> None:
    copies = place / "pictures" / "copies"
    assert {hit.path.parent for hit in mixed.search(RED, k=20, folder=copies)} == {copies}
    assert [hit.path.name for hit in mixed.search(RED, kind="texts")] == ["red.txt", "blue.txt"]
    assert contents(mixed.search(RED, k=3, offset=2)) == contents(mixed.search(RED, k=5))[2:]
    assert mixed.search(RED, k=3, rerank=["mmr:0.2"])[1].score < 0.9
    assert len(mixed.search(RED, where=Filter.name("red.*"))) == 1


def test_a_vector_and_words_are_parts_of_one_query(mixed: Library) -> None:
    query = Query(parts=[Part("blue"), Part(QueryVector([0, 0, 5]))])
    assert [hit.score for hit in mixed.search(query)] == pytest.approx([hit.score for hit in mixed.search("blue")])
    assert [part.part for part in mixed.search(query)[0].part_scores] == ["blue", "vector"]
    assert {hit.probability for hit in mixed.search(query)} == {None}


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        (np.ones(4), "the query vector has 4 numbers; expected 3, as this library's encoder 'fake/colours' returns"),
        (np.array([1, np.nan, 0]), "has numbers that are not finite"),
        (np.zeros(3), "the query vector is zero"),
        (np.ones((1, 3)), r"array of shape \(1, 3\).*search_many takes several"),
    ],
)
def test_a_vector_that_cannot_be_compared_is_refused(mixed: Library, vector: Any, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        mixed.search(vector)


def test_a_second_encoder_refuses_a_vector(mixed: Library) -> None:
    with pytest.raises(QueryError, match="encoder:compact cannot score a vector, which is of the library's encoder"):
        mixed.search(RED, rerank=["encoder:compact"])


def test_a_query_by_a_vector_cannot_be_judged(color_library: Path) -> None:
    with Library.open(color_library, encoder=FakeEncoder()) as library:
        hits = library.search(RED, k=1)
        with pytest.raises(FeedbackError, match="a query by a vector cannot be stored for judgements"):
            library.judge(Query(parts=[Part(QueryVector(RED))]), good=hits)


def test_a_vector_in_an_empty_library_is_an_error(library: Library) -> None:
    with pytest.raises(LibraryError, match="holds nothing yet"):
        library.search(RED)


VECTORS = np.random.default_rng(3).random((30, 3), dtype=np.float32)
QUERIES: list[Any] = [
    *VECTORS[:4],
    [0.0, 0.0, 1.0],
    RED,
    "something red",
    "blue without red",
    "boat",
    Image.new("RGB", (20, 20), "navy"),
    photo_bytes("tomato"),
    Query(["red"], weights=[-1]),
    Query(parts=[Part("lime"), Part(QueryVector(RED), -0.5)]),
    Query(["red"], where=Filter.name("*.txt")),
]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"k": 1},
        {"k": 200},
        {"kind": "photos"},
        {"hybrid": False, "k": 12},
        {"where": Filter.name("*1*"), "k": 5},
        {"where": ~Filter.format("png")},
        {"rerank": ["mmr:0.5"], "k": 7},
        {"literal": True, "threshold": 0.5},
    ],
    ids=str,
)
def test_many_queries_get_what_each_gets_alone(mixed: Library, options: dict[str, Any]) -> None:
    together = mixed.search_many(QUERIES, **options)
    alone = [mixed.search(query, **options) for query in QUERIES]
    assert [contents(hits) for hits in together] == [contents(hits) for hits in alone]
    assert [hits.understood for hits in together] == [hits.understood for hits in alone]
    assert [hits.unknown_words for hits in together] == [hits.unknown_words for hits in alone]


def test_an_array_of_vectors_takes_one_search_of_the_index_and_one_read_of_details(
    library: Library, folder: Path
) -> None:
    paint_many(folder, 40)  # without ties
    library.sync(folder)
    library.search(RED)  # fills the caches
    with (
        patch.object(FaissIndex, "search", autospec=True, side_effect=FaissIndex.search) as search,
        record_statements() as statements,
    ):
        together = library.search_many(VECTORS, k=3)
    assert search.call_count == 1
    assert len([statement for statement, _ in statements if statement.startswith("SELECT embeddings.id")]) == 1
    assert [contents(hits) for hits in together] == [contents(library.search(vector, k=3)) for vector in VECTORS]


def test_texts_are_encoded_in_one_call_and_so_are_pictures(mixed: Library, encoder: FakeEncoder) -> None:
    with patch.object(FakeEncoder, "encode_texts", autospec=True, side_effect=FakeEncoder.encode_texts) as encode:
        mixed.search_many(["red", "blue", Image.new("RGB", (9, 9), "red"), photo_bytes("lime"), RED])
    assert encode.call_count == 1
    assert encoder.pictures == [2]


def test_more_queries_than_are_searched_together_keep_their_order(mixed: Library) -> None:
    vectors = np.random.default_rng(4).random((300, 3), dtype=np.float32)
    together = mixed.search_many(iter(vectors), k=2)
    assert [contents(hits) for hits in together] == [contents(mixed.search(vector, k=2)) for vector in vectors]


def test_no_queries_have_no_hits(mixed: Library) -> None:
    assert mixed.search_many([]) == []
    assert mixed.search_many(np.empty((0, 3), dtype=np.float32)) == []


@pytest.mark.parametrize(
    ("queries", "error", "message"),
    [
        ("red", TypeError, r"queries is 'red'; expected a list, for instance \['red'\]"),
        (Query(["red"]), TypeError, "expected a list of queries, or an array"),
        (5, TypeError, "queries is 5; expected a list of queries"),
        (RED, QueryError, r"the queries are an array of shape \(3,\); expected vectors of shape \(n, d\)"),
        ([1.0, 0.0], QueryError, "query 0: 1.0 is not a query"),
        (["red", " "], QueryError, "query 1: the query text is blank"),
        ([RED, np.array([np.nan, 0, 1])], QueryError, "query 1: the query vector is zero, or has numbers"),
        ([RED, np.ones(5)], QueryError, "the query vector has 5 numbers; expected 3"),
    ],
    ids=str,
)
def test_queries_that_cannot_be_used_are_named(
    mixed: Library, queries: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        mixed.search_many(queries)


def test_probabilities_of_many_queries_are_those_of_each(photos: Path, tmp_path: Path) -> None:
    queries: list[str | Path] = ["a cat", photos / "coffee.png", "a rocket", "perro", "text"]
    with Library.open(tmp_path / "compact.recall") as library:
        library.sync(photos)
        for where in (None, Filter.format("png")):
            together = library.search_many(queries, k=5, where=where)
            for query, hits in zip(queries, together, strict=True):
                alone = library.search(query, k=5, where=where)
                assert [hit.path for hit in hits] == [hit.path for hit in alone]
                # a batch of texts may be rounded differently from one text
                assert [hit.probability for hit in hits] == pytest.approx([hit.probability for hit in alone], abs=1e-4)
                assert hits.expected is not None
                assert alone.expected is not None
                assert hits.expected.number == pytest.approx(alone.expected.number, abs=1e-2)
                assert hits.unknown_words == alone.unknown_words
