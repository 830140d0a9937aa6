"""Everything that a user can get wrong, given to the installed program: one line each, the right exit code."""

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
from tests.support.color_photos import paint
from tests.support.contents import contents, rows
from tests.support.encoders import FakeEncoder
from tests.support.program import Program

Made = tuple[Path, Path]
"""A folder of three photos and a library of them."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    place = tmp_path_factory.mktemp("made")
    for colour in ("red", "lime", "blue"):
        paint(place / "pictures" / f"{colour}.png", colour)
    with Library.open(place / "test.recall", encoder=FakeEncoder()) as library:
        library.sync(place / "pictures")
    return place / "pictures", place / "test.recall"


@pytest.fixture
def filled(made: Made, tmp_path: Path) -> Path:
    """Return a copy of the library of three photos, where `recall_program` looks for its own."""
    return Path(shutil.copytree(made[1], tmp_path / "test.recall"))


def refused(done: subprocess.CompletedProcess[str], *expected: str) -> None:
    """Check that a run of the program ended with exit code 2 and one line that says what is expected."""
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.startswith("recall: ")
    assert done.stderr.count("\n") == 1, done.stderr
    for part in expected:
        assert part in done.stderr


def misused(done: subprocess.CompletedProcess[str], expected: str) -> None:
    """Check that a run of the program ended with exit code 2, the usage, and one line that says what is wrong."""
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.startswith("Usage: recall ")
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert expected in line
    assert "Traceback" not in done.stderr


def test_a_folder_that_is_not_there(recall_program: Program, filled: Path, tmp_path: Path) -> None:
    before = contents(filled)
    done = recall_program("index", tmp_path / "nowhere")
    refused(done, "nowhere cannot be found (No such file or directory); name a folder or a picture")
    assert contents(filled) == before


def test_a_folder_that_is_not_there_makes_no_library(recall_program: Program, tmp_path: Path) -> None:
    refused(recall_program("index", tmp_path / "nowhere"), "nowhere cannot be found (No such file or directory)")
    assert not (tmp_path / "test.recall").exists()


def test_one_folder_of_several_that_is_not_there(recall_program: Program, filled: Path, tmp_path: Path) -> None:
    known = Path(os.fsdecode(contents(filled)[0][0])).parent
    done = recall_program("index", known, tmp_path / "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    others, refusal = done.stderr.splitlines()
    assert others == "recall: the others were synced: 0 added, 3 unchanged"
    assert "nowhere cannot be found" in refusal


def test_a_folder_without_photos(recall_program: Program, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "list.doc").write_text("milk")
    refused(
        recall_program("index", tmp_path / "notes"),
        "contains no photos or texts; expected a folder with pictures such as .jpg",
    )


def test_a_folder_in_which_no_photo_can_be_read(recall_program: Program, filled: Path, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.jpg").write_bytes(b"")
    before = contents(filled)
    done = recall_program("index", tmp_path / "bad")
    refused(done, "none of the 1 pictures in", "a.jpg: the file is empty (0 bytes); run: recall status --failed")
    assert [row for row in contents(filled) if row[2] is None] == before


def test_a_file_that_is_no_photo(recall_program: Program, filled: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.doc").write_text("milk")
    refused(recall_program("index", tmp_path / "notes.doc"), "none of the 1 pictures in", "notes.doc")


def test_nothing_to_index_again(recall_program: Program, filled: Path) -> None:
    rows(filled, "PRAGMA foreign_keys = OFF")
    rows(filled, "DELETE FROM sources")
    refused(recall_program("index"), "there is nothing to index again; name a folder: recall index FOLDER")


@pytest.mark.parametrize("command", [["search", "a dog"], ["similar", "a.jpg"], ["status"], ["check"], ["forget", "/"]])
def test_no_library(recall_program: Program, tmp_path: Path, command: list[str]) -> None:
    refused(recall_program(*command), f"there is no library at {tmp_path}/test.recall; make one with: recall index")
    assert not (tmp_path / "test.recall").exists()


def test_a_library_from_a_newer_version(recall_program: Program, filled: Path, made: Made) -> None:
    rows(filled, "UPDATE alembic_version SET version_num = 'r9999'")
    before = (filled / "catalog.db").read_bytes()
    for command in (["search", "red"], ["index", made[0]]):
        refused(
            recall_program(*command), "this library has schema r9999, newer than this Recall knows", "update Recall"
        )
    assert (filled / "catalog.db").read_bytes() == before


def test_a_library_of_another_encoder(recall_program: Program, filled: Path, made: Made) -> None:
    before = contents(filled)
    advice = ("indexed with encoder 'fake/colours' but 'compact' was asked for", "leave out --encoder, or")
    refused(recall_program("search", "red", "--encoder", "compact"), *advice)
    refused(recall_program("index", made[0], "--encoder", "compact"), *advice)
    assert contents(filled) == before


def test_an_encoder_that_does_not_exist(recall_program: Program, made: Made) -> None:
    refused(
        recall_program("index", made[0], "--encoder", "clip"),
        "no encoder is called 'clip'; expected compact, MODEL/WEIGHTS",
    )


def test_a_query_picture_that_is_not_there(recall_program: Program, filled: Path) -> None:
    refused(recall_program("search", "missing.jpg"), "there is no file missing.jpg; to search for these words, leave")


@pytest.mark.parametrize("query", ["", " \n\t"])
def test_an_empty_query(recall_program: Program, filled: Path, query: str) -> None:
    refused(recall_program("search", query), "the query text is blank; describe what to look for, for instance")


def test_no_query_at_all(recall_program: Program, filled: Path) -> None:
    misused(recall_program("search"), "the query is missing; describe what to find: recall search")


@pytest.mark.parametrize("number", ["0", "-3"])
def test_no_results_asked_for(recall_program: Program, filled: Path, made: Made, number: str) -> None:
    for command in (["search", "red"], ["similar", str(made[0] / "red.png")]):
        refused(recall_program(*command, "-k", number), f"{number} results were asked for; expected at least 1")


def test_a_folder_to_search_that_is_not_indexed(recall_program: Program, filled: Path, made: Made) -> None:
    done = recall_program("search", "red", "--folder", "elsewhere")
    refused(done, "the library has nothing from ", f"elsewhere; it has: {made[0]}")


def test_what_is_not_known_cannot_be_forgotten(recall_program: Program, filled: Path) -> None:
    refused(recall_program("forget", "elsewhere"), "the library has nothing at", "run: recall status")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["forget", ""], "an empty path was given; name a file or folder"),
        (["index", ""], "an empty path was given"),
        (["similar", ""], "an empty path was given"),
        (["search", "red", "--after", "someday"], "there is no date 'someday'"),
        (["search", "red", "--before", "2024-13-01"], "there is no date '2024-13-01': month must be in 1..12"),
        (["search", "red", "-k", "many"], "'many' is not a valid integer"),
        (["search", "red", "--colour"], "No such option '--colour'"),
        (["search", "red", "--json", "--paths"], "--json and --paths exclude each other"),
        (["index", "x", "--workers", "0"], "0 is not in the range x>=1"),
        (["index", "x", "--timeout", "-1"], "-1"),
        (["find", "red"], "No such command 'find'"),
        (["similar"], "Missing argument 'PHOTO'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_misuse_is_told_with_the_usage(recall_program: Program, arguments: list[str], expected: str) -> None:
    misused(recall_program(*arguments), expected)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"library = ", "cannot be read ("),
        (b"\xff\xfe\x00", "cannot be read ("),
        (b'colour = "red"', "has unknown settings: colour; expected library, "),
        (b'workers = "many"', "is 'many'; expected a whole number"),
        (b"timeout = -1", "is -1; expected a number above 0"),
    ],
)
def test_a_damaged_settings_file(recall_program: Program, tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "config.toml").write_bytes(content)
    done = recall_program("status", env={"RECALL_CONFIG": str(tmp_path / "config.toml")})
    refused(done, "config.toml", expected)


def test_a_settings_file_that_is_a_folder(recall_program: Program, tmp_path: Path) -> None:
    done = recall_program("status", env={"RECALL_CONFIG": str(tmp_path)})
    refused(done, "the settings file", "correct it or delete it")


@pytest.mark.parametrize(
    ("name", "value"),
    [("WORKERS", "many"), ("TIMEOUT", "nan"), ("MAX_PIXELS", "0")],
)
def test_a_variable_with_nonsense(recall_program: Program, filled: Path, name: str, value: str) -> None:
    done = recall_program("search", "red", env={f"RECALL_{name}": value})
    refused(done, f"RECALL_{name} is ", value.removesuffix(".0"), "expected a ")


def test_a_second_writer_in_another_process(recall_program: Program, filled: Path, made: Made) -> None:
    with Library.open(filled, encoder=FakeEncoder()) as library, library._store.writing("testing"):
        refused(
            recall_program("forget", made[0]), f"process {os.getpid()} (testing) is writing to {filled}; wait until"
        )
    assert len(contents(filled)) == 3


@pytest.mark.parametrize(
    "content", [b"this is no database, whatever its name says" * 200, b"SQLite format 3\0" + b"?" * 9000]
)
def test_a_catalog_that_is_no_database(recall_program: Program, tmp_path: Path, made: Made, content: bytes) -> None:
    (tmp_path / "test.recall").mkdir()
    (tmp_path / "test.recall" / "catalog.db").write_bytes(content)
    for command in (["status"], ["index", made[0]]):
        refused(
            recall_program(*command), "test.recall is damaged (", "restore it from a backup or index into a new lib"
        )
    assert (tmp_path / "test.recall" / "catalog.db").read_bytes() == content


def test_a_catalog_that_is_cut_off(recall_program: Program, filled: Path) -> None:
    whole = (filled / "catalog.db").read_bytes()
    (filled / "catalog.db").write_bytes(whole[: len(whole) // 2])
    refused(
        recall_program("status"), "test.recall is damaged (", "restore it from a backup or index into a new library"
    )


def test_a_library_that_is_a_file(recall_program: Program, tmp_path: Path, made: Made) -> None:
    (tmp_path / "test.recall").write_text("mine")
    for command in (["status"], ["index", made[0]]):
        refused(recall_program(*command), "test.recall is a file; expected the folder of a library, for instance")
    assert (tmp_path / "test.recall").read_text() == "mine"


def test_a_library_that_is_a_folder_with_other_files(recall_program: Program, made: Made) -> None:
    before = sorted(path.name for path in made[0].iterdir())
    done = recall_program("index", made[0], "--library", made[0])
    refused(done, "pictures holds other files and no library; name a new folder, for instance photos.recall")
    assert sorted(path.name for path in made[0].iterdir()) == before


def test_a_library_below_a_file(recall_program: Program, tmp_path: Path, made: Made) -> None:
    (tmp_path / "file").write_text("mine")
    refused(recall_program("index", made[0], "--library", tmp_path / "file" / "x.recall"), "x.recall")


@pytest.fixture
def read_only(filled: Path) -> Iterator[Path]:
    """Return the library of three photos, on a disk that is mounted read-only."""
    yield from on_a_read_only_disk(filled)


@pytest.fixture
def older_read_only(filled: Path) -> Iterator[Path]:
    """Return the same with the schema of an earlier version."""
    with closing(sqlite3.connect(filled / "catalog.db")) as catalog, catalog:
        catalog.execute("UPDATE alembic_version SET version_num = 'r0003'")
    yield from on_a_read_only_disk(filled)


def on_a_read_only_disk(filled: Path) -> Iterator[Path]:
    """Yield a library's copy on a disk that is mounted read-only meanwhile."""
    place = filled.parent / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("a disk cannot be mounted here: that needs root, to whom permissions mean nothing")
    shutil.copytree(filled, place / "test.recall")
    subprocess.run(["mount", "-o", "remount,ro", place], check=True)
    yield place / "test.recall"
    subprocess.run(["umount", "-l", place], check=True)


