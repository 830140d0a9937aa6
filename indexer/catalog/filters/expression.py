"""Filters: boolean expressions over metadata that compile to SQL.

    Filter.taken(after=date(2020, 1, 1)) & (Filter.camera("Canon*") | Filter.lens("*50mm*")) & ~Filter.folder("/work")

A filter is true or false for every item, never unknown: it is false if the catalog lacks the value, and its negation is
true. `~Filter.camera("Canon*")` therefore matches photos without a camera name.
"""

from __future__ import annotations

import functools
import operator
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, and_, false, func, not_, or_

from indexer.catalog.filters import criteria, patterns
from indexer.catalog.filters.criteria import Criterion, Shape, Taken, TimeSpan, to_local_time
from indexer.catalog.filters.metadata_key import MetadataKey
from indexer.object_path import absolute_path
from indexer.types import Modality


class Filter(ABC):
    """A condition on photos and texts; combine filters with `&` (and), `|` (or) and `~` (not).

    Filters with the same terms in the same order are equal. A missing value matches no filter and every negated one.
    Patterns ignore case; * matches any text and ? one character.
    """

    __slots__ = ()

    @abstractmethod
    def condition(self) -> ColumnElement[bool]:
        """Return the SQL condition on the tables items and units; NULL means false."""

    @abstractmethod
    def transform(self, change: Callable[[Criterion], Filter]) -> Filter:
        """Return the expression with each criterion replaced by `change` of it."""

    def __and__(self, other: Filter) -> Filter:
        return And(_flatten(And, self, other))

    def __or__(self, other: Filter) -> Filter:
        return Or(_flatten(Or, self, other))

    def __invert__(self) -> Filter:
        return Not(self)

    def __bool__(self) -> bool:
        raise TypeError("a filter has no truth value; combine filters with &, | and ~ instead of and, or and not")

    @staticmethod
    def taken(
        *, after: date | str | None = None, before: date | str | None = None, on: date | str | TimeSpan | None = None
    ) -> Filter:
        """Return a filter on the time a photo was taken, in its camera's local time.

        Args:
            after: Earliest date or time, included: a date, a datetime, or a string like "2024-05-01".
            before: First date or time that is too late.
            on: A day, or a period.

        Raises:
            QueryError: `after` is not earlier than `before`, or a string is not a date.
            ValueError: No date is given.
        """
        if on is not None:
            within = Term(Taken(*(on if isinstance(on, TimeSpan) else _day(on))))
            return within if after is None and before is None else within & Filter.taken(after=after, before=before)
        start, end = (None if day is None else to_local_time(day) for day in (after, before))
        return Term(Taken(start, end))

    @staticmethod
    def folder(path: str | os.PathLike[str]) -> Filter:
        """Return a filter for everything below a folder, at any depth, or for a single file."""
        return Term(criteria.Folder(absolute_path(path)))

    @staticmethod
    def name(pattern: str) -> Filter:
        """Return a filter on file names, for instance "IMG_*.jpg"."""
        return Term(patterns.TextPattern("name", pattern))

    @staticmethod
    def format(name: str) -> Filter:
        """Return a filter on the file format, for instance "jpg", "heic", "raw", "nef" or "md".

        Raises:
            QueryError: The format is unknown.
        """
        return Term(patterns.Format(name.strip().lower().removeprefix(".")))

    @staticmethod
    def camera(pattern: str) -> Filter:
        """Return a filter on the camera's make and model; a pattern without * and ? matches any part of them."""
        return Term(patterns.TextPattern("camera", pattern))

    @staticmethod
    def lens(pattern: str) -> Filter:
        """Return a filter on the lens; a pattern without * and ? matches any part of its name."""
        return Term(patterns.TextPattern("lens", pattern))

    @staticmethod
    def near(latitude: float, longitude: float, *, km: float) -> Filter:
        """Return a filter for photos taken within a distance of a place.

        Args:
            latitude: Degrees, north positive, -90 to 90.
            longitude: Degrees, east positive, -180 to 180.
            km: Great-circle distance, above 0.

        Raises:
            QueryError: A coordinate or the distance is out of range.
        """
        return Term(criteria.Near(latitude, longitude, km))

    @staticmethod
    def near_photo(photo: str | os.PathLike[str], *, km: float) -> Filter:
        """Return a filter for photos taken within a distance of another photo, which need not be in the library."""
        return Term(criteria.NearPhoto(os.fspath(photo), km))

    @staticmethod
    def orientation(shape: Shape) -> Filter:
        """Return a filter for photos that are "landscape", "portrait" or "square" when displayed upright."""
        return Term(criteria.Orientation(shape))

    @staticmethod
    def min_size(width: int, height: int) -> Filter:
        """Return a filter for photos of at least this size in pixels, in either orientation."""
        return Term(criteria.MinSize(max(width, height), min(width, height)))

    @staticmethod
    def min_pixels(pixels: int) -> Filter:
        """Return a filter for photos with at least this many pixels in total: 12,000,000 are 12 megapixels."""
        return Term(criteria.MinPixels(pixels))

    @staticmethod
    def rating(at_least: int, at_most: int = 5) -> Filter:
        """Return a filter on the rating, 0 to 5; rejected and unrated photos do not match."""
        return Term(criteria.Rating(at_least, at_most))

    @staticmethod
    def tag(pattern: str) -> Filter:
        """Return a filter for items with a keyword."""
        return Term(patterns.Label("tag", pattern))

    @staticmethod
    def person(pattern: str) -> Filter:
        """Return a filter for photos of a person whom their metadata names, for instance "Ada *"."""
        return Term(patterns.Label("person", pattern))

    @staticmethod
    def place(pattern: str) -> Filter:
        """Return a filter for photos whose metadata names a place: a location, city, state or country."""
        return Term(patterns.Label("place", pattern))

    @staticmethod
    def meta(key: str) -> MetadataKey[Filter]:
        """Return a key of the metadata of added items, to compare: `Filter.meta("price") < 10`.

        Raises:
            QueryError: The key is blank, or, in the comparison and in a search, the value has another type than the
                library has for the key. Nothing matches a key that no item has.
        """
        return MetadataKey(key, Term)

    @staticmethod
    def collection(name: str) -> Filter:
        """Return a filter for the items that were added to a collection; "*" is any collection, "shop-*" a pattern."""
        return Term(criteria.Collection(name))

    @staticmethod
    def kind(kind: Modality | Literal["photo", "text"]) -> Filter:
        """Return a filter for photos, or for texts."""
        return Term(criteria.Kind(Modality(kind)))


