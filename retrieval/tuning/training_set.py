"""The training set as arrays: judged queries, the units that were judged for them, and a sample of unjudged units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.encoders.base import to_unit_length
from indexer.types import Ids, Vectors

_DUPLICATE = 1 - 1e-5
"""Cosine from which two vectors are equal but for rounding, such as those of texts that differ only in case."""


def group_duplicates(vectors: Vectors) -> Ids:
    """Return for each vector the first row of the same direction, which is its own row if there is none before it.

    Args:
        vectors: Shape (n, d), of any length.

    Returns:
        Row numbers, shape (n,), int64.
    """
    if not len(vectors):
        return np.zeros(0, dtype=np.int64)
    units = to_unit_length(vectors)
    is_same = units @ units.T > _DUPLICATE
    np.fill_diagonal(is_same, val=True)
    first: Ids = is_same.argmax(axis=1).astype(np.int64)
    return first


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """Judged queries and units, all embedded without an adapter.

    Attributes:
        names: The q judged queries in words, for people.
        texts: For each query the weighted sum of the unit vectors of its texts, zeros if it has none; shape (q, d).
        images: The same for its pictures, shape (q, d).
        owners: The query of each judged unit, a row of `texts`; shape (n,), int64.
        units: Embeddings of the judged units, shape (n, d), unit length.
        are_photos: Whether each judged unit is a photo, shape (n,).
        good: Whether each judged unit was judged good, shape (n,).
        unjudged: Embeddings of a random sample of unjudged units; shape (m, d), unit length.
        unjudged_are_photos: Whether each of those is a photo, shape (m,).
        query_texts: The text of each query that consists of one text, "" for other queries; length q, or empty if not
            needed.
        files: The file of each judged unit; length n, or empty if not needed.
        unjudged_files: The file of each unjudged unit; length m, or empty if not needed.
    """

    names: tuple[str, ...]
    texts: Vectors
    images: Vectors
    owners: Ids
    units: Vectors
    are_photos: NDArray[np.bool_]
    good: NDArray[np.bool_]
    unjudged: Vectors
    unjudged_are_photos: NDArray[np.bool_]
    query_texts: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    unjudged_files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that the arrays fit together.

        Raises:
            ValueError: A shape is wrong, or a judged unit has a query that does not exist.
        """
        q, n, m = len(self.names), len(self.owners), len(self.unjudged)
        dim = self.texts.shape[-1]
        shapes = {
            "texts": (q, dim), "images": (q, dim), "owners": (n,), "units": (n, dim), "are_photos": (n,),
            "good": (n,), "unjudged": (m, dim), "unjudged_are_photos": (m,),
        }  # fmt: skip
        for name, expected in shapes.items():
            shape = getattr(self, name).shape
            if shape != expected:
                raise ValueError(f"the training set's {name} have the shape {shape}; expected {expected}")
        for name, expected_length in {"query_texts": q, "files": n, "unjudged_files": m}.items():
            length = len(getattr(self, name))
            if length not in (0, expected_length):
                raise ValueError(f"the training set has {length} {name}; expected {expected_length} or none")
        if n and not 0 <= self.owners.min() <= self.owners.max() < q:
            raise ValueError(
                f"the training set's owners are {self.owners.min()} to {self.owners.max()}; expected 0 to {q - 1}"
            )

    def take(self, rows: Ids, units: NDArray[np.bool_] | None = None) -> TrainingSet:
        """Return the training set of these queries alone, in this order; the unjudged units stay.

        Args:
            rows: Different rows of `texts`, shape (r,), int64.
            units: Which of the judged units to include, shape (n,); None includes all of these queries' units.
        """
        new_rows = np.full(len(self.names), -1, dtype=np.int64)
        new_rows[rows] = np.arange(len(rows))
        is_included = new_rows[self.owners] >= 0
        if units is not None:
            is_included &= units
        return TrainingSet(
            names=tuple(self.names[row] for row in rows),
            texts=self.texts[rows],
            images=self.images[rows],
            owners=new_rows[self.owners[is_included]],
            units=self.units[is_included],
            are_photos=self.are_photos[is_included],
            good=self.good[is_included],
            unjudged=self.unjudged,
            unjudged_are_photos=self.unjudged_are_photos,
            query_texts=tuple(self.query_texts[row] for row in rows) if self.query_texts else (),
            files=tuple(self.files[row] for row in np.flatnonzero(is_included)) if self.files else (),
            unjudged_files=self.unjudged_files,
        )
