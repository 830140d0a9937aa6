"""Searching by looks and by words together: a photo of another colour is found by what is said about it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from indexer.errors import QueryError
from retrieval import Library, Query
from retrieval.search.hits import Hits
from tests.support.blocks import xmp_block
from tests.support.color_photos import PALETTE, advance_mtime, paint


@pytest.fixture
def colours(library: Library, folder: Path) -> Library:
    """Return a library of six colours, where the blue one is called "Sunset over Rome" and tagged "évora"."""
    for colour in PALETTE:
        paint(folder / f"{colour}.png", colour)
    (folder / "blue.xmp").write_bytes(xmp_block(title="Sunset over Rome", tags=["évora"]))
    library.sync(folder)
    return library


def names(hits: Hits) -> list[str]:
    return [hit.path.stem for hit in hits]


def test_a_photo_is_found_by_the_words_about_it_and_says_which(colours: Library) -> None:
    hit = colours.search("a SUNSET in Evora", k=1)[0]
    assert (hit.path.stem, hit.words) == ("blue", ("SUNSET", "Evora"))
    assert colours.search("a sunset in rome", k=1, hybrid=False)[0].path.stem != "blue"


def test_what_both_rankings_have_comes_before_what_one_has(colours: Library) -> None:
    # by looks red is first and blue is fifth (60 degrees from cyan and magenta, 120 from red); by words only blue is
    # there: 1/(10 + 1) + 1/(10 + rank) is more than red's 1/(10 + 1)
    hits = colours.search("red sunset", k=3)
    assert names(hits)[:2] == ["blue", "red"]
    assert [hit.words for hit in hits] == [("sunset",), (), ()]


def test_scores_stay_those_of_what_is_seen(colours: Library) -> None:
    seen = {hit.path.stem: (hit.score, hit.part_scores) for hit in colours.search("red sunset", k=6, hybrid=False)}
    both = {hit.path.stem: (hit.score, hit.part_scores) for hit in colours.search("red sunset", k=6)}
    assert both == seen
    assert len(both) == 6


def test_without_a_matching_word_the_order_is_that_of_the_looks(colours: Library) -> None:
    for query in ("red", "yellow submarine", "..."):
        assert names(colours.search(query, k=6)) == names(colours.search(query, k=6, hybrid=False))


def test_a_word_that_pushes_away_is_not_looked_for(colours: Library) -> None:
    asked = Query(texts=["red", "sunset"], weights=[1, -0.5])
    assert colours.search(asked, k=1)[0].path.stem == "red"
    assert all(not hit.words for hit in colours.search(asked, k=6))


def test_filters_hold_for_words_too(colours: Library, folder: Path) -> None:
    paint(folder / "sub" / "lime2.png", "lime")
    colours.sync(folder)
    assert names(colours.search("sunset", k=9, folder=folder / "sub")) == ["lime2"]
    assert "blue" not in names(colours.search("sunset", k=9, before=datetime(1999, 1, 1)))  # noqa: DTZ001 local time
    assert names(colours.search("sunset", k=9, kind="texts")) == []


def test_the_first_hits_do_not_depend_on_how_many_are_asked_for(colours: Library) -> None:
    everything = names(colours.search("red sunset", k=6))
    assert [names(colours.search("red sunset", k=k)) for k in range(1, 6)] == [everything[:k] for k in range(1, 6)]


def test_more_hits_than_there_are_photos_gives_all(colours: Library) -> None:
    assert sorted(names(colours.search("sunset", k=500))) == sorted(PALETTE)
    with pytest.raises(QueryError, match="at least 1"):
        colours.search("sunset", k=0)


def test_words_that_are_gone_from_a_sidecar_are_gone_from_the_answers(colours: Library, folder: Path) -> None:
    sidecar = folder / "blue.xmp"
    sidecar.write_bytes(xmp_block(title="Rain"))
    advance_mtime(sidecar)
    colours.sync(folder)
    assert all(not hit.words for hit in colours.search("sunset", k=6))
    assert [hit.path.stem for hit in colours.search("rain", k=6) if hit.words] == ["blue"]


def test_few_of_the_words_do_not_come_before_what_looks_like_all_of_them(colours: Library, folder: Path) -> None:
    for number in range(40):
        paint(folder / f"yellow {number}.png", "yellow")
    colours.sync(folder)
    # by words only blue is there, with one of five: sqrt(1/5)/11 and, behind 45 others by looks, 1/56: less than 1/11
    found = names(colours.search("yellow lime orange gold sunset", k=12))
    assert found[0] != "blue"
    assert "blue" in found
