"""An open catalog: connections, the write lock, cached reads and the library's encoder."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
from sqlalchemy import Connection

from indexer.catalog.database import WriteLock, open_database
from indexer.catalog.migrate import HEAD, check_revision
from indexer.catalog.statements import encoders, items, versions
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.config import DEFAULT_WAIT
from indexer.database_url import DatabaseUrl
from indexer.encoders.adapter import Adapter, adapted_fingerprint
from indexer.encoders.base import Encoder
from indexer.encoders.trust import trust
from indexer.errors import LibraryError, StorageError
from indexer.forking import ForkSafe, watch_forks
from indexer.store.encoder_match import check_encoder
from indexer.types import Ids, Modality, ProgressCallback, Vectors

T = TypeVar("T")

_UPGRADE_TIMEOUT_SECONDS = 10.0
"""Seconds that opening waits for another process that creates or upgrades the same catalog."""

_ABANDONED_SECONDS = 600.0
"""Seconds after which nobody goes on writing an unfinished file; one that is written changes all the time."""


class Catalog(ForkSafe):
    """A library's catalog; the base class of `Store`, which adds the index."""

    def __init__(self, place: Path | DatabaseUrl, *, create: bool, read_only: bool = False) -> None:
        """Open a library, upgrading an older schema.

        Args:
            place: The library's folder, or its URL.
            create: Whether to create a missing library.
            read_only: Whether to write nothing: no catalog, no schema upgrade and no index file.

        Raises:
            LibraryError: The library is missing, is not a library, or has a newer version.
            StorageError: The library cannot be read or created.
        """
        self.read_only = read_only
        self.wait = DEFAULT_WAIT  # for other writers
        self.database = open_database(place, create=create, read_only=read_only)
        self.path, self.name = self.database.folder, self.database.name
        with self.errors():
            try:
                self._upgrade()
            except BaseException:
                self.database.close()
                raise
        Catalog.after_fork_in_child(self)  # which makes what a process does not share
        watch_forks(self)

    def after_fork_in_child(self) -> None:
        """Forget what other threads of the parent may have been changing."""
        self._cache_lock = threading.Lock()
        self._cache: dict[Hashable, Any] = {}
        self._cache_version = -1
        self._run_lock: WriteLock | None = None
        self._thread = threading.local()

    def _upgrade(self) -> None:
        """Upgrade the schema to the newest revision; if it is current, that takes one query."""
        revision = self.database.revision()
        check_revision(revision)
        if revision != HEAD and self.read_only:
            raise StorageError(
                f"{self.name} was written by an earlier version of Recall; upgrade it once, for instance with: recall "
                "status"
            )
        if revision != HEAD:
            try:
                self.database.upgrade(timeout=_UPGRADE_TIMEOUT_SECONDS)
            except StorageError as error:
                if not revision:  # the catalog is new
                    raise
                raise StorageError(
                    f"{self.name} was written by an earlier version of Recall and cannot be upgraded here ({error}); "
                    "open it once where it can be written, or open a copy"
                ) from error

    @property
    def picture_folder(self) -> Path | None:
        """The folder with the files of large stored pictures; None if the database has all pictures."""
        return None if self.database.is_shared else self.path

    @property
    def can_write_files(self) -> bool:
        """Whether index files and the like may be written: not to the folder of a library that is only read."""
        return self.database.is_shared or not self.read_only

    @property
    def writes_of_thread(self) -> int:
        """How often this thread has begun to write; what did not write can be done again."""
        return getattr(self._thread, "writes", 0)

    def check_open(self) -> None:
        """Raise LibraryClosedError if the library is closed."""
        self.database.check_open()

    def refuse(self) -> None:
        """Let every further use raise LibraryClosedError; what is in use stays open until `close`."""
        self.database.refuse()

    def close(self) -> None:
        """Close the database."""
        with self.errors():
            self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def errors(self) -> AbstractContextManager[None]:
        """Return a block that turns errors of the database and the disk into a StorageError with advice."""
        return self.database.errors()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection whose reads all see the same state of the catalog."""
        with self.errors(), self.database.reading() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection whose changes are committed together at the end, or rolled back on an error."""
        self._thread.writes = self.writes_of_thread + 1
        with self.errors(), self.database.transaction() as connection:
            yield connection

    @contextmanager
    def writing(self, operation: str, *, is_run: bool = False, wait: float | None = None) -> Iterator[None]:
        """Hold the library's write lock; the operating system releases it when the process ends.

        Args:
            operation: What the lock is for ("indexing"); another writer's error message names it.
            is_run: Whether it is for a long run, of which there is one at a time; its batches may be followed by
                `let_others_write`.
            wait: Seconds to wait for another writer; None takes the attribute `wait`.

        Raises:
            LibraryLockedError: Another writer holds the lock.
            LibraryError: The library was opened for reading only.
        """
        self.check_open()
        if self.read_only:
            raise LibraryError(f"{self.name} was opened for reading only; open it without read_only=True to write")
        timeout = self.wait if wait is None else wait
        self._thread.writes = self.writes_of_thread + 1
        with self.database.writing(operation, timeout=timeout, is_run=is_run, go_on=self.check_open) as lock:
            self._delete_abandoned()
            self._run_lock = lock if is_run else self._run_lock
            try:
                yield
            finally:
                self._run_lock = None if is_run else self._run_lock
            with self.errors():
                self.database.limit_log()

    def _delete_abandoned(self) -> None:
        """Delete what a process that was killed while it saved an index has left; readers save one without the lock."""
        for part in self.path.glob("*.part"):
            with suppress(OSError):
                if time.time() - part.stat().st_mtime > _ABANDONED_SECONDS:
                    part.unlink()

    def let_others_write(self) -> None:
        """Let small writes in between two batches of a run; outside of one, do nothing.

        What the run knows of the catalog may have changed afterwards.
        """
        if self._run_lock is not None:
            self._run_lock.let_others_write()

    def vacuum(self, progress: ProgressCallback | None = None) -> None:
        """Return disk space if much was deleted; the caller holds the write lock.

        Args:
            progress: Called with the seconds that it has taken so far.
        """
        with self.errors():
            self.database.vacuum(progress)

    @property
    def encoder(self) -> EncoderRecord | None:
        """The library's active encoder; None if nothing is indexed yet."""
        return self.cached("encoder", encoders.active_encoder)

    @property
    def adapter(self) -> Adapter | None:
        """The active adapter, if any; the catalog stores embeddings without it."""
        return self.cached("adapter", _active_adapter)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the encoder for queries, with its adapter; "" if nothing is indexed yet."""
        encoder, adapter = self.encoder, self.adapter
        if encoder is None:
            return ""
        return encoder.fingerprint if adapter is None else adapted_fingerprint(encoder.fingerprint, adapter)

    @property
    def index_fingerprint(self) -> str:
        """The fingerprint of the vectors in the index, which an adapter for queries alone does not change."""
        encoder, adapter = self.encoder, self.adapter
        if encoder is None or adapter is None or not adapter.changes_index:
            return encoder.fingerprint if encoder else ""
        return adapted_fingerprint(encoder.fingerprint, adapter)

    def apply_adapter(self, connection: Connection, ids: Ids, vectors: Vectors) -> Vectors:
        """Return embeddings as the index stores them, transformed by the active adapter, shape (n, d).

        Args:
            connection: Open connection to the catalog.
            ids: Ids of the embeddings, shape (n,).
            vectors: Embeddings as the catalog stores them, shape (n, d).
        """
        adapter = self.adapter
        if adapter is None or not adapter.changes_index or not len(ids):
            return vectors
        photos = items.ids_of_kind(connection, ids.tolist(), Modality.PHOTO)
        return adapter.adapt(vectors, np.array([id_ in photos for id_ in ids.tolist()]))

    def cached(self, key: Hashable, read: Callable[[Connection], T]) -> T:
        """Return the result of `read`, which runs again only after the catalog has changed.

        Args:
            key: Key of the result in the cache.
            read: Reads the result from the catalog.
        """
        with self._cache_lock:
            version = self.database.data_version()  # before the read: a commit in between only causes another read
            if version != self._cache_version:
                self._cache.clear()
                self._cache_version = version
            if key not in self._cache:
                with self.reading() as connection:
                    self._cache[key] = read(connection)
            value: T = self._cache[key]
            return value

    def bind_encoder(self, encoder: Encoder) -> EncoderRecord:
        """Return the library's record of an encoder; the first encoder becomes the library's.

        Raises:
            EncoderMismatchError: The library has embeddings of another encoder.
        """
        record = self.encoder
        if record is not None:
            check_encoder(record, encoder)
            if record.name == encoder.name:
                return record
        trust(encoder.name)
        with self.transaction() as connection:
            return encoders.set_active_encoder(
                connection,
                name=encoder.name,
                fingerprint=encoder.fingerprint,
                dim=encoder.dim,
                preprocess=encoder.preprocess,
            )


def _active_adapter(connection: Connection) -> Adapter | None:
    weights = versions.active_weights(connection)
    return None if weights is None else Adapter.from_bytes(weights)
