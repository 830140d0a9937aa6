"""The tools that read: search, similar, get_items, show_photos, list_items, explain, status."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, ContentBlock, ImageContent, TextContent
from pydantic import Field

from indexer.catalog.statements.item import Item
from indexer.errors import PictureError, QueryError
from indexer.types import Modality
from retrieval.integrations.mcp.arguments import (
    Collection,
    Count,
    FewIds,
    Id,
    Ids,
    Kind,
    Offset,
    PictureData,
    PicturePath,
    Unlikely,
    Where,
    Words,
)
from retrieval.integrations.mcp.pictures import named_picture, sent_picture
from retrieval.integrations.mcp.results import (
    WHOLE_TEXT,
    ExplanationResult,
    ItemList,
    ItemsById,
    PhotosShown,
    SearchResult,
    SourceResult,
    StatusResult,
    explanation_result,
    hit_result,
    item_result,
)
from retrieval.library import Library
from retrieval.query.part import Part
from retrieval.query.query import Query
from retrieval.schemas.filters import as_filter
from retrieval.schemas.text import plain, stored_id, utc_text
from retrieval.search.hits import Hits

_SHOWN_BYTES = 700_000
"""Bytes of all pictures of one answer: in base64 they stay below the megabyte that some clients accept."""


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a client may do besides searching.

    Attributes:
        allow_writes: Whether there are tools that change the library.
        allow_files: Whether a client may name files outside the library.
    """

    allow_writes: bool = False
    allow_files: bool = False


