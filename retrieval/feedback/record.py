"""Keeping what a user said of hits."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection

from indexer.catalog.statements import judgements, sources
from indexer.errors import FeedbackError
from indexer.store import Store
from indexer.types import utc_now
from retrieval.feedback.stored_query import key_of, parts_of
from retrieval.query.query import Query
from retrieval.search.hits import Hit

JudgedHit: TypeAlias = "Hit | str | os.PathLike[str]"
"""A hit, or the file of one."""


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """What was kept.

    Attributes:
        good: Verdicts that a hit is good.
        bad: Verdicts that it is not.
    """

    good: int
    bad: int


def show(store: Store, query: Query, hits: Sequence[Hit]) -> int:
    """Keep what was shown for a query, best first, and return its number for `judge`.

    Args:
        store: The library; its write lock must be held.
        query: What was asked.
        hits: All that was shown, in its order.
    """
    parts = parts_of(query)
    with store.transaction() as connection:
        facts = [(judgements.verify_item(connection, hit.item_id, str(hit.path)), hit.score) for hit in hits]
        shown = [(found[0], score) for found, score in facts if found is not None]
        query_id = judgements.add_query(connection, key_of(parts), parts)
        return judgements.add_impression(connection, query_id, store.fingerprint, shown)


def judge(
    store: Store, query: Query, *, good: Iterable[JudgedHit], bad: Iterable[JudgedHit], impression: int | None = None
) -> JudgeReport:
    """Keep verdicts on hits of a query, all of them or, after an error, none.

    Args:
        store: The library; its write lock must be held.
        query: What was asked.
        good: What answers it.
        bad: What does not.
        impression: The impression in which they were judged, see `show`; None if there is none.

    Raises:
        FeedbackError: A file is not in the library, was judged both good and bad, or there is none.
    """
    parts = parts_of(query)
    with store.transaction() as connection:
        verdicts = {True: _items(connection, good), False: _items(connection, bad)}
        both = {path for path, _ in verdicts[True]} & {path for path, _ in verdicts[False]}
        if both:
            raise FeedbackError(f"{min(both)} was judged both good and bad; decide on one")
        if not any(verdicts.values()):
            raise FeedbackError("nothing was judged; name at least one file that is good or bad")
        query_id = judgements.add_query(connection, key_of(parts), parts)
        moment = utc_now()
        judgements.add_judgements(
            connection,
            [
                {
                    "query_id": query_id,
                    "showing_id": impression,
                    "path": path,
                    "content_hash": content,
                    "is_good": is_good,
                    "judged_at": moment,
                }
                for is_good, items in verdicts.items()
                for path, content in items
            ],
        )
    return JudgeReport(len(verdicts[True]), len(verdicts[False]))


def _items(connection: Connection, judged: Iterable[JudgedHit]) -> list[tuple[str, bytes | None]]:
    """Return path and content of the items that were judged, each once."""
    found: dict[str, bytes | None] = {}
    for each in judged:
        if isinstance(each, Hit):
            name = str(each.path)
            facts = judgements.verify_item(connection, each.item_id, name)
        else:
            name = sources.canonical_path(connection, each)
            item = judgements.find_item(connection, name)
            facts = None if item is None else item[1:]
        if facts is None:
            raise FeedbackError(f"{name} is not in the library; judge what a search finds, or run: recall index FOLDER")
        found[facts[0]] = facts[1]
    return list(found.items())
