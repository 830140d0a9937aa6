"""`make demo-cluster`: it shows the same answers, leaves nothing behind, and notices other answers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval import Library
from tests.conftest import ROOT
from tests.support.demo_cluster import DemoError, compare

pytestmark = pytest.mark.cluster


@pytest.fixture
def demo() -> Iterator[subprocess.Popen[str]]:
    """Return the running demo, and check that it leaves nothing in its temporary folder."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="d-") as folder:  # short: sockets are in it
        Path(folder).chmod(0o755)  # the database runs as another user
        env = {**os.environ, "TMPDIR": folder, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "tests.support.demo_cluster"]
        with subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            yield process
        assert list(Path(folder).iterdir()) == []


def test_other_answers_are_one_sentence(photos: Path, tmp_path: Path) -> None:
    libraries: dict[str | Path, str | Path] = {}
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(photos / "chelsea.png", folder / "same.png")
        shutil.copy(photos / ("coffee.png" if name == "one" else "camera.png"), folder / "photo.png")
        with Library.open(tmp_path / f"{name}.recall") as library:
            library.sync(folder)
        libraries[tmp_path / f"{name}.recall"] = folder
    with pytest.raises(DemoError, match="the answers to 'a cat' differ: "):
        compare(libraries, 2)


@pytest.mark.slow
def test_the_answers_are_those_of_a_folder_although_a_node_dies(demo: subprocess.Popen[str]) -> None:
    output, _ = demo.communicate(timeout=600)
    assert demo.returncode == 0
    assert "now the second Ray node is killed (-9)" in output
    assert "gave the same answers bit for bit" in output


@pytest.mark.slow
def test_an_interrupt_stops_and_removes_everything(demo: subprocess.Popen[str]) -> None:
    assert demo.stdout is not None
    while not next(demo.stdout).startswith("$ recall index"):
        pass
    time.sleep(5)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(timeout=120) == 130
