"""Finds folders that have lost all of their files, which may be a disk that is not connected.

A folder that is empty where the library has photos looks the same whether its photos were deleted or its disk is away.
Its items are kept until somebody says that they were deleted. A deletion is certain if the folder still has photos, or
was deleted itself from a folder that has some.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from indexer.documents.text_file import text_format
from indexer.sync.folder_names import SEPARATOR
from indexer.sync.mounts import Mount, absence_reason

EMPTY_REASON = "it contains no photos now"


@dataclass(slots=True)
class _Folder:
    """An open folder: one that contains the current path.

    Attributes:
        prefix: Its path with a separator at the end.
        has_photos: Whether it has photos, in it or in folders below.
        has_texts: Whether it has texts. A note in an empty mount point does not prove that the disk is there.
        missing: Files that the walk did not find.
        missing_photos: Those of them that are photos.
        empty: The folders below that have lost all of their files.
    """

    prefix: bytes
    has_photos: bool = False
    has_texts: bool = False
    missing: int = 0
    missing_photos: int = 0
    empty: list[bytes] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether it has lost all of its files."""
        return self.missing > 0 and not self.has_photos and not (self.has_texts and not self.missing_photos)


class MissingFolders:
    """Collects what a comparison of a source with the catalog finds, in the byte order of paths."""

    def __init__(self, root: str, mounts: Iterable[Mount] = (), *, has_photos: bool = False) -> None:
        """Begin with no files.

        Args:
            root: The folder that is walked.
            mounts: The mounts of the source when it was last synced.
            has_photos: Whether the root contains photos of other sources.
        """
        self._open = [_Folder(os.fsencode(os.path.join(root, "")), has_photos)]
        self._absent = {
            os.fsencode(os.path.join(mount.folder, "")): (mount, reason)
            for mount in mounts
            if (reason := absence_reason(mount))
        }

    def add_files(self, path: bytes, *, has_photos: bool) -> None:
        """Add files of one folder.

        Args:
            path: The last of them, or a folder with a separator at the end.
            has_photos: Whether photos are among them; otherwise they are texts.
        """
        folder = self._enter(path)
        if folder is not None:
            folder.has_photos |= has_photos
            folder.has_texts |= not has_photos

    def needs_proof(self, path: bytes) -> bool:
        """Return whether an unchanged file at a path could prove that a disk is there that seems to be absent."""
        return any(path.startswith(prefix) for prefix in self._absent)

    def add_unchanged(self, path: bytes, item_id: int) -> None:
        """Note that the file of an item is still what it was, which proves that the disk of the item is there."""
        if self._absent:
            self._absent = {
                prefix: (mount, reason)
                for prefix, (mount, reason) in self._absent.items()
                if item_id > mount.newest_item or not path.startswith(prefix)
            }

    @property
    def absent_mounts(self) -> list[Mount]:
        """The mounts whose disk is not there, after the last file."""
        return [mount for mount, _ in self._absent.values()]

    def add_missing(self, path: bytes) -> None:
        """Add a file that the library knows and the walk did not find."""
        folder = self._enter(path)
        if folder is not None:
            folder.missing += 1
            folder.missing_photos += text_format(os.fsdecode(path)) is None

    def close(self) -> FolderReasons:
        """Return the folders that have lost all of their files, after the last file."""
        while len(self._open) > 1:
            self._close_folder()
        root = self._open[0]
        reasons = dict.fromkeys([root.prefix] if root.is_empty else root.empty, EMPTY_REASON)
        return FolderReasons(reasons | {prefix: reason for prefix, (_, reason) in self._absent.items()})

    def _enter(self, path: bytes) -> _Folder | None:
        """Return the folder of a path after closing those that do not contain it; None outside the root."""
        prefix = path[: path.rfind(SEPARATOR) + 1]
        if not prefix.startswith(self._open[0].prefix):
            return None
        while not prefix.startswith(self._open[-1].prefix):
            self._close_folder()
        while prefix != self._open[-1].prefix:
            end = prefix.index(SEPARATOR, len(self._open[-1].prefix)) + 1
            self._open.append(_Folder(prefix[:end]))
        return self._open[-1]

    def _close_folder(self) -> None:
        folder = self._open.pop()
        around = self._open[-1]
        around.has_photos |= folder.has_photos
        around.has_texts |= folder.has_texts
        around.missing += folder.missing
        around.missing_photos += folder.missing_photos
        if not folder.is_empty:
            around.empty += folder.empty
        elif os.path.isdir(os.fsdecode(folder.prefix)):  # else it was deleted; the folder around it decides
            around.empty.append(folder.prefix)


class FolderReasons:
    """Folders whose items are kept, with the reasons; of nested ones the outermost."""

    def __init__(self, reasons: dict[bytes, str]) -> None:
        """Keep the outermost folders.

        Args:
            reasons: By path with a separator at the end.
        """
        self._reasons: dict[bytes, str] = {}
        last = None
        for prefix in sorted(reasons):
            if last is None or not prefix.startswith(last):
                self._reasons[prefix] = reasons[prefix]
                last = prefix
        self._prefixes = list(self._reasons)

    def folder_of(self, path: bytes) -> bytes | None:
        """Return the folder that a path is in, None if its item is not kept."""
        position = bisect_right(self._prefixes, path)
        prefix = self._prefixes[position - 1] if position else None
        return prefix if prefix is not None and path.startswith(prefix) else None

    def reason(self, folder: bytes) -> str:
        """Return why the items of a folder are kept."""
        return self._reasons[folder]
