"""Whether a file and its sidecar are what the catalog records, as far as their stat tells."""

from __future__ import annotations

from indexer.catalog.statements.sync_state import FileRecord
from indexer.object_path import is_object
from indexer.sync.walk_entries import SourceFile


def is_unchanged(file: SourceFile, record: FileRecord) -> bool:
    """Return whether a file and its sidecar have the recorded sizes and times, and nothing is to be done for them."""
    is_expected = record.failure is None and not record.is_outdated
    is_same = has_same_stat(file, record) and _has_same_sidecar_stat(file, record)
    return is_expected and is_same and not has_unknown_times(file, record)


def has_same_stat(file: SourceFile, record: FileRecord) -> bool:
    """Return whether a file has the recorded size and times; a change time that is not recorded counts as equal."""
    is_same = (file.size, file.mtime_ns) == (record.size, record.mtime_ns)
    return is_same and record.ctime_ns in (None, file.ctime_ns)


def has_same_version(file: SourceFile, record: FileRecord) -> bool:
    """Return whether a file is an object with the recorded size and ETag; uploading it again sets its time alone."""
    is_known = is_object(file.path) and record.ctime_ns is not None
    return is_known and (file.size, file.ctime_ns) == (record.size, record.ctime_ns)


def has_same_sidecar(file: SourceFile, record: FileRecord) -> bool:
    """Return whether a file at its path has the sidecar that was read with it: by its stat, or else by its content."""
    if _has_same_sidecar_stat(file, record):
        return True
    return record.sidecar_hash is not None and file.sidecar_hash == record.sidecar_hash


def keeps_sidecar(file: SourceFile, record: FileRecord) -> bool:
    """Return whether a file that has moved has the sidecar that was read with it: by its content, or else its stat.

    Moving a file sets its change time.
    """
    if record.sidecar_hash is not None and file.sidecar_hash is not None:
        return file.sidecar_hash == record.sidecar_hash
    is_same_size = file.sidecar_size is None or record.sidecar_size in (None, file.sidecar_size)
    return file.sidecar_mtime_ns == record.sidecar_mtime_ns and is_same_size


def has_unknown_times(file: SourceFile, record: FileRecord) -> bool:
    """Return whether a file only lacks a recorded change time, its own or its sidecar's, and is the same otherwise.

    Libraries of earlier versions have no change times; their files are not read for that.
    """
    lacks_times = record.ctime_ns is None or (record.sidecar_mtime_ns is not None and record.sidecar_ctime_ns is None)
    return lacks_times and has_same_stat(file, record) and _has_same_sidecar_stat(file, record)


def _has_same_sidecar_stat(file: SourceFile, record: FileRecord) -> bool:
    return (
        file.sidecar_mtime_ns == record.sidecar_mtime_ns
        and record.sidecar_size in (None, file.sidecar_size)
        and record.sidecar_ctime_ns in (None, file.sidecar_ctime_ns)
    )
