"""Catalog and index opened together: one library on the disk, many readers and one writer at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from sqlalchemy import Connection

from indexer.catalog.filters.expression import Filter
from indexer.catalog.statements import items
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.errors import LibraryError
from indexer.store.database import Catalog
from indexer.types import Ids, Progress, ProgressCallback, isin_sorted
from indexer.vectors import new_index, read_index
from indexer.vectors.autotune.choice_file import read_choice, read_measurements
from indexer.vectors.base import VectorIndex, to_half
from indexer.vectors.gpu.index import GpuIndex
from indexer.vectors.gpu.select import backend_for
from indexer.vectors.index_file import StaleIndexError, write_index
from indexer.vectors.ivf_refined import ApproximateIndex, changed_share
from indexer.vectors.measurements import IndexChoice

logger = logging.getLogger(__name__)

VERIFIED_EMBEDDINGS = 256
"""Last embeddings of an index file that are held against the catalog: there a file of another catalog differs."""


class Store(Catalog):
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
        super().__init__(path, create=create)
        self._guard = threading.RLock()
        self.device = "cpu"  # where the encoder of queries runs; on "cuda" and "cuda:N" the vectors are searched too
        self._index: VectorIndex | None = None
        self._on_gpu: GpuIndex | None = None  # before `_index` as well, and changed in its place
        self._gpu = ""  # the device that it is on
        self._chosen: ApproximateIndex | None = None  # before `_index`, where it was measured to be faster
        self._choice: IndexChoice | None = None
        self._choice_stamp: tuple[int, int] | None = None  # of the file that it was read from
        self._indexed = ""  # fingerprint of the encoder whose embeddings it holds, or of that with its adapter
        self._watermark = 0
        self._held = 0  # embeddings up to the watermark at the last look, damaged ones included
        self._version = -1
        self._unsaved = False
        self.filter_cache: dict[Filter, Ids | None] = {}  # None: much; forgotten when the catalog changes

    def close(self) -> None:
        """Close the files, and give back the memory that the index takes."""
        with self._guard:
            self._index = self._on_gpu = self._chosen = self._choice = self._choice_stamp = None
            self.filter_cache.clear()
        super().close()

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
                self._choice_stamp = self._choice = self._chosen = self._on_gpu = None
                self._indexed, self._version, save = fingerprint, -1, True
            if version != self._version:
                self.filter_cache.clear()
                try:
                    changing = self._index if self._on_gpu is None else self._on_gpu
                    self._unsaved |= self._catch_up(changing, known, connection, progress)
                except BaseException:
                    self._index, self._version = None, -1  # it is neither the old one nor the new
                    raise
                self._take_choice(self._index)
                self._version = version
            if save and self._unsaved:
                self._save(self._index)
            return self._fastest(self._index)

    @contextmanager
    def locked_index(self) -> Iterator[VectorIndex]:
        """Give the index, in step with the catalog; no other thread changes it meanwhile."""
        with self._guard:
            yield self.index()

    def rebuild_index(self, progress: ProgressCallback | None = None) -> VectorIndex:
        """Throw the index away and make it again from the catalog."""
        with self._guard:
            self.delete_indexes(keep=())
            self._index, self._version = None, -1
            return self.index(save=True, progress=progress)

    def index_file(self, fingerprint: str) -> Path:
        """Return where the index of an encoder's embeddings is kept."""
        return self.path / f"index-{fingerprint[:16]}.faiss"

    def choice_file(self, fingerprint: str) -> Path:
        """Return where the index that was chosen by measurement is kept."""
        return self.path / f"index-{fingerprint[:16]}.lists"

    def delete_indexes(self, *, keep: Collection[str]) -> None:
        """Delete the index files of all fingerprints but some; should one be wanted again it is made again."""
        stems = {self.index_file(fingerprint).stem for fingerprint in keep}
        for file in self.path.glob("index-*"):
            if file.suffix in (".faiss", ".lists") and file.stem not in stems:
                file.unlink(missing_ok=True)

    def choice(self) -> tuple[IndexChoice, float] | None:
        """Return the index that was chosen by measurement and its drift; None where there is none that can be trusted.

        The drift is what was added and removed since, over what it was chosen for.
        """
        with self._guard:
            ids, choice = self.index().ids, self._choice
            return (
                None
                if choice is None
                else (choice, changed_share(ids, choice.watermark, choice.measurements[0].vectors))
            )

    def read_index_choice(self) -> IndexChoice | None:
        """Return what was chosen by the end of its file alone, without opening an index; None where that is damaged."""
        fingerprint = self.index_fingerprint
        try:
            return read_measurements(self.choice_file(fingerprint), fingerprint=fingerprint)
        except StaleIndexError:
            return None

    def invalidate_index_choice(self) -> None:
        """Have the next search look whether another index was chosen."""
        with self._guard:
            self._version = -1

    def _fastest(self, index: VectorIndex) -> VectorIndex:
        """Return what is searched: on a GPU where queries are encoded on one, else what was chosen, else the index."""
        if self._gpu != self.device:
            self._on_gpu, self._gpu = None, self.device
        if self.device.startswith("cuda"):
            if self._on_gpu is None:
                self._on_gpu = GpuIndex(index, partial(backend_for, self.device, index.dim))
            if self._on_gpu.fits:
                return self._on_gpu
        return self._chosen or index

    def _take_choice(self, index: VectorIndex) -> None:
        """Put what was chosen before the index, where that is new; a file that cannot be trusted is left alone."""
        file = self.choice_file(self._indexed)
        stamp = _stamp(file)
        if stamp == self._choice_stamp:
            return
        self._chosen, self._choice, self._choice_stamp = None, None, stamp
        if stamp is None:
            return
        try:
            self._choice, self._chosen = read_choice(file, index, fingerprint=self._indexed)
        except StaleIndexError as reason:
            logger.debug("everything is searched exactly: %s", reason)

    def _read(self, known: EncoderRecord, connection: Connection) -> tuple[VectorIndex, int]:
        try:
            fingerprint = self.index_fingerprint
            choice = self.read_index_choice()
            everything = choice is None or choice.measurements[0].kind == "exact"
            index, watermark = read_index(self.index_file(fingerprint), fingerprint=fingerprint, read_ahead=everything)
        except StaleIndexError as reason:
            logger.debug("the index is rebuilt: %s", reason)
            return new_index(known.dim), 0
        ids, vectors = items.last_embeddings(connection, known.id, known.dim, watermark, VERIFIED_EMBEDDINGS)
        held = isin_sorted(ids, index.ids).all()
        if held and np.array_equal(index.half_vectors(ids), to_half(self.apply_adapter(connection, ids, vectors))):
            return index, watermark
        logger.debug("the index is rebuilt: it is of a later catalog, this one may be a backup")
        return new_index(known.dim), 0

    def _catch_up(
        self, index: VectorIndex, known: EncoderRecord, connection: Connection, progress: ProgressCallback | None
    ) -> bool:
        """Bring an index in step with the catalog and return whether it changed."""
        held, newest = items.count_up_to(connection, known.id, self._watermark)
        changed = False
        if held != self._held:  # ids only disappear: an equal count means equal ids
            present = items.embedding_ids(connection, known.id)
            changed = index.remove(np.setdiff1d(index.ids, present, assume_unique=True)) > 0
        for ids, vectors, damaged in items.embeddings_after(connection, known.id, known.dim, self._watermark):
            if damaged:
                logger.warning("%d embeddings are damaged and left out; run: recall check", len(damaged))
            index.add(ids, self.apply_adapter(connection, ids, vectors))
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


def _stamp(file: Path) -> tuple[int, int] | None:
    """Return what tells a file from another at the same path, None where there is none."""
    try:
        facts = file.stat()
    except FileNotFoundError:
        return None
    return facts.st_ino, facts.st_mtime_ns
