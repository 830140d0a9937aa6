"""Judged queries as a training reads them: a text with its good and bad photos."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PairedQuery:
    """One judged query.

    Attributes:
        text: Its text.
        good: Photos that were judged good.
        bad: Photos that were judged bad.
    """

    text: str
    good: tuple[Path, ...]
    bad: tuple[Path, ...]


def judged_paths(queries: Sequence[PairedQuery]) -> list[Path]:
    """Return every judged photo once, in order of first use."""
    return list(dict.fromkeys(path for query in queries for path in (*query.good, *query.bad)))


def keep_readable(queries: Sequence[PairedQuery], paths: Iterable[Path]) -> list[PairedQuery]:
    """Return the queries with the photos among `paths` alone; a query without a good photo is left out.

    A photo that is both good and bad for the same query is left out too.
    """
    readable = set(paths)
    result = []
    for query in queries:
        usable = readable - (set(query.good) & set(query.bad))
        good = tuple(path for path in dict.fromkeys(query.good) if path in usable)
        bad = tuple(path for path in dict.fromkeys(query.bad) if path in usable)
        if good:
            result.append(PairedQuery(query.text, good, bad))
    return result