@dataclass(frozen=True, slots=True)
class Term(Filter):
    """A filter of one criterion."""

    criterion: Criterion

    def condition(self) -> ColumnElement[bool]:
        """Return the criterion's condition, which is NULL if the catalog lacks the value."""
        return self.criterion.condition()

    def transform(self, change: Callable[[Criterion], Filter]) -> Filter:
        """Return what `change` makes of the criterion."""
        return change(self.criterion)

    def __repr__(self) -> str:
        return repr(self.criterion)


@dataclass(frozen=True, slots=True)
class And(Filter):
    """Every part matches."""

    parts: tuple[Filter, ...]

    def condition(self) -> ColumnElement[bool]:
        """Return the conditions joined by AND."""
        return and_(*(part.condition() for part in self.parts))

    def transform(self, change: Callable[[Criterion], Filter]) -> Filter:
        """Return the expression with its parts transformed."""
        return And(tuple(part.transform(change) for part in self.parts))

    def __repr__(self) -> str:
        return " & ".join(f"({part!r})" if isinstance(part, Or) else repr(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or(Filter):
    """At least one part matches."""

    parts: tuple[Filter, ...]

    def condition(self) -> ColumnElement[bool]:
        """Return the conditions joined by OR."""
        return or_(*(part.condition() for part in self.parts))

    def transform(self, change: Callable[[Criterion], Filter]) -> Filter:
        """Return the expression with its parts transformed."""
        return Or(tuple(part.transform(change) for part in self.parts))

    def __repr__(self) -> str:
        return " | ".join(f"({part!r})" if isinstance(part, And) else repr(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not(Filter):
    """The part does not match."""

    part: Filter

    def condition(self) -> ColumnElement[bool]:
        """Return the negated condition; a missing value does not match the part, so it matches here."""
        return not_(func.coalesce(self.part.condition(), false()))

    def transform(self, change: Callable[[Criterion], Filter]) -> Filter:
        """Return the expression with its part transformed."""
        return Not(self.part.transform(change))

    def __repr__(self) -> str:
        return f"~({self.part!r})" if isinstance(self.part, And | Or) else f"~{self.part!r}"


def combine_filters(*filters: Filter | None) -> Filter | None:
    """Return the conjunction of filters; None matches everything."""
    parts = [part for part in filters if part is not None]
    return functools.reduce(operator.and_, parts) if parts else None


def where_conditions(where: Filter | None) -> list[ColumnElement[bool]]:
    """Return the arguments of `Select.where` for a filter; an empty list for None."""
    return [] if where is None else [where.condition()]


def _flatten(kind: type[And | Or], *filters: Filter) -> tuple[Filter, ...]:
    """Return the parts of filters, without nesting expressions of the same kind."""
    return tuple(part for item in filters for part in (item.parts if isinstance(item, kind) else (item,)))


def _day(day: date | str) -> TimeSpan:
    start = datetime.combine(to_local_time(day), time())
    return TimeSpan(start, datetime.max if start.date() == date.max else start + timedelta(days=1))  # noqa: DTZ901
