"""The statements sent to a catalog: they use indexes, and their number does not grow with the items."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from indexer.catalog.filters.expression import Filter
from indexer.encoders.base import to_unit_length
from retrieval import ItemSort, Library
from tests.support.color_photos import paint_many
from tests.support.encoders import FakeEncoder
from tests.support.large_library import fill_library
from tests.support.statements import query_plans, record_statements

pytestmark = pytest.mark.folder

COUNT = 1000

LARGE = re.compile(
    r"SCAN (items|units|embeddings|metadata_values|item_pictures|tags|people|places|outdated_metadata"
    r"|unit_words_docsize)(_\d+)?\b(?!.* VIRTUAL)"
    r"|SEARCH items(_\d+)? USING .*\(source_id=\?\)$"
)
"""A plan step that reads a whole table, a whole index or a whole source."""

ALLOWED: dict[str, str | tuple[str, ...]] = {
    # counts without a condition: SQLite adds up the row counts of an index's pages, 3 ms for a million
    "SCAN items USING COVERING INDEX ix_items_rating": "SELECT count(*) AS count_1 \nFROM items",
    "SCAN units USING COVERING INDEX ix_units_kind": "SELECT count(*) AS count_1 \nFROM units",
    "SCAN embeddings USING COVERING INDEX ix_embeddings_encoder_id_id": "SELECT count(*) AS count_1 \nFROM embeddings",
    # a partial index of failures only
    "SCAN items USING INDEX ix_items_failed": (
        "SELECT items.path, items.source_id, items.failure",
        "SELECT count(*) AS count_1 \nFROM items \nWHERE items.failure IS NOT NULL",
    ),
    # the first page of a list, in an order without gaps, ends at its limit
    "SCAN items USING INDEX sqlite_autoindex_items_1": 'SELECT items.path AS "key", items.id, ',
    "SCAN items": 'SELECT items.id AS "key", items.id, ',
    # EXISTS stops at the first row
    "SCAN unit_words_docsize": "SELECT EXISTS (SELECT 1 FROM unit_words_docsize)",
    "SCAN outdated_metadata": "SELECT EXISTS (SELECT * \nFROM outdated_metadata)",
    "SEARCH items USING COVERING INDEX ix_items_source_id_modality_failure (source_id=?)": (
        "SELECT sources.id, sources.root \nFROM sources \nWHERE sources.collection IS NULL AND NOT (EXISTS (SELECT",
        # the items of each collection are counted for the status, as texts are: 60 ms for a million
        "SELECT sources.collection, (SELECT count(*)",
    ),
}
"""Steps that may read a whole table or index, and the start of the statements that may."""

COLORS = to_unit_length(np.random.default_rng(0).random((COUNT, 3), dtype=np.float32) + 0.01)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a library of missing photos, half of them with a caption and every hundredth failed."""
    path = tmp_path_factory.mktemp("large") / "test.recall"
    fill_library(path, FakeEncoder(), COLORS)
    with closing(sqlite3.connect(path / "catalog.db")) as catalog, catalog:
        catalog.execute("PRAGMA foreign_keys = ON")
        catalog.execute("UPDATE units SET text = 'a red boat, number ' || id WHERE id % 2 = 0")
        catalog.execute("DELETE FROM units WHERE id % 100 = 0")
        catalog.execute("UPDATE items SET failure = 'damaged', failure_message = 'cut off' WHERE id % 100 = 0")
    with Library.open(path, encoder=FakeEncoder()) as library:
        library.search("red", k=1)  # updates its index
    return path


@pytest.fixture
def large(filled: Path, tmp_path: Path) -> Iterator[Library]:
    """Return an open copy of that library."""
    shutil.copytree(filled, tmp_path / "large.recall")
    with Library.open(tmp_path / "large.recall", encoder=FakeEncoder()) as library:
        yield library


def large_steps(library: Library, statements: list[tuple[str, object]]) -> set[tuple[str, str]]:
    """Return the plan steps that read a whole large table without being allowed to, with their statements."""
    plans = query_plans(library.path / "catalog.db", statements)
    return {
        (step, statement)
        for step, statement in plans
        if LARGE.match(step) and not (step in ALLOWED and statement.startswith(ALLOWED[step]))
    }


