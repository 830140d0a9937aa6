"""Encodes queries, and finds the stored embedding of a photo that is a query."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexer.catalog.statements import items, sources
from indexer.catalog.statements.items import PhotoEmbedding
from indexer.encoders.base import Encoder
from indexer.errors import EncoderError, PictureError, QueryError
from indexer.store import Store
from indexer.types import Vectors, is_unchanged
from retrieval.query.encoded import EncodedQuery
from retrieval.query.part import Picture
from retrieval.query.private_words import photo_shares, text_vectors
from retrieval.query.query import Query

if TYPE_CHECKING:  # texts need no image library
    from indexer.images.workers.reader import PictureReader


def encode_query(query: Query, encoder: Encoder, *, store: Store) -> EncodedQuery:
    """Return a query with its vectors.

    A text that is too long for the encoder is truncated at a word, with a warning in the log.

    Args:
        query: The query.
        encoder: The encoder; to search a library it must be the library's.
        store: The library, which reads the pictures and whose private words may be in the texts.

    Raises:
        QueryError: A picture cannot be read.
        EncoderError: The encoder returns numbers that are not finite.
    """
    pixels = [_read_pixels(image, encoder, store.pictures) for image in query.images]
    texts = text_vectors(store, [*query.texts, *query.excluded], encoder)
    vectors, excluded = [texts[: len(query.texts)]], texts[len(query.texts) :]
    if pixels:
        vectors.append(encoder.encode_images(np.stack(pixels)))
    parts = np.concatenate(vectors)
    if not (np.isfinite(parts).all() and np.isfinite(excluded).all()):
        raise EncoderError(f"encoder {encoder.name!r} returns numbers that are not finite for this query")
    shares = [*photo_shares(store, query.texts), *(1.0 for _ in pixels)]
    return EncodedQuery(query, parts, shares, excluded)


def stored_query(store: Store, query: Query, photo: PhotoEmbedding) -> EncodedQuery | None:
    """Return a query of one photo with the photo's stored embedding; None if another process has just deleted that."""
    with store.locked_index() as index:
        try:
            vectors: Vectors = index.vectors(np.array([photo.embedding_id], dtype=np.int64))
        except KeyError:
            return None
    return EncodedQuery(query, vectors, [1.0])


def find_photo(store: Store, path: Path) -> tuple[PhotoEmbedding | None, bool]:
    """Return the embedding of an indexed photo, if it has one, and whether it is up to date.

    If the file is missing, for instance on a disk that is not connected, the catalog knows nothing newer.
    """
    encoder = store.encoder
    with store.reading() as connection:
        file = sources.canonical_path(connection, path)
        photo = items.embedding_of_path(connection, file, encoder.id) if encoder else None
    if photo is None:
        return None, False
    try:
        stat = Path(file).stat()
    except OSError:
        return photo, True
    return photo, is_unchanged(stat, photo.size, photo.mtime_ns)


def _read_pixels(
    image: Picture, encoder: Encoder, pictures: PictureReader
) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """Return a query picture preprocessed for the encoder, shape (size, size, 3)."""
    try:
        file = image.expanduser() if isinstance(image, Path) else image
        return pictures.pixels(file, preprocess=encoder.preprocess)
    except PictureError as error:
        name = image if isinstance(image, Path) else "the query picture"
        raise QueryError(f"{name} cannot be used as a query: {error}") from error
