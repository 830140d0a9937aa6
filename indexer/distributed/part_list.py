"""The files of a source, divided into parts, and which of the parts are to be made."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Self

from indexer.distributed.report import MAX_LISTED, PartsReport
from indexer.errors import EncoderMismatchError, TransferError
from indexer.storage import Place
from indexer.storage.ahead import map_ahead
from indexer.sync.scan_rules import Rules
from indexer.sync.source_walker import walk_source
from indexer.sync.walk_entries import BrokenLink, Listing, SourceFile, UnreadableFile, UnreadableFolder, UnusableKey
from indexer.transfer.part_folders import PartRecord, read_record

PART_FILES = 128
"""Files in a part, at least: a few seconds of work for `compact` on one core, so that a lost machine loses little."""

_MANIFEST_READERS = 16
"""Manifests that are read at once: an object store takes 10 to 50 ms for each."""


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive files of a source, in the byte order of paths.

    Attributes:
        number: 0 for the first.
        digest: Hash of the encoder's fingerprint and of the files' paths, sizes and times.
        files: The files.
    """

    number: int
    digest: str
    files: tuple[SourceFile, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """The parts that one of several runs makes.

    Attributes:
        number: Which of the runs this is, from 1 to `of`.
        of: Number of runs.
    """

    number: int = 1
    of: int = 1

    def has(self, part: int) -> bool:
        """Return whether a part belongs to the share."""
        return part % self.of == self.number - 1


def part_size(batch_size: int) -> int:
    """Return how many files a part has: the smallest multiple of the encoder's batch from `PART_FILES` on."""
    return -(-PART_FILES // batch_size) * batch_size


def list_files(root: str, rules: Rules, report: PartsReport) -> Iterator[SourceFile]:
    """Yield the photos and texts of a source, in the byte order of paths, as a sync finds them.

    Args:
        root: Folder or file.
        rules: What to exclude.
        report: Gets the folders and files that cannot be listed.

    Raises:
        SourceError: The source cannot be read.
    """
    for entry in walk_source(root, rules):
        if isinstance(entry, Listing):
            yield from map(entry.source_file, entry.files)
        elif isinstance(entry, BrokenLink):
            yield entry.listing.source_file(entry.listing.files[0])
        elif isinstance(entry, UnreadableFolder | UnreadableFile | UnusableKey) and len(report.unreadable) < MAX_LISTED:
            report.unreadable.append(f"{entry.path}: {entry.reason}")


def divide(files: Iterable[SourceFile], *, size: int, fingerprint: str) -> Iterator[Part]:
    """Yield the parts of a source's files, each of `size` files but the last."""
    source, number = iter(files), 0
    while chunk := tuple(islice(source, size)):
        yield Part(number, _digest(chunk, fingerprint), chunk)
        number += 1


class PartList:
    """The parts to be made, in a temporary file, so that memory does not grow with the source.

    Attributes:
        count: Number of parts.
        file_count: Number of their files.
        total_files: Number of files of the whole source.
    """

    def __init__(self) -> None:
        """Make an empty list."""
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self.count = self.file_count = self.total_files = 0

    def add(self, part: Part) -> None:
        """Append a part."""
        pickle.dump(part, self._file, protocol=pickle.HIGHEST_PROTOCOL)
        self.count += 1
        self.file_count += len(part.files)

    def __iter__(self) -> Iterator[Part]:
        self._file.seek(0)
        with suppress(EOFError):
            while True:
                yield pickle.load(self._file)  # noqa: S301 - our own file, unlinked while open

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def add_missing(
    parts: PartList,
    found: Iterable[Part],
    place: Place,
    *,
    root: str,
    fingerprint: str,
    share: Share,
    report: PartsReport,
) -> int:
    """Add to a list the parts of a share that are not complete, and return how many parts the whole source has.

    Raises:
        EncoderMismatchError: The place has parts of another encoder.
        TransferError: The place has parts of another source.
        StorageError: The place cannot be read.
    """
    number_of_parts = 0

    def own() -> Iterator[Part]:
        nonlocal number_of_parts
        for part in found:
            number_of_parts += 1
            parts.total_files += len(part.files)
            if share.has(part.number):
                yield part

    for part, record in map_ahead(lambda part: read_record(place, part.number), own(), threads=_MANIFEST_READERS):
        report.parts += 1
        if record is not None:
            _check_record(record, place, root=root, fingerprint=fingerprint)
        if record is not None and record.digest == part.digest:
            report.existing += 1
        else:
            parts.add(part)
    return number_of_parts


def _check_record(record: PartRecord, place: Place, *, root: str, fingerprint: str) -> None:
    if record.fingerprint != fingerprint:
        raise EncoderMismatchError(
            f"{place.url} has parts of the encoder {record.encoder!r} (fingerprint {record.fingerprint[:8]}, not "
            f"{fingerprint[:8]}); name another place, or that encoder with --encoder"
        )
    if record.source != root:
        raise TransferError(f"{place.url} has parts of {record.source}, not of {root}; name another place")


def _digest(files: Iterable[SourceFile], fingerprint: str) -> str:
    """Return the hash of a part's encoder and files, without change times: they differ between machines."""
    rows = [
        [
            os.fsencode(file.path).hex(),
            file.size,
            file.mtime_ns,
            file.sidecar_mtime_ns,
            file.sidecar_size,
        ]
        for file in files
    ]
    return hashlib.sha256(json.dumps([fingerprint, rows]).encode()).hexdigest()
