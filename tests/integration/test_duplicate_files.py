"""`recall duplicates` and names that lead to one file: links, hard links, second mounts."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from indexer.catalog.statements.duplicates import PhotoFile
from retrieval import DuplicatePhoto, Library
from retrieval.duplicates.files_on_disk import FilesOnDisk
from tests.support.duplicates import jpeg, scale
from tests.support.pictures import cat
from tests.support.program import Program


@pytest.fixture
def photo(folder: Path) -> Path:
    """Return a photo of a cat in a folder."""
    path = folder / "photo.jpg"
    path.write_bytes(jpeg(cat()))
    return path


def offered(library: Library, *folders: Path) -> list[DuplicatePhoto]:
    """Return what is offered beside the best photo of each group."""
    for folder in folders:
        library.sync(folder)
    return [photo for group in library.duplicates().groups for photo in group.others]


def test_a_link_and_the_file_that_it_leads_to_are_not_duplicates(library: Library, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "a.jpg").symlink_to(photo)
    assert offered(library, tmp_path / "links", photo.parent) == []


def test_a_linked_folder_and_its_target_are_not_duplicates(library: Library, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "inside").symlink_to(photo.parent, target_is_directory=True)
    assert offered(library, tmp_path / "links", photo.parent) == []


def test_two_names_of_one_file_are_not_duplicates(library: Library, photo: Path) -> None:
    (photo.parent / "second name.jpg").hardlink_to(photo)
    assert offered(library, photo.parent) == []


def test_a_file_that_is_two_items_is_not_a_duplicate_of_itself(photo: Path) -> None:
    status = photo.stat()
    items = [
        PhotoFile(number, str(photo), status.st_size, status.st_mtime_ns, 9, 9, "JPEG", None, 0) for number in (2, 1)
    ]
    assert [file.item_id for file in FilesOnDisk({}).select(items)] == [1]


def test_a_copy_is_offered_once_beside_the_names_of_the_other_file(library: Library, photo: Path) -> None:
    (photo.parent / "second name.jpg").hardlink_to(photo)
    shutil.copy(photo, photo.parent / "a.jpg")
    (copy,) = offered(library, photo.parent)
    assert (copy.path.name, copy.reclaimable_bytes) == ("a.jpg", photo.stat().st_size)


def test_deleting_one_of_two_names_is_not_counted_as_saved(recall_program: Program, photo: Path) -> None:
    small = photo.parent / "small.jpg"
    small.write_bytes(jpeg(scale(cat(), 0.5)))
    (photo.parent / "small too.jpg").hardlink_to(small)
    recall_program("index", photo.parent)
    run = recall_program("duplicates", "--json")
    (group,) = (json.loads(line) for line in run.stdout.splitlines())
    assert [(Path(other["path"]).name, other["reclaimable_bytes"]) for other in group["others"]] == [("small.jpg", 0)]
    assert run.stderr == "recall: 1 duplicate in 1 group; 0 bytes can be freed\n"


def test_a_link_is_never_offered(library: Library, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "small.jpg"
    target.write_bytes(jpeg(scale(cat(), 0.5)))
    (photo.parent / "link.jpg").symlink_to(target)
    assert offered(library, photo.parent) == []


def test_deleting_everything_that_is_offered_leaves_every_picture(
    recall_program: Program, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "a.jpg").symlink_to(photo)
    (tmp_path / "links" / "b.jpg").hardlink_to(photo)
    shutil.copy(photo, tmp_path / "links" / "copy.jpg")
    recall_program("index", tmp_path / "links", photo.parent)
    for path in recall_program("duplicates", "-0").stdout.split("\0")[:-1]:
        os.unlink(path)
    left = [path for path in (photo, *(tmp_path / "links").iterdir()) if path.exists() and not path.is_symlink()]
    assert left
    assert all(path.exists() for path in (tmp_path / "links").iterdir())
