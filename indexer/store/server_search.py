"""The index that a database server keeps for all machines, and the record in the catalog that it was chosen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, literal

from indexer.catalog.schema import EMBEDDINGS
from indexer.catalog.statements import index_settings
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.database_url import DatabaseUrl
from indexer.store.database import Catalog
from indexer.types import ProgressCallback
from indexer.vectors.index_file import StaleIndexError
from indexer.vectors.kinds import SERVER_KIND
from indexer.vectors.measurements import IndexChoice, IndexMeasurement, IndexTarget

if TYPE_CHECKING:
    from indexer.vectors.pgvector_index import KnownVectors, PgvectorIndex
    from indexer.vectors.pgvector_table import ServerVectors

_MAX_DIM = 4000
"""Longest vectors of 16 bits a number that pgvector's HNSW takes."""

_MOST_SEARCHES = 7
"""Searches of one process at a time; the others wait. Each has a connection and may need another, of a pool of 15."""

_GRAPH = "ix_embeddings_hnsw_"
"""What the names of the indexes of vectors begin with; the id of their encoder follows."""


class ServerSearch(Catalog):
    """A catalog, and the index that its server keeps if it was chosen; a base class of `Store`."""

    _known: tuple[tuple[int, int], KnownVectors] | None = None  # of the version and encoder that were searched last

    def __init__(self, place: Path | DatabaseUrl, *, create: bool, read_only: bool = False) -> None:
        """Open a library; see `Catalog`."""
        super().__init__(place, create=create, read_only=read_only)
        self._searches = threading.BoundedSemaphore(_MOST_SEARCHES)

    def after_fork_in_child(self) -> None:
        """Forget the searches of the parent's other threads."""
        super().after_fork_in_child()
        self._searches = threading.BoundedSemaphore(_MOST_SEARCHES)

    @property
    def can_search_in_server(self) -> bool:
        """Whether the library is in a server that has the vectors that searches use, of a length that it can index."""
        encoder = self.encoder
        if encoder is None or not self.database.is_shared:
            return False
        return self.index_fingerprint == encoder.fingerprint and encoder.dim <= _MAX_DIM

    def server_choice(self) -> IndexChoice | None:
        """Return the choice of the server's index, which all machines follow.

        None if there is none, as in a folder, or if it is of other vectors than those that searches use now: of another
        encoder, or without the active adapter, which the server does not apply.
        """
        if not self.database.is_shared:
            return None
        found = self.cached("server index", _read_choice)
        return found[1] if found and found[0] == self.index_fingerprint else None

    def save_server_choice(self, target: IndexTarget, measurements: list[IndexMeasurement], watermark: int) -> None:
        """Record that the server's index was chosen, for all machines."""
        from indexer.vectors.autotune.choice_file import choice_values  # late: most processes choose no index

        choice = choice_values(target, measurements) | {"fingerprint": self.index_fingerprint, "watermark": watermark}
        with self.transaction() as connection:
            index_settings.save_server_index(connection, choice)

    def forget_server_choice(self) -> None:
        """Record that the server's index is used no more."""
        if self.database.is_shared:
            with self.transaction() as connection:
                index_settings.save_server_index(connection, None)

    def drop_old_graphs(self) -> None:
        """Drop the indexes of vectors in the server that no search uses, and what a killed process left of one.

        A choice that no search follows now is forgotten first: it may come into use again, and would have no index.
        """
        encoder = self.encoder
        used = None if encoder is None or self.server_choice() is None else f"{_GRAPH}{encoder.id}"
        if used is None:
            self.forget_server_choice()
        self.database.drop_vector_indexes(
            lambda name, is_valid: name.startswith(_GRAPH) and (name != used or not is_valid)
        )

    @contextmanager
    def searching_in_server(
        self, encoder: EncoderRecord, choice: IndexChoice
    ) -> Iterator[tuple[PgvectorIndex, Connection]]:
        """Yield the index in the server and a connection to the catalog, which see the same state of it."""
        with self._searches, self.reading() as connection:
            yield self.server_index(encoder, choice, connection), connection

    def server_index(
        self, encoder: EncoderRecord, choice: IndexChoice, connection: Connection | None = None
    ) -> PgvectorIndex:
        """Return the index in the server.

        Args:
            encoder: The library's encoder.
            choice: The choice of it.
            connection: Sees the state of the catalog that is searched; None for the newest at each search.
        """
        from indexer.vectors.pgvector_index import KnownVectors, PgvectorIndex  # late: a folder needs nothing of it

        known = None
        reading: Callable[[], AbstractContextManager[Connection]] = self.reading
        if connection is not None:
            opened, key = connection, (self.database.snapshot_version(connection), encoder.id)
            last = self._known  # other threads replace it
            if last is None or last[0] != key:
                last = self._known = key, KnownVectors()
            known, reading = last[1], lambda: nullcontext(opened)
        depths = choice.measurements[0].depths
        return PgvectorIndex(_vectors_of(encoder), reading, depths=depths, known=known)

    @contextmanager
    def built_server_index(self, progress: ProgressCallback | None) -> Iterator[tuple[PgvectorIndex, float]]:
        """Yield the index in the server, and the seconds that it took to build; an error in the block removes it.

        The caller holds the write lock.
        """
        from indexer.vectors.pgvector_graph import build_graph  # late, like the next
        from indexer.vectors.pgvector_index import PgvectorIndex

        encoder = self.encoder
        if encoder is None:
            raise ValueError("there are no vectors")
        stored = _vectors_of(encoder)
        self.drop_old_graphs()
        with self.errors(), self.database.making_index() as connection:
            seconds = build_graph(stored, connection, self.reading, progress=progress)
            yield PgvectorIndex(stored, lambda: nullcontext(connection)), seconds


def _vectors_of(encoder: EncoderRecord) -> ServerVectors:
    from indexer.vectors.pgvector_table import ServerVectors  # late: a folder needs nothing of it

    # a literal: with a parameter the server could not tell that the index, which is partial, has all rows
    is_own = EMBEDDINGS.c.encoder_id == literal(encoder.id, literal_execute=True)
    graph = f"{_GRAPH}{encoder.id}"
    return ServerVectors(EMBEDDINGS, EMBEDDINGS.c.id, EMBEDDINGS.c.vector, is_own, encoder.dim, graph)


def _read_choice(connection: Connection) -> tuple[str, IndexChoice] | None:
    """Return the fingerprint and the choice in the catalog; None without one, and for one of another version."""
    from indexer.vectors.autotune.choice_file import parse_choice  # late: a folder needs nothing of it

    values = index_settings.read_server_index(connection)
    if values is None:
        return None
    try:
        return values["fingerprint"], parse_choice(values, values["watermark"], kinds=(SERVER_KIND,))
    except (KeyError, StaleIndexError):
        return None
