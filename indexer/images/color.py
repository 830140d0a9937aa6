"""Any kind of pixel to upright 8-bit RGB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Box = tuple[float, float, float, float]
"""A part of a picture in its pixels: left, top, right, bottom."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation (tag 0x0112) to what makes the picture upright."""


def apply_orientation(picture: Image.Image, orientation: int) -> Image.Image:
    """Return the picture turned or mirrored as its EXIF orientation, 1 to 8, asks."""
    turn = _TURNS.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def orient_box(box: Box, size: tuple[int, int], orientation: int) -> Box:
    """Return where a part of a picture lies when the picture is upright.

    Args:
        box: It begins at the picture's corner: left and top are 0.
        size: Of the picture as it is stored.
        orientation: EXIF's, 1 to 8.
    """
    corner = Image.new("L", (2, 2))  # turned with the picture, it shows where its lower right has gone
    corner.putpixel((1, 1), 1)
    turned = apply_orientation(corner, orientation)
    across, down = size[0] - box[2], size[1] - box[3]  # what is not in the part
    width, height = size
    if orientation >= 5:
        width, height, across, down = height, width, down, across
    is_right, is_below = any(turned.getpixel((1, y)) for y in (0, 1)), any(turned.getpixel((x, 1)) for x in (0, 1))
    left, top = 0.0 if is_right else across, 0.0 if is_below else down
    return left, top, left + width - across, top + height - down


def to_rgb(picture: Image.Image) -> Image.Image:
    """Return a loaded picture of any Pillow mode as 8-bit RGB.

    What shines through is laid on white: transparent pictures are drawn for white pages, so encoders have seen them
    that way, and black would swallow dark logos and text. Sixteen bits are scaled to eight; numbers without
    a natural range (32 bits, floats) are stretched from their smallest to their largest.
    """
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture
    if picture.mode.startswith("I") or picture.mode == "F":
        return Image.fromarray(_to_8_bits(np.asarray(picture))).convert("RGB")
    if picture.mode == "LAB":
        return _lab_to_rgb(picture)
    if picture.mode == "La":  # Pillow knows no direct way from it
        picture = picture.convert("LA")
    if picture.has_transparency_data:
        return _on_white(picture.convert("RGBA"))
    return picture.convert("RGB")


def _on_white(picture: Image.Image) -> Image.Image:
    """Return an RGBA picture laid on white, as RGB."""
    page = Image.new("RGB", picture.size, (255, 255, 255))
    page.paste(picture, mask=picture.getchannel("A"))
    return page


def _lab_to_rgb(picture: Image.Image) -> Image.Image:
    """Return a CIELAB picture, which scanners write into TIFF, as sRGB."""
    from PIL import ImageCms  # a colour library that hardly any photo needs

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(picture, lab, srgb, outputMode="RGB")
    return picture.convert("L").convert("RGB") if converted is None else converted


def _to_8_bits(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return grey values of any type as 0 to 255, shape kept."""
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    numbers = values if np.issubdtype(values.dtype, np.integer) else np.nan_to_num(values.astype(np.float32))
    low, high = float(numbers.min()), float(numbers.max())
    if numbers.dtype.kind == "f" and low >= 0 and high <= 1:
        factor, low = 255.0, 0.0
    elif values.dtype.itemsize == 2 or (low >= 0 and 255 < high <= 65_535):
        factor, low = 1 / 257, 0.0  # 65,535 / 257 = 255
    elif low >= 0 and high <= 255:
        factor, low = 1.0, 0.0
    else:
        factor = 255.0 / (high - low) if high > low else 0.0
    scaled = (numbers.astype(np.float32) - np.float32(low)) * np.float32(factor)
    grey: NDArray[np.uint8] = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return grey
