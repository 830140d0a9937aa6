"""Gray TIFF and PNG files of more than 8 bits are read as their tags define them."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray

from indexer.images import open_picture
from tests.support.pictures import png_chunk, png_header

RAMP = np.linspace(0, 1, 16).reshape(2, 8)
EIGHT_BITS = np.rint(RAMP * 255)
UNSIGNED, SIGNED, FLOAT = 1, 2, 3


def gray_tiff(
    samples: bytes, *, bits: int, order: str, white_zero: bool, kind: int, compressed: bool, is_big: bool = False
) -> bytes:
    """Return a gray TIFF or BigTIFF of 8 x 2 pixels in either byte order."""
    samples = zlib.compress(samples) if compressed else samples
    samples += bytes(len(samples) % 2)
    start = 16 if is_big else 8
    entries = (
        *((256, 8), (257, 2), (258, bits), (259, 8 if compressed else 1), (262, int(not white_zero))),
        *((273, start), (277, 1), (278, 2), (279, len(samples)), (339, kind)),
    )
    number, row, width = ("Q", "HHQ", 8) if is_big else ("I", "HHI", 4)
    head = (b"II" if order == "<" else b"MM") + (
        struct.pack(order + "HHHQ", 43, 8, 0, start + len(samples))
        if is_big
        else struct.pack(order + "HI", 42, start + len(samples))
    )
    rows = [
        struct.pack(order + row, tag, 3, 1) + struct.pack(order + "H", value).ljust(width, b"\0")
        for tag, value in entries
    ]
    count = struct.pack(order + ("Q" if is_big else "H"), len(rows))
    return head + samples + count + b"".join(rows) + struct.pack(order + number, 0)


def packed_12_bits(values: NDArray[np.float64]) -> bytes:
    """Return numbers of 12 bits, two in three bytes."""
    return bytes.fromhex("".join(f"{round(value):03x}" for value in values.ravel()))


def samples_of(values: NDArray[np.float64], bits: int, kind: int, order: str) -> bytes:
    """Return values from 0 to 1 as the bytes of a TIFF."""
    if kind == FLOAT:
        return values.astype(order + "f4").tobytes()
    if bits == 12:
        return packed_12_bits(values * 4095)
    whole = np.rint(values * (2**bits - 1)) - 2 ** (bits - 1) * (kind == SIGNED)
    dtype = f"{order}{'i' if kind == SIGNED else 'u'}{bits // 8}"
    return bytes(whole.astype(dtype).tobytes())


@pytest.mark.parametrize("compressed", [False, True], ids=["raw", "deflate"])
@pytest.mark.parametrize("white_zero", [False, True], ids=["black is 0", "white is 0"])
@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
@pytest.mark.parametrize(
    ("bits", "kind"), [(12, UNSIGNED), (16, UNSIGNED), (16, SIGNED), (32, UNSIGNED), (32, SIGNED), (32, FLOAT)]
)
@pytest.mark.parametrize("is_big", [False, True], ids=["TIFF", "BigTIFF"])
def test_every_kind_of_deep_gray_is_the_same_ramp(
    bits: int, kind: int, order: str, white_zero: bool, compressed: bool, is_big: bool
) -> None:
    samples = samples_of(1 - RAMP if white_zero else RAMP, bits, kind, order)
    content = gray_tiff(
        samples, bits=bits, order=order, white_zero=white_zero, kind=kind, compressed=compressed, is_big=is_big
    )
    gray = np.asarray(open_picture(content)[0])[..., 0]
    assert np.abs(gray - EIGHT_BITS).max() <= 1


@pytest.mark.parametrize(("low", "high"), [(0, 8), (0, 300), (-4, 4), (0, 100_000)])
def test_floats_without_a_natural_range_are_stretched(low: float, high: float) -> None:
    samples = (low + RAMP * (high - low)).astype("<f4").tobytes()
    content = gray_tiff(samples, bits=32, order="<", white_zero=False, kind=FLOAT, compressed=False)
    assert np.abs(np.asarray(open_picture(content)[0])[..., 0] - EIGHT_BITS).max() <= 1


def test_the_transparent_gray_of_a_16_bit_png_becomes_white() -> None:
    rows = b"".join(b"\0" + row for row in (struct.pack(">2H", 1000, 1001), struct.pack(">2H", 65_535, 1000)))
    content = png_header(2, 2, depth=16, color=0) + png_chunk(b"tRNS", struct.pack(">H", 1000))
    content += png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    assert np.asarray(open_picture(content)[0])[..., 0].tolist() == [[255, 4], [255, 255]]  # 1001 / 257 = 3.9
