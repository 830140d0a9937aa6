"""What cameras and programs write into real files is read in every format, and nothing hostile costs the photo."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from indexer.images import PhotoMetadata, open_picture, read_photo
from indexer.images.metadata.xmp import MAX_XMP_BYTES
from indexer.types import Preprocess
from tests.support.blocks import full_exif, full_file, iptc_block, with_iptc, xmp_block
from tests.support.pictures import dng, encoded, png_with_chunk, quadrants

FORMATS = ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF", "JXL"]


def read(content: bytes) -> PhotoMetadata:
    """Return what a file says."""
    return open_picture(content)[1]


def with_xmp(block: bytes) -> PhotoMetadata:
    """Return what a JPEG with a block of XMP says."""
    return read(encoded(quadrants(), "JPEG", xmp=block))


def with_exif(exif: Image.Exif) -> PhotoMetadata:
    """Return what a JPEG with an EXIF block says."""
    return read(encoded(quadrants(), "JPEG", exif=exif.tobytes()))


@pytest.fixture(autouse=True)
def _jxl(request: pytest.FixtureRequest) -> None:
    if "kind" in request.fixturenames and request.getfixturevalue("kind") == "JXL":
        pytest.importorskip("pillow_jxl")


@pytest.mark.parametrize("kind", FORMATS)
def test_exif_is_read_in_every_format(kind: str) -> None:
    found = read(full_file(kind, exif=full_exif(), xmp=xmp_block()))
    taken_at = datetime(2024, 7, 21, 18, 3, 59)  # noqa: DTZ001 cameras know no zone
    assert (found.taken_at, found.taken_from, found.utc_offset) == (taken_at, "exif", 120)
    assert (found.lens, found.rating, found.description) == ("RF24-70mm F2.8 L IS USM", 2, "from exif")
    assert found.tags == ("Exif tag", "Shared")


@pytest.mark.parametrize("kind", FORMATS)
def test_xmp_is_read_in_every_format_and_its_words_count_more(kind: str) -> None:
    block = xmp_block(
        tags=["shared", "Xmp tag"],
        title="A title",
        description="Fish & chips <hot>",
        xmp__Rating="-1",
        exif__GPSLatitude="48,51.4N",
        exif__GPSLongitude="2,21,3W",
    )
    found = read(full_file(kind, exif=full_exif(), xmp=block))
    assert (found.title, found.description, found.rating) == ("A title", "Fish & chips <hot>", -1)
    assert found.tags == ("shared", "Xmp tag", "Exif tag")
    # 48 + 51.4/60; 2 + 21/60 + 3/3600
    assert (found.latitude, found.longitude) == pytest.approx((48.8566667, -2.3508333))


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_iptc_is_read_where_formats_have_it(kind: str) -> None:
    records = [(5, b"Harbour"), (25, b"boat"), (25, b"sea"), (55, b"20230102"), (60, b"030405-0330"), (120, b"At dawn")]
    found = read(full_file(kind, xmp=xmp_block(), iptc=iptc_block(records)))
    taken_at = datetime(2023, 1, 2, 3, 4, 5)  # noqa: DTZ001
    assert (found.title, found.description, found.tags) == ("Harbour", "At dawn", ("boat", "sea"))
    assert (found.taken_at, found.taken_from, found.utc_offset) == (taken_at, "iptc", -210)


@pytest.mark.parametrize(
    ("caption", "utf_8"), [("Grün".encode(), True), ("Grün".encode(), False), ("Grün".encode("latin-1"), False)]
)
def test_iptc_is_read_in_utf_8_said_or_not_and_in_latin_1(caption: bytes, utf_8: bool) -> None:
    block = iptc_block([(120, caption), (105, b"Headline")], utf_8=utf_8)
    found = read(with_iptc(encoded(quadrants(), "JPEG"), block))
    assert (found.title, found.description) == ("Headline", "Grün")


def test_a_raw_file_gives_what_its_own_tags_say(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    path = tmp_path / "a.dng"
    path.write_bytes(dng(quadrants()))
    found = read_photo(path, preprocess=Preprocess(32)).metadata
    assert (found.format, found.camera, found.taken_from) == ("RAW", "Recall One", "exif")


def test_the_zone_is_that_of_the_date_that_counts() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.DateTime] = "2020:01:01 00:00:00"
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeDigitized] = "2024:07:21 18:03:59"
    details[ExifTags.Base.OffsetTimeDigitized] = "-03:00"
    details[ExifTags.Base.OffsetTimeOriginal] = "+02:00"  # of a date that is not there
    details[ExifTags.Base.OffsetTime] = "+09:00"
    found = with_exif(exif)
    assert (found.taken_at, found.utc_offset) == (datetime(2024, 7, 21, 18, 3, 59), -180)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("dates", "hour"),
    [
        ({"exif__DateTimeOriginal": "2024-07-21T01:00", "photoshop__DateCreated": "2024-07-21T02:00"}, 1),
        ({"photoshop__DateCreated": "2024-07-21T02:00", "xmp__CreateDate": "2024-07-21T03:00"}, 2),
        ({"photoshop__DateCreated": "never", "xmp__CreateDate": "2024-07-21T03:00"}, 3),
    ],
)
def test_xmp_dates_count_in_their_order(dates: dict[str, str], hour: int) -> None:
    found = with_xmp(xmp_block(**dates))
    assert (found.taken_at, found.taken_from) == (datetime(2024, 7, 21, hour), "xmp")  # noqa: DTZ001


def test_properties_may_stand_as_elements() -> None:
    block = xmp_block().replace(
        b"</rdf:Description>", b"<xmp:Rating>4</xmp:Rating><aux:Lens>50 mm</aux:Lens></rdf:Description>"
    )
    found = with_xmp(block)
    assert (found.rating, found.lens) == (4, "50 mm")


def test_windows_stars_in_percent_count_where_there_are_no_others() -> None:
    assert with_xmp(xmp_block(MicrosoftPhoto__Rating="75")).rating == 4
    assert with_xmp(xmp_block(MicrosoftPhoto__Rating="75", xmp__Rating="2")).rating == 2


@pytest.mark.parametrize(("order", "endian"), [("utf-16-le", "<"), ("utf-16-be", ">")])
def test_a_user_comment_in_utf_16_is_a_description(order: str, endian: str) -> None:
    exif = Image.Exif()
    exif.endian = endian
    exif._loaded = True  # or Pillow would take its own order
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"UNICODE\0" + "Grüße".encode(order)
    found = with_exif(exif)
    assert found.description == "Grüße"


def test_utf_8_in_an_ascii_tag_is_read_as_such() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "Grüße".encode()
    assert with_exif(exif).description == "Grüße"


def test_boilerplate_gives_way_to_what_a_person_wrote() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "OLYMPUS DIGITAL CAMERA         "
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"ASCII\0\0\0my dog"
    assert with_exif(exif).description == "my dog"


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>"""
GOOD = xmp_block(title="&d;", xmp__Rating="3")
BODY = GOOD[GOOD.index(b"<x:xmpmeta") :].replace(b"&amp;d;", b"&d;")

