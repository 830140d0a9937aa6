"""The reranker encoder on whole libraries: its scores and its order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from indexer.catalog.statements import encoders, sources, writes
from indexer.types import Modality, utc_now
from retrieval import Library
from retrieval.search.rerank.second_encoder import SecondEncoder
from tests.support.color_photos import advance_mtime, paint
from tests.support.second_encoder import TurnedEncoder, names, stored_files


def test_the_best_are_ordered_by_the_second_encoder_and_the_others_follow(
    colors: Library, turned: TurnedEncoder
) -> None:
    # it sees lime (0, 1, 0) as (1, 0, 0), orange (255, 165, 0) as (165, 0, 255): .54, red as (0, 0, 1)
    assert names(colors.search("red", rerank=[SecondEncoder(turned, 5)]))[:3] == [
        "lime.png",
        "orange.png",
        "tomato.png",
    ]
    hits = colors.search("red", rerank=[SecondEncoder(turned, 3)])
    assert names(hits) == ["orange.png", "tomato.png", "red.png", "blue.png", "lime.png"]
    assert [[(step.step, round(step.score, 2)) for step in hit.rerank] for hit in hits] == [
        [("encoder:fake/turned", 0.54)],
        [("encoder:fake/turned", 0.35)],
        [("encoder:fake/turned", 0)],
        [],
        [],
    ]
    assert round(hits[0].score, 2) == 0.84  # the cosine under the library's own encoder


def test_a_photo_that_is_missing_or_changed_keeps_its_former_score(
    colors: Library, turned: TurnedEncoder, folder: Path
) -> None:
    (folder / "red.png").unlink()
    advance_mtime(paint(folder / "tomato.png", "lime"))
    hits = colors.search("red", rerank=[SecondEncoder(turned)])
    # by their former scores red and tomato are above all others
    assert names(hits)[:2] == ["red.png", "tomato.png"]
    assert [hit.rerank for hit in hits[:2]] == [(), ()]
    assert names(hits)[2:4] == ["lime.png", "orange.png"]
    assert stored_files(colors, turned) == ["blue.png", "lime.png", "orange.png"]


def test_a_photo_without_a_usable_vector_keeps_its_former_score_and_is_not_stored(colors: Library) -> None:
    broken = TurnedEncoder(unusable=((0, 0, 255),))  # red, as this encoder sees it
    hits = colors.search("red", rerank=[SecondEncoder(broken)])
    # former scores of the others: mean .43, deviation .44; new ones: .47 and .36; so lime counts 1.07, and red stays 1
    assert names(hits)[:3] == ["lime.png", "red.png", "orange.png"]
    assert hits[1].rerank == ()
    assert "red.png" not in stored_files(colors, broken)


def test_a_depth_beyond_the_pool_enlarges_it(library: Library, folder: Path, turned: TurnedEncoder) -> None:
    for number in range(110):
        paint(folder / f"{number:03}.png", "red")
    library.sync(folder)
    library.search("red", k=1, rerank=[SecondEncoder(turned, 105)])
    assert sum(turned.pictures) == 105


def test_texts_are_compared_as_text_with_text(colors: Library, turned: TurnedEncoder) -> None:
    with colors._store.transaction() as connection:
        (source,) = sources.sources(connection)
        active = encoders.active_encoder(connection)
        assert active is not None
        values = {"source_id": source.id, "path": source.root + "/z.txt", "modality": "text", "size": 1, "mtime_ns": 1}
        (item,) = writes.save_items(connection, [values | {"indexed_at": utc_now()}])
        vectors = np.array([[0, 0.6, 0.8]], dtype=np.float32)
        writes.add_embeddings(connection, [item], active.id, vectors, kind=Modality.TEXT, texts=["as red as blood"])
    (text,) = colors.search("red", kind="texts", rerank=[SecondEncoder(turned)])
    assert [round(step.score, 3) for step in text.rerank] == [1.0]  # both texts name the same colour
    assert turned.texts == ["red", "as red as blood"]
    assert stored_files(colors, turned) == ["z.txt"]


def test_int8_reranked_by_float32_gives_the_order_and_scores_of_float32(photos: Path, tmp_path: Path) -> None:
    with (
        Library.open(tmp_path / "int8.recall", encoder="compact+int8") as fast,
        Library.open(tmp_path / "float32.recall", encoder="compact") as exact,
    ):
        fast.sync(photos)
        exact.sync(photos)
        for query in ("a cat", "a rocket", "stones on the ground"):
            hits = fast.search(query, rerank=["encoder:compact"], hybrid=False)
            expected = exact.search(query, hybrid=False)
            assert names(hits) == names(expected)
            assert [hit.rerank[0].score for hit in hits] == pytest.approx([hit.score for hit in expected], abs=1e-5)
