"""What is asked of an index, what was measured of it, and with which queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from indexer.types import Ids, Vectors


@dataclass(frozen=True, slots=True)
class HoldoutQueries:
    """Queries that nothing was learnt from.

    Attributes:
        vectors: Shape (q, dim), float32, unit length.
        own: The unit that each is, which is no result, shape (q,); None where they are none.
    """

    vectors: Vectors
    own: Ids | None = None


@dataclass(frozen=True, slots=True)
class SearchDepth:
    """How far is looked for so many results, as it was measured.

    Attributes:
        results: At most.
        probes: Lists that are looked through for each query.
        refine: Candidates that are scored exactly, no fewer than the results.
    """

    results: int
    probes: int
    refine: int


@dataclass(frozen=True, slots=True)
class IndexMeasurement:
    """One kind of index as it was measured here.

    Attributes:
        kind: "exact", or how the inverted file holds its vectors.
        recall: Of the ten best by exact search, and of the 24 that a search asks for, the part that is found; the lower
            one, of the kind of query that it is lowest for.
        milliseconds: Median of one query, without the encoder.
        opening: Milliseconds to open the inverted file, which a command does for each search.
        memory: Bytes that it searches in: all vectors where it is exact, else the inverted file.
        seconds: What it took to build.
        vectors: How many it was built from.
        depths: How far is looked, for more and more results; more than the last has are searched exactly.
        fits: Whether recall and memory are what was asked for.
    """

    kind: str
    recall: float
    milliseconds: float
    opening: float
    memory: int
    seconds: float
    vectors: int
    depths: tuple[SearchDepth, ...] = ()
    fits: bool = False

    @property
    def waiting(self) -> float:
        """Milliseconds that somebody waits for a search from the command line, without the encoder."""
        return self.opening + self.milliseconds


@dataclass(frozen=True, slots=True)
class IndexTarget:
    """What an index has to be.

    Attributes:
        recall: Part of the ten best that it finds at least, above 0, at most 1.
        memory: Bytes that it searches in at most; None for no limit.
    """

    recall: float
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class IndexChoice:
    """What was chosen, and why.

    Attributes:
        target: What the index had to be.
        measurements: All that was measured, the chosen one first.
        watermark: The highest id that there was.
        chosen_at: When that was.
    """

    target: IndexTarget
    measurements: tuple[IndexMeasurement, ...]
    watermark: int
    chosen_at: datetime
