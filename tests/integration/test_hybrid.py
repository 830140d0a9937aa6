"""Hybrid search: photos are found by their colours and by the words in their metadata."""

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
def colors(library: Library, folder: Path) -> Library:
    """Return a library of six colours, where the blue one is called "Sunset over Rome" and tagged "évora"."""
    for color in PALETTE:
        paint(folder / f"{color}.png", color)
    (folder / "blue.xmp").write_bytes(xmp_block(title="Sunset over Rome", tags=["évora"]))
    library.sync(folder)
    return library


def names(hits: Hits) -> list[str]:
    """Return the file names of hits without the ending, in order."""
    return [hit.path.stem for hit in hits]


def test_a_photo_is_found_by_words_in_its_metadata_and_names_them(colors: Library) -> None:
    hit = colors.search("a SUNSET in Evora", k=1)[0]
    assert (hit.path.stem, hit.words) == ("blue", ("SUNSET", "Evora"))
    assert hit.found == (("SUNSET", "title"), ("Evora", "tag"))
    assert colors.search("a sunset in rome", k=1, hybrid=False)[0].path.stem != "blue"


def test_a_photo_in_both_rankings_comes_before_one_in_a_single_ranking(colors: Library) -> None:
    # in vector search red is first and blue fifth (60 degrees from cyan and magenta, 120 from red); in full-text search
    # there is only blue: 1/(10 + 1) + 1/(10 + rank) is more than red's 1/(10 + 1)
    hits = colors.search("red sunset", k=3)
    assert names(hits)[:2] == ["blue", "red"]
    assert [hit.found for hit in hits] == [(("sunset", "title"),), (("red", "name"),), ()]


def test_scores_remain_cosines(colors: Library) -> None:
    plain = {hit.path.stem: (hit.score, hit.part_scores) for hit in colors.search("red sunset", k=6, hybrid=False)}
    both = {hit.path.stem: (hit.score, hit.part_scores) for hit in colors.search("red sunset", k=6)}
    assert both == plain
    assert len(both) == 6


def test_without_a_matching_word_the_order_is_that_of_vector_search(colors: Library) -> None:
    for query in ("red", "yellow submarine", "..."):
        assert names(colors.search(query, k=6)) == names(colors.search(query, k=6, hybrid=False))


def test_words_with_a_negative_weight_are_not_keywords(colors: Library) -> None:
    query = Query(texts=["red", "sunset"], weights=[1, -0.5])
    assert colors.search(query, k=1)[0].path.stem == "red"
    assert [hit.words for hit in colors.search(query, k=6) if hit.words] == [("red",)]


def test_filters_apply_to_full_text_search(colors: Library, folder: Path) -> None:
    paint(folder / "sub" / "lime2.png", "lime")
    colors.sync(folder)
    assert names(colors.search("sunset", k=9, folder=folder / "sub")) == ["lime2"]
    assert "blue" not in names(colors.search("sunset", k=9, before=datetime(1999, 1, 1)))  # noqa: DTZ001 local time
    assert names(colors.search("sunset", k=9, kind="texts")) == []


def test_the_first_hits_do_not_depend_on_k(colors: Library) -> None:
    everything = names(colors.search("red sunset", k=6))
    assert [names(colors.search("red sunset", k=k)) for k in range(1, 6)] == [everything[:k] for k in range(1, 6)]


def test_a_k_beyond_the_photos_gives_all_photos(colors: Library) -> None:
    assert sorted(names(colors.search("sunset", k=500))) == sorted(PALETTE)
    with pytest.raises(QueryError, match="at least 1"):
        colors.search("sunset", k=0)


def test_words_removed_from_a_sidecar_are_not_found(colors: Library, folder: Path) -> None:
    sidecar = folder / "blue.xmp"
    sidecar.write_bytes(xmp_block(title="Rain"))
    advance_mtime(sidecar)
    colors.sync(folder)
    assert all(not hit.words for hit in colors.search("sunset", k=6))
    assert [hit.path.stem for hit in colors.search("rain", k=6) if hit.words] == ["blue"]


def test_one_of_many_words_does_not_outrank_vector_search(colors: Library, folder: Path) -> None:
    for number in range(40):
        paint(folder / f"yellow {number}.png", "yellow")
    colors.sync(folder)
    # full-text search finds only blue, with one word of five: sqrt(1/5)/11, and 1/56 for rank 46 in vector search: less
    # than 1/11
    order = names(colors.search("yellow lime orange gold sunset", k=12))
    assert order[0] != "blue"
    assert "blue" in order
