"""Dates, places and cameras among the words of a query become filters, of a library that has photos of them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import insert

from indexer.catalog.filters.expression import Filter
from indexer.catalog.schema import PEOPLE
from retrieval import Library, Query
from retrieval.search.hits import Hits
from tests.support.blocks import xmp_block
from tests.support.pictures import encoded, exif_block

PHOTOS = {
    "beach": ("red", datetime.fromisoformat("2019-06-01"), ("Canon", "Canon EOS R5"), ["Berlin", "Germany"]),
    "dog": ("red", datetime.fromisoformat("2018-05-03"), ("Apple", "iPhone 12"), ["Rome"]),
    "snow": ("blue", datetime.fromisoformat("2019-12-24"), ("NIKON CORPORATION", "NIKON D750"), ["Victoria", "Berlin"]),
    "tree": ("lime", datetime.fromisoformat("2020-05-09"), ("Canon", "Canon EOS R5"), ["Bath"]),
}


@pytest.fixture
def photos(library: Library, folder: Path) -> Library:
    """Return a library of four photos with dates, cameras and places; Victoria is also a person."""
    folder.mkdir(exist_ok=True)
    for name, (color, taken_at, camera, places) in PHOTOS.items():
        block = exif_block(taken_at=taken_at, camera=camera)
        (folder / f"{name}.png").write_bytes(encoded(Image.new("RGB", (16, 12), color), "PNG", exif=block))
        city, country = (*places, "")[:2]
        (folder / f"{name}.xmp").write_bytes(xmp_block(photoshop__City=city, photoshop__Country=country))
    library.sync(folder)
    with library._store.transaction() as connection:
        connection.execute(insert(PEOPLE), {"item_id": 1, "person": "Victoria", "key": "victoria"})
    return library


def names(hits: Hits) -> set[str]:
    """Return the file names of hits without the ending."""
    return {hit.path.stem for hit in hits}


def understood(hits: Hits) -> str | None:
    return None if hits.understood is None else str(hits.understood)


@pytest.mark.parametrize(
    ("query", "reading", "found"),
    [
        ("red 2019", "red; taken 2019", {"beach", "snow"}),
        ("red in May", "red; taken in any May", {"dog", "tree"}),
        ("red in Berlin", "red; near Berlin", {"beach", "snow"}),
        ("red in berlin 2019", "red; taken 2019; near berlin", {"beach", "snow"}),
        ("red Berlin", "red; near Berlin", {"beach", "snow"}),
        ("Berlin 2019", "taken 2019; near Berlin", {"beach", "snow"}),
        ("red with my Canon", "red; by Canon", {"beach", "tree"}),
        ("red taken with an iPhone", "red; by iPhone", {"dog"}),
        ("red D750", "red; by D750", {"snow"}),
        ("Canon", "by Canon", {"beach", "tree"}),
        ("red not in Berlin", "red; not near Berlin", {"dog", "tree"}),
        ("photos from 2019", "taken 2019", {"beach", "snow"}),
        ("red in Bath", "red; near Bath", {"tree"}),
    ],
)
def test_words_that_are_filters_of_this_library_filter(
    photos: Library, query: str, reading: str, found: set[str]
) -> None:
    hits = photos.search(query)
    assert (understood(hits), names(hits)) == (reading, found)


@pytest.mark.parametrize(
    "query",
    [
        "red",
        "red in Paris",
        "red in bath",
        "Berlin wall",
        "flag of Germany",
        "Berlin",
        "red Victoria",
        "a red apple",
        "a woman with an iPhone",
        "a Nikon camera",
        "1984 poster",
        '"red in Berlin"',
    ],
)
def test_other_words_stay_words(photos: Library, query: str) -> None:
    hits = photos.search(query)
    assert (understood(hits), len(hits)) == (None, 4)


def test_what_no_photo_shows_is_searched_for_as_words_and_this_is_said(photos: Library) -> None:
    hits = photos.search("red 2017")
    assert len(hits) == 4
    assert hits.understood is not None
    assert hits.understood.to_dict() == {
        "words": "red 2017", "filters": [], "excluded": [], "unmatched": ["taken 2017"]
    }  # fmt: skip
    hits = photos.search("red in Rome 2020")  # photos of each, but none of both
    assert len(hits) == 4
    assert hits.understood is not None
    assert hits.understood.unmatched == ("taken 2020", "near Rome")


def test_a_literal_search_takes_all_words_as_they_are(photos: Library) -> None:
    hits = photos.search("red 2019", literal=True)
    assert (hits.understood, len(hits)) == (None, 4)


def test_the_filter_of_the_words_adds_to_the_filter_of_the_search(photos: Library) -> None:
    assert names(photos.search("red in Berlin", where=Filter.camera("nikon"))) == {"snow"}
    assert names(photos.search(Query(["red", "in Berlin"]), where=Filter.camera("nikon"))) == {"snow"}


def test_a_query_of_filters_alone_lists_the_newest_first(photos: Library) -> None:
    hits = photos.search("in Berlin", k=2)
    assert [hit.path.stem for hit in hits] == ["snow", "beach"]
    assert {(hit.score, hit.probability) for hit in hits} == {(0.0, None)}
    assert [hit.path.stem for hit in photos.search("in Berlin", k=1, offset=1)] == ["beach"]
