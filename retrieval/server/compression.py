"""Compresses JSON for clients that take gzip."""

from __future__ import annotations

import gzip

import anyio.to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SMALLEST = 1000
"""Bytes from which on compressing is worth it: a packet has 1,400."""

_IN_THREAD = 50_000
"""Bytes from which on it is done in a thread: compressing them takes a millisecond."""

_LEVEL = 3


class Compression:
    """Compresses answers in JSON that are sent as a whole."""

    def __init__(self, app: ASGIApp) -> None:
        """Compress what an application answers."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request, and compress the answer."""
        if scope["type"] != "http" or "gzip" not in Headers(scope=scope).get("accept-encoding", ""):
            await self._app(scope, receive, send)
            return
        start: Message | None = None

        async def compress(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_json(message):
                start = message  # sent with the body, whose length it has
                return
            if start is not None:
                first, start = start, None
                await send(await _compressed(first, message))
            await send(message)

        await self._app(scope, receive, compress)


def _is_json(start: Message) -> bool:
    headers = Headers(scope=start)
    kind = headers.get("content-type", "").partition(";")[0]
    return kind.endswith("json") and "content-encoding" not in headers


async def _compressed(start: Message, body: Message) -> Message:
    """Return the start of an answer after compressing its body, if that is worth it."""
    content = body.get("body", b"")
    if body.get("more_body", False) or len(content) < _SMALLEST:
        return start
    if len(content) < _IN_THREAD:
        body["body"] = gzip.compress(content, _LEVEL, mtime=0)
    else:
        body["body"] = await anyio.to_thread.run_sync(lambda: gzip.compress(content, _LEVEL, mtime=0))
    headers = MutableHeaders(scope=start)
    headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(len(body["body"]))
    headers.add_vary_header("Accept-Encoding")
    return start
