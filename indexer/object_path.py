"""Paths of items as objects: the URL of an object in a bucket, `s3://BUCKET/KEY`, stands where others have a file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform == "win32":
    from pathlib import WindowsPath as _SystemPath
else:
    from pathlib import PosixPath as _SystemPath

SCHEME = "s3://"


class ObjectPath(_SystemPath):
    """The URL of an object or of a prefix, with the name, the suffix and the parents that a path has.

    `pathlib` makes `s3:/` of `s3://`; the text of this one is the URL. The system opens no such file:
    `indexer.storage` does.
    """

    def __str__(self) -> str:
        return SCHEME + "/".join(self.parts[1:])

    def __fspath__(self) -> str:
        return str(self)

    def is_absolute(self) -> bool:
        """Return True: a URL does not depend on the working folder."""
        return True

    def absolute(self) -> ObjectPath:
        """Return the URL itself."""
        return self

    def expanduser(self) -> ObjectPath:
        """Return the URL itself: a ~ in it is a letter."""
        return self


def is_object(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is the URL of an object, or of a prefix."""
    return isinstance(path, ObjectPath) or os.fspath(path).startswith(SCHEME)


def file_path(path: str | os.PathLike[str]) -> Path:
    """Return what an app gets of an item's path: a path, or the URL of an object as one."""
    return ObjectPath(path) if is_object(path) else Path(path)


def absolute_path(path: str | os.PathLike[str]) -> str:
    """Return the absolute path of a file or folder that a user named, whose ~ is the home folder; a URL as it is."""
    text = os.fspath(path)
    if is_object(path):
        return SCHEME + text.removeprefix(SCHEME).rstrip("/")
    return os.path.abspath(os.path.expanduser(text))
