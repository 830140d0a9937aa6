"""An index in a PostgreSQL server over a table of its own, which tests fill."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sqlalchemy import BigInteger, Column, Connection, Index, MetaData, Table, delete, insert, literal, text

from indexer.catalog.column_types import VECTOR
from indexer.catalog.postgresql.copy import copy_rows
from indexer.catalog.postgresql.engine import Engines, connect, open_engine
from indexer.database_url import DatabaseUrl
from indexer.types import Ids, Vectors
from indexer.vectors.base import check_add, to_half
from indexer.vectors.measurements import SearchDepth
from indexer.vectors.pgvector_graph import build_graph
from indexer.vectors.pgvector_index import KnownVectors, PgvectorIndex
from indexer.vectors.pgvector_table import ServerVectors

DEPTHS = (SearchDepth(24, 100, 50), SearchDepth(400, 450, 450))


class ServerIndex(PgvectorIndex):
    """A `PgvectorIndex` with a graph that the server uses even where comparing all would be faster.

    Attributes:
        always_by_graph: Set it to False to let the server decide, as in a library.
    """

    always_by_graph = True

    def __init__(self, engines: Engines, dim: int, *, depths: Sequence[SearchDepth] = DEPTHS) -> None:
        """Make an empty table, in which another encoder has a vector of another length, and its graph."""
        name = f"vectors_{secrets.token_hex(4)}"
        self.table = Table(
            name,
            MetaData(),
            Column("id", BigInteger, primary_key=True),
            Column("encoder_id", BigInteger),
            Column("vector", VECTOR),
            Index(f"{name}_ids", "encoder_id", "id"),
        )
        self.engines = engines
        is_own = self.table.c.encoder_id == literal(1, literal_execute=True)
        stored = ServerVectors(self.table, self.table.c.id, self.table.c.vector, is_own, dim, f"{name}_graph")
        super().__init__(stored, self._open, depths=depths)
        with engines.writer.begin() as connection:
            self.table.create(connection)
            connection.execute(insert(self.table), [_row(-7, 2, np.ones(dim + 1, dtype=np.float16))])
            build_graph(stored, connection, self._open, progress=None)

    @contextmanager
    def _open(self) -> Iterator[Connection]:
        with self.engines.reader.connect() as connection:
            if self.always_by_graph:
                connection.execute(text("SELECT set_config('enable_sort', 'off', true)"))
            yield connection

    def add(self, ids: Ids, vectors: Vectors) -> None:
        check_add(self.ids[-1:], ids, vectors, self.dim)
        if len(ids):
            rows = [_row(id_, 1, half) for id_, half in zip(ids.tolist(), to_half(vectors), strict=True)]
            with self.engines.writer.begin() as connection:
                connection.execute(insert(self.table), rows)
        self._known = KnownVectors()

    def fill(self, ids: Ids, vectors: Vectors) -> float:
        """Add very many vectors, build the graph anew and return the seconds that it took to build."""
        with self.engines.writer.begin() as connection:
            connection.exec_driver_sql(f"DROP INDEX {self._stored.graph}")
            rows = ((id_, 1, half.tobytes()) for id_, half in zip(ids.tolist(), to_half(vectors), strict=True))
            copy_rows(connection, self.table, ("id", "encoder_id", "vector"), rows)
            self._known = KnownVectors()
            return build_graph(self._stored, connection, self._open, progress=None)

    def remove(self, ids: Ids) -> int:
        is_removed = self.table.c.id.in_(ids.tolist()) & (self.table.c.encoder_id == 1)
        with self.engines.writer.begin() as connection:
            removed = connection.execute(delete(self.table).where(is_removed)).rowcount
        self._known = KnownVectors()
        return removed

    def save(self, path: Path) -> None:
        ids = self.ids
        with path.open("wb") as file:
            np.savez(file, ids=ids, rows=self.half_vectors(ids))


def _row(id_: int, encoder_id: int, half: np.ndarray[tuple[int, ...], np.dtype[np.float16]]) -> dict[str, object]:
    return {"id": id_, "encoder_id": encoder_id, "vector": half.astype("<f2").tobytes()}


@contextmanager
def making_server_indexes(url: str) -> Iterator[Callable[[int], ServerIndex]]:
    """Yield a maker of empty indexes in the schema of a library's URL, which is made."""
    place = DatabaseUrl.parse(url)
    engines = open_engine(lambda: connect(place))
    try:
        with engines.writer.begin() as connection:
            connection.execute(text(f'CREATE SCHEMA "{place.schema}"'))
        yield lambda dim: ServerIndex(engines, dim)
    finally:
        engines.engine.dispose()
