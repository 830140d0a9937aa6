"""Thumbnails without metadata."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from indexer.images.file_reader import Limits
from indexer.images.photo import open_picture, open_reduced


def jpeg_thumbnail(source: Path | bytes, *, side: int, limits: Limits) -> bytes:
    """Return a reduced copy of a picture: an upright JPEG without metadata.

    Args:
        source: The picture's file, or its content.
        side: Pixels of the longer side, at most.
        limits: A larger picture is refused before it is read or decoded.

    Raises:
        PictureError: The picture cannot be read; the message is one line without the path.
    """
    return _as_jpeg(open_picture(source, limits=limits)[0], side, quality=90)


def small_thumbnail(source: Path | bytes, *, side: int, limits: Limits) -> bytes:
    """Return a reduced copy to look at, as `jpeg_thumbnail` does, of a file or its content; faster, and fewer bytes."""
    return _as_jpeg(open_reduced(source, min_side=side, limits=limits), side, quality=80)


def _as_jpeg(picture: Image.Image, side: int, *, quality: int) -> bytes:
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    picture.info = {}  # Pillow would write its comment and color profile
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=quality)
    return content.getvalue()
