"""What an assistant finds, with the package's own client and the installed program on real photos."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from mcp.types import ImageContent
from PIL import Image

from tests.support.assistants import answer, client, http_client, http_server, in_base64
from tests.support.program import Program


async def test_a_client_finds_the_cat_by_words_and_by_a_picture_that_it_sends(
    recall_program: Program, album: Path, album_library: Path
) -> None:
    async with client(recall_program, album_library) as connected:
        by_words = await answer(connected, "search", query="a cat")
        assert by_words["results"][0]["path"] == str(album / "chelsea.png")
        assert by_words["results"][0]["probability"] > 0.4
        assert by_words["results"][0]["camera"] == "PENTAX K100D Super"
        content = in_base64((album / "chelsea.png").read_bytes())
        for sent in (content, f"data:image/png;base64,{content}"):
            by_picture = await answer(connected, "search", picture_data=sent, k=1)
            assert [hit["id"] for hit in by_picture["results"]] == [str(album / "chelsea.png")]


async def test_a_photo_of_the_library_is_a_query_by_its_id(
    recall_program: Program, album: Path, album_library: Path
) -> None:
    cat = str(album / "chelsea.png")
    async with client(recall_program, album_library) as connected:
        itself = await answer(connected, "search", picture_path=cat, k=1)
        assert itself["results"][0]["id"] == cat
        others = await answer(connected, "similar", id=cat, k=5, include_unlikely=True)
        assert len(others["results"]) == 5
        assert cat not in [hit["id"] for hit in others["results"]]


async def test_filters_and_pages_limit_the_results(recall_program: Program, album: Path, album_library: Path) -> None:
    async with client(recall_program, album_library) as connected:
        jpegs = await answer(connected, "search", query="a rocket", filters={"format": "jpg"}, include_unlikely=True)
        assert [Path(hit["path"]).name for hit in jpegs["results"]] == ["rocket.jpg"]
        by_pentax = await answer(connected, "list_items", filters={"camera": "pentax", "on": "2009-02"})
        assert [Path(item["path"]).name for item in by_pentax["items"]] == ["chelsea.png"]
        assert by_pentax["total"] == 1
        first = await answer(connected, "list_items", limit=4)
        second = await answer(connected, "list_items", limit=4, cursor=first["cursor"])
        assert first["total"] == 7  # six photos and a text
        assert len({item["id"] for item in first["items"] + second["items"]}) == 7
        assert "cursor" not in second


async def test_nothing_likely_is_said_and_a_date_is_understood(recall_program: Program, album_library: Path) -> None:
    async with client(recall_program, album_library) as connected:
        nothing = await answer(connected, "search", query="a wedding")
        assert nothing["results"] == []
        assert nothing["note"].startswith("nothing in the library matches")
        dated = await answer(connected, "search", query="a cat in 2009")
        assert "2009" in dated["understood"]


async def test_photos_are_shown_as_small_pictures(recall_program: Program, album: Path, album_library: Path) -> None:
    ids = [str(album / "chelsea.png"), str(album / "rocket.jpg")]
    async with client(recall_program, album_library) as connected:
        result = await connected.call_tool(
            "show_photos", {"ids": [*ids, str(album / "bread.txt"), "none"], "size": 128}
        )
    assert result.structured_content == {
        "shown": ids,
        "failed": {str(album / "bread.txt"): "it is a text, not a photo", "none": "the library has no such item"},
    }
    pictures = [block for block in result.content if isinstance(block, ImageContent)]
    assert [picture.mime_type for picture in pictures] == ["image/jpeg"] * 2
    for picture in pictures:
        with Image.open(io.BytesIO(base64.b64decode(picture.data))) as opened:
            assert max(opened.size) == 128
            assert not opened.getexif()


async def test_explain_get_and_status_answer(recall_program: Program, album: Path, album_library: Path) -> None:
    async with client(recall_program, album_library) as connected:
        why = await answer(connected, "explain", query="a cat", id=str(album / "chelsea.png"))
        assert (why["in_results"], why["rank"]) == (True, 1)
        assert "cat" in {effect["word"] for effect in why["word_effects"]}
        why_not = await answer(connected, "explain", query="a cat", id=str(album / "rocket.jpg"), k=1)
        assert not why_not["in_results"]
        assert why_not["reasons"]
        both = await answer(connected, "get_items", ids=[str(album / "bread.txt"), "none"])
        assert both["unknown"] == ["none"]
        status = await answer(connected, "status")
        assert (status["photos"], status["texts"], status["can_write"]) == (6, 1, False)
        assert [source["path"] for source in status["sources"]] == [str(album)]


async def test_tools_have_schemas_that_their_answers_fit_and_say_that_they_only_read(
    recall_program: Program, album: Path, album_library: Path
) -> None:
    calls: dict[str, dict[str, Any]] = {
        "search": {"query": "a cat"},
        "similar": {"id": str(album / "chelsea.png")},
        "get_items": {"ids": [str(album / "chelsea.png")]},
        "show_photos": {"ids": [str(album / "chelsea.png")]},
        "list_items": {},
        "explain": {"query": "a cat", "id": str(album / "chelsea.png")},
        "status": {},
    }
    async with client(recall_program, album_library) as connected:
        tools = {tool.name: tool for tool in (await connected.list_tools()).tools}
        assert tools.keys() == calls.keys()
        for name, arguments in calls.items():
            tool = tools[name]
            assert tool.annotations is not None
            assert tool.annotations.read_only_hint
            assert tool.description
            for schema in tool.input_schema["properties"].values():
                assert schema["description"]
            Draft202012Validator(tool.input_schema).validate(arguments)
            assert tool.output_schema is not None
            result = await connected.call_tool(name, arguments)
            Draft202012Validator(tool.output_schema).validate(result.structured_content)


async def test_many_searches_at_once_are_answered_each_its_own(
    recall_program: Program, album: Path, album_library: Path
) -> None:
    queries = {"a cat": "chelsea.png", "a rocket": "rocket.jpg", "a cup of coffee": "coffee.png", "coins": "coins.png"}
    async with client(recall_program, album_library) as connected:
        asked = [query for query in queries for _ in range(8)]
        results = await asyncio.gather(*(answer(connected, "search", query=query, k=1) for query in asked))
    found = [Path(result["results"][0]["path"]).name for result in results]
    assert found == [queries[query] for query in asked]


async def test_the_same_tools_answer_through_http(recall_program: Program, album: Path, album_library: Path) -> None:
    with http_server(recall_program, album_library) as (url, token):
        async with http_client(url, token) as connected:
            found = await answer(connected, "search", query="a cat", k=1)
            content = in_base64((album / "coffee.png").read_bytes())
            by_picture = await answer(connected, "search", picture_data=content, k=1)
    assert [hit["path"] for hit in found["results"]] == [str(album / "chelsea.png")]
    assert [hit["path"] for hit in by_picture["results"]] == [str(album / "coffee.png")]


async def test_a_library_is_not_written_by_searching(recall_program: Program, album: Path, album_library: Path) -> None:
    def contents() -> dict[str, bytes]:
        files = (file for file in album_library.rglob("*") if file.is_file() and file.name != "catalog.db-shm")
        return {str(file): file.read_bytes() for file in files}

    before = contents()
    async with client(recall_program, album_library) as connected:
        await answer(connected, "search", query="a cat")
        await answer(connected, "similar", id=str(album / "chelsea.png"))
    assert contents() == before


@pytest.mark.skipif("sys.platform != 'linux'", reason="other systems refuse such names")
async def test_a_file_name_that_is_not_utf_8_is_found_and_shown(
    recall_program: Program, album: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "caf\udce9.png").write_bytes((album / "coffee.png").read_bytes())
    assert recall_program("index", str(folder)).returncode == 0
    async with client(recall_program, recall_program.cwd / "test.recall") as connected:
        found = await answer(connected, "search", query="a cup of coffee", k=1)
        id_ = found["results"][0]["id"]
        assert id_ == f"{folder}/caf\\udce9.png"
        assert (await answer(connected, "show_photos", ids=[id_]))["shown"] == [id_]
        json.dumps(found).encode()
