"""Filters that name a folder or a photo, made into what the library's catalog can be asked."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

from sqlalchemy import Connection

from indexer.catalog.filters.criteria import Criterion, Folder, Near, NearPhoto
from indexer.catalog.filters.expression import Filter, Term, combine_filters
from indexer.catalog.statements import counts, items, sources
from indexer.config import Settings
from indexer.errors import PictureError, QueryError
from indexer.store import Store


def with_filters(
    where: Filter | None, *, folder: str | os.PathLike[str] | None, after: date | None, before: date | None
) -> Filter | None:
    """Return a filter with what is asked beside it: all of it has to hold, and None restricts nothing.

    Raises:
        QueryError: `after` is not earlier than `before`.
    """
    if folder is not None:
        where = combine_filters(where, Filter.folder(folder))
    if after is not None or before is not None:
        where = combine_filters(where, Filter.taken(after=after, before=before))
    return where


def resolve_filter(store: Store, where: Filter | None, settings: Settings) -> Filter | None:
    """Return a filter in which folders are as the library knows them, and photos where they were taken.

    Args:
        store: The library.
        where: The filter.
        settings: Limits of a photo that is not in the library.

    Raises:
        QueryError: The library has nothing from a folder, or a photo does not say where it was taken.
    """
    if where is None:
        return None
    with store.reading() as connection:

        def change(criterion: Criterion) -> Filter:
            if isinstance(criterion, Folder):
                return Term(Folder(_known_folder(connection, criterion.path)))
            if isinstance(criterion, NearPhoto):
                return Term(Near(*_position(connection, Path(criterion.photo), settings), criterion.km))
            return Term(criterion)

        return where.transform(change)


def _known_folder(connection: Connection, folder: str) -> str:
    place = sources.canonical_path(connection, folder)
    if not counts.has_items(connection, place):
        roots = ", ".join(source.root for source in sources.sources(connection))
        raise QueryError(f"the library has nothing from {place}; it has: {roots or 'nothing yet'}")
    return place


def _position(connection: Connection, photo: Path, settings: Settings) -> tuple[float, float]:
    """Return where a photo was taken, in degrees: as the library knows it, else as its file says."""
    found = items.coordinates_of(connection, sources.canonical_path(connection, photo))
    if found is None:
        found = _position_in(photo, settings)
    if found is None:
        raise QueryError(f"{photo} does not say where it was taken; expected LAT,LON or a photo with a position")
    return found


def _position_in(photo: Path, settings: Settings) -> tuple[float, float] | None:
    from indexer.images import Limits, open_picture  # late: photos of the library need no picture library

    limits = Limits(max_pixels=settings.max_pixels, max_bytes=settings.max_bytes)
    try:
        facts = open_picture(photo.expanduser(), limits=limits)[1]
    except PictureError as error:
        raise QueryError(f"where {photo} was taken is not known: {error}; expected LAT,LON or a photo") from error
    if facts.latitude is None or facts.longitude is None:
        return None
    return facts.latitude, facts.longitude
