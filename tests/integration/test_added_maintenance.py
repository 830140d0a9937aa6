"""Maintenance of libraries with added items: check, repair, status and forget."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.errors import SourceError
from retrieval import Library
from tests.support.color_photos import paint
from tests.support.contents import picture_files, rows
from tests.support.pictures import encoded
from tests.support.program import Program
from tests.support.records import stored_vector


def large_picture(seed: int) -> bytes:
    """Return a picture that is too large for a row of the catalog."""
    pixels = np.random.default_rng(seed).integers(0, 255, (400, 400, 3), dtype=np.uint8)
    return encoded(Image.fromarray(pixels), "PNG")


@pytest.mark.folder  # PostgreSQL has the pictures in the database
def test_a_check_names_missing_and_damaged_stored_pictures_by_their_items(library: Library) -> None:
    library.add(images=[large_picture(0), large_picture(1)], ids=["one", "two"], keep="original", collection="shoes")
    assert library.check() == []
    first, second = sorted(picture_files(library))
    first.unlink()
    second.write_bytes(b"damaged")
    problems = library.check()
    assert {problem.kind for problem in problems} == {"picture"}
    assert {problem.subject.split(": ")[0] for problem in problems} == {"collection:shoes"}
    assert {problem.subject.split(": ")[1] for problem in problems} == {"one", "two"}
    assert {problem.advice for problem in problems} == {"add the item again"}


@pytest.mark.folder  # PostgreSQL has the pictures in the database
def test_a_repair_deletes_pictures_that_belong_to_no_item_and_no_other_file(library: Library, tmp_path: Path) -> None:
    library.add(images=[large_picture(0)], ids=["one"], keep="original")
    (kept,) = picture_files(library)
    orphan, part = kept.with_name("0" * 64), kept.with_name("x.part")
    orphan.write_bytes(b"left by a killed process")
    part.write_bytes(b"half")
    outside = tmp_path / "outside.png"
    outside.write_bytes(b"somebody's picture")
    (library.path / "pictures" / "link").symlink_to(tmp_path)
    problems = library.check()
    assert {Path(problem.subject.split(" belongs")[0]) for problem in problems} == {orphan, part}
    assert library.check(repair=True) == []
    assert picture_files(library) == [kept]
    assert outside.exists()


def test_a_repair_keeps_added_items_whose_embedding_is_damaged(library: Library) -> None:
    library.add(texts=["red", "lime"], ids=["r", "g"], metadata=[{"price": 1}, None])
    rows(library, "UPDATE embeddings SET vector = ? WHERE id = 1", stored_vector(0, 0, 0))
    (problem,) = library.check(repair=True)
    assert (problem.subject, problem.advice) == ("collection:default: r (item 1)", "add the item again")
    assert [item.id for item in library.get(["r", "g"])] == ["r", "g"]
    library.add(texts=["red again"], ids=["r"])
    assert library.check() == []


def test_the_status_counts_the_items_of_collections(library: Library, folder: Path, recall_program: Program) -> None:
    paint(folder / "red.png", "red")
    library.sync(folder)
    library.add(texts=["red", "lime"], collection="shoes")
    library.add(texts=["blue"], ids=["b"])
    library.add(texts=["grey"], ids=["x"], collection="gone")
    library.delete(["x"], collection="gone")
    status = library.status()
    assert (status.collections, [source.root for source in status.sources]) == (
        {"default": 1, "shoes": 2}, [str(folder)],
    )  # fmt: skip
    library.close()
    printed = recall_program("status").stdout
    assert "default (1 item)" in printed
    assert "shoes (2 items)" in printed
    stated = json.loads(recall_program("status", "--json").stdout)
    assert stated["collections"] == [{"name": "default", "items": 1}, {"name": "shoes", "items": 2}]
    assert [source["path"] for source in stated["sources"]] == [str(folder)]


@pytest.mark.parametrize("path", ["collection:default", "collection:default\0r", "collection:", "r"])
def test_forgetting_a_path_touches_no_collection(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(folder)
    library.add(texts=["red"], ids=["r"])
    with pytest.raises((SourceError, ValueError)):
        library.forget(path)
    assert "r" in library


def test_forgetting_the_root_of_the_disk_touches_no_collection(library: Library, folder: Path) -> None:
    paint(folder / "red.png", "red")
    library.sync(folder)
    library.add(texts=["red"], ids=["r"])
    assert library.forget(os.path.abspath(os.sep)) == 1
    assert [item.id for item in library.list()] == ["r"]
