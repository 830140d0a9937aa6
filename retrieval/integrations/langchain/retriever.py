"""A retriever over a library of photos and texts."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field

from indexer.catalog.filters.expression import Filter, combine_filters
from retrieval.library import Library
from retrieval.schemas.metadata_filters import as_filter
from retrieval.search.engine import SearchKind
from retrieval.search.hits import Hit


class RecallRetriever(BaseRetriever):
    """Finds photos and texts of a library; `invoke` takes words, or a picture: a Path, a Pillow picture or bytes.

    A document's content is the item's text, or what its photographer wrote about it, or the file's name; its metadata
    has path, score and match probability, and what is known of the photo.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    library: Library
    k: int = Field(default=4, ge=1)
    filter: Filter | dict[str, Any] | None = None
    kind: SearchKind = "all"
    threshold: float | None = Field(default=None, ge=0, le=1)

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
        filter: Filter | dict[str, Any] | None = None,  # noqa: A002 - LangChain's name for it
    ) -> list[Document]:
        """Return the best documents; `k` and `filter` of a call stand in place of k, and beside the filter."""
        where = combine_filters(as_filter(self.filter), as_filter(filter))
        hits = self.library.search(
            query, k=self.k if k is None else k, where=where, kind=self.kind, threshold=self.threshold
        )
        return [hit_document(hit) for hit in hits]


def hit_document(hit: Hit) -> Document:
    """Return a hit as a document."""
    about = {
        "id": hit.id,
        "path": str(hit.path) if hit.collection is None else None,
        "uri": hit.uri,
        "collection": hit.collection,
        "kind": str(hit.kind),
        "score": hit.score,
        "probability": hit.probability,
        "title": hit.title,
        "taken_at": hit.taken_at.isoformat() if hit.taken_at else None,
        "camera": hit.camera,
        "latitude": hit.latitude,
        "longitude": hit.longitude,
        "rating": hit.rating,
        "tags": list(hit.tags),
        "people": list(hit.people),
        "places": list(hit.places),
    }
    known = {name: value for name, value in about.items() if value not in (None, [])}
    content = hit.text if hit.kind == "text" else hit.description or hit.title or hit.text
    name = hit.id if hit.collection is not None else hit.path.name
    return Document(page_content=content or name, id=hit.id, metadata=dict(hit.metadata) | known)
