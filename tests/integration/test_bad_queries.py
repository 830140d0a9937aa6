"""Queries, options and settings that cannot be used, given to the installed program: one line and exit code 2."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.program import Program, assert_error, assert_usage_error


def test_a_missing_query_picture_is_an_error(recall_program: Program, color_library: Path) -> None:
    assert_error(
        recall_program("search", "missing.jpg"), "there is no file missing.jpg; to search for these words, leave"
    )


@pytest.mark.parametrize("query", ["", " \n\t"])
def test_a_blank_query_is_an_error(recall_program: Program, color_library: Path, query: str) -> None:
    assert_error(recall_program("search", query), "the query text is blank; describe what to look for, for instance")


def test_a_missing_query_is_a_usage_error(recall_program: Program, color_library: Path) -> None:
    assert_usage_error(recall_program("search"), "the query is missing; describe what to find: recall search")


@pytest.mark.parametrize("number", ["0", "-3"])
def test_a_number_of_results_below_1_is_an_error(
    recall_program: Program, color_library: Path, color_album: Path, number: str
) -> None:
    for command in (["search", "red"], ["similar", str(color_album / "red.png")]):
        assert_error(recall_program(*command, "-k", number), f"{number} results were asked for; expected at least 1")


def test_a_folder_that_is_not_indexed_cannot_filter(
    recall_program: Program, color_library: Path, color_album: Path
) -> None:
    done = recall_program("search", "red", "--folder", "elsewhere")
    assert_error(done, "the library has nothing from ", f"elsewhere; it has: {color_album}")


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
        (["index", "x", "--workers", "-1"], "-1 is not in the range x>=0"),
        (["index", "x", "--timeout", "-1"], "-1"),
        (["find", "red"], "No such command 'find'"),
        (["similar"], "Missing argument 'PHOTO'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_argument_is_a_usage_error(recall_program: Program, arguments: list[str], expected: str) -> None:
    assert_usage_error(recall_program(*arguments), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--threshold", "nan"), "the threshold is nan; expected a probability from 0 to 1"),
        (("--name", os.fsdecode(b"caf\xe9*")), "the name to filter by is not valid Unicode"),
        (("--min-size", f"{10**30}x5"), "no photo has"),
        (("+", "9" * 45 + ": cat"), "the query part 'cat' has the weight 1e+45; expected a number"),
    ],
)
def test_a_value_that_no_search_can_use_is_an_error(
    recall_program: Program, photos: Path, options: tuple[str, ...], message: str
) -> None:
    recall_program("index", photos)
    found = recall_program("search", "dog", *options)
    assert found.returncode == 2
    assert message in found.stderr
    assert "Traceback" not in found.stderr


def test_a_huge_number_of_results_gives_all_there_are(recall_program: Program, photos: Path) -> None:
    (photos / "note.txt").write_text("a dog at the beach")
    recall_program("index", photos)
    found = recall_program("search", "dog", "--all", "--paths", "-k", "9" * 30)
    assert len(found.stdout.splitlines()) == 22  # the photos and the note
    assert recall_program("search", "dog", "--offset", "9" * 30).stderr == "recall: nothing found\n"


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
def test_a_damaged_settings_file_is_an_error(
    recall_program: Program, tmp_path: Path, content: bytes, expected: str
) -> None:
    (tmp_path / "config.toml").write_bytes(content)
    done = recall_program("status", env={"RECALL_CONFIG": str(tmp_path / "config.toml")})
    assert_error(done, "config.toml", expected)


def test_a_settings_file_that_is_a_folder_is_an_error(recall_program: Program, tmp_path: Path) -> None:
    done = recall_program("status", env={"RECALL_CONFIG": str(tmp_path)})
    assert_error(done, "the settings file", "correct it or delete it")


@pytest.mark.parametrize(
    ("name", "value"),
    [("WORKERS", "many"), ("TIMEOUT", "nan"), ("MAX_PIXELS", "0")],
)
def test_a_variable_with_a_wrong_value_is_an_error(
    recall_program: Program, color_library: Path, name: str, value: str
) -> None:
    done = recall_program("search", "red", env={f"RECALL_{name}": value})
    assert_error(done, f"RECALL_{name} is ", value.removesuffix(".0"), "expected a ")
