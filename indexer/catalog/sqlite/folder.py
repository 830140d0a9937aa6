"""The folder of a library: what may be in it before it is opened."""

from __future__ import annotations

from pathlib import Path

from indexer.catalog.sqlite.lock import LOCK_FILES
from indexer.errors import LibraryError
from indexer.private_files import foreign_file

DATABASE_FILES = ("catalog.db", "catalog.db-wal", "catalog.db-shm", "catalog.db-journal")
"""The catalog, and the files that SQLite keeps next to it."""


def check_folder(path: Path, catalog: Path, *, create: bool) -> None:
    """Refuse a folder that is no library and cannot become one.

    Args:
        path: The library's folder.
        catalog: The file of its catalog.
        create: Whether a missing library may be created.

    Raises:
        LibraryError: It is a file, a folder with other files, or missing; or a file of the catalog leads elsewhere.
    """
    if path.exists() and not path.is_dir():
        raise LibraryError(f"{path} is a file; expected the folder of a library, for instance photos.recall")
    for name in DATABASE_FILES:  # SQLite would write to what a link leads to
        reason = foreign_file(path / name, may_have_names=name == catalog.name)
        if reason is not None:
            raise LibraryError(
                f"{path / name} {reason}; Recall writes only to its own files: put a copy of that file in its place"
            )
    if catalog.exists():
        return
    if not create:
        raise LibraryError(f"there is no library at {path}; create one with: recall index FOLDER")
    if path.is_dir() and any(entry.name not in LOCK_FILES for entry in path.iterdir()):
        raise LibraryError(
            f"{path} is not a library but has other files; name a new folder, for instance photos.recall"
        )
