"""Google Takeout's files: what is read of them, and which photo they belong to."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from indexer.images.metadata.block import CaptureTime, DatePriority, MetadataBlock
from indexer.images.metadata.takeout import read_takeout
from indexer.sync.takeout_names import photo_keys, photo_name

TIME = {"timestamp": "1325376000", "formatted": "Jan 1, 2012, 12:00:00 AM UTC"}
NEW_YEAR = CaptureTime(datetime(2012, 1, 1), 0, "takeout", DatePriority.TAKEOUT)  # noqa: DTZ001


def read(**fields: object) -> MetadataBlock:
    """Return what is read of a file with these fields and a date."""
    return read_takeout(json.dumps({"photoTakenTime": TIME} | fields).encode())


def test_date_position_and_description_are_read() -> None:
    block = read(description="A boat in the harbour", geoData={"latitude": 48.8566, "longitude": 2.3522})
    assert block == MetadataBlock(NEW_YEAR, (48.8566, 2.3522), description="A boat in the harbour")


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ([{"name": "Ada Lovelace"}, {"name": "Grace"}, {"name": "ada lovelace"}], ("Ada Lovelace", "Grace")),
        ([{"name": 7}, {}, None, "Ada", {"name": ""}, {"name": "Grace"}], ("Grace",)),
        ({"name": "Ada"}, ()),
        (None, ()),
    ],
)
def test_the_names_of_people_are_read(people: object, expected: tuple[str, ...]) -> None:
    assert read(people=people).people == expected


def test_a_position_of_zeros_is_none_and_that_of_the_camera_counts() -> None:
    nowhere = {"latitude": 0.0, "longitude": 0.0, "altitude": 0.0}
    assert read(geoData=nowhere).position is None
    assert read(geoData=nowhere, geoDataExif={"latitude": -33.5, "longitude": 151}).position == (-33.5, 151)


def test_a_date_before_1970_is_negative() -> None:
    time = read(photoTakenTime={"timestamp": "-145152000"}).capture_time
    assert time is not None
    assert time.taken_at == datetime(1965, 5, 27)  # noqa: DTZ001 145,152,000 seconds are 1,680 days


@pytest.mark.parametrize("timestamp", ["0", "", "soon", None, [], {}, True, 1.5, "1" * 30, "9" * 5000, -(10**18)])
def test_a_date_that_is_none_leaves_the_other_fields(timestamp: object) -> None:
    block = read(photoTakenTime={"timestamp": timestamp}, description="kept")
    assert block == MetadataBlock(description="kept")


@pytest.mark.parametrize(
    "place",
    [
        {"latitude": 91, "longitude": 0},
        {"latitude": "48", "longitude": "2"},
        {"latitude": True, "longitude": True},
        {"latitude": 1},
        [1, 2],
        7,
        None,
    ],
)
def test_an_invalid_position_leaves_the_other_fields(place: object) -> None:
    assert read(geoData=place, description="kept") == MetadataBlock(NEW_YEAR, description="kept")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"7",
        b"[]",
        b"null",
        b'{"photoTakenTime": {"timestamp": ' + b"1" * 5000 + b"}}",
        json.dumps({"title": "An album", "description": "no photo"}).encode(),
        json.dumps({"photoTakenTime": "2012", "description": "no photo"}).encode(),
    ],
)
def test_a_file_of_another_kind_gives_nothing(data: bytes) -> None:
    assert read_takeout(data) == MetadataBlock()


def test_infinite_numbers_are_no_position() -> None:
    data = b'{"photoTakenTime": {}, "geoData": {"latitude": Infinity, "longitude": NaN}}'
    assert read_takeout(data) == MetadataBlock()


LONG = "original_d4321075-ab6b-4dc0-b6b4-0ddbc0bb07d2_P"


@pytest.mark.parametrize(
    ("photo", "file"),
    [
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-metadata"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-meta"),
        ("IMG_1.jpg", "IMG_1.jpg.suppl"),
        ("IMG_1.jpg", "IMG_1.jpg.s"),
        ("IMG_1.jpg", "IMG_1.jpg."),
        ("IMG_1.jpg", "IMG_1.jpg"),
        ("IMG_1.jpg", "IMG_1"),
        ("IMG_1(1).jpg", "IMG_1.jpg(1)"),
        ("IMG_1(1).jpg", "IMG_1.jpg.supplemental-metadata(1)"),
        ("IMG_1(12).jpg", "IMG_1.jpg.suppl(12)"),
        ("IMG_1(1).jpg", "IMG_1(1).jpg.supplemental-metadata"),
        ("IMG_1-edited.jpg", "IMG_1.jpg.supplemental-metadata"),
        ("IMG_1-edited(1).jpg", "IMG_1.jpg.supplemental-metadata(1)"),
        ("IMG_1-edited.jpg", "IMG_1.HEIC.supplemental-metadata"),
        ("IMG_1-bearbeitet.jpg", "IMG_1.jpg"),
        (f"{LONG}.jpg", f"{LONG}.jpg"[:46]),
        (f"{LONG}(1).jpg", f"{LONG}.jpg"[:46] + "(1)"),
        (f"{LONG[:40]}.jpg", f"{LONG[:40]}.jpg.s"),
        ("Urlaub in Knaufspesch in der Schneifel (38).JPG", "Urlaub in Knaufspesch in der Schneifel (38).JP"),
    ],
)
def test_a_file_belongs_to_its_photo(photo: str, file: str) -> None:
    keys = [(name.lower(), number) for name, number in photo_keys(photo)]
    name, number = photo_name(file)
    assert (name.lower(), number) in keys


@pytest.mark.parametrize(
    ("photo", "file"),
    [
        ("IMG_1.jpg", "IMG_1.jpg(1)"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-metadata(1)"),
        ("IMG_1(1).jpg", "IMG_1.jpg"),
        ("IMG_1(2).jpg", "IMG_1.jpg.supplemental-metadata(1)"),
        ("IMG_1.jpg", "IMG_1-edited.jpg"),
        ("IMG_1.jpg", "IMG_10.jpg"),
        ("IMG_10.jpg", "IMG_1.jpg"),
        ("IMG_1.jpg", "IMG_1.jpg.other"),
        ("IMG_1.jpg", "IMG_1.png"),
        (f"{LONG}.jpg", f"{LONG}.jpg"[:30]),
    ],
)
def test_a_file_does_not_belong_to_another_photo(photo: str, file: str) -> None:
    assert photo_name(file) not in list(photo_keys(photo))
