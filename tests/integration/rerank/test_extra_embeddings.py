"""Embeddings of a second encoder: when they are stored, reused and deleted."""

from __future__ import annotations

import logging
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from indexer.catalog.sqlite.lock import write_lock
from retrieval import Library
from retrieval.search.rerank.second_encoder import SecondEncoder
from tests.support.color_photos import advance_mtime, paint
from tests.support.contents import rows
from tests.support.encoders import FakeEncoder
from tests.support.records import stored_vector
from tests.support.second_encoder import COLORS, MORNING, TurnedEncoder, names, stored_files


def test_each_photo_is_encoded_at_most_once(
    colors: Library, turned: TurnedEncoder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "retrieval")
    before = colors.search("red", rerank=[SecondEncoder(turned, 3)])
    assert sum(turned.pictures) == 3
    assert "reranked 3 of 3 by fake/turned in " in caplog.text
    assert colors.search("red", rerank=[SecondEncoder(turned, 3)]) == before
    assert sum(turned.pictures) == 3
    colors.search("red", rerank=[SecondEncoder(turned, 5)])
    assert sum(turned.pictures) == 5
    with Library.open(colors.name, encoder=FakeEncoder()) as again:
        again.search("red", rerank=[SecondEncoder(turned, 5)])
    assert sum(turned.pictures) == 5


def test_embeddings_are_deleted_with_their_photo_and_when_it_changes(
    colors: Library, turned: TurnedEncoder, folder: Path
) -> None:
    colors.search("red", rerank=[SecondEncoder(turned)])
    assert stored_files(colors, turned) == ["blue.png", "lime.png", "orange.png", "red.png", "tomato.png"]
    advance_mtime(paint(folder / "red.png", "green"))
    (folder / "tomato.png").unlink()
    colors.sync(folder)
    colors.forget(folder / "lime.png")
    assert stored_files(colors, turned) == ["blue.png", "orange.png"]
    colors.search("red", rerank=[SecondEncoder(turned)])
    assert sum(turned.pictures) == 5 + 1  # only the changed photo again
    assert stored_files(colors, turned) == ["blue.png", "orange.png", "red.png"]


def test_a_moved_photo_keeps_its_embedding_and_a_copy_gets_it(
    colors: Library, turned: TurnedEncoder, folder: Path, encoder: FakeEncoder
) -> None:
    colors.search("red", rerank=[SecondEncoder(turned)])
    before = sum(encoder.pictures)
    (folder / "red.png").rename(folder / "moved.png")
    shutil.copy(folder / "lime.png", folder / "copy.png")
    colors.sync(folder)
    colors.search("red", rerank=[SecondEncoder(turned)])
    assert (sum(encoder.pictures), sum(turned.pictures)) == (before, 5)
    assert stored_files(colors, turned) == ["blue.png", "copy.png", "lime.png", "moved.png", "orange.png", "tomato.png"]


def test_a_second_encoder_does_not_affect_the_first(colors: Library, turned: TurnedEncoder, folder: Path) -> None:
    hits, status = colors.search("red"), colors.status()
    colors.search("red", rerank=[SecondEncoder(turned)])
    assert colors.search("red") == hits
    now = colors.status()
    assert (now.photos, now.encoder, now.fingerprint, now.dim) == (5, status.encoder, status.fingerprint, status.dim)
    assert colors.check() == []
    assert colors.check(repair=True) == []
    assert stored_files(colors, turned) == sorted(COLORS)
    paint(folder / "navy.png", "navy")
    assert colors.sync(folder).added == 1
    with Library.open(colors.name, encoder=FakeEncoder()) as again:  # the library keeps its encoder
        assert names(again.search("blue", k=2)) == ["blue.png", "navy.png"]
        assert len(again._store.index()) == 6
    assert colors.check() == []


def test_a_damaged_embedding_is_encoded_again(colors: Library, turned: TurnedEncoder) -> None:
    before = colors.search("red", rerank=[SecondEncoder(turned)])
    rows(colors, "UPDATE embeddings SET vector = ? WHERE encoder_id = 2 AND unit_id < 3", stored_vector(0))
    assert colors.search("red", rerank=[SecondEncoder(turned)]) == before
    assert sum(turned.pictures) == 5 + 2
    assert colors.search("red", rerank=[SecondEncoder(turned)]) == before
    assert sum(turned.pictures) == 5 + 2


@pytest.mark.folder
def test_while_another_process_writes_nothing_is_stored_and_the_results_are_the_same(
    colors: Library, turned: TurnedEncoder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "retrieval")
    with write_lock(colors.path, "indexing", timeout=0):
        hits = colors.search("red", rerank=[SecondEncoder(turned)])
    assert caplog.text.count("embeddings by fake/turned are not stored: process ") == 1
    assert sum(turned.pictures) == 5  # in two batches
    assert stored_files(colors, turned) == []
    assert colors.search("red", rerank=[SecondEncoder(turned)]) == hits
    assert sum(turned.pictures) == 10


@pytest.mark.folder
def test_a_search_that_enlarges_its_pool_encodes_nothing_twice(
    library: Library, folder: Path, turned: TurnedEncoder
) -> None:
    for number in range(104):
        paint(folder / f"{number:03}.png", "red", taken_at=MORNING + timedelta(seconds=number))
    library.sync(folder)
    with write_lock(library.path, "indexing", timeout=0):
        assert len(library.search("red", k=2, rerank=[SecondEncoder(turned, 5), "bursts"])) == 1
    assert sum(turned.pictures) == 5
