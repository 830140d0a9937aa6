"""Whether two encoders say the same: what they are shown, and how near their vectors have to be."""

from __future__ import annotations

import numpy as np

from indexer.encoders.base import Encoder
from indexer.errors import EncoderError
from indexer.types import Pixels, Vectors

SAMPLE_TEXTS = (
    "",
    "a",
    "a dog on the beach",
    "two children run through the snow at night",
    "don't, 3.14! (50% off) #1 & <b>more</b>",
    "Ünïcödé, ß, œ and ŉ",
    "日本語の写真",
    "一张海边日落的照片",
    "كلب على الشاطئ",
    "собака на пляже",
    "कुत्ता समुद्र तट पर",
    "ภาพถ่ายของแมว",
    "👩‍👩‍👧 😀🚀",
    "UPPER and lower,\n\tand   spaces",
    "x" * 300,
    "a long text about a photograph of a harbour " * 12,
)
"""Nothing, a letter, a few words, many scripts, and more than any context holds."""


class ExportRefusedError(EncoderError):
    """An export that gives other vectors than what it was made from, or that cannot be made; says why."""


def sample_pictures(size: int) -> Pixels:
    """Return flat, smooth, edged and noisy pictures, shape (12, size, size, 3), uint8, the same at every call."""
    random = np.random.default_rng(0)
    down, right = np.mgrid[0:size, 0:size] / max(size - 1, 1)  # (s, s), 0 to 1
    cells = 7 * np.stack([down, right, 1 - down], axis=-1)  # (s, s, 3)
    blobs = random.integers(0, 256, (8, 8, 3))[(down * 7.99).astype(int), (right * 7.99).astype(int)]
    disc = (down - 0.4) ** 2 + (right - 0.6) ** 2 < 0.1
    waves = [np.sin(40 * down * right + phase) for phase in (0, 1, 2)]
    shown = [
        np.zeros((size, size, 3)),
        np.full((size, size, 3), 255),
        np.broadcast_to([200, 30, 60], (size, size, 3)),
        255 * np.stack([right, down, 1 - right], axis=-1),
        255 * np.stack([down * right] * 3, axis=-1),
        255 * (np.floor(cells) % 2),
        blobs,
        np.where(disc[..., None], [250, 220, 20], [20, 60, 160]),
        127 + 127 * np.stack(waves, axis=-1),
        random.integers(0, 256, (size, size, 3)),
        np.clip(random.normal(120, 30, (size, size, 3)) + 80 * (right[..., None] - 0.5), 0, 255),
        (blobs + random.integers(0, 256, (size, size, 3))) / 2,
    ]
    return np.stack(shown).astype(np.uint8)


def image_agreement(one: Encoder, other: Encoder) -> float:
    """Return the smallest cosine between what two encoders make of a picture, alone and among others."""
    shown = sample_pictures(one.preprocess.size)
    expected = one.encode_images(shown)
    return float(
        np.minimum(
            min_cosine(expected, other.encode_images(shown)),
            min_cosine(expected[-1:], other.encode_images(shown[-1:])),
        )
    )


def text_agreement(one: Encoder, other: Encoder) -> float:
    """Return the smallest cosine between what two encoders make of a text, alone and among others."""
    expected = one.encode_texts(SAMPLE_TEXTS)
    alone = np.concatenate([other.encode_texts([text]) for text in SAMPLE_TEXTS])
    return float(np.minimum(min_cosine(expected, other.encode_texts(SAMPLE_TEXTS)), min_cosine(expected, alone)))


def min_cosine(one: Vectors, other: Vectors) -> float:
    """Return the smallest cosine between rows at the same place, shape (n, d); not-a-number where there is one."""
    first, second = one.astype(np.float64), other.astype(np.float64)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    cosines = np.einsum("nd,nd->n", first, second) / np.where(lengths == 0, 1, lengths)
    return float(cosines.min())  # min passes not-a-number on


def require_agreement(least: float, bound: float, *, what: str) -> None:
    """Check a tower's agreement; below the bound it is refused as "its" `what`.

    Raises:
        ExportRefusedError: It is below the bound, or no number.
    """
    if not least >= bound:
        raise ExportRefusedError(f"its {what}: cosine {least:.6f}, expected at least {bound}")
