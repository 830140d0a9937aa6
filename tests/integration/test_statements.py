"""What is asked of the catalog: by indexes, however large it is, and not once for each item."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from indexer.catalog.filters.expression import Filter
from indexer.encoders.base import to_unit_length
from retrieval import Library
from tests.support.color_photos import paint_many
from tests.support.encoders import FakeEncoder
from tests.support.many import fill
from tests.support.statements import plan, sent

COUNT = 1000

LARGE = re.compile(
    r"SCAN (items|units|embeddings|tags|unit_words_docsize)(_\d+)?\b(?!.* VIRTUAL)"
    r"|SEARCH items(_\d+)? USING .*\(source_id=\?\)$"
)
"""A step that goes through a whole table, a whole index of it, or a whole source."""

ALLOWED = {
    # counts without a condition: SQLite adds up what the pages of an index say, 3 ms for a million
    "SCAN items USING COVERING INDEX ix_items_rating": "SELECT count(*) AS count_1 \nFROM items",
    "SCAN units USING COVERING INDEX ix_units_kind": "SELECT count(*) AS count_1 \nFROM units",
    "SCAN embeddings USING COVERING INDEX ix_embeddings_encoder_id_id": "SELECT count(*) AS count_1 \nFROM embeddings",
    # all of an index that holds failures alone
    "SCAN items USING INDEX ix_items_failed": "SELECT items.path, items.source_id, items.failure",
    # whether there is any: the first row is enough
    "SCAN unit_words_docsize": "SELECT EXISTS (SELECT 1 FROM unit_words_docsize)",
    "SEARCH items USING COVERING INDEX ix_items_source_id_modality_failure (source_id=?)": (
        "SELECT sources.id, sources.root \nFROM sources \nWHERE NOT (EXISTS (SELECT items.source_id"
    ),
}
"""What may go through a whole table or index, and the beginning of the one statement that may."""

COLOURS = to_unit_length(np.random.default_rng(0).random((COUNT, 3), dtype=np.float32) + 0.01)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a library of photos that do not exist, half of them with a caption and every hundredth failed."""
    path = tmp_path_factory.mktemp("large") / "test.recall"
    fill(path, FakeEncoder(), COLOURS)
    with closing(sqlite3.connect(path / "catalog.db")) as catalog, catalog:
        catalog.execute("PRAGMA foreign_keys = ON")
        catalog.execute("UPDATE units SET text = 'a red boat, number ' || id WHERE id % 2 = 0")
        catalog.execute("DELETE FROM units WHERE id % 100 = 0")
        catalog.execute("UPDATE items SET failure = 'damaged', failure_message = 'cut off' WHERE id % 100 = 0")
    with Library.open(path, encoder=FakeEncoder()) as library:
        library.search("red", k=1)  # its index is brought in step
    return path


@pytest.fixture
def large(filled: Path, tmp_path: Path) -> Iterator[Library]:
    """Return a library of its own like the one above, open."""
    shutil.copytree(filled, tmp_path / "large.recall")
    with Library.open(tmp_path / "large.recall", encoder=FakeEncoder()) as library:
        yield library


def avoidable(library: Library, statements: list[tuple[str, object]]) -> set[tuple[str, str]]:
    """Return the steps that go through a whole table that is large, and their statements."""
    found = plan(library.path / "catalog.db", statements)
    return {
        (step, statement)
        for step, statement in found
        if LARGE.match(step) and not (step in ALLOWED and statement.startswith(ALLOWED[step]))
    }


ASKED: dict[str, Callable[[Library], object]] = {
    "status": Library.status,
    "failures": Library.failures,
    "encoders": Library.encoders,
    "judgements": Library.judgements,
    "words and looks": lambda library: library.search("red boat"),
    "looks": lambda library: library.search("red", hybrid=False, k=200),
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
    "file that is not indexed": lambda library: library.explain("red", "/photos/none.jpg"),
    "judging": lambda library: library.judge("red", good=library.search("red", k=3), bad=library.search("lime", k=2)),
    "forgetting": lambda library: library.forget("/photos/1 %"),
    "forgetting judgements": lambda library: library.forget_judgements(query="red"),
}
"""What is asked of a library often, or while somebody waits."""


@pytest.mark.parametrize("what", ASKED)
def test_what_is_asked_of_a_large_library_goes_through_no_whole_table(large: Library, what: str) -> None:
    with sent() as statements:
        ASKED[what](large)
    assert statements
    assert avoidable(large, statements) == set()


def test_opening_a_library_and_its_first_search_go_through_no_whole_table(filled: Path) -> None:
    with sent() as statements, Library.open(filled, encoder=FakeEncoder()) as library:
        library.search("red boat")
    assert avoidable(library, statements) == set()


def test_a_sync_goes_through_no_whole_table(library: Library, folder: Path) -> None:
    paint_many(folder, 40)
    with sent() as statements:
        assert library.sync(folder).added == 40
        assert library.sync(folder).unchanged == 40
        change(folder, 5)
        report = library.sync(folder)
    assert (report.added, report.changed, report.moved, report.removed) == (5, 5, 5, 5)
    assert avoidable(library, statements) == set()


def change(folder: Path, number: int) -> None:
    """Copy, edit, move, delete and touch so many of the pictures each."""
    files = sorted(folder.rglob("*.png"))
    for place in range(number):
        copied, edited, moved, deleted, touched = files[5 * place : 5 * place + 5]
        shutil.copy(copied, folder / f"copy-{place}.png")
        edited.write_bytes(edited.read_bytes() + bytes([place]))
        moved.rename(folder / f"moved-{place}.png")
        deleted.unlink()
        os.utime(touched, ns=(1, 1))


def test_a_sync_sends_as_many_statements_for_many_files_as_for_few(tmp_path: Path) -> None:
    numbers = []
    for few in (2, 40):
        folder = tmp_path / str(few)
        paint_many(folder, 5 * few)
        encoder = FakeEncoder(batch_size=200)  # all in one batch
        with Library.open(tmp_path / f"{few}.recall", encoder=encoder) as library:
            for prepare in (0, 0, few):  # all is new; nothing is; some of everything
                change(folder, prepare)
                with sent() as statements:
                    library.sync(folder)
                numbers.append(len(statements))
    more = np.subtract(numbers[3:], numbers[:3])
    # 38 more of each kind: not one statement for each; which of two threads is first may decide whether one reads again
    # what it remembers of the catalog, 16 statements
    assert (np.abs(more) < 30).all(), numbers


def test_a_search_sends_as_many_statements_for_many_hits_as_for_few(large: Library) -> None:
    numbers = []
    large.search("red boat", k=10)  # what is remembered is remembered
    for k in (10, 90):
        with sent() as statements:
            assert len(large.search("red boat", k=k)) == k
        numbers.append(len(statements))
    assert numbers[0] == numbers[1]
