"""The clients of the manual: in JavaScript, and in Python as it is made from the description of the API."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.serving import TOKEN, Running

PAGE = (Path(__file__).resolve().parents[3] / "docs/guides/http-clients.md").read_text(encoding="utf-8")


def example(name: str) -> str:
    """Return a program of the page."""
    found = re.search(rf'^```\w+ title="{re.escape(name)}"\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def run(server: Running, *command: str | Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program that gets the address and the token of a server."""
    env = os.environ | {"ADDRESS": server.url, "TOKEN": TOKEN, "PYTHONPATH": str(path or ""), "NO_PROXY": "127.0.0.1"}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.browser
def test_the_javascript_of_the_manual_finds_the_cat(shared_server: Running, tmp_path: Path) -> None:
    program = tmp_path / "search.mjs"
    program.write_text(example("search.mjs"))
    assert len(example("search.mjs").splitlines()) <= 20
    done = run(shared_server, "node", program, "a cat")
    assert done.stdout.splitlines()[0].endswith("chelsea.png"), done.stderr
    refused = run(shared_server, "node", program, "")
    assert "there is nothing to search for" in refused.stderr


@pytest.fixture(scope="module")
def generated(shared_server: Running, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the client that is made from the description of the API."""
    folder = tmp_path_factory.mktemp("client")
    with shared_server.client() as client:
        (folder / "openapi.json").write_text(json.dumps(client.get("/api/openapi.json").json()))
    making: list[str | Path] = [
        sys.executable,
        "-m",
        "openapi_python_client",
        "generate",
        "--path",
        folder / "openapi.json",
    ]
    done = subprocess.run(
        [*making, "--output-path", folder / "made"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "made" / "search_with_types.py").write_text(example("search_with_types.py"))
    return folder / "made"


def test_the_python_client_finds_the_cat(shared_server: Running, generated: Path) -> None:
    program = generated / "search_with_types.py"
    done = run(shared_server, sys.executable, program, "a cat", path=generated)
    assert done.stdout.splitlines()[0].endswith("chelsea.png"), done.stderr
    refused = run(shared_server, sys.executable, program, "", path=generated)
    assert "there is nothing to search for" in refused.stderr


def test_the_python_client_has_a_function_for_each_endpoint_with_json(generated: Path, client: httpx.Client) -> None:
    made = {path.stem for path in (generated / "recall_client" / "api").rglob("*.py")}
    for path, methods in client.get("/api/openapi.json").json()["paths"].items():
        for operation in methods.values():
            answer = next(response for status, response in operation["responses"].items() if status.startswith("2"))
            if "application/json" in answer.get("content", {}):
                assert operation["operationId"] in made, path


@pytest.mark.slow
def test_the_python_client_is_typed(generated: Path) -> None:
    program = generated / "search_with_types.py"
    wrong = generated / "wrong.py"
    wrong.write_text(program.read_text().replace("hit.path", "hit.nothing_like_it"))
    env = os.environ | {"MYPYPATH": str(generated)}
    for path, is_right in ((program, True), (wrong, False)):
        check: list[str | Path] = [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--follow-imports=silent",
            "--cache-dir",
            str(generated),
            path,
        ]
        done = subprocess.run(check, cwd=generated, env=env, capture_output=True, text=True, timeout=300, check=False)
        assert (done.returncode == 0) == is_right, done.stdout
        assert is_right or "nothing_like_it" in done.stdout
