"""The text of a PNG: its own fields, and blocks of metadata that programs such as ImageMagick store as text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_tz
from typing import Any

from indexer.images.metadata import text_fields
from indexer.images.metadata.block import CaptureTime, DatePriority, MetadataBlock
from indexer.images.metadata.dates import parse_date

_XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
_EXIF_HEADER = b"Exif\0\0"


def read_png_text(info: Mapping[Any, Any]) -> MetadataBlock:
    """Return the metadata in a PNG's own text fields (PNG specification, third edition, 11.3.3.2).

    Args:
        info: Of the picture, as Pillow reads it.
    """
    return MetadataBlock(
        capture_time=_capture_time(info.get("Creation Time")),
        title=text_fields.title(_text(info.get("Title"))),
        description=text_fields.description(_text(info.get("Description"))),
    )


def find_xmp(info: Mapping[Any, Any]) -> list[bytes]:
    """Return the XMP in a PNG's text, except that in its usual place."""
    app1 = _raw_profile(info, "APP1")
    text = info.get("XML:com.adobe.xmp")
    blocks = (
        _raw_profile(info, "xmp"),
        app1.removeprefix(_XMP_HEADER) if app1.startswith(_XMP_HEADER) else b"",
        text.encode("latin-1", errors="ignore") if isinstance(text, str) and "xmp" not in info else b"",
    )
    return [block for block in blocks if block]


def find_exif(info: Mapping[Any, Any]) -> bytes:
    """Return the EXIF in a PNG's "Raw profile type APP1", empty without it; Pillow reads that of other types."""
    app1 = _raw_profile(info, "APP1")
    return app1 if app1.startswith(_EXIF_HEADER) else b""


def find_iptc(info: Mapping[Any, Any]) -> bytes:
    """Return the IPTC in a PNG's text, possibly in resources of Photoshop; empty without it."""
    return _raw_profile(info, "iptc") or _raw_profile(info, "8bim")


def _raw_profile(info: Mapping[Any, Any], name: str) -> bytes:
    """Return a block of metadata that is stored as a name, a length, and hexadecimal digits; empty without it."""
    text = info.get(f"Raw profile type {name}")
    if not isinstance(text, str):
        return b""
    try:
        return bytes.fromhex("".join(text.split()[2:]))
    except ValueError:
        return b""


def _text(value: object) -> object:
    """Return text decoded as UTF-8 if it is UTF-8: the specification allows only Latin-1, and Pillow decodes that."""
    try:
        return value.encode("latin-1").decode() if isinstance(value, str) else value
    except UnicodeError:
        return value


def _capture_time(value: object) -> CaptureTime | None:
    """Return the time of, for instance, "Thu, 1 Dec 1988 18:53:44 GMT" (RFC 1123), or of a date as XMP has it."""
    if not isinstance(value, str):
        return None
    date = parse_date(value) or _parse_rfc_1123(value[:100])
    return CaptureTime(*date, "png", DatePriority.IPTC) if date else None


def _parse_rfc_1123(value: str) -> tuple[datetime, int | None] | None:
    parts = parsedate_tz(value)
    if parts is None:
        return None
    try:
        taken_at = datetime(*parts[:6])  # noqa: DTZ001 the zone is returned, too
    except ValueError:
        return None
    return taken_at, None if parts[9] is None else parts[9] // 60
