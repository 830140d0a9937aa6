"""Dates and time zones are parsed as cameras, phones and photo programs write them; anything else is no date."""

from __future__ import annotations

from datetime import datetime

import pytest
from PIL import ExifTags, Image

from indexer.images.metadata.block import DatePriority
from indexer.images.metadata.dates import parse_date, parse_offset
from indexer.images.metadata.exif import read_exif

TAKEN = datetime(2024, 7, 21, 18, 3, 59)  # noqa: DTZ001 cameras know no zone


def moment(*parts: int) -> datetime:
    """Return a time without a zone."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


def test_a_date_is_parsed_as_cameras_write_it() -> None:
    assert parse_date("2024:07:21 18:03:59") == (TAKEN, None)


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("2024-07-21T18:03:59", None),
        ("2024/07/21 18:03:59", None),
        (" 2024:07:21 18:03:59\0", None),
        ("2024:07:21 18:03:59+02:00", 120),
        ("2024-07-21T18:03:59.123-03:30", -210),
        ("2024-07-21T18:03:59Z", 0),
        ("2024-07-21T18:03:59+0545", 345),  # Nepal, without a colon as IPTC has it
        ("2024-07-21T18:03:59+99:00", None),  # no time zone has this offset; the date is still valid
        ("2024-07-21 18:03:59 -5:00", -300),
        ("2024-07-21 18:03:59 UTC", 0),
        ("2024-07-21 18:03:59 GMT+2", 120),
        ("2024:07:21 18:03:59:25", None),
        ("2024:07:21 06:03:59 PM", None),
        ("2024:07:21 6:03:59 p.m.", None),
        ("2024:07:21 下午6:03:59", None),  # phones write their language's words
        ("2024:07:21 18.03.59", None),
        ("2024:07:21 18-03-59", None),
        ("2024:07:21:18:03:59", None),
        ("20240721 180359+0200", 120),
        ("٢٠٢٤:٠٧:٢١ ١٨:٠٣:٥٩", None),  # noqa: RUF001 Arabic digits
    ],
)
def test_a_date_in_another_notation_is_parsed_with_its_zone(text: str, offset: int | None) -> None:
    assert parse_date(text) == (TAKEN, offset)


@pytest.mark.parametrize(
    "text",
    [
        "2019:05:01 09:05:03",
        "2019:05:01  9:05:03",
        "2019:05:01 9:05:03",
        "2019:05:01  9: 5: 3",
        "2019:5:1 9:5:3",
        "2019:05:01 9:05:03AM",
    ],
)
def test_numbers_of_a_date_may_be_padded_with_blanks_or_not_at_all(text: str) -> None:
    assert parse_date(text) == (moment(2019, 5, 1, 9, 5, 3), None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-07-21", (2024, 7, 21)),
        ("2024:07:21   :  :  ", (2024, 7, 21)),
        ("2024-07", (2024, 7, 1)),
        ("2024:07:00 00:00:00", (2024, 7, 1)),
        ("2024:07:     :  :  ", (2024, 7, 1)),
        ("20240700", (2024, 7, 1)),
        ("1965", (1965, 1, 1)),
        ("1965:00:00 00:00:00", (1965, 1, 1)),
        ("1965:  :     :  :  ", (1965, 1, 1)),
        ("19650000", (1965, 1, 1)),
        ("1965:00:00 12:30:00", (1965, 1, 1)),  # a time of an unknown day says nothing
    ],
)
def test_a_date_that_is_not_fully_known_is_its_first_moment(text: str, expected: tuple[int, ...]) -> None:
    assert parse_date(text) == (moment(*expected), None)


def test_a_day_may_have_a_zone_without_a_time() -> None:
    assert parse_date("2024-07-21+02:00") == (moment(2024, 7, 21), 120)


@pytest.mark.parametrize("time", ["18:03", "18:03:  ", "18:03+02:00", "1803"])
def test_a_time_may_lack_its_seconds(time: str) -> None:
    date = parse_date(f"2024-07-21T{time}")
    assert date is not None
    assert date[0] == moment(2024, 7, 21, 18, 3)


@pytest.mark.parametrize(("text", "offset"), [("T18", None), ("T18Z", 0), ("T18+02:00", 120), (" 6 PM", None)])
def test_a_time_may_be_an_hour_alone(text: str, offset: int | None) -> None:
    assert parse_date(f"2024-07-21{text}") == (moment(2024, 7, 21, 18), offset)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2019:01:01 24:04:20", (2019, 1, 1, 0, 4, 20)),  # phones: 00:04 of the same day
        ("2019:01:01 24:00:00", (2019, 1, 1)),
        ("2019-01-01T24:00:00", (2019, 1, 2)),  # ISO 8601: the end of the day
        ("2016:12:31 23:59:60", (2016, 12, 31, 23, 59, 59)),  # a leap second
        ("2019:01:01 12:04:20 AM", (2019, 1, 1, 0, 4, 20)),
        ("2019:01:01 12:04:20 PM", (2019, 1, 1, 12, 4, 20)),
        ("2019:01:01 13:04:20 PM", (2019, 1, 1, 13, 4, 20)),
    ],
)
def test_hours_of_other_clocks_are_understood(text: str, expected: tuple[int, ...]) -> None:
    assert parse_date(text) == (moment(*expected), None)


@pytest.mark.parametrize("time", ["xx:yy:zz", "25:00:00", "09:99:00", "  :05:03", "noon"])
def test_a_time_that_is_not_understood_does_not_become_midnight(time: str) -> None:
    assert parse_date(f"2019:05:01 {time}") is None


@pytest.mark.parametrize(
    "value",
    [
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "2024:13:01 00:00:00",
        "2024:02:30 10:00:00",
        "9999-12-31T24:00",
        "1965 or so",
        "12345678901",
        "1" * 5000,
        "",
        None,
        7,
        b"2024",
        (1,),
    ],
)
def test_an_invalid_date_gives_none(value: object) -> None:
    assert parse_date(value) is None


@pytest.mark.parametrize(
    ("value", "minutes"),
    [
        ("+02:00", 120),
        ("-0330", -210),
        ("-5:00", -300),
        ("+02", 120),
        ("Z", 0),
        ("+00:00\0", 0),
        ("+14:00", 840),
        ("-12:00", -720),
        ("+14:01", None),
        ("-12:01", None),
        ("+02:75", None),
        ("02:00", None),
        ("   :  ", None),
        ("", None),
        (2, None),
        (b"+02:00", None),
    ],
)
def test_an_offset_is_parsed_if_a_time_zone_has_it(value: object, minutes: int | None) -> None:
    assert parse_offset(value) == minutes


def first_block(**values: str) -> Image.Exif:
    """Return EXIF with tags in its first block, IFD0."""
    tags = Image.Exif()
    for name, value in values.items():
        tags[getattr(ExifTags.Base, name)] = value
    return tags


def test_the_date_taken_in_the_first_block_counts_more_than_the_date_changed() -> None:
    tags = first_block(
        DateTimeOriginal="2024:07:21 18:03:59", OffsetTimeOriginal="+02:00", DateTime="2025:01:01 00:00:00"
    )
    time = read_exif(tags).capture_time
    assert time is not None
    assert (time.taken_at, time.utc_offset, time.priority) == (TAKEN, 120, DatePriority.TAKEN)


def test_the_date_in_the_exif_block_counts_more_than_the_one_in_the_first_block() -> None:
    tags = first_block(DateTimeOriginal="2025:01:01 00:00:00")
    tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:07:21 18:03:59"
    time = read_exif(tags).capture_time
    assert time is not None
    assert time.taken_at == TAKEN


def test_the_lens_may_be_in_the_first_block() -> None:
    assert read_exif(first_block(LensModel="RF50mm F1.8")).lens == "RF50mm F1.8"
