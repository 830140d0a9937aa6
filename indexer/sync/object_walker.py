"""Walks a prefix of an object store, and yields what a walk of a folder yields; nothing is read but listings.

The listings of pyarrow have no ETag, so the files have no change time here. `with_versions` asks for those of objects
whose size or time is not the recorded one, and for new ones.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from indexer.catalog.statements.sync_state import sidecar_stamp
from indexer.documents.table import table_format
from indexer.errors import SourceError
from indexer.images.file_reader import read_start
from indexer.object_path import is_object
from indexer.storage import Entry, Place, item_files, open_place, split_url
from indexer.sync.comparison import Difference
from indexer.sync.name_endings import item_names
from indexer.sync.other_endings import OtherEndings
from indexer.sync.scan_rules import Rules, is_folder
from indexer.sync.sidecars import Sidecars, combined_stat, is_sidecar_name
from indexer.sync.source_errors import source_errors
from indexer.sync.walk_entries import FileStat, Listing, SidecarStat, UnusableKey

LISTING_SIZE = 500
"""Objects per listing, at most; progress is reported after each."""

_BAD_KEY = "its key has an empty component, '.' or '..'; copy it to another key to index it"


def walk_objects(
    root: str, rules: Rules, *, base: str, others: Collection[str], endings: OtherEndings | None
) -> Iterator[Listing | UnusableKey]:
    """Yield the photos and text files at or below a URL, in the byte order of their keys; see `walker.walk`.

    Raises:
        SourceError: The bucket does not exist or cannot be listed, also in the middle; or the object is a table.
        ConfigError: The URL has another scheme, or no bucket.
        MissingPackageError: pyarrow is not installed.
    """
    place = open_place(root)
    with source_errors():
        if is_folder(place.url):
            yield from _Walk(place, rules, base, others, endings).walk()
        else:
            yield from _walk_object(place.url)


def _walk_object(url: str) -> Iterator[Listing]:
    """Yield an object that is a source."""
    if table_format(url):
        raise SourceError(f"{url} is a table, which must be a file; copy it to a folder, and index it there")
    folder, name = split_url(url)
    place = open_place(folder)
    entries = {entry.name: entry for entry in place.entries() if not entry.is_folder}
    sidecars = _sidecars(sorted(map(os.fsencode, entries)))
    yield from _listings(place, [entries[name]] if name in entries else [], sidecars, entries)


@dataclass(frozen=True, slots=True)
class _Walk:
    """A walk in progress; see `walk_objects`."""

    place: Place
    rules: Rules
    base: str
    others: Collection[str]
    endings: OtherEndings | None

    def walk(self) -> Iterator[Listing | UnusableKey]:
        """Yield the objects of the root and of all prefixes in it, without recursion, which Python limits."""
        stack = [self.walk_folder("")]
        while stack:
            entry = next(stack[-1], None)
            if entry is None:
                stack.pop()
            elif isinstance(entry, Entry):
                stack.append(self.walk_folder(entry.name))
            else:
                yield entry

    def walk_folder(self, folder: str) -> Iterator[Listing | UnusableKey | Entry]:
        """Yield the objects of one prefix and the prefixes in it, in their order."""
        entries = []
        for entry in self.place.entries(folder):
            if not _is_key_in(folder, entry.name):
                yield UnusableKey(self.place.location(entry.name), _BAD_KEY)
            elif not self.is_excluded(entry):
                entries.append(entry)
        files = {_name_of(entry): entry for entry in entries if not entry.is_folder}
        names = sorted(map(os.fsencode, files))
        sidecars = _sidecars(names)
        wanted = set(map(os.fsdecode, item_names(names)))
        waiting: list[Entry] = []
        for entry in entries:
            if entry.is_folder:
                yield from _listings(self.place, waiting, sidecars, files)
                waiting = []
                yield entry
            elif _name_of(entry) in wanted:
                waiting.append(entry)
        yield from _listings(self.place, waiting, sidecars, files)
        if self.endings is not None and (rest := [name for name in names if os.fsdecode(name) not in wanted]):
            prefix = os.fsencode(self.place.location(folder)) + b"/"
            self.endings.add(rest, lambda name: read_start(prefix + name))

    def is_excluded(self, entry: Entry) -> bool:
        """Return whether the rules exclude an entry, or it is the root of another source."""
        url = self.place.location(entry.name)
        parent = split_url(split_url(url)[0])[1]
        relative_path = os.path.relpath(url, self.base) if self.rules.exclude else ""  # slow; only patterns need it
        return self.rules.excludes(_name_of(entry), relative_path, parent) or url in self.others


def _sidecars(names: Sequence[bytes]) -> Sidecars:
    """Return the sidecars among the names of one prefix, which are sorted."""
    sidecars = Sidecars(names)
    for name in filter(is_sidecar_name, names):
        sidecars.add(os.fsdecode(name))
    return sidecars


def _listings(place: Place, entries: Sequence[Entry], sidecars: Sidecars, files: dict[str, Entry]) -> Iterator[Listing]:
    """Yield some objects of one prefix as listings.

    Args:
        place: The place.
        entries: The objects.
        sidecars: The sidecars of the prefix.
        files: All objects of the prefix by name.
    """
    for start in range(0, len(entries), LISTING_SIZE):
        stats: list[FileStat] = []
        found: dict[bytes, tuple[tuple[str, ...], SidecarStat]] = {}
        for entry in entries[start : start + LISTING_SIZE]:
            path = os.fsencode(place.location(entry.name))
            of_photo = [files[names[0]] for names in map(list, sidecars.of_photo(_name_of(entry))) if names]
            stat = combined_stat([(file.mtime_ns, file.size, file.mtime_ns) for file in of_photo])
            stats.append((path, entry.size, entry.mtime_ns, None, sidecar_stamp(*stat)))
            if of_photo:
                found[path] = tuple(place.location(file.name) for file in of_photo), stat
        yield Listing(stats, found)


def with_versions(differences: Sequence[Difference]) -> Sequence[Difference]:
    """Return differences, with the ETags of those that are objects as their change times.

    Raises:
        SourceError: The object store cannot be used.
    """
    paths = [path for path, file, _, _ in differences if file is not None and is_object(path)]
    if not paths:
        return differences
    with source_errors():
        found = dict(item_files.stat_files(paths, str))
    return [
        difference._replace(file=replace(difference.file, ctime_ns=status.st_ctime_ns))
        if difference.file is not None and isinstance(status := found.get(difference.path), os.stat_result)
        else difference
        for difference in differences
    ]


def _is_key_in(folder: str, name: str) -> bool:
    """Return whether a name that a listing has is one more component below a folder."""
    component = name[len(folder) + 1 :] if folder else name
    return name.startswith(f"{folder}/" if folder else "") and component not in ("", ".", "..") and "/" not in component


def _name_of(entry: Entry) -> str:
    return entry.name.rpartition("/")[2]