def test_a_read_only_library_is_searched_and_not_written(recall_program: Program, read_only: Path, made: Made) -> None:
    env = {"RECALL_LIBRARY": str(read_only)}
    for command in (["index", made[0]], ["forget", made[0]], ["check", "--repair"]):
        refused(recall_program(*command, env=env), "test.recall cannot be written (Read-only file system); make it wri")
    done = recall_program("similar", made[0] / "red.png", "--paths", env=env)
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 2)
    done = recall_program("check", env=env)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_read_only_library_of_an_earlier_version_says_that_it_has_to_be_upgraded(
    recall_program: Program, older_read_only: Path
) -> None:
    done = recall_program("status", env={"RECALL_LIBRARY": str(older_read_only)})
    refused(done, "is of an earlier version of Recall and has to be upgraded", "open it once where it can be written")


def test_a_read_only_folder_for_a_new_library(recall_program: Program, read_only: Path, made: Made) -> None:
    done = recall_program("index", made[0], "--library", read_only.parent / "new.recall")
    refused(done, "new.recall cannot be written (", "make it writable or name another library with --library")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--threshold", "nan"), "the threshold is nan; expected a probability from 0 to 1"),
        (("--name", os.fsdecode(b"caf\xe9*")), "the name to filter by is not valid Unicode"),
        (("--min-size", f"{10**30}x5"), "no photo has"),
        (("+", "9" * 45 + ": cat"), "the query part 'cat' has the weight 1e+45; expected a number"),
    ],
)
def test_what_no_search_can_use_is_one_line(
    recall_program: Program, photos: Path, options: tuple[str, ...], message: str
) -> None:
    recall_program("index", photos)
    found = recall_program("search", "dog", *options)
    assert found.returncode == 2
    assert message in found.stderr
    assert "Traceback" not in found.stderr


def test_more_results_than_any_library_has_give_all_that_there_is(recall_program: Program, photos: Path) -> None:
    (photos / "note.txt").write_text("a dog at the beach")
    recall_program("index", photos)
    found = recall_program("search", "dog", "--all", "--paths", "-k", "9" * 30)
    assert len(found.stdout.splitlines()) == 22  # the photos and the note
    assert recall_program("search", "dog", "--offset", "9" * 30).stderr == "recall: nothing found\n"
