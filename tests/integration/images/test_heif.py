"""HEIC files are read by pi-heif, and give what pillow-heif, which writes them here, reads from them."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from indexer.images import PhotoMetadata, decoders, open_picture
from indexer.images.formats import PictureFormat
from tests.support.blocks import full_exif, full_file, xmp_block
from tests.support.pictures import ORIENTATIONS, cat, encoded, exif_block, oriented, quadrants


def lossless(picture: Image.Image) -> bytes:
    return encoded(picture, "HEIF", quality=-1)


def ten_bits() -> bytes:
    ramp = np.linspace(0, 65_535, 64 * 48 * 3).astype("<u2").tobytes()
    return saved(pillow_heif.from_bytes("RGB;16", (64, 48), ramp))


def saved(pictures: pillow_heif.HeifFile, **options: object) -> bytes:
    buffer = io.BytesIO()
    pictures.save(buffer, quality=-1, **options)
    return buffer.getvalue()


def with_alpha() -> bytes:
    picture = quadrants().convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    return lossless(picture)


def several_pictures() -> bytes:
    pictures = pillow_heif.HeifFile()  # type: ignore[no-untyped-call]
    for color in ((255, 0, 0), (0, 255, 0), (0, 0, 255)):
        pictures.add_from_pillow(Image.new("RGB", (32, 16), color))
    return saved(pictures, primary_index=1)


def with_all_metadata() -> bytes:
    xmp = xmp_block(tags=["Sea", "Dog"], title="A title", description="A dog", xmp__Rating="4")
    return full_file("HEIF", exif=full_exif(), xmp=xmp)


FILES: dict[str, Callable[[], bytes]] = {
    "8 bits": lambda: encoded(cat(), "HEIF"),
    "lossless": lambda: lossless(cat()),
    "odd size": lambda: lossless(cat().resize((65, 33))),
    "gray": lambda: lossless(cat().convert("L")),
    "10 bits": ten_bits,
    "alpha": with_alpha,
    "several pictures": several_pictures,
    "EXIF": lambda: encoded(quadrants(), "HEIF", exif=exif_block(position=(-33.8568, 151.2153), camera=("A", "A1"))),
    "EXIF and XMP": with_all_metadata,
    **{f"orientation {value}": partial(oriented, quadrants(), value, kind="HEIF") for value in ORIENTATIONS},
}


def opened_by(module: str, data: bytes, monkeypatch: pytest.MonkeyPatch) -> tuple[Image.Image, PhotoMetadata]:
    with monkeypatch.context() as patch:
        patch.setitem(decoders._PLUGINS, PictureFormat.HEIF, (module, "HeifImageFile"))
        return open_picture(data)


def test_heif_is_read_by_the_package_that_only_decodes() -> None:
    assert decoders._PLUGINS[PictureFormat.HEIF] == ("pi_heif", "HeifImageFile")


@pytest.mark.parametrize("name", FILES)
def test_both_packages_read_the_same_pixels_and_metadata(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = FILES[name]()
    picture, metadata = opened_by("pi_heif", data, monkeypatch)
    expected, expected_metadata = opened_by("pillow_heif", data, monkeypatch)
    assert metadata == expected_metadata
    assert (picture.mode, picture.size) == (expected.mode, expected.size)
    assert np.array_equal(np.asarray(picture), np.asarray(expected))


def test_ten_bits_are_scaled_to_eight() -> None:
    ramp = np.asarray(open_picture(ten_bits())[0]).mean(axis=2).ravel()
    assert ramp[0] < 4
    assert ramp[-1] > 251
    assert np.abs(ramp - np.linspace(0, 255, ramp.size)).max() < 4


def test_a_transparent_picture_is_laid_on_white() -> None:
    picture, _ = open_picture(with_alpha())
    assert min(picture.getpixel((4, 0))) > 240  # type: ignore[arg-type]  # alpha is 0 in the top row


def test_the_primary_picture_of_several_counts() -> None:
    red, green, blue = open_picture(several_pictures())[0].getpixel((8, 8))  # type: ignore[misc]
    assert (red < 50, green > 200, blue < 50) == (True, True, True)


def test_exif_and_xmp_are_read() -> None:
    metadata = open_picture(with_all_metadata())[1]
    assert (metadata.title, metadata.description, metadata.rating) == ("A title", "A dog", 4)
    assert metadata.tags == ("Sea", "Dog", "Exif tag", "Shared")
    assert (metadata.lens, metadata.utc_offset) == ("RF24-70mm F2.8 L IS USM", 120)


def test_an_item_type_that_is_no_text_does_not_end_the_process() -> None:
    content = encoded(quadrants(), "HEIF", exif=exif_block(camera=("Apple", "iPhone 15")))
    flawed = content.replace(b"mime", b"mi\xff\xfe").replace(b"Exif\0", b"Ex\xff\xfe\0", 1)
    assert flawed != content
    assert open_picture(flawed)[0].size == (64, 32)
