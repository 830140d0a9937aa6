"""A query with the vectors of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from indexer.encoders.base import to_unit_length
from indexer.errors import QueryError
from indexer.types import Vectors
from retrieval.query.query import Query

_MIN_LENGTH = 1e-3
"""Parts cancel out if the length of their weighted sum is at most this share of the sum of their absolute weights: the
rest is rounding, since float16 gives a unit vector an error of up to 2**-11."""


@dataclass(frozen=True, slots=True)
class EncodedQuery:
    """A query whose parts are encoded.

    Attributes:
        query: The query.
        vectors: Unit vectors of its parts, shape (p, d), float32.
        photo_shares: How much of each part's vector comes from photos, (p,): 1 for a picture, 0 for a text, in between
            for a text with private words, and NaN for a vector, of which it is not known.
        excluded: Unit vectors of what no result may show, shape (e, d).
    """

    query: Query
    vectors: Vectors
    photo_shares: Sequence[float]
    excluded: Vectors = field(default_factory=lambda: np.empty((0, 0), dtype=np.float32))

    @property
    def weights(self) -> tuple[float, ...]:
        """Weight of each part."""
        return self.query.weights

    @property
    def vector(self) -> Vectors:
        """The query's vector, shape (d,), unit length; see `Query`. Without parts, the opposite of what is excluded.

        Raises:
            QueryError: The parts cancel out.
        """
        if not self.query.parts:
            return combine_parts(self.excluded, [-1.0] * len(self.excluded))
        return combine_parts(self.vectors, self.weights)

    @property
    def has_photos(self) -> bool:
        """Whether any part of the vector comes from photos."""
        return any(self.photo_shares)


def combine_parts(vectors: Vectors, weights: Sequence[float]) -> Vectors:
    """Return the weighted sum of the parts' vectors, scaled to unit length, shape (d,).

    Args:
        vectors: Unit vectors, shape (p, d).
        weights: One for each part, (p,).

    Raises:
        QueryError: The parts cancel out.
    """
    factors = np.asarray(weights, dtype=np.float32)  # (p,)
    total = factors @ vectors  # (d,)
    if np.linalg.norm(total) <= _MIN_LENGTH * np.abs(factors).sum():
        raise QueryError("the parts of the query cancel out; leave one of them out, or change a weight")
    vector: Vectors = to_unit_length(total[None])[0]
    return vector
