"""IPTC: captions and keywords as news agencies have written them since 1991."""

from __future__ import annotations

from collections.abc import Mapping

from PIL import Image

from indexer.images.metadata import text_fields
from indexer.images.metadata.block import CaptureTime, DatePriority, MetadataBlock, parse_date

_OBJECT_NAME, _KEYWORDS, _DATE, _TIME, _HEADLINE, _CAPTION = (2, 5), (2, 25), (2, 55), (2, 60), (2, 105), (2, 120)
_CHARSET = (1, 90)
_UTF_8 = b"\x1b%G"
"""The code that says that texts are UTF-8 (IPTC-IIM 4.2, data set 1:90)."""


def read_iptc(picture: Image.Image) -> MetadataBlock:
    """Return what the IPTC block of a JPEG or TIFF says; nothing where there is none or it is damaged."""
    try:
        from PIL.IptcImagePlugin import getiptcinfo  # late: it loads the readers of both formats

        found = getiptcinfo(picture)  # type: ignore[arg-type]  # it looks at the class itself
        return _said(found) if found else MetadataBlock()
    except Exception:  # noqa: BLE001 metadata is a bonus: no way of breaking it may cost the photo
        return MetadataBlock()


def _said(found: Mapping[tuple[int, int], object]) -> MetadataBlock:
    utf_8 = found.get(_CHARSET) == _UTF_8
    texts = {tag: [_text(value, utf_8=utf_8) for value in _list(values)] for tag, values in found.items()}
    first = {tag: values[0] for tag, values in texts.items() if values}
    return MetadataBlock(
        capture_time=_moment(first.get(_DATE, ""), first.get(_TIME, "")),
        title=text_fields.title(first.get(_OBJECT_NAME)) or text_fields.title(first.get(_HEADLINE)),
        description=text_fields.description(first.get(_CAPTION)),
        tags=text_fields.tags(texts.get(_KEYWORDS, ())),
    )


def _list(values: object) -> list[object]:
    return list(values) if isinstance(values, list) else [values]


def _text(value: object, *, utf_8: bool) -> str:
    """Return a text; without a word about its encoding it is UTF-8 where it can be, else that of old Windows."""
    if not isinstance(value, bytes):
        return ""
    try:
        return value.decode("utf-8", errors="ignore" if utf_8 else "strict")
    except UnicodeDecodeError:
        return value.decode("cp1252", errors="ignore")


def _moment(day: str, time: str) -> CaptureTime | None:
    """Return the moment of "20240721" and "180359+0200"; a day without a time counts as its first moment."""
    written = f"{day[:4]}-{day[4:6]}-{day[6:8]}"
    clock = f" {time[:2]}:{time[2:4]}:{time[4:6]}{time[6:11]}" if time[:6].isdigit() and len(time) >= 6 else ""
    found = parse_date(written + clock)
    return CaptureTime(*found, "iptc", DatePriority.IPTC) if found else None
