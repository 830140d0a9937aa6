"""Where exports are kept: folders that are whole or not there, and notes that lead to them by an encoder's name."""

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
from indexer.encoders.base import COMPACT_FOLDER
from indexer.encoders.names import Precision

logger = logging.getLogger(__name__)

RECIPE = 1
"""Goes up when exports change: those of before are not looked at again."""

SEAL = "files.json"
"""Size, time and checksum of each file of an export, written last."""


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of a name in a precision.

    Attributes:
        name: The encoder, for people who look.
        files: Size and time (nanoseconds) of each file in the folder that the name points to; none for other names.
        export: Folder of the export in the cache; empty where there is none.
        refused: Why there is none.
        versions: Of the packages that refused; with others it is tried again.
    """

    name: str
    files: dict[str, list[int]]
    export: str = ""
    refused: str = ""
    versions: dict[str, str] = field(default_factory=dict)


def cache_folder() -> Path:
    """Return the folder of exports: in RECALL_CACHE, else where this system keeps what may be deleted."""
    place = os.environ.get("RECALL_CACHE")
    if not place:
        from platformdirs import user_cache_path  # late: tests and services name their folder

        place = str(user_cache_path("recall", appauthor=False))
    return Path(place).absolute() / f"encoders-{RECIPE}"


@contextmanager
def alone() -> Iterator[None]:
    """Hold the cache's lock, which falls with the process: one export at a time, the others wait for it and use it."""
    from filelock import FileLock, Timeout  # late: who finds an export needs no lock

    lock = FileLock(cache_folder() / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.info("another process is exporting an encoder: waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def sweep() -> None:
    """Delete what killed exports have left, and exports that no name leads to any more. Call it alone."""
    notes = [_note(file) for file in cache_folder().glob("*.json")]
    known = {note.export for note in notes if note is not None}
    for folder in cache_folder().iterdir():
        if folder.is_dir() and folder.name not in known:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give a folder to fill that becomes `target` at the end, at once and whole, or is gone after an error."""
    part = target.with_name(f"{target.name}.part")
    try:
        part.mkdir()
        yield part
        seal(part)
        if target.exists():
            shutil.rmtree(target)  # it was damaged; who has it open keeps what is open
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def seal(folder: Path) -> None:
    """Write down size, time and checksum of each file of a finished export, and see all of it to the disk."""
    files = {}
    for file in sorted(folder.iterdir()):
        with file.open("r+b") as stream:
            os.fsync(stream.fileno())
        files[file.name] = {"stamp": _stamp(file), "sha256": _checksum(file)}
    with (folder / SEAL).open("w", encoding="utf-8") as stream:
        json.dump(files, stream, indent=2)
        stream.flush()
        os.fsync(stream.fileno())


def is_whole(folder: Path) -> bool:
    """Return whether an export is as it was written; a file with its old size and time is not read for that."""
    try:
        files: dict[str, Any] = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        touched = [name for name, known in files.items() if known["stamp"] != _stamp(folder / name)]
        if any(files[name]["sha256"] != _checksum(folder / name) for name in touched):
            return False
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    if touched:  # copied, or restored from a backup
        with suppress(OSError):
            seal(folder)
    return True


def stamps(name: str) -> dict[str, list[int]]:
    """Return size and time of each file in the folder that a name points to; none for other names."""
    folder = _folder_of(name)
    try:
        return {file.name: _stamp(file) for file in sorted(folder.iterdir()) if file.is_file()} if folder else {}
    except OSError:
        return {}  # loading it says what is wrong


def versions() -> dict[str, str]:
    """Return the versions of all that takes part in an export."""
    from importlib.metadata import PackageNotFoundError, version  # late: only a refusal asks for them

    found = {"recall": __version__}
    for package in ("torch", "onnx", "onnxruntime", "onnxscript"):
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def read_note(name: str, precision: Precision) -> Note | None:
    """Return what is known of a name, whether or not it still holds; None where that is nothing."""
    return _note(_note_file(name, precision))


def write_note(note: Note, precision: Precision) -> None:
    """Keep what is known of a name.

    Raises:
        OSError: The cache cannot be written.
    """
    file = _note_file(note.name, precision)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(asdict(note), indent=2), encoding="utf-8")
    part.replace(file)


def _note(file: Path) -> Note | None:
    try:
        return Note(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _note_file(name: str, precision: Precision) -> Path:
    key = f"{_folder_of(name) or name}+{precision}"
    return cache_folder() / f"{hashlib.sha256(os.fsencode(key)).hexdigest()[:32]}.json"


def _checksum(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _stamp(file: Path) -> list[int]:
    found = file.stat()
    return [found.st_size, found.st_mtime_ns]


def _folder_of(name: str) -> Path | None:
    """Return the folder that holds an encoder's own files; None where the name alone says which weights it means."""
    if name == "compact":
        return COMPACT_FOLDER
    return Path(name.removeprefix("local-dir:")).absolute() if name.startswith("local-dir:") else None
