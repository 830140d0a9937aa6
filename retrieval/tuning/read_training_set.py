"""Read the training set from a library: its judgements, with the plain embeddings of queries and judged units."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from indexer.catalog.statements import items
from indexer.catalog.statements import judgements as statements
from indexer.catalog.statements.items import VECTOR_DTYPE
from indexer.catalog.statements.judgements import JudgedUnit, Judgement
from indexer.catalog.statements.units import unit_contents
from indexer.encoders.base import Encoder, to_unit_length
from indexer.errors import QueryError
from indexer.store import Store
from indexer.types import Ids, Modality, Vectors
from retrieval.feedback.stored_query import query_from_parts, query_name
from retrieval.query.embed import encode_query
from retrieval.tuning.training_set import TrainingSet

logger = logging.getLogger(__name__)

MAX_UNJUDGED = 5000
"""Size of the sample of unjudged units: enough to contain hard negatives for any query; 8 MB at 384 dimensions."""


@dataclass(slots=True)
class JudgementStats:
    """How many judgements are in the training set, and why others are not.

    Attributes:
        judgements: Number of all judgements.
        used: Judgements in the training set.
        contradicted: Judgements overruled by a later one of the same query and file.
        missing: Judgements whose file is no longer in the library.
        not_examined: Bad hits shown below every good hit, which the user may not have looked at.
        queries_left_out: Queries without a good hit, or with a picture that can no longer be read.
    """

    judgements: int = 0
    used: int = 0
    contradicted: int = 0
    missing: int = 0
    not_examined: int = 0
    queries_left_out: int = 0

    def to_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


class _JudgedQuery(NamedTuple):
    """A query with its embeddings and the latest verdicts on its hits.

    Attributes:
        name: The query in words, for people.
        query_text: The text of a query that consists of one text, else "".
        text: Weighted sum of its text embeddings, shape (d,).
        image: The same of its pictures, shape (d,).
        units: The judged units, each with whether it is good.
    """

    name: str
    query_text: str
    text: Vectors
    image: Vectors
    units: list[tuple[JudgedUnit, bool]]


class _UnjudgedSample(NamedTuple):
    """A random sample of m units that nobody judged.

    Attributes:
        vectors: Their embeddings, shape (m, d), unit length.
        are_photos: Whether each is a photo, shape (m,).
        unit_ids: Their ids, length m.
    """

    vectors: Vectors
    are_photos: NDArray[np.bool_]
    unit_ids: list[int]


def read_training_set(store: Store, encoder: Encoder) -> tuple[TrainingSet, JudgementStats]:
    """Return the training set of all judgements, and counts of what is in it.

    Only the latest of several verdicts on the same query and file counts. A bad hit of an impression counts only if a
    good hit was shown below it or directly above it; see `select_examined`. Judgements without an impression always
    count. A query without a good hit is left out.

    Args:
        store: The library.
        encoder: Its encoder, without an adapter.
    """
    stats = JudgementStats()
    with store.reading() as connection:
        reader = _Reader(connection, store, encoder, stats)
        groups = _group_by_query(statements.judgements(connection), stats).values()
        queries = [query for group in groups if (query := reader.judged_query(group)) is not None]
        judged_ids = {unit.unit_id for query in queries for unit, _ in query.units}
        unjudged = reader.sample_unjudged(judged_ids)
        contents = unit_contents(connection, [*judged_ids, *unjudged.unit_ids])
    rows = [(number, unit, is_good) for number, query in enumerate(queries) for unit, is_good in query.units]
    stats.used = len(rows)
    empty = np.empty((0, encoder.dim), dtype=np.float32)
    return TrainingSet(
        names=tuple(query.name for query in queries),
        texts=np.stack([query.text for query in queries]) if queries else empty,
        images=np.stack([query.image for query in queries]) if queries else empty,
        owners=np.array([number for number, _, _ in rows], dtype=np.int64),
        units=to_unit_length(np.stack([_vector(unit) for _, unit, _ in rows])) if rows else empty,
        are_photos=np.array([unit.kind == Modality.PHOTO for _, unit, _ in rows], dtype=np.bool_),
        good=np.array([is_good for _, _, is_good in rows], dtype=np.bool_),
        unjudged=unjudged.vectors,
        unjudged_are_photos=unjudged.are_photos,
        query_texts=tuple(query.query_text for query in queries),
        files=tuple(contents[unit.unit_id].path for _, unit, _ in rows),
        unjudged_files=tuple(contents[unit_id].path for unit_id in unjudged.unit_ids),
    ), stats


def _group_by_query(judgements: Iterable[Judgement], stats: JudgementStats) -> dict[int, list[Judgement]]:
    """Return the latest judgement of each query and file, by query id.

    Args:
        judgements: Oldest first.
        stats: Its counts of judgements are updated.
    """
    latest: dict[tuple[int, str], Judgement] = {}
    for judgement in judgements:
        stats.judgements += 1
        earlier = latest.pop((judgement.query_id, judgement.path), None)
        stats.contradicted += earlier is not None and earlier.is_good != judgement.is_good
        latest[judgement.query_id, judgement.path] = judgement
    groups: dict[int, list[Judgement]] = {}
    for judgement in latest.values():
        groups.setdefault(judgement.query_id, []).append(judgement)
    return groups


def select_examined(group: Sequence[Judgement]) -> list[Judgement]:
    """Return the judgements of one query without bad hits that the user may not have looked at.

    A bad hit counts if a good hit of the same impression is below it or directly above it, or if it was judged outside
    an impression. Hits after the last good one may not have been looked at.
    """
    good_positions: dict[int | None, list[int]] = {}
    for judgement in group:
        if judgement.is_good and judgement.position is not None:
            good_positions.setdefault(judgement.impression_id, []).append(judgement.position)
    return [judgement for judgement in group if judgement.is_good or _was_examined(judgement, good_positions)]


def _was_examined(bad: Judgement, good_positions: Mapping[int | None, Sequence[int]]) -> bool:
    position = bad.position
    return position is None or any(
        good > position or good == position - 1 for good in good_positions.get(bad.impression_id, ())
    )


class _Reader:
    """Reads judged queries and unjudged units in one transaction."""

    def __init__(self, connection: Connection, store: Store, encoder: Encoder, stats: JudgementStats) -> None:
        self._connection, self._store, self._encoder = connection, store, encoder
        self._stats = stats
        self._encoder_id = None if store.encoder is None else store.encoder.id

    def judged_query(self, group: Sequence[Judgement]) -> _JudgedQuery | None:
        """Return a query with its judged units, or None if it has no good one or cannot be embedded."""
        if self._encoder_id is None:
            return None
        examined = select_examined(group)
        self._stats.not_examined += len(group) - len(examined)
        query, name = query_from_parts(group[0].parts), query_name(group[0].parts)
        try:
            parts = encode_query(query, self._encoder, store=self._store).vectors
        except QueryError as error:
            logger.warning("the query %s is left out: %s", name, error)
            self._stats.queries_left_out += 1
            return None
        weighted = np.asarray(query.weights, dtype=np.float32)[:, None] * parts  # (p, d)
        text, image = weighted[: len(query.texts)].sum(axis=0), weighted[len(query.texts) :].sum(axis=0)
        units: list[tuple[JudgedUnit, bool]] = []
        for judgement in examined:
            unit = self._nearest_unit(judgement, self._encoder_id, text + image)
            if unit is None:
                self._stats.missing += 1
            else:
                units.append((unit, judgement.is_good))
        if not any(is_good for _, is_good in units):
            self._stats.queries_left_out += 1
            return None
        is_one_text = len(query.texts) == 1 and not query.images and query.weights[0] > 0
        return _JudgedQuery(name, query.texts[0] if is_one_text else "", text, image, units)

    def _nearest_unit(self, judgement: Judgement, encoder_id: int, query: Vectors) -> JudgedUnit | None:
        """Return the unit of the judged item that is nearest to the query, or None if the item is gone."""
        units = [
            unit
            for unit in statements.judged_units(self._connection, encoder_id, judgement)
            if len(unit.vector) == self._encoder.dim * VECTOR_DTYPE.itemsize
        ]
        return max(units, key=lambda unit: float(_vector(unit) @ query)) if units else None

    def sample_unjudged(self, judged_ids: set[int]) -> _UnjudgedSample:
        """Return a random sample of at most `MAX_UNJUDGED` units; the same library gives the same sample.

        Args:
            judged_ids: Ids of the judged units.
        """
        ids = items.embedding_ids(self._connection, self._encoder_id or 0)
        drawn = np.sort(np.random.default_rng(0).permutation(ids)[: MAX_UNJUDGED + len(judged_ids)]).tolist()
        unit_ids = items.unit_ids_by_embedding(self._connection, drawn)
        unjudged = [id_ for id_ in drawn if unit_ids.get(id_) not in judged_ids][:MAX_UNJUDGED]
        rows: Ids = np.array(unjudged, dtype=np.int64)
        stored, vectors = statements.vectors_by_id(self._connection, self._encoder.dim, rows)
        photos = items.ids_of_kind(self._connection, stored.tolist(), Modality.PHOTO)
        are_photos = np.array([id_ in photos for id_ in stored.tolist()], dtype=np.bool_)
        return _UnjudgedSample(to_unit_length(vectors), are_photos, [unit_ids[id_] for id_ in stored.tolist()])


def _vector(unit: JudgedUnit) -> Vectors:
    return np.frombuffer(unit.vector, dtype=VECTOR_DTYPE).astype(np.float32)
