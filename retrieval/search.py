"""From a query to hits: query vectors, candidates, filter, exact scores, order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from sqlalchemy import Connection

from indexer.catalog import queries, sources
from indexer.catalog.queries import Filters, FoundItem
from indexer.config import Settings
from indexer.encoders.base import Encoder, normalized
from indexer.errors import PictureError, QueryError
from indexer.store import Store
from indexer.types import Ids, Vectors
from indexer.vectors.base import score
from retrieval.query import Picture, Query


@dataclass(frozen=True, slots=True)
class TermScore:
    """What one part of a query has to do with a hit: the cosine of the two, -1 to 1."""

    term: str
    score: float


@dataclass(frozen=True, slots=True)
class Hit:
    """One result.

    Attributes:
        item_id: The item in the catalog.
        unit_id: The unit of it that was found.
        path: Where its file is.
        score: Cosine of query and unit, -1 to 1, higher is better. Text and picture queries have different scales:
            for `compact` a good match scores about .3 for words and .7 for a picture.
        why: The cosine with each part of the query.
        format: File format, for instance "JPEG".
        width: Pixels across, upright.
        height: Pixels down, upright.
        taken_at: When it was taken, local time of the camera.
        taken_from: "exif", or "file" where only the file's own time is known.
        latitude: Degrees, north positive.
        longitude: Degrees, east positive.
        camera: Maker and model.
    """

    item_id: int
    unit_id: int
    path: Path
    score: float
    why: tuple[TermScore, ...]
    format: str | None
    width: int | None
    height: int | None
    taken_at: datetime | None
    taken_from: str | None
    latitude: float | None
    longitude: float | None
    camera: str | None

    def to_dict(self) -> dict[str, object]:
        """Return the hit as values that json can write."""
        return {
            "path": str(self.path),
            "score": round(self.score, 6),
            "why": [{"term": part.term, "score": round(part.score, 6)} for part in self.why],
            "item_id": self.item_id,
            "unit_id": self.unit_id,
            "format": self.format,
            "width": self.width,
            "height": self.height,
            "taken_at": self.taken_at.isoformat() if self.taken_at else None,
            "taken_from": self.taken_from,
            "latitude": self.latitude,
            "longitude": self.longitude,
            "camera": self.camera,
        }


def check_count(k: int) -> None:
    """Refuse a number of results below 1; apart, so that it can be done before an encoder is loaded.

    Raises:
        QueryError: k is below 1.
    """
    if k < 1:
        raise QueryError(f"{k} results were asked for; expected at least 1")


def encode_query(query: Query, encoder: Encoder, settings: Settings) -> Vectors:
    """Return one unit vector per part of a query, texts first, shape (p, d).

    Args:
        query: Texts and pictures.
        encoder: Its vectors must be those of the library.
        settings: Limits of the pictures.

    Raises:
        QueryError: A picture cannot be read.
    """
    pixels = [_pixels(image, encoder, settings) for image in query.images]
    vectors = [encoder.encode_texts(list(query.texts))]
    if pixels:
        vectors.append(encoder.encode_images(np.stack(pixels)))
    return np.concatenate(vectors)


def own_embedding(store: Store, path: Path) -> tuple[int | None, bool]:
    """Return the embedding id of a photo of the library, and whether its file is as it was indexed."""
    known = store.encoder
    with store.reading() as connection:
        place = sources.known_place(connection, path)
        found = queries.embedding_of_path(connection, place, known.id) if known else None
    if found is None:
        return None, False
    try:
        facts = Path(place).stat()
    except OSError:
        return found[1], False
    return found[1], (found[0].size, found[0].mtime_ns) == (facts.st_size, facts.st_mtime_ns)


def stored_vector(store: Store, embedding_id: int) -> Vectors | None:
    """Return an embedding, shape (1, d), or None where another process has just removed it."""
    with store.searching() as index:
        try:
            return index.vectors(np.array([embedding_id], dtype=np.int64))
        except KeyError:
            return None


def search(
    store: Store, terms: Sequence[str], parts: Vectors, *, k: int, filters: Filters, leave_out: int | None = None
) -> list[Hit]:
    """Return the k best items, best first, equal scores by item id.

    Args:
        store: The library.
        terms: A name for each part of the query.
        parts: Unit vectors of the parts, shape (p, d); their sum, scaled to unit length, is the query.
        k: Results wanted, at least 1.
        filters: Which items may be returned.
        leave_out: An embedding that is not returned: the query's own.

    Raises:
        QueryError: k is below 1, or the parts cancel out.
    """
    check_count(k)
    query = normalized(parts.sum(axis=0, keepdims=True))  # (1, d)
    if not query.any():
        raise QueryError("the parts of the query cancel out; leave one of them out")
    with store.searching() as index, store.reading() as connection:
        if not len(index):
            return []
        wanted = min(k + (leave_out is not None), len(index))
        nearest = index.search(query, wanted, allowed=_allowed(store, connection, filters))
        kept = (nearest.ids[0] != -1) & (nearest.ids[0] != leave_out)
        ids, scores = nearest.ids[0][kept][:k], nearest.scores[0][kept][:k]
        vectors = index.vectors(ids)  # (n, d)
        found = queries.found_items(connection, ids.tolist())
    hits = [
        _hit(found[id_], float(value), terms, score(vector, parts))
        for id_, value, vector in zip(ids.tolist(), scores, vectors, strict=True)
        if id_ in found
    ]
    return sorted(hits, key=lambda hit: (-hit.score, hit.item_id))


def _allowed(store: Store, connection: Connection, filters: Filters) -> Ids | None:
    """Return the embeddings that pass the filters, ascending; None where there are no filters."""
    known = store.encoder
    if known is None or filters == Filters():
        return None
    return queries.embedding_ids(connection, known.id, filters)


def _hit(item: FoundItem, value: float, terms: Sequence[str], why: Vectors) -> Hit:
    return Hit(
        item_id=item.item_id,
        unit_id=item.unit_id,
        path=Path(item.path),
        score=value,
        why=tuple(TermScore(term, float(part)) for term, part in zip(terms, why, strict=True)),
        format=item.format,
        width=item.width,
        height=item.height,
        taken_at=item.taken_at,
        taken_from=item.taken_from,
        latitude=item.latitude,
        longitude=item.longitude,
        camera=item.camera,
    )


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
