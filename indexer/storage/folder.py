"""A folder as a place."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexer.errors import StorageError
from indexer.private_files import install_part, part_file
from indexer.storage.place import Entry, FileInfo, MissingFileError, Place, join
from indexer.types import stored_mtime


class FolderPlace(Place):
    """A folder, which need not exist before the first file is written."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Name a folder; a leading ~ is the user's own."""
        self._root = Path(os.path.abspath(Path(path).expanduser()))

    @property
    def url(self) -> str:
        """Absolute path."""
        return str(self._root)

    def entries(self, folder: str = "") -> list[Entry]:
        """Return the files and folders in a folder; links are followed, and what is neither is left out."""
        found = []
        with self._errors(folder, "read"):
            try:
                with os.scandir(self._root / folder) as scan:
                    found = [self._entry(join(folder, item.name), item) for item in scan]
            except FileNotFoundError:
                return []
        return sorted((entry for entry in found if entry is not None), key=lambda entry: entry.sort_key)

    @staticmethod
    def _entry(name: str, item: os.DirEntry[str]) -> Entry | None:
        try:
            if item.is_dir():
                return Entry(name, is_folder=True)
            status = item.stat()
        except OSError:  # a broken link, or deleted meanwhile
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        return Entry(name, is_folder=False, size=status.st_size, mtime_ns=stored_mtime(status))

    def info(self, name: str) -> FileInfo | None:
        """Return size and times of a file; None if there is none."""
        with self._errors(name, "read"):
            try:
                status = (self._root / name).stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return FileInfo(status.st_size, stored_mtime(status)) if stat.S_ISREG(status.st_mode) else None

    def read(self, name: str, *, start: int = 0, size: int | None = None) -> bytes:
        """Return the bytes of a file."""
        with self._errors(name, "read"):
            try:
                with (self._root / name).open("rb") as stream:
                    stream.seek(start)
                    return stream.read(-1 if size is None else size)
            except FileNotFoundError as error:
                raise MissingFileError(f"{self.location(name)} is not there; it may have been deleted") from error

    def write(self, name: str, data: bytes) -> None:
        """Write a file: to a temporary one, which is flushed and renamed."""
        path = self._root / name
        with self._errors(name, "written"):
            path.parent.mkdir(parents=True, exist_ok=True)
            with part_file(path) as part:
                part.write_bytes(data)
                install_part(part, path)

    def delete(self, name: str) -> None:
        """Delete a file; it may be missing."""
        with self._errors(name, "written"):
            (self._root / name).unlink(missing_ok=True)

    @contextmanager
    def _errors(self, name: str, verb: str) -> Iterator[None]:
        """Turn an OSError into a StorageError that names the file."""
        try:
            yield
        except OSError as error:
            raise StorageError(
                f"{self.location(name)} cannot be {verb} ({error.strerror or error}); check its disk and permissions"
            ) from error
