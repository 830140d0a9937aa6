"""Cleaning of text from metadata: printable, of limited length, without repeated tags and camera boilerplate."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MAX_CAMERA = 80  # characters; the longest names of real cameras have about 50, of lenses about 70
MAX_TITLE = 300
MAX_DESCRIPTION = 5000  # IPTC allows 2,000 bytes, XMP any length
MAX_TAG = 100  # IPTC allows 64 bytes
MAX_TAGS = 200

_BOILERPLATE = re.compile(
    r"((olympus|sony|konica|minolta|konica minolta|sanyo|casio) )?digital (still )?camera|sony dsc"
    r"|exif[_ ]jpeg[_ ]picture|samsung( camera pictures)?|<(digimax|kenox|samsung).*>|default|dji|dcim\\.*"
    r"|untitled|image description|picture|photo|screenshot|binary comment|charset=.*|processed with vsco.*"
    r"|\w*hdr\w*|cof|dav|edf|mde|oznor\w*|rbt\w*|ptr|sdr",  # the last line: modes of Huawei's and Xiaomi's phones
    re.IGNORECASE,
)
"""Descriptions that cameras, phones and editors write into every photo; matched against the whole description."""


def clean(value: object, limit: int) -> str:
    """Return text in NFC with single spaces and without control and formatting characters.

    Args:
        value: Text, or bytes in UTF-8; any other value gives "".
        limit: Characters of the result, at most.
    """
    text = value.decode("utf-8", errors="ignore") if isinstance(value, bytes) else value
    if not isinstance(text, str):
        return ""
    normalized = unicodedata.normalize("NFC", text[: 10 * limit])  # a text may have many megabytes
    words = "".join(character if character.isprintable() else " " for character in normalized).split()
    return " ".join(words)[:limit].rstrip()


def title(value: object) -> str | None:
    """Return a cleaned title, None if it is empty or boilerplate."""
    return _meaningful(clean(value, MAX_TITLE))


def description(value: object) -> str | None:
    """Return a cleaned description, None if it is empty or boilerplate."""
    return _meaningful(clean(value, MAX_DESCRIPTION))


def tags(values: Iterable[object]) -> tuple[str, ...]:
    """Return cleaned tags in their order, unique regardless of case; at most 200, each of at most 100 characters."""
    unique: dict[str, str] = {}
    for value in values:
        tag = clean(value, MAX_TAG)
        if tag:
            unique.setdefault(tag.casefold(), tag)
        if len(unique) == MAX_TAGS:
            break
    return tuple(unique.values())


def lens_name(value: object) -> str | None:
    """Return a lens's cleaned name of at most 80 characters; None if it has no letter or digit, like "----"."""
    name = clean(value, MAX_CAMERA)
    return name if any(character.isalnum() for character in name) else None


def camera_name(make: object, model: object) -> str | None:
    """Return "Make Model" without repeating the make, at most 80 characters; None without either."""
    brand, name = clean(make, MAX_CAMERA), clean(model, MAX_CAMERA)
    if brand and name and name.lower().split()[0] == brand.lower().split()[0]:
        brand = ""  # "NIKON CORPORATION", "NIKON D90"
    return f"{brand} {name}".strip()[:MAX_CAMERA].rstrip() or None


def _meaningful(text: str) -> str | None:
    """Return the text if a person may have written it, else None."""
    is_wordless = not any(character.isalnum() for character in text)
    return None if is_wordless or _BOILERPLATE.fullmatch(text) else text
