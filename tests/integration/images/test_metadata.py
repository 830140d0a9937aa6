"""Metadata of real files is read in every format, and invalid metadata never makes a photo fail."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from indexer.errors import FailureKind
from indexer.images import PhotoMetadata, open_picture, read_photo
from indexer.images.metadata.xmp import MAX_XMP_BYTES
from indexer.types import Preprocess
from tests.support.blocks import full_exif, full_file, iptc_block, with_iptc, xmp_block
from tests.support.pictures import dng, encoded, png_with_chunk, quadrants

FORMATS = ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF", "JXL"]


def read(content: bytes) -> PhotoMetadata:
    """Return the metadata of a file."""
    return open_picture(content)[1]


def read_xmp(block: bytes) -> PhotoMetadata:
    """Return the metadata of a JPEG with XMP."""
    return read(encoded(quadrants(), "JPEG", xmp=block))


def read_exif(exif: Image.Exif) -> PhotoMetadata:
    """Return the metadata of a JPEG with EXIF."""
    return read(encoded(quadrants(), "JPEG", exif=exif.tobytes()))


@pytest.fixture(autouse=True)
def _jxl(request: pytest.FixtureRequest) -> None:
    if "kind" in request.fixturenames and request.getfixturevalue("kind") == "JXL":
        pytest.importorskip("pillow_jxl")


@pytest.mark.parametrize("kind", FORMATS)
def test_exif_is_read_in_every_format(kind: str) -> None:
    metadata = read(full_file(kind, exif=full_exif(), xmp=xmp_block()))
    taken_at = datetime(2024, 7, 21, 18, 3, 59)  # noqa: DTZ001 cameras know no zone
    assert (metadata.taken_at, metadata.taken_from, metadata.utc_offset) == (taken_at, "exif", 120)
    assert (metadata.lens, metadata.rating, metadata.description) == ("RF24-70mm F2.8 L IS USM", 2, "from exif")
    assert metadata.tags == ("Exif tag", "Shared")


@pytest.mark.parametrize("kind", FORMATS)
def test_xmp_is_read_in_every_format_and_takes_precedence(kind: str) -> None:
    block = xmp_block(
        tags=["shared", "Xmp tag"],
        title="A title",
        description="Fish & chips <hot>",
        xmp__Rating="-1",
        exif__GPSLatitude="48,51.4N",
        exif__GPSLongitude="2,21,3W",
    )
    metadata = read(full_file(kind, exif=full_exif(), xmp=block))
    assert (metadata.title, metadata.description, metadata.rating) == ("A title", "Fish & chips <hot>", -1)
    assert metadata.tags == ("shared", "Xmp tag", "Exif tag")
    # 48 + 51.4/60; 2 + 21/60 + 3/3600
    assert (metadata.latitude, metadata.longitude) == pytest.approx((48.8566667, -2.3508333))


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_iptc_is_read_in_the_formats_that_have_it(kind: str) -> None:
    records = [(5, b"Harbour"), (25, b"boat"), (25, b"sea"), (55, b"20230102"), (60, b"030405-0330"), (120, b"At dawn")]
    metadata = read(full_file(kind, xmp=xmp_block(), iptc=iptc_block(records)))
    taken_at = datetime(2023, 1, 2, 3, 4, 5)  # noqa: DTZ001
    assert (metadata.title, metadata.description, metadata.tags) == ("Harbour", "At dawn", ("boat", "sea"))
    assert (metadata.taken_at, metadata.taken_from, metadata.utc_offset) == (taken_at, "iptc", -210)


@pytest.mark.parametrize(
    ("caption", "utf_8"), [("Grün".encode(), True), ("Grün".encode(), False), ("Grün".encode("latin-1"), False)]
)
def test_iptc_is_read_in_utf_8_declared_or_not_and_in_latin_1(caption: bytes, utf_8: bool) -> None:
    block = iptc_block([(120, caption), (105, b"Headline")], utf_8=utf_8)
    metadata = read(with_iptc(encoded(quadrants(), "JPEG"), block))
    assert (metadata.title, metadata.description) == ("Headline", "Grün")


def test_the_tags_of_a_raw_file_are_read(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    path = tmp_path / "a.dng"
    path.write_bytes(dng(quadrants()))
    metadata = read_photo(path, preprocess=Preprocess(32)).metadata
    assert (metadata.format, metadata.camera, metadata.taken_from) == ("RAW", "Recall One", "exif")


def test_the_time_zone_is_that_of_the_preferred_date() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.DateTime] = "2020:01:01 00:00:00"
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeDigitized] = "2024:07:21 18:03:59"
    details[ExifTags.Base.OffsetTimeDigitized] = "-03:00"
    details[ExifTags.Base.OffsetTimeOriginal] = "+02:00"  # of a missing date
    details[ExifTags.Base.OffsetTime] = "+09:00"
    metadata = read_exif(exif)
    assert (metadata.taken_at, metadata.utc_offset) == (datetime(2024, 7, 21, 18, 3, 59), -180)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("dates", "hour"),
    [
        ({"exif__DateTimeOriginal": "2024-07-21T01:00", "photoshop__DateCreated": "2024-07-21T02:00"}, 1),
        ({"photoshop__DateCreated": "2024-07-21T02:00", "xmp__CreateDate": "2024-07-21T03:00"}, 2),
        ({"photoshop__DateCreated": "never", "xmp__CreateDate": "2024-07-21T03:00"}, 3),
    ],
)
def test_xmp_dates_take_precedence_in_their_order(dates: dict[str, str], hour: int) -> None:
    metadata = read_xmp(xmp_block(**dates))
    assert (metadata.taken_at, metadata.taken_from) == (datetime(2024, 7, 21, hour), "xmp")  # noqa: DTZ001


def test_xmp_properties_may_be_elements() -> None:
    block = xmp_block().replace(
        b"</rdf:Description>", b"<xmp:Rating>4</xmp:Rating><aux:Lens>50 mm</aux:Lens></rdf:Description>"
    )
    metadata = read_xmp(block)
    assert (metadata.rating, metadata.lens) == (4, "50 mm")


def test_a_rating_of_windows_in_percent_is_used_if_there_is_no_other() -> None:
    assert read_xmp(xmp_block(MicrosoftPhoto__Rating="75")).rating == 4
    assert read_xmp(xmp_block(MicrosoftPhoto__Rating="75", xmp__Rating="2")).rating == 2


@pytest.mark.parametrize(("order", "endian"), [("utf-16-le", "<"), ("utf-16-be", ">")])
def test_a_user_comment_in_utf_16_is_a_description(order: str, endian: str) -> None:
    exif = Image.Exif()
    exif.endian = endian
    exif._loaded = True  # else Pillow would use its own byte order
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"UNICODE\0" + "Grüße".encode(order)
    metadata = read_exif(exif)
    assert metadata.description == "Grüße"


def test_utf_8_in_an_ascii_tag_is_read_as_utf_8() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "Grüße".encode()
    assert read_exif(exif).description == "Grüße"


def test_a_users_comment_replaces_boilerplate() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "OLYMPUS DIGITAL CAMERA         "
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"ASCII\0\0\0my dog"
    assert read_exif(exif).description == "my dog"


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>"""
GOOD = xmp_block(title="&d;", xmp__Rating="3")
BODY = GOOD[GOOD.index(b"<x:xmpmeta") :].replace(b"&amp;d;", b"&d;")

