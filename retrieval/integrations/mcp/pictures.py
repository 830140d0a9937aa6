"""Pictures of tools: those that a client sends or names, and thumbnails for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from mcp.server.mcpserver.exceptions import ToolError

from indexer.types import is_below
from retrieval.library import Library
from retrieval.schemas.base64_data import decode_data

LONGEST_DATA = 28 * 2**20
"""Characters of a picture in base64: 21 MB, more than the photos of phones have."""

OPTION = "start the server with --allow-files to allow every file that you may read"


def sent_picture(data: str) -> bytes:
    """Return the bytes of a picture in base64, with or without "data:…;base64," in front.

    Raises:
        ToolError: It is not base64, or too long.
    """
    if len(data) > LONGEST_DATA:
        raise ToolError(f"picture_data has {len(data):,} characters, over the limit of {LONGEST_DATA:,}")
    content = decode_data(data)
    if not content:
        raise ToolError("picture_data is not base64; give the bytes of a picture file in base64")
    return content


def named_picture(library: Library, path: str, *, allow_files: bool, roots: Sequence[str]) -> Path:
    """Return the path of a picture that a client may name.

    Without `allow_files` that is a file of the library, or one in its folders: the client must not learn through a
    search what other files exist or show.

    Args:
        library: The library.
        path: An absolute path.
        allow_files: Whether every file may be named.
        roots: Folders, files and tables of the library.

    Raises:
        ToolError: It is not absolute, or may not be named.
    """
    file = os.path.expanduser(path)
    if "\0" in file or not os.path.isabs(file):
        raise ToolError(f"{path[:200]!r} is not an absolute path; give the id of a photo in the library")
    if allow_files or file in library:
        return Path(file)
    real = os.path.realpath(file)
    if not any(real == root or is_below(real, root) for root in map(os.path.realpath, roots)):
        raise ToolError(f"{path[:200]!r} is outside the folders of the library; {OPTION}")
    return Path(real)
