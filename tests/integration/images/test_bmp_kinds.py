"""Every kind of BMP that viewers show is read."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from indexer.errors import PictureError
from indexer.images import open_picture
from tests.support.pictures import encoded, quadrants

BMP = encoded(quadrants(6, 4), "BMP")
QUADRANTS = np.asarray(quadrants(6, 4))


def pixels(content: bytes) -> object:
    """Return the RGB values of a file."""
    return np.asarray(open_picture(content)[0]).tolist()


def with_fields(widths: tuple[int, int, int], bits: int, *, compression: int = 3) -> bytes:
    """Return the quadrants as a BMP with fields of these many bits for red, green and blue, from the lowest bit."""
    shifts = (0, widths[0], widths[0] + widths[1])
    masks = [(2**width - 1) << shift for width, shift in zip(widths, shifts, strict=True)]
    values = sum(
        np.rint(QUADRANTS[..., channel] / 255 * (2**width - 1)).astype(np.uint32) << shift
        for channel, (width, shift) in enumerate(zip(widths, shifts, strict=True))
    )
    rows = np.asarray(values)[::-1].astype(f"<u{bits // 8}").tobytes()  # 6 numbers of 2 or 4 bytes: no padding
    head = struct.pack("<IiiHHIIiiII", 40, 6, 4, 1, bits, compression, len(rows), 0, 0, 0, 0)
    extra = struct.pack("<3I", *masks) + (struct.pack("<I", 0) if compression == 6 else b"")
    offset = 14 + len(head) + len(extra)
    return b"BM" + struct.pack("<III", offset + len(rows), 0, offset) + head + extra + rows


@pytest.mark.parametrize(
    ("widths", "bits"), [((2, 3, 1), 16), ((4, 4, 4), 16), ((5, 6, 5), 16), ((11, 11, 10), 32), ((8, 8, 8), 32)]
)
@pytest.mark.parametrize("compression", [3, 6])
def test_bit_fields_of_any_width_are_read(widths: tuple[int, int, int], bits: int, compression: int) -> None:
    assert pixels(with_fields(widths, bits, compression=compression)) == QUADRANTS.tolist()


def test_a_dib_without_a_file_header_is_read() -> None:
    assert pixels(BMP[14:]) == QUADRANTS.tolist()


def test_a_short_header_of_os2_is_read() -> None:
    short = BMP[:10] + struct.pack("<II", 30, 16) + BMP[18:30] + BMP[54:]
    assert pixels(short) == QUADRANTS.tolist()


def test_bit_fields_that_end_early_are_an_error() -> None:
    with pytest.raises(PictureError):
        open_picture(with_fields((2, 3, 1), 16)[:-4])
