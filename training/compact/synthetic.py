"""Drawings for training: plain colors, patterns, noise and pages of text, with captions.

Photo sets contain none. Without training, their embeddings would be anywhere, and one in the middle of the space would
be a hit of every query without an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

SIDE = 192

COLORS = {
    "red": (200, 30, 30), "green": (40, 150, 50), "blue": (40, 70, 190), "yellow": (230, 210, 60),
    "orange": (230, 130, 30), "purple": (120, 50, 150), "pink": (230, 150, 180), "brown": (120, 80, 50),
    "black": (10, 10, 10), "white": (245, 245, 245), "grey": (128, 128, 128),
}  # fmt: skip

WORDS = ("the", "of", "light", "paper", "river", "and", "a", "under", "house", "to", "number", "is", "when", "small")

Pixels = NDArray[np.float64]
Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing and the lines that describe it; drawings of one `kind` are right answers for each other."""

    picture: Image.Image
    kind: str
    captions: tuple[str, ...]


def _color(random: Random) -> tuple[str, tuple[int, int, int]]:
    name = str(random.choice(list(COLORS)))
    red, green, blue = (int(value) for value in np.clip(random.normal(COLORS[name], 12), 0, 255))
    return name, (red, green, blue)


def _image(values: Pixels) -> Image.Image:
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def _blend(mask: Pixels, one: tuple[int, int, int], two: tuple[int, int, int]) -> Image.Image:
    """Return a picture that goes from one color (mask 0) to another (mask 1); the mask has the shape (h, w)."""
    weight = mask[:, :, None]
    return _image((1 - weight) * np.asarray(one) + weight * np.asarray(two))


def _grid() -> tuple[Pixels, Pixels]:
    down, across = np.mgrid[0:SIDE, 0:SIDE].astype(np.float64)
    return down, across


def plain(random: Random) -> Drawing:
    """Return a picture of one color."""
    name, color = _color(random)
    lines = (f"a plain {name} background", f"the colour {name}", f"nothing but {name}", "an empty picture")
    return Drawing(Image.new("RGB", (SIDE, SIDE), color), f"plain {name}", lines)


def gradient(random: Random) -> Drawing:
    """Return a gradient between two colors."""
    (one, first), (two, second) = _color(random), _color(random)
    angle, (down, across) = random.uniform(0, 6.28), _grid()
    ramp = np.cos(angle) * across + np.sin(angle) * down
    mask = (ramp - ramp.min()) / np.ptp(ramp)
    lines = (f"a gradient from {one} to {two}", "a smooth colour gradient", "a blurred background")
    return Drawing(_blend(mask, first, second), "gradient", lines)


def stripes(random: Random) -> Drawing:
    """Return stripes of two colors."""
    (one, first), (two, second) = _color(random), _color(random)
    angle, (down, across) = random.uniform(0, 3.14), _grid()
    wave = np.sin((np.cos(angle) * across + np.sin(angle) * down) * random.uniform(0.1, 0.6))
    lines = (f"{one} and {two} stripes", "a striped pattern", "lines")
    return Drawing(_blend((wave > 0).astype(float), first, second), "stripes", lines)


