"""Walks a source: its files in the byte order of paths, as cheaply as listing them allows."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from indexer.documents.text_file import TEXT_FORMATS, text_format
from indexer.errors import SourceError
from indexer.images import PHOTO_SUFFIXES
from indexer.sync.scan_rules import FileStat, Listing, Rules, UnreadableFile, UnreadableFolder, WalkEntry, is_item_name
from indexer.types import is_below, stored_mtime

LISTING_SIZE = 500
"""Files in a listing at most: progress is shown after each, and no more are held."""

_ENDINGS = frozenset(map(os.fsencode, (*PHOTO_SUFFIXES, *TEXT_FORMATS)))
_SIDECAR_ENDINGS = (".xmp", ".XMP")
_SIDECAR_BYTES = tuple(map(os.fsencode, _SIDECAR_ENDINGS))
_DOT = ord(".")
_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
_SEPARATOR = os.fsencode(os.sep)


def walk(root: str, rules: Rules, *, base: str | None = None, others: Collection[str] = ()) -> Iterator[WalkEntry]:
    """Yield the photos and texts at or below `root`, in the byte order of their paths.

    Links are followed, but nothing is met twice: a link to inside the root is passed over, and of several links to
    the same place outside it the first counts.

    Args:
        root: Absolute path of a folder or a file, as `resolve` gives it.
        rules: What to leave out; the root itself is never left out.
        base: Folder that the patterns' paths begin at; None takes the root.
        others: Roots of other sources, which are passed over.

    Raises:
        SourceError: The root cannot be listed or looked into, or is gone.
    """
    try:
        facts = os.stat(root)
    except OSError as error:
        raise SourceError(f"{root} cannot be read ({error.strerror}); name a folder or a picture") from error
    if stat.S_ISDIR(facts.st_mode):
        yield from _Walk(root, os.path.realpath(root), rules, base or root, others, {_place(facts)}).all()
    else:
        folder, name = os.path.split(root)
        some = _ListingBuilder()
        beside = _sidecar(os.path.join(folder, each) for each in sidecar_names(name))
        some.add(os.fsencode(root), facts, beside)
        yield from some.given()


@dataclass(slots=True)
class _ListingBuilder:
    """Files on their way into a listing."""

    files: list[FileStat] = field(default_factory=list)
    sidecars: dict[bytes, str] = field(default_factory=dict)

    def add(self, path: bytes, facts: os.stat_result, sidecar: tuple[str, int] | None = None) -> None:
        self.files.append((path, facts.st_size, stored_mtime(facts), sidecar[1] if sidecar else None))
        if sidecar:
            self.sidecars[path] = sidecar[0]

    def given(self) -> Iterator[Listing]:
        """Yield the listing, where there is anything in it."""
        if self.files:
            yield Listing(self.files, self.sidecars)


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to be walked; `outside` says that a link led out of the root to it."""

    path: str
    outside: bool = False


