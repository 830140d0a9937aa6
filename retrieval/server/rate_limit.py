"""Bounds how many requests a client sends: a bucket of tokens for each."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from retrieval.server.problems import problem

BURST = 2000
"""Requests at once: the thumbnails of a large screen, scrolled through at speed."""

PER_SECOND = 400
"""Requests for as long as a client likes."""

_MOST_CLIENTS = 10_000
"""Clients that are remembered."""


class RateLimit:
    """Refuses requests of clients that send too many; used on the event loop only."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        burst: int = BURST,
        per_second: float = PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Bound the requests to an application.

        Args:
            app: The application.
            burst: Requests at once.
            per_second: Requests a second after that.
            clock: Returns seconds.
        """
        self._app, self._burst, self._per_second, self._clock = app, burst, per_second, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # what is left, and when that was

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request, or refuse it."""
        if scope["type"] == "http" and (seconds := self._wait(_client_of(scope))) > 0:
            refusal = problem(
                429, "too many requests; wait a moment", headers={"Retry-After": str(max(1, round(seconds)))}
            )
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _wait(self, client: str) -> float:
        """Return after how many seconds a client may ask again, 0 for now."""
        now = self._clock()
        left, before = self._buckets.pop(client, (float(self._burst), now))
        left = min(self._burst, left + (now - before) * self._per_second)
        is_allowed = left >= 1
        self._buckets[client] = (left - 1 if is_allowed else left, now)
        if len(self._buckets) > _MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if is_allowed else (1 - left) / self._per_second


def _client_of(scope: Scope) -> str:
    """Return who sends a request: the holder of a token or cookie, else an address."""
    caller = scope.get("state", {}).get("caller")
    address = scope["client"][0] if scope.get("client") else ""
    return f"{caller or ''} {address}"
