"""Requests that take long keep none of the others waiting."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from indexer.errors import FailureKind, PictureError
from indexer.images.workers.reader import PictureReader
from tests.support.serving import Running

L = "/api/libraries/photos"


def test_pictures_that_take_long_keep_no_search_waiting(
    client: httpx.Client, shared_server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, read = threading.Event(), threading.Event()
    most, now = 0, 0

    def look(self: PictureReader, source: bytes, *, side: int) -> None:
        nonlocal most, now
        now += 1
        most = max(most, now)
        begun.set()
        read.wait(30)
        now -= 1
        raise PictureError(FailureKind.DAMAGED, "it took too long")

    monkeypatch.setattr(PictureReader, "look_at_sent", look)

    def send(_: int) -> int:
        with shared_server.client() as other:
            return other.post(f"{L}/pictures", content=b"a picture").status_code

    with ThreadPoolExecutor(60) as pool:  # more than the 40 threads of a server
        answers = pool.map(send, range(60))
        try:
            assert begun.wait(30)
            time.sleep(1)  # until all have asked
            assert client.post(f"{L}/search", json={"query": "a cat"}, timeout=10).status_code == 200
        finally:
            read.set()
        assert set(answers) == {422}
    assert most == 4


def test_health_is_known_while_all_threads_are_busy(shared_server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, done = threading.Event(), threading.Event()

    def wait(*_: object) -> None:
        begun.set()
        done.wait(30)

    monkeypatch.setattr("retrieval.server.routers.search.run_search", wait)

    def ask(_: int) -> None:
        with shared_server.client() as other, pytest.raises(httpx.ReadTimeout):
            other.post(f"{L}/search", json={"query": "a cat"}, timeout=3)

    with shared_server.client(token=None) as stranger, ThreadPoolExecutor(50) as pool:
        asked = pool.map(ask, range(50))
        try:
            assert begun.wait(30)
            time.sleep(1)  # until all have asked
            assert stranger.get("/api/health", timeout=2).status_code == 200
            list(asked)
        finally:
            done.set()
