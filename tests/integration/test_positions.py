"""Photos with a position get town, region and country, which filters and words find; no photo is encoded for them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from indexer.places import gazetteer
from retrieval import Filter, Library
from tests.support.blocks import xmp_block
from tests.support.contents import rows
from tests.support.encoders import FakeEncoder
from tests.support.pictures import encoded, exif_block

POSITIONS = {
    "kreuzberg": ("red", (52.4986, 13.4030)),
    "cologne": ("blue", (50.938, 6.957)),
    "yosemite": ("lime", (37.74, -119.57)),
    "atlantic": ("yellow", (0.0, -30.0)),
}


@pytest.fixture(autouse=True)
def fresh_gazetteer() -> Iterator[None]:
    """Forget what was read and looked up, before and after."""
    for cached in (gazetteer.load, gazetteer._places_at):
        cached.cache_clear()
    yield
    for cached in (gazetteer.load, gazetteer._places_at):
        cached.cache_clear()


@pytest.fixture
def photos(library: Library, folder: Path) -> Library:
    """Return a library of photos with positions, one of which says in its metadata that it shows Mitte."""
    for name, (color, position) in POSITIONS.items():
        picture = Image.new("RGB", (16, 12), color)
        (folder / f"{name}.png").write_bytes(encoded(picture, "PNG", exif=exif_block(position=position)))
    (folder / "kreuzberg.xmp").write_bytes(xmp_block(photoshop__City="Mitte", photoshop__Country="Germany"))
    library.sync(folder)
    return library


def places(library: Library) -> dict[str, set[str]]:
    return {item.path.stem: set(item.places) for item in library.list()}


def paths(library: Library, place: str) -> set[str]:
    return {item.path.stem for item in library.list(where=Filter.place(place))}


def test_a_photo_with_a_position_has_town_region_and_country(photos: Library) -> None:
    assert places(photos) == {
        "kreuzberg": {"Mitte", "Kreuzberg", "Berlin", "Germany"},
        "cologne": {"Altstadt Nord", "Köln", "North Rhine-Westphalia", "Germany"},
        "yosemite": {"California", "United States"},
        "atlantic": set(),
    }


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("Berlin", {"kreuzberg"}),
        ("Germany", {"kreuzberg", "cologne"}),
        ("Deutschland", {"kreuzberg", "cologne"}),
        ("köln", {"cologne"}),
        ("Koln", {"cologne"}),
        ("Cologne", {"cologne"}),
        ("USA", {"yosemite"}),
        ("Kaliforn*", set()),
        ("Paris", set()),
    ],
)
def test_a_place_filters_by_any_of_its_names(photos: Library, place: str, found: set[str]) -> None:
    assert paths(photos, place) == found


def test_a_place_is_found_by_words_and_in_words(photos: Library) -> None:
    words = [row[0].casefold() for row in rows(photos, "SELECT words FROM item_words")]
    assert sum("california" in text or "kreuzberg" in text for text in words) == 2
    hits = photos.search("red in Cologne")
    assert [hit.path.stem for hit in hits] == ["cologne"]
    assert str(hits.understood) == "red; near Cologne"


def test_a_copy_has_the_places_of_its_original(photos: Library, folder: Path) -> None:
    (folder / "copy.png").write_bytes((folder / "cologne.png").read_bytes())
    photos.sync(folder)
    assert places(photos)["copy"] == places(photos)["cologne"]


def test_photos_of_an_older_library_get_places_with_the_next_sync(
    photos: Library, folder: Path, encoder: FakeEncoder
) -> None:
    expected = places(photos)
    with photos._store.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM places WHERE origin IS NOT NULL")
        connection.exec_driver_sql("DELETE FROM place_names")
        connection.exec_driver_sql("DELETE FROM meta WHERE key = 'gazetteer'")
    batches = len(encoder.pictures)
    photos.sync(folder)
    assert places(photos) == expected
    assert paths(photos, "Cologne") == {"cologne"}
    assert len(encoder.pictures) == batches


def test_without_the_gazetteer_photos_are_indexed_without_places_and_one_line_says_so(
    library: Library, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "damaged.gz").write_bytes(gazetteer.FILE.read_bytes()[:1000])
    monkeypatch.setattr(gazetteer, "FILE", tmp_path / "damaged.gz")
    for name, (color, position) in POSITIONS.items():
        picture = Image.new("RGB", (16, 12), color)
        (folder / f"{name}.png").write_bytes(encoded(picture, "PNG", exif=exif_block(position=position)))
    with caplog.at_level(logging.WARNING):
        library.sync(folder)
    assert set(places(library)) == set(POSITIONS)
    assert set().union(*places(library).values()) == set()
    lines = [record.getMessage() for record in caplog.records if "gazetteer" in record.getMessage()]
    assert len(lines) == 1
    assert "reinstall Recall" in lines[0]
    assert len(library.search("red in Berlin")) == 4


def test_the_nearest_town_counts_and_the_city_around_it() -> None:
    def names(latitude: float, longitude: float) -> list[str]:
        return [place.name for place in gazetteer.places_at(latitude, longitude)]

    assert names(40.7178, -74.0431)[-2:] == ["New Jersey", "United States"]  # Jersey City, and not New York across
    assert "New York City" not in names(40.7178, -74.0431)
    assert names(48.137, 11.575) == ["Munich", "Bavaria", "Germany"]
    assert names(52.0, 179.99) == []
    assert gazetteer.FILE.stat().st_size < 1_000_000


def test_an_export_has_the_places_of_the_metadata_and_an_import_names_the_others(
    photos: Library, tmp_path: Path, encoder: FakeEncoder
) -> None:
    photos.export(tmp_path / "export")
    with Library.open(tmp_path / "other.recall", encoder=encoder) as other:
        other.import_(tmp_path / "export")
        assert places(other) == places(photos)
        with other._store.reading() as connection:
            statement = "SELECT place FROM places WHERE origin IS NULL ORDER BY place"
            assert connection.exec_driver_sql(statement).scalars().all() == ["Germany", "Mitte"]
