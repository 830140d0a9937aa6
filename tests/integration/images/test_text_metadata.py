"""Metadata in the text of PNG files, in extensions of GIF files and in several segments of JPEG files."""

from __future__ import annotations

import struct
from datetime import datetime

import pytest
from PIL.PngImagePlugin import PngInfo

from indexer.images import PhotoMetadata, open_picture
from tests.support.blocks import full_exif, full_file, iptc_block, with_iptc, xmp_block
from tests.support.pictures import encoded, quadrants

XMP = xmp_block(tags=["Harbour"], title="A boat", xmp__Rating="4")
IPTC = iptc_block([(25, b"Harbour"), (90, b"Lisbon"), (92, b"Alfama"), (101, b"Portugal"), (120, b"At dawn")])
XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION_HEADER = b"http://ns.adobe.com/xmp/extension/\0"
GUID = b"0123456789ABCDEF0123456789ABCDEF"


def png(texts: dict[str, str], *, compressed: bool = False) -> PhotoMetadata:
    """Return the metadata of a PNG with texts."""
    chunks = PngInfo()
    for name, text in texts.items():
        chunks.add_text(name, text, zip=compressed)
    return open_picture(encoded(quadrants(), "PNG", pnginfo=chunks))[1]


def raw_profile(name: str, block: bytes) -> dict[str, str]:
    """Return a block of metadata as ImageMagick stores it in a PNG."""
    digits = block.hex()
    lines = [digits[start : start + 72] for start in range(0, len(digits), 72)]
    return {f"Raw profile type {name}": "\n".join(["", name.lower(), f"{len(block):8}", *lines, ""])}


def resource(block: bytes, *, name: bytes = b"") -> bytes:
    """Return IPTC in a resource of Photoshop."""
    padded = bytes([len(name)]) + name + b"\0" * ((len(name) + 1) % 2)
    return b"8BIM\x04\x04" + padded + struct.pack(">I", len(block)) + block + b"\0" * (len(block) % 2)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(("name", "block"), [("xmp", XMP), ("APP1", XMP_HEADER + XMP)])
def test_xmp_in_a_raw_profile_of_a_png_is_read(name: str, block: bytes, compressed: bool) -> None:
    metadata = png(raw_profile(name, block), compressed=compressed)
    assert (metadata.title, metadata.rating, metadata.tags) == ("A boat", 4, ("Harbour",))


def test_xmp_in_plain_text_of_a_png_is_read() -> None:
    metadata = png({"XML:com.adobe.xmp": XMP.decode().replace("\ufeff", "")}, compressed=True)
    assert (metadata.title, metadata.rating) == ("A boat", 4)


@pytest.mark.parametrize("name", ["iptc", "8bim"])
@pytest.mark.parametrize(
    "block", [IPTC, resource(IPTC), resource(IPTC, name=b"a"), b"8BIM\x04\x25" + bytes(8) + resource(IPTC, name=b"ab")]
)
def test_iptc_in_a_raw_profile_of_a_png_is_read(name: str, block: bytes) -> None:
    metadata = png(raw_profile(name, block))
    assert (metadata.tags, metadata.description) == (("Harbour",), "At dawn")
    assert metadata.places == ("Alfama", "Lisbon", "Portugal")


def test_exif_in_a_raw_profile_of_a_png_is_read() -> None:
    assert png(raw_profile("APP1", full_exif().tobytes())).lens == "RF24-70mm F2.8 L IS USM"


@pytest.mark.parametrize("text", ["", "xmp", "\nxmp\n 10\nzz", "\nxmp\n 2\n3c3", "\nxmp\n 99999999\n3c3c"])
def test_a_damaged_raw_profile_leaves_the_others(text: str) -> None:
    metadata = png({"Raw profile type xmp": text, "Raw profile type APP1": text} | raw_profile("iptc", IPTC))
    assert (metadata.title, metadata.tags) == (None, ("Harbour",))


@pytest.mark.parametrize(
    ("time", "offset"),
    [
        ("Thu, 1 Dec 1988 18:53:44 GMT", 0),
        ("1 Dec 1988 18:53:44 +0130", 90),
        ("1988-12-01T18:53:44-02:00", -120),
        ("1988:12:01 18:53:44", None),
    ],
)
def test_the_text_fields_of_a_png_are_read(time: str, offset: int | None) -> None:
    metadata = png({"Title": "A boat", "Description": "Grüße vom Meer", "Creation Time": time})
    taken_at = datetime(1988, 12, 1, 18, 53, 44)  # noqa: DTZ001
    assert (metadata.title, metadata.description) == ("A boat", "Grüße vom Meer")
    assert (metadata.taken_at, metadata.taken_from, metadata.utc_offset) == (taken_at, "png", offset)


