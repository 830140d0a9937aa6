"""What commands print: tables that nothing breaks, JSON lines, paths for other programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from retrieval.cli.hit_table import print_hits
from retrieval.cli.output import form_options, one_line, print_json, print_table, size, visible
from retrieval.search.hits import Hit, PartScore


def hit(path: str = "/photos/cat.jpg", **values: Any) -> Hit:
    facts: dict[str, Any] = {
        "item_id": 1,
        "unit_id": 2,
        "score": 0.3125,
        "part_scores": (PartScore("a cat", 0.3125),),
    } | values
    return Hit(path=Path(path), **facts)


def printed(action: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> str:
    action()
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, 100 %.jpg", "plain words, 100 %.jpg"),
        ("Grüße 日本 😀.jpg", "Grüße 日本 😀.jpg"),
        ("two\nlines", "two\\nlines"),
        ("tab\tand\rreturn", "tab\\tand\\rreturn"),
        ("\x1b[2Jclears the screen", "\\x1b[2Jclears the screen"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("nul\0", "nul\\x00"),
        ("\x9b31mred", "\\x9b31mred"),  # one byte that some terminals take for ESC [
        ("right to left \u202egpj.exe", "right to left \\u202egpj.exe"),
        ("\u2028line separator", "\\u2028line separator"),
        ("caf\udce9", "caf\\xe9"),  # a byte that is no UTF-8
        ("\udcff\udcfe", "\\xff\\xfe"),
        ("", ""),
    ],
)
def test_nothing_in_a_name_moves_the_cursor_or_ends_the_line(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(text).isprintable()


def test_a_message_of_several_lines_becomes_one() -> None:
    assert one_line(" first\n  second\t\x1b[2J\r\nthird ") == "first second \\x1b[2J third"


def test_a_table_has_aligned_columns_and_nothing_behind_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("0.5", "", "short"), ("0.25", "2024-05-01", "a longer\nname")]
    assert printed(lambda: print_table(("score", "taken", "photo"), rows), capsys) == (
        "score  taken       photo\n0.5                short\n0.25   2024-05-01  a longer\\nname\n"
    )


def test_a_table_without_rows_is_its_head(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(lambda: print_table(("one", "two"), []), capsys) == "one  two\n"


def test_json_is_one_line_of_ascii_whatever_the_name(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"path": "/ph\udcff/\n😀", "score": 0.5, "none": None}
    line = printed(lambda: print_json(value), capsys)
    assert line == '{"path": "/ph\\udcff/\\n\\ud83d\\ude00", "score": 0.5, "none": null}\n'
    assert json.loads(line) == value


def test_hits_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    hits = [hit(taken_at=datetime.fromisoformat("2024-05-01T12:30")), hit("/photos/\x1b[2J.jpg", score=-0.0625)]
    assert printed(lambda: print_hits(hits, "table"), capsys) == (
        "score   taken       photo\n0.312   2024-05-01  /photos/cat.jpg\n-0.062              /photos/\\x1b[2J.jpg\n"
    )


def test_a_hit_that_stands_for_several_has_their_number_in_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    hits = [replace(hit("/a"), members=(hit("/b"), replace(hit("/c"), members=(hit("/d"),)))), hit("/e")]
    assert [each.path.name for each in hits[0].expanded()] == ["a", "b", "c", "d"]
    assert printed(lambda: print_hits(hits, "table"), capsys) == (
        "score  photos  photo\n0.312  4       /a\n0.312          /e\n"
    )


def test_hits_as_paths_one_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(lambda: print_hits([hit("/a b"), hit("/c")], "paths"), capsys) == "/a b\n/c\n"


def test_hits_for_xargs_end_with_nul_and_keep_every_byte(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(lambda: print_hits([hit("/a\nb"), hit("/c")], "null"), capsys) == "/a\nb\0/c\0"


def test_a_table_of_hits_has_their_probabilities_where_they_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    hits = [hit(probability=0.625), hit("/photos/dog.jpg", score=0.25, probability=0.0313)]
    assert printed(lambda: print_hits(hits, "table"), capsys) == (
        "likely  score  photo\n62%     0.312  /photos/cat.jpg\n3%      0.250  /photos/dog.jpg\n"
    )


def test_hits_as_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    moment = datetime.fromisoformat("2024-05-01T12:30:15")
    lines = printed(
        lambda: print_hits([hit(taken_at=moment, taken_from="exif", width=640, latitude=-33.5), hit("/b")], "json"),
        capsys,
    ).splitlines()
    assert json.loads(lines[0]) == {
        "path": "/photos/cat.jpg",
        "score": 0.3125,
        "probability": None,
        "part_scores": [{"part": "a cat", "score": 0.3125, "weight": 1.0}],
        "kind": "photo",
        "text": None,
        "item_id": 1,
        "unit_id": 2,
        "format": None,
        "width": 640,
        "height": None,
        "taken_at": "2024-05-01T12:30:15",
        "taken_from": "exif",
        "latitude": -33.5,
        "longitude": None,
        "camera": None,
        "lens": None,
        "utc_offset": None,
        "rating": None,
        "title": None,
        "description": None,
        "tags": [],
        "approximate": False,
        "row": None,
        "words": [],
        "rerank": [],
        "count": 1,
        "members": [],
    }
    assert len(lines) == 2


@click.command()
@form_options
def show(form: str) -> None:
    """Print the form, or that nothing was found."""
    click.echo(form)


@click.command()
def find_nothing() -> None:
    """Print no hits."""
    print_hits([], "table")


def test_nothing_found_is_exit_1_and_a_note_on_stderr() -> None:
    run = CliRunner().invoke(find_nothing)
    assert (run.exit_code, run.stdout, run.stderr) == (1, "", "recall: nothing found\n")


@pytest.mark.parametrize(
    ("arguments", "form"),
    [([], "table"), (["--json"], "json"), (["--paths"], "paths"), (["-0"], "null"), (["--paths", "-0"], "null")],
)
def test_options_choose_one_form(arguments: list[str], form: str) -> None:
    run = CliRunner().invoke(show, arguments)
    assert (run.exit_code, run.stdout) == (0, f"{form}\n")


@pytest.mark.parametrize("other", ["--paths", "-0"])
def test_two_forms_at_once_are_a_usage_error(other: str) -> None:
    run = CliRunner().invoke(show, ["--json", other])
    assert run.exit_code == 2
    assert "exclude each other; give one of them" in run.stderr


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (1550, "1.6 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),  # not "1000.0 kB"
        (12_300_000, "12.3 MB"),
        (999_999_999, "1.0 GB"),
        (4_200_000_000_000, "4.2 TB"),
        (5_000_000_000_000_000, "5000.0 TB"),  # no larger unit is known
    ],
)
def test_sizes_are_in_powers_of_1000(number: int, shown: str) -> None:
    assert size(number) == shown
