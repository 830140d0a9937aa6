"""Searches: their hits, or what a grid needs of many of them."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from retrieval.schemas.items import HitModel
from retrieval.server.answers import Json
from retrieval.server.lanes import SEARCHING
from retrieval.server.libraries import ServedLibrary
from retrieval.server.search_body import LayoutSearch, Search, SearchFacts
from retrieval.server.searching import facts, likely_first, run_search
from retrieval.server.state import Shared

ROUTER = APIRouter(prefix="/api/libraries/{library}/search", tags=["search"])


class SearchAnswer(SearchFacts):
    """The hits of a search, best first."""

    hits: list[HitModel]


class SearchLayout(SearchFacts):
    """The results of a search as columns for a grid: the likely ones, then the others."""

    item_ids: list[int]
    widths: list[int | None]
    heights: list[int | None]
    probabilities: list[float | None] = Field(description="Match probabilities, 0 to 1; null if unknown.")
    kinds: list[Literal["photo", "text"]]
    likely: int = Field(description="The first so many are likely: the list ends there.")
    more: bool = Field(description="Whether a larger offset finds more.")


@ROUTER.post("", response_model=SearchAnswer, dependencies=[SEARCHING])
def search(served: ServedLibrary, shared: Shared, search: Search) -> Json:
    """Search by words, pictures, items and vectors in any mix."""
    hits = run_search(served, shared, search)
    likely = hits.above(hits.cutoff)
    shown = hits if search.include_unlikely else likely
    return Json(
        {
            "hits": [hit.to_dict() for hit in shown],
            "hidden": len(hits) - len(shown),
            **facts(hits, likely=len(likely)),
        }
    )


@ROUTER.post("/layout", response_model=SearchLayout, dependencies=[SEARCHING])
def search_layout(served: ServedLibrary, shared: Shared, search: LayoutSearch) -> Json:
    """Search as `search` does, and return what a grid needs to place up to 5,000 results."""
    hits = run_search(served, shared, search)
    ranked = list(likely_first(hits))
    likely = sum(is_likely for _, is_likely in ranked)
    shown = [hit for hit, _ in ranked]
    return Json(
        {
            "item_ids": [hit.item_id for hit in shown],
            "widths": [hit.width for hit in shown],
            "heights": [hit.height for hit in shown],
            "probabilities": [None if hit.probability is None else round(hit.probability, 4) for hit in shown],
            "kinds": [str(hit.kind) for hit in shown],
            "likely": likely,
            "more": len(hits) == search.k,
            "hidden": 0,
            **facts(hits, likely=likely),
        }
    )
