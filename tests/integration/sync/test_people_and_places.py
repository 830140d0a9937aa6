"""People, places and hierarchical keywords of photos are found by words and by filters."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from indexer.catalog.filters.expression import Filter
from retrieval import Library
from tests.support.blocks import full_file, xmp_block
from tests.support.color_photos import paint
from tests.support.contents import count, rows
from tests.support.program import Program

PEOPLE = (
    "<a:PersonInImage xmlns:a='http://iptc.org/std/Iptc4xmpExt/2008-02-29/'><rdf:Bag><rdf:li>Ada Lovelace</rdf:li>"
    "</rdf:Bag></a:PersonInImage>"
)
KEYWORDS = (
    "<lr:hierarchicalSubject xmlns:lr='http://ns.adobe.com/lightroom/1.0/'><rdf:Bag><rdf:li>Trips|Iberia</rdf:li>"
    "</rdf:Bag></lr:hierarchicalSubject>"
)


def sidecar(*properties: str, **attributes: str) -> bytes:
    """Return XMP with properties that are elements, and others that are attributes."""
    head, end, tail = xmp_block(**attributes).rpartition(b"</rdf:Description>")
    return head + "".join(properties).encode() + end + tail


def test_people_places_and_keywords_are_labels_and_searchable_text(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red")
    (folder / "a.xmp").write_bytes(
        sidecar(PEOPLE, KEYWORDS, title="Lisbon", photoshop__City="Lisbon", photoshop__Country="Portugal")
    )
    paint(folder / "b.png", "lime")
    library.sync(folder)
    (hit,) = library.search("red", where=Filter.person("ada *"))
    assert (hit.people, hit.places) == (("Ada Lovelace",), ("Lisbon", "Portugal"))
    assert hit.tags == ("Iberia", "Trips", "Trips/Iberia")
    assert hit.text == "Lisbon\nIberia\nTrips\nTrips/Iberia\nAda Lovelace\nPortugal"  # each line once
    assert [Path(hit.path).name for hit in library.search("red", where=Filter.place("PORTUGAL"))] == ["a.png"]
    assert [Path(hit.path).name for hit in library.search("red", where=~Filter.place("Lis*"))] == ["b.png"]
    assert [Path(hit.path).name for hit in library.search("red", where=Filter.tag("trips"))] == ["a.png"]


def test_labels_follow_their_photo_and_are_deleted_with_it(library: Library, folder: Path) -> None:
    photo = paint(folder / "a.png", "red")
    (folder / "a.xmp").write_bytes(sidecar(PEOPLE, photoshop__City="Lisbon"))
    library.sync(folder)
    (folder / "a.xmp").unlink()
    library.sync(folder)
    assert [count(library, table) for table in ("people", "places")] == [0, 0]
    (folder / "a.xmp").write_bytes(sidecar(PEOPLE, photoshop__City="Porto"))
    library.sync(folder)
    assert rows(library, "SELECT place FROM places") == [("Porto",)]
    photo.unlink()
    paint(folder / "b.png", "lime")
    library.sync(folder)
    assert [count(library, table) for table in ("people", "places")] == [0, 0]


def test_a_copy_has_the_people_and_places_of_its_original(library: Library, folder: Path) -> None:
    (folder / "a.jpg").write_bytes(full_file("JPEG", xmp=sidecar(PEOPLE, photoshop__City="Lisbon")))
    library.sync(folder)
    shutil.copy(folder / "a.jpg", folder / "b.jpg")
    library.sync(folder)
    assert rows(library, "SELECT person FROM people") == [("Ada Lovelace",)] * 2
    assert rows(library, "SELECT place FROM places") == [("Lisbon",)] * 2


def test_a_sidecar_with_megabytes_of_brush_strokes_is_read(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red")
    strokes = f"<crs:Masks xmlns:crs='crs'><rdf:Seq>{'<rdf:li>d 0.41 0.51</rdf:li>' * 60_000}</rdf:Seq></crs:Masks>"
    (folder / "a.xmp").write_bytes(sidecar(strokes, PEOPLE, xmp__Rating="4"))
    library.sync(folder)
    assert rows(library, "SELECT rating, person FROM items JOIN people ON item_id = id") == [(4, "Ada Lovelace")]


def test_the_program_finds_people_and_places(recall_program: Program, photos: Path) -> None:
    (photos / "coffee.xmp").write_bytes(sidecar(PEOPLE, photoshop__City="Lisbon"))
    assert recall_program("index", photos).returncode == 0
    found = json.loads(recall_program("search", "lovelace in lisbon", "--literal", "--json", "-k", "1").stdout)
    assert (Path(found["path"]).name, found["words"]) == ("coffee.png", ["lovelace", "lisbon"])
    assert (found["people"], found["places"]) == (["Ada Lovelace"], ["Lisbon"])
    options = ("--person", "ada lovelace", "--place", "Lis*", "--all", "--paths")
    (path,) = recall_program("search", "a cup", *options).stdout.splitlines()
    assert Path(path).name == "coffee.png"
    assert recall_program("search", "a cup", "--not-person", "Ada*", "--place", "Lisbon").returncode == 1
