"""Statements that find the embeddings that pass a filter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sqlalchemy import ColumnElement, Connection, case, func, select

from indexer.catalog.constructs import JoinedIds
from indexer.catalog.filters.criteria import Criterion
from indexer.catalog.filters.expression import And, Filter, Term
from indexer.catalog.filters.metadata import Metadata
from indexer.catalog.filters.patterns import Label
from indexer.catalog.schema import EMBEDDINGS, ITEMS, UNITS
from indexer.types import Ids


def matching_ids(connection: Connection, encoder_id: int, where: Filter) -> Ids:
    """Return the ids of an encoder's embeddings that pass a filter, ascending, shape (n,)."""
    return _select_matching(connection, encoder_id, where.transform(_as_subquery), None)[1]


def matching_ids_up_to(connection: Connection, encoder_id: int, where: Filter, limit: int) -> Ids | None:
    """Return `matching_ids` if there are fewer than `limit`, else None; stops early in that case."""
    filter_ = where.transform(_as_subquery)
    if isinstance(filter_, Term) and isinstance(
        filter_.criterion, Label | Metadata
    ):  # alone: the subquery can be limited too
        filter_ = Term(replace(filter_.criterion, limit=limit))
    count, ids = _select_matching(connection, encoder_id, filter_, limit)
    return None if count >= limit else ids


def matching_condition(where: Filter) -> ColumnElement[bool]:
    """Return the condition that a row of the embeddings passes a filter."""
    units = select(UNITS.c.id).join_from(ITEMS, UNITS).where(where.transform(_as_subquery).condition())
    return EMBEDDINGS.c.unit_id.in_(units)


def _select_matching(connection: Connection, encoder_id: int, where: Filter, limit: int | None) -> tuple[int, Ids]:
    """Return how many units pass a filter, up to `limit`, and the ids of their embeddings, ascending."""
    on_unit = (EMBEDDINGS.c.unit_id == UNITS.c.id) & (EMBEDDINGS.c.encoder_id == encoder_id)
    # SQLite keeps the order of left joins: it starts with the items that pass, using an index if there is one
    source = (
        select(EMBEDDINGS.c.id).select_from(ITEMS).join(UNITS, isouter=True).join(EMBEDDINGS, on_unit, isouter=True)
    )
    rows = source.where(where.condition()).limit(limit).subquery()
    count, ids = connection.execute(select(func.count(), JoinedIds(rows.c.id)).select_from(rows)).one()
    # one string: fetching a row per id would take three times as long
    return count, np.sort(np.array(ids.split(",") if ids else [], dtype=np.int64))


def _as_subquery(criterion: Criterion) -> Filter:
    return Term(replace(criterion, as_subquery=True) if isinstance(criterion, Label | Metadata) else criterion)


def filter_ids(connection: Connection, ids: Sequence[int], where: Filter) -> set[int]:
    """Return the embeddings among `ids`, at most `PAGE_SIZE` of them, that pass a filter."""
    # no WHERE condition: SQLite might otherwise not start with the embeddings
    passing = JoinedIds(case((where.condition(), EMBEDDINGS.c.id)))  # one string: a row per id takes longer
    statement = select(passing).join_from(EMBEDDINGS, UNITS, isouter=True).join(ITEMS, isouter=True)
    found: str | None = connection.scalar(statement.where(EMBEDDINGS.c.id.in_(ids)))
    return set(map(int, found.split(","))) if found else set()


def has_match(connection: Connection, where: Filter, *, is_dated: bool = False) -> bool:
    """Return whether any unit passes a filter; stops at the first.

    Args:
        connection: Open connection.
        where: The filter.
        is_dated: Whether only photos count whose date is not the time of their file.
    """
    conditions = [where.transform(_as_subquery).condition()]
    if is_dated:
        conditions.append(ITEMS.c.taken_from != "file")
    unit = select(UNITS.c.id).select_from(ITEMS).join(UNITS).where(*conditions).limit(1)
    return connection.scalar(unit) is not None


def failed_criteria(connection: Connection, item_id: int, where: Filter) -> list[str]:
    """Return a sentence for each part of a filter that an item does not pass; empty if it passes all."""
    item = select(ITEMS.c.id).join(UNITS, isouter=True).where(ITEMS.c.id == item_id).limit(1)
    parts = where.parts if isinstance(where, And) else (where,)
    failed = [part for part in parts if connection.scalar(item.where(part.condition())) is None]
    return [f"it does not pass the filter {part!r}" for part in failed]
