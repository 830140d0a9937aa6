"""What a query excludes leaves the results, and does not change what the others are compared with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from indexer.errors import QueryError
from retrieval import Library, Query
from retrieval.search.exclusion import excluded_probability
from retrieval.search.hits import Hits
from tests.support.color_photos import PALETTE, paint


@pytest.fixture
def colors(library: Library, folder: Path) -> Library:
    """Return a library of six colours."""
    for color in PALETTE:
        paint(folder / f"{color}.png", color)
    library.sync(folder)
    return library


def names(hits: Hits) -> list[str]:
    """Return the file names of hits without the ending, in order."""
    return [hit.path.stem for hit in hits]


def test_an_excluded_colour_is_left_out_and_the_other_scores_stay(colors: Library) -> None:
    plain = {hit.path.stem: hit.score for hit in colors.search("red")}
    hits = colors.search("red without lime")
    assert hits.understood is not None
    assert str(hits.understood) == "red; without lime"
    assert "lime" not in names(hits)
    assert names(hits)[0] == "red"
    assert {hit.path.stem: hit.score for hit in hits}.items() <= plain.items()


def test_a_query_that_only_excludes_finds_the_rest_the_least_similar_first(colors: Library) -> None:
    hits = colors.search("no red", k=3)
    assert names(hits)[0] == "cyan"  # the opposite of red
    assert "red" not in names(hits)
    probabilities = [hit.probability for hit in hits if hit.probability is not None]
    assert probabilities == sorted(probabilities, reverse=True)
    assert names(colors.search(Query(excluded=["red"]), k=3)) == names(hits)


def test_a_literal_search_excludes_nothing(colors: Library) -> None:
    assert len(colors.search("red without lime", literal=True)) == 6


def test_what_is_excluded_must_be_a_list_of_texts() -> None:
    with pytest.raises(TypeError):
        Query(["a beach"], excluded="people")
    with pytest.raises(QueryError, match="blank"):
        Query(["a beach"], excluded=[" "])


def test_the_probability_rises_with_the_score_relative_to_the_background() -> None:
    background = np.eye(8, dtype=np.float32)[:6]
    excluded = np.eye(8, dtype=np.float32)[6:7]
    units = np.array(
        [[0.3, 0, 0, 0, 0, 0, 0.9, 0.3], [0.3, 0, 0, 0, 0, 0, 0.4, 0.8], [0.3, 0, 0, 0, 0, 0, 0, 0.9]], dtype=np.float32
    )
    values = excluded_probability(excluded, units, background)
    assert values[0] > 0.99  # (.9 - .05) / .11 deviations
    assert values[0] > values[1] > values[2]
    assert values[2] < 0.02  # below the mean of the background


def test_an_explanation_says_that_a_photo_shows_what_is_excluded(colors: Library, folder: Path) -> None:
    for query in ("blue without red", "no red"):
        explanation = colors.explain(query, folder / "red.png")
        assert not explanation.in_results
        assert "it probably shows what the query excludes: red" in explanation.reasons
