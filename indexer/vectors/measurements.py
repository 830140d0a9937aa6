"""The target for an index, the measurements of each kind, and the queries that they are made with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from indexer.types import Ids, Vectors


@dataclass(frozen=True, slots=True)
class HoldoutQueries:
    """Queries that no index is trained on.

    Attributes:
        vectors: Shape (q, dim), float32, unit length.
        own_ids: The id of each query's own vector, which is left out of its results, shape (q,); None if the queries
            are not in the index.
    """

    vectors: Vectors
    own_ids: Ids | None = None


@dataclass(frozen=True, slots=True)
class SearchDepth:
    """How deep an inverted file is searched for a number of results, as it was measured.

    Attributes:
        results: Largest number of results that this depth is for.
        probes: Lists that are searched for each query (FAISS's nprobe).
        refine: Candidates that are scored exactly, at least as many as results.
    """

    results: int
    probes: int
    refine: int


@dataclass(frozen=True, slots=True)
class IndexMeasurement:
    """One kind of index as it was measured on this library and machine.

    Attributes:
        kind: A name in `INDEX_KINDS`.
        recall: Part of the best results by exact search that it finds: the lower one of recall@10 and recall@24 (as
            many as a search requests), for the kind of query with the lowest recall.
        milliseconds: Median time of one query, without the encoder.
        opening: Milliseconds to open the inverted file, which every command does.
        memory: Bytes that it searches in: all vectors for exact search, else the inverted file.
        seconds: Time to build it.
        vectors: Number of vectors that it was built from.
        depths: Search depths by ascending number of results; more results than the last depth has are searched exactly.
        fits: Whether recall and memory meet the target.
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
        """Milliseconds that one search from the command line takes, without the encoder."""
        return self.opening + self.milliseconds


@dataclass(frozen=True, slots=True)
class IndexTarget:
    """What an index must achieve.

    Attributes:
        recall: Smallest part of the best results that it must find, above 0, at most 1.
        memory: Most bytes that it may search in; None for no limit.
    """

    recall: float
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class IndexChoice:
    """The index that was chosen, and why.

    Attributes:
        target: What the index had to achieve.
        measurements: All measurements, the chosen kind first.
        watermark: Highest embedding id at that time.
        chosen_at: Time of the choice.
    """

    target: IndexTarget
    measurements: tuple[IndexMeasurement, ...]
    watermark: int
    chosen_at: datetime
