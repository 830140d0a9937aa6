"""Text files: which they are, and their bytes as text."""

from __future__ import annotations

import codecs
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from indexer.errors import FailureKind, PictureError, TextError
from indexer.images import Limits
from indexer.images.file_reader import read_file

MARKDOWN = "Markdown"
TEXT_FORMATS = {".txt": "text", ".text": "text", ".md": MARKDOWN, ".markdown": MARKDOWN}
"""What files with these endings, in lower case, are called in the catalog."""

MAX_TEXT_BYTES = 4_000_000
"""A text with more is refused: "War and Peace" has 3.3 million, and is two minutes' work for `compact`."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_CONTROLS = {code: None for code in range(32) if chr(code) not in "\t\n\v\f\r\x1b"} | {127: None}


@dataclass(frozen=True, slots=True)
class Document:
    """A text file that was read.

    Attributes:
        text: What it says, not blank.
        format: One of `TEXT_FORMATS`.
        content_hash: SHA-256 of its bytes.
    """

    text: str
    format: str
    content_hash: bytes


def text_format(name: str) -> str | None:
    """Return the format that a name's ending stands for, None where it is not that of a text."""
    return TEXT_FORMATS.get(os.path.splitext(name)[1].lower())


def read_text(path: Path, *, max_bytes: int) -> Document:
    """Return what a text file says; only regular files are opened, and nothing over the limit is read.

    Args:
        path: Its name has the ending of a text.
        max_bytes: Limit of the settings; `MAX_TEXT_BYTES` holds in any case.

    Raises:
        TextError: With the reason, in one line and without the path.
    """
    limit = min(max_bytes, MAX_TEXT_BYTES)
    try:
        data = read_file(path, limits=Limits(max_bytes=limit))
    except PictureError as error:
        message = str(error)
        if error.kind is FailureKind.TOO_LARGE and limit == MAX_TEXT_BYTES:
            message = f"a text of more than {MAX_TEXT_BYTES:,} bytes is not read; split it, or exclude it"
        raise TextError(error.kind, message) from error
    text = decode_text(data)
    if not text.strip():
        raise TextError(FailureKind.EMPTY, "the file holds no words")
    return Document(text, text_format(path.name) or "text", hashlib.sha256(data).digest())


def bom_encoding(head: bytes) -> str | None:
    """Return the encoding that the mark at the beginning of a file stands for, None where there is none."""
    return next((encoding for mark, encoding in _MARKS if head.startswith(mark)), None)


def decode_text(data: bytes) -> str:
    """Return bytes as text: by their mark, else as UTF-8, else as Windows-1252, where they are no binary data.

    Raises:
        TextError: NOT_TEXT.
    """
    encoding = bom_encoding(data)
    if encoding is None and b"\0" in data:
        raise TextError(FailureKind.NOT_TEXT, "it holds NUL bytes, so it is no text but binary data")
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        if encoding is not None:
            raise TextError(
                FailureKind.NOT_TEXT, f"it is marked as {encoding}, but byte {error.start} is not"
            ) from None
        text = _western(data)
    if len(text) - len(text.translate(_CONTROLS)) > len(text) / 100:  # a few are common: form feeds, escapes, typos
        raise TextError(FailureKind.NOT_TEXT, "it is full of control characters, so it is no text but binary data")
    return text.replace("\0", " ")


def _western(data: bytes) -> str:
    """Return bytes as Windows-1252, in which a text of a western language has few bytes above 127."""
    if sum(byte > 127 for byte in data) <= len(data) * 0.3:
        try:
            return data.decode("cp1252")
        except UnicodeDecodeError:
            pass  # one of the five bytes that it does not have
    raise TextError(FailureKind.NOT_TEXT, "its encoding is not known; save it as UTF-8")
