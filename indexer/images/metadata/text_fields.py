"""Words that files bring along, made fit to be kept: printable, bounded, no tag twice, no camera's boilerplate."""

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
"""What cameras, phones and editors write into every photo where a description would stand; compared with all of it."""


def clean(value: object, limit: int) -> str:
    """Return text without control or formatting characters, its white space single, at most `limit` characters, in NFC.

    Args:
        value: Text, or its bytes in UTF-8; anything else is no text, and gives "".
        limit: Characters.
    """
    text = value.decode("utf-8", errors="ignore") if isinstance(value, bytes) else value
    if not isinstance(text, str):
        return ""
    seen = unicodedata.normalize("NFC", text[: 10 * limit])  # of many megabytes, no more than this is looked at
    words = "".join(letter if letter.isprintable() else " " for letter in seen).split()
    return " ".join(words)[:limit].rstrip()


def title(value: object) -> str | None:
    """Return a title as it is kept, None where it says nothing."""
    return _said(clean(value, MAX_TITLE))


def description(value: object) -> str | None:
    """Return a description as it is kept, None where it says nothing."""
    return _said(clean(value, MAX_DESCRIPTION))


def tags(values: Iterable[object]) -> tuple[str, ...]:
    """Return tags in their order, each once whatever its capitals, at most 200 of at most 100 characters."""
    kept: dict[str, str] = {}
    for value in values:
        tag = clean(value, MAX_TAG)
        if tag:
            kept.setdefault(tag.casefold(), tag)
        if len(kept) == MAX_TAGS:
            break
    return tuple(kept.values())


def lens_name(value: object) -> str | None:
    """Return a lens's name, printable and at most 80 characters; None for what has no letter or digit, like "----"."""
    name = clean(value, MAX_CAMERA)
    return name if any(letter.isalnum() for letter in name) else None


def camera_name(make: object, model: object) -> str | None:
    """Return "Make Model" without saying the make twice, printable and at most 80 characters; None without either."""
    maker, name = clean(make, MAX_CAMERA), clean(model, MAX_CAMERA)
    if maker and name and name.lower().split()[0] == maker.lower().split()[0]:
        maker = ""  # "NIKON CORPORATION", "NIKON D90"
    return f"{maker} {name}".strip()[:MAX_CAMERA].rstrip() or None


def _said(text: str) -> str | None:
    """Return text that a person may have written, else None."""
    wordless = not any(letter.isalnum() for letter in text)
    return None if wordless or _BOILERPLATE.fullmatch(text) else text
