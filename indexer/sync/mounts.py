"""The disks that are mounted in a source, and whether a folder is on the disk that it was on before."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Mount(NamedTuple):
    """A folder that is on another disk than the folder around it, also behind a link.

    Attributes:
        folder: The folder in the source.
        mount_point: Where the disk is mounted: the folder itself, or a folder above the one that a link leads to.
        device: The system's number of the disk. Some systems number their disks in the order of mounting.
        newest_item: Highest id of the items that the library had when the disk was last there.
    """

    folder: str
    mount_point: str
    device: int
    newest_item: int = 0


def find_mount(folder: str, device: int) -> Mount | None:
    """Return the mount of a folder on a device; None if it is on the disk of the root folder, which is never away."""
    path = os.path.realpath(folder)
    while not os.path.ismount(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return None if path == os.path.dirname(path) else Mount(folder, path, device)


def absence_reason(mount: Mount) -> str | None:
    """Return why a folder may lack the files of its disk, None if the same disk is mounted."""
    if not os.path.ismount(mount.mount_point):
        return "its disk is not mounted"
    try:
        device = os.stat(mount.folder).st_dev
    except OSError:
        return None
    return None if device == mount.device else "another disk is mounted there"


def read_mounts(stored: Mapping[str, Any] | None) -> list[Mount]:
    """Return the mounts that the catalog stores for a source."""
    return [Mount(folder, *values) for folder, values in (stored or {}).items()]


def as_stored(mounts: Iterable[Mount]) -> dict[str, Any] | None:
    """Return mounts as the catalog stores them, None without any."""
    return {folder: values for folder, *values in mounts} or None
