"""The database of a catalog, whichever program keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection

from indexer.config import cache_base
from indexer.database_url import DatabaseUrl
from indexer.errors import MissingPackageError
from indexer.types import ProgressCallback


class WriteLock(Protocol):
    """A held write lock."""

    def let_others_write(self) -> None:
        """Give the lock to the writers that wait for it, and take it back after them; a run calls it between batches.

        Raises:
            StorageError: The lock cannot be taken back; it is not held.
        """


class Database(Protocol):
    """An open database; safe to use from several threads, and in a forked process."""

    @property
    def name(self) -> str:
        """What messages call the library."""

    @property
    def folder(self) -> Path:
        """The folder of the library's files on this machine."""

    @property
    def is_shared(self) -> bool:
        """Whether other machines use the library, too: then all but derived files is in the database."""

    @property
    def longest_path(self) -> int | None:
        """Bytes of an item's path, at most; None if any path can be stored."""

    def errors(self) -> AbstractContextManager[None]:
        """Return a block that turns errors of the database and the disk into a StorageError with advice."""

    def check_open(self) -> None:
        """Raise LibraryClosedError if the library is closed."""

    def refuse(self) -> None:
        """Refuse every further use; what is in use stays open until `close`."""

    def close(self) -> None:
        """Close all connections; those in use are closed after it. Calling it twice is safe."""

    def revision(self) -> str | None:
        """Return the revision of the schema; None if there are no tables yet.

        Raises:
            LibraryError: The database has tables of another program.
        """

    def upgrade(self, *, timeout: float) -> None:
        """Create or upgrade the schema, up to the newest revision.

        Args:
            timeout: Seconds to wait for another process that writes.
        """

    def reading(self) -> AbstractContextManager[Connection]:
        """Return a block with a connection whose reads all see the same state of the catalog."""

    def transaction(self) -> AbstractContextManager[Connection]:
        """Return a block with a connection whose changes are committed together at its end."""

    def writing(
        self, operation: str, *, timeout: float, is_run: bool, go_on: Callable[[], None]
    ) -> AbstractContextManager[WriteLock]:
        """Return a block that holds the write lock.

        Args:
            operation: What the lock is for ("indexing"); another writer's error message names it.
            timeout: Seconds to wait for another writer, in this process or another.
            is_run: Whether it is for a long run, of which there is one at a time, and which may call
                `let_others_write`.
            go_on: Called several times a second while the lock is awaited; it ends that by raising an exception.
        """

    def making_index(self) -> AbstractContextManager[Connection]:
        """Return a block with a connection in a transaction that makes an index of vectors; for a shared one."""

    def drop_vector_indexes(self, is_out_of_date: Callable[[str, bool], bool]) -> None:
        """Drop indexes of vectors, if there are any.

        Args:
            is_out_of_date: Says whether to drop an index, by its name and by whether it is valid.
        """

    def data_version(self) -> int:
        """Return a number that changes whenever another connection, here or elsewhere, has changed the catalog."""

    def snapshot_version(self, connection: Connection) -> int:
        """Return the `data_version` of what a connection of `reading` sees, or one before it."""

    def limit_log(self) -> None:
        """Return the disk space of a log that has become large; called after each write."""

    def vacuum(self, progress: ProgressCallback | None = None) -> None:
        """Return disk space if much was deleted; the caller holds the write lock.

        Args:
            progress: Called with the seconds that it has taken so far.
        """

    def size(self) -> int:
        """Return the size of the catalog on disk, in bytes."""

    def damages(self, connection: Connection) -> Iterator[tuple[str, str]]:
        """Yield what the database itself finds damaged, each with what to do about it."""


def open_database(place: Path | DatabaseUrl, *, create: bool, read_only: bool) -> Database:
    """Return the open database of a library; its schema may be of an earlier revision.

    Args:
        place: The library's folder, or the URL of the server that keeps it.
        create: Whether to create a missing library.
        read_only: Whether to write nothing.

    Raises:
        LibraryError: The library is missing, or is not a library.
        StorageError: The library cannot be read or created.
        MissingPackageError: The package for the server is not installed.
    """
    if isinstance(place, DatabaseUrl):
        return _on_server(place, create=create and not read_only)
    from indexer.catalog.sqlite.database import SqliteDatabase  # late: a process needs one of them

    return SqliteDatabase(place, create=create, read_only=read_only)


def exists(place: Path | DatabaseUrl) -> bool:
    """Return whether there is something at a library's place; on a server, a library."""
    if isinstance(place, Path):
        return place.exists()
    database = _on_server(place, create=True)  # which makes no schema yet
    try:
        return database.revision() is not None
    finally:
        database.close()


def _on_server(url: DatabaseUrl, *, create: bool) -> Database:
    try:
        from indexer.catalog.postgresql.database import PostgresDatabase  # late: an optional package
    except ImportError as error:
        raise MissingPackageError(
            f"the library {url} needs the package psycopg; run: pip install 'recall-photos[postgres]'"
        ) from error
    return PostgresDatabase(url, cache_base() / "libraries" / url.key, create=create)
