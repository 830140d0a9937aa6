"""Dates are read from the names that cameras, phones and messengers give, and not from numbers that are no date."""

from __future__ import annotations

from datetime import datetime

import pytest

from indexer.images import date_in_name

NOW = datetime(2026, 1, 1)  # noqa: DTZ001 names have local time
MOMENT = datetime(2019, 5, 1, 12, 34, 56)  # noqa: DTZ001


@pytest.mark.parametrize(
    "name",
    [
        "IMG_20190501_123456.jpg",
        "IMG_20190501_123456_1.jpg",
        "IMG_20190501_123456789.jpg",  # with milliseconds
        "IMG20190501123456.jpg",
        "img_20190501_123456.JPG",
        "PXL_20190501_123456789.MP.jpg",
        "MVIMG_20190501_123456.jpg",
        "00000IMG_00000_BURST20190501123456_COVER.jpg",
        "20190501_123456(0).jpg",
        "20190501123456.jpg",
        "20190501T123456Z.jpg",
        "Screenshot_20190501-123456_WhatsApp.jpg",
        "Screenshot_2019-05-01-12-34-56.png",
        "Screenshot_2019-05-01-12-34-56-789_com.app.png",
        "Screenshot 2019-05-01 at 12.34.56.png",
        "Bildschirmfoto 2019-05-01 um 12.34.56.png",
        "WhatsApp Image 2019-05-01 at 12.34.56 (1).jpeg",
        "WhatsApp Image 2019-05-01 at 12.34.56 PM.jpeg",
        "signal-2019-05-01-123456.jpg",
        "signal-2019-05-01-12-34-56-789.jpg",
        "photo_2019-05-01_12-34-56.jpg",
        "2019-05-01 12.34.56.jpg",
        "2019-05-01 12.34.56-1.jpg",
        "2019-05-01_12h34m56s.jpg",
        "WP_20190501_12_34_56_Pro.jpg",
    ],
)
def test_a_name_has_the_date_and_time_that_its_program_wrote(name: str) -> None:
    assert date_in_name(name, now=NOW) == MOMENT


@pytest.mark.parametrize(
    "name",
    [
        "IMG-20190501-WA0001.jpg",
        "WP_20190501_002.jpg",
        "Snapchat-20190501.jpg",
        "20190501.jpg",
        "2019-05-01 Harbour.jpg",
        "2019-05-01-0001.jpg",
        "2019_05_01.jpg",
        "IMG_20190501_999999.jpg",  # no time of day
        "scan 20190230 20190501.jpg",  # the first number is no day
    ],
)
def test_a_name_with_a_day_alone_is_midnight(name: str) -> None:
    assert date_in_name(name, now=NOW) == datetime(2019, 5, 1)  # noqa: DTZ001


def test_twelve_hours_of_a_screenshot_are_those_of_the_afternoon() -> None:
    name = "Screenshot 2019-05-01 at 1.23.45\u202fPM.png"
    assert date_in_name(name, now=NOW) == datetime(2019, 5, 1, 13, 23, 45)  # noqa: DTZ001


@pytest.mark.parametrize(
    "name",
    [
        "20190230_x.jpg",
        "20191301.jpg",
        "12345678.jpg",
        "DSC_0001.jpg",
        "201905011.jpg",  # nine digits
        "12320190501.jpg",
        "2019050112.jpg",
        "FB_IMG_1556707200123.jpg",
        "9f20190501ab.jpg",
        "3f2504e0-4f89-11d3-9a0c-20190501abcd.jpg",
        "IMG_20990101_000000.jpg",  # not yet
        "1234-05-06.jpg",  # before photography
        "2019-05 Harbour.jpg",
        "",
    ],
)
def test_a_number_that_is_no_date_gives_none(name: str) -> None:
    assert date_in_name(name, now=NOW) is None
