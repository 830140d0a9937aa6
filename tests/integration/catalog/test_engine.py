"""The catalog's database: snapshots, transactions, and errors with advice."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Engine

from indexer.catalog.sqlite.engine import open_engine, storage_errors
from indexer.catalog.sqlite.migrate import upgrade
from indexer.catalog.statements import counts, sources
from indexer.errors import StorageError
from tests.support.catalog import add_source, save_items


def test_a_reader_keeps_its_snapshot_while_another_connection_writes(folder_engine: Engine, tmp_path: Path) -> None:
    with folder_engine.begin() as writer:
        source = add_source(writer, "/photos")
        save_items(writer, source, "/photos/a")
    other = open_engine(tmp_path / "catalog.db")
    with other.connect() as reader:
        assert counts.count_items(reader, "/photos") == (1, 0)
        with folder_engine.begin() as writer:
            save_items(writer, source, "/photos/b")
        assert counts.count_items(reader, "/photos") == (1, 0)  # the snapshot of its first read
    with other.connect() as reader:
        assert counts.count_items(reader, "/photos") == (2, 0)
    other.dispose()


def test_a_failed_transaction_is_rolled_back(engine: Engine) -> None:
    with suppress(KeyboardInterrupt), engine.begin() as connection:
        add_source(connection, "/photos")
        raise KeyboardInterrupt
    with engine.connect() as connection:
        assert sources.sources(connection) == []


def test_a_file_that_is_not_a_database_is_an_error_with_advice(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_bytes(b"not a database, although it is long enough to be one" * 100)
    engine = open_engine(tmp_path / "catalog.db")
    message = r"is damaged \(file is not a database\); restore it from a backup"
    with pytest.raises(StorageError, match=message), storage_errors(tmp_path):
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
def test_an_error_of_the_disk_becomes_advice(error: OSError, advice: str) -> None:
    with pytest.raises(StorageError, match=re.escape(advice)), storage_errors(Path("/library")):
        raise error


def test_a_folder_name_may_have_the_special_characters_of_a_uri(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"50% off? #1 \xff&mode=memory")
    folder.mkdir()
    engine = open_engine(folder / "catalog.db")
    upgrade(engine)
    engine.dispose()
    assert (folder / "catalog.db").stat().st_size > 0
