"""Why an item is or is not among the results of a search."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from retrieval.explain import Explanation, heatmap_png
from retrieval.schemas.filters import as_filter
from retrieval.schemas.items import PartScoreModel
from retrieval.server.answers import Json
from retrieval.server.lanes import ENCODING
from retrieval.server.libraries import Served, ServedLibrary
from retrieval.server.numbers import ItemId
from retrieval.server.problems import ProblemError
from retrieval.server.search_body import Search
from retrieval.server.searching import item_of, query_of
from retrieval.server.state import Shared, State

ROUTER = APIRouter(prefix="/api/libraries/{library}/explain", tags=["search"])


class ExplainRequest(BaseModel):
    """A search, and the item whose place in it is explained."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"search": {"query": "a dog"}, "item_id": 1}]}
    )

    search: Search
    item_id: ItemId


class WordEffectModel(BaseModel):
    """What a word, or a whole part of the query, adds to the score."""

    part: int = Field(description="Number of the part of the query, from 0, texts first.")
    word: str | None = Field(description="null for the whole part.")
    effect: float = Field(description="The score with it minus the score without it.")


class RegionModel(BaseModel):
    """A region of the picture; its edges are shares of width and height, 0 to 1."""

    left: float
    top: float
    right: float
    bottom: float
    score: float


class ExplanationModel(BaseModel):
    """Why an item is or is not among the results."""

    path: str
    id: str
    collection: str | None
    in_results: bool
    reasons: list[str] = Field(description="Why it is not, and what else there is to know; for people.")
    rank: int | None
    total: int | None = Field(description="How many it was ranked among.")
    score: float | None
    probability: float | None
    last_score: float | None = Field(description="Score of the last result.")
    kind: Literal["photo", "text"] | None
    text: str | None
    part_scores: list[PartScoreModel]
    word_effects: list[WordEffectModel]
    regions: list[RegionModel] | None = Field(description="Best first; null for texts and for files that are gone.")


@ROUTER.post("", response_model=ExplanationModel, dependencies=[ENCODING])
def explain(served: ServedLibrary, shared: Shared, wanted: ExplainRequest) -> Json:
    """Explain the place of an item in a search; it takes a second, as regions of its picture are encoded."""
    return Json(_explanation(served, shared, wanted).to_dict())


@ROUTER.post(
    "/heatmap",
    dependencies=[ENCODING],
    response_class=Response,
    responses={200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}},
)
def heatmap(served: ServedLibrary, shared: Shared, wanted: ExplainRequest) -> Response:
    """Return where in a photo the search matches: a PNG of its shape to lay over it, warm where it matches best."""
    found = _explanation(served, shared, wanted)
    if found.picture is None or found.regions is None:
        why = found.reasons[0] if found.reasons else "it is a text, or its file is gone"
        raise ProblemError(404, f"there is no heat map of this item: {why}")
    return Response(heatmap_png(found.picture, found.regions), media_type="image/png")


def _explanation(served: Served, shared: State, wanted: ExplainRequest) -> Explanation:
    """Return the explanation of an item's place in a search.

    Raises:
        ProblemError: The item, or one of the query, is unknown.
        QueryError: The query cannot be answered.
    """
    search = wanted.search
    return served.library.explain(
        query_of(served, shared, search),
        item_of(served, wanted.item_id),
        k=search.k,
        where=as_filter(search.filters),
        hybrid=search.hybrid,
        literal=search.literal,
    )
