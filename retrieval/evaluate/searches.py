"""What a library's search finds for queries whose answers are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from indexer.errors import EvaluationError, QueryError
from indexer.store import Store
from indexer.types import Progress, ProgressCallback
from retrieval.evaluate.evaluation import Evaluation, measure
from retrieval.evaluate.metrics import Judged
from retrieval.evaluate.sets import JudgedQuery, read_queries
from retrieval.hits import Hit
from retrieval.query_vectors import own_embedding

DEPTH = 1000
"""Hits that are asked for, as TREC does: what lies deeper counts as not found."""

Search = Callable[[str | Path, int], Sequence[Hit]]
"""Gives the best hits of a query, as many as are asked for, best first."""


def evaluate_searches(
    csv_path: Path,
    store: Store,
    search: Search,
    *,
    system: str,
    split: str | None = None,
    progress: ProgressCallback | None = None,
) -> Evaluation:
    """Return what a search finds of the files that are relevant to each query of a set.

    A query that cannot be answered is named in the result and left out. A query picture that is in the library itself
    is left out of its own answers, unless the set says that it is relevant.

    Args:
        csv_path: As for `read_queries`.
        store: The library, which holds something.
        search: How it is searched.
        system: What to call that.
        split: Part of the set, where its table has a column split.
        progress: Called after each query.

    Raises:
        EvaluationError: The set cannot be used, nothing of what is relevant is in the library, or no query can be
            answered.
    """
    asked = read_queries(csv_path, split)
    known = _known(asked, store, csv_path)
    places: list[list[int]] = []
    failures: list[tuple[str, str]] = []
    answered: list[JudgedQuery] = []
    for number, query in enumerate(asked, start=1):
        try:
            places.append(_places(query, known, store, search))
            answered.append(query)
        except QueryError as error:
            failures.append((query.name, str(error)))
        if progress:
            progress(Progress("searching", number, len(asked)))
    if not answered:
        raise EvaluationError(f"none of the {len(asked)} queries of {csv_path} can be answered: {failures[0][1]}")
    judged = _judged(answered, places)
    return Evaluation(
        system=system,
        directions={"search": measure(judged, np.arange(len(answered)), progress)},
        about={
            "queries": len(answered),
            "relevant": len(judged.places),
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
    own, _ = own_embedding(store, path)
    return None if own is None else own.item_id


def _places(query: JudgedQuery, known: dict[Path, int | None], store: Store, search: Search) -> list[int]:
    """Return the place of each relevant file among the hits of a query, -1 where it is not there."""
    relevant = [known[path] for path in query.relevant]
    own = _item(store, query.query) if isinstance(query.query, Path) else None
    left_out = None if own in relevant else own
    hits = [hit.item_id for hit in search(query.query, DEPTH) if hit.item_id != left_out]
    order = {item: place for place, item in reversed(list(enumerate(hits)))}
    return [-1 if item is None else order.get(item, -1) for item in relevant]


def _judged(answered: Sequence[JudgedQuery], places: Sequence[Sequence[int]]) -> Judged:
    return Judged(
        queries=len(answered),
        owners=np.repeat(np.arange(len(answered)), [len(each) for each in places]),
        places=np.array([place for each in places for place in each], dtype=np.int64),
        grades=np.array([grade for query in answered for grade in query.relevant.values()], dtype=np.int64),
    )
