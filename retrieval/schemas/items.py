"""Items and hits as JSON: what `Item.to_dict` and `Hit.to_dict` return, for descriptions of an API."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class StoredItem(BaseModel):
    """What items and hits have."""

    model_config = ConfigDict(extra="allow")

    item_id: int = Field(description="Its number in the library.")
    id: str = Field(description="The id of an added item; else its path, of a table's row followed by # and the row.")
    path: str = Field(description="Its file; for an added item without one, collection: and the collection's name.")
    kind: Literal["photo", "text"]
    format: str | None
    width: int | None = Field(description="Pixels, upright.")
    height: int | None
    taken_at: str | None = Field(description="By the camera's clock, with its offset if known.")
    taken_from: str | None
    utc_offset: int | None
    latitude: float | None
    longitude: float | None
    camera: str | None
    lens: str | None
    rating: int | None = Field(description="0 to 5; -1 for rejected.")
    title: str | None
    description: str | None
    tags: list[str]
    people: list[str]
    places: list[str]
    row: str | None
    collection: str | None
    uri: str | None
    text: str | None
    metadata: dict[str, Any]


class ItemModel(StoredItem):
    """A photo, a text, or an item that an app added."""

    size: int = Field(description="Bytes of the file.")


class PartScoreModel(BaseModel):
    """The score of a hit for one part of the query."""

    part: str
    score: float
    weight: float


class FoundWord(BaseModel):
    """A word of the query that an item has, and where."""

    model_config = ConfigDict(extra="allow")

    word: str


class HitModel(StoredItem):
    """A result of a search."""

    unit_id: int
    score: float = Field(description="Cosine of query and unit, -1 to 1.")
    probability: float | None = Field(description="How likely it is that it matches, 0 to 1; null if unknown.")
    part_scores: list[PartScoreModel]
    approximate: bool
    found: list[FoundWord]
    words: list[str]
    word_evidence: float
    rerank: list[dict[str, Any]]
    count: int = Field(description="Photos of its burst, itself included.")
    members: list[str] = Field(description="Paths of the other photos of its burst.")
