"""A library on the disk: its catalog and its indexes."""

from indexer.store.catalog import check_encoder, check_encoder_name
from indexer.store.indexes import Store

__all__ = ["Store", "check_encoder", "check_encoder_name"]
