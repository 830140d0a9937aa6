"""Gives room back to the disk that large changes took: the log of changes, and empty pages of the catalog."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Engine

from indexer.catalog.engine import BUSY_TIMEOUT_SECONDS, WAL_LIMIT_BYTES
from indexer.types import Progress, ProgressCallback

logger = logging.getLogger(__name__)

FREE_BYTES = 64 * 2**20
"""Bytes in empty pages below which these are left to what is added next."""

FREE_SHARE = 0.25
"""The same as a part of the catalog: to write the rest anew takes about a second for 100 MB."""

CHECKPOINT_TIMEOUT_SECONDS = 0.5
"""How long readers are waited for before the log is cut; with whom is slower it is cut next time."""

PROGRESS_STEPS = 200_000
"""Steps of SQLite's machine between two looks at whether somebody wants to stop: a few milliseconds."""


def checkpoint_wal(engine: Engine, catalog: Path) -> None:
    """Fold the log into the catalog and empty its file, where that is large.

    SQLite folds it in by itself but keeps the file as large as it ever was until the last process closes the library.
    """
    log = catalog.with_name(f"{catalog.name}-wal")
    with suppress(FileNotFoundError):
        if log.stat().st_size > WAL_LIMIT_BYTES:
            with _driver(engine) as driver:
                _cut(driver)


def vacuum(engine: Engine, progress: ProgressCallback | None = None) -> bool:
    """Write the catalog anew where much of it holds nothing, and return whether that was done.

    Readers go on meanwhile. What stops it, Ctrl-C or a full disk, leaves the catalog as it is.

    Args:
        engine: Of the catalog, in no transaction; the library's write lock must be held.
        progress: Told that it goes on, with the seconds that it took so far.
    """
    with _driver(engine) as driver:
        free, all_, size = (
            driver.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_count", "page_size")
        )
        if free * size < FREE_BYTES or free < FREE_SHARE * all_:
            return False
        start = time.perf_counter()

        def look() -> int:
            if progress:
                progress(Progress("giving room back", int(time.perf_counter() - start)))
            return 0

        driver.set_progress_handler(look, PROGRESS_STEPS)
        try:
            driver.execute("VACUUM")
        except sqlite3.OperationalError as error:
            logger.warning("the catalog stays as large as it is, with %d MB to fill: %s", free * size // 10**6, error)
            return False
        finally:
            driver.set_progress_handler(None, 0)
        _cut(driver)  # only now its file becomes shorter
    return True


def _cut(driver: sqlite3.Connection) -> None:
    driver.execute(f"PRAGMA busy_timeout = {CHECKPOINT_TIMEOUT_SECONDS * 1000:.0f}")
    driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    driver.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000:.0f}")


@contextmanager
def _driver(engine: Engine) -> Iterator[sqlite3.Connection]:
    """Give a connection of SQLite's own, outside of any transaction."""
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        if not isinstance(driver, sqlite3.Connection):
            raise TypeError(f"the catalog is open by {driver!r}; expected SQLite's own connection")
        yield driver
