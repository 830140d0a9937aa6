"""A decoded picture, as the decoders return it."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from indexer.images.color import Box
from indexer.images.metadata.block import MetadataBlock


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A picture as it is stored, neither upright nor RGB.

    Attributes:
        picture: Its pixels are loaded. Smaller than `width` and `height` if it was decoded at reduced size.
        format: The format of the content, whatever the file's name.
        width: Stored width at full size, in pixels.
        height: Stored height at full size, in pixels.
        orientation: EXIF orientation, 1 to 8; 1 is upright.
        metadata: From EXIF, XMP and IPTC.
        box: The part of `picture` without padding: an eighth of 3,003 pixels is 375.375, and the rest of the last
            pixel is padding.
    """

    picture: Image.Image
    format: str
    width: int
    height: int
    orientation: int
    metadata: MetadataBlock
    box: Box
