"""`recall duplicates` and `Library.duplicates`, on real photos and changed versions of them."""

from __future__ import annotations

import json
import os
import shutil
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval import DuplicateGroup, Library, LibraryError, QueryError
from tests.support.duplicates import SAME, add_border, jpeg
from tests.support.encoders import FakeEncoder
from tests.support.pictures import cat, exif_block
from tests.support.program import Program


def make_album(folder: Path, skimage_photos: Path) -> Path:
    """Return a folder with a cat in six files, two shots of a motorcycle, a cup twice, and a rocket."""
    folder.mkdir()
    for name in ("chelsea.png", "coffee.png", "motorcycle_left.png", "motorcycle_right.png", "rocket.jpg"):
        shutil.copy(skimage_photos / name, folder)
    random = np.random.default_rng(0)
    for name, change in (("half", "half as wide"), ("crop", "crop, 75 % left"), ("poor", "JPEG, quality 30")):
        (folder / f"cat-{name}.jpg").write_bytes(SAME[change](cat(), random))
    (folder / "cat-border.jpg").write_bytes(jpeg(add_border(cat(), random)))
    (folder / "cat-signed.jpg").write_bytes(SAME["white text"](cat(), random))
    shutil.copy(folder / "coffee.png", folder / "coffee copy.png")
    return folder


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, skimage_photos: Path) -> Path:
    """Return the library of an album, for tests that change neither."""
    folder = tmp_path_factory.mktemp("duplicates")
    album = make_album(folder / "album", skimage_photos)
    with Library.open(folder / "album.recall") as library:
        library.sync(album)
    return folder / "album.recall"


@pytest.fixture
def album(tmp_path: Path, skimage_photos: Path, library: Library) -> Path:
    """Return an album that the test may change, indexed in `library`, to whose encoder all cats look alike."""
    folder = make_album(tmp_path / "album", skimage_photos)
    library.sync(folder)
    return folder


def names(group: DuplicateGroup) -> set[str]:
    """Return the file names of a group."""
    return {photo.path.name for photo in (group.best, *group.others)}


def test_photos_of_the_same_picture_are_grouped_and_other_shots_stay_apart(
    recall_program: Program, indexed: Path
) -> None:
    run = recall_program("duplicates", "--json", "--library", indexed)
    assert run.returncode == 0, run.stderr
    cats, cups = (json.loads(line) for line in run.stdout.splitlines())
    assert Path(cats["best"]["path"]).name == "chelsea.png"  # the border makes the other larger, not better
    assert {Path(photo["path"]).name: photo["how"] for photo in cats["others"]} == {
        "cat-half.jpg": "smaller",
        "cat-crop.jpg": "crop",
        "cat-poor.jpg": "re-encoded",
        "cat-border.jpg": "uncropped",
        "cat-signed.jpg": "re-encoded",
    }
    assert [photo["how"] for photo in cups["others"]] == ["copy"]
    assert "6 duplicates in 2 groups" in run.stderr


def test_paths_lists_all_but_the_best_of_each_group(recall_program: Program, indexed: Path) -> None:
    lines = recall_program("duplicates", "--paths", "--library", indexed).stdout.splitlines()
    assert {Path(line).name for line in lines} == {
        "cat-half.jpg",
        "cat-crop.jpg",
        "cat-poor.jpg",
        "cat-border.jpg",
        "cat-signed.jpg",
        "coffee copy.png",
    }
    assert recall_program("duplicates", "-0", "--library", indexed).stdout.split("\0") == [*lines, ""]
    assert all(Path(line).exists() for line in lines)


def test_the_table_lists_the_best_of_each_group_first(recall_program: Program, indexed: Path) -> None:
    head, first, *_ = recall_program("duplicates", "--library", indexed).stdout.splitlines()
    assert head.split() == ["group", "what", "pixels", "size", "photo"]
    assert first.split()[:6] == ["1", "best", "451", "x", "300", "240.5"]


