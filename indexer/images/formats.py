"""Picture formats: recognized by a file's first bytes, and the name suffixes of photos."""

from __future__ import annotations

import os
import string
from enum import StrEnum

from indexer.errors import FailureKind, PictureError

RAW_SUFFIXES = frozenset(
    (
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq", ".kdc", ".mef"),
        *(".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw"),
        ".x3f",
    )
)
"""Suffixes of camera RAW files, in lower case, with the dot."""

PHOTO_SUFFIXES = RAW_SUFFIXES | frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".jfi", ".jif", ".pjpeg", ".pjp", ".jpg_large", ".jpg-large"),
        *(".mpo", ".jps", ".insp"),  # JPEG of cameras for 3D and 360 degrees
        *(".png", ".apng", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".dib"),
        *(".avif", ".avifs", ".heic", ".heics", ".heif", ".heifs", ".hif", ".jxl"),
    )
)
"""Suffixes of photos, in lower case, with the dot."""


class PictureFormat(StrEnum):
    """A supported picture format; the value is its display name."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WebP"
    GIF = "GIF"
    TIFF = "TIFF"
    BMP = "BMP"
    AVIF = "AVIF"
    HEIF = "HEIF"
    JXL = "JPEG XL"
    RAW = "RAW"


_MAGIC: tuple[tuple[bytes, PictureFormat], ...] = (
    (b"\xff\xd8\xff", PictureFormat.JPEG),
    (b"\x89PNG\r\n\x1a\n", PictureFormat.PNG),
    (b"GIF87a", PictureFormat.GIF),
    (b"GIF89a", PictureFormat.GIF),
    (b"II*\0", PictureFormat.TIFF),
    (b"MM\0*", PictureFormat.TIFF),
    (b"II+\0", PictureFormat.TIFF),  # BigTIFF
    (b"MM\0+", PictureFormat.TIFF),
    (b"\xff\x0a", PictureFormat.JXL),
    (b"\0\0\0\x0cJXL \r\n\x87\n", PictureFormat.JXL),
    (b"FUJIFILMCCD-RAW", PictureFormat.RAW),
    (b"IIRO", PictureFormat.RAW),  # Olympus
    (b"IIRS", PictureFormat.RAW),
    (b"MMOR", PictureFormat.RAW),
    (b"IIU\0", PictureFormat.RAW),  # Panasonic
    (b"FOVb", PictureFormat.RAW),  # Sigma
    (b"\0MRM", PictureFormat.RAW),  # Minolta
    (b"II\x1a\0\0\0HEAPCCDR", PictureFormat.RAW),  # Canon before 2004
)

_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_HEIF_BRANDS = frozenset((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"))
_BMP_HEADER_SIZES = frozenset((12, 16, 40, 52, 56, 64, 108, 124))  # of every version of the format

_DIB_BITS = frozenset(bytes((bits, 0)) for bits in (1, 4, 8, 16, 24, 32))

_OTHER_CONTENT: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document, not a picture"),
    (b"PK\x03\x04", "a ZIP archive or an office document, not a picture"),
    (b"8BPS", "a Photoshop document, which is not supported"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture, which is not supported"),
    (b"\x1a\x45\xdf\xa3", "a video, not a picture"),
    (b"\0\0\1\0", "an icon, which is not supported"),
    (b"SQLite format 3\0", "an SQLite database, not a picture"),
)


def is_photo_name(name: bytes | str) -> bool:
    """Return whether a file name has a photo's suffix, in upper or lower case.

    Args:
        name: File name or path; bytes need not be valid UTF-8.
    """
    return file_suffix(name) in PHOTO_SUFFIXES


def file_suffix(name: bytes | str) -> str:
    """Return a name's last suffix in lower case with its dot, "" if it has none."""
    return os.path.splitext(os.fsdecode(name))[1].lower()


def sniff(data: bytes) -> PictureFormat | None:
    """Return the format that the first bytes indicate, None if it is not supported."""
    for magic, picture_format in _MAGIC:
        if data.startswith(magic):
            is_cr2 = picture_format is PictureFormat.TIFF and data[8:10] == b"CR"
            return PictureFormat.RAW if is_cr2 else picture_format
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return PictureFormat.WEBP
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        return PictureFormat.BMP
    if data[:4] == b"\x28\0\0\0" and data[12:14] == b"\1\0" and data[14:16] in _DIB_BITS:
        return PictureFormat.BMP  # without a file header
    return _sniff_boxes(data) if data[4:8] == b"ftyp" else None


def _sniff_boxes(data: bytes) -> PictureFormat | None:
    """Return the format of an ISO base media file by its brands (ISO/IEC 14496-12, section 4.3)."""
    end = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12], *(data[offset : offset + 4] for offset in range(16, end, 4))}
    if b"crx " in brands:
        return PictureFormat.RAW  # Canon CR3
    if brands & _AVIF_BRANDS:
        return PictureFormat.AVIF
    return PictureFormat.HEIF if brands & _HEIF_BRANDS else None


def identify(data: bytes, *, name: str) -> PictureFormat:
    """Return the format of a file's content. The name only tells RAW from TIFF, whose content looks alike.

    Args:
        data: The whole file.
        name: The file's name, "" if it has none.

    Raises:
        PictureError: The file is empty or not a picture in a supported format.
    """
    if not data:
        raise PictureError(FailureKind.EMPTY, "the file is empty (0 bytes)")
    picture_format = sniff(data)
    suffix = file_suffix(name)
    if picture_format is PictureFormat.TIFF and suffix in RAW_SUFFIXES:
        return PictureFormat.RAW
    if picture_format is None:
        contradiction = f", although the name ends in {suffix}" if suffix in PHOTO_SUFFIXES else ""
        raise PictureError(FailureKind.NOT_A_PICTURE, f"the content is {_describe(data)}{contradiction}")
    return picture_format


def _describe(data: bytes) -> str:
    """Return what kind of content other than a supported picture this seems to be, for a message."""
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page, not a picture"
    if b"<svg" in start:
        return "an SVG drawing, which is not supported"
    if data[4:8] == b"ftyp" or data[:4] == b"RIFF":
        return "a video or audio file, not a picture"
    for magic, description in _OTHER_CONTENT:
        if data.startswith(magic):
            return description
    if _is_text(data[:512]):
        return "text, not a picture"
    return f"in an unknown format (it begins with the bytes {data[:4].hex(' ')})"


def _is_text(start: bytes) -> bool:
    """Return whether bytes are UTF-8 text, whose last character may be incomplete."""
    text = start.decode("utf-8", errors="ignore")
    is_utf_8 = len(text.encode()) >= len(start) - 3
    return is_utf_8 and all(character.isprintable() or character in string.whitespace for character in text)
