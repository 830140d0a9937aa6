"""Edits that keep size and modification time are noticed by the change time; without new content nothing is encoded."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from PIL import Image

from indexer.sync import content_lookup
from retrieval import Library
from tests.support.blocks import xmp_block
from tests.support.color_photos import paint
from tests.support.contents import rows
from tests.support.encoders import FakeEncoder
from tests.support.sync_results import best_match, counts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no change times")


def write_in_place(path: Path, content: bytes) -> None:
    """Write a file and set its times back, as `exiftool -P` does."""
    info = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


def write_bitmap(path: Path, color: str) -> None:
    """Write a picture whose size does not depend on its color, without changing an existing file's time."""
    new = path.with_suffix(".new")
    Image.new("RGB", (16, 12), color).save(new, "BMP")
    content = new.read_bytes()
    new.unlink()
    if path.exists():
        write_in_place(path, content)
    else:
        path.write_bytes(content)


def forget_change_times(library: Library) -> None:
    """Make the library one of an earlier version, which did not record change times."""
    with library._store.transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE items SET ctime_ns = NULL, sidecar_size = NULL, sidecar_ctime_ns = NULL, sidecar_hash = NULL"
        )


def refuse_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make reading a file's content an error."""

    def fail(file: object) -> bytes:
        raise AssertionError(f"{file} was read")

    monkeypatch.setattr(content_lookup, "_content_hash", fail)


def test_an_edit_that_keeps_size_and_time_is_noticed(library: Library, folder: Path) -> None:
    write_bitmap(folder / "a.bmp", "red")
    library.sync(folder)
    before = (folder / "a.bmp").stat()
    write_bitmap(folder / "a.bmp", "blue")
    after = (folder / "a.bmp").stat()
    assert (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    assert [problem.kind for problem in library.check()] == ["changed"]
    assert counts(library.sync(folder)) == {"changed": 1}
    assert round(library.search("blue", k=1)[0].score, 3) == 1.0
    assert library.check() == []


@pytest.mark.parametrize("change", ["mode", "link"])
def test_another_mode_or_link_is_not_another_picture(
    library: Library, folder: Path, tmp_path: Path, encoder: FakeEncoder, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = paint(folder / "a.png", "red")
    library.sync(folder)
    if change == "mode":
        photo.chmod(stat.S_IRUSR)
    else:
        os.link(photo, tmp_path / "link.png")
    assert counts(library.sync(folder)) == {"unchanged": 1}
    assert encoder.pictures == [1]
    refuse_reading(monkeypatch)
    assert counts(library.sync(folder)) == {"unchanged": 1}  # the new change time is recorded


def test_the_first_sync_of_an_older_library_reads_no_file(
    library: Library, folder: Path, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = paint(folder / "a.png", "red")
    sidecar = folder / "a.xmp"
    sidecar.write_bytes(xmp_block(xmp__Rating="3"))
    paint(folder / "b.png", "blue")
    (folder / "note.txt").write_text("lime")
    library.sync(folder)
    forget_change_times(library)
    with monkeypatch.context() as patch:
        refuse_reading(patch)
        assert counts(library.sync(folder)) == {"unchanged": 3}
        assert counts(library.sync(folder)) == {"unchanged": 3}
    assert encoder.pictures == [2]
    recorded = rows(library, "SELECT ctime_ns, sidecar_ctime_ns, sidecar_size FROM items ORDER BY name LIMIT 1")
    info = sidecar.stat()
    assert recorded == [(photo.stat().st_ctime_ns, info.st_ctime_ns, info.st_size)]
    write_in_place(sidecar, xmp_block(xmp__Rating="5"))
    assert counts(library.sync(folder)) == {"changed": 1, "unchanged": 2}


def test_an_edit_of_a_sidecar_that_keeps_its_time_is_noticed(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red")
    sidecar = folder / "a.xmp"
    sidecar.write_bytes(xmp_block(xmp__Rating="3"))
    library.sync(folder)
    for rating, title in (("5", ""), ("1", "another size")):
        write_in_place(sidecar, xmp_block(xmp__Rating=rating, **({"title": title} if title else {})))
        assert counts(library.sync(folder)) == {"changed": 1}
        assert library.search("red", k=1)[0].rating == int(rating)


def test_a_sidecar_with_the_same_content_is_not_another_sidecar(
    library: Library, folder: Path, encoder: FakeEncoder
) -> None:
    paint(folder / "a.png", "red")
    sidecar = folder / "a.xmp"
    sidecar.write_bytes(xmp_block(xmp__Rating="3"))
    library.sync(folder)
    sidecar.chmod(stat.S_IRUSR)
    assert counts(library.sync(folder)) == {"unchanged": 1}
    sidecar.chmod(stat.S_IRUSR | stat.S_IWUSR)
    sidecar.write_bytes(sidecar.read_bytes())
    assert counts(library.sync(folder)) == {"unchanged": 1}
    assert encoder.pictures == [1]
    assert library.search("red", k=1)[0].rating == 3


def test_a_moved_sidecar_with_other_content_is_read(library: Library, folder: Path) -> None:
    photo = paint(folder / "a.png", "red")
    sidecar = folder / "a.xmp"
    sidecar.write_bytes(xmp_block(xmp__Rating="3"))
    library.sync(folder)
    write_in_place(sidecar, xmp_block(xmp__Rating="5"))
    photo.rename(folder / "z.png")
    sidecar.rename(folder / "z.xmp")
    assert counts(library.sync(folder)) == {"moved": 1, "changed": 1}
    assert library.search("red", k=1)[0].rating == 5


def test_a_text_that_keeps_size_and_time_is_read_again(library: Library, folder: Path) -> None:
    note = folder / "note.txt"
    note.write_text("lime")
    paint(folder / "a.png", "red")
    library.sync(folder)
    write_in_place(note, b"blue")
    assert counts(library.sync(folder)) == {"changed": 1, "unchanged": 1}
    assert best_match(library, "blue") == "note.txt"


def test_a_damaged_photo_that_is_repaired_with_its_size_and_time_is_tried_again(library: Library, folder: Path) -> None:
    write_bitmap(folder / "a.bmp", "red")
    paint(folder / "b.png", "blue")
    whole = (folder / "a.bmp").read_bytes()
    (folder / "a.bmp").write_bytes(bytes(len(whole)))
    assert counts(library.sync(folder)) == {"added": 1, "failed": 1}
    write_in_place(folder / "a.bmp", whole)
    assert counts(library.sync(folder)) == {"changed": 1, "unchanged": 1}
