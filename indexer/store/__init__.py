"""A library on disk: its catalog, its index and its encoder.

Call `Store`, `LibraryEncoder` (in `library_encoder`), `check_encoder` and `check_encoder_name`.
"""

from indexer.store.encoder_match import check_encoder, check_encoder_name
from indexer.store.store import Store

__all__ = ["Store", "check_encoder", "check_encoder_name"]
