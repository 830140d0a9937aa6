"""The event loop of a server with HTTPS: a client that does not shake hands is cut off soon."""

from __future__ import annotations

import asyncio
from typing import Any

HANDSHAKE_SECONDS = 5.0
"""Time that the handshake of TLS may take. asyncio allows 60 seconds, in which silent clients that come one after the
other take all files that the process may open; `slow_clients` sees a connection only after its handshake."""


class EventLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop with another time limit, which uvicorn has no option for."""

    async def create_server(self, *args: Any, **options: Any) -> asyncio.Server:
        """Return a server whose clients shake hands in time."""
        if options.get("ssl") is not None:
            options["ssl_handshake_timeout"] = HANDSHAKE_SECONDS
        return await super().create_server(*args, **options)
