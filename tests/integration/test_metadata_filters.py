"""Filters on the metadata of added items, in everything that takes a filter, and on the command line."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from indexer.errors import QueryError
from retrieval import Filter, Library
from tests.support.color_photos import paint, photo_bytes
from tests.support.program import Program

ITEMS: dict[str, dict[str, Any]] = {
    "chair": {"price": 40, "shop": "Berlin", "sold": False, "tags": ["red", "wood"], "day": date(2024, 5, 1)},
    "table": {"price": 120.5, "shop": "Paris", "sold": True, "tags": ["wood"], "day": "2024-06-01"},
    "lamp": {"price": 9, "shop": "Rome, EUR", "sold": False, "tags": ["blue"]},
    "sofa": {"price": 600, "shop": "Berlin", "tags": []},
    "rug": {},
}
COLORS = {"chair": "red", "table": "tomato", "lamp": "blue", "sofa": "navy", "rug": "lime"}


@pytest.fixture
def shop(library: Library, folder: Path) -> Library:
    """Return a library of five added items, one of them in another collection, and of a file."""
    for name, metadata in ITEMS.items():
        library.add(
            [photo_bytes(COLORS[name])], ids=[name], metadata=[metadata],
            collection="other" if name == "rug" else "furniture",
        )  # fmt: skip
    paint(folder / "file.png", "magenta")
    library.sync(folder)
    return library


KEY = Filter.meta

CASES: list[tuple[Filter, str, str]] = [
    (KEY("price") < 100, "--meta 'price<100'", "chair lamp"),
    (KEY("price") >= 120.5, "--meta 'price>=120.5'", "table sofa"),
    (KEY("price").between(9, 40), "--meta 'price>=9' --meta 'price<=40'", "chair lamp"),
    (KEY("price") == 40, "--meta price=40", "chair"),
    (KEY("price").one_of(9, 600), "--meta price=9,600", "lamp sofa"),
    (KEY("shop") == "Berlin", "--meta shop=Berlin", "chair sofa"),
    (KEY("shop") == "Rome, EUR", "--meta 'shop=\"Rome, EUR\"'", "lamp"),
    (KEY("shop").one_of("Paris", "Rome, EUR"), "--meta 'shop=Paris,\"Rome, EUR\"'", "table lamp"),
    (KEY("shop") > "C", "--meta 'shop>C'", "table lamp"),
    (KEY("shop") != "Berlin", "--meta 'shop!=Berlin'", "table lamp rug file.png"),
    (KEY("sold") == True, "--meta sold=true", "table"),  # noqa: E712 - makes a filter
    (KEY("sold").known(), "--meta sold", "chair table lamp"),
    (~KEY("sold").known(), "--not-meta sold", "sofa rug file.png"),
    (KEY("tags") == "wood", "--meta tags=wood", "chair table"),
    (KEY("tags").one_of("red", "blue"), "--meta tags=red,blue", "chair lamp"),
    (KEY("tags").known(), "--meta tags", "chair table lamp"),
    (KEY("day") >= date(2024, 5, 2), "--meta 'day>=2024-05-02'", "table"),
    (KEY("nothing") == 5, "--meta nothing=5", ""),
    (KEY("nothing").known(), "--meta nothing", ""),
    (Filter.collection("furniture"), "--collection furniture", "chair table lamp sofa"),
    (Filter.collection("none"), "--collection none", ""),
    (~Filter.collection("furniture"), "--not-collection furniture", "rug file.png"),
    (Filter.collection("other") | (KEY("price") < 10), "", "lamp rug"),
    ((KEY("price") < 100) & ~(KEY("tags") == "blue"), "--meta 'price<100' --not-meta tags=blue", "chair"),
]


def names(found: Any) -> list[str]:
    """Return the ids of added items and the names of files, sorted."""
    return sorted(item.id if item.collection else item.path.name for item in found)


@pytest.mark.parametrize(("where", "expected"), [(where, expected) for where, _, expected in CASES], ids=str)
def test_whatever_takes_a_filter_takes_one_on_metadata(shop: Library, where: Filter, expected: str) -> None:
    ids = sorted(expected.split())
    assert names(shop.list(where=where)) == ids
    assert shop.count(where=where) == len(ids)
    assert names(shop.search("red", where=where, k=50)) == ids
    assert names(shop.search(np.ones(3), where=where, k=50)) == ids
    assert [names(hits) for hits in shop.search_many(["red", "blue boat"], where=where, k=50)] == [ids, ids]
    assert names(shop.scan(where)) == ids


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (
            KEY("price") == "40",
            r"the metadata 'price' has numbers, but the filter is \(meta\('price'\) == '40'\); compare",
        ),
        (KEY("price") == True, "the metadata 'price' has numbers"),  # noqa: E712 - makes a filter
        (KEY("shop") < 5, "the metadata 'shop' has texts, but the filter is"),
        (KEY("sold") == 1, "the metadata 'sold' has True or False, but the filter is"),
        (
            KEY("tags") == 5,
            r"the metadata 'tags' has lists of texts.*write for instance Filter.meta\('tags'\) == 'red'",
        ),
        (KEY("tags") < "b", "the metadata 'tags' has lists of texts"),
        (~(KEY("price") < "b") | (KEY("shop") == "Berlin"), "the metadata 'price' has numbers"),
    ],
    ids=str,
)
def test_a_value_of_another_type_than_the_keys_is_an_error(shop: Library, where: Filter, message: str) -> None:
    uses: list[Callable[..., Any]] = [shop.list, shop.count, shop.duplicates, shop.delete]
    uses += [partial(shop.search, "red"), partial(shop.search_many, ["red"])]
    for use in uses:
        with pytest.raises(QueryError, match=message):
            use(where=where)


def test_a_key_whose_items_are_gone_matches_nothing(shop: Library) -> None:
    assert shop.delete(where=KEY("price").known()) == 4
    assert shop.count(where=KEY("price") == "a text") == 0
    assert shop.count(where=~(KEY("price") == "a text")) == 2


def test_what_is_no_filter_is_refused(shop: Library) -> None:
    with pytest.raises(TypeError, match=r"where is meta\('price'\); expected a Filter"):
        shop.search("red", where=KEY("price"))  # type: ignore[arg-type]  # on purpose


def test_metadata_that_changes_is_filtered_by_its_new_value(shop: Library) -> None:
    assert names(shop.search("red", where=KEY("price") > 500)) == ["sofa"]
    shop.update(["lamp"], metadata=[{"price": 501}], collection="furniture")
    assert names(shop.search("red", where=KEY("price") > 500)) == ["lamp", "sofa"]


def test_the_options_are_the_filters(shop: Library, recall_program: Program) -> None:
    for _, options, expected in CASES:
        if options:
            done = recall_program("list", "--json", *shlex.split(options))
            found = [
                line["id"] if line["collection"] else Path(line["path"]).name
                for line in map(json.loads, done.stdout.splitlines())
            ]
            assert sorted(found) == sorted(expected.split()), options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--meta 'price<cheap'", "the metadata 'price' has numbers; expected one of them instead of 'cheap'"),
        ("--meta 'price<nan'", "the metadata 'price' cannot be compared with nan"),
        ("--meta sold=maybe", "the metadata 'sold' has True or False; expected one of them instead of 'maybe'"),
        ("--meta 'sold<true'", "compares True or False by size"),
        ("--meta 'tags<b'", "the metadata 'tags' has lists of texts"),
        ("--meta '<5'", "Invalid value for '--meta': '<5' is not a comparison"),
        ("--collection ''", "there is no collection ''"),
    ],
)
def test_an_option_that_cannot_be_compared_is_an_error(
    shop: Library, recall_program: Program, options: str, message: str
) -> None:
    done = recall_program("list", *shlex.split(options))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert shop.count() == 6


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (date(2024, 5, 1), "2024-05-01"),
        (datetime(2024, 5, 1, 12, 30), "2024-05-01T12:30:00"),  # noqa: DTZ001 - one without a zone
        (datetime(2024, 5, 1, 1, tzinfo=timezone(timedelta(hours=2))), "2024-04-30T23:00:00+00:00"),
        (np.datetime64("2024-05-01"), "2024-05-01"),
        (np.datetime64("2024-05-01T12:30:00.5", "ns"), "2024-05-01T12:30:00.500000"),
        (np.datetime64("NaT"), None),
        (pd.Timestamp(2024, 5, 1), "2024-05-01T00:00:00"),
        (pd.NaT, None),
    ],
    ids=str,
)
def test_dates_are_stored_as_text_and_compared_in_time(library: Library, given: Any, stored: str | None) -> None:
    report = library.add(texts=["red"], ids=["1"], metadata=[{"day": given}])

    assert report.failures == []
    assert library.get("1")[0].metadata == {"day": stored}
    if stored is not None:
        assert library.count(where=KEY("day") > date(2024, 4, 30)) == 1
        assert library.count(where=KEY("day") < datetime(2024, 5, 2, tzinfo=UTC)) == 1
        assert library.count(where=KEY("day") == stored) == 1
