"""Which items hold what a file holds, and whether these have left their places: what is slow for a planner to ask."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection

from indexer.catalog import known
from indexer.catalog.known import KnownFile
from indexer.sources import FoundFile
from indexer.texts import text_format


def twins(connection: Connection, files: Sequence[FoundFile]) -> list[list[KnownFile]]:
    """Return the indexed items with content and format of each file; only those are read whose size an item has."""
    sizes = known.known_sizes(connection, {file.size for file in files})
    contents = [(file.size, _hash(file) if file.size in sizes else None) for file in files]
    same = known.same_content(connection, {(size, hash_) for size, hash_ in contents if hash_ is not None})
    found = [same[size, hash_] if hash_ is not None else [] for size, hash_ in contents]
    return [
        [twin for twin in each if text_format(twin.path) == text_format(file.path)]  # it decides how text is cut
        for file, each in zip(files, found, strict=True)
    ]


def _hash(file: FoundFile) -> bytes | None:
    """Return the SHA-256 of a file's content."""
    try:
        with Path(file.path).open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").digest()
    except OSError:
        return None  # the decoder will meet the same error and record it


def is_gone(item: KnownFile) -> bool:
    """Return whether a file has left its place.

    One on a disk that is away counts as gone too: its copy elsewhere takes its place in the answers, and when the
    disk is back the file is added again without being encoded.
    """
    return not os.path.lexists(item.path)
