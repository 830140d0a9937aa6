"""Items that clients add: the body of the request, and what the library takes."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from indexer.adding import AddReport
from retrieval.server.libraries import Served
from retrieval.server.problems import ProblemError
from retrieval.server.search_body import LONGEST_DATA
from retrieval.server.searching import decoded
from retrieval.server.state import State

_MOST_ITEMS = 1000


class NewItem(BaseModel):
    """An item to add: a text, a picture, a vector, or several of them."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(min_length=1, max_length=1000)] | None = Field(
        None, description="Unique in the collection; by default made of the content."
    )
    text: Annotated[str, Field(min_length=1, max_length=5_000_000)] | None = None
    picture: Annotated[str, Field(max_length=100)] | None = Field(
        None, description="The name of a picture that was sent by POST …/pictures."
    )
    data: Annotated[str, Field(max_length=LONGEST_DATA)] | None = Field(
        None, description="The bytes of a picture file in base64."
    )
    vector: Annotated[list[float], Field(min_length=1, max_length=8192)] | None = Field(
        None, description="A vector of the library's encoder; nothing of the item is encoded then."
    )
    metadata: dict[str, Any] | None = Field(None, examples=[{"price": 10, "shop": "Berlin"}])
    uri: Annotated[str, Field(max_length=5000)] | None = Field(None, description="Where it is from.")

    @model_validator(mode="after")
    def _has_one_picture(self) -> Self:
        if self.picture is not None and self.data is not None:
            raise ValueError("an item has picture and data; expected one of them")
        if self.text is None and self.picture is None and self.data is None and self.vector is None:
            raise ValueError("an item has no content; expected text, picture, data or vector")
        return self


class AddItems(BaseModel):
    """Items to add."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"items": [{"id": "hat", "text": "a red hat"}], "collection": "shop"}]},
    )

    items: list[NewItem] = Field(min_length=1, max_length=_MOST_ITEMS)
    collection: Annotated[str, Field(min_length=1, max_length=200)] = "default"
    on_conflict: Literal["replace", "skip", "error"] = Field(
        "replace", description="What becomes of an item whose id the collection has."
    )
    keep: Literal["original", "preview", "nothing"] = Field("preview", description="What is stored of pictures.")


def add_items(served: Served, shared: State, body: AddItems) -> AddReport:
    """Add items to a library, and return what was added.

    Raises:
        ProblemError: A picture is not known.
        QueryError: A picture is not base64.
        AddError: The items cannot be added.
    """
    pictures = [_picture(served, shared, item) for item in body.items]
    texts = [item.text for item in body.items]
    vectors = [item.vector for item in body.items]
    metadata = [item.metadata for item in body.items]
    return served.library.add(
        images=pictures if any(pictures) else None,
        texts=texts if any(texts) else None,
        vectors=vectors if any(vectors) else None,
        ids=[item.id for item in body.items],
        metadata=metadata if any(metadata) else None,
        uris=[item.uri for item in body.items],
        collection=body.collection,
        on_conflict=body.on_conflict,
        keep=body.keep,
        wait=None,
    )


def _picture(served: Served, shared: State, item: NewItem) -> bytes | None:
    """Return the picture's bytes of an item, None if it has no picture."""
    if item.data is not None:
        return decoded(item.data)
    if item.picture is None:
        return None
    found = shared.pictures.get(served.name, item.picture)
    if found is None:
        raise ProblemError(404, f"the server does not have the picture {item.picture!r} any more; send it again")
    return found.content
