"""Retrieval quality of a library's search, measured on queries with known answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from indexer.errors import EvaluationError, QueryError
from indexer.store import Store
from indexer.types import Progress, ProgressCallback
from retrieval.evaluation.datasets import JudgedQuery, read_queries
from retrieval.evaluation.metrics import RelevantRanks
from retrieval.evaluation.result import Evaluation, measure
from retrieval.query.embed import find_photo
from retrieval.query.query import Query
from retrieval.search.hits import Hit
from retrieval.search.rerank.chain import POOL
from retrieval.search.rerank.protocol import Reranker

DEPTH = 1000
"""Hits per query that are examined, as at TREC; answers below count as not found."""

Search = Callable[[Query, int], Sequence[Hit]]
"""Returns the k best hits of a query, best first."""


def default_depth(rerank: Sequence[object]) -> int:
    """Return how many hits per query are examined; with rerankers, as many as they see in a search."""
    return POOL if rerank else DEPTH


def system_name(library: str, rerank: Sequence[str | Reranker]) -> str:
    """Return the name of a library's search with these rerankers."""
    names = (reranker if isinstance(reranker, str) else type(reranker).__name__ for reranker in rerank)
    return ", ".join([library, *names])


def evaluate_searches(
    csv_path: Path,
    store: Store,
    search: Search,
    *,
    system: str,
    depth: int = DEPTH,
    split: str | None = None,
    progress: ProgressCallback | None = None,
) -> Evaluation:
    """Return how well a search finds the relevant files of the queries in an evaluation set.

    Queries that cannot be answered are left out and named in the result. A query picture that is in the library is
    removed from its own results, unless the set declares it relevant. Photos that a reranker grouped into one hit count
    as one answer, with the best of their grades.

    Args:
        csv_path: As for `read_queries`.
        store: The library, which is not empty.
        search: Searches the library.
        system: Name of the search.
        depth: Hits per query that are examined; answers below count as not found.
        split: Only the rows with this value in the column split.
        progress: Called after each query.

    Raises:
        EvaluationError: The set cannot be used, none of its relevant files is in the library, or no query can be
            answered.
    """
    queries = read_queries(csv_path, split)
    items = _relevant_items(queries, store, csv_path)
    rows: list[list[tuple[int, int]]] = []
    failures: list[tuple[str, str]] = []
    answered: list[JudgedQuery] = []
    for number, query in enumerate(queries, start=1):
        try:
            rows.append(_ranks_and_grades(query, items, store, search(query.query, depth)))
            answered.append(query)
        except QueryError as error:
            failures.append((query.name, str(error)))
        if progress:
            progress(Progress("searching", number, len(queries)))
    if not answered:
        raise EvaluationError(f"no query of {csv_path} can be answered ({len(queries)} tried): {failures[0][1]}")
    return Evaluation(
        system=system,
        directions={"search": measure(_relevant_ranks(rows), np.arange(len(answered)), progress)},
        about={
            "queries": len(answered),
            "relevant": sum(len(query.relevant) for query in answered),
            "depth": depth,
            "library": store.name,
            "encoder": store.encoder.name if store.encoder else "",
            "missing": sum(item is None for item in items.values()),
        },
        failures=tuple(failures),
        missing=tuple(str(path) for path, item in items.items() if item is None),
    )


def _relevant_items(queries: Sequence[JudgedQuery], store: Store, csv_path: Path) -> dict[Path, int | None]:
    """Return the item of each relevant file, None if it is not in the library.

    Raises:
        EvaluationError: None of the files is in the library.
    """
    paths = dict.fromkeys(path for query in queries for path in query.relevant)
    items = {path: _item_id(store, path) for path in paths}
    if all(item is None for item in items.values()):
        raise EvaluationError(
            f"no relevant file of {csv_path} is in {store.name} ({len(items)} named), first {next(iter(items))}; "
            "name their library with --library, or run: recall index FOLDER"
        )
    return items


def _item_id(store: Store, path: Path) -> int | None:
    embedding, _ = find_photo(store, path)
    return None if embedding is None else embedding.item_id


def _ranks_and_grades(
    query: JudgedQuery, items: Mapping[Path, int | None], store: Store, hits: Sequence[Hit]
) -> list[tuple[int, int]]:
    """Return rank and grade of each relevant answer to a query; the rank is -1 if it is not among the hits."""
    query_items = {_item_id(store, picture) for picture in query.query.images if isinstance(picture, Path)}
    excluded = query_items.difference(items[path] for path in query.relevant)
    answers = [[member.item_id for member in hit.expanded() if member.item_id not in excluded] for hit in hits]
    ranks: dict[int | None, int] = {}
    for rank, members in enumerate(filter(None, answers)):
        for item in members:
            ranks.setdefault(item, rank)
    grades: dict[int, int] = {}
    missing: list[tuple[int, int]] = []
    for path, grade in query.relevant.items():
        rank = ranks.get(items[path], -1)
        if rank < 0:
            missing.append((rank, grade))
        else:
            grades[rank] = max(grade, grades.get(rank, 0))
    return [*grades.items(), *missing]


def _relevant_ranks(rows: Sequence[Sequence[tuple[int, int]]]) -> RelevantRanks:
    return RelevantRanks(
        queries=len(rows),
        owners=np.repeat(np.arange(len(rows)), [len(row) for row in rows]),
        ranks=np.array([rank for row in rows for rank, _ in row], dtype=np.int64),
        grades=np.array([grade for row in rows for _, grade in row], dtype=np.int64),
    )
