"""What a library is asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.catalog.filters.expression import Filter
from indexer.types import ProgressCallback
from retrieval.library.base import BaseLibrary
from retrieval.query.embed import encode_query, own_embedding, stored_vector
from retrieval.query.private_words import photo_shares
from retrieval.query.query import Query, as_picture, as_query
from retrieval.query.resolve_filters import resolve_filter, with_filters
from retrieval.search.engine import EncodedQuery, Kind, check_count, search
from retrieval.search.hits import Hits
from retrieval.search.paging import Sort, check_page, paginate
from retrieval.search.rerank import Chain, Reranker, rerankers

if TYPE_CHECKING:
    from PIL import Image

    from retrieval.duplicates.groups import Duplicates
    from retrieval.evaluation import Evaluation
    from retrieval.explain import Explanation
    from retrieval.query.query import Picture


class Finding(BaseLibrary):
    """The part of a `Library` that answers."""

    def search(
        self,
        query: str | Picture | Query,
        *,
        image: str | os.PathLike[str] | Image.Image | bytes | None = None,
        k: int = 10,
        folder: str | os.PathLike[str] | None = None,
        after: date | None = None,
        before: date | None = None,
        where: Filter | None = None,
        kind: Kind = "all",
        hybrid: bool = True,
        rerank: Sequence[str | Reranker] = (),
        threshold: float | None = None,
        sort: Sort = "score",
        offset: int = 0,
        progress: ProgressCallback | None = None,
    ) -> Hits:
        """Return the photos and texts that fit a query best, best first.

        Args:
            query: Words (str), a picture (Path, PIL image or bytes), or a Query. A str is always words.
            image: A picture to search for together with the words, here also as a path in a str; both count the same.
            k: Results wanted, at least 1.
            folder: Only photos at or under this path.
            after: Only photos taken at this date or moment, or later.
            before: Only photos taken before this date or moment.
            where: Only what this filter lets pass, beside folder, after and before.
            kind: What to search: "photos", "texts" or "all".
            hybrid: Whether to look for the words in titles, descriptions, tags and texts too, where the library has
                any, and to order by both. The scores stay those of what is to be seen.
            rerank: What puts the best hits into another order, one after the other: "mmr:0.7" (diversity), "moments"
                (a burst becomes one hit), "encoder:NAME:50" (another encoder scores the best 50), "blend:0.5" (half
                the library's own score), "exact"; or objects with the method of `Reranker`.
            threshold: Leave out hits that are less probable than this, 0 to 1, see `Hits.above`; None leaves out none.
            sort: Order of the k best: by "score", "date" (oldest first), "-date" or "name".
            offset: How many of the best to leave out, for the next page.
            progress: Called with how far another encoder has come.

        Raises:
            QueryError: The query is empty or its picture cannot be read, k is below 1, the folder is not indexed, or
                a reranker is not known.
            LibraryError: The library holds nothing yet.
        """
        extra = None if image is None else as_picture(image)
        asked = as_query(query, extra, with_filters(where, folder=folder, after=after, before=before))
        check_count(k)
        check_page(sort, offset)
        steps = self._rerankers(rerank)
        asked = replace(asked, where=resolve_filter(self._store, asked.where, self._settings))
        self._need_photos()
        words = asked.words if hybrid else ""
        weights, pictures = asked.part_weights, len(asked.images)
        chain = Chain(steps, asked, self._settings, progress) if steps else None

        def answer() -> Hits:
            parts = encode_query(asked, self._encoder.for_query(), self._settings, store=self._store)
            taught = photo_shares(self._store, asked.texts)
            question = EncodedQuery(
                asked.terms, parts, weights, asked.where, kind, words=words, pictures=pictures, taught=taught
            )
            return search(self._store, question, k=offset + k, chain=chain, calibrator=self._calibrator)

        page = paginate(self._of_one_encoder(answer), sort=sort, offset=offset)
        return page if threshold is None else page.above(threshold)

    def similar(
        self,
        image: str | os.PathLike[str] | Image.Image | bytes,
        *,
        k: int = 10,
        folder: str | os.PathLike[str] | None = None,
        after: date | None = None,
        before: date | None = None,
        where: Filter | None = None,
        sort: Sort = "score",
        offset: int = 0,
    ) -> Hits:
        """Return the photos most like a picture, best first, without the picture itself.

        For a photo of the library nothing is loaded and nothing encoded.

        Args:
            image: A file, in the library or not, an open picture, or the bytes of a file.
            k: Results wanted, at least 1.
            folder: Only photos at or under this path.
            after: Only photos taken at this date or moment, or later.
            before: Only photos taken before this date or moment.
            where: Only what this filter lets pass, beside folder, after and before.
            sort: Order of the k best: by "score", "date" (oldest first), "-date" or "name".
            offset: How many of the best to leave out, for the next page.

        Raises:
            QueryError: The picture cannot be read, k is below 1, or the folder is not indexed.
            LibraryError: The library holds nothing yet.
        """
        picture = as_picture(image)
        check_count(k)
        check_page(sort, offset)
        asked = Query(images=[picture], where=with_filters(where, folder=folder, after=after, before=before))
        asked = replace(asked, where=resolve_filter(self._store, asked.where, self._settings))
        self._need_photos()

        def answer() -> Hits:
            own, unchanged = own_embedding(self._store, picture) if isinstance(picture, Path) else (None, False)
            parts = stored_vector(self._store, own.embedding_id) if own is not None and unchanged else None
            if parts is None:
                parts = encode_query(asked, self._encoder.for_query(), self._settings, store=self._store)
            leave_out = own.item_id if own else None
            question = EncodedQuery(
                asked.terms, parts, asked.part_weights, asked.where, "photos", leave_out, pictures=1
            )
            return search(self._store, question, k=offset + k, calibrator=self._calibrator)

        return paginate(self._of_one_encoder(answer), sort=sort, offset=offset)

    def _of_one_encoder(self, answer: Callable[[], Hits]) -> Hits:
        """Return an answer again until its query and what it was held against are of one encoder.

        Another process may change the library's encoder, or what was learnt for it, while the query is encoded.
        """
        while True:
            before = self._store.fingerprint
            try:
                hits = answer()
            except ValueError:  # vectors of other dimensions
                if self._store.fingerprint == before:
                    raise
            else:
                if self._store.fingerprint == before:
                    return hits

    def explain(
        self,
        query: str | Picture | Query,
        path: str | os.PathLike[str],
        *,
        k: int = 10,
        folder: str | os.PathLike[str] | None = None,
        after: date | None = None,
        before: date | None = None,
        where: Filter | None = None,
        hybrid: bool = True,
        progress: ProgressCallback | None = None,
    ) -> Explanation:
        """Return why a file is in the answer to a query, or why it is not.

        The answer is that of `search` with the same arguments.

        Args:
            query: As for `search`.
            path: A file, indexed or not.
            k: Length of the answer, at least 1.
            folder: Only photos at or under this path.
            after: Only photos taken at this date or moment, or later.
            before: Only photos taken before this date or moment.
            where: Only what this filter lets pass.
            hybrid: As for `search`.
            progress: Called with how many regions of the picture were looked at.

        Raises:
            QueryError: As for `search`.
            LibraryError: The library holds nothing yet.
        """
        from retrieval.explain import explain  # late: it brings the picture library, which no search of words needs

        asked = as_query(query, None, with_filters(where, folder=folder, after=after, before=before))
        check_count(k)
        asked = replace(asked, where=resolve_filter(self._store, asked.where, self._settings))
        self._need_photos()
        return explain(
            self._store,
            asked,
            path,
            load=self._encoder.for_query,
            settings=self._settings,
            calibrator=self._calibrator,
            hybrid=hybrid,
            k=k,
            progress=progress,
        )

    def duplicates(
        self,
        *,
        folder: str | os.PathLike[str] | None = None,
        after: date | None = None,
        before: date | None = None,
        where: Filter | None = None,
        progress: ProgressCallback | None = None,
    ) -> Duplicates:
        """Return the photos that are one picture, in groups with the best of each; nothing is changed.

        Copies, other sizes and formats, parts, turned, mirrored and retouched ones are one picture; other moments of
        the same scene are not. Photos are read again for it, those whose embeddings lie near each other.

        Args:
            folder: Only photos at or under this path.
            after: Only photos taken at this date or moment, or later.
            before: Only photos taken before this date or moment.
            where: Only what this filter lets pass, beside folder, after and before.
            progress: Called with how far it has come.

        Raises:
            QueryError: The folder is not indexed.
            LibraryError: The library holds nothing yet.
        """
        from retrieval.duplicates.find import find_duplicates  # late: what decodes is not needed for searching

        passing = with_filters(where, folder=folder, after=after, before=before)
        passing = resolve_filter(self._store, passing, self._settings)
        self._need_photos()
        return find_duplicates(self._store, self._settings, where=passing, progress=progress)

    def evaluate(
        self,
        table: str | os.PathLike[str],
        *,
        split: str | None = None,
        rerank: Sequence[str | Reranker] = (),
        depth: int | None = None,
        progress: ProgressCallback | None = None,
    ) -> Evaluation:
        """Return how well `search` finds what is known to answer the queries of a table.

        Args:
            table: A CSV file with the columns query and relevant, see `retrieval.evaluation.read_queries`.
            split: Part of the set, where its table has a column split.
            rerank: As for `search`.
            depth: Hits of each query that are looked at. None takes 1,000, and with rerankers 100, as many as these see
                in a search; to compare with what has none, give both the same.
            progress: Called with how far it has come.

        Raises:
            EvaluationError: The table cannot be used, or nothing that it names is in the library.
            QueryError: A reranker is not known, or the depth is below 1.
            LibraryError: The library holds nothing yet.
        """
        from retrieval.evaluation.search_quality import (  # late: searching needs none
            depth_for,
            evaluate_searches,
            system_name,
        )

        steps = self._rerankers(rerank)
        depth = depth_for(steps) if depth is None else depth
        check_count(depth)
        self._need_photos()
        return evaluate_searches(
            Path(table),
            self._store,
            lambda query, k: self.search(query, k=k, rerank=steps),
            system=system_name(self.path, rerank),
            depth=depth,
            split=split,
            progress=progress,
        )

    def _rerankers(self, asked: Sequence[str | Reranker]) -> list[Reranker]:
        """Return the rerankers; one with an encoder stays, so that this is loaded once."""
        made = zip(asked, rerankers(asked), strict=True)
        return [self._reranker.setdefault(name, each) if isinstance(name, str) else each for name, each in made]
