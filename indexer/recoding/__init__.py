"""A change of encoder without losing the index: embeddings are mapped first and made anew bit by bit."""

from __future__ import annotations

from indexer.recoding.changing import EncoderChange, use_encoder
from indexer.recoding.finishing import drop_former, encode_mapped

__all__ = ["EncoderChange", "drop_former", "encode_mapped", "use_encoder"]
