"""What is encoded and committed together."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from indexer.documents.text_file import Document
from indexer.errors import FailureKind, ItemError
from indexer.images import Photo
from indexer.sync.spool import Work
from indexer.sync.table_rows import TableRow
from indexer.types import Pixels, Vectors, file_of


@dataclass(frozen=True, slots=True)
class BatchItem:
    """An item that was read.

    Attributes:
        step: What was to be done.
        photo: Its picture; a text and a row without one have none.
        document: What was read of a text file.
        chunks: Its text in pieces that the encoder reads to their end.
    """

    step: Work
    photo: Photo | None = None
    document: Document | None = None
    chunks: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where its picture is."""
        file = self.step.file
        return file_of(file.path, file.picture if isinstance(file, TableRow) else None)


@dataclass(slots=True)
class Batch:
    """Items that are encoded and committed together, and the failures among them.

    Attributes:
        entries: The items.
        failed: What could not be read, or not be encoded, and why.
        pictures: Place of each picture among those to be encoded: rows of a table may share one.
        chunks: Pieces of text that were taken in.
    """

    entries: list[BatchItem] = field(default_factory=list)
    failed: list[tuple[Work, ItemError]] = field(default_factory=list)
    pictures: dict[str, int] = field(default_factory=dict)
    chunks: int = 0

    def __len__(self) -> int:
        return len(self.entries) + len(self.failed)

    def add(self, entry: BatchItem) -> None:
        """Take in an item."""
        self.entries.append(entry)
        if entry.photo is not None:
            self.pictures.setdefault(entry.place, len(self.pictures))
        self.chunks += len(entry.chunks)

    def pixels(self) -> Pixels:
        """Return all pictures, each once, in one array, shape (n, size, size, 3)."""
        photos = {entry.place: entry.photo for entry in self.entries if entry.photo is not None}
        return np.stack([photos[place].pixels for place in self.pictures])

    def of_each(self, vectors: Vectors) -> Vectors:
        """Return the vector of each item's picture, shape (p, d), from those of the pictures, shape (n, d)."""
        return vectors[[self.pictures[entry.place] for entry in self.entries if entry.photo is not None]]

    def texts(self) -> list[str]:
        """Return all pieces of text."""
        return [chunk for entry in self.entries for chunk in entry.chunks]

    def refuse(self, photos: Vectors, texts: Vectors) -> tuple[Vectors, Vectors]:
        """Return the vectors of usable items, shape (p, d) and (t, d), after moving the others to the failures.

        Args:
            photos: One vector per item with a picture.
            texts: One vector per piece of text.
        """
        photo_rows = np.cumsum([entry.photo is not None for entry in self.entries])
        text_rows = np.cumsum([0, *(len(entry.chunks) for entry in self.entries)])
        good_photos, good_texts = _usable(photos), _usable(texts)
        kept = []
        for place, entry in enumerate(self.entries):
            mine = slice(text_rows[place], text_rows[place + 1])
            photo = slice(photo_rows[place] - (entry.photo is not None), photo_rows[place])
            good = bool(good_photos[photo].all() and good_texts[mine].all())
            good_photos[photo], good_texts[mine] = good, good
            if good:
                kept.append(entry)
            else:
                error = ItemError(FailureKind.ENCODER, "the encoder gives no usable vector for it")
                self.failed.append((entry.step, error))
        self.entries = kept
        return photos[good_photos], texts[good_texts]


def _usable(vectors: Vectors) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which rows are unit vectors, shape (n,)."""
    usable: np.ndarray[tuple[int], np.dtype[np.bool_]] = np.isfinite(vectors).all(axis=1) & (
        np.abs(np.linalg.norm(vectors, axis=1) - 1) < 1e-2
    )
    return usable
