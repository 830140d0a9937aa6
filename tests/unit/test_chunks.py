"""Where long text is cut, with an encoder that reads eight words."""

from __future__ import annotations

import logging
import time

import pytest

from indexer.documents.chunking import BLOCK, as_read, cut
from tests.support.encoders import FakeEncoder

FITS = FakeEncoder(context=8).fits


def test_short_text_is_one_piece() -> None:
    assert cut("  A dog on the beach.\n", FITS) == ["A dog on the beach."]


def test_cuts_come_between_sentences() -> None:
    text = "A dog runs on the beach. The sea is calm. A child builds a castle of sand."
    assert cut(text, FITS) == ["A dog runs on the beach.", "The sea is calm.", "A child builds a castle of sand."]


def test_sentences_share_a_piece_where_both_fit() -> None:
    assert cut("A dog runs. The sea is calm. It rains on the old town again.", FITS) == [
        "A dog runs. The sea is calm.",
        "It rains on the old town again.",
    ]


def test_a_sentence_that_does_not_fit_is_cut_between_words() -> None:
    assert cut("one two three four five six seven eight nine ten", FITS) == [
        "one two three four five six seven eight",
        "nine ten",
    ]


def test_a_line_that_ends_in_the_middle_of_a_sentence_is_no_place_to_cut() -> None:
    wrapped = "Yesterday. Wonderfully extraordinary photographers\nwalked along. Nobody saw them there."
    assert cut(wrapped, FITS) == [
        "Yesterday. Wonderfully extraordinary photographers walked along.",
        "Nobody saw them there.",
    ]


def test_short_lines_are_lines_of_their_own() -> None:
    assert cut("- milk and bread\n- eggs\n- two pounds of flour", FITS) == [
        "- milk and bread\n- eggs",
        "- two pounds of flour",
    ]


def test_a_heading_stays_with_its_text_and_not_with_the_text_before_it() -> None:
    text = "It rains in the town.\n\n# Beach\n\nA dog runs on it."
    assert cut(text, FITS, markdown=True) == ["It rains in the town.", "# Beach\n\nA dog runs on it."]


@pytest.mark.parametrize("text", ["", " \n\t\r\n "])
def test_blank_text_has_no_pieces(text: str) -> None:
    assert cut(text, FITS) == []


@pytest.mark.parametrize("markdown", [False, True])
@pytest.mark.parametrize("text", ["a" * 300_000, "ab " * 100_000, "> " * 100_000, "[(`*_" * 40_000, "\n" * 300_000])
def test_no_text_takes_long(text: str, markdown: bool) -> None:
    start = time.process_time()
    pieces = cut(text, lambda pieces: [len(piece) <= 80 for piece in pieces], markdown=markdown)
    assert time.process_time() - start < 10  # without blocks, the first would take quadratically long
    assert all(len(piece) <= 80 for piece in pieces)


def test_text_is_cut_in_blocks_between_paragraphs() -> None:
    paragraph = "word " * 1500 + "\n\n"  # 7502 characters: two do not fit a block
    assert 2 * len(paragraph) > BLOCK
    pieces = cut(paragraph * 3, FITS)
    assert sum(len(piece.split()) for piece in pieces) == 4500
    assert [len(piece.split()) for piece in pieces].count(8) == 3 * (1500 // 8)


def test_a_query_that_is_cut_is_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "indexer.documents.chunking")
    assert as_read(["a dog", "one two three four five six seven eight nine"], FITS) == [
        "a dog",
        "one two three four five six seven eight",
    ]
    (record,) = caplog.records
    assert record.getMessage() == (
        "the query is longer than the encoder reads: the first 8 of its 9 words count, "
        "up to: …hree four five six seven eight"
    )


def test_japanese_is_cut_between_sentences() -> None:
    short = lambda pieces: [len(piece) <= 12 for piece in pieces]  # noqa: E731  an encoder that reads 12 letters
    assert cut("犬が浜辺を走る。海は静かだ。", short) == ["犬が浜辺を走る。", "海は静かだ。"]
