"""Records impressions (the hits that were shown for a query) and judgements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection

from indexer.catalog.statements import judgements
from indexer.errors import FeedbackError
from indexer.store import Store
from indexer.types import item_id, utc_now
from retrieval.feedback.stored_query import query_key, query_parts
from retrieval.query.query import Query
from retrieval.search.hits import Hit, Hits
from retrieval.search.named_item import NamedItem, catalog_path

JudgedHit: TypeAlias = NamedItem
"""A hit, an item, its file, or the id of an added item."""


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """What was recorded.

    Attributes:
        good: Number of hits that were judged good.
        bad: Number of hits that were judged bad.
    """

    good: int
    bad: int


def record_impression(store: Store, query: Query, hits: Sequence[Hit]) -> int:
    """Record the hits that were shown for a query, and return the impression's number for `record_judgements`.

    Hits whose items have left the library since are left out; the others keep their positions.

    Args:
        store: The library; its write lock must be held.
        query: The query.
        hits: All hits that were shown, in their order.
    """
    parts = query_parts(query)
    offset, fingerprint = (hits.offset, hits.fingerprint) if isinstance(hits, Hits) else (0, "")
    with store.transaction() as connection:
        shown = []
        for position, hit in enumerate(hits, start=offset + 1):
            item = judgements.verify_item(connection, hit.item_id, str(hit.path), hit.row)
            if item is not None:
                shown.append((position, item[0], hit.score))
        query_id = judgements.add_query(connection, query_key(parts), parts)
        return judgements.add_impression(connection, query_id, fingerprint or store.fingerprint, shown)


def record_judgements(
    store: Store, query: Query, *, good: Iterable[JudgedHit], bad: Iterable[JudgedHit], impression: int | None = None
) -> JudgeReport:
    """Record judgements on hits of a query, either all of them or, after an error, none.

    Args:
        store: The library; its write lock must be held.
        query: The query.
        good: Hits that answer it.
        bad: Hits that do not.
        impression: The impression in which they were judged, see `record_impression`; None if there is none.

    Raises:
        FeedbackError: A file is not in the library or is both good and bad, or there is no judgement.
    """
    parts = query_parts(query)
    with store.transaction() as connection:
        verdicts = {True: _items(connection, good), False: _items(connection, bad)}
        both = {path for path, _ in verdicts[True]} & {path for path, _ in verdicts[False]}
        if both:
            raise FeedbackError(f"{item_id(min(both))} was judged both good and bad; expected one of them")
        if not any(verdicts.values()):
            raise FeedbackError("nothing was judged; name at least one file that is good or bad")
        query_id = judgements.add_query(connection, query_key(parts), parts)
        time = utc_now()
        rows = [
            {
                "query_id": query_id,
                "showing_id": impression,
                "path": path,
                "content_hash": content_hash,
                "is_good": is_good,
                "judged_at": time,
            }
            for is_good, items in verdicts.items()
            for path, content_hash in items
        ]
        judgements.add_judgements(connection, rows)
    return JudgeReport(len(verdicts[True]), len(verdicts[False]))


def _items(connection: Connection, hits: Iterable[JudgedHit]) -> list[tuple[str, bytes | None]]:
    """Return path and content hash of the items of hits, each once."""
    items: dict[str, bytes | None] = {}
    for hit in hits:
        if isinstance(hit, Hit):
            name = hit.id or str(hit.path)
            item = judgements.verify_item(connection, hit.item_id, str(hit.path), hit.row)
        else:
            path = catalog_path(connection, hit)
            name = item_id(path)
            row = judgements.find_item(connection, path)
            item = None if row is None else row[1:]
        if item is None:
            raise FeedbackError(f"{name} is not in the library; judge hits of a search, or run: recall index FOLDER")
        items[item[0]] = item[1]
    return list(items.items())
