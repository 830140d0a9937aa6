"""The database of a library on a server: one of its schemas, and a folder of this machine for derived files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import Connection

from indexer.catalog.postgresql import migrate, room, vector_indexes
from indexer.catalog.postgresql.connections import Connections
from indexer.catalog.postgresql.engine import storage_errors
from indexer.catalog.postgresql.lock import WriteLock, write_lock
from indexer.database_url import DatabaseUrl
from indexer.errors import LibraryError
from indexer.private_files import make_private_folder
from indexer.types import ProgressCallback


class PostgresDatabase(Connections):
    """The open database of a library on a server; see `indexer.catalog.database` for its methods."""

    is_shared = True
    longest_path = 2600  # an entry of an index has at most 2,704 bytes

    def __init__(self, url: DatabaseUrl, folder: Path, *, create: bool) -> None:
        """Open the database; see `open_database`."""
        self.folder = folder
        with storage_errors(url, folder):
            super().__init__(url)
            try:
                self._revision = self._read_revision(may_lack=create)
                make_private_folder(folder)
            except BaseException:
                self.close()
                raise

    @property
    def name(self) -> str:
        """The URL, which has no password."""
        return str(self.url)

    def errors(self) -> AbstractContextManager[None]:
        """Return a block that turns errors of the server and of this machine's disk into a StorageError with advice."""
        return storage_errors(self.url, self.folder)

    def revision(self) -> str | None:
        """Return the revision that the schema had when the library was opened; None if there were no tables yet."""
        return self._revision

    def upgrade(self, *, timeout: float) -> None:
        """Create or upgrade the schema, up to the newest revision."""
        with self.errors():
            if self._revision is None:
                with self.using() as engines:
                    migrate.create(engines.writer, self.url, timeout=timeout)
            else:
                with (
                    self.writing("upgrading the catalog", timeout=timeout, is_run=False, go_on=self.check_open),
                    self.transaction() as connection,
                ):
                    migrate.upgrade(connection)

    def writing(
        self, operation: str, *, timeout: float, is_run: bool, go_on: Callable[[], None]
    ) -> AbstractContextManager[WriteLock]:
        """Return a block that holds the write lock; the server releases it when this process ends."""
        return write_lock(
            self.url, operation, writer=self._writer, errors=self.errors, timeout=timeout, is_run=is_run, go_on=go_on
        )

    @contextmanager
    def making_index(self) -> Iterator[Connection]:
        """Yield a connection in a transaction that makes an index of vectors."""
        with self.using() as engines, vector_indexes.changing(engines) as connection:
            yield connection

    def drop_vector_indexes(self, is_out_of_date: Callable[[str, bool], bool]) -> None:
        """Drop indexes of vectors; see `vector_indexes.drop`."""
        with self.errors(), self.using() as engines:
            vector_indexes.drop(engines, is_out_of_date)

    def limit_log(self) -> None:
        """Do nothing: the server looks after its log."""

    def vacuum(self, progress: ProgressCallback | None = None) -> None:
        """Do nothing: the server frees space by itself."""

    def size(self) -> int:
        """Return the bytes of all tables, with their indexes and large values."""
        with self.reading() as connection:
            return room.size(connection)

    def damages(self, connection: Connection) -> Iterator[tuple[str, str]]:
        """Yield what is damaged in the database, each with what to do about it."""
        return room.damages(connection)

    def _read_revision(self, *, may_lack: bool) -> str | None:
        connection = self._version_connection
        revision = None if connection is None else migrate.read_revision(connection, self.url)
        if revision is None and not may_lack:
            raise LibraryError(f"there is no library at {self.url}; create one with: recall index FOLDER")
        return revision