@dataclass(slots=True)
class _Walk:
    """One walk: what it leaves out and which places outside the root it has been to.

    Attributes:
        root: As it is written.
        real: The same without links.
        base: Folder that the patterns' paths begin at.
    """

    root: str
    real: str
    rules: Rules
    base: str
    others: Collection[str]
    visited: set[tuple[int, int]]

    def all(self) -> Iterator[WalkEntry]:
        """Yield the photos and texts of the root and of the folders in it, however deep (Python's stack is short)."""
        stack = [self.folder(_Folder(self.root))]
        while stack:
            found = next(stack[-1], None)
            if found is None:
                stack.pop()
            elif isinstance(found, _Folder):
                stack.append(self.folder(found))
            else:
                yield found

    def folder(self, folder: _Folder) -> Iterator[WalkEntry | _Folder]:
        """Yield the photos and texts of one folder, and the folders in it, in their order."""
        try:
            place = _place(os.stat(folder.path))
            keys, odd = _entries(folder.path)
            yield from self.inside(folder, place, keys, odd)
        except OSError as error:
            reason = error.strerror or str(error)
            if folder.path == self.root:
                raise SourceError(f"{folder.path} cannot be read ({reason}); check its permissions") from error
            yield UnreadableFolder(folder.path, reason)

    def inside(
        self, folder: _Folder, place: tuple[int, int], keys: list[bytes], odd: Mapping[bytes, bool]
    ) -> Iterator[WalkEntry | _Folder]:
        """Yield the same of a folder that was listed; see `_entries`.

        Raises:
            OSError: It cannot be looked into any more.
        """
        names = [os.fsdecode(key) for key in keys if key.endswith(_SIDECAR_BYTES)]
        beside = {name: os.path.join(folder.path, name) for name in names}
        sidecars = {name: path for name, path in beside.items() if not self.left_out(name, path)}
        start = 0
        for number, key in enumerate(keys):
            if not key.endswith(_SEPARATOR):
                continue
            yield from self.files(folder, place, keys[start:number], odd, sidecars)
            start = number + 1
            name = os.fsdecode(key[:-1])
            path = os.path.join(folder.path, name)
            if self.left_out(name, path):
                continue
            if odd[key] and (reason := _broken(path)):
                yield UnreadableFolder(path, reason)
            elif self.enter(path, outside=folder.outside, link=odd[key]):
                yield _Folder(path, folder.outside or odd[key])
        yield from self.files(folder, place, keys[start:], odd, sidecars)

    def files(
        self,
        folder: _Folder,
        place: tuple[int, int],
        keys: Sequence[bytes],
        odd: Mapping[bytes, bool],
        sidecars: Mapping[str, str],
    ) -> Iterator[Listing | UnreadableFile]:
        """Yield the photos and texts among the entries of a folder that are no folders.

        Raises:
            OSError: They cannot be looked at any more.
        """
        inside = os.fsencode(os.path.join(folder.path, ""))
        asks = bool(self.rules.exclude or self.others)
        slow = folder.outside or bool(sidecars)
        some = _ListingBuilder()
        for key in keys:
            if key[key.rfind(b".") :].lower() not in _ENDINGS:  # most of what is left out otherwise has no such name
                continue
            if asks or key[0] == _DOT:
                name = os.fsdecode(key)
                if not is_item_name(name) or self.left_out(name, os.path.join(folder.path, name)):
                    continue
            path = inside + key
            try:
                if slow or key in odd:
                    self.file(some, path, folder, sidecars, link=odd.get(key, False))
                else:  # nearly all are such, and take a microsecond here beside the one that the system takes
                    facts = os.lstat(path)
                    some.files.append((path, facts.st_size, stored_mtime(facts), None))
            except OSError as error:
                yield from some.given()
                some = _ListingBuilder()
                yield from _unseen(path, error, folder.path, place)
            if len(some.files) == LISTING_SIZE:
                yield from some.given()
                some = _ListingBuilder()
        yield from some.given()

    def left_out(self, name: str, path: str) -> bool:
        """Return whether the rules or another source's root leave an entry out."""
        below = os.path.relpath(path, self.base) if self.rules.exclude else ""  # slow, and only patterns ask
        return self.rules.excludes(name, below) or path in self.others

    def file(
        self, some: _ListingBuilder, path: bytes, folder: _Folder, sidecars: Mapping[str, str], *, link: bool
    ) -> None:
        """Add one file, if it was not met before.

        Raises:
            OSError: It cannot be looked at, or is not there any more.
        """
        try:
            facts = os.stat(path)
        except OSError:  # a link to nothing or in a circle: the decoder will say what is wrong with it
            some.add(path, os.lstat(path))
            return
        written = os.fsdecode(path)
        if not stat.S_ISREG(facts.st_mode) or self.enter(written, outside=folder.outside, link=link):
            names = sidecar_names(os.path.basename(written)) if sidecars else ()
            some.add(path, facts, _sidecar(sidecars[name] for name in names if name in sidecars))

    def enter(self, path: str, *, outside: bool, link: bool) -> bool:
        """Return whether an entry is met for the first time; what a link leads to is remembered."""
        if not outside and not link:
            return True
        try:
            real, place = os.path.realpath(path), _place(os.stat(path))
        except OSError:
            return True  # what becomes of it is said where it is read
        if real == self.real or place in self.visited:
            return False
        if is_below(real, self.real):
            written = os.path.join(self.root, os.path.relpath(real, self.real))
            if not self.rules.excludes_path(os.path.relpath(written, self.base)):
                return False
        self.visited.add(place)
        return True


def _unseen(path: bytes, error: OSError, folder: str, place: tuple[int, int]) -> Iterator[UnreadableFile]:
    """Yield a file that cannot be looked at where its folder can; one that vanished is passed over.

    Raises:
        OSError: The folder cannot be looked into any more, or another is in its place.
    """
    if _place(os.stat(os.path.join(folder, os.curdir))) != place:
        raise OSError(errno.ENOENT, "it went away while it was read") from error
    if not isinstance(error, FileNotFoundError):
        yield UnreadableFile(os.fsdecode(path), error.strerror or str(error))


def _broken(link: str) -> str | None:
    """Return why a link cannot be followed, None where it can."""
    try:
        os.stat(link)
    except FileNotFoundError:
        return "a link to something that is not there"
    except OSError as error:
        return f"a link that cannot be followed ({error.strerror})"
    return None


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
            facts = os.stat(path)
        except OSError:
            continue
        if stat.S_ISREG(facts.st_mode):
            return path, stored_mtime(facts)
    return None


def _place(facts: os.stat_result) -> tuple[int, int]:
    """Return what tells a file or folder from all others, whatever it is called."""
    return facts.st_dev, facts.st_ino


def _entries(folder: str) -> tuple[list[bytes], dict[bytes, bool]]:
    """Return what lies in a folder, in the byte order of whole paths, and which of it are no files, or links (True).

    The names of folders have their separator behind them, which is where they stand in that order. Of a file there is
    no more than its name: a folder may hold a million.

    Raises:
        OSError: It cannot be listed.
    """
    keys: list[bytes] = []
    odd: dict[bytes, bool] = {}
    with os.scandir(folder) as listing:
        for entry in listing:
            key = entry.name.encode(_ENCODING, _ERRORS)  # as os.fsencode, which is four times slower
            if not entry.is_file(follow_symlinks=False):
                link = entry.is_symlink()
                key = key + _SEPARATOR if _is_folder(entry, link=link) else key
                odd[key] = link
            keys.append(key)
    keys.sort()
    return keys, odd


def _is_folder(entry: os.DirEntry[str], *, link: bool) -> bool:
    try:
        folder = entry.is_dir()
    except OSError:
        folder = False
    if link and not is_item_name(entry.name):  # where it leads to nothing, it may have been a folder
        folder = folder or not os.path.exists(entry.path)
    return folder
