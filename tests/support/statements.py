"""Record the statements that are sent to the database, and read their query plans."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event


@contextmanager
def record_statements() -> Iterator[list[tuple[str, Any]]]:
    """Yield a list that collects statements with their parameters; for executemany, those of the first row."""
    statements: list[tuple[str, Any]] = []

    def record(_: Any, __: Any, statement: str, values: Any, ___: Any, many: bool) -> None:
        statements.append((statement, values[0] if many else values))

    event.listen(Engine, "before_cursor_execute", record)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", record)


def query_plans(catalog: Path, statements: list[tuple[str, Any]]) -> set[tuple[str, str]]:
    """Return the steps of the query plans, each with its statement."""
    steps: set[tuple[str, str]] = set()
    with closing(sqlite3.connect(catalog)) as connection:
        connection.create_function("distance_km", 4, lambda *_: 0.0, deterministic=True)
        connection.create_function("text_key", 1, str, deterministic=True)
        for statement, values in statements:
            if statement.split(maxsplit=1)[0] in ("SELECT", "WITH", "UPDATE", "DELETE", "INSERT"):
                for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values):
                    steps.add((row[3], statement))
    return steps