HOSTILE = {
    "billion laughs": LAUGHS + BODY,
    "another file's content": b'<!DOCTYPE x [<!ENTITY d SYSTEM "file:///etc/passwd">]>' + BODY,
    "cut": GOOD[: len(GOOD) // 2],
    "only the packet's head": GOOD[:60],
    "empty": b"",
    "zeros": bytes(1000),
    "no XML": b"rating=5",
    "declared in an encoding that it is not in": b'<?xml version="1.0" encoding="utf-16"?>' + BODY,
    "in an encoding that nobody knows": b'<?xml version="1.0" encoding="klingon"?>' + BODY,
    "bytes that are no UTF-8": GOOD.replace(b"Deutsch", b"\xff\xfe\xfd"),
    "nested a hundred thousand deep": b"<a>" * 100_000 + b"</a>" * 100_000,
    "over the limit": GOOD + b" " * MAX_XMP_BYTES,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])  # a JPEG's has at most 64 KB
def test_hostile_xmp_costs_nothing_but_itself(name: str, kind: str) -> None:
    block = HOSTILE[name]
    whole = (
        png_with_chunk(quadrants(), b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + block)
        if kind == "PNG"
        else encoded(quadrants(), kind, xmp=block or b" ")
    )
    found = read(whole)
    assert (found.width, found.rating, found.title, found.tags) == (64, None, None, ())


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_sidecar_costs_nothing_but_itself(tmp_path: Path, name: str) -> None:
    photo, sidecar = tmp_path / "a.jpg", tmp_path / "a.xmp"
    photo.write_bytes(full_file("JPEG", exif=full_exif(), xmp=xmp_block(title="inside")))
    sidecar.write_bytes(HOSTILE[name])
    found = read_photo(photo, preprocess=Preprocess(32), sidecar=sidecar).metadata
    assert (found.title, found.rating) == ("inside", 2)


