"""What a server allows, and to whom."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from indexer.errors import ConfigError
from retrieval.schemas.address import Address


@dataclass(frozen=True, slots=True)
class Options:
    """What a server allows, and to whom.

    Attributes:
        address: Where it listens.
        read_only: Whether it refuses whatever changes a library.
        hosts: Names, besides the addresses of this machine, by which clients may call it.
        root_path: Path before all of its own behind a proxy, for instance "/photos"; "" for none.
        tls: Files of the certificate and its key; None for plain HTTP.
        insecure: Whether other machines may be served without TLS.
        predict: Whether there is `/predict`, which needs no token.
        folders: Folders that clients may index, with all below them.
    """

    address: Address
    read_only: bool = False
    hosts: Sequence[str] = ()
    root_path: str = ""
    tls: tuple[Path, Path] | None = None
    insecure: bool = False
    predict: bool = False
    folders: Sequence[Path] = ()

    def __post_init__(self) -> None:
        """Check that a token that is sent to this address stays secret.

        Raises:
            ConfigError: Other machines reach the address, and nothing encrypts what is sent.
        """
        if not (self.address.is_loopback or self.tls or self.insecure):
            raise ConfigError(
                f"{self.address.host} can be reached by other machines, which would send the token for all to read; "
                "give --tls-cert and --tls-key, listen on 127.0.0.1 behind a proxy, or give --insecure"
            )

    @property
    def scheme(self) -> str:
        """The scheme of the server's own address."""
        return "https" if self.tls else "http"

    @property
    def url(self) -> str:
        """The address of the gallery, without a token."""
        return f"{self.scheme}://{self.address.netloc}{self.root_path}/"

    @property
    def cookie(self) -> str:
        """Name of the cookie; browsers send cookies to all ports of a machine, so the port is in it."""
        return f"recall-{self.address.port}"

    def allows_host(self, netloc: str) -> bool:
        """Return whether a request may be for this host, "NAME" or "NAME:PORT".

        A page of an attacker whose name was made to point to this machine (DNS rebinding) sends its own name. An
        address cannot be made to point elsewhere.
        """
        name = _host_of(netloc)
        if name == "localhost" or name in self._names or netloc.lower() in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self.address.is_loopback

    def allows_origin(self, origin: str, netloc: str) -> bool:
        """Return whether a page of this origin may send requests with the cookie to a host.

        Args:
            origin: The header Origin.
            netloc: The header Host.
        """
        scheme, _, place = origin.partition("://")
        if scheme not in ("http", "https"):
            return False
        return place.lower() in (netloc.lower(), *self._names)

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(host.lower() for host in self.hosts)


def _host_of(netloc: str) -> str:
    """Return the host of "HOST" or "HOST:PORT" in lower case, an IPv6 address without its brackets."""
    host = netloc.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
