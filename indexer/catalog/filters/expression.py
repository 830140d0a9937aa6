"""Which photos and texts may be found: a small expression that compiles to SQL.

    Filter.taken(after=date(2020, 1, 1)) & (Filter.camera("Canon*") | Filter.lens("*50mm*")) & ~Filter.folder("/work")

A filter is true or false for everything, never unknown: where the catalog does not know what is asked about, the filter
is false, and so its opposite is true. `~Filter.camera("Canon*")` lets photos pass whose camera is not known.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, and_, false, func, not_, or_

from indexer.catalog.filters import criteria, patterns
from indexer.catalog.filters.criteria import Criterion, Shape, Taken, TimeSpan, local_start
from indexer.types import Modality


class Filter(ABC):
    """Which photos and texts may be found; combine filters by `&` (and), `|` (or) and `~` (not).

    Two filters that say the same in the same order are equal. What the catalog does not know matches no filter, and so
    it matches the opposite of each. Patterns ignore the case; in them * stands for anything and ? for one character.
    """

    __slots__ = ()

    @abstractmethod
    def condition(self) -> ColumnElement[bool]:
        """Return the filter as a condition on the tables items and units; NULL there is false."""

    @abstractmethod
    def transform(self, change: Callable[[Criterion], Filter]) -> Filter:
        """Return the expression with something else in the place of each thing that it asks."""

    def __and__(self, other: Filter) -> Filter:
        return And(_joined(And, self, other))

    def __or__(self, other: Filter) -> Filter:
        return Or(_joined(Or, self, other))

    def __invert__(self) -> Filter:
        return Not(self)

    def __bool__(self) -> bool:
        raise TypeError("a filter is neither true nor false; combine filters by &, | and ~, not by and, or and not")

    @staticmethod
    def taken(*, after: date | None = None, before: date | None = None, on: date | TimeSpan | None = None) -> Filter:
        """Return the filter for when a photo was taken, in the local time of its camera.

        Args:
            after: At this date or moment, or later.
            before: Before this date or moment.
            on: On this day, or in this stretch of time.

        Raises:
            QueryError: `after` is not earlier than `before`.
            ValueError: No date was given.
        """
        if on is not None:
            within = Term(Taken(*(on if isinstance(on, TimeSpan) else _day(on))))
            return within if after is None and before is None else within & Filter.taken(after=after, before=before)
        start, end = (None if day is None else local_start(day) for day in (after, before))
        return Term(Taken(start, end))

    @staticmethod
    def folder(path: str | os.PathLike[str]) -> Filter:
        """Return the filter for what lies in a folder, at any depth, or is this file."""
        return Term(criteria.Folder(os.path.abspath(os.path.expanduser(path))))

    @staticmethod
    def name(pattern: str) -> Filter:
        """Return the filter for the names of files, for instance "IMG_*.jpg"."""
        return Term(patterns.TextPattern("name", pattern))

    @staticmethod
    def format(name: str) -> Filter:
        """Return the filter for a format, for instance "jpg", "heic", "raw", "nef" or "md".

        Raises:
            QueryError: There is no such format.
        """
        return Term(patterns.Format(name.strip().lower().removeprefix(".")))

    @staticmethod
    def camera(pattern: str) -> Filter:
        """Return the filter for maker and model of the camera; a pattern without * and ? may be any part of them."""
        return Term(patterns.TextPattern("camera", pattern))

    @staticmethod
    def lens(pattern: str) -> Filter:
        """Return the filter for the lens; a pattern without * and ? may be any part of its name."""
        return Term(patterns.TextPattern("lens", pattern))

    @staticmethod
    def near(latitude: float, longitude: float, *, km: float) -> Filter:
        """Return the filter for what was taken within a distance of a place.

        Args:
            latitude: Degrees, north positive, -90 to 90.
            longitude: Degrees, east positive, -180 to 180.
            km: The distance on a great circle, above 0.

        Raises:
            QueryError: There is no such place or distance.
        """
        return Term(criteria.Near(latitude, longitude, km))

    @staticmethod
    def near_photo(photo: str | os.PathLike[str], *, km: float) -> Filter:
        """Return the filter for what was taken within a distance of a photo, which may be in the library or not."""
        return Term(criteria.NearPhoto(os.fspath(photo), km))

    @staticmethod
    def orientation(shape: Shape) -> Filter:
        """Return the filter for photos that are "landscape", "portrait" or "square" when they are looked at."""
        return Term(criteria.Orientation(shape))

    @staticmethod
    def min_size(width: int, height: int) -> Filter:
        """Return the filter for photos of at least this size in pixels, lying or standing."""
        return Term(criteria.MinSize(max(width, height), min(width, height)))

    @staticmethod
    def min_pixels(pixels: int) -> Filter:
        """Return the filter for photos of at least so many pixels in all: 12,000,000 are 12 megapixels."""
        return Term(criteria.MinPixels(pixels))

    @staticmethod
    def rating(at_least: int, at_most: int = 5) -> Filter:
        """Return the filter for photos with so many stars, 0 to 5; photos that were rejected have none."""
        return Term(criteria.Rating(at_least, at_most))

    @staticmethod
    def tag(pattern: str) -> Filter:
        """Return the filter for what has a keyword."""
        return Term(patterns.Tag(pattern))

    @staticmethod
    def kind(kind: Modality | Literal["photo", "text"]) -> Filter:
        """Return the filter for what is found: photos, or texts."""
        return Term(criteria.Kind(Modality(kind)))


@dataclass(frozen=True, slots=True)
class Term(Filter):
    """One thing that is asked."""

    criterion: Criterion

    def condition(self) -> ColumnElement[bool]:
        """Return the condition; it is NULL where the catalog does not know."""
        return self.criterion.condition()

    def transform(self, change: Callable[[Criterion], Filter]) -> Filter:
        """Return what stands for the one thing."""
        return change(self.criterion)

    def __repr__(self) -> str:
        return repr(self.criterion)


@dataclass(frozen=True, slots=True)
class And(Filter):
    """All of several filters."""

    parts: tuple[Filter, ...]

    def condition(self) -> ColumnElement[bool]:
        """Return the conditions joined by AND."""
        return and_(*(part.condition() for part in self.parts))

    def transform(self, change: Callable[[Criterion], Filter]) -> Filter:
        """Return the same of the changed parts."""
        return And(tuple(part.transform(change) for part in self.parts))

    def __repr__(self) -> str:
        return " & ".join(f"({part!r})" if isinstance(part, Or) else repr(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or(Filter):
    """At least one of several filters."""

    parts: tuple[Filter, ...]

    def condition(self) -> ColumnElement[bool]:
        """Return the conditions joined by OR."""
        return or_(*(part.condition() for part in self.parts))

    def transform(self, change: Callable[[Criterion], Filter]) -> Filter:
        """Return the same of the changed parts."""
        return Or(tuple(part.transform(change) for part in self.parts))

    def __repr__(self) -> str:
        return " | ".join(f"({part!r})" if isinstance(part, And) else repr(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not(Filter):
    """The opposite of a filter."""

    part: Filter

    def condition(self) -> ColumnElement[bool]:
        """Return the condition turned round; what is not known becomes true, for it was not so."""
        return not_(func.coalesce(self.part.condition(), false()))

    def transform(self, change: Callable[[Criterion], Filter]) -> Filter:
        """Return the opposite of the changed filter."""
        return Not(self.part.transform(change))

    def __repr__(self) -> str:
        return f"~({self.part!r})" if isinstance(self.part, And | Or) else f"~{self.part!r}"


def combine_filters(one: Filter | None, other: Filter | None) -> Filter | None:
    """Return what lets pass what two filters let pass; None lets everything pass."""
    if one is None or other is None:
        return other if one is None else one
    return one & other


def where_conditions(where: Filter | None) -> list[ColumnElement[bool]]:
    """Return a filter as what a statement's WHERE takes: nothing where everything passes."""
    return [] if where is None else [where.condition()]


def _joined(kind: type[And | Or], *filters: Filter) -> tuple[Filter, ...]:
    """Return filters as one list: what is joined in the same way already is not a list in a list."""
    return tuple(inner for each in filters for inner in (each.parts if isinstance(each, kind) else (each,)))


def _day(day: date) -> TimeSpan:
    start = datetime.combine(local_start(day), time())
    return TimeSpan(start, datetime.max if start.date() == date.max else start + timedelta(days=1))  # noqa: DTZ901
