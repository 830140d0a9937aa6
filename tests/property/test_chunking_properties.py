"""Text in pieces: nothing is lost, everything fits."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexer.documents.chunking import split_text, truncate
from indexer.encoders.onnx_encoder import OnnxEncoder
from tests.support.encoders import FakeEncoder

COMPACT = OnnxEncoder(Path("indexer/encoders/compact").absolute(), name="compact")
FAKE = FakeEncoder(context=5)

word = st.text(st.characters(max_codepoint=0x2E7F, exclude_categories=["Cs", "Z", "Cc"]), min_size=1, max_size=12)
prose = st.lists(
    st.tuples(st.one_of(st.sampled_from(["dog", "Sea.", "it's", "#", "-", "# A", "```", "well-known"]), word),
              st.sampled_from([" ", "  ", "\n", "\n\n", "\r\n", "\t", ". ", "! "])), max_size=60,
).map(lambda parts: "".join(f"{first}{gap}" for (first, gap) in parts))  # fmt: skip
anything = st.one_of(prose, st.text(st.characters(exclude_categories=["Cs"]), max_size=300))


def without_space(text: str) -> str:
    return "".join(text.split())


@given(text=anything, markdown=st.booleans())
def test_pieces_joined_are_the_text_in_order_but_for_white_space(text: str, markdown: bool) -> None:
    assert without_space("".join(split_text(text, FAKE.fits, markdown=markdown))) == without_space(text)


@given(text=prose, markdown=st.booleans())
@example(text=".A dog dog dog # A", markdown=False)  # the splitter ends a sentence in the first word
def test_words_that_fit_are_never_cut(text: str, markdown: bool) -> None:
    # five words fit, whatever their length, so no word is too long
    assert [word for piece in split_text(text, FAKE.fits, markdown=markdown) for word in piece.split()] == text.split()


@settings(max_examples=40)
@given(text=anything, markdown=st.booleans())
def test_every_piece_fits_the_encoder_that_ships_with_recall(text: str, markdown: bool) -> None:
    pieces = split_text(text, COMPACT.fits, markdown=markdown)
    assert all(COMPACT.fits([piece])[0] or len(piece) == 1 for piece in pieces)
    assert all(piece.strip() for piece in pieces)
    assert without_space("".join(pieces)) == without_space(text)


@settings(max_examples=40)
@given(text=anything)
def test_a_query_is_cut_behind_the_last_word_that_fits(text: str) -> None:
    kept = truncate(text, FAKE.fits)
    assert text.startswith(kept)
    assert kept.split() == text.split()[:5]


@pytest.mark.parametrize("letters", [1, 200, 100_000])
def test_a_word_that_does_not_fit_is_cut_between_letters(letters: int) -> None:
    kept = truncate("ab" * letters, COMPACT.fits)
    assert 0 < len(kept) <= 2 * letters
    assert COMPACT.fits([kept]) == [True]
