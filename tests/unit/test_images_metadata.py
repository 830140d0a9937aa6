"""Dates, positions and cameras are read from what cameras write, and never from garbage."""

from __future__ import annotations

import math
from datetime import datetime

import pytest
from PIL.TiffImagePlugin import IFDRational

from indexer.images.exif import parse_position
from indexer.images.said import parse_date
from indexer.images.words import camera_name


def test_a_date_is_read_as_cameras_write_it() -> None:
    assert parse_date("2024:07:21 18:03:59") == datetime(2024, 7, 21, 18, 3, 59)  # noqa: DTZ001 cameras know no zone


@pytest.mark.parametrize(
    "text", ["2024-07-21T18:03:59", "2024/07/21 18:03:59", " 2024:07:21 18:03:59\0", "2024:07:21 18:03:59+02:00"]
)
def test_a_date_in_a_common_wrong_style_is_read_too(text: str) -> None:
    assert parse_date(text) == datetime(2024, 7, 21, 18, 3, 59)  # noqa: DTZ001


@pytest.mark.parametrize(
    "value",
    [
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "2024:13:01 00:00:00",
        "2024:02:30 10:00:00",
        "2024:07:21",
        "",
        None,
        7,
        b"2024",
        (1,),
    ],
)
def test_what_is_no_date_gives_none(value: object) -> None:
    assert parse_date(value) is None


def test_a_position_has_the_sign_of_its_references() -> None:
    tags = {1: "S", 2: (33.0, 51.0, 24.0), 3: "W", 4: (70.0, 30.0, 0.0)}
    assert parse_position(tags) == pytest.approx((-33.8566667, -70.5))  # 33 + 51/60 + 24/3600


def test_a_position_may_be_written_as_fractions_of_degrees() -> None:
    tags = {1: b"N\0", 2: (IFDRational(485_123, 10_000),), 3: "e", 4: (2.0, 21.5)}
    assert parse_position(tags) == pytest.approx((48.5123, 2 + 21.5 / 60))


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {1: "N", 2: (48.0, 0.0, 0.0)},  # no longitude
        {1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (2.0, 0.0, 0.0)},  # beyond the pole
        {1: "N", 2: (48.0, 0.0, 0.0), 3: "E", 4: (181.0, 0.0, 0.0)},
        {1: "N", 2: (48.0, 0.0, 0.0), 3: "E", 4: (179.0, 61.0, 0.0)},  # 180 degrees and one minute
        {1: "N", 2: (-48.0, 0.0, 0.0), 3: "E", 4: (2.0, 0.0, 0.0)},
        {2: (48.0, 0.0, 0.0), 4: (2.0, 0.0, 0.0)},  # no references: the signs would be guesses
        {1: "X", 2: (48.0, 0.0, 0.0), 3: "E", 4: (2.0, 0.0, 0.0)},
        {1: "N", 2: (math.nan, 0.0, 0.0), 3: "E", 4: (2.0, 0.0, 0.0)},
        {1: "N", 2: (math.inf, 0.0, 0.0), 3: "E", 4: (2.0, 0.0, 0.0)},
        {1: "N", 2: (IFDRational(0, 0), 0.0, 0.0), 3: "E", 4: (2.0, 0.0, 0.0)},
        {1: "N", 2: "48", 3: "E", 4: b"2"},
        {1: "N", 2: (), 3: "E", 4: (1.0, 2.0, 3.0, 4.0)},
        {1: 1, 2: ("a", None, ()), 3: (), 4: 2.0},
    ],
)
def test_a_position_that_cannot_be_true_gives_none(tags: dict[int, object]) -> None:
    assert parse_position(tags) is None


def test_the_point_zero_zero_counts_as_no_position() -> None:
    assert parse_position({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}) is None
    assert parse_position({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (9.5, 0.0, 0.0)}) == (0.0, 9.5)  # Gabon


@pytest.mark.parametrize(
    ("make", "model", "expected"),
    [
        ("Canon", "Canon EOS R5", "Canon EOS R5"),
        ("NIKON CORPORATION", "NIKON D90", "NIKON D90"),
        ("Apple", "iPhone 15 Pro", "Apple iPhone 15 Pro"),
        ("SONY", "", "SONY"),
        (None, "DMC-LX100", "DMC-LX100"),
        ("  FUJIFILM\0\0", "X-T5 \0", "FUJIFILM X-T5"),
        ("Evil\x1b[31m\nCorp", "One\u202e", "Evil [31m Corp One"),
        (b"Leica", b"M11\xff", "Leica M11"),
        (None, None, None),
        ("\0", "   ", None),
        (7, (1, 2), None),
    ],
)
def test_a_camera_is_named_once_and_in_printable_letters(make: object, model: object, expected: str | None) -> None:
    assert camera_name(make, model) == expected


def test_a_camera_name_has_at_most_80_characters() -> None:
    name = camera_name("M" * 500, "x" * 500)
    assert name is not None
    assert len(name) == 80
