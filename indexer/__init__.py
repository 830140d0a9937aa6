"""Indexing: embeds collections of photos and texts, and stores embeddings and metadata in SQL.

Apps use the package `retrieval`, which is built on this one.
"""

from __future__ import annotations

__version__ = "0.1.0"
