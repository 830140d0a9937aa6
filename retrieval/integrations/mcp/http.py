"""Serving through streamable HTTP, on this machine unless more is allowed."""

from __future__ import annotations

import ipaddress
import logging
import re
import secrets
import socket
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings

from indexer.errors import ConfigError

if TYPE_CHECKING:
    from retrieval.integrations.mcp.tool_errors import SentenceServer

_PATH = "/mcp"

_ADDRESS = re.compile(r"(?:(?P<host>\[[0-9A-Fa-f:.%]+\]|[^:\[\]]+):)?(?P<port>\d{1,5})")

_LARGEST_REQUEST = 32 * 2**20
"""Bytes: the largest picture that a tool takes, in base64."""

_PATIENCE_SECONDS = 3
"""Time that open connections get when the server ends."""

_LOCAL = ("127.0.0.1", "localhost", "[::1]")


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Return the address of [HOST:]PORT; the host is 127.0.0.1 if there is none.

        Raises:
            ConfigError: It is no address.
        """
        found = _ADDRESS.fullmatch(text.strip())
        if found is None or int(found["port"]) > 65535:
            raise ConfigError(f"the address is {text!r}; expected [HOST:]PORT, for instance 8765 or [::1]:8765")
        return cls((found["host"] or "127.0.0.1").strip("[]"), int(found["port"]))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def netloc(self) -> str:
        """Host and port as in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


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
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        try:
            listener = socket.create_server((address.host, address.port), family=family)
        except OSError as error:
            reason = error.strerror or error
            raise ConfigError(f"{address.netloc} cannot be opened ({reason}); --http 0 takes a free port") from error
        return cls(
            listener, Address(address.host, listener.getsockname()[1]), token or secrets.token_urlsafe(32), hosts
        )

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
