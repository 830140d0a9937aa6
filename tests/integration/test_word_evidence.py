"""Names are words: files are found by their names, folders and metadata, and hits say where."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from retrieval import Hits, Library
from retrieval.search.word_evidence import NO_WORDS, telling_words
from tests.support.blocks import xmp_block
from tests.support.color_photos import PALETTE, paint

NAMES = (
    "2019-05 Germany/PANA3020.png", "2019-05 Germany/b.png", "rome_trip-01/IMG_2041.png", "myHolidayPhoto.png",
    "B-AB1234.png", "\u5317\u4eac\u65c5\u884c.png", "weddings/DSC02077.png", "caf\u00e9/c.png",
)  # fmt: skip


@pytest.fixture
def named(library: Library, folder: Path) -> Library:
    """Return a library of photos with these names, and 30 others."""
    for number, name in enumerate(NAMES):
        paint(folder / name, list(PALETTE)[number % len(PALETTE)])
    for first, second in itertools.product("abc", "abcdefghij"):
        paint(folder / "Camera" / f"y{first}{second}.png", "gray")
    library.sync(folder)
    return library


def with_words(hits: Hits) -> dict[str, list[tuple[str, str]]]:
    """Return what was found of each hit that has a word of the query, by file name."""
    return {hit.path.name: [(word, field) for word, field in hit.found] for hit in hits if hit.found}


@pytest.mark.parametrize(
    ("query", "name", "found"),
    [
        ("PANA3020", "PANA3020.png", [("PANA3020", "name")]),
        ("pana30", "PANA3020.png", [("pana30", "name")]),
        ("3020", "PANA3020.png", [("3020", "name")]),
        ("2041", "IMG_2041.png", [("2041", "name")]),
        ("img2041", "IMG_2041.png", [("img2041", "name")]),
        ("IMG_2041", "IMG_2041.png", [("IMG", "name"), ("2041", "name")]),
        ("Rome Trip", "IMG_2041.png", [("Rome", "folder"), ("Trip", "folder")]),
        ("holiday photo", "myHolidayPhoto.png", [("holiday", "name"), ("photo", "name")]),
        ("AB1234", "B-AB1234.png", [("AB1234", "name")]),
        ("b-ab12", "B-AB1234.png", [("b", "name"), ("ab12", "name")]),
        ("\u65c5\u884c", "\u5317\u4eac\u65c5\u884c.png", [("\u65c5\u884c", "name")]),
        ("2077", "DSC02077.png", [("2077", "name")]),
        ("a wedding", "DSC02077.png", [("wedding", "folder")]),  # the beginning of a word that nothing has
        ("Cafe\u0301", "c.png", [("Caf\u00e9", "folder")]),
    ],
)
def test_a_photo_is_found_by_words_and_parts_of_its_name_and_folders(
    named: Library, query: str, name: str, found: list[tuple[str, str]]
) -> None:
    assert with_words(named.search(query, k=50))[name] == found


def test_a_photo_comes_first_for_the_name_that_its_camera_gave(named: Library) -> None:
    for query in ("PANA3020", "PANA30", "3020", "pana3020 png"):
        assert named.search(query, k=1)[0].path.name == "PANA3020.png", query


def test_the_source_itself_is_no_name(named: Library, folder: Path) -> None:
    assert with_words(named.search(folder.name, k=50)) == {}


@pytest.mark.parametrize("query", ["...", "the", "x", "?", "der auf dem", "png", "\N{DOG FACE}", "Camera"])
def test_a_query_without_telling_words_is_searched_by_looks_alone(named: Library, query: str) -> None:
    hits = named.search(query, k=50)
    assert [hit.path for hit in hits] == [hit.path for hit in named.search(query, k=50, hybrid=False)]
    if query != "Camera":  # 30 of 38 photos: less than nearly all
        assert with_words(hits) == {}


def test_a_query_of_many_words_is_searched(named: Library) -> None:
    query = " ".join(f"word{number}" for number in range(80))
    assert len(named.search(query, k=50)) == 38
    assert "b.png" in with_words(named.search(f"Germany {query}", k=50))


def test_evidence_is_the_share_of_what_the_words_tell(named: Library, folder: Path) -> None:
    evidence = {hit.path.name: hit.word_evidence for hit in named.search("Germany PANA3020", k=50)}
    assert evidence["PANA3020.png"] == pytest.approx(1.0)
    assert 0.3 < evidence["b.png"] < 0.5, "two photos are of Germany, one is called PANA3020"
    assert evidence["c.png"] == 0.0
    part = {hit.path.name: hit.word_evidence for hit in named.search("PANA30", k=50)}
    assert part["PANA3020.png"] == pytest.approx(0.75), "a part of a word tells less than a word"
    assert named.search("PANA3020", k=50, hybrid=False)[0].word_evidence == 0.0


def test_words_that_nearly_all_photos_have_tell_nothing(named: Library) -> None:
    words = telling_words(named._store, "png of Germany")
    assert [(word.text, word.weight > 0) for word in words.words] == [("png", False), ("Germany", True)]
    assert telling_words(named._store, "...") == NO_WORDS


def test_hits_with_half_of_the_words_stay_above_the_threshold(named: Library) -> None:
    hits = named.search("the red of PANA3020", k=50)
    assert "PANA3020.png" in [hit.path.name for hit in hits.above(1.0)] or hits[0].probability is None


def test_each_word_has_one_field_and_the_closest_counts(library: Library, folder: Path) -> None:
    for name in ("Rome/a.png", "Rome/b.png", "c.png"):
        paint(folder / name, "red")
    (folder / "Rome" / "a.xmp").write_bytes(xmp_block(title="Evening in Rome", tags=["Rome", "SummerTrip"]))
    library.sync(folder)
    assert with_words(library.search("rome in summer", k=5)) == {
        "a.png": [("rome", "title"), ("summer", "tag")],
        "b.png": [("rome", "folder")],
    }


def test_a_moved_photo_is_found_by_its_new_names_only(named: Library, folder: Path) -> None:
    (folder / "2019-05 Germany").rename(folder / "Norway")
    named.sync(folder)
    assert with_words(named.search("Germany", k=50)) == {}
    assert set(with_words(named.search("Norway", k=50))) == {"PANA3020.png", "b.png"}
    named.forget(folder / "Norway")
    assert with_words(named.search("Norway", k=50)) == {}


def test_the_name_of_a_folder_does_not_outrank_what_is_seen(library: Library, folder: Path) -> None:
    for number in range(12):
        paint(folder / "red pictures" / f"a{number}.png", "blue", note=str(number))
        paint(folder / "others" / f"b{number}.png", "lime", note=str(number))
    for number in range(5):
        paint(folder / "others" / f"c{number}.png", "red", note=str(number))
    library.sync(folder)
    hits = library.search("red", k=29)
    assert {hit.path.name for hit in hits[:5]} == {f"c{number}.png" for number in range(5)}
    assert sum(hit.words == ("red",) for hit in hits) == 12, "the folder is found, after them"
