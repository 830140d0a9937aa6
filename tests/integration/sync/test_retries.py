"""Photos that failed for a reason outside their file are tried again in the next run, damaged ones when they change."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from indexer.errors import FailureKind
from retrieval import Library
from tests.support.color_photos import paint
from tests.support.contents import Place, rows
from tests.support.encoders import FakeEncoder
from tests.support.sync_results import counts, found_names


@pytest.fixture
def large(folder: Path) -> Path:
    """Return a picture that takes longer to decode than the limit, with a text in its folder."""
    (folder / "note.txt").write_text("red")
    path = folder / "large.png"
    Image.new("RGB", (4000, 4000), "lime").save(path, compress_level=1)
    return path


def sync_with(library: Place, folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: str) -> dict[str, int]:
    """Return the counts of a sync with these settings."""
    with monkeypatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(f"RECALL_{name.upper()}", value)
        with Library.open(library, encoder=FakeEncoder()) as opened:
            return counts(opened.sync(folder))


def test_a_photo_that_timed_out_is_tried_again_in_the_next_run(
    library_place: Place, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = library_place
    limits = {"workers": "1", "timeout": "0.02"}
    assert sync_with(path, large.parent, monkeypatch, **limits) == {"added": 1, "failed": 1}
    with Library.open(path, encoder=FakeEncoder()) as library:
        assert [(Path(failure.path), failure.kind) for failure in library.failures()] == [
            (large, FailureKind.TIMED_OUT)
        ]
    assert sync_with(path, large.parent, monkeypatch) == {"changed": 1, "unchanged": 1}
    assert sync_with(path, large.parent, monkeypatch, **limits) == {"unchanged": 2}  # an indexed photo is not read


def test_a_photo_that_was_too_large_is_added_when_the_limit_is_raised(
    library_place: Place, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = library_place
    assert sync_with(path, large.parent, monkeypatch, max_pixels="1000") == {"added": 1, "failed": 1}
    assert sync_with(path, large.parent, monkeypatch, max_pixels="1000") == {"unchanged": 1, "failed": 1}
    assert sync_with(path, large.parent, monkeypatch) == {"changed": 1, "unchanged": 1}


@pytest.mark.parametrize("kind", [FailureKind.CRASHED, FailureKind.UNSUPPORTED, FailureKind.UNREADABLE])
def test_a_photo_whose_decoder_failed_is_tried_again(library: Library, folder: Path, kind: FailureKind) -> None:
    paint(folder / "a.png", "red")
    paint(folder / "b.png", "blue")
    library.sync(folder)
    _record_failure(library, folder / "b.png", kind)
    assert counts(library.sync(folder)) == {"changed": 1, "unchanged": 1}
    assert found_names(library) == ["a.png", "b.png"]


def test_a_damaged_photo_waits_for_another_file(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red")
    paint(folder / "b.png", "blue")
    library.sync(folder)
    _record_failure(library, folder / "b.png", FailureKind.DAMAGED)
    assert counts(library.sync(folder)) == {"unchanged": 1, "failed": 1}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither alarms nor limits of memory")
@pytest.mark.parametrize("name", ["timeout", "max_pixels", "max_bytes"])
def test_a_limit_beyond_what_the_system_can_set_is_no_limit(
    library_place: Place, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    paint(folder / "a.png", "red")
    counted = sync_with(library_place, folder, monkeypatch, **{name: f"1{'0' * 40}"})
    assert counted == {"added": 1}


def _record_failure(library: Library, photo: Path, kind: FailureKind) -> None:
    """Record that a photo could not be read when it was indexed."""
    statement = "UPDATE items SET failure = ?, failure_message = 'for a test' WHERE path = ?"
    rows(library, statement, str(kind), os.fsencode(photo))
    with library._store.transaction() as connection:  # with the embeddings
        connection.exec_driver_sql(
            "DELETE FROM units WHERE item_id IN (SELECT id FROM items WHERE failure IS NOT NULL)"
        )
