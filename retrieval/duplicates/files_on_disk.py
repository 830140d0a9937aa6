"""The files of a group as they are on disk now: which names lead to one file, and what deleting one frees."""

from __future__ import annotations

import os
from collections.abc import Iterable

from indexer.catalog.statements.duplicates import PhotoFile
from indexer.object_path import file_path
from indexer.types import collection_of, stored_mtime
from retrieval.duplicates.groups import DuplicatePhoto
from retrieval.duplicates.sketches import status_or_reason

_Identity = tuple[int, int, int, int]


class FilesOnDisk:
    """The files of one group.

    Attributes:
        names: Number of names (hard links) of each selected file, by item id; 0 for a symbolic link.
    """

    def __init__(self, failures: dict[int, tuple[str, str]]) -> None:
        """Create it without files.

        Args:
            failures: Gets the path and the reason for each missing or changed file, by item id.
        """
        self._failures = failures
        self.names: dict[int, int] = {}

    def select(self, files: Iterable[PhotoFile]) -> list[PhotoFile]:
        """Return the files that have not changed since they were indexed, each once, whatever leads to it.

        Added items are always among them.
        A symbolic link, a hard link and a second mount lead to the same file: deleting one of two names would free
        nothing, or leave a link without a file. A name that is no symbolic link is preferred, then the shortest.
        """
        selected: dict[_Identity, PhotoFile] = {}
        added = []
        for file in files:
            if file.is_added:
                self.names[file.item_id] = 1
                added.append(file)
                continue
            status = status_or_reason(file)
            if isinstance(status, str):
                self._failures.setdefault(file.item_id, (file.location, status))
                continue
            self.names[file.item_id] = 0 if os.path.islink(file.path) else status.st_nlink
            identity = _identity(status)
            selected[identity] = min(selected.get(identity, file), file, key=self._preference)
        return [*selected.values(), *added]

    def is_link(self, file: PhotoFile) -> bool:
        """Return whether a selected file is a symbolic link."""
        return self.names[file.item_id] == 0

    def to_photo(self, file: PhotoFile, how: str) -> DuplicatePhoto:
        """Return a selected file as a photo of a group."""
        return DuplicatePhoto(
            file.item_id,
            file_path(file.path),
            how,
            file.width,
            file.height,
            file.size,
            file.format,
            file.taken_at,
            file.utc_offset,
            file.size if self.names[file.item_id] == 1 and not file.is_added else 0,
            file.path if file.id is None else file.id,
            collection_of(file.path),
        )

    def _preference(self, file: PhotoFile) -> tuple[bool, int, str, int]:
        """Return a sort key for the names of one file, the preferred name lowest."""
        return self.is_link(file), len(os.path.basename(file.path)), file.path, file.item_id


def _identity(status: os.stat_result) -> _Identity:
    """Return what two names of one file have in common.

    A network share that is mounted twice has two device numbers, so the inode number and the times, to the nanosecond,
    stand for the file.
    """
    return status.st_ino, status.st_ctime_ns, stored_mtime(status), status.st_size
