"""Downloads from the Hugging Face Hub, by the installed program, from a hub on this machine."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hub import Hub, running
from tests.support.models import save_model
from tests.support.program import Program, assert_error

NAME = "hf-hub:people/tiny"
WEIGHTS = "open_clip_model.safetensors"


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an open_clip model of some megabytes."""
    folder = tmp_path_factory.mktemp("hub") / "tiny"
    save_model(folder)
    return folder


@pytest.fixture
def hub(tiny_model: Path) -> Iterator[Hub]:
    """Return a running hub with that model."""
    hub = Hub()
    hub.add("people/tiny", tiny_model)
    with running(hub):
        yield hub


@pytest.fixture
def online(recall_program: Program, hub: Hub, tmp_path: Path) -> Program:
    """Return the program with a library of one text, this hub and a cache of its own."""
    (tmp_path / "note.txt").write_text("a cat on a wall")
    env = {**recall_program.env, **hub.env(tmp_path / "hf"), "RECALL_CACHE": str(tmp_path / "exports")}
    program = Program(path=recall_program.path, env=env, cwd=tmp_path)
    assert program("index", tmp_path / "note.txt").returncode == 0
    return program


def blobs(program: Program) -> list[Path]:
    """Return the files of weights in the hub's cache, whole or not."""
    return sorted(Path(program.env["HF_HOME"]).glob("hub/models--*/blobs/*"))


def assert_use_fails(program: Program, *expected: str, name: str = NAME) -> None:
    """Check that the change of the encoder ends in one line, and leaves the library as it was."""
    done = program("-q", "encoder", "use", name, "--yes")
    assert_error(done, *expected)
    assert program("search", "a cat", "--all", "--paths").stdout.splitlines() == [str(program.cwd / "note.txt")]


def test_one_command_downloads_exports_and_changes_the_encoder(online: Program, hub: Hub) -> None:
    done = online("encoder", "use", NAME, "--yes")
    assert done.returncode == 0, done
    assert re.search(r"downloading hf-hub:people/tiny .*: people/tiny, \d MB; licence: mit \(https://", done.stderr)
    assert done.stdout.startswith(f"{NAME}: 1 encoded, 0 approximate")
    assert not [file for file in blobs(online) if file.name.endswith(".incomplete")]
    offline = {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9"}
    assert online("search", "a cat", "--all", "--paths", env=offline).returncode == 0
    assert online("encoder", "use", NAME, env=offline).returncode == 0  # nothing to download, so nothing is asked


def test_without_a_terminal_the_licence_has_to_be_accepted_by_an_option(online: Program, hub: Hub) -> None:
    hub.card = {"license": "other", "license_name": "apple-amlr", "license_link": "https://example.org/terms"}
    done = online("encoder", "use", NAME)
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        "licence of the weights: apple-amlr (https://example.org/terms); add --yes to accept it"
        in done.stderr.splitlines()[-1]
    )
    assert not hub.ranges


def test_a_short_name_shows_its_licence_and_an_encoder_for_other_uses(
    online: Program, hub: Hub, tiny_model: Path
) -> None:
    hub.add("timm/MobileCLIP2-S0-OpenCLIP", tiny_model)
    done = online("encoder", "use", "mobileclip2-s0")
    assert "apple-amlr, for research only (https://" in done.stderr
    assert "for other uses: vit-b-32" in done.stderr
    assert not hub.ranges


@pytest.mark.slow
def test_a_model_card_without_a_licence_is_said(online: Program, hub: Hub) -> None:
    hub.card = {}
    done = online("encoder", "use", NAME)
    assert "licence of the weights: none stated, see https://huggingface.co/people/tiny" in done.stderr


@pytest.mark.slow
def test_a_broken_connection_is_continued_where_it_broke(online: Program, hub: Hub) -> None:
    hub.break_after = [2_000_000, 1_000_000]
    assert online("encoder", "use", NAME, "--yes").returncode == 0
    assert hub.ranges == ["", "bytes=2000000-", "bytes=3000000-"]


@pytest.mark.slow
def test_a_download_that_stays_broken_is_continued_by_the_next_run(online: Program, hub: Hub) -> None:
    hub.break_after, hub.is_broken = [2_000_000], True
    assert_use_fails(online, "broke off at 2 of ", "run the same command again to continue it")
    (part,) = blobs(online)
    assert (part.stat().st_size, part.suffix) == (2_000_000, ".incomplete")
    hub.is_broken = False
    hub.ranges.clear()
    assert online("encoder", "use", NAME, "--yes").returncode == 0
    assert hub.ranges == ["bytes=2000000-"]


