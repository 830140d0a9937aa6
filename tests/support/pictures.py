"""Pictures in every format, and the parts of hostile ones."""

from __future__ import annotations

import importlib.util
import io
import struct
import zlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

QUADRANTS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))
"""Colors of `quadrants`: upper left, upper right, lower left, lower right."""

ORIENTATIONS = {
    # how to store an upright picture so that this EXIF orientation (tag 0x0112) makes it upright again
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def skimage_data() -> Path:
    """Return scikit-image's folder of photos and other files; do not write to it."""
    spec = importlib.util.find_spec("skimage")  # not imported, which takes a second
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("scikit-image is not installed: pip install 'recall-photos[demo]'")
    return Path(spec.submodule_search_locations[0]) / "data"


def cat() -> Image.Image:
    """Return a photo of a cat, 451 x 300, RGB."""
    with Image.open(skimage_data() / "chelsea.png") as picture:
        return picture.convert("RGB")


def quadrants(width: int = 64, height: int = 32) -> Image.Image:
    """Return a picture of four colors, one per quarter, which looks different in each orientation."""
    picture = Image.new("RGB", (width, height))
    for index, color in enumerate(QUADRANTS):
        left, top = (index % 2) * width // 2, (index // 2) * height // 2
        picture.paste(color, (left, top, left + width // 2, top + height // 2))
    return picture


def picture_bytes(color: str, kind: str = "PNG", size: tuple[int, int] = (30, 20)) -> bytes:
    """Return the content of a file with a picture of one colour."""
    return encoded(Image.new("RGB", size, color), kind)


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    """Return a picture as the bytes of a file; `kind` and `options` are those of Pillow's `save`."""
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    if kind == "JXL":
        import pillow_jxl  # noqa: F401
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def exif_block(
    *,
    orientation: int | None = None,
    taken_at: datetime | None = None,
    position: tuple[float, float] | None = None,
    camera: tuple[str, str] | None = None,
) -> bytes:
    """Return an EXIF block as cameras write it.

    Args:
        orientation: 1 to 8, or an invalid number.
        taken_at: DateTimeOriginal.
        position: Latitude and longitude in degrees, written to a thousandth of a second.
        camera: Make and model.
    """
    exif = Image.Exif()
    if orientation is not None:
        exif[ExifTags.Base.Orientation] = orientation
    if camera is not None:
        exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = camera
    if taken_at is not None:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken_at.strftime("%Y:%m:%d %H:%M:%S")
    if position is not None:
        latitude, longitude = position
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(
            {1: "NS"[latitude < 0], 2: _sexagesimal(latitude), 3: "EW"[longitude < 0], 4: _sexagesimal(longitude)}
        )
    return exif.tobytes()


def _sexagesimal(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    """Return the absolute value of an angle as degrees, minutes and seconds."""
    thousandths = round(abs(degrees) * 3_600_000)
    minutes, rest = divmod(thousandths, 60_000)
    return IFDRational(minutes // 60, 1), IFDRational(minutes % 60, 1), IFDRational(rest, 1000)


def oriented(picture: Image.Image, orientation: int, *, kind: str = "JPEG") -> bytes:
    """Return a file with an EXIF orientation whose stored picture becomes the given one when it is upright."""
    operation = ORIENTATIONS[orientation]
    stored = picture if operation is None else picture.transpose(operation)
    return encoded(stored, kind, exif=exif_block(orientation=orientation), quality=95)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Return a PNG chunk with length and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_header(width: int, height: int, *, depth: int = 8, color: int = 2) -> bytes:
    """Return the signature and header chunk of a PNG."""
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))


def png_bomb(width: int, height: int, *, pixels: bytes = b"") -> bytes:
    """Return a small PNG that declares a large picture."""
    return png_header(width, height) + png_chunk(b"IDAT", zlib.compress(pixels, 9)) + png_chunk(b"IEND", b"")


def png_with_chunk(picture: Image.Image, kind: bytes, body: bytes) -> bytes:
    """Return a picture as PNG with an additional chunk after its header."""
    content = encoded(picture, "PNG")
    return content[:33] + png_chunk(kind, body) + content[33:]  # 8 bytes of signature, 25 of IHDR


def tiff_block(entries: Sequence[tuple[int, int, bytes]], *, at: int) -> bytes:
    """Return a little-endian block of TIFF tags for an offset in a file.

    Args:
        entries: Tag, type (1 byte, 2 text, 3 short, 4 long, 5 and 10 rational) and the value's bytes.
        at: The block's offset in the file.
    """
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 10: 8}
    rows, values = b"", b""
    for tag, kind, raw in sorted(entries):
        offset = at + 2 + 12 * len(entries) + 4 + len(values)
        rows += struct.pack("<HHI", tag, kind, len(raw) // sizes[kind])
        rows += raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack("<I", offset)
        values += raw + b"\0" * (len(raw) % 2) if len(raw) > 4 else b""
    return struct.pack("<H", len(entries)) + rows + struct.pack("<I", 0) + values


def short(*numbers: int) -> bytes:
    """Return 16-bit numbers as a little-endian TIFF stores them."""
    return struct.pack(f"<{len(numbers)}H", *numbers)


def long(*numbers: int) -> bytes:
    """Return 32-bit numbers as a little-endian TIFF stores them."""
    return struct.pack(f"<{len(numbers)}I", *numbers)


def dng(preview: Image.Image, *, orientation: int = 1, sensor_size: tuple[int, int] | None = None) -> bytes:
    """Return a camera RAW file (DNG 1.4) with 16-bit sensor data of one value and a JPEG preview.

    Args:
        preview: The preview, RGB.
        orientation: EXIF orientation of the sensor data.
        sensor_size: Width and height, even numbers; None for the preview's size.
    """
    jpeg = encoded(preview, "JPEG", quality=95)
    jpeg += b"\0" * (len(jpeg) % 2)
    width, height = sensor_size or (preview.width // 2 * 2, preview.height // 2 * 2)
    sensor = np.full((height, width), 2000, "<u2").tobytes()
    sensor_at = 8 + len(jpeg)
    size = [(256, 4, long(width)), (257, 4, long(height)), (278, 4, long(height))]
    inner_at = sensor_at + len(sensor)
    mosaic = [(258, 3, short(16)), (259, 3, short(1)), (262, 3, short(32803)), (273, 4, long(sensor_at))]
    mosaic += [(277, 3, short(1)), (279, 4, long(len(sensor))), (33421, 3, short(2, 2)), (33422, 1, b"\0\1\1\2")]
    inner = tiff_block([(254, 4, long(0)), *size, *mosaic], at=inner_at)
    outer_at = inner_at + len(inner)
    outer_tags = [
        (258, 3, short(8, 8, 8)),
        (259, 3, short(7)),
        (262, 3, short(6)),
        (273, 4, long(8)),
        (277, 3, short(3)),
    ]
    outer_tags += [(279, 4, long(len(jpeg))), (274, 3, short(orientation)), (330, 4, long(inner_at))]
    names = [(271, 2, b"Recall\0"), (272, 2, b"Recall One\0"), (306, 2, b"2024:07:21 18:03:59\0")]
    identity = struct.pack("<18i", *(part for n in range(9) for part in (int(n % 4 == 0), 1)))
    raw = [(50706, 1, b"\1\4\0\0"), (50708, 2, b"Recall One\0"), (50721, 10, identity)]
    outer = tiff_block([(254, 4, long(1)), *size, *outer_tags, *names, *raw], at=outer_at)
    return b"II*\0" + long(outer_at) + jpeg + sensor + inner + outer
