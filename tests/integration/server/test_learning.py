"""Judgements, private words, versions and explanations through the server."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from indexer.encoders.adapter import Adapter, LowRankAdapter
from retrieval import Library, TuningReport
from retrieval.library.tuning import _save_version
from tests.support.serving import Running

L = "/api/libraries/photos"

CAT = {"query": "a cat"}


@pytest.fixture
def writer(start: Callable[..., Running], served_library: Path) -> Iterator[httpx.Client]:
    """Return a client of a server that may change its library."""
    with start(served_library).client() as client:
        yield client


def numbers(client: httpx.Client) -> dict[str, int]:
    """Return the numbers of the items by their file names."""
    return {Path(item["path"]).name: item["item_id"] for item in client.get(f"{L}/items").json()["items"]}


def sentence(answer: httpx.Response, status: int) -> str:
    """Return the sentence of a problem."""
    assert answer.status_code == status, answer.text
    return str(answer.json()["detail"])


def test_judgements_are_recorded_listed_and_forgotten(writer: httpx.Client) -> None:
    number = numbers(writer)
    cat, coffee = number["chelsea.png"], number["coffee.png"]
    judged = writer.post(f"{L}/judgements", json={"search": CAT, "good": [cat], "bad": [coffee]})
    assert (judged.status_code, judged.json()) == (201, {"good": 1, "bad": 1})
    like = {"query": "warm", "parts": [{"item_id": coffee, "weight": 2}]}
    assert writer.post(f"{L}/judgements", json={"search": like, "good": [coffee]}).json()["good"] == 1
    listed = writer.get(f"{L}/judgements").json()
    assert [(each["query"], each["item_id"], each["verdict"]) for each in listed] == [
        ("a cat", cat, "good"),
        ("a cat", coffee, "bad"),
        ("warm + 2: coffee.png", coffee, "good"),
    ]
    assert len(writer.get(f"{L}/judgements", params={"limit": 1}).json()) == 1

    def forget(**body: Any) -> int:
        return int(writer.request("DELETE", f"{L}/judgements", json=body).json()["forgotten"])

    assert forget(search=CAT, item_ids=[coffee]) == 1
    assert forget(search=CAT, item_ids=[]) == 0
    assert forget(query="warm + 2: coffee.png") == 1
    assert forget(query="never asked") == 0
    assert [each["item_id"] for each in writer.get(f"{L}/judgements").json()] == [cat]
    assert forget(item_ids=[cat]) == 1


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"search": CAT}, 422, "judge"),
        ({"search": CAT, "good": [999]}, 404, "no item 999"),
        ({"search": CAT, "good": [1], "bad": [1]}, 422, "both good and bad"),
        ({"search": {}, "good": [1]}, 422, "nothing to search for"),
        ({"search": {"parts": [{"vector": [1.0] * 512}]}, "good": [1]}, 422, "vector cannot be stored"),
    ],
)
def test_judgements_that_cannot_be_recorded_are_refused(
    writer: httpx.Client, body: dict[str, Any], status: int, said: str
) -> None:
    assert said in sentence(writer.post(f"{L}/judgements", json=body), status)


def test_forgetting_everything_by_mistake_is_refused(writer: httpx.Client) -> None:
    assert "nothing says what to forget" in sentence(writer.request("DELETE", f"{L}/judgements", json={}), 422)


def test_a_word_is_learnt_from_photos_and_found(writer: httpx.Client, served_album: Path) -> None:
    number = numbers(writer)
    learnt = writer.post(f"{L}/words", json={"word": "Biscuit", "item_ids": [number["coffee.png"]]})
    assert learnt.status_code == 201
    assert learnt.json() == {"word": "Biscuit", "added": 1, "repeated": 0, "examples": 1, "failures": []}
    (word,) = writer.get(f"{L}/words").json()
    assert word["word"] == "Biscuit"
    assert word["examples"] == [{"path": str(served_album / "coffee.png"), "item_id": number["coffee.png"]}]
    hits = writer.post(f"{L}/search", json={"query": "Biscuit"}).json()["hits"]
    assert hits[0]["item_id"] == number["coffee.png"]
    assert writer.delete(f"{L}/words/biscuit").status_code == 204
    assert "no private word 'biscuit'" in sentence(writer.delete(f"{L}/words/biscuit"), 404)
    assert "no item 999" in sentence(writer.post(f"{L}/words", json={"word": "x", "item_ids": [999]}), 404)
    text = {"word": "Loaf", "item_ids": [number["bread.txt"]]}
    assert "none of the photos" in sentence(writer.post(f"{L}/words", json=text), 422)


def test_versions_are_listed_and_rolled_back(start: Callable[..., Running], served_library: Path) -> None:
    report = TuningReport("adapter", True, "", 9, 0.5, 0.6, 0.01, 0.2, 0.01, 0.5, 0.6, "general", 80.0, 80.0)
    with Library.open(served_library) as library, library._store.writing("tuning"):
        encoder = library._store.encoder
        assert encoder is not None
        down, up = np.zeros((encoder.dim, 2), np.float32), np.zeros((2, encoder.dim), np.float32)
        adapter = Adapter(LowRankAdapter(down, up))  # changes nothing
        _save_version(library._store, adapter, report, encoder_id=encoder.id, is_lora=False)
    with start(served_library).client() as client:
        (version,) = client.get(f"{L}/versions").json()
        assert (version["id"], version["kind"], version["is_active"]) == (1, "adapter", True)
        assert version["report"]["ndcg_after"] == 0.6
        assert client.post(f"{L}/rollback", json={}).json() == {"version": 0}
        assert not client.get(f"{L}/versions").json()[0]["is_active"]
        assert "nothing to undo" in sentence(client.post(f"{L}/rollback", json={}), 422)
        assert client.post(f"{L}/rollback", json={"to": 1}).json() == {"version": 1}
        assert "no version 9" in sentence(client.post(f"{L}/rollback", json={"to": 9}), 422)


def test_an_explanation_says_what_speaks_for_a_photo(client: httpx.Client) -> None:
    number = numbers(client)["chelsea.png"]
    found = client.post(f"{L}/explain", json={"search": {"query": "a cat"}, "item_id": number}).json()
    assert (found["in_results"], found["rank"], found["total"], found["kind"]) == (True, 1, 6, "photo")
    assert [each["word"] for each in found["word_effects"]] == ["a", "cat"]
    assert len(found["regions"]) == 34  # 3 x 3 and 5 x 5
    other = numbers(client)["coffee.png"]
    body = {"search": {"query": "a cat", "filters": {"format": "jpg"}}, "item_id": other}
    outside = client.post(f"{L}/explain", json=body).json()
    assert not outside["in_results"]
    assert "format" in outside["reasons"][0]


def test_the_heat_map_has_the_shape_of_the_photo_and_shows_it(client: httpx.Client) -> None:
    number = numbers(client)["chelsea.png"]
    answer = client.post(f"{L}/explain/heatmap", json={"search": {"query": "a cat"}, "item_id": number})
    assert answer.headers["content-type"] == "image/png"
    picture = Image.open(io.BytesIO(answer.content))
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGBA", (451, 300))
    opacity = np.asarray(picture)[..., 3]
    assert opacity.min() < 110  # the photo can be seen through the coldest part
    assert opacity.max() > 200


def test_what_has_no_heat_map_says_so(client: httpx.Client) -> None:
    body = {"search": {"query": "bread"}, "item_id": numbers(client)["bread.txt"]}
    assert "there is no heat map" in sentence(client.post(f"{L}/explain/heatmap", json=body), 404)
    assert "no item 999" in sentence(client.post(f"{L}/explain", json={"search": CAT, "item_id": 999}), 404)


def test_a_server_that_only_reads_learns_nothing(client: httpx.Client) -> None:
    for method, path, body in (
        ("POST", "judgements", {"search": CAT, "good": [1]}),
        ("DELETE", "judgements", {"query": "a cat"}),
        ("POST", "words", {"word": "Biscuit", "item_ids": [1]}),
        ("DELETE", "words/Biscuit", None),
        ("POST", "rollback", {}),
    ):
        assert "only reads" in sentence(client.request(method, f"{L}/{path}", json=body), 403)
    assert client.get(f"{L}/judgements").json() == []
    assert client.get(f"{L}/words").json() == []
    assert client.get(f"{L}/versions").json() == []
