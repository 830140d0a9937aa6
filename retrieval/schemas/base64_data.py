"""Bytes in JSON."""

from __future__ import annotations

import base64
import binascii


def decode_data(text: str) -> bytes:
    """Return the bytes of base64, with or without "data:…;base64," in front; none if it is not base64."""
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""
