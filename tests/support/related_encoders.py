"""Encoders whose vectors are linear maps of those of `FakeEncoder`, for tests of a change of encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from indexer.encoders.base import to_unit_length
from indexer.types import Pixels, Vectors
from retrieval import Library
from tests.support.encoders import FakeEncoder

RELATED_FINGERPRINT = "0e" * 20


class RelatedEncoder(FakeEncoder):
    """The colors in another order and with a fourth dimension, an exact linear map of `FakeEncoder`."""

    def __init__(self) -> None:
        super().__init__(name="fake/turned", fingerprint=RELATED_FINGERPRINT, dim=4)

    def encode_images(self, pixels: Pixels) -> Vectors:
        """Return vectors of shape (n, 4), unit length."""
        return _map(super().encode_images(pixels))

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return vectors of shape (n, 4), unit length."""
        return _map(super().encode_texts(texts))


class CopiedEncoder(FakeEncoder):
    """`FakeEncoder` under another name and fingerprint."""

    def __init__(self) -> None:
        super().__init__(name="fake/third", fingerprint="03" * 20)


def encoder_states(library: Library) -> list[tuple[str, bool, int, int]]:
    """Return name, activity, and counts of encoded and approximate embeddings of each encoder."""
    return [(state.name, state.is_active, state.encoded, state.approximate) for state in library.encoders()]


def _map(vectors: Vectors) -> Vectors:
    red, green, blue = vectors.T
    return to_unit_length(np.stack([blue, red, green + red, green - red], axis=1))
