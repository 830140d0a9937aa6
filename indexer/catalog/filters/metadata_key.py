"""What `Filter.meta` returns: a key of the metadata of added items, whose comparisons are filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, Self, TypeVar

from indexer.catalog.filters.metadata import Comparison, Metadata, compare, require_text
from indexer.errors import QueryError


class _Negatable(Protocol):
    """A filter."""

    def __invert__(self) -> Self:
        """Return its negation."""


Result = TypeVar("Result", bound=_Negatable)


class MetadataKey(Generic[Result]):
    """A key of the metadata of added items, which a filter compares: `Filter.meta("price") < 10`.

    Numbers are compared as numbers, and texts by their characters, with upper and lower case. A date counts as its text
    in ISO 8601. A list of texts equals each of its texts. Items without a value match no comparison but `!=`.
    """

    __slots__ = ("_key", "_make")
    __hash__ = None  # type: ignore[assignment]  # == makes a filter

    def __init__(self, key: str, make: Callable[[Metadata], Result]) -> None:
        """Make a key.

        Args:
            key: The key.
            make: Returns a filter with one criterion.

        Raises:
            QueryError: The key is blank or not a text.
        """
        self._key, self._make = require_text(key), make
        if not key.strip():
            raise QueryError(f"the metadata to filter by is {key!r}; expected the name of a key")

    def __lt__(self, value: object) -> Result:
        return self._compare("<", value)

    def __le__(self, value: object) -> Result:
        return self._compare("<=", value)

    def __gt__(self, value: object) -> Result:
        return self._compare(">", value)

    def __ge__(self, value: object) -> Result:
        return self._compare(">=", value)

    def __eq__(self, value: object) -> Result:  # type: ignore[override]  # makes a filter, as in SQLAlchemy
        return self._compare("==", value)

    def __ne__(self, value: object) -> Result:  # type: ignore[override]  # as above
        return ~self._compare("==", value)

    def one_of(self, *values: object) -> Result:
        """Return a filter for items whose value is one of these, all of one type.

        Raises:
            QueryError: There is no value, there are more than 10,000, or they have different types.
        """
        return self._compare("one_of", *values)

    def between(self, lowest: object, highest: object) -> Result:
        """Return a filter for items whose value is in this range, both ends included.

        Raises:
            QueryError: The ends have different types, or the lowest is above the highest.
        """
        return self._compare("between", lowest, highest)

    def known(self) -> Result:
        """Return a filter for items that have a value for the key; None and an empty list are no value."""
        return self._compare("known")

    def _compare(self, comparison: Comparison, *values: object) -> Result:
        return self._make(compare(self._key, comparison, values))

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} is only a key; compare it, for instance {self!r} == 'red'")

    def __repr__(self) -> str:
        return f"meta({self._key!r})"
