"""Tests of the recipes in CONTRIBUTING: a reranker and a command are one new file each, beside their test."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.program import program_env

Recall = Callable[..., subprocess.CompletedProcess[str]]

CODE = re.compile(r'^ *```python title="([^"]+)"\n(.*?)^ *```$', re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def recall(tmp_path_factory: pytest.TempPathFactory, skimage_photos: Path) -> Recall:
    """Return a function that runs the program of a copy to which the recipes' files were added."""
    folder = tmp_path_factory.mktemp("recipes")
    shutil.copytree(ROOT / "retrieval", folder / "source" / "retrieval")
    for name in ("indexer", "migrations"):
        shutil.copytree(ROOT / name, folder / "source" / name, symlinks=True)  # a link would count as a shadow
    for name, code in CODE.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")):
        file = folder / "source" / name
        assert not file.exists(), f"the recipe's {name} exists already"
        file.write_text(textwrap.dedent(code), encoding="utf-8")
    photos = folder / "photos"
    photos.mkdir()
    # chelsea.png has a date of its own, in 2009; the others have the times of their files, in 2020 and 2023
    for name, time in (("chelsea.png", 0), ("coffee.png", 1_600_000_000), ("rocket.jpg", 1_700_000_000)):
        shutil.copy(skimage_photos / name, photos)
        os.utime(photos / name, (time, time))
    env = program_env(folder)
    env["PYTHONPATH"] = os.pathsep.join([str(folder / "source"), env["PYTHONPATH"]])

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from retrieval.cli import main; main()", *args]
        return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)

    assert run("index", "photos").returncode == 0
    return run


def test_reranker_of_the_recipe_is_found_by_its_name(recall: Recall) -> None:
    done = recall("search", "a cat", "--rerank", "newest", "--all", "--paths")

    assert done.stderr == ""
    assert [Path(line).name for line in done.stdout.splitlines()] == ["rocket.jpg", "coffee.png", "chelsea.png"]


def test_reranker_of_the_recipe_is_in_the_help(recall: Recall) -> None:
    assert "newest: put the newest photos first" in " ".join(recall("search", "--help").stdout.split())


def test_command_of_the_recipe_runs(recall: Recall) -> None:
    assert recall("count").stdout == "3\n"


def test_command_of_the_recipe_is_in_the_help(recall: Recall) -> None:
    assert re.search(r"^  count +Count the photos of the library\.$", recall("--help").stdout, re.MULTILINE)
