"""Folders and files: what is found in them, and what is left out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from indexer.catalog.statements.sources import Source
from indexer.documents.text_file import text_format
from indexer.errors import SourceError
from indexer.images import is_photo_name

SYSTEM_FOLDERS = frozenset(
    {
        "@eadir",  # Synology's thumbnails
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "system volume information",
        "__macosx",
        "lost+found",
    }
)
"""Folders that programs and devices fill, in lower case: nobody's photos."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that a photo's or a text's name was given to; size and time are the file's own.

    Attributes:
        path: Absolute.
        size: In bytes.
        mtime_ns: In nanoseconds since 1970.
        sidecar: Path of the XMP file beside a photo, None where there is none.
        sidecar_mtime_ns: The sidecar's time.
    """

    path: str
    size: int
    mtime_ns: int
    sidecar: str | None = None
    sidecar_mtime_ns: int | None = None


FileStat = tuple[bytes, int, int, int | None]
"""A file as the walk sees it: bytes of its path, its size, its time, and the time of its sidecar where there is one."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Files of one folder that follow each other in the byte order of paths.

    They are tuples, since of a hundred thousand that have not changed each microsecond counts; one that is to be dealt
    with is made a `SourceFile`.

    Attributes:
        files: The files.
        sidecars: Path of the XMP file of those that have one, by the bytes of their paths.
    """

    files: Sequence[FileStat]
    sidecars: Mapping[bytes, str] = field(default_factory=dict)

    def file(self, glance: FileStat) -> SourceFile:
        """Return one of the files."""
        path, size, mtime_ns, sidecar_mtime_ns = glance
        return SourceFile(os.fsdecode(path), size, mtime_ns, self.sidecars.get(path), sidecar_mtime_ns)


@dataclass(frozen=True, slots=True)
class UnreadableFolder:
    """A folder that could not be listed, or its files not be looked at: what is known from it is kept, not removed."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnreadableFile:
    """A file that could not be looked at where others beside it could: what is known of it is kept."""

    path: str
    reason: str


WalkEntry = Listing | UnreadableFolder | UnreadableFile
"""What a walk meets."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a walk leaves out.

    Attributes:
        exclude: Patterns with *, ? and [ ], compared with a name and with the path below the root.
        include_hidden: Whether names that begin with a dot are walked too.
    """

    exclude: Sequence[str] = ()
    include_hidden: bool = False

    def excludes(self, name: str, below_root: str) -> bool:
        """Return whether an entry is left out."""
        return self._reason(name, below_root) is not None

    def _reason(self, name: str, below_root: str) -> str | None:
        """Return why an entry is left out, in words for people; None where it is not."""
        if name.startswith(".") and not self.include_hidden:
            return f"the name {name} begins with a dot and hidden files are left out"
        if name.lower() in SYSTEM_FOLDERS:
            return f"folders called {name} are filled by machines and left out"
        if name.endswith(".recall"):
            return f"{name} is a library"
        fits = (pattern for pattern in self.exclude if fnmatch(name, pattern) or fnmatch(below_root, pattern))
        return next((f"it is excluded by the pattern {pattern!r}" for pattern in fits), None)

    def for_subfolder(self, below_root: str) -> Rules:
        """Return the rules for a folder inside the root: patterns for paths through it begin at it as well."""
        parts = below_root.split(os.sep)
        patterns = list(self.exclude)
        for pattern in self.exclude:
            head, tail = pattern.split("/")[: len(parts)], pattern.split("/")[len(parts) :]
            if tail and all(fnmatch(part, piece) for part, piece in zip(parts, head, strict=True)):
                patterns.append("/".join(tail))
        return Rules(patterns, self.include_hidden)

    def excludes_path(self, below_root: str) -> bool:
        """Return whether a walk that begins at the root never comes to a path."""
        return self.exclusion_reason(below_root) is not None

    def exclusion_reason(self, below_root: str) -> str | None:
        """Return why a walk that begins at the root never comes to a path, in words; None where it does."""
        parts = below_root.split(os.sep) if below_root != os.curdir else []
        reasons = (self._reason(part, os.sep.join(parts[: n + 1])) for n, part in enumerate(parts))
        return next((reason for reason in reasons if reason), None)


def is_item_name(name: str) -> bool:
    """Return whether a name has the ending of a photo or of a text."""
    return is_photo_name(name) or text_format(name) is not None


def source_rules(source: Source | None) -> Rules:
    """Return what a source leaves out; where there is no source, the rules of a new one."""
    return Rules() if source is None else Rules(source.exclude, source.include_hidden)


def resolve_path(path: str | os.PathLike[str]) -> str:
    """Return the one absolute name of a file or folder, links resolved.

    Raises:
        SourceError: There is no such file or folder.
    """
    try:
        return os.path.realpath(Path(path).expanduser(), strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"{os.fspath(path)} cannot be found ({reason}); name a folder or a picture") from error
