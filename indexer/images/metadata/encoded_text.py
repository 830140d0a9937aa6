"""Text whose encoding EXIF declares wrongly or not at all: UserComment and the tags of Windows."""

from __future__ import annotations

import unicodedata

_ORDERS = {"<": "utf-16-le", ">": "utf-16-be"}
_MARKS = {b"\xff\xfe": "<", b"\xfe\xff": ">"}
_NO_TEXT = ("Cc", "Cn", "Co", "Cs")
"""Categories of characters that no text has: control, not assigned, private use, surrogates."""

_MAX_BYTES = 40_000
"""Bytes that are read, at most; descriptions are cut after fewer characters."""

_ESCAPE_JIS = b"\x1b$B"
"""What ISO-2022-JP has before characters of JIS X 0208; UserComment has them without it."""


def user_comment(value: object, endian: str | None) -> str:
    """Return the text of a UserComment; "" if it is missing or is no text.

    Its first eight bytes name the encoding: ASCII, UNICODE, JIS, or zeros for an undefined one (EXIF 2.32, 4.6.5).
    Programs also fill the name with blanks, leave it out, and write UTF-8 where it says ASCII.

    Args:
        value: The tag's bytes, or text if a program stored it as such.
        endian: The file's byte order, "<" or ">". UNICODE has either, whatever the file has.
    """
    data = value.encode("latin-1", errors="ignore") if isinstance(value, str) else value
    if not isinstance(data, bytes):
        return ""
    code, content = data[:8].rstrip(b"\0 ").upper(), data[8:_MAX_BYTES]
    if code == b"JIS":
        return _jis_text(content)
    if code == b"ASCII":
        return _narrow_text(content)
    if code == b"UNICODE":  # Ricoh's cameras write ASCII after "Unicode"
        is_ascii = content.isascii() and b"\0" not in content.rstrip(b"\0")
        return _narrow_text(content) if is_ascii else utf_16_text(content, endian or "<")
    if not code and (content[:2] in _MARKS or _has_empty_lane(content)):
        return utf_16_text(content, endian or "<")
    text = data[:_MAX_BYTES] if code else content
    return _narrow_text(text) if _narrow_text(text.replace(b"\0", b" ")) else ""  # it may be anything


def _has_empty_lane(data: bytes) -> bool:
    """Return whether most even or most odd bytes are zero, as in UTF-16 of Latin letters."""
    lanes = data.rstrip(b"\0")[::2], data.rstrip(b"\0")[1::2]
    return any(lane.count(0) * 2 > len(lane) for lane in lanes)


def utf_16_text(data: bytes, endian: str) -> str:
    """Return text in UTF-16 up to its first NUL; "" if it is no text.

    Args:
        data: The bytes. A byte order mark decides their order; without one it is the order that reads as text of fewer
            scripts, because letters of one script share their high byte (ExifTool does the same).
        endian: The order to prefer if both read equally well, "<" or ">".
    """
    marked = _MARKS.get(data[:2])
    readings = [_decode_utf_16(data, order) for order in ((marked,) if marked else sorted(_ORDERS, key=endian.__ne__))]
    return _text_or_nothing(min(readings, key=_disorder))


def _decode_utf_16(data: bytes, order: str) -> str:
    even = data[: min(len(data), _MAX_BYTES) // 2 * 2]
    return even.decode(_ORDERS[order], errors="replace").partition("\0")[0].strip("\ufeff")


def _disorder(text: str) -> tuple[bool, int, bool, bool]:
    """Return a key that is lowest for the right reading: few scripts, Latin letters, no bad characters."""
    high_bytes = {ord(character) >> 8 for character in text}
    return not text, len(high_bytes), high_bytes != {0}, not _is_text(text)


def _jis_text(content: bytes) -> str:
    """Return Japanese text in JIS X 0208, with or without escape sequences, or in Shift JIS or EUC-JP."""
    content = content.strip(b"\0 ")
    attempts = [(content, "iso2022_jp")] if b"\x1b" in content else [(_ESCAPE_JIS + content, "iso2022_jp")]
    for data, encoding in (*attempts, (content, "utf-8"), (content, "euc_jp"), (content, "shift_jis")):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _is_text(text):
            return text
    return ""


def _narrow_text(content: bytes) -> str:
    """Return text of one byte per character up to its first NUL: UTF-8 if possible, else Windows-1252."""
    content = content.partition(b"\0")[0]
    try:
        return _text_or_nothing(content.decode())
    except UnicodeDecodeError:
        return _text_or_nothing(content.decode("cp1252", errors="replace"))


def _text_or_nothing(text: str) -> str:
    return text if _is_text(text) else ""


def _is_text(text: str) -> bool:
    """Return whether a text has no control characters but white space, and only characters of Unicode."""
    return "\ufffd" not in text and all(
        character in "\t\n\v\f\r" or unicodedata.category(character) not in _NO_TEXT for character in text
    )
