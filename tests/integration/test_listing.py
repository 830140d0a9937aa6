"""Listing and counting without a query: order, pages and filters, compared with plain Python over all items."""

from __future__ import annotations

import base64
import json
import random
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from sqlalchemy import select

from indexer.catalog.filters.expression import Filter
from indexer.catalog.schema import ITEMS
from indexer.catalog.statements import listing as statements
from indexer.encoders.base import to_unit_length
from indexer.errors import QueryError
from retrieval import Item, ItemSort, Library, Modality
from tests.support.color_photos import paint
from tests.support.contents import rows
from tests.support.encoders import FakeEncoder
from tests.support.large_library import fill_library

COUNT = 600

MORNING, NOON = datetime.fromisoformat("2000-01-01T03:00"), datetime.fromisoformat("2000-01-01T06:00")

KEYS: dict[str, Callable[[Item], Any]] = {
    "path": lambda item: str(item.path).encode(),
    "name": lambda item: item.path.name.lower(),
    "date": lambda item: item.taken_at,
    "rating": lambda item: item.rating,
    "added": lambda item: item.item_id,
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a library of missing photos, many with equal names, dates and ratings, or without a date or rating."""
    path = tmp_path_factory.mktemp("listed") / "test.recall"
    colors = to_unit_length(np.random.default_rng(0).random((COUNT, 3), dtype=np.float32) + 0.01)
    fill_library(path, FakeEncoder(), colors)
    rows(path, "UPDATE items SET name = 'same.jpg', path = CAST(path || '/same.jpg' AS BLOB) WHERE id % 3 = 0")
    rows(path, "UPDATE items SET taken_at = '2020-01-01 12:00:00.000000' WHERE id % 4 = 0")
    rows(path, "UPDATE items SET taken_at = NULL, rating = NULL WHERE id % 7 = 0")
    rows(path, "UPDATE items SET failure = 'damaged' WHERE id % 50 = 0")
    return path


@pytest.fixture
def many(filled: Path, tmp_path: Path) -> Iterator[Library]:
    """Return an open copy of that library."""
    shutil.copytree(filled, tmp_path / "many.recall")
    with Library.open(tmp_path / "many.recall") as library:
        yield library


def all_pages(library: Library, limit: int, **options: Any) -> list[Item]:
    """Return the items of all pages."""
    page = library.list(limit=limit, **options)
    items = list(page)
    while page.cursor is not None:
        assert len(page) == limit
        page = library.list(limit=limit, cursor=page.cursor, **options)
        items += page
    return items


def in_order(items: list[Item], sort: str) -> list[int]:
    """Return the ids of items in an order: by value and id, those without a value last."""
    key, is_reversed = KEYS[sort.removeprefix("-")], sort.startswith("-")
    with_value = sorted((item for item in items if key(item) is not None), key=lambda item: (key(item), item.item_id))
    without = sorted((item for item in items if key(item) is None), key=lambda item: item.item_id)
    return [item.item_id for part in (with_value, without) for item in (part[::-1] if is_reversed else part)]


@pytest.mark.parametrize("is_broad", [True, False])
@pytest.mark.parametrize("sort", get_args(ItemSort))
def test_pages_of_every_order_are_the_whole_list_once(
    many: Library, sort: ItemSort, is_broad: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "_MANY", 50 if is_broad else 5000)  # walks along the order, or sorts the matches
    where = Filter.camera("Maker") & (Filter.tag("photo") | Filter.rating(1)) & ~Filter.kind("text")
    for filter_ in (None, where):
        items = many.list(limit=COUNT, where=filter_)
        assert len(items) == COUNT - COUNT // 50
        assert [item.item_id for item in all_pages(many, 37, sort=sort, where=filter_)] == in_order(items, sort)


def test_the_last_page_has_no_cursor_even_if_it_is_full(many: Library) -> None:
    total = many.count()
    assert many.list(limit=total).cursor is None
    assert many.list(limit=total - 1).cursor is not None


def test_items_that_come_and_go_between_pages_move_no_other_item(many: Library) -> None:
    whole = [item.item_id for item in many.list(sort="-date", limit=COUNT)]
    first = many.list(sort="-date", limit=100)
    removed = {whole[5], whole[99], whole[300]}  # also the last one of the page
    for item_id in removed:
        rows(many, "DELETE FROM items WHERE id = ?", item_id)
    rows(many, "UPDATE items SET taken_at = '2030-01-01 00:00:00.000000' WHERE id = ?", whole[40])
    rest, cursor = list[int](), first.cursor
    while cursor is not None:
        page = many.list(sort="-date", limit=100, cursor=cursor)
        rest, cursor = [*rest, *(item.item_id for item in page)], page.cursor
    assert rest == [item_id for item_id in whole[100:] if item_id not in removed]


@pytest.mark.parametrize("share", ["50 %", "0.1 %"])
def test_a_count_is_the_length_of_the_list(many: Library, share: str) -> None:
    for where in (Filter.camera(f"Maker {share}"), ~Filter.tag(share), Filter.kind("photo"), Filter.kind("text")):
        assert many.count(where=where) == len(many.list(where=where, limit=COUNT))
    assert many.count() == len(many.list(limit=COUNT)) == COUNT - COUNT // 50


def test_filters_of_search_list_the_same_photos(many: Library) -> None:
    generator = random.Random(1)
    filters = [
        Filter.folder("/photos/50 %"), Filter.near(0, 0, km=4000), Filter.rating(2, 3), Filter.name("img_*1.jpg"),
        Filter.taken(after=MORNING, before=NOON), Filter.lens("10 %"),
        Filter.tag("rest"), Filter.orientation("landscape"), Filter.format("jpg"), Filter.min_size(5000, 10),
    ]  # fmt: skip
    for _ in range(30):
        one, other = generator.sample(filters, 2)
        where = generator.choice([one & other, one | ~other, ~one])
        assert {item.item_id for item in many.list(where=where, limit=COUNT)} == {
            item.item_id for item in many.list(limit=COUNT) if passes(many, item, where)
        }


def passes(library: Library, item: Item, where: Filter) -> bool:
    """Return whether an item passes a filter, which is tested for it alone."""
    with library._store.reading() as connection:
        statement = select(ITEMS.c.id).where(ITEMS.c.id == item.item_id, where.condition())
        return connection.scalar(statement) is not None


def test_an_item_has_what_the_library_knows_of_its_file(library: Library, folder: Path) -> None:
    taken = datetime.fromisoformat("2021-02-03T04:05:06")
    red = paint(folder / "Red.png", "red", taken_at=taken)
    (folder / "note.txt").write_text("a cup of coffee on a table. " * 200)  # several units, one item
    library.sync(folder)
    photo, note = library.list(folder=folder, sort="path")
    assert (note.path, note.kind, note.row, note.format) == (folder / "note.txt", Modality.TEXT, None, "text")
    assert (photo.path, photo.kind, photo.size) == (red, Modality.PHOTO, red.stat().st_size)
    assert (photo.taken_at, photo.taken_from, photo.format) == (taken, "exif", "PNG")
    assert (photo.width, photo.height, photo.rating, photo.tags) == (16, 12, None, ())
    assert [item.path for item in library.list(before=datetime.fromisoformat("2021-02-03T04:05:07"))] == [red]


def test_an_empty_library_lists_nothing(library: Library) -> None:
    assert library.list() == []
    assert library.list().cursor is None
    assert library.count() == library.count(where=Filter.camera("Canon")) == 0


def encode(*values: object) -> str:
    """Return a cursor that holds these values."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "é", "[]", "e30", encode("name", "a", 1), encode("date", 5, 1), encode("date", "x", 1),
     encode("date", [], 1), encode("date", None, 0), encode("date", None, True), encode("date", None, 2**64),
     encode("date", None), encode(*"[" * 9), encode("date", {}, 1.5), "W1tb" * 30_000],
)  # fmt: skip
def test_a_cursor_of_something_else_is_refused(many: Library, cursor: str) -> None:
    with pytest.raises(QueryError, match="does not belong to a list in the order 'date'; start without one"):
        many.list(sort="date", cursor=cursor)


def test_a_cursor_with_a_number_beyond_sqlite_is_refused(many: Library) -> None:
    with pytest.raises(QueryError, match="does not belong to a list"):
        many.list(sort="rating", cursor=encode("rating", 2**64, 1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": 0}, "0 items were asked for; expected at least 1"),
        ({"sort": "score"}, "there is no order 'score'; expected one of path, -path"),
        ({"folder": "/nowhere"}, "the library has nothing from /nowhere"),
    ],
)
def test_wrong_arguments_are_refused(many: Library, options: dict[str, Any], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        many.list(**options)
