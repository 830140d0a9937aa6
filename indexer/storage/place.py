"""What folders and object stores have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from indexer.errors import StorageError


class MissingFileError(StorageError):
    """Raised when a file of a place is not there."""


class RefusedFileError(StorageError):
    """Raised when one file of a place cannot be had although the place can be used.

    Attributes:
        reason: Why, without the name of the file.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class FileInfo:
    """Size and times of a file.

    Attributes:
        size: Bytes.
        mtime_ns: Modification time in nanoseconds since 1970; in an object store that of the upload.
        etag: What the object store says identifies the content; None in a folder.
    """

    size: int
    mtime_ns: int
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a folder in a listing.

    Attributes:
        name: Its path below the place, with "/" between the components.
        is_folder: Whether it is a folder.
        size: Bytes; 0 for a folder.
        mtime_ns: Modification time in nanoseconds since 1970; 0 for a folder.
    """

    name: str
    is_folder: bool
    size: int = 0
    mtime_ns: int = 0

    @property
    def sort_key(self) -> bytes:
        """What orders the entries of one folder as the complete paths of all files are ordered, by their bytes."""
        return (self.name + "/" if self.is_folder else self.name).encode("utf-8", "surrogateescape")


class Place(ABC):
    """A folder or a prefix of an object store.

    Names of files are relative to the place, with "/" between the components; "" is the place itself. Every method
    raises `StorageError`, with one sentence that has no key in it, if the place cannot be reached, does not exist or
    may not be used. Several threads may use one place.
    """

    @property
    @abstractmethod
    def url(self) -> str:
        """Path or URL of the place, to be shown and to be opened again."""

    @abstractmethod
    def entries(self, folder: str = "") -> list[Entry]:
        """Return the files and folders in a folder, in the byte order of paths; empty if there is no such folder."""

    @abstractmethod
    def info(self, name: str) -> FileInfo | None:
        """Return size, times and ETag of a file; None if there is none."""

    @abstractmethod
    def read(self, name: str, *, start: int = 0, size: int | None = None) -> bytes:
        """Return the bytes of a file.

        Args:
            name: The file.
            start: The first byte.
            size: How many bytes, at most; None for all.

        Raises:
            MissingFileError: There is none.
        """

    @abstractmethod
    def write(self, name: str, data: bytes) -> None:
        """Write a file, and its folders; it appears whole, in place of one of the same name, or not at all."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Delete a file; it may be missing."""

    def exists(self, name: str) -> bool:
        """Return whether there is a file."""
        return self.info(name) is not None

    def walk(self, folder: str = "") -> Iterator[Entry]:
        """Yield the files in a folder and in all folders below it, in the byte order of their names."""
        stack = [iter(self.entries(folder))]
        while stack:
            entry = next(stack[-1], None)
            if entry is None:
                stack.pop()
            elif entry.is_folder:
                stack.append(iter(self.entries(entry.name)))
            else:
                yield entry

    def location(self, name: str) -> str:
        """Return path or URL of a file, for messages."""
        return f"{self.url.rstrip('/')}/{name}" if name else self.url


def join(folder: str, name: str) -> str:
    """Return the name of a file in a folder of a place."""
    return f"{folder}/{name}" if folder else name
