"""Tables: aligned, and on a terminal as narrow as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from retrieval.cli.table import Cell, Column, print_fields, print_table
from retrieval.cli.text import display_width

HEAD = ("score", Column("photo", "middle"), Column("text", "end"), Column("message", "wrap"))
ROWS = [
    ("0.31", "/home/ann/Pictures/2024/summer/cat.jpg", "a striped cat on a wall", "it is damaged; copy it again"),
    ("0.3", "/b.jpg", "", ""),
]

Narrow = Callable[[int], None]


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Narrow:
    """Return a function that makes standard output a terminal of so many columns."""
    return lambda columns: monkeypatch.setattr("retrieval.cli.terminal.width", lambda _: columns)


def test_columns_are_aligned_and_lines_end_without_spaces(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("score", "taken", "photo"), [("0.5", "", "short"), ("0.25", "2024-05-01", "a longer\nname")])
    assert capsys.readouterr().out == (
        "score  taken       photo\n0.5                short\n0.25   2024-05-01  a longer\\nname\n"
    )


def test_wide_letters_keep_the_columns_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("photo", "score"), [("日本.jpg", "0.5"), ("b.jpg", "0.25")])
    assert capsys.readouterr().out == "photo     score\n日本.jpg  0.5\nb.jpg     0.25\n"


def test_a_table_without_rows_is_its_head(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("one", "two"), [])
    assert capsys.readouterr().out == "one  two\n"


def test_output_that_is_piped_is_never_shortened(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(HEAD, ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith("it is damaged; copy it again")
    assert "/home/ann/Pictures/2024/summer/cat.jpg  a striped cat on a wall  " in lines[1]
    assert len(lines) == 3


def test_a_narrow_terminal_narrows_the_widest_columns_first(narrow: Narrow, capsys: pytest.CaptureFixture[str]) -> None:
    narrow(66)
    print_table(HEAD, ROWS)
    assert capsys.readouterr().out == (
        "score  photo               text                message\n"
        "0.31   /home…mmer/cat.jpg  a striped cat on…   it is damaged; copy\n"
        "                                               it again\n"
        "0.3    /b.jpg\n"
    )


@pytest.mark.parametrize("columns", range(47, 130))
def test_a_table_fits_the_terminal(columns: int, narrow: Narrow, capsys: pytest.CaptureFixture[str]) -> None:
    narrow(columns)
    print_table(HEAD, ROWS)
    assert all(display_width(line) <= columns for line in capsys.readouterr().out.splitlines())


def test_a_table_that_cannot_fit_becomes_blocks_without_empty_fields(
    narrow: Narrow, capsys: pytest.CaptureFixture[str]
) -> None:
    narrow(40)
    print_table(HEAD, ROWS)
    assert capsys.readouterr().out == (
        "score    0.31\n"
        "photo    /home/ann/Pictures/2024/summer/\n"
        "         cat.jpg\n"
        "text     a striped cat on a wall\n"
        "message  it is damaged; copy it again\n"
        "\n"
        "score  0.3\n"
        "photo  /b.jpg\n"
    )


def test_fields_are_aligned_and_long_values_continue_below(narrow: Narrow, capsys: pytest.CaptureFixture[str]) -> None:
    print_fields([("a", "one two three four"), ("bcd", "five")])
    narrow(20)
    print_fields([("a", "one two three four"), ("bcd", "five")])
    assert capsys.readouterr().out == ("a    one two three four\nbcd  five\na    one two three\n     four\nbcd  five\n")


def test_a_cell_with_a_path_is_a_link_whose_target_is_never_shortened(
    narrow: Narrow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    narrow(20)
    monkeypatch.setattr("retrieval.cli.terminal.shows_links", lambda: True)
    monkeypatch.setattr("os.uname", lambda: type("Uname", (), {"nodename": "here"}))
    path = Path("/photos/a folder/cat.jpg")
    print_table((Column("photo", "middle"), "n"), [(Cell(str(path), path), "1")])
    uri = "file://here/photos/a%20folder/cat.jpg"
    assert capsys.readouterr().out.splitlines()[1] == f"\x1b]8;;{uri}\x1b\\/phot…der/cat.jpg\x1b]8;;\x1b\\  1"
