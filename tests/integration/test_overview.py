"""Layout, facets and positions of a whole library, compared with plain Python over all items."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from indexer.encoders.base import to_unit_length
from retrieval import FacetValue, Filter, Item, ItemSort, Library, QueryError
from tests.support.color_photos import paint
from tests.support.contents import rows
from tests.support.encoders import FakeEncoder
from tests.support.large_library import fill_library

COUNT = 600

FILTERS = {
    "everything": None,
    "a rating": Filter.rating(3),
    "a camera": Filter.camera("Maker 10 %"),
    "a tag": Filter.tag("1 %"),
    "a folder": Filter.folder("/photos/50 %"),
    "a period": Filter.taken(before="2000-03-01"),
    "nothing": Filter.name("none.jpg"),
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a library of missing photos, some with equal or no dates and ratings, in several months and folders."""
    path = tmp_path_factory.mktemp("seen") / "test.recall"
    colors = to_unit_length(np.random.default_rng(0).random((COUNT, 3), dtype=np.float32) + 0.01)
    fill_library(path, FakeEncoder(), colors)
    rows(path, "UPDATE items SET taken_at = datetime(taken_at, '+' || id || ' days') || '.000000'")
    rows(path, "UPDATE items SET taken_at = '9999-12-31 23:59:59.999999', name = 'same.jpg' WHERE id % 40 = 0")
    rows(path, "UPDATE items SET taken_at = '0001-01-01 00:00:00.000001' WHERE id % 41 = 0")
    rows(path, "UPDATE items SET taken_at = NULL, rating = NULL, latitude = NULL, camera = NULL WHERE id % 7 = 0")
    rows(path, "UPDATE items SET rating = -1, format = 'PNG' WHERE id % 11 = 0")
    rows(path, "UPDATE items SET path = CAST('/photos/IMG ' || id || '.jpg' AS BLOB), width = NULL WHERE id % 13 = 0")
    rows(path, "UPDATE items SET failure = 'damaged' WHERE id % 50 = 0")
    rows(path, "INSERT INTO people (item_id, person, key) SELECT id, 'Ada', 'ada' FROM items WHERE id % 3 = 0")
    return path


@pytest.fixture
def many(filled: Path, tmp_path: Path) -> Iterator[Library]:
    """Return an open copy of that library, with two notes in a collection."""
    shutil.copytree(filled, tmp_path / "many.recall")
    with Library.open(tmp_path / "many.recall", encoder=FakeEncoder()) as library:
        library.add(texts=["red", "lime"], ids=["a", "b/c"], collection="notes")
        yield library


def counted(values: Iterator[str | None]) -> set[tuple[str, int]]:
    """Return how often each value occurs."""
    return set(Counter(value for value in values if value is not None).items())


def as_set(values: tuple[FacetValue, ...]) -> set[tuple[str, int]]:
    """Return facet values without their order."""
    assert len({value.value for value in values}) == len(values)
    return {(value.value, value.count) for value in values}


def folders_of(item: Item) -> Iterator[str]:
    """Yield the indexed folder and the folder in it that an item is in."""
    if item.collection is None:
        yield "/photos"
        if item.path.parent != Path("/photos"):
            yield str(Path(*item.path.parts[:3]))


@pytest.mark.parametrize("name", FILTERS)
def test_facets_count_what_a_list_has(many: Library, name: str) -> None:
    where = FILTERS[name]
    items = list(many.scan(where))
    facets = many.facets(where)
    assert facets.total == len(items)
    assert facets.undated == sum(item.taken_at is None for item in items)
    assert as_set(facets.months) == counted(i.taken_at.isoformat()[:7] if i.taken_at else None for i in items)
    assert as_set(facets.years) == counted(i.taken_at.isoformat()[:4] if i.taken_at else None for i in items)
    assert as_set(facets.cameras) == counted(item.camera for item in items)
    assert as_set(facets.lenses) == counted(item.lens for item in items)
    assert as_set(facets.formats) == counted(item.format for item in items)
    assert as_set(facets.kinds) == counted(str(item.kind) for item in items)
    assert as_set(facets.collections) == counted(item.collection for item in items)
    assert as_set(facets.ratings) == counted(None if i.rating is None else str(i.rating) for i in items)
    assert as_set(facets.tags) == counted(tag for item in items for tag in item.tags)
    assert as_set(facets.people) == counted(person for item in items for person in item.people)
    assert as_set(facets.folders) == counted(folder for item in items for folder in folders_of(item))


def test_facets_are_ordered_for_people(many: Library) -> None:
    facets = many.facets()
    assert [value.value for value in facets.ratings] == ["5", "4", "3", "2", "1", "0", "-1"]
    assert facets.months[0].value == "9999-12"
    assert [value.count for value in facets.tags] == sorted((value.count for value in facets.tags), reverse=True)


def test_a_kind_restricts_layout_and_facets(many: Library) -> None:
    assert as_set(many.facets(kind="texts").kinds) == {("text", 2)}
    assert set(many.layout(kind="texts").kinds) == {"text"}
    assert set(many.layout(kind="photos").kinds) == {"photo"}
    with pytest.raises(QueryError, match="there is no kind 'video'"):
        many.facets(kind="video")  # type: ignore[arg-type]


@pytest.mark.parametrize("sort", get_args(ItemSort))
@pytest.mark.parametrize("name", ["everything", "a rating"])
def test_a_layout_has_the_order_and_the_values_of_a_list(many: Library, sort: ItemSort, name: str) -> None:
    where = FILTERS[name]
    items = many.list(where, sort=sort, limit=2 * COUNT)
    layout = many.layout(where, sort=sort)
    assert layout.item_ids == tuple(item.item_id for item in items)
    assert layout.widths == tuple(item.width for item in items)
    assert layout.heights == tuple(item.height for item in items)
    assert layout.kinds == tuple(str(item.kind) for item in items)
    assert layout.days == tuple(None if i.taken_at is None else i.taken_at.date().isoformat() for i in items)
    assert len(layout) == len(items)


def test_an_empty_library_has_an_empty_layout_and_no_facets(library: Library) -> None:
    assert library.layout().item_ids == ()
    assert library.facets().total == 0
    assert library.positions().item_ids == ()


def test_positions_are_those_of_the_items(many: Library) -> None:
    found = many.positions(Filter.rating(3))
    items = [item for item in many.scan(Filter.rating(3)) if item.latitude is not None]
    assert found.item_ids == tuple(item.item_id for item in items)
    assert found.latitudes == pytest.approx([item.latitude for item in items])
    assert found.longitudes == pytest.approx([item.longitude for item in items])
    assert len(found) > 50  # of 300 with this rating


def test_rows_of_a_table_are_in_no_folder_below_it(library: Library, tmp_path: Path) -> None:
    table = tmp_path / "files" / "notes.csv"
    paint(tmp_path / "files" / "2019" / "trip" / "red.png", "red")
    table.write_text("id,text\na/b,red\nc,lime\n")
    library.sync(tmp_path / "files")
    library.sync(table, id_column="id", text_columns=["text"])
    folders = as_set(library.facets().folders)
    assert (str(tmp_path / "files" / "2019"), 1) in folders
    assert not any("notes" in folder for folder, _ in folders)
