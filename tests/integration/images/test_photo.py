"""Files of every format become upright RGB pictures with their metadata."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
import warnings
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageStat

from indexer.errors import FailureKind, PictureError
from indexer.images import Limits, open_picture, prepare, read_photo
from indexer.types import Preprocess
from tests.support.pictures import (
    ORIENTATIONS,
    cat,
    dng,
    encoded,
    exif_block,
    oriented,
    png_with_chunk,
    quadrants,
)

SQUARE = Preprocess(64, "squash")


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean absolute difference of two RGB pictures of one size, 0 to 255."""
    assert one.size == other.size
    assert one.mode == other.mode == "RGB"
    return float(np.mean(ImageStat.Stat(ImageChops.difference(one, other)).mean))


@pytest.mark.parametrize(
    ("kind", "name", "tolerance"),
    [
        ("PNG", "PNG", 0),
        ("BMP", "BMP", 0),
        ("TIFF", "TIFF", 0),
        ("JPEG", "JPEG", 4),
        ("WEBP", "WebP", 4),
        ("GIF", "GIF", 6),  # 256 colors
        ("AVIF", "AVIF", 4),
        ("HEIF", "HEIF", 4),
        ("JXL", "JPEG XL", 4),
    ],
)
def test_every_format_shows_the_same_cat(tmp_path: Path, kind: str, name: str, tolerance: float) -> None:
    if kind == "JXL":
        pytest.importorskip("pillow_jxl")
    file = tmp_path / "cat"
    file.write_bytes(encoded(cat(), kind))
    picture, metadata = open_picture(file)
    assert difference(picture, cat()) <= tolerance
    assert (metadata.format, metadata.width, metadata.height) == (name, 451, 300)


def test_bytes_are_opened_like_a_file(tmp_path: Path) -> None:
    content = encoded(cat(), "PNG")
    assert difference(open_picture(content)[0], cat()) == 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_each_orientation_of_each_format_becomes_upright(orientation: int, kind: str) -> None:
    picture, metadata = open_picture(oriented(quadrants(), orientation, kind=kind))
    assert (metadata.width, metadata.height) == (64, 32)
    assert difference(picture, quadrants()) < 8


def test_date_position_and_camera_are_read(tmp_path: Path) -> None:
    taken_at = datetime(2023, 12, 31, 23, 59, 58)  # noqa: DTZ001 cameras know no zone
    exif = exif_block(taken_at=taken_at, position=(-33.8568, 151.2153), camera=("Canon", "Canon EOS R5"))
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"):
        _, metadata = open_picture(encoded(quadrants(), kind, exif=exif))
        assert metadata.taken_at == taken_at, kind
        assert (metadata.latitude, metadata.longitude) == pytest.approx((-33.8568, 151.2153)), kind
        assert metadata.camera == "Canon EOS R5", kind


def test_exif_after_the_pixels_of_a_png_is_read() -> None:
    whole = encoded(quadrants(), "PNG")
    block = exif_block(camera=("Apple", "iPhone 15")).removeprefix(b"Exif\0\0")
    chunk = png_with_chunk(quadrants(), b"eXIf", block)[33 : -len(whole) + 33]
    _, metadata = open_picture(whole[:-12] + chunk + whole[-12:])  # before IEND, the last 12 bytes
    assert metadata.camera == "Apple iPhone 15"


def test_a_photo_without_metadata_has_none(skimage_photos: Path) -> None:
    _, metadata = open_picture(skimage_photos / "coffee.png")
    assert (metadata.taken_at, metadata.latitude, metadata.longitude, metadata.camera) == (None, None, None, None)


def test_the_first_frame_of_an_animation_is_read() -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    for kind in ("GIF", "WEBP", "PNG", "AVIF", "TIFF"):
        content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
        red, green, blue = open_picture(content)[0].getpixel((4, 4))  # type: ignore[misc]
        assert (red > 200, green < 50, blue < 50) == (True, True, True), kind


def test_a_cmyk_jpeg_keeps_its_colors() -> None:
    picture, _ = open_picture(encoded(quadrants().convert("CMYK"), "JPEG", quality=95))
    assert difference(picture, quadrants()) < 4


def test_a_transparent_png_is_blended_with_white() -> None:
    picture = quadrants().convert("RGBA")
    picture.putalpha(Image.new("L", picture.size, 0))
    assert open_picture(encoded(picture, "PNG"))[0].getextrema() == ((255, 255),) * 3


def test_a_transparent_gif_is_blended_with_white() -> None:
    picture = Image.new("P", (8, 8), 0)
    picture.putpalette([0, 0, 0, 255, 0, 0])
    picture.putpixel((0, 0), 1)
    opened, _ = open_picture(encoded(picture, "GIF", transparency=0))
    assert [opened.getpixel((x, 0)) for x in (0, 1)] == [(255, 0, 0), (255, 255, 255)]


