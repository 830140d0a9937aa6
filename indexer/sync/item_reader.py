"""What an item holds, as the encoder takes it: its picture from the decoders, its text cut into pieces."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from indexer.documents.chunking import Fits, split_text
from indexer.documents.text_file import MARKDOWN, read_text, text_format
from indexer.errors import FailureKind, ItemError, PictureError, TextError
from indexer.images import Photo
from indexer.sync.batch import BatchItem
from indexer.sync.spool import Work
from indexer.sync.table_rows import TableRow

MAX_CHUNKS = 50_000
"""Pieces that a text may have, since they are encoded and committed together: their vectors take 77 MB of memory with
`compact`, which reads some 70 characters of English at a time (1,017,580 gave 14,000 pieces)."""


def picture_of(step: Work) -> Path | None:
    """Return the file that the decoders read for a step, None where there is none."""
    file = step.file
    if isinstance(file, TableRow):
        return Path(file.picture) if file.picture is not None and file.problem is None else None
    return None if text_format(file.path) else Path(file.path)


def sidecar_of(step: Work) -> Path | None:
    """Return the XMP file that the decoders read with a picture, None where there is none."""
    return Path(step.file.sidecar) if step.file.sidecar else None


def read_item(
    step: Work, photo: Photo | PictureError | None, *, fits: Callable[[], Fits], max_bytes: int
) -> BatchItem | ItemError:
    """Return what an item holds, or why it cannot be indexed.

    Args:
        step: What is to be done.
        photo: What the decoders made of its picture, None where it has none.
        fits: Gives the encoder's; called for texts alone.
        max_bytes: Limit of text files.
    """
    try:
        if isinstance(step.file, TableRow):
            return _row(step, step.file, photo, fits)
        if isinstance(photo, PictureError):
            return photo
        if photo is not None:
            return BatchItem(step, photo)
        document = read_text(Path(step.file.path), max_bytes=max_bytes)
        chunks = split_text(document.text, fits(), markdown=document.format == MARKDOWN)
        return BatchItem(step, document=document, chunks=_bounded(chunks))
    except TextError as error:
        return error


def _row(
    step: Work, row: TableRow, photo: Photo | PictureError | None, fits: Callable[[], Fits]
) -> BatchItem | ItemError:
    if row.problem is not None:
        return row.problem
    if isinstance(photo, PictureError):
        return PictureError(photo.kind, f"its picture {os.path.basename(row.picture or '')}: {photo}")
    chunks = [chunk for text in row.texts for chunk in split_text(text, fits())]
    return BatchItem(step, photo, chunks=_bounded(chunks))


def _bounded(chunks: list[str]) -> tuple[str, ...]:
    if len(chunks) > MAX_CHUNKS:
        message = f"its text is cut into {len(chunks):,} pieces, more than {MAX_CHUNKS:,}; split it"
        raise TextError(FailureKind.TOO_LARGE, message)
    return tuple(chunks)
