"""Statements that ask which embeddings a filter keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sqlalchemy import Connection, func, select

from indexer.catalog.filters.criteria import Criterion
from indexer.catalog.filters.expression import And, Filter, Term
from indexer.catalog.filters.patterns import Tag
from indexer.catalog.schema import EMBEDDINGS, ITEMS, UNITS
from indexer.types import Ids


def matching_ids(connection: Connection, encoder_id: int, where: Filter) -> Ids:
    """Return the ids of an encoder's embeddings that a filter keeps, ascending, shape (n,)."""
    return _select_matching(connection, encoder_id, where.transform(_listed), None)[1]


def matching_ids_up_to(connection: Connection, encoder_id: int, where: Filter, limit: int) -> Ids | None:
    """Return what `matching_ids` does where that are fewer than `limit`, else None; this is known soon."""
    listed = where.transform(_listed)
    if isinstance(listed, Term) and isinstance(listed.criterion, Tag):  # alone: SQLite need not list them all
        listed = Term(replace(listed.criterion, limit=limit))
    count, ids = _select_matching(connection, encoder_id, listed, limit)
    return None if count >= limit else ids


def _select_matching(connection: Connection, encoder_id: int, where: Filter, limit: int | None) -> tuple[int, Ids]:
    """Return how many units a filter keeps, up to `limit`, and the ids of their embeddings, ascending."""
    mine = (EMBEDDINGS.c.unit_id == UNITS.c.id) & (EMBEDDINGS.c.encoder_id == encoder_id)
    # left joins, which SQLite takes in their order: it begins with the items that pass, by an index where one serves
    joined = select(EMBEDDINGS.c.id).select_from(ITEMS).join(UNITS, isouter=True).join(EMBEDDINGS, mine, isouter=True)
    rows = joined.where(where.condition()).limit(limit).subquery()
    count, found = connection.execute(select(func.count(), func.group_concat(rows.c.id)).select_from(rows)).one()
    # as one text: a row for each id would take three times as long
    return count, np.sort(np.array(found.split(",") if found else [], dtype=np.int64))


def _listed(criterion: Criterion) -> Filter:
    return Term(replace(criterion, listed=True) if isinstance(criterion, Tag) else criterion)


def filter_ids(connection: Connection, ids: Sequence[int], where: Filter) -> set[int]:
    """Return those of some embeddings, of no more than a `PAGE`, that a filter keeps."""
    # as a column, since SQLite might begin elsewhere than with the embeddings if it were a condition of the statement
    statement = (
        select(EMBEDDINGS.c.id, where.condition().label("kept"))
        .join_from(EMBEDDINGS, UNITS, isouter=True)
        .join(ITEMS, isouter=True)
        .where(EMBEDDINGS.c.id.in_(ids))
    )
    return {row.id for row in connection.execute(statement) if row.kept}


def failed_criteria(connection: Connection, item_id: int, where: Filter) -> list[str]:
    """Return the parts of a filter that an item does not pass, in words; none where it passes."""
    item = select(ITEMS.c.id).join(UNITS, isouter=True).where(ITEMS.c.id == item_id).limit(1)
    parts = where.parts if isinstance(where, And) else (where,)
    failed = [part for part in parts if connection.scalar(item.where(part.condition())) is None]
    return [f"it does not pass the filter {part!r}" for part in failed]
