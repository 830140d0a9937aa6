"""A change of encoder: embeddings are approximated by a linear map at first, and re-encoded bit by bit.

Call `use_encoder`, `reencode_approximate` and `drop_encoder`, or `encode_units.encode_units` for units of a catalog.
"""

from __future__ import annotations

from indexer.maintenance.reencode.backfill import drop_encoder, reencode_approximate
from indexer.maintenance.reencode.switch import EncoderChange, use_encoder

__all__ = ["EncoderChange", "drop_encoder", "reencode_approximate", "use_encoder"]