def checkerboard(random: Random) -> Drawing:
    """Return squares of two colors."""
    first, second = ((0, 0, 0), (255, 255, 255)) if random.random() < 0.4 else (_color(random)[1], _color(random)[1])
    size, (down, across) = int(random.integers(8, 40)), _grid()
    mask = (down // size + across // size) % 2
    return Drawing(_blend(mask, first, second), "checkerboard", ("a checkerboard pattern", "squares", "a chess board"))


def bricks(random: Random) -> Drawing:
    """Return rows of shifted rectangles with noise."""
    high, wide, joint = int(random.integers(8, 28)), int(random.integers(20, 60)), int(random.integers(1, 4))
    down, across = _grid()
    shifted = across + (down // high % 2) * wide / 2
    gaps = ((down % high < joint) | (shifted % wide < joint)).astype(float)
    tone = random.normal(0, 14, (SIDE // high + 1, SIDE // wide + 3))[
        (down // high).astype(int), (shifted // wide).astype(int)
    ]
    base = np.asarray(random.choice(np.asarray([(150, 70, 50), (110, 105, 100), (170, 140, 110), (90, 90, 95)])))
    wall = base + tone[:, :, None] + random.normal(0, 10, (SIDE, SIDE, 1)) + gaps[:, :, None] * random.uniform(-60, 70)
    grey = wall.mean(axis=2, keepdims=True).repeat(3, axis=2) if random.random() < 0.4 else wall
    return Drawing(_image(grey), "bricks", ("a brick wall", "the texture of bricks", "a stone wall"))


def noise(random: Random) -> Drawing:
    """Return random values, fine or coarse, grey or colored."""
    cells = int(random.choice([12, 24, 48, 96, SIDE]))
    values = random.uniform(0, 255, (cells, cells, 1 if random.random() < 0.6 else 3)).repeat(3, axis=2)[:, :, :3]
    picture = _image(values).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return Drawing(picture, "noise", ("random noise", "a rough texture", "an abstract pattern", "gravel"))


def spots(random: Random) -> Drawing:
    """Return round spots on a background."""
    (one, background), (two, color) = _color(random), _color(random)
    picture = Image.new("RGB", (SIDE, SIDE), background)
    draw = ImageDraw.Draw(picture)
    for _ in range(int(random.integers(4, 60))):
        x, y, radius = random.uniform(0, SIDE), random.uniform(0, SIDE), random.uniform(3, 20)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)
    lines = (f"{two} dots on a {one} background", "a pattern of circles", "round spots")
    return Drawing(picture.filter(ImageFilter.GaussianBlur(float(random.uniform(0, 3)))), "spots", lines)


def shape(random: Random) -> Drawing:
    """Return a plain shape, as diagrams and test pictures have them."""
    (one, background), (two, color) = _color(random), _color(random)
    picture = Image.new("RGB", (SIDE, SIDE), background)
    draw, name = ImageDraw.Draw(picture), str(random.choice(["circle", "square", "triangle"]))
    left, top, size = random.uniform(10, 60), random.uniform(10, 60), random.uniform(60, 120)
    box = (left, top, left + size, top + size)
    if name == "circle":
        draw.ellipse(box, fill=color)
    elif name == "square":
        draw.rectangle(box, fill=color)
    else:
        draw.polygon([(left, top + size), (left + size, top + size), (left + size / 2, top)], fill=color)
    lines = (f"a {two} {name} on a {one} background", f"a {name}", "a simple diagram")
    return Drawing(picture, f"shape {name}", lines)


def page(random: Random) -> Drawing:
    """Return lines of words on a light background."""
    shade = int(random.integers(190, 256))
    picture = Image.new("RGB", (SIDE, SIDE), (shade, shade, shade))
    draw, step = ImageDraw.Draw(picture), int(random.integers(10, 18))
    for y in range(int(random.integers(2, 20)), SIDE, step):
        draw.text((int(random.integers(2, 12)), y), " ".join(random.choice(WORDS, 9)), fill=(20, 20, 20))
    lines = ("a page of text", "printed words on paper", "a scanned document", "a screenshot of text")
    return Drawing(picture, "page", lines)


KINDS: tuple[Callable[[Random], Drawing], ...] = (
    plain, gradient, stripes, checkerboard, bricks, noise, spots, shape, page,
)  # fmt: skip


def make_drawings(count: int, *, seed: int) -> list[Drawing]:
    """Return `count` drawings, the kinds in turn; the same seed gives the same drawings."""
    random = np.random.default_rng((seed, 7))
    return [KINDS[number % len(KINDS)](random) for number in range(count)]
