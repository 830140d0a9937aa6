"""Changes after which a photo shows the same picture, and simulated other shots of the same scene."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from tests.support.pictures import encoded

Change = Callable[[Image.Image, np.random.Generator], bytes]


def jpeg(picture: Image.Image, quality: int = 85) -> bytes:
    """Return a picture as JPEG."""
    return encoded(picture, "JPEG", quality=quality)


def scale(picture: Image.Image, share: float) -> Image.Image:
    """Return a picture whose sides are this share of the original."""
    size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def crop(picture: Image.Image, random: np.random.Generator, keep: float) -> Image.Image:
    """Return a part of a picture with this share of its area, at a random position."""
    width, height = (round(side * keep**0.5) for side in picture.size)
    left, top = (
        int(random.integers(0, all_ - part + 1)) for all_, part in zip(picture.size, (width, height), strict=True)
    )
    return picture.crop((left, top, left + width, top + height))


def sign(picture: Image.Image) -> Image.Image:
    """Return a picture with white text in its lower right corner."""
    copy = picture.copy()
    position = (picture.width * 0.55, picture.height * 0.9)
    ImageDraw.Draw(copy).text(position, "(c) 2026 A. Name", fill="white", font_size=max(8, picture.height // 16))
    return copy


def label(picture: Image.Image) -> Image.Image:
    """Return a picture with dark text on a white label."""
    copy = picture.copy()
    width, height = picture.size
    draw = ImageDraw.Draw(copy)
    draw.rectangle((width * 0.05, height * 0.82, width * 0.5, height * 0.95), fill="white")
    draw.text((width * 0.08, height * 0.83), "holiday", fill="black", font_size=max(9, height // 12))
    return copy


def add_border(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """Return a picture with a white or black border."""
    color = "white" if random.integers(2) else "black"
    return ImageOps.expand(picture, max(2, round(0.06 * max(picture.size))), fill=color)


SAME: dict[str, Change] = {
    "JPEG, quality 30": lambda picture, _: jpeg(picture, 30),
    "JPEG, quality 60": lambda picture, _: jpeg(picture, 60),
    "JPEG, quality 90": lambda picture, _: jpeg(picture, 90),
    "PNG": lambda picture, _: encoded(picture, "PNG"),
    "WebP, quality 60": lambda picture, _: encoded(picture, "WEBP", quality=60),
    "half as wide": lambda picture, _: jpeg(scale(picture, 0.5)),
    "a quarter as wide": lambda picture, _: jpeg(scale(picture, 0.25)),
    "crop, 90 % left": lambda picture, random: jpeg(crop(picture, random, 0.9)),
    "crop, 75 % left": lambda picture, random: jpeg(crop(picture, random, 0.75)),
    "crop, 50 % left": lambda picture, random: jpeg(crop(picture, random, 0.5)),
    "rotated by a quarter": lambda picture, _: jpeg(picture.transpose(Image.Transpose.ROTATE_90)),
    "mirrored": lambda picture, _: jpeg(ImageOps.mirror(picture)),
    "brightness x 0.7 or 1.3": lambda picture, random: jpeg(
        ImageEnhance.Brightness(picture).enhance(float(random.choice([0.7, 1.3])))
    ),
    "contrast x 0.7 or 1.4": lambda picture, random: jpeg(
        ImageEnhance.Contrast(picture).enhance(float(random.choice([0.7, 1.4])))
    ),
    "colour x 0.3 or 1.7": lambda picture, random: jpeg(
        ImageEnhance.Color(picture).enhance(float(random.choice([0.3, 1.7])))
    ),
    "grey": lambda picture, _: jpeg(picture.convert("L")),
    "border": lambda picture, random: jpeg(add_border(picture, random)),
    "white text": lambda picture, _: jpeg(sign(picture)),
    "label": lambda picture, _: jpeg(label(picture)),
}
"""Changes after which a photo still shows the same picture."""


def displace(picture: Image.Image, across: NDArray[np.floating], down: NDArray[np.floating]) -> Image.Image:
    """Return a picture whose pixels come from this many pixels to the right and below, shape (h, w) each."""
    width, height = picture.size
    pixels = np.asarray(picture, dtype=np.float64)
    rows, columns = np.mgrid[0:height, 0:width]
    x, y = np.clip(columns + across, 0, width - 1.001), np.clip(rows + down, 0, height - 1.001)
    left, top = x.astype(int), y.astype(int)
    dx, dy = (x - left)[..., None], (y - top)[..., None]
    upper = pixels[top, left] * (1 - dx) + pixels[top, left + 1] * dx
    lower = pixels[top + 1, left] * (1 - dx) + pixels[top + 1, left + 1] * dx
    return Image.fromarray((upper * (1 - dy) + lower * dy).clip(0, 255).astype(np.uint8))


def another_shot(picture: Image.Image, random: np.random.Generator) -> bytes:
    """Return a picture with the noise of a new exposure, 4 grey levels, as JPEG."""
    pixels = np.asarray(picture) + random.normal(0, 4, (picture.height, picture.width, 3))
    return jpeg(Image.fromarray(pixels.clip(0, 255).astype(np.uint8)), 90)


def move_object(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """Return a picture in which a region, a fifth as wide, has moved by 4 to 8 % of the longer side."""
    rows, columns = np.mgrid[0 : picture.height, 0 : picture.width]
    side = max(picture.size)
    x, y = (random.uniform(0.25, 0.75) * length for length in picture.size)
    weight = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * (0.1 * side) ** 2))
    angle, distance = random.uniform(0, 2 * np.pi), random.uniform(0.04, 0.08) * side
    return displace(picture, weight * distance * np.cos(angle), weight * distance * np.sin(angle))


def sway(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """Return a picture whose regions have moved in different directions by about 1 % of the longer side."""
    moves = random.normal(0, 0.01 * max(picture.size), (2, 5, 5)).astype(np.float32)
    fields = (Image.fromarray(move).resize(picture.size, Image.Resampling.BICUBIC) for move in moves)
    return displace(picture, *(np.asarray(move) for move in fields))


def paste_part(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """Return a picture with a fifth to a third of it pasted again at a small distance."""
    width, height = (int(side * random.uniform(0.18, 0.32)) for side in picture.size)
    x, y = int(random.integers(0, picture.width - width)), int(random.integers(0, picture.height - height))
    offset = [int(random.choice([-1, 1]) * side * random.uniform(0.04, 0.12)) for side in picture.size]
    mask = Image.new("L", (width, height), 0)
    mask.paste(255, (width // 8, height // 8, width - width // 8, height - height // 8))
    copy = picture.copy()
    soft = mask.filter(ImageFilter.GaussianBlur(max(width, height) / 16))
    copy.paste(picture.crop((x, y, x + width, y + height)), (x + offset[0], y + offset[1]), soft)
    return copy


OTHER_SHOTS: dict[str, Change] = {
    "tripod, an object moved": lambda picture, random: another_shot(move_object(picture, random), random),
    "tripod, a part pasted": lambda picture, random: another_shot(paste_part(picture, random), random),
    "hand-held, everything moved": lambda picture, random: another_shot(
        crop(sway(picture, random), random, 0.9), random
    ),
    "hand-held, everything and an object moved": lambda picture, random: another_shot(
        crop(sway(move_object(picture, random), random), random, 0.9), random
    ),
}
"""Simulated bursts: the differences between two shots of one scene, applied to one photo."""


def open_picture(data: bytes) -> Image.Image:
    """Return the picture in the bytes of a file."""
    with Image.open(io.BytesIO(data)) as picture:
        return picture.convert("RGB")
