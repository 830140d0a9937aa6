"""The index files of a library, which are derived from its catalog."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path

import numpy as np
from sqlalchemy import Connection

from indexer.catalog.statements import items
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.store.server_search import ServerSearch
from indexer.types import isin_sorted
from indexer.vectors import new_index, read_index
from indexer.vectors.autotune.choice_file import read_measurements
from indexer.vectors.base import MutableIndex, to_half
from indexer.vectors.index_file import StaleIndexError, write_index
from indexer.vectors.measurements import IndexChoice

logger = logging.getLogger(__name__)

_VERIFIED_EMBEDDINGS = 256
"""Newest embeddings of an index file that are compared with the catalog: an index of another catalog differs there."""


class IndexFiles(ServerSearch):
    """A catalog and the files of its indexes; the base class of `Store`, which adds the open index."""

    def index_file(self, fingerprint: str) -> Path:
        """Return the path of the exact index with a fingerprint."""
        return self.path / f"index-{fingerprint[:16]}.faiss"

    def choice_file(self, fingerprint: str) -> Path:
        """Return the path of the index chosen by measurement, with a fingerprint."""
        return self.path / f"index-{fingerprint[:16]}.lists"

    def delete_indexes(self, *, keep: Collection[str]) -> None:
        """Delete the index files of all fingerprints but some; an index is rebuilt when it is needed again."""
        stems = {self.index_file(fingerprint).stem for fingerprint in keep}
        for file in self.path.glob("index-*"):
            if file.suffix in (".faiss", ".lists") and file.stem not in stems:
                file.unlink(missing_ok=True)

    def read_index_choice(self) -> IndexChoice | None:
        """Return the index choice without opening an index; None if there is none, or its file is damaged."""
        in_server = self.server_choice()
        if in_server is not None:
            return in_server
        fingerprint = self.index_fingerprint
        try:
            return read_measurements(self.choice_file(fingerprint), fingerprint=fingerprint)
        except StaleIndexError:
            return None

    def read_index_file(self, encoder: EncoderRecord, connection: Connection) -> tuple[MutableIndex, int]:
        """Return the index of its file and its watermark, or an empty index and 0."""
        try:
            fingerprint = self.index_fingerprint
            choice = self.read_index_choice()
            is_searched = choice is None or choice.measurements[0].kind == "exact"
            index, watermark = read_index(self.index_file(fingerprint), fingerprint=fingerprint, read_ahead=is_searched)
        except StaleIndexError as reason:
            logger.debug("the index is rebuilt: %s", reason)
            return new_index(encoder.dim), 0
        ids, vectors = items.last_embeddings(connection, encoder.id, encoder.dim, watermark, _VERIFIED_EMBEDDINGS)
        has_all = isin_sorted(ids, index.ids).all()
        if has_all and np.array_equal(index.half_vectors(ids), to_half(self.apply_adapter(connection, ids, vectors))):
            return index, watermark
        logger.debug("the index is rebuilt: it belongs to a later catalog; was a backup restored?")
        return new_index(encoder.dim), 0

    def write_index_file(self, index: MutableIndex, fingerprint: str, watermark: int) -> None:
        """Write an index to its file, unless the library is only read; without space for it a search builds it anew."""
        if not self.can_write_files:
            return
        try:
            write_index(index, self.index_file(fingerprint), fingerprint=fingerprint, watermark=watermark)
        except OSError as error:
            logger.warning("the index was not saved and will be rebuilt next time: %s", error)


def id_of_file(file: Path) -> tuple[int, int] | None:
    """Return inode and modification time of a file, which tell it from a later one at its path; None if missing."""
    try:
        stat = file.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_mtime_ns
