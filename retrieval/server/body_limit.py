"""Bounds of what clients send: bytes of a body, bytes of all bodies at once, and time."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SMALL_BODY = 2**20
"""Bytes of a body that has no picture in it."""

PICTURE_BODY = 32 * 2**20
"""Bytes of a picture's file."""

JSON_BODY = 44 * 2**20 + SMALL_BODY
"""Bytes of JSON that may have a picture in base64 in it."""

_PICTURE_LIMIT = PICTURE_BODY + SMALL_BODY // 16  # the frame of a form is small

_LIMITS: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(r"/(pictures|predict)/?$"), _PICTURE_LIMIT),
    (re.compile(r"/(items|search|search/layout|explain|explain/heatmap|judgements|words)/?$"), JSON_BODY),
)
"""Limits by the end of the path; what is not listed may have `SMALL_BODY`."""

_MOST_VALUES = 1_000_000
"""Values in a body of JSON: the event loop reads it, a million in a third of a second."""

_MOST_BYTES = 256 * 2**20
"""Bytes of all bodies that are in memory at once."""

_CHUNK_SECONDS = 10.0
"""Time in which the next bytes of a body must come."""

_BYTES_PER_SECOND = 10_000
"""What a body must reach on average after the first `_CHUNK_SECONDS`: less than any telephone."""


class BodyLimit:
    """Refuses bodies that are too large or too slow, while they come."""

    def __init__(self, app: ASGIApp) -> None:
        """Bound what an application receives."""
        self._app = app
        self._bytes = 0  # of all requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = _limit_of(scope["path"])
        is_picture = limit == _PICTURE_LIMIT
        body = _Body(self, receive, limit, length=_length_of(scope), has_values=not is_picture)
        try:
            await self._app(scope, body.receive, send)
        finally:
            self._bytes -= body.received

    def take(self, count: int) -> None:
        """Count bytes of a body.

        Raises:
            HTTPException: There are too many in memory.
        """
        self._bytes += count
        if self._bytes > _MOST_BYTES:
            raise HTTPException(503, "the server has many uploads in progress; try again", {"Retry-After": "2"})


class _Body:
    """The body of one request."""

    def __init__(self, all_bodies: BodyLimit, receive: Receive, limit: int, *, length: int, has_values: bool) -> None:
        self._all, self._receive, self._limit, self._length = all_bodies, receive, limit, length
        self._has_values, self._values = has_values, 0
        self._waited = 0.0
        self._is_complete = False
        self.received = 0

    async def receive(self) -> Message:
        """Return the next part of the body.

        Raises:
            HTTPException: The body is too large, or too slow.
        """
        if self._is_complete:  # what comes now is the end of the connection, which may take long
            return await self._receive()
        if self._length > self._limit:
            raise self._too_large()
        message = await self._next()
        content = message.get("body", b"")
        count = len(content)
        self.received += count
        if self._has_values:
            self._values += sum(map(content.count, (b",", b"[", b"{")))
        self._all.take(count)
        if self.received > self._limit:
            raise self._too_large()
        if self._values > _MOST_VALUES:
            raise HTTPException(413, f"the body has more than {_MOST_VALUES:,} values; send fewer at a time")
        self._is_complete = not message.get("more_body", False)
        return message

    async def _next(self) -> Message:
        start = time.monotonic()
        allowed = _CHUNK_SECONDS + self.received / _BYTES_PER_SECOND - self._waited
        try:
            return await asyncio.wait_for(self._receive(), max(0.0, min(_CHUNK_SECONDS, allowed)))
        except TimeoutError:
            raise HTTPException(408, "the body of the request came too slowly; send it again") from None
        finally:
            self._waited += time.monotonic() - start

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"the body has more than {self._limit:,} bytes; send less")


def _limit_of(path: str) -> int:
    return next((limit for end, limit in _LIMITS if end.search(path)), SMALL_BODY)


def _length_of(scope: Scope) -> int:
    """Return the announced length of a body, 0 if there is none."""
    with suppress(ValueError):
        return int(Headers(scope=scope).get("content-length", "0"))
    return 0
