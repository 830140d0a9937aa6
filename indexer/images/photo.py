"""Path or bytes to an upright RGB picture, and to what an encoder reads."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.images.color import apply_orientation, orient_box, to_rgb
from indexer.images.decode_errors import as_picture_error
from indexer.images.decoders import DecodedPicture, check_pixels, decode
from indexer.images.file_reader import Limits, check_bytes, read_file
from indexer.images.formats import identify
from indexer.images.metadata.block import with_sidecar
from indexer.images.metadata.photo_metadata import PhotoMetadata, read_picture_metadata
from indexer.images.metadata.xmp import read_sidecar
from indexer.images.preprocess import prepare
from indexer.types import Pixels, Preprocess

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


def read_photo(
    path: Path, *, preprocess: Preprocess, limits: Limits = DEFAULT_LIMITS, sidecar: Path | None = None
) -> Photo:
    """Return a photo file's pixels, metadata and hash; the file is read once.

    Args:
        path: A regular file; anything else is refused without waiting for it.
        sidecar: The XMP file beside it, whose word counts; one that cannot be read costs nothing.
        preprocess: The encoder's.
        limits: What is larger is refused before it is read or decoded.

    Raises:
        PictureError: With the reason, in one line and without the path.
    """
    data = read_file(path, limits=limits)
    pixels, metadata = _prepared(data, name=path.name, preprocess=preprocess, limits=limits, sidecar=sidecar)
    return Photo(pixels=pixels, metadata=metadata, content_hash=hashlib.sha256(data).digest())


def read_pixels(
    source: Path | bytes | Image.Image, *, preprocess: Preprocess, limits: Limits = DEFAULT_LIMITS
) -> Pixels:
    """Return a picture as an encoder reads it, shape (size, size, 3): of a photo file, what `read_photo` gives.

    Args:
        source: A file, the content of one, or a picture that Pillow has opened.
        preprocess: The encoder's.
        limits: What is larger is refused before it is read or decoded.

    Raises:
        PictureError: With the reason, in one line and without the path.
    """
    if isinstance(source, Image.Image):
        return prepare(open_picture(source, limits=limits)[0], preprocess)
    return _prepared(*_content(source, limits=limits), preprocess=preprocess, limits=limits)[0]


def open_picture(
    source: Path | bytes | Image.Image, *, limits: Limits = DEFAULT_LIMITS
) -> tuple[Image.Image, PhotoMetadata]:
    """Return an upright RGB picture with every pixel, loaded, and what it says about itself.

    Args:
        source: A file, the content of one, or a picture that Pillow has opened.
        limits: What is larger is refused before it is read or decoded.

    Raises:
        PictureError: With the reason, in one line and without the path.
    """
    if isinstance(source, Image.Image):
        with as_picture_error("open picture", 0):
            return _open_loaded(source, limits=limits)
    data, name = _content(source, limits=limits)
    found = identify(data, name=name)
    with as_picture_error(found, len(data)):
        decoded = decode(data, found=found, limits=limits, at_least=None)
        return apply_orientation(to_rgb(decoded.picture), decoded.orientation), _metadata(decoded)


def _content(source: Path | bytes, *, limits: Limits) -> tuple[bytes, str]:
    """Return a file's bytes and its name, "" where there is none."""
    if isinstance(source, bytes):
        check_bytes(len(source), limits=limits)
        return source, ""
    return read_file(source, limits=limits), source.name


def _open_loaded(picture: Image.Image, *, limits: Limits) -> tuple[Image.Image, PhotoMetadata]:
    """Return the upright RGB picture and the metadata of one that Pillow has opened; it stays as it is."""
    check_pixels(picture.width, picture.height, limits=limits)
    picture.load()
    orientation, said = read_picture_metadata(picture)
    size, box = picture.size, (0.0, 0.0, *picture.size)
    found = DecodedPicture(picture, picture.format or "", *size, orientation=orientation, said=said, box=box)
    return apply_orientation(to_rgb(picture), orientation), _metadata(found)


def _prepared(
    data: bytes, name: str, *, preprocess: Preprocess, limits: Limits, sidecar: Path | None = None
) -> tuple[Pixels, PhotoMetadata]:
    """Return the square and the metadata of a file's content; a JPEG is decoded no larger than the square needs."""
    found = identify(data, name=name)
    with as_picture_error(found, len(data)):
        decoded = decode(data, found=found, limits=limits, at_least=preprocess.size)
        orientation = decoded.orientation
        box = orient_box(decoded.box, decoded.picture.size, orientation)
        square = prepare(apply_orientation(to_rgb(decoded.picture), orientation), preprocess, box=box)
    return square, _metadata(decoded, sidecar)


def _metadata(decoded: DecodedPicture, sidecar: Path | None = None) -> PhotoMetadata:
    size = decoded.width, decoded.height
    lying = decoded.orientation >= 5  # a quarter turn, so the sides change places
    said = decoded.said if sidecar is None else with_sidecar(decoded.said, read_sidecar(sidecar))
    return PhotoMetadata.of(said, format=str(decoded.format), size=size[::-1] if lying else size)
