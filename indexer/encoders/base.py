"""The Encoder protocol, and the fingerprint that keeps the embeddings of different encoders apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from indexer.types import Pixels, Preprocess, Vectors

COMPACT_FOLDER = Path(__file__).parent / "compact"
"""The encoder that ships with Recall: an ordinary open_clip folder, which also has both towers as ONNX graphs."""


@runtime_checkable
class Encoder(Protocol):
    """Two towers into one space: one for pictures, one for texts.

    Implementations are deterministic: the same input gives the same vector, up to float rounding, whatever else is in
    the batch.
    """

    @property
    def name(self) -> str:
        """Name for `load_encoder`, for instance "compact"."""

    @property
    def fingerprint(self) -> str:
        """Hex digest over architecture, weights, preprocessing and tokenizer; embeddings of two are never mixed."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    @property
    def device(self) -> str:
        """Device that it runs on: "cpu", "cuda", "cuda:1", "mps"."""

    @property
    def batch_size(self) -> int:
        """Pictures per call that suit the device; callers may pass any number."""

    @property
    def preprocess(self) -> Preprocess:
        """Preprocessing of the pictures for `encode_images`."""

    def encode_images(self, pixels: Pixels) -> Vectors:
        """Return one unit vector per picture.

        Args:
            pixels: Output of `indexer.images.prepare`, shape (n, size, size, 3), uint8; n may be 0.

        Returns:
            Shape (n, dim), float32, unit length.
        """

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text; a text longer than the encoder's context is truncated.

        Args:
            texts: Any number of strings, including none.

        Returns:
            Shape (n, dim), float32, unit length.
        """

    def fits(self, texts: Sequence[str]) -> list[bool]:
        """Return for each text whether it is encoded without truncation; parts of a text that fits fit too."""


def to_unit_length(vectors: Vectors) -> Vectors:
    """Return the rows scaled to unit length as float32, shape (n, d); a zero row stays zero."""
    rows = np.asarray(vectors, dtype=np.float32)
    lengths: Vectors = np.linalg.norm(rows, axis=1, keepdims=True).astype(np.float32)  # (n, 1)
    lengths[lengths == 0] = 1
    return rows / lengths


def is_unit_length(vectors: Vectors) -> NDArray[np.bool_]:
    """Return which vectors, shape (n, d), are of unit length, shape (n,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        valid: NDArray[np.bool_] = np.abs(np.linalg.norm(vectors, axis=1) - 1) < 1e-2  # false for NaN and infinity
    return valid


def fingerprint_of(
    *, architecture: object, preprocess: Preprocess, tokenizer: object, weights: Iterable[tuple[str, bytes]]
) -> str:
    """Return a hex digest (40 digits) over everything that determines an encoder's vectors.

    Args:
        architecture: Any value that json can write.
        preprocess: Preprocessing of the pictures.
        tokenizer: Any value that json can write and that changes when the tokenizer does.
        weights: Name and raw bytes of every tensor, in the same order in every run.
    """
    digest = hashlib.sha256()
    for part in (architecture, asdict(preprocess), tokenizer):
        digest.update(json.dumps(part, sort_keys=True, default=str).encode())
    for name, raw in weights:
        digest.update(name.encode())
        digest.update(raw)
    return digest.hexdigest()[:40]
