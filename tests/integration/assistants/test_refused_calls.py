"""What the server for assistants refuses, each in one sentence."""

from __future__ import annotations

import os
import shutil
import zlib
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.assistants import answer, client, http_server, in_base64, refusal
from tests.support.program import Program, assert_error, assert_usage_error


def bomb() -> bytes:
    """Return a PNG of 60,000 x 60,000 pixels in a few hundred kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = (60_000).to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    rows = zlib.compress(bytes(60_000 * 7_501), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("search", {}, "there is nothing to search for; give query, picture_path or picture_data"),
    ("search", {"query": " "}, "the query text is blank"),
    ("search", {"query": 5}, "query is 5; expected a valid string"),
    ("search", {"query": "a cat", "k": 1_000_000}, "k is 1000000; expected at most 100"),
    ("search", {"query": "a cat", "k": 0}, "k is 0; expected at least 1"),
    ("search", {"query": "a cat", "limit": 3}, "search has no argument 'limit'; it has query, "),
    ("search", {"query": "a cat", "filters": {"colour": "red"}}, "there is no argument filters.colour"),
    ("search", {"query": "a cat", "filters": {"min_rating": 9}}, "filters.min_rating is 9; expected at most 5"),
    ("search", {"query": "a cat", "filters": {"after": "soonish"}}, "there is no date 'soonish'"),
    ("search", {"query": "a cat", "filters": {"format": "nope"}}, "nope"),
    ("search", {"picture_data": "?!"}, "picture_data is not base64"),
    (
        "search",
        {"picture_data": in_base64(b"words")},
        "the query picture cannot be used as a query: the content is text",
    ),
    ("search", {"picture_data": in_base64(b"\x89PNG\r\n\x1a\n")}, "the query picture cannot be used as a query"),
    ("search", {"picture_path": "cat.png"}, "'cat.png' is not an absolute path"),
    ("search", {"picture_path": "/a\0b"}, "is not an absolute path"),
    ("search", {"picture_path": "/a", "picture_data": "YQ=="}, "are both given; give one of them"),
    ("similar", {"id": "nobody"}, "the library has no item 'nobody'"),
    ("get_items", {"ids": []}, "ids is []; "),
    ("get_items", {}, "the argument ids is missing"),
    ("get_items", {"ids": ["x"] * 101}, "it should have at most 100 items"),
    ("list_items", {"cursor": "?"}, "the cursor '?' does not belong to a list"),
    ("list_items", {"sort": "size"}, "sort is 'size'; expected 'path'"),
    ("delete", {}, "there is no tool 'delete'; expected one of search, "),
    ("judge", {"query": "a cat", "good": []}, "there is no tool 'judge'"),
]


async def test_bad_arguments_get_a_sentence_and_the_server_goes_on(
    recall_program: Program, album_library: Path
) -> None:
    async with client(recall_program, album_library) as connected:
        for tool, arguments, expected in REFUSED:
            assert expected in await refusal(connected, tool, **arguments), (tool, arguments)
        sentence = await refusal(connected, "search", picture_data=in_base64(bomb()))
        assert "60,000 x 60,000 pixels are over the limit" in sentence
        assert (await answer(connected, "search", query="a cat", k=1))["results"]


async def test_files_outside_the_library_are_neither_read_nor_said_to_exist(
    recall_program: Program, album: Path, album_library: Path, skimage_photos: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "private"
    outside.mkdir()
    shutil.copy(skimage_photos / "chelsea.png", outside / "secret.png")
    async with client(recall_program, album_library) as connected:
        for path in (outside / "secret.png", outside / "none.png", album / ".." / ".." / "x.png", Path("/etc/passwd")):
            for tool, arguments in (
                ("search", {"picture_path": str(path)}),
                ("explain", {"query": "a cat", "id": str(path)}),
            ):
                sentence = await refusal(connected, tool, **arguments)
                assert sentence == (
                    f"{str(path)!r} is outside the folders of the library; start the server with --allow-files to "
                    "allow every file that you may read"
                )
    async with client(recall_program, album_library, "--allow-files") as connected:
        found = await answer(connected, "search", picture_path=str(outside / "secret.png"), k=1)
        assert found["results"][0]["id"] == str(album / "chelsea.png")


async def test_a_link_in_a_folder_of_the_library_does_not_lead_out_of_it(
    recall_program: Program, skimage_photos: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    shutil.copy(skimage_photos / "coffee.png", folder)
    assert recall_program("index", str(folder)).returncode == 0
    (tmp_path / "secret.png").write_bytes((skimage_photos / "chelsea.png").read_bytes())
    os.symlink(tmp_path / "secret.png", folder / "link.png")
    async with client(recall_program, recall_program.cwd / "test.recall") as connected:
        assert "is outside the folders" in await refusal(connected, "search", picture_path=str(folder / "link.png"))


async def test_messages_do_not_name_the_folder_of_the_library(recall_program: Program, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    recall_program("index", "nothing", "--library", "empty.recall")
    async with client(recall_program, tmp_path / "empty.recall") as connected:
        sentence = await refusal(connected, "search", query="a cat")
    assert sentence == "the library holds nothing yet; run: recall index FOLDER"


async def test_http_needs_the_token_and_a_local_name(recall_program: Program, album_library: Path) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accepted = {"Accept": "application/json, text/event-stream"}
    with http_server(recall_program, album_library) as (url, token):
        right = {"Authorization": f"Bearer {token}"}
        assert len(token) > 30
        async with httpx2.AsyncClient(headers=accepted) as http:
            for headers, code in (
                ({}, 401),
                ({"Authorization": "Bearer wrong"}, 401),
                ({**right, "Host": "evil.example"}, 421),
                ({**right, "Origin": "http://evil.example"}, 403),
                ({**right, "Origin": "http://localhost:3000"}, 400),  # let in: only the session is missing
            ):
                assert (await http.post(url, json=body, headers=headers)).status_code == code, headers
            large = await http.post(
                url, content=b"x" * (33 << 20), headers={**right, "Content-Type": "application/json"}
            )
            assert large.status_code == 413


async def test_a_token_of_the_environment_is_used_and_not_printed(recall_program: Program, album_library: Path) -> None:
    program = Program(recall_program.path, {**recall_program.env, "RECALL_MCP_TOKEN": "from-me"}, recall_program.cwd)
    with http_server(program, album_library) as (url, token):
        assert token == ""
        async with httpx2.AsyncClient() as http:
            assert (await http.post(url, json={}, headers={"Authorization": "Bearer from-me"})).status_code != 401


def test_bad_options_of_the_command_are_refused(recall_program: Program, album_library: Path) -> None:
    def run(*options: str) -> Any:
        return recall_program("mcp", "--library", album_library, *options)

    assert_error(run("--http", "0.0.0.0:0"), "0.0.0.0 can be reached by other machines", "--allow-host NAME")
    assert_error(run("--http", "some words"), "the address is 'some words'; expected [HOST:]PORT")
    assert_error(run("--http", "70000"), "the address is '70000'; expected [HOST:]PORT")
    assert_error(run("--http", "0", "--token", "a b"), "the token cannot be sent")
    assert_usage_error(run("--token", "abc"), "--token is for --http")
    assert_usage_error(run("--allow-host", "abc"), "--allow-host is for --http")
    missing = recall_program("mcp", "--library", "none.recall")
    assert_error(missing, "there is no library at none.recall")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_addresses_of_this_machine_need_no_permission(host: str) -> None:
    from retrieval.integrations.mcp import Address

    address = Address.parse(f"{host}:8765")
    assert address.is_loopback
    assert address.netloc == f"{host}:8765"
