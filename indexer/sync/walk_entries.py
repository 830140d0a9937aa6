"""The entries that a walk yields: files of a source, and what could not be read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from indexer.sync.mounts import Mount


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
        ctime_ns: Change time; None if it is not known.
        sidecar_size: The sidecar's size, or such a number.
        sidecar_ctime_ns: The sidecar's change time, or such a number.
        sidecar_hash: SHA-256 of the sidecars; None if they were not read.
    """

    path: str
    size: int
    mtime_ns: int
    sidecars: tuple[str, ...] = ()
    sidecar_mtime_ns: int | None = None
    ctime_ns: int | None = None
    sidecar_size: int | None = None
    sidecar_ctime_ns: int | None = None
    sidecar_hash: bytes | None = None


SidecarStat = tuple[int | None, int | None, int | None]
"""Modification time, size and change time of a sidecar, or numbers that change with those of several; None without."""

FileStat = tuple[bytes, int, int, int | None, str | None]
"""Path as bytes, size, modification time, change time, and the sidecar's stat as `sidecar_stamp` returns it."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Consecutive files of one folder, in the byte order of paths.

    The files are tuples because every microsecond counts for a hundred thousand unchanged ones; only the others become
    a `SourceFile`.

    Attributes:
        files: The files.
        sidecars: Paths of sidecars, and their stat, by the path, as bytes, of their photo.
    """

    files: Sequence[FileStat]
    sidecars: Mapping[bytes, tuple[tuple[str, ...], SidecarStat]] = field(default_factory=dict)

    def source_file(self, file: FileStat) -> SourceFile:
        """Return one of the files as a `SourceFile`."""
        path, size, mtime_ns, ctime_ns, _ = file
        sidecars, (sidecar_mtime_ns, sidecar_size, sidecar_ctime_ns) = self.sidecars.get(path, ((), (None, None, None)))
        return SourceFile(
            path=os.fsdecode(path),
            size=size,
            mtime_ns=mtime_ns,
            ctime_ns=ctime_ns,
            sidecars=sidecars,
            sidecar_mtime_ns=sidecar_mtime_ns,
            sidecar_size=sidecar_size,
            sidecar_ctime_ns=sidecar_ctime_ns,
        )


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


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """A link, with the name of a photo or a text, whose file cannot be accessed; its item stays in the catalog.

    Attributes:
        listing: The link as a file, for the decoder to report if the catalog has no item for it.
        reason: Why the file cannot be accessed.
    """

    listing: Listing
    reason: str

    @property
    def path(self) -> str:
        """Path of the link."""
        return os.fsdecode(self.listing.files[0][0])


@dataclass(frozen=True, slots=True)
class UnusableKey:
    """An object whose key cannot be the path of an item; it is only reported."""

    path: str
    reason: str


WalkEntry = Listing | UnreadableFolder | UnreadableFile | BrokenLink | UnusableKey | Mount
