"""Whether a word moves a vector more than an invented word does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer.encoders.base import Encoder
from indexer.types import Vectors


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """What tells the vectors of invented words from those of known ones.

    Attributes:
        direction: From invented to known words, shape (d,), unit length.
        limit: A vector whose inner product with the direction is at most this is like that of an invented word.
        lenient_limit: The same limit for words that are known to mean something else, and so need less evidence.
    """

    direction: Vectors
    limit: float
    lenient_limit: float

    def has(self, vector: Vectors, *, is_lenient: bool = False) -> bool:
        """Return whether a vector, (d,), is like that of an invented word."""
        return float(vector @ self.direction) <= (self.lenient_limit if is_lenient else self.limit)

    def write(self, file: Path) -> None:
        """Write this as JSON; four digits are more than the limit needs.

        Raises:
            OSError: The file cannot be written.
        """
        values = {
            "limit": round(self.limit, 4),
            "lenient_limit": round(self.lenient_limit, 4),
            "direction": [round(float(value), 4) for value in self.direction],
        }
        file.write_text(json.dumps(values) + "\n", encoding="utf-8")


def noise_file_name(fingerprint: str) -> str:
    """Return the name of the file with the noise of an encoder."""
    return f"noise-{fingerprint[:16]}.json"


def read_noise(file: Path, dim: int) -> Noise | None:
    """Return what `Noise.write` wrote; None if the file is missing, damaged or of another encoder."""
    try:
        values = json.loads(file.read_bytes())
        limits = float(values["limit"]), float(values["lenient_limit"])
        noise = Noise(np.array(values["direction"], dtype=np.float32), *limits)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return noise if noise.direction.shape == (dim,) else None


def word_vectors(encoder: Encoder, words: Sequence[str]) -> Vectors:
    """Return the vectors of "a photo of a WORD", shape (n, d), unit length."""
    return encoder.encode_texts([f"a photo of a {word}" for word in words])
