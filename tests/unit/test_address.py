"""Sockets of servers."""

from __future__ import annotations

import asyncio
import socket

from retrieval.schemas.address import Address, listen


async def test_small_answers_are_sent_at_once() -> None:
    listener, address = listen(Address("127.0.0.1", 0), advice="")
    delays: list[int] = []

    def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted = writer.get_extra_info("socket")
        delays.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async with await asyncio.start_server(note, sock=listener):
        reader, writer = await asyncio.open_connection(address.host, address.port)
        assert await reader.read() == b""
        writer.close()
    assert delays == [1]
