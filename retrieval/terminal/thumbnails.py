"""Thumbnails of results."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

from indexer.errors import RecallError
from indexer.types import Modality

if TYPE_CHECKING:
    from indexer.catalog.statements.item import Item
    from retrieval.library import Library
    from retrieval.search.hits import Hit

_THREADS = 4
"""Pictures that are read at once: as many as the library's reader has processes."""

_AHEAD = 8
"""Thumbnails that are read before they are asked for."""


def thumbnails(library: Library, items: Iterable[Item | Hit], *, side: int) -> Iterator[bytes | str]:
    """Yield for each item its thumbnail, a JPEG, or why there is none; "" for a text.

    Args:
        library: The library, which stays open meanwhile.
        items: Items or hits of it.
        side: Pixels of the longer side, at most.
    """
    remaining = iter(items)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="recall-preview") as pool:

        def start(item: Item | Hit) -> Future[bytes | str]:
            return pool.submit(thumbnail, library, item, side=side)

        futures = deque(map(start, islice(remaining, _AHEAD)))
        try:
            while futures:
                yield futures.popleft().result()
                futures.extend(map(start, islice(remaining, 1)))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def thumbnail(library: Library, item: Item | Hit, *, side: int) -> bytes | str:
    """Return the thumbnail of an item, a JPEG, or why there is none; "" for a text.

    Args:
        library: The library.
        item: An item or hit of it.
        side: Pixels of the longer side, at most.
    """
    if item.kind is Modality.TEXT:
        return ""
    try:
        return library.thumbnail(item, side=side)
    except RecallError as error:
        return str(error)
