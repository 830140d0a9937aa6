"""The filters that a tool takes, and the library's filter that they mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from indexer.catalog.filters.expression import Filter, combine_filters
from retrieval.query.parse_values import read_dates, read_limit
from retrieval.schemas.metadata_filters import as_filter as metadata_filter

Text = Annotated[str, Field(min_length=1, max_length=1000)]


class Near(BaseModel):
    """A place and a distance."""

    model_config = ConfigDict(extra="forbid")

    latitude: float = Field(ge=-90, le=90, description="Degrees, north positive.")
    longitude: float = Field(ge=-180, le=180, description="Degrees, east positive.")
    km: float = Field(default=1.0, gt=0, le=20_000, description="Kilometres around it.")


class Filters(BaseModel):
    """Conditions that every result fulfils."""

    model_config = ConfigDict(extra="forbid")

    folder: Text | None = Field(None, description="Only what is in this folder or below it; an absolute path.")
    after: Text | None = Field(
        None, description="Only photos taken at this date or later: 2023-05-01, 2023-05, 2023, yesterday, a year ago."
    )
    before: Text | None = Field(None, description="Only photos taken before this date.")
    on: Text | None = Field(None, description="Only photos taken on this day, or in this month or year.")
    name: Text | None = Field(None, description="Only files with this name; * stands for any text.")
    format: Text | None = Field(None, description="Only files in this format, for instance jpg, heic, raw or md.")
    camera: Text | None = Field(None, description="Only photos by this camera: part of its maker or model.")
    lens: Text | None = Field(None, description="Only photos with this lens: part of its name.")
    place: Text | None = Field(None, description="Only photos of this city, region or country, by their metadata.")
    near: Near | None = Field(None, description="Only photos taken near these coordinates.")
    person: Text | None = Field(None, description="Only photos of this person, by their metadata.")
    tag: Text | None = Field(None, description="Only what has this tag; * stands for any text.")
    min_rating: int | None = Field(None, ge=0, le=5, description="Only photos with this rating or higher.")
    orientation: Literal["landscape", "portrait", "square"] | None = Field(
        None, description="Only photos of this orientation."
    )
    collection: Text | None = Field(None, description="Only added items of this collection.")
    metadata: dict[str, Any] | None = Field(
        None,
        description='Only added items with these values: {"shop": "Berlin"}, {"shop": ["Berlin", "Paris"]} for one of '
        'them, {"price": {"$lt": 10}} to compare ($lt, $lte, $gt, $gte, $ne, $exists).',
    )


def as_filter(filters: Filters | None) -> Filter | None:
    """Return the library's filter, None if nothing is filtered.

    Raises:
        QueryError: A date or a format cannot be read.
    """
    return None if filters is None else combine_filters(*_parts(filters))


def _parts(filters: Filters) -> Iterator[Filter]:
    for name in ("folder", "name", "format", "camera", "lens", "place", "person", "tag", "orientation"):
        value = getattr(filters, name)
        if value is not None:
            yield getattr(Filter, name)(value)
    if filters.after is not None or filters.before is not None:
        after, before = (None if text is None else read_limit(text) for text in (filters.after, filters.before))
        yield Filter.taken(after=after, before=before)
    if filters.on is not None:
        yield Filter.taken(on=read_dates(filters.on))
    if filters.collection is not None:
        yield Filter.collection(filters.collection)
    if filters.metadata is not None:
        of_metadata = metadata_filter(filters.metadata)
        if of_metadata is not None:
            yield of_metadata
    if filters.near is not None:
        yield Filter.near(filters.near.latitude, filters.near.longitude, km=filters.near.km)
    if filters.min_rating is not None:
        yield Filter.rating(filters.min_rating)
