"""A reduced copy of a picture that says nothing about where it came from."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from indexer.images.file_reader import Limits
from indexer.images.photo import open_picture


def jpeg_thumbnail(source: Path, *, side: int, limits: Limits) -> bytes:
    """Return a picture as an upright JPEG without metadata.

    Args:
        source: A file.
        side: The longer side has at most so many pixels.
        limits: What is larger is refused before it is read or decoded.

    Raises:
        PictureError: With the reason, in one line and without the path.
    """
    picture, _ = open_picture(source, limits=limits)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    picture.info = {}  # Pillow would write a comment and a colour profile from it
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=90)
    return content.getvalue()
