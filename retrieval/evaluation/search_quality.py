"""What a library's search finds for queries whose answers are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from indexer.errors import EvaluationError, QueryError
from indexer.store import Store
from indexer.types import Progress, ProgressCallback
from retrieval.evaluation.datasets import JudgedQuery, read_queries
from retrieval.evaluation.metrics import Judged
from retrieval.evaluation.result import Evaluation, measure
from retrieval.query.embed import find_photo
from retrieval.query.query import Query
from retrieval.search.hits import Hit
from retrieval.search.rerank.chain import POOL
from retrieval.search.rerank.protocol import Reranker

DEPTH = 1000
"""Hits that are asked for, as TREC does: what lies deeper counts as not found."""

Search = Callable[[Query, int], Sequence[Hit]]
"""Gives the best hits of a query, as many as are asked for, best first."""


def depth_for(rerank: Sequence[object]) -> int:
    """Return how many hits are asked for with these rerankers: with some, as many as they see in a search."""
    return POOL if rerank else DEPTH


def system_name(library: Path, rerank: Sequence[str | Reranker]) -> str:
    """Return what to call the search of a library with these rerankers."""
    names = (each if isinstance(each, str) else type(each).__name__ for each in rerank)
    return ", ".join([str(library), *names])


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
    """Return what a search finds of the files that are relevant to each query of a set.

    A query that cannot be answered is named in the result and left out. A query picture that is in the library itself
    is left out of its own answers, unless the set says that it is relevant. Photos that a reranker made one hit of are
    one answer, with the best of their grades.

    Args:
        csv_path: As for `read_queries`.
        store: The library, which holds something.
        search: How it is searched.
        system: What to call that.
        depth: Hits that are asked for; what lies deeper counts as not found.
        split: Part of the set, where its table has a column split.
        progress: Called after each query.

    Raises:
        EvaluationError: The set cannot be used, nothing of what is relevant is in the library, or no query can be
            answered.
    """
    asked = read_queries(csv_path, split)
    known = _known(asked, store, csv_path)
    judged: list[list[tuple[int, int]]] = []
    failures: list[tuple[str, str]] = []
    answered: list[JudgedQuery] = []
    for number, query in enumerate(asked, start=1):
        try:
            judged.append(_judgements(query, known, store, search(query.query, depth)))
            answered.append(query)
        except QueryError as error:
            failures.append((query.name, str(error)))
        if progress:
            progress(Progress("searching", number, len(asked)))
    if not answered:
        raise EvaluationError(f"none of the {len(asked)} queries of {csv_path} can be answered: {failures[0][1]}")
    return Evaluation(
        system=system,
        directions={"search": measure(_judged(judged), np.arange(len(answered)), progress)},
        about={
            "queries": len(answered),
            "relevant": sum(len(query.relevant) for query in answered),
            "depth": depth,
            "library": str(store.path),
            "encoder": store.encoder.name if store.encoder else "",
            "missing": sum(item is None for item in known.values()),
        },
        failures=tuple(failures),
        missing=tuple(str(path) for path, item in known.items() if item is None),
    )


def _known(asked: Sequence[JudgedQuery], store: Store, csv_path: Path) -> dict[Path, int | None]:
    """Return the item of each relevant file, None where it is not in the library.

    Raises:
        EvaluationError: None of them is.
    """
    paths = dict.fromkeys(path for query in asked for path in query.relevant)
    known = {path: _item(store, path) for path in paths}
    if all(item is None for item in known.values()):
        raise EvaluationError(
            f"none of the {len(known)} relevant files of {csv_path} is in {store.path}, first {next(iter(known))}; "
            "name their library with --library, or run: recall index FOLDER"
        )
    return known


def _item(store: Store, path: Path) -> int | None:
    own, _ = find_photo(store, path)
    return None if own is None else own.item_id


def _judgements(
    query: JudgedQuery, known: dict[Path, int | None], store: Store, hits: Sequence[Hit]
) -> list[tuple[int, int]]:
    """Return place and grade of each relevant answer to a query, the place -1 where it is not among the hits."""
    own = {_item(store, picture) for picture in query.query.images if isinstance(picture, Path)}
    left_out = own.difference(known[path] for path in query.relevant)
    answers = [[each.item_id for each in hit.expanded() if each.item_id not in left_out] for hit in hits]
    places: dict[int | None, int] = {}
    for place, items in enumerate(filter(None, answers)):
        for item in items:
            places.setdefault(item, place)
    found: dict[int, int] = {}
    missing: list[tuple[int, int]] = []
    for path, grade in query.relevant.items():
        place = places.get(known[path], -1)
        if place < 0:
            missing.append((place, grade))
        else:
            found[place] = max(grade, found.get(place, 0))
    return [*found.items(), *missing]


def _judged(judged: Sequence[Sequence[tuple[int, int]]]) -> Judged:
    return Judged(
        queries=len(judged),
        owners=np.repeat(np.arange(len(judged)), [len(each) for each in judged]),
        places=np.array([place for each in judged for place, _ in each], dtype=np.int64),
        grades=np.array([grade for each in judged for _, grade in each], dtype=np.int64),
    )
