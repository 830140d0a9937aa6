"""The pictures of items: thumbnails, and originals."""

from __future__ import annotations

import hashlib
import io
import os
from functools import partial
from typing import Annotated, BinaryIO
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Header
from starlette.responses import Response

from indexer.errors import PictureError
from indexer.images.thumbnail import ThumbnailSize
from indexer.store.picture_files import Original
from retrieval.server.file_parts import FilePart, open_in_place, tag_of, wanted_part
from retrieval.server.libraries import Served, ServedLibrary
from retrieval.server.numbers import ItemNumber
from retrieval.server.problems import ProblemError
from retrieval.server.searching import unknown_item
from retrieval.server.state import Shared

ROUTER = APIRouter(prefix="/api/libraries/{library}/items/{item_id}", tags=["items"])

_THUMBNAIL_CACHING = "private, max-age=60"
"""A browser asks again after a minute, and gets a few bytes if the photo is the same. A photo that was edited, or
another library in the same place, must not show the old one for long."""

_ORIGINAL_CACHING = "private, no-cache"

_MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WebP": "image/webp",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
    "HEIF": "image/heif",
    "JPEG XL": "image/jxl",
}

_SHOWN = {"JPEG", "PNG", "WebP", "GIF"}
"""Formats that every browser shows; everything else is downloaded."""

_BYTES = {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}

_WEBP = {"content": {"image/webp": {"schema": {"type": "string", "format": "binary"}}}}

IfNoneMatch = Annotated[str | None, Header(description="Tags of the copies that the client has.")]


@ROUTER.get(
    "/thumbnail",
    response_class=Response,
    responses={200: _WEBP, 304: {"description": "The client has it."}},
)
async def thumbnail(
    served: ServedLibrary,
    shared: Shared,
    item_id: ItemNumber,
    size: ThumbnailSize = "small",
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return a reduced copy of a photo, 320 pixels on the shorter side (small) or 1440 on the longer (large)."""
    work = partial(_thumbnail, served, item_id, size, _tags(if_none_match))
    return await to_thread.run_sync(work, limiter=shared.thumbnail_threads)


@ROUTER.get(
    "/original",
    response_class=Response,
    responses={
        200: _BYTES,
        206: {"description": "The part that the header Range asks for.", **_BYTES},
        304: {"description": "The client has it."},
        416: {"description": "The file is shorter than Range says."},
    },
)
def original(
    served: ServedLibrary,
    item_id: ItemNumber,
    range_: Annotated[str | None, Header(alias="Range", description="One part: bytes=0-99.")] = None,
    if_range: Annotated[str | None, Header(description="The tag that the part must have.")] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return the file of an item, or a part of it, while it lies in the folder that was indexed."""
    try:
        found = served.library.original(item_id)
    except PictureError as error:
        raise ProblemError(404, f"there is no original: {error}") from error
    if found is None:
        raise unknown_item(item_id)
    file, size, tag, changed = _opened(found)
    headers = {"ETag": tag, "Cache-Control": _ORIGINAL_CACHING}
    if not {tag.strip('"'), "*"}.isdisjoint(_tags(if_none_match)):
        file.close()
        return Response(status_code=304, headers=headers)
    try:
        part = wanted_part(range_, size) if if_range in (None, tag) else None
    except ProblemError:
        file.close()
        raise
    return FilePart(file, size=size, part=part, headers=headers | _description(found), changed=changed)


def _thumbnail(served: Served, item_id: int, size: ThumbnailSize, known: list[str]) -> Response:
    """Return a thumbnail, or that the client has it.

    Raises:
        ProblemError: There is none.
    """
    try:
        found = served.library.web_thumbnail(item_id, size=size, unless=known[0] if len(known) == 1 else None)
    except PictureError as error:
        raise ProblemError(404, f"there is no thumbnail: {error}") from error
    if found is None:
        raise unknown_item(item_id)
    headers = {"ETag": f'"{found.tag}"', "Cache-Control": _THUMBNAIL_CACHING}
    if found.tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(found.content, media_type="image/webp", headers=headers)


def _opened(found: Original) -> tuple[BinaryIO, int, str, float | None]:
    """Return an original as an open file, its size, its tag, and when it was changed if it is a file.

    Raises:
        ProblemError: The file has been deleted, or something else is in its place.
    """
    if found.path is None:
        content = found.content or b""
        return io.BytesIO(content), len(content), f'"{hashlib.sha256(content).hexdigest()[:32]}"', None
    try:
        file = open_in_place(found.path)
    except OSError as error:
        raise ProblemError(404, f"there is no original: the file cannot be opened ({error.strerror})") from error
    status = os.fstat(file.fileno())
    return file, status.st_size, tag_of(status), status.st_mtime


def _description(found: Original) -> dict[str, str]:
    """Return the headers that say what an original is."""
    how = "inline" if found.format in _SHOWN else "attachment"
    name = _sendable(found.name)
    is_plain = quote(name) == name
    return {
        "Content-Type": _MEDIA_TYPES.get(found.format or "", "application/octet-stream"),
        "Content-Disposition": f'{how}; filename="{name}"' if is_plain else f"{how}; filename*=utf-8''{quote(name)}",
    }


def _tags(header: str | None) -> list[str]:
    """Return the tags in a header If-None-Match; a star is for any."""
    return [tag.strip().removeprefix("W/").strip('"') for tag in (header or "").split(",") if tag.strip()]


def _sendable(name: str) -> str:
    """Return a file's name as headers can have it: no controls, no bytes that are not UTF-8, no folders."""
    text = name.encode("utf-8", "replace").decode()
    return "".join(letter if letter.isprintable() and letter not in '/\\"' else "_" for letter in text) or "original"
