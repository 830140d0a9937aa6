"""New, edited and damaged photos: what a second sync counts, encodes and finds."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from retrieval import Library
from tests.support.color_photos import advance_mtime, paint, paint_many
from tests.support.contents import Place, contents, count, rows
from tests.support.encoders import FakeEncoder
from tests.support.sync_results import best_match, counts, found_names


def test_new_photos_are_added_and_found(library: Library, folder: Path) -> None:
    for color in ("red", "lime", "blue"):
        paint(folder / f"{color}.png", color)
    assert counts(library.sync(folder)) == {"added": 3}
    assert [best_match(library, color) for color in ("red", "lime", "blue")] == ["red.png", "lime.png", "blue.png"]
    paint(folder / "sub" / "yellow.png", "yellow")
    assert counts(library.sync(folder)) == {"added": 1, "unchanged": 3}
    assert best_match(library, "yellow") == "yellow.png"


def test_a_second_run_encodes_nothing_and_loads_no_encoder(
    library: Library, folder: Path, library_place: Place
) -> None:
    paint_many(folder, 20)
    library.sync(folder)
    before = contents(library)
    library.close()
    with Library.open(library_place) as reopened:  # no encoder has this name, so loading it would fail
        report = reopened.sync(folder)
    assert counts(report) == {"unchanged": 20}
    assert "decode" not in report.seconds
    assert "load" not in report.seconds
    assert contents(library) == before


def test_an_edited_photo_is_encoded_again_and_keeps_its_item(
    library: Library, folder: Path, encoder: FakeEncoder
) -> None:
    path = paint(folder / "a.png", "red")
    paint(folder / "b.png", "lime")
    library.sync(folder)
    item = library.search("red", k=1)[0].item_id
    paint(path, "blue")
    advance_mtime(path)
    assert counts(library.sync(folder)) == {"changed": 1, "unchanged": 1}
    assert sum(encoder.pictures) == 3
    hit = library.search("blue", k=1)[0]
    assert (hit.path.name, hit.item_id, round(hit.score, 3)) == ("a.png", item, 1.0)
    assert count(library, "embeddings") == 2


def test_an_edit_that_changes_only_the_time_is_noticed(library: Library, folder: Path) -> None:
    path = folder / "a.bmp"  # its size depends only on the number of pixels
    Image.new("RGB", (16, 12), "red").save(path)
    library.sync(folder)
    size = path.stat().st_size
    Image.new("RGB", (16, 12), "blue").save(path)
    advance_mtime(path)
    assert path.stat().st_size == size
    assert counts(library.sync(folder)) == {"changed": 1}
    assert round(library.search("blue", k=1)[0].score, 3) == 1.0


def test_a_touched_photo_is_read_but_not_encoded(library: Library, folder: Path, encoder: FakeEncoder) -> None:
    path = paint(folder / "a.png", "red")
    library.sync(folder)
    advance_mtime(path)
    assert counts(library.sync(folder)) == {"unchanged": 1}
    assert sum(encoder.pictures) == 1
    assert rows(library, "SELECT mtime_ns FROM items") == [(path.stat().st_mtime_ns,)]


@pytest.mark.parametrize("year", [1, 2290])
def test_a_file_time_out_of_range_has_no_effect(
    library: Library, folder: Path, encoder: FakeEncoder, year: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(folder / "a.png", "red")
    paint(folder / "b.png", "lime")

    def patched_stat(real: Any, path: str | bytes, **options: bool) -> os.stat_result:
        info: os.stat_result = real(path, **options)
        if os.fsencode(path).endswith(b"b.png"):  # not every file system can store this time
            times = {"st_mtime_ns": (year - 1970) * 31_556_952 * 10**9, "st_ctime_ns": info.st_ctime_ns}
            info = os.stat_result(list(info)[:10], times)
        return info

    for name in ("stat", "lstat"):
        monkeypatch.setattr(os, name, partial(patched_stat, getattr(os, name)))
    assert counts(library.sync(folder)) == {"added": 2}
    assert counts(library.sync(folder)) == {"unchanged": 2}
    assert best_match(library, "lime") == "b.png"
    encoded = sum(encoder.pictures)
    assert library.similar(folder / "b.png", k=1)[0].path.name == "a.png"
    assert library.check() == []
    assert library.duplicates().failures == ()
    assert sum(encoder.pictures) == encoded  # the file counts as unchanged


def test_every_kind_of_change_between_two_runs_is_counted_once(library: Library, folder: Path) -> None:
    paths = {
        name: paint(folder / name, "red") for name in ("edit.png", "move.png", "delete.png", "touch.png", "stay.png")
    }
    library.sync(folder)
    paint(paths["edit.png"], "blue", note="other")
    paths["move.png"].rename(folder / "moved.png")
    paths["delete.png"].unlink()
    advance_mtime(paths["touch.png"])
    paint(folder / "new.png", "lime")
    (folder / "bad.png").write_bytes(b"not a picture")
    report = library.sync(folder)
    assert counts(report) == {"added": 1, "changed": 1, "moved": 1, "removed": 1, "unchanged": 2, "failed": 1}
    assert found_names(library) == ["edit.png", "moved.png", "new.png", "stay.png", "touch.png"]
    assert [Path(failure.path).name for failure in report.failures] == ["bad.png"]
    assert library.check() == []


def test_a_damaged_photo_is_removed_from_results_and_added_again_when_repaired(library: Library, folder: Path) -> None:
    path = paint(folder / "a.png", "red")
    paint(folder / "b.png", "blue")
    library.sync(folder)
    content = path.read_bytes()
    path.write_bytes(content[:40])
    advance_mtime(path)
    assert counts(library.sync(folder)) == {"unchanged": 1, "failed": 1}
    assert found_names(library) == ["b.png"]
    assert count(library, "embeddings") == 1
    path.write_bytes(content)
    advance_mtime(path, 20)
    assert counts(library.sync(folder)) == {"unchanged": 1, "changed": 1}
    assert found_names(library) == ["a.png", "b.png"]
    assert library.failures() == []


def test_a_library_is_the_same_after_one_run_and_after_several(folder: Path, tmp_path: Path) -> None:
    paths = paint_many(folder, 40)
    hidden = [path.rename(path.with_suffix(".hidden")) for path in paths[::2]]
    with Library.open(tmp_path / "two.recall", encoder=FakeEncoder(batch_size=3)) as library:
        library.sync(folder)
        for path in hidden:
            path.rename(path.with_suffix(".png"))
        library.sync(folder)
    with Library.open(tmp_path / "one.recall", encoder=FakeEncoder(batch_size=16)) as library:
        library.sync(folder)
    assert contents(tmp_path / "two.recall") == contents(tmp_path / "one.recall")
