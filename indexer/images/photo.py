"""Path or bytes to an upright RGB picture, and to what an encoder reads."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.images.boundary import one_error
from indexer.images.colours import to_rgb, upright
from indexer.images.decoders import Decoded, check_pixels, decode
from indexer.images.files import Limits, check_bytes, read_file
from indexer.images.formats import PictureFormat, identify
from indexer.images.geometry import prepare
from indexer.images.metadata import Exif, PhotoMetadata
from indexer.types import Preprocess

DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo, ready for an encoder.

    Attributes:
        pixels: Shape (size, size, 3), uint8, RGB.
        metadata: What it says about itself.
        content_hash: SHA-256 of the file's bytes, 32 bytes.
    """

    pixels: NDArray[np.uint8]
    metadata: PhotoMetadata
    content_hash: bytes


def read_photo(path: Path, *, preprocess: Preprocess, limits: Limits = DEFAULT_LIMITS) -> Photo:
    """Return a photo file's pixels, metadata and hash; the file is read once.

    Args:
        path: A regular file; anything else is refused without waiting for it.
        preprocess: The encoder's.
        limits: What is larger is refused before it is read or decoded.

    Raises:
        PictureError: With the reason, in one line and without the path.
    """
    data = read_file(path, limits=limits)
    found = identify(data, name=path.name)
    with one_error(found, len(data)):
        picture, metadata = _open_bytes(data, found=found, limits=limits, at_least=preprocess.size)
        pixels = prepare(picture, preprocess)
    return Photo(pixels=pixels, metadata=metadata, content_hash=hashlib.sha256(data).digest())


def open_picture(
    source: Path | bytes | Image.Image, *, limits: Limits = DEFAULT_LIMITS, at_least: int | None = None
) -> tuple[Image.Image, PhotoMetadata]:
    """Return an upright RGB picture, loaded, and what it says about itself.

    Args:
        source: A file, the content of one, or a picture that Pillow has opened.
        limits: What is larger is refused before it is read or decoded.
        at_least: Where given, a JPEG may come back reduced, its sides at least twice this many pixels; the metadata
            still gives its full size. None keeps every pixel.

    Raises:
        PictureError: With the reason, in one line and without the path.
    """
    if isinstance(source, Image.Image):
        with one_error("open picture", 0):
            return _open_loaded(source, limits=limits)
    if isinstance(source, bytes):
        check_bytes(len(source), limits=limits)
        data, name = source, ""
    else:
        data, name = read_file(source, limits=limits), source.name
    found = identify(data, name=name)
    with one_error(found, len(data)):
        return _open_bytes(data, found=found, limits=limits, at_least=at_least)


def _open_loaded(picture: Image.Image, *, limits: Limits) -> tuple[Image.Image, PhotoMetadata]:
    """Return the upright RGB picture and the metadata of one that Pillow has opened; it stays as it is."""
    check_pixels(picture.width, picture.height, limits=limits)
    picture.load()
    exif = Exif.of_picture(picture)
    found = Decoded(picture, picture.format or "", picture.width, picture.height, exif)
    return upright(to_rgb(picture), exif.orientation), _metadata(found)


def _open_bytes(
    data: bytes, *, found: PictureFormat, limits: Limits, at_least: int | None
) -> tuple[Image.Image, PhotoMetadata]:
    """Return the upright RGB picture and the metadata of a file's content; raises whatever decoders do."""
    decoded = decode(data, found=found, limits=limits, at_least=at_least)
    return upright(to_rgb(decoded.picture), decoded.exif.orientation), _metadata(decoded)


def _metadata(decoded: Decoded) -> PhotoMetadata:
    exif = decoded.exif
    latitude, longitude = exif.position or (None, None)
    lying = exif.orientation >= 5  # a quarter turn, so the sides change places
    return PhotoMetadata(
        format=str(decoded.format),
        width=decoded.height if lying else decoded.width,
        height=decoded.width if lying else decoded.height,
        taken_at=exif.taken_at,
        latitude=latitude,
        longitude=longitude,
        camera=exif.camera,
    )
