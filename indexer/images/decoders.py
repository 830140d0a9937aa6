"""Decoding of bytes of a known format to a Pillow picture."""

from __future__ import annotations

import importlib
import math
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageFile

from indexer.errors import FailureKind, PictureError
from indexer.images.decoded_picture import DecodedPicture
from indexer.images.file_reader import Limits
from indexer.images.formats import PictureFormat, sniff
from indexer.images.gray import deep_gray_to_8_bits, is_deep_gray
from indexer.images.metadata import gif, jxl
from indexer.images.metadata.block import MetadataBlock
from indexer.images.metadata.photo_metadata import read_picture_metadata, read_tiff_metadata
from indexer.images.repair import decode_repaired
from indexer.images.repair.bmp_fields import with_file_header
from indexer.images.repair.heif_items import with_readable_names
from indexer.images.repair.jpeg_end import without_extra_scans
from indexer.images.repair.tiff_tags import read_tags
from indexer.images.supported import check_supported

_PLUGINS = {
    PictureFormat.JPEG: ("PIL.JpegImagePlugin", "JpegImageFile"),
    PictureFormat.PNG: ("PIL.PngImagePlugin", "PngImageFile"),
    PictureFormat.WEBP: ("PIL.WebPImagePlugin", "WebPImageFile"),
    PictureFormat.GIF: ("PIL.GifImagePlugin", "GifImageFile"),
    PictureFormat.TIFF: ("PIL.TiffImagePlugin", "TiffImageFile"),
    PictureFormat.BMP: ("PIL.BmpImagePlugin", "BmpImageFile"),
    PictureFormat.AVIF: ("PIL.AvifImagePlugin", "AvifImageFile"),
    PictureFormat.HEIF: ("pi_heif", "HeifImageFile"),
    PictureFormat.JXL: ("pillow_jxl.JpegXLImagePlugin", "JXLImageFile"),
}
"""The module and class that read each format. They are called directly: `Image.open` would try forty formats, some of
which start other programs, and would check the size against a limit that is global to the process."""

_INSTALL = {PictureFormat.JXL: "recall-photos[jxl]", PictureFormat.RAW: "recall-photos[raw]"}

_RAW_FLIPS = {3: 3, 5: 8, 6: 6}
"""LibRaw's `sizes.flip` to EXIF orientation: rotated by 180, 90 and 270 degrees."""

_XMP_FINDERS = {PictureFormat.GIF: gif.find_xmp, PictureFormat.JXL: jxl.find_xmp}
"""How to find the XMP of formats whose reader does not."""
_PREPARATIONS = {
    PictureFormat.JPEG: without_extra_scans,
    PictureFormat.HEIF: with_readable_names,
    PictureFormat.BMP: with_file_header,
}
"""What files need before they are opened: hostile ones would hold or end the process, a DIB has no file header."""

_NATIVE_ORDER = {"I;16BS": "I;16NS", "I;32BS": "I;32NS", "F;32BF": "F;32NF"}
"""Pillow's names of gray numbers in a big-endian file, and the same in this machine's byte order."""

_MIN_REDUCED_RATIO = 1.6
"""The sides of a JPEG decoded at reduced size are at least this many times the encoder's. A photo of 12 megapixels at
an eighth is 500 x 375, 1.67 times 224. With the compact encoder, its embedding has a cosine of at least .997 to that of
the full picture; measured over 20 photos of 12 megapixels and of sizes that are not multiples of 8."""


def decode(data: bytes, *, picture_format: PictureFormat, limits: Limits, min_side: int | None) -> DecodedPicture:
    """Return the decoded picture.

    Args:
        data: The whole file.
        picture_format: Its format, from `identify`.
        limits: A picture that declares more pixels is refused before it is decoded.
        min_side: The encoder's side in pixels. A JPEG may then be decoded at a half, quarter or eighth of its size,
            if both sides keep at least 1.6 times this many pixels: 12 megapixels take 24 ms instead of 127, `prepare`
            included. None decodes at full size.

    Raises:
        PictureError: The picture is too large or of an unsupported kind.
        Exception: Any exception of a decoder; `as_picture_error` translates it.
    """
    if picture_format is PictureFormat.RAW:
        return _decode_raw(data, limits=limits, min_side=min_side)
    return _decode_or_repair(data, picture_format=picture_format, limits=limits, min_side=min_side)


def check_pixels(width: int, height: int, *, limits: Limits) -> None:
    """Check a picture's declared size.

    Raises:
        PictureError: It has more pixels than `limits` allows.
    """
    if width * height > limits.max_pixels:
        limit = f"{limits.max_pixels / 1e6:,.6g} million"
        message = f"{width:,} x {height:,} pixels are over the limit of {limit}; raise it with --max-pixels"
        raise PictureError(FailureKind.TOO_LARGE, message)


def _decode_or_repair(
    data: bytes, *, picture_format: PictureFormat, limits: Limits, min_side: int | None
) -> DecodedPicture:
    """Return a picture of any format but RAW, also of a file that has every pixel but a flaw elsewhere."""

    def decode_content(content: bytes, side: int | None) -> DecodedPicture:
        return _decode_with_pillow(content, picture_format=picture_format, limits=limits, min_side=side)

    try:
        decoded = decode_content(data, min_side)
    except (PictureError, MemoryError):
        raise
    except Exception:  # any exception of a decoder
        repaired = decode_repaired(data, picture_format, decode_content, min_side=min_side)
        if repaired is None:
            check_supported(data, picture_format)
            raise
        decoded = repaired
    return _tiff_to_8_bits(decoded, data) if picture_format is PictureFormat.TIFF else decoded


