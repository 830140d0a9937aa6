"""What an encoder's scores are when nothing matches: mean and deviation of a query's scores with other photos or texts.

They come from the mean and the covariance of the vectors of many photos, and of many texts, which ship with Recall for
the encoders that probabilities were fitted for. So they depend on the query alone, and not on the library.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.errors import EncoderError
from indexer.types import Modality, Vectors

_FILE = Path(__file__).parent / "null_scores.npz"

SHIPPED_SHA256 = "82e515d11ed427c40169837187f6ff37d294e702b9bc2f1c3c970fed4e20fbbb"
"""Checksum of the file; a damaged one is an error, not another answer."""

_AXES = 128
"""Principal axes of the covariance that are stored; along the others the variance is their mean."""


_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class NullScores:
    """Mean and covariance of unit vectors of one kind.

    Attributes:
        mean: Mean vector, shape (d,).
        axes: Principal axes times their standard deviations, shape (a, d).
        rest: Variance along each of the other axes.
    """

    mean: Vectors
    axes: Vectors
    rest: float

    def mean_and_deviation(self, query: Vectors) -> tuple[float, float]:
        """Return mean and standard deviation of the scores of a query, a unit vector of shape (d,)."""
        along = self.axes @ query
        shares = along / np.maximum(np.linalg.norm(self.axes, axis=1), _TINY)  # of the query along each axis
        across = max(0.0, 1 - float(shares @ shares))  # squared length of the query along the others
        return float(self.mean @ query), float(np.sqrt(along @ along + self.rest * across))


def summarise(vectors: Vectors) -> NullScores:
    """Return mean and covariance of unit vectors, shape (n, d)."""
    mean = vectors.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov((vectors - mean).T.astype(np.float64)))  # ascending
    kept = np.sqrt(np.maximum(variances[-_AXES:], 0.0))[:, None] * axes[:, -_AXES:].T
    rest = float(variances[:-_AXES].mean()) if len(variances) > _AXES else 0.0
    return NullScores(mean.astype(np.float32), kept.astype(np.float32), rest)


def to_bytes(scores: dict[Modality, NullScores]) -> bytes:
    """Return the content of the file that ships."""
    arrays: dict[str, NDArray[np.float16] | NDArray[np.float64]] = {}
    for kind, null in scores.items():
        arrays |= {f"{kind}_mean": null.mean.astype(np.float16), f"{kind}_axes": null.axes.astype(np.float16)}
        arrays |= {f"{kind}_rest": np.array(null.rest)}
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


@cache
def shipped_null_scores() -> dict[Modality, NullScores]:
    """Return those of `compact`.

    Raises:
        EncoderError: The file is missing or damaged.
    """
    content = _FILE.read_bytes() if _FILE.exists() else b""
    if hashlib.sha256(content).hexdigest() != SHIPPED_SHA256:
        raise EncoderError(f"{_FILE} is damaged; install Recall again")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {
            kind: NullScores(
                arrays[f"{kind}_mean"].astype(np.float32),
                arrays[f"{kind}_axes"].astype(np.float32),
                float(arrays[f"{kind}_rest"]),
            )
            for kind in Modality
        }
