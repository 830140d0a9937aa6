"""Shortened and wrapped text is never wider than asked for, whatever its letters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retrieval.cli.text import display_width, shorten_end, shorten_middle, visible, wrap


@given(st.text(), st.integers(2, 30))
def test_no_line_is_wider_than_asked_for_and_no_letter_is_lost(text: str, width: int) -> None:
    shown = visible(text)
    assert all(display_width(line) <= width for line in [shorten_end(shown, width), shorten_middle(shown, width)])
    lines = wrap(shown, width)
    assert all(display_width(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(shown.split())
