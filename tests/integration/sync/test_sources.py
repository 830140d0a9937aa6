"""Sources: their parts, missing disks, exclusion and links."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from indexer.errors import NoPhotosError, SourceError
from retrieval import Library
from tests.support.color_photos import paint
from tests.support.contents import count
from tests.support.encoders import FakeEncoder
from tests.support.sync_results import counts, found_names


def test_a_part_of_a_source_is_synced_without_the_rest(library: Library, folder: Path) -> None:
    paint(folder / "one" / "a.png", "red")
    paint(folder / "two" / "b.png", "blue")
    library.sync(folder)
    (folder / "one" / "a.png").unlink()
    paint(folder / "one" / "c.png", "lime")
    (folder / "two" / "b.png").unlink()
    assert counts(library.sync(folder / "one")) == {"added": 1, "removed": 1}
    assert found_names(library) == ["b.png", "c.png"]
    assert [source.root for source in library.status().sources] == [str(folder)]


def test_a_folder_that_encloses_sources_indexes_nothing_twice(
    library: Library, folder: Path, encoder: FakeEncoder
) -> None:
    paint(folder / "one" / "a.png", "red")
    paint(folder / "two" / "b.png", "blue")
    paint(folder / "c.png", "lime")
    library.sync(folder / "one", folder / "two")
    assert counts(library.sync(folder)) == {"added": 1, "unchanged": 2}
    assert [source.root for source in library.status().sources] == [
        str(folder),
        *map(str, (folder / "one", folder / "two")),
    ]
    assert count(library, "items") == 3
    assert sum(encoder.pictures) == 3


def test_a_folder_whose_name_begins_with_a_siblings_is_another_source(library: Library, folder: Path) -> None:
    paint(folder / "one" / "a.png", "red")
    paint(folder / "one more" / "b.png", "blue")
    library.sync(folder / "one", folder / "one more")
    (folder / "one more" / "b.png").unlink()
    library.sync(folder / "one")
    assert found_names(library) == ["a.png", "b.png"]
    assert len(library.status().sources) == 2


def test_without_a_path_all_sources_are_synced(library: Library, folder: Path, tmp_path: Path) -> None:
    paint(folder / "a.png", "red")
    other = paint(tmp_path / "other" / "b.png", "blue").parent
    library.sync(folder, other)
    paint(folder / "c.png", "lime")
    paint(other / "d.png", "yellow")
    assert counts(library.sync()) == {"added": 2, "unchanged": 2}


def test_a_missing_source_is_kept_and_the_others_are_synced(library: Library, folder: Path, tmp_path: Path) -> None:
    paint(folder / "a.png", "red")
    other = paint(tmp_path / "disk" / "b.png", "blue").parent
    library.sync(folder, other)
    shutil.rmtree(other)
    paint(folder / "c.png", "lime")
    assert counts(library.sync()) == {"added": 1, "unchanged": 1}
    assert found_names(library) == ["a.png", "b.png", "c.png"]


def test_an_empty_mount_point_does_not_stop_the_sync_of_the_other_sources(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    disk = paint(tmp_path / "disk" / "b.png", "blue").parent  # sorts before the other source, "pictures"
    paint(folder / "a.png", "red")
    library.sync(disk, folder)
    (disk / "b.png").unlink()
    paint(folder / "c.png", "lime")
    with pytest.raises(NoPhotosError, match="disk contains no photos or texts now, but the library has 1 from it"):
        library.sync()
    assert found_names(library) == ["a.png", "b.png", "c.png"]


def test_a_single_file_can_be_a_source(library: Library, folder: Path) -> None:
    path = paint(folder / "a.png", "red")
    paint(folder / "b.png", "blue")
    assert counts(library.sync(path)) == {"added": 1}
    assert found_names(library) == ["a.png"]
    assert counts(library.sync(path)) == {"unchanged": 1}


def test_an_empty_folder_removes_nothing(library: Library, folder: Path) -> None:
    path = paint(folder / "a.png", "red")
    library.sync(folder)
    path.unlink()
    with pytest.raises(
        NoPhotosError, match=r"the library has 1 from it; nothing was removed. Check that its disk is connected"
    ):
        library.sync(folder)
    assert found_names(library) == ["a.png"]


def test_a_missing_folder_removes_nothing(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red")
    library.sync(folder)
    shutil.rmtree(folder)
    with pytest.raises(SourceError, match=r"pictures cannot be found \(No such file or directory\)"):
        library.sync(folder)
    assert found_names(library) == ["a.png"]


def test_items_of_a_folder_that_cannot_be_listed_are_kept(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(folder / "a.png", "red")
    paint(folder / "locked" / "deep" / "b.png", "blue")
    paint(folder / "locked.png", "lime")
    paint(folder / "z.png", "yellow")
    library.sync(folder)
    (folder / "z.png").unlink()
    real_scandir = os.scandir

    def scandir(path: bytes) -> object:
        if os.fsdecode(path) == str(folder / "locked"):
            raise PermissionError(13, "Permission denied", path)
        return real_scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        report = library.sync(folder)
    assert counts(report) == {"unchanged": 2, "removed": 1}
    assert report.unreadable_folders == [f"{folder / 'locked'}: Permission denied"]
    assert found_names(library) == ["a.png", "b.png", "locked.png"]
    assert counts(library.sync(folder)) == {"unchanged": 3}


def test_hidden_files_and_system_folders_are_excluded(library: Library, folder: Path) -> None:
    for name in ("a.png", ".b.png", ".cache/c.png", "@eaDir/d.png", "sub/@eaDir/e.png", "__MACOSX/f.png"):
        paint(folder / name, "red")
    assert counts(library.sync(folder)) == {"added": 1}
    assert counts(library.sync(folder, include_hidden=True)) == {"added": 2, "unchanged": 1}
    assert found_names(library) == [".b.png", "a.png", "c.png"]
    assert counts(library.sync(folder)) == {"unchanged": 3}  # the setting is stored
    assert counts(library.sync(folder, include_hidden=False)) == {"removed": 2, "unchanged": 1}


def test_excluded_patterns_are_stored_and_their_photos_removed(library: Library, folder: Path) -> None:
    for name in ("a.png", "b.jpg", "raw/c.png"):
        paint(folder / name, "red")
    library.sync(folder)
    assert counts(library.sync(folder, exclude=["*.jpg", "raw"])) == {"removed": 2, "unchanged": 1}
    assert counts(library.sync(folder)) == {"unchanged": 1}
    assert counts(library.sync()) == {"unchanged": 1}
    assert counts(library.sync(folder, exclude=[])) == {"added": 2, "unchanged": 1}
    assert found_names(library) == ["a.png", "b.jpg", "c.png"]


def test_a_part_of_a_source_is_synced_with_the_sources_rules(library: Library, folder: Path) -> None:
    paint(folder / "sub" / "a.png", "red")
    paint(folder / "sub" / "b.jpg", "blue")
    library.sync(folder, exclude=["sub/*.jpg"])
    assert counts(library.sync(folder / "sub")) == {"unchanged": 1}


def test_links_are_followed_once_and_circles_are_not_endless(library: Library, folder: Path, tmp_path: Path) -> None:
    paint(folder / "a.png", "red")
    paint(tmp_path / "elsewhere" / "b.png", "blue")
    (folder / "again.png").symlink_to(folder / "a.png")
    (folder / "circle").symlink_to(folder)
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (folder / "links").symlink_to(tmp_path / "elsewhere")
    assert counts(library.sync(folder)) == {"added": 2}
    assert sorted(str(hit.path.relative_to(folder)) for hit in library.search("red", k=10)) == ["a.png", "link/b.png"]
    assert counts(library.sync(folder)) == {"unchanged": 2}


def test_a_source_given_by_a_link_is_the_links_target(library: Library, folder: Path, tmp_path: Path) -> None:
    paint(folder / "a.png", "red")
    library.sync(folder)
    (tmp_path / "link").symlink_to(folder)
    assert counts(library.sync(tmp_path / "link")) == {"unchanged": 1}
    assert [source.root for source in library.status().sources] == [str(folder)]


def test_a_library_in_the_source_is_not_indexed(folder: Path, encoder: FakeEncoder) -> None:
    paint(folder / "a.png", "red")
    with Library.open(folder / "photos.recall", encoder=encoder) as library:
        paint(folder / "photos.recall" / "b.png", "blue")
        assert counts(library.sync(folder)) == {"added": 1}
