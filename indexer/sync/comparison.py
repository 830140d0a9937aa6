"""Compares the files of a source with the records of the catalog: two listings in the byte order of paths."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from indexer.catalog.statements.sync_state import OUTDATED, FileRecord, FileStatRecord
from indexer.documents.text_file import text_format
from indexer.sync.folder_names import SEPARATOR
from indexer.sync.missing_folders import MissingFolders
from indexer.sync.steps import Inaccessible, Removed, Unchanged
from indexer.sync.walk_entries import BrokenLink, Listing, SourceFile, UnreadableFile, UnreadableFolder, WalkEntry

FileChange = tuple[SourceFile, FileRecord | None]
"""A file that is new or changed, and its record in the catalog."""

_END: FileStatRecord = (b"\xff", 0, 0, None, None, None, None, None, 0, None)
"""Sorts after all paths: they are absolute, and none begins with this byte."""


_NO_ID = 2**63
"""Above all ids."""


class _Records:
    """The catalog's records of a source, read in their order next to its files.

    Attributes:
        next: The first record that was not compared yet, `_END` after the last.
        remaining: The records after it.
    """

    def __init__(self, records: Iterable[FileStatRecord], folders: MissingFolders | None) -> None:
        self.remaining = iter(records)
        self._folders = folders
        self.next = next(self.remaining, _END)

    def skip(self) -> FileStatRecord:
        """Return the next record, and go on to the one after it."""
        record, self.next = self.next, next(self.remaining, _END)
        return record

    def missing_before(self, path: bytes) -> Iterator[Removed]:
        """Yield the items whose path comes before this one; their files were not found."""
        while self.next[0] < path:
            record = self.skip()
            if self._folders:
                self._folders.add_missing(record[0])
            yield Removed(record[8], record[0])

    def skip_unreadable(self, path: bytes) -> Iterator[Removed]:
        """Go on to the records after an unreadable file or folder; a folder's path ends with a separator."""
        yield from self.missing_before(path)
        while self.next[0] == path or (path.endswith(SEPARATOR) and self.next[0].startswith(path)):
            self.skip()
        if self._folders:
            self._folders.add_files(path, has_photos=True)


def compare(
    entries: Iterable[WalkEntry], records: Iterable[FileStatRecord], folders: MissingFolders | None
) -> Iterator[Unchanged | Removed | Inaccessible | FileChange]:
    """Yield the differences between files and records, and the number of equal ones; skip unreadable folders."""
    remaining = _Records(records, folders)
    for entry in entries:
        if isinstance(entry, Listing):
            yield from _compare_listing(entry, remaining, folders)
        elif isinstance(entry, UnreadableFolder):
            yield from remaining.skip_unreadable(os.fsencode(os.path.join(entry.path, "")))  # sorts with its separator
        elif isinstance(entry, UnreadableFile):
            yield from remaining.skip_unreadable(os.fsencode(entry.path))
        elif isinstance(entry, BrokenLink):
            path = os.fsencode(entry.path)
            yield from remaining.missing_before(path)
            if remaining.next[0] == path and remaining.next[7] in (None, OUTDATED):
                yield from remaining.skip_unreadable(path)
                yield Inaccessible(entry.path, entry.reason)
            else:
                yield from _compare_listing(entry.listing, remaining, folders)
    yield from remaining.missing_before(_END[0])


def _compare_listing(
    listing: Listing, records: _Records, folders: MissingFolders | None
) -> Iterator[Unchanged | Removed | FileChange]:
    """Yield the differences between the files of a listing and the records; this loop runs a million times."""
    unchanged = 0
    oldest = _NO_ID
    record, remaining = records.next, records.remaining
    for file in listing.files:
        path = file[0]
        if record[0] < path:
            records.next = record
            yield from records.missing_before(path)
            record = records.next
        if record[0] != path:
            yield listing.source_file(file), None
            continue
        if record[:7] == file and record[7] is None:
            unchanged += 1
            oldest = min(oldest, record[8])
        else:
            yield listing.source_file(file), _file_record(record)
        record = next(remaining, _END)
    records.next = record
    if folders:
        last = listing.files[-1][0]
        folders.add_files(last, has_photos=any(text_format(os.fsdecode(file[0])) is None for file in listing.files))
        if unchanged:
            folders.add_unchanged(last, oldest)
    if unchanged:
        yield Unchanged(failed=False, count=unchanged)


def _file_record(record: FileStatRecord) -> FileRecord:
    path, size, mtime_ns, ctime_ns, sidecar_mtime_ns, sidecar_size, sidecar_ctime_ns, failure, id_, hash_ = record
    return FileRecord(
        id=id_,
        path=os.fsdecode(path),
        size=size,
        mtime_ns=mtime_ns,
        ctime_ns=ctime_ns,
        failure=None if failure == OUTDATED else failure,
        sidecar_mtime_ns=sidecar_mtime_ns,
        sidecar_size=sidecar_size,
        sidecar_ctime_ns=sidecar_ctime_ns,
        sidecar_hash=hash_,
        is_outdated=failure == OUTDATED,
    )
