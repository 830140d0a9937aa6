"""Items: list, get, add, change and delete."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from indexer.catalog.statements.item import Item
from retrieval.schemas.items import ItemModel
from retrieval.search.listing import ItemSort
from retrieval.server.adding import AddItems, add_items
from retrieval.server.answers import Json
from retrieval.server.filter_param import FilterParam
from retrieval.server.lanes import ENCODING
from retrieval.server.libraries import ServedLibrary, WritableLibrary
from retrieval.server.numbers import ItemNumber
from retrieval.server.problems import ProblemError
from retrieval.server.searching import item_of
from retrieval.server.state import Shared

ROUTER = APIRouter(prefix="/api/libraries/{library}/items", tags=["items"])


class ItemNumbers(BaseModel):
    """Which items are asked for."""

    item_ids: list[Annotated[int, Field(ge=1)]] = Field(max_length=500, examples=[[1, 2]])


class ItemBatch(BaseModel):
    """Items in the order in which they were asked for; unknown ones are left out."""

    items: list[ItemModel]


class ItemPage(BaseModel):
    """A page of items."""

    items: list[ItemModel]
    cursor: str | None = Field(description="What continues the list after this page; null if nothing follows.")
    total: int = Field(description="Items on all pages.")


class AddFailureModel(BaseModel):
    """An item that could not be added."""

    position: int = Field(description="Its place among the given items, from 0.")
    id: str
    kind: str
    reason: str


class AddAnswer(BaseModel):
    """What was added."""

    ids: list[str] = Field(description='The id of each given item; "" for one that failed and was given none.')
    item_ids: list[int | None] = Field(description="The number of each given item in the library; null if it failed.")
    added: int
    replaced: int
    unchanged: int
    failures: list[AddFailureModel]


class ItemChange(BaseModel):
    """What changes of an item."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"metadata": {"price": 12, "shop": None}}]}
    )

    metadata: dict[str, Any] | None = Field(
        None, description="Its keys replace those of the item, the others stay; null makes a value unknown."
    )
    text: Annotated[str, Field(min_length=1, max_length=5_000_000)] | None = Field(None, description="The new text.")


@ROUTER.post("/batch", response_model=ItemBatch)
def batch(served: ServedLibrary, wanted: ItemNumbers) -> Json:
    """Return up to 500 items by their ids."""
    return Json({"items": [item.to_dict() for item in served.library.by_item_id(wanted.item_ids)]})


@ROUTER.get("", response_model=ItemPage)
def list_items(
    served: ServedLibrary,
    where: FilterParam,
    sort: ItemSort = "added",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(max_length=10_000, description="`cursor` of the page before.")] = None,
) -> Json:
    """List the items that pass the filters, a page at a time."""
    page = served.library.list(where, sort=sort, limit=limit, cursor=cursor)
    total = served.library.count(where)
    return Json({"items": [item.to_dict() for item in page], "cursor": page.cursor, "total": total})


@ROUTER.post("", status_code=201, response_model=AddAnswer, dependencies=[ENCODING])
def add(served: WritableLibrary, shared: Shared, body: AddItems) -> Json:
    """Add texts, pictures and vectors that need no file; those that cannot be added are listed as failures."""
    report = add_items(served, shared, body)
    numbers = {item.id: item.item_id for item in served.library.get(report.ids, collection=body.collection)}
    failures = [
        {"position": each.position, "id": each.id, "kind": str(each.kind), "reason": each.message}
        for each in report.failures
    ]
    failed = {each.position for each in report.failures}
    return Json(
        {
            "ids": report.ids,
            "item_ids": [None if place in failed else numbers.get(id_) for place, id_ in enumerate(report.ids)],
            "added": report.added,
            "replaced": report.replaced,
            "unchanged": report.unchanged,
            "failures": failures,
        },
        status_code=201,
    )


@ROUTER.get("/{item_id}", response_model=ItemModel)
def get_item(served: ServedLibrary, item_id: ItemNumber) -> Json:
    """Return an item."""
    return Json(item_of(served, item_id).to_dict())


@ROUTER.patch("/{item_id}", response_model=ItemModel)
def change_item(served: WritableLibrary, item_id: ItemNumber, change: ItemChange) -> Json:
    """Change the metadata or the text of an added item."""
    item = _added(served, item_id, "changed")
    served.library.update(
        [item.id],
        metadata=None if change.metadata is None else [change.metadata],
        texts=None if change.text is None else [change.text],
        collection=item.collection,
    )
    return Json(item_of(served, item_id).to_dict())


@ROUTER.delete("/{item_id}", status_code=204, response_class=Response)
def delete_item(served: WritableLibrary, item_id: ItemNumber) -> Response:
    """Delete an added item; files are never deleted."""
    item = _added(served, item_id, "deleted")
    served.library.delete([item.id], collection=item.collection)
    return Response(status_code=204)


def _added(served: WritableLibrary, item_id: int, verb: Literal["changed", "deleted"]) -> Item:
    """Return an item that an app added.

    Raises:
        ProblemError: There is none, or it is a file's.
    """
    item = item_of(served, item_id)
    if item.collection is None:
        raise ProblemError(
            422, f"only an item that an app added can be {verb} here; change or delete the file and sync the library"
        )
    return item
