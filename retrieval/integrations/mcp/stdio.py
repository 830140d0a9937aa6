"""Serving through standard input and output."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from contextlib import suppress
from typing import cast

import anyio
from mcp.server.stdio import stdio_server

from retrieval.integrations.mcp.tool_errors import SentenceServer

logger = logging.getLogger(__name__)

_CHUNK_BYTES = 1 << 16

_LONGEST_MESSAGE = 64 * 2**20
"""Bytes of a message: twice the largest picture that a tool takes."""

_WAITING = 64
"""Messages that are read ahead, at most."""


def serve_stdio(server: SentenceServer) -> None:
    """Answer requests until standard input is closed, or Ctrl-C."""
    anyio.run(_serve, server)


async def _serve(server: SentenceServer) -> None:
    """Run the server on the lines of standard input; the package diverts whatever else prints to standard error."""
    try:
        async with stdio_server(stdin=cast("anyio.AsyncFile[str]", _Lines())) as (received, sent):
            await server.run_streams(received, sent)
    except ExceptionGroup as errors:
        # the client has closed its end, or a message came while the server ended
        if errors.split((BrokenPipeError, anyio.BrokenResourceError))[1] is not None:
            raise
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError from None  # by Ctrl-C


class _Lines:
    """The lines of standard input, read in a thread that need not end.

    The package's own reader waits in a thread that cannot be interrupted: Ctrl-C would take effect with the next
    message only.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._places = threading.Semaphore(_WAITING)
        self._input = os.dup(0)
        nowhere = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nowhere, 0)  # no decoder process reads what is meant for the server
        os.close(nowhere)
        threading.Thread(target=self._read, name="recall-mcp-input", daemon=True).start()

    def __aiter__(self) -> _Lines:
        return self

    async def __anext__(self) -> str:
        line = await self._queue.get()
        if line is None:
            raise StopAsyncIteration
        self._places.release()
        return line

    def _read(self) -> None:
        """Hand the lines to the event loop."""
        with suppress(OSError, RuntimeError):  # RuntimeError: the loop has ended
            self._read_lines()
            self._loop.call_soon_threadsafe(self._queue.put_nowait, None)

    def _read_lines(self) -> None:
        """Read without a buffer of Python's, whose lock this thread would still hold when the program ends."""
        rest = bytearray()
        while chunk := os.read(self._input, _CHUNK_BYTES):
            *lines, last = chunk.split(b"\n")
            for line in lines:
                rest += line
                self._places.acquire()
                self._loop.call_soon_threadsafe(self._queue.put_nowait, rest.decode("utf-8", "replace"))
                rest.clear()
            rest += last
            if len(rest) > _LONGEST_MESSAGE:
                logger.error("a message has over %d bytes; the server ends", _LONGEST_MESSAGE)
                return
