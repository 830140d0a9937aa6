"""Folders that programs and devices fill with copies, previews and deleted files."""

from __future__ import annotations

import re
from fnmatch import translate

_NAMES = frozenset(
    {
        "@eadir",  # Synology: thumbnails
        "@tmp",
        "#recycle",
        "#snapshot",
        "@recycle",  # QNAP: deleted files
        "@recently-snapshot",
        "@__thumb",
        "~snapshot",  # NetApp
        "$recycle.bin",  # Windows
        "recycler",
        "recycled",
        "system volume information",
        "network trash folder",  # macOS, on servers
        "temporary items",
        "__macosx",
        "lost+found",
        "lost.dir",  # Android: fragments of files
        "node_modules",
    }
)

_PATTERNS = (
    "found.[0-9][0-9][0-9]",  # chkdsk: fragments of files
    "@gmt-*",  # Samba: earlier states of a folder
    "*.lrdata",  # Lightroom: previews
)

_IN_PACKAGES = {
    ".photoslibrary": {"resources", "database", "private", "internal", "external", "scopes", "thumbnails", "previews"},
    ".photolibrary": {"thumbnails", "previews", "database", "data", "data.noindex", "iphotodata"},  # iPhoto
    ".migratedphotolibrary": {"thumbnails", "previews", "database", "data", "data.noindex"},
    ".aplibrary": {"thumbnails", "previews", "database", "masks"},  # Aperture
    ".cocatalog": {"cache"},  # Capture One
    "captureone": {"cache"},
}
"""End of the name of a program's own folder, and the folders in it that hold no originals."""

_PATTERN = re.compile("|".join(map(translate, _PATTERNS)))

_PACKAGES_OF = {
    name: tuple(package for package, names in _IN_PACKAGES.items() if name in names)
    for name in frozenset().union(*_IN_PACKAGES.values())
}
"""The same by the name of the folder in it: a walk asks for every folder."""


def is_system_folder(name: str, parent: str) -> bool:
    """Return whether a folder of this name holds what a program or a device created, in a folder called `parent`.

    Apple Photos and the like keep the originals in a folder of their own, beside smaller copies of each.
    """
    name, parent = name.lower(), parent.lower()
    if name in _NAMES or _PATTERN.fullmatch(name):
        return True
    return name in _PACKAGES_OF and parent.endswith(_PACKAGES_OF[name])
