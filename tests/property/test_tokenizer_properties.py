"""CLIP's tokenizer, for any text, compared with open_clip's."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from open_clip.tokenizer import SimpleTokenizer

from indexer.encoders.tokenizer import load_tokenizer

OURS, THEIRS = load_tokenizer({"kind": "clip", "context_length": 24}, Path()), SimpleTokenizer(context_length=24)


@given(st.text())
def test_any_text_gets_open_clips_ids(text: str) -> None:
    assert OURS([text]).tolist() == THEIRS([text]).tolist()


@given(st.text(alphabet=[chr(code) for code in range(128)]))
def test_any_ascii_text_gets_open_clips_ids(text: str) -> None:
    assert OURS([text]).tolist() == THEIRS([text]).tolist()


@given(st.lists(st.text(max_size=20), max_size=5))
def test_a_batch_gets_the_ids_of_its_single_texts(texts: list[str]) -> None:
    assert OURS(texts).tolist() == [row for text in texts for row in OURS([text]).tolist()]
