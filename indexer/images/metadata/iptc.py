"""IPTC-IIM: the captions and keywords of news agencies."""

from __future__ import annotations

from collections.abc import Mapping

from PIL import Image

from indexer.images.metadata import text_fields
from indexer.images.metadata.block import CaptureTime, DatePriority, MetadataBlock
from indexer.images.metadata.dates import parse_date

_OBJECT_NAME, _KEYWORDS, _DATE, _TIME, _HEADLINE, _CAPTION = (2, 5), (2, 25), (2, 55), (2, 60), (2, 105), (2, 120)
_CHARSET = (1, 90)
_UTF_8 = b"\x1b%G"
"""The value that declares UTF-8 (IPTC-IIM 4.2, data set 1:90)."""


def read_iptc(picture: Image.Image) -> MetadataBlock:
    """Return the metadata in the IPTC of a JPEG or TIFF; empty if it is missing or damaged."""
    try:
        from PIL.IptcImagePlugin import getiptcinfo  # late: it imports the readers of both formats

        data_sets = getiptcinfo(picture)  # type: ignore[arg-type]  # it checks the class itself
        return _block(data_sets) if data_sets else MetadataBlock()
    except Exception:  # noqa: BLE001 damaged metadata must not make the photo fail
        return MetadataBlock()


def _block(data_sets: Mapping[tuple[int, int], object]) -> MetadataBlock:
    is_utf_8 = data_sets.get(_CHARSET) == _UTF_8
    texts = {tag: [_text(value, is_utf_8=is_utf_8) for value in _list(values)] for tag, values in data_sets.items()}
    first = {tag: values[0] for tag, values in texts.items() if values}
    return MetadataBlock(
        capture_time=_capture_time(first.get(_DATE, ""), first.get(_TIME, "")),
        title=text_fields.title(first.get(_OBJECT_NAME)) or text_fields.title(first.get(_HEADLINE)),
        description=text_fields.description(first.get(_CAPTION)),
        tags=text_fields.tags(texts.get(_KEYWORDS, ())),
    )


def _list(values: object) -> list[object]:
    return list(values) if isinstance(values, list) else [values]


def _text(value: object, *, is_utf_8: bool) -> str:
    """Return a value as text. If no encoding is declared, it is UTF-8 if possible, else Windows-1252."""
    if not isinstance(value, bytes):
        return ""
    try:
        return value.decode("utf-8", errors="ignore" if is_utf_8 else "strict")
    except UnicodeDecodeError:
        return value.decode("cp1252", errors="ignore")


def _capture_time(day: str, time: str) -> CaptureTime | None:
    """Return the time of, for instance, "20240721" and "180359+0200"; a day without a time is midnight."""
    date = parse_date(f"{day} {time}")
    return CaptureTime(*date, "iptc", DatePriority.IPTC) if date else None
