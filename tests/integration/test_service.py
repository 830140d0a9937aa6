"""The service of the manual: a real server, and twenty clients at once."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.support.program import program_env

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "apps.md"
BLOCK = re.compile(r'^```python title="service.py"\n(.*?)^```$', re.MULTILINE | re.DOTALL)

CLIENTS = 20

HOSTILE_IDS = (
    "a/b/../c", "%2e%2e", "Käse 🧀", "' OR 1=1 --", "id\twith a tab", "x" * 1000, "collection:default", "*",
    "日本語",
)  # fmt: skip


@pytest.fixture
def service(tmp_path: Path) -> Iterator[str]:
    """Yield the address of the running service."""
    found = BLOCK.search(PAGE.read_text(encoding="utf-8"))
    assert found
    (tmp_path / "service.py").write_text(found[1], encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "service:app", "--port", str(port), "--log-level", "warning"],
        cwd=tmp_path,
        env=program_env(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
    )
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(httpx.TransportError):
            httpx.get(f"{address}/openapi.json")
            break
        time.sleep(0.1)
    yield address
    process.terminate()
    _, errors = process.communicate(timeout=30)
    assert "Traceback" not in errors, errors


def test_the_example_has_at_most_40_lines() -> None:
    found = BLOCK.search(PAGE.read_text(encoding="utf-8"))
    assert found
    assert len(found[1].splitlines()) <= 40


async def test_twenty_clients_at_once_add_find_get_and_delete_their_own(service: str) -> None:
    async def live(number: int) -> None:
        async with httpx.AsyncClient(base_url=service, timeout=120) as client:
            for turn in range(3):
                id_ = f"client {number}/{turn}"
                text = f"the article number {number} of turn {turn}"
                for price in (number, number + 100):  # the second replaces the first
                    added = await client.put(f"/articles/{quote(id_)}", json={"text": text, "price": price})
                    assert added.status_code == 200, added.text
                stored = await client.get(f"/articles/{quote(id_)}")
                assert (stored.json()["text"], stored.json()["metadata"]) == (text, {"price": number + 100})
                found = await client.get("/search", params={"words": text, "k": 200})
                assert id_ in [hit["id"] for hit in found.json()]
                cheap = await client.get("/search", params={"words": text, "below": 50})
                assert cheap.status_code == 200
                assert id_ not in [hit["id"] for hit in cheap.json()]
            deleted = await client.delete(f"/articles/{quote(f'client {number}/0')}")
            assert deleted.json() == 1
            assert (await client.get(f"/articles/{quote(f'client {number}/0')}")).status_code == 404

    await asyncio.gather(*(live(number) for number in range(CLIENTS)))
    async with httpx.AsyncClient(base_url=service, timeout=120) as client:
        left = await client.get("/search", params={"words": "article", "k": 1000})
    assert {hit["id"] for hit in left.json()} == {f"client {n}/{turn}" for n in range(CLIENTS) for turn in (1, 2)}


def test_odd_ids_and_long_texts_come_back_as_they_were_given(service: str) -> None:
    with httpx.Client(base_url=service, timeout=120) as client:
        for number, id_ in enumerate(HOSTILE_IDS):
            text = f"{number} Ein Gruß 你好 🐈 " * (20_000 if number == 0 else 2)
            added = client.put(f"/articles/{quote(id_, safe='')}", json={"text": text, "price": number})
            assert added.status_code == 200, (id_, added.text)
            stored = client.get(f"/articles/{quote(id_, safe='')}").json()
            assert (stored["id"], stored["text"], stored["metadata"]) == (id_, text, {"price": number})
        for id_ in HOSTILE_IDS:
            assert client.delete(f"/articles/{quote(id_, safe='')}").json() == 1


def test_what_cannot_be_done_is_an_error_of_the_client_with_a_sentence(service: str) -> None:
    with httpx.Client(base_url=service, timeout=120) as client:
        assert client.put("/articles/first", json={"text": "a cat", "price": 1}).status_code == 200
        blank = client.put("/articles/x", json={"text": "   ", "price": 1})
        assert (blank.status_code, blank.json()["detail"]) == (
            422,
            "it has no picture, no vector, and no text with a word in it",
        )
        too_long = client.put(f"/articles/{'x' * 1001}", json={"text": "a cat", "price": 1})
        assert (too_long.status_code, too_long.json()["detail"]) == (
            422,
            "the id has 1,001 characters; expected 1 to 1,000",
        )
        empty = client.get("/search", params={"words": " "})
        assert empty.status_code == 400
        assert "the query text is blank" in empty.text
        assert client.get("/search", params={"words": "a cat", "k": 0}).status_code == 400
        assert client.get("/articles/nobody").json() == {"detail": "there is no article 'nobody'"}
        assert client.delete("/articles/nobody").json() == 0
