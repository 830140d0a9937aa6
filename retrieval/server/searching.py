"""Searches as requests ask for them: the query that a body means, and what is known of its hits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from indexer.catalog.statements.item import Item
from indexer.errors import QueryError
from indexer.types import Modality
from retrieval.query.part import Part
from retrieval.query.query import Query
from retrieval.query.vector import QueryVector
from retrieval.schemas.base64_data import decode_data
from retrieval.schemas.filters import as_filter
from retrieval.schemas.text import plain
from retrieval.search.hits import Hits
from retrieval.server.libraries import Served
from retrieval.server.problems import ProblemError
from retrieval.server.search_body import Search, SearchPart
from retrieval.server.state import State


def run_search(served: Served, shared: State, search: Search) -> Hits:
    """Return the hits of a search, the unlikely ones too.

    A photo of the library that is all of a query is looked up as `Library.similar` does it: without the photo itself.

    Raises:
        ProblemError: An item or a picture of the query is unknown.
        QueryError: The query cannot be answered.
    """
    where = as_filter(search.filters)
    photo = _only_photo(served, search)
    if photo is not None:
        return served.library.similar(photo, k=search.k, where=where, sort=search.sort, offset=search.offset)
    return served.library.search(
        query_of(served, shared, search),
        k=search.k,
        where=where,
        kind=search.kind,
        hybrid=search.hybrid,
        literal=search.literal,
        rerank=search.rerank,
        sort=search.sort,
        offset=search.offset,
    )


def query_of(served: Served, shared: State, search: Search) -> Query:
    """Return the query that a body means, without its filters.

    Raises:
        ProblemError: An item or a picture of the query is unknown.
        QueryError: A part cannot be used.
    """
    words = [Part(search.query)] if search.query.strip() else []
    return Query(parts=[*words, *(_part(served, shared, part) for part in search.parts)])


def item_of(served: Served, item_id: int) -> Item:
    """Return an item of a library.

    Raises:
        ProblemError: There is none with this number.
    """
    return items_of(served, [item_id])[0]


def items_of(served: Served, item_ids: Sequence[int]) -> list[Item]:
    """Return items of a library in the order of their numbers, read together.

    Raises:
        ProblemError: There is none with one of the numbers.
    """
    found = {item.item_id: item for item in served.library.by_item_id(item_ids)}
    for item_id in item_ids:
        if item_id not in found:
            raise unknown_item(item_id)
    return [found[item_id] for item_id in item_ids]


def unknown_item(item_id: int) -> ProblemError:
    """Return what is answered if the library has no item with a number."""
    return ProblemError(404, f"the library has no item {item_id}; it may have been removed since it was found")


def facts(hits: Hits, *, likely: int) -> dict[str, Any]:
    """Return what is known about a search beside its results, as `SearchFacts`.

    Args:
        hits: All hits, the unlikely ones too.
        likely: How many of them are likely.
    """
    understood = hits.understood
    return {
        "total_known": hits.offset + len(hits),
        "cutoff": hits.cutoff,
        "expected": None if hits.expected is None else hits.expected._asdict(),
        "understood": None
        if understood is None
        else {
            "text": understood.words,
            "filters": list(understood.filters),
            "excluded": list(understood.excluded),
            "unmatched": list(understood.unmatched),
        },
        "unknown_words": {word: list(meant) for word, meant in hits.unknown_words.items()},
        "note": None if likely else _why_nothing(hits),
    }


def _why_nothing(hits: Hits) -> str:
    """Return why a search has no likely result, and what to do."""
    if hits.offset and not hits:
        return "there are no further results"
    if hits.unknown_words:
        words = ", ".join(repr(word) for word in hits.unknown_words)
        return f"the encoder does not know {words}; use another word, or teach it this one by photos"
    if hits:
        return "nothing matches; the unlikely results are the best guesses"
    return "nothing passes the filters; fewer of them may find more"


def _only_photo(served: Served, search: Search) -> Item | None:
    """Return the photo of the library that is all of a query."""
    if search.query.strip() or len(search.parts) != 1 or search.rerank:
        return None
    part = search.parts[0]
    if part.item_id is None or part.weight <= 0:
        return None
    item = item_of(served, part.item_id)
    return item if item.kind is Modality.PHOTO and search.kind != "texts" else None


def _part(served: Served, shared: State, part: SearchPart) -> Part:
    if part.text is not None:
        return Part(part.text, part.weight)
    if part.vector is not None:
        return Part(QueryVector(part.vector), part.weight)
    if part.item_id is not None:
        return _part_of_item(item_of(served, part.item_id), part.weight)
    if part.data is not None:
        return Part(decoded(part.data), part.weight)
    picture = shared.pictures.get(served.name, part.picture or "")
    if picture is None:
        raise ProblemError(404, "the server does not have the picture of this search any more; send it again")
    return Part(picture.content, part.weight)


def _part_of_item(item: Item, weight: float) -> Part:
    """Return an item as a part of a query: its picture, or its words."""
    if item.kind is Modality.PHOTO:
        return Part(item.path if item.collection is None else item.picture(), weight)
    words = " ".join(filter(None, (item.title, item.description, item.text))) or item.path.stem
    return Part(plain(words), weight)


def decoded(data: str) -> bytes:
    """Return the bytes of a picture in base64, with or without "data:…;base64," in front.

    Raises:
        QueryError: It is not base64.
    """
    content = decode_data(data)
    if not content:
        raise QueryError("data is not base64; give the bytes of a picture file in base64")
    return content


def likely_first(hits: Hits) -> Iterator[tuple[Any, bool]]:
    """Yield the hits with whether they are likely: the likely ones first, each kind in its order."""
    likely = {id(hit) for hit in hits.above(hits.cutoff)}
    yield from ((hit, True) for hit in hits if id(hit) in likely)
    yield from ((hit, False) for hit in hits if id(hit) not in likely)
