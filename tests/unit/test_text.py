"""Text for people: nothing that moves the cursor, plural forms, sizes, and what fits into a number of cells."""

from __future__ import annotations

import pytest

from retrieval.cli.text import (
    display_width,
    one_line,
    plural,
    shorten_end,
    shorten_middle,
    size,
    visible,
    wrap,
)


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


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
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


@pytest.mark.parametrize(
    ("number", "shown"), [(0, "0 photos"), (1, "1 photo"), (2, "2 photos"), (1_000_000, "1,000,000 photos")]
)
def test_a_number_has_its_noun_in_the_right_form(number: int, shown: str) -> None:
    assert plural(number, "photo") == shown


def test_a_noun_may_have_a_plural_of_its_own() -> None:
    assert (plural(1, "query", "queries"), plural(2, "query", "queries")) == ("1 query", "2 queries")


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("cat.jpg", 7),
        ("Grüße", 5),
        ("Gru\u0308ße", 5),  # a combining diaeresis has no cell of its own
        ("日本", 4),
        ("\uff57\uff49\uff44\uff45", 8),
        ("😀", 2),
    ],
)
def test_wide_letters_take_two_cells_and_combining_marks_none(text: str, width: int) -> None:
    assert display_width(text) == width


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("short", 5, "short"),
        ("a longer text", 8, "a longe…"),
        ("a longer text", 3, "a…"),  # no space before the ellipsis
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),  # half of a letter is none
    ],
)
def test_a_long_text_ends_in_an_ellipsis(text: str, width: int, shown: str) -> None:
    assert shorten_end(text, width) == shown


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("/photos/cat.jpg", 15, "/photos/cat.jpg"),
        ("/home/ann/Pictures/2024/cat.jpg", 16, "/home…24/cat.jpg"),
        ("/写真/旅行/猫.jpg", 12, "/写…/猫.jpg"),
    ],
)
def test_a_long_path_keeps_its_beginning_and_its_name(text: str, width: int, shown: str) -> None:
    assert shorten_middle(text, width) == shown


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("one two three", ["one two", "three"]),
        ("one  two", ["one  two"]),  # what fits is left as it is
        ("/a/very/long/path is long", ["/a/very/l", "ong/path", "is long"]),
    ],
)
def test_a_text_is_broken_between_words_and_a_long_word_anywhere(text: str, lines: list[str]) -> None:
    assert wrap(text, 9) == lines
