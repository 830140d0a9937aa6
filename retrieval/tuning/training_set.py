"""What was judged, as arrays: queries, the units that were judged for them, and some that were not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.encoders.base import to_unit_length
from indexer.types import Ids, Vectors

_ALIKE = 1 - 1e-5
"""Cosine from which two vectors are one but for rounding: words that differ in case or blanks alone give the same."""


def alike(vectors: Vectors) -> Ids:
    """Return for each vector the first row that it is a copy of, itself where there is none before it; shape (n,).

    Args:
        vectors: Shape (n, d), of any length.
    """
    if not len(vectors):
        return np.zeros(0, dtype=np.int64)
    units = to_unit_length(vectors)
    same = units @ units.T > _ALIKE
    np.fill_diagonal(same, val=True)
    first: Ids = same.argmax(axis=1).astype(np.int64)
    return first


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """Judged queries and units, all under the encoder without an adapter.

    Attributes:
        names: The judged queries in words for people, q of them.
        texts: Of each query the weighted sum of its text parts' unit vectors, zeros where it has none; shape (q, d).
        images: The same for its picture parts, shape (q, d).
        owners: The query of each judged unit, a row of `texts`; shape (n,), int64.
        units: Embeddings of the judged units, shape (n, d), unit length.
        are_photos: Whether a judged unit is a photo, shape (n,).
        good: The verdicts, shape (n,).
        others: Embeddings of units that nobody judged, a random sample; shape (m, d), unit length.
        others_are_photos: Whether each of those is a photo, shape (m,).
        words: The words of each query that is one text and nothing else, q of them, "" for the others; empty where
            nobody asked.
        files: The file of each judged unit, n of them; empty where nobody asked, as the next.
        other_files: The same of those that nobody judged, m of them.
    """

    names: tuple[str, ...]
    texts: Vectors
    images: Vectors
    owners: Ids
    units: Vectors
    are_photos: NDArray[np.bool_]
    good: NDArray[np.bool_]
    others: Vectors
    others_are_photos: NDArray[np.bool_]
    words: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    other_files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit together.

        Raises:
            ValueError: A shape is another, or a judged unit belongs to no query.
        """
        q, n, m = len(self.names), len(self.owners), len(self.others)
        dim = self.texts.shape[-1]
        expected = {
            "texts": (q, dim), "images": (q, dim), "owners": (n,), "units": (n, dim), "are_photos": (n,),
            "good": (n,), "others": (m, dim), "others_are_photos": (m,),
        }  # fmt: skip
        for name, shape in expected.items():
            found = getattr(self, name).shape
            if found != shape:
                raise ValueError(f"lessons have {name} of the shape {found}; expected {shape}")
        for name, length in {"words": q, "files": n, "other_files": m}.items():
            if len(getattr(self, name)) not in (0, length):
                raise ValueError(f"lessons have {len(getattr(self, name))} {name}; expected {length} or none")
        if n and not 0 <= self.owners.min() <= self.owners.max() < q:
            raise ValueError(
                f"lessons have owners from {self.owners.min()} to {self.owners.max()}; expected 0 to {q - 1}"
            )

    def take(self, rows: Ids, units: NDArray[np.bool_] | None = None) -> TrainingSet:
        """Return the lessons of these queries alone, in this order and numbered anew; the unjudged units stay.

        Args:
            rows: Different rows of `texts`, shape (r,), int64.
            units: Which judged units to keep of these queries', shape (n,); None keeps all.
        """
        place = np.full(len(self.names), -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        kept = place[self.owners] >= 0
        if units is not None:
            kept &= units
        return TrainingSet(
            names=tuple(self.names[row] for row in rows),
            texts=self.texts[rows],
            images=self.images[rows],
            owners=place[self.owners[kept]],
            units=self.units[kept],
            are_photos=self.are_photos[kept],
            good=self.good[kept],
            others=self.others,
            others_are_photos=self.others_are_photos,
            words=tuple(self.words[row] for row in rows) if self.words else (),
            files=tuple(self.files[row] for row in np.flatnonzero(kept)) if self.files else (),
            other_files=self.other_files,
        )
