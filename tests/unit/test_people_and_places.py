"""People, places and hierarchical keywords are read as the programs that write them do."""

from __future__ import annotations

import pytest

from indexer.images.metadata.block import MetadataBlock, merge_blocks, with_sidecar
from indexer.images.metadata.xmp import read_xmp
from tests.support.blocks import xmp_block

NAMES = {
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "mediapro": "http://ns.iview-media.com/mediapro/1.0/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
}


def read(properties: str, *, tags: tuple[str, ...] = (), **attributes: str) -> MetadataBlock:
    """Return the metadata of a picture with properties that are elements, and others that are attributes."""
    declared = " ".join(f'xmlns:{prefix}="{namespace}"' for prefix, namespace in NAMES.items())
    block = xmp_block(tags=tags, **attributes).decode().replace("<rdf:Description ", f"<rdf:Description {declared} ", 1)
    head, end, tail = block.rpartition("</rdf:Description>")
    return read_xmp((head + properties + end + tail).encode())


def listed(name: str, *entries: str, kind: str = "Bag") -> str:
    """Return a property that is a list."""
    inner = "".join(f"<rdf:li>{entry}</rdf:li>" for entry in entries)
    return f"<{name}><rdf:{kind}>{inner}</rdf:{kind}></{name}>"


@pytest.mark.parametrize(
    ("name", "keyword"),
    [
        ("lr:hierarchicalSubject", "Places|France|Paris"),
        ("mediapro:CatalogSets", "Places|France|Paris"),
        ("digiKam:TagsList", "Places/France/Paris"),
        ("MicrosoftPhoto:LastKeywordXMP", "Places/France/Paris"),
    ],
)
def test_a_hierarchical_keyword_gives_a_tag_for_each_level_and_for_its_path(name: str, keyword: str) -> None:
    assert read(listed(name, keyword)).tags == ("Paris", "France", "Places", "Places/France/Paris")


def test_a_level_of_a_keyword_may_contain_the_separator_of_other_programs() -> None:
    assert read(listed("lr:hierarchicalSubject", "Trips|2019/05")).tags == ("2019/05", "Trips", "Trips/2019/05")


def test_plain_keywords_come_first_and_each_tag_once() -> None:
    block = read(
        listed("lr:hierarchicalSubject", "Places|Paris", "sea")
        + listed("digiKam:TagsList", "Places/Paris", kind="Seq"),
        tags=("Sea", "Paris"),
    )
    assert block.tags == ("Sea", "Paris", "Places", "Places/Paris")


def test_a_path_that_is_too_long_for_a_tag_is_left_out() -> None:
    assert read(listed("lr:hierarchicalSubject", f"{'a' * 60}|{'b' * 60}")).tags == ("b" * 60, "a" * 60)


REGION = "mwg-rs:Name='Ada Lovelace' mwg-rs:Type='Face'"
ELEMENTS = "<mwg-rs:Name>Ada Lovelace</mwg-rs:Name><mwg-rs:Type>Face</mwg-rs:Type>"
AREA = "<mwg-rs:Area rdf:parseType='Resource'><mwg-rs:x>0.5</mwg-rs:x></mwg-rs:Area>"


@pytest.mark.parametrize(
    "region",
    [
        f"<rdf:li><rdf:Description {REGION}/></rdf:li>",
        f"<rdf:li><rdf:Description {REGION}>{AREA}</rdf:Description></rdf:li>",
        f"<rdf:li {REGION}/>",
        f"<rdf:li rdf:parseType='Resource'>{AREA}{ELEMENTS}</rdf:li>",
        f"<rdf:li><rdf:Description>{ELEMENTS}{AREA}</rdf:Description></rdf:li>",
    ],
)
def test_faces_are_read_from_regions_in_every_notation_of_structures(region: str) -> None:
    inner = f"<mwg-rs:RegionList><rdf:Bag>{region}</rdf:Bag></mwg-rs:RegionList>"
    assert read(f"<mwg-rs:Regions rdf:parseType='Resource'>{inner}</mwg-rs:Regions>").people == ("Ada Lovelace",)
    nested = f"<mwg-rs:Regions><rdf:Description>{inner}</rdf:Description></mwg-rs:Regions>"
    assert read(nested).people == ("Ada Lovelace",)


def test_regions_that_are_no_faces_are_no_people() -> None:
    kinds = ("mwg-rs:Type='Focus'", "mwg-rs:Type='BarCode'", "mwg-rs:Type='Pet'", "")
    regions = "".join(f"<rdf:li mwg-rs:Name='{number}' {kind}/>" for number, kind in enumerate(kinds))
    inner = f"<mwg-rs:RegionList><rdf:Bag>{regions}<rdf:li mwg-rs:Type='Face'/></rdf:Bag></mwg-rs:RegionList>"
    assert read(f"<mwg-rs:Regions rdf:parseType='Resource'>{inner}</mwg-rs:Regions>").people == ("2", "3")


def test_faces_of_windows_are_read() -> None:
    regions = "<rdf:li MPReg:PersonDisplayName='Ada' MPReg:Rectangle='0.1, 0.1, 0.2, 0.2'/><rdf:li/>"
    inner = f"<MPRI:Regions><rdf:Bag>{regions}</rdf:Bag></MPRI:Regions>"
    assert read(f"<MP:RegionInfo rdf:parseType='Resource'>{inner}</MP:RegionInfo>").people == ("Ada",)


def test_people_named_by_iptc_are_read_and_each_once() -> None:
    details = "<rdf:li><rdf:Description><Iptc4xmpExt:PersonName><rdf:Alt><rdf:li>Grace</rdf:li></rdf:Alt>"
    details += "</Iptc4xmpExt:PersonName></rdf:Description></rdf:li>"
    properties = listed("Iptc4xmpExt:PersonInImage", "Ada", "grace")
    properties += f"<Iptc4xmpExt:PersonInImageWDetails><rdf:Bag>{details}</rdf:Bag></Iptc4xmpExt:PersonInImageWDetails>"
    assert read(properties).people == ("Ada", "grace")


def test_places_are_listed_from_small_to_large() -> None:
    block = read(
        "<Iptc4xmpCore:Location>Alfama</Iptc4xmpCore:Location>",
        photoshop__Country="Portugal",
        photoshop__State="Lisboa",
        photoshop__City="Lisbon",
    )
    assert block.places == ("Alfama", "Lisbon", "Lisboa", "Portugal")


@pytest.mark.parametrize("name", ["LocationShown", "LocationCreated"])
def test_places_are_read_from_locations(name: str) -> None:
    fields = {"CountryName": "France", "CountryCode": "FRA", "City": "Paris", "WorldRegion": "Europe"}
    attributes = " ".join(f'Iptc4xmpExt:{field}="{value}"' for field, value in fields.items())
    location = (
        f"<Iptc4xmpExt:{name}><rdf:Bag><rdf:li><rdf:Description {attributes}/></rdf:li></rdf:Bag></Iptc4xmpExt:{name}>"
    )
    assert read(location).places == ("Paris", "France")


def test_people_and_places_of_a_sidecar_take_precedence() -> None:
    embedded = MetadataBlock(people=("Ada",), places=("Lisbon",))
    assert with_sidecar(embedded, MetadataBlock(people=("Grace",))) == MetadataBlock(
        people=("Grace",), places=("Lisbon",)
    )
    merged = merge_blocks(exif=MetadataBlock(), xmp=MetadataBlock(people=("Ada",)), iptc=embedded)
    assert (merged.people, merged.places) == (("Ada",), ("Lisbon",))
