"""Filters, order and pages as people type them, through the installed program on real photos."""

from __future__ import annotations

import os
import shlex
import sqlite3
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from retrieval import Library
from tests.support.encoders import FakeEncoder
from tests.support.pictures import exif_block, skimage_data
from tests.support.program import Program, program_env

BERLIN, POTSDAM, FIJI = (52.52, 13.405), (52.396, 13.058), (-17.8, 178.0)

PHOTOS = {
    "trips/Tower.jpg": ("rocket.jpg", "2023-05-03 12:00", BERLIN, ("Canon", "Canon EOS R5"), (640, 427)),
    "trips/park.jpg": ("coffee.png", "2023-05-31 23:59", POTSDAM, ("NIKON", "NIKON D90"), (600, 400)),
    "trips/Beach.jpg": ("chelsea.png", "2024-01-01", FIJI, ("Canon", "PowerShot G7"), (300, 451)),
    "work/desk.png": ("camera.png", "2022-12-31 08:00", None, None, (512, 512)),
    "work/page.jpg": ("page.png", None, None, None, (384, 191)),
}
"""Name, picture, and what the camera wrote."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with real photos in photos/, and their library; tags, ratings and lenses are written by hand."""
    folder = tmp_path_factory.mktemp("filters")
    for name, (source, taken_at, position, camera, size) in PHOTOS.items():
        path = folder / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(skimage_data() / source) as picture:
            moment = datetime.fromisoformat(taken_at) if taken_at else None
            exif = exif_block(taken_at=moment, position=position, camera=camera)
            picture.convert("RGB").resize(size).save(path, exif=exif)
    os.utime(folder / "photos" / "work" / "page.jpg", (0, 0))  # without a date in it, its own time counts: 1970
    with Library.open(folder / "test.recall", encoder=FakeEncoder()) as library:
        library.sync(folder / "photos")
    with sqlite3.connect(folder / "test.recall" / "catalog.db") as connection:
        connection.execute("UPDATE items SET rating = 5, lens = 'RF 50mm F1.8' WHERE name = 'tower.jpg'")
        connection.execute("UPDATE items SET rating = 3 WHERE name = 'park.jpg'")
        for name, tag in (("tower.jpg", "Summer"), ("park.jpg", "summer"), ("beach.jpg", "sea")):
            connection.execute("INSERT INTO tags SELECT id, ?, ? FROM items WHERE name = ?", (tag, tag.lower(), name))
        connection.execute(
            "INSERT INTO people SELECT id, 'Ada Lovelace', 'ada lovelace' FROM items WHERE name = 'beach.jpg'"
        )
        connection.execute(
            "INSERT OR IGNORE INTO places (item_id, place, key) "  # one has it by its position already
            "SELECT id, 'Berlin', 'berlin' FROM items WHERE name IN ('tower.jpg', 'park.jpg')"
        )
    connection.close()
    return folder


@pytest.fixture(scope="module")
def recall(place: Path, recall_path: Path) -> Program:
    """Return the program over that library."""
    return Program(path=recall_path, env=program_env(place), cwd=place)


