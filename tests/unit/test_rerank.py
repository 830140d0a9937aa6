"""Rerankers over a handful of made-up candidates: orders that can be worked out by hand, and names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

import numpy as np
import pytest

from indexer.catalog.statements.items import ItemDetails
from indexer.errors import EncoderNotFoundError, QueryError
from indexer.types import Modality
from retrieval.search.candidates import Candidates
from retrieval.search.rerank.normalize import rescale, standardize
from retrieval.search.rerank.protocol import Context, Ranking, Step
from retrieval.search.rerank.registry import make_rerankers

UNUSED = cast(Context, None)
"""These rerankers look at nothing but the candidates."""


def item(
    number: int, taken: str | None = None, source: str | None = "exif", kind: Modality = Modality.PHOTO
) -> ItemDetails:
    """Return a photo; `taken` is a time of day."""
    moment = datetime.fromisoformat(f"2024-05-01T{taken}") if taken else None
    values: dict[str, Any] = dict.fromkeys(ItemDetails._fields)
    values |= {"embedding_id": number, "item_id": number, "unit_id": number, "path": f"/photos/{number}.jpg"}
    return ItemDetails(**(values | {"kind": kind, "taken_at": moment, "taken_from": source}))


def candidates(
    scores: Sequence[float], degrees: Sequence[float] | None = None, items: Sequence[ItemDetails] | None = None
) -> Candidates:
    """Return candidates with these scores whose embeddings point into these directions of a plane."""
    angles = np.radians(degrees or [0.0] * len(scores))
    return Candidates(
        items or [item(number) for number in range(1, len(scores) + 1)],
        np.array(scores, dtype=np.float32),
        np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32),
    )


def reranked(names: Sequence[str], found: Candidates, *, steps: Sequence[Step] = ()) -> Ranking:
    """Return what rerankers make of candidates."""
    ranking = replace(Ranking.from_candidates(found), steps=tuple(steps))
    for each in make_rerankers(names):
        ranking = each.rerank(ranking, UNUSED)
    return ranking


def ids(ranking: Ranking) -> list[int]:
    """Return the items in order."""
    return [found.item_id for found in ranking.candidates.items]


def test_mmr_takes_a_worse_hit_before_one_that_looks_like_the_first() -> None:
    # after 1: item 2 is worth .5 * .9 - .5 * cos 0 = -.05, item 3 is worth .5 * .6 - .5 * cos 90 = .3
    ranking = reranked(["mmr:0.5"], candidates([1, 0.9, 0.6], [0, 0, 90]))
    assert ids(ranking) == [1, 3, 2]
    assert ranking.steps[0].name == "mmr:0.5"
    assert ranking.steps[0].scores.tolist() == pytest.approx([0.5, 0.3, -0.05], abs=1e-6)


def test_mmr_with_lambda_1_changes_nothing() -> None:
    assert ids(reranked(["mmr:1"], candidates([1, 0.9, 0.6, 0.6], [0, 0, 90, 90]))) == [1, 2, 3, 4]


def test_mmr_with_lambda_0_looks_at_nothing_but_difference() -> None:
    # farthest from 0 degrees is 90; then 80 is 10 away from that, 20 is 20 away from the first
    assert ids(reranked(["mmr:0"], candidates([1, 0.9, 0.8, 0.1], [0, 80, 20, 90]))) == [1, 4, 3, 2]


def test_mmr_is_the_plain_loop_of_the_paper() -> None:
    rng = np.random.default_rng(3)
    found = candidates(sorted(rng.random(12).tolist(), reverse=True), (rng.random(12) * 360).tolist())
    left, picked = list(range(12)), list[int]()
    while left:
        worth = {
            row: 0.6 * float(found.scores[row])
            - 0.4 * max((float(found.vectors[row] @ found.vectors[other]) for other in picked), default=0)
            for row in left
        }
        best = max(left, key=lambda row: worth[row])
        picked.append(best)
        left.remove(best)
    assert ids(reranked(["mmr:0.6"], found)) == [row + 1 for row in picked]


def bursts(*photos: tuple[str | None, str | None, float], name: str = "bursts:0.9") -> list[list[int]]:
    """Return the items of each hit for photos of (time of day, where it is from, degrees), best first."""
    items = [item(number, taken, source) for number, (taken, source, _) in enumerate(photos, start=1)]
    scores = [1 - number / 100 for number in range(len(photos))]
    ranking = reranked([name], candidates(scores, [degrees for *_, degrees in photos], items))
    return [
        [first, *(each for group in members for each in ids(group))]
        for first, members in zip(ids(ranking), ranking.members, strict=True)
    ]


def test_a_burst_becomes_one_hit_in_the_place_of_its_best_photo() -> None:
    burst = bursts(("09:00:02", "exif", 0), ("12:00:00", "exif", 0), ("09:00:01", "exif", 5), ("09:00:00", "exif", 9))
    assert burst == [[1, 3, 4], [2]]


def test_photos_of_one_minute_that_look_different_stay_apart() -> None:
    assert bursts(("09:00:00", "exif", 0), ("09:00:01", "exif", 30)) == [[1], [2]]  # cos 30 = .87


def test_a_moment_goes_on_from_neighbour_to_neighbour() -> None:
    # 100 seconds and 40 degrees from first to last, 50 and 20 from each to the next: cos 20 = .94
    assert bursts(("09:00:00", "exif", 0), ("09:01:40", "exif", 40), ("09:00:50", "exif", 20)) == [[1, 2, 3]]
    assert bursts(("09:00:00", "exif", 0), ("09:01:40", "exif", 40)) == [[1], [2]]


def test_a_minute_is_the_most_between_two_photos_of_a_moment() -> None:
    assert bursts(("09:00:00", "exif", 0), ("09:01:00", "exif", 0)) == [[1, 2]]
    assert bursts(("09:00:00", "exif", 0), ("09:01:01", "exif", 0)) == [[1], [2]]


def test_the_time_of_a_file_has_to_be_the_same_to_the_second() -> None:
    assert bursts(("09:00:00", "file", 0), ("09:00:01", "file", 0), ("09:00:00", "file", 0)) == [[1, 3], [2]]
    assert bursts(("09:00:00", "file", 0), ("09:00:00", "exif", 0)) == [[1], [2]]


def test_photos_without_a_time_and_texts_are_no_bursts() -> None:
    assert bursts((None, None, 0), (None, None, 0)) == [[1], [2]]
    texts = [item(number, "09:00:00", kind=Modality.TEXT) for number in (1, 2)]
    assert ids(reranked(["bursts"], candidates([1, 0.9], items=texts))) == [1, 2]


def test_moments_twice_lose_no_photo() -> None:
    items = [item(number, "09:00:00") for number in (1, 2, 3)]
    ranking = reranked(["bursts:0.99", "bursts:0.9"], candidates([1, 0.9, 0.8], [0, 1, 20], items))
    assert ids(ranking) == [1]
    assert [ids(group) for group in ranking.members[0]] == [[2], [3]]


def test_standard_scores_have_mean_0_and_deviation_1_and_the_own_score_stands_in_on_their_scale() -> None:
    own = np.array([3, 1, 5], dtype=np.float32)
    scores = np.array([10, 30, np.nan], dtype=np.float32)
    # of the two that are scored: own mean 2, deviation 1; 5 is 3 deviations above it
    assert standardize(scores, own).tolist() == [-1, 1, 3]
    assert rescale(scores, own).tolist() == [1, 3, 5]


def test_equal_scores_are_all_average() -> None:
    own = np.array([3, 1], dtype=np.float32)
    assert standardize(np.array([0.1, 0.1], dtype=np.float32), own).tolist() == pytest.approx([0, 0], abs=1e-6)
    assert standardize(np.array([np.nan, np.nan], dtype=np.float32), own).tolist() == [1, -1]


def test_blend_1_is_the_librarys_order_and_blend_0_that_of_the_last_step() -> None:
    found = candidates([0.3, 0.2, 0.1])
    step = Step("other", np.array([1, 3, 2], dtype=np.float32))
    assert ids(reranked(["blend:1"], found, steps=[step])) == [1, 2, 3]
    assert ids(reranked(["blend:0"], found, steps=[step])) == [2, 3, 1]


def test_blend_weighs_standard_scores() -> None:
    found = candidates([0.3, 0.2, 0.1])
    step = Step("other", np.array([2, 1, 3], dtype=np.float32))
    # both have the z 1.22, 0, -1.22 for best, middle, worst: item 1 .61 + 0, item 2 0 - .61, item 3 -.61 + .61
    ranking = reranked(["blend:0.5"], found, steps=[step])
    assert ids(ranking) == [1, 3, 2]
    assert ranking.steps[-1].scores.tolist() == pytest.approx([0.6124, 0, -0.6124], abs=1e-4)


def test_blend_with_a_weight_for_each_score_takes_all_steps() -> None:
    found = candidates([0.3, 0.2, 0.1])
    steps = [Step("one", np.array([1, 2, 3], dtype=np.float32)), Step("two", np.array([1, 3, 2], dtype=np.float32))]
    assert ids(reranked(["blend:0,0,1"], found, steps=steps)) == [2, 3, 1]
    assert ids(reranked(["blend:0,1,0"], found, steps=steps)) == [3, 2, 1]
    with pytest.raises(QueryError, match=r"blend:1,1 has 2 weights for 3 scores \(the search, one, two\)"):
        reranked(["blend:1,1"], found, steps=steps)


def test_blend_without_a_second_score_is_an_error() -> None:
    with pytest.raises(QueryError, match=r"blend:0.5 has no second score; add a reranker that gives one before it"):
        reranked(["bursts", "blend:0.5"], candidates([1.0]))


@pytest.mark.parametrize("name", ["mmr", "bursts", "mmr:0.3"])
def test_no_candidates_stay_none(name: str) -> None:
    assert ids(reranked([name], candidates([]))) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nearest", r"no reranker is called 'nearest'; expected blend:WEIGHT\[,WEIGHT…\], bursts\[:COSINE\], "),
        ("", "no reranker is called ''"),
        ("mmr:", "no reranker is called 'mmr:'"),
        ("exact:1", "exact takes no value after a colon, but has '1'"),
        ("mmr:1.1", "mmr has lambda 1.1; expected a number from 0"),
        ("mmr:-0.1", "mmr has lambda -0.1"),
        ("mmr:nan", "mmr has lambda nan"),
        ("mmr:much", "mmr has 'much', which is not a number; expected for instance mmr:0.5"),
        ("bursts:0", "bursts has the cosine 0; expected a number above 0"),
        ("bursts:1.5", "bursts has the cosine 1.5"),
        ("encoder", "encoder has no name; expected encoder:NAME"),
        ("encoder:compact:0", "the encoder would score 0 candidates; expected at least 1"),
        ("encoder:compact:-3", "the encoder would score -3 candidates"),
        ("blend", "blend has the weights none; expected one number from 0 to 1"),
        ("blend:1.5", "blend has the weights 1.5"),
        ("blend:0,0", "blend has the weights 0,0"),
        ("blend:-1,2", "blend has the weights -1,2"),
        ("blend:inf,1", "blend has the weights inf,1"),
        ("blend:a", "blend has 'a', which is not a number"),
    ],
)
def test_a_name_that_cannot_be_is_one_line(name: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        make_rerankers([name])


def test_an_encoder_that_has_no_such_form_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(EncoderNotFoundError, match="no encoder is called 'strong'"):
        make_rerankers(["encoder:strong"])


def test_a_string_and_what_cannot_rerank_are_mistakes_of_the_program() -> None:
    with pytest.raises(TypeError, match="rerank is the string 'mmr'"):
        make_rerankers("mmr")
    with pytest.raises(TypeError, match="3 is not a reranker"):
        make_rerankers([3])  # type: ignore[list-item]
