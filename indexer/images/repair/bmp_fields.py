"""BMP files of kinds that Pillow does not read: unusual bit fields, the short header of OS/2, none before it (DIB)."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_FILE_HEADER, _HEADER, _OS2_SHORT = 14, 40, 16
_BIT_FIELDS, _ALPHA_BIT_FIELDS = 3, 6


def with_file_header(data: bytes) -> bytes:
    """Return a DIB, as programs keep it in the clipboard, with the header of a BMP; a BMP is returned as it is."""
    if data.startswith(b"BM") or len(data) < _HEADER:
        return data
    size, bits, compression, colors = (
        int.from_bytes(data[start:end], "little") for start, end in ((0, 4), (14, 16), (16, 20), (32, 36))
    )
    palette = 4 * (colors or 2**bits) if bits <= 8 else 4 * colors
    masks = 12 if compression == _BIT_FIELDS and size == _HEADER else 0
    offset = _FILE_HEADER + size + palette + masks
    return b"BM" + struct.pack("<III", _FILE_HEADER + len(data), 0, offset) + data


def as_usual_kind(data: bytes) -> bytes:
    """Return the same picture as a BMP that Pillow reads; transparency is left out.

    Raises:
        ValueError: It is of a usual kind, or ends early.
    """
    offset, size = struct.unpack_from("<II", data, 10)
    width, height, _, bits = struct.unpack_from("<iiHH", data, 18)
    if size == _OS2_SHORT:
        head = data[:10] + struct.pack("<II", offset + _HEADER - size, _HEADER)
        return head + data[18 : _FILE_HEADER + size] + bytes(_HEADER - size) + data[_FILE_HEADER + size :]
    (compression,) = struct.unpack_from("<I", data, 30)
    if compression not in {_BIT_FIELDS, _ALPHA_BIT_FIELDS} or bits not in {16, 32} or width <= 0:
        raise ValueError("the BMP has no bit fields")
    stride = (width * bits // 8 + 3) // 4 * 4  # rows are padded to four bytes
    rows = np.frombuffer(data, np.uint8, stride * abs(height), offset).reshape(abs(height), stride)
    values = np.ascontiguousarray(rows[:, : width * bits // 8]).view(f"<u{bits // 8}").astype(np.uint32)
    masks = struct.unpack_from("<3I", data, _FILE_HEADER + _HEADER)
    picture = Image.fromarray(np.stack([_channel(values, mask) for mask in masks], axis=-1))
    buffer = BytesIO()
    (picture if height < 0 else picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)).save(buffer, "BMP")
    return buffer.getvalue()


def _channel(values: NDArray[np.uint32], mask: int) -> NDArray[np.uint8]:
    """Return the bits of a mask scaled to 0 to 255, in the shape of the values."""
    if mask == 0:
        return np.zeros(values.shape, np.uint8)
    shift = (mask & -mask).bit_length() - 1
    bits = (values & np.uint32(mask)) >> np.uint32(shift)
    scaled: NDArray[np.uint8] = np.rint(bits * (255.0 / (mask >> shift))).astype(np.uint8)
    return scaled
