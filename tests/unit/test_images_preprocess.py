"""Pictures of any shape are scaled to the encoder's square; an integration test compares with open_clip."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from indexer.images import prepare
from indexer.types import Preprocess, ResizeMode
from tests.support.pictures import quadrants

MODES: tuple[ResizeMode, ...] = ("shortest", "longest", "squash")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(1, 1), (1000, 3), (3, 1000), (64, 64), (65, 63)])
def test_any_shape_gives_a_new_square_array(size: tuple[int, int], mode: ResizeMode) -> None:
    pixels = prepare(Image.new("RGB", size, (9, 8, 7)), Preprocess(64, mode))
    assert pixels.shape == (64, 64, 3)
    assert pixels.dtype == np.uint8
    assert pixels.flags.writeable
    assert pixels.flags.c_contiguous


def test_squash_keeps_all_four_corners() -> None:
    pixels = prepare(quadrants(64, 32), Preprocess(16, "squash"))
    assert [pixels[y, x].tolist() for y in (0, -1) for x in (0, -1)] == [
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
        [255, 255, 255],
    ]


def test_shortest_crops_to_the_center() -> None:
    picture = Image.new("RGB", (96, 32), (0, 0, 0))
    picture.paste((0, 255, 0), (32, 0, 64, 32))
    pixels = prepare(picture, Preprocess(32, "shortest"))
    assert (pixels == [0, 255, 0]).all()


def test_longest_pads_with_the_fill_on_both_sides() -> None:
    pixels = prepare(Image.new("RGB", (64, 32), (0, 255, 0)), Preprocess(64, "longest", fill=7))
    assert (pixels[:16] == 7).all()
    assert (pixels[16:48] == [0, 255, 0]).all()
    assert (pixels[48:] == 7).all()


def test_a_very_narrow_picture_is_cropped_before_it_is_scaled() -> None:
    strip = Image.new("RGB", (60_000, 1), (1, 2, 3))  # scaled before cropping: 13 million by 224, 9 GB
    assert (prepare(strip, Preprocess(224, "shortest")) == [1, 2, 3]).all()


def test_the_picture_is_not_changed() -> None:
    picture = quadrants()
    prepare(picture, Preprocess(8))
    assert picture == quadrants()