@dataclass(frozen=True, slots=True)
class ReadingTools:
    """The tools that read a library; their docstrings are what an assistant is told."""

    library: Library
    permissions: Permissions

    def search(
        self,
        query: Words = "",
        picture_path: PicturePath = "",
        picture_data: PictureData = "",
        k: Count = 10,
        offset: Offset = 0,
        filters: Where = None,
        kind: Kind = "all",
        literal: Annotated[
            bool, Field(description="Whether dates, places and negations in the words are searched for as they are.")
        ] = False,
        include_unlikely: Unlikely = False,
    ) -> SearchResult:
        """Find photos and texts by words, by a picture, or by both; English words work best."""
        pictures = self.pictures(picture_path, picture_data)
        if not query and not pictures:
            raise QueryError("there is nothing to search for; give query, picture_path or picture_data")
        parts = [*([Part(query)] if query else []), *map(Part, pictures)]
        hits = self.library.search(
            Query(parts=parts), k=k, offset=offset, where=as_filter(filters), kind=kind, literal=literal
        )
        return _search_result(hits, hits if include_unlikely else hits.above(hits.cutoff))

    def similar(
        self,
        id: Id,  # noqa: A002 - the argument's name for clients
        collection: Collection = "",
        k: Count = 10,
        filters: Where = None,
        include_unlikely: Unlikely = False,
    ) -> SearchResult:
        """Find the photos most similar to a photo of the library, without the photo itself."""
        item, where = self._item(id, collection), as_filter(filters)
        if item.collection is None:
            found = self.library.similar(item.path, k=k, where=where)
        else:
            (added,) = self.library.get([item.id], collection=item.collection, vectors=True) or [item]
            if added.vector is None:
                raise QueryError(f"{item.id[:200]!r} has no embedding; add it again")
            found = self.library.search(added.vector, k=k + 1, where=where, kind="photos")
        hits = Hits([hit for hit in found if hit.item_id != item.item_id][:k], cutoff=found.cutoff)
        return _search_result(hits, hits if include_unlikely else hits.above(hits.cutoff))

    def get_items(self, ids: Ids, collection: Collection = "") -> ItemsById:
        """Return all that the library knows of items: metadata, and the text of those that an app added."""
        items = self.items(ids, collection)
        return ItemsById(
            items=[item_result(item, longest=WHOLE_TEXT) for item in items.values()],
            unknown=[id_ for id_ in ids if id_ not in items],
        )

    def show_photos(
        self,
        ids: FewIds,
        collection: Collection = "",
        size: Annotated[int, Field(ge=64, le=1024, description="Pixels of the longer side, at most.")] = 512,
    ) -> Annotated[CallToolResult, PhotosShown]:
        """Show photos as pictures, reduced in size."""
        items = self.items(ids, collection)
        shown: dict[str, bytes] = {}
        failed: dict[str, str] = {}
        for id_ in dict.fromkeys(ids):
            try:
                picture = self._thumbnail(items.get(id_), size)
            except (PictureError, QueryError) as error:
                failed[id_] = plain(str(error))
                continue
            if sum(map(len, shown.values())) + len(picture) > _SHOWN_BYTES:
                failed[id_] = "the pictures before it fill the answer; ask for fewer, or for a smaller size"
                continue
            shown[id_] = picture
        result = PhotosShown(shown=list(shown), failed=failed)
        content: list[ContentBlock] = [TextContent(type="text", text=result.model_dump_json())]
        content += [
            ImageContent(type="image", data=base64.b64encode(picture).decode(), mime_type="image/jpeg")
            for picture in shown.values()
        ]
        return CallToolResult(content=content, structured_content=result.model_dump(), is_error=not shown)

    def list_items(
        self,
        filters: Where = None,
        sort: Annotated[
            Literal["path", "-path", "name", "-name", "date", "-date", "rating", "-rating", "added", "-added"],
            Field(description="The order; with a - the other way round."),
        ] = "path",
        limit: Count = 50,
        cursor: Annotated[str, Field(max_length=10_000, description="The cursor of the page before.")] = "",
    ) -> ItemList:
        """List photos and texts without a query, and say how many there are."""
        where = as_filter(filters)
        page = self.library.list(where=where, sort=sort, limit=limit, cursor=cursor or None)
        total = self.library.count(where=where) if not cursor else None
        return ItemList(items=[item_result(item) for item in page], total=total, cursor=page.cursor)

    def explain(
        self,
        query: Annotated[str, Field(max_length=10_000, description="The words of the search.")],
        id: Id,  # noqa: A002 - as above
        k: Count = 10,
        filters: Where = None,
    ) -> ExplanationResult:
        """Say why a file is or is not among the results of a search."""
        path = self.path(id)
        return explanation_result(self.library.explain(query, path, k=k, where=as_filter(filters)), plain(id))

    def status(self) -> StatusResult:
        """Say what the library holds: how many photos and texts, and from which folders."""
        status = self.library.status()
        return StatusResult(
            photos=status.photos,
            texts=status.texts,
            failed=status.failed,
            encoder=status.encoder,
            sources=[
                SourceResult(path=plain(source.root), synced_at=utc_text(source.synced_at)) for source in status.sources
            ],
            can_write=self.permissions.allow_writes,
        )

    def path(self, path: str) -> Path:
        """Return the file of a picture that a client may name."""
        roots = [source.root for source in self.library.status().sources]
        return named_picture(self.library, path, allow_files=self.permissions.allow_files, roots=roots)

    def pictures(self, path: str, data: str) -> list[Path | bytes]:
        """Return the picture that a client has sent or named, if any."""
        if path and data:
            raise ToolError("picture_path and picture_data are both given; give one of them")
        if data:
            return [sent_picture(data)]
        return [self.path(path)] if path else []

    def items(self, ids: Sequence[str], collection: str) -> dict[str, Item]:
        """Return items by the ids that a client has, leaving out those that the library has not."""
        spellings = {id_: stored_id(id_) for id_ in ids}
        names = dict.fromkeys([*spellings, *spellings.values()])
        stored = {item.id: item for item in self.library.get(list(names), collection=collection or None)}
        found = {id_: stored.get(id_) or stored.get(spelling) for id_, spelling in spellings.items()}
        return {id_: item for id_, item in found.items() if item is not None}

    def _item(self, id_: str, collection: str) -> Item:
        """Return an item of the library."""
        item = self.items([id_], collection).get(id_)
        if item is None:
            raise QueryError(f"the library has no item {id_[:200]!r}; take an id that another tool returned")
        return item

    def _thumbnail(self, item: Item | None, side: int) -> bytes:
        """Return a reduced copy of an item's picture."""
        if item is None:
            raise QueryError("the library has no such item")
        if item.kind is not Modality.PHOTO:
            raise QueryError("it is a text, not a photo")
        return self.library.thumbnail(item, side=side)


def _search_result(hits: Hits, likely: Hits) -> SearchResult:
    """Return the likely hits of a search, and what else is known about it."""
    note = None
    if not likely:
        note = "nothing in the library matches" if hits else "nothing was found; fewer filters may find more"
        if hits and not hits.unknown_words:
            note += "; include_unlikely returns the best guesses"
    return SearchResult(
        results=[hit_result(hit) for hit in likely],
        hidden=len(hits) - len(likely),
        expected=None if hits.expected is None else round(hits.expected.number, 1),
        understood=None if hits.understood is None else plain(str(hits.understood)),
        unknown_words={plain(word): list(meant) for word, meant in hits.unknown_words.items()},
        note=note,
    )
