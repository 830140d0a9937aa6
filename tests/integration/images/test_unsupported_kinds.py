"""Whole files of a kind that the installed libraries cannot read are called unsupported, not damaged."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from indexer.errors import FailureKind, PictureError
from indexer.images import open_picture, read_photo
from indexer.types import Preprocess
from tests.support.pictures import cat, dng, encoded, png_chunk, tiff_block


def failure(content: bytes) -> PictureError:
    """Return the error of opening a file."""
    with pytest.raises(PictureError) as caught:
        open_picture(content)
    return caught.value


def compressed_tiff(compression: int) -> bytes:
    """Return a TIFF that declares a compression, with data that no decompressor understands."""
    size = [(256, 3, b"\4\0"), (257, 3, b"\4\0"), (258, 3, b"\x08\0"), (262, 3, b"\1\0"), (277, 3, b"\1\0")]
    strip = [(273, 4, b"\x08\0\0\0"), (278, 3, b"\4\0"), (279, 4, b"\x10\0\0\0")]
    block = tiff_block([*size, *strip, (259, 3, struct.pack("<H", compression))], at=24)
    return b"II*\0" + struct.pack("<I", 24) + b"\xa5" * 16 + block


@pytest.mark.parametrize(
    ("compression", "name"),
    [(50001, "WebP"), (34712, "JPEG 2000"), (34887, "LERC"), (34661, "JBIG"), (12345, "method 12345")],
)
def test_a_tiff_of_a_compression_that_cannot_be_read_is_unsupported(compression: int, name: str) -> None:
    error = failure(compressed_tiff(compression))
    assert error.kind is FailureKind.UNSUPPORTED
    assert f"compressed with {name}, which the installed libraries cannot read" in str(error)


@pytest.mark.parametrize("compression", [5, 8, 32946])  # LZW and Deflate
def test_a_tiff_of_a_known_compression_with_wrong_data_is_damaged(compression: int) -> None:
    assert failure(compressed_tiff(compression)).kind is FailureKind.DAMAGED


@pytest.mark.parametrize(
    ("frame", "words"),
    [(b"\xc3\0\x11\x08", "lossless"), (b"\xc5\0\x11\x08", "hierarchical"), (b"\xc1\0\x11\x0c", "12 bits a channel")],
)
def test_a_jpeg_of_a_kind_that_libjpeg_cannot_read_is_unsupported(frame: bytes, words: str) -> None:
    content = encoded(cat(), "JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff" + frame)
    error = failure(content)
    assert error.kind is FailureKind.UNSUPPORTED
    assert words in str(error)


def test_a_raw_file_without_a_preview_says_so_in_words(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    file = tmp_path / "photo.dng"
    content = dng(cat())
    start = content.index(b"\xff\xd8\xff")
    file.write_bytes(content[:start] + bytes(64) + content[start + 64 :])
    with pytest.raises(PictureError) as caught:
        read_photo(file, preprocess=Preprocess(32))
    assert "b'" not in str(caught.value)


def test_messages_show_no_notation_of_bytes() -> None:
    png = encoded(cat(), "PNG")
    flawed = png[:12] + png_chunk(b"IHDR", png[16:29])[4:-4] + b"oops" + png[33:]
    message = str(failure(flawed))
    assert not re.search(r"\bb['\"]", message)
    assert "IHDR" in message
