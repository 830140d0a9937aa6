"""Sidecars that cannot be read are named with their reason; their photos are indexed, and they are read again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from retrieval import Library, Progress
from tests.support.blocks import xmp_block
from tests.support.color_photos import paint
from tests.support.contents import rows
from tests.support.program import Program
from tests.support.sync_results import counts


def sync_without(library: Library, folder: Path, sidecar: Path) -> dict[str, int]:
    """Sync while a sidecar vanishes after the walk, as on a disk that disconnects, and bring it back."""
    hidden = sidecar.with_suffix(".hidden")

    def hide(progress: Progress) -> None:
        if progress.stage == "indexing" and sidecar.exists():
            sidecar.rename(hidden)

    report = library.sync(folder, progress=hide)
    if hidden.exists():
        hidden.rename(sidecar)
    assert [Path(failure.path) for failure in report.unread_sidecars] == [sidecar]
    return counts(report)


@pytest.fixture
def sidecar(folder: Path) -> Path:
    """Return the sidecar of a photo; another photo has none."""
    paint(folder / "a.png", "red")
    paint(folder / "b.png", "blue")
    (folder / "a.xmp").write_bytes(xmp_block(xmp__Rating="4"))
    return folder / "a.xmp"


def test_a_sidecar_that_cannot_be_read_now_is_named_and_read_in_the_next_run(
    library: Library, folder: Path, sidecar: Path
) -> None:
    assert sync_without(library, folder, sidecar) == {"added": 2}
    (failure,) = library.failures()
    assert (Path(failure.path), failure.kind) == (sidecar, "unreadable")
    assert "does not exist" in failure.message
    status = library.status()
    assert (status.photos, status.failed, status.unread_sidecars) == (2, 0, 1)
    assert counts(library.sync(folder)) == {"changed": 1, "unchanged": 1}
    assert rows(library, "SELECT rating FROM items WHERE name = 'a.png'") == [(4,)]
    assert library.failures() == []
    assert counts(library.sync(folder)) == {"unchanged": 2}


def test_a_sidecar_that_was_not_read_and_was_deleted_is_forgotten(
    library: Library, folder: Path, sidecar: Path
) -> None:
    sync_without(library, folder, sidecar)
    sidecar.unlink()
    assert counts(library.sync(folder)) == {"changed": 1, "unchanged": 1}
    assert library.failures() == []
    assert counts(library.sync(folder)) == {"unchanged": 2}


def test_a_photo_that_leaves_takes_the_failure_of_its_sidecar_along(
    library: Library, folder: Path, sidecar: Path
) -> None:
    sync_without(library, folder, sidecar)
    (folder / "a.png").unlink()
    assert counts(library.sync(folder)) == {"removed": 1, "unchanged": 1}
    assert library.failures() == []


def test_an_empty_sidecar_is_named_and_read_when_it_changes(library: Library, folder: Path, sidecar: Path) -> None:
    content = sidecar.read_bytes()
    sidecar.write_bytes(b"")
    assert counts(library.sync(folder)) == {"added": 2}
    report = library.sync(folder)
    assert counts(report) == {"unchanged": 2}
    assert [(Path(failure.path), failure.kind) for failure in report.unread_sidecars] == [(sidecar, "empty")]
    sidecar.write_bytes(content)
    assert counts(library.sync(folder)) == {"changed": 1, "unchanged": 1}
    assert library.failures() == []


def test_only_the_sidecars_of_the_folder_that_is_synced_are_reported(
    library: Library, folder: Path, sidecar: Path
) -> None:
    sync_without(library, folder, sidecar)
    (folder / "new").mkdir()
    shutil.copy(folder / "b.png", folder / "new" / "c.png")
    assert library.sync(folder / "new").unread_sidecars == []
    assert len(library.failures()) == 1


def test_the_program_names_a_sidecar_that_cannot_be_read(recall_program: Program, photos: Path) -> None:
    (photos / "coffee.xmp").write_bytes(b"")
    done = recall_program("index", photos)
    assert done.returncode == 3
    assert "not read: 1 sidecar: the file is empty (0 bytes); run: recall status --failed" in done.stderr
    assert "1 could not be read (see: recall status --failed)" in recall_program("status").stdout
    (line,) = [
        json.loads(line)
        for line in recall_program("status", "--failed", "--json").stdout.splitlines()
        if "coffee" in line
    ]
    assert (Path(line["path"]).name, line["kind"]) == ("coffee.xmp", "empty")
