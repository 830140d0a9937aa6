"""Files that have every pixel are shown, whatever is wrong elsewhere in them; what lacks pixels is refused."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from indexer.errors import FailureKind, PictureError
from indexer.images import open_picture, read_pixels
from indexer.types import Preprocess
from tests.support.pictures import cat, dng, encoded, exif_block, png_chunk, tiff_block

PHOTO = cat()
JPEG, PROGRESSIVE = encoded(PHOTO, "JPEG"), encoded(PHOTO, "JPEG", progressive=True)
RESTARTS = encoded(PHOTO, "JPEG", restart_marker_rows=1)
PNG = encoded(PHOTO, "PNG")
NOISE = np.random.default_rng(3).bytes(3000)  # markers of every kind are in it


def pixels(content: bytes) -> list[list[list[int]]]:
    """Return the RGB values of a file."""
    values: list[list[list[int]]] = np.asarray(open_picture(content)[0]).tolist()
    return values


def failure(content: bytes) -> str:
    """Return the kind and message of the error of opening a file."""
    with pytest.raises(PictureError) as caught:
        open_picture(content)
    return f"{caught.value.kind}: {caught.value}"


@pytest.mark.parametrize("whole", [JPEG, PROGRESSIVE, RESTARTS], ids=["baseline", "progressive", "restarts"])
@pytest.mark.parametrize("end", [b"", b"\xff", bytes(50), NOISE], ids=["none", "half", "zeros", "noise"])
def test_a_jpeg_without_its_end_marker_shows_every_pixel(whole: bytes, end: bytes) -> None:
    assert pixels(whole[:-2] + end) == pixels(whole)


@pytest.mark.parametrize("whole", [JPEG, PROGRESSIVE, RESTARTS], ids=["baseline", "progressive", "restarts"])
@pytest.mark.parametrize("missing", [3, 20, 2000])
def test_a_jpeg_that_lacks_pixels_is_called_cut(whole: bytes, missing: int) -> None:
    assert failure(whole[:-missing]) == f"damaged: the JPEG data ends early, after {len(whole) - missing:,} bytes"


def test_a_jpeg_that_ends_at_a_restart_marker_or_between_scans_is_called_cut() -> None:
    for whole, marker in ((RESTARTS, b"\xff\xd3"), (PROGRESSIVE, b"\xff\xda")):
        assert "ends early" in failure(whole[: whole.rindex(marker)])


def test_a_cut_progressive_jpeg_is_refused_at_the_encoders_size_too() -> None:
    large = encoded(PHOTO.resize((1804, 1200)), "JPEG", progressive=True)
    with pytest.raises(PictureError, match="ends early"):  # an eighth of its size needs only the first scans
        read_pixels(large[: len(large) * 9 // 10], preprocess=Preprocess(32))


def test_a_raw_preview_without_its_end_marker_is_shown(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    whole, without_end = tmp_path / "whole.dng", tmp_path / "without end.dng"
    whole.write_bytes(dng(PHOTO))
    without_end.write_bytes(dng(PHOTO).replace(b"\xff\xd9", b"\0\0"))
    assert open_picture(without_end)[0].tobytes() == open_picture(whole)[0].tobytes()


FLAWS = {
    "color profile with an unknown compression": png_chunk(b"iCCP", b"sRGB\0\1" + zlib.compress(b"profile")),
    "color profile of noise": png_chunk(b"iCCP", b"sRGB\0\0noise"),
    "wrong checksum of a text": png_chunk(b"tEXt", b"Title\0Cat")[:-4] + b"oops",
    "compressed text of noise": png_chunk(b"zTXt", b"Title\0\0noise"),
    "text of 20 MB": png_chunk(b"iTXt", b"Title\0\1\0\0\0" + zlib.compress(bytes(20_000_000))),
    "90 texts of 1 MB": b"".join(
        png_chunk(b"zTXt", b"%d\0\0" % number + zlib.compress(bytes(1_000_000))) for number in range(90)
    ),
    "empty EXIF": png_chunk(b"eXIf", b""),
    "wrong checksum of EXIF": png_chunk(b"eXIf", exif_block(orientation=1))[:-4] + b"oops",
    "short resolution": png_chunk(b"pHYs", b"\0"),
    "animation without frames": png_chunk(b"acTL", bytes(8)),
    "animation with a wrong frame": png_chunk(b"acTL", struct.pack(">II", 2, 0)) + png_chunk(b"fcTL", b"\xff" * 26),
}


@pytest.mark.parametrize("flaw", FLAWS.values(), ids=FLAWS)
def test_a_png_with_a_flaw_beside_its_pixels_is_shown_with_its_other_metadata(flaw: bytes) -> None:
    camera = png_chunk(b"eXIf", exif_block(camera=("Apple", "iPhone 15")).removeprefix(b"Exif\0\0"))
    for content in (PNG[:33] + flaw + camera + PNG[33:], PNG[:33] + camera + PNG[33:-12] + flaw + PNG[-12:]):
        picture, metadata = open_picture(content)
        assert picture.tobytes() == PHOTO.tobytes()
        if flaw is not FLAWS["90 texts of 1 MB"]:  # each may be read, so none is more at fault than the EXIF
            assert metadata.camera in {"Apple iPhone 15", None if b"eXIf" in flaw else "Apple iPhone 15"}


@pytest.mark.parametrize("end", [b"", PNG[-12:-4], png_chunk(b"tEXt", b"Title\0Cat")[:-6]])
def test_a_png_without_its_end_is_shown(end: bytes) -> None:
    assert pixels(PNG[:-12] + end) == pixels(PNG)


def test_a_png_that_lacks_pixels_is_called_cut() -> None:
    assert failure(PNG[:-100]) == f"damaged: the PNG data ends early, after {len(PNG) - 100:,} bytes"


@pytest.mark.parametrize(
    "change",
    [lambda webp: webp[:-30], lambda webp: webp[:4] + b"\xff\xff\xff\0" + webp[8:], lambda webp: webp + NOISE],
    ids=["metadata cut off", "wrong size", "noise behind it"],
)
def test_a_webp_with_a_flaw_beside_its_pixels_is_shown(change: Callable[[bytes], bytes]) -> None:
    whole = encoded(PHOTO, "WEBP", exif=exif_block(camera=("Apple", "iPhone 15")))
    assert pixels(change(whole)) == pixels(whole)


def test_a_tiff_with_a_tag_outside_the_file_is_shown_with_its_other_metadata() -> None:
    size = [(256, 3, b"\2\0"), (257, 3, b"\1\0"), (258, 3, b"\x08\0"), (262, 3, b"\1\0"), (277, 3, b"\1\0")]
    strip = [(273, 4, b"\x08\0\0\0"), (278, 3, b"\1\0"), (279, 4, b"\2\0\0\0")]
    names = [(270, 2, b"A description"), (271, 2, b"Canon\0")]
    head = b"II*\0" + struct.pack("<I", 10) + b"\x40\x80"  # two pixels, then the tags
    block = tiff_block([*size, *strip, *names], at=10)
    entry = struct.pack("<HHI", 270, 2, 13)
    position = block.index(entry)
    flawed = block[: position + 8] + struct.pack("<I", 0x7FFFFFFF) + block[position + 12 :]
    picture, metadata = open_picture(head + flawed)
    assert np.asarray(picture)[..., 0].tolist() == [[0x40, 0x80]]
    assert metadata.camera == "Canon"


def test_damaged_pixels_are_still_called_damaged() -> None:
    changed = bytearray(PNG)
    changed[len(PNG) // 2] ^= 0xFF
    assert failure(bytes(changed)).startswith(str(FailureKind.DAMAGED))
