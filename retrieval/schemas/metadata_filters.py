"""Filters on metadata as other programs write them: mappings, as of JSON."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from indexer.catalog.filters.expression import Filter, combine_filters
from indexer.errors import QueryError

_MOST_CONDITIONS = 200

_DEEPEST = 20
"""Mappings and lists within each other; SQLite's parser takes twice as many."""

_COMPARISONS: dict[str, Callable[[Any, Any], Filter]] = {
    "$eq": lambda key, value: key == value,
    "$ne": lambda key, value: key != value,
    "$lt": lambda key, value: key < value,
    "$lte": lambda key, value: key <= value,
    "$gt": lambda key, value: key > value,
    "$gte": lambda key, value: key >= value,
    "$in": lambda key, values: key.one_of(*values),
    "$nin": lambda key, values: ~key.one_of(*values),
    "$exists": lambda key, value: key.known() if value else ~key.known(),
}


def as_filter(filter: Filter | Mapping[str, Any] | None) -> Filter | None:  # noqa: A002 - the name that people know
    """Return the library's filter, None if nothing is filtered.

    Args:
        filter: A `Filter`; or a mapping of keys of the metadata to a value, a list of values, or comparisons as in
            {"price": {"$lt": 10}}, all of which must hold. "$and", "$or" and "$not" combine mappings.

    Raises:
        QueryError: It is something else.
    """
    if filter is None or isinstance(filter, Filter):
        return filter
    if not isinstance(filter, Mapping):
        raise QueryError(f"the filter is a {type(filter).__name__}; expected a dict of metadata, or a Filter of Recall")
    _check_size(filter)
    return _combined(filter)


def _check_size(filter: Mapping[str, Any]) -> None:  # noqa: A002
    """Refuse what neither Python nor SQLite could take, without recursion.

    Raises:
        QueryError: It has too many conditions, or they lie too deep.
    """
    waiting: list[tuple[Any, int]] = [(filter, 1)]
    conditions = 0
    while waiting:
        value, depth = waiting.pop()
        inner = list(value.values() if isinstance(value, Mapping) else value)
        conditions += len(inner) if isinstance(value, Mapping) else 0
        if conditions > _MOST_CONDITIONS or depth > _DEEPEST:
            expected = f"expected at most {_MOST_CONDITIONS}, and {_DEEPEST} dicts and lists within each other"
            raise QueryError(f"the filter has too many conditions; {expected}")
        waiting += [(each, depth + 1) for each in inner if isinstance(each, Mapping | list | tuple)]


def _combined(filter: Filter | Mapping[str, Any] | None) -> Filter | None:  # noqa: A002
    """Return the filter of a mapping, or of a part of one."""
    if filter is None or isinstance(filter, Filter):
        return filter
    if not isinstance(filter, Mapping):
        raise QueryError(f"a part of the filter is a {type(filter).__name__}; expected a dict of metadata")
    return combine_filters(*(_part(str(key), value) for key, value in filter.items()))


def _part(key: str, value: Any) -> Filter:
    if key in ("$and", "$or"):
        filters = [_combined(each) for each in value] if isinstance(value, list | tuple) else []
        parts = [each for each in filters if each is not None]
        if not parts or len(parts) < len(filters):
            raise QueryError(f"{key} has {value!r:.80}; expected a list of dicts of metadata")
        return functools.reduce(lambda one, other: one & other if key == "$and" else one | other, parts)
    if key == "$not":
        part = _combined(value)
        if part is None:
            raise QueryError("$not has nothing; expected a dict of metadata")
        return ~part
    if key.startswith("$"):
        raise QueryError(f"there is no operator {key!r}; expected $and, $or, $not, or a key of the metadata")
    if isinstance(value, Mapping):
        return _compared(key, value)
    if value is None:
        return ~Filter.meta(key).known()
    if isinstance(value, list | tuple | set):
        return Filter.meta(key).one_of(*value)
    return _COMPARISONS["$eq"](Filter.meta(key), value)


def _compared(key: str, comparisons: Mapping[str, Any]) -> Filter:
    """Return the filter of all comparisons of a key."""
    unknown = [name for name in comparisons if name not in _COMPARISONS]
    if unknown or not comparisons:
        found = repr(unknown[0]) if unknown else "nothing"
        raise QueryError(f"{key!r} is compared by {found}; expected one of {', '.join(_COMPARISONS)}")
    for name in ("$in", "$nin"):
        if name in comparisons and not isinstance(comparisons[name], list | tuple | set):
            raise QueryError(f"{name} of {key!r} has {comparisons[name]!r:.80}; expected a list of values")
    parts = [_COMPARISONS[name](Filter.meta(key), value) for name, value in comparisons.items()]
    return functools.reduce(lambda one, other: one & other, parts)