def _tiff_to_8_bits(decoded: DecodedPicture, data: bytes) -> DecodedPicture:
    """Return a TIFF's picture with gray of more than 8 bits as the file's tags define it."""
    tags = read_tags(data) if is_deep_gray(decoded.picture) else None
    if tags is None:
        return decoded
    gray = deep_gray_to_8_bits(
        decoded.picture, bits=tags.bits, is_unsigned=tags.is_unsigned, is_white_zero=tags.is_white_zero
    )
    return replace(decoded, picture=gray)


def _decode_with_pillow(
    data: bytes, *, picture_format: PictureFormat, limits: Limits, min_side: int | None
) -> DecodedPicture:
    """Return a picture of any format but RAW; the first frame of an animation."""
    is_jxl = picture_format is PictureFormat.JXL
    declared = jxl.declared_size(data) if is_jxl else None
    if declared:
        check_pixels(*declared, limits=limits)
    prepare = _PREPARATIONS.get(picture_format)
    picture = _open(prepare(data) if prepare else data, picture_format)
    width, height = picture.size
    check_pixels(width, height, limits=limits)
    draft = None
    if picture_format is PictureFormat.JPEG:
        picture.decodermaxblock = len(data)  # an arithmetic decoder cannot wait for more
        if min_side is not None:
            side = math.ceil(_MIN_REDUCED_RATIO * min_side)
            draft = picture.draft(None, (side, side))
    if picture_format is PictureFormat.TIFF:
        picture.tile = [_in_native_order(tile) for tile in picture.tile]
    if picture_format is PictureFormat.PNG:  # its EXIF may follow the pixels
        picture.load()
    find_xmp = _XMP_FINDERS.get(picture_format)
    orientation, metadata = read_picture_metadata(picture, xmp=find_xmp(data) if find_xmp else None)
    picture.load()  # closes a TIFF's file, so its EXIF must be read before
    box = draft[1] if draft else (0.0, 0.0, *picture.size)
    if picture_format is PictureFormat.TIFF:  # Pillow has already rotated it
        orientation = 1
        width, height = picture.size
    return DecodedPicture(picture, picture_format, width, height, orientation, metadata, box)


def _in_native_order(tile: ImageFile._Tile) -> ImageFile._Tile:
    """Return how to decode a part of a TIFF, in the byte order that libtiff gives; Pillow assumes the file's."""
    if tile.codec_name != "libtiff" or not isinstance(tile.args, tuple):
        return tile
    raw_mode, *others = tile.args
    return tile._replace(args=(_NATIVE_ORDER.get(raw_mode, raw_mode), *others))


def _open(data: bytes, picture_format: PictureFormat) -> ImageFile.ImageFile:
    """Return a Pillow picture whose header has been read."""
    module, name = _PLUGINS[picture_format]
    try:
        reader = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise _not_installed(picture_format) from error
    picture: ImageFile.ImageFile = reader(BytesIO(data), "")
    return picture


def _decode_raw(data: bytes, *, limits: Limits, min_side: int | None) -> DecodedPicture:
    """Return the preview that the camera embedded into a RAW file."""
    try:
        import rawpy  # late: an optional package
    except ImportError as error:
        raise _not_installed(PictureFormat.RAW) from error
    try:
        with rawpy.imread(BytesIO(data)) as raw:
            preview, sizes = raw.extract_thumb(), raw.sizes
    except rawpy.LibRawFileUnsupportedError:
        if sniff(data) is PictureFormat.TIFF:  # an ordinary TIFF whose name ends like a RAW file's
            return _decode_or_repair(data, picture_format=PictureFormat.TIFF, limits=limits, min_side=min_side)
        raise
    if isinstance(preview.data, bytes):
        decoded = _decode_or_repair(preview.data, picture_format=PictureFormat.JPEG, limits=limits, min_side=min_side)
    else:
        check_pixels(sizes.width, sizes.height, limits=limits)
        picture = Image.fromarray(np.asarray(preview.data, dtype=np.uint8))
        box = (0.0, 0.0, *picture.size)
        decoded = DecodedPicture(picture, PictureFormat.RAW, sizes.width, sizes.height, 1, MetadataBlock(), box)
    return _with_raw_sizes(decoded, sizes, read_tiff_metadata(data))


def _with_raw_sizes(preview: DecodedPicture, sizes: Any, metadata: MetadataBlock) -> DecodedPicture:
    """Return a RAW file's preview with the size and orientation of the sensor's picture.

    Args:
        preview: As decoded.
        sizes: Of rawpy.
        metadata: From the RAW file's own tags.
    """
    picture, orientation, (width, height) = preview.picture, preview.orientation, (sizes.width, sizes.height)
    if (picture.width >= picture.height) != (width >= height):  # the camera has already rotated the preview
        orientation, (width, height) = 1, (height, width)
    elif orientation == 1:
        orientation = _RAW_FLIPS.get(sizes.flip, 1)
    return replace(
        preview,
        format=PictureFormat.RAW,
        width=width,
        height=height,
        orientation=orientation,
        metadata=preview.metadata.or_else(metadata),
    )


def _not_installed(picture_format: PictureFormat) -> PictureError:
    """Return the error for a format whose decoder is not installed."""
    package = _INSTALL.get(picture_format, "pi-heif")
    message = f"{picture_format} needs a package that is not installed; run: pip install '{package}'"
    return PictureError(FailureKind.UNSUPPORTED, message)
