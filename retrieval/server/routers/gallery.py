"""The gallery: a page and its files."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from retrieval.server.gallery_files import GalleryFiles
from retrieval.server.problems import ProblemError

ROUTER = APIRouter(include_in_schema=False)

_FILES = GalleryFiles()


@ROUTER.get("/")
def page(request: Request) -> Response:
    """Return the page."""
    return _file(request, "index.html")


@ROUTER.get("/gallery/{name:path}")
def file(request: Request, name: str) -> Response:
    """Return a file of the page."""
    return _file(request, name)


def _file(request: Request, name: str) -> Response:
    found = _FILES.get(name)
    if found is None:
        raise ProblemError(404, f"the gallery has no file {name[:100]!r}")
    headers = {"ETag": found.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if found.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(found.compressed, headers=headers, media_type=found.media_type)
    return Response(found.content, headers=headers, media_type=found.media_type)
