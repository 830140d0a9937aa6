"""A dry run says what a run would do, and changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from indexer.errors import SourceError
from retrieval import Library
from tests.support.color_photos import paint, paint_many
from tests.support.contents import contents
from tests.support.program import Program


def file_times(library: Path) -> dict[str, int]:
    """Return the modification time of each file of a library."""
    return {path.name: path.stat().st_mtime_ns for path in library.iterdir() if not path.name.endswith("-shm")}


def test_a_dry_run_counts_what_a_run_would_do(library: Library, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    photos = [folder / f"{number}.png" for number in range(6)]
    for number, photo in enumerate([*photos, other / "other.png"]):
        paint(photo, (number, 80, 160))
    library.sync(folder, other)
    photos[0].rename(other / "moved.png")
    photos[1].unlink()
    paint(photos[2], (99, 80, 160))
    paint(folder / "new.png", (98, 80, 160))
    before = contents(library)
    planned = library.sync(dry_run=True)
    assert planned.is_dry_run
    assert (planned.added, planned.changed, planned.moved, planned.removed, planned.unchanged) == (1, 1, 1, 1, 4)
    assert contents(library) == before
    done = library.sync()
    assert (done.added, done.changed, done.moved, done.removed, done.unchanged) == (1, 1, 1, 1, 4)


def test_a_dry_run_needs_no_write_lock_and_writes_no_file(library: Library, folder: Path) -> None:
    paint_many(folder, 2)
    library.sync(folder)
    paint(folder / "new.png", (50, 80, 160))
    before = file_times(library.path)
    with Library.open(library.name, wait=0) as other, library._store.writing("testing", is_run=True):
        assert other.sync(folder, dry_run=True).added == 1
        during = file_times(library.path)
    assert {name: during[name] for name in before} == before


def test_a_dry_run_remembers_no_source_and_no_pattern(library: Library, folder: Path, tmp_path: Path) -> None:
    paint(folder / "a.png", (1, 80, 160))
    paint(folder / "b.png", (2, 80, 160))
    library.sync(folder)
    paint(tmp_path / "new" / "a.png", (9, 80, 160))
    assert library.sync(tmp_path / "new", dry_run=True).added == 1
    assert library.sync(folder, exclude=["b.*"], dry_run=True).removed == 1
    assert library.sync(dry_run=True).unchanged == 2
    assert [source.root for source in library.status().sources] == [str(folder)]


def test_the_program_makes_no_library_in_a_dry_run(recall_program: Program, folder: Path, tmp_path: Path) -> None:
    paint_many(folder, 3)
    result = recall_program("index", folder, "--dry-run", "--library", tmp_path / "none.recall")
    assert (result.returncode, result.stdout) == (0, "3 added; this was a dry run, nothing was changed\n")
    assert not (tmp_path / "none.recall").exists()
    shown = json.loads(recall_program("index", folder, "--dry-run", "--json").stdout)
    assert (shown["dry_run"], shown["added"]) == (True, 3)


def test_a_dry_run_of_a_missing_folder_is_an_error(library: Library, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be found"):
        library.sync(tmp_path / "nowhere", dry_run=True)
