"""Libraries whose embeddings are made up: as large as wanted, in seconds."""

from __future__ import annotations

from pathlib import Path

from indexer.catalog.statements import writes
from indexer.encoders.base import Encoder
from indexer.store import Store
from indexer.types import Vectors
from tests.support.catalog import add_source, save_items

ROWS = 5000
"""Items that are saved together."""


def fabricate(path: Path, encoder: Encoder, vectors: Vectors, root: Path) -> None:
    """Make a library as an indexing run would leave it, index file included, of photos that do not exist.

    Args:
        path: The library's folder.
        encoder: Whose embeddings they pretend to be.
        vectors: Unit vectors, shape (n, dim).
        root: The folder that the photos pretend to be in.
    """
    with Store(path, create=True) as store, store.writing("making up a library"):
        encoder_id = store.bind_encoder(encoder).id
        with store.transaction() as connection:
            source = add_source(connection, str(root))
            for start in range(0, len(vectors), ROWS):
                rows = vectors[start : start + ROWS]
                names = (str(root / f"IMG_{start + number:06}.jpg") for number in range(len(rows)))
                items = save_items(connection, source, *names, content_hash=b"", format="JPEG", width=4000, height=3000)
                writes.add_embeddings(connection, items, encoder_id, rows)
        store.index(save=True)
