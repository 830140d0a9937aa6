"""Whether a file that its decoder has refused is damaged, or whole and of an unsupported kind."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from indexer.errors import FailureKind, PictureError
from indexer.images.formats import PictureFormat
from indexer.images.repair import jpeg_end, tiff_tags

_JPEG_KINDS = {
    0xC3: "lossless",
    0xC5: "hierarchical",
    0xC6: "hierarchical",
    0xC7: "hierarchical",
    0xCB: "lossless",
    0xCD: "hierarchical",
    0xCE: "hierarchical",
    0xCF: "hierarchical",
}
"""The frame markers of kinds that libjpeg does not read (ITU-T T.81, table B.1)."""

_TIFF_COMPRESSIONS = {
    6: "old-style JPEG",
    32809: "ThunderScan",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34676: "SGI LogLuv",
    34677: "SGI LogLuv",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG",
    34925: "LZMA",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}


def check_supported(data: bytes, picture_format: PictureFormat) -> None:
    """Check a file that its decoder has refused.

    Args:
        data: The whole file.
        picture_format: Its format.

    Raises:
        PictureError: The picture is of a kind that the installed libraries cannot read, damaged or not.
    """
    kind = None
    if picture_format is PictureFormat.JPEG:
        kind = _jpeg_kind(data)
    elif picture_format is PictureFormat.TIFF:
        kind = _tiff_kind(data)
    if kind is not None:
        message = f"this {picture_format} is {kind}, which the installed libraries cannot read; convert it to read it"
        raise PictureError(FailureKind.UNSUPPORTED, message)


def _jpeg_kind(data: bytes) -> str | None:
    """Return the kind of a JPEG if libjpeg does not read it."""
    frame = jpeg_end.frame(data)
    if frame is None:
        return None
    marker, bits = frame
    return _JPEG_KINDS.get(marker) or (f"of {bits} bits a channel" if bits in {12, 16} else None)


def _tiff_kind(data: bytes) -> str | None:
    """Return the kind of a TIFF if Pillow or the libtiff that it is built with does not read it."""
    tags = tiff_tags.read_tags(data)
    if tags is None:
        return None
    if _can_decompress(tags.compression):
        return "a big-endian BigTIFF" if tags.is_big and tags.order == ">" else None
    return f"compressed with {_TIFF_COMPRESSIONS.get(tags.compression, f'method {tags.compression}')}"


def _can_decompress(compression: int) -> bool:
    """Return whether pictures of this compression can be read: those that can be written can."""
    from PIL.TiffImagePlugin import COMPRESSION_INFO  # late: hardly any file is refused

    name = COMPRESSION_INFO.get(compression)
    if name is None:
        return False
    try:
        Image.new("1" if compression in {2, 3, 4} else "L", (1, 1)).save(BytesIO(), "TIFF", compression=name)
    except (OSError, ValueError, RuntimeError):
        return False
    return True