HOSTILE = {
    "billion laughs": LAUGHS + BODY,
    "another file's content": b'<!DOCTYPE x [<!ENTITY d SYSTEM "file:///etc/passwd">]>' + BODY,
    "only the packet header": GOOD[:60],
    "empty": b"",
    "zeros": bytes(1000),
    "not XML": b"rating=5",
    "nested a hundred thousand deep": b"<a>" * 100_000 + b"</a>" * 100_000,
    "RDF that is nested and never closed": b"<rdf:RDF>" + b"<dc:subject><rdf:li>" * 10_000,
    "a million elements": b"<rdf:RDF>" + b"<a/>" * 1_000_000 + b"</rdf:RDF>",
    "over the limit": GOOD + b" " * MAX_XMP_BYTES,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])  # the XMP of a JPEG has at most 64 KB
def test_hostile_xmp_is_ignored(name: str, kind: str) -> None:
    block = HOSTILE[name]
    whole = (
        png_with_chunk(quadrants(), b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + block)
        if kind == "PNG"
        else encoded(quadrants(), kind, xmp=block or b" ")
    )
    metadata = read(whole)
    assert (metadata.width, metadata.rating, metadata.title, metadata.tags) == (64, None, None, ())


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_sidecar_is_ignored(tmp_path: Path, name: str) -> None:
    photo, sidecar = tmp_path / "a.jpg", tmp_path / "a.xmp"
    photo.write_bytes(full_file("JPEG", exif=full_exif(), xmp=xmp_block(title="embedded")))
    sidecar.write_bytes(HOSTILE[name])
    metadata = read_photo(photo, preprocess=Preprocess(32), sidecars=[sidecar]).metadata
    assert (metadata.title, metadata.rating) == ("embedded", 2)


def test_a_sidecar_of_50_mb_is_not_read_and_is_named(tmp_path: Path) -> None:
    sidecar = tmp_path / "a.xmp"
    (tmp_path / "a.jpg").write_bytes(encoded(quadrants(), "JPEG"))
    with sidecar.open("wb") as file:
        file.truncate(50_000_000)
    photo = read_photo(tmp_path / "a.jpg", preprocess=Preprocess(32), sidecars=[sidecar])
    assert photo.metadata.rating is None
    (unread,) = photo.unread_sidecars
    assert unread[:2] == (sidecar, FailureKind.TOO_LARGE)
    assert "the limit for sidecars" in unread.reason


@pytest.mark.parametrize("rating", ["five", "NaN", "1e400", "", "99", "３½"])
def test_an_invalid_rating_leaves_the_other_fields(rating: str) -> None:
    metadata = read_xmp(xmp_block(title="kept", xmp__Rating=rating))
    assert (metadata.title, metadata.rating) == ("kept", None)


def test_at_most_200_tags_are_kept() -> None:
    block = xmp_block(tags=[str(number) for number in range(25_000)])  # 100,000 would exceed the size limit
    assert len(read(encoded(quadrants(), "WEBP", xmp=block)).tags) == 200
    exif = Image.Exif()
    exif[0x9C9E] = ";".join("x" * 3 + str(number) for number in range(4_000)).encode("utf-16-le")
    assert len(read_exif(exif).tags) == 200
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
def test_hostile_iptc_is_ignored(block: bytes) -> None:
    metadata = read(with_iptc(full_file("JPEG", exif=full_exif(), xmp=xmp_block(title="kept")), block))
    assert (metadata.title, metadata.rating, metadata.taken_from) == ("kept", 2, "exif")


def test_a_damaged_exif_tag_leaves_the_others() -> None:
    exif = full_exif()
    exif[0x4746] = "five"
    exif[0x9C9E] = b"\xff"
    metadata = read_exif(exif)
    assert (metadata.rating, metadata.tags, metadata.lens) == (None, (), "RF24-70mm F2.8 L IS USM")
