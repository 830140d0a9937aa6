"""Reads an item's content: its picture from the decoders, its text as chunks."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from indexer.documents.chunking import Fits, split_text
from indexer.documents.text_file import MARKDOWN, read_text, text_format
from indexer.errors import FailureKind, ItemError, PictureError, TextError
from indexer.images import Photo
from indexer.object_path import file_path
from indexer.sync.batch import BatchItem
from indexer.sync.spool import Work
from indexer.sync.table_rows import TableRow

MAX_CHUNKS = 50_000
"""Chunks of an item, at most, because they are encoded and committed together. With `compact`, which reads some 70
characters of English (1,017,580 characters gave 14,000 chunks), their embeddings take 77 MB of memory."""


def picture_path(step: Work) -> Path | None:
    """Return the picture that a step's decoder reads, None without one."""
    file = step.file
    if isinstance(file, TableRow):
        return file_path(file.picture) if file.picture is not None and file.problem is None else None
    return None if text_format(file.path) else file_path(file.path)


def sidecar_paths(step: Work) -> tuple[Path, ...]:
    """Return the sidecars that are read with a step's picture."""
    return tuple(map(file_path, step.file.sidecars))


def read_item(
    step: Work, photo: Photo | PictureError | None, *, fits: Callable[[], Fits], max_bytes: int
) -> BatchItem | ItemError:
    """Return an item's content, or why it cannot be indexed.

    Args:
        step: The step for the item.
        photo: The decoder's result, None if the item has no picture.
        fits: Returns the encoder's `fits`; called only for items with text.
        max_bytes: Size limit of text files.
    """
    try:
        if isinstance(step.file, TableRow):
            return _read_row(step, step.file, photo, fits)
        if isinstance(photo, PictureError):
            return photo
        if photo is not None:
            return BatchItem(step, photo)
        document = read_text(file_path(step.file.path), max_bytes=max_bytes)
        chunks = split_text(document.text, fits(), markdown=document.format == MARKDOWN)
        return BatchItem(step, document=document, chunks=check_chunk_count(chunks))
    except TextError as error:
        return error


def _read_row(
    step: Work, row: TableRow, photo: Photo | PictureError | None, fits: Callable[[], Fits]
) -> BatchItem | ItemError:
    if row.problem is not None:
        return row.problem
    if isinstance(photo, PictureError):
        return PictureError(photo.kind, f"its picture {os.path.basename(row.picture or '')}: {photo}")
    chunks = [chunk for text in row.texts for chunk in split_text(text, fits())]
    return BatchItem(step, photo, chunks=check_chunk_count(chunks))


def check_chunk_count(chunks: list[str]) -> tuple[str, ...]:
    """Return the chunks of an item.

    Raises:
        TextError: There are more than `MAX_CHUNKS`.
    """
    if len(chunks) > MAX_CHUNKS:
        message = f"its text has {len(chunks):,} chunks, more than {MAX_CHUNKS:,}; split it"
        raise TextError(FailureKind.TOO_LARGE, message)
    return tuple(chunks)
