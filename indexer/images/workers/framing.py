"""Frames in a pipe: a length of eight bytes, then the body."""

from __future__ import annotations

import struct
from typing import IO

_LENGTH = struct.Struct("<Q")


def send(pipe: IO[bytes], body: bytes) -> None:
    """Write one frame."""
    pipe.write(_LENGTH.pack(len(body)))
    pipe.write(body)
    pipe.flush()


def receive(pipe: IO[bytes]) -> bytes | None:
    """Return the next frame's body, None at the end of the pipe."""
    header = pipe.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(header)
    body = pipe.read(length)
    return body if len(body) == length else None
