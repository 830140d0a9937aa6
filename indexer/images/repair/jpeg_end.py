"""JPEG files that have every pixel, but end without the end marker or with other bytes in its place."""

from __future__ import annotations

import re
from collections.abc import Iterator

_END = b"\xff\xd9"
_NOISE = bytes(167 * number % 255 for number in range(1, 255))  # never 0xFF, which begins a marker
_NOISY_END = b"".join(_NOISE + bytes((0xFF, 0xD0 + number)) for number in range(8)) + _NOISE + _END
"""Noise between all eight restart markers, because a decoder may skip everything before the next one."""

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset((0xC2, 0xCA))
_USUAL_SCANS = 100  # encoders write at most a few dozen
_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))
_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_MARKER_IN_SCAN = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")


def with_ends(data: bytes) -> tuple[bytes, bytes] | None:
    """Return a JPEG with an end marker, and with noise before the marker; None if it is ended or lacks a whole scan.

    If both give the same pixels, nothing of the picture is missing: a decoder stops reading after the last pixel.
    """
    end = _scans_end(data)
    return None if end is None else (data[:end] + _END, data[:end] + _NOISY_END)


def without_extra_scans(data: bytes) -> bytes:
    """Return a JPEG without the scans after the one that completes it, which change nothing but take a decoder's time.

    Args:
        data: A progressive JPEG; another one is returned as it is.
    """
    start = frame(data)
    if start is None or start[0] not in _PROGRESSIVE or data.count(b"\xff\xda") <= _USUAL_SCANS:
        return data
    end = _scans_end(data)
    return data if end is None else data[:end] + _END


def is_arithmetic(data: bytes) -> bool:
    """Return whether a JPEG is coded arithmetically. A decoder then reads some bytes past the last pixel."""
    start = frame(data)
    return start is not None and start[0] > 0xC8


def frame(data: bytes) -> tuple[int, int] | None:
    """Return the marker that begins a JPEG's frame and the bits of a channel; None without a frame."""
    for marker, start, _ in _segments(data):
        if marker in _FRAMES and start < len(data):
            return marker, data[start]
    return None


def _scans_end(data: bytes) -> int | None:
    """Return the offset after the last scan's data; None if the end marker follows or scans are missing.

    A component is complete when a scan without further refinement has had each of its 64 coefficients
    (ITU-T T.81, section G.1.1.1).
    """
    missing: dict[int, set[int]] = {}
    for marker, start, end in _segments(data):
        body = data[start:end]
        if marker in _FRAMES and len(body) >= 6:
            missing = {component: set(range(64)) for component in body[6 : 6 + 3 * body[5] : 3]}
        elif marker == _SCAN and len(body) >= 4:
            first, last, successive = body[-3:]
            for component in body[1:-3:2]:
                if not successive & 0x0F:
                    missing.get(component, set()).difference_update(range(first, last + 1))
            found = _MARKER_IN_SCAN.search(data, end)
            if missing and not any(missing.values()):
                is_ended = found is not None and found[0][-1] == _END_OF_IMAGE
                return None if is_ended else len(data[: found.start() if found else None].rstrip(b"\xff"))
    return None


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield each marker of a JPEG with the start and end of its segment's body, up to the end marker."""
    position = 2
    while (position := data.find(b"\xff", position)) >= 0 and position + 4 <= len(data):
        marker = data[position + 1]
        if marker == _END_OF_IMAGE:
            break
        if marker in _WITHOUT_LENGTH or marker in {0x00, 0xFF}:
            position += 1 if marker == 0xFF else 2
            continue
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        yield marker, position + 4, end
        position = end
        if marker == _SCAN:
            found = _MARKER_IN_SCAN.search(data, position)
            if found is None:
                break
            position = found.start()
