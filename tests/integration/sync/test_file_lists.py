"""Lists of files to index: those of one source are synced together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from indexer.store import Store
from indexer.sync import pipeline
from indexer.sync.report import SyncReport
from retrieval import Library
from tests.support.color_photos import paint, paint_many
from tests.support.program import Program


@pytest.fixture
def photos(folder: Path) -> list[Path]:
    """Six photos in folders of the folder."""
    paint_many(folder, 6)
    return sorted(path for path in folder.rglob("*.png"))


def test_listed_files_of_a_source_are_synced_in_one_go(
    library: Library, folder: Path, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    library.sync(folder)
    paint(photos[0], (50, 80, 160))
    paint(photos[1], (51, 80, 160))
    paint(photos[2], (52, 80, 160))
    paint(folder / "new.png", (53, 80, 160))
    calls: list[str] = []
    sync = pipeline.sync

    def note_and_sync(store: Store, path: str, **options: Any) -> SyncReport:
        calls.append(path)
        return sync(store, path, **options)

    monkeypatch.setattr(pipeline, "sync", note_and_sync)
    report = library.sync(photos[1], photos[0], photos[3], folder / "new.png")
    assert (report.added, report.changed, report.unchanged, report.removed) == (1, 2, 1, 0)
    assert calls == [str(folder)]
    assert [source.root for source in library.status().sources] == [str(folder)]
    report = library.sync()
    assert (report.added, report.changed, report.unchanged) == (0, 1, 6), "the file that was not listed"


def test_a_listed_file_that_is_missing_is_named_and_stays_in_the_library(
    library: Library, folder: Path, photos: list[Path]
) -> None:
    library.sync(folder)
    paint(photos[1], (60, 80, 160))
    photos[0].unlink()
    report = library.sync(photos[0], photos[1])
    assert (report.changed, report.removed) == (1, 0)
    assert report.unreadable_folders == [f"{photos[0]}: it does not exist"]
    assert library.sync().removed == 1


@pytest.mark.parametrize("name", ["loop/a.png", "a" * 300 + ".png"])
def test_a_listed_file_that_cannot_be_reached_stops_nothing(
    library: Library, folder: Path, photos: list[Path], name: str
) -> None:
    library.sync(folder)
    (folder / "loop").symlink_to(folder / "loop")
    paint(photos[1], (60, 80, 160))
    report = library.sync(folder / name, photos[1])
    assert report.changed == 1
    assert report.unreadable_folders == [f"{folder / name}: it does not exist"]


def test_a_damaged_file_in_a_list_stops_nothing(library: Library, folder: Path, photos: list[Path]) -> None:
    library.sync(folder)
    photos[0].write_bytes(b"no picture")
    paint(photos[1], (61, 80, 160))
    report = library.sync(photos[0], photos[1])
    assert (report.changed, report.failed) == (1, 1)


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\0"])
def test_the_program_reads_a_list_from_standard_input(
    recall_program: Program, folder: Path, photos: list[Path], separator: str
) -> None:
    listed = separator.join(map(str, photos[:4])) + separator
    result = recall_program("index", "--files-from", "-", stdin=listed)
    assert (result.returncode, result.stdout.partition(" in ")[0]) == (0, "4 added"), result.stderr
    result = recall_program("index", folder)
    assert result.stdout.startswith("2 added")


def test_the_program_reads_a_list_from_a_file(recall_program: Program, photos: list[Path], tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("".join(f"{photo}\n" for photo in photos))
    result = recall_program("index", "--files-from", tmp_path / "list.txt", "--dry-run")
    assert result.stdout == "6 added; this was a dry run, nothing was changed\n"


def test_an_empty_list_indexes_nothing(recall_program: Program, folder: Path, photos: list[Path]) -> None:
    recall_program("index", folder)
    photos[0].unlink()
    result = recall_program("index", "--files-from", "-", stdin="")
    assert (result.returncode, result.stdout) == (0, "0 added in 0.0 seconds\n")
    assert "6" in recall_program("status").stdout


def test_a_list_that_cannot_be_read_is_an_error(recall_program: Program, tmp_path: Path) -> None:
    result = recall_program("index", "--files-from", tmp_path / "none.txt")
    assert result.returncode == 2
    assert f"the list {tmp_path / 'none.txt'} cannot be read (No such file or directory)" in result.stderr
