"""`bursts`: a burst becomes one hit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import compress, islice

from indexer.catalog.statements.items import ItemDetails
from indexer.errors import QueryError
from indexer.types import Modality, Vectors
from retrieval.search.rerank.protocol import Context, Ranking

DEFAULT = 0.85
"""Simulated bursts stay whole from .90 down, and different photos apart from .80 up (tests/bench/reranking.py)."""

APART = timedelta(seconds=60)
"""From one photo of a moment to the next."""


class Bursts:
    """Makes one hit of photos that were taken within a minute of each other and look alike, each like another of them.

    Where a camera left no time and only the file's own is known, that has to be the same to the second: copying gives
    a whole folder nearly the same time. The best photo of a moment stands for it, in its place.
    """

    def __init__(self, alike: float = DEFAULT) -> None:
        """Make one.

        Args:
            alike: Cosine of two photos' embeddings from which on they look alike.

        Raises:
            QueryError: It is not above 0, or above 1.
        """
        if not 0 < alike <= 1:
            raise QueryError(f"bursts has the cosine {alike:g}; expected a number above 0, up to 1, for instance .85")
        self.alike = alike

    def rerank(self, ranking: Ranking, context: Context) -> Ranking:
        """Return one candidate of each moment, with the others as its members."""
        groups: dict[int, list[int]] = {}
        for row, group in enumerate(self._groups(ranking.candidates.items, ranking.candidates.vectors)):
            groups.setdefault(group, []).append(row)
        leaders = ranking.take([rows[0] for rows in groups.values()])
        members = [
            (*held, ranking.take(rows[1:])) if len(rows) > 1 else held
            for rows, held in zip(groups.values(), leaders.members, strict=True)
        ]
        return replace(leaders, members=tuple(members))

    def _groups(self, items: Sequence[ItemDetails], vectors: Vectors) -> list[int]:
        """Return for each candidate the row of one that stands for its moment, the same for all of them."""
        parents = list(range(len(items)))
        for by_file, apart in ((False, APART), (True, timedelta(0))):
            dated = sorted(
                (item.taken_at, row)
                for row, item in enumerate(items)
                if item.kind == Modality.PHOTO and item.taken_at and (item.taken_from == "file") == by_file
            )
            for place, (moment, row) in enumerate(dated):
                near = list(_until(moment + apart, islice(dated, place + 1, None)))
                alike = vectors[near] @ vectors[row] >= self.alike  # (m,)
                for other in compress(near, alike):
                    parents[_root(parents, other)] = _root(parents, row)
        return [_root(parents, row) for row in range(len(items))]


def _until(end: datetime, dated: Iterable[tuple[datetime, int]]) -> Iterator[int]:
    """Yield the rows of moments up to an end."""
    for taken_at, row in dated:
        if taken_at > end:
            return
        yield row


def _root(parents: list[int], row: int) -> int:
    """Return the end of a row's chain of parents, which becomes shorter on the way."""
    while parents[row] != row:
        parents[row] = parents[parents[row]]
        row = parents[row]
    return row
