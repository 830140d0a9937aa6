"""A batch: the items that are encoded and committed together."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from indexer.documents.text_file import Document
from indexer.encoders.base import is_unit_length
from indexer.errors import FailureKind, ItemError
from indexer.images import Photo
from indexer.sync.spool import Work
from indexer.sync.steps import Reread
from indexer.sync.table_rows import TableRow
from indexer.types import Pixels, Vectors, file_of


@dataclass(frozen=True, slots=True)
class BatchItem:
    """The content of an item.

    Attributes:
        step: The step for the item.
        photo: Its picture; None for a text file and for a row without a picture.
        document: A text file's content, None for other items.
        chunks: Its text, in chunks that fit the encoder.
    """

    step: Work
    photo: Photo | None = None
    document: Document | None = None
    chunks: tuple[str, ...] = ()

    @property
    def picture_path(self) -> str:
        """The path of its picture."""
        file = self.step.file
        return file_of(file.path, file.picture if isinstance(file, TableRow) else None)


@dataclass(slots=True)
class Batch:
    """Items that are encoded and committed together, and the failures among them.

    Attributes:
        items: The items that were read.
        failures: Items that could not be read or encoded, and why.
        rereads: Photos of which only the metadata is written; None for one that cannot be read now.
        picture_rows: Row of each picture in `pixels`, by its path; rows of a table may share a picture.
        chunk_count: Number of chunks of all items.
    """

    items: list[BatchItem] = field(default_factory=list)
    failures: list[tuple[Work, ItemError]] = field(default_factory=list)
    rereads: list[tuple[Reread, Photo | None]] = field(default_factory=list)
    picture_rows: dict[str, int] = field(default_factory=dict)
    chunk_count: int = 0

    def __len__(self) -> int:
        return len(self.items) + len(self.failures) + len(self.rereads)

    def add(self, item: BatchItem) -> None:
        """Add an item."""
        self.items.append(item)
        if item.photo is not None:
            self.picture_rows.setdefault(item.picture_path, len(self.picture_rows))
        self.chunk_count += len(item.chunks)

    def pixels(self) -> Pixels:
        """Return the distinct pictures, shape (n, size, size, 3)."""
        photos = {item.picture_path: item.photo for item in self.items if item.photo is not None}
        return np.stack([photos[path].pixels for path in self.picture_rows])

    def item_vectors(self, picture_vectors: Vectors) -> Vectors:
        """Return the vectors of items with a picture, shape (p, d), given those of the pictures, shape (n, d)."""
        return picture_vectors[[self.picture_rows[item.picture_path] for item in self.items if item.photo is not None]]

    def texts(self) -> list[str]:
        """Return the chunks of all items."""
        return [chunk for item in self.items for chunk in item.chunks]

    def drop_unusable(self, photos: Vectors, texts: Vectors) -> tuple[Vectors, Vectors]:
        """Move items whose vectors are not unit vectors to the failures; return the vectors of the others.

        Args:
            photos: The vectors of items with a picture, shape (p, d).
            texts: The vectors of chunks, shape (t, d).
        """
        photo_ends = np.cumsum([item.photo is not None for item in self.items])
        text_ends = np.cumsum([0, *(len(item.chunks) for item in self.items)])
        usable_photos, usable_texts = is_unit_length(photos), is_unit_length(texts)
        usable = []
        for number, item in enumerate(self.items):
            text_rows = slice(text_ends[number], text_ends[number + 1])
            photo_rows = slice(photo_ends[number] - (item.photo is not None), photo_ends[number])
            is_usable = bool(usable_photos[photo_rows].all() and usable_texts[text_rows].all())
            usable_photos[photo_rows], usable_texts[text_rows] = is_usable, is_usable
            if is_usable:
                usable.append(item)
            else:
                error = ItemError(FailureKind.ENCODER, "the encoder returns no usable vector for it")
                self.failures.append((item.step, error))
        self.items = usable
        return photos[usable_photos], texts[usable_texts]
