"""`recall token`: stored tokens, and what servers accept."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

import httpx

from tests.support.program import Program, assert_error


def test_a_token_is_printed_once_and_only_its_hash_is_stored(recall_program: Program, tmp_path: Path) -> None:
    made = recall_program("token", "new", "phone")
    token = made.stdout.strip()
    assert made.returncode == 0
    assert re.fullmatch(r"[\w-]{43}", token)
    (file,) = (tmp_path / "home").rglob("server-tokens.json")
    assert token not in file.read_text()
    assert list(json.loads(file.read_text())) == ["phone"]
    if os.name != "nt":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    listed = recall_program("token", "list").stdout
    assert "phone" in listed
    assert token not in listed
    assert_error(recall_program("token", "new", "phone"), "'phone' already")
    assert_error(recall_program("token", "revoke", "laptop"), "laptop", "phone")
    assert_error(recall_program("token", "new", "a b"), "'a b'")


def test_a_stored_token_opens_a_server_until_it_is_revoked(recall_program: Program, served_library: Path) -> None:
    assert_error(recall_program("serve", "--listen", "0", "--stored-tokens", "--library", served_library), "token new")
    token = recall_program("token", "new", "phone").stdout.strip()
    process = recall_program.start("serve", "--listen", "0", "--stored-tokens", "--library", served_library)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert "token=" not in line  # a log of the system keeps it
        url = line.split()[-1]
        with (
            httpx.Client(base_url=url, trust_env=False) as program,
            httpx.Client(base_url=url, trust_env=False) as browser,
        ):
            program.headers["Authorization"] = f"Bearer {token}"
            browser.get("/", params={"token": token})
            assert [each.get("/api/libraries").status_code for each in (program, browser)] == [200, 200]
            assert recall_program("token", "revoke", "phone").returncode == 0
            assert [each.get("/api/libraries").status_code for each in (program, browser)] == [401, 401]
    finally:
        process.kill()
        process.communicate()
