"""Filters on the metadata of added items: SQL finds the items that a loop in plain Python finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert

from indexer.catalog.filters.expression import And, Filter, Not, Or, Term
from indexer.catalog.filters.matching import filter_ids, matching_ids, matching_ids_up_to
from indexer.catalog.filters.metadata import Metadata
from indexer.catalog.schema import ITEMS, METADATA_VALUES
from indexer.catalog.statements import added_items, duplicates, encoders, listing, writes
from indexer.types import Modality, Preprocess
from tests.support.catalog import add_source, item_row
from tests.support.vectors import HALVES

PRICES = (None, -1, 0, 3, 3.5, 10, 2**53, 1e-3, 10.000001)
SHOPS = (None, "", "Berlin", "berlin", "Paris", "Été", "E\u0301te\u0301", "10", "\U0001f600", "a'b%")
SOLD = (None, True, False)
TAGS: tuple[list[str] | None, ...] = (None, [], ["red"], ["red", "blue"], ["Blue", "10"], ["red", "red"])

ITEM_METADATA: list[dict[str, Any]] = [
    {
        "price": PRICES[number % len(PRICES)],
        "shop": SHOPS[number * 3 % len(SHOPS)],
        "sold": SOLD[number % 7 % len(SOLD)],
        "tags": TAGS[number // 3 % len(TAGS)],
    }
    for number in range(90)
]


def value_rows(item_id: int, metadata: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows of an item's values."""
    for key, value in metadata.items():
        values = value if isinstance(value, list) else [] if value is None else [value]
        for position, single in enumerate(values):
            text, number = (single, None) if isinstance(single, str) else (None, float(single))
            yield {"item_id": item_id, "key": key, "position": position, "text": text, "number": number}


@pytest.fixture(scope="module")
def connection(engine: Engine) -> Iterator[Connection]:
    """Return a catalog of items with this metadata; ids of their embeddings begin with 1."""
    with engine.begin() as connection:
        encoder = encoders.set_active_encoder(connection, name="a", fingerprint="f", dim=4, preprocess=Preprocess(8))
        source = add_source(connection, "collection:default")
        saved = writes.save_items(
            connection, [item_row(source, f"collection:default\0{number}") for number in range(len(ITEM_METADATA))]
        )
        for item, metadata in zip(saved, ITEM_METADATA, strict=True):
            writes.add_embeddings(connection, [item], encoder.id, HALVES[:1], kind=Modality.PHOTO)
            for row in value_rows(item, metadata):
                connection.execute(insert(METADATA_VALUES), row)
        # duplicates are looked for among items with pictures
        pictures = [{"item_id": item, "kind": "preview", "hash": b"h", "data": b"d"} for item in saved]
        added_items.save_pictures(connection, pictures)
        yield connection


def passes(criterion: Metadata, metadata: dict[str, Any]) -> bool:
    """Return whether metadata passes a criterion, in plain Python."""
    stored = metadata[criterion.key]
    values = stored if isinstance(stored, list) else [] if stored is None else [stored]
    tests: dict[str, Callable[[Any], bool]] = {
        "<": lambda value: value < criterion.values[0],
        "<=": lambda value: value <= criterion.values[0],
        ">": lambda value: value > criterion.values[0],
        ">=": lambda value: value >= criterion.values[0],
        "==": lambda value: value == criterion.values[0],
        "one_of": lambda value: value in criterion.values,
        "between": lambda value: criterion.values[0] <= value <= criterion.values[1],
        "known": lambda _: True,
    }
    return any(tests[criterion.comparison](value) for value in values)


def matches(where: Filter, metadata: dict[str, Any]) -> bool:
    """Return whether metadata passes a filter, in plain Python."""
    match where:
        case Term(Metadata() as criterion):
            return passes(criterion, metadata)
        case And(parts):
            return all(matches(part, metadata) for part in parts)
        case Or(parts):
            return any(matches(part, metadata) for part in parts)
        case Not(part):
            return not matches(part, metadata)
    raise AssertionError(where)


NUMBERS = st.one_of(
    st.sampled_from([price for price in PRICES if price is not None]),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False),
)
TEXTS = st.one_of(st.sampled_from([shop for shop in SHOPS if shop is not None]), st.text(max_size=3))


def comparisons(key: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Filter]:
    """Return every comparison of a key."""
    name = Filter.meta(key)
    return st.one_of(
        values.map(lambda value: name < value),
        values.map(lambda value: name <= value),
        values.map(lambda value: name > value),
        values.map(lambda value: name >= value),
        st.tuples(values, values).map(lambda pair: name.between(*sorted(pair))),
        equalities(key, values),
    )


def equalities(key: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Filter]:
    """Return the comparisons of a key that ask for equal values, or any."""
    name = Filter.meta(key)
    return st.one_of(
        values.map(lambda value: name == value),
        values.map(lambda value: name != value),
        st.lists(values, min_size=1, max_size=4).map(lambda several: name.one_of(*several)),
        st.just(name.known()),
    )


FILTERS = st.recursive(
    st.one_of(
        comparisons("price", NUMBERS),
        comparisons("shop", TEXTS),
        equalities("sold", st.booleans()),
        equalities("tags", st.sampled_from(["red", "blue", "Blue", "10", ""])),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: pair[0] & pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1]),
        inner.map(lambda where: ~where),
    ),
    max_leaves=5,
)


@settings(max_examples=300)
@given(where=FILTERS)
def test_sql_and_plain_python_agree_on_every_metadata_filter(connection: Connection, where: Filter) -> None:
    expected = [number for number, metadata in enumerate(ITEM_METADATA, 1) if matches(where, metadata)]
    assert matching_ids(connection, 1, where).tolist() == expected
    assert sorted(filter_ids(connection, range(1, len(ITEM_METADATA) + 1), where)) == expected
    few = matching_ids_up_to(connection, 1, where, 20)
    assert (few is None) == (len(expected) >= 20)
    assert few is None or few.tolist() == expected
    assert duplicates.photo_embeddings(connection, 1, where)[0].tolist() == expected
    assert listing.count_items(connection, where) == len(expected)
    for many in (1, 5000):  # both ways in which a page is found
        with patch.object(listing, "_MANY", many):
            items, _ = listing.list_items(connection, where, ITEMS.c.id, descending=False, after=None, limit=200)
        assert [item.item_id for item in items] == expected


@given(where=FILTERS)
def test_metadata_filters_are_values(where: Filter) -> None:
    assert where == where.transform(Term)
    assert hash(where) == hash(where.transform(Term))
    assert where != ~where
