"""An index that syncs choose, once a library is large, and again after large changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.encoders.base import Encoder
from indexer.errors import ConfigError, LibraryError
from retrieval import Library
from retrieval.calibration.background import background_vectors
from tests.support.index_choice import COUNT, choice_files, chosen_kind, disk_full, recall_at_10, top_items
from tests.support.large_library import fill_library
from tests.support.vectors import mixed_vectors


@pytest.mark.usefixtures("small_auto_choice")
def test_a_sync_chooses_an_index_and_again_after_large_changes(path: Path, photos: Path) -> None:
    with Library.open(path) as library:
        report = library.sync(photos)
        assert report.index_choice is not None
        assert report.index_choice.target.recall == 0.99
        assert report.to_dict()["index_choice"] is not None
        assert library.sync().index_choice is None  # nothing has changed
        first = report.index_choice.chosen_at
        assert library.forget("/photos/10 %") > COUNT * 0.09
        assert library.sync().index_choice is None  # slightly less than a tenth
        library.forget("/photos/50 %")
        report = library.sync()
        assert report.index_choice is not None
        assert report.index_choice.chosen_at > first
        assert report.index_choice.measurements[0].vectors == library.status().photos < COUNT / 2


@pytest.mark.slow
@pytest.mark.usefixtures("small_auto_choice")
def test_a_sync_uses_the_target_of_the_last_choice(optimized: Path, photos: Path) -> None:
    with Library.open(optimized) as library:
        library.forget("/photos/50 %")
        report = library.sync(photos / "coffee.png")
        assert report.index_choice is not None
        assert (report.index_choice.target.recall, report.index_choice.target.memory) == (0.9, 3_000_000)
        library.optimize(recall=1)
        assert (chosen_kind(library), library.sync().index_choice) == ("exact", None)  # syncs do not choose it again


@pytest.mark.usefixtures("small_auto_choice")
def test_a_failed_choice_does_not_stop_a_sync(
    path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("indexer.vectors.faiss_ivf.InvertedFile.save", disk_full)
    with Library.open(path) as library:
        report = library.sync(photos)
        assert (report.added > 10, report.index_choice) == (True, None)
    assert "no faster index was chosen: the index cannot be written" in caplog.text


def test_the_target_outlives_the_files(path: Path, photos: Path) -> None:
    with Library.open(path) as library:
        library.optimize(recall=1)
        library.check(repair=True)
        assert not choice_files(path)
        report = library.sync(photos / "coffee.png")
        assert report.index_choice is not None
        assert (report.index_choice.target.recall, chosen_kind(library)) == (1.0, "exact")


@pytest.mark.usefixtures("small_auto_choice")
def test_a_failed_choice_is_not_repeated_by_every_sync(
    path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    attempts: list[int] = []

    def none_fits(*_: object, **__: object) -> None:
        attempts.append(1)
        raise ConfigError("no index is that good")

    monkeypatch.setattr("indexer.vectors.autotune.select.choose", none_fits)
    with Library.open(path) as library:
        library.sync(photos / "coffee.png")
        library.sync(photos / "rocket.jpg")
        assert len(attempts) == 1
        library.forget("/photos/50 %")
        library.sync()
        assert len(attempts) == 2
    assert "no faster index was chosen: no index is that good" in caplog.text


@pytest.mark.parametrize("error", [MemoryError("out of memory"), RuntimeError("Error in faiss")])
@pytest.mark.usefixtures("small_auto_choice")
def test_an_error_of_faiss_does_not_stop_a_sync(
    path: Path, photos: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("indexer.vectors.autotune.select.choose", fail)
    with Library.open(path) as library:
        assert library.sync(photos / "coffee.png").added == 1
        with pytest.raises(LibraryError, match="no index could be built"):
            library.optimize()


@pytest.mark.slow
def test_a_large_library_gets_an_index_from_its_first_sync(tmp_path: Path, compact: Encoder, photos: Path) -> None:
    path = tmp_path / "large.recall"
    fill_library(path, compact, mixed_vectors(200_003, background_vectors(compact)))
    with Library.open(path) as library:
        truth = top_items(library)
        report = library.sync(photos)
        assert report.index_choice is not None
        assert report.index_choice.measurements[0].kind != "exact"
        assert report.index_choice.measurements[0].recall >= 0.99
        assert recall_at_10(top_items(library), truth) >= 0.97
