"""For any text, the chunks contain all of it, and each fits the encoder."""

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


def without_spaces(text: str) -> str:
    return "".join(text.split())


@given(text=anything, markdown=st.booleans())
def test_the_chunks_are_the_text_except_for_white_space(text: str, markdown: bool) -> None:
    assert without_spaces("".join(split_text(text, FAKE.fits, markdown=markdown))) == without_spaces(text)


@given(text=prose, markdown=st.booleans())
@example(text=".A dog dog dog # A", markdown=False)  # a period at the beginning of a word
def test_words_that_fit_are_not_split(text: str, markdown: bool) -> None:
    # five words of any length fit, so no word is too long
    assert [word for chunk in split_text(text, FAKE.fits, markdown=markdown) for word in chunk.split()] == text.split()


@settings(max_examples=40)
@given(text=anything, markdown=st.booleans())
def test_every_chunk_fits_the_compact_encoder(text: str, markdown: bool) -> None:
    chunks = split_text(text, COMPACT.fits, markdown=markdown)
    assert all(COMPACT.fits([chunk])[0] or len(chunk) == 1 for chunk in chunks)
    assert all(chunk.strip() for chunk in chunks)
    assert without_spaces("".join(chunks)) == without_spaces(text)


@settings(max_examples=40)
@given(text=anything)
def test_a_query_is_truncated_after_the_last_word_that_fits(text: str) -> None:
    beginning = truncate(text, FAKE.fits)
    assert text.startswith(beginning)
    assert beginning.split() == text.split()[:5]


@pytest.mark.parametrize("letters", [1, 200, 100_000])
def test_a_word_that_does_not_fit_is_split_between_characters(letters: int) -> None:
    beginning = truncate("ab" * letters, COMPACT.fits)
    assert 0 < len(beginning) <= 2 * letters
    assert COMPACT.fits([beginning]) == [True]
