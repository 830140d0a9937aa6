"""Fetches a query picture from the web: from public addresses only, within limits of size and time."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from indexer.errors import QueryError
from retrieval.query.parser import is_url

TIMEOUT = 20.0
"""Seconds for the whole request, including redirects."""

MAX_BYTES = 50 * 1024 * 1024
"""Size of a picture, at most; the limit of rclip."""

_MAX_REDIRECTS = 5
_CHUNK_SIZE = 1 << 16

NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""Addresses whose last 32 bits are an IPv4 address, in networks without IPv4 (RFC 6052, section 2.1)."""

_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""The only addresses of version 6 that IANA has assigned to hosts of the internet (RFC 4291, section 2.4)."""

_SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24",  # protocol assignments (RFC 6890)
        "192.88.99.0/24",  # relays of 6to4 (RFC 7526)
        "2001::/23",  # protocol assignments, among them Teredo (RFC 2928, 4380)
        "2002::/16",  # 6to4, which embeds an IPv4 address (RFC 3056)
        "3fff::/20",  # documentation (RFC 9637)
    )
)
"""Ranges that some versions of `ipaddress` take for public."""

_ISATAP = (0x00005EFE, 0x02005EFE)
"""Bits 64 to 95 of an address whose last 32 bits are an IPv4 address behind a tunnel (RFC 5214, section 6.1)."""

_CONTENT_TYPES = ("image/", "application/octet-stream", "binary/octet-stream")
"""Content types that a server may give a picture; the decoder decides whether it is one."""


def fetch_picture(url: str) -> bytes:
    """Return the bytes at an address.

    The connection goes to the address that was checked, so a second look-up of the name cannot lead elsewhere (DNS
    rebinding). Every redirect is checked in the same way. No proxy is used.

    Args:
        url: An address that begins with http:// or https://.

    Raises:
        QueryError: The address is not public; or what it returns is not a picture, too large, too slow, or an error.
    """
    request = _Request(url, time.monotonic() + TIMEOUT)
    # in a thread, because the look-up of a name has no time limit, and each line of an answer could take the whole time
    thread = threading.Thread(target=request.run, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    if thread.is_alive():
        request.abort()
        raise _too_slow(url)
    if request.error is not None:
        raise request.error
    return request.body


class _Request:
    """One request with its redirects.

    Attributes:
        body: What the last address returned.
        error: Why it returned nothing.
    """

    def __init__(self, url: str, deadline: float) -> None:
        self.body = b""
        self.error: BaseException | None = None
        self._url = url
        self._deadline = deadline
        self._socket: socket.socket | None = None

    def run(self) -> None:
        """Make the request, and store its result or its error."""
        try:
            self.body = self._follow()
        except TimeoutError:
            self.error = _too_slow(self._url)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.error = QueryError(f"{self._url} cannot be fetched: {_reason(error)}")
        except BaseException as error:  # noqa: BLE001  raised again in the thread that waits
            self.error = error

    def abort(self) -> None:
        """End what the thread waits for, if it waits for a server."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _follow(self) -> bytes:
        location = self._url
        for _ in range(_MAX_REDIRECTS + 1):
            connection, target = _connect(location, self._deadline, self._watch)
            try:
                connection.request("GET", target, headers={"User-Agent": "recall", "Accept": "image/*"})
                with connection.getresponse() as response:
                    is_redirect = response.status in (301, 302, 303, 307, 308)
                    redirect = response.getheader("Location") if is_redirect else None
                    if redirect is None:
                        return _read_body(response, self._url, self._deadline)
                location = urljoin(location, redirect)
            finally:
                connection.close()
        raise QueryError(
            f"{self._url} has more than {_MAX_REDIRECTS} redirects; give the address of the picture itself"
        )

    def _watch(self, tcp_socket: socket.socket) -> None:
        """Have `abort` end this connection; one that opens too late is not used."""
        self._socket = tcp_socket
        if time.monotonic() > self._deadline:
            raise _too_slow(self._url)