def test_a_gray_png_of_16_bits_is_scaled_to_8() -> None:
    ramp = np.linspace(0, 65_535, 256).astype(np.uint16).reshape(16, 16)
    opened, _ = open_picture(encoded(Image.fromarray(ramp), "PNG"))
    assert np.asarray(opened)[..., 0].ravel().tolist() == list(range(256))


def test_the_preview_of_a_raw_file_is_read(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    file = tmp_path / "IMG_1.DNG"
    file.write_bytes(dng(cat()))
    picture, metadata = open_picture(file)
    assert difference(picture, cat()) < 4
    assert (metadata.format, metadata.width, metadata.height) == ("RAW", 450, 300)
    assert metadata.camera == "Recall One"
    assert metadata.taken_at == datetime(2024, 7, 21, 18, 3, 59)  # noqa: DTZ001


def test_a_raw_file_in_portrait_format_becomes_upright(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    file = tmp_path / "upright.dng"
    file.write_bytes(dng(quadrants().transpose(Image.Transpose.ROTATE_90), orientation=6))
    picture, metadata = open_picture(file)
    assert difference(picture, quadrants()) < 8
    assert (metadata.width, metadata.height) == (64, 32)


def test_a_preview_that_the_camera_has_rotated_is_not_rotated_again(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    file = tmp_path / "rotated.dng"
    portrait = quadrants(32, 64)
    file.write_bytes(dng(portrait, orientation=6, sensor_size=(128, 64)))
    picture, metadata = open_picture(file)
    assert difference(picture, portrait) < 8
    assert (metadata.width, metadata.height) == (64, 128)


def test_a_tiff_with_the_suffix_of_a_raw_file_is_read_as_a_tiff(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    file = tmp_path / "scan.dng"
    file.write_bytes(encoded(cat(), "TIFF"))
    assert open_picture(file)[1].format == "TIFF"


@pytest.mark.parametrize(
    ("package", "name", "content"),
    [
        ("rawpy", "x.dng", b"II*\0\x08\0\0\0\0\0"),
        ("pillow_jxl.JpegXLImagePlugin", "x.jxl", b"\xff\x0a" + bytes(16)),
    ],
)
def test_a_missing_package_is_an_error_that_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, package: str, name: str, content: bytes
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PictureError, match=r"pip install 'recall-photos\[(raw|jxl)\]'$") as caught:
        open_picture(tmp_path / name)
    assert caught.value.kind is FailureKind.UNSUPPORTED


def test_a_photo_has_the_hash_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "cat.png"
    file.write_bytes(encoded(cat(), "PNG"))
    photo = read_photo(file, preprocess=SQUARE)
    assert photo.content_hash == hashlib.sha256(file.read_bytes()).digest()
    assert (photo.pixels == prepare(cat(), SQUARE)).all()
    assert photo.metadata.width == 451


def test_too_many_pixels_are_an_error_with_size_and_limit() -> None:
    with pytest.raises(PictureError) as caught:
        open_picture(encoded(quadrants(200, 100), "PNG"), limits=Limits(max_pixels=19_999))
    assert caught.value.kind is FailureKind.TOO_LARGE
    assert str(caught.value) == "200 x 100 pixels are over the limit of 0.019999 million; raise it with --max-pixels"
    assert open_picture(encoded(quadrants(200, 100), "PNG"), limits=Limits(max_pixels=20_000))[0].size == (200, 100)


def test_the_limit_of_pillow_has_no_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for kind in ("PNG", "JPEG", "BMP", "AVIF", "HEIF"):
        assert open_picture(encoded(quadrants(), kind))[0].size == (64, 32)


def test_too_many_bytes_are_an_error_with_size_and_limit(tmp_path: Path) -> None:
    file = tmp_path / "cat.png"
    file.write_bytes(bytes(1001))
    for source in (file, bytes(1001)):
        with pytest.raises(PictureError) as caught:
            open_picture(source, limits=Limits(max_bytes=1000))
        assert caught.value.kind is FailureKind.TOO_LARGE
        assert str(caught.value) == "1,001 bytes are over the limit of 1,000; raise it with --max-bytes"


def test_a_socket_is_an_error_at_once(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.jpg"))
        with pytest.raises(PictureError, match="not a file") as caught:
            read_photo(tmp_path / "s.jpg", preprocess=SQUARE)
    assert caught.value.kind is FailureKind.UNREADABLE


def test_a_name_with_a_nul_character_is_an_error() -> None:
    with pytest.raises(PictureError, match="no file can have this name"):
        read_photo(Path("a\0b.jpg"), preprocess=SQUARE)


def test_damaged_metadata_gives_no_warning(tmp_path: Path) -> None:
    content = encoded(quadrants(), "JPEG")
    damaged = content[:2] + b"\xff\xe1\x00\x40Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 46 + content[2:]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_picture(damaged)[0].size == (64, 32)


def test_importing_images_loads_no_optional_decoder_and_no_encoder() -> None:
    code = "import sys, indexer.images; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(run.stdout.split())
    assert "PIL.Image" in loaded
    assert not loaded & {"pi_heif", "rawpy", "pillow_jxl", "torch", "indexer.encoders", "PIL.TiffImagePlugin"}
