"""Nested sources: each keeps its rules and its photos."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from indexer.errors import NoPhotosError
from retrieval import Library
from tests.support.color_photos import paint
from tests.support.encoders import FakeEncoder


def names(library: Library) -> set[str]:
    """Return the file names of all indexed photos."""
    return {hit.path.name for hit in library.search("red", k=99)}


def test_an_empty_mount_point_around_another_source_keeps_its_photos(library: Library, folder: Path) -> None:
    paint(folder / "inner" / "b.png", "blue")
    paint(folder / "a.png", "red")
    library.sync(folder / "inner")
    library.sync(folder)
    folder.rename(folder.with_name("away"))
    folder.mkdir()  # like an empty mount point
    with pytest.raises(NoPhotosError, match="Check that its disk is connected"):
        library.sync()
    with pytest.raises(NoPhotosError, match="Check that its disk is connected"):
        library.sync(folder)
    assert names(library) == {"a.png", "b.png"}


def test_excluded_photos_stay_excluded_when_a_subfolder_gets_other_rules(library: Library, folder: Path) -> None:
    paint(folder / "2019" / "private" / "secret.png", "red")
    paint(folder / "2019" / "a.png", "red")
    library.sync(folder, exclude=["20*/private/*"])
    library.sync(folder / "2019", include_hidden=True)
    library.sync()
    assert names(library) == {"a.png"}


def test_a_deleted_inner_source_does_not_stop_the_sync(
    library: Library, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    inner = paint(folder / "inner" / "b.png", "blue")
    paint(folder / "a.png", "red")
    library.sync(folder / "inner")
    library.sync(folder)
    inner.unlink()
    inner.parent.rmdir()
    paint(folder / "c.png", "lime")
    with caplog.at_level(logging.WARNING):
        assert library.sync(folder).added == 1
    assert f"if it was deleted, run: recall forget {folder / 'inner'}" in caplog.text


def test_a_renamed_inner_source_becomes_part_of_the_outer_one(
    library: Library, folder: Path, encoder: FakeEncoder, caplog: pytest.LogCaptureFixture
) -> None:
    paint(folder / "inner" / "b.png", "blue")
    paint(folder / "a.png", "red")
    library.sync(folder / "inner")
    library.sync(folder)
    encoder.pictures.clear()
    (folder / "inner").rename(folder / "other")
    with caplog.at_level(logging.WARNING):
        assert library.sync(folder).moved == 1
    assert encoder.pictures == []
    assert caplog.text == ""
    assert [source.root for source in library.status().sources] == [str(folder)]


def test_an_inner_source_without_photos_is_deleted(library: Library, folder: Path) -> None:
    photo = paint(folder / "inner" / "b.png", "blue")
    paint(folder / "a.png", "red")
    library.sync(folder / "inner")
    library.sync(folder)
    photo.rename(folder / "b.png")
    assert library.sync(folder).moved == 1
    assert library.sync().unchanged == 2
    assert [source.root for source in library.status().sources] == [str(folder)]


def test_new_rules_for_the_outer_source_do_not_apply_to_the_inner_one(
    library: Library, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paint(folder / "inner" / "b.png", "blue")
    paint(folder / "a.jpg", "red")
    library.sync(folder / "inner")
    with caplog.at_level(logging.WARNING):
        library.sync(folder, exclude=["*.png"])
    assert "inner is a source of its own and keeps its rules" in caplog.text
    assert names(library) == {"a.jpg", "b.png"}