def test_a_sidecar_of_50_mb_is_said_to_be_too_large_and_not_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    photo, sidecar = tmp_path / "a.jpg", tmp_path / "a.xmp"
    photo.write_bytes(encoded(quadrants(), "JPEG"))
    with sidecar.open("wb") as file:
        file.truncate(50_000_000)
    with caplog.at_level(logging.WARNING):
        assert read_photo(photo, preprocess=Preprocess(32), sidecar=sidecar).metadata.rating is None
    assert "a.xmp cannot be read: 50,000,000 bytes are over the limit" in caplog.text


@pytest.mark.parametrize("rating", ["five", "NaN", "1e400", "", "99", "３½"])
def test_a_rating_that_is_none_leaves_the_rest(rating: str) -> None:
    found = with_xmp(xmp_block(title="kept", xmp__Rating=rating))
    assert (found.title, found.rating) == ("kept", None)


def test_of_a_hundred_thousand_tags_200_are_kept() -> None:
    block = xmp_block(tags=[str(number) for number in range(25_000)])  # 100,000 would pass the limit of bytes
    assert len(read(encoded(quadrants(), "WEBP", xmp=block)).tags) == 200
    exif = Image.Exif()
    exif[0x9C9E] = ";".join("x" * 3 + str(number) for number in range(4_000)).encode("utf-16-le")
    assert len(with_exif(exif).tags) == 200
    many = iptc_block([(25, str(number).encode()) for number in range(6_000)])
    assert len(read(with_iptc(encoded(quadrants(), "JPEG"), many)).tags) == 200


@pytest.mark.parametrize(
    "block",
    [
        b"\x1c",
        b"\x1c\x02\x78\x00\xff" + b"cut",
        b"\x1c\x02\x78\xff\xff" + bytes(100),
        b"\x1c\x02\x78\x84\xff\xff\xff\xff" + b"x",
        b"nonsense",
        bytes(50),
        iptc_block([(55, b"yesterday"), (60, b"noon")]),
    ],
)
def test_hostile_iptc_costs_nothing_but_itself(block: bytes) -> None:
    found = read(with_iptc(full_file("JPEG", exif=full_exif(), xmp=xmp_block(title="kept")), block))
    assert (found.title, found.rating, found.taken_from) == ("kept", 2, "exif")


def test_one_garbled_tag_of_exif_leaves_the_others() -> None:
    exif = full_exif()
    exif[0x4746] = "five"
    exif[0x9C9E] = b"\xff"
    found = with_exif(exif)
    assert (found.rating, found.tags, found.lens) == (None, (), "RF24-70mm F2.8 L IS USM")
