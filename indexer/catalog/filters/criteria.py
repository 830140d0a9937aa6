"""What a filter can ask about a photo or a text, one thing at a time, each as a condition in SQL.

A condition is NULL where the catalog does not know the answer; `indexer.catalog.filters.expression` makes that false.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal, NamedTuple, Protocol, get_args

from sqlalchemy import ColumnElement, and_, func, or_

from indexer.catalog.filters.geo import box_around
from indexer.catalog.filters.path_prefix import at_or_under
from indexer.catalog.schema import ITEMS, UNITS
from indexer.errors import QueryError
from indexer.types import Modality

Shape = Literal["landscape", "portrait", "square"]
"""How a photo lies: wider than high, higher than wide, or neither."""


class Criterion(Protocol):
    """One thing that a filter asks; a value, so that equal ones are equal."""

    def condition(self) -> ColumnElement[bool]:
        """Return the condition on the tables items and units."""


class TimeSpan(NamedTuple):
    """A stretch of time, in the local time of the camera: from `start`, up to and without `end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """Taken at `after` or later, and before `before`; None does not restrict."""

    after: datetime | None
    before: datetime | None

    def __post_init__(self) -> None:
        if self.after is None and self.before is None:
            raise ValueError("there is no date to filter by; expected after, before or on")
        if self.after is not None and self.before is not None and self.after >= self.before:
            raise QueryError(
                f"nothing can be taken after {_shown(self.after)} and before {_shown(self.before)}; expected the later "
                "date as the end, so exchange the two"
            )

    def condition(self) -> ColumnElement[bool]:
        """Return the condition."""
        ends = [] if self.after is None else [ITEMS.c.taken_at >= self.after]
        return and_(*ends, *([] if self.before is None else [ITEMS.c.taken_at < self.before]))

    def __repr__(self) -> str:
        ends = {"after": self.after, "before": self.before}
        return f"taken({', '.join(f'{name}={_shown(end)}' for name, end in ends.items() if end is not None)})"


@dataclass(frozen=True, slots=True)
class Folder:
    """Is this absolute path, or lies in it."""

    path: str

    def condition(self) -> ColumnElement[bool]:
        """Return the condition."""
        return at_or_under(ITEMS.c.path, self.path)

    def __repr__(self) -> str:
        return f"folder({self.path!r})"


@dataclass(frozen=True, slots=True)
class Near:
    """Taken within `km` of a place, in degrees."""

    latitude: float
    longitude: float
    km: float

    def __post_init__(self) -> None:
        if not (-90 <= self.latitude <= 90 and -180 <= self.longitude <= 180):
            raise QueryError(
                f"there is no place {self.latitude:g},{self.longitude:g}; expected degrees of latitude from -90 to 90 "
                "and of longitude from -180 to 180"
            )
        _check_distance(self.km)

    def condition(self) -> ColumnElement[bool]:
        """Return the condition: in a box, which an index serves, and near enough."""
        box = box_around(self.latitude, self.longitude, self.km)
        inside: list[ColumnElement[bool]] = [ITEMS.c.latitude.between(box.south, box.north)]
        if box.longitudes:
            inside.append(or_(*(ITEMS.c.longitude.between(*range_) for range_ in box.longitudes)))
        away = func.distance_km(ITEMS.c.latitude, ITEMS.c.longitude, self.latitude, self.longitude)
        return and_(*inside, away <= self.km)

    def __repr__(self) -> str:
        return f"near({self.latitude:g}, {self.longitude:g}, km={self.km:g})"


@dataclass(frozen=True, slots=True)
class NearPhoto:
    """Taken within `km` of where a photo was taken; a library makes a `Near` of it."""

    photo: str
    km: float

    def __post_init__(self) -> None:
        _check_distance(self.km)

    def condition(self) -> ColumnElement[bool]:
        """Refuse: only a library knows where the photo was taken."""
        raise ValueError(f"where {self.photo} was taken is not known here; search a library with this filter")

    def __repr__(self) -> str:
        return f"near_photo({self.photo!r}, km={self.km:g})"


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a photo lies when it is looked at."""

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
    """At least so many pixels on the longer and on the shorter side."""

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
    """At least so many pixels in all."""

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
    """So many stars, both ends included."""

    at_least: int
    at_most: int

    def __post_init__(self) -> None:
        if not 0 <= self.at_least <= self.at_most <= 5:
            raise QueryError(f"there is no rating from {self.at_least} to {self.at_most}; expected 0 to 5 stars")

    def condition(self) -> ColumnElement[bool]:
        """Return the condition."""
        return ITEMS.c.rating.between(self.at_least, self.at_most)

    def __repr__(self) -> str:
        return f"rating({self.at_least}, {self.at_most})"


@dataclass(frozen=True, slots=True)
class Kind:
    """The unit is a photo, or a text."""

    kind: Modality

    def condition(self) -> ColumnElement[bool]:
        """Return the condition."""
        return UNITS.c.kind == self.kind

    def __repr__(self) -> str:
        return f"kind({str(self.kind)!r})"


def _check_distance(km: float) -> None:
    if not 0 < km < math.inf:
        raise QueryError(f"{km:g} km is no distance; expected a number above 0")


def _shown(moment: datetime) -> str:
    return str(moment.date() if moment.time() == time() else moment)


def local_start(day: date) -> datetime:
    """Return a date's first moment, and a moment as the camera's local time, which has no zone."""
    moment = day if isinstance(day, datetime) else datetime.combine(day, time())
    return moment if moment.tzinfo is None else moment.astimezone().replace(tzinfo=None)
