"""`bursts`: turns a burst of photos into one hit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import compress, islice

from indexer.catalog.statements.items import ItemDetails
from indexer.errors import QueryError
from indexer.registry import Entry
from indexer.types import Modality, Vectors
from retrieval.search.rerank.protocol import Context, Ranking
from retrieval.search.rerank.registry import parse_number

ENTRY = Entry(
    name="bursts",
    syntax="bursts[:COSINE]",
    help="turn a burst of similar photos into one hit; COSINE is the least similarity, above 0 to 1",
    default="0.85",
)

_DEFAULT = float(ENTRY.default)
"""Simulated bursts stay whole from .90 down, and different photos apart from .80 up (tests/bench/reranking.py)."""

_MAX_GAP = timedelta(seconds=60)
"""Time from one photo of a burst to the next, at most."""


class Bursts:
    """Groups photos that were taken within a minute of each other and look alike, each similar to another of its group.

    If the camera recorded no time, the times of the files must be equal to the second: copying gives all files of a
    folder nearly the same time. Photos of which only the day is known, which is stored as midnight, are not grouped.
    The best photo of a burst takes the place of the group.
    """

    def __init__(self, min_cosine: float = _DEFAULT) -> None:
        """Set the similarity within a burst.

        Args:
            min_cosine: Cosine of the embeddings of two photos of a burst, at least; above 0, up to 1.

        Raises:
            QueryError: The cosine is not above 0, or is above 1.
        """
        if not 0 < min_cosine <= 1:
            raise QueryError(
                f"bursts has the cosine {min_cosine:g}; expected a number above 0, up to 1, for instance .85"
            )
        self.min_cosine = min_cosine

    def rerank(self, ranking: Ranking, context: Context) -> Ranking:
        """Return the best candidate of each burst, with the others as its members."""
        groups: dict[int, list[int]] = {}
        for row, group in enumerate(self._groups(ranking.candidates.items, ranking.candidates.vectors)):
            groups.setdefault(group, []).append(row)
        leaders = ranking.take([rows[0] for rows in groups.values()])
        members = [
            (*earlier, ranking.take(rows[1:])) if len(rows) > 1 else earlier
            for rows, earlier in zip(groups.values(), leaders.members, strict=True)
        ]
        return replace(leaders, members=tuple(members))

    def _groups(self, items: Sequence[ItemDetails], vectors: Vectors) -> list[int]:
        """Return a row for each candidate that is the same for all candidates of its burst."""
        parents = list(range(len(items)))
        for by_file, max_gap in ((False, _MAX_GAP), (True, timedelta(0))):
            dated = sorted(
                (item.taken_at, row)
                for row, item in enumerate(items)
                if item.kind == Modality.PHOTO
                and item.taken_at
                and (item.taken_from == "file") == by_file
                and (by_file or item.taken_at.time() != time.min)
            )
            for position, (taken_at, row) in enumerate(dated):
                following = list(_rows_until(taken_at + max_gap, islice(dated, position + 1, None)))
                is_similar = vectors[following] @ vectors[row] >= self.min_cosine  # (m,)
                for other in compress(following, is_similar):
                    parents[_root(parents, other)] = _root(parents, row)
        return [_root(parents, row) for row in range(len(items))]


def _rows_until(end: datetime, dated: Iterable[tuple[datetime, int]]) -> Iterator[int]:
    """Yield the rows of photos, in order of time, until the first that was taken after `end`."""
    for taken_at, row in dated:
        if taken_at > end:
            return
        yield row


def _root(parents: list[int], row: int) -> int:
    """Return the root of a row in a union-find forest, and shorten the path to it."""
    while parents[row] != row:
        parents[row] = parents[parents[row]]
        row = parents[row]
    return row


def make(argument: str) -> Bursts:
    """Return the reranker for the cosine after the colon, "" for the default."""
    return Bursts(parse_number("bursts", argument) if argument else _DEFAULT)
