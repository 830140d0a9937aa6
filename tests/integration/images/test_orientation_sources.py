"""A picture is turned by what its format defines, never by XMP alone, as viewers do it."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from indexer.images import open_picture
from tests.support.blocks import full_file, xmp_block
from tests.support.pictures import encoded, exif_block, quadrants

TURNED = xmp_block(tiff__Orientation="6")


@pytest.mark.parametrize("kind", ["AVIF", "JXL", "JPEG", "PNG", "WEBP", "TIFF"])
def test_an_orientation_in_xmp_alone_turns_no_picture(kind: str) -> None:
    if kind == "JXL":
        pytest.importorskip("pillow_jxl")
    content = full_file(kind, xmp=TURNED)
    assert b'tiff:Orientation="6"' in content
    picture, metadata = open_picture(content)
    assert picture.size == (metadata.width, metadata.height) == (64, 32)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_orientation_in_exif_turns_a_picture_whatever_xmp_says(kind: str) -> None:
    exif = Image.Exif()
    exif.load(exif_block(orientation=8))
    assert open_picture(full_file(kind, exif=exif, xmp=TURNED))[0].size == (32, 64)


def test_an_open_picture_keeps_its_xmp() -> None:
    picture = Image.open(io.BytesIO(encoded(quadrants(), "WEBP", xmp=TURNED)))
    assert open_picture(picture)[0].size == (64, 32)
    assert picture.info["xmp"] == TURNED