@pytest.mark.slow
def test_a_download_stopped_by_ctrl_c_is_continued_by_the_next_run(online: Program, hub: Hub) -> None:
    hub.break_after, hub.is_broken = [2_000_000], True
    hub.slow = True
    process = online.start("-q", "encoder", "use", NAME, "--yes")
    deadline = time.monotonic() + 60
    while not (found := blobs(online)) or found[0].stat().st_size < 1_000_000:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130, printed
    size = blobs(online)[0].stat().st_size
    hub.slow = hub.is_broken = False
    hub.break_after = []
    hub.ranges.clear()
    assert online("encoder", "use", NAME, "--yes").returncode == 0
    assert hub.ranges == [f"bytes={size}-"]


def test_weights_with_a_wrong_checksum_are_deleted(online: Program, hub: Hub) -> None:
    hub.damage = True
    assert_use_fails(online, "arrived damaged and was deleted", "SHA-256", "run the same command again")
    assert blobs(online) == []


def test_too_little_space_is_said_before_anything_is_written(online: Program, hub: Hub) -> None:
    hub.claimed_size = 10**17
    assert_use_fails(online, "100,000,000,000 MB are needed", "set HF_HOME to a folder on another disk")
    assert (blobs(online), hub.ranges) == ([], [])


@pytest.mark.slow
def test_a_disk_that_fills_up_meanwhile_leaves_nothing_half_written(online: Program, hub: Hub) -> None:
    limited = f'ulimit -f 2000; "$RECALL_PROGRAM" -q encoder use {NAME} --yes'  # files of at most 2 MB
    done = subprocess.run(
        ["bash", "-c", limited],
        env={**online.env, "RECALL_PROGRAM": str(online.path)},
        capture_output=True,
        text=True,
        check=False,
        cwd=online.cwd,
        timeout=120,
    )
    assert_error(done, "cannot be downloaded to ", "File too large; free some space, or set HF_HOME")
    assert blobs(online) == []


@pytest.mark.slow
def test_a_pinned_revision_is_downloaded_and_another_one_is_not_taken_for_it(
    online: Program, hub: Hub, tmp_path: Path
) -> None:
    save_model(tmp_path / "old", seed=1)
    hub.add("people/tiny", tmp_path / "old", revision="v1")
    assert online("encoder", "use", NAME, "--yes").returncode == 0
    assert online("encoder", "use", f"{NAME}@v1", "--yes").returncode == 0
    commit = hub.commit("people/tiny", "v1")
    assert online("encoder", "use", f"{NAME}@{commit}").returncode == 0  # the same files: nothing to download
    assert len([file for file in blobs(online) if file.stat().st_size > 1_000_000]) == 2
    assert f"{NAME}@{commit}  yes" in online("encoder", "list").stdout
    assert_use_fails(online, "people/tiny on the Hugging Face Hub has no revision 'v2'", name=f"{NAME}@v2")


@pytest.mark.parametrize("refusal", [(401, "GatedRepo"), (403, "GatedRepo"), (403, "")])
def test_a_gated_model_is_answered_with_what_to_do(online: Program, hub: Hub, refusal: tuple[int, str]) -> None:
    hub.refusal = refusal
    advice = "accept them at https://huggingface.co/people/tiny, then run: hf auth login, or set HF_TOKEN"
    assert_use_fails(online, "only to those who accept its terms", advice)


def test_a_repository_that_does_not_exist_is_said(online: Program) -> None:
    assert_use_fails(online, "has no public repository people/other", name="hf-hub:people/other")


@pytest.mark.slow
def test_a_repository_without_weights_is_said(online: Program, hub: Hub) -> None:
    hub.files["people/empty", "main", "README.md"] = b"nothing"
    assert_use_fails(
        online, "people/empty on the Hugging Face Hub has no open_clip weights", name="hf-hub:people/empty"
    )


@pytest.mark.slow
def test_a_proxy_is_used_for_both_protocols(online: Program, hub: Hub) -> None:
    env = {"HF_ENDPOINT": "http://hub.invalid", "http_proxy": hub.url}
    done = online("encoder", "use", NAME, env=env)
    assert "people/tiny, " in done.stderr.splitlines()[-1]  # its size: the proxy has answered
    hub.paths.clear()
    refused = online("encoder", "use", NAME, env={"HF_ENDPOINT": "https://hub.invalid", "https_proxy": hub.url})
    assert_error(refused, "the Hugging Face Hub cannot be reached (")
    assert set(hub.paths) == {"CONNECT hub.invalid:443"}


def test_a_hub_that_cannot_be_reached_is_said(online: Program) -> None:
    done = online("encoder", "use", NAME, env={"HF_ENDPOINT": "http://127.0.0.1:9"})
    assert_error(done, "the Hugging Face Hub cannot be reached (", "use compact, which ships with Recall")
