"""After an upgrade the metadata of photos is read again, once, without encoding them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from sqlalchemy import Connection

from indexer.catalog.statements import sources
from retrieval import Library
from tests.support.blocks import full_exif, full_file, xmp_block
from tests.support.color_photos import advance_mtime, paint
from tests.support.contents import contents, count, rows
from tests.support.encoders import FakeEncoder
from tests.support.sync_results import counts

CITY = xmp_block(title="A boat", photoshop__City="Lisbon", xmp__Rating="4")


@pytest.fixture
def upgraded(library: Library, folder: Path) -> Library:
    """Return a library of three photos, of which an earlier version read no city, title or rating."""
    (folder / "a.jpg").write_bytes(full_file("JPEG", exif=full_exif(), xmp=CITY))
    paint(folder / "b.png", "red")
    (folder / "b.xmp").write_bytes(CITY)
    paint(folder / "c.png", "lime")
    (folder / "note.txt").write_text("words")
    library.sync(folder)
    rows(library, "DELETE FROM places")
    rows(library, "UPDATE items SET title = NULL, rating = NULL, taken_at = '2001-01-01 00:00:00.000000'")
    rows(library, "UPDATE units SET text = NULL WHERE kind = 'photo'")
    rows(library, "INSERT INTO outdated_metadata SELECT id FROM items WHERE modality = 'photo'")
    return library


def test_outdated_metadata_is_read_again_once_without_encoding(
    upgraded: Library, folder: Path, encoder: FakeEncoder
) -> None:
    before, encoded = contents(upgraded), sum(encoder.pictures)
    assert counts(upgraded.sync(folder)) == {"unchanged": 4}
    assert contents(upgraded) == before
    assert sum(encoder.pictures) == encoded
    assert rows(upgraded, "SELECT name, place FROM places JOIN items ON item_id = id ORDER BY name") == [
        ("a.jpg", "Lisbon"),
        ("b.png", "Lisbon"),
    ]
    assert rows(upgraded, "SELECT name, title, rating FROM items ORDER BY path") == [
        ("a.jpg", "A boat", 4),
        ("b.png", "A boat", 4),
        ("c.png", None, None),
        ("note.txt", None, None),
    ]
    assert rows(upgraded, "SELECT taken_at FROM items WHERE name = 'a.jpg'") == [("2024-07-21 18:03:59.000000",)]
    (hit,) = [hit for hit in upgraded.search("lisbon", hybrid=True) if hit.path.name == "b.png"]
    assert hit.words == ("lisbon",)
    assert count(upgraded, "outdated_metadata") == 0
    report = upgraded.sync(folder)
    assert (counts(report), "decode" in report.seconds) == ({"unchanged": 4}, False)
    assert upgraded.check() == []


def test_a_photo_that_cannot_be_read_any_more_keeps_its_embedding(upgraded: Library, folder: Path) -> None:
    stat = (folder / "c.png").stat()
    (folder / "c.png").write_bytes(b"x" * stat.st_size)  # damaged by the disk: size and time are equal
    os.utime(folder / "c.png", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    rows(upgraded, "UPDATE items SET ctime_ns = NULL")  # as in a library of an older version
    before = contents(upgraded)
    assert counts(upgraded.sync(folder)) == {"unchanged": 4}
    assert contents(upgraded) == before


def test_only_photos_of_the_folder_that_is_synced_are_read_again(upgraded: Library, folder: Path) -> None:
    upgraded.sync(folder / "b.png")
    assert count(upgraded, "outdated_metadata") == 2


def test_copies_and_touched_photos_are_read_again_in_the_next_sync(upgraded: Library, folder: Path) -> None:
    shutil.copy(folder / "a.jpg", folder / "d.jpg")
    advance_mtime(folder / "a.jpg")
    upgraded.sync(folder)
    upgraded.sync(folder)
    assert count(upgraded, "outdated_metadata") == 0
    assert rows(upgraded, "SELECT name FROM places JOIN items ON item_id = id ORDER BY name") == [
        ("a.jpg",),
        ("b.png",),
        ("d.jpg",),
    ]


def test_a_photo_that_changed_is_encoded_and_no_longer_outdated(
    upgraded: Library, folder: Path, encoder: FakeEncoder
) -> None:
    encoded = sum(encoder.pictures)
    paint(folder / "c.png", "blue")
    advance_mtime(folder / "c.png")
    assert counts(upgraded.sync(folder)) == {"unchanged": 3, "changed": 1}
    assert sum(encoder.pictures) == encoded + 1
    assert count(upgraded, "outdated_metadata") == 0


def test_a_photo_that_is_forgotten_meanwhile_is_left_out(
    upgraded: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require = sources.require

    def forget_first(connection: Connection, source_id: int | None) -> None:
        connection.exec_driver_sql("DELETE FROM items WHERE name = 'b.png'")
        require(connection, source_id)

    monkeypatch.setattr(sources, "require", forget_first)
    upgraded.sync(folder)
    assert rows(upgraded, "SELECT name FROM places JOIN items ON item_id = id") == [("a.jpg",)]
