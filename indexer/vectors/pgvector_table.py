"""The table in a PostgreSQL server that holds the vectors of an encoder, and the statements over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnClause,
    ColumnElement,
    Connection,
    Float,
    FromClause,
    Select,
    any_,
    bindparam,
    cast,
    func,
    select,
    text,
)
from sqlalchemy.types import UserDefinedType

from indexer.types import Ids, Vectors
from indexer.vectors.base import Allowed, Condition, HalfVectors, to_half


@dataclass(frozen=True, slots=True)
class ServerVectors:
    """The vectors of one encoder in the server.

    Attributes:
        table: Their table.
        ids: Column of their ids.
        vectors: Column of the vectors, of pgvector's type halfvec; in Python little-endian float16.
        condition: The rows that are this encoder's.
        dim: Length of a vector.
        graph: Name of their HNSW index, whether or not it exists.
    """

    table: FromClause
    ids: ColumnElement[int]
    vectors: ColumnClause[Any]
    condition: ColumnElement[bool]
    dim: int
    graph: str

    def select(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """Return a statement over the vectors of the encoder."""
        return select(*columns).select_from(self.table).where(self.condition)

    def nearest_by_graph(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """Return the statement that the graph answers: its expression and its condition are those of the index."""
        fixed = cast(self.vectors, _HalfVector(self.dim))
        return self.select(*columns).order_by(fixed.op("<#>", return_type=Float())(self._parameter()))

    def nearest_of_all(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """Return the statement that compares all vectors: no index can give an order by a sum."""
        product = self.vectors.op("<#>", return_type=Float())(self._parameter())
        return self.select(*columns).order_by(product + 0)

    def among_ids(self, ids: Ids) -> ColumnElement[bool]:
        """Return the condition that a row has one of the ids: one array, for a statement has few parameters."""
        return self.ids == any_(bindparam(None, ids.tolist(), type_=ARRAY(BigInteger)))

    def allowed(self, allowed: Allowed) -> ColumnElement[bool]:
        """Return the condition that a search may return a row."""
        return allowed.clause if isinstance(allowed, Condition) else self.among_ids(allowed)

    def read(
        self, connection: Connection, statement: Select[Any], query: Vectors | None = None
    ) -> tuple[Ids, HalfVectors]:
        """Return ids, (n,), and vectors as indexes store them, (n, dim), that a statement gives for a query."""
        rows = connection.execute(statement, query_value(query)).all()
        ids = np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))
        stored = np.frombuffer(b"".join(row[1] for row in rows), dtype="<f2").reshape(len(rows), self.dim)
        return ids, to_half(stored.astype(np.float32))

    def existing(self, connection: Connection, ids: Ids) -> tuple[Ids, HalfVectors]:
        """Return those of the ids that exist, (n,), in the given order, and their vectors, (n, dim)."""
        found, rows = self.read(connection, self.select(self.ids, self.vectors).where(self.among_ids(ids)))
        if not len(found):
            return ids[:0], rows
        order = np.argsort(found)
        places = np.searchsorted(found[order], ids).clip(max=len(found) - 1)
        exists = found[order][places] == ids
        return ids[exists], rows[order][places[exists]]

    def spread_ids(self, connection: Connection, count: int) -> Ids:
        """Return at most `count` ids, ascending: those at or after evenly spaced numbers."""
        first, last = connection.execute(self.select(func.min(self.ids), func.max(self.ids))).one()
        values = bindparam(None, np.linspace(first, last, count).astype(np.int64).tolist(), type_=ARRAY(BigInteger))
        numbers = func.unnest(values).table_valued("number").render_derived()
        next_id = self.select(self.ids.label("id")).where(self.ids >= numbers.c.number)
        nearest = next_id.order_by(self.ids).limit(1).lateral()
        statement = select(nearest.c.id).select_from(numbers.join(nearest, text("true")))
        return np.unique(read_ids(connection, statement))

    def _parameter(self) -> ColumnElement[Any]:
        return bindparam("query", type_=self.vectors.type)


class _HalfVector(UserDefinedType[Any]):
    """pgvector's type of vectors of one length, which an index needs."""

    cache_ok = True

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def get_col_spec(self, **_: Any) -> str:
        """Return the type's name."""
        return f"halfvec({self.dim})"


def query_value(query: Vectors | None) -> dict[str, bytes]:
    """Return the parameter of a statement that orders by a query, rounded to 16 bits."""
    return {} if query is None else {"query": query.astype("<f2").tobytes()}


def read_ids(connection: Connection, statement: Select[Any], query: Vectors | None = None) -> Ids:
    """Return the ids that a statement gives for a query, in its order, shape (n,)."""
    return np.fromiter(connection.scalars(statement, query_value(query)), dtype=np.int64)
