"""Ratings, positions and names are parsed as cameras write them, invalid values are ignored, and blocks are merged."""

from __future__ import annotations

import math
from datetime import datetime

import pytest
from PIL.TiffImagePlugin import IFDRational

from indexer.images.metadata import text_fields
from indexer.images.metadata.block import (
    CaptureTime,
    DatePriority,
    MetadataBlock,
    merge_blocks,
    parse_percent,
    parse_rating,
    with_sidecar,
)
from indexer.images.metadata.exif import parse_position
from indexer.images.metadata.text_fields import camera_name


@pytest.mark.parametrize(
    ("value", "rating"),
    [
        ("3", 3),
        (5, 5),
        ("-1", -1),  # rejected
        ("0", 0),
        ("4.0", 4),
        (" 2 ", 2),
        ("five", None),
        ("NaN", None),
        ("inf", None),
        ("6", None),
        ("-2", None),
        ("1" * 5000, None),
        ("", None),
        (None, None),
        ((3,), None),
        (65535, None),  # -1 in EXIF's 16 bits, which have no sign
    ],
)
def test_a_rating_is_a_number_from_minus_one_to_five(value: object, rating: int | None) -> None:
    assert parse_rating(value) == rating


@pytest.mark.parametrize(
    ("percent", "rating"),
    [
        (0, 0),
        (1, 1),
        (25, 2),
        ("50", 3),
        (75, 4),
        (99, 5),
        (100, 5),
        (101, None),
        (-1, None),
        ("x", None),
        (None, None),
    ],
)
def test_a_rating_in_percent_is_converted_as_windows_does(percent: object, rating: int | None) -> None:
    assert parse_percent(percent) == rating


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
        {2: (48.0, 0.0, 0.0), 4: (2.0, 0.0, 0.0)},  # without references the signs are unknown
        {1: "X", 2: (48.0, 0.0, 0.0), 3: "E", 4: (2.0, 0.0, 0.0)},
        {1: "N", 2: (math.nan, 0.0, 0.0), 3: "E", 4: (2.0, 0.0, 0.0)},
        {1: "N", 2: (math.inf, 0.0, 0.0), 3: "E", 4: (2.0, 0.0, 0.0)},
        {1: "N", 2: (IFDRational(0, 0), 0.0, 0.0), 3: "E", 4: (2.0, 0.0, 0.0)},
        {1: "N", 2: "48", 3: "E", 4: b"2"},
        {1: "N", 2: (), 3: "E", 4: (1.0, 2.0, 3.0, 4.0)},
        {1: 1, 2: ("a", None, ()), 3: (), 4: 2.0},
    ],
)
def test_an_invalid_position_gives_none(tags: dict[int, object]) -> None:
    assert parse_position(tags) is None


def test_the_point_zero_zero_counts_as_missing() -> None:
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
def test_a_camera_name_has_the_make_once_and_printable_characters(
    make: object, model: object, expected: str | None
) -> None:
    assert camera_name(make, model) == expected


def test_a_camera_name_has_at_most_80_characters() -> None:
    name = camera_name("M" * 500, "x" * 500)
    assert name is not None
    assert len(name) == 80


@pytest.mark.parametrize(
    "value", ["OLYMPUS DIGITAL CAMERA", "SONY DSC ", "Exif_JPEG_PICTURE", "DCIM\\100MEDIA\\DJI_01.JPG"]
)
def test_boilerplate_of_cameras_is_not_a_description(value: str) -> None:
    assert text_fields.description(value) is None


@pytest.mark.parametrize("value", ["Olympus digital camera on a table", "hdr of the church", "Dav and Edf", "1"])
def test_a_description_that_only_begins_like_boilerplate_is_kept(value: str) -> None:
    assert text_fields.description(value) == value


@pytest.mark.parametrize("value", ["", "   ", "\0\0", "---", "...", None, 7])
def test_text_without_letters_and_digits_is_not_a_description(value: object) -> None:
    assert text_fields.description(value) is None


def test_a_description_is_one_printable_line_of_5000_characters() -> None:
    assert text_fields.description("Two\nlines\x1b[31m and\ta tab\u202e") == "Two lines [31m and a tab"
    assert len(text_fields.description("x" * 10**6) or "") == 5000


def test_tags_are_unique_regardless_of_case() -> None:
    assert text_fields.tags(["Beach", "beach", " BEACH ", "Sea\n side", "", None, 7]) == ("Beach", "Sea side")


def test_tags_are_bounded_in_number_and_length() -> None:
    tags = text_fields.tags(f"{number} {'x' * 1000}" for number in range(100_000))
    assert (len(tags), max(map(len, tags))) == (200, 100)


def at_hour(hour: int, priority: DatePriority, *, offset: int | None = None) -> CaptureTime:
    return CaptureTime(datetime(2024, 7, 21, hour), offset, "xmp", priority)  # noqa: DTZ001


def test_dates_take_precedence_in_the_order_taken_xmp_iptc_changed() -> None:
    taken, xmp, iptc, changed = (MetadataBlock(capture_time=at_hour(hour, DatePriority(hour))) for hour in (1, 2, 3, 4))
    assert merge_blocks(exif=taken, xmp=xmp, iptc=iptc).capture_time == taken.capture_time
    assert merge_blocks(exif=changed, xmp=xmp, iptc=iptc).capture_time == xmp.capture_time
    assert merge_blocks(exif=changed, xmp=MetadataBlock(), iptc=iptc).capture_time == iptc.capture_time
    assert merge_blocks(exif=changed, xmp=MetadataBlock(), iptc=MetadataBlock()).capture_time == changed.capture_time


def test_a_time_zone_comes_from_another_block_only_with_the_same_date() -> None:
    same, other = (
        MetadataBlock(capture_time=at_hour(1, DatePriority.XMP, offset=60)),
        MetadataBlock(capture_time=at_hour(2, DatePriority.XMP, offset=60)),
    )
    exif = MetadataBlock(capture_time=at_hour(1, DatePriority.TAKEN))
    assert merge_blocks(exif=exif, xmp=same, iptc=MetadataBlock()).capture_time == at_hour(
        1, DatePriority.TAKEN, offset=60
    )
    assert merge_blocks(exif=exif, xmp=other, iptc=MetadataBlock()).capture_time == at_hour(1, DatePriority.TAKEN)


def test_the_tags_of_all_blocks_are_merged() -> None:
    merged = merge_blocks(
        exif=MetadataBlock(tags=("c", "A")), xmp=MetadataBlock(tags=("a",)), iptc=MetadataBlock(tags=("b",))
    )
    assert merged.tags == ("a", "b", "c")


def test_a_sidecar_takes_precedence_except_for_camera_and_lens() -> None:
    embedded = MetadataBlock(at_hour(1, DatePriority.TAKEN), (1.0, 2.0), "Camera", "Lens", 5, "in", "embedded", ("a",))
    sidecar = MetadataBlock(at_hour(2, DatePriority.XMP), None, "Other", "Other", 0, None, "sidecar", ("b",))
    merged = with_sidecar(embedded, sidecar)
    expected_time = at_hour(2, DatePriority.SIDECAR)
    # a rating of 0 counts, the camera and lens come from EXIF, and missing fields are filled
    assert merged == MetadataBlock(expected_time, (1.0, 2.0), "Camera", "Lens", 0, "in", "sidecar", ("b",))
