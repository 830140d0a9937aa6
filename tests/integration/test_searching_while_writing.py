"""Searches between whose steps another process writes: their answers are right before it or after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from retrieval import Filter, Library, LibraryError
from tests.support.encoders import FakeEncoder

IDS = ["1", "2", "3"]
VECTORS = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]


def replace(library: Library, value: int) -> None:
    """Give the items other metadata, and thereby other embeddings with the same vectors."""
    texts = [f"walrus {value}"] * 3
    library.add(vectors=VECTORS, texts=texts, ids=IDS, metadata=[{"value": value}] * 3)


class Interruption:
    """Replaces or deletes the items of a library by another process's hand, at one call of many.

    Attributes:
        calls_left: Calls before that one; below 0 after it.
        deletes: Whether they are deleted.
    """

    def __init__(self, other: Library) -> None:
        self._other, self._value, self.calls_left, self.deletes = other, 0, -1, False

    def call(self) -> None:
        """Count a call; replace the items if it is the one."""
        is_now, self.calls_left = self.calls_left == 0, self.calls_left - 1
        if is_now and self.deletes:
            self._other.delete(IDS)
        elif is_now:
            self._value += 1
            replace(self._other, self._value)


@pytest.fixture
def interruption(library: Library, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Fill the library, and return what interrupts it before a read or after a look at the catalog's version."""
    replace(library, 0)
    reading, version = library._store.reading, library._store.database.data_version
    with Library.open(library.name, encoder=FakeEncoder()) as other:
        interruption = Interruption(other)

        @contextmanager
        def interrupted_reading() -> Iterator[Any]:
            interruption.call()
            with reading() as connection:
                yield connection

        def interrupted_version() -> int:
            before = version()
            interruption.call()
            return before

        if request.param == "reading":
            monkeypatch.setattr(library._store, "reading", interrupted_reading)
        else:
            monkeypatch.setattr(library._store.database, "data_version", interrupted_version)
        yield interruption


@pytest.mark.parametrize("interruption", ["reading", "data_version"], indirect=True)
@pytest.mark.parametrize(
    "search", [{"query": VECTORS[0]}, {"query": "walrus"}, {"query": "red", "where": Filter.meta("value") < 99}]
)
def test_items_that_are_replaced_during_a_search_are_found(
    library: Library, interruption: Interruption, search: dict[str, Any]
) -> None:
    assert {hit.id for hit in library.search(**search)} == set(IDS)
    number = 0
    while interruption.calls_left < 0:
        interruption.calls_left = number
        assert {hit.id for hit in library.search(**search)} == set(IDS), number
        number += 1
    assert number > 3, "there are more moments for another process"


@pytest.mark.parametrize("interruption", ["reading", "data_version"], indirect=True)
@pytest.mark.parametrize("query", [VECTORS[0], "walrus"], ids=str)
def test_items_that_are_deleted_during_a_search_are_all_found_or_none(
    library: Library, interruption: Interruption, query: Any
) -> None:
    interruption.deletes = True
    number = 0
    while interruption.calls_left < 0:
        replace(library, 0)
        interruption.calls_left = number
        found = set()
        with suppress(LibraryError):  # it holds nothing any more
            found = {hit.id for hit in library.search(query, where=Filter.meta("value") < 99)}
        assert found in (set(), set(IDS)), number
        number += 1
    assert number > 3, "there are more moments for another process"


def test_a_long_answer_keeps_items_that_others_outrank_meanwhile(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add(vectors=VECTORS, ids=IDS)
    locked_index, store = library._store.locked_index, library._store
    with Library.open(library.name, encoder=FakeEncoder()) as other:

        @contextmanager
        def look_and_add() -> Iterator[Any]:
            with locked_index() as index:
                yield index
            other.add(vectors=[VECTORS[0]] * 4, ids=list("abcd"))

        monkeypatch.setattr(store, "locked_index", look_and_add)
        assert {hit.id for hit in library.search(VECTORS[0], k=20_000)} == {*IDS, *"abcd"}
