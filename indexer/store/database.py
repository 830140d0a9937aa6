"""A library's catalog, open: connections, the write lock, and the encoder that it is for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
from sqlalchemy import Connection

from indexer.catalog import vacuum
from indexer.catalog.engine import open_engine, storage_errors
from indexer.catalog.locking import write_lock
from indexer.catalog.migrate import HEAD, check_revision, read_revision, upgrade
from indexer.catalog.statements import encoders, items, versions
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.encoders.adapter import Adapter, adapted_fingerprint
from indexer.encoders.base import Encoder
from indexer.encoders.names import split_precision
from indexer.errors import EncoderMismatchError, LibraryError, StorageError
from indexer.types import Ids, Modality, ProgressCallback, Vectors

T = TypeVar("T")

UPGRADE_TIMEOUT_SECONDS = 10.0
"""How long opening waits for another process that is making or upgrading the same catalog."""


class Catalog:
    """The part of a `Store` that holds the catalog."""

    def __init__(self, path: Path, *, create: bool) -> None:
        """Open a library, upgrading its schema where that is older.

        Args:
            path: The library's folder.
            create: Make it where it is missing.

        Raises:
            LibraryError: It is missing, is no library, or is of a newer version.
            StorageError: It cannot be read, or not be made.
        """
        self.path = path
        catalog = path / "catalog.db"
        _check_place(path, catalog, create=create)
        with storage_errors(path):
            path.mkdir(parents=True, exist_ok=True)
            self._engine = open_engine(catalog)
            try:
                self._upgrade()
                self._watch = self._engine.raw_connection()  # sees the commits of all others by `data_version`
            except BaseException:
                self._engine.dispose()
                raise
        self._remembering = threading.Lock()
        self._remembered: dict[Hashable, Any] = {}
        self._remembered_version = -1

    def _upgrade(self) -> None:
        """Bring the schema to the newest revision; a current one costs one query."""
        found = read_revision(self._engine)
        check_revision(found)
        if found != HEAD:
            try:
                with (
                    write_lock(self.path, "upgrading the catalog", timeout=UPGRADE_TIMEOUT_SECONDS),
                    storage_errors(self.path),
                ):
                    upgrade(self._engine)
            except StorageError as error:
                if not found:  # there was none yet
                    raise
                raise StorageError(
                    f"{self.path} is of an earlier version of Recall and has to be upgraded, which cannot be done here "
                    f"({error}); open it once where it can be written, or open a copy"
                ) from error

    def close(self) -> None:
        """Close the files."""
        self._watch.close()
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the catalog."""
        with storage_errors(self.path), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a connection whose changes are committed together at the end, or not at all."""
        with storage_errors(self.path), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self, what: str) -> Iterator[None]:
        """Hold the library's write lock; it falls with the process, however that ends.

        Args:
            what: What is being done, for the error that another writer gets.

        Raises:
            LibraryLockedError: Another process holds it.
        """
        with write_lock(self.path, what, timeout=0):
            for part in self.path.glob("*.part"):
                part.unlink(missing_ok=True)  # a writer was killed while it saved an index
            yield
            with storage_errors(self.path):
                vacuum.checkpoint_wal(self._engine, self.path / "catalog.db")

    def vacuum(self, progress: ProgressCallback | None = None) -> None:
        """Give room back to the disk where much was deleted; the write lock must be held.

        Args:
            progress: Told that it goes on.
        """
        with storage_errors(self.path):
            vacuum.vacuum(self._engine, progress)

    @property
    def encoder(self) -> EncoderRecord | None:
        """The encoder whose embeddings the library holds; None while nothing was indexed."""
        return self.cached("encoder", encoders.active_encoder)

    @property
    def adapter(self) -> Adapter | None:
        """What was learnt from judgements and is active; the catalog's embeddings are those without it."""
        return self.cached("adapter", _active_adapter)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the encoder that queries need, with its adapter; "" while nothing was indexed."""
        known, adapter = self.encoder, self.adapter
        if known is None:
            return ""
        return known.fingerprint if adapter is None else adapted_fingerprint(known.fingerprint, adapter)

    @property
    def index_fingerprint(self) -> str:
        """That of the vectors in the index: an adapter for queries alone leaves them as they are."""
        known, adapter = self.encoder, self.adapter
        if known is None or adapter is None or not adapter.changes_index:
            return known.fingerprint if known else ""
        return adapted_fingerprint(known.fingerprint, adapter)

    def apply_adapter(self, connection: Connection, ids: Ids, vectors: Vectors) -> Vectors:
        """Return embeddings of the catalog as the index has them, shape (n, d).

        Args:
            connection: Of the catalog.
            ids: Of the embeddings, shape (n,).
            vectors: As the catalog has them, shape (n, d).
        """
        adapter = self.adapter
        if adapter is None or not adapter.changes_index or not len(ids):
            return vectors
        photos = items.ids_of_kind(connection, ids.tolist(), Modality.PHOTO)
        return adapter.adapt(vectors, np.array([id_ in photos for id_ in ids.tolist()]))

    def cached(self, what: Hashable, read: Callable[[Connection], T]) -> T:
        """Return what `read` gives; it is asked once for each state of the catalog, since every search asks the same.

        Args:
            what: Names it.
            read: Reads it.
        """
        with self._remembering:
            version = self._data_version()  # before it is read: what is newer is read once more
            if version != self._remembered_version:
                self._remembered.clear()
                self._remembered_version = version
            if what not in self._remembered:
                with self.reading() as connection:
                    self._remembered[what] = read(connection)
            found: T = self._remembered[what]
            return found

    def bind_encoder(self, encoder: Encoder) -> EncoderRecord:
        """Return the library's record of this encoder; the first one becomes the library's own.

        Raises:
            EncoderMismatchError: The library holds embeddings of another.
        """
        known = self.encoder
        if known is not None:
            check_encoder(known, encoder)
            if known.name == encoder.name:
                return known
        with self.transaction() as connection:
            return encoders.set_active_encoder(
                connection,
                name=encoder.name,
                fingerprint=encoder.fingerprint,
                dim=encoder.dim,
                preprocess=encoder.preprocess,
            )

    def _data_version(self) -> int:
        cursor = self._watch.cursor()
        try:
            return int(cursor.execute("PRAGMA data_version").fetchone()[0])
        finally:
            cursor.close()


def _active_adapter(connection: Connection) -> Adapter | None:
    weights = versions.active_weights(connection)
    return None if weights is None else Adapter.from_bytes(weights)


def check_encoder_name(known: EncoderRecord, name: str) -> None:
    """Refuse an encoder of another name before it is loaded or even downloaded.

    A folder may have been moved or copied, so that of two folders only the fingerprints can tell.

    Raises:
        EncoderMismatchError: The library holds embeddings of another.
    """
    alike = all(each.startswith("local-dir:") for each in (known.name, name))
    if known.name != name and not (alike and split_precision(known.name)[1] == split_precision(name)[1]):
        raise EncoderMismatchError(
            f"this library was indexed with encoder {known.name!r} but {name!r} was asked for; leave out --encoder, or "
            f"change the library's encoder: recall encoder use {name}"
        )


def check_encoder(known: EncoderRecord, encoder: Encoder) -> None:
    """Refuse an encoder whose vectors must not meet those of the library.

    Raises:
        EncoderMismatchError: The library holds embeddings of another.
    """
    check_encoder_name(known, encoder.name)
    if known.fingerprint != encoder.fingerprint:
        raise EncoderMismatchError(
            f"encoder {encoder.name!r} is not the one that this library was indexed with (fingerprint "
            f"{encoder.fingerprint[:8]}, expected {known.fingerprint[:8]}): have its files changed? Put the old ones "
            f"back, or run: recall encoder use {encoder.name}"
        )


def _check_place(path: Path, catalog: Path, *, create: bool) -> None:
    if path.exists() and not path.is_dir():
        raise LibraryError(f"{path} is a file; expected the folder of a library, for instance photos.recall")
    if catalog.exists():
        return
    if not create:
        raise LibraryError(f"there is no library at {path}; make one with: recall index FOLDER")
    if path.is_dir() and any(entry.name not in ("write.lock", "writer.json") for entry in path.iterdir()):
        raise LibraryError(f"{path} holds other files and no library; name a new folder, for instance photos.recall")
