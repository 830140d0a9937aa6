"""Queries of texts and pictures: their parts, weights and filters."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from PIL import Image

from indexer.catalog.filters.criteria import to_local_time
from indexer.catalog.filters.expression import Filter
from indexer.errors import QueryError
from retrieval.query.part import Part
from retrieval.query.query import Query, as_query

PICTURE = Image.new("RGB", (1, 1))


def test_parts_have_names_and_texts_come_first() -> None:
    query = Query(texts=["a dog", "at night"], images=[Path("/photos/a.jpg"), PICTURE, b"bytes"])
    assert [part.name for part in query.parts] == ["a dog", "at night", "/photos/a.jpg", "image", "image"]
    assert Query(parts=query.parts[::-1]).texts == ("at night", "a dog")


def test_texts_and_pictures_with_weights_are_parts() -> None:
    query = Query(texts=["a dog"], images=[PICTURE], weights=[2, -0.5])
    assert query.parts == (Part("a dog", 2.0), Part(PICTURE, -0.5))
    assert Query(parts=[Part(PICTURE, -0.5), Part("a dog", 2)]) == query
    assert Query(texts=["a dog"], images=[PICTURE]).weights == (1.0, 1.0)


def test_a_wrong_number_of_weights_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="there are 2 weights for 1 parts; expected one for each"):
        Query(texts=["a dog"], weights=[1, 2])


@pytest.mark.parametrize("query", [lambda: Query(), lambda: Query(texts=[], images=())])  # noqa: PLW0108
def test_an_empty_query_is_an_error(query: type[Query]) -> None:
    with pytest.raises(QueryError, match="the query is empty; give words, a picture, or both"):
        query()


@pytest.mark.parametrize("blank", ["", "  ", "\t\n", "\u3000"])
def test_a_blank_text_is_an_error_also_among_others(blank: str) -> None:
    with pytest.raises(QueryError, match="the query text is blank; describe what to look for"):
        Query(texts=["a dog", blank])
    with pytest.raises(QueryError, match="blank"):
        Query(texts=[blank], images=[PICTURE])


@pytest.mark.parametrize("weight", [0, 1e7, -1e7, 1e-7, float("nan"), float("inf")])
def test_a_weight_that_float32_cannot_combine_is_an_error(weight: float) -> None:
    with pytest.raises(QueryError, match=r"the query part 'a dog' has the weight .*; expected a number other than 0"):
        Part("a dog", weight)


def test_a_str_is_always_text_and_a_path_is_a_picture() -> None:
    assert as_query("photo.jpg", None).texts == ("photo.jpg",)
    query = as_query(Path("photo.jpg"), None)
    assert (query.texts, query.images) == ((), (Path("photo.jpg"),))
    assert as_query(b"bytes", None).images == (b"bytes",)


def test_a_picture_joins_words_and_pictures() -> None:
    query = as_query("at night", PICTURE)
    assert (query.texts, query.images) == (("at night",), (PICTURE,))
    assert as_query(Path("a"), Path("b")).images == (Path("a"), Path("b"))
    assert as_query(Query(texts=["a"], images=[b"1"]), b"2").images == (b"1", b"2")


def test_a_further_filter_restricts_the_filter_of_a_query() -> None:
    folder, camera = Filter.folder("/photos"), Filter.camera("Canon")
    assert as_query("a", None, folder).where == folder
    assert as_query(Query(texts=["a"], where=folder), None).where == folder
    assert as_query(Query(texts=["a"]), None, folder).where == folder
    assert as_query(Query(texts=["a"], where=folder), None, camera).where == folder & camera


def test_keywords_are_the_texts_with_positive_weights() -> None:
    assert Query(texts=["red car", "truck", "wall"], images=[PICTURE], weights=[1, -1, 0.5, 1]).keywords == (
        "red car wall"
    )
    assert Query(images=[PICTURE]).keywords == ""


def test_a_date_begins_at_midnight_and_a_time_loses_its_zone() -> None:
    assert str(to_local_time(date(2024, 5, 1))) == "2024-05-01 00:00:00"
    # cameras write local time without a zone: 18:30 on the clock is compared with 18:30 on the clock
    assert to_local_time(datetime(2024, 5, 1, 18, 30, tzinfo=UTC)) == datetime.fromisoformat("2024-05-01T18:30")


def test_a_query_is_immutable_and_can_be_copied_with_changes() -> None:
    query = Query(texts=["a"], images=[PICTURE], weights=[2, 1])
    with pytest.raises(AttributeError):
        query.parts = ()  # type: ignore[misc]
    folder = Filter.folder("/photos")
    assert replace(query, where=folder) == Query(["a"], [PICTURE], [2, 1], folder)


def test_an_integer_weight_is_the_same_weight_as_its_float() -> None:
    assert str(Query(parts=[Part("cat", 2)]).weights) == str(Query(["cat"], weights=[2]).weights)
