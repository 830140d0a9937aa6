"""The server: the tools of a library, with what they may do."""

from __future__ import annotations

import hmac

from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.types import ToolAnnotations

from indexer import __version__
from retrieval.integrations.mcp.http import Door
from retrieval.integrations.mcp.reading import Permissions, ReadingTools
from retrieval.integrations.mcp.tool_errors import SentenceServer, as_tool_errors
from retrieval.integrations.mcp.writing import WritingTools
from retrieval.library import Library

_INSTRUCTIONS = (
    "Recall searches the user's photos and texts by what they show, offline. Describe what to find in plain English; "
    "a date, a place or 'without …' in the words is understood. Results have a match probability. To see photos, give "
    "their ids to show_photos."
)


def make_server(library: Library, permissions: Permissions, *, door: Door | None = None) -> SentenceServer:
    """Return a server with the tools of a library.

    Args:
        library: An open library; opened for reading only, unless the permissions allow writes.
        permissions: What clients may do.
        door: For a server through HTTP; its token is asked for.
    """
    server = SentenceServer(
        "recall",
        title="Recall",
        version=__version__,
        instructions=_INSTRUCTIONS,
        log_level="WARNING",
        auth=None if door is None else AuthSettings(issuer_url=door.url, resource_server_url=None),  # type: ignore[arg-type]  # pydantic makes the URL
        token_verifier=None if door is None else _OneToken(door.token),
    )
    reading = ReadingTools(library, permissions)
    as_errors = as_tool_errors(library)
    look = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    for tool in (
        reading.search,
        reading.similar,
        reading.get_items,
        reading.show_photos,
        reading.list_items,
        reading.explain,
        reading.status,
    ):
        server.add_tool(as_errors(tool), annotations=look)
    if permissions.allow_writes:
        writing = WritingTools(reading)
        additive = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)
        server.add_tool(as_errors(writing.judge), annotations=additive)
        server.add_tool(as_errors(writing.learn), annotations=additive)
        destructive = ToolAnnotations(read_only_hint=False, destructive_hint=True, open_world_hint=False)
        server.add_tool(as_errors(writing.add), annotations=destructive)
    return server


class _OneToken:
    """Accepts one token."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return what the token allows, None for any other token."""
        if not hmac.compare_digest(token.encode(), self._token):
            return None
        return AccessToken(token=token, client_id="recall", scopes=[])
