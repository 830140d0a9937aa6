"""Decodes files that have every pixel but a flaw elsewhere, which viewers show and decoders refuse.

    repaired.py     decode_repaired: the picture of such a file
    jpeg_end.py     JPEG without its end marker, or with needless scans
    png_chunks.py   PNG with a flawed color profile, text, EXIF or animation, or without its end
    webp_chunks.py  WebP with flawed metadata
    tiff_tags.py    TIFF with flawed tags, or of a kind that Pillow reads only under another name
    bmp_fields.py   BMP of kinds that Pillow does not read
    heif_items.py   HEIF with item names that end the process

`decode_repaired` is called when a decoder has refused a file. What a file needs before is called by `decoders.py`.
"""

from __future__ import annotations

from indexer.images.repair.repaired import decode_repaired

__all__ = ["decode_repaired"]
