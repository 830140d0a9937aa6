"""The metadata of a photo, merged from its EXIF, XMP and IPTC."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from PIL import Image

from indexer.images.metadata import jpeg, png
from indexer.images.metadata.block import MetadataBlock, TakenFrom, merge_blocks
from indexer.images.metadata.exif import read_exif, read_orientation, read_tiff_tags, tag_value
from indexer.images.metadata.iptc import read_iptc
from indexer.images.metadata.xmp import read_xmp

_XMP = 700
"""The TIFF tag that holds XMP."""

_XMP_KEYS = ("xmp", "XML:com.adobe.xmp")
"""Where Pillow keeps XMP."""


@dataclass(frozen=True, slots=True)
class PhotoMetadata:
    """A photo's format, size and descriptive metadata.

    Attributes:
        format: The format of the content, for instance "JPEG", whatever the file's name.
        width: Pixels, upright and at full size.
        height: Pixels, upright and at full size.
        taken_at: When it was taken, in local time, to the second, without a time zone.
        taken_from: Where `taken_at` is from: "exif", "xmp" (also of a sidecar), "iptc", "png" for its own text, or
            "takeout" for Google Takeout's JSON file; None without a date.
        utc_offset: Minutes that `taken_at` is ahead of UTC; None if unknown.
        latitude: Degrees, north positive, -90 to 90; None without a valid position.
        longitude: Degrees, east positive, -180 to 180; None without a valid position.
        camera: Make and model, for instance "Canon EOS R5", at most 80 characters.
        lens: For instance "RF24-70mm F2.8 L IS USM", at most 80 characters.
        rating: 0 to 5; -1 for a rejected photo; None without a rating.
        title: One line, at most 300 characters.
        description: One line, at most 5,000 characters.
        tags: Keywords, unique regardless of case; at most 200, each of at most 100 characters.
        people: Names of people in the photo, within the same limits.
        places: Names of places where it was taken or that it shows, for instance a city and its country; the same
            limits.
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
    people: tuple[str, ...] = ()
    places: tuple[str, ...] = ()

    @classmethod
    def from_block(cls, block: MetadataBlock, *, format: str, width: int, height: int) -> PhotoMetadata:
        """Return the metadata of a photo of this format and upright size."""
        latitude, longitude = block.position or (None, None)
        time = block.capture_time
        return cls(
            format=format,
            width=width,
            height=height,
            taken_at=time.taken_at if time else None,
            taken_from=time.taken_from if time else None,
            utc_offset=time.utc_offset if time else None,
            latitude=latitude,
            longitude=longitude,
            camera=block.camera,
            lens=block.lens,
            rating=block.rating,
            title=block.title,
            description=block.description,
            tags=block.tags,
            people=block.people,
            places=block.places,
        )


def read_picture_metadata(picture: Image.Image, *, xmp: bytes | None = None) -> tuple[int, MetadataBlock]:
    """Return a picture's EXIF orientation, 1 to 8, and its metadata; damaged blocks are skipped.

    Args:
        picture: As opened by its reader.
        xmp: The XMP, if the reader does not provide it.
    """
    info = picture.info
    blocks: list[object] = [xmp if xmp is not None else info.get("xmp"), *png.find_xmp(info)]
    if segments := getattr(picture, "applist", None):
        blocks = [*jpeg.find_xmp(segments)]
    orientation, block = _read(lambda: _load_exif(picture), lambda _: blocks, lambda: read_iptc(picture))
    return orientation, block.or_else(png.read_png_text(info)) if picture.format == "PNG" else block


def _load_exif(picture: Image.Image) -> Image.Exif:
    """Return a picture's EXIF. Without an orientation there, Pillow takes XMP's, by which no viewer turns a picture."""
    tags = Image.Exif()
    block = picture.info.get("exif")
    if isinstance(block, bytes):
        tags.load(block)
        return tags
    hidden = {key: picture.info.pop(key) for key in _XMP_KEYS if key in picture.info}
    try:
        tags = picture.getexif()
    finally:
        picture.info.update(hidden)
    if not tags and (block := png.find_exif(picture.info)):
        tags.load(block)
    return tags


def read_tiff_metadata(data: bytes) -> MetadataBlock:
    """Return the metadata of a file in TIFF's structure, as most RAW formats have it."""
    return _read(lambda: read_tiff_tags(data), lambda tags: [tag_value(tags, _XMP)], MetadataBlock)[1]


def _read(
    load_exif: Callable[[], Image.Exif],
    find_xmp: Callable[[Image.Exif], Sequence[object]],
    load_iptc: Callable[[], MetadataBlock],
) -> tuple[int, MetadataBlock]:
    try:
        tags = load_exif()
    except Exception:  # noqa: BLE001 damaged metadata must not make the photo fail
        tags = Image.Exif()
    xmp = functools.reduce(MetadataBlock.or_else, map(read_xmp, find_xmp(tags)), MetadataBlock())
    metadata = merge_blocks(exif=read_exif(tags), xmp=xmp, iptc=load_iptc())
    return read_orientation(tags), metadata
