"""Disk space: large changes return it, and the catalog stays intact."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from indexer.catalog.sqlite import room
from indexer.encoders.base import to_unit_length
from indexer.types import Progress
from retrieval import Library
from tests.support.color_photos import paint_many
from tests.support.encoders import FakeEncoder
from tests.support.large_library import fill_library

pytestmark = pytest.mark.folder

COUNT = 3000


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """Return an open library of 3,000 photos, 11 % of them outside the folders "50 %" and "rest"."""
    monkeypatch.setattr(room, "FREE_BYTES", 0)  # otherwise 64 MB must be free, which takes a minute to create
    fill_library(
        tmp_path / "large.recall",
        FakeEncoder(),
        to_unit_length(np.random.default_rng(0).random((COUNT, 3), np.float32)),
    )
    with Library.open(tmp_path / "large.recall", encoder=FakeEncoder()) as library:
        yield library


def size(library: Library, name: str = "catalog.db") -> int:
    """Return the size of a file of a library, in bytes."""
    return (library.path / name).stat().st_size


def remaining_hits(library: Library) -> list[tuple[Path, float]]:
    """Return hits among photos that no test deletes."""
    return [(hit.path, hit.score) for hit in library.search("red", folder="/photos/10 %", k=20)]


def test_a_catalog_shrinks_after_most_of_it_is_forgotten(large: Library) -> None:
    before, hits, stages = size(large), remaining_hits(large), set()
    assert large.forget("/photos/50 %") == COUNT // 2
    large.forget("/photos/rest", progress=lambda progress: stages.add(progress.stage))
    assert size(large) < before / 3
    assert stages >= {"forgetting"}
    assert remaining_hits(large) == hits
    assert large.check() != []  # the photos do not exist
    assert {problem.kind for problem in large.check()} == {"missing"}


def test_a_catalog_with_few_free_pages_is_not_vacuumed(large: Library) -> None:
    before = size(large)
    assert large.forget("/photos/1 %") == COUNT // 100
    assert size(large) == before


def test_an_interrupted_vacuum_leaves_the_catalog_intact(
    large: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "freeing disk space":
            raise KeyboardInterrupt

    monkeypatch.setattr(room, "PROGRESS_STEPS", 10)  # this catalog is rewritten in fewer steps than the default
    hits = remaining_hits(large)
    large.forget("/photos/50 %", progress=stop)
    large.forget("/photos/rest", progress=stop)
    assert "the catalog was not vacuumed" in caplog.text
    assert remaining_hits(large) == hits
    monkeypatch.undo()
    monkeypatch.setattr(room, "FREE_BYTES", 0)
    before = size(large)
    assert large.forget("/photos/1 %") > 0  # now it is vacuumed
    assert size(large) < before / 2


def test_the_log_is_truncated_after_a_large_sync_of_an_open_library(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint_many(folder, 30)
    library.sync(folder)
    assert size(library, "catalog.db-wal") > 0  # small: it is left for the next sync
    monkeypatch.setattr(room, "WAL_LIMIT_BYTES", 0)
    paint_many(folder / "more", 10, seed=2)
    assert library.sync(folder).added == 10
    assert size(library, "catalog.db-wal") == 0


def test_a_reader_with_an_open_transaction_does_not_block_the_writer(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "WAL_LIMIT_BYTES", 0)
    monkeypatch.setattr(room, "CHECKPOINT_TIMEOUT_SECONDS", 0.01)
    paint_many(folder, 5)
    library.sync(folder)
    with Library.open(library.name, encoder=FakeEncoder()) as other, other._store.reading() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM items").all()  # starts the snapshot
        paint_many(folder / "more", 10, seed=2)
        assert library.sync(folder).added == 10
        assert connection.exec_driver_sql("SELECT count(*) FROM items").scalar_one() == 5
    assert library.sync(folder).unchanged == 15
    assert size(library, "catalog.db-wal") == 0
