"""Queries: any mix of words and pictures, and what is no query."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from PIL import Image

from indexer.catalog.filters.criteria import to_local_time
from indexer.catalog.filters.expression import Filter
from indexer.errors import QueryError
from retrieval.query.query import Query, as_query

PICTURE = Image.new("RGB", (1, 1))


def test_terms_name_each_part_texts_first() -> None:
    query = Query(texts=["a dog", "at night"], images=[Path("/photos/a.jpg"), PICTURE, b"bytes"])
    assert query.terms == ["a dog", "at night", "/photos/a.jpg", "image", "image"]


@pytest.mark.parametrize("query", [lambda: Query(), lambda: Query(texts=[], images=())])  # noqa: PLW0108
def test_a_query_that_asks_for_nothing_is_refused(query: type[Query]) -> None:
    with pytest.raises(QueryError, match="the query is empty; give words, a picture, or both"):
        query()


@pytest.mark.parametrize("blank", ["", "  ", "\t\n", "\u3000"])
def test_a_blank_text_is_refused_also_among_others(blank: str) -> None:
    with pytest.raises(QueryError, match="the query text is blank; describe what is to be seen"):
        Query(texts=["a dog", blank])
    with pytest.raises(QueryError, match="blank"):
        Query(texts=[blank], images=[PICTURE])


def test_words_are_always_words_and_a_path_is_a_picture() -> None:
    assert as_query("photo.jpg", None).texts == ("photo.jpg",)
    asked = as_query(Path("photo.jpg"), None)
    assert (asked.texts, asked.images) == ((), (Path("photo.jpg"),))
    assert as_query(b"bytes", None).images == (b"bytes",)


def test_a_picture_joins_words_and_pictures() -> None:
    asked = as_query("at night", PICTURE)
    assert (asked.texts, asked.images) == (("at night",), (PICTURE,))
    assert as_query(Path("a"), Path("b")).images == (Path("a"), Path("b"))
    assert as_query(Query(texts=["a"], images=[b"1"]), b"2").images == (b"1", b"2")


def test_a_filter_beside_a_query_narrows_the_one_in_it() -> None:
    folder, camera = Filter.folder("/photos"), Filter.camera("Canon")
    assert as_query("a", None, folder).where == folder
    assert as_query(Query(texts=["a"], where=folder), None).where == folder
    assert as_query(Query(texts=["a"]), None, folder).where == folder
    assert as_query(Query(texts=["a"], where=folder), None, camera).where == folder & camera


def test_a_date_means_its_first_moment_and_a_moment_itself_without_zone() -> None:
    assert str(to_local_time(date(2024, 5, 1))) == "2024-05-01 00:00:00"
    # cameras write local time without a zone: 18:30 on the clock is compared with 18:30 on the clock
    assert to_local_time(datetime(2024, 5, 1, 18, 30, tzinfo=UTC)) == datetime.fromisoformat("2024-05-01T18:30")


def test_a_query_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Query(texts=["a"]).texts = ["b"]  # type: ignore[misc]
