"""Query pictures from the web: from a server of the test, and addresses that are refused before a connection."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from indexer.errors import QueryError
from retrieval.query import fetch
from retrieval.query.fetch import fetch_picture
from tests.support.color_photos import photo_bytes
from tests.support.program import Program


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by path: a picture, a page, a redirect, a file that is too large, endless redirects."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in ("/away", "/inside", "/circle"):
            self.send_response(302)
            self.send_header(
                "Location", {"/away": "/red%20one.png?size=1", "/inside": "http://10.0.0.1/a.png"}.get(path, path)
            )
            self.end_headers()
            return
        kinds = {"/red%20one.png": "image/png", "/page.png": "text/html", "/large.png": "image/png"}
        self.send_response(200 if path in kinds else 404)
        self.send_header("Content-Type", kinds.get(path, "text/plain"))
        self.end_headers()
        self.wfile.write(b"x" * 5000 if path == "/large.png" else photo_bytes("red"))

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """Return the address of a server on this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http_server:
        thread = threading.Thread(target=http_server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{http_server.server_port}"
        http_server.shutdown()
        thread.join()


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat 127.0.0.1 as a public address, since tests can reach no other."""
    is_public = fetch._is_public
    monkeypatch.setattr(fetch, "_is_public", lambda address: address == "127.0.0.1" or is_public(address))


def test_a_picture_is_fetched_also_through_a_redirect(server: str, public: None) -> None:
    assert fetch_picture(f"{server}/red one.png") == photo_bytes("red")
    assert fetch_picture(f"{server}/away") == photo_bytes("red")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/page.png", "is text/html, not a picture"),
        ("/gone.png", "the server answers 404 Not Found"),
        ("/circle", "has more than 5 redirects"),
        ("/inside", "leads to 10.0.0.1, which is not a public address"),
    ],
)
def test_other_content_and_private_addresses_are_refused(server: str, public: None, path: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        fetch_picture(server + path)


def test_a_picture_over_the_size_limit_is_refused(server: str, public: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MAX_BYTES", 1000)
    with pytest.raises(QueryError, match="is over 0 MiB; save it"):
        fetch_picture(f"{server}/large.png")


def test_what_keeps_a_picture_from_being_fetched_is_said_in_plain_words(
    public: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(QueryError, match=r"cannot be fetched: the server refuses the connection$"):
        fetch_picture(f"http://127.0.0.1:{port}/a.png")

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(QueryError, match="cannot be fetched: its host was not found; check the address"):
        fetch_picture("https://none.example/a.png")


def test_a_server_that_speaks_no_http_or_no_tls_is_an_error_in_plain_words(public: None, server: str) -> None:
    with pytest.raises(QueryError, match=r"cannot be fetched: no encrypted connection can be made$"):
        fetch_picture(server.replace("http:", "https:") + "/a.png")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"220 mail.example ESMTP\r\n")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(QueryError, match=r"cannot be fetched: the server's answer is not valid HTTP$"):
            fetch_picture(f"http://127.0.0.1:{listener.getsockname()[1]}/a.png")


def test_a_slow_server_is_an_error(server: str, public: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "TIMEOUT", 0.0)
    with pytest.raises(QueryError, match=r"takes longer than 0 seconds|timed out"):
        fetch_picture(f"{server}/large.png")


@pytest.mark.parametrize("part", [b"HTTP/1.1 200 OK\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n"])
def test_a_server_that_drips_is_given_up_after_the_time_for_the_whole_request(
    public: None, monkeypatch: pytest.MonkeyPatch, part: bytes
) -> None:
    monkeypatch.setattr(fetch, "TIMEOUT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.sendall(part)
                while True:
                    connection.sendall(b"X: a\r\n" if part else b"H")
                    time.sleep(0.05)

        threading.Thread(target=drip, daemon=True).start()
        start = time.monotonic()
        with pytest.raises(QueryError, match=r"takes longer than 0.5 seconds|cannot be fetched"):
            fetch_picture(f"http://127.0.0.1:{listener.getsockname()[1]}/a.png")
        assert time.monotonic() - start < 5


def test_a_name_that_takes_too_long_to_look_up_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "TIMEOUT", 0.2)
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: release.wait(20) and [])
    with pytest.raises(QueryError, match=r"takes longer than 0.2 seconds"):
        fetch_picture("http://slow.example/a.png")
    release.set()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "[::1]"])  # noqa: S104 - refused, never bound
def test_addresses_of_the_own_machine_are_refused(host: str) -> None:
    with pytest.raises(QueryError, match="which is not a public address"):
        fetch_picture(f"http://{host}/a.png")


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    resolved = [(2, 1, 6, "", (address, 80)) for address in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: resolved)
    with pytest.raises(QueryError, match=r"leads to 10\.0\.0\.1, which is not a public address"):
        fetch_picture("http://two.example/a.png")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),  # where clouds serve credentials
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("2002:7f00:1::", False),  # 6to4 of 127.0.0.1
        ("64:ff9b::a00:1", False),  # 10.0.0.1 behind a translator (NAT64)
        ("64:ff9b::808:808", True),  # 8.8.8.8 behind it
        ("2002:808:808::", False),  # 6to4 of 8.8.8.8: nothing answers there any more
        ("2001:0:808:808::1", False),  # Teredo
        ("64:ff9b:1::10.0.0.1", False),
        ("::127.0.0.1", False),
        ("::ffff:0:10.0.0.1", False),
        ("::5efe:10.0.0.1", False),
        ("2606:4700::5efe:10.0.0.1", False),  # ISATAP
        ("2606:4700::200:5efe:8.8.8.8", True),
        ("fec0::1", False),
        ("ff0e::1", False),
        ("3fff::1", False),
        ("2001:db8::1", False),
        ("5f00::1", False),
        ("192.88.99.1", False),
        ("192.0.0.9", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("0.1.2.3", False),
    ],
)
def test_only_addresses_reachable_from_the_whole_internet_are_public(address: str, public: bool) -> None:
    assert fetch._is_public(address) is public


@pytest.mark.parametrize("url", ["http://", "https://?x", "http://:80/a.png", "http://[::1/a.png", "http://a:b/x"])
def test_a_malformed_address_is_refused(url: str) -> None:
    with pytest.raises(QueryError):
        fetch_picture(url)


def test_nothing_is_fetched_without_allow_url(recall_program: Program) -> None:
    refused = recall_program("search", "https://example.org/a.jpg")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == (
        "recall: https://example.org/a.jpg is on the web, which Recall uses only if you allow it; add --allow-url\n"
    )
    private = recall_program("search", "http://127.0.0.1/a.jpg", "--allow-url")
    assert "leads to 127.0.0.1, which is not a public address" in private.stderr
