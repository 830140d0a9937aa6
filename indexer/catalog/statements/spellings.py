"""Finds paths in the catalog that a user spells in another way: in the other Unicode form, or in another case.

macOS writes the names of files in NFD, keyboards write NFC; both look the same.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import PurePath

from sqlalchemy import Connection, exists, or_, select

from indexer.catalog.filters.path_prefix import at_or_under, path_range
from indexer.catalog.schema import ITEMS, SOURCES
from indexer.catalog.text_key import text_key
from indexer.object_path import SCHEME, file_path, is_object

_PAGE_SIZE = 1000


def has_path(connection: Connection, path: str) -> bool:
    """Return whether the catalog has an item or a source at or under a path."""
    parts = (exists().where(at_or_under(table.c[name], path)) for table, name in ((ITEMS, "path"), (SOURCES, "root")))
    return bool(connection.scalar(select(or_(*parts))))


def stored_spellings(connection: Connection, path: str, *, ignore_case: bool = False) -> list[str]:
    """Return the paths in the catalog that have the same names in any Unicode form; the one that is given comes first.

    Args:
        connection: Open connection.
        path: An absolute path, or a URL.
        ignore_case: Whether a name that the catalog lacks may also differ in case.
    """
    spellings = [SCHEME if is_object(path) else PurePath(path).anchor]
    for name in file_path(path).parts[1:]:
        spellings = [
            found for parent in spellings for found in _children(connection, parent, name, ignore_case=ignore_case)
        ]
    return spellings


def _children(connection: Connection, parent: str, name: str, *, ignore_case: bool) -> list[str]:
    """Return the paths of the items and folders in a folder that have a name, in any spelling."""
    forms = dict.fromkeys((name, _nfc(name), unicodedata.normalize("NFD", name)))
    paths = [path for form in forms if has_path(connection, path := os.path.join(parent, form))]
    if paths or (name.isascii() and not ignore_case):
        return paths
    key: Callable[[str], str] = text_key if ignore_case else _nfc
    names = (other for other in _names(connection, parent) if key(other) == key(name))
    return list(dict.fromkeys(os.path.join(parent, other) for other in names))


def _names(connection: Connection, folder: str) -> Iterator[str]:
    """Yield the names of the items and folders in a folder, skipping what is in these folders."""
    last, end = path_range(folder)
    prefix, name = len(last), ""
    paths = select(ITEMS.c.path).order_by(ITEMS.c.path).limit(_PAGE_SIZE)
    while page := connection.scalars(paths.where(ITEMS.c.path > last, ITEMS.c.path < end)).all():
        for path in page:
            before, name = name, path[prefix:].partition("\0")[0].partition(os.sep)[0]
            if name != before:
                yield name
        child = path[:prefix] + name
        last = path if path == child else path_range(child)[1]


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
