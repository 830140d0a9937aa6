"""Files of items wherever they lie: what the system does for paths, done for the URLs of objects, too.

Everything that looks at an item's file goes through here, or through `indexer.images.file_reader.read_file`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from indexer.errors import RecallError, StorageError
from indexer.object_path import SCHEME, is_object
from indexer.storage.ahead import map_ahead
from indexer.storage.place import MissingFileError, RefusedFileError
from indexer.storage.url import parse_url

if TYPE_CHECKING:
    from indexer.storage.object_store import ObjectStore

T = TypeVar("T")

THREADS = 16
"""Requests to an object store at the same time: each takes 10 to 50 ms, of which nearly all is waiting."""


class Fetched(NamedTuple):
    """An object that was asked for.

    Attributes:
        size: Its bytes; 0 if it cannot be had.
        content: The bytes themselves; none if they are more than was asked for.
        problem: Why it cannot be had; "" if it can.
    """

    size: int
    content: bytes
    problem: str = ""


def stat_file(path: str | os.PathLike[str]) -> os.stat_result:
    """Return the status of a file: of an object its size, the time of its upload, and as change time its ETag.

    Raises:
        OSError: There is none, or it cannot be accessed.
        StorageError: The object store cannot be used.
    """
    if not is_object(path):
        return os.stat(path)
    store, name = _store_of(os.fspath(path))
    try:
        info = store.info(name) if name else None
    except RefusedFileError as error:
        raise PermissionError(errno.EACCES, error.reason) from error
    if info is None:
        raise FileNotFoundError(errno.ENOENT, "there is no such object")
    return object_status(os.fspath(path), info.size, info.mtime_ns, info.etag)


def stat_files(items: Iterable[T], path_of: Callable[[T], str]) -> Iterator[tuple[T, os.stat_result | OSError]]:
    """Yield each item with the status of its file or the error, in their order; of objects, some are asked for ahead.

    Raises:
        StorageError: The object store cannot be used.
    """

    def status(item: T) -> os.stat_result | OSError:
        try:
            return stat_file(path_of(item))
        except OSError as error:
            return error

    for are_objects, group in groupby(items, key=lambda item: is_object(path_of(item))):
        if are_objects:
            yield from map_ahead(status, group, threads=THREADS)
        else:
            yield from ((item, status(item)) for item in group)


def object_status(url: str, size: int, mtime_ns: int, etag: str | None) -> os.stat_result:
    """Return what the system would say of an object if it were a file, with an inode that no other object has."""
    ctime_ns = _number(etag or str(mtime_ns))  # a server without ETags: only the time tells a change
    times = (mtime_ns // 10**9, mtime_ns // 10**9, ctime_ns // 10**9)
    nanoseconds = {"st_atime_ns": mtime_ns, "st_mtime_ns": mtime_ns, "st_ctime_ns": ctime_ns}
    return os.stat_result((stat.S_IFREG | 0o444, _number(url), 0, 1, 0, 0, size, *times), nanoseconds)


def _number(text: str) -> int:
    """Return a number below 2**63 that stands for a text."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()[:8], "big") >> 1


def is_missing(path: str) -> bool:
    """Return whether there is nothing at a path; False if it cannot be told, for instance without permission."""
    try:
        if is_object(path):
            stat_file(path)
        else:
            os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return True
    except (OSError, RecallError):
        return False
    return False


def may_exist(path: str) -> bool:
    """Return whether a file or folder exists; of a URL only a listing tells, so it counts as existing."""
    return is_object(path) or os.path.lexists(path)


def file_hash(path: str) -> bytes:
    """Return the SHA-256 of a file.

    Raises:
        OSError: It cannot be read.
        StorageError: The object store cannot be used.
    """
    if not is_object(path):
        with open(path, "rb") as content:
            return hashlib.file_digest(content, "sha256").digest()
    store, name = _store_of(path)
    try:
        return store.sha256(name)
    except MissingFileError as error:
        raise FileNotFoundError(errno.ENOENT, "there is no such object") from error
    except RefusedFileError as error:
        raise PermissionError(errno.EACCES, error.reason) from error


def fetch(url: str, *, limit: int) -> Fetched:
    """Return an object with its bytes, if these are no more than a limit.

    Raises:
        StorageError: The object store cannot be used; an object that is not there or is refused raises nothing.
    """
    store, name = _store_of(url)
    try:
        return Fetched(*store.read_up_to(name, limit))
    except MissingFileError:
        return Fetched(0, b"", "the object does not exist any more")
    except RefusedFileError as error:
        return Fetched(0, b"", error.reason)


def read_start(url: str, size: int) -> bytes:
    """Return the first bytes of an object, b"" if it cannot be read."""
    store, name = _store_of(url)
    try:
        return store.read(name, size=size)
    except StorageError:
        return b""


def _store_of(url: str) -> tuple[ObjectStore, str]:
    """Return the bucket of an object as a place, and the object's key."""
    bucket, _, name = url.removeprefix(SCHEME).partition("/")
    parse_url(SCHEME + bucket)
    from indexer.storage.object_store import ObjectStore  # late: folders need no pyarrow

    return ObjectStore(bucket, ""), name
