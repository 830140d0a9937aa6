"""The plugin for the program llm, used by the program itself: texts and pictures become vectors of one space."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from indexer.encoders.export_store import ExportRecord, cache_folder, write_record
from retrieval import load_encoder
from tests.conftest import ROOT
from tests.support.program import program_env

PHOTOS = ("chelsea.png", "coffee.png", "rocket.jpg")


@pytest.fixture
def folder(tmp_path: Path, skimage_photos: Path) -> Path:
    """Return a folder with photos/, a picture photo.jpg, and a program `llm` in bin/."""
    (tmp_path / "Pictures").mkdir()
    for name in PHOTOS:
        shutil.copy(skimage_photos / name, tmp_path / "Pictures" / Path(name).with_suffix(".png").name)
    shutil.copy(skimage_photos / "chelsea.png", tmp_path / "photo.jpg")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "llm"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m llm "$@"\n')
    program.chmod(0o755)
    return tmp_path


def run(folder: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Return a finished run of llm with its data in the folder."""
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        args,
        cwd=folder,
        env={**program_env(folder), "LLM_USER_PATH": str(folder / "llm"), "PATH": path, **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_commands_of_the_manual_work(folder: Path) -> None:
    (block,) = re.findall(r"```bash\n(.*?)```", (ROOT / "docs/guides/llm.md").read_text(), re.DOTALL)
    outputs = [run(folder, "bash", "-c", line) for line in block.splitlines()]

    assert [done.returncode for done in outputs] == [0] * 5, outputs
    vectors = np.array([json.loads(done.stdout) for done in outputs[:2]])
    expected = load_encoder("compact", device="cpu")
    np.testing.assert_allclose(vectors[0], expected.encode("a cat"), atol=1e-5)
    np.testing.assert_allclose(vectors[1], expected.encode(folder / "photo.jpg"), atol=1e-5)
    by_words, by_picture = ([json.loads(line) for line in done.stdout.splitlines()] for done in outputs[3:])
    assert (by_words[0]["id"], by_picture[0]["id"]) == ("coffee.png", "chelsea.png")
    assert by_picture[0]["score"] == pytest.approx(1, abs=1e-4)


def test_texts_can_be_stored_with_their_ids(folder: Path) -> None:
    (folder / "texts.csv").write_text("id,text\n1,a photo of a cat\n2,the annual report\n")
    stored = run(folder, "llm", "embed-multi", "texts", "texts.csv", "-m", "recall/compact", "--store")
    assert stored.returncode == 0, stored
    similar = run(folder, "llm", "similar", "texts", "-c", "a kitten", "-n", "1")
    assert json.loads(similar.stdout)["id"] == "1"


def test_the_models_are_the_encoders_of_this_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = {"RECALL_CACHE": str(folder / "cache")}
    monkeypatch.setenv(*next(iter(cache.items())))
    for name, precision in (("org/small", "float32"), ("org/small", "int8"), ("org/refused", "float32")):
        export = "" if name == "org/refused" else f"{precision[:2]}-{precision}"
        (cache_folder() / export).mkdir(parents=True, exist_ok=True)
        record = ExportRecord(name=name, files={}, export=export)
        write_record(record, "int8" if precision == "int8" else "float32")
    listed = run(folder, "llm", "embed-models", **cache).stdout.splitlines()
    own = [line for line in listed if line.startswith("RecallModel: ")]
    assert own[0] == "RecallModel: recall/compact (aliases: recall-compact)"
    assert {"RecallModel: recall/org/small", "RecallModel: recall/org/small+int8"} <= {*own}
    assert not any("refused" in line for line in own)


def test_what_cannot_be_embedded_is_an_error_of_one_line(folder: Path) -> None:
    (folder / "Pictures" / "bad.png").write_bytes(b"no picture")
    one = run(folder, "llm", "embed", "-m", "recall-compact", "--binary", "-i", "Pictures/bad.png")
    many = run(folder, "llm", "embed-multi", "p", "--files", "Pictures", "*.png", "--binary", "-m", "recall-compact")

    for done, expected in (
        (one, "the picture cannot be embedded: "),
        (many, "a picture of 10 bytes cannot be embedded: "),
    ):
        assert done.returncode == 1
        assert f"Error: {expected}" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_plugin_makes_the_start_of_llm_no_slower(folder: Path) -> None:
    code = "import sys; from llm.plugins import load_plugins; load_plugins(); print(*sys.modules)"
    loaded, without = (
        run(folder, sys.executable, "-c", code, **env).stdout.split() for env in ({}, {"LLM_LOAD_PLUGINS": ""})
    )
    own = {*loaded} - {*without}
    assert "retrieval.integrations.llm_plugin" in own
    assert {name.partition(".")[0] for name in own} == {"retrieval"}
