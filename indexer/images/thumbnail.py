"""Thumbnails without metadata."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

from PIL import Image

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


class SentPicture(NamedTuple):
    """What is known of a picture that somebody has sent.

    Attributes:
        width: Pixels of the whole picture, upright.
        height: As above.
        thumbnail: A reduced copy: an upright WebP without metadata.
    """

    width: int
    height: int
    thumbnail: bytes


def look_at_sent(source: Path | bytes, *, side: int, limits: Limits) -> SentPicture:
    """Return what is known of a picture, which is decoded as a whole; the thumbnail has at most `side` pixels a side.

    Raises:
        PictureError: The picture cannot be read; the message is one line.
    """
    picture = open_picture(source, limits=limits)[0]
    width, height = picture.size
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    picture.info = {}  # as in `reduced_jpeg`
    content = io.BytesIO()
    picture.save(content, "WEBP", quality=80)
    return SentPicture(width, height, content.getvalue())
