"""Path or bytes to an upright RGB picture, with size limits and metadata (EXIF, GPS, camera).

    read_photo(path)        file -> Photo: pixels for the encoder, metadata, content hash
    read_pixels(source)     path or bytes -> pixels for the encoder
    open_picture(source)    path or bytes -> upright RGB picture and metadata
    prepare(picture)        picture -> the encoder's square

Pictures are untrusted: sizes are checked before anything is decoded, only the decoder that fits the content runs, and
the one error is PictureError. A crash or a hang inside a decoder is for `indexer.images.workers` to contain.
"""

from __future__ import annotations

from indexer.images.file_reader import Limits
from indexer.images.formats import PHOTO_SUFFIXES, RAW_SUFFIXES, is_photo_name
from indexer.images.metadata.photo_metadata import PhotoMetadata
from indexer.images.photo import Photo, open_picture, read_photo, read_pixels
from indexer.images.preprocess import prepare

__all__ = [
    "PHOTO_SUFFIXES",
    "RAW_SUFFIXES",
    "Limits",
    "Photo",
    "PhotoMetadata",
    "is_photo_name",
    "open_picture",
    "prepare",
    "read_photo",
    "read_pixels",
]
