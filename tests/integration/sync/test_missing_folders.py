"""A folder that has lost all of its files may be a disk that is away: its items are kept until they are forgotten."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from indexer.errors import NoPhotosError, SourceError
from indexer.sync import scan, walker
from indexer.sync.report import MissingFolder
from indexer.sync.walk_entries import Listing, WalkEntry
from retrieval import Library
from tests.support.color_photos import paint
from tests.support.encoders import FakeEncoder
from tests.support.program import Program
from tests.support.sync_results import counts, found_names

EMPTY = "it contains no photos now"


@pytest.fixture
def album(library: Library, folder: Path) -> Path:
    """Return an indexed folder: a photo, and a folder NAS with one photo and two more in two folders."""
    for name, color in {"here.png": "red", "NAS/a.png": "lime", "NAS/x/b.png": "blue", "NAS/y/c.png": "cyan"}.items():
        paint(folder / name, color)
    assert library.sync(folder).added == 4
    return folder


def unmount(folder: Path) -> Path:
    """Empty a folder as unmounting its disk does, and return where its content is now."""
    away = folder.with_name(f"{folder.name} away")
    folder.rename(away)
    folder.mkdir()
    return away


def mount(folder: Path, away: Path) -> None:
    """Bring the content of a folder back."""
    shutil.rmtree(folder)
    away.rename(folder)


def missing(library: Library, *paths: Path, forget_missing: bool = False) -> list[tuple[str, int, str]]:
    """Return the missing folders that a sync reports."""
    folders = library.sync(*paths, forget_missing=forget_missing).missing_folders
    return [(os.path.basename(folder.path), folder.items, folder.reason) for folder in folders]


def test_the_photos_of_an_empty_folder_stay_and_are_not_encoded_again(
    library: Library, album: Path, encoder: FakeEncoder
) -> None:
    away = unmount(album / "NAS")
    away = away.rename(album.with_name("elsewhere"))
    report = library.sync()
    assert counts(report) == {"unchanged": 1}
    assert report.missing_folders == [MissingFolder(str(album / "NAS"), 3, EMPTY)]
    assert found_names(library) == ["a.png", "b.png", "c.png", "here.png"]
    mount(album / "NAS", away)
    report = library.sync()
    assert counts(report) == {"unchanged": 4}
    assert report.missing_folders == []
    assert sum(encoder.pictures) == 4


def test_a_note_in_the_empty_folder_is_no_sign_of_the_disk(library: Library, album: Path) -> None:
    shutil.rmtree(album / "NAS")
    (album / "NAS").mkdir()
    (album / "NAS" / "README.txt").write_text("the disk is not mounted")
    assert missing(library) == [("NAS", 3, EMPTY)]
    assert missing(library) == [("NAS", 3, EMPTY)]  # the note is known by now
    assert library.status().photos == 4


def test_of_nested_empty_folders_the_outermost_is_reported(library: Library, album: Path) -> None:
    for photo in (album / "NAS").rglob("*.png"):
        photo.unlink()
    assert missing(library) == [("NAS", 3, EMPTY)]


def test_an_empty_folder_next_to_photos_is_reported_by_itself(library: Library, album: Path) -> None:
    (album / "NAS" / "x" / "b.png").unlink()
    assert missing(library) == [("x", 1, EMPTY)]
    assert library.status().photos == 4


@pytest.mark.parametrize("name", ["NAS/a.png", "NAS/x"])
def test_what_is_deleted_from_a_folder_that_still_has_photos_is_removed(
    library: Library, album: Path, name: str
) -> None:
    path = album / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    report = library.sync()
    assert counts(report) == {"removed": 1, "unchanged": 3}
    assert report.missing_folders == []


def test_a_deleted_folder_next_to_photos_is_removed(library: Library, album: Path) -> None:
    shutil.rmtree(album / "NAS")
    assert counts(library.sync()) == {"removed": 3, "unchanged": 1}


def test_photos_that_replace_all_others_in_a_folder_are_a_deletion(library: Library, album: Path) -> None:
    (album / "NAS" / "x" / "b.png").unlink()
    paint(album / "NAS" / "x" / "new.png", "yellow")
    assert counts(library.sync()) == {"added": 1, "removed": 1, "unchanged": 3}


def test_a_text_that_replaces_another_is_a_deletion(library: Library, album: Path) -> None:
    (album / "notes").mkdir()
    (album / "notes" / "old.txt").write_text("red")
    library.sync()
    (album / "notes" / "old.txt").unlink()
    (album / "notes" / "new.txt").write_text("blue")
    assert counts(library.sync()) == {"added": 1, "removed": 1, "unchanged": 4}


def test_a_folder_whose_photos_all_moved_elsewhere_is_not_missing(library: Library, album: Path) -> None:
    (album / "NAS" / "x" / "b.png").rename(album / "b.png")
    report = library.sync()
    assert counts(report) == {"moved": 1, "unchanged": 3}
    assert report.missing_folders == []


def test_the_empty_folder_behind_a_link_is_missing(library: Library, folder: Path, tmp_path: Path) -> None:
    paint(folder / "here.png", "red")
    paint(tmp_path / "disk" / "there.png", "blue")
    (folder / "NAS").symlink_to(tmp_path / "disk")
    library.sync(folder)
    (tmp_path / "disk" / "there.png").unlink()
    assert missing(library) == [("NAS", 1, EMPTY)]
    (tmp_path / "disk").rmdir()
    report = library.sync()
    assert report.unreadable_folders == [f"{folder / 'NAS'}: a link whose target does not exist"]
    assert report.missing_folders == []
    assert library.status().photos == 2


def test_a_photo_behind_a_broken_link_stays(
    library: Library, folder: Path, tmp_path: Path, encoder: FakeEncoder
) -> None:
    paint(folder / "here.png", "red")
    photo = paint(tmp_path / "disk" / "there.png", "blue")
    (folder / "there.png").symlink_to(photo)
    library.sync(folder)
    away = (tmp_path / "disk").rename(tmp_path / "away")
    report = library.sync()
    assert counts(report) == {"unchanged": 1}
    assert report.unreadable_folders == [f"{folder / 'there.png'}: a link whose target does not exist"]
    assert found_names(library) == ["here.png", "there.png"]
    away.rename(tmp_path / "disk")
    assert counts(library.sync()) == {"unchanged": 2}
    assert sum(encoder.pictures) == 2


def test_a_photo_of_a_missing_folder_that_is_found_elsewhere_has_moved(library: Library, album: Path) -> None:
    away = unmount(album / "NAS" / "x")
    assert missing(library) == []  # its files are in a folder next to it
    shutil.rmtree(away)
    assert missing(library) == []  # and deleted there
    assert library.status().photos == 3


def test_the_photos_of_missing_folders_leave_when_they_are_forgotten(library: Library, album: Path) -> None:
    (album / "NAS" / "x" / "b.png").unlink()
    (album / "NAS" / "y" / "c.png").unlink()
    assert missing(library) == [("x", 1, EMPTY), ("y", 1, EMPTY)]
    assert library.forget(album / "NAS" / "x") == 1
    assert missing(library) == [("y", 1, EMPTY)]
    report = library.sync(forget_missing=True)
    assert counts(report) == {"removed": 1, "unchanged": 2}
    assert report.missing_folders == []


def test_an_excluded_folder_leaves_the_library_although_it_is_empty(library: Library, album: Path) -> None:
    away = unmount(album / "NAS").rename(album.with_name("elsewhere"))
    assert counts(library.sync(album, exclude=["NAS"])) == {"removed": 3, "unchanged": 1}
    assert away.is_dir()


def test_excluding_all_photos_of_a_folder_is_not_a_missing_disk(library: Library, album: Path) -> None:
    report = library.sync(album, exclude=["b.png"])
    assert counts(report) == {"removed": 1, "unchanged": 3}
    assert report.missing_folders == []


def test_a_source_with_nothing_but_a_note_keeps_its_photos(library: Library, album: Path) -> None:
    shutil.rmtree(album)
    album.mkdir()
    (album / "note.txt").write_text("red")
    assert missing(library) == [(album.name, 4, EMPTY)]
    assert library.status().photos == 4


def test_an_empty_source_is_forgotten_on_request(library: Library, album: Path) -> None:
    shutil.rmtree(album)
    album.mkdir()
    with pytest.raises(NoPhotosError, match="the library has 4 from it; nothing was removed"):
        library.sync()
    assert counts(library.sync(album, forget_missing=True)) == {"removed": 4}
    assert library.sync().removed == 0  # an empty source without items is no error


def test_a_source_that_cannot_be_read_to_its_end_removes_nothing(
    library: Library, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (album / "NAS" / "a.png").unlink()

    def cut_short(*args: Any, **options: Any) -> Iterator[WalkEntry]:
        entries = walker.walk(*args, **options)
        yield from (next(entry for entry in entries if isinstance(entry, Listing)),)
        raise SourceError("the disk does not answer")

    monkeypatch.setattr(scan, "walk_source", cut_short)
    with pytest.raises(SourceError, match="does not answer"):
        library.sync()
    assert library.status().photos == 4


def test_the_program_names_the_folder_and_the_command_that_forgets_it(recall_program: Program, folder: Path) -> None:
    for name in ("here.png", "on disk/there.png"):
        paint(folder / name, "red")
    recall_program("index", folder)
    (folder / "on disk" / "there.png").unlink()
    done = recall_program("index")
    assert done.returncode == 3
    command = f"recall forget '{folder}/on disk'"
    assert done.stderr.splitlines() == [
        f"missing: {folder}/on disk: {EMPTY}; the library keeps its 1 item. If they were deleted, run: {command}"
    ]
    done = recall_program("index", "--forget-missing")
    assert done.stdout.startswith("0 added, 1 removed, 1 unchanged")
