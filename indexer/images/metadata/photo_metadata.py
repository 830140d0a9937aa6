"""What a photo says about itself: size, date taken, position, camera, and what people have written into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from PIL import Image

from indexer.images.metadata.block import MetadataBlock, TakenFrom, merge_blocks
from indexer.images.metadata.exif import read_exif, read_orientation, read_tiff_tags, tag_value
from indexer.images.metadata.iptc import read_iptc
from indexer.images.metadata.xmp import read_xmp

_XMP = 700
"""The tag of a TIFF-like file that holds its XMP."""


@dataclass(frozen=True, slots=True)
class PhotoMetadata:
    """What is known of a photo beside its pixels.

    Attributes:
        format: The content's format for people, for instance "JPEG", whatever the name ends in.
        width: Pixels across, upright and at full size.
        height: Pixels down, upright and at full size.
        taken_at: When it was taken, in the camera's local time, without a zone; to the second.
        taken_from: What says so: "exif", "xmp" (also a sidecar) or "iptc"; None exactly where `taken_at` is.
        utc_offset: Minutes that `taken_at` is ahead of UTC; None where nothing says so.
        latitude: Degrees, north positive, -90 to 90; None without a position that can be true.
        longitude: Degrees, east positive, -180 to 180; None exactly where `latitude` is.
        camera: Maker and model, for instance "Canon EOS R5", at most 80 characters.
        lens: For instance "RF24-70mm F2.8 L IS USM", at most 80 characters.
        rating: Stars, 0 to 5; -1 for a rejected photo; None where nobody gave any.
        title: One line, at most 300 characters.
        description: One line, at most 5,000 characters.
        tags: Keywords, none twice whatever its capitals, at most 200 of at most 100 characters.
    """

    format: str
    width: int
    height: int
    taken_at: datetime | None = None
    taken_from: TakenFrom | None = None
    utc_offset: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    camera: str | None = None
    lens: str | None = None
    rating: int | None = None
    title: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()

    @classmethod
    def of(cls, said: MetadataBlock, *, format: str, size: tuple[int, int]) -> PhotoMetadata:
        """Return what a photo of this format and upright size says."""
        latitude, longitude = said.position or (None, None)
        return cls(
            format=format,
            width=size[0],
            height=size[1],
            taken_at=said.capture_time.taken_at if said.capture_time else None,
            taken_from=said.capture_time.taken_from if said.capture_time else None,
            utc_offset=said.capture_time.utc_offset if said.capture_time else None,
            latitude=latitude,
            longitude=longitude,
            camera=said.camera,
            lens=said.lens,
            rating=said.rating,
            title=said.title,
            description=said.description,
            tags=said.tags,
        )


def read_picture_metadata(picture: Image.Image, *, xmp: bytes | None = None) -> tuple[int, MetadataBlock]:
    """Return a picture's orientation, 1 to 8, and what its EXIF, XMP and IPTC say; defaults where they are damaged.

    Args:
        picture: As its reader has opened it.
        xmp: Its XMP where the reader does not know it.
    """
    block = xmp if xmp is not None else picture.info.get("xmp")
    return _said(picture.getexif, lambda _: block, lambda: read_iptc(picture))


def read_tiff_metadata(data: bytes) -> MetadataBlock:
    """Return what the tags of a TIFF-like file say, for instance of most RAW formats."""
    return _said(lambda: read_tiff_tags(data), lambda tags: tag_value(tags, _XMP), MetadataBlock)[1]


def _said(
    load: Callable[[], Image.Exif], xmp: Callable[[Image.Exif], object], iptc: Callable[[], MetadataBlock]
) -> tuple[int, MetadataBlock]:
    try:
        tags = load()
    except Exception:  # noqa: BLE001 metadata is a bonus: no way of breaking it may cost the photo
        tags = Image.Exif()
    return read_orientation(tags), merge_blocks(exif=read_exif(tags), xmp=read_xmp(xmp(tags)), iptc=iptc())
