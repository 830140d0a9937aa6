"""The libraries, their status and what could not be indexed."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from indexer.maintenance.status import Status
from retrieval.schemas.text import utc_text
from retrieval.server.answers import Json
from retrieval.server.libraries import Served, ServedLibrary
from retrieval.server.state import Shared

ROUTER = APIRouter(prefix="/api/libraries", tags=["libraries"])


class LibrarySummary(BaseModel):
    """A library in the list."""

    name: str = Field(description="Its name in addresses.", examples=["photos"])
    photos: int
    texts: int
    failed: int = Field(description="Files that could not be indexed.")
    encoder: str | None = Field(description="None if nothing is indexed yet.", examples=["compact"])
    read_only: bool = Field(description="Whether the server refuses to change it.")


class SourceStatus(BaseModel):
    """A folder, file or table that was indexed."""

    path: str
    synced_at: str | None = Field(description="When it was last indexed, in UTC.")


class LibraryStatus(LibrarySummary):
    """What a library holds."""

    sources: list[SourceStatus]
    fingerprint: str | None = Field(description="Of the encoder.")
    dim: int | None = Field(description="Length of a vector.")
    catalog_bytes: int
    index_bytes: int
    collections: dict[str, int] = Field(description="Number of added items by the name of their collection.")
    unread_sidecars: int


class FailureRecord(BaseModel):
    """A file that could not be indexed, and why."""

    path: str
    row: str | None = Field(description="The row of a table.")
    kind: str = Field(examples=["damaged"])
    reason: str


@ROUTER.get("", response_model=list[LibrarySummary])
def list_libraries(shared: Shared) -> Json:
    """List the libraries of this server."""
    return Json([_summary(served, served.library.status()) for served in shared.libraries.values()])


@ROUTER.get("/{library}/status", response_model=LibraryStatus)
def status(served: ServedLibrary) -> Json:
    """Say what a library holds, and from which folders."""
    found = served.library.status()
    return Json(
        {
            **_summary(served, found),
            "sources": [{"path": each.root, "synced_at": utc_text(each.synced_at)} for each in found.sources],
            "fingerprint": found.fingerprint,
            "dim": found.dim,
            "catalog_bytes": found.catalog_bytes,
            "index_bytes": found.index_bytes,
            "collections": dict(found.collections),
            "unread_sidecars": found.unread_sidecars,
        }
    )


@ROUTER.get("/{library}/failures", response_model=list[FailureRecord])
def failures(served: ServedLibrary) -> Json:
    """List the files that could not be indexed, with the reason."""
    return Json(
        [
            {"path": each.path, "row": each.row, "kind": each.kind, "reason": each.message}
            for each in served.library.failures()
        ]
    )


def _summary(served: Served, found: Status) -> dict[str, object]:
    return {
        "name": served.name,
        "photos": found.photos,
        "texts": found.texts,
        "failed": found.failed,
        "encoder": found.encoder,
        "read_only": served.read_only,
    }
