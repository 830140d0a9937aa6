"""The server for assistants, run as they run it, and the package's own client."""

from __future__ import annotations

import base64
import re
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent

from tests.support.program import Program


@asynccontextmanager
async def client(program: Program, library: Path, *options: str) -> AsyncIterator[Client]:
    """Yield a client of a server that it starts itself, and talks to through standard input and output."""
    server = StdioServerParameters(
        command=str(program.path),
        args=["mcp", "--library", str(library), *options],
        env=dict(program.env),
        cwd=program.cwd,
    )
    async with Client(server) as connected:
        yield connected


@contextmanager
def http_server(program: Program, library: Path, *options: str) -> Iterator[tuple[str, str]]:
    """Yield address and token of a server on a free port; it must end quietly by Ctrl-C."""
    process = program.start("mcp", "--library", library, "--http", "0", *options)
    try:
        line = process.stderr.readline() if process.stderr else ""
        announced = re.fullmatch(r"recall: serving (\S+)(?:; token: (\S+))?\n", line)
        assert announced, line
        yield announced[1], announced[2] or ""
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors


@asynccontextmanager
async def http_client(url: str, token: str) -> AsyncIterator[Client]:
    """Yield a client of a server through HTTP."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http)) as connected,
    ):
        yield connected


async def answer(connected: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Return the structured result of a tool that must succeed."""
    result = await connected.call_tool(tool, arguments)
    assert not result.is_error, text_of(result)
    content: dict[str, Any] = result.structured_content or {}
    return content


async def refusal(connected: Client, tool: str, **arguments: Any) -> str:
    """Return the sentence with which a tool refuses."""
    result = await connected.call_tool(tool, arguments)
    assert result.is_error, result
    sentence = text_of(result)
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    return sentence


def text_of(result: CallToolResult) -> str:
    """Return the text of a result."""
    block = result.content[0]
    assert isinstance(block, TextContent)
    return block.text


def in_base64(content: bytes) -> str:
    """Return bytes as a client sends them."""
    return base64.b64encode(content).decode()
