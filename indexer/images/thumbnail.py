"""Thumbnails without metadata."""

from __future__ import annotations

import io
import math
from typing import Literal, NamedTuple

from PIL import Image

from indexer.images.file_reader import FileOrBytes, Limits
from indexer.images.photo import open_picture, open_reduced, reduced_jpeg


def jpeg_thumbnail(source: FileOrBytes, *, side: int, limits: Limits) -> bytes:
    """Return a reduced copy of a picture: an upright JPEG without metadata.

    Args:
        source: The picture's file, or its content.
        side: Pixels of the longer side, at most.
        limits: A larger picture is refused before it is read or decoded.

    Raises:
        PictureError: The picture cannot be read; the message is one line without the path.
    """
    return reduced_jpeg(open_picture(source, limits=limits)[0], side=side, quality=90)


def small_thumbnail(source: FileOrBytes, *, side: int, limits: Limits) -> bytes:
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


def look_at_sent(source: FileOrBytes, *, side: int, limits: Limits) -> SentPicture:
    """Return what is known of a picture, which is decoded as a whole; the thumbnail has at most `side` pixels a side.

    Raises:
        PictureError: The picture cannot be read; the message is one line.
    """
    picture = open_picture(source, limits=limits)[0]
    width, height = picture.size
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return SentPicture(width, height, _as_webp(picture, quality=80, effort=4))


ThumbnailSize = Literal["small", "large"]
"""A picture in a grid, or one that is looked at alone."""

_SHORTER, _LONGEST = 320, 960
"""Pixels of the shorter side of a small thumbnail, and of the longer side of a panorama, at most. Rows of a grid are
200 pixels high, on most screens of 1.5 device pixels each; 320 have 20 kB, so that 100,000 of them have 2 GB."""

_LONGER = 1440
"""Pixels of the longer side of a large thumbnail, at most: as many as a laptop's screen shows of a photo."""

_QUALITY, _EFFORT = 78, 2
"""Of WebP. More effort (4 is Pillow's own) takes a third more time for 4 % fewer bytes."""


def webp_thumbnail(source: FileOrBytes, *, size: ThumbnailSize, limits: Limits) -> bytes:
    """Return a reduced copy for web pages: an upright WebP without metadata, never larger than the picture.

    A RAW file's copy is made of the preview in it, a JPEG is decoded at reduced size.

    Raises:
        PictureError: The picture cannot be read; the message is one line without the path.
    """
    side = _SHORTER if size == "small" else _LONGER
    # a JPEG is decoded with 1.6 times these pixels a side at least
    picture = open_reduced(source, min_side=math.ceil(side / 1.6), limits=limits)
    shorter, longer = sorted(picture.size)
    scale = min(side / shorter, _LONGEST / longer) if size == "small" else side / longer
    if scale < 1:
        width, height = (max(1, round(pixels * scale)) for pixels in picture.size)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return _as_webp(picture, quality=_QUALITY, effort=_EFFORT)


def _as_webp(picture: Image.Image, *, quality: int, effort: int) -> bytes:
    """Return a picture, which is changed, as a WebP without metadata."""
    picture.info = {}  # Pillow would write its color profile
    content = io.BytesIO()
    picture.save(content, "WEBP", quality=quality, method=effort)
    return content.getvalue()
