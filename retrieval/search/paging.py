"""Pages of hits, and their order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, get_args

from indexer.errors import QueryError
from retrieval.search.hits import Hit, Hits

Sort = Literal["score", "date", "-date", "name"]
"""By score, best first; by date taken, oldest first or (with -) newest first, undated last; by file name."""

_KEYS: dict[Sort, Callable[[Hit], Any]] = {
    "date": lambda hit: (hit.taken_at is None, hit.taken_at or datetime.min, hit.item_id),  # noqa: DTZ901
    "-date": lambda hit: (hit.taken_at is None, datetime.max - (hit.taken_at or datetime.min), hit.item_id),  # noqa: DTZ901
    "name": lambda hit: (hit.path.name.lower(), hit.path.name, hit.item_id),
}


def check_page(sort: Sort, offset: int) -> None:
    """Check a sort order and an offset.

    Raises:
        QueryError: The sort order is unknown or the offset is negative.
    """
    if sort not in get_args(Sort):
        raise QueryError(f"there is no order {sort!r}; expected one of {', '.join(get_args(Sort))}")
    if offset < 0:
        raise QueryError(f"the offset is {offset}; expected 0 or more")


def paginate(hits: Hits, *, sort: Sort, offset: int) -> Hits:
    """Return the hits after the first `offset`, in a sort order.

    A page is cut by score first and sorted then, so pages of one query neither overlap nor leave anything out, as long
    as the library does not change.

    Args:
        hits: The hits of all pages up to this one, best first; it is changed.
        sort: Order of the page; ties by item id.
        offset: Number of hits on earlier pages, at least 0.
    """
    del hits[:offset]
    hits.offset = offset
    if sort != "score":
        hits.sort(key=_KEYS[sort])
    return hits
