"""The names in a folder, in the order in which a walk visits them."""

from __future__ import annotations

import errno
import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from indexer.sync.scan_rules import is_item_name
from indexer.sync.walk_entries import UnreadableFile

SEPARATOR = os.fsencode(os.sep)


def folder_names(folder: str) -> tuple[list[bytes], dict[bytes, bool]]:
    """Return the names in a folder, in the byte order of whole paths, and which of them are not regular files.

    Names of folders end with a separator, which is how they sort among whole paths. A regular file is represented by
    its name alone, because a folder may hold a million.

    Returns:
        The names; and for each name that is not a regular file, whether it is a link.

    Raises:
        OSError: The folder cannot be listed.
    """
    names: list[bytes] = []
    special: dict[bytes, bool] = {}
    with os.scandir(os.fsencode(folder)) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                names.append(entry.name)
            else:
                is_link = entry.is_symlink()
                name = entry.name + SEPARATOR if _is_folder(entry, is_link=is_link) else entry.name
                special[name] = is_link
                names.append(name)
    names.sort()
    return names, special


def folder_positions(names: Sequence[bytes], special: Iterable[bytes]) -> list[int]:
    """Return where the folders are among the names in a folder; see `folder_names`."""
    return sorted(bisect_left(names, name) for name in special if name.endswith(SEPARATOR))


def _is_folder(entry: os.DirEntry[bytes], *, is_link: bool) -> bool:
    try:
        is_folder = entry.is_dir()
    except OSError:
        is_folder = False
    if is_link and not is_item_name(
        os.fsdecode(entry.name)
    ):  # a broken link without a photo's name may have led to a folder
        is_folder = is_folder or not os.path.exists(entry.path)
    return is_folder


def broken_link_reason(link: str | bytes) -> str | None:
    """Return why a link cannot be followed, None if it can."""
    try:
        os.stat(link)
    except FileNotFoundError:
        return "a link whose target does not exist"
    except OSError as error:
        return f"a link that cannot be followed ({error.strerror})"
    return None


def unreadable_file(path: bytes, error: OSError, folder: str, file_id: tuple[int, int]) -> Iterator[UnreadableFile]:
    """Yield a file that cannot be accessed; nothing if it was deleted during the walk.

    Raises:
        OSError: The folder cannot be read any more, or was replaced by another.
    """
    if file_id_of(os.stat(os.path.join(folder, os.curdir))) != file_id:
        raise OSError(errno.ENOENT, "it was removed while it was read") from error
    if not isinstance(error, FileNotFoundError):
        yield UnreadableFile(os.fsdecode(path), error.strerror or str(error))


def file_id_of(info: os.stat_result) -> tuple[int, int]:
    """Return what identifies a file or folder whatever its name: the device and inode number."""
    return info.st_dev, info.st_ino
