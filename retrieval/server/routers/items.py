"""Items by their ids."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from retrieval.schemas.items import ItemModel
from retrieval.server.answers import Json
from retrieval.server.libraries import ServedLibrary

ROUTER = APIRouter(prefix="/api/libraries/{library}/items", tags=["items"])


class ItemNumbers(BaseModel):
    """Which items are asked for."""

    item_ids: list[Annotated[int, Field(ge=1)]] = Field(max_length=500, examples=[[1, 2]])


class ItemBatch(BaseModel):
    """Items in the order in which they were asked for; unknown ones are left out."""

    items: list[ItemModel]


@ROUTER.post("/batch", response_model=ItemBatch)
def batch(served: ServedLibrary, wanted: ItemNumbers) -> Json:
    """Return up to 500 items by their ids."""
    return Json({"items": [item.to_dict() for item in served.library.by_item_id(wanted.item_ids)]})
