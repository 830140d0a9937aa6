"""Folders and object stores behind one module: list, read whole files or ranges, write whole files, delete.

From outside call `open_place`, and use the `Place` that it returns. A place is a folder or `s3://BUCKET/PREFIX`.
Importing this package loads no pyarrow; opening an object store does.
"""

from __future__ import annotations

import os

from indexer.storage.folder import FolderPlace
from indexer.storage.place import Entry, FileInfo, MissingFileError, Place
from indexer.storage.url import is_url, parse_url, split_url

__all__ = [
    "Entry",
    "FileInfo",
    "FolderPlace",
    "MissingFileError",
    "Place",
    "is_url",
    "open_place",
    "parse_url",
    "split_url",
]


def open_place(place: str | os.PathLike[str]) -> Place:
    """Return the folder or the object store at a path or URL; nothing is read yet.

    The keys of an object store come from where its other programs have them: `AWS_ACCESS_KEY_ID`,
    `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` and `AWS_PROFILE`, the files in `~/.aws`, or the role of the machine.
    `AWS_ENDPOINT_URL` names another server than Amazon's, and `AWS_REGION` the region.

    Raises:
        ConfigError: The URL is not of the form `s3://BUCKET/PREFIX`, or has a password in it.
        MissingPackageError: It is an object store, and pyarrow is not installed.
    """
    text = os.fspath(place)
    if not is_url(text):
        return FolderPlace(text)
    bucket, prefix = parse_url(text)
    from indexer.storage.object_store import ObjectStore  # late: folders need no pyarrow

    return ObjectStore(bucket, prefix)
