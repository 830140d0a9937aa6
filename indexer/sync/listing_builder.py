"""Collects the files of a folder for a listing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from indexer.sync.sidecars import SidecarStat
from indexer.sync.walk_entries import FileStat, Listing
from indexer.types import stored_times

_NO_STAT: SidecarStat = (None, None, None)


@dataclass(slots=True)
class ListingBuilder:
    """Consecutive files of one folder.

    Attributes:
        files: The files since the last listing.
        sidecars: The paths of their sidecars, by path.
    """

    files: list[FileStat] = field(default_factory=list)
    sidecars: dict[bytes, tuple[str, ...]] = field(default_factory=dict)

    def add(
        self, path: bytes, info: os.stat_result, sidecars: tuple[tuple[str, ...], SidecarStat] = ((), _NO_STAT)
    ) -> None:
        """Add a file with the paths of its sidecars and their stat."""
        paths, sidecar_stat = sidecars
        self.files.append((path, info.st_size, *stored_times(info), *sidecar_stat))
        if paths:
            self.sidecars[path] = paths

    def take(self) -> Iterator[Listing]:
        """Yield the listing, nothing if it is empty, and begin the next."""
        if self.files:
            listing = Listing(self.files, self.sidecars)
            self.files, self.sidecars = [], {}
            yield listing
