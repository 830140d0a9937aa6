"""Values that an index of PostgreSQL cannot hold: one bad item is reported, and the run goes on."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from indexer.errors import FailureKind
from retrieval import Filter, Library
from tests.support.color_photos import paint
from tests.support.encoders import FakeEncoder

pytestmark = pytest.mark.cluster

LONGEST = 2300
"""Bytes of a folder's path, at most."""

Words = Callable[[int], str]


@pytest.fixture
def library(postgresql_url: str) -> Iterator[Library]:
    """Return a new library in PostgreSQL."""
    with Library.open(postgresql_url, encoder=FakeEncoder()) as library:
        yield library


@pytest.fixture
def letters() -> Words:
    """Return a function that returns letters of three bytes each, which a database cannot compress."""
    source = random.Random(7)
    return lambda number: "".join(chr(source.randrange(0x4E00, 0x9FA0)) for _ in range(number))


def deep_folder(root: Path, length: int) -> Path:
    """Return a new folder below another one, whose path has a number of bytes that are hard to compress."""
    source, path = random.Random(11), str(root)
    while len(path) < length:
        size = min(200, length - len(path) - 1)
        path += "/" + "".join(source.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=size))
        path += "" if length - len(path) != 1 else "x"
    Path(path).mkdir(parents=True)
    return Path(path)


def test_a_folder_with_a_long_path_is_passed_over_and_named(library: Library, folder: Path) -> None:
    paint(folder / "red.png", "red")
    fits = deep_folder(folder / "fits", LONGEST)
    assert len(str(fits)) == LONGEST
    paint(fits / f"{'n' * 251}.png", "lime")
    paint(deep_folder(folder / "long", LONGEST + 1) / "blue.png", "blue")
    report = library.sync(folder)
    assert (report.added, len(report.unreadable_folders)) == (2, 1)
    assert report.unreadable_folders[0].endswith("its path has 2,301 bytes; this library can store 2,300")
    assert library.sync(folder).added == 0
    assert [Path(hit.path).name[:4] for hit in library.search("lime", k=1)] == ["nnnn"]


def test_an_import_leaves_out_an_item_with_a_long_path(
    library: Library, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paint(folder / "red.png", "red")
    paint(deep_folder(folder / "long", 2700) / "blue.png", "blue")
    with Library.open(tmp_path / "test.recall", encoder=FakeEncoder()) as other:
        assert other.sync(folder).added == 2
        export = other.export(tmp_path / "export").folder
    report = library.import_(export)
    assert (report.added, report.failed, report.existing) == (1, 1, 0)
    assert "is left out: its path has 2709 bytes, and this library can store 2600" in caplog.text
    report = library.import_(export, replace=True)
    assert (report.replaced, report.failed) == (1, 1)


def test_rows_with_a_long_id_or_picture_are_reported(library: Library, folder: Path, letters: Words) -> None:
    table = deep_folder(folder / "rows", 1100) / "rows.jsonl"
    rows = [
        {"id": letters(490), "text": "red"},
        {"id": "b", "text": "lime"},
        {"id": "c", "image": "/".join(letters(60) for _ in range(20)) + ".png"},
    ]
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = library.sync(table, text_columns=["text"], image_column="image", id_column="id")
    assert (report.added, report.failed) == (1, 2)
    messages = sorted(failure.message for failure in library.failures())
    assert "the column id and the table's path have more than 2,500 bytes" in messages[0]
    assert "the path of its picture has more than 2,500 bytes" in messages[1]


def test_an_id_has_at_most_two_thousand_bytes(library: Library, letters: Words) -> None:
    fits, too_long = letters(666), letters(667)
    report = library.add(texts=["red", "lime"], ids=[fits, too_long], collection="c" * 100)
    assert (report.added, [failure.kind for failure in report.failures]) == (1, [FailureKind.BAD_ID])
    assert report.failures[0].message == "the id has 2,001 bytes in UTF-8; expected 2,000 at most"
    assert library.get(fits, collection="c" * 100)[0].text == "red"


def test_long_words_and_values_are_stored(library: Library, letters: Words) -> None:
    key, value = letters(200), letters(50_000)
    long = {"words": "red " + letters(100_000), "many": "red " + " ".join(letters(8) for _ in range(30_000))}
    report = library.add(texts=list(long.values()), ids=list(long), metadata=[{key: value}, {key: "x"}])
    assert (report.added, report.failures) == (2, [])
    assert [item.id for item in library.list(where=Filter.meta(key) == value)] == ["words"]
