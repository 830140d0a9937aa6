"""`prepare` equals open_clip's transform before normalization, pixel for pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from indexer.images import open_picture, prepare, read_pixels
from indexer.types import Interpolation, Preprocess, ResizeMode

MODES: tuple[ResizeMode, ...] = ("shortest", "longest", "squash")
FILTERS: tuple[Interpolation, ...] = ("bicubic", "bilinear")


def open_clip_pixels(picture: Image.Image, preprocess: Preprocess) -> NDArray[np.uint8]:
    """Return the result of open_clip's evaluation transform, scaled to 0 to 255."""
    from open_clip.transform import PreprocessCfg, image_transform_v2

    config = PreprocessCfg(
        size=preprocess.size,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        interpolation=preprocess.interpolation,
        resize_mode=preprocess.resize_mode,
        fill_color=preprocess.fill,
    )
    tensor = image_transform_v2(config, is_train=False)(picture)  # (3, size, size), 0 to 1
    pixels: NDArray[np.uint8] = np.rint(tensor.numpy().transpose(1, 2, 0) * 255).astype(np.uint8)
    return pixels


@pytest.mark.parametrize("size", [224, 257])
@pytest.mark.parametrize("interpolation", FILTERS)
@pytest.mark.parametrize("mode", MODES)
def test_real_photos_are_prepared_as_open_clip_does(
    skimage_photos: Path, mode: ResizeMode, interpolation: Interpolation, size: int
) -> None:
    preprocess = Preprocess(size, mode, interpolation, fill=127)
    for name in ("chelsea.png", "coffee.png", "rocket.jpg", "cell.png", "page.png", "microaneurysms.png", "retina.jpg"):
        picture, _ = open_picture(skimage_photos / name)
        assert (prepare(picture, preprocess) == open_clip_pixels(picture, preprocess)).all(), name


@pytest.mark.parametrize("name", ["chelsea.png", "coffee.png", "rocket.jpg"])
def test_a_small_file_is_read_as_open_clip_reads_it(skimage_photos: Path, name: str) -> None:
    preprocess = Preprocess(224, "shortest", "bicubic")  # at most 427 rows, so no JPEG is reduced
    with Image.open(skimage_photos / name) as opened:
        expected = open_clip_pixels(opened.convert("RGB"), preprocess)
    assert (read_pixels(skimage_photos / name, preprocess=preprocess) == expected).all()


@pytest.mark.parametrize("interpolation", FILTERS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "shape",
    [(1000, 3), (3, 1000), (1, 1), (224, 224), (224, 223), (223, 225), (449, 448), (333, 777), (2, 1), (50, 49)],
)
def test_unusual_shapes_are_prepared_as_open_clip_does(
    shape: tuple[int, int], mode: ResizeMode, interpolation: Interpolation
) -> None:
    noise = np.random.default_rng(3).integers(0, 256, size=(shape[1], shape[0], 3), dtype=np.uint8)
    picture = Image.fromarray(noise)
    preprocess = Preprocess(224, mode, interpolation, fill=3)
    assert (prepare(picture, preprocess) == open_clip_pixels(picture, preprocess)).all()
