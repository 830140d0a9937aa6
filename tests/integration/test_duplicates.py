"""`recall duplicates` and `Library.duplicates`, on real photos and what is made of them."""

from __future__ import annotations

import json
import os
import shutil
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval import Library, LibraryError, QueryError
from tests.support.duplicates import SAME, bordered, jpeg
from tests.support.encoders import FakeEncoder
from tests.support.pictures import cat, exif_block
from tests.support.program import Program


@pytest.fixture
def album(tmp_path: Path, skimage_photos: Path) -> Path:
    """Return a folder with a cat in six files, two shots of a motorcycle, a cup twice, and a rocket."""
    folder = tmp_path / "album"
    folder.mkdir()
    for name in ("chelsea.png", "coffee.png", "motorcycle_left.png", "motorcycle_right.png", "rocket.jpg"):
        shutil.copy(skimage_photos / name, folder)
    random = np.random.default_rng(0)
    for name, change in (("half", "half as wide"), ("crop", "crop, 75 % left"), ("poor", "JPEG, quality 30")):
        (folder / f"cat-{name}.jpg").write_bytes(SAME[change](cat(), random))
    (folder / "cat-border.jpg").write_bytes(jpeg(bordered(cat(), random)))
    (folder / "cat-signed.jpg").write_bytes(SAME["words in white"](cat(), random))
    shutil.copy(folder / "coffee.png", folder / "coffee copy.png")
    return folder


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def test_the_program_groups_what_is_one_picture_and_leaves_other_moments_apart(
    recall_program: Program, album: Path
) -> None:
    recall_program("index", album)
    run = recall_program("duplicates", "--json")
    assert run.returncode == 0, run.stderr
    groups = [json.loads(line) for line in run.stdout.splitlines()]
    cats, cups = groups
    assert Path(cats["best"]["path"]).name == "chelsea.png"  # the border makes the other larger, not better
    hows = {Path(photo["path"]).name: photo["how"] for photo in cats["others"]}
    assert hows == {
        "cat-half.jpg": "smaller",
        "cat-crop.jpg": "crop",
        "cat-poor.jpg": "same picture in another file",
        "cat-border.jpg": "with a border",
        "cat-signed.jpg": hows["cat-signed.jpg"],  # the words may be too small to count as changed
    }
    assert [photo["how"] for photo in cups["others"]] == ["copy"]
    assert "6 photos beside the best of 2 groups" in run.stderr


def test_paths_are_all_but_the_best_of_each_group(recall_program: Program, album: Path) -> None:
    recall_program("index", album)
    lines = recall_program("duplicates", "--paths").stdout.splitlines()
    kept = {"chelsea.png", "motorcycle_left.png", "motorcycle_right.png", "rocket.jpg"}
    spare = {Path(line).name for line in lines}
    assert not spare & kept
    assert len(spare & {"coffee.png", "coffee copy.png"}) == 1
    assert recall_program("duplicates", "-0").stdout.split("\0") == [*lines, ""]
    assert all(Path(line).exists() for line in lines)


def test_without_duplicates_the_program_says_so_and_exits_with_1(recall_program: Program, album: Path) -> None:
    for spare in [*album.glob("cat-*"), album / "coffee copy.png"]:
        spare.unlink()
    recall_program("index", album)
    run = recall_program("duplicates")
    assert (run.returncode, run.stdout, run.stderr) == (1, "", "recall: no duplicates found\n")


def test_a_library_of_one_photo_has_no_duplicates(recall_program: Program, album: Path) -> None:
    recall_program("index", album / "rocket.jpg")
    assert recall_program("duplicates").returncode == 1


def test_an_empty_library_says_what_to_do(tmp_path: Path) -> None:
    with (
        Library.open(tmp_path / "new.recall") as library,
        pytest.raises(LibraryError, match="run: recall index FOLDER"),
    ):
        library.duplicates()


def test_photos_that_are_gone_or_changed_are_named_and_never_kept_as_the_best(
    recall_program: Program, album: Path
) -> None:
    recall_program("index", album)
    (album / "chelsea.png").unlink()
    (album / "cat-border.jpg").write_bytes(b"no picture")
    run = recall_program("duplicates", "--json")
    assert run.returncode == 3
    assert (
        "not compared: " + str(album / "chelsea.png") + ": it cannot be read (No such file or directory)" in run.stderr
    )
    assert str(album / "cat-border.jpg") + ": it was changed since it was indexed; run: recall index" in run.stderr
    mentioned = {Path(json.loads(line)["best"]["path"]).name for line in run.stdout.splitlines()}
    assert "cat-signed.jpg" in mentioned
    assert not mentioned & {"chelsea.png", "cat-border.jpg"}


def test_the_last_copy_on_the_disk_is_no_duplicate(recall_program: Program, album: Path) -> None:
    recall_program("index", album)
    (album / "coffee.png").unlink()
    assert "coffee" not in recall_program("duplicates", "--paths").stdout


def test_a_photo_that_turned_unreadable_is_named_and_the_run_goes_on(recall_program: Program, album: Path) -> None:
    recall_program("index", album)
    poor = album / "cat-poor.jpg"
    facts = poor.stat()
    poor.write_bytes(b"\xff\xd8\xff" + bytes(facts.st_size - 3))  # as large and as old as it was
    os.utime(poor, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    run = recall_program("duplicates", "--paths")
    assert run.returncode == 3
    assert f"not compared: {poor}: " in run.stderr
    assert "cat-half.jpg" in run.stdout
    assert "cat-poor.jpg" not in run.stdout


def test_only_photos_of_the_folder_are_looked_at(album: Path, tmp_path: Path) -> None:
    inside = album / "inside"
    inside.mkdir()
    shutil.move(album / "cat-half.jpg", inside)
    shutil.move(album / "cat-crop.jpg", inside)
    with Library.open(tmp_path / "test.recall") as library:
        library.sync(album)
        (group,) = library.duplicates(folder=inside).groups
        assert names([group.best.path, *(photo.path for photo in group.others)]) == ["cat-crop.jpg", "cat-half.jpg"]
        with pytest.raises(QueryError, match="the library has nothing from"):
            library.duplicates(folder=tmp_path / "nowhere")


def test_photos_of_one_second_are_compared_however_far_apart_their_embeddings_are(tmp_path: Path, folder: Path) -> None:
    exif = exif_block(taken_at=datetime.fromisoformat("2024-05-01T12:00"))
    grey = np.asarray(cat().convert("L"))
    nothing = np.zeros_like(grey)
    for name, layers in (("red", (grey, nothing, nothing)), ("green", (nothing, grey, nothing))):  # their cosine is 0
        Image.fromarray(np.stack(layers, axis=2)).save(folder / f"{name}.jpg", quality=95, exif=exif)
    with Library.open(tmp_path / "one.recall", encoder=FakeEncoder()) as library:
        library.sync(folder)
        (group,) = library.duplicates().groups
    assert sorted(names([group.best.path, *(photo.path for photo in group.others)])) == ["green.jpg", "red.jpg"]
