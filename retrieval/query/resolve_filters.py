"""Replaces folders and photos in filters by the paths and positions that the catalog knows."""

from __future__ import annotations

import os
from datetime import date
from functools import reduce
from operator import or_
from pathlib import Path
from typing import cast

from sqlalchemy import Connection

from indexer.catalog.filters.criteria import Criterion, Folder, Near, NearPhoto
from indexer.catalog.filters.expression import Filter, Term, combine_filters
from indexer.catalog.filters.metadata import Metadata, MetadataType, TypedMetadata
from indexer.catalog.filters.patterns import Label
from indexer.catalog.statements import counts, items, sources
from indexer.catalog.statements.item_metadata import is_used, key_types
from indexer.catalog.statements.place_names import places_named
from indexer.catalog.statements.spellings import stored_spellings
from indexer.catalog.text_key import text_key
from indexer.errors import PictureError, QueryError
from indexer.object_path import file_path
from indexer.store import Store


def with_filters(
    where: Filter | None, *, folder: str | os.PathLike[str] | None, after: date | str | None, before: date | str | None
) -> Filter | None:
    """Return a filter that also requires a folder and dates; None restricts nothing.

    Raises:
        QueryError: `after` is not earlier than `before`, or one of them is not a date.
    """
    if folder is not None:
        where = combine_filters(where, Filter.folder(folder))
    if after is not None or before is not None:
        where = combine_filters(where, Filter.taken(after=after, before=before))
    return where


def resolve_filter(store: Store, where: Filter | None) -> Filter | None:
    """Return a filter with folders as canonical paths, and photos as the positions where they were taken.

    Args:
        store: The library.
        where: The filter.

    Raises:
        QueryError: Nothing of a folder is indexed, a photo has no position, or metadata has values of another type.
    """
    if where is None:
        return None
    if not isinstance(where, Filter):
        raise TypeError(f"where is {where!r}; expected a Filter, for instance Filter.rating(4)")
    with store.reading() as connection:

        def resolve(criterion: Criterion) -> Filter:
            if isinstance(criterion, Folder):
                folders = _indexed_folders(connection, criterion.path)
                return reduce(or_, (Term(Folder(folder)) for folder in folders))
            if isinstance(criterion, NearPhoto):
                return Term(Near(*_coordinates(connection, file_path(criterion.photo), store), criterion.km))
            if isinstance(criterion, Label) and criterion.field == "place":
                return _places(connection, criterion)
            if isinstance(criterion, Metadata | TypedMetadata):
                return Term(_metadata(connection, criterion))
            return Term(criterion)

        return where.transform(resolve)


def _metadata(connection: Connection, criterion: Metadata | TypedMetadata) -> Metadata:
    """Return a comparison of metadata for the type of its key.

    Raises:
        QueryError: Items have a value of another type for the key.
    """
    type_ = cast("MetadataType | None", key_types(connection, [criterion.key]).get(criterion.key))
    try:
        return criterion.resolved(type_)
    except QueryError:
        if is_used(connection, criterion.key):
            raise
        return criterion.resolved(None)  # the items that had it are gone


def _places(connection: Connection, criterion: Label) -> Filter:
    """Return a filter for a place by all names that photos have it under: Cologne is also Köln."""
    names = places_named(connection, [text_key(criterion.pattern)])
    others = [place for found in names.values() for place in found]
    return reduce(or_, (Term(Label("place", place)) for place in others)) if others else Term(criterion)


def _indexed_folders(connection: Connection, folder: str) -> list[str]:
    """Return the canonical path of a folder, in every spelling in which it has items.

    Folders whose names differ in their Unicode form only look the same, and a filter is for both. Another case counts
    if no folder has the name in this case.
    """
    if "\0" in folder:  # no path: the system's functions raise ValueError
        raise QueryError(f"the folder {folder!r:.100} has a NUL character; leave it out")
    path = sources.canonical_path(connection, folder)
    if path.isascii() and counts.has_items(connection, path):
        return [path]
    spellings = stored_spellings(connection, path, ignore_case=True)
    folders = [spelling for spelling in spellings if counts.has_items(connection, spelling)]
    if not folders:
        roots = ", ".join(source.root for source in sources.sources(connection))
        raise QueryError(f"the library has nothing from {path}; it has: {roots or 'nothing yet'}")
    return folders


def _coordinates(connection: Connection, photo: Path, store: Store) -> tuple[float, float]:
    """Return latitude and longitude of a photo in degrees, from the catalog or else from its file."""
    coordinates = items.coordinates_of(connection, sources.canonical_path(connection, photo))
    if coordinates is None:
        coordinates = _coordinates_in(photo, store)
    if coordinates is None:
        raise QueryError(f"{photo} has no position in its metadata; expected LAT,LON or a photo with a position")
    return coordinates


def _coordinates_in(photo: Path, store: Store) -> tuple[float, float] | None:
    """Return latitude and longitude that a file has in its metadata, in degrees."""
    try:
        metadata = store.pictures.metadata(photo.expanduser())
    except PictureError as error:
        raise QueryError(f"the position of {photo} is unknown: {error}; expected LAT,LON or a photo") from error
    if metadata.latitude is None or metadata.longitude is None:
        return None
    return metadata.latitude, metadata.longitude
