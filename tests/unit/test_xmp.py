"""XMP is read field by field: a flaw costs what it touches, and programs may spell fields in their own way."""

from __future__ import annotations

from datetime import datetime

import pytest

from indexer.images.metadata.xmp import read_xmp
from tests.support.blocks import xmp_block

BLOCK = xmp_block(
    tags=["Harbour", "Sea"],
    title="A boat",
    description="At dawn",
    xmp__Rating="4",
    photoshop__DateCreated="1988-12-01T18:53:44",
    exif__GPSLatitude="48,51.4N",
    exif__GPSLongitude="2,21,3W",
)
TEXT = BLOCK.decode()
FULL = {
    "date": datetime(1988, 12, 1, 18, 53, 44),  # noqa: DTZ001 cameras know no zone
    "position": pytest.approx((48 + 51.4 / 60, -(2 + 21 / 60 + 3 / 3600))),
    "rating": 4,
    "title": "A boat",
    "description": "At dawn",
    "tags": ("Harbour", "Sea"),
}
DOCTYPE = "<!DOCTYPE x:xmpmeta [<!ELEMENT x ANY>]>"


def fields(block: bytes | str) -> dict[str, object]:
    """Return what XMP says about date, position, rating, title, description and tags."""
    read = read_xmp(block.encode() if isinstance(block, str) else block)
    date = read.capture_time and read.capture_time.taken_at
    names = ("position", "rating", "title", "description", "tags")
    return {"date": date} | {name: getattr(read, name) for name in names}


@pytest.mark.parametrize("declared", ["", '<?xml version="1.0" encoding="iso-8859-1"?>\n', "\n\n"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_the_bytes_decide_the_encoding_whatever_is_declared(encoding: str, declared: str) -> None:
    assert fields((declared + TEXT).encode(encoding)) == FULL


@pytest.mark.parametrize(
    "text",
    [
        TEXT + ' left over</rdf:li><dc:title>Old</dc:title></rdf:RDF></x:xmpmeta><?xpacket end="w"?>',
        TEXT.replace("<?xpacket end='w'?>", "") + "\0\0garbage<<>",
        DOCTYPE + TEXT,
        '<!DOCTYPE x:xmpmeta SYSTEM "http://example.com/xmp.dtd">' + TEXT[TEXT.index("<x:xmpmeta") :],
        '<?xml version="1.0" encoding="klingon"?>' + TEXT,
        TEXT.replace("<dc:title>", "<foo:bar>1</foo:bar><dc:title>"),
        TEXT.replace("<dc:title>", "<photoshop:History>never closed<dc:title>"),
        TEXT.replace("<dc:title>", "<photoshop:Bag><rdf:Seq><rdf:li>never closed<dc:title>"),
        TEXT.replace("<dc:title>", "</rdf:Seq></crs:Foo><!-- a -- b --><dc:title>"),
        TEXT.replace("<dc:title>", "<!-- <dc:title>Old</dc:title> --><dc:title>").replace("</dc:title>", ""),
        TEXT.replace("</dc:title>", ""),
        TEXT.replace("</rdf:Alt>", "", 1),
        TEXT.replace("</rdf:li>", "", 1),
        TEXT.replace("</rdf:Bag>", ""),
        TEXT.replace("</rdf:Description>", ""),
        TEXT.replace('xmp:Rating="4"', 'dc:format="a>b" xmp:Rating="4"').replace("</dc:title>", ""),
        TEXT.replace('xmp:Rating="4"', 'xmp:Rating="4" xmp:Rating="4"'),
        TEXT.replace('18:53:44"', "18:53:44"),
        TEXT.replace('xmlns:dc="http://purl.org/dc/elements/1.1/"', ""),
        TEXT.replace('xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"', ""),
        TEXT[:500] + TEXT,
    ],
    ids=range(21),
)
def test_a_flaw_outside_the_fields_costs_nothing(text: str) -> None:
    assert fields(text) == FULL


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        (b"At dawn", b"At\x01dawn", {"description": "At dawn"}),
        (b"At dawn", b"At&#1; & &nbsp;dawn", {"description": "At & dawn"}),
        (b"At dawn", b"At < dawn", {"description": "At < dawn"}),
        (b"At dawn", b"Gr\xfcn", {"description": "Grün"}),  # Windows-1252
        (b"1988-12-01", b"<1988", {"date": None}),
        (b'Rating="4"', b'Rating="4x', {"rating": None}),
        (b'"48,51.4N"', b'"48,51.4X"', {"position": None}),
        (b"<rdf:li>Sea", b"<rdf:li", {"tags": ("Harbour",)}),
    ],
)
def test_a_flaw_in_a_field_leaves_the_others(old: bytes, new: bytes, lost: dict[str, object]) -> None:
    assert fields(BLOCK.replace(old, new)) == FULL | lost


