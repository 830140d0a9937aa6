"""Pixels of every kind become 8-bit RGB, and pictures become upright."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from indexer.images.color import apply_orientation, to_rgb
from tests.support.pictures import ORIENTATIONS, quadrants


def gray(values: list[list[float]], dtype: str) -> list[list[int]]:
    """Return the values of an array converted to RGB, whose three channels must be equal."""
    picture = to_rgb(Image.fromarray(np.array(values, dtype=dtype)))
    pixels = np.asarray(picture)
    assert picture.mode == "RGB"
    assert (pixels == pixels[..., :1]).all()
    rows: list[list[int]] = pixels[..., 0].tolist()
    return rows


def test_an_rgb_picture_is_returned_as_it_is() -> None:
    picture = quadrants()
    assert to_rgb(picture) is picture


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "YCbCr", "HSV", "1", "RGBX"])
def test_opaque_modes_keep_black_and_white(mode: str) -> None:
    picture = Image.new("RGB", (4, 2), (255, 255, 255))
    picture.paste((0, 0, 0), (0, 0, 2, 2))
    result = to_rgb(picture.convert(mode))
    assert result.mode == "RGB"
    assert result.getpixel((0, 0)) == (0, 0, 0)
    assert result.getpixel((3, 1)) == (255, 255, 255)


def with_transparency(mode: str) -> Image.Image:
    """Return two black pixels in a mode with transparency: the left one is transparent, the right one opaque."""
    alpha = Image.new("L", (2, 1), 0)
    alpha.putpixel((1, 0), 255)
    picture = Image.new({"PA": "P", "RGBA": "RGB", "RGBa": "RGB"}.get(mode, "L"), (2, 1), 0)
    picture.putalpha(alpha)
    return picture if picture.mode == mode else picture.convert(mode)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "La", "RGBa", "PA"])
def test_transparent_pixels_are_blended_with_white(mode: str) -> None:
    result = to_rgb(with_transparency(mode))
    assert result.getpixel((0, 0)) == (255, 255, 255)
    assert result.getpixel((1, 0)) == (0, 0, 0)


def test_half_transparent_red_becomes_pink() -> None:
    assert to_rgb(Image.new("RGBA", (1, 1), (255, 0, 0, 128))).getpixel((0, 0)) == (
        255,
        127,
        127,
    )  # 255 * (1 - 128 / 255)


def test_a_transparent_palette_color_becomes_white() -> None:
    picture = Image.new("P", (2, 1), 0)
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.putpixel((1, 0), 1)
    picture.info["transparency"] = 0
    result = to_rgb(picture)
    assert [result.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (40, 50, 60)]


def test_a_transparent_color_of_an_rgb_picture_becomes_white() -> None:
    picture = quadrants()
    picture.info["transparency"] = (255, 0, 0)
    assert to_rgb(picture).getpixel((0, 0)) == (255, 255, 255)


def test_sixteen_bits_are_scaled_to_eight() -> None:
    assert gray([[0, 257, 32_896, 65_535]], "uint16") == [[0, 1, 128, 255]]


def test_dark_sixteen_bit_pictures_stay_dark() -> None:
    assert gray([[0, 1000]], "uint16") == [[0, 4]]  # 1000 / 257 = 3.9


def test_32_bit_values_are_stretched_also_where_they_would_fit_into_8_or_16_bits() -> None:
    assert gray([[0, 2, 8]], "int32") == [[0, 64, 255]]
    assert gray([[100, 1100]], "int32") == [[0, 255]]


def test_values_without_a_natural_range_are_stretched() -> None:
    assert gray([[-1_000_000, 600_000, 1_000_000]], "int32") == [[0, 204, 255]]  # 255 * 1.6 / 2


def test_floats_from_zero_to_one_are_scaled() -> None:
    assert gray([[0.0, 0.5, 1.0]], "float32") == [[0, 128, 255]]


def test_not_a_number_becomes_black() -> None:
    assert gray([[np.nan, 0.0, 1.0]], "float32") == [[0, 0, 255]]
    assert gray([[np.nan, -4.0, 4.0]], "float32") == [[0, 0, 255]]


def test_infinite_values_do_not_stretch_the_others() -> None:
    assert gray([[-np.inf, 0.0, 4.0, 8.0, np.inf]], "float32") == [[0, 0, 128, 255, 255]]


def test_a_picture_of_one_value_without_a_natural_range_is_black() -> None:
    assert gray([[5000.0, 5000.0]], "float32") == [[0, 0]]


def test_black_and_white_of_lab_pictures_are_preserved() -> None:
    picture = Image.new("LAB", (2, 1), (255, 128, 128))  # lightness, then two color axes with gray in the middle
    picture.putpixel((1, 0), (0, 128, 128))
    pixels = np.asarray(to_rgb(picture)).astype(int)
    assert pixels[0].tolist() == [pytest.approx([255, 255, 255], abs=2), pytest.approx([0, 0, 0], abs=2)]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_picture_of_each_orientation_becomes_upright(orientation: int) -> None:
    turn = ORIENTATIONS[orientation]
    stored = quadrants() if turn is None else quadrants().transpose(turn)
    assert apply_orientation(stored, orientation) == quadrants()
