"""Filter criteria on the metadata that apps give to the items they add.

Filter.meta("price") < 10
Filter.meta("shop").one_of("Berlin", "Paris") & ~Filter.meta("sold").known()
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from numbers import Real
from operator import ge, gt, le, lt
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from sqlalchemy import ColumnElement, case, exists, func, or_, select

from indexer.catalog.constructs import INDEXED_LETTERS, narrowed
from indexer.catalog.schema import ITEMS, METADATA_VALUES
from indexer.errors import QueryError

MetadataType = Literal["text", "number", "boolean", "list"]
"""The type of the values of a key, as the table `metadata_keys` has it; a list has texts."""

Comparison = Literal["<", "<=", ">", ">=", "==", "one_of", "between", "known"]
"""How the values of a key are compared; "known" compares with nothing."""

Value = str | float | bool
"""A value as the catalog compares it."""

_OPERATORS: dict[Comparison, Callable[[Any, Any], ColumnElement[bool]]] = {"<": lt, "<=": le, ">": gt, ">=": ge}

_WITH_EQUAL: dict[Comparison, Comparison] = {"<": "<=", ">": ">="}

_MAX_VALUES = 10_000
"""Most values of `one_of`: SQLite takes 32,766 parameters in a statement, and a filter may stand twice in it."""

_MAX_TEXT = 100_000
"""Longest key or text in characters. SQLite takes more; nothing that is filtered by has them."""

_NAMES: dict[MetadataType, str] = {
    "text": "texts",
    "number": "numbers",
    "boolean": "True or False",
    "list": "lists of texts",
}

_OF_LISTS = ("==", "one_of", "known")
"""What a list can be compared by."""

_BOOLEANS: Mapping[str, bool] = MappingProxyType({"true": True, "yes": True, "false": False, "no": False})
"""What people type."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The value that an item's metadata has for a key compares so; a list does if it contains the value.

    Attributes:
        key: The key.
        comparison: How it is compared.
        values: What it is compared with: two for "between", none for "known", any number for "one_of", else one.
        type: The type of the values; for "known" that of the key, None if it is not resolved.
        as_subquery: Whether to list all matching items first instead of testing each item; see `patterns.Label`.
        limit: Largest number of items that the subquery lists.
    """

    key: str
    comparison: Comparison
    values: tuple[Value, ...]
    type: Literal["text", "number", "boolean"] | None
    as_subquery: bool = False
    limit: int | None = None

    def resolved(self, stored: MetadataType | None) -> Metadata:
        """Return the comparison, made for the type of the key's values.

        Args:
            stored: The type that the library has for the key; None if no item has it.

        Raises:
            QueryError: The values have a type that cannot be compared so.
        """
        if self.comparison == "known":
            return replace(self, type="text" if stored is None or stored == "list" else stored)
        if stored in (None, self.type):
            return self
        if stored != "list":
            raise QueryError(
                f"the metadata {self.key!r} has {_NAMES[stored]}, but the filter is {self!r}; compare it with "
                f"{_NAMES[stored]}"
            )
        if self.type != "text" or self.comparison not in _OF_LISTS:
            raise QueryError(
                f"the metadata {self.key!r} has lists of texts, but the filter is {self!r}; write for instance "
                f"Filter.meta({self.key!r}) == 'red' for the lists that contain 'red'"
            )
        return self

    def condition(self) -> ColumnElement[bool]:
        """Return the condition."""
        values = METADATA_VALUES.c
        matches = self._compare_text() if self.type == "text" else self._compare(values.number, self.values)
        if not self.as_subquery:
            # in a CASE, for which SQLite looks for no index: it would take that of the key and its values for a range
            is_match = case((matches, 1), else_=0) == 1
            return exists().where(values.item_id == ITEMS.c.id, values.key == self.key, is_match)
        items = select(values.item_id).where(values.key == self.key, matches)
        return ITEMS.c.id.in_(items if self.limit is None else items.distinct().limit(self.limit))

    def _compare_text(self) -> ColumnElement[bool]:
        column = METADATA_VALUES.c.text
        condition = self._compare(column, self.values)
        if not self.values:
            return condition
        beginnings = tuple(str(value)[:INDEXED_LETTERS] for value in self.values)
        return narrowed(condition, self._compare(func.left(column, INDEXED_LETTERS), beginnings, is_necessary=True))

    def _compare(
        self, column: ColumnElement[Any], values: Sequence[Value], *, is_necessary: bool = False
    ) -> ColumnElement[bool]:
        """Return the condition, or, for beginnings of texts, one that follows from it."""
        if self.comparison == "known" and self.type is not None:
            return column.is_not(None)
        if self.comparison == "known":
            return or_(METADATA_VALUES.c.text.is_not(None), METADATA_VALUES.c.number.is_not(None))
        numbers: list[Any] = [float(value) if isinstance(value, bool) else value for value in values]  # False is 0
        if self.comparison == "between":
            return column.between(*numbers)
        if self.comparison in _OPERATORS:
            comparison = _WITH_EQUAL.get(self.comparison, self.comparison) if is_necessary else self.comparison
            return _OPERATORS[comparison](column, numbers[0])
        return column.in_(numbers) if len(numbers) > 1 else column == numbers[0]

    def __repr__(self) -> str:
        return _expression(self.key, self.comparison, self.values)


@dataclass(frozen=True, slots=True)
class TypedMetadata:
    """A comparison with what was typed, which may be a text or a number; a library resolves this to a `Metadata`.

    Attributes:
        key: The key.
        comparison: How it is compared.
        texts: What it is compared with, as it was typed.
    """

    key: str
    comparison: Comparison
    texts: tuple[str, ...]

    def resolved(self, stored: MetadataType | None) -> Metadata:
        """Return the comparison with values of the type that the library has for the key, None if no item has it.

        Raises:
            QueryError: A text is not of this type.
        """
        values = [self._value(text, stored) for text in self.texts]
        return compare(self.key, self.comparison, values).resolved(stored)

    def _value(self, text: str, stored: MetadataType | None) -> Value:
        if stored == "number":
            try:
                return float(text)
            except ValueError:
                pass
        elif stored == "boolean":
            if text.lower() in _BOOLEANS:
                return _BOOLEANS[text.lower()]
        else:
            return text
        raise QueryError(f"the metadata {self.key!r} has {_NAMES[stored]}; expected one of them instead of {text!r}")

    def condition(self) -> ColumnElement[bool]:
        """Raise ValueError: only a library knows the type of the key."""
        raise ValueError(f"the filter {self!r} is unresolved; use it in a search of a library")

    def __repr__(self) -> str:
        return _expression(self.key, self.comparison, self.texts)


def compare(key: str, comparison: Comparison, values: Sequence[object]) -> Metadata:
    """Return the criterion that compares a key with values.

    Raises:
        QueryError: A value cannot be compared so, there is none or there are too many, or their types differ.
    """
    expression = _expression(key, comparison, values)
    if comparison == "one_of" and not 0 < len(values) <= _MAX_VALUES:
        raise QueryError(f"meta({key!r}).one_of has {len(values):,} values; expected 1 to {_MAX_VALUES:,}")
    plain = tuple(_plain(value, key) for value in values)
    types = {_type_of(value) for value in plain}
    if len(types) > 1:
        raise QueryError(f"the values in {expression} have different types; expected only texts or only numbers")
    type_ = next(iter(types), None)
    if type_ == "boolean" and comparison not in _OF_LISTS:
        raise QueryError(f"{expression} compares True or False by size; expected == True or == False")
    if comparison == "between" and plain[0] > plain[1]:  # type: ignore[operator]  # they have one type
        raise QueryError(f"nothing can be in {expression}; swap the two values")
    return Metadata(key, comparison, plain, type_)


def _plain(value: object, key: str) -> Value:
    """Return a value as the catalog compares it.

    Raises:
        QueryError: It is not a text, a number, True, False or a date, or it is NaN or too large.
    """
    if isinstance(value, str):
        return require_text(value)
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, date):
        return date_text(value)
    if isinstance(value, Real):
        try:
            number = float(value)
        except OverflowError:
            number = math.nan
        if not math.isnan(number):
            return number
        raise QueryError(f"the metadata {key!r} cannot be compared with {str(value)[:50]}; expected a number")
    if value is None:
        raise QueryError(f"the metadata {key!r} cannot be compared with None; write ~Filter.meta({key!r}).known()")
    raise QueryError(
        f"the metadata {key!r} cannot be compared with {str(value)[:50]!r} ({type(value).__name__}); expected a text, "
        "a number, True, False or a date"
    )


def date_text(value: date) -> str:
    """Return a date or time as text that sorts by time, in ISO 8601; a time with a zone in UTC."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(UTC)
    return value.isoformat()


def _type_of(value: Value) -> Literal["text", "number", "boolean"]:
    return "text" if isinstance(value, str) else "boolean" if isinstance(value, bool) else "number"


def require_text(text: object) -> str:
    """Return a text that the catalog can compare.

    Raises:
        QueryError: It is not a text, is too long or is not valid Unicode.
    """
    if not isinstance(text, str):
        raise QueryError(f"{str(text)[:50]} ({type(text).__name__}) is not a text to filter by; expected a str")
    if len(text) > _MAX_TEXT:
        raise QueryError(f"the text to filter by has {len(text):,} characters; expected {_MAX_TEXT:,} at most")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise QueryError(f"the text to filter by is not valid Unicode: {text[:50]!r}") from None
    return str(text)


def _expression(key: str, comparison: Comparison, values: Sequence[object]) -> str:
    """Return a comparison as Python writes it."""
    words = ", ".join(map(_literal, values))
    if comparison in ("one_of", "between", "known"):
        return f"meta({key!r}).{comparison}({words})"
    return f"(meta({key!r}) {comparison} {words})"


def _literal(value: object) -> str:
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return repr(int(value) if is_whole else value)  # type: ignore[call-overload]  # a float
