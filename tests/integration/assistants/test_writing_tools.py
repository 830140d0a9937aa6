"""The tools of the server for assistants that change the library, which exist only with --allow-writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrieval import Library
from tests.support.assistants import answer, client, in_base64, refusal
from tests.support.program import Program


async def test_tools_that_write_exist_only_if_allowed_and_say_so(recall_program: Program, album_library: Path) -> None:
    async with client(recall_program, album_library, "--allow-writes") as connected:
        hints = {tool.name: tool.annotations for tool in (await connected.list_tools()).tools}
        assert (await answer(connected, "status"))["can_write"]
    writing = {name for name, hint in hints.items() if hint and not hint.read_only_hint}
    assert writing == {"judge", "learn", "add"}
    assert {name for name in writing if (hint := hints[name]) and hint.destructive_hint} == {"add"}


async def test_judge_and_learn_are_recorded(recall_program: Program, album: Path, album_library: Path) -> None:
    cat, rocket = str(album / "chelsea.png"), str(album / "rocket.jpg")
    async with client(recall_program, album_library, "--allow-writes") as connected:
        assert await answer(connected, "judge", query="my favourite", good=[cat], bad=[rocket]) == {"good": 1, "bad": 1}
        learned = await answer(connected, "learn", word="Biscuit", ids=[cat])
        assert (learned["word"], learned["added"], learned["total"]) == ("Biscuit", 1, 1)
        found = await answer(connected, "search", query="Biscuit", k=1)
        assert found["results"][0]["id"] == cat
        assert "is not in the library" in await refusal(connected, "judge", query="x", good=["/nowhere.png"])
        await refusal(connected, "judge", query="x")
        assert "is outside the folders" in await refusal(connected, "learn", word="Secret", ids=["/etc/passwd"])
    with Library.open(album_library) as library:
        assert [judgement.is_good for judgement in library.judgements()] == [True, False]
        assert [word.word for word in library.words()] == ["Biscuit"]


async def test_items_are_added_found_shown_and_replaced(
    recall_program: Program, album: Path, album_library: Path, skimage_photos: Path
) -> None:
    horse = in_base64((skimage_photos / "horse.png").read_bytes())
    async with client(recall_program, album_library, "--allow-writes") as connected:
        text = await answer(
            connected, "add", text="A recipe for tomato soup", id="soup", metadata={"minutes": 20, "tags": ["hot"]},
            uri="https://example.org/soup",
        )  # fmt: skip
        assert text == {"id": "soup", "outcome": "added"}
        picture = await answer(connected, "add", picture_data=horse, collection="animals")
        again = await answer(connected, "add", picture_data=horse, collection="animals")
        assert (picture["outcome"], again) == ("added", {"id": picture["id"], "outcome": "unchanged"})
        found = await answer(connected, "search", query="tomato soup", filters={"metadata": {"minutes": {"$lt": 30}}})
        assert found["results"][0] | {"score": 0, "probability": 0, "found_words": []} == {
            "id": "soup",
            "collection": "default",
            "kind": "text",
            "uri": "https://example.org/soup",
            "text": "A recipe for tomato soup",
            "text_is_cut": False,
            "metadata": {"minutes": 20, "tags": ["hot"]},
            "score": 0,
            "probability": 0,
            "found_words": [],
        }
        shown = await connected.call_tool("show_photos", {"ids": [picture["id"]], "collection": "animals"})
        assert [block.type for block in shown.content] == ["text", "image"]
        near = await answer(connected, "similar", id=picture["id"], collection="animals", k=3, include_unlikely=True)
        assert picture["id"] not in [hit["id"] for hit in near["results"]]
        assert len(near["results"]) == 3
        refused = await refusal(connected, "add", text="Another soup", id="soup")
        assert "has an item 'soup' already" in refused
        replaced = await answer(connected, "add", text="Another soup", id="soup", replace=True)
        assert replaced["outcome"] == "replaced"
        (item,) = (await answer(connected, "get_items", ids=["soup"], collection="default"))["items"]
        assert item["text"] == "Another soup"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "there is nothing to add; give text, picture_path or picture_data"),
        ({"text": " \n"}, "it cannot be added: it has no picture, no vector, and no text with a word in it"),
        ({"picture_data": in_base64(b"words")}, "it cannot be added: the content is text, not a picture"),
        ({"text": "x", "collection": "../up"}, "the collection is called '../up'; expected a name"),
        ({"text": "x", "metadata": {"a": {"b": 1}}}, "metadata.a."),
        ({"text": "x", "metadata": {"a" * 201: 1}}, "expected a str of 1 to 200 characters"),
        ({"text": "x", "id": "y" * 1001}, "id is 'yyy"),
        ({"picture_path": "/etc/passwd"}, "'/etc/passwd' is outside the folders of the library"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_what_cannot_be_added_is_refused(
    recall_program: Program, album_library: Path, arguments: dict[str, object], sentence: str
) -> None:
    async with client(recall_program, album_library, "--allow-writes") as connected:
        assert sentence in await refusal(connected, "add", **arguments)


async def test_odd_ids_and_long_texts_come_back(recall_program: Program, album_library: Path) -> None:
    texts = {
        "a/b/../c": "cat " * 20_000,
        "' OR 1=1 --": "Gruß 你好 🐈",
        "Käse 🧀\nline": "\ttab",
        "x" * 1000: "  spaces around  ",
        "collection:default": "*",
        '{"json": "\\udce9"}': '{"a": [1]}',
        "null": "null",
        "[1]": '"quoted"',
    }
    texts = {id_: text if any(map(str.isalnum, text)) else f"{text} word" for id_, text in texts.items()}
    async with client(recall_program, album_library, "--allow-writes") as connected:
        for id_, text in texts.items():
            assert (await answer(connected, "add", text=text, id=id_))["id"] == id_
        found = await answer(connected, "get_items", ids=list(texts), collection=None)
        assert {item["id"]: item["text"] for item in found["items"]} == {
            id_: text[:50_000] for id_, text in texts.items()
        }
        assert [item["id"] for item in found["items"] if item["text_is_cut"]] == ["a/b/../c"]
        listed = await answer(connected, "list_items", filters={"collection": "default"}, limit=100)
        assert {item["id"] for item in listed["items"]} == set(texts)
        json.dumps(listed)
