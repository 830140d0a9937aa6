"""The files next to photos that hold their metadata: XMP files, and the JSON files of Google Takeout."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import stat
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from indexer.documents.text_file import text_format
from indexer.images import is_photo_name
from indexer.storage.item_files import file_hash
from indexer.sync.source_errors import source_errors
from indexer.sync.takeout_names import MAX_LENGTH, TAKEOUT_SUFFIX, photo_keys, photo_name
from indexer.sync.walk_entries import SidecarStat
from indexer.types import stored_times

SIDECAR_SUFFIXES = (".xmp", TAKEOUT_SUFFIX)
"""In lower case; photo programs and memory cards write any."""

_VERSION = re.compile(r"(.+)_\d\d(\.\w+)")
"""Of a version that darktable made of a photo: IMG_1_01.jpg.xmp has the second one of IMG_1.jpg."""


@dataclass(slots=True)
class Sidecars:
    """The sidecars in a folder, by the photos that they belong to.

    Attributes:
        names: All names in the folder, sorted.
        xmp: Names of XMP files by the photo's name, or its stem, in the form of `_key`.
        versions: Names of darktable's files for further versions, by the photo's name in that form.
        takeout: Names of Takeout's files, by the photo's key; see `takeout_names`.
        owners: Names and stems of all photos in the folder, once they are needed.
    """

    names: Sequence[bytes]
    xmp: dict[str, list[str]] = field(default_factory=dict)
    versions: dict[str, list[str]] = field(default_factory=dict)
    takeout: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    owners: frozenset[str] | None = None

    def __bool__(self) -> bool:
        return bool(self.xmp or self.versions or self.takeout)

    def add(self, name: str) -> None:
        """Add a file with the suffix of a sidecar."""
        base, suffix = os.path.splitext(name)
        if suffix.lower() == TAKEOUT_SUFFIX:
            photo, number = photo_name(base)
            if is_photo_name(photo) or len(photo) >= MAX_LENGTH or self._has_photo(base):
                self.takeout.setdefault((_key(photo), number), []).append(name)
            return
        self.xmp.setdefault(_key(base), []).append(name)
        if version := _VERSION.fullmatch(base):
            self.versions.setdefault(_key(version[1] + version[2]), []).append(name)

    def of_photo(self, name: str) -> Iterator[Iterator[str]]:
        """Yield, for each kind of sidecar, the names of those of a photo, the best first; none for a text file."""
        if text_format(name) is not None:
            return
        if self.xmp:
            yield self._xmp_names(name)
        if self.takeout:
            yield self._takeout_names(name)

    def _xmp_names(self, name: str) -> Iterator[str]:
        bases = name, os.path.splitext(name)[0]
        found = [sidecar for base in bases for sidecar in sorted(self.xmp.get(_key(base), ()), key=_lower_suffix_first)]
        exact = [sidecar for base in bases for sidecar in found if os.path.splitext(sidecar)[0] == base]
        yield from exact
        others = [*(sidecar for sidecar in found if sidecar not in exact), *self.versions.get(_key(name), ())]
        yield from (sidecar for sidecar in others if not self._belongs_to_another(sidecar))

    def _takeout_names(self, name: str) -> Iterator[str]:
        for photo, number in photo_keys(name):
            found = self.takeout.get((_key(photo), number), [])
            if len(found) > 1:  # the exact name first
                found = sorted(found, key=lambda sidecar: not sidecar.startswith(photo))
            yield from found

    def _has_photo(self, stem: str) -> bool:
        """Return whether a name in the folder has this stem: other programs' JSON files belong to no photo."""
        prefix = os.fsencode(f"{stem}.")
        start = bisect_left(self.names, prefix)
        return any(
            is_photo_name(os.fsdecode(name)) for name in self.names[start : start + 8] if name.startswith(prefix)
        )

    def _belongs_to_another(self, sidecar: str) -> bool:
        """Return whether a photo in the folder has exactly the name of a sidecar that others have in other capitals."""
        if self.owners is None:
            photos = list(filter(is_photo_name, map(os.fsdecode, self.names)))
            self.owners = frozenset(photos).union(os.path.splitext(photo)[0] for photo in photos)
        return os.path.splitext(sidecar)[0] in self.owners


def is_sidecar_name(name: bytes) -> bool:
    """Return whether a name has the suffix of a sidecar."""
    return name[-1:] in b"pPnN" and name[name.rfind(b".") :].lower() in _SUFFIX_BYTES  # the first excludes most


_SUFFIX_BYTES = frozenset(map(os.fsencode, SIDECAR_SUFFIXES))


def existing_files(groups: Iterable[Iterable[str]]) -> tuple[tuple[str, ...], SidecarStat]:
    """Return the first path of each group that is a file, and what changes when one of them changes."""
    found = [file for file in map(_first_file, groups) if file]
    return tuple(path for path, _ in found), combined_stat([stat for _, stat in found])


def combined_stat(stats: Sequence[tuple[int, int, int]]) -> SidecarStat:
    """Return numbers that change with the modification time, the size or the change time of any of some sidecars."""
    if not stats:
        return None, None, None
    stamps = [functools.reduce(_combined, numbers) for numbers in zip(*stats, strict=True)]
    return stamps[0], stamps[1], stamps[2]


def _combined(stamp: int, number: int) -> int:
    return (stamp * 1_000_003 + number) % 2**63


def _first_file(paths: Iterable[str]) -> tuple[str, tuple[int, int, int]] | None:
    for path in paths:
        try:
            info = os.stat(path)
        except OSError:
            continue
        if stat.S_ISREG(info.st_mode):
            mtime_ns, ctime_ns = stored_times(info)
            return path, (mtime_ns, info.st_size, ctime_ns)
    return None


def sidecar_hash(paths: Iterable[str]) -> bytes | None:
    """Return a SHA-256 of the contents of sidecars, None if one of them cannot be read.

    Raises:
        SourceError: Their object store cannot be used.
    """
    hashes = hashlib.sha256()
    try:
        with source_errors():
            for path in paths:
                hashes.update(file_hash(path))
    except OSError:
        return None
    return hashes.digest()


def _key(name: str) -> str:
    """Return a name in the form that is equal for names that differ in capitals or in Unicode's normal form only."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()


def _lower_suffix_first(name: str) -> tuple[bool, str]:
    return not name.endswith(".xmp"), name
