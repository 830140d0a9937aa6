"""Reads pictures and their metadata from untrusted files; the functions below are its interface.

    read_photo(source)      path or bytes -> Photo: pixels for the encoder, metadata, content hash
    photo_of_picture(open)  open Pillow picture -> Photo
    read_pixels(source)     path or bytes -> pixels for the encoder
    open_picture(source)    path or bytes -> upright RGB picture and metadata
    prepare(picture)        picture -> pixels for the encoder
    date_in_name(name)      a file's name -> the date in it

Sizes are checked before anything is decoded, only the decoder of the content's format runs, and every failure is a
PictureError. `workers.DecodePool` does the same in processes of its own, so that a crash or a hang fails one item.
"""

from __future__ import annotations

from indexer.images.file_reader import Limits
from indexer.images.formats import PHOTO_SUFFIXES, RAW_SUFFIXES, is_photo_name
from indexer.images.metadata.file_names import date_in_name
from indexer.images.metadata.photo_metadata import PhotoMetadata
from indexer.images.photo import Keep, Photo, open_picture, photo_of_picture, read_photo, read_pixels
from indexer.images.preprocess import prepare

__all__ = [
    "PHOTO_SUFFIXES",
    "RAW_SUFFIXES",
    "Keep",
    "Limits",
    "Photo",
    "PhotoMetadata",
    "date_in_name",
    "is_photo_name",
    "open_picture",
    "photo_of_picture",
    "prepare",
    "read_photo",
    "read_pixels",
]
