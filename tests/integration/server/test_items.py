"""Items, layout, facets and positions through the server."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from retrieval import Library
from tests.support.serving import Running

L = "/api/libraries/photos"


@pytest.fixture
def writer(start: Callable[..., Running], served_library: Path) -> Iterator[httpx.Client]:
    """Return a client of a server that may change its library."""
    with start(served_library).client() as client:
        yield client


def problem(answer: httpx.Response, status: int) -> str:
    """Return the sentence of a problem."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["detail"])


def filtered(**filters: Any) -> dict[str, str]:
    """Return the argument of an address with filters."""
    return {"filters": json.dumps(filters)}


def test_pages_of_a_list_have_every_item_once(client: httpx.Client) -> None:
    first = client.get(f"{L}/items", params={"sort": "name", "limit": 4}).json()
    second = client.get(f"{L}/items", params={"sort": "name", "limit": 4, "cursor": first["cursor"]}).json()
    found = [Path(item["path"]).name for page in (first, second) for item in page["items"]]
    assert found == sorted(found)
    assert len(set(found)) == first["total"] == 7
    assert second["cursor"] is None
    assert client.get(f"{L}/items", params=filtered(format="jpg")).json()["total"] == 1


def test_an_item_is_what_the_library_has(client: httpx.Client, served_album: Path) -> None:
    item = client.get(f"{L}/items", params=filtered(name="coffee.png")).json()["items"][0]
    assert item["path"] == str(served_album / "coffee.png")
    assert (item["width"], item["height"]) == (600, 400)
    assert client.get(f"{L}/items/{item['item_id']}").json() == item
    assert "no item 999" in problem(client.get(f"{L}/items/999"), 404)
    assert "/path/item_id" in problem(client.get(f"{L}/items/0"), 422)


@pytest.mark.parametrize(
    ("filters", "sentence"),
    [
        ("{", "/query/filters"),
        ('{"colour": "red"}', "/query/filters/colour"),
        ('{"after": "the day of doom"}', "the day of doom"),
        ('{"folder": "/nowhere"}', "the library has nothing from /nowhere"),
    ],
)
@pytest.mark.parametrize("address", ["items", "layout", "facets", "positions"])
def test_filters_that_cannot_be_read_are_refused(
    client: httpx.Client, address: str, filters: str, sentence: str
) -> None:
    assert sentence in problem(client.get(f"{L}/{address}", params={"filters": filters}), 422)


def test_a_cursor_of_another_order_is_refused(client: httpx.Client) -> None:
    cursor = client.get(f"{L}/items", params={"limit": 1}).json()["cursor"]
    answer = client.get(f"{L}/items", params={"limit": 1, "cursor": cursor, "sort": "name"})
    assert "does not belong to a list in the order 'name'" in problem(answer, 422)


def test_the_layout_has_all_items_as_columns(client: httpx.Client) -> None:
    layout = client.get(f"{L}/layout", params={"sort": "-name"}).json()
    items = client.get(f"{L}/items", params={"sort": "-name"}).json()["items"]
    assert layout["total"] == 7
    for column, field in (("item_ids", "item_id"), ("widths", "width"), ("heights", "height"), ("kinds", "kind")):
        assert layout[column] == [item[field] for item in items]
    assert layout["days"] == [(item["taken_at"] or "")[:10] or None for item in items]
    assert client.get(f"{L}/layout", params={"kind": "texts"}).json()["kinds"] == ["text"]


def test_facets_count_the_items(client: httpx.Client, served_album: Path) -> None:
    facets = client.get(f"{L}/facets").json()
    assert facets["total"] == 7
    assert {"value": "PNG", "count": 5} in facets["formats"]
    assert facets["kinds"] == [{"value": "photo", "count": 6}, {"value": "text", "count": 1}]
    assert facets["folders"] == [{"value": str(served_album), "count": 7}]
    assert sum(year["count"] for year in facets["years"]) + facets["undated"] == 7
    assert all(year["count"] == sum(month["count"] for month in year["months"]) for year in facets["years"])
    photos = client.get(f"{L}/facets", params={"kind": "photos", **filtered(format="jpg")}).json()
    assert (photos["total"], photos["formats"]) == (1, [{"value": "JPEG", "count": 1}])


