"""The body of a search: what every endpoint takes that searches, explains or judges."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from retrieval.schemas.filters import Filters

LONGEST_WORDS = 10_000
"""Characters of a text of a query."""

LONGEST_DATA = 44 * 2**20
"""Characters of a picture in base64: 32 MB."""

MOST_PARTS = 32

_CONTENTS = ("text", "item_id", "picture", "data", "vector")

Kind = Literal["photos", "texts", "all"]


class SearchPart(BaseModel):
    """One part of a query, with its weight; exactly one of text, item_id, picture, data and vector is given."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=LONGEST_WORDS)] | None = None
    item_id: Annotated[int, Field(ge=1)] | None = Field(None, description="What this item shows.")
    picture: Annotated[str, Field(max_length=100)] | None = Field(
        None, description="The name of a picture that was sent by POST …/pictures."
    )
    data: Annotated[str, Field(max_length=LONGEST_DATA)] | None = Field(
        None, description="The bytes of a picture file in base64."
    )
    vector: Annotated[list[float], Field(min_length=1, max_length=8192)] | None = Field(
        None, description="A vector of the library's encoder."
    )
    weight: float = Field(
        1.0, ge=-1_000_000, le=1_000_000, description="How much it counts; a negative weight pushes away."
    )

    @model_validator(mode="after")
    def _has_one_content(self) -> Self:
        given = [name for name in _CONTENTS if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) if given else "nothing"
            raise ValueError(f"a part has {found}; expected exactly one of {', '.join(_CONTENTS)}")
        return self


class Search(BaseModel):
    """A search: words, parts, or both, with filters."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"query": "a dog on the beach", "k": 20},
                {"parts": [{"item_id": 12}, {"text": "snow", "weight": 2}], "filters": {"after": "2019"}},
            ]
        },
    )

    query: Annotated[str, Field(max_length=LONGEST_WORDS)] = Field(
        "", description="Words; dates, places and negations among them are understood."
    )
    parts: list[SearchPart] = Field([], max_length=MOST_PARTS, description="Further parts of the query.")
    filters: Filters | None = Field(None, description="Conditions that every result fulfils.")
    kind: Kind = "all"
    k: int = Field(50, ge=1, le=1000, description="Number of results.")
    offset: int = Field(0, ge=0, le=100_000, description="Number of best results to skip.")
    sort: Literal["score", "date", "-date", "name"] = "score"
    hybrid: bool = Field(default=True, description="Whether words are looked for in names, metadata and texts, too.")
    literal: bool = Field(default=False, description="Whether dates, places and negations are searched for as words.")
    rerank: list[Annotated[str, Field(max_length=100)]] = Field(
        [], max_length=4, examples=[["bursts", "mmr:0.7"]], description="Rerankers in their order."
    )
    include_unlikely: bool = Field(default=False, description="Whether unlikely results are returned too.")

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not self.query.strip() and not self.parts:
            raise ValueError("there is nothing to search for; give a query or parts")
        for name in self.rerank:
            if name.partition(":")[0].strip() == "encoder":
                raise ValueError("a search through the server loads no other encoder; leave out rerank 'encoder:…'")
        return self


class LayoutSearch(Search):
    """A search whose results are placed in a grid."""

    k: int = Field(1000, ge=1, le=5000, description="Number of results.")


class ExpectedMatches(BaseModel):
    """How many photos and texts of the library are expected to match."""

    number: float
    low: float
    high: float


class UnderstoodWords(BaseModel):
    """What dates, places, cameras and negations in the words were understood as."""

    text: str = Field(description="The words that are searched for.")
    filters: list[str]
    excluded: list[str] = Field(description="What no result may show.")
    unmatched: list[str] = Field(description="Filters that no photo would pass; they are searched for as words.")


class SearchFacts(BaseModel):
    """What is known about a search beside its results."""

    hidden: int = Field(description="Unlikely results that are left out.")
    total_known: int = Field(description="Results up to here, with those of earlier pages and the hidden ones.")
    cutoff: float = Field(description="Results with a lower match probability are unlikely.")
    expected: ExpectedMatches | None
    understood: UnderstoodWords | None
    unknown_words: dict[str, list[str]] = Field(
        description="Words that the encoder does not know, with what may be meant."
    )
    note: str | None = Field(description="Why there is no result.")
