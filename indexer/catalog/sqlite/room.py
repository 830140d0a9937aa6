"""Return disk space after large changes: truncate the write-ahead log and vacuum the catalog."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Engine

from indexer.catalog.sqlite.engine import BUSY_TIMEOUT_SECONDS, WAL_LIMIT_BYTES
from indexer.types import Progress, ProgressCallback

logger = logging.getLogger(__name__)

FREE_BYTES = 64 * 2**20
"""Bytes in free pages below which a vacuum is not worth it: later inserts reuse the pages."""

_FREE_SHARE = 0.25
"""Share of free pages below which a vacuum is not worth it: rewriting the catalog takes about 1 s per 100 MB."""

CHECKPOINT_TIMEOUT_SECONDS = 0.5
"""Seconds to wait for readers before truncating the log; after that it is left to the next checkpoint."""

PROGRESS_STEPS = 200_000
"""SQLite virtual machine steps between progress callbacks, which take Ctrl-C: a few milliseconds."""


def checkpoint_wal(engine: Engine, catalog: Path) -> None:
    """Checkpoint the write-ahead log and truncate its file if it is large.

    SQLite checkpoints by itself, but the file keeps its largest size until the last process closes the library.
    """
    wal = catalog.with_name(f"{catalog.name}-wal")
    with suppress(FileNotFoundError):
        if wal.stat().st_size > WAL_LIMIT_BYTES:
            with _sqlite_connection(engine) as connection:
                _truncate_wal(connection)


def vacuum(engine: Engine, progress: ProgressCallback | None = None) -> bool:
    """Rewrite the catalog without its free pages if there are many, and return whether it was rewritten.

    Readers continue meanwhile. An interrupted vacuum (Ctrl-C, a full disk) leaves the catalog as it was.

    Args:
        engine: Engine of the catalog, outside any transaction; the caller holds the library's write lock.
        progress: Called with the seconds that the vacuum has taken so far.
    """
    with _sqlite_connection(engine) as connection:
        free, total, page_size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_count", "page_size")
        )
        if free * page_size < FREE_BYTES or free < _FREE_SHARE * total:
            return False
        start = time.perf_counter()

        def report_progress() -> int:
            if progress:
                progress(Progress("freeing disk space", int(time.perf_counter() - start)))
            return 0

        connection.set_progress_handler(report_progress, PROGRESS_STEPS)
        try:
            connection.execute("VACUUM")
        except sqlite3.OperationalError as error:
            logger.warning("the catalog was not vacuumed and keeps %d MB free: %s", free * page_size // 10**6, error)
            return False
        finally:
            connection.set_progress_handler(None, 0)
        _truncate_wal(connection)  # in WAL mode the catalog's file shrinks only now
    return True


def _truncate_wal(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA busy_timeout = {CHECKPOINT_TIMEOUT_SECONDS * 1000:.0f}")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000:.0f}")


@contextmanager
def _sqlite_connection(engine: Engine) -> Iterator[sqlite3.Connection]:
    """Yield the driver's connection, outside any transaction."""
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        if not isinstance(driver, sqlite3.Connection):
            raise TypeError(f"the catalog is open by {driver!r}; expected an sqlite3.Connection")
        yield driver
