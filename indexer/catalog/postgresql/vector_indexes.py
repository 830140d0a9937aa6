"""The indexes of vectors in a schema: others make them, and what is out of date is dropped here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from indexer.catalog.postgresql.engine import Engines

logger = logging.getLogger(__name__)

_WAIT_SECONDS = 5
"""Seconds to wait for those who use an index that is dropped."""

_NAMES = text("""
SELECT quote_ident(c.relname) AS name, i.indisvalid AS is_valid
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
WHERE c.relnamespace = current_schema()::regnamespace AND a.amname = 'hnsw' ORDER BY c.relname
""")


@contextmanager
def changing(engines: Engines) -> Iterator[Connection]:
    """Yield a connection in a transaction that makes an index and changes no row, committed at the end.

    It does not raise the version, whose row would be locked until then, which takes minutes.
    """
    with engines.writer.connect() as connection:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        yield connection
        connection.commit()


def drop(engines: Engines, is_out_of_date: Callable[[str, bool], bool]) -> None:
    """Drop indexes, given by a function of their name and of whether they are valid, as no search may wait for it.

    A process that is killed meanwhile leaves an index that is not valid, and is dropped the next time. So does a
    program that reads for longer than `_WAIT_SECONDS`, for which all writers would have to wait.
    """
    with engines.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.detach()  # the next settings are for this connection alone
        connection.exec_driver_sql(f"SET lock_timeout = '{_WAIT_SECONDS}s'")
        connection.exec_driver_sql("SET statement_timeout = 0")
        for row in connection.execute(_NAMES).all():
            if is_out_of_date(row.name, row.is_valid):
                try:
                    connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY {row.name}")
                except OperationalError as error:
                    if not isinstance(error.orig, LockNotAvailable):
                        raise
                    logger.warning(
                        "the index %s is not dropped while another program reads; the next recall optimize drops it",
                        row.name,
                    )
