"""What is asked: texts and pictures together, with filters."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from indexer.catalog.queries import Filters
from indexer.errors import QueryError

if TYPE_CHECKING:
    from PIL import Image

Picture: TypeAlias = "Path | Image.Image | bytes"
"""A query picture: a file, an open picture, or the bytes of a file."""


@dataclass(frozen=True, slots=True)
class Query:
    """Any mix of texts and pictures, with filters.

    The query vector is the sum of the unit vectors of all parts, scaled to unit length: each part counts the same.

    Attributes:
        texts: Descriptions, none of them blank.
        images: Pictures.
        filters: Which items may be returned.
    """

    texts: Sequence[str] = ()
    images: Sequence[Picture] = ()
    filters: Filters = field(default_factory=Filters)

    def __post_init__(self) -> None:
        """Refuse a query that asks for nothing.

        Raises:
            QueryError: There is neither text nor picture, or a text is blank.
        """
        if isinstance(self.texts, str):
            raise TypeError(f"texts is the string {self.texts!r}; expected a sequence of strings")
        if not self.texts and not self.images:
            raise QueryError("the query is empty; give words, a picture, or both")
        if any(not text.strip() for text in self.texts):
            raise QueryError('the query text is blank; describe what is to be seen, for instance "a dog on the beach"')

    @property
    def terms(self) -> list[str]:
        """A name for each part, texts first, for people."""
        return [*self.texts, *(_name(image) for image in self.images)]


def as_picture(image: str | os.PathLike[str] | Image.Image | bytes) -> Picture:
    """Return a picture as queries hold it: what names a file becomes a Path."""
    return Path(image) if isinstance(image, str | os.PathLike) else image


def as_query(query: str | Picture | Query, image: Picture | None, filters: Filters) -> Query:
    """Return what was asked as one Query: words or a picture or a query, a further picture, filters."""
    extra = () if image is None else (image,)
    if isinstance(query, Query):
        if filters != Filters() and query.filters != Filters():
            raise ValueError("filters were given both in the query and beside it; give them once")
        filters = query.filters if filters == Filters() else filters
        return Query(query.texts, (*query.images, *extra), filters)
    if isinstance(query, str):
        return Query((query,), extra, filters)
    return Query((), (query, *extra), filters)


def first_moment(day: date | None) -> datetime | None:
    """Return a date's first moment, and a moment as the camera's local time, which has no zone."""
    if day is None:
        return None
    moment = day if isinstance(day, datetime) else datetime.combine(day, time())
    return moment if moment.tzinfo is None else moment.astimezone().replace(tzinfo=None)


def _name(image: Picture) -> str:
    return os.fspath(image) if isinstance(image, Path) else "image"
