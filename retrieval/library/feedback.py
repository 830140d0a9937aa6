"""Methods of `Library` that record, list, export and import judgements."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING

from indexer.catalog.statements import judgements as statements
from indexer.catalog.statements.judgements import Judgement
from indexer.types import require_list
from retrieval.library.base import BaseLibrary
from retrieval.query.query import Query, as_query

if TYPE_CHECKING:
    from retrieval.feedback import JudgedHit, JudgementImport, JudgeReport
    from retrieval.query.part import Picture
    from retrieval.search.hits import Hits
    from retrieval.search.named_item import NamedItem


def judge(
    self: BaseLibrary,
    query: str | Picture | Query,
    *,
    good: Iterable[JudgedHit] = (),
    bad: Iterable[JudgedHit] = (),
    shown: Hits | int | None = None,
) -> JudgeReport:
    """Record which hits are good and which are bad for a query, for `tune` to learn from, and return the counts.

    Args:
        query: Words, a picture file, or a Query of these. Its filter is not recorded.
        good: Hits, items, indexed files, or ids of added items, that answer the query.
        bad: The same of those that do not.
        shown: All hits that were shown, to record their ranks; or the number that `show` returned.

    Raises:
        FeedbackError: A file is not in the library or is both good and bad, or there is no judgement. Nothing is
            recorded then.
        QueryError: Several collections have an item with the same id.
        LibraryLockedError: Another process is writing to the library.
    """
    from retrieval import feedback  # late: searching does not need it

    require_list(good, "good")
    require_list(bad, "bad")
    target = as_query(query, None)
    good, bad = list(good), list(bad)
    with self._store.writing("judging"):
        impression = (
            shown if isinstance(shown, int) or shown is None else feedback.record_impression(self._store, target, shown)
        )
        return feedback.record_judgements(self._store, target, good=good, bad=bad, impression=impression)


def show(self: BaseLibrary, query: str | Picture | Query, hits: Hits) -> int:
    """Record the hits that are shown for a query, and return the impression's number for `judge`.

    Args:
        query: Words, a picture file, or a Query of these. Its filter is not recorded.
        hits: The hits, in the order that they are shown in; see `Hits.offset`.

    Raises:
        FeedbackError: A picture of the query is not a file.
        LibraryLockedError: Another process is writing to the library.
    """
    from retrieval import feedback  # late: searching does not need it

    with self._store.writing("judging"):
        return feedback.record_impression(self._store, as_query(query, None), hits)


def judgements(self: BaseLibrary) -> list[Judgement]:
    """Return all judgements, oldest first."""
    with self._store.reading() as connection:
        return list(statements.judgements(connection))


def export_judgements(self: BaseLibrary, stream: IO[str], *, as_csv: bool = False) -> int:
    """Write all judgements as JSON lines or CSV, and return how many were written.

    Args:
        stream: A text file that is open for writing.
        as_csv: Whether to write CSV, which holds judgements of queries of one text only.
    """
    from retrieval import feedback  # late: searching does not need it

    return feedback.export_judgements(self._store, stream, as_csv=as_csv)


def import_judgements(self: BaseLibrary, file: str | os.PathLike[str]) -> JudgementImport:
    """Import judgements from a file, and return a report; existing judgements are skipped.

    Args:
        file: JSON lines as `export_judgements` writes them, or a `.csv` file with the columns query (a text), path and
            verdict (good or bad), and optionally position (rank among the hits, from 1) and judged_at.

    Raises:
        FeedbackError: The file cannot be read, or none of its lines can be used.
        LibraryLockedError: Another process is writing to the library.
    """
    from retrieval import feedback  # late: searching does not need it

    with self._store.writing("importing judgements"):
        return feedback.import_judgements(self._store, Path(file).expanduser())


def forget_judgements(
    self: BaseLibrary,
    *,
    query: str | Picture | Query | None = None,
    path: NamedItem | None = None,
) -> int:
    """Delete judgements, and return how many were deleted; trained versions remain.

    Args:
        query: Only judgements of this query; None for those of all queries.
        path: Only judgements of this file, hit or item, or of the added item with this id; None for those of all.

    Raises:
        LibraryLockedError: Another process is writing to the library.
    """
    from retrieval.feedback import query_key, query_parts  # late: searching does not need it
    from retrieval.search.named_item import catalog_path

    key = None if query is None else query_key(query_parts(as_query(query, None)))
    with self._store.writing("forgetting judgements"), self._store.transaction() as connection:
        file = None if path is None else catalog_path(connection, path)
        item = None if file is None else statements.find_item(connection, file)
        return statements.delete_judgements(connection, key=key, path=item[1] if item else file)
