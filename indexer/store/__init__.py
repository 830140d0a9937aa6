"""A library on the disk: its catalog and its indexes."""

from indexer.store.database import check_encoder, check_encoder_name
from indexer.store.store import Store

__all__ = ["Store", "check_encoder", "check_encoder_name"]
