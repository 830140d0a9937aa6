"""Addresses at which servers listen."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import NamedTuple

from indexer.errors import ConfigError

_ADDRESS = re.compile(r"(?:(?P<host>\[[0-9A-Fa-f:.%]+\]|[^:\[\]]+):)?(?P<port>\d{1,5})")


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


def listen(address: Address, *, advice: str) -> tuple[socket.socket, Address]:
    """Return an open socket at an address, and the address with the port that it got.

    Args:
        address: Where to listen; port 0 takes a free one.
        advice: What an error message says to do.

    Raises:
        ConfigError: The port cannot be opened.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        listener = socket.create_server((address.host, address.port), family=family)
    except OSError as error:
        raise ConfigError(f"{address.netloc} cannot be opened ({error.strerror or error}); {advice}") from error
    # asyncio sends small packets at once (TCP_NODELAY) only on sockets that name their protocol, and create_server's do
    # not; otherwise the body of an answer waits for 40 ms until the client has confirmed the head
    named = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=listener.detach())
    return named, Address(address.host, named.getsockname()[1])