@pytest.mark.parametrize(
    ("end", "lost"),
    [
        ("</dc:description>", {}),
        ("At da", {"description": "Deutsch"}),  # the entry in another language is complete
        ("<rdf:li>Sea", {"description": None, "title": None, "tags": ("Harbour",)}),
        ('xmp:Rating="4" ', {"description": None, "title": None, "tags": (), "date": None, "position": None}),
        ('xmp:Rating="4', {name: () if name == "tags" else None for name in FULL}),
    ],
)
def test_of_a_packet_that_is_cut_the_complete_fields_are_read(end: str, lost: dict[str, object]) -> None:
    assert fields(TEXT[: TEXT.index(end) + len(end)]) == FULL | lost


def test_the_last_of_several_packets_counts_and_the_others_fill_in() -> None:
    last = xmp_block(title="New", xmp__Rating="2").decode()
    expected = FULL | {"title": "New", "rating": 2}
    assert fields(TEXT + last) == expected
    bare = [text[text.index("<x:xmpmeta") : text.index(" " * 50)] for text in (TEXT, last)]  # without a wrapper
    assert fields("".join(bare)) == expected


def test_xmp_that_defines_entities_is_not_read() -> None:
    entities = '<!DOCTYPE x [<!ENTITY a "ha">]>'
    empty = fields(b"")
    for text in (entities + TEXT, TEXT.replace("<x:xmpmeta", f"{entities}<x:xmpmeta")):
        assert fields(text) == fields(text.replace("</dc:title>", "")) == empty


def test_properties_of_ingredients_are_not_those_of_the_picture() -> None:
    inner = "<rdf:Description><dc:title>Ingredient</dc:title><xmp:Rating>1</xmp:Rating></rdf:Description>"
    pantry = f"<photoshop:Pantry><rdf:Bag><rdf:li>{inner}</rdf:li></rdf:Bag></photoshop:Pantry><dc:subject>"
    assert fields(TEXT.replace("<dc:subject>", pantry)) == FULL


@pytest.mark.parametrize(
    ("namespace", "spelling"),
    [
        ("http://ns.microsoft.com/photo/1.0/", "http://ns.microsoft.com/photo/1.0"),
        ("http://ns.microsoft.com/photo/1.0/", "HTTP://ns.Microsoft.com/photo/1.0/"),
        ("http://ns.microsoft.com/photo/1.0/", "https://ns.microsoft.com/photo/1.0#"),
        ("http://www.w3.org/1999/02/22-rdf-syntax-ns#", "http://www.w3.org/1999/02/22-rdf-syntax-ns"),
    ],
)
def test_a_name_space_may_be_spelled_with_or_without_its_last_slash(namespace: str, spelling: str) -> None:
    block = xmp_block(MicrosoftPhoto__Rating="75").replace(namespace.encode(), spelling.encode())
    assert read_xmp(block).rating == 4


def test_a_prefix_may_be_any_that_is_declared_or_a_usual_one() -> None:
    block = xmp_block(xmp__Rating="3")
    assert read_xmp(block.replace(b"xmp:", b"a:").replace(b"xmlns:xmp=", b"xmlns:a=")).rating == 3
    assert read_xmp(block.replace(b"xmp:", b"xap:")).rating == 3  # not declared, so the packet is not well-formed


@pytest.mark.parametrize(
    ("latitude", "reference", "degrees"),
    [
        ("48,51.4N", None, 48 + 51.4 / 60),
        ("48,51,24S", None, -48 - 51.4 / 60),
        ("48.8566N", None, 48.8566),
        ("-33.8566", None, -33.8566),
        ("+48.8566", None, 48.8566),
        ("48.8566", None, 48.8566),
        ("-8.3e-05", None, -8.3e-05),
        ("48.8566", "S", -48.8566),
        ("48,51.4", "South", -48 - 51.4 / 60),
        ("-33.8566", "S", -33.8566),
        ("48°51'24\"N", None, 48 + 51.4 / 60),
        ("48 deg 51' 24.00\" S", None, -48 - 51.4 / 60),
        ("48 51 24 n", None, 48 + 51.4 / 60),
        ("48,51,396N", None, None),  # a decimal comma: no minute has 396 seconds
        ("48,8566N", None, None),
        ("48,51.4", None, None),  # its sign would be a guess
        ("-33.8566", "N", None),
        ("-33.8566N", None, None),
        ("48,51.4E", None, None),
        ("91", None, None),
        ("1e400", None, None),
        ("nan", None, None),
        ("north", None, None),
    ],
)
def test_a_position_is_read_as_programs_write_it(latitude: str, reference: str | None, degrees: float | None) -> None:
    references = {} if reference is None else {"exif__GPSLatitudeRef": reference}
    position = read_xmp(xmp_block(exif__GPSLatitude=latitude, exif__GPSLongitude="9,30E", **references)).position
    assert position == (None if degrees is None else pytest.approx((degrees, 9.5)))
