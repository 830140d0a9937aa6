"""Walks a source and yields its files in the byte order of paths, with as few system calls as possible."""

from __future__ import annotations

import errno
import functools
import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from indexer.documents.text_file import TEXT_FORMATS
from indexer.errors import SourceError
from indexer.images import PHOTO_SUFFIXES
from indexer.images.file_reader import read_start
from indexer.sync.folder_names import SEPARATOR, broken_link_reason, folder_names
from indexer.sync.listing_builder import ListingBuilder
from indexer.sync.mounts import find_mount
from indexer.sync.other_endings import OtherEndings
from indexer.sync.scan_rules import Rules, is_item_name
from indexer.sync.sidecars import Sidecars, existing_files, is_sidecar_name
from indexer.sync.walk_entries import BrokenLink, Listing, UnreadableFile, UnreadableFolder, WalkEntry
from indexer.types import is_below, stored_times

LISTING_SIZE = 500
"""Files per listing, at most; progress is reported after each."""

_SUFFIXES = frozenset(map(os.fsencode, (*PHOTO_SUFFIXES, *TEXT_FORMATS)))
_DOT = ord(".")


def walk(
    root: str,
    rules: Rules,
    *,
    base: str | None = None,
    others: Collection[str] = (),
    endings: OtherEndings | None = None,
) -> Iterator[WalkEntry]:
    """Yield the photos and text files at or below `root`, in the byte order of their paths.

    Links are followed, but nothing is visited twice: a link to inside the root is skipped, and of several links to the
    same file or folder outside it, only the first is followed.

    Args:
        root: Absolute path of a folder or file, as `resolve_path` returns it.
        rules: What to exclude; the root itself is never excluded.
        base: Folder that the patterns' paths are relative to; None for the root.
        others: Roots of other sources, which are skipped.
        endings: Counts the files that are passed over by their ending.

    Raises:
        SourceError: The root cannot be read or does not exist.
    """
    try:
        info = os.stat(root)
    except OSError as error:
        raise SourceError(f"{root} cannot be read ({error.strerror}); name a folder or a picture") from error
    if stat.S_ISDIR(info.st_mode):
        yield from _Walk(root, os.path.realpath(root), rules, base or root, others, {_file_id(info)}, endings).walk()
    else:
        yield from _walk_file(root, info)


