"""A library on disk: catalog and index together, with many readers and one writer at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import Connection

from indexer.catalog.filters.expression import Filter
from indexer.catalog.statements import items
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.config import Settings
from indexer.database_url import DatabaseUrl
from indexer.errors import LibraryError, StorageError
from indexer.forking import keep_for_parent
from indexer.store.index_files import IndexFiles, id_of_file
from indexer.store.stored_pictures import ItemPictures
from indexer.types import FilterMatches, Progress, ProgressCallback
from indexer.vectors.autotune.choice_file import read_choice
from indexer.vectors.base import MutableIndex, VectorIndex
from indexer.vectors.gpu.index import GpuIndex
from indexer.vectors.gpu.select import backend_for
from indexer.vectors.index_file import StaleIndexError
from indexer.vectors.ivf_refined import ApproximateIndex, changed_share
from indexer.vectors.measurements import IndexChoice

if TYPE_CHECKING:
    from indexer.images.workers.reader import PictureReader

logger = logging.getLogger(__name__)


class Store(IndexFiles):
    """A library: its catalog, and index files in its folder that are derived from it."""

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
        super().__init__(place, create=create, read_only=read_only)
        self._index_lock = threading.RLock()
        self.settings = Settings(place)  # limits of `pictures`
        self._pictures: PictureReader | None = None
        self._pictures_lock = threading.Lock()
        self.item_pictures = ItemPictures(self, lambda source: self.pictures.picture(source)[0])
        self.device = "cpu"  # of the encoder for queries; with "cuda" and "cuda:N" the GPU searches the vectors too
        self._index: MutableIndex | None = None
        self._gpu_index: GpuIndex | None = None  # wraps `_index`; changes go through it
        self._gpu_device = ""
        self._approximate_index: ApproximateIndex | None = None  # wraps `_index`; searched if measured to be faster
        self._choice: IndexChoice | None = None
        self._choice_file_id: tuple[int, int] | None = None
        self._loaded_fingerprint = ""  # `index_fingerprint` of `_index`
        self._watermark = 0
        self._count = 0  # embeddings in the catalog up to the watermark at the last update, damaged ones included
        self._loaded_version = -1
        self._is_unsaved = False
        self.filter_cache: dict[Filter, FilterMatches] = {}  # cleared with each change

    def close(self) -> None:
        """Close the files, free the memory of the index, and end the processes that read pictures."""
        self.refuse()
        with self._pictures_lock:
            pictures, self._pictures = self._pictures, None
        if pictures is not None:
            pictures.close()
        with self._index_lock:
            self._index = self._gpu_index = self._approximate_index = self._choice = self._choice_file_id = None
            self.filter_cache.clear()
        super().close()

    def after_fork_in_child(self) -> None:
        """Forget the index, which another thread of the parent may have been changing; its file is mapped again."""
        super().after_fork_in_child()
        self._index_lock, self._pictures_lock = threading.RLock(), threading.Lock()
        keep_for_parent(self._index, self._gpu_index, self._approximate_index)
        self._index = self._gpu_index = self._approximate_index = self._choice = self._choice_file_id = None
        self._gpu_device, self._loaded_version, self._is_unsaved = "", -1, False
        self.filter_cache = {}

    @property
    def pictures(self) -> PictureReader:
        """What reads single pictures, such as those of queries, in processes of its own until `close`."""
        from indexer.images import Limits  # late, like the next: searching for words needs no image library
        from indexer.images.workers.reader import PictureReader

        with self._pictures_lock:
            if self._pictures is None:
                limits = Limits(max_pixels=self.settings.max_pixels, max_bytes=self.settings.max_bytes)
                self._pictures = PictureReader(
                    limits=limits, timeout=self.settings.timeout, in_threads=not self.settings.decoders
                )
            return self._pictures

    def index(self, *, save: bool = False, progress: ProgressCallback | None = None) -> VectorIndex:
        """Return the up-to-date index of the library's embeddings.

        An index file that is behind catches up; a missing, torn or foreign one is rebuilt.

        Args:
            save: Whether to write a file that was only behind; a rebuilt one is always written if possible.
            progress: Called with the number of embeddings read so far.
        """
        encoder, in_server = self._required_encoder(), self.server_choice()
        if in_server is not None:
            return self.server_index(encoder, in_server)
        return self.index_in_memory(save=save, progress=progress)

    def index_in_memory(self, *, save: bool = False, progress: ProgressCallback | None = None) -> VectorIndex:
        """Return the up-to-date index of this machine, whichever searches use; see `index`."""
        encoder = self._required_encoder()
        with self._index_lock:
            if self._index is not None and not save and self._is_up_to_date():
                return self._fastest(self._index)
            with self.reading() as connection:
                version = self.database.snapshot_version(connection)
                return self._updated_index(encoder, connection, version, save=save, progress=progress)

    def _required_encoder(self) -> EncoderRecord:
        """Return the library's encoder.

        Raises:
            LibraryError: The library is empty.
        """
        encoder = self.encoder
        if encoder is None:
            raise LibraryError(f"{self.name} holds nothing yet; run: recall index FOLDER")
        return encoder

    def _is_up_to_date(self) -> bool:
        """Return whether nothing was written since the index was updated."""
        is_same = self.database.data_version() == self._loaded_version
        return is_same and self._loaded_fingerprint == self.index_fingerprint

    def _updated_index(
        self,
        encoder: EncoderRecord,
        connection: Connection,
        version: int,
        *,
        save: bool = False,
        progress: ProgressCallback | None = None,
    ) -> VectorIndex:
        """Return the index after an update from a connection; the caller holds its lock.

        Args:
            encoder: The library's encoder.
            connection: Sees the catalog as it was when `version` was read, or later.
            version: The catalog's `data_version`.
            save: See `index`.
            progress: See `index`.
        """
        fingerprint = self.index_fingerprint
        if self._index is None or self._loaded_fingerprint != fingerprint:
            self._index, self._watermark = self.read_index_file(encoder, connection)
            self._count = len(self._index)
            self._choice_file_id = self._choice = self._approximate_index = self._gpu_index = None
            self._loaded_fingerprint, self._loaded_version, save = fingerprint, -1, True
        if version != self._loaded_version:
            self.filter_cache.clear()
            try:
                index = self._index if self._gpu_index is None else self._gpu_index
                self._is_unsaved |= self._catch_up(index, encoder, connection, progress)
            except BaseException:
                self._index, self._loaded_version = None, -1  # half updated
                raise
            self._load_choice(self._index)
            self._loaded_version = version
        if save and self._is_unsaved:
            self.write_index_file(self._index, fingerprint, self._watermark)
            self._is_unsaved = not self.can_write_files
        return self._fastest(self._index)

    @contextmanager
    def searching(self) -> Iterator[tuple[VectorIndex, Connection]]:
        """Yield the index and a connection to the catalog, which see the same state of it.

        No other thread changes the index meanwhile. Whoever read the catalog later than the index would miss items that
        were replaced in between: their old vectors are no longer in the catalog, and the new ones not yet in the index.
        """
        encoder, in_server = self._required_encoder(), self.server_choice()
        if in_server is not None:
            self.release_index()
            with self.searching_in_server(encoder, in_server) as found:
                yield found
            return
        with self._index_lock, self.reading() as connection:
            version = self.database.snapshot_version(connection)
            if self._index is not None and self._is_up_to_date():
                index = self._fastest(self._index)
            else:
                self._loaded_version = -1  # a commit after `version` was read is one that the connection sees
                index = self._updated_index(encoder, connection, version)
            yield index, connection

    def release_index(self) -> None:
        """Free the memory of the index of this machine, which was chosen before."""
        if self._index is not None:
            with self._index_lock:
                self._index = self._gpu_index = self._approximate_index = self._choice = self._choice_file_id = None

    @contextmanager
    def locked_index(self) -> Iterator[VectorIndex]:
        """Yield the up-to-date index, which no other thread changes meanwhile."""
        if self.server_choice() is not None:
            with self.searching() as (index, _):
                yield index
            return
        with self._index_lock:
            yield self.index()

    def rebuild_index(self, progress: ProgressCallback | None = None) -> VectorIndex:
        """Delete the index files, and return an index rebuilt from the catalog."""
        with self._index_lock:
            self.delete_indexes(keep=())
            self._index, self._loaded_version = None, -1
            return self.index(save=True, progress=progress)

    def choice(self) -> tuple[IndexChoice, float] | None:
        """Return the index chosen by measurement and the share of embeddings changed since; None without a valid one.

        The share is the number of embeddings added and removed since, divided by the number at the time of the choice.
        """
        in_server = self.server_choice()
        if in_server is not None:
            return in_server, 0.0  # to count takes long, and the server brings its index up to date itself
        with self._index_lock:
            ids, choice = self.index().ids, self._choice
            if choice is None:
                return None
            return choice, changed_share(ids, choice.watermark, choice.measurements[0].vectors)

    def invalidate_index_choice(self) -> None:
        """Make the next search read the index choice again."""
        with self._index_lock:
            self._loaded_version = -1

    def _fastest(self, index: MutableIndex) -> VectorIndex:
        """Return the index to search: that of the GPU if queries run there, else the chosen one, else the exact one."""
        if self._gpu_device != self.device:
            self._gpu_index, self._gpu_device = None, self.device
        if self.device.startswith("cuda"):
            if self._gpu_index is None:
                self._gpu_index = GpuIndex(index, partial(backend_for, self.device, index.dim))
            if self._gpu_index.fits:
                return self._gpu_index
        return self._approximate_index or index

    def _load_choice(self, index: MutableIndex) -> None:
        """Load the chosen index if its file is new; an invalid file is ignored."""
        file = self.choice_file(self._loaded_fingerprint)
        file_id = id_of_file(file)
        if file_id == self._choice_file_id:
            return
        self._approximate_index, self._choice, self._choice_file_id = None, None, file_id
        if file_id is None:
            return
        try:
            self._choice, self._approximate_index = read_choice(file, index, fingerprint=self._loaded_fingerprint)
        except StaleIndexError as reason:
            logger.debug("the exact index is searched: %s", reason)

    def _catch_up(
        self, index: MutableIndex, encoder: EncoderRecord, connection: Connection, progress: ProgressCallback | None
    ) -> bool:
        """Update an index from the catalog and return whether it changed."""
        count, newest = items.count_up_to(connection, encoder.id, self._watermark)
        has_changed = False
        if count != self._count:  # no ids are added up to the watermark: an equal count means equal ids
            current = items.embedding_ids(connection, encoder.id)
            has_changed = index.remove(np.setdiff1d(index.ids, current, assume_unique=True)) > 0
        for ids, vectors, damaged in items.embeddings_after(connection, encoder.id, encoder.dim, self._watermark):
            if damaged:  # without them another answer would be right
                raise StorageError(
                    f"the catalog of {self.name} has damaged embeddings ({len(damaged)} or more); run: recall check "
                    "--repair, then recall index"
                )
            index.add(ids, self.apply_adapter(connection, ids, vectors))
            count += len(ids) + len(damaged)
            has_changed = True
            if progress:
                progress(Progress("building the index", len(index)))
        self._count = count
        self._watermark = newest  # not the highest ever seen: a restored backup assigns the same ids again
        return has_changed
