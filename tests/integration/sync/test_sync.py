"""Sync of folders that change between two runs: what is counted, what is encoded, what is found afterwards."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from indexer.errors import NoPhotosError, SourceError
from indexer.sync.report import OUTCOMES, SyncReport
from retrieval import Library
from tests.support.color_photos import advance_mtime, paint, paint_many
from tests.support.contents import contents, count, rows
from tests.support.encoders import FakeEncoder


def counts(report: SyncReport) -> dict[str, int]:
    """Return the counts of a report that are not 0."""
    return {outcome: getattr(report, outcome) for outcome in OUTCOMES if getattr(report, outcome)}


def best(library: Library, words: str) -> str:
    """Return the name of the photo that fits best."""
    return library.search(words, k=1)[0].path.name


def names(library: Library) -> list[str]:
    """Return the names of all photos that can be found, sorted."""
    return sorted(hit.path.name for hit in library.search("grey", k=1000))


def test_new_photos_are_added_and_found(library: Library, folder: Path) -> None:
    for colour in ("red", "lime", "blue"):
        paint(folder / f"{colour}.png", colour)
    assert counts(library.sync(folder)) == {"added": 3}
    assert [best(library, colour) for colour in ("red", "lime", "blue")] == ["red.png", "lime.png", "blue.png"]
    paint(folder / "sub" / "yellow.png", "yellow")
    assert counts(library.sync(folder)) == {"added": 1, "unchanged": 3}
    assert best(library, "yellow") == "yellow.png"


def test_a_second_run_encodes_nothing_and_loads_no_encoder(library: Library, folder: Path, tmp_path: Path) -> None:
    paint_many(folder, 20)
    library.sync(folder)
    before = contents(library.path)
    library.close()
    with Library.open(tmp_path / "test.recall") as later_library:  # no encoder of this name exists: loading would fail
        report = later_library.sync(folder)
    assert counts(report) == {"unchanged": 20}
    assert "decode" not in report.seconds
    assert "load" not in report.seconds
    assert contents(library.path) == before


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
    assert count(library.path, "embeddings") == 2


def test_an_edit_that_keeps_size_and_changes_time_is_seen(library: Library, folder: Path) -> None:
    path = folder / "a.bmp"  # its size depends on nothing but the number of pixels
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
    assert rows(library.path, "SELECT mtime_ns FROM items") == [(path.stat().st_mtime_ns,)]


def test_a_moved_photo_keeps_its_item_and_its_embedding(library: Library, folder: Path, encoder: FakeEncoder) -> None:
    path = paint(folder / "a.png", "red")
    paint(folder / "b.png", "blue")
    library.sync(folder)
    before = rows(library.path, "SELECT item_id, id FROM units ORDER BY 1")
    path.rename(folder / "z.png")
    assert counts(library.sync(folder)) == {"moved": 1, "unchanged": 1}
    assert sum(encoder.pictures) == 2
    assert rows(library.path, "SELECT item_id, id FROM units ORDER BY 1") == before
    assert best(library, "red") == "z.png"


def test_renaming_a_folder_costs_no_encoding(library: Library, folder: Path, encoder: FakeEncoder) -> None:
    paint_many(folder / "holidays", 30)
    library.sync(folder)
    (folder / "holidays").rename(folder / "2024 holidays")
    assert counts(library.sync(folder)) == {"moved": 30}
    assert sum(encoder.pictures) == 30
    assert {hit.path.parts[-3] for hit in library.search("red", k=30)} == {"2024 holidays"}


def test_renaming_the_source_itself_costs_no_encoding(library: Library, folder: Path, encoder: FakeEncoder) -> None:
    paint_many(folder, 10)
    library.sync(folder)
    renamed = folder.rename(folder.with_name("renamed"))
    assert counts(library.sync(renamed)) == {"moved": 10}
    assert sum(encoder.pictures) == 10
    assert [source.root for source in library.status().sources] == [str(renamed)]


def test_two_photos_that_swap_their_names_are_both_found(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red", note="one")
    paint(folder / "b.png", "blue", note="one and two")
    library.sync(folder)
    (folder / "a.png").rename(folder / "c.png")
    (folder / "b.png").rename(folder / "a.png")
    (folder / "c.png").rename(folder / "b.png")
    library.sync(folder)
    assert (best(library, "red"), best(library, "blue")) == ("b.png", "a.png")
    assert count(library.path, "embeddings") == 2
    assert counts(library.sync(folder)) == {"unchanged": 2}


def test_a_photo_moved_and_another_put_in_its_place_are_both_found(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red", note="one")
    library.sync(folder)
    (folder / "a.png").rename(folder / "b.png")
    paint(folder / "a.png", "blue", note="another one")
    library.sync(folder)
    assert (best(library, "red"), best(library, "blue")) == ("b.png", "a.png")
    assert counts(library.sync(folder)) == {"unchanged": 2}


def test_a_deleted_photo_leaves_the_answers_and_the_catalog(library: Library, folder: Path) -> None:
    path = paint(folder / "a.png", "red")
    paint(folder / "b.png", "blue")
    library.sync(folder)
    path.unlink()
    assert counts(library.sync(folder)) == {"removed": 1, "unchanged": 1}
    assert names(library) == ["b.png"]
    assert [count(library.path, table) for table in ("items", "units", "embeddings")] == [1, 1, 1]


def test_a_copied_photo_is_a_second_item_and_is_not_encoded(
    library: Library, folder: Path, encoder: FakeEncoder
) -> None:
    path = paint(folder / "a.png", "red")
    library.sync(folder)
    shutil.copy2(path, folder / "b.png")
    assert counts(library.sync(folder)) == {"added": 1, "unchanged": 1}
    assert sum(encoder.pictures) == 1
    first, second = library.search("red", k=2)
    assert (first.path.name, second.path.name, first.score) == ("a.png", "b.png", second.score)
    assert first.item_id < second.item_id
    path.unlink()
    library.sync(folder)
    assert names(library) == ["b.png"]


def test_a_copy_without_a_date_of_its_own_has_that_of_its_own_file(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red")
    os.utime(folder / "a.png", (10**9, 10**9))  # 9 September 2001
    library.sync(folder)
    shutil.copy(folder / "a.png", folder / "b.png")
    os.utime(folder / "b.png", (15 * 10**8, 15 * 10**8))  # 14 July 2017
    library.sync(folder)
    dated = {hit.path.name: str(hit.taken_at.date()) for hit in library.search("red", k=2) if hit.taken_at}
    assert dated == {"a.png": "2001-09-09", "b.png": "2017-07-14"}


@pytest.mark.parametrize("year", [1, 2290])
def test_a_time_that_no_catalog_can_keep_costs_nothing(
    library: Library, folder: Path, encoder: FakeEncoder, year: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(folder / "a.png", "red")
    paint(folder / "b.png", "lime")

    def odd(real: Any, path: str | bytes, **options: bool) -> os.stat_result:
        facts: os.stat_result = real(path, **options)
        if os.fsencode(path).endswith(b"b.png"):  # not every file system can hold it
            facts = os.stat_result(list(facts)[:10], {"st_mtime_ns": (year - 1970) * 31_556_952 * 10**9})
        return facts

    for name in ("stat", "lstat"):
        monkeypatch.setattr(os, name, partial(odd, getattr(os, name)))
    assert counts(library.sync(folder)) == {"added": 2}
    assert counts(library.sync(folder)) == {"unchanged": 2}
    assert best(library, "lime") == "b.png"
    encoded = sum(encoder.pictures)
    assert library.similar(folder / "b.png", k=1)[0].path.name == "a.png"
    assert library.check() == []
    assert library.duplicates().failures == ()
    assert sum(encoder.pictures) == encoded  # it is the file that was indexed


def test_many_equal_photos_are_copied_moved_and_touched(library: Library, folder: Path, encoder: FakeEncoder) -> None:
    paint(folder / "a" / "000.png", "red")
    for number in range(1, 250):  # more than are held against each other at once
        shutil.copy2(folder / "a" / "000.png", folder / "a" / f"{number:03}.png")
    assert counts(library.sync(folder)) == {"added": 250}
    encoded = sum(encoder.pictures)
    shutil.copytree(folder / "a", folder / "b")
    assert counts(library.sync(folder)) == {"added": 250, "unchanged": 250}
    (folder / "a").rename(folder / "c")
    before = rows(library.path, "SELECT id FROM items ORDER BY id")
    assert counts(library.sync(folder)) == {"moved": 250, "unchanged": 250}
    assert rows(library.path, "SELECT id FROM items ORDER BY id") == before
    for path in folder.rglob("*.png"):
        os.utime(path, ns=(1, 1))
    assert counts(library.sync(folder)) == {"unchanged": 500}
    assert sum(encoder.pictures) == encoded


def test_two_equal_photos_in_one_run_are_both_found(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red", note="same")
    paint(folder / "b.png", "red", note="same")
    assert counts(library.sync(folder)) == {"added": 2}
    assert names(library) == ["a.png", "b.png"]


def test_all_that_can_happen_between_two_runs_is_counted_once(library: Library, folder: Path) -> None:
    paths = {
        name: paint(folder / name, "red") for name in ("edit.png", "move.png", "gone.png", "touch.png", "stay.png")
    }
    library.sync(folder)
    paint(paths["edit.png"], "blue", note="other")
    paths["move.png"].rename(folder / "moved.png")
    paths["gone.png"].unlink()
    advance_mtime(paths["touch.png"])
    paint(folder / "new.png", "lime")
    (folder / "bad.png").write_bytes(b"no picture")
    report = library.sync(folder)
    assert counts(report) == {"added": 1, "changed": 1, "moved": 1, "removed": 1, "unchanged": 2, "failed": 1}
    assert names(library) == ["edit.png", "moved.png", "new.png", "stay.png", "touch.png"]
    assert [Path(failure.path).name for failure in report.failures] == ["bad.png"]
    assert library.check() == []


def test_a_photo_that_breaks_leaves_the_answers_and_comes_back_when_mended(library: Library, folder: Path) -> None:
    path = paint(folder / "a.png", "red")
    paint(folder / "b.png", "blue")
    library.sync(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[:40])
    advance_mtime(path)
    assert counts(library.sync(folder)) == {"unchanged": 1, "failed": 1}
    assert names(library) == ["b.png"]
    assert count(library.path, "embeddings") == 1
    path.write_bytes(whole)
    advance_mtime(path, 20)
    assert counts(library.sync(folder)) == {"unchanged": 1, "changed": 1}
    assert names(library) == ["a.png", "b.png"]
    assert library.failures() == []


def test_a_part_of_a_known_source_is_synced_without_the_rest(library: Library, folder: Path) -> None:
    paint(folder / "one" / "a.png", "red")
    paint(folder / "two" / "b.png", "blue")
    library.sync(folder)
    (folder / "one" / "a.png").unlink()
    paint(folder / "one" / "c.png", "lime")
    (folder / "two" / "b.png").unlink()
    assert counts(library.sync(folder / "one")) == {"added": 1, "removed": 1}
    assert names(library) == ["b.png", "c.png"]
    assert [source.root for source in library.status().sources] == [str(folder)]


def test_a_folder_around_known_sources_holds_nothing_twice(
    library: Library, folder: Path, encoder: FakeEncoder
) -> None:
    paint(folder / "one" / "a.png", "red")
    paint(folder / "two" / "b.png", "blue")
    paint(folder / "c.png", "lime")
    library.sync(folder / "one", folder / "two")
    assert counts(library.sync(folder)) == {"added": 1, "unchanged": 2}
    assert [source.root for source in library.status().sources] == [
        str(folder),
        *map(str, (folder / "one", folder / "two")),
    ]
    assert count(library.path, "items") == 3
    assert sum(encoder.pictures) == 3


def test_a_folder_beside_one_whose_name_begins_alike_is_another(library: Library, folder: Path) -> None:
    paint(folder / "one" / "a.png", "red")
    paint(folder / "one more" / "b.png", "blue")
    library.sync(folder / "one", folder / "one more")
    (folder / "one more" / "b.png").unlink()
    library.sync(folder / "one")
    assert names(library) == ["a.png", "b.png"]
    assert len(library.status().sources) == 2


def test_with_no_path_all_known_sources_are_synced(library: Library, folder: Path, tmp_path: Path) -> None:
    paint(folder / "a.png", "red")
    other = paint(tmp_path / "other" / "b.png", "blue").parent
    library.sync(folder, other)
    paint(folder / "c.png", "lime")
    paint(other / "d.png", "yellow")
    assert counts(library.sync()) == {"added": 2, "unchanged": 2}


def test_a_source_that_is_away_is_kept_and_the_others_are_synced(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    paint(folder / "a.png", "red")
    other = paint(tmp_path / "disk" / "b.png", "blue").parent
    library.sync(folder, other)
    shutil.rmtree(other)
    paint(folder / "c.png", "lime")
    assert counts(library.sync()) == {"added": 1, "unchanged": 1}
    assert names(library) == ["a.png", "b.png", "c.png"]


def test_a_source_whose_disk_left_an_empty_folder_does_not_keep_the_others_from_their_sync(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    disk = paint(tmp_path / "disk" / "b.png", "blue").parent  # sorts before the other, "pictures"
    paint(folder / "a.png", "red")
    library.sync(disk, folder)
    (disk / "b.png").unlink()
    paint(folder / "c.png", "lime")
    with pytest.raises(NoPhotosError, match="disk contains no photos or texts now, but the library has 1 from it"):
        library.sync()
    assert names(library) == ["a.png", "b.png", "c.png"]


def test_a_single_file_can_be_a_source(library: Library, folder: Path) -> None:
    path = paint(folder / "a.png", "red")
    paint(folder / "b.png", "blue")
    assert counts(library.sync(path)) == {"added": 1}
    assert names(library) == ["a.png"]
    assert counts(library.sync(path)) == {"unchanged": 1}


def test_an_empty_folder_removes_nothing(library: Library, folder: Path) -> None:
    path = paint(folder / "a.png", "red")
    library.sync(folder)
    path.unlink()
    with pytest.raises(
        NoPhotosError, match=r"the library has 1 from it; nothing was removed. Check that its disk is connected"
    ):
        library.sync(folder)
    assert names(library) == ["a.png"]


def test_a_missing_folder_removes_nothing(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red")
    library.sync(folder)
    shutil.rmtree(folder)
    with pytest.raises(SourceError, match=r"pictures cannot be found \(No such file or directory\)"):
        library.sync(folder)
    assert names(library) == ["a.png"]


def test_what_is_known_from_a_folder_that_cannot_be_listed_is_kept(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(folder / "a.png", "red")
    paint(folder / "locked" / "deep" / "b.png", "blue")
    paint(folder / "locked.png", "lime")
    paint(folder / "z.png", "yellow")
    library.sync(folder)
    (folder / "z.png").unlink()
    real = os.scandir

    def scandir(path: str) -> object:
        if path == str(folder / "locked"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        report = library.sync(folder)
    assert counts(report) == {"unchanged": 2, "removed": 1}
    assert report.unreadable_folders == [f"{folder / 'locked'}: Permission denied"]
    assert names(library) == ["a.png", "b.png", "locked.png"]
    assert counts(library.sync(folder)) == {"unchanged": 3}


def test_hidden_files_and_folders_of_devices_are_left_out(library: Library, folder: Path) -> None:
    for name in ("a.png", ".b.png", ".cache/c.png", "@eaDir/d.png", "sub/@eaDir/e.png", "__MACOSX/f.png"):
        paint(folder / name, "red")
    assert counts(library.sync(folder)) == {"added": 1}
    assert counts(library.sync(folder, include_hidden=True)) == {"added": 2, "unchanged": 1}
    assert names(library) == [".b.png", "a.png", "c.png"]
    assert counts(library.sync(folder)) == {"unchanged": 3}  # remembered
    assert counts(library.sync(folder, include_hidden=False)) == {"removed": 2, "unchanged": 1}


def test_what_is_excluded_is_remembered_and_leaves_the_answers(library: Library, folder: Path) -> None:
    for name in ("a.png", "b.jpg", "raw/c.png"):
        paint(folder / name, "red")
    library.sync(folder)
    assert counts(library.sync(folder, exclude=["*.jpg", "raw"])) == {"removed": 2, "unchanged": 1}
    assert counts(library.sync(folder)) == {"unchanged": 1}
    assert counts(library.sync()) == {"unchanged": 1}
    assert counts(library.sync(folder, exclude=[])) == {"added": 2, "unchanged": 1}
    assert names(library) == ["a.png", "b.jpg", "c.png"]


def test_a_part_of_a_source_is_synced_by_the_sources_rules(library: Library, folder: Path) -> None:
    paint(folder / "sub" / "a.png", "red")
    paint(folder / "sub" / "b.jpg", "blue")
    library.sync(folder, exclude=["sub/*.jpg"])
    assert counts(library.sync(folder / "sub")) == {"unchanged": 1}


def test_links_are_followed_once_and_circles_end(library: Library, folder: Path, tmp_path: Path) -> None:
    paint(folder / "a.png", "red")
    paint(tmp_path / "elsewhere" / "b.png", "blue")
    (folder / "again.png").symlink_to(folder / "a.png")
    (folder / "circle").symlink_to(folder)
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (folder / "links").symlink_to(tmp_path / "elsewhere")
    assert counts(library.sync(folder)) == {"added": 2}
    assert sorted(str(hit.path.relative_to(folder)) for hit in library.search("red", k=10)) == ["a.png", "link/b.png"]
    assert counts(library.sync(folder)) == {"unchanged": 2}


def test_a_source_named_through_a_link_is_the_folder_that_it_leads_to(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    paint(folder / "a.png", "red")
    library.sync(folder)
    (tmp_path / "link").symlink_to(folder)
    assert counts(library.sync(tmp_path / "link")) == {"unchanged": 1}
    assert [source.root for source in library.status().sources] == [str(folder)]


def test_a_library_among_the_photos_is_not_indexed(folder: Path, encoder: FakeEncoder) -> None:
    paint(folder / "a.png", "red")
    with Library.open(folder / "photos.recall", encoder=encoder) as library:
        paint(folder / "photos.recall" / "b.png", "blue")
        assert counts(library.sync(folder)) == {"added": 1}


def test_a_library_is_the_same_however_many_runs_filled_it(folder: Path, tmp_path: Path) -> None:
    paths = paint_many(folder, 40)
    hidden = [path.rename(path.with_suffix(".away")) for path in paths[::2]]
    with Library.open(tmp_path / "two.recall", encoder=FakeEncoder(batch_size=3)) as library:
        library.sync(folder)
        for path in hidden:
            path.rename(path.with_suffix(".png"))
        library.sync(folder)
    with Library.open(tmp_path / "one.recall", encoder=FakeEncoder(batch_size=16)) as library:
        library.sync(folder)
    assert contents(tmp_path / "two.recall") == contents(tmp_path / "one.recall")
