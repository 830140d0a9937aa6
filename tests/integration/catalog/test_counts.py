"""Counts of items and lists of failures."""

from __future__ import annotations

from sqlalchemy import Connection

from indexer.catalog.statements import counts
from indexer.catalog.statements.counts import Failure
from indexer.catalog.statements.sources import Source
from tests.support.catalog import save_items


def test_failures_are_listed_and_counted_by_path(connection: Connection, source: Source) -> None:
    save_items(connection, source, "/photos/a/2", "/photos/a/1", failure="damaged", failure_message="cut off")
    save_items(connection, source, "/photos/b/3", failure="empty", failure_message="zero bytes")
    save_items(connection, source, "/photos/b/4")
    assert list(counts.failures(connection, "/photos/a", limit=1)) == [Failure("/photos/a/1", "damaged", "cut off")]
    assert [failure.path for failure in counts.failures(connection)] == ["/photos/a/1", "/photos/a/2", "/photos/b/3"]
    assert counts.count_by_kind(connection) == {"photo": (1, 3), "text": (0, 0)}
    assert counts.count_items(connection, "/photos") == (1, 3)
    assert counts.count_items(connection, "/photos/b") == (1, 1)
    assert counts.count_items(connection, "/photos/c") == (0, 0)
