"""The criteria of filters: single conditions on a photo or a text, each compiled to SQL.

A condition is NULL if the catalog lacks the value; `indexer.catalog.filters.expression` treats NULL as false.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal, NamedTuple, Protocol, get_args

from sqlalchemy import ColumnElement, and_, func, or_, select

from indexer.catalog.constructs import matches_pattern
from indexer.catalog.filters.geo import box_around
from indexer.catalog.filters.metadata import require_text
from indexer.catalog.filters.path_prefix import at_or_under, row_range
from indexer.catalog.schema import ITEMS, SOURCES, UNITS
from indexer.errors import QueryError
from indexer.types import COLLECTION, Modality

Shape = Literal["landscape", "portrait", "square"]
"""Orientation of a photo: wider than high, higher than wide, or neither."""


class Criterion(Protocol):
    """A single condition of a filter; an immutable value that compares by content."""

    def condition(self) -> ColumnElement[bool]:
        """Return the SQL condition on the tables items and units."""


class TimeSpan(NamedTuple):
    """A period in the camera's local time: from `start` (included) to `end` (excluded)."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """The photo was taken at `after` or later, and before `before`; None means no limit."""

    after: datetime | None
    before: datetime | None

    def __post_init__(self) -> None:
        if self.after is None and self.before is None:
            raise ValueError("there is no date to filter by; expected after, before or on")
        if self.after is not None and self.before is not None and self.after >= self.before:
            raise QueryError(
                f"no photo can be taken after {_format_time(self.after)} and before {_format_time(self.before)}; swap "
                "the two dates"
            )

    def condition(self) -> ColumnElement[bool]:
        """Return the condition."""
        ends = [] if self.after is None else [ITEMS.c.taken_at >= self.after]
        return and_(*ends, *([] if self.before is None else [ITEMS.c.taken_at < self.before]))

    def __repr__(self) -> str:
        ends = {"after": self.after, "before": self.before}
        return f"taken({', '.join(f'{name}={_format_time(end)}' for name, end in ends.items() if end is not None)})"


@dataclass(frozen=True, slots=True)
class Folder:
    """The item is at this absolute path or below it."""

    path: str

    def condition(self) -> ColumnElement[bool]:
        """Return the condition."""
        return at_or_under(ITEMS.c.path, self.path)

    def __repr__(self) -> str:
        return f"folder({self.path!r})"


@dataclass(frozen=True, slots=True)
class Collection:
    """The item was added to the collection with this name, in which * matches any text and ? one character."""

    name: str

    def __post_init__(self) -> None:
        if not require_text(self.name).isprintable() or not self.name.strip():
            raise QueryError(f"there is no collection {self.name!r}; expected the name of one, for instance default")

    def condition(self) -> ColumnElement[bool]:
        """Return the condition."""
        if set("*?") & set(self.name):
            names = select(SOURCES.c.id).where(matches_pattern(SOURCES.c.collection, self.name))
            return ITEMS.c.source_id.in_(names)
        start, end = row_range(f"{COLLECTION}{self.name}")
        return and_(ITEMS.c.path > start, ITEMS.c.path < end)

    def __repr__(self) -> str:
        return f"collection({self.name!r})"


@dataclass(frozen=True, slots=True)
class Near:
    """The photo was taken within `km` of a place, given in degrees."""

    latitude: float
    longitude: float
    km: float

    def __post_init__(self) -> None:
        if not (-90 <= self.latitude <= 90 and -180 <= self.longitude <= 180):
            raise QueryError(
                f"there is no place {self.latitude:g},{self.longitude:g}; expected a latitude from -90 to 90 degrees "
                "and a longitude from -180 to 180"
            )
        _check_distance(self.km)

    def condition(self) -> ColumnElement[bool]:
        """Return the condition: inside a bounding box, which uses an index, and within the distance."""
        box = box_around(self.latitude, self.longitude, self.km)
        inside: list[ColumnElement[bool]] = [ITEMS.c.latitude.between(box.south, box.north)]
        if box.longitudes:
            inside.append(or_(*(ITEMS.c.longitude.between(*range_) for range_ in box.longitudes)))
        distance = func.distance_km(ITEMS.c.latitude, ITEMS.c.longitude, self.latitude, self.longitude)
        return and_(*inside, distance <= self.km)

    def __repr__(self) -> str:
        return f"near({self.latitude:g}, {self.longitude:g}, km={self.km:g})"


