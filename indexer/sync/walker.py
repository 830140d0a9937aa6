"""Walks a source and yields its files in the byte order of paths, with as few system calls as possible."""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from indexer.errors import SourceError
from indexer.images.file_reader import read_start
from indexer.sync.folder_names import (
    SEPARATOR,
    broken_link_reason,
    file_id_of,
    folder_names,
    folder_positions,
    unreadable_file,
)
from indexer.sync.listing_builder import ListingBuilder, plain_stats
from indexer.sync.mounts import find_mount
from indexer.sync.name_endings import has_hidden, item_names, may_have_sidecars
from indexer.sync.other_endings import OtherEndings
from indexer.sync.scan_rules import Rules, is_item_name
from indexer.sync.sidecars import Sidecars, existing_files, is_sidecar_name
from indexer.sync.walk_entries import BrokenLink, Listing, UnreadableFile, UnreadableFolder, WalkEntry
from indexer.types import is_below

LISTING_SIZE = 500
"""Files per listing, at most; progress is reported after each."""

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
        yield from _Walk(root, os.path.realpath(root), rules, base or root, others, {file_id_of(info)}, endings).walk()
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
            file_id = file_id_of(os.stat(folder.path))
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
        sidecars = self.sidecars(folder, names)
        links = {name: is_link for name, is_link in special.items() if not name.endswith(SEPARATOR)}
        start = 0
        for number in folder_positions(names, special):
            if start < number:
                yield from self.files(folder, file_id, names[start:number], links, sidecars)
            start = number + 1
            name = os.fsdecode(names[number][:-1])
            path = os.path.join(folder.path, name)
            is_link = special[names[number]]
            if self.is_excluded(name, path):
                continue
            if is_link and (reason := broken_link_reason(path)):
                yield UnreadableFolder(path, reason)
            elif self.is_first_visit(path, is_outside=folder.is_outside, is_link=is_link):
                yield _Folder(path, folder.is_outside or is_link, file_id[0])
        yield from self.files(folder, file_id, names[start:], links, sidecars)

    def sidecars(self, folder: _Folder, names: Sequence[bytes]) -> Sidecars:
        """Return the sidecars among the names in a folder that are not excluded."""
        sidecars = Sidecars(names)
        if may_have_sidecars(names):
            for name in map(os.fsdecode, filter(is_sidecar_name, names)):
                if not self.is_excluded(name, os.path.join(folder.path, name)):
                    sidecars.add(name)
        return sidecars

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
        items = item_names(names)
        is_plain = not (self.rules.exclude or self.others or folder.is_outside or sidecars)
        prefix = os.fsencode(os.path.join(folder.path, ""))
        for start in range(0, len(items), LISTING_SIZE):
            part = items[start : start + LISTING_SIZE]
            is_checked = not is_plain or has_hidden(part) or not special.keys().isdisjoint(part if special else ())
            if not is_checked and (stats := plain_stats(prefix, part)):  # nearly all files
                yield Listing(stats)
            else:
                yield from self.checked_files(folder, file_id, part, special, sidecars)
        if self.endings is not None and len(items) < len(names):
            self.pass_over(folder, names, frozenset(items))

    def checked_files(
        self,
        folder: _Folder,
        file_id: tuple[int, int],
        names: Sequence[bytes],
        special: Mapping[bytes, bool],
        sidecars: Sidecars,
    ) -> Iterator[Listing | UnreadableFile | BrokenLink]:
        """Yield those of some photos and text files that are not excluded, were not visited and can be accessed.

        Raises:
            OSError: The folder cannot be read any more.
        """
        prefix = os.fsencode(os.path.join(folder.path, ""))
        has_rules = bool(self.rules.exclude or self.others)
        must_follow = folder.is_outside or bool(sidecars)
        builder = ListingBuilder()
        for name_bytes in names:
            if has_rules or name_bytes[0] == _DOT:
                name = os.fsdecode(name_bytes)
                if not is_item_name(name) or self.is_excluded(name, os.path.join(folder.path, name)):
                    continue
            path = prefix + name_bytes
            try:
                if must_follow or name_bytes in special:
                    is_link = special.get(name_bytes, False)
                    yield from self.follow_file(builder, path, folder, sidecars, is_link=is_link)
                else:
                    builder.add(path, os.lstat(path))
            except OSError as error:
                yield from builder.take()
                yield from unreadable_file(path, error, folder.path, file_id)
        yield from builder.take()

    def pass_over(self, folder: _Folder, names: Sequence[bytes], items: Collection[bytes]) -> None:
        """Count the files that are neither photos nor text files nor hidden."""
        others = [name for name in names if name not in items and (name[0] != _DOT or self.rules.include_hidden)]
        if self.endings is not None and others:
            self.endings.add(others, lambda name: self.read_start(os.fsdecode(name), folder.path))

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
            real_path, file_id = os.path.realpath(path), file_id_of(os.stat(path))
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
