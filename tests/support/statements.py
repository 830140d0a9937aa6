"""What is sent to the database while something is done, and how SQLite carries it out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event


@contextmanager
def sent() -> Iterator[list[tuple[str, Any]]]:
    """Give a list that fills with statements and their values; of one that is run for many rows those of the first."""
    statements: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, values: Any, ___: Any, many: bool) -> None:
        statements.append((statement, values[0] if many else values))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def plan(catalog: Path, statements: list[tuple[str, Any]]) -> set[tuple[str, str]]:
    """Return the steps by which SQLite carries out each statement, with the statement that has it."""
    steps: set[tuple[str, str]] = set()
    with closing(sqlite3.connect(catalog)) as connection:
        connection.create_function("distance_km", 4, lambda *_: 0.0, deterministic=True)
        for statement, values in statements:
            if statement.split(maxsplit=1)[0] in ("SELECT", "WITH", "UPDATE", "DELETE", "INSERT"):
                for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values):
                    steps.add((row[3], statement))
    return steps
