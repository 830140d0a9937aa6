"""Serves a library to assistants by the Model Context Protocol.

    make_server     the tools of a library as a server
    serve_stdio     serves a program that started this one, through standard input and output
    serve_http      serves programs on this machine through streamable HTTP

Needs the extra `mcp`. The official package reads and writes the protocol; the tools here only call `Library`.
"""

from __future__ import annotations

from retrieval.integrations.mcp.http import Door, serve_http
from retrieval.integrations.mcp.reading import Permissions
from retrieval.integrations.mcp.server import make_server
from retrieval.integrations.mcp.stdio import serve_stdio
from retrieval.schemas.address import Address

__all__ = ["Address", "Door", "Permissions", "make_server", "serve_http", "serve_stdio"]
