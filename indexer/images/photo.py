"""Reading a picture from a file or bytes: upright RGB, or as an encoder reads it, with its metadata."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.images.color import apply_orientation, orient_box, to_rgb
from indexer.images.decode_errors import as_picture_error
from indexer.images.decoded_picture import DecodedPicture
from indexer.images.decoders import check_pixels, decode
from indexer.images.file_reader import File, FileOrBytes, Limits, check_bytes, read_file
from indexer.images.formats import identify
from indexer.images.metadata.block import MetadataBlock
from indexer.images.metadata.photo_metadata import PhotoMetadata, read_picture_metadata
from indexer.images.metadata.sidecars import UnreadSidecar, add_sidecars
from indexer.images.preprocess import prepare
from indexer.types import Pixels, Preprocess

DEFAULT_LIMITS = Limits()

Keep = Literal["original", "preview", "nothing"]
"""What a library stores of a picture that is added to it."""

PREVIEW_SIDE = 640
"""Pixels of the longer side of a preview: more than any encoder reads."""

_PREVIEW_QUALITY = 85
"""Of JPEG: about 60 kB."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo, ready for an encoder.

    Attributes:
        pixels: Shape (size, size, 3), uint8, RGB.
        metadata: From the file and its sidecars.
        content_hash: SHA-256 of the file's bytes, 32 bytes.
        unread_sidecars: Sidecars that could not be read, and why.
        size: Bytes of the file.
        stored: The bytes to keep of it: all, or those of a preview; None for nothing.
    """

    pixels: NDArray[np.uint8]
    metadata: PhotoMetadata
    content_hash: bytes
    unread_sidecars: tuple[UnreadSidecar, ...] = ()
    size: int = 0
    stored: bytes | None = None


def read_photo(
    source: FileOrBytes,
    *,
    preprocess: Preprocess,
    limits: Limits = DEFAULT_LIMITS,
    sidecars: Sequence[File] = (),
    keep: Keep = "nothing",
) -> Photo:
    """Return a photo's pixels, metadata and hash; its file is read once.

    Args:
        source: A regular file, anything else is refused at once; or its content.
        preprocess: The encoder's settings.
        limits: A larger picture is refused before it is read or decoded.
        sidecars: The files next to the photo that hold its metadata.
        keep: What `Photo.stored` is.

    Raises:
        PictureError: The picture cannot be read; the message is one line without the path.
    """
    data, name = _content(source, limits=limits)
    pixels, decoded = _read_prepared(data, name=name, preprocess=preprocess, limits=limits)
    block, unread_sidecars = add_sidecars(decoded.metadata, sidecars)
    return Photo(
        pixels=pixels,
        metadata=_metadata(decoded, block),
        content_hash=hashlib.sha256(data).digest(),
        unread_sidecars=unread_sidecars,
        size=len(data),
        stored=_stored(data, name, keep=keep, limits=limits),
    )


def photo_of_picture(
    picture: Image.Image, *, preprocess: Preprocess, limits: Limits = DEFAULT_LIMITS, keep: Keep = "nothing"
) -> Photo:
    """Return an open Pillow picture as a photo; its hash is that of its upright pixels, and its original a PNG.

    Args:
        picture: The picture of an app, decoded in this process if it is not yet.
        preprocess: The encoder's settings.
        limits: A larger picture is refused before it is decoded.
        keep: What `Photo.stored` is.

    Raises:
        PictureError: The picture cannot be read; the message is one line.
    """
    upright, metadata = open_picture(picture, limits=limits)
    pixels = upright.tobytes()
    stored = None
    if keep != "nothing":  # a copy: the picture may be the app's own object
        stored = _preview(upright.copy()) if keep == "preview" else _as_png(upright)
    return Photo(
        pixels=prepare(upright, preprocess),
        metadata=metadata,
        content_hash=hashlib.sha256(f"{upright.width} {upright.height} ".encode() + pixels).digest(),
        size=len(pixels),
        stored=stored,
    )


def reduced_jpeg(picture: Image.Image, *, side: int, quality: int) -> bytes:
    """Return an upright RGB picture, which is changed, as a JPEG without metadata of at most `side` pixels a side."""
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    picture.info = {}  # Pillow would write its comment and color profile
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=quality)
    return content.getvalue()


def _preview(picture: Image.Image) -> bytes:
    """Return the preview of an upright RGB picture, which is changed."""
    return reduced_jpeg(picture, side=PREVIEW_SIDE, quality=_PREVIEW_QUALITY)


def _as_png(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, "PNG", compress_level=1)
    return content.getvalue()


def read_pixels(
    source: FileOrBytes | Image.Image, *, preprocess: Preprocess, limits: Limits = DEFAULT_LIMITS
) -> Pixels:
    """Return a picture as an encoder reads it, shape (size, size, 3); of a file, the pixels of `read_photo`.

    Args:
        source: A file, its content, or an open Pillow picture.
        preprocess: The encoder's settings.
        limits: A larger picture is refused before it is read or decoded.

    Raises:
        PictureError: The picture cannot be read; the message is one line without the path.
    """
    if isinstance(source, Image.Image):
        return prepare(open_picture(source, limits=limits)[0], preprocess)
    return _read_prepared(*_content(source, limits=limits), preprocess=preprocess, limits=limits)[0]


def open_picture(
    source: FileOrBytes | Image.Image, *, limits: Limits = DEFAULT_LIMITS
) -> tuple[Image.Image, PhotoMetadata]:
    """Return an upright RGB picture at full size, and its metadata.

    Args:
        source: A file, its content, or an open Pillow picture.
        limits: A larger picture is refused before it is read or decoded.

    Raises:
        PictureError: The picture cannot be read; the message is one line without the path.
    """
    if isinstance(source, Image.Image):
        with as_picture_error("open picture", 0):
            return _read_open_picture(source, limits=limits)
    data, name = _content(source, limits=limits)
    picture_format = identify(data, name=name)
    with as_picture_error(picture_format, len(data)):
        decoded = decode(data, picture_format=picture_format, limits=limits, min_side=None)
        return apply_orientation(to_rgb(decoded.picture), decoded.orientation), _metadata(decoded, decoded.metadata)


def open_reduced(source: FileOrBytes, *, min_side: int, limits: Limits = DEFAULT_LIMITS) -> Image.Image:
    """Return an upright RGB picture; a JPEG is decoded at reduced size, at least `min_side` pixels on the shorter side.

    Raises:
        PictureError: The picture cannot be read; the message is one line without the path.
    """
    data, name = _content(source, limits=limits)
    return _reduced(data, name, min_side=min_side, limits=limits)


def _reduced(data: bytes, name: str, *, min_side: int, limits: Limits) -> Image.Image:
    picture_format = identify(data, name=name)
    with as_picture_error(picture_format, len(data)):
        decoded = decode(data, picture_format=picture_format, limits=limits, min_side=min_side)
        return apply_orientation(to_rgb(decoded.picture), decoded.orientation).copy()


def _stored(data: bytes, name: str, *, keep: Keep, limits: Limits) -> bytes | None:
    """Return what is kept of a picture's file."""
    if keep == "preview":
        return _preview(_reduced(data, name, min_side=PREVIEW_SIDE, limits=limits))
    return data if keep == "original" else None


