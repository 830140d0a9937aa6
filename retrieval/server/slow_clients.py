"""The server's side of a connection: clients that send or read too slowly are cut off.

uvicorn has a time limit between two requests, but none for a request's head, so that a thousand clients that send a
byte now and then would take all connections (slowloris).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle


@dataclass(frozen=True, slots=True)
class WaitingRoom:
    """The connections of a server that have no request in progress; used on the event loop only.

    Attributes:
        head_seconds: Time that the head of a request may take, and the rest of a body whose request was answered before
            it ended.
        read_seconds: Time in which a client must read some of an answer.
        most: Number of connections; the one that waits for longest is closed for another. A browser has six.
    """

    head_seconds: float = 10.0
    read_seconds: float = 60.0
    most: int = 256
    _timers: OrderedDict[asyncio.Transport, asyncio.TimerHandle] = field(default_factory=OrderedDict)

    def enter(self, transport: asyncio.Transport) -> None:
        """Have a connection closed if it has no request in time; a connection that waits already goes on waiting."""
        if transport in self._timers:
            return
        loop = asyncio.get_running_loop()
        self._timers[transport] = loop.call_later(self.head_seconds, transport.abort)
        if len(self._timers) > self.most:
            oldest = next(iter(self._timers))
            self.leave(oldest)
            oldest.abort()

    def leave(self, transport: asyncio.Transport) -> None:
        """Leave a connection open."""
        timer = self._timers.pop(transport, None)
        if timer is not None:
            timer.cancel()


class Connection(H11Protocol):
    """A connection to a client."""

    room: WaitingRoom
    _read_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Wait for a request."""
        super().connection_made(transport)
        self._wait_or_not()

    def data_received(self, data: bytes) -> None:
        """Read what a client sends."""
        super().data_received(data)
        self._wait_or_not()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._wait_or_not()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        self.room.leave(self.transport)
        self._stop_read_timer()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait until the client has read some of the answer."""
        super().pause_writing()
        self._stop_read_timer()
        self._read_timer = self.loop.call_later(self.room.read_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on with the answer."""
        super().resume_writing()
        self._stop_read_timer()

    def _wait_or_not(self) -> None:
        """Count the connection among those that wait for a request, or not."""
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        has_request = cycle is not None and not cycle.response_complete
        if has_request or self.transport.is_closing():
            self.room.leave(self.transport)
        else:
            self.room.enter(self.transport)

    def _stop_read_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None


def protocol_class(room: WaitingRoom | None = None) -> type[Connection]:
    """Return the class of a server's connections, which share a waiting room."""
    return type("RecallConnection", (Connection,), {"room": room or WaitingRoom()})
