"""A query picture from the web, from public addresses only, in bounds of size and time."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from indexer.errors import QueryError
from retrieval.query.parser import is_url

SECONDS = 20.0
"""For the whole of it, redirects included."""

MAX_BYTES = 50 * 1024 * 1024
"""Of a picture, as in rclip."""

REDIRECTS = 5
CHUNK = 1 << 16
TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""Where networks without IPv4 reach it: the last 32 bits are the address there (RFC 6052, section 2.1)."""
TYPES = ("image/", "application/octet-stream", "binary/octet-stream")
"""What a server may call a picture; whether it is one, the decoder says."""


def fetch_picture(url: str) -> bytes:
    """Return the bytes at an address.

    The address that is connected to is the very one that was looked at, so that a name cannot lead elsewhere a moment
    later (DNS rebinding); every redirect is looked at in the same way, and no proxy is used.

    Args:
        url: Begins with http:// or https://.

    Raises:
        QueryError: The address is not public, or what it gives is no picture, too large, too slow or an error.
    """
    deadline = time.monotonic() + SECONDS
    place = url
    try:
        for _ in range(REDIRECTS + 1):
            connection, target = _connect(place, deadline)
            try:
                connection.request("GET", target, headers={"User-Agent": "recall", "Accept": "image/*"})
                answer = connection.getresponse()
                redirect = answer.getheader("Location") if answer.status in (301, 302, 303, 307, 308) else None
                if redirect is None:
                    return _body(answer, url, deadline)
                place = urljoin(place, redirect)
            finally:
                connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise QueryError(f"{url} cannot be fetched: {str(error) or type(error).__name__}") from error
    raise QueryError(f"{url} leads from one address to the next more than {REDIRECTS} times; give the last one")


def _connect(url: str, deadline: float) -> tuple[http.client.HTTPConnection, str]:
    """Return an open connection to an address that was looked at, and what to ask it for."""
    parts = urlsplit(url)
    if not is_url(url) or not parts.hostname:
        raise QueryError(f"{url} is no address of a picture; expected http:// or https:// and a host")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = _public_address(parts.hostname, port, url)
    left = max(0.1, deadline - time.monotonic())
    connection = http.client.HTTPConnection(parts.hostname, port, timeout=left)
    opened = socket.create_connection((address, port), timeout=left)
    try:
        secure = ssl.create_default_context() if parts.scheme == "https" else None
        connection.sock = secure.wrap_socket(opened, server_hostname=parts.hostname) if secure else opened
    except BaseException:
        opened.close()
        raise
    return connection, _target(parts)


def _target(parts: SplitResult) -> str:
    """Return path and query of an address, in ASCII without white space, as a request line needs them."""
    return quote(f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}", safe="/?&=%:@!$'()*+,;~-._[]")


def _public_address(host: str, port: int, url: str) -> str:
    """Return the first address of a host, all of whose addresses are public.

    Raises:
        QueryError: One of them is a loopback, private, link-local or otherwise special address.
    """
    for address in (found := _addresses(host, port)):
        if not _is_public(address):
            raise QueryError(
                f"{url} leads to {address}, which is no public address; save the picture and give its file instead"
            )
    return found[0]


def _addresses(host: str, port: int) -> list[str]:
    """Return the addresses of a host; one that is written as an address is asked of nobody."""
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _is_public(address: str) -> bool:
    """Return whether anyone on the internet would reach the same machine by this address."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None) or getattr(parsed, "sixtofour", None)
    if parsed in TRANSLATED:
        mapped = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
    return parsed.is_global and not parsed.is_multicast and (mapped is None or _is_public(str(mapped)))


def _body(answer: http.client.HTTPResponse, url: str, deadline: float) -> bytes:
    """Return the content of an answer, in bounds."""
    if answer.status != 200:
        raise QueryError(f"{url} cannot be fetched: the server says {answer.status} {answer.reason}")
    kind = answer.getheader("Content-Type", "image/").lower()
    if not kind.startswith(TYPES):
        raise QueryError(f"{url} is {kind.partition(';')[0]}, not a picture; give the address of the picture itself")
    body = bytearray()
    while chunk := answer.read1(CHUNK):
        body += chunk
        if len(body) > MAX_BYTES:
            raise QueryError(f"{url} is over {MAX_BYTES // 1024**2} MiB; save it and give its file instead")
        if time.monotonic() > deadline:
            raise QueryError(f"{url} takes longer than {SECONDS:g} seconds; save it and give its file instead")
    return bytes(body)
