"""The photos that the examples of the manual are about: some of scikit-image's, with dates, places and cameras."""

from __future__ import annotations

import importlib.util
import os
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image
from PIL.Image import Exif

_BERLIN = (52.52, 13.40)
_POTSDAM = (52.40, 13.06)

_PHOTOS: tuple[tuple[str, str, str, str, tuple[float, float] | None], ...] = (
    ("astronaut.png", "astronaut.jpg", "2023:07:20 10:00:00", "Nikon Z 6", None),
    ("camera.png", "camera.jpg", "2022:03:12 15:30:00", "Leica M11", None),
    ("chelsea.png", "cat.jpg", "2023:05:20 18:05:00", "Google Pixel 7", _BERLIN),
    ("coffee.png", "coffee.jpg", "2023:05:20 18:09:00", "Google Pixel 7", _BERLIN),
    ("motorcycle_left.png", "IMG_2040.jpg", "2024:05:01 11:20:03", "Canon EOS R6", _POTSDAM),
    ("motorcycle_right.png", "IMG_2041.jpg", "2024:05:01 11:20:04", "Canon EOS R6", _POTSDAM),
    ("rocket.jpg", "rocket.jpg", "2023:05:03 07:12:00", "Canon EOS R6", None),
    ("hubble_deep_field.jpg", "stars.jpg", "", "", None),
    ("moon.png", "moon.jpg", "", "", None),
    ("retina.jpg", "retina.jpg", "", "", None),
    ("coins.png", "coins.jpg", "", "", None),
    ("grass.png", "grass.jpg", "2023:06:11 09:00:00", "Google Pixel 7", _POTSDAM),
    ("brick.png", "wall.jpg", "2023:06:11 09:40:00", "Google Pixel 7", _POTSDAM),
    ("clock_motion.png", "clock.jpg", "", "", None),
)
"""scikit-image's file, the name here, the time, the camera and the place."""

_NOTES = """\
# May 2023

We drove to the coast to see the launch of a rocket. The engines lit at seven in the morning, and the ground shook.

On the way back we stopped at a café and drank the best espresso of the trip.
"""

_SIDECAR = """\
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmp:Rating="5">
   <dc:subject><rdf:Bag><rdf:li>Biscuit</rdf:li></rdf:Bag></dc:subject>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""

_UNDATED = datetime(2024, 6, 1, 12, tzinfo=UTC).timestamp()
"""The time of every file."""


def make_album(home: Path) -> None:
    """Write the photos into Pictures/ of a home folder, with a text, a sidecar, copies and a damaged file."""
    pictures = home / "Pictures"
    pictures.mkdir(parents=True)
    for source, name, time, camera, place in _PHOTOS:
        _save(_open(source), pictures / name, _exif(time, camera, place))
    coffee, cat = _open("coffee.png"), _open("chelsea.png")
    _save(coffee.resize((coffee.width // 2, coffee.height // 2)), pictures / "coffee small.jpg", Exif())
    _save(cat.crop((20, 10, cat.width - 30, cat.height - 15)), pictures / "cat cropped.jpg", Exif())
    (pictures / "cat.jpg.xmp").write_text(_SIDECAR, encoding="utf-8")
    (pictures / "notes.md").write_text(_NOTES, encoding="utf-8")
    (pictures / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    for path in pictures.iterdir():
        os.utime(path, (_UNDATED, _UNDATED))


def skimage_file(name: str) -> Path:
    """Return the path of one of scikit-image's pictures.

    Raises:
        FileNotFoundError: scikit-image is not installed.
    """
    spec = importlib.util.find_spec("skimage")  # found, not imported: that takes a second
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("scikit-image is not installed; run: make test")
    return Path(spec.submodule_search_locations[0]) / "data" / name


def _open(name: str) -> Image.Image:
    with Image.open(skimage_file(name)) as picture:
        return picture.convert("RGB")


def _save(picture: Image.Image, path: Path, exif: Exif) -> None:
    picture.save(path, quality=90, exif=exif)


def _exif(time: str, camera: str, place: tuple[float, float] | None) -> Exif:
    exif = Exif()
    if camera:
        exif[0x010F], exif[0x0110] = camera.split(" ", 1)  # maker, model
    if time:
        exif.get_ifd(0x8769)[0x9003] = time  # DateTimeOriginal
    if place is not None:
        gps = exif.get_ifd(0x8825)
        gps[1], gps[2] = "N", (place[0], 0.0, 0.0)
        gps[3], gps[4] = "E", (place[1], 0.0, 0.0)
    return exif