OPERATIONS: dict[str, Callable[[Library], object]] = {
    "status": Library.status,
    "failures": Library.failures,
    "encoders": Library.encoders,
    "judgements": Library.judgements,
    "hybrid search": lambda library: library.search("red boat"),
    "vector search": lambda library: library.search("red", hybrid=False, k=200),
    "the next page": lambda library: library.search("red", k=20, offset=40, sort="date"),
    "photos": lambda library: library.search("red boat", kind="photos"),
    "folder": lambda library: library.search("red boat", folder="/photos/1 %"),
    "large folder": lambda library: library.search("red boat", folder="/photos/50 %"),
    "date": lambda library: library.search("red", after=date(2000, 1, 1), before=date(2000, 1, 2)),
    "camera": lambda library: library.search("red", where=Filter.camera("Maker 1*")),
    "lens": lambda library: library.search("red", where=Filter.lens("Lens 10 %")),
    "rating": lambda library: library.search("red", where=Filter.rating(5)),
    "near": lambda library: library.search("red", where=Filter.near(0, 0, km=400)),
    "tag": lambda library: library.search("red", where=Filter.tag("1 %")),
    "person": lambda library: library.search("red", where=Filter.person("Ada")),
    "place": lambda library: library.search("red", where=Filter.place("Lisbon")),
    "listing": lambda library: [library.list(sort=sort, limit=20) for sort in get_args(ItemSort)],
    "the next page of a list": lambda library: [
        library.list(sort=sort, limit=20, cursor=library.list(sort=sort, limit=20).cursor)
        for sort in get_args(ItemSort)
    ],
    "listing by camera": lambda library: library.list(where=Filter.camera("Maker 1*"), sort="-date"),
    "positions": lambda library: library.positions(Filter.rating(5)),
    "layout of a tag": lambda library: library.layout(Filter.tag("1 %")),
    "items by number": lambda library: library.by_item_id([1, 2, 3]),
    "original": lambda library: library.original(COUNT + 1),
    "thumbnail": lambda library: library.web_thumbnail(COUNT + 1),
    "counting": lambda library: (library.count(), library.count(where=Filter.rating(5))),
    "file that is not indexed": lambda library: library.explain("red", "/photos/none.jpg"),
    "judging": lambda library: library.judge("red", good=library.search("red", k=3), bad=library.search("lime", k=2)),
    "forgetting": lambda library: library.forget("/photos/1 %"),
    "adding": lambda library: library.add(texts=["a red hat"], ids=["hat"], metadata=[{"price": 1, "shop": "a"}]),
    "adding vectors": lambda library: library.add(vectors=COLORS[:3], ids=["a", "b", "c"]),
    "adding again": lambda library: [library.add(vectors=COLORS[at : at + 2], ids=["a", "b"]) for at in (0, 5)],
    "getting": lambda library: library.get(["a", "/photos/1 %", "table.csv#1"], vectors=True),
    "updating": lambda library: (
        library.add(texts=["a red hat"], ids=["hat"], metadata=[{"price": 1}]),
        library.update(["hat"], metadata=[{"price": 2}], texts=["a lime hat"]),
    ),
    "deleting": lambda library: (
        library.add(vectors=COLORS[:3], ids=["a", "b", "c"]),
        library.delete(["a"]),
        library.delete(collection="default"),
    ),
    "forgetting judgements": lambda library: library.forget_judgements(query="red"),
}
"""Frequent operations, and those that people wait for."""


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_operation_reads_a_whole_table(large: Library, operation: str) -> None:
    with record_statements() as statements:
        OPERATIONS[operation](large)
    assert statements
    assert large_steps(large, statements) == set()


def test_opening_a_library_and_a_first_search_read_no_whole_table(filled: Path) -> None:
    with record_statements() as statements, Library.open(filled, encoder=FakeEncoder()) as library:
        library.search("red boat")
    assert large_steps(library, statements) == set()


def test_a_sync_reads_no_whole_table(library: Library, folder: Path) -> None:
    paint_many(folder, 40)
    with record_statements() as statements:
        assert library.sync(folder).added == 40
        assert library.sync(folder).unchanged == 40
        change_pictures(folder, 5)
        report = library.sync(folder)
    assert (report.added, report.changed, report.moved, report.removed) == (5, 5, 5, 5)
    assert large_steps(library, statements) == set()


def change_pictures(folder: Path, count: int) -> None:
    """Copy, edit, move, delete and touch this many pictures each."""
    files = sorted(folder.rglob("*.png"))
    for index in range(count):
        copied, edited, moved, deleted, touched = files[5 * index : 5 * index + 5]
        shutil.copy(copied, folder / f"copy-{index}.png")
        edited.write_bytes(edited.read_bytes() + bytes([index]))
        moved.rename(folder / f"moved-{index}.png")
        deleted.unlink()
        os.utime(touched, ns=(1, 1))


def test_the_number_of_statements_of_a_sync_does_not_grow_with_the_files(tmp_path: Path) -> None:
    counts = []
    for size in (2, 40):
        folder = tmp_path / str(size)
        paint_many(folder, 5 * size)
        encoder = FakeEncoder(batch_size=200)  # one batch
        with Library.open(tmp_path / f"{size}.recall", encoder=encoder) as library:
            for changes in (0, 0, size):  # all pictures are new; none is; some of everything
                change_pictures(folder, changes)
                with record_statements() as statements:
                    library.sync(folder)
                counts.append(len(statements))
    difference = np.subtract(counts[3:], counts[:3])
    # below the 38 more pictures of each kind; timing of two threads may cause another read of cached results, which
    # takes 16 statements
    assert (np.abs(difference) < 30).all(), counts


def test_the_number_of_statements_of_a_search_does_not_grow_with_the_hits(large: Library) -> None:
    counts = []
    large.search("red boat", k=10)  # fills the caches
    for k in (10, 90):
        with record_statements() as statements:
            assert len(large.search("red boat", k=k)) == k
        counts.append(len(statements))
    assert counts[0] == counts[1]
