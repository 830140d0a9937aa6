"""Duplicates among added items and files: compared by stored pictures, shown by id, never named as files."""

from __future__ import annotations

import json
from pathlib import Path

from retrieval import Filter, Library
from tests.support.contents import lose_picture
from tests.support.documents import certificate
from tests.support.duplicates import jpeg, scale
from tests.support.pictures import cat, encoded
from tests.support.program import Program


def test_added_pictures_are_compared_by_their_stored_pictures(library: Library) -> None:
    images = [jpeg(cat()), jpeg(scale(cat(), 0.7)), jpeg(certificate("Anna Berg"))]
    library.add(images=images, ids=["cat", "small", "paper"], keep="original")
    found = library.duplicates()
    (group,) = found.groups
    (other,) = group.others
    assert (group.best.id, group.best.collection, str(group.best.path)) == ("cat", "default", "collection:default")
    assert (other.id, other.how, other.reclaimable_bytes) == ("small", "smaller", 0)
    assert found.failures == ()


def test_a_file_is_the_best_of_a_group_with_added_items_even_if_it_is_smaller(library: Library, folder: Path) -> None:
    small = folder / "small.jpg"
    small.write_bytes(jpeg(scale(cat(), 0.7)))
    (folder / "a large copy.png").write_bytes(encoded(scale(cat(), 1.0), "PNG"))
    library.add(images=[encoded(cat(), "PNG"), small.read_bytes()], ids=["large", "copy"], keep="original")
    library.sync(folder)
    (group,) = library.duplicates().groups
    assert group.best.path == folder / "a large copy.png"
    assert [(photo.path.name, photo.collection) for photo in group.others] == [
        ("small.jpg", None), ("collection:default", "default"), ("collection:default", "default"),
    ]  # fmt: skip
    (group,) = library.duplicates(where=~Filter.name("a large*")).groups
    assert (group.best.path, {photo.id for photo in group.others}) == (small, {"large", "copy"})


def test_items_without_a_stored_picture_are_not_compared(library: Library, folder: Path) -> None:
    photo = folder / "cat.jpg"
    photo.write_bytes(jpeg(cat()))
    library.sync(folder)
    library.add(images=[photo, photo.read_bytes()], ids=["file", "bytes"], keep="nothing")
    library.add(vectors=[[1.0, 0.0, 0.0]] * 2, ids=["one", "two"])
    assert library.duplicates().groups == ()


def test_a_missing_stored_picture_is_a_failure_with_the_id(library: Library) -> None:
    noisy = encoded(cat().resize((1200, 800)), "PNG")
    library.add(images=[noisy, jpeg(cat())], ids=["large", "small"], keep="original")
    lose_picture(library)
    found = library.duplicates()
    assert found.groups == ()
    assert [(str(path), reason) for path, reason in found.failures] == [
        ("collection:default: large", "its stored picture is missing or damaged")
    ]


def test_the_program_names_added_duplicates_by_id_and_prints_no_path_of_them(
    library: Library, folder: Path, recall_program: Program
) -> None:
    photo = folder / "cat.jpg"
    photo.write_bytes(jpeg(cat()))
    library.sync(folder)
    library.add(images=[photo.read_bytes(), jpeg(scale(cat(), 0.7))], ids=["copy", "small"], keep="original")
    library.close()
    table = recall_program("duplicates")
    assert "collection:default: copy" in table.stdout
    assert "0 bytes can be freed" in table.stderr
    assert recall_program("duplicates", "--paths").stdout == ""
    assert recall_program("duplicates", "-0").stdout == ""
    (group,) = map(json.loads, recall_program("duplicates", "--json").stdout.splitlines())
    assert group["best"]["path"] == str(photo)
    assert [(other["id"], other["collection"]) for other in group["others"]] == [
        ("copy", "default"), ("small", "default"),
    ]  # fmt: skip
