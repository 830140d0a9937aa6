"""Bytes of a known format to a Pillow picture, by the one decoder that fits."""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np
from PIL import Image, ImageFile

from indexer.errors import FailureKind, PictureError
from indexer.images.color import Box
from indexer.images.file_reader import Limits
from indexer.images.formats import PictureFormat, sniff
from indexer.images.metadata.block import MetadataBlock
from indexer.images.metadata.jxl import declared_size, find_xmp
from indexer.images.metadata.photo_metadata import read_picture_metadata, read_tiff_metadata

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
"""Format to the module and class that read it. They are called directly: `Image.open` would try forty formats, some of
which start other programs, and would judge the size by a limit that is global to the process."""

_INSTALL = {PictureFormat.JXL: "recall-photos[jxl]", PictureFormat.RAW: "recall-photos[raw]"}

_RAW_FLIPS = {3: 3, 5: 8, 6: 6}
"""LibRaw's `sizes.flip` to EXIF orientation: half a turn, a quarter to the left, a quarter to the right."""


_REDUCED = 1.6
"""The sides of a reduced JPEG are at least so many times the encoder's. 12 million pixels, in an eighth 500 x 375, are
1.67 times 224, which with the compact encoder gives a cosine of at least .997 to the whole picture; measured over 20
photos of 12 million pixels and of sizes that do not divide by 8."""


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A loaded picture as it is stored, neither upright nor RGB.

    Attributes:
        picture: Loaded; smaller than `width` and `height` where a reduced one was asked for.
        format: What the content really is.
        width: Pixels across as stored, at full size.
        height: Pixels down as stored, at full size.
        orientation: 1 to 8 as in the EXIF standard; 1 is upright.
        said: What its EXIF, XMP and IPTC say.
        box: The part of the picture, left, top, right, bottom, that is really there: an eighth of 3,003 pixels is
            375.375, and the rest of the last one is padding.
    """

    picture: Image.Image
    format: str
    width: int
    height: int
    orientation: int
    said: MetadataBlock
    box: Box


def decode(data: bytes, *, found: PictureFormat, limits: Limits, at_least: int | None) -> DecodedPicture:
    """Return the picture that the bytes hold, decoded to the end.

    Args:
        data: The whole file.
        found: Its format, from `identify`.
        limits: The picture is refused before decoding where it declares more pixels.
        at_least: The encoder's side. Where given, a JPEG may be decoded at a half, quarter or eighth of its size, as
            long as both sides keep 1.6 times this many pixels; 12 million pixels then take 24 ms instead of 127,
            their square included.

    Raises:
        PictureError: TOO_LARGE or UNSUPPORTED.
        Exception: Anything else that a decoder may think of; `one_error` gives it our name.
    """
    if found is PictureFormat.RAW:
        return _decode_raw(data, limits=limits, at_least=at_least)
    return _decode_plain(data, found=found, limits=limits, at_least=at_least)


def check_pixels(width: int, height: int, *, limits: Limits) -> None:
    """Refuse a picture that declares too many pixels.

    Raises:
        PictureError: TOO_LARGE.
    """
    if width * height > limits.max_pixels:
        limit = f"{limits.max_pixels / 1e6:,.6g} million"
        message = f"{width:,} x {height:,} pixels are over the limit of {limit}; raise it with --max-pixels"
        raise PictureError(FailureKind.TOO_LARGE, message)


def _decode_plain(data: bytes, *, found: PictureFormat, limits: Limits, at_least: int | None) -> DecodedPicture:
    """Return the picture of any format but RAW; of an animated one the first frame."""
    declared = declared_size(data) if found is PictureFormat.JXL else None
    if declared:
        check_pixels(*declared, limits=limits)
    picture = _open(data, found)
    width, height = picture.size
    check_pixels(width, height, limits=limits)
    draft = None
    if at_least is not None and found is PictureFormat.JPEG:
        side = math.ceil(_REDUCED * at_least)
        draft = picture.draft(None, (side, side))
    if found is PictureFormat.PNG:  # the block may stand behind the pixels
        picture.load()
    orientation, said = read_picture_metadata(picture, xmp=find_xmp(data) if found is PictureFormat.JXL else None)
    picture.load()  # a TIFF forgets its file here, so its EXIF had to be read before
    if found is PictureFormat.TIFF:  # Pillow has turned it already
        orientation = 1
        width, height = picture.size
    box = draft[1] if draft else (0.0, 0.0, *picture.size)
    return DecodedPicture(
        picture=picture, format=found, width=width, height=height, orientation=orientation, said=said, box=box
    )


def _open(data: bytes, found: PictureFormat) -> ImageFile.ImageFile:
    """Return a Pillow picture that has read its header."""
    module, name = _PLUGINS[found]
    try:
        reader = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise _not_installed(found) from error
    picture: ImageFile.ImageFile = reader(BytesIO(data), "")
    return picture


def _decode_raw(data: bytes, *, limits: Limits, at_least: int | None) -> DecodedPicture:
    """Return the preview that a camera put into its RAW file, as its own processing made it."""
    try:
        import rawpy  # an optional package
    except ImportError as error:
        raise _not_installed(PictureFormat.RAW) from error
    try:
        with rawpy.imread(BytesIO(data)) as raw:
            preview, sizes = raw.extract_thumb(), raw.sizes
    except rawpy.LibRawFileUnsupportedError:
        if sniff(data) is PictureFormat.TIFF:  # an ordinary TIFF under the name of a RAW file
            return _decode_plain(data, found=PictureFormat.TIFF, limits=limits, at_least=at_least)
        raise
    if isinstance(preview.data, bytes):
        shown = _decode_plain(preview.data, found=PictureFormat.JPEG, limits=limits, at_least=at_least)
    else:
        check_pixels(sizes.width, sizes.height, limits=limits)
        picture = Image.fromarray(np.asarray(preview.data, dtype=np.uint8))
        box = (0.0, 0.0, *picture.size)
        shown = DecodedPicture(picture, PictureFormat.RAW, sizes.width, sizes.height, 1, MetadataBlock(), box)
    picture, orientation, (width, height) = shown.picture, shown.orientation, (sizes.width, sizes.height)
    if (picture.width >= picture.height) != (width >= height):  # the camera has turned the preview already
        orientation, (width, height) = 1, (height, width)
    elif orientation == 1:
        orientation = _RAW_FLIPS.get(sizes.flip, 1)
    said = shown.said.or_else(read_tiff_metadata(data))
    return replace(shown, format=PictureFormat.RAW, width=width, height=height, orientation=orientation, said=said)


def _not_installed(found: PictureFormat) -> PictureError:
    """Return the error for a format whose decoder is an optional package."""
    what = _INSTALL.get(found, "pi-heif")
    return PictureError(FailureKind.UNSUPPORTED, f"{found} needs a package that is absent: pip install '{what}'")
