"""Decodes files that have every pixel but a flaw elsewhere, which viewers show and decoders refuse.

repaired.py     decode_repaired: the picture of such a file
jpeg_end.py     JPEG without its end marker
png_chunks.py   PNG with a flawed color profile, text, EXIF or animation, or without its end
webp_chunks.py  WebP with flawed metadata
tiff_tags.py    TIFF with flawed tags, or of a kind that Pillow reads only under another name
"""

from __future__ import annotations

from indexer.images.repair.repaired import decode_repaired

__all__ = ["decode_repaired"]
