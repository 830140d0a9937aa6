"""Catalog and index opened together: one library on the disk, many readers and one writer at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
from sqlalchemy import Connection

from indexer.catalog import encoders, queries, versions
from indexer.catalog.encoders import KnownEncoder
from indexer.catalog.engine import open_engine, storage_errors
from indexer.catalog.filters import Filter
from indexer.catalog.locking import locked
from indexer.catalog.migrate import HEAD, refuse_newer, revision, upgrade
from indexer.encoders.adapter import Adapter, adapted_fingerprint
from indexer.encoders.base import Encoder, split_precision
from indexer.errors import EncoderMismatchError, LibraryError
from indexer.types import Ids, Modality, Progress, ProgressCallback, Vectors
from indexer.vectors import new_index, read_index
from indexer.vectors.base import VectorIndex, as_stored
from indexer.vectors.files import StaleIndexError, write_index

T = TypeVar("T")

logger = logging.getLogger(__name__)

COMPARED = 256
"""Last embeddings of an index file that are held against the catalog: there a file of another catalog differs."""

UPGRADE_SECONDS = 10.0
"""How long opening waits for another process that is making or upgrading the same catalog."""


class Store:
    """A library's folder: `catalog.db`, the truth, and index files, which are derived from it."""

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
        self._guard = threading.RLock()
        self._remembering = threading.Lock()
        self._remembered: dict[Hashable, Any] = {}
        self._remembered_version = -1
        self._index: VectorIndex | None = None
        self._indexed = ""  # fingerprint of the encoder whose embeddings it holds, or of that with its adapter
        self._watermark = 0
        self._held = 0  # embeddings up to the watermark at the last look, damaged ones included
        self._version = -1
        self._unsaved = False
        self.kept: dict[Filter, Ids | None] = {}  # None: much; forgotten when the catalog changes

    def _upgrade(self) -> None:
        """Bring the schema to the newest revision; a current one costs one query."""
        found = revision(self._engine)
        refuse_newer(found)
        if found != HEAD:
            with locked(self.path, "upgrading the catalog", seconds=UPGRADE_SECONDS):
                upgrade(self._engine)

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
        with locked(self.path, what, seconds=0):
            for part in self.path.glob("*.part"):
                part.unlink(missing_ok=True)  # a writer was killed while it saved an index
            yield

    @property
    def encoder(self) -> KnownEncoder | None:
        """The encoder whose embeddings the library holds; None while nothing was indexed."""
        return self.remembered("encoder", encoders.active_encoder)

    @property
    def adapter(self) -> Adapter | None:
        """What was learnt from judgements and is active; the catalog's embeddings are those without it."""
        return self.remembered("adapter", _active_adapter)

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

    def adapted(self, connection: Connection, ids: Ids, vectors: Vectors) -> Vectors:
        """Return embeddings of the catalog as the index has them, shape (n, d).

        Args:
            connection: Of the catalog.
            ids: Of the embeddings, shape (n,).
            vectors: As the catalog has them, shape (n, d).
        """
        adapter = self.adapter
        if adapter is None or not adapter.changes_index or not len(ids):
            return vectors
        photos = queries.of_kind(connection, ids.tolist(), Modality.PHOTO)
        return adapter.mixed(vectors, np.array([id_ in photos for id_ in ids.tolist()]))

    def remembered(self, what: Hashable, read: Callable[[Connection], T]) -> T:
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

    def bind(self, encoder: Encoder) -> KnownEncoder:
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

    def index(self, *, save: bool = False, progress: ProgressCallback | None = None) -> VectorIndex:
        """Return the index over the library's embeddings, in step with the catalog.

        A file that is behind catches up; one that is missing, torn or of another encoder is rebuilt.

        Args:
            save: Write the file although it was only behind; one that was rebuilt is always written, where it can be.
            progress: Told how many embeddings were read.
        """
        known = self.encoder
        if known is None:
            raise LibraryError(f"{self.path} holds nothing yet; run: recall index FOLDER")
        with self._guard, self.reading() as connection:
            version = self._data_version()
            fingerprint = self.index_fingerprint
            if self._index is None or self._indexed != fingerprint:
                self._index, self._watermark = self._read(known, connection)
                self._held = len(self._index)
                self._indexed, self._version, save = fingerprint, -1, True
            if version != self._version:
                self.kept.clear()
                try:
                    self._unsaved |= self._catch_up(self._index, known, connection, progress)
                except BaseException:
                    self._index, self._version = None, -1  # it is neither the old one nor the new
                    raise
                self._version = version
            if save and self._unsaved:
                self._save(self._index)
            return self._index

    @contextmanager
    def searching(self) -> Iterator[VectorIndex]:
        """Give the index, in step with the catalog; no other thread changes it meanwhile."""
        with self._guard:
            yield self.index()

    def rebuild_index(self, progress: ProgressCallback | None = None) -> VectorIndex:
        """Throw the index away and make it again from the catalog."""
        with self._guard:
            for file in self.path.glob("index-*.faiss"):
                file.unlink()
            self._index, self._version = None, -1
            return self.index(save=True, progress=progress)

    def index_file(self, fingerprint: str) -> Path:
        """Return where the index of an encoder's embeddings is kept."""
        return self.path / f"index-{fingerprint[:16]}.faiss"

    def _read(self, known: KnownEncoder, connection: Connection) -> tuple[VectorIndex, int]:
        try:
            fingerprint = self.index_fingerprint
            index, watermark = read_index(self.index_file(fingerprint), fingerprint=fingerprint)
        except StaleIndexError as reason:
            logger.debug("the index is rebuilt: %s", reason)
            return new_index(known.dim), 0
        ids, vectors = queries.last_embeddings(connection, known.id, known.dim, watermark, COMPARED)
        held = np.isin(ids, index.ids).all()
        if held and np.array_equal(index.stored(ids), as_stored(self.adapted(connection, ids, vectors))):
            return index, watermark
        logger.debug("the index is rebuilt: it is of a later catalog, this one may be a backup")
        return new_index(known.dim), 0

    def _catch_up(
        self, index: VectorIndex, known: KnownEncoder, connection: Connection, progress: ProgressCallback | None
    ) -> bool:
        """Bring an index in step with the catalog and return whether it changed."""
        held, newest = queries.extent(connection, known.id, self._watermark)
        changed = False
        if held != self._held:  # ids only disappear: an equal count means equal ids
            present = queries.embedding_ids(connection, known.id)
            changed = index.remove(np.setdiff1d(index.ids, present, assume_unique=True)) > 0
        for ids, vectors, damaged in queries.embeddings_after(connection, known.id, known.dim, self._watermark):
            if damaged:
                logger.warning("%d embeddings are damaged and left out; run: recall check", len(damaged))
            index.add(ids, self.adapted(connection, ids, vectors))
            held += len(ids) + len(damaged)
            changed = True
            if progress:
                progress(Progress("building the index", len(index)))
        self._held = held
        self._watermark = newest  # not the highest ever seen: a restored backup gives the same ids again
        return changed

    def _save(self, index: VectorIndex) -> None:
        try:
            write_index(index, self.index_file(self._indexed), fingerprint=self._indexed, watermark=self._watermark)
        except OSError as error:
            logger.warning("the index was not saved and will be made again next time: %s", error)
        self._unsaved = False

    def _data_version(self) -> int:
        cursor = self._watch.cursor()
        try:
            return int(cursor.execute("PRAGMA data_version").fetchone()[0])
        finally:
            cursor.close()


def _active_adapter(connection: Connection) -> Adapter | None:
    weights = versions.active_weights(connection)
    return None if weights is None else Adapter.from_bytes(weights)


def check_encoder_name(known: KnownEncoder, name: str) -> None:
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


def check_encoder(known: KnownEncoder, encoder: Encoder) -> None:
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
