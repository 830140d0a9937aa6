"""How the server for assistants ends, and that nothing but messages is on standard output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.program import Program


@pytest.fixture
def server(recall_program: Program, album_library: Path) -> Iterator[subprocess.Popen[str]]:
    """Yield a running server that has answered its first message."""
    process = subprocess.Popen(
        [recall_program.path, "mcp", "--library", str(album_library)],
        env=dict(recall_program.env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    information = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    send(process, id=1, method="initialize", params=information)
    assert receive(process)["id"] == 1
    send(process, method="notifications/initialized")
    yield process
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        with suppress(BrokenPipeError):
            stream.close()  # type: ignore[union-attr]  # all three are pipes


def send(process: subprocess.Popen[str], **message: Any) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    process.stdin.flush()


def receive(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    message: dict[str, Any] = json.loads(process.stdout.readline())
    return message


def search(process: subprocess.Popen[str]) -> None:
    send(process, id=2, method="tools/call", params={"name": "search", "arguments": {"query": "a cat", "k": 1}})


def test_closing_standard_input_ends_it_quietly(server: subprocess.Popen[str]) -> None:
    output, errors = server.communicate(timeout=30)
    assert (server.returncode, output, errors) == (0, "", "")


@pytest.mark.parametrize("is_searching", [False, True])
def test_ctrl_c_ends_it_at_once_while_standard_input_stays_open(
    server: subprocess.Popen[str], is_searching: bool
) -> None:
    if is_searching:
        search(server)
    os.killpg(server.pid, signal.SIGINT)
    assert server.wait(timeout=30) == 130
    assert server.stderr is not None
    assert server.stderr.read() == "recall: stopped\n"


def test_a_client_that_goes_away_ends_it_quietly(server: subprocess.Popen[str]) -> None:
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdout.close()
    send(server, id=2, method="tools/list")
    with suppress(BrokenPipeError):
        server.stdin.close()
    assert server.wait(timeout=30) == 0
    assert server.stderr is not None
    assert server.stderr.read() == ""


def test_garbage_between_messages_does_not_end_it(server: subprocess.Popen[str]) -> None:
    assert server.stdin is not None
    server.stdin.write("no message\n{\n\n[]\n" + "x" * 100_000 + "\n")
    search(server)
    while (message := receive(server)).get("id") != 2:
        pass
    assert Path(message["result"]["structuredContent"]["results"][0]["path"]).name == "chelsea.png"
