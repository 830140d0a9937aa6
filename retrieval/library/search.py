"""Methods of `Library` that search."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from indexer.catalog.filters.expression import Filter
from indexer.catalog.statements.item import Item
from indexer.object_path import file_path
from indexer.types import ProgressCallback, require_list
from retrieval.library.answers import answer, start_reader, under_one_encoder
from retrieval.library.base import BaseLibrary
from retrieval.query.embed import encode_query, stored_query
from retrieval.query.query import Query, as_picture, as_query
from retrieval.query.resolve_filters import with_filters
from retrieval.query.understanding.understand import understand
from retrieval.search import engine
from retrieval.search.engine import SearchKind, check_count, check_kind
from retrieval.search.hits import Hit, Hits
from retrieval.search.named_item import NamedItem, find_named_photo
from retrieval.search.paging import Sort, check_page, paginate
from retrieval.search.rerank.chain import Chain
from retrieval.search.rerank.protocol import Reranker

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from retrieval.query.part import Picture


def search(
    self: BaseLibrary,
    query: str | Picture | Query | NDArray[Any] | Sequence[float],
    *,
    image: str | os.PathLike[str] | Image.Image | bytes | None = None,
    k: int = 10,
    folder: str | os.PathLike[str] | None = None,
    after: date | str | None = None,
    before: date | str | None = None,
    where: Filter | None = None,
    kind: SearchKind = "all",
    hybrid: bool = True,
    rerank: Sequence[str | Reranker] = (),
    literal: bool = False,
    threshold: float | None = None,
    sort: Sort = "score",
    offset: int = 0,
    progress: ProgressCallback | None = None,
) -> Hits:
    """Return the photos and texts that match a query best, best first.

    Args:
        query: Words (str), a picture (Path, PIL image or bytes), a vector of the library's encoder, shape (d,), or a
            Query. A str is always words. A vector is scaled to unit length. Its hits have no match probability, since
            vectors of photos and of texts have different scores, and all are ordered by score.
        image: A picture to search for together with the words, with the same weight. Here a str is a path.
        k: Number of results, at least 1.
        folder: Only photos in this folder or below it.
        after: Only photos taken at or after this date or time: a date, a datetime, or a string like "2024-05-01".
        before: Only photos taken before this date or time.
        where: Only items that pass this filter, in addition to folder, after and before.
        kind: What to search: "photos", "texts" or "all".
        hybrid: Whether to also look for the words in names of files and folders, metadata and texts (full-text search),
            and to order by all rankings. Scores remain cosine similarities.
        rerank: Rerankers, applied in this order: "mmr:0.7" (diversity), "bursts" (a burst becomes one hit),
            "encoder:NAME:50" (another encoder scores the best 50), "blend:0.5" (half of the library's own score),
            "exact"; or objects with the method of `Reranker`.
        literal: Whether to search for all words as they are. Otherwise a date, a place or a camera among them becomes a
            filter, and what follows "without" or "no" is excluded, as `recall search` does it too; `Hits.understood`
            says so, and words in double quotes stay words. If only a filter is left, the newest items that pass it are
            returned, without a score.
        threshold: Leave out hits with a lower match probability, 0 to 1; see `Hits.above`. None keeps all.
        sort: Order of the k best: "score", "date" (oldest first), "-date" or "name".
        offset: Number of best results to skip, for the next page.
        progress: Called with the progress of a reranker's encoder.

    Raises:
        QueryError: The query is empty, its picture cannot be read, its vector has another length than the library's or
            is not finite, k is below 1, the kind is unknown, the folder is not
            indexed, or there is no such reranker.
        LibraryError: The library is empty.
    """
    check_kind(kind)
    require_list(rerank, "rerank")
    extra = None if image is None else as_picture(image)
    parsed = as_query(query, extra, with_filters(where, folder=folder, after=after, before=before))
    check_count(k)
    check_page(sort, offset)
    steps = self._load_rerankers(rerank)
    understanding = understand(self._store, self._resolve(parsed), literal=literal)
    chain = Chain(steps, self._settings, progress) if steps else None
    hits = answer(self, [understanding], k=offset + k, kind=kind, hybrid=hybrid, chain=chain)[0]
    page = paginate(hits, sort=sort, offset=offset)
    return page if threshold is None else page.above(threshold)


def similar(
    self: BaseLibrary,
    image: NamedItem | Image.Image | bytes,
    *,
    k: int = 10,
    folder: str | os.PathLike[str] | None = None,
    after: date | str | None = None,
    before: date | str | None = None,
    where: Filter | None = None,
    sort: Sort = "score",
    offset: int = 0,
) -> Hits:
    """Return the photos most similar to a picture, best first, without the picture itself.

    If the picture is an indexed photo or an added item, its stored embedding is used and no encoder is loaded.

    Args:
        image: A file, indexed or not, a PIL image, the bytes of a file, a hit or an item; or the id of an added item,
            if no file has that name.
        k: Number of results, at least 1.
        folder: Only photos in this folder or below it.
        after: Only photos taken at or after this date or time: a date, a datetime, or a string like "2024-05-01".
        before: Only photos taken before this date or time.
        where: Only items that pass this filter, in addition to folder, after and before.
        sort: Order of the k best: "score", "date" (oldest first), "-date" or "name".
        offset: Number of best results to skip, for the next page.

    Raises:
        QueryError: The picture cannot be read, k is below 1, the folder is not indexed, the item has no picture, or
            several collections have the id.
        LibraryError: The library is empty.
    """
    named = image if isinstance(image, Hit | Item | str | os.PathLike) else None
    picture = file_path(image.id) if isinstance(image, Hit | Item) else as_picture(image)
    check_count(k)
    check_page(sort, offset)
    parsed = Query(images=[picture], where=with_filters(where, folder=folder, after=after, before=before))
    resolved = self._resolve(parsed)

    def nearest() -> Hits:
        photo, unchanged = (None, False) if named is None else find_named_photo(self._store, named)
        encoded = stored_query(self._store, resolved, photo) if photo and unchanged else None
        if encoded is None:
            start_reader(self._store, [resolved])
            encoded = encode_query(resolved, self._encoder.for_query(), store=self._store)
        leave_out = photo.item_id if photo else None
        return engine.search(
            self._store, encoded, k=offset + k, kind="photos", leave_out=leave_out, calibrator=self._calibrator
        )

    return paginate(under_one_encoder(self._store, nearest), sort=sort, offset=offset)
