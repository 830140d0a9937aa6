"""What commands print with --json is what their schemas say: the installed program on real photos."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from tests.conftest import PHOTOS
from tests.support.program import Program
from tests.support.schemas import schemas, validator

Step = tuple[str, tuple[str, ...], int]
"""Name of the schema, arguments, and exit code."""

CAPTIONS = {"chelsea.png": "a cat", "coffee.png": "a cup of coffee", "rocket.jpg": "a rocket", "camera.png": "a man"}

INDEX: Step = ("index", ("index", "photos"), 3)  # one photo is broken

STORIES: dict[str, list[Step]] = {
    "search": [
        INDEX,
        ("index", ("index", "captions.csv", "--text-column", "caption", "--image-column", "file"), 0),
        ("status", ("status",), 0),
        ("status", ("status", "--failed"), 0),
        ("search", ("search", "a cup of coffee", "--all", "-k", "40"), 0),
        ("search", ("search", "photos/rocket.jpg", "--rerank", "bursts:0.1", "--rerank", "mmr", "--all"), 0),
        ("list", ("list",), 0),
        ("list", ("list", "--type", "texts", "--count"), 0),
        ("similar", ("similar", "photos/coffee.png"), 0),
        ("explain", ("explain", "a cup of coffee", "photos/coffee.png"), 0),
        ("explain", ("explain", "a cat", "photos/rocket.jpg", "-k", "1"), 1),
        ("explain", ("explain", "a cat", "elsewhere.jpg"), 1),
        ("duplicates", ("duplicates",), 0),
        ("optimize", ("optimize", "--recall", "1"), 0),
        ("status", ("status",), 0),
    ],
    "learn": [
        INDEX,
        ("judge", ("judge", "a cat", "--good", "photos/chelsea.png", "--bad", "photos/rocket.jpg"), 0),
        ("feedback-import", ("feedback", "import", "judged.csv"), 3),
        ("feedback-list", ("feedback", "list"), 0),
        ("feedback-export", ("feedback", "export", "judged.jsonl"), 0),
        ("tune", ("tune", "--dry-run"), 0),
        ("tune", ("tune",), 0),
        ("versions", ("versions",), 0),
        ("rollback", ("rollback", "0"), 0),
        ("feedback-forget", ("feedback", "forget", "--all"), 0),
        ("learn", ("learn", "Biscuit", "photos/chelsea.png", "photos/broken.jpg"), 3),
        ("words-list", ("words", "list"), 0),
        ("words-forget", ("words", "forget", "Biscuit"), 0),
    ],
    "items": [
        ("add", ("add", "items.jsonl", "--collection", "shop"), 3),
        ("get", ("get", "mug", "cat"), 0),
        ("get", ("get", "mug", "--vectors"), 0),
        ("list", ("list", "--collection", "shop"), 0),
        ("search", ("search", "a cup of coffee", "--all"), 0),
        ("update", ("update", "mug", "price=9", 'tags=["red"]'), 0),
        ("update", ("update", "-"), 1),
        ("delete", ("delete", "mug", "nothing"), 0),
        ("delete", ("delete", "mug"), 1),
    ],
    "library": [
        INDEX,
        ("encoder-available", ("encoder", "available"), 0),
        ("encoder-use", ("encoder", "use", "compact+int8"), 0),
        ("encoder-list", ("encoder", "list"), 0),
        ("encoder-drop", ("encoder", "drop"), 0),
        ("index-into", ("index", "photos", "--into", "parts"), 3),
        ("export", ("export", "out"), 0),
        ("import", ("import", "out", "--library", "new.recall"), 3),
        ("evaluate", ("evaluate", "captions.csv", "--calibration"), 0),
        ("evaluate", ("evaluate", "captions.csv", "--compare", "compact", "compact+int8"), 0),
        ("evaluate", ("evaluate", "queries.csv"), 0),
        ("evaluate", ("evaluate", "queries.csv", "--compare", "none", "mmr"), 0),
        ("forget", ("forget", "photos/moon.png"), 0),
        ("check", ("check", "--library", "gone.recall"), 3),
    ],
}


@pytest.fixture
def place(recall_program: Program, skimage_photos: Path) -> Path:
    """Return the folder that the program runs in, with photos/, and tables of captions, queries and judgements."""
    folder = recall_program.cwd
    (folder / "photos").mkdir()
    (folder / "images").mkdir()
    for name in PHOTOS:
        shutil.copy(skimage_photos / name, folder / "photos")
        os.utime(folder / "photos" / name, (1_600_000_000, 1_600_000_000))  # one burst, as far as times tell
    for name in CAPTIONS:
        shutil.copy(skimage_photos / name, folder / "images")
    with Image.open(skimage_photos / "coffee.png") as picture:
        exif = Image.Exif()
        exif.get_ifd(ExifTags.IFD.Exif).update(
            {ExifTags.Base.DateTimeOriginal: "2023:05:03 12:00:00", ExifTags.Base.OffsetTimeOriginal: "+02:00"}
        )
        picture.convert("RGB").resize((300, 200)).save(folder / "photos" / "coffee.jpg", exif=exif)
    (folder / "photos" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut")
    (folder / "photos" / "note.txt").write_text("a cup of coffee on a table")
    captions = [f"{name},{text},images/{name}" for name, text in CAPTIONS.items()]
    (folder / "captions.csv").write_text("\n".join(["image,caption,file", *captions]) + "\n")
    queries = [f"{text},photos/{name}" for name, text in CAPTIONS.items()]
    (folder / "queries.csv").write_text("\n".join(["query,relevant", *queries]) + "\n")
    verdicts = [
        f"query {number},photos/{name},{verdict}"
        for number in range(8)
        for name, verdict in zip(PHOTOS[number : number + 3], ("good", "bad", "bad"), strict=True)
    ]
    lines = [
        {"id": "mug", "text": "a cup", "price": 8},
        {"id": "cat", "picture": "photos/chelsea.png", "sold": None},
        5,
    ]
    (folder / "items.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    (folder / "judged.csv").write_text("\n".join(["query,path,verdict", *verdicts, "no verdict,x.jpg,maybe"]) + "\n")
    return folder


@pytest.mark.parametrize("story", STORIES)
def test_json_is_what_the_schemas_say(story: str, recall_program: Program, place: Path) -> None:
    if story == "library":  # a library whose photos are gone
        (place / "gone").mkdir()
        shutil.copy(place / "photos" / "moon.png", place / "gone")
        assert recall_program("index", "gone", "--library", "gone.recall").returncode == 0
        shutil.rmtree(place / "gone")
    for name, arguments, code in STORIES[story]:
        done = recall_program(*arguments, "--json")
        assert done.returncode == code, (arguments, done)
        lines = done.stdout.splitlines()
        assert lines, arguments
        for line in lines:
            validator(name).validate(json.loads(line))


def test_every_schema_is_compared_with_real_output() -> None:
    assert {name for story in STORIES.values() for name, _, _ in story} == set(schemas())


def test_times_of_the_catalog_are_in_utc_and_a_photo_has_its_own_zone_or_none(
    recall_program: Program, place: Path
) -> None:
    recall_program("index", "photos")
    (source,) = json.loads(recall_program("status", "--json").stdout)["sources"]
    assert source["synced_at"].endswith("+00:00")
    found = recall_program("search", "a cup of coffee", "--all", "-k", "40", "--json").stdout.splitlines()
    times = {Path(hit["path"]).name: (hit["taken_at"], hit["taken_from"]) for hit in map(json.loads, found)}
    assert times["coffee.jpg"] == ("2023-05-03T12:00:00+02:00", "exif")
    assert times["chelsea.png"] == ("2009-02-09T09:11:30", "xmp")  # without a zone
    (group,) = map(json.loads, recall_program("duplicates", "--json").stdout.splitlines())
    assert group["others"][0]["taken_at"] == "2023-05-03T12:00:00+02:00"
