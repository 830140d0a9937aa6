"""Thumbnails without metadata."""

from __future__ import annotations

from pathlib import Path

from indexer.images.file_reader import Limits
from indexer.images.photo import open_picture, open_reduced, reduced_jpeg


def jpeg_thumbnail(source: Path | bytes, *, side: int, limits: Limits) -> bytes:
    """Return a reduced copy of a picture: an upright JPEG without metadata.

    Args:
        source: The picture's file, or its content.
        side: Pixels of the longer side, at most.
        limits: A larger picture is refused before it is read or decoded.

    Raises:
        PictureError: The picture cannot be read; the message is one line without the path.
    """
    return reduced_jpeg(open_picture(source, limits=limits)[0], side=side, quality=90)


def small_thumbnail(source: Path | bytes, *, side: int, limits: Limits) -> bytes:
    """Return a reduced copy to look at, as `jpeg_thumbnail` does, of a file or its content; faster, and fewer bytes."""
    return reduced_jpeg(open_reduced(source, min_side=side, limits=limits), side=side, quality=80)
