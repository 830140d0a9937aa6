"""`recall export` and `recall import`: the installed program on real photos with the compact encoder."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from retrieval import Library
from tests.support.color_photos import paint_many
from tests.support.contents import Place, catalog_file, count, rows
from tests.support.encoders import FakeEncoder
from tests.support.program import Program
from tests.support.records import read_catalog

OtherPlace = Callable[[str], Place]


@pytest.fixture
def few_photos(photos: Path) -> Path:
    """Return a folder with four real photos and a broken one."""
    for photo in photos.iterdir():
        if photo.name not in {"chelsea.png", "coffee.png", "rocket.jpg", "astronaut.png"}:
            photo.unlink()
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    return photos


def test_a_library_moves_to_a_machine_with_the_photos_in_another_folder(
    few_photos: Path, recall_program: Program, tmp_path: Path
) -> None:
    assert recall_program("index", few_photos).returncode == 3
    done = recall_program("export", "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("5 items with 4 embeddings written to out (")
    other = tmp_path / "other"
    other.mkdir()
    shutil.move(few_photos, other / "pictures")
    done = recall_program("import", "out", "--root", f"{few_photos}=other/pictures", "--library", "new.recall")
    assert done.returncode == 3  # the broken photo has failed on both machines
    assert done.stdout.startswith("4 added, 1 failed in ")
    assert done.stderr.splitlines() == [f"source {other / 'pictures'}", "those that failed: recall status --failed"]
    search = recall_program("search", "a cat", "-k", "1", "--paths", "--library", "new.recall")
    assert search.stdout == f"{other / 'pictures' / 'chelsea.png'}\n"
    assert recall_program("check", "--library", "new.recall").returncode == 0
    again = recall_program("index", "--json", "--library", "new.recall")
    report = json.loads(again.stdout)
    assert (report["unchanged"], report["failed"], report["added"], report["changed"]) == (4, 1, 0, 0)


def test_a_round_trip_keeps_everything_bit_for_bit(
    few_photos: Path, recall_program: Program, library_place: Place, other_place: OtherPlace
) -> None:
    recall_program("index", few_photos, "--exclude", "*.gif")
    recall_program("export", "out")
    new = other_place("new")
    recall_program("import", "out", "--library", str(new))
    before = read_catalog(library_place)
    assert read_catalog(new) == before
    assert (len(before["items"]), len(before["embeddings"])) == (5, 4)
    again = json.loads(recall_program("import", "out", "--library", str(new), "--json").stdout)
    assert (again["added"], again["existing"]) == (0, 5)
    replaced = json.loads(recall_program("import", "out", "--replace", "--library", str(new), "--json").stdout)
    assert (replaced["replaced"], replaced["failed"]) == (4, 1)
    assert read_catalog(new) == before


def test_clip_retrievals_format_is_exported_and_imported(
    few_photos: Path, recall_program: Program, tmp_path: Path, library_place: Place
) -> None:
    recall_program("index", few_photos)
    done = recall_program("export", "clip", "--format", "clip-retrieval")
    assert done.stdout.startswith("4 items with 4 embeddings written to clip (")
    assert done.stderr == (
        "recall: items left out: 1 (documents, failures, paths that are not UTF-8, added items without a file); "
        "Recall's own format includes them\n"
    )
    assert np.load(tmp_path / "clip" / "img_emb" / "img_emb_0.npy").shape == (4, 384)
    refused = recall_program("import", "clip", "--library", "new.recall")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("recall: clip does not say which encoder made its vectors; name it")
    done = recall_program("import", "clip", "--encoder", "compact", "--library", "new.recall")
    assert (done.returncode, done.stdout.split(" in ")[0]) == (0, "4 added")
    vectors = "SELECT path, vector FROM items JOIN units ON item_id = items.id JOIN embeddings ON unit_id = units.id"
    assert sorted(rows(tmp_path / "new.recall", vectors)) == sorted(rows(library_place, vectors))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("import", "nowhere"), "recall: nowhere is not a folder; expected one that recall export or clip-retrieval"),
        (("import", "photos"), "recall: photos is not an export: it has neither manifest.json"),
        (("import", "photos", "--root", "a="), "'a=' does not name the new folder; expected OLD=NEW"),
        (("import", "photos", "--root", "a=b", "--root", "a=c"), "the same folder is given twice"),
        (("export", "photos"), "recall: there is no library at"),
    ],
)
def test_a_refused_command_prints_one_line(
    args: tuple[str, ...], message: str, few_photos: Path, recall_program: Program, tmp_path: Path
) -> None:
    done = recall_program(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr.splitlines()[-1]
    assert not (tmp_path / "test.recall").exists()  # no library is created for nothing


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts a process by a signal")
def test_an_import_that_ctrl_c_stopped_is_completed_by_the_next(
    library: Library, other_place: OtherPlace, folder: Path, recall_program: Program, tmp_path: Path
) -> None:
    paint_many(folder, 5)
    library.sync(folder)
    path = "CAST(path || ? AS BLOB)" if catalog_file(library) else "path || ?"
    columns = "source_id, modality, size, mtime_ns, failure, indexed_at"
    for copy in range(13):  # 5 * 2 ** 13 items: an import takes seconds
        selected = f"SELECT id + (SELECT max(id) FROM items), {path}, {columns} FROM items"  # noqa: S608
        statement = f"INSERT INTO items (id, path, {columns}) {selected}"
        rows(library, statement, f".{copy}".encode())
    library.export(tmp_path / "big")
    place = other_place("new")
    process = recall_program.start("import", tmp_path / "big", "--library", place)
    end = time.monotonic() + 60
    while not count(place, "items"):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err == "recall: stopped; what was done is kept; run the same command again to continue\n"
    committed = count(place, "items")
    assert 0 < committed < 40960
    assert committed % 1000 == 0
    with Library.open(place, encoder=FakeEncoder()) as new:
        assert new.import_(tmp_path / "big").existing == committed
    paths = "SELECT path, size FROM items ORDER BY path"
    assert rows(place, paths) == rows(library, paths)
