"""Encodes queries, and finds the stored embedding of a photo that is a query."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexer.catalog.statements import items, sources
from indexer.catalog.statements.items import PhotoEmbedding
from indexer.encoders.base import Encoder
from indexer.errors import EncoderError, PictureError, QueryError, StorageError
from indexer.storage.item_files import stat_file
from indexer.store import Store
from indexer.types import Vectors, is_unchanged
from retrieval.query.encoded import EncodedQuery
from retrieval.query.part import Picture
from retrieval.query.private_words import photo_shares, text_vectors
from retrieval.query.query import Query
from retrieval.query.vector import QueryVector

if TYPE_CHECKING:  # texts need no image library
    from indexer.images.workers.reader import PictureReader


def encode_query(query: Query, encoder: Encoder | None, *, store: Store) -> EncodedQuery:
    """Return a query with its vectors; see `encode_queries`."""
    return encode_queries([query], encoder, store=store)[0]


def encode_queries(queries: Sequence[Query], encoder: Encoder | None, *, store: Store) -> list[EncodedQuery]:
    """Return queries with their vectors; all texts are encoded in one call, and all pictures in another.

    A text that is too long for the encoder is truncated at a word, with a warning in the log.

    Args:
        queries: The queries.
        encoder: The encoder; to search a library it must be the library's. None for queries of vectors alone.
        store: The library, which reads the pictures and whose private words may be in the texts.

    Raises:
        QueryError: A picture cannot be read, or a vector has another length than those of the library.
        EncoderError: The encoder returns numbers that are not finite.
    """
    for vector in (vector for query in queries for vector in query.vectors):
        _check_length(vector, store)
    texts, pictures = _no_vectors(), _no_vectors()
    if encoder is not None:
        pixels = [_read_pixels(image, encoder, store.pictures) for query in queries for image in query.images]
        texts = iter(text_vectors(store, [text for query in queries for text in _texts_of(query)], encoder))
        pictures = iter(encoder.encode_images(np.stack(pixels)) if pixels else ())
    encoded = []
    for query in queries:
        of_texts = [next(texts) for _ in query.texts]
        excluded = [next(texts) for _ in query.excluded]
        of_pictures = [next(pictures) for _ in query.images]
        of_vectors = [vector.array for vector in query.vectors]
        dim = len(of_vectors[0]) if encoder is None else encoder.dim
        parts = _stack([*of_texts, *of_pictures, *of_vectors], dim)
        if encoder is not None and not all(np.isfinite(vectors).all() for vectors in (parts, *excluded)):
            raise EncoderError(f"encoder {encoder.name!r} returns numbers that are not finite for this query")
        unknown = (math.nan for _ in query.vectors)
        shares = [*photo_shares(store, query.texts), *(1.0 for _ in query.images), *unknown]
        encoded.append(EncodedQuery(query, parts, shares, _stack(excluded, dim)))
    return encoded


def needs_encoder(query: Query) -> bool:
    """Return whether anything of a query must be encoded."""
    return bool(query.texts or query.images or query.excluded)


def _texts_of(query: Query) -> tuple[str, ...]:
    return (*query.texts, *query.excluded)


def _no_vectors() -> Iterator[Vectors]:
    return iter(())


def _stack(vectors: Sequence[Vectors], dim: int) -> Vectors:
    """Return vectors as rows, shape (n, dim)."""
    return np.stack(vectors) if vectors else np.empty((0, dim), dtype=np.float32)


def _check_length(vector: QueryVector, store: Store) -> None:
    encoder = store.encoder
    if encoder is not None and len(vector) != encoder.dim:
        raise QueryError(
            f"the query vector has {len(vector)} numbers; expected {encoder.dim}, as this library's encoder "
            f"{encoder.name!r} returns"
        )


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
        stat = stat_file(file)
    except (OSError, StorageError):
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
