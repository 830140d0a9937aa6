"""Moved, copied and deleted photos are not encoded again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from retrieval import Library
from tests.support.color_photos import paint, paint_many
from tests.support.contents import count, rows
from tests.support.encoders import FakeEncoder
from tests.support.sync_results import best_match, counts, found_names


def test_a_moved_photo_keeps_its_item_and_its_embedding(library: Library, folder: Path, encoder: FakeEncoder) -> None:
    path = paint(folder / "a.png", "red")
    paint(folder / "b.png", "blue")
    library.sync(folder)
    before = rows(library, "SELECT item_id, id FROM units ORDER BY 1")
    path.rename(folder / "z.png")
    assert counts(library.sync(folder)) == {"moved": 1, "unchanged": 1}
    assert sum(encoder.pictures) == 2
    assert rows(library, "SELECT item_id, id FROM units ORDER BY 1") == before
    assert best_match(library, "red") == "z.png"


def test_a_renamed_folder_is_not_encoded_again(library: Library, folder: Path, encoder: FakeEncoder) -> None:
    paint_many(folder / "holidays", 30)
    library.sync(folder)
    (folder / "holidays").rename(folder / "2024 holidays")
    assert counts(library.sync(folder)) == {"moved": 30}
    assert sum(encoder.pictures) == 32  # 30, and two that fill up the last batch
    assert {hit.path.parts[-3] for hit in library.search("red", k=30)} == {"2024 holidays"}


def test_a_renamed_source_is_not_encoded_again(library: Library, folder: Path, encoder: FakeEncoder) -> None:
    paint_many(folder, 10)
    library.sync(folder)
    renamed = folder.rename(folder.with_name("renamed"))
    assert counts(library.sync(renamed)) == {"moved": 10}
    assert sum(encoder.pictures) == 12  # 10, and two that fill up the last batch
    assert [source.root for source in library.status().sources] == [str(renamed)]


def test_two_photos_that_swap_their_names_are_both_found(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red", note="one")
    paint(folder / "b.png", "blue", note="one and two")
    library.sync(folder)
    (folder / "a.png").rename(folder / "c.png")
    (folder / "b.png").rename(folder / "a.png")
    (folder / "c.png").rename(folder / "b.png")
    library.sync(folder)
    assert (best_match(library, "red"), best_match(library, "blue")) == ("b.png", "a.png")
    assert count(library, "embeddings") == 2
    assert counts(library.sync(folder)) == {"unchanged": 2}


def test_a_moved_photo_and_the_one_that_replaced_it_are_both_found(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red", note="one")
    library.sync(folder)
    (folder / "a.png").rename(folder / "b.png")
    paint(folder / "a.png", "blue", note="another one")
    library.sync(folder)
    assert (best_match(library, "red"), best_match(library, "blue")) == ("b.png", "a.png")
    assert counts(library.sync(folder)) == {"unchanged": 2}


def test_a_deleted_photo_is_removed_from_results_and_catalog(library: Library, folder: Path) -> None:
    path = paint(folder / "a.png", "red")
    paint(folder / "b.png", "blue")
    library.sync(folder)
    path.unlink()
    assert counts(library.sync(folder)) == {"removed": 1, "unchanged": 1}
    assert found_names(library) == ["b.png"]
    assert [count(library, table) for table in ("items", "units", "embeddings")] == [1, 1, 1]


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
    assert found_names(library) == ["b.png"]


def test_a_copy_without_a_date_has_the_time_of_its_own_file(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red")
    os.utime(folder / "a.png", (10**9, 10**9))  # 9 September 2001
    library.sync(folder)
    shutil.copy(folder / "a.png", folder / "b.png")
    os.utime(folder / "b.png", (15 * 10**8, 15 * 10**8))  # 14 July 2017
    library.sync(folder)
    dated = {hit.path.name: str(hit.taken_at.date()) for hit in library.search("red", k=2) if hit.taken_at}
    assert dated == {"a.png": "2001-09-09", "b.png": "2017-07-14"}


def test_many_equal_photos_are_copied_moved_and_touched(library: Library, folder: Path, encoder: FakeEncoder) -> None:
    paint(folder / "a" / "000.png", "red")
    for number in range(1, 250):  # more than are looked up together
        shutil.copy2(folder / "a" / "000.png", folder / "a" / f"{number:03}.png")
    assert counts(library.sync(folder)) == {"added": 250}
    encoded = sum(encoder.pictures)
    shutil.copytree(folder / "a", folder / "b")
    assert counts(library.sync(folder)) == {"added": 250, "unchanged": 250}
    (folder / "a").rename(folder / "c")
    before = rows(library, "SELECT id FROM items ORDER BY id")
    assert counts(library.sync(folder)) == {"moved": 250, "unchanged": 250}
    assert rows(library, "SELECT id FROM items ORDER BY id") == before
    for path in folder.rglob("*.png"):
        os.utime(path, ns=(1, 1))
    assert counts(library.sync(folder)) == {"unchanged": 500}
    assert sum(encoder.pictures) == encoded


def test_two_equal_photos_in_one_run_are_both_found(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red", note="same")
    paint(folder / "b.png", "red", note="same")
    assert counts(library.sync(folder)) == {"added": 2}
    assert found_names(library) == ["a.png", "b.png"]
