"""The reranker bursts on made-up photos of one day."""

from __future__ import annotations

import pytest

from indexer.errors import QueryError
from indexer.types import Modality
from retrieval.search.rerank.registry import make_rerankers
from tests.support.rankings import candidates, ids, item, rerank


def groups(*photos: tuple[str | None, str | None, float]) -> list[list[int]]:
    """Return the items of each hit for photos of (time of day, origin of the time, degrees), best first."""
    items = [item(number, time, taken_from) for number, (time, taken_from, _) in enumerate(photos, start=1)]
    scores = [1 - number / 100 for number in range(len(photos))]
    ranking = rerank(["bursts:0.9"], candidates(scores, [degrees for *_, degrees in photos], items))
    return [
        [leader, *(member for group in members for member in ids(group))]
        for leader, members in zip(ids(ranking), ranking.members, strict=True)
    ]


def test_a_burst_becomes_one_hit_at_the_position_of_its_best_photo() -> None:
    burst = groups(("09:00:02", "exif", 0), ("12:00:00", "exif", 0), ("09:00:01", "exif", 5), ("09:00:00", "exif", 9))
    assert burst == [[1, 3, 4], [2]]


def test_photos_of_one_minute_that_look_different_stay_apart() -> None:
    assert groups(("09:00:00", "exif", 0), ("09:00:01", "exif", 30)) == [[1], [2]]  # cos 30 = .87


def test_a_burst_continues_from_neighbour_to_neighbour() -> None:
    # 100 seconds and 40 degrees from first to last, 50 and 20 from each to the next: cos 20 = .94
    assert groups(("09:00:00", "exif", 0), ("09:01:40", "exif", 40), ("09:00:50", "exif", 20)) == [[1, 2, 3]]
    assert groups(("09:00:00", "exif", 0), ("09:01:40", "exif", 40)) == [[1], [2]]


def test_two_photos_of_a_burst_are_at_most_a_minute_apart() -> None:
    assert groups(("09:00:00", "exif", 0), ("09:01:00", "exif", 0)) == [[1, 2]]
    assert groups(("09:00:00", "exif", 0), ("09:01:01", "exif", 0)) == [[1], [2]]


def test_times_of_files_must_be_equal_to_the_second() -> None:
    assert groups(("09:00:00", "file", 0), ("09:00:01", "file", 0), ("09:00:00", "file", 0)) == [[1, 3], [2]]
    assert groups(("09:00:00", "file", 0), ("09:00:00", "exif", 0)) == [[1], [2]]


def test_photos_without_a_time_are_not_grouped() -> None:
    assert groups((None, None, 0), (None, None, 0)) == [[1], [2]]


def test_photos_of_one_day_whose_time_is_unknown_are_not_grouped() -> None:
    assert groups(("00:00:00", "name", 0), ("00:00:00", "name", 0), ("00:00:00", "xmp", 0)) == [[1], [2], [3]]
    assert groups(("00:00:00", "file", 0), ("00:00:00", "file", 0)) == [[1, 2]]


def test_texts_are_not_grouped() -> None:
    texts = [item(number, "09:00:00", kind=Modality.TEXT) for number in (1, 2)]
    assert ids(rerank(["bursts"], candidates([1, 0.9], items=texts))) == [1, 2]


def test_grouping_twice_loses_no_photo() -> None:
    items = [item(number, "09:00:00") for number in (1, 2, 3)]
    ranking = rerank(["bursts:0.99", "bursts:0.9"], candidates([1, 0.9, 0.8], [0, 1, 20], items))
    assert ids(ranking) == [1]
    assert [ids(group) for group in ranking.members[0]] == [[2], [3]]


def test_no_candidates_give_no_candidates() -> None:
    assert ids(rerank(["bursts"], candidates([]))) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bursts:0", "bursts has the cosine 0; expected a number above 0"),
        ("bursts:1.5", "bursts has the cosine 1.5"),
    ],
)
def test_a_cosine_outside_0_to_1_is_an_error(name: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        make_rerankers([name])
