"""Walks a source: its files in the byte order of paths, as cheaply as listing them allows."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

from indexer.errors import SourceError
from indexer.images import PHOTO_SUFFIXES
from indexer.sources import Glance, Listing, Rules, UnreadableFolder, is_item_name
from indexer.texts import FORMATS, text_format
from indexer.types import is_below

TOGETHER = 500
"""Files in a listing at most: progress is shown after each, and no more are held."""

_ENDINGS = frozenset((*PHOTO_SUFFIXES, *FORMATS))
_SIDECAR_ENDINGS = (".xmp", ".XMP")
_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
_SEPARATOR = os.fsencode(os.sep)


def walk(
    root: str, rules: Rules, *, base: str | None = None, others: Collection[str] = ()
) -> Iterator[Listing | UnreadableFolder]:
    """Yield the photos and texts at or below `root`, in the byte order of their paths.

    Links are followed, but nothing is met twice: a link to inside the root is passed over, and of several links to
    the same place outside it the first counts.

    Args:
        root: Absolute path of a folder or a file, as `resolve` gives it.
        rules: What to leave out; the root itself is never left out.
        base: Folder that the patterns' paths begin at; None takes the root.
        others: Roots of other sources, which are passed over.

    Raises:
        SourceError: The root cannot be listed, or is gone.
    """
    try:
        facts = Path(root).stat()
    except OSError as error:
        raise SourceError(f"{root} cannot be read ({error.strerror}); name a folder or a picture") from error
    if stat.S_ISDIR(facts.st_mode):
        begun = {(facts.st_dev, facts.st_ino)}
        yield from _Walk(root, rules, base or root, others, begun).folder(root, outside=False)
    else:
        folder, name = os.path.split(root)
        some = _Some()
        beside = _sidecar(os.path.join(folder, each) for each in sidecar_names(name))
        some.add(os.fsencode(root), facts, beside)
        yield some.listing


@dataclass(slots=True)
class _Some:
    """Files on their way into a listing."""

    glances: list[Glance] = field(default_factory=list)
    sidecars: dict[bytes, str] = field(default_factory=dict)

    def add(self, path: bytes, facts: os.stat_result, sidecar: tuple[str, int] | None = None) -> None:
        self.glances.append((path, facts.st_size, facts.st_mtime_ns, sidecar[1] if sidecar else None))
        if sidecar:
            self.sidecars[path] = sidecar[0]

    @property
    def listing(self) -> Listing:
        return Listing(self.glances, self.sidecars)


@dataclass(slots=True)
class _Walk:
    """One walk: what it leaves out and which places outside the root it has been to."""

    root: str
    rules: Rules
    base: str
    others: Collection[str]
    visited: set[tuple[int, int]]

    def folder(self, path: str, *, outside: bool) -> Iterator[Listing | UnreadableFolder]:
        """Yield the photos and texts of one folder; `outside` says that a link led out of the root."""
        try:
            with os.scandir(path) as listing:
                entries = sorted(map(_sortable, listing), key=itemgetter(0))
        except OSError as error:
            if path == self.root:
                raise SourceError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
            yield UnreadableFolder(path, error.strerror or str(error))
            return
        beside = (entry for _, entry, _ in entries if entry.name.endswith(_SIDECAR_ENDINGS))
        sidecars = {entry.name: entry.path for entry in beside if not self.left_out(entry)}
        start = 0
        for place, (key, entry, _) in enumerate(entries):
            if not key.endswith(_SEPARATOR):
                continue
            yield from self.files(path, entries[start:place], sidecars, outside=outside)
            start = place + 1
            if self.left_out(entry):
                continue
            if entry.is_symlink() and not Path(entry.path).exists():
                yield UnreadableFolder(entry.path, "a link to something that is not there")
            elif self.enter(entry, outside=outside):
                yield from self.folder(entry.path, outside=outside or entry.is_symlink())
        yield from self.files(path, entries[start:], sidecars, outside=outside)

    def files(
        self, folder: str, entries: list[_Sortable], sidecars: Mapping[str, str], *, outside: bool
    ) -> Iterator[Listing]:
        """Yield the photos and texts among entries of a folder that are no folders."""
        inside = os.fsencode(os.path.join(folder, ""))
        asks = bool(self.rules.exclude or self.others)
        some = _Some()
        for key, entry, is_plain in entries:
            name = entry.name
            if name[name.rfind(".") :].lower() not in _ENDINGS:  # most of what is left out otherwise has no such name
                continue
            if (asks or name[0] == ".") and (not is_item_name(name) or self.left_out(entry)):
                continue
            if not is_plain or outside or sidecars:
                self.file(some, inside + key, entry, sidecars, outside=outside)
            else:  # nearly all are such, and take a microsecond here beside the one that the system takes
                try:
                    facts = entry.stat(follow_symlinks=False)
                except OSError:
                    continue  # it vanished
                some.glances.append((inside + key, facts.st_size, facts.st_mtime_ns, None))
            if len(some.glances) == TOGETHER:
                yield some.listing
                some = _Some()
        if some.glances:
            yield some.listing

    def left_out(self, entry: os.DirEntry[str]) -> bool:
        """Return whether the rules or another source's root leave an entry out."""
        below = os.path.relpath(entry.path, self.base) if self.rules.exclude else ""  # slow, and only patterns ask
        return self.rules.leave_out(entry.name, below) or entry.path in self.others

    def file(
        self, some: _Some, path: bytes, entry: os.DirEntry[str], sidecars: Mapping[str, str], *, outside: bool
    ) -> None:
        """Add one file, if it was not met before."""
        try:
            facts = entry.stat()
        except OSError:  # a link to nothing or in a circle: the decoder will say what is wrong with it
            try:
                some.add(path, entry.stat(follow_symlinks=False))
            except OSError:
                return  # it vanished
            return
        if not stat.S_ISREG(facts.st_mode) or self.enter(entry, outside=outside):
            beside = (sidecars[name] for name in sidecar_names(entry.name) if name in sidecars) if sidecars else ()
            some.add(path, facts, _sidecar(beside))

    def enter(self, entry: os.DirEntry[str], *, outside: bool) -> bool:
        """Return whether an entry is met for the first time; what a link leads to is remembered."""
        if not outside and not entry.is_symlink():
            return True
        try:
            real, facts = os.path.realpath(entry.path), entry.stat()
        except OSError:
            return False
        place = (facts.st_dev, facts.st_ino)
        below = is_below(real, self.root) and not self.rules.leave_out_path(os.path.relpath(real, self.base))
        if below or real == self.root or place in self.visited:
            return False
        self.visited.add(place)
        return True


