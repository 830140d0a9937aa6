"""Long texts are split into chunks, here for an encoder that reads eight words."""

from __future__ import annotations

import logging
import time

import pytest

from indexer.documents.chunking import split_text, truncate_queries
from tests.support.encoders import FakeEncoder

FITS = FakeEncoder(context=8).fits


def test_a_short_text_is_one_chunk() -> None:
    assert split_text("  A dog on the beach.\n", FITS) == ["A dog on the beach."]


def test_a_text_is_split_between_sentences() -> None:
    text = "A dog runs on the beach. The sea is calm. A child builds a castle of sand."
    assert split_text(text, FITS) == [
        "A dog runs on the beach.",
        "The sea is calm.",
        "A child builds a castle of sand.",
    ]


def test_sentences_that_fit_together_share_a_chunk() -> None:
    assert split_text("A dog runs. The sea is calm. It rains on the old town again.", FITS) == [
        "A dog runs. The sea is calm.",
        "It rains on the old town again.",
    ]


def test_a_long_sentence_is_split_between_words() -> None:
    assert split_text("one two three four five six seven eight nine ten", FITS) == [
        "one two three four five six seven eight",
        "nine ten",
    ]


def test_a_text_is_not_split_at_a_line_end_in_the_middle_of_a_sentence() -> None:
    wrapped = "Yesterday. Wonderfully extraordinary photographers\nwalked along. Nobody saw them there."
    assert split_text(wrapped, FITS) == [
        "Yesterday. Wonderfully extraordinary photographers walked along.",
        "Nobody saw them there.",
    ]


def test_a_list_is_split_between_lines() -> None:
    assert split_text("- milk and bread\n- eggs\n- two pounds of flour", FITS) == [
        "- milk and bread\n- eggs",
        "- two pounds of flour",
    ]


def test_a_heading_is_in_one_chunk_with_the_text_below_it() -> None:
    text = "It rains in the town.\n\n# Beach\n\nA dog runs on it."
    assert split_text(text, FITS, markdown=True) == ["It rains in the town.", "# Beach\n\nA dog runs on it."]


@pytest.mark.parametrize("text", ["", " \n\t\r\n "])
def test_a_blank_text_has_no_chunks(text: str) -> None:
    assert split_text(text, FITS) == []


@pytest.mark.parametrize("markdown", [False, True])
@pytest.mark.parametrize("text", ["a" * 300_000, "ab " * 100_000, "> " * 100_000, "[(`*_" * 40_000, "\n" * 300_000])
def test_no_text_takes_quadratic_time(text: str, markdown: bool) -> None:
    start = time.process_time()
    chunks = split_text(text, lambda texts: [len(text) <= 80 for text in texts], markdown=markdown)
    assert time.process_time() - start < 10
    assert all(len(chunk) <= 80 for chunk in chunks)


def test_no_chunk_spans_two_paragraphs_that_do_not_fit_together() -> None:
    chunks = split_text(("word " * 1500 + "\n\n") * 3, FITS)
    assert sum(len(chunk.split()) for chunk in chunks) == 4500
    assert [len(chunk.split()) for chunk in chunks].count(8) == 3 * (1500 // 8)


def test_a_truncated_query_logs_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "indexer.documents.chunking")
    assert truncate_queries(["a dog", "one two three four five six seven eight nine"], FITS) == [
        "a dog",
        "one two three four five six seven eight",
    ]
    (record,) = caplog.records
    assert record.getMessage() == (
        "the query is longer than the encoder reads: the first 8 of its 9 words count, "
        "up to: …hree four five six seven eight"
    )


def test_japanese_is_split_between_sentences() -> None:
    short = lambda texts: [len(text) <= 12 for text in texts]  # noqa: E731  an encoder that reads 12 letters
    assert split_text("犬が浜辺を走る。海は静かだ。", short) == ["犬が浜辺を走る。", "海は静かだ。"]


@pytest.mark.parametrize(
    "text",
    [
        "Then Dr. Who and Mrs. Smith met J. Doe. They talked about the sea.",
        "They read No. 5 twice in the morning. They talked about the sea.",
        '"Is it the sea?" asked the child again. They talked about the sea.',
        "It costs 3.50 e.g. in the old town. They talked about the sea.",
    ],
)
def test_a_period_inside_a_sentence_does_not_end_it(text: str) -> None:
    assert split_text(text, FakeEncoder(context=9).fits)[-1] == "They talked about the sea."


@pytest.mark.parametrize("heading", ["## Beach", "Beach\n====="])
def test_a_heading_stays_with_the_first_sentence_of_a_long_section(heading: str) -> None:
    text = f"It rains.\n\n{heading}\n\nA dog runs on it. A child builds a castle of sand."
    assert split_text(text, FITS, markdown=True)[1] == f"{heading}\n\nA dog runs on it."


def test_two_headings_in_a_row_stay_together() -> None:
    text = "# Sea\n\n## Beach\n\nA dog runs. A child builds a castle of sand."
    assert split_text(text, FITS, markdown=True)[0] == "# Sea\n\n## Beach\n\nA dog runs."


def test_a_section_ends_before_the_next_heading_of_its_level() -> None:
    text = "# One\n\nred\n\n## Two\n\nblue\n\n# Three\n\ngreen gold"
    assert split_text(text, FITS, markdown=True) == ["# One\n\nred\n\n## Two\n\nblue", "# Three\n\ngreen gold"]


def test_fenced_code_stays_together_and_holds_no_headings() -> None:
    text = "A dog runs on the beach.\n\n```\nred\n\n# blue\n```\n\nA cat sleeps."
    assert split_text(text, FITS, markdown=True) == [
        "A dog runs on the beach.",
        "```\nred\n\n# blue\n```\n\nA cat sleeps.",
    ]


def test_a_letter_is_not_split_from_its_accents() -> None:
    short = lambda texts: [len(text) <= 3 for text in texts]  # noqa: E731  an encoder that reads 3 characters
    assert split_text("ae\u0301u\u0308o", short) == ["ae\u0301", "u\u0308o"]
    assert split_text("aae\u0301", short) == ["aa", "e\u0301"]
