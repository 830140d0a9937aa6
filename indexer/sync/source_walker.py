"""Walks any source: a folder or a file, or a prefix of an object store."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator

from indexer.errors import ConfigError
from indexer.storage.url import is_url
from indexer.sync.object_walker import walk_objects
from indexer.sync.other_endings import OtherEndings
from indexer.sync.scan_rules import Rules
from indexer.sync.walk_entries import WalkEntry
from indexer.sync.walker import walk


def walk_source(
    root: str,
    rules: Rules,
    *,
    base: str | None = None,
    others: Collection[str] = (),
    endings: OtherEndings | None = None,
) -> Iterator[WalkEntry]:
    """Yield the photos and text files of a source, in the byte order of their paths.

    Args:
        root: Absolute path of a folder or file, or a URL, as `resolve_path` returns it.
        rules: What to exclude; the root itself is never excluded.
        base: Folder that the patterns' paths are relative to; None for the root.
        others: Roots of other sources, which are skipped.
        endings: Counts the files that are passed over by their ending.

    Raises:
        SourceError: The root cannot be read or does not exist.
        ConfigError: The URL has another scheme, or no bucket; or this is Windows.
        MissingPackageError: It is a URL, and pyarrow is not installed.
    """
    if is_url(root):
        if os.name == "nt":  # the catalog finds what is below a path by the system's separator
            raise ConfigError(
                f"{root} cannot be indexed on Windows, where photos in object storage are not supported yet; "
                "copy them to a folder, or run Recall on Linux or macOS"
            )
        return walk_objects(root, rules, base=base or root, others=others, endings=endings)
    return walk(root, rules, base=base, others=others, endings=endings)