def test_positions_are_columns(client: httpx.Client) -> None:
    assert client.get(f"{L}/positions").json() == {"item_ids": [], "latitudes": [], "longitudes": []}


def test_texts_and_pictures_are_added_changed_and_deleted(writer: httpx.Client, served_album: Path) -> None:
    picture = (served_album / "coffee.png").read_bytes()
    sent = writer.post(f"{L}/pictures", content=(served_album / "rocket.jpg").read_bytes()).json()["picture"]
    body = {
        "items": [
            {"id": "hat", "text": "a red hat", "metadata": {"price": 10}},
            {"id": "cup", "data": base64.b64encode(picture).decode(), "uri": "https://example.org/cup"},
            {"id": "start", "picture": sent},
            {"data": base64.b64encode(b"not a picture").decode()},
        ],
        "collection": "shop",
        "keep": "original",
    }
    added = writer.post(f"{L}/items", json=body)
    assert added.status_code == 201
    report = added.json()
    assert (report["added"], report["ids"][:3]) == (3, ["hat", "cup", "start"])
    assert [failure["position"] for failure in report["failures"]] == [3]
    hat, cup, start, none = report["item_ids"]
    assert none is None
    assert writer.get(f"{L}/items/{cup}/original").content == picture
    changed = writer.patch(f"{L}/items/{hat}", json={"metadata": {"price": 12}, "text": "a blue hat"}).json()
    assert (changed["metadata"], changed["text"]) == ({"price": 12}, "a blue hat")
    assert writer.delete(f"{L}/items/{start}").status_code == 204
    assert "no item" in problem(writer.delete(f"{L}/items/{start}"), 404)
    assert writer.get(f"{L}/facets").json()["collections"] == [{"value": "shop", "count": 2}]


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"items": []}, 422, "/items"),
        ({"items": [{"id": "nothing"}]}, 422, "an item has no content"),
        ({"items": [{"text": "a", "picture": "b", "data": "c"}]}, 422, "expected one of them"),
        ({"items": [{"data": "%"}]}, 422, "not base64"),
        ({"items": [{"picture": "p-gone"}]}, 404, "send it again"),
        ({"items": [{"vector": [1.0, 2.0]}]}, 422, "vector"),
        ({"items": [{"id": "a", "text": "b"}, {"id": "a", "text": "c"}]}, 422, "twice"),
        ({"items": [{"text": "b", "metadata": {"nested": {"a": 1}}}]}, 422, "nested"),
    ],
)
def test_what_cannot_be_added_is_refused(
    writer: httpx.Client, body: dict[str, Any], status: int, sentence: str
) -> None:
    answer = writer.post(f"{L}/items", json=body)
    if answer.status_code == 201:  # the item is a failure in the report
        assert sentence in answer.json()["failures"][0]["reason"]
        assert answer.json()["added"] == 0
    else:
        assert sentence in problem(answer, status)


def test_a_file_is_neither_changed_nor_deleted(writer: httpx.Client, served_album: Path) -> None:
    number = writer.get(f"{L}/items", params=filtered(name="coffee.png")).json()["items"][0]["item_id"]
    assert "only an item that an app added" in problem(writer.delete(f"{L}/items/{number}"), 422)
    assert "only an item" in problem(writer.patch(f"{L}/items/{number}", json={"text": "tea"}), 422)
    assert (served_album / "coffee.png").exists()


def test_a_server_that_only_reads_changes_nothing(client: httpx.Client) -> None:
    assert "only reads" in problem(client.post(f"{L}/items", json={"items": [{"text": "a"}]}), 403)
    assert "only reads" in problem(client.delete(f"{L}/items/1"), 403)
    assert "only reads" in problem(client.patch(f"{L}/items/1", json={"text": "a"}), 403)


def test_a_library_that_another_process_writes_is_refused(writer: httpx.Client, served_library: Path) -> None:
    with Library.open(served_library) as other, other._store.writing("indexing /photos"):
        answer = writer.post(f"{L}/items", json={"items": [{"text": "a red hat"}]})
        assert "indexing /photos" in problem(answer, 409)
    assert writer.post(f"{L}/items", json={"items": [{"text": "a red hat"}]}).status_code == 201
