"""Judgements as lessons: vectors of queries and of what was judged, under the encoder without an adapter."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection

from indexer.catalog.statements import items
from indexer.catalog.statements import judgements as judgement_queries
from indexer.catalog.statements.items import VECTOR_DTYPE
from indexer.catalog.statements.judgements import JudgedUnit, Judgement
from indexer.catalog.statements.units import unit_contents
from indexer.config import Settings
from indexer.encoders.base import Encoder, to_unit_length
from indexer.errors import QueryError
from indexer.store import Store
from indexer.types import Ids, Modality, Vectors
from retrieval.feedback.stored_query import query_from_parts, query_name
from retrieval.query.embed import encode_query
from retrieval.tuning.training_set import TrainingSet

logger = logging.getLogger(__name__)

OTHERS = 5000
"""Unjudged units that are drawn: enough to hold hard ones for any query, 8 MB of 384 numbers."""


@dataclass(slots=True)
class JudgementStats:
    """What became of the judgements.

    Attributes:
        judgements: All of them.
        used: Those that are learnt from or measured on.
        contradicted: Those that a later one about the same query and file overruled.
        gone: Those whose file is not in the library any more.
        not_compared: Bad ones that were shown below every good hit: nobody knows whether they were looked at.
        queries_left_out: Queries without a good hit, or with a picture that cannot be read any more.
    """

    judgements: int = 0
    used: int = 0
    contradicted: int = 0
    gone: int = 0
    not_compared: int = 0
    queries_left_out: int = 0

    def to_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


class _Asked(NamedTuple):
    """A query with its vectors and the latest verdicts on it."""

    name: str
    words: str
    text: Vectors
    image: Vectors
    units: list[tuple[JudgedUnit, bool]]


def read_lessons(store: Store, encoder: Encoder, settings: Settings) -> tuple[TrainingSet, JudgementStats]:
    """Return all judgements as lessons, and what became of them.

    Of several verdicts about the same query and file the latest counts. A bad hit that was shown counts only where a
    good one stands below it or directly above it: what comes after the last good hit may not have been looked at.
    Verdicts without a showing count as they are. A query without a good hit teaches nothing.

    Args:
        store: The library.
        encoder: Its encoder, without an adapter.
        settings: Limits of query pictures.
    """
    counts = JudgementStats()
    known = store.encoder
    with store.reading() as connection:
        asked = [
            found
            for group in _by_query(judgement_queries.judgements(connection), counts).values()
            if known is not None
            and (found := _asked(connection, group, known.id, encoder, store=store, settings=settings, counts=counts))
        ]
        judged = {unit.unit_id for query in asked for unit, _ in query.units}
        others, are_photos, other_units = _others(connection, known.id if known else 0, encoder.dim, judged)
        made_of = unit_contents(connection, [*judged, *other_units])
    rows = [(number, unit, is_good) for number, query in enumerate(asked) for unit, is_good in query.units]
    counts.used = len(rows)
    empty = np.empty((0, encoder.dim), dtype=np.float32)
    return TrainingSet(
        names=tuple(query.name for query in asked),
        texts=np.stack([query.text for query in asked]) if asked else empty,
        images=np.stack([query.image for query in asked]) if asked else empty,
        owners=np.array([number for number, _, _ in rows], dtype=np.int64),
        units=to_unit_length(np.stack([_vector(unit) for _, unit, _ in rows])) if rows else empty,
        are_photos=np.array([unit.kind == Modality.PHOTO for _, unit, _ in rows], dtype=np.bool_),
        good=np.array([is_good for _, _, is_good in rows], dtype=np.bool_),
        others=others,
        others_are_photos=are_photos,
        words=tuple(query.words for query in asked),
        files=tuple(made_of[unit.unit_id].path for _, unit, _ in rows),
        other_files=tuple(made_of[unit_id].path for unit_id in other_units),
    ), counts


def _by_query(found: Iterable[Judgement], counts: JudgementStats) -> dict[int, list[Judgement]]:
    """Return the latest judgement of each query and file, by query."""
    latest: dict[tuple[int, str], Judgement] = {}
    for each in found:  # oldest first
        counts.judgements += 1
        before = latest.pop((each.query_id, each.path), None)
        counts.contradicted += before is not None and before.is_good != each.is_good
        latest[each.query_id, each.path] = each
    groups: dict[int, list[Judgement]] = {}
    for each in latest.values():
        groups.setdefault(each.query_id, []).append(each)
    return groups


def compared(group: Sequence[Judgement]) -> list[Judgement]:
    """Return the judgements of one query that count: bad hits only where they were looked at, see `read_lessons`."""
    good: dict[int | None, list[int]] = {}
    for each in group:
        if each.is_good and each.position is not None:
            good.setdefault(each.impression_id, []).append(each.position)
    return [each for each in group if each.is_good or _was_looked_at(each, good)]


def _was_looked_at(bad: Judgement, good: Mapping[int | None, Sequence[int]]) -> bool:
    place = bad.position
    return place is None or any(other > place or other == place - 1 for other in good.get(bad.impression_id, ()))


def _asked(
    connection: Connection,
    group: Sequence[Judgement],
    encoder_id: int,
    encoder: Encoder,
    *,
    store: Store,
    settings: Settings,
    counts: JudgementStats,
) -> _Asked | None:
    """Return a query with what was judged for it; None where nothing can be learnt from it."""
    kept = compared(group)
    counts.not_compared += len(group) - len(kept)
    query = query_from_parts(group[0].parts)
    try:
        parts = encode_query(query, encoder, settings, store=store).vectors
    except QueryError as error:
        logger.warning("the query %s is left out: %s", query_name(group[0].parts), error)
        counts.queries_left_out += 1
        return None
    weighted = np.asarray(query.weights, dtype=np.float32)[:, None] * parts  # (p, d)
    text, image = weighted[: len(query.texts)].sum(axis=0), weighted[len(query.texts) :].sum(axis=0)
    units: list[tuple[JudgedUnit, bool]] = []
    for each in kept:
        found = judgement_queries.judged_units(connection, encoder_id, each)
        found = [unit for unit in found if len(unit.vector) == encoder.dim * VECTOR_DTYPE.itemsize]
        if found:
            units.append((max(found, key=lambda unit: float(_vector(unit) @ (text + image))), each.is_good))
        else:
            counts.gone += 1
    if not any(is_good for _, is_good in units):
        counts.queries_left_out += 1
        return None
    alone = len(query.texts) == 1 and not query.images and query.weights[0] > 0
    return _Asked(query_name(group[0].parts), query.texts[0] if alone else "", text, image, units)


def _others(
    connection: Connection, encoder_id: int, dim: int, judged: set[int]
) -> tuple[Vectors, np.ndarray[tuple[int], np.dtype[np.bool_]], list[int]]:
    """Return embeddings of a sample of units that nobody judged, (m, dim), whether each is a photo's, and the units."""
    ids = items.embedding_ids(connection, encoder_id)
    drawn = np.sort(np.random.default_rng(0).permutation(ids)[: OTHERS + len(judged)])
    units = items.unit_ids_by_embedding(connection, drawn.tolist())
    free: Ids = np.array([id_ for id_ in drawn.tolist() if units.get(id_) not in judged][:OTHERS], dtype=np.int64)
    held, vectors = judgement_queries.vectors_by_id(connection, dim, free)
    photos = items.ids_of_kind(connection, held.tolist(), Modality.PHOTO)
    are_photos = np.array([id_ in photos for id_ in held.tolist()], dtype=np.bool_)
    return to_unit_length(vectors), are_photos, [units[id_] for id_ in held.tolist()]


def _vector(unit: JudgedUnit) -> Vectors:
    return np.frombuffer(unit.vector, dtype=VECTOR_DTYPE).astype(np.float32)
