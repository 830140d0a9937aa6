"""What a user says of hits."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING

from indexer.catalog.statements import judgements as judgement_queries
from indexer.catalog.statements import sources
from indexer.catalog.statements.judgements import Judgement
from retrieval.library.base import BaseLibrary
from retrieval.query.query import Query, as_query

if TYPE_CHECKING:
    from retrieval.feedback import Imported, JudgeReport
    from retrieval.feedback.record import Judged
    from retrieval.query.query import Picture
    from retrieval.search.hits import Hits


class Judging(BaseLibrary):
    """The part of a `Library` that is told what is right."""

    def judge(
        self,
        query: str | Picture | Query,
        *,
        good: Iterable[Judged] = (),
        bad: Iterable[Judged] = (),
        shown: Hits | int | None = None,
    ) -> JudgeReport:
        """Keep which hits answer a query and which do not, for `tune` to learn from, and return how many.

        Args:
            query: What was asked: words, a picture's file, or a Query of these; a filter does not count.
            good: Hits, or files of the library, that answer it.
            bad: Those that do not.
            shown: All hits that were shown, so that their places are kept; or what `show` gave.

        Raises:
            FeedbackError: A file is not in the library, was judged both good and bad, or nothing was judged. Then
                nothing is kept.
            LibraryLockedError: Another process is writing to the library.
        """
        from retrieval import feedback as judgements  # late: searching needs none of it

        asked = as_query(query, None)
        good, bad = list(good), list(bad)
        with self._store.writing("judging"):
            showing = shown if isinstance(shown, int) or shown is None else judgements.show(self._store, asked, shown)
            return judgements.judge(self._store, asked, good=good, bad=bad, showing=showing)

    def show(self, query: str | Picture | Query, hits: Hits) -> int:
        """Keep what is shown for a query, so that it can be judged one by one, and return its number for `judge`.

        Raises:
            FeedbackError: A picture of the query is no file.
            LibraryLockedError: Another process is writing to the library.
        """
        from retrieval import feedback as judgements  # late, as above

        with self._store.writing("judging"):
            return judgements.show(self._store, as_query(query, None), hits)

    def judgements(self) -> list[Judgement]:
        """Return all judgements, oldest first."""
        with self._store.reading() as connection:
            return list(judgement_queries.judgements(connection))

    def export_judgements(self, stream: IO[str], *, as_csv: bool = False) -> int:
        """Write all judgements as JSON lines, or those of plain words as CSV, and return how many."""
        from retrieval.feedback import export_judgements  # late, as above

        return export_judgements(self._store, stream, as_csv=as_csv)

    def import_judgements(self, file: str | os.PathLike[str]) -> Imported:
        """Bring in judgements of a file, and return what was done; see `retrieval.feedback.import_judgements`.

        Raises:
            FeedbackError: It cannot be read, or no line of it can be used.
            LibraryLockedError: Another process is writing to the library.
        """
        from retrieval.feedback import import_judgements  # late, as above

        with self._store.writing("importing judgements"):
            return import_judgements(self._store, Path(file).expanduser())

    def forget_judgements(
        self, *, query: str | Picture | Query | None = None, path: str | os.PathLike[str] | None = None
    ) -> int:
        """Delete judgements, those of a query or of a file or all, and return how many; what was learnt stays.

        Raises:
            LibraryLockedError: Another process is writing to the library.
        """
        from retrieval.feedback import key_of, parts_of  # late, as above

        key = None if query is None else key_of(parts_of(as_query(query, None)))
        with self._store.writing("forgetting judgements"), self._store.transaction() as connection:
            place = None if path is None else sources.canonical_path(connection, path)
            item = None if place is None else judgement_queries.find_item(connection, place)
            return judgement_queries.delete_judgements(connection, key=key, path=item[1] if item else place)
