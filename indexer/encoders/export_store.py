"""The cache of exports: folders that are either complete or absent, and records that lead to them by encoder name."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from indexer import __version__
from indexer.config import cache_base
from indexer.encoders.base import COMPACT_FOLDER
from indexer.encoders.names import Precision, in_precision
from indexer.private_files import part_file, sync_folder

logger = logging.getLogger(__name__)

EXPORT_VERSION = 1
"""To be raised when exports change; those of earlier versions are not used any more."""

MANIFEST = "files.json"
"""Size, modification time and checksum of each file of an export; written last."""


@dataclass(frozen=True, slots=True)
class ExportRecord:
    """What is known about an encoder in a precision; a JSON file with the names of these attributes.

    Attributes:
        name: The encoder, for people who read the file.
        files: Size and modification time (nanoseconds) of each file in the folder that the name refers to; empty for
            names without a folder.
        export: Folder of the export in the cache; empty if there is none.
        refused: Why there is no export.
        versions: Versions of the packages that refused; with other versions the export is tried again.
    """

    name: str
    files: dict[str, list[int]]
    export: str = ""
    refused: str = ""
    versions: dict[str, str] = field(default_factory=dict)


def cache_folder() -> Path:
    """Return the folder of the cache: that of the settings, else below RECALL_CACHE or the user's folder for caches."""
    return cache_base() / f"encoders-{EXPORT_VERSION}"


@contextmanager
def cache_lock() -> Iterator[None]:
    """Hold the cache's lock: one process exports at a time, and others wait for its result.

    The lock is released when the process ends.
    """
    from filelock import FileLock, Timeout  # late: needed only to export

    lock = FileLock(cache_folder() / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.info("waiting for another process that is exporting an encoder")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def delete_leftovers() -> None:
    """Delete remains of killed exports, and exports without a record. Requires the lock."""
    records = [_read(file) for file in cache_folder().glob("*.json")]
    exports = {record.export for record in records if record is not None}
    for folder in cache_folder().iterdir():
        if folder.is_dir() and folder.name not in exports:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def export_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder that becomes `target` when the block ends, and is deleted after an error."""
    part = target.with_name(f"{target.name}.part")
    try:
        part.mkdir()
        yield part
        write_manifest(part)
        if target.exists():
            shutil.rmtree(target)  # it is damaged; processes that have it open keep their open files
        part.rename(target)
        sync_folder(target.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_manifest(folder: Path) -> None:
    """Write the manifest of a finished export, and flush all its files to disk."""
    files = {}
    for file in sorted(folder.iterdir()):
        with file.open("r+b") as stream:
            os.fsync(stream.fileno())
        files[file.name] = {"stamp": _size_and_time(file), "sha256": _checksum(file)}
    with (folder / MANIFEST).open("w", encoding="utf-8") as stream:
        json.dump(files, stream, indent=2)
        stream.flush()
        os.fsync(stream.fileno())


def is_intact(folder: Path) -> bool:
    """Return whether an export is as it was written; files with the recorded size and time are not read."""
    try:
        files: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        touched = [name for name, recorded in files.items() if recorded["stamp"] != _size_and_time(folder / name)]
        if any(files[name]["sha256"] != _checksum(folder / name) for name in touched):
            return False
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    if touched:  # copied, or restored from a backup
        with suppress(OSError):
            write_manifest(folder)
    return True


def model_files(name: str) -> dict[str, list[int]]:
    """Return size and modification time of each file in the folder that a name refers to; empty for other names."""
    folder = _model_folder(name)
    try:
        return (
            {file.name: _size_and_time(file) for file in sorted(folder.iterdir()) if file.is_file()} if folder else {}
        )
    except OSError:
        return {}  # loading the encoder reports the reason


def package_versions() -> dict[str, str]:
    """Return the versions of Recall and of all packages that take part in an export."""
    from importlib.metadata import PackageNotFoundError, version  # late: needed only after a refusal

    versions = {"recall": __version__}
    for package in ("torch", "onnx", "onnxruntime", "onnxscript"):
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return versions


def read_record(name: str, precision: Precision) -> ExportRecord | None:
    """Return the record of an encoder, whether or not it still holds; None if there is none."""
    return _read(_record_file(name, precision))


def exported_names() -> list[str]:
    """Return the names of the encoders that have an export, with their precision, sorted; damaged ones included."""
    names = []
    for file in cache_folder().glob("*.json"):
        record = _read(file)
        if record is not None and record.export and (cache_folder() / record.export).is_dir():
            names.append(in_precision(record.name, "int8" if record.export.endswith("-int8") else "float32"))
    return sorted(names)


def write_record(record: ExportRecord, precision: Precision) -> None:
    """Write the record of an encoder.

    Raises:
        OSError: The cache cannot be written.
    """
    file = _record_file(record.name, precision)
    with part_file(file) as part:
        part.write_text(json.dumps(asdict(record), indent=2), encoding="utf-8")
        part.replace(file)


def _read(file: Path) -> ExportRecord | None:
    try:
        return ExportRecord(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _record_file(name: str, precision: Precision) -> Path:
    key = f"{_model_folder(name) or name}+{precision}"
    return cache_folder() / f"{hashlib.sha256(os.fsencode(key)).hexdigest()[:32]}.json"


def _checksum(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _size_and_time(file: Path) -> list[int]:
    status = file.stat()
    return [status.st_size, status.st_mtime_ns]


def _model_folder(name: str) -> Path | None:
    """Return the folder with an encoder's files; None if the name alone determines the weights."""
    if name == "compact":
        return COMPACT_FOLDER
    return Path(name.removeprefix("local-dir:")).absolute() if name.startswith("local-dir:") else None
