"""How psycopg sends and receives values: in binary form, which is shorter than text and exact for vectors."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

from indexer.catalog.column_types import HalfVectorBytes


class _HalfVectorDumper(Dumper):
    """Sends a vector as it is; the cast next to each parameter tells the server its type."""

    format = Format.BINARY
    oid = 0

    def dump(self, obj: HalfVectorBytes) -> bytes:
        """Return the bytes to send."""
        return bytes(obj)


class BinaryCursor(psycopg.Cursor[Any]):
    """A cursor that receives rows in binary form."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.format = Format.BINARY


class BinaryServerCursor(psycopg.ServerCursor[Any]):
    """A cursor of the server, for very many rows, that receives them in binary form.

    One that is not read to its end, because the reader was stopped, is closed by the server: its transaction ends then.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.format = Format.BINARY

    def __del__(self, *_: Any) -> None:
        """Do not warn of a cursor that is left open, as psycopg does."""


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Let a new connection send vectors, and receive all values in binary form."""
    connection.adapters.register_dumper(HalfVectorBytes, _HalfVectorDumper)
    connection.cursor_factory = BinaryCursor
    connection.server_cursor_factory = BinaryServerCursor
