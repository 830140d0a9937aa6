"""Reading the training set: which judgements are in it, and their embeddings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from indexer.catalog.statements.judgements import Judgement
from retrieval import Library, Query
from retrieval.tuning.read_training_set import read_training_set, select_examined
from tests.support.color_photos import paint
from tests.support.encoders import FakeEncoder


@pytest.fixture
def colors(library: Library, folder: Path) -> Library:
    """Return a library of four photos, each of one color."""
    for color in ("red", "green", "blue", "yellow"):
        paint(folder / f"{color}.png", color)
    library.sync(folder)
    return library


def verdicts_and_stats(library: Library, encoder: FakeEncoder) -> tuple[list[tuple[str, bool]], dict[str, int]]:
    """Return query and verdict of each unit in the training set, and the counts that are not 0."""
    training_set, stats = read_training_set(library._store, encoder)
    units = zip(training_set.owners, training_set.good, strict=True)
    verdicts = [(training_set.names[owner], bool(good)) for owner, good in units]
    return verdicts, {name: value for name, value in stats.to_dict().items() if value}


def test_the_latest_verdict_is_used_and_the_others_are_counted(
    colors: Library, folder: Path, encoder: FakeEncoder
) -> None:
    colors.judge("red", good=[folder / "blue.png", folder / "red.png"])
    colors.judge("red", bad=[folder / "blue.png"])
    verdicts, stats = verdicts_and_stats(colors, encoder)
    assert sorted(verdicts) == [("red", False), ("red", True)]
    assert stats == {"judgements": 3, "used": 2, "contradicted": 1}


def judgement(position: int | None, *, good: bool, impression: int | None = 1) -> Judgement:
    return Judgement(
        id=1, query_id=1, parts={}, path=str(position), content_hash=None, is_good=good, judged_at=None,  # type: ignore[arg-type]
        impression_id=impression, position=position, fingerprint=None,
    )  # fmt: skip


def test_bad_hits_count_above_a_good_one_or_next_to_it_and_not_far_below() -> None:
    group = [judgement(position, good=position == 3) for position in (1, 2, 3, 4, 5)]
    assert [examined.position for examined in select_examined(group)] == [1, 2, 3, 4]


def test_bad_hits_of_an_impression_without_a_good_one_do_not_count_and_those_judged_by_name_do() -> None:
    group = [
        judgement(1, good=False),
        judgement(None, good=False, impression=None),
        judgement(1, good=True, impression=2),
    ]
    assert select_examined(group) == group[1:]


def test_a_query_without_a_good_hit_is_left_out(colors: Library, folder: Path, encoder: FakeEncoder) -> None:
    colors.judge("red", bad=[folder / "blue.png"])
    assert verdicts_and_stats(colors, encoder) == ([], {"judgements": 1, "queries_left_out": 1})


def test_a_photo_that_moved_is_used_and_one_that_was_deleted_is_counted(
    colors: Library, folder: Path, encoder: FakeEncoder
) -> None:
    colors.judge("red", good=[folder / "red.png"], bad=[folder / "blue.png"])
    (folder / "red.png").rename(folder / "moved.png")
    (folder / "blue.png").unlink()
    colors.sync(folder)
    assert verdicts_and_stats(colors, encoder) == ([("red", True)], {"judgements": 2, "used": 1, "missing": 1})
    paint(folder / "blue.png", "blue")
    colors.sync(folder)
    assert verdicts_and_stats(colors, encoder)[1] == {"judgements": 2, "used": 2}


def test_the_training_set_has_plain_embeddings_and_unjudged_photos(
    colors: Library, folder: Path, encoder: FakeEncoder
) -> None:
    colors.judge(Query(["red", "green"], [folder / "blue.png"], [1, 0.5, 2]), good=[folder / "red.png"])
    training_set, _ = read_training_set(colors._store, encoder)
    assert training_set.texts == pytest.approx(np.array([[1, 0.5, 0]]))
    assert training_set.images == pytest.approx(np.array([[0, 0, 2]]), abs=1e-3)
    assert training_set.units == pytest.approx(np.array([[1, 0, 0]]), abs=1e-3)
    assert len(training_set.unjudged) == 3
    assert training_set.unjudged_are_photos.all()


def test_a_query_whose_picture_was_deleted_is_left_out(colors: Library, folder: Path, encoder: FakeEncoder) -> None:
    picture = paint(folder.parent / "query.png", "red")
    colors.judge(picture, good=[folder / "red.png"])
    picture.unlink()
    assert verdicts_and_stats(colors, encoder) == ([], {"judgements": 1, "queries_left_out": 1})
