"""Which items hold what a file holds, and whether these have left their places: what is slow for a planner to ask."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection

from indexer.catalog.statements import sync_state
from indexer.catalog.statements.sync_state import FileRecord
from indexer.documents.text_file import text_format
from indexer.sync.scan_rules import SourceFile

MANY = 8
"""Items of one content from which they are kept for the next files: to read them for every hundred takes longer."""

HELD = 200_000
"""Items that are kept so at most, some 60 MB; those that were asked for the longest ago are read again."""

_Content = tuple[int, bytes]
"""Size and SHA-256."""


class ContentLookup:
    """What a catalog, as it is at one moment, holds of the contents of files."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._kept: OrderedDict[tuple[_Content, str | None], list[FileRecord]] = OrderedDict()
        self._held = 0

    def __call__(self, files: Sequence[SourceFile]) -> list[list[FileRecord]]:
        """Return the indexed items with content and format of each file, oldest first.

        Only those files are read whose size an item has. Files of one content may be given one list.
        """
        sizes = sync_state.existing_sizes(self._connection, {file.size for file in files})
        contents = [(file.size, _hash(file) if file.size in sizes else None) for file in files]
        wanted = [
            None if hash_ is None else ((size, hash_), text_format(file.path))  # the format decides how text is cut
            for file, (size, hash_) in zip(files, contents, strict=True)
        ]
        asked = {each for each in wanted if each is not None}
        found = {key: self._kept[key] for key in asked if key in self._kept}
        same = sync_state.files_by_content(self._connection, {content for content, _ in asked - found.keys()})
        for content, format_ in asked - found.keys():
            found[content, format_] = [item for item in same[content] if text_format(item.path) == format_]
        self._keep(found)
        return [[] if each is None else found[each] for each in wanted]

    def _keep(self, found: dict[tuple[_Content, str | None], list[FileRecord]]) -> None:
        for key, items in found.items():
            if len(items) >= MANY:
                self._held += len(items) - len(self._kept.pop(key, ()))
                self._kept[key] = items
        while self._held > HELD and len(self._kept) > 1:
            self._held -= len(self._kept.popitem(last=False)[1])


def _hash(file: SourceFile) -> bytes | None:
    """Return the SHA-256 of a file's content."""
    try:
        with Path(file.path).open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").digest()
    except OSError:
        return None  # the decoder will meet the same error and record it


def is_gone(item: FileRecord) -> bool:
    """Return whether a file has left its place; one that may not be looked at has not.

    One on a disk that is away counts as gone too: its copy elsewhere takes its place in the answers, and when the
    disk is back the file is added again without being encoded.
    """
    try:
        os.lstat(item.path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return True
    except OSError:
        return False
    return False
