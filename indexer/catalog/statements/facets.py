"""Statements that count items by what their metadata says.

The database joins the ids of all items with one value into one text, mostly from an index without reading a row; which
of them pass the filter is looked up in an array. A group of rows for each count would take three times as long.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Column, ColumnElement, Connection, select, tuple_

from indexer.catalog.backend import sql
from indexer.catalog.constructs import JoinedIds
from indexer.catalog.filters.expression import Filter
from indexer.catalog.schema import ITEMS, LABELS, SOURCES
from indexer.catalog.statements.layout import indexed_items, read_ids

_MOST = 200
"""Values of one facet, at most: the most frequent ones."""

_FOLDER_VALUES = {"separator": os.sep.encode(), "after": chr(ord(os.sep) + 1)}


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value, and how many items have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Facets:
    """How many items have each value, the most frequent first, at most 200 values each.

    Attributes:
        months: Months in which photos were taken, like "2019-05": all of them, the latest first.
        cameras: Makers and models.
        lenses: Names of lenses.
        tags: Keywords.
        people: Names of people.
        places: Names of towns, regions and countries, as far as the metadata or the position tells.
        ratings: "0" to "5", and "-1" for rejected, the highest first; items without one are not counted.
        folders: The folders that were indexed and the folders in them, not those below: absolute paths.
        formats: File formats, for instance "JPEG".
        kinds: "photo" and "text".
        collections: Collections of added items.
        undated: Items without a date.
        total: All items that pass the filter.
    """

    months: tuple[FacetValue, ...]
    cameras: tuple[FacetValue, ...]
    lenses: tuple[FacetValue, ...]
    tags: tuple[FacetValue, ...]
    people: tuple[FacetValue, ...]
    places: tuple[FacetValue, ...]
    ratings: tuple[FacetValue, ...]
    folders: tuple[FacetValue, ...]
    formats: tuple[FacetValue, ...]
    kinds: tuple[FacetValue, ...]
    collections: tuple[FacetValue, ...]
    undated: int
    total: int

    @property
    def years(self) -> tuple[FacetValue, ...]:
        """Years in which photos were taken, like "2019": all of them, the latest first."""
        years: Counter[str] = Counter()
        for month in self.months:
            years[month.value[:4]] += month.count
        return tuple(FacetValue(year, years[year]) for year in sorted(years, reverse=True))


def read_facets(connection: Connection, where: Filter | None) -> Facets:
    """Return the counts of the items that pass a filter; failed items are not counted."""
    matches = indexed_items(ITEMS.c.id, where=where).subquery()
    ids = read_ids(connection.scalar(select(JoinedIds(matches.c.id))))
    passes = np.zeros(int(ids.max(initial=0)) + 1, dtype=bool)
    passes[ids] = True
    months = tuple(_by_month(connection, passes))[::-1]
    ratings = _counts(_grouped(connection, ITEMS.c.rating, passes))
    kinds, collections = _by_source(connection, passes)
    return Facets(
        months=months,
        cameras=_most_frequent(_grouped(connection, ITEMS.c.camera, passes)),
        lenses=_most_frequent(_grouped(connection, ITEMS.c.lens, passes)),
        ratings=tuple(sorted(ratings, key=lambda value: -int(value.value))),
        folders=_most_frequent(_by_folder(connection, passes).items()),
        formats=_most_frequent(_grouped(connection, ITEMS.c.format, passes)),
        kinds=_most_frequent(kinds.items()),
        collections=_most_frequent(collections.items()),
        undated=len(ids) - sum(month.count for month in months),
        total=len(ids),
        **{name: _most_frequent(_labeled(connection, column, passes)) for name, column in LABELS.items()},
    )


def _grouped(
    connection: Connection, column: ColumnElement[Any], passes: NDArray[np.bool_]
) -> Iterator[tuple[Any, int]]:
    """Yield the values of an indexed column, and how many items pass that have it."""
    statement = select(column, JoinedIds(ITEMS.c.id)).where(column.is_not(None)).group_by(column)
    for value, ids in connection.execute(statement):
        yield value, _count(ids, passes)


def _labeled(connection: Connection, column: Column[str], passes: NDArray[np.bool_]) -> Iterator[tuple[str, int]]:
    """Yield labels of one kind, and how many items pass that have it; spellings that differ in case count as one."""
    labels = column.table.c
    joined = select(labels.key, JoinedIds(labels.item_id)).where(labels.key.is_not(None)).group_by(labels.key)
    found = [(key, ids, _count(ids, passes)) for key, ids in connection.execute(joined)]
    most = sorted(found, key=lambda label: (-label[2], label[0]))[:_MOST]
    counts = {key: count for key, _, count in most if count}
    first = [(key, int(ids.partition(",")[0])) for key, ids, count in most if count]  # one item that has it
    for key, label in connection.execute(
        select(labels.key, column).where(tuple_(labels.key, labels.item_id).in_(first))
    ):
        yield label, counts.pop(key, 0)


def _by_month(connection: Connection, passes: NDArray[np.bool_]) -> Iterator[FacetValue]:
    """Yield the months in which photos were taken, the earliest first."""
    for month, ids in connection.execute(sql(connection).MONTHS):
        count = _count(ids, passes)
        if count:
            yield FacetValue(month, count)


def _by_folder(connection: Connection, passes: NDArray[np.bool_]) -> Counter[str]:
    """Return how many items pass below each indexed folder, and below each folder in it."""
    counts: Counter[str] = Counter()
    for root, folder, ids in connection.execute(sql(connection).FOLDERS, _FOLDER_VALUES):
        count = _count(ids, passes)
        counts[os.fsdecode(root)] += count
        if folder and b"\0" not in folder:  # else a row of a table whose id has a slash
            counts[os.path.join(os.fsdecode(root), os.fsdecode(folder))] += count
    return counts


def _by_source(connection: Connection, passes: NDArray[np.bool_]) -> tuple[Counter[str], Counter[str]]:
    """Return how many items of each kind and of each collection pass."""
    kinds: Counter[str] = Counter()
    collections: Counter[str] = Counter()
    names = dict(connection.execute(select(SOURCES.c.id, SOURCES.c.collection)).all())
    keys = (ITEMS.c.source_id, ITEMS.c.modality)
    for source_id, kind, ids in connection.execute(select(*keys, JoinedIds(ITEMS.c.id)).group_by(*keys)):
        count = _count(ids, passes)
        kinds[kind] += count
        if names[source_id] is not None:
            collections[names[source_id]] += count
    return kinds, collections


def _count(ids: str, passes: NDArray[np.bool_]) -> int:
    """Return how many of these ids pass."""
    numbers = read_ids(ids)
    return int(np.count_nonzero(passes[numbers[numbers < len(passes)]]))


def _counts(values: Iterable[tuple[Any, int]]) -> list[FacetValue]:
    return [FacetValue(str(value), count) for value, count in values if count]


def _sorted(values: Iterable[tuple[Any, int]]) -> list[tuple[Any, int]]:
    return sorted(values, key=lambda value: (-value[1], str(value[0])))


def _most_frequent(values: Iterable[tuple[Any, int]]) -> tuple[FacetValue, ...]:
    return tuple(_counts(_sorted(values))[:_MOST])
