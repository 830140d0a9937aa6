"""Compares the files of a source with the records of the catalog: two listings in the byte order of paths."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from indexer.catalog.statements.sync_state import StatRecord
from indexer.documents.text_file import text_format
from indexer.sync.folder_names import SEPARATOR
from indexer.sync.missing_folders import MissingFolders
from indexer.sync.steps import Unchanged
from indexer.sync.walk_entries import (
    BrokenLink,
    FileStat,
    Listing,
    SourceFile,
    UnreadableFile,
    UnreadableFolder,
    WalkEntry,
)


class Difference(NamedTuple):
    """A file that must be looked at.

    Attributes:
        path: Its path.
        file: What the walk found; None if there is only a record of it.
        is_new: Whether the catalog has no record of it.
        broken_link: Why it cannot be accessed, if it is a link.
    """

    path: str
    file: SourceFile | None
    is_new: bool = False
    broken_link: str | None = None


_END: StatRecord = (b"\xff", 0, 0, None, None)
"""Sorts after all paths: they are absolute, and none begins with this byte."""


class _Records:
    """The catalog's records of a source, read in their order next to its files."""

    def __init__(self, pages: Iterable[Sequence[StatRecord]], folders: MissingFolders | None) -> None:
        self._pages = iter(pages)
        self._folders = folders
        self._page: Sequence[StatRecord] = ()
        self._position = 0

    @property
    def next(self) -> StatRecord:
        """The first record that was not compared yet, `_END` after the last."""
        if self._position == len(self._page):
            self._page, self._position = next(self._pages, [_END]), 0
        return self._page[self._position]

    def skip(self) -> StatRecord:
        """Return the next record, and go on to the one after it."""
        record = self.next
        self._position += 1
        return record

    def skip_equal(self, files: Sequence[FileStat]) -> bool:
        """Go on to the records after those of some files if these are the next and equal; return whether they are."""
        while len(self._page) - self._position < len(files) and (page := next(self._pages, None)):
            self._page, self._position = [*self._page[self._position :], *page], 0
        end = self._position + len(files)
        if self._page[self._position : end] != files:  # one comparison in C, of which a sync makes a thousand
            return False
        self._position = end
        return True

    def missing_before(self, path: bytes) -> Iterator[Difference]:
        """Yield the items whose path comes before this one; their files were not found."""
        while self.next[0] < path:
            missing = self.skip()[0]
            if self._folders:
                self._folders.add_missing(missing)
            yield Difference(os.fsdecode(missing), None)

    def skip_unreadable(self, path: bytes) -> Iterator[Difference]:
        """Go on to the records after an unreadable file or folder; a folder's path ends with a separator."""
        yield from self.missing_before(path)
        while self.next[0] == path or (path.endswith(SEPARATOR) and self.next[0].startswith(path)):
            self.skip()
        if self._folders:
            self._folders.add_files(path, has_photos=True)


def compare(
    entries: Iterable[WalkEntry], pages: Iterable[Sequence[StatRecord]], folders: MissingFolders | None
) -> Iterator[Unchanged | Difference]:
    """Yield the differences between files and records, and the number of equal ones; skip unreadable folders."""
    records = _Records(pages, folders)
    for entry in entries:
        if isinstance(entry, Listing):
            yield from _compare_listing(entry, records, folders)
        elif isinstance(entry, UnreadableFolder):
            yield from records.skip_unreadable(os.fsencode(os.path.join(entry.path, "")))  # sorts with its separator
        elif isinstance(entry, UnreadableFile):
            yield from records.skip_unreadable(os.fsencode(entry.path))
        elif isinstance(entry, BrokenLink):
            path, file = os.fsencode(entry.path), entry.listing.source_file(entry.listing.files[0])
            yield from records.missing_before(path)
            is_new = records.next[0] != path
            yield from records.skip_unreadable(path)
            yield Difference(entry.path, file, is_new=is_new, broken_link=entry.reason)
    yield from records.missing_before(_END[0])


def _compare_listing(
    listing: Listing, records: _Records, folders: MissingFolders | None
) -> Iterator[Unchanged | Difference]:
    """Yield the differences between the files of a listing and the records."""
    last = listing.files[-1][0]
    is_proof = folders is not None and folders.needs_proof(last)  # their items must be known
    if not is_proof and records.skip_equal(listing.files):
        unchanged = len(listing.files)
    else:
        unchanged = 0
        for file in listing.files:
            yield from records.missing_before(file[0])
            is_new = records.next[0] != file[0]
            if is_new or records.skip() != file or is_proof:
                yield Difference(os.fsdecode(file[0]), listing.source_file(file), is_new=is_new)
            else:
                unchanged += 1
    if folders:
        folders.add_files(last, has_photos=any(text_format(os.fsdecode(file[0])) is None for file in listing.files))
    if unchanged:
        yield Unchanged(failed=False, count=unchanged)
