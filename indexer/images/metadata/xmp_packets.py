"""The packets of an XMP block as text, whatever its encoding and whatever follows them."""

from __future__ import annotations

import re

_BOUNDARY = re.compile(r"(?=<\?xpacket\s+(?:begin|end)\b)|(?<=:xmpmeta>)")
_RDF = re.compile(r"<(?:[\w.-]+:)?RDF\b")
_DECLARATION = re.compile(r"<\?xml\s[^>]*>")


def split_packets(block: bytes) -> list[str]:
    """Return the XMP packets of a block, in their order.

    A packet ends at its trailer (ISO 16684-1, 7.3.2): what is left of a longer one behind it is not part of any. XML
    declarations are removed, because the text is decoded already. A block that defines entities, which may grow without
    limit or name other files, has no packets.
    """
    text = _decode(block)
    if "<!ENTITY" in text:
        return []
    parts = _BOUNDARY.split(text)
    return [_DECLARATION.sub("", part).strip("\0 \t\r\n\ufeff") for part in parts if _RDF.search(part)]


def _decode(block: bytes) -> str:
    """Return a block as text.

    Its bytes decide the encoding, since declarations can be wrong: XMP is in UTF-8, UTF-16 or UTF-32 of either byte
    order, with or without a byte order mark (ISO 16684-1, 7.3). Bytes that are not UTF-8 are taken for Windows-1252.
    """
    start = block.find(b"<")
    zeros = len(block[start + 1 : start + 4]) - len(block[start + 1 : start + 4].lstrip(b"\0"))
    if zeros == 1:  # the ASCII characters of UTF-16 have one zero byte, those of UTF-32 three
        return block.decode("utf-16-be" if start % 2 else "utf-16-le", errors="replace")
    if zeros == 3:
        return block.decode("utf-32-be" if start % 4 else "utf-32-le", errors="replace")
    text = block.decode("utf-8", errors="surrogateescape")
    return re.sub("[\udc80-\udcff]", _as_windows_text, text)


def _as_windows_text(match: re.Match[str]) -> str:
    return match[0].encode("utf-8", errors="surrogateescape").decode("cp1252", errors="replace")