@pytest.mark.parametrize("time", ["", "yesterday", "Thu, 99 Dec 1988 18:53:44 GMT", "1 2 3 4 5 6", "x" * 1000])
def test_an_invalid_creation_time_of_a_png_leaves_the_other_fields(time: str) -> None:
    metadata = png({"Title": "A boat", "Creation Time": time})
    assert (metadata.title, metadata.taken_at) == ("A boat", None)


def test_xmp_takes_precedence_over_the_text_fields_of_a_png() -> None:
    metadata = png(raw_profile("xmp", XMP) | {"Title": "Text", "Description": "Text"})
    assert (metadata.title, metadata.description) == ("A boat", "Text")


def gif(block: bytes, *, trailer: bool = True) -> PhotoMetadata:
    """Return the metadata of a GIF with XMP in an application extension."""
    content = encoded(quadrants(), "GIF")
    colors = 13 + 3 * 2 ** ((content[10] & 7) + 1)  # the header and the colour table
    magic = bytes([1, *range(255, -1, -1), 0]) if trailer else b""
    whole = content[:colors] + b"!\xff\x0bXMP DataXMP" + block + magic + content[colors:]
    return open_picture(whole)[1]


def test_xmp_in_the_application_extension_of_a_gif_is_read() -> None:
    metadata = gif(XMP)
    assert (metadata.title, metadata.rating, metadata.tags) == ("A boat", 4, ("Harbour",))


def segment(content: bytes) -> bytes:
    """Return an APP1 segment of a JPEG."""
    return b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content


def jpeg(*contents: bytes) -> PhotoMetadata:
    """Return the metadata of a JPEG with APP1 segments."""
    content = encoded(quadrants(), "JPEG")
    return open_picture(content[:2] + b"".join(segment(part) for part in contents) + content[2:])[1]


def extension(block: bytes, *, guid: bytes = GUID, parts: int = 3) -> list[bytes]:
    """Return extended XMP as the contents of segments."""
    size = -(-len(block) // parts)
    return [
        EXTENSION_HEADER + guid + struct.pack(">II", len(block), start) + block[start : start + size]
        for start in range(0, len(block), size)
    ]


def test_of_two_xmp_segments_the_last_one_counts_and_the_first_fills_in() -> None:
    metadata = jpeg(XMP_HEADER + XMP, XMP_HEADER + xmp_block(xmp__Rating="2"))
    assert (metadata.rating, metadata.title) == (2, "A boat")


def test_extended_xmp_is_read_if_the_standard_packet_names_it() -> None:
    named = XMP.replace(b'xmp:Rating="4"', b'xmlns:n="http://ns.adobe.com/xmp/note/" n:HasExtendedXMP="' + GUID + b'"')
    parts = extension(xmp_block(title="Extended", description="At dawn"))
    metadata = jpeg(parts[1], XMP_HEADER + named, parts[2], parts[0])  # in any order
    assert (metadata.title, metadata.description) == ("A boat", "At dawn")
    assert jpeg(XMP_HEADER + named, *parts[:2]).description is None  # a part is missing
    assert jpeg(XMP_HEADER + XMP, *parts).description is None
    assert jpeg(XMP_HEADER + named, EXTENSION_HEADER + GUID, EXTENSION_HEADER).title == "A boat"


def test_places_are_read_from_the_iptc_of_a_jpeg() -> None:
    metadata = open_picture(with_iptc(encoded(quadrants(), "JPEG"), IPTC))[1]
    assert metadata.places == ("Alfama", "Lisbon", "Portugal")


def test_iptc_is_read_up_to_a_flaw() -> None:
    metadata = open_picture(with_iptc(encoded(quadrants(), "JPEG"), IPTC[:-3]))[1]
    assert (metadata.tags, metadata.description) == (("Harbour",), None)


def test_iptc_of_a_tiff_may_be_declared_as_numbers() -> None:
    block = IPTC + bytes(-len(IPTC) % 4)
    content = full_file("TIFF", iptc=block)
    entry = struct.pack("<HH", 33723, 7)  # bytes
    start = content.index(entry)
    numbers = struct.pack("<HHI", 33723, 4, len(block) // 4)  # 32-bit numbers, as Photoshop writes them
    metadata = open_picture(content[:start] + numbers + content[start + len(numbers) :])[1]
    assert (metadata.tags, metadata.description) == (("Harbour",), "At dawn")