def _content(source: FileOrBytes, *, limits: Limits) -> tuple[bytes, str]:
    """Return the content of a file and the file's name, "" for bytes."""
    if isinstance(source, bytes):
        check_bytes(len(source), limits=limits)
        return source, ""
    return read_file(source, limits=limits), source.name


def _read_open_picture(picture: Image.Image, *, limits: Limits) -> tuple[Image.Image, PhotoMetadata]:
    """Return the upright RGB picture and the metadata of an open Pillow picture, which is not changed."""
    check_pixels(picture.width, picture.height, limits=limits)
    picture.load()
    orientation, metadata = read_picture_metadata(picture)
    box = (0.0, 0.0, *picture.size)
    decoded = DecodedPicture(picture, picture.format or "", *picture.size, orientation, metadata, box)
    return apply_orientation(to_rgb(picture), orientation), _metadata(decoded, decoded.metadata)


def _read_prepared(data: bytes, name: str, *, preprocess: Preprocess, limits: Limits) -> tuple[Pixels, DecodedPicture]:
    """Return a picture as an encoder reads it, and as it was decoded; a JPEG may be decoded at reduced size."""
    picture_format = identify(data, name=name)
    with as_picture_error(picture_format, len(data)):
        decoded = decode(data, picture_format=picture_format, limits=limits, min_side=preprocess.size)
        orientation = decoded.orientation
        box = orient_box(decoded.box, decoded.picture.size, orientation)
        pixels = prepare(apply_orientation(to_rgb(decoded.picture), orientation), preprocess, box=box)
    return pixels, decoded


def _metadata(decoded: DecodedPicture, block: MetadataBlock) -> PhotoMetadata:
    width, height = decoded.width, decoded.height
    if decoded.orientation >= 5:  # rotated by 90 or 270 degrees
        width, height = height, width
    return PhotoMetadata.from_block(block, format=str(decoded.format), width=width, height=height)
