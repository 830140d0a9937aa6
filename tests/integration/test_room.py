"""Room on the disk: what a large change took for a while is given back, and nothing is lost over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from indexer.catalog import vacuum
from indexer.encoders.base import to_unit_length
from indexer.maintenance import forget
from indexer.types import Progress
from retrieval import Library
from tests.support.color_photos import paint_many
from tests.support.encoders import FakeEncoder
from tests.support.many import fill

COUNT = 3000


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """Return an open library of some thousand photos, of which 11 % are not in the folders "50 %" and "rest"."""
    monkeypatch.setattr(vacuum, "FREE_BYTES", 0)  # else 64 MB must be empty, which takes a minute to make
    fill(
        tmp_path / "large.recall",
        FakeEncoder(),
        to_unit_length(np.random.default_rng(0).random((COUNT, 3), np.float32)),
    )
    with Library.open(tmp_path / "large.recall", encoder=FakeEncoder()) as library:
        yield library


def size(library: Library, name: str = "catalog.db") -> int:
    return (library.path / name).stat().st_size


def left(library: Library) -> list[tuple[Path, float]]:
    return [(hit.path, hit.score) for hit in library.search("red", folder="/photos/10 %", k=20)]


def test_a_catalog_shrinks_when_most_of_it_was_forgotten(large: Library) -> None:
    before, found, stages = size(large), left(large), set()
    assert large.forget("/photos/50 %") == COUNT // 2
    large.forget("/photos/rest", progress=lambda progress: stages.add(progress.stage))
    assert size(large) < before / 3
    assert stages >= {"forgetting"}
    assert left(large) == found
    assert large.check() != []  # the photos do not exist
    assert {problem.kind for problem in large.check()} == {"missing"}


def test_a_catalog_that_holds_little_that_is_empty_is_left_as_it_is(large: Library) -> None:
    before = size(large)
    assert large.forget("/photos/1 %") == COUNT // 100
    assert size(large) == before


def test_what_stops_the_shrinking_costs_nothing(
    large: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "freeing disk space":
            raise KeyboardInterrupt

    monkeypatch.setattr(
        vacuum, "PROGRESS_STEPS", 10
    )  # the small catalog is written in fewer steps than there are between looks
    found = left(large)
    large.forget("/photos/50 %", progress=stop)
    large.forget("/photos/rest", progress=stop)
    assert "the catalog was not vacuumed" in caplog.text
    assert left(large) == found
    monkeypatch.undo()
    monkeypatch.setattr(vacuum, "FREE_BYTES", 0)
    before = size(large)
    assert large.forget("/photos/1 %") > 0  # the next time it is done
    assert size(large) < before / 2


def test_forgetting_that_is_stopped_goes_on_with_the_next_run(large: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forget, "BATCH_SIZE", 100)

    def stop(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        large.forget("/photos", progress=stop)
    assert large.status().photos == COUNT - 100
    assert len(large.status().sources) == 1
    assert large.forget("/photos") == COUNT - 100
    assert large.status().sources == []


def test_the_log_is_empty_after_a_large_sync_though_the_library_stays_open(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint_many(folder, 30)
    library.sync(folder)
    assert size(library, "catalog.db-wal") > 0  # small, and left for the next to write into
    monkeypatch.setattr(vacuum, "WAL_LIMIT_BYTES", 0)
    paint_many(folder / "more", 10, seed=2)
    assert library.sync(folder).added == 10
    assert size(library, "catalog.db-wal") == 0


def test_a_reader_in_the_middle_of_a_search_does_not_stop_the_writer(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vacuum, "WAL_LIMIT_BYTES", 0)
    monkeypatch.setattr(vacuum, "CHECKPOINT_TIMEOUT_SECONDS", 0.01)
    paint_many(folder, 5)
    library.sync(folder)
    with Library.open(library.path, encoder=FakeEncoder()) as other, other._store.reading() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM items").all()  # from here on it sees this state
        paint_many(folder / "more", 10, seed=2)
        assert library.sync(folder).added == 10
        assert connection.exec_driver_sql("SELECT count(*) FROM items").scalar_one() == 5
    assert library.sync(folder).unchanged == 15
    assert size(library, "catalog.db-wal") == 0
