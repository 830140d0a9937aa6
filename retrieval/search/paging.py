"""A page of a list of hits, in the order that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, get_args

from indexer.errors import QueryError
from retrieval.search.hits import Hit, Hits

Sort = Literal["score", "date", "-date", "name"]
"""By score, best first; by the date taken, oldest or (with -) newest first, undated last; by the name of the file."""

_KEYS: dict[Sort, Callable[[Hit], Any]] = {
    "date": lambda hit: (hit.taken_at is None, hit.taken_at or datetime.min, hit.item_id),  # noqa: DTZ901
    "-date": lambda hit: (hit.taken_at is None, datetime.max - (hit.taken_at or datetime.min), hit.item_id),  # noqa: DTZ901
    "name": lambda hit: (hit.path.name.lower(), hit.path.name, hit.item_id),
}


def check_page(sort: Sort, offset: int) -> None:
    """Refuse an order that there is not, and a page before the first.

    Raises:
        QueryError: So it is.
    """
    if sort not in get_args(Sort):
        raise QueryError(f"there is no order {sort!r}; expected one of {', '.join(get_args(Sort))}")
    if offset < 0:
        raise QueryError(f"the offset is {offset}; expected 0 or more")


def paginate(hits: Hits, *, sort: Sort, offset: int) -> Hits:
    """Return the same hits without the first `offset` of them, in the order that was asked for.

    A page is cut first and sorted then: it holds the best, whatever their order. So pages of one query neither overlap
    nor leave anything out, as long as the library stays as it is.

    Args:
        hits: Best first, all pages up to this one; changed.
        sort: The order within the page; equal ones by item id.
        offset: Hits of the pages before, at least 0.
    """
    del hits[:offset]
    if sort != "score":
        hits.sort(key=_KEYS[sort])
    return hits
