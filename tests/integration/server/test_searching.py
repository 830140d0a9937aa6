"""Searches through the server."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.serving import Running

L = "/api/libraries/photos"


def nested(depth: int) -> dict[str, object]:
    """Return a filter on metadata that is denied so many times."""
    condition: dict[str, object] = {"a": 1}
    for _ in range(depth):
        condition = {"$not": condition}
    return condition


def names(answer: httpx.Response) -> list[str]:
    """Return the file names of the hits of a search."""
    assert answer.status_code == 200, answer.text
    return [Path(hit["path"]).name for hit in answer.json()["hits"]]


def item_ids(client: httpx.Client) -> dict[str, int]:
    """Return the numbers of the items by their file names."""
    items = client.post(f"{L}/items/batch", json={"item_ids": list(range(1, 20))}).json()["items"]
    return {Path(item["path"]).name: item["item_id"] for item in items}


def test_words_find_a_photo(client: httpx.Client) -> None:
    answer = client.post(f"{L}/search", json={"query": "a cat"})
    assert names(answer)[0] == "chelsea.png"
    assert answer.json()["understood"] is None
    assert answer.json()["note"] is None


def test_unlikely_hits_are_hidden_unless_they_are_asked_for(client: httpx.Client) -> None:
    likely = client.post(f"{L}/search", json={"query": "a cat"}).json()
    every = client.post(f"{L}/search", json={"query": "a cat", "include_unlikely": True}).json()
    assert likely["hidden"] == len(every["hits"]) - len(likely["hits"]) > 0
    assert every["hidden"] == 0
    assert likely["total_known"] == every["total_known"] == 7  # six photos and a text


def test_a_search_without_a_result_says_why(client: httpx.Client) -> None:
    answer = client.post(f"{L}/search", json={"query": "a cat", "filters": {"after": "2300"}}).json()
    assert (answer["hits"], answer["note"]) == ([], "nothing passes the filters; fewer of them may find more")


def test_the_layout_has_the_likely_results_first(client: httpx.Client) -> None:
    layout = client.post(f"{L}/search/layout", json={"query": "a cat"}).json()
    assert layout["item_ids"][0] == item_ids(client)["chelsea.png"]
    assert (layout["widths"][0], layout["heights"][0]) == (451, 300)
    assert len(layout["item_ids"]) == len(layout["kinds"]) == len(layout["probabilities"]) == 7
    assert 0 < layout["likely"] < 7
    assert not layout["more"]
    assert client.post(f"{L}/search/layout", json={"query": "a cat", "k": 2}).json()["more"]


def test_a_photo_that_was_sent_is_searched_for(client: httpx.Client, served_album: Path) -> None:
    content = (served_album / "coffee.png").read_bytes()
    sent = client.post(f"{L}/pictures", content=content)
    assert sent.status_code == 201
    assert (sent.json()["width"], sent.json()["height"]) == (600, 400)
    thumbnail = client.get(f"{L}/pictures/{sent.json()['picture']}")
    assert thumbnail.headers["content-type"] == "image/webp"
    assert thumbnail.content[8:12] == b"WEBP"
    by_name = client.post(f"{L}/search", json={"parts": [{"picture": sent.json()["picture"]}]})
    by_data = client.post(f"{L}/search", json={"parts": [{"data": base64.b64encode(content).decode()}]})
    assert names(by_name)[0] == "coffee.png"
    assert by_name.json() == by_data.json()


def test_a_photo_of_the_library_finds_others_and_not_itself(client: httpx.Client) -> None:
    number = item_ids(client)["chelsea.png"]
    body = {"parts": [{"item_id": number}], "include_unlikely": True}
    found = names(client.post(f"{L}/search", json=body))
    assert len(found) == 5
    assert "chelsea.png" not in found


def test_words_and_a_photo_are_mixed(client: httpx.Client) -> None:
    number = item_ids(client)["chelsea.png"]
    body = {"parts": [{"item_id": number}, {"text": "a cup of coffee", "weight": 3}], "include_unlikely": True}
    assert set(names(client.post(f"{L}/search", json=body))[:2]) == {"chelsea.png", "coffee.png"}


def test_a_vector_is_searched_for(client: httpx.Client, served_album: Path) -> None:
    dim = client.get(f"{L}/status").json()["dim"]
    answer = client.post(f"{L}/search", json={"parts": [{"vector": [1.0] * dim}]})
    assert len(answer.json()["hits"]) == 7  # hits of a vector have no probability, so none is unlikely
    assert client.post(f"{L}/search", json={"parts": [{"vector": [1.0]}]}).status_code == 422


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "nothing to search for"),
        ({"query": "x" * 10_001}, "/query"),
        ({"query": "a cat", "k": 0}, "/k"),
        ({"query": "a cat", "k": 1001}, "/k"),
        ({"query": "a cat", "offset": 100_001}, "/offset"),
        ({"query": "a cat", "colour": "red"}, "/colour"),
        ({"parts": [{}]}, "/parts/0"),
        ({"parts": [{"text": "a", "item_id": 1}]}, "exactly one"),
        ({"parts": [{"text": "a"}] * 33}, "/parts"),
        ({"parts": [{"data": "!!!"}]}, "not base64"),
        ({"query": "a cat", "filters": {"after": "someday soon"}}, "someday soon"),
        ({"query": "a cat", "filters": {"folder": "/photos/\0"}}, "has a NUL character"),
        ({"query": "a cat", "filters": {"metadata": nested(25)}}, "too many conditions"),
        ({"query": "a cat", "filters": {"metadata": nested(800)}}, "too many conditions"),
        ({"query": "a cat", "filters": {"metadata": {"$or": [{"a": 1}] * 1000}}}, "too many conditions"),
        ({"query": "a cat", "filters": {"metadata": {f"key{i}": 1 for i in range(1000)}}}, "too many conditions"),
        ({"query": "a cat", "rerank": ["encoder:ViT-B-32/openai"]}, "no other encoder"),
        ({"query": "a cat", "rerank": ["nonsense"]}, "nonsense"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused_with_a_sentence(
    client: httpx.Client, body: dict[str, object], expected: str
) -> None:
    answer = client.post(f"{L}/search", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert expected in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 100])
def test_what_is_no_picture_is_refused(client: httpx.Client, content: bytes) -> None:
    answer = client.post(f"{L}/pictures", content=content)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_unknown_libraries_items_and_pictures_are_not_found(client: httpx.Client) -> None:
    for answer in (
        client.get("/api/libraries/other/status"),
        client.post(f"{L}/search", json={"parts": [{"item_id": 999}]}),
        client.post(f"{L}/search", json={"parts": [{"picture": "p"}]}),
        client.get(f"{L}/pictures/p"),
        client.get("/api/nothing"),
    ):
        assert answer.status_code == 404
        assert answer.json()["status"] == 404
        assert answer.json()["detail"]


def test_the_list_of_libraries_and_the_status_count_what_there_is(shared_server: Running, served_album: Path) -> None:
    with shared_server.client() as client:
        (summary,) = client.get("/api/libraries").json()
        status = client.get(f"{L}/status").json()
        assert client.get(f"{L}/failures").json() == []
    assert summary == {
        "name": "photos", "photos": 6, "texts": 1, "failed": 0, "encoder": "compact", "read_only": True,
    }  # fmt: skip
    assert [source["path"] for source in status["sources"]] == [str(served_album)]
    assert summary.items() <= status.items()


def test_searches_at_the_same_time_have_the_results_that_each_has_alone(client: httpx.Client) -> None:
    words = [
        f"{what} {where}" for what in ("a cat", "coffee", "a rocket", "coins") for where in ("", "indoors", "at night")
    ]

    def ask(text: str) -> list[tuple[int, float]]:
        body = {"query": text, "include_unlikely": True, "literal": True}
        return [(hit["item_id"], hit["score"]) for hit in client.post(f"{L}/search", json=body).json()["hits"]]

    alone = [ask(text) for text in words]
    with ThreadPoolExecutor(12) as threads:
        together = list(threads.map(ask, words * 3))
    for number, found in enumerate(together):
        expected = alone[number % len(words)]
        assert [item for item, _ in found] == [item for item, _ in expected]
        assert [score for _, score in found] == pytest.approx([score for _, score in expected], abs=2e-6)