def similar_names(recall: Program, *options: str) -> list[str]:
    """Return the names of what is like a photo of the library, best first."""
    done = recall("similar", "photos/work/desk.png", "--paths", *options)
    assert (done.returncode, done.stderr) == ((0, "") if done.stdout else (1, "recall: nothing found\n"))
    return [Path(line).name for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", "Tower park Beach page"),
        ("--after 2023", "Tower park Beach"),
        ("--after 2023-05-03 --before 2023-05-31", "Tower"),
        ("--on 2023-05", "Tower park"),
        ("--on 2023-05-31 --on 2024", "park Beach"),
        ("--on '31 May 2023'", "park"),
        ("--on 'May 2023'", "Tower park"),
        ("--on 31.05.2023", "park"),
        ("--before 2000", "page"),
        ("--folder photos/trips", "Tower park Beach"),
        ("--not-folder photos/trips", "page"),
        ("--name 'P*.jpg'", "park page"),
        ("--name tower.JPG --name beach.jpg", "Tower Beach"),
        ("--not-name '*a*'", "Tower"),
        ("--format jpg", "Tower park Beach page"),
        ("--format png", ""),
        ("--camera canon", "Tower Beach"),
        ("--camera '*d90' --camera eos", "Tower park"),
        ("--not-camera canon", "park page"),
        ("--lens 50mm", "Tower"),
        ("--not-lens '*50mm*'", "park Beach page"),
        ("--near 52.52,13.4", "Tower"),
        ("--near 52.52,13.4 --within 50km", "Tower park"),
        ("--near -17.8,-179 --within 400km", "Beach"),
        ("--near photos/trips/park.jpg --within 20mi", "Tower park"),
        ("--orientation portrait", "Beach"),
        ("--orientation portrait --orientation landscape", "Tower park Beach page"),
        ("--min-size 427x600", "Tower"),
        ("--min-size 0.24mp", "Tower park"),
        ("--rating 4", "Tower"),
        ("--rating 1-3", "park"),
        ("--tag SUMMER", "Tower park"),
        ("--tag 's*' --not-tag sea", "Tower park"),
        ("--person 'ada lovelace'", "Beach"),
        ("--not-person 'Ada*'", "Tower park page"),
        ("--place berlin --not-name Tower.jpg", "park"),
        ("--camera canon --after 2024", "Beach"),
    ],
)
def test_each_option_filters(recall: Program, options: str, expected: str) -> None:
    assert sorted(name.partition(".")[0] for name in similar_names(recall, *shlex.split(options))) == sorted(
        expected.split()
    )


def test_results_are_ordered_by_date_or_name(recall: Program) -> None:
    assert similar_names(recall, "--sort", "date") == ["page.jpg", "Tower.jpg", "park.jpg", "Beach.jpg"]
    assert similar_names(recall, "--sort", "-date") == ["Beach.jpg", "park.jpg", "Tower.jpg", "page.jpg"]
    assert similar_names(recall, "--sort", "name") == ["Beach.jpg", "page.jpg", "park.jpg", "Tower.jpg"]
    best = similar_names(recall, "-k", "2")
    assert sorted(similar_names(recall, "-k", "2", "--sort", "name")) == sorted(best)  # the best two, in another order


def test_pages_together_are_the_whole_list(recall: Program) -> None:
    whole = similar_names(recall)
    pages = [similar_names(recall, "-k", "1", "--offset", str(offset)) for offset in range(5)]
    assert pages == [[name] for name in whole] + [[]]


def test_a_place_may_be_that_of_a_photo_outside_the_library(recall: Program, place: Path) -> None:
    with Image.open(skimage_data() / "rocket.jpg") as picture:
        picture.save(place / "stranger.jpg", exif=exif_block(position=BERLIN))
    assert similar_names(recall, "--near", "stranger.jpg") == ["Tower.jpg"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--on", "2023-02-30"), "there is no date '2023-02-30'"),
        (("--after", "someday"), "there is no date 'someday'"),
        (("--after", "2024", "--before", "2023"), "no photo can be taken after 2024-01-01 and before 2023-01-01"),
        (("--near", "95,10"), "there is no place 95,10"),
        (("--within", "5km"), "--within has no place; give one with --near"),
        (("--near", "1,2", "--within", "far"), "'far' is not a distance"),
        (("--format", "foo"), "there is no format 'foo'"),
        (("--orientation", "round"), "'round' is not one of"),
        (("--min-size", "huge"), "'huge' is not a size"),
        (("--min-size", "0x10"), "expected for instance 1920x1080"),
        (("--rating", "6"), "there is no rating from 6 to 6"),
        (("--sort", "size"), "'size' is not one of"),
        (("--offset", "-1"), "-1 is not in the range x>=0"),
        (("--tag", " "), "the tag to filter by is blank"),
    ],
    ids=" ".join,
)
def test_a_wrong_value_is_a_usage_error(recall: Program, options: tuple[str, ...], message: str) -> None:
    done = recall("similar", "photos/work/desk.png", *options)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert message in line


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--folder", "elsewhere"), "the library has nothing from "),
        (("--not-folder", "elsewhere"), "the library has nothing from "),
        (("--near", "photos/work/page.jpg"), "has no position in its metadata"),
        (("--near", "Atlantis"), "the position of Atlantis is unknown: the file does not exist"),
    ],
    ids=" ".join,
)
def test_a_filter_that_the_library_cannot_apply_is_an_error(
    recall: Program, options: tuple[str, ...], message: str
) -> None:
    done = recall("similar", "photos/work/desk.png", *options)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("recall: ")
    assert message in done.stderr
