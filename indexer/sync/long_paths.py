"""Paths that are too long for the catalog: their folders count as unreadable."""

from __future__ import annotations

import os
from collections.abc import Iterator

from indexer.sync.walk_entries import BrokenLink, Listing, UnreadableFolder, WalkEntry

_LONGEST_NAME = 300
"""Bytes of the name of a photo or a sidecar, with a separator, at most; file systems allow 255."""


def without_long_paths(entries: Iterator[WalkEntry], longest: int | None) -> Iterator[WalkEntry]:
    """Yield the entries of a walk, without the files of folders whose files may have too long paths.

    Args:
        entries: The entries; a listing has files of one folder.
        longest: Bytes of a path that the catalog can store, at most; None for any number.
    """
    if longest is None:
        return entries
    return _checked(entries, longest - _LONGEST_NAME)


def _checked(entries: Iterator[WalkEntry], longest: int) -> Iterator[WalkEntry]:
    last = b""
    for entry in entries:
        listing = entry.listing if isinstance(entry, BrokenLink) else entry
        folder = os.path.dirname(listing.files[0][0]) if isinstance(listing, Listing) and listing.files else b""
        if len(folder) <= longest:
            yield entry
        elif folder != last:
            last = folder
            reason = f"its path has {len(folder):,} bytes; this library can store {longest:,}"
            yield UnreadableFolder(os.fsdecode(folder), reason)
