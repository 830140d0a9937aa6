"""From what is asked to vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from indexer.catalog.statements import items, sources
from indexer.catalog.statements.items import PhotoEmbedding
from indexer.config import Settings
from indexer.encoders.base import Encoder, to_unit_length
from indexer.errors import EncoderError, PictureError, QueryError
from indexer.store import Store
from indexer.types import Vectors, is_unchanged
from retrieval.query.private_words import text_vectors
from retrieval.query.query import Picture, Query

CANCELLED = 1e-3
"""Parts whose weighted sum is shorter than this share of their weights cancel out: what is left is rounding (float16
gives a unit vector an error of up to 2**-11)."""


def encode_query(query: Query, encoder: Encoder, settings: Settings, *, store: Store) -> Vectors:
    """Return one unit vector per part of a query, texts first, shape (p, d).

    A text that is longer than the encoder reads is cut at a word, and a warning says so.

    Args:
        query: Texts and pictures.
        encoder: Its vectors must be those of the library.
        settings: Limits of the pictures.
        store: The library, whose private words may stand in the texts.

    Raises:
        QueryError: A picture cannot be read.
        EncoderError: The encoder gives no usable vector.
    """
    pixels = [_pixels(image, encoder, settings) for image in query.images]
    vectors = [text_vectors(store, query.texts, encoder)]
    if pixels:
        vectors.append(encoder.encode_images(np.stack(pixels)))
    found = np.concatenate(vectors)
    if not np.isfinite(found).all():
        raise EncoderError(f"encoder {encoder.name!r} gives numbers that are too large, or none, for this query")
    return found


def combine_parts(parts: Vectors, weights: Sequence[float]) -> Vectors:
    """Return the query's vector, shape (d,), unit length: the weighted sum of the parts, see `Query`.

    Args:
        parts: Unit vectors, shape (p, d).
        weights: One for each part, (p,).

    Raises:
        QueryError: The parts cancel out.
    """
    factors = np.asarray(weights, dtype=np.float32)  # (p,)
    total = factors @ parts  # (d,)
    if np.linalg.norm(total) <= CANCELLED * np.abs(factors).sum():
        raise QueryError("the parts of the query cancel out; leave one of them out, or give it another weight")
    query: Vectors = to_unit_length(total[None])[0]
    return query


def own_embedding(store: Store, path: Path) -> tuple[PhotoEmbedding | None, bool]:
    """Return the embedding of a photo of the library, and whether its file is as it was indexed."""
    known = store.encoder
    with store.reading() as connection:
        place = sources.canonical_path(connection, path)
        found = items.embedding_of_path(connection, place, known.id) if known else None
    if found is None:
        return None, False
    try:
        facts = Path(place).stat()
    except OSError:
        return found, False
    return found, is_unchanged(facts, found.size, found.mtime_ns)


def stored_vector(store: Store, embedding_id: int) -> Vectors | None:
    """Return an embedding, shape (1, d), or None where another process has just removed it."""
    with store.locked_index() as index:
        try:
            return index.vectors(np.array([embedding_id], dtype=np.int64))
        except KeyError:
            return None


def _pixels(
    image: Picture, encoder: Encoder, settings: Settings
) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """Return a query picture as the encoder reads it, shape (size, size, 3)."""
    from indexer.images import Limits, read_pixels  # late: words need no picture library

    limits = Limits(max_pixels=settings.max_pixels, max_bytes=settings.max_bytes)
    try:
        return read_pixels(image, preprocess=encoder.preprocess, limits=limits)
    except PictureError as error:
        name = image if isinstance(image, Path) else "the query picture"
        raise QueryError(f"{name} cannot be used as a query: {error}") from error