@dataclass(frozen=True, slots=True)
class NearPhoto:
    """The photo was taken within `km` of another photo; a library resolves this to a `Near`."""

    photo: str
    km: float

    def __post_init__(self) -> None:
        _check_distance(self.km)

    def condition(self) -> ColumnElement[bool]:
        """Raise ValueError: only a library knows where the other photo was taken."""
        raise ValueError(f"the filter near_photo({self.photo!r}) is unresolved; use it in a search of a library")

    def __repr__(self) -> str:
        return f"near_photo({self.photo!r}, km={self.km:g})"


@dataclass(frozen=True, slots=True)
class Orientation:
    """The photo has this orientation when displayed upright."""

    shape: Shape

    def __post_init__(self) -> None:
        if self.shape not in get_args(Shape):
            raise QueryError(f"there is no orientation {self.shape!r}; expected landscape, portrait or square")

    def condition(self) -> ColumnElement[bool]:
        """Return the condition."""
        width, height = ITEMS.c.width, ITEMS.c.height
        return {"landscape": width > height, "portrait": width < height, "square": width == height}[self.shape]

    def __repr__(self) -> str:
        return f"orientation({self.shape!r})"


@dataclass(frozen=True, slots=True)
class MinSize:
    """The photo has at least this many pixels on its longer and its shorter side."""

    longer: int
    shorter: int

    def __post_init__(self) -> None:
        if self.shorter < 1 or self.longer >= 2**62:
            raise QueryError(f"no photo has {self.longer} x {self.shorter} pixels; expected for instance 1920x1080")

    def condition(self) -> ColumnElement[bool]:
        """Return the condition."""
        width, height = ITEMS.c.width, ITEMS.c.height
        return or_(
            and_(width >= self.longer, height >= self.shorter), and_(width >= self.shorter, height >= self.longer)
        )

    def __repr__(self) -> str:
        return f"min_size({self.longer}, {self.shorter})"


@dataclass(frozen=True, slots=True)
class MinPixels:
    """The photo has at least this many pixels in total."""

    pixels: int

    def __post_init__(self) -> None:
        if not 0 < self.pixels < 2**62:
            raise QueryError(f"no photo has {self.pixels} pixels; expected a number above 0, for instance 12mp")

    def condition(self) -> ColumnElement[bool]:
        """Return the condition."""
        return ITEMS.c.width * ITEMS.c.height >= self.pixels

    def __repr__(self) -> str:
        return f"min_pixels({self.pixels})"


@dataclass(frozen=True, slots=True)
class Rating:
    """The rating is in this range, both ends included."""

    at_least: int
    at_most: int

    def __post_init__(self) -> None:
        if not 0 <= self.at_least <= self.at_most <= 5:
            raise QueryError(f"there is no rating from {self.at_least} to {self.at_most}; expected ratings from 0 to 5")

    def condition(self) -> ColumnElement[bool]:
        """Return the condition."""
        return ITEMS.c.rating.between(self.at_least, self.at_most)

    def __repr__(self) -> str:
        return f"rating({self.at_least}, {self.at_most})"


@dataclass(frozen=True, slots=True)
class Kind:
    """The unit is a photo or a text."""

    kind: Modality

    def condition(self) -> ColumnElement[bool]:
        """Return the condition."""
        return UNITS.c.kind == self.kind

    def __repr__(self) -> str:
        return f"kind({str(self.kind)!r})"


def _check_distance(km: float) -> None:
    if not 0 < km < math.inf:
        raise QueryError(f"a distance of {km:g} km is out of range; expected more than 0")


def _format_time(value: datetime) -> str:
    return str(value.date() if value.time() == time() else value)


def to_local_time(day: date | str) -> datetime:
    """Return the start of a date, or a datetime, in local time without a zone, as cameras record it.

    Raises:
        QueryError: It is a string that is no date in ISO 8601.
    """
    if isinstance(day, str):
        try:
            day = datetime.fromisoformat(day)
        except ValueError as error:
            raise QueryError(f"{day!r} is not a date; expected one like 2024-05-01 or 2024-05-01T18:30") from error
    value = day if isinstance(day, datetime) else datetime.combine(day, time())
    return value if value.tzinfo is None else value.astimezone().replace(tzinfo=None)
