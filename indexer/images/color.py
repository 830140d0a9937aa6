"""Conversion of pixels of any kind to upright 8-bit RGB."""

from __future__ import annotations

from PIL import Image

from indexer.images.gray import deep_gray_to_8_bits, is_deep_gray

Box = tuple[float, float, float, float]
"""A rectangle in pixels: left, top, right, bottom."""

_TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation (tag 0x0112) to the operation that makes the picture upright."""


def apply_orientation(picture: Image.Image, orientation: int) -> Image.Image:
    """Return the picture rotated or mirrored so that it is upright.

    Args:
        picture: Any mode; returned as it is for orientation 1.
        orientation: EXIF orientation, 1 to 8.
    """
    operation = _TRANSPOSES.get(orientation)
    return picture if operation is None else picture.transpose(operation)


def orient_box(box: Box, size: tuple[int, int], orientation: int) -> Box:
    """Return where a rectangle of a picture is after `apply_orientation`.

    Args:
        box: Its left and top are 0.
        size: Width and height of the stored picture.
        orientation: EXIF orientation, 1 to 8.
    """
    corner = Image.new("L", (2, 2))
    corner.putpixel((1, 1), 1)  # marks the lower right
    oriented = apply_orientation(corner, orientation)
    x_margin, y_margin = size[0] - box[2], size[1] - box[3]
    width, height = size
    if orientation >= 5:
        width, height, x_margin, y_margin = height, width, y_margin, x_margin
    is_right = any(oriented.getpixel((1, y)) for y in (0, 1))
    is_bottom = any(oriented.getpixel((x, 1)) for x in (0, 1))
    left, top = 0.0 if is_right else x_margin, 0.0 if is_bottom else y_margin
    return left, top, left + width - x_margin, top + height - y_margin


def to_rgb(picture: Image.Image) -> Image.Image:
    """Return a loaded picture of any Pillow mode as 8-bit RGB.

    Transparent pixels are blended with white, because most transparent pictures are made for white pages and encoders
    were trained on those; black would hide dark logos and text. Gray of more than 8 bits is scaled or stretched.
    """
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture
    if is_deep_gray(picture):
        return deep_gray_to_8_bits(picture).convert("RGB")
    if picture.mode == "LAB":
        return _lab_to_rgb(picture)
    if picture.mode == "La":  # Pillow has no direct conversion to RGBA
        picture = picture.convert("LA")
    if picture.has_transparency_data:
        return _blend_with_white(picture.convert("RGBA"))
    return picture.convert("RGB")


def _blend_with_white(picture: Image.Image) -> Image.Image:
    """Return an RGBA picture blended with white, as RGB."""
    background = Image.new("RGB", picture.size, (255, 255, 255))
    background.paste(picture, mask=picture.getchannel("A"))
    return background


def _lab_to_rgb(picture: Image.Image) -> Image.Image:
    """Return a CIELAB picture, as scanners write into TIFF, as sRGB."""
    from PIL import ImageCms  # late: hardly any photo needs color management

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(picture, lab, srgb, outputMode="RGB")
    return picture.convert("L").convert("RGB") if converted is None else converted
