"""A folder of real photos with metadata, for tests that look at what people see."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from tests.support.blocks import xmp_block
from tests.support.pictures import exif_block, skimage_data

BERLIN, ROME, TOKYO = (52.52, 13.405), (41.89, 12.49), (35.68, 139.69)


class AlbumPhoto(NamedTuple):
    """A photo of scikit-image, and what its metadata will say."""

    name: str
    day: str
    position: tuple[float, float] | None = None
    camera: tuple[str, str] | None = None
    tags: tuple[str, ...] = ()
    rating: int | None = None


PHOTOS = (
    AlbumPhoto("chelsea.png", "2019-05-04", BERLIN, ("Canon", "EOS R6"), ("pet", "home"), 5),
    AlbumPhoto("coffee.png", "2019-05-04", BERLIN, ("Canon", "EOS R6"), ("drink",), 4),
    AlbumPhoto("rocket.jpg", "2020-03-01", None, ("NIKON", "D750"), ("space",), 5),
    AlbumPhoto("astronaut.png", "2020-03-02", None, ("NIKON", "D750"), ("space", "portrait")),
    AlbumPhoto("camera.png", "2020-07-15", ROME, ("NIKON", "D750"), ("portrait",), 3),
    AlbumPhoto("horse.png", "2021-01-20", None, None, ("animal",)),
    AlbumPhoto("motorcycle_left.png", "2021-08-08", ROME, ("Canon", "EOS R6"), ("garage",)),
    AlbumPhoto("coins.png", "2022-02-02", ROME, None, ("museum",), 2),
    AlbumPhoto("brick.png", "2022-11-11", TOKYO, None, ("wall",)),
    AlbumPhoto("grass.png", "2023-04-01", TOKYO, None, ("garden",)),
    AlbumPhoto("moon.png", "2023-09-09", None, ("NIKON", "D750"), ("space",), 5),
    AlbumPhoto("hubble_deep_field.jpg", "2024-02-29", None, None, ("space",), 4),
    AlbumPhoto("page.png", "2024-06-30", None, None, ("paper",)),
)


def make_album(folder: Path) -> None:
    """Write the photos as JPEG with their metadata, a smaller copy of one, a text, and a file that is no picture."""
    folder.mkdir()
    for photo in PHOTOS:
        with Image.open(skimage_data() / photo.name) as picture:
            _write(picture.convert("RGB"), folder / f"{Path(photo.name).stem}.jpg", photo)
    with Image.open(folder / "coffee.jpg") as picture:
        _write(picture.resize((300, 200)), folder / "coffee-small.jpg", AlbumPhoto("coffee-small.jpg", "2019-05-05"))
    (folder / "packing.txt").write_text(
        "Packing list: a tent, a stove, two ropes and the good lamp.\n", encoding="utf-8"
    )
    (folder / "broken.jpg").write_bytes((folder / "coins.jpg").read_bytes()[:900])


def _write(picture: Image.Image, path: Path, photo: AlbumPhoto) -> None:
    attributes = {} if photo.rating is None else {"xmp__Rating": str(photo.rating)}
    taken_at = datetime.fromisoformat(f"{photo.day}T10:12:00")
    exif = exif_block(taken_at=taken_at, position=photo.position, camera=photo.camera)
    picture.save(path, quality=88, exif=exif, xmp=xmp_block(tags=photo.tags, **attributes))
