"""XMP sidecars: which photo they belong to, what they change, and when a photo is read again for them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from indexer.sync.scan_rules import Rules
from indexer.sync.walk_entries import SourceFile
from retrieval import Library
from tests.support.blocks import full_exif, full_file, xmp_block
from tests.support.color_photos import advance_mtime, paint
from tests.support.contents import contents, rows
from tests.support.encoders import FakeEncoder
from tests.support.program import Program
from tests.support.sync_results import counts
from tests.support.walks import walk


def write_sidecar(photo: Path, name: str = "", **properties: str) -> Path:
    """Write a photo's sidecar; its default name is the photo's with the suffix .xmp."""
    sidecar = photo.with_name(name) if name else photo.with_suffix(".xmp")
    sidecar.write_bytes(xmp_block(**properties))
    return sidecar


def metadata_of(library: Library) -> dict[str, tuple[object, ...]]:
    """Return the rating, title and full text of each photo, by name."""
    photos = rows(
        library,
        "SELECT name, rating, title, units.text FROM items LEFT JOIN units ON item_id = items.id ORDER BY path",
    )
    return {name: tuple(values) for name, *values in photos}


def is_up_to_date(library: Library, folder: Path) -> bool:
    """Return whether another sync changes nothing and a check finds nothing."""
    before = contents(library)
    report = library.sync(folder)
    file_count = sum(1 for file in walk(str(folder), Rules()) if isinstance(file, SourceFile))
    return counts(report) == {"unchanged": file_count} and contents(library) == before and library.check() == []


@pytest.mark.parametrize("name", ["a.xmp", "a.XMP", "a.png.xmp", "a.png.XMP"])
def test_a_photo_has_the_metadata_of_its_sidecar(library: Library, folder: Path, name: str) -> None:
    write_sidecar(paint(folder / "a.png", "red"), name, xmp__Rating="4", title="Harbour")
    paint(folder / "a.jpg.png", "blue")  # none of these is the name of its sidecar
    assert counts(library.sync(folder)) == {"added": 2}
    assert metadata_of(library) == {"a.png": (4, "Harbour", "Harbour"), "a.jpg.png": (None, None, None)}
    assert is_up_to_date(library, folder)


def test_a_photo_that_is_a_source_has_the_metadata_of_its_sidecar(library: Library, folder: Path) -> None:
    photo = paint(folder / "a.png", "red")
    write_sidecar(photo, xmp__Rating="4")
    library.sync(photo)
    assert metadata_of(library) == {"a.png": (4, None, None)}
    assert counts(library.sync(photo)) == {"unchanged": 1}


def test_the_sidecar_takes_precedence_and_the_file_has_the_missing_fields(library: Library, folder: Path) -> None:
    photo = folder / "a.jpg"
    photo.write_bytes(full_file("JPEG", exif=full_exif(), xmp=xmp_block(title="embedded")))
    sidecar = xmp_block(
        tags=["sidecar"],
        exif__DateTimeOriginal="2020-02-03T04:05:06Z",
        exif__GPSLatitude="1,0N",
        exif__GPSLongitude="2,0E",
    )
    photo.with_suffix(".xmp").write_bytes(sidecar)
    library.sync(folder)
    columns = "taken_at, taken_from, utc_offset, latitude, longitude, title, rating, lens, units.text"
    (row,) = rows(library, f"SELECT {columns} FROM items JOIN units ON item_id = items.id")  # noqa: S608
    assert row[:5] == ("2020-02-03 04:05:06.000000", "xmp", 0, 1.0, 2.0)
    assert row[5:] == ("embedded", 2, "RF24-70mm F2.8 L IS USM", "embedded\nfrom exif\nsidecar")
    assert rows(library, "SELECT tag FROM tags") == [("sidecar",)]


def test_of_two_sidecars_the_one_with_the_full_file_name_is_read(library: Library, folder: Path) -> None:
    photo = paint(folder / "a.png", "red")
    write_sidecar(photo, "a.xmp", xmp__Rating="1")
    exact = write_sidecar(photo, "a.png.xmp", xmp__Rating="2")
    library.sync(folder)
    assert metadata_of(library)["a.png"][0] == 2
    exact.unlink()
    assert counts(library.sync(folder)) == {"changed": 1}
    assert metadata_of(library)["a.png"][0] == 1


def test_a_new_changed_or_deleted_sidecar_is_noticed(library: Library, folder: Path, encoder: FakeEncoder) -> None:
    photo = paint(folder / "a.png", "red")
    paint(folder / "b.png", "blue")
    library.sync(folder)
    (item,) = rows(library, "SELECT id FROM items WHERE name = 'a.png'")
    sidecar = write_sidecar(photo, xmp__Rating="3", title="one")
    assert counts(library.sync(folder)) == {"changed": 1, "unchanged": 1}
    assert metadata_of(library)["a.png"] == (3, "one", "one")
    assert is_up_to_date(library, folder)
    write_sidecar(photo, xmp__Rating="5", title="two")
    advance_mtime(sidecar)
    assert counts(library.sync(folder)) == {"changed": 1, "unchanged": 1}
    assert metadata_of(library)["a.png"] == (5, "two", "two")
    sidecar.unlink()
    assert counts(library.sync(folder)) == {"changed": 1, "unchanged": 1}
    assert metadata_of(library)["a.png"] == (None, None, None)
    assert is_up_to_date(library, folder)
    assert rows(library, "SELECT id FROM items WHERE name = 'a.png'") == [item]
    assert sum(encoder.pictures) == 5  # two photos, one of them three more times


def test_a_touched_photo_keeps_the_metadata_of_its_sidecar(
    library: Library, folder: Path, encoder: FakeEncoder
) -> None:
    photo = paint(folder / "a.png", "red")
    write_sidecar(photo, xmp__Rating="3")
    library.sync(folder)
    advance_mtime(photo)
    assert counts(library.sync(folder)) == {"unchanged": 1}
    assert metadata_of(library)["a.png"][0] == 3
    assert sum(encoder.pictures) == 1
    assert is_up_to_date(library, folder)


def test_a_photo_moved_with_its_sidecar_is_not_read_again(library: Library, folder: Path, encoder: FakeEncoder) -> None:
    photo = paint(folder / "a.png", "red")
    sidecar = write_sidecar(photo, xmp__Rating="3")
    library.sync(folder)
    (folder / "new").mkdir()
    photo.rename(folder / "new" / "a.png")
    sidecar.rename(folder / "new" / "a.xmp")
    assert counts(library.sync(folder)) == {"moved": 1}
    assert metadata_of(library)["a.png"][0] == 3
    assert sum(encoder.pictures) == 1
    assert is_up_to_date(library, folder)


def test_a_photo_moved_without_its_sidecar_loses_the_metadata_and_keeps_its_item(
    library: Library, folder: Path
) -> None:
    photo = paint(folder / "a.png", "red")
    write_sidecar(photo, xmp__Rating="3")
    library.sync(folder)
    before = rows(library, "SELECT id FROM items")
    photo.rename(folder / "z.png")
    assert counts(library.sync(folder)) == {"moved": 1, "changed": 1}
    assert metadata_of(library) == {"z.png": (None, None, None)}
    assert rows(library, "SELECT id FROM items") == before
    assert is_up_to_date(library, folder)


def test_a_photo_moved_next_to_a_sidecar_gets_its_metadata(library: Library, folder: Path) -> None:
    photo = paint(folder / "a.png", "red")
    library.sync(folder)
    moved = photo.rename(folder / "z.png")
    write_sidecar(moved, xmp__Rating="3")
    library.sync(folder)
    assert metadata_of(library) == {"z.png": (3, None, None)}
    assert is_up_to_date(library, folder)


@pytest.mark.parametrize("with_sidecar", ["a.png", "b.png"], ids=["the first", "the second"])
@pytest.mark.parametrize("in_one_run", [True, False])
def test_two_photos_with_one_content_have_the_metadata_of_their_own_sidecars(
    library: Library, folder: Path, with_sidecar: str, in_one_run: bool
) -> None:
    first = paint(folder / "a.png", "red")
    if with_sidecar == "a.png":
        write_sidecar(first, xmp__Rating="3")
    if not in_one_run:
        library.sync(folder)
    second = folder / "b.png"
    shutil.copy(first, second)
    if with_sidecar == "b.png":
        write_sidecar(second, xmp__Rating="3")
    library.sync(folder)
    expected: dict[str, tuple[object, ...]] = {"a.png": (None, None, None), "b.png": (None, None, None)}
    assert metadata_of(library) == expected | {with_sidecar: (3, None, None)}
    assert is_up_to_date(library, folder)


def test_a_copy_without_a_sidecar_is_not_encoded_and_has_the_metadata_of_the_file(
    library: Library, folder: Path, encoder: FakeEncoder
) -> None:
    first = folder / "a.jpg"
    first.write_bytes(full_file("JPEG", exif=full_exif(), xmp=xmp_block(title="embedded")))
    library.sync(folder)
    shutil.copy(first, folder / "b.jpg")
    assert counts(library.sync(folder)) == {"added": 1, "unchanged": 1}
    assert sum(encoder.pictures) == 1
    assert metadata_of(library)["b.jpg"] == (2, "embedded", "embedded\nfrom exif\nExif tag\nShared")
    assert rows(library, "SELECT count(*) FROM tags") == [(4,)]
    assert is_up_to_date(library, folder)


def test_a_folder_or_broken_link_is_not_a_sidecar(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red")
    (folder / "a.xmp").mkdir()
    paint(folder / "b.png", "blue")
    (folder / "b.xmp").symlink_to("nowhere")
    library.sync(folder)
    assert metadata_of(library) == {"a.png": (None, None, None), "b.png": (None, None, None)}
    assert is_up_to_date(library, folder)


def test_an_excluded_sidecar_is_not_read(library: Library, folder: Path) -> None:
    write_sidecar(paint(folder / "a.png", "red"), xmp__Rating="3")
    library.sync(folder, exclude=["*.xmp"])
    assert metadata_of(library) == {"a.png": (None, None, None)}


def test_a_damaged_sidecar_is_ignored_and_read_when_repaired(library: Library, folder: Path) -> None:
    sidecar = folder / "a.xmp"
    paint(folder / "a.png", "red")
    sidecar.write_bytes(b"<x:xmpmeta")
    assert counts(library.sync(folder)) == {"added": 1}
    assert is_up_to_date(library, folder)
    sidecar.write_bytes(xmp_block(xmp__Rating="3"))
    advance_mtime(sidecar)
    library.sync(folder)
    assert metadata_of(library)["a.png"][0] == 3


def test_an_unreadable_photo_is_not_retried_because_of_a_new_sidecar(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red")
    (folder / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    library.sync(folder)
    (folder / "b.xmp").write_bytes(xmp_block(xmp__Rating="3"))
    assert counts(library.sync(folder)) == {"unchanged": 1, "failed": 1}
    assert "decode" not in library.sync(folder).seconds


def test_the_program_finds_a_photo_by_the_words_of_its_sidecar(recall_program: Program, photos: Path) -> None:
    (photos / "coffee.xmp").write_bytes(xmp_block(tags=["Zanzibar"], description="breakfast at the harbour"))
    assert recall_program("index", photos).returncode == 0
    found = recall_program("search", "zanzibar", "--json", "-k", "1")
    assert '"words": ["zanzibar"]' in found.stdout
    assert "coffee.png" in found.stdout
    alone = recall_program("search", "zanzibar", "--no-hybrid", "--all", "--json", "-k", "20")
    assert '"words": []' in alone.stdout
    assert '"words": ["zanzibar"]' not in alone.stdout
    assert recall_program("check").returncode == 0
