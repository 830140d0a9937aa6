"""The rows of a library in PostgreSQL, with values as SQLite stores them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import numpy as np


class StoredVector(bytes):
    """A vector as SQLite stores it, among the values of a statement."""


def rows(url: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Return the rows of a statement on the catalog at a URL; changes are committed. ? stands for a value."""
    import psycopg  # late: only tests marked cluster need it

    parts = urlsplit(url)
    schema = parse_qs(parts.query)["schema"][0]
    place = urlunsplit(parts._replace(query=""))
    with psycopg.connect(place, autocommit=True, options=f"-c search_path={schema},public") as connection:
        cursor = connection.execute(
            statement.replace("%", "%%").replace("?", "%s").encode(), tuple(map(_as_here, values))
        )
        if not cursor.description:
            return []
        vectors = connection.execute("SELECT to_regtype('halfvec')::oid").fetchone()
        types = [column.type_code for column in cursor.description]
        is_vector = [vectors is not None and code == vectors[0] for code in types]
        return [tuple(map(_as_in_sqlite, row, is_vector)) for row in cursor.fetchall()]


def _as_here(value: object) -> object:
    """Return a value that a column of this server takes."""
    return str(np.frombuffer(value, "<f2").tolist()) if isinstance(value, StoredVector) else value


def _as_in_sqlite(value: object, is_vector: bool) -> object:
    match value:
        case bool():
            return int(value)
        case datetime():
            return value.isoformat(" ", "microseconds")
        case str() if is_vector:
            return np.array(json.loads(value), "<f2").tobytes()
        case dict() | list():
            return json.dumps(value)
        case _:
            return value
