"""Serving through streamable HTTP, on this machine unless more is allowed."""

from __future__ import annotations

import logging
import re
import secrets
import socket
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings

from indexer.errors import ConfigError
from retrieval.schemas.address import Address, listen

if TYPE_CHECKING:
    from retrieval.integrations.mcp.tool_errors import SentenceServer

_PATH = "/mcp"

_LARGEST_REQUEST = 32 * 2**20
"""Bytes: the largest picture that a tool takes, in base64."""

_PATIENCE_SECONDS = 3
"""Time that open connections get when the server ends."""

_LOCAL = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Door:
    """Where a server listens, and for whom.

    Attributes:
        listener: The open socket.
        address: Its address.
        token: What clients must send.
        hosts: Names and addresses, besides those of this machine, by which clients may call the server.
    """

    listener: socket.socket
    address: Address
    token: str
    hosts: Sequence[str] = ()

    @classmethod
    def open(cls, address: Address, *, token: str | None = None, hosts: Sequence[str] = ()) -> Door:
        """Return an open door.

        Args:
            address: Where to listen; port 0 takes a free one.
            token: What clients must send; None makes one.
            hosts: As in the class.

        Raises:
            ConfigError: Others reach the address and no host is allowed, the token cannot be sent in a header, or the
                port cannot be opened.
        """
        if not address.is_loopback and not hosts:
            raise ConfigError(
                f"{address.host} can be reached by other machines; serve on 127.0.0.1, or allow the name by which they "
                "call this one: --allow-host NAME"
            )
        if token is not None and not re.fullmatch(r"[!-~]+", token):
            raise ConfigError("the token cannot be sent; expected letters, digits and signs without blanks")
        listener, opened = listen(address, advice="--http 0 takes a free port")
        return cls(listener, opened, token or secrets.token_urlsafe(32), hosts)

    @property
    def url(self) -> str:
        """Address for clients."""
        return f"http://{self.address.netloc}{_PATH}"


def serve_http(server: SentenceServer, door: Door, announce: Callable[[], None]) -> None:
    """Answer requests until Ctrl-C.

    Args:
        server: The server, made for this door.
        door: Where it listens.
        announce: Called when it does.
    """
    hosts = [*_LOCAL, *door.hosts] if door.address.is_loopback else [*_LOCAL, door.address.host, *door.hosts]
    app = server.streamable_http_app(
        streamable_http_path=_PATH,
        max_request_body_size=_LARGEST_REQUEST,
        transport_security=TransportSecuritySettings(
            allowed_hosts=[form for host in hosts for form in (host, f"{host}:*")],
            allowed_origins=[
                f"{scheme}://{form}" for scheme in ("http", "https") for host in hosts for form in (host, f"{host}:*")
            ],
        ),
    )
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, ws="none",
        timeout_graceful_shutdown=_PATIENCE_SECONDS,
    )  # fmt: skip
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    with closing(door.listener):
        announce()
        uvicorn.Server(config).run(sockets=[door.listener])
