"""Finds the indexed items with the content of a file, and whether their files still exist."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from sqlalchemy import Connection

from indexer.catalog.statements import sync_state
from indexer.catalog.statements.sync_state import FileRecord
from indexer.documents.text_file import text_format
from indexer.storage import item_files
from indexer.sync.source_errors import source_errors
from indexer.sync.walk_entries import SourceFile
from indexer.types import collection_of

MIN_CACHED = 8
"""Items with one content from which on they are cached: reading them again for every hundred files takes longer."""

MAX_CACHED = 200_000
"""Cached items, at most, some 60 MB; the least recently used are dropped."""

_Content = tuple[int, bytes]
"""Size and SHA-256."""


class ContentLookup:
    """Looks up contents in the catalog, as it is in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._cache: OrderedDict[tuple[_Content, str | None], list[FileRecord]] = OrderedDict()
        self._cached_count = 0

    def __call__(self, files: Sequence[SourceFile]) -> list[list[FileRecord]]:
        """Return the indexed items with the content and format of each file, oldest first.

        A file is read only if an item has its size. Files with the same content may share a list.
        """
        sizes = sync_state.existing_sizes(self._connection, {file.size for file in files})
        hashes = [(file.size, _content_hash(file) if file.size in sizes else None) for file in files]
        keys = [
            None if hash_ is None else ((size, hash_), text_format(file.path))  # text is split by its format
            for file, (size, hash_) in zip(files, hashes, strict=True)
        ]
        distinct = {key for key in keys if key is not None}
        found = {key: self._cache[key] for key in distinct if key in self._cache}
        missing = distinct - found.keys()
        items_by_content = sync_state.files_by_content(self._connection, {content for content, _ in missing})
        for content, format_ in missing:
            items = items_by_content[content]
            found[content, format_] = [item for item in items if _is_file(item) and text_format(item.path) == format_]
        self._store(found)
        return [[] if key is None else found[key] for key in keys]

    def _store(self, found: dict[tuple[_Content, str | None], list[FileRecord]]) -> None:
        for key, items in found.items():
            if len(items) >= MIN_CACHED:
                self._cached_count += len(items) - len(self._cache.pop(key, ()))
                self._cache[key] = items
        while self._cached_count > MAX_CACHED and len(self._cache) > 1:
            self._cached_count -= len(self._cache.popitem(last=False)[1])


def _is_file(item: FileRecord) -> bool:
    """Return whether an item is a file, which may have moved, and not added by an app."""
    return collection_of(item.path) is None


def _content_hash(file: SourceFile) -> bytes | None:
    """Return the SHA-256 of a file's content, None if it cannot be read.

    Raises:
        SourceError: Its object store cannot be used.
    """
    try:
        with source_errors():
            return item_files.file_hash(file.path)
    except OSError:
        return None  # the decoder will get the same error and record it


def is_missing(item: FileRecord) -> bool:
    """Return whether an item's file no longer exists; False if access to it is denied.

    A file on a disconnected disk is missing too. Its copy elsewhere takes its place in results; when the disk is back,
    the file is added again without being encoded.
    """
    return item_files.is_missing(item.path)
