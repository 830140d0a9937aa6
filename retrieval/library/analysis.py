"""Methods of `Library` that analyse its answers and its photos."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.catalog.filters.expression import Filter
from indexer.types import ProgressCallback, require_list
from retrieval.library import search
from retrieval.library.base import BaseLibrary
from retrieval.query.query import Query, as_query
from retrieval.query.resolve_filters import resolve_filter, with_filters
from retrieval.query.understanding.understand import understand
from retrieval.search.engine import check_count
from retrieval.search.rerank.protocol import Reranker

if TYPE_CHECKING:
    from retrieval.duplicates.groups import Duplicates
    from retrieval.evaluation import Evaluation
    from retrieval.explain import Explanation
    from retrieval.query.part import Picture
    from retrieval.search.named_item import NamedItem


def explain(
    self: BaseLibrary,
    query: str | Picture | Query,
    path: NamedItem,
    *,
    k: int = 10,
    folder: str | os.PathLike[str] | None = None,
    after: date | str | None = None,
    before: date | str | None = None,
    where: Filter | None = None,
    hybrid: bool = True,
    literal: bool = False,
    progress: ProgressCallback | None = None,
) -> Explanation:
    """Return why a file or added item is or is not among the results of `search` with the same arguments.

    Args:
        query: As for `search`.
        path: A file, indexed or not; a hit or an item; or the id of an added item, if no file has that name.
        k: Number of results, at least 1.
        folder: Only photos in this folder or below it.
        after: Only photos taken at or after this date or time: a date, a datetime, or a string like "2024-05-01".
        before: Only photos taken before this date or time.
        where: Only items that pass this filter.
        hybrid: As for `search`.
        literal: As for `search`.
        progress: Called with the number of regions of the picture that are encoded.

    Raises:
        QueryError: The query is empty, its picture cannot be read, k is below 1, the folder is not indexed, or several
            collections have the id.
        LibraryError: The library is empty.
    """
    from retrieval import explain as explain_room  # late: it loads the picture library

    parsed = as_query(query, None, with_filters(where, folder=folder, after=after, before=before))
    check_count(k)
    resolved = self._resolve(parsed)
    understanding = understand(self._store, resolved, literal=literal)
    resolved = understanding.query or replace(resolved, where=understanding.where)
    return explain_room.explain(
        self._store,
        resolved,
        path,
        load=self._encoder.for_query,
        calibrator=self._calibrator,
        hybrid=hybrid,
        k=k,
        progress=progress,
    )


def duplicates(
    self: BaseLibrary,
    *,
    folder: str | os.PathLike[str] | None = None,
    after: date | str | None = None,
    before: date | str | None = None,
    where: Filter | None = None,
    progress: ProgressCallback | None = None,
) -> Duplicates:
    """Return the photos that show the same picture, in groups with the best of each; no file is changed.

    Copies, resizes, re-encodes, crops, rotations, mirrored and retouched versions count as the same picture; other
    shots of the same scene do not. Photos with similar embeddings are read again to compare them.

    Args:
        folder: Only photos in this folder or below it.
        after: Only photos taken at or after this date or time: a date, a datetime, or a string like "2024-05-01".
        before: Only photos taken before this date or time.
        where: Only items that pass this filter.
        progress: Called with the progress.

    Raises:
        QueryError: The folder is not indexed.
        LibraryError: The library is empty.
    """
    from retrieval.duplicates.find import find_duplicates  # late: it loads what decodes pictures

    criteria = resolve_filter(self._store, with_filters(where, folder=folder, after=after, before=before))
    self._require_items()
    return find_duplicates(self._store, self._settings, where=criteria, progress=progress)


def evaluate(
    self: BaseLibrary,
    table: str | os.PathLike[str],
    *,
    split: str | None = None,
    rerank: Sequence[str | Reranker] = (),
    depth: int | None = None,
    progress: ProgressCallback | None = None,
) -> Evaluation:
    """Return how well `search` finds the relevant files of the queries in a table.

    Args:
        table: A CSV file with the columns query and relevant; see `retrieval.evaluation.read_queries`.
        split: Only the rows with this value in the column split.
        rerank: As for `search`.
        depth: Hits per query that are looked at. None takes 1,000, and 100 with rerankers, the number that they see in
            a search. To compare rankings with and without rerankers, give both the same depth.
        progress: Called with the progress.

    Raises:
        EvaluationError: The table cannot be used, or none of its files is in the library.
        QueryError: There is no such reranker, or the depth is below 1.
        LibraryError: The library is empty.
    """
    from retrieval.evaluation.search_quality import (  # late: searching does not need it
        default_depth,
        evaluate_searches,
        system_name,
    )

    require_list(rerank, "rerank")
    steps = self._load_rerankers(rerank)
    depth = default_depth(steps) if depth is None else depth
    check_count(depth)
    self._require_items()
    return evaluate_searches(
        Path(table).expanduser(),
        self._store,
        lambda query, k: search.search(self, query, k=k, rerank=steps, literal=True),
        system=system_name(self.name, rerank),
        depth=depth,
        split=split,
        progress=progress,
    )
