"""The database under the catalog: query plans, snapshots, and what it says when it fails."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from indexer.catalog.engine import open_engine, storage_errors
from indexer.catalog.migrate import upgrade
from indexer.catalog.statements import counts, items, sources, sync_state
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.statements.sources import Source
from indexer.errors import StorageError
from tests.support.catalog import add, embed, save


def plans(engine: Engine, connection: Connection, run: Any) -> list[str]:
    """Return how SQLite carries out every SELECT that `run` sends."""
    sent: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *rest: Any) -> None:
        sent.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        run()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return [
        step[3]
        for statement, parameters in sent
        if statement.startswith(("SELECT", "WITH"))
        for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    ]


SCANNED = {
    "SCAN embeddings USING COVERING INDEX ix_embeddings_encoder_id_id",  # all are counted, which pages tell: `extent`
    "SCAN anon_1 VIRTUAL TABLE INDEX 1:",  # what was asked about, a list
    "SCAN 2 CONSTANT ROWS",  # the same
    "SCAN keys_1",  # the same
}


@pytest.mark.parametrize(
    "name",
    [
        "known_files",
        "known_glances",
        "same_content",
        "known_sizes",
        "count",
        "all",
        "after",
        "found",
        "extent",
        "of_path",
        "save",
    ],
)
def test_no_statement_reads_a_whole_table(
    engine: Engine, connection: Connection, source: Source, encoder: EncoderRecord, name: str
) -> None:
    made = embed(connection, source, encoder, 20, content_hash=b"h")
    run = {
        "known_files": lambda: list(sync_state.file_records(connection, "/photos")),
        "known_glances": lambda: list(sync_state.file_stats(connection, "/photos", source.id)),
        "same_content": lambda: sync_state.files_by_content(connection, [(1, b"h"), (2, b"h")]),
        "known_sizes": lambda: sync_state.existing_sizes(connection, [1, 2]),
        "count": lambda: counts.count_items(connection, "/photos/0"),
        "all": lambda: items.embedding_ids(connection, encoder.id),
        "after": lambda: list(items.embeddings_after(connection, encoder.id, 4, 0)),
        "found": lambda: items.item_details(connection, made[:2]),
        "extent": lambda: items.count_up_to(connection, encoder.id, 5),
        "of_path": lambda: items.embedding_of_path(connection, "/photos/01", encoder.id),
        "save": lambda: save(connection, source, "/photos/01"),
    }[name]
    steps = plans(engine, connection, run)
    assert steps
    assert not [step for step in steps if step.startswith("SCAN") and step not in SCANNED]
    if name in {
        "known_files",
        "known_glances",
        "all",
        "after",
    }:  # read in pages: sorting again for each would take n² time
        assert not [step for step in steps if "TEMP B-TREE" in step or "MULTI-INDEX OR" in step]


def test_readers_see_one_state_while_another_writes(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as writer:
        source = add(writer, "/photos")
        save(writer, source, "/photos/a")
    other = open_engine(tmp_path / "catalog.db")
    with other.connect() as reader:
        assert counts.count_items(reader, "/photos") == (1, 0)
        with engine.begin() as writer:
            save(writer, source, "/photos/b")
        assert counts.count_items(reader, "/photos") == (1, 0)  # the snapshot that it began with
    with other.connect() as reader:
        assert counts.count_items(reader, "/photos") == (2, 0)
    other.dispose()


def test_a_failed_transaction_leaves_nothing(engine: Engine) -> None:
    with suppress(KeyboardInterrupt), engine.begin() as connection:
        add(connection, "/photos")
        raise KeyboardInterrupt
    with engine.connect() as connection:
        assert sources.sources(connection) == []


def test_a_file_that_is_no_database_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_bytes(b"this is no database, although it is long enough to be one" * 100)
    engine = open_engine(tmp_path / "catalog.db")
    said = r"is damaged \(file is not a database\); restore it from a backup"
    with pytest.raises(StorageError, match=said), storage_errors(tmp_path):
        upgrade(engine)
    engine.dispose()


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (OSError(28, "No space left on device"), "the disk of /library is full; committed work is safe"),
        (PermissionError(13, "Permission denied"), "make it writable or name another library with --library"),
        (OSError(30, "Read-only file system"), "make it writable or name another library with --library"),
        (OSError(5, "Input/output error"), "the catalog of /library cannot be used: Input/output error"),
    ],
)
def test_what_the_disk_says_becomes_advice(error: OSError, advice: str) -> None:
    with pytest.raises(StorageError, match=re.escape(advice)), storage_errors(Path("/library")):
        raise error


def test_a_folder_whose_name_has_signs_of_a_uri_can_hold_a_catalog(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"50% off? #1 \xff&mode=memory")
    folder.mkdir()
    engine = open_engine(folder / "catalog.db")
    upgrade(engine)
    engine.dispose()
    assert (folder / "catalog.db").stat().st_size > 0
