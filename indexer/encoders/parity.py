"""Comparison of two encoders: sample pictures and texts, and the agreement of their vectors."""

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
"""An empty text, one letter, short texts, many scripts, and more than any context holds."""


class ExportRefusedError(EncoderError):
    """Raised when an encoder cannot be exported, or its export gives other vectors; says why."""


def sample_pictures(size: int) -> Pixels:
    """Return flat, smooth, edged and noisy pictures, shape (12, size, size, 3), uint8, the same in every call."""
    random = np.random.default_rng(0)
    down, right = np.mgrid[0:size, 0:size] / max(size - 1, 1)  # (s, s), 0 to 1
    cells = 7 * np.stack([down, right, 1 - down], axis=-1)  # (s, s, 3)
    blobs = random.integers(0, 256, (8, 8, 3))[(down * 7.99).astype(int), (right * 7.99).astype(int)]
    disc = (down - 0.4) ** 2 + (right - 0.6) ** 2 < 0.1
    waves = [np.sin(40 * down * right + phase) for phase in (0, 1, 2)]
    pictures = [
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
    return np.stack(pictures).astype(np.uint8)


def image_agreement(reference: Encoder, encoder: Encoder) -> float:
    """Return the smallest cosine between two encoders' vectors of the sample pictures, in a batch and alone."""
    pictures = sample_pictures(reference.preprocess.size)
    expected = reference.encode_images(pictures)
    return float(
        np.minimum(
            min_cosine(expected, encoder.encode_images(pictures)),
            min_cosine(expected[-1:], encoder.encode_images(pictures[-1:])),
        )
    )


def text_agreement(reference: Encoder, encoder: Encoder) -> float:
    """Return the smallest cosine between two encoders' vectors of the sample texts, in a batch and alone."""
    expected = reference.encode_texts(SAMPLE_TEXTS)
    one_by_one = np.concatenate([encoder.encode_texts([text]) for text in SAMPLE_TEXTS])
    in_a_batch = encoder.encode_texts(SAMPLE_TEXTS)
    return float(np.minimum(min_cosine(expected, in_a_batch), min_cosine(expected, one_by_one)))


def min_cosine(left: Vectors, right: Vectors) -> float:
    """Return the smallest cosine between corresponding rows, shape (n, d); NaN if any cosine is NaN."""
    first, second = left.astype(np.float64), right.astype(np.float64)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    cosines = np.einsum("nd,nd->n", first, second) / np.where(lengths == 0, 1, lengths)
    return float(cosines.min())  # the minimum is NaN if any is


def require_agreement(cosine: float, minimum: float, *, problem: str) -> None:
    """Check the agreement of a tower.

    Args:
        cosine: Smallest cosine to the reference.
        minimum: Bound that it must reach.
        problem: What is wrong if it does not, for a message that begins with "its".

    Raises:
        ExportRefusedError: The cosine is below the bound, or NaN.
    """
    if not cosine >= minimum:
        raise ExportRefusedError(f"its {problem}: cosine {cosine:.6f}, expected at least {minimum}")