def sidecar_names(name: str) -> tuple[str, ...]:
    """Return the names that a photo's XMP file may have, the one that names it most exactly first; a text has none."""
    if text_format(name) is not None:
        return ()
    stem = os.path.splitext(name)[0]
    return tuple(beside + ending for beside in (name, stem) for ending in _SIDECAR_ENDINGS)


def _sidecar(paths: Iterable[str]) -> tuple[str, int] | None:
    """Return the first of the paths that is a file, and its time."""
    for path in paths:
        try:
            facts = Path(path).stat()
        except OSError:
            continue
        if stat.S_ISREG(facts.st_mode):
            return path, facts.st_mtime_ns
    return None


_Sortable = tuple[bytes, os.DirEntry[str], bool]
"""An entry behind its place in the order, and whether it is a file and no link."""


def _sortable(entry: os.DirEntry[str]) -> _Sortable:
    """Return an entry behind a key that makes a walk visit whole paths in byte order: a folder has its separator."""
    if entry.is_file(follow_symlinks=False):
        return entry.name.encode(_ENCODING, _ERRORS), entry, True  # as os.fsencode, which is four times slower
    try:
        folder = entry.is_dir()
    except OSError:
        folder = False
    if entry.is_symlink() and not is_item_name(entry.name):  # where it leads to nothing, it may have been a folder
        folder = folder or not Path(entry.path).exists()
    return os.fsencode(entry.name + os.sep if folder else entry.name), entry, False
