"""The database of a library in a folder: `catalog.db`, and the lock files next to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from sqlalchemy import Connection, text

from indexer.catalog.sqlite import migrate, room
from indexer.catalog.sqlite.connections import Connections
from indexer.catalog.sqlite.engine import storage_errors
from indexer.catalog.sqlite.folder import check_folder
from indexer.catalog.sqlite.lock import WriteLock, write_lock
from indexer.errors import StorageError
from indexer.private_files import make_empty_file, make_private_folder, total_size
from indexer.types import ProgressCallback


class SqliteDatabase(Connections):
    """The open database of a library in a folder; see `indexer.catalog.database` for its methods."""

    is_shared = False
    longest_path = None

    def __init__(self, folder: Path, *, create: bool, read_only: bool) -> None:
        """Open the database; see `open_database`."""
        self.folder = folder
        catalog = folder / "catalog.db"
        with storage_errors(folder):
            try:
                check_folder(folder, catalog, create=create and not read_only)
            except PermissionError as error:
                reason = f"{folder} cannot be read ({error.strerror}); its owner can grant that: chmod -R a+rX {folder}"
                raise StorageError(reason) from error
            if not catalog.exists():
                make_private_folder(folder)
                with suppress(FileExistsError):  # another process was faster
                    make_empty_file(catalog)
            super().__init__(catalog, read_only=read_only)

    @property
    def name(self) -> str:
        """The folder."""
        return str(self.folder)

    def errors(self) -> AbstractContextManager[None]:
        """Return a block that turns errors of the database and the disk into a StorageError with advice."""
        return storage_errors(self.folder)

    def revision(self) -> str | None:
        """Return the revision of the schema; None if there are no tables yet.

        Raises:
            LibraryError: The database has tables of another program, or what Recall did not make.
        """
        with self.using() as engine:
            return migrate.read_revision(engine)

    def upgrade(self, *, timeout: float) -> None:
        """Create or upgrade the schema, up to the newest revision."""
        with (
            write_lock(self.folder, "upgrading the catalog", timeout=timeout),
            self.errors(),
            self.using() as engine,
        ):
            migrate.upgrade(engine)

    def writing(
        self, operation: str, *, timeout: float, is_run: bool, go_on: Callable[[], None]
    ) -> AbstractContextManager[WriteLock]:
        """Return a block that holds the write lock; the operating system releases it when the process ends."""
        return write_lock(self.folder, operation, timeout=timeout, is_run=is_run, go_on=go_on)

    def snapshot_version(self, connection: Connection) -> int:
        """Return the `data_version` of what a connection of `reading` sees, or one before it."""
        version = self.data_version()
        connection.exec_driver_sql("PRAGMA schema_version")  # the first read decides what the connection sees
        return version

    def making_index(self) -> AbstractContextManager[Connection]:
        """Return a transaction; nothing in Recall makes an index of vectors here."""
        return self.transaction()

    def drop_vector_indexes(self, is_out_of_date: Callable[[str, bool], bool]) -> None:
        """Do nothing: indexes of vectors are files."""

    def limit_log(self) -> None:
        """Truncate the write-ahead log if its file has become large."""
        with self.using() as engine:
            room.checkpoint_wal(engine, self._catalog)

    def vacuum(self, progress: ProgressCallback | None = None) -> None:
        """Return disk space if much was deleted; the caller holds the write lock."""
        with self.using() as engine:
            room.vacuum(engine, progress)

    def size(self) -> int:
        """Return the size of the catalog's files, in bytes."""
        return total_size(self.folder.glob("catalog.db*"))

    def damages(self, connection: Connection) -> Iterator[tuple[str, str]]:
        """Yield what SQLite finds damaged in the file, each with what to do about it."""
        for (result,) in connection.execute(text("PRAGMA integrity_check")).all():
            if result != "ok":
                yield result, "restore catalog.db from a backup, or index into a new library"
