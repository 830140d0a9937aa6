"""A change of encoder without losing the index: embeddings are mapped first and made anew bit by bit."""

from __future__ import annotations

from indexer.maintenance.reencode.backfill import drop_encoder, reencode_approximate
from indexer.maintenance.reencode.switch import EncoderChange, use_encoder

__all__ = ["EncoderChange", "drop_encoder", "reencode_approximate", "use_encoder"]
