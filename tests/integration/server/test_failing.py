"""Servers when things go wrong: files that go away, two servers on one library, a kill."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from indexer.catalog.sqlite.lock import write_lock
from retrieval import Library
from tests.support.serving import Running, ServedProgram

L = "/api/libraries/photos"


@pytest.fixture
def own_album(served_album: Path, tmp_path: Path) -> Path:
    """Return a folder of photos that a test may change, and make a library of it beside it."""
    folder = Path(shutil.copytree(served_album, tmp_path / "album"))
    with Library.open(tmp_path / "photos.recall", encoder="compact") as library:
        library.sync(folder)
    return folder


def test_a_photo_that_was_deleted_since_is_still_found_and_says_what_is_missing(
    start: Callable[..., Running], own_album: Path
) -> None:
    with start(own_album.parent / "photos.recall").client() as client:
        (own_album / "chelsea.png").unlink()
        hit = client.post(f"{L}/search", json={"query": "a cat"}).json()["hits"][0]
        assert Path(hit["path"]).name == "chelsea.png"
        more = client.post(f"{L}/search", json={"parts": [{"item_id": hit["item_id"]}], "include_unlikely": True})
        assert len(more.json()["hits"]) == 5  # its embedding is stored
        mixed = client.post(f"{L}/search", json={"query": "a cat", "parts": [{"item_id": hit["item_id"]}]})
        assert mixed.status_code == 422
        assert "chelsea.png" in mixed.json()["detail"]
        assert client.get(f"{L}/items/{hit['item_id']}/original").status_code in (404, 410)


def test_a_disk_that_is_away_does_not_stop_a_search(start: Callable[..., Running], own_album: Path) -> None:
    with start(own_album.parent / "photos.recall").client() as client:
        own_album.rename(own_album.parent / "away")
        assert client.post(f"{L}/search", json={"query": "a cat"}).json()["hits"]
        number = client.post(f"{L}/search", json={"query": "a cat"}).json()["hits"][0]["item_id"]
        answer = client.get(f"{L}/items/{number}/original")
        assert answer.status_code in (404, 410)
        assert answer.json()["detail"]


def test_two_servers_on_one_library_both_read_and_take_turns_writing(
    start: Callable[..., Running], served_library: Path
) -> None:
    one, two = start(served_library), start(served_library)
    with one.client() as first, two.client() as second:
        added = first.post(f"{L}/items", json={"items": [{"id": "a", "text": "a red boat"}]})
        assert added.status_code == 201
        hits = second.post(f"{L}/search", json={"query": "a red boat"}).json()["hits"]
        assert hits[0]["id"] == "a"
        assert second.post(f"{L}/items", json={"items": [{"id": "b", "text": "a blue boat"}]}).status_code == 201
        assert first.get(f"{L}/status").json()["texts"] == 3


def test_a_library_that_another_process_writes_to_is_locked_and_still_searched(
    start: Callable[..., Running], served_library: Path
) -> None:
    with start(served_library).client() as client:
        with write_lock(served_library, "indexing", timeout=0):
            answer = client.post(f"{L}/items", json={"items": [{"text": "two"}]})
            found = client.post(f"{L}/search", json={"query": "a cat"})
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:recall:library-locked"
        assert "(indexing)" in answer.json()["detail"]
        assert found.status_code == 200
        assert client.post(f"{L}/items", json={"items": [{"text": "two"}]}).status_code == 201


def test_a_server_that_only_reads_refuses_what_changes_a_library(client: httpx.Client) -> None:
    description = client.get("/api/openapi.json").json()
    reading = ("/search", "/search/layout", "/pictures", "/items/batch", "/explain", "/explain/heatmap", "/predict")
    for path, operations in description["paths"].items():
        for method in operations.keys() & {"post", "put", "patch", "delete"}:
            if not path.endswith(reading) and "/jobs" not in path:
                address = path.format(library="photos", item_id=1, word="w", job="j")
                answer = client.request(method.upper(), address, json=_example(description, operations[method]))
                assert answer.status_code == 403, (method, path, answer.text)
                assert "--read-only" in answer.json()["detail"]
    for kind in ("sync", "optimize"):  # there are jobs that only read
        assert client.post(f"{L}/jobs", json={"kind": kind}).status_code == 403


def test_a_kill_during_uploads_loses_nothing_that_was_acknowledged(serve: Callable[..., ServedProgram]) -> None:
    server = serve()
    acknowledged: list[str] = []

    def upload(worker: int) -> None:
        with server.client() as client:
            for number in range(1000):
                id_ = f"{worker}-{number}"
                try:
                    answer = client.post(f"{L}/items", json={"items": [{"id": id_, "text": f"the note {id_}"}]})
                except httpx.TransportError:
                    return  # it was killed
                if answer.status_code == 201:
                    acknowledged.append(id_)

    threads = [threading.Thread(target=upload, args=(worker,)) for worker in range(3)]
    for thread in threads:
        thread.start()
    while len(acknowledged) < 10:
        assert any(thread.is_alive() for thread in threads)
    server.process.kill()
    for thread in threads:
        thread.join()
    assert 10 <= len(acknowledged) < 3000
    with serve().client() as client:  # no repair is needed
        listed = client.get(f"{L}/items", params={"limit": 1000}).json()["items"]
        assert set(acknowledged) <= {item["id"] for item in listed}
        hits = client.post(f"{L}/search", json={"query": f"the note {acknowledged[0]}", "k": 1000}).json()
        assert hits["total_known"] >= len(acknowledged)


def _example(description: dict[str, Any], operation: dict[str, Any]) -> Any:
    """Return the example of an operation's body, so that only the permission is missing."""
    if "requestBody" not in operation:
        return None
    (content,) = operation["requestBody"]["content"].values()
    schema = content["schema"]
    if "$ref" in schema:
        schema = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema.get("examples", [{}])[0]
