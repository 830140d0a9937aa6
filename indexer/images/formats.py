"""What a file holds, told from its first bytes, and which names promise a photo."""

from __future__ import annotations

import os
import string
from enum import StrEnum

from indexer.errors import FailureKind, PictureError

RAW_SUFFIXES = frozenset(
    (
        *(
            ".3fr",
            ".arw",
            ".cr2",
            ".cr3",
            ".crw",
            ".dcr",
            ".dng",
            ".erf",
            ".fff",
            ".iiq",
            ".kdc",
            ".mef",
            ".mos",
            ".mrw",
        ),
        *(".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
    )
)
"""Endings of camera RAW files, lower case, with the dot."""

PHOTO_SUFFIXES = RAW_SUFFIXES | frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp"),
        *(".avif", ".heic", ".heif", ".hif", ".jxl"),
    )
)
"""Endings of every name that is taken for a photo, lower case, with the dot."""


class PictureFormat(StrEnum):
    """A picture format that Recall knows; the value is its name for people."""

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
    """Return whether a file name ends like a photo's, in capitals or not.

    Args:
        name: File name or path; bytes need not be valid UTF-8.
    """
    return file_suffix(name) in PHOTO_SUFFIXES


def file_suffix(name: bytes | str) -> str:
    """Return the name's last ending in lower case with its dot, or "" where it has none."""
    return os.path.splitext(os.fsdecode(name))[1].lower()


def sniff(data: bytes) -> PictureFormat | None:
    """Return the format that the first bytes promise, or None for content that is no picture Recall knows."""
    for magic, found in _MAGIC:
        if data.startswith(magic):
            return PictureFormat.RAW if found is PictureFormat.TIFF and data[8:10] == b"CR" else found  # Canon CR2
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return PictureFormat.WEBP
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        return PictureFormat.BMP
    return _sniff_boxes(data) if data[4:8] == b"ftyp" else None


def _sniff_boxes(data: bytes) -> PictureFormat | None:
    """Return the format of a file of ISO boxes by the brands it declares (ISO/IEC 14496-12, section 4.3)."""
    end = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}
    if b"crx " in brands:
        return PictureFormat.RAW  # Canon CR3
    if brands & _AVIF_BRANDS:
        return PictureFormat.AVIF
    return PictureFormat.HEIF if brands & _HEIF_BRANDS else None


def identify(data: bytes, *, name: str) -> PictureFormat:
    """Return the format of a file's content; the name counts only for RAW, whose content looks like a TIFF's.

    Args:
        data: The whole file.
        name: The file's name, or "" where it has none.

    Raises:
        PictureError: EMPTY without a byte, NOT_A_PICTURE for any content that is none.
    """
    if not data:
        raise PictureError(FailureKind.EMPTY, "the file is empty (0 bytes)")
    found = sniff(data)
    suffix = file_suffix(name)
    if found is PictureFormat.TIFF and suffix in RAW_SUFFIXES:
        return PictureFormat.RAW
    if found is None:
        although = f", although the name ends in {suffix}" if suffix in PHOTO_SUFFIXES else ""
        raise PictureError(FailureKind.NOT_A_PICTURE, f"the content is {_describe(data)}{although}")
    return found


def _describe(data: bytes) -> str:
    """Return what content that is no picture seems to be, in words for people."""
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page, not a picture"
    if b"<svg" in start:
        return "an SVG drawing, which is not supported"
    if data[4:8] == b"ftyp" or data[:4] == b"RIFF":
        return "a video or a sound, not a picture"
    for magic, words in _OTHER_CONTENT:
        if data.startswith(magic):
            return words
    if _is_text(data[:512]):
        return "text, not a picture"
    return f"in no format that is known (it begins with the bytes {data[:4].hex(' ')})"


def _is_text(start: bytes) -> bool:
    """Return whether bytes read as UTF-8 text; a character cut at the end is no objection."""
    words = start.decode("utf-8", errors="ignore")
    whole = len(words.encode()) >= len(start) - 3
    return whole and all(letter.isprintable() or letter in string.whitespace for letter in words)
