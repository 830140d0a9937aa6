"""A fake encoder that can be computed mentally: a picture is its mean colour, a word the colour it names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import ImageColor

from indexer.encoders.base import to_unit_length
from indexer.types import Pixels, Preprocess, Vectors

TINY = Preprocess(size=8, resize_mode="squash", interpolation="bilinear")

GREY = (1.0, 1.0, 1.0)
"""The vector of everything without a hue: black, grey, white, and words that name no colour."""


@dataclass
class FakeEncoder:
    """Mean red, green and blue, scaled to unit length, so that black, grey and white have the same vector.

    Attributes:
        name: The name that libraries store.
        fingerprint: Fingerprint; change it to simulate other weights.
        context: Words after which a text is truncated.
        batch_size: Pictures per call.
        unusable: Colours whose pictures get a vector that is not finite, like that of broken weights.
        before_images: Called before each batch with its number of pictures; it may raise or wait.
        pictures: Numbers of pictures encoded so far, by batch.
        texts: Texts encoded so far.
    """

    name: str = "fake/colours"
    fingerprint: str = "c0" * 20
    context: int = 8
    batch_size: int = 4
    dim: int = 3
    device: str = "cpu"
    preprocess: Preprocess = TINY
    unusable: tuple[tuple[int, int, int], ...] = ()
    before_images: Callable[[int], object] | None = None
    pictures: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def encode_images(self, pixels: Pixels) -> Vectors:
        """Return the mean colours, shape (n, 3), unit length."""
        if self.before_images:
            self.before_images(len(pixels))
        self.pictures.append(len(pixels))
        means = pixels.reshape(len(pixels), -1, 3).mean(axis=1, dtype=np.float32)  # (n, 3)
        broken = [tuple(row) in self.unusable for row in means.round().astype(int).tolist()]
        means[~means.any(axis=1)] = GREY
        vectors = to_unit_length(means)
        vectors[broken] = np.nan
        return vectors

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return for each text the mean of the colours that it names, shape (n, 3), unit length."""
        self.texts += texts
        truncated = [" ".join(text.split()[: self.context]) for text in texts]
        return to_unit_length(
            np.array([_mean_color(text) for text in truncated], dtype=np.float32).reshape(len(texts), 3)
        )

    def fits(self, texts: Sequence[str]) -> list[bool]:
        """Return for each text whether it is not truncated."""
        return [len(text.split()) <= self.context for text in texts]


def _mean_color(text: str) -> tuple[float, ...]:
    words = [word.strip(".,!?") for word in text.lower().split()]
    colours = [ImageColor.getrgb(word) for word in words if word in ImageColor.colormap]
    mean = np.mean(colours, axis=0) if colours else np.zeros(3)
    return tuple(float(value) for value in mean) if mean.any() else GREY
