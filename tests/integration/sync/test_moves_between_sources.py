"""Photos that move from one source to another keep their embeddings, whichever source is synced first."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from retrieval import Library
from tests.support.color_photos import paint
from tests.support.encoders import FakeEncoder
from tests.support.sync_results import counts, found_names


@pytest.fixture
def sources(library: Library, tmp_path: Path) -> tuple[Path, Path]:
    """Return two indexed folders with two photos each; the first is synced first."""
    first, second = tmp_path / "A", tmp_path / "B"
    for path, color in ((first / "1.png", "red"), (first / "2.png", "lime")):
        paint(path, color)
    for path, color in ((second / "3.png", "blue"), (second / "4.png", "cyan")):
        paint(path, color)
    library.sync(first, second)
    return first, second


@pytest.mark.parametrize("is_forward", [True, False])
def test_a_photo_moves_in_either_direction(
    library: Library, sources: tuple[Path, Path], encoder: FakeEncoder, is_forward: bool
) -> None:
    origin, target = sources if is_forward else sources[::-1]
    photo = next(origin.iterdir())
    photo.rename(target / photo.name)
    assert counts(library.sync()) == {"moved": 1, "unchanged": 3}
    assert sum(encoder.pictures) == 4
    assert found_names(library) == ["1.png", "2.png", "3.png", "4.png"]
    assert counts(library.sync()) == {"unchanged": 4}


@pytest.mark.parametrize("is_forward", [True, False])
def test_all_photos_of_a_source_move_and_leave_an_empty_folder(
    library: Library, sources: tuple[Path, Path], encoder: FakeEncoder, is_forward: bool
) -> None:
    origin, target = sources if is_forward else sources[::-1]
    for photo in origin.iterdir():
        photo.rename(target / photo.name)
    report = library.sync()
    assert counts(report) == {"moved": 2, "unchanged": 2}
    assert report.missing_folders == []
    assert counts(library.sync()) == {"unchanged": 4}  # the empty folder is no error
    paint(origin / "5.png", "yellow")
    assert counts(library.sync()) == {"added": 1, "unchanged": 4}
    assert sum(encoder.pictures) == 5


def test_a_source_that_moved_as_a_whole_is_not_reported_as_missing(
    library: Library, sources: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    first, second = sources
    shutil.move(first, second / "A")
    with caplog.at_level(logging.WARNING):
        assert counts(library.sync()) == {"moved": 2, "unchanged": 2}
    assert caplog.text == ""
    assert [source.root for source in library.status().sources] == [str(second)]


def test_a_photo_deleted_from_one_of_two_sources_leaves_the_library(
    library: Library, sources: tuple[Path, Path]
) -> None:
    (sources[0] / "1.png").unlink()
    (sources[1] / "3.png").unlink()
    assert counts(library.sync()) == {"removed": 2, "unchanged": 2}
    assert found_names(library) == ["2.png", "4.png"]


def test_a_removal_waits_for_the_last_source_also_if_that_is_missing(
    library: Library, sources: tuple[Path, Path], tmp_path: Path
) -> None:
    sources[1].rename(tmp_path / "away")
    (sources[0] / "1.png").unlink()
    assert counts(library.sync()) == {"removed": 1, "unchanged": 1}
    assert found_names(library) == ["2.png", "3.png", "4.png"]
