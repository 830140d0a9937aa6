"""Libraries that are missing, damaged, busy, read-only or of another version, given to the installed program."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from retrieval import Library
from tests.support.contents import contents, rows
from tests.support.encoders import FakeEncoder
from tests.support.program import Program, assert_error


@pytest.mark.parametrize("command", [["search", "a dog"], ["similar", "a.jpg"], ["status"], ["check"], ["forget", "/"]])
def test_a_missing_library_is_an_error_and_is_not_made(
    recall_program: Program, tmp_path: Path, command: list[str]
) -> None:
    assert_error(
        recall_program(*command), f"there is no library at {tmp_path}/test.recall; create one with: recall index"
    )
    assert not (tmp_path / "test.recall").exists()


def test_a_library_of_a_newer_version_is_an_error_and_is_not_changed(
    recall_program: Program, color_library: Path, color_album: Path
) -> None:
    rows(color_library, "UPDATE alembic_version SET version_num = 'r9999'")
    before = (color_library / "catalog.db").read_bytes()
    for command in (["search", "red"], ["index", color_album]):
        assert_error(
            recall_program(*command), "this library has schema r9999, newer than this Recall knows", "update Recall"
        )
    assert (color_library / "catalog.db").read_bytes() == before


def test_a_second_writer_is_an_error_that_names_the_first(
    recall_program: Program, color_library: Path, color_album: Path
) -> None:
    with Library.open(color_library, encoder=FakeEncoder()) as library, library._store.writing("testing"):
        assert_error(
            recall_program("forget", color_album, "--wait", "0"),
            f"process {os.getpid()} (testing) is writing to {color_library}; wait until",
        )
    assert len(contents(color_library)) == 3


@pytest.mark.parametrize(
    "content", [b"this is no database, whatever its name says" * 200, b"SQLite format 3\0" + b"?" * 9000]
)
def test_a_catalog_that_is_not_a_database_is_an_error_and_is_not_changed(
    recall_program: Program, tmp_path: Path, color_album: Path, content: bytes
) -> None:
    (tmp_path / "test.recall").mkdir()
    (tmp_path / "test.recall" / "catalog.db").write_bytes(content)
    for command in (["status"], ["index", color_album]):
        assert_error(
            recall_program(*command), "test.recall is damaged (", "restore it from a backup or index into a new lib"
        )
    assert (tmp_path / "test.recall" / "catalog.db").read_bytes() == content


def test_a_truncated_catalog_is_an_error(recall_program: Program, color_library: Path) -> None:
    whole = (color_library / "catalog.db").read_bytes()
    (color_library / "catalog.db").write_bytes(whole[: len(whole) // 2])
    assert_error(
        recall_program("status"), "test.recall is damaged (", "restore it from a backup or index into a new library"
    )


def test_a_library_that_is_a_file_is_an_error(recall_program: Program, tmp_path: Path, color_album: Path) -> None:
    (tmp_path / "test.recall").write_text("mine")
    for command in (["status"], ["index", color_album]):
        assert_error(recall_program(*command), "test.recall is a file; expected the folder of a library, for instance")
    assert (tmp_path / "test.recall").read_text() == "mine"


def test_a_folder_with_other_files_does_not_become_a_library(recall_program: Program, color_album: Path) -> None:
    before = sorted(path.name for path in color_album.iterdir())
    done = recall_program("index", color_album, "--library", color_album)
    assert_error(done, "pictures is not a library but has other files; name a new folder, for instance photos.recall")
    assert sorted(path.name for path in color_album.iterdir()) == before


def test_a_library_below_a_file_is_an_error(recall_program: Program, tmp_path: Path, color_album: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert_error(recall_program("index", color_album, "--library", tmp_path / "file" / "x.recall"), "x.recall")


@pytest.fixture
def read_only(color_library: Path) -> Iterator[Path]:
    """Return the library of three photos, on a disk that is mounted read-only."""
    yield from on_a_read_only_disk(color_library)


@pytest.fixture
def older_read_only(color_library: Path) -> Iterator[Path]:
    """Return the same with the schema of an earlier version."""
    with closing(sqlite3.connect(color_library / "catalog.db")) as catalog, catalog:
        catalog.execute("UPDATE alembic_version SET version_num = 'r0003'")
    yield from on_a_read_only_disk(color_library)


def on_a_read_only_disk(color_library: Path) -> Iterator[Path]:
    """Yield a library's copy on a disk that is mounted read-only meanwhile."""
    place = color_library.parent / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("a disk cannot be mounted here: that needs root, to whom permissions mean nothing")
    shutil.copytree(color_library, place / "test.recall")
    subprocess.run(["mount", "-o", "remount,ro", place], check=True)
    yield place / "test.recall"
    subprocess.run(["umount", "-l", place], check=True)


def test_a_read_only_library_can_be_searched_and_not_written(
    recall_program: Program, read_only: Path, color_album: Path
) -> None:
    env = {"RECALL_LIBRARY": str(read_only)}
    for command in (["index", color_album], ["forget", color_album], ["check", "--repair"]):
        assert_error(
            recall_program(*command, env=env), "test.recall cannot be written (Read-only file system); make it wri"
        )
    done = recall_program("similar", color_album / "red.png", "--paths", env=env)
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 2)
    done = recall_program("check", env=env)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_read_only_library_of_an_earlier_version_has_to_be_upgraded_elsewhere(
    recall_program: Program, older_read_only: Path
) -> None:
    done = recall_program("status", env={"RECALL_LIBRARY": str(older_read_only)})
    assert_error(
        done,
        "was written by an earlier version of Recall and cannot be upgraded here",
        "open it once where it can be written",
    )


def test_a_read_only_folder_takes_no_new_library(recall_program: Program, read_only: Path, color_album: Path) -> None:
    done = recall_program("index", color_album, "--library", read_only.parent / "new.recall")
    assert_error(done, "new.recall cannot be written (", "make it writable or name another library with --library")
