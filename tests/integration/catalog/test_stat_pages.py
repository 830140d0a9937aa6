"""The records that a sync compares with a walk."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, insert

from indexer.catalog.schema import OUTDATED_METADATA
from indexer.catalog.statements import sync_state
from indexer.catalog.statements.sources import Source
from indexer.catalog.statements.sync_state import FileRecord, sidecar_stamp
from tests.support.catalog import save_items
from tests.support.statements import record_statements


def stat_records(connection: Connection, source: Source, root: str = "/photos") -> list[sync_state.StatRecord]:
    return [record for page in sync_state.stat_pages(connection, root, source.id) for record in page]


@pytest.mark.usefixtures("pages_of_three")
@pytest.mark.parametrize("n", [0, 1, 3, 4, 7])
def test_all_pages_of_a_source_are_read_with_three_statements(connection: Connection, source: Source, n: int) -> None:
    save_items(connection, source, *(f"/photos/{number}" for number in range(n)), "/photosz", size=7, ctime_ns=5)
    with record_statements() as statements:
        records = stat_records(connection, source)
    assert records == [(f"/photos/{number}".encode(), 7, 1, 5, None) for number in range(n)]
    assert len(statements) == 3  # whether metadata is outdated, the root itself, and what is below


def test_the_root_itself_is_a_record(connection: Connection, source: Source) -> None:
    save_items(connection, source, "/photos/a", "/photos/a/b", "/photos/a-b")
    assert [record[0] for record in stat_records(connection, source, "/photos/a")] == [b"/photos/a", b"/photos/a/b"]


def test_failed_and_outdated_files_have_no_size(connection: Connection, source: Source) -> None:
    good, outdated = save_items(connection, source, "/photos/a", "/photos/b", size=7)
    (failed,) = save_items(connection, source, "/photos/c", size=7, failure="damaged", failure_message="cut off")
    connection.execute(insert(OUTDATED_METADATA).values(item_id=outdated))
    assert [record[1] for record in stat_records(connection, source)] == [7, None, None]
    records = sync_state.records_by_path(connection, ["/photos/a", "/photos/b", "/photos/c", "/photos/d"])
    assert records == {
        "/photos/a": FileRecord(good, "/photos/a", 7, 1, None),
        "/photos/b": FileRecord(outdated, "/photos/b", 7, 1, None, is_outdated=True),
        "/photos/c": FileRecord(failed, "/photos/c", 7, 1, "damaged"),
    }


@pytest.mark.parametrize("sidecar", [(None, None, None), (0, 0, 0), (2**62, 3, -5), (5, None, None), (5, 3, None)])
def test_the_catalog_and_a_walk_have_the_same_stamp_of_a_sidecar(
    connection: Connection, source: Source, sidecar: tuple[int | None, int | None, int | None]
) -> None:
    values = dict(zip(("sidecar_mtime_ns", "sidecar_size", "sidecar_ctime_ns"), sidecar, strict=True))
    save_items(connection, source, "/photos/a", **values)
    assert [record[4] for record in stat_records(connection, source)] == [sidecar_stamp(*sidecar)]