_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (socket.gaierror, "its host was not found; check the address and the connection to the internet"),
    (ssl.SSLCertVerificationError, "the certificate of its host is not valid"),
    (ssl.SSLError, "no encrypted connection can be made"),
    (ConnectionRefusedError, "the server refuses the connection"),
    (ConnectionError, "the server ended the connection"),
    (http.client.HTTPException, "the server's answer is not valid HTTP"),
)
"""Errors of a connection in plain words; the first that fits counts."""


def _reason(error: Exception) -> str:
    """Return in plain words why an address cannot be fetched."""
    words = next((words for kind, words in _REASONS if isinstance(error, kind)), None)
    return words or getattr(error, "strerror", None) or str(error) or type(error).__name__


def _too_slow(url: str) -> QueryError:
    return QueryError(f"{url} takes longer than {TIMEOUT:g} seconds; save it and give its file instead")


def _connect(
    url: str, deadline: float, watch: Callable[[socket.socket], None]
) -> tuple[http.client.HTTPConnection, str]:
    """Return an open connection to a checked address, and the request target."""
    parts = urlsplit(url)
    if not is_url(url) or not parts.hostname:
        raise QueryError(f"{url} is not the address of a picture; expected http:// or https:// and a host")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = _public_address(parts.hostname, port, url)
    remaining = max(0.1, deadline - time.monotonic())
    connection = http.client.HTTPConnection(parts.hostname, port, timeout=remaining)
    tcp_socket = socket.create_connection((address, port), timeout=remaining)
    try:
        watch(tcp_socket)
        tls = ssl.create_default_context() if parts.scheme == "https" else None
        connection.sock = tls.wrap_socket(tcp_socket, server_hostname=parts.hostname) if tls else tcp_socket
        watch(connection.sock)  # TLS has moved the connection to another object
    except BaseException:
        tcp_socket.close()
        raise
    return connection, _request_target(parts)


def _request_target(parts: SplitResult) -> str:
    """Return path and query of an address in ASCII without white space, as a request line needs them."""
    return quote(f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}", safe="/?&=%:@!$'()*+,;~-._[]")


def _public_address(host: str, port: int, url: str) -> str:
    """Return the first address of a host.

    Raises:
        QueryError: One of its addresses is a loopback, private, link-local or other special address.
    """
    addresses = _resolve(host, port)
    for address in addresses:
        if not _is_public(address):
            raise QueryError(
                f"{url} leads to {address}, which is not a public address; save the picture and give its file instead"
            )
    return addresses[0]


def _resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host; a host that is an address is not looked up."""
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _is_public(address: str) -> bool:
    """Return whether an address, and an IPv4 address that it embeds, is of a host of the internet."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if any(parsed in network for network in _SPECIAL if network.version == parsed.version):
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return parsed.is_global and not (parsed.is_multicast or parsed.is_reserved)
    last = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
    if parsed.ipv4_mapped is not None or parsed in NAT64:
        return _is_public(str(last))
    is_tunnelled = (int(parsed) >> 32) & 0xFFFFFFFF in _ISATAP
    return parsed in _GLOBAL_UNICAST and parsed.is_global and (not is_tunnelled or _is_public(str(last)))


def _read_body(response: http.client.HTTPResponse, url: str, deadline: float) -> bytes:
    """Return the content of a response, within the limits."""
    if response.status != 200:
        raise QueryError(f"{url} cannot be fetched: the server answers {response.status} {response.reason}")
    content_type = response.getheader("Content-Type", "image/").lower()
    if not content_type.startswith(_CONTENT_TYPES):
        name = content_type.partition(";")[0]
        raise QueryError(f"{url} is {name}, not a picture; give the address of the picture itself")
    body = bytearray()
    while chunk := response.read1(_CHUNK_SIZE):
        body += chunk
        if len(body) > MAX_BYTES:
            raise QueryError(f"{url} is over {MAX_BYTES // 1024**2} MiB; save it and give its file instead")
        if time.monotonic() > deadline:
            raise _too_slow(url)
    return bytes(body)
