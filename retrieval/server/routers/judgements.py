"""Judgements: which results are good and which are bad, for the library to learn from."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from fastapi import APIRouter
from fastapi import Query as QueryParam
from pydantic import BaseModel, ConfigDict, Field, model_validator

from indexer.catalog.statements.item import Item
from indexer.types import file_of, item_id
from retrieval import feedback
from retrieval.query.query import Query
from retrieval.schemas.text import utc_text
from retrieval.server.answers import Json
from retrieval.server.libraries import ServedLibrary, WritableLibrary
from retrieval.server.numbers import ItemId
from retrieval.server.search_body import LONGEST_WORDS, Search
from retrieval.server.searching import items_of, query_of
from retrieval.server.state import Shared

ROUTER = APIRouter(prefix="/api/libraries/{library}/judgements", tags=["learning"])

_Numbers = Annotated[list[ItemId], Field(max_length=1000)]


class NewJudgements(BaseModel):
    """Results of a search, and whether they answer it."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"search": {"query": "a dog"}, "good": [1, 2], "bad": [3]}]}
    )

    search: Search
    good: _Numbers = []
    bad: _Numbers = []


class Judged(BaseModel):
    """How many judgements were recorded."""

    good: int
    bad: int


class JudgementModel(BaseModel):
    """A verdict on a result of a search."""

    query: str = Field(description="The query in one line.")
    path: str = Field(description="The file that was judged.")
    item_id: int | None = Field(description="null if it is not in the library any more.")
    verdict: Literal["good", "bad"]
    judged_at: str = Field(description="In UTC.")


class JudgementsToForget(BaseModel):
    """Which judgements are deleted: those that meet all conditions."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"query": "a dog", "item_ids": [1]}]})

    query: Annotated[str, Field(min_length=1, max_length=LONGEST_WORDS)] | None = Field(
        None, description="Those of this query, as the list of judgements names it."
    )
    search: Search | None = Field(None, description="Those of the query of this search.")
    item_ids: _Numbers | None = Field(None, description="Those of these items.")

    @model_validator(mode="after")
    def _has_a_condition(self) -> Self:
        if self.query is None and self.search is None and self.item_ids is None:
            raise ValueError("nothing says what to forget; give query, search or item_ids")
        if self.query is not None and self.search is not None:
            raise ValueError("both query and search are given; expected one of them")
        return self


class Forgotten(BaseModel):
    """How many judgements were deleted."""

    forgotten: int


@ROUTER.post("", status_code=201, response_model=Judged)
def judge(served: WritableLibrary, shared: Shared, judged: NewJudgements) -> Json:
    """Record which results of a search are good and which are bad; a later verdict overrules an earlier one."""
    good, bad = (items_of(served, numbers) for numbers in (judged.good, judged.bad))
    report = served.library.judge(query_of(served, shared, judged.search), good=good, bad=bad)
    return Json({"good": report.good, "bad": report.bad}, status_code=201)


@ROUTER.get("", response_model=list[JudgementModel])
def judgements(
    served: ServedLibrary, limit: Annotated[int, QueryParam(ge=1, le=10_000, description="The newest so many.")] = 1000
) -> Json:
    """List the judgements, the oldest first."""
    stored = served.library.judgements()[-limit:]
    numbers = {item.id: item.item_id for item in served.library.get([item_id(each.path) for each in stored])}
    return Json(
        [
            {
                "query": feedback.judgement_record(each)["query"],
                "path": file_of(each.path),
                "item_id": numbers.get(item_id(each.path)),
                "verdict": "good" if each.is_good else "bad",
                "judged_at": utc_text(each.judged_at),
            }
            for each in stored
        ]
    )


@ROUTER.delete("", response_model=Forgotten)
def forget_judgements(served: WritableLibrary, shared: Shared, wanted: JudgementsToForget) -> Json:
    """Delete judgements; versions that were trained on them stay."""
    library = served.library
    queries: list[Query | None] = [None if wanted.search is None else query_of(served, shared, wanted.search)]
    if wanted.query is not None:
        named = [each for each in library.judgements() if feedback.judgement_record(each)["query"] == wanted.query]
        keys = {feedback.query_key(each.parts): each.parts for each in named}
        queries = [feedback.query_from_parts(parts) for parts in keys.values()]
    targets: list[Item | None] = [None]
    if wanted.item_ids is not None:
        targets = [*items_of(served, wanted.item_ids)]
    forgotten = [library.forget_judgements(query=query, path=item) for query in queries for item in targets]
    return Json({"forgotten": sum(forgotten)})
