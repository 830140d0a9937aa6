"""The entries that a walk yields: files of a source, and what could not be read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file with the name of a photo or a text file.

    Attributes:
        path: Absolute path.
        size: Bytes.
        mtime_ns: Modification time in nanoseconds since 1970.
        sidecars: Paths of the files that hold the photo's metadata: its XMP file, then Takeout's JSON file.
        sidecar_mtime_ns: The sidecar's modification time, or a number that changes with that of any of them; None
            without one.
    """

    path: str
    size: int
    mtime_ns: int
    sidecars: tuple[str, ...] = ()
    sidecar_mtime_ns: int | None = None


FileStat = tuple[bytes, int, int, int | None]
"""Path as bytes, size, modification time, and `sidecar_mtime_ns` of a `SourceFile`."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Consecutive files of one folder, in the byte order of paths.

    The files are tuples because every microsecond counts for a hundred thousand unchanged ones; only the others become
    a `SourceFile`.

    Attributes:
        files: The files.
        sidecars: Paths of sidecars by the path, as bytes, of their photo.
    """

    files: Sequence[FileStat]
    sidecars: Mapping[bytes, tuple[str, ...]] = field(default_factory=dict)

    def source_file(self, file: FileStat) -> SourceFile:
        """Return one of the files as a `SourceFile`."""
        path, size, mtime_ns, sidecar_mtime_ns = file
        return SourceFile(os.fsdecode(path), size, mtime_ns, self.sidecars.get(path, ()), sidecar_mtime_ns)


@dataclass(frozen=True, slots=True)
class UnreadableFolder:
    """A folder that could not be listed, or whose files could not be accessed; its items stay in the catalog."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnreadableFile:
    """A file that could not be accessed although others in its folder could; its item stays in the catalog."""

    path: str
    reason: str


WalkEntry = Listing | UnreadableFolder | UnreadableFile
