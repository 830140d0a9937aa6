"""What the server bounds: bodies, rates, and what it says of itself."""

from __future__ import annotations

import gzip
import json
import socket
import time

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from retrieval.server import body_limit
from retrieval.server.body_limit import PICTURE_BODY
from retrieval.server.rate_limit import RateLimit
from tests.support.serving import TOKEN, Running

L = "/api/libraries/photos"


@pytest.mark.parametrize(
    ("path", "size"), [(f"{L}/items/batch", 2**20 + 1), (f"{L}/pictures", PICTURE_BODY + 2**20), (f"{L}/search", 2**26)]
)
def test_a_body_that_says_that_it_is_too_large_is_refused_before_it_comes(
    shared_server: Running, path: str, size: int
) -> None:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", shared_server.port), timeout=30) as connection:
        connection.sendall(head.encode())
        answer = connection.recv(4096).decode()
    assert answer.startswith("HTTP/1.1 413 ")
    assert "application/problem+json" in answer


def test_a_body_that_does_not_say_how_large_it_is_is_cut(client: httpx.Client) -> None:
    body = iter([b"x" * 2**16] * 20)  # 1.3 MB, in chunks
    answer = client.post(f"{L}/items/batch", content=body)
    assert answer.status_code == 413
    assert "1,048,576 bytes" in answer.json()["detail"]


def test_a_body_that_comes_too_slowly_is_given_up(shared_server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_limit, "_CHUNK_SECONDS", 0.3)
    head = (
        f"POST {L}/search HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    )
    with socket.create_connection(("127.0.0.1", shared_server.port), timeout=30) as connection:
        connection.sendall(head.encode())
        start = time.monotonic()
        answer = connection.recv(4096).decode()
    assert answer.startswith("HTTP/1.1 408 ")
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("body", ['{"parts": [%s', '{"filters": {"metadata": {"a": [%s'])
def test_a_body_of_millions_of_values_is_refused_before_it_is_read(client: httpx.Client, body: str) -> None:
    values = '{"a":[]},' * 400_000  # 4 MB: reading them would keep all others waiting
    answer = client.post(f"{L}/search", content=body % values)
    assert answer.status_code == 413
    assert "more than 1,000,000 values" in answer.json()["detail"]


def test_a_cut_upload_leaves_the_server_working(shared_server: Running, client: httpx.Client) -> None:
    head = (
        f"POST {L}/pictures HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Type: application/octet-stream\r\nContent-Length: 1000\r\n\r\n\x89PNG"
    )
    with socket.create_connection(("127.0.0.1", shared_server.port), timeout=30) as connection:
        connection.sendall(head.encode("latin-1"))
    assert client.get("/api/health").status_code == 200


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b"\xff\xfe", b'{"query": NaN', b""])
def test_a_body_that_is_no_json_is_refused_with_a_sentence(client: httpx.Client, body: bytes) -> None:
    answer = client.post(f"{L}/search", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_ten_megabytes_of_words_are_refused(client: httpx.Client) -> None:
    answer = client.post(f"{L}/search", json={"query": "a cat " * 1_700_000})
    assert answer.status_code == 422
    assert len(answer.content) < 1000  # it does not repeat them


async def test_a_client_that_sends_too_many_requests_waits() -> None:
    now = 0.0
    passed: list[str] = []
    answers: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        passed.append(scope["client"][0])

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answers.append(message["status"])
            assert (b"retry-after", b"1") in message["headers"]

    limit = RateLimit(app, burst=3, per_second=2, clock=lambda: now)

    async def ask(client: str) -> None:
        await limit({"type": "http", "client": (client, 1), "state": {"caller": "t"}}, receive, send)

    for _ in range(5):
        await ask("one")
    assert (len(passed), answers) == (3, [429, 429])
    await ask("other")
    assert len(passed) == 4
    now += 1.0  # two more
    for _ in range(5):
        await ask("one")
    assert len(passed) == 6


def test_json_is_compressed_for_clients_that_take_it(client: httpx.Client) -> None:
    body = {"query": "a cat", "include_unlikely": True}
    with client.stream("POST", f"{L}/search", json=body, headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) == len(raw)
    plain = client.post(f"{L}/search", json=body, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert json.loads(gzip.decompress(raw))["hits"] == plain.json()["hits"]
    assert len(raw) < len(plain.content) / 2


def test_metrics_count_requests_by_route_and_never_by_path(client: httpx.Client, shared_server: Running) -> None:
    client.get(f"{L}/status")
    client.get("/api/made-up-name")
    with shared_server.client(token=None) as stranger:
        stranger.get("/api/libraries")
    text = client.get("/metrics").text
    assert 'recall_requests_total{method="GET",route="/api/libraries/{library}/status",status="200"}' in text
    assert 'recall_requests_total{method="GET",route="none",status="401"}' in text
    assert 'recall_items{kind="photo",library="photos"} 6.0' in text
    assert "made-up-name" not in text
