"""Decoding of files that have every pixel but a flaw elsewhere."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import suppress

from PIL import ImageChops

from indexer.images.decoded_picture import DecodedPicture
from indexer.images.formats import PictureFormat
from indexer.images.repair import bmp_fields, jpeg_end, png_chunks, tiff_tags, webp_chunks

_Decode = Callable[[bytes, int | None], DecodedPicture]

_BLOCKS = 4
"""Blocks, of at most 16 x 16 pixels, over which the last bytes of an arithmetically coded JPEG reach."""


def decode_repaired(
    data: bytes, picture_format: PictureFormat, decode: _Decode, *, min_side: int | None
) -> DecodedPicture | None:
    """Return the picture of a file that its decoder has refused, None if pixels are missing or damaged.

    Args:
        data: The whole file.
        picture_format: Its format.
        decode: Returns the picture of a file of this format, given the file and `min_side`.
        min_side: As of `decode`: the encoder's side, None for full size.

    Raises:
        EOFError: It is a JPEG that is cut off.
    """
    if picture_format is PictureFormat.JPEG:
        return _decode_jpeg(data, decode, min_side=min_side)
    for content in _repaired(data, picture_format):
        with suppress(Exception):  # whatever a decoder raises here, the error of the file as it is says more
            return decode(content, min_side)
    return None


def _repaired(data: bytes, picture_format: PictureFormat) -> Iterator[bytes]:
    """Yield the file without what may keep its decoder from the pixels; the first loses the least."""
    if picture_format is PictureFormat.PNG:
        yield from png_chunks.without_flaws(data)
    elif picture_format is PictureFormat.TIFF:
        yield from tiff_tags.without_flaws(data)
    elif picture_format is PictureFormat.WEBP:
        yield webp_chunks.without_flaws(data)
    elif picture_format is PictureFormat.BMP:
        with suppress(ValueError, struct.error):
            yield bmp_fields.as_usual_kind(bmp_fields.with_file_header(data))


def _decode_jpeg(data: bytes, decode: _Decode, *, min_side: int | None) -> DecodedPicture | None:
    """Return the picture of a JPEG without an end marker, None if another flaw keeps it from being decoded.

    Raises:
        EOFError: Its pixels, at full size, depend on what would follow.
    """
    contents = jpeg_end.with_ends(data)
    if contents is None:
        return None
    try:
        ended, other = (decode(content, None).picture for content in contents)
        box = ImageChops.difference(ended, other).getbbox()
        side = 16 * _BLOCKS if jpeg_end.is_arithmetic(data) else 0
        if box is None or (box[0] >= ended.width - side and box[1] >= ended.height - 16):
            return decode(contents[0], min_side)
    except Exception:  # noqa: BLE001 as above
        return None
    raise EOFError
