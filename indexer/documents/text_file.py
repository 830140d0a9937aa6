"""Reading and decoding of text files."""

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
"""Suffix, in lower case, to the format's name in the catalog."""

MAX_TEXT_BYTES = 4_000_000
"""Larger text files are refused. "War and Peace" has 3.3 million bytes, and takes `compact` two minutes."""

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is a prefix of it
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_CONTROLS = {code: None for code in range(32) if chr(code) not in "\t\n\v\f\r\x1b"} | {127: None}


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a text file.

    Attributes:
        text: Not blank.
        format: A value of `TEXT_FORMATS`.
        content_hash: SHA-256 of the file's bytes, 32 bytes.
    """

    text: str
    format: str
    content_hash: bytes


def text_format(name: str) -> str | None:
    """Return a text file's format by the suffix of its name, None for other files."""
    return TEXT_FORMATS.get(os.path.splitext(name)[1].lower())


def read_text(path: Path, *, max_bytes: int) -> Document:
    """Return the content of a text file; only regular files are opened.

    Args:
        path: A file with a suffix of `TEXT_FORMATS`.
        max_bytes: A larger file is refused before it is read; so is one of more than `MAX_TEXT_BYTES`.

    Raises:
        TextError: The file cannot be read or is not text; the message is one line without the path.
    """
    limit = min(max_bytes, MAX_TEXT_BYTES)
    try:
        data = read_file(path, limits=Limits(max_bytes=limit))
    except PictureError as error:
        message = str(error)
        if error.kind is FailureKind.TOO_LARGE and limit == MAX_TEXT_BYTES:
            message = f"text files of more than {MAX_TEXT_BYTES:,} bytes are not read; split the file or exclude it"
        raise TextError(error.kind, message) from error
    text = decode_text(data)
    if not text.strip():
        raise TextError(FailureKind.EMPTY, "the file contains no text")
    return Document(text, text_format(path.name) or "text", hashlib.sha256(data).digest())


def bom_encoding(head: bytes) -> str | None:
    """Return the encoding of a file by its byte order mark, None if it has none."""
    return next((encoding for mark, encoding in _BYTE_ORDER_MARKS if head.startswith(mark)), None)


def decode_text(data: bytes) -> str:
    """Return bytes as text, decoded by their byte order mark, else as UTF-8, else as Windows-1252.

    Raises:
        TextError: The bytes are binary data, or their encoding is unknown.
    """
    encoding = bom_encoding(data)
    if encoding is None and b"\0" in data:
        raise TextError(FailureKind.NOT_TEXT, "it contains NUL bytes, so it is binary data, not text")
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        if encoding is not None:
            raise TextError(
                FailureKind.NOT_TEXT,
                f"it has a byte order mark of {encoding}, but byte {error.start} is not valid {encoding}",
            ) from None
        text = _decode_windows_1252(data)
    if len(text) - len(text.translate(_CONTROLS)) > len(text) / 100:  # a few are common, such as form feeds and escapes
        raise TextError(
            FailureKind.NOT_TEXT, "more than 1% of it are control characters, so it is binary data, not text"
        )
    return text.replace("\0", " ")


def _decode_windows_1252(data: bytes) -> str:
    """Return bytes decoded as Windows-1252, in which texts of western languages have few bytes above 127."""
    if sum(byte > 127 for byte in data) <= len(data) * 0.3:
        try:
            return data.decode("cp1252")
        except UnicodeDecodeError:
            pass  # one of the five bytes that it does not define
    raise TextError(FailureKind.NOT_TEXT, "its encoding is unknown; save it as UTF-8")