def _walk_file(path: str, info: os.stat_result) -> Iterator[Listing]:
    """Yield a file that is a source."""
    folder, name = os.path.split(path)
    try:
        names = folder_names(folder)[0]
    except OSError:  # a file can be read in a folder that cannot be listed
        names = []
    sidecars = Sidecars(names)
    for sidecar_name in filter(is_sidecar_name, names):
        sidecars.add(os.fsdecode(sidecar_name))
    builder = ListingBuilder()
    builder.add(os.fsencode(path), info, existing_files(_paths(folder, sidecars, name)))
    yield from builder.take()


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to be walked.

    Attributes:
        path: Its path.
        is_outside: Whether a link led to it from inside the root.
        device: The device of the folder around it; None for the root.
    """

    path: str
    is_outside: bool = False
    device: int | None = None


@dataclass(slots=True)
class _Walk:
    """A walk in progress.

    Attributes:
        root: The root as the caller gave it.
        real_root: The root with links resolved.
        rules: What to exclude.
        base: Folder that the patterns' paths are relative to.
        others: Roots of other sources.
        visited: Files and folders outside the root that links led to, and the root.
        endings: Counts the files that are passed over by their ending.
    """

    root: str
    real_root: str
    rules: Rules
    base: str
    others: Collection[str]
    visited: set[tuple[int, int]]
    endings: OtherEndings | None

    def walk(self) -> Iterator[WalkEntry]:
        """Yield the files of the root and of all folders in it; without recursion, which Python limits."""
        stack = [self.walk_folder(_Folder(self.root))]
        while stack:
            entry = next(stack[-1], None)
            if entry is None:
                stack.pop()
            elif isinstance(entry, _Folder):
                stack.append(self.walk_folder(entry))
            else:
                yield entry

    def walk_folder(self, folder: _Folder) -> Iterator[WalkEntry | _Folder]:
        """Yield the files of one folder and the folders in it, in their order."""
        try:
            file_id = _file_id(os.stat(folder.path))
            if folder.device != file_id[0] and (mount := find_mount(folder.path, file_id[0])):
                yield mount
            names, special = folder_names(folder.path)
            yield from self.entries(folder, file_id, names, special)
        except OSError as error:
            reason = error.strerror or str(error)
            if folder.path == self.root:
                raise SourceError(f"{folder.path} cannot be read ({reason}); check its permissions") from error
            yield UnreadableFolder(folder.path, reason)

    def entries(
        self, folder: _Folder, file_id: tuple[int, int], names: list[bytes], special: Mapping[bytes, bool]
    ) -> Iterator[WalkEntry | _Folder]:
        """Yield the files and folders with these names; see `folder_names`.

        Raises:
            OSError: The folder cannot be read any more.
        """
        sidecars = Sidecars(names)
        has_rules = bool(self.rules.exclude or self.others)
        for name in map(os.fsdecode, filter(is_sidecar_name, names)):
            if not ((has_rules or name[0] == ".") and self.is_excluded(name, os.path.join(folder.path, name))):
                sidecars.add(name)
        start = 0
        for number, name_bytes in enumerate(names):
            if not name_bytes.endswith(SEPARATOR):
                continue
            yield from self.files(folder, file_id, names[start:number], special, sidecars)
            start = number + 1
            name = os.fsdecode(name_bytes[:-1])
            path = os.path.join(folder.path, name)
            is_link = special[name_bytes]
            if self.is_excluded(name, path):
                continue
            if is_link and (reason := broken_link_reason(path)):
                yield UnreadableFolder(path, reason)
            elif self.is_first_visit(path, is_outside=folder.is_outside, is_link=is_link):
                yield _Folder(path, folder.is_outside or is_link, file_id[0])
        yield from self.files(folder, file_id, names[start:], special, sidecars)

    def files(
        self,
        folder: _Folder,
        file_id: tuple[int, int],
        names: Sequence[bytes],
        special: Mapping[bytes, bool],
        sidecars: Sidecars,
    ) -> Iterator[Listing | UnreadableFile | BrokenLink]:
        """Yield the photos and text files with these names, none of which is a folder.

        Raises:
            OSError: The folder cannot be read any more.
        """
        prefix = os.fsencode(os.path.join(folder.path, ""))
        has_rules = bool(self.rules.exclude or self.others)
        must_follow = folder.is_outside or bool(sidecars)
        builder = ListingBuilder()
        passed_over: list[bytes] = []
        for name_bytes in names:
            if name_bytes[name_bytes.rfind(b".") :].lower() not in _SUFFIXES:  # excludes most other files cheaply
                if name_bytes[0] != _DOT or self.rules.include_hidden:
                    passed_over.append(name_bytes)
                continue
            if has_rules or name_bytes[0] == _DOT:
                name = os.fsdecode(name_bytes)
                if not is_item_name(name) or self.is_excluded(name, os.path.join(folder.path, name)):
                    continue
            path = prefix + name_bytes
            try:
                if must_follow or name_bytes in special:
                    is_link = special.get(name_bytes, False)
                    yield from self.follow_file(builder, path, folder, sidecars, is_link=is_link)
                else:  # nearly all files; a microsecond here, and one for the system call
                    info = os.lstat(path)
                    builder.files.append((path, info.st_size, *stored_times(info), None, None, None))
            except OSError as error:
                yield from builder.take()
                yield from _unreadable_file(path, error, folder.path, file_id)
            if len(builder.files) == LISTING_SIZE:
                yield from builder.take()
        yield from builder.take()
        if self.endings is not None and passed_over:
            self.endings.add(passed_over, lambda name: self.read_start(os.fsdecode(name), folder.path))

    def read_start(self, name: str, folder: str) -> bytes:
        """Return the first bytes of a file of a folder, b"" if it cannot be read or is excluded."""
        path = os.path.join(folder, name)
        return b"" if self.is_excluded(name, path) else read_start(os.fsencode(path))

    def is_excluded(self, name: str, path: str) -> bool:
        """Return whether the rules exclude an entry, or it is the root of another source."""
        relative_path = os.path.relpath(path, self.base) if self.rules.exclude else ""  # slow; only patterns need it
        parent = os.path.basename(os.path.dirname(path))
        return self.rules.excludes(name, relative_path, parent) or path in self.others

    def follow_file(
        self, builder: ListingBuilder, path: bytes, folder: _Folder, sidecars: Sidecars, *, is_link: bool
    ) -> Iterator[Listing | BrokenLink]:
        """Add a file to a listing unless it was visited before; yield a broken link after the listing before it.

        Raises:
            OSError: The file cannot be accessed or does not exist any more.
        """
        if is_link and (reason := broken_link_reason(path)):
            yield from builder.take()
            builder.add(path, os.lstat(path))
            yield from (BrokenLink(listing, reason) for listing in builder.take())
            return
        info = os.stat(path)
        path_text = os.fsdecode(path)
        is_regular = stat.S_ISREG(info.st_mode)
        if not is_regular or self.is_first_visit(path_text, is_outside=folder.is_outside, is_link=is_link):
            paths = _paths(folder.path, sidecars, os.path.basename(path_text)) if sidecars else ()
            builder.add(path, info, existing_files(paths))

    def is_first_visit(self, path: str, *, is_outside: bool, is_link: bool) -> bool:
        """Return whether a file or folder has not been visited before, and note the visit if a link led to it."""
        if not is_outside and not is_link:
            return True
        try:
            real_path, file_id = os.path.realpath(path), _file_id(os.stat(path))
        except OSError:
            return True  # reading it reports the error
        if real_path == self.real_root or file_id in self.visited:
            return False
        if is_below(real_path, self.real_root):
            target = os.path.join(self.root, os.path.relpath(real_path, self.real_root))
            if not self.rules.excludes_path(target, self.base):
                return False
        self.visited.add(file_id)
        return True


def _paths(folder: str, sidecars: Sidecars, name: str) -> Iterator[Iterator[str]]:
    """Yield the paths of a photo's sidecars of each kind."""
    return (map(functools.partial(os.path.join, folder), names) for names in sidecars.of_photo(name))


def _unreadable_file(path: bytes, error: OSError, folder: str, file_id: tuple[int, int]) -> Iterator[UnreadableFile]:
    """Yield a file that cannot be accessed; nothing if it was deleted during the walk.

    Raises:
        OSError: The folder cannot be read any more, or was replaced by another.
    """
    if _file_id(os.stat(os.path.join(folder, os.curdir))) != file_id:
        raise OSError(errno.ENOENT, "it was removed while it was read") from error
    if not isinstance(error, FileNotFoundError):
        yield UnreadableFile(os.fsdecode(path), error.strerror or str(error))


def _file_id(info: os.stat_result) -> tuple[int, int]:
    """Return what identifies a file or folder whatever its name: the device and inode number."""
    return info.st_dev, info.st_ino
