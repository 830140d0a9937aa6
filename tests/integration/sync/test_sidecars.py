"""XMP files beside photos: whose they are, what they change, and when a photo is read again for them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from indexer.sync.report import OUTCOMES, SyncReport
from indexer.sync.scan_rules import Rules
from indexer.sync.walk_entries import SourceFile
from retrieval import Library
from tests.support.blocks import full_exif, full_file, xmp_block
from tests.support.color_photos import advance_mtime, paint
from tests.support.contents import contents, rows
from tests.support.encoders import FakeEncoder
from tests.support.program import Program
from tests.support.walks import walk


def counts(report: SyncReport) -> dict[str, int]:
    """Return the counts of a report that are not 0."""
    return {outcome: getattr(report, outcome) for outcome in OUTCOMES if getattr(report, outcome)}


def beside(photo: Path, name: str = "", **facts: str) -> Path:
    """Write a sidecar with these properties beside a photo, by default under its name without the ending."""
    sidecar = photo.with_name(name) if name else photo.with_suffix(".xmp")
    sidecar.write_bytes(xmp_block(**facts))
    return sidecar


def said(library: Library) -> dict[str, tuple[object, ...]]:
    """Return rating, title and full text of each photo, by name."""
    found = rows(
        library.path, "SELECT name, rating, title, text FROM items LEFT JOIN units ON item_id = items.id ORDER BY path"
    )
    return {name: tuple(facts) for name, *facts in found}


def settled(library: Library, folder: Path) -> bool:
    """Return whether another run does nothing and a check has nothing to say."""
    before = contents(library.path)
    report = library.sync(folder)
    found = sum(1 for file in walk(str(folder), Rules()) if isinstance(file, SourceFile))
    return counts(report) == {"unchanged": found} and contents(library.path) == before and library.check() == []


@pytest.mark.parametrize("name", ["a.xmp", "a.XMP", "a.png.xmp", "a.png.XMP"])
def test_a_photo_has_the_facts_of_its_sidecar(library: Library, folder: Path, name: str) -> None:
    beside(paint(folder / "a.png", "red"), name, xmp__Rating="4", title="Harbour")
    paint(folder / "a.jpg.png", "blue")  # none of these names is one of its sidecar's
    assert counts(library.sync(folder)) == {"added": 2}
    assert said(library) == {"a.png": (4, "Harbour", "Harbour"), "a.jpg.png": (None, None, None)}
    assert settled(library, folder)


def test_a_photo_that_is_indexed_alone_has_its_sidecar_too(library: Library, folder: Path) -> None:
    photo = paint(folder / "a.png", "red")
    beside(photo, xmp__Rating="4")
    library.sync(photo)
    assert said(library) == {"a.png": (4, None, None)}
    assert counts(library.sync(photo)) == {"unchanged": 1}


def test_the_sidecar_counts_more_than_the_file_and_its_gaps_are_filled(library: Library, folder: Path) -> None:
    photo = folder / "a.jpg"
    photo.write_bytes(full_file("JPEG", exif=full_exif(), xmp=xmp_block(title="inside")))
    sidecar = xmp_block(
        tags=["beside"],
        exif__DateTimeOriginal="2020-02-03T04:05:06Z",
        exif__GPSLatitude="1,0N",
        exif__GPSLongitude="2,0E",
    )
    photo.with_suffix(".xmp").write_bytes(sidecar)
    library.sync(folder)
    columns = "taken_at, taken_from, utc_offset, latitude, longitude, title, rating, lens, text"
    (found,) = rows(library.path, f"SELECT {columns} FROM items JOIN units ON item_id = items.id")  # noqa: S608
    assert found[:5] == ("2020-02-03 04:05:06.000000", "xmp", 0, 1.0, 2.0)
    assert found[5:] == ("inside", 2, "RF24-70mm F2.8 L IS USM", "inside\nfrom exif\nbeside")
    assert rows(library.path, "SELECT tag FROM tags") == [("beside",)]


def test_of_two_sidecars_the_one_with_the_whole_name_counts(library: Library, folder: Path) -> None:
    photo = paint(folder / "a.png", "red")
    beside(photo, "a.xmp", xmp__Rating="1")
    exact = beside(photo, "a.png.xmp", xmp__Rating="2")
    library.sync(folder)
    assert said(library)["a.png"][0] == 2
    exact.unlink()
    assert counts(library.sync(folder)) == {"changed": 1}
    assert said(library)["a.png"][0] == 1


def test_a_sidecar_that_comes_changes_and_goes_is_noticed(library: Library, folder: Path, encoder: FakeEncoder) -> None:
    photo = paint(folder / "a.png", "red")
    paint(folder / "b.png", "blue")
    library.sync(folder)
    (item,) = rows(library.path, "SELECT id FROM items WHERE name = 'a.png'")
    sidecar = beside(photo, xmp__Rating="3", title="one")
    assert counts(library.sync(folder)) == {"changed": 1, "unchanged": 1}
    assert said(library)["a.png"] == (3, "one", "one")
    assert settled(library, folder)
    beside(photo, xmp__Rating="5", title="two")
    advance_mtime(sidecar)
    assert counts(library.sync(folder)) == {"changed": 1, "unchanged": 1}
    assert said(library)["a.png"] == (5, "two", "two")
    sidecar.unlink()
    assert counts(library.sync(folder)) == {"changed": 1, "unchanged": 1}
    assert said(library)["a.png"] == (None, None, None)
    assert settled(library, folder)
    assert rows(library.path, "SELECT id FROM items WHERE name = 'a.png'") == [item]
    assert sum(encoder.pictures) == 5  # two photos, and one of them three times more


def test_a_photo_that_is_touched_keeps_what_its_sidecar_says(
    library: Library, folder: Path, encoder: FakeEncoder
) -> None:
    photo = paint(folder / "a.png", "red")
    beside(photo, xmp__Rating="3")
    library.sync(folder)
    advance_mtime(photo)
    assert counts(library.sync(folder)) == {"unchanged": 1}
    assert said(library)["a.png"][0] == 3
    assert sum(encoder.pictures) == 1
    assert settled(library, folder)


def test_a_photo_that_moves_with_its_sidecar_keeps_its_facts_unread(
    library: Library, folder: Path, encoder: FakeEncoder
) -> None:
    photo = paint(folder / "a.png", "red")
    sidecar = beside(photo, xmp__Rating="3")
    library.sync(folder)
    (folder / "new").mkdir()
    photo.rename(folder / "new" / "a.png")
    sidecar.rename(folder / "new" / "a.xmp")
    assert counts(library.sync(folder)) == {"moved": 1}
    assert said(library)["a.png"][0] == 3
    assert sum(encoder.pictures) == 1
    assert settled(library, folder)


def test_a_photo_that_leaves_its_sidecar_behind_loses_its_facts_and_stays_the_item(
    library: Library, folder: Path
) -> None:
    photo = paint(folder / "a.png", "red")
    beside(photo, xmp__Rating="3")
    library.sync(folder)
    before = rows(library.path, "SELECT id FROM items")
    photo.rename(folder / "z.png")
    assert counts(library.sync(folder)) == {"moved": 1, "changed": 1}
    assert said(library) == {"z.png": (None, None, None)}
    assert rows(library.path, "SELECT id FROM items") == before
    assert settled(library, folder)


def test_a_photo_that_moves_to_a_sidecar_gets_its_facts(library: Library, folder: Path) -> None:
    photo = paint(folder / "a.png", "red")
    library.sync(folder)
    moved = photo.rename(folder / "z.png")
    beside(moved, xmp__Rating="3")
    library.sync(folder)
    assert said(library) == {"z.png": (3, None, None)}
    assert settled(library, folder)


@pytest.mark.parametrize("with_sidecar", ["a.png", "b.png"], ids=["the first", "the second"])
@pytest.mark.parametrize("together", [True, False])
def test_of_two_photos_of_one_content_each_has_the_facts_of_its_own_sidecar(
    library: Library, folder: Path, with_sidecar: str, together: bool
) -> None:
    first = paint(folder / "a.png", "red")
    if with_sidecar == "a.png":
        beside(first, xmp__Rating="3")
    if not together:
        library.sync(folder)
    second = folder / "b.png"
    shutil.copy(first, second)
    if with_sidecar == "b.png":
        beside(second, xmp__Rating="3")
    library.sync(folder)
    expected: dict[str, tuple[object, ...]] = {"a.png": (None, None, None), "b.png": (None, None, None)}
    assert said(library) == expected | {with_sidecar: (3, None, None)}
    assert settled(library, folder)


def test_a_copy_without_any_sidecar_is_not_encoded_and_has_what_the_file_says(
    library: Library, folder: Path, encoder: FakeEncoder
) -> None:
    first = folder / "a.jpg"
    first.write_bytes(full_file("JPEG", exif=full_exif(), xmp=xmp_block(title="inside")))
    library.sync(folder)
    shutil.copy(first, folder / "b.jpg")
    assert counts(library.sync(folder)) == {"added": 1, "unchanged": 1}
    assert sum(encoder.pictures) == 1
    assert said(library)["b.jpg"] == (2, "inside", "inside\nfrom exif\nExif tag\nShared")
    assert rows(library.path, "SELECT count(*) FROM tags") == [(4,)]
    assert settled(library, folder)


def test_what_is_no_file_is_no_sidecar(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red")
    (folder / "a.xmp").mkdir()
    paint(folder / "b.png", "blue")
    (folder / "b.xmp").symlink_to("nowhere")
    library.sync(folder)
    assert said(library) == {"a.png": (None, None, None), "b.png": (None, None, None)}
    assert settled(library, folder)


def test_a_sidecar_that_is_left_out_is_not_read(library: Library, folder: Path) -> None:
    beside(paint(folder / "a.png", "red"), xmp__Rating="3")
    library.sync(folder, exclude=["*.xmp"])
    assert said(library) == {"a.png": (None, None, None)}


def test_a_broken_sidecar_costs_nothing_and_is_read_when_it_is_mended(library: Library, folder: Path) -> None:
    sidecar = folder / "a.xmp"
    paint(folder / "a.png", "red")
    sidecar.write_bytes(b"<x:xmpmeta")
    assert counts(library.sync(folder)) == {"added": 1}
    assert settled(library, folder)
    sidecar.write_bytes(xmp_block(xmp__Rating="3"))
    advance_mtime(sidecar)
    library.sync(folder)
    assert said(library)["a.png"][0] == 3


def test_a_photo_that_cannot_be_read_is_not_tried_again_for_its_sidecar(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red")
    (folder / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    library.sync(folder)
    (folder / "b.xmp").write_bytes(xmp_block(xmp__Rating="3"))
    assert counts(library.sync(folder)) == {"unchanged": 1, "failed": 1}
    assert "decode" not in library.sync(folder).seconds


def test_the_installed_program_finds_a_photo_by_the_words_of_its_sidecar(recall_program: Program, photos: Path) -> None:
    (photos / "coffee.xmp").write_bytes(xmp_block(tags=["Zanzibar"], description="breakfast at the harbour"))
    assert recall_program("index", photos).returncode == 0
    found = recall_program("search", "zanzibar", "--json", "-k", "1")
    assert '"words": ["zanzibar"]' in found.stdout
    assert "coffee.png" in found.stdout
    alone = recall_program("search", "zanzibar", "--no-hybrid", "--all", "--json", "-k", "20")
    assert '"words": []' in alone.stdout
    assert '"words": ["zanzibar"]' not in alone.stdout
    assert recall_program("check").returncode == 0
