"""Formats are recognized by content, and photos by the suffix of their name."""

from __future__ import annotations

import pytest

from indexer.errors import FailureKind, PictureError
from indexer.images import PHOTO_SUFFIXES, RAW_SUFFIXES, is_photo_name
from indexer.images.formats import PictureFormat, file_suffix, identify, sniff
from tests.support.pictures import dng, encoded, quadrants


@pytest.mark.parametrize(
    "name", ["a.jpg", "A.JPEG", "b.Png", "c.heic", "d.HIF", "e.cr3", "f.jxl", "two.dots.tiff", "/x/y.webp"]
)
def test_a_photo_is_recognized_by_its_suffix_in_any_case(name: str) -> None:
    assert is_photo_name(name)


@pytest.mark.parametrize("name", ["a.txt", "jpg", "a.jpg.txt", "b.mp4", "", "a.", ".jpg", "folder.jpg/x"])
def test_other_names_are_not_photo_names(name: str) -> None:
    assert not is_photo_name(name)


def test_a_name_of_bytes_need_not_be_utf_8() -> None:
    assert is_photo_name(b"\xff\xfe.jpg")
    assert not is_photo_name(b"\xff\xfe.doc")


def test_every_suffix_is_lower_case_with_one_dot() -> None:
    assert all(file_suffix("x" + suffix) == suffix for suffix in PHOTO_SUFFIXES)
    assert RAW_SUFFIXES < PHOTO_SUFFIXES


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("JPEG", "JPEG"),
        ("PNG", "PNG"),
        ("GIF", "GIF"),
        ("BMP", "BMP"),
        ("TIFF", "TIFF"),
        ("WEBP", "WebP"),
        ("AVIF", "AVIF"),
        ("HEIF", "HEIF"),
    ],
)
def test_each_format_is_recognized_by_its_first_bytes(kind: str, expected: str) -> None:
    assert sniff(encoded(quadrants(), kind)) == expected


@pytest.mark.parametrize(
    "start",
    [
        b"II*\0\x10\0\0\0CR\x02\0",  # Canon CR2
        b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom",  # Canon CR3
        b"FUJIFILMCCD-RAW 0201",
        b"IIRO\x08\0\0\0",  # Olympus
        b"IIU\0\x18\0\0\0",  # Panasonic
    ],
)
def test_raw_formats_unlike_tiff_are_recognized_without_a_name(start: bytes) -> None:
    assert sniff(start) is PictureFormat.RAW


def test_a_raw_file_like_a_tiff_is_recognized_by_its_name() -> None:
    content = dng(quadrants())
    assert identify(content, name="x.dng") is PictureFormat.RAW
    assert identify(content, name="x.tif") is PictureFormat.TIFF


def test_the_content_takes_precedence_over_the_name() -> None:
    assert identify(encoded(quadrants(), "PNG"), name="x.jpg") is PictureFormat.PNG
    assert identify(encoded(quadrants(), "JPEG"), name="x.nef") is PictureFormat.JPEG


def test_a_heif_file_with_an_avif_brand_is_avif() -> None:
    assert sniff(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf") is PictureFormat.AVIF


@pytest.mark.parametrize(
    ("content", "description"),
    [
        (b"BMW is a maker of cars and motorcycles.", "text, not a picture"),  # begins like a BMP
        ("Ein Tag am Meer, größer als gedacht".encode(), "text, not a picture"),
        (b"\n<html><body>", "an HTML page, not a picture"),
        (b"%PDF-1.7", "a PDF document, not a picture"),
        (b"\0\0\0\x14ftypisom\0\0\0\0isom", "a video or audio file, not a picture"),
        (b"RIFF\0\0\0\0WAVEfmt ", "a video or audio file, not a picture"),
        (b"\x01\x02\x03\x04\x05", "in an unknown format (it begins with the bytes 01 02 03 04)"),
    ],
)
def test_other_content_is_described_in_the_message(content: bytes, description: str) -> None:
    with pytest.raises(PictureError) as caught:
        identify(content, name="")
    assert caught.value.kind is FailureKind.NOT_A_PICTURE
    assert str(caught.value) == f"the content is {description}"


def test_a_misleading_suffix_is_in_the_message() -> None:
    with pytest.raises(PictureError, match=r"^the content is text, not a picture, although the name ends in \.jpg$"):
        identify(b"milk, bread, eggs", name="list.JPG")


def test_an_empty_file_is_an_error() -> None:
    with pytest.raises(PictureError, match=r"^the file is empty \(0 bytes\)$") as caught:
        identify(b"", name="x.jpg")
    assert caught.value.kind is FailureKind.EMPTY