def test_without_duplicates_the_exit_code_is_1(recall_program: Program, skimage_photos: Path) -> None:
    recall_program("index", skimage_photos / "rocket.jpg")
    run = recall_program("duplicates")
    assert (run.returncode, run.stdout, run.stderr) == (1, "", "recall: no duplicates found\n")


def test_an_empty_library_is_an_error_with_advice(tmp_path: Path) -> None:
    with (
        Library.open(tmp_path / "new.recall") as library,
        pytest.raises(LibraryError, match="run: recall index FOLDER"),
    ):
        library.duplicates()


def test_missing_and_changed_photos_are_reported_and_never_the_best(recall_program: Program, album: Path) -> None:
    (album / "chelsea.png").unlink()
    (album / "cat-border.jpg").write_bytes(b"no picture")
    run = recall_program("duplicates", "--json")
    assert run.returncode == 3
    assert f"not compared: {album / 'chelsea.png'}: it cannot be read (No such file or directory)\n" in run.stderr
    assert f"{album / 'cat-border.jpg'}: it has changed since it was indexed; run: recall index\n" in run.stderr
    bests = {Path(json.loads(line)["best"]["path"]).name for line in run.stdout.splitlines()}
    assert bests == {"cat-signed.jpg", "coffee.png"}


def test_a_photo_whose_copy_is_missing_is_not_a_duplicate(library: Library, album: Path) -> None:
    (album / "coffee copy.png").unlink()
    duplicates = library.duplicates()
    assert [group.best.path.name for group in duplicates.groups] == ["chelsea.png"]
    assert [path.name for path, _ in duplicates.failures] == ["coffee copy.png"]


def test_a_photo_that_became_unreadable_is_reported_and_the_others_are_compared(library: Library, album: Path) -> None:
    poor = album / "cat-poor.jpg"
    stat = poor.stat()
    poor.write_bytes(b"\xff\xd8\xff" + bytes(stat.st_size - 3))  # with its former size and time
    os.utime(poor, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    duplicates = library.duplicates()
    assert [path for path, _ in duplicates.failures] == [poor]
    assert names(duplicates.groups[0]) == {
        "chelsea.png",
        "cat-half.jpg",
        "cat-crop.jpg",
        "cat-border.jpg",
        "cat-signed.jpg",
    }


def test_a_folder_restricts_which_photos_are_compared(library: Library, album: Path, tmp_path: Path) -> None:
    inside = album / "inside"
    inside.mkdir()
    for name in ("cat-half.jpg", "cat-crop.jpg"):
        shutil.move(album / name, inside)
    library.sync(album)
    (group,) = library.duplicates(folder=inside).groups
    assert group.best.path.name == "cat-crop.jpg"
    assert names(group) == {"cat-crop.jpg", "cat-half.jpg"}
    with pytest.raises(QueryError, match="the library has nothing from"):
        library.duplicates(folder=tmp_path / "nowhere")


def test_files_and_library_do_not_change(library: Library, album: Path) -> None:
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in album.iterdir()}
    status = library.status()
    library.duplicates()
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in album.iterdir()} == before
    assert library.status() == status


def test_photos_of_the_same_second_are_compared_whatever_their_embeddings(tmp_path: Path, folder: Path) -> None:
    exif = exif_block(taken_at=datetime.fromisoformat("2024-05-01T12:00"))
    grey = np.asarray(cat().convert("L"))
    black = np.zeros_like(grey)
    for name, layers in (("red", (grey, black, black)), ("green", (black, grey, black))):  # their cosine is 0
        Image.fromarray(np.stack(layers, axis=2)).save(folder / f"{name}.jpg", quality=95, exif=exif)
    with Library.open(tmp_path / "one.recall", encoder=FakeEncoder()) as library:
        library.sync(folder)
        (group,) = library.duplicates().groups
    assert names(group) == {"green.jpg", "red.jpg"}
