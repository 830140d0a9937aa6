"""A folder of files that break careless readers of photos."""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer.errors import FailureKind
from tests.support.pictures import cat, encoded, exif_block, long, png_bomb, png_with_chunk, quadrants, tiff_block


@dataclass(frozen=True, slots=True)
class Expectation:
    """The expected result for a path of a hostile folder.

    Attributes:
        path: The path.
        failure: The kind of failure; None if it can be read.
        walked: Whether a walk yields it as a file.
    """

    path: Path
    failure: FailureKind | None
    walked: bool = True


def hostile_folder(folder: Path) -> list[Expectation]:
    """Fill a folder with more than fifty hostile paths, and return the expected results."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {**_truncated(), **_misnamed(), **_bombs(), **_damaged()}
    expectations = []
    for name, (content, failure) in files.items():
        path = folder / name
        path.write_bytes(content)
        expectations.append(Expectation(path=path, failure=failure))
    return expectations + _unusual_names(folder) + _unreadable(folder)


_Files = dict[str, tuple[bytes, FailureKind | None]]


def _truncated() -> _Files:
    """Return truncated files of every format: JPEG and PNG at each tenth, the others at half and near the end."""
    photo = cat()
    files: _Files = {}
    for suffix, kind in {"jpg": "JPEG", "png": "PNG"}.items():
        content = encoded(photo, kind)
        for tenth in range(1, 10):
            files[f"cut at {tenth} tenths.{suffix}"] = (content[: len(content) * tenth // 10], FailureKind.DAMAGED)
    for suffix, kind in {
        "webp": "WEBP",
        "gif": "GIF",
        "tif": "TIFF",
        "bmp": "BMP",
        "avif": "AVIF",
        "heic": "HEIF",
    }.items():
        content = encoded(photo, kind)
        for tenth in (5, 9):
            files[f"cut at {tenth} tenths.{suffix}"] = (content[: len(content) * tenth // 10], FailureKind.DAMAGED)
    progressive = encoded(photo, "JPEG", progressive=True)
    files["progressive, cut at half.jpg"] = (progressive[: len(progressive) // 2], FailureKind.DAMAGED)
    return files


def _misnamed() -> _Files:
    """Return files whose content does not match their names."""
    photo = cat()
    return {
        "empty.jpg": (b"", FailureKind.EMPTY),
        "text.jpg": (b"This is a shopping list: milk, bread, eggs.\n", FailureKind.NOT_A_PICTURE),
        "page.png": (b"<!DOCTYPE html><html><body>404 not found</body></html>", FailureKind.NOT_A_PICTURE),
        "drawing.png": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', FailureKind.NOT_A_PICTURE),
        "document.jpg": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", FailureKind.NOT_A_PICTURE),
        "archive.jpg": (b"PK\x03\x04\x14\0\0\0\x08\0", FailureKind.NOT_A_PICTURE),
        "film.heic": (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(64), FailureKind.NOT_A_PICTURE),
        "zeros.jpg": (bytes(4096), FailureKind.NOT_A_PICTURE),
        "noise.jpg": (np.random.default_rng(7).bytes(4096), FailureKind.NOT_A_PICTURE),
        "really a png.jpg": (encoded(photo, "PNG"), None),
        "really a jpeg.heic": (encoded(photo, "JPEG"), None),
        "really a tiff.webp": (encoded(photo, "TIFF"), None),
        "really a jpeg.dng": (encoded(photo, "JPEG"), None),
        "shouting.JPG": (encoded(photo, "JPEG"), None),
    }


def _bombs() -> _Files:
    """Return small files that would fill memory if decoded."""
    zeros = bytes(1_000_000)
    huge_gif = b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + b"\x80\0\0" + bytes(6) + b"\x2c" + bytes(4)
    huge_gif += struct.pack("<HH", 65_535, 65_535) + b"\0\x02\x02\x4c\x01\0\x3b"
    bitmap = (
        b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 50_000, 50_000, 1, 24, *[0] * 6)
    )
    sides = [(256, 4, long(50_000)), (257, 4, long(50_000)), (258, 3, b"\x08\0"), (262, 3, b"\1\0")]
    offsets = [(273, 4, long(8)), (278, 4, long(50_000)), (279, 4, long(64))]
    tiff = b"II*\0" + long(8) + tiff_block([*sides, *offsets], at=8)
    # ISO/IEC 18181-1, SizeHeader, from the least significant bit: not small, height by 30 bits, ratio 1:1
    jxl = b"\xff\x0a" + (0 | 3 << 1 | 49_999 << 3 | 1 << 33).to_bytes(6, "little") + bytes(32)
    text = b"Comment\0\1\0\0\0" + zlib.compress(zeros * 200, 9)
    profile = b"Profile\0\0" + zlib.compress(zeros * 200, 9)
    return {
        "50,000 x 50,000.png": (png_bomb(50_000, 50_000), FailureKind.TOO_LARGE),
        "2 billion x 2 billion.png": (png_bomb(2**31 - 1, 2**31 - 1), FailureKind.TOO_LARGE),
        "65,535 x 65,535.gif": (huge_gif, FailureKind.TOO_LARGE),
        "50,000 x 50,000.bmp": (bitmap + bytes(64), FailureKind.TOO_LARGE),
        "50,000 x 50,000.tif": (tiff, FailureKind.TOO_LARGE),
        "50,000 x 50,000.jxl": (jxl, FailureKind.TOO_LARGE),
        "unpacks to more than it declares.png": (png_bomb(64, 64, pixels=zeros * 100), None),
        "text that unpacks to 200 MB.png": (png_with_chunk(quadrants(), b"iTXt", text), None),
        "profile that unpacks to 200 MB.png": (png_with_chunk(quadrants(), b"iCCP", profile), None),
    }


def _damaged() -> _Files:
    """Return files with damaged content or metadata."""
    photo = cat()
    jpeg, png = encoded(photo, "JPEG"), bytearray(encoded(photo, "PNG"))
    png[len(png) // 2] ^= 0xFF
    rows = struct.pack("<H", 2000) + struct.pack("<HHII", 256, 4, 0xFFFFFFFF, 0xFFFFFFF0) * 2000
    invalid_exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 200
    return {
        "one byte wrong.png": (bytes(png), FailureKind.DAMAGED),
        "only its first bytes.jpg": (b"\xff\xd8\xff\xe0", FailureKind.DAMAGED),
        "only its first bytes.png": (b"\x89PNG\r\n\x1a\n", FailureKind.DAMAGED),
        "no frames.gif": (b"GIF89a\x10\0\x10\0\0\0\0\x3b", FailureKind.DAMAGED),
        "no size.png": (png_bomb(0, 0), FailureKind.DAMAGED),
        "tags of four billion values.tif": (b"II*\0\x08\0\0\0" + rows + bytes(4), FailureKind.DAMAGED),
        "tags that point to themselves.tif": (b"II*\0\x08\0\0\0\0\0\x08\0\0\0", FailureKind.DAMAGED),
        "nonsense for exif.jpg": (_with_app1(jpeg, invalid_exif), None),
        "orientation 99.jpg": (encoded(photo, "JPEG", exif=exif_block(orientation=99)), None),
        "exif of 64 KB of noise.jpg": (_with_app1(jpeg, b"Exif\0\0" + np.random.default_rng(8).bytes(65_000)), None),
        "something behind the end.jpg": (jpeg + bytes(1000), None),
    }


def _with_app1(jpeg: bytes, body: bytes) -> bytes:
    """Return a JPEG with an additional APP1 segment at its beginning."""
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def _unusual_names(folder: Path) -> list[Expectation]:
    """Write readable photos with names that break careless printing, except those that the system does not allow."""
    photo = encoded(quadrants(), "JPEG")
    names = [
        b"two\nlines.jpg",
        "smile \U0001f600.jpg".encode(),
        b"not utf-8 \xff\xfe.jpg",
        b"-rf.jpg",
        b"tab\tand bell\x07.jpg",
    ]
    names += [
        "e\u0301 in two signs.jpg".encode(),
        b" spaces around .jpg",
        b"'quotes\".jpg",
        b"%s%n.jpg",
        b"x" * 250 + b".jpg",
    ]
    expectations = []
    for name in names:
        path = folder / os.fsdecode(name)
        try:
            path.write_bytes(photo)
        except OSError:
            continue
        expectations.append(Expectation(path=path, failure=None))
    return expectations


def _unreadable(folder: Path) -> list[Expectation]:
    """Create folders, links, pipes and unreadable files with a photo's name."""
    (folder / "folder.jpg").mkdir()
    locked = folder / "no permission.jpg"
    locked.write_bytes(encoded(quadrants(), "JPEG"))
    locked.chmod(0)
    is_readable = os.access(locked, os.R_OK)  # root can read everything
    (folder / "dangling link.jpg").symlink_to("nowhere.jpg")
    (folder / "loop one.jpg").symlink_to("loop two.jpg")
    (folder / "loop two.jpg").symlink_to("loop one.jpg")
    (folder / "device.jpg").symlink_to(os.devnull)
    (folder / "the folder again").symlink_to(".", target_is_directory=True)
    os.mkfifo(folder / "pipe.jpg")
    folders = ("folder.jpg", "the folder again")
    unreadable = ("dangling link.jpg", "loop one.jpg", "loop two.jpg", "device.jpg", "pipe.jpg")
    return [
        Expectation(path=locked, failure=None if is_readable else FailureKind.UNREADABLE),
        *(Expectation(path=folder / name, failure=FailureKind.UNREADABLE, walked=False) for name in folders),
        *(Expectation(path=folder / name, failure=FailureKind.UNREADABLE) for name in unreadable),
    ]
