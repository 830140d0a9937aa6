"""Lanes: requests that take long wait for their turn on the event loop, where they keep no thread from the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Depends, Request

from retrieval.server.problems import ProblemError


def lane(name: str, width: int) -> Any:
    """Return what an endpoint has among its `dependencies` to be called for few requests at once.

    Args:
        name: The lane; endpoints with the same name share it.
        width: Requests that are answered at once.
    """

    async def take_turn(request: Request) -> AsyncIterator[None]:
        free = request.app.state.shared.lanes.setdefault(name, asyncio.Semaphore(width))
        has_to_wait = free.locked()
        async with free:
            if has_to_wait and await request.is_disconnected():
                raise ProblemError(503, "the client has gone")
            yield

    return Depends(take_turn, scope="function")


ENCODING = lane("encoding", 4)
"""For endpoints that decode and encode pictures, some for seconds each: more at once are no faster, and take memory."""

SEARCHING = lane("searching", 4)
"""For searches: most of their time is Python's own, of which a process does one thing at a time. More at once are no
faster, and would take the threads of thumbnails."""
