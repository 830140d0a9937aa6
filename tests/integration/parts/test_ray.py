"""Parts that a Ray cluster makes: a killed node loses and doubles nothing, and vectors are those of one machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from retrieval import Library
from tests.conftest import ROOT
from tests.support.contents import contents, rows
from tests.support.cut_outs import make_cut_outs
from tests.support.program import Program
from tests.support.ray_cluster import RayCluster

pytestmark = pytest.mark.cluster

COUNT = 500
"""Photos: three parts of 128 and one of 116."""


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory, skimage_photos: Path) -> Path:
    """Return a folder of different parts of real photos, with a broken file in each folder."""
    folder = tmp_path_factory.mktemp("crops")
    make_cut_outs(skimage_photos, folder, COUNT - 5)
    for number in range(5):
        (folder / f"{number}" / "0050-broken.jpg").write_bytes(b"\xff\xd8\xff" + bytes(number))
    return folder


@pytest.fixture
def recall_program(recall_program: Program) -> Program:
    """Return the installed program, which may reach this machine by its name in the network, as Ray does."""
    return replace(recall_program, env={**recall_program.env, "RECALL_TEST_NETWORK": "1"})


@pytest.fixture
def cluster(recall_program: Program) -> Iterator[RayCluster]:
    """Return a cluster of two nodes that have this checkout."""
    path = os.pathsep.join([recall_program.env["PYTHONPATH"], str(ROOT)])
    cluster = RayCluster({**recall_program.env, "PYTHONPATH": path})
    yield cluster
    cluster.close()


def test_a_killed_node_loses_and_doubles_nothing(
    crops: Path, cluster: RayCluster, recall_program: Program, tmp_path: Path
) -> None:
    place = tmp_path / "parts"
    arguments: list[str | Path] = [
        recall_program.path,
        "index",
        crops,
        "--into",
        place,
        "--ray",
        cluster.address,
        "--workers",
        "1",
    ]
    with subprocess.Popen(arguments, env=recall_program.env, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as run:
        deadline = time.monotonic() + 300
        while not list(place.glob("part-*/manifest.json")) and time.monotonic() < deadline:
            assert run.poll() is None
            time.sleep(0.05)
        cluster.kill_worker()
        output, _ = run.communicate(timeout=400)
    assert run.returncode == 3  # the broken files
    assert output.startswith("4 parts: 4 written in ")
    again = recall_program("index", crops, "--into", place, "--ray", cluster.address)
    assert again.stdout.startswith("4 parts: 0 written, 4 already there in ")

    with Library.open(tmp_path / "parts.recall") as library:
        counts = library.import_(place)
        assert (counts.added, counts.failed, counts.incomplete) == (COUNT - 5, 5, 0)
    with Library.open(tmp_path / "index.recall", workers=1) as library:
        library.sync(crops)
    assert contents(tmp_path / "parts.recall") == contents(tmp_path / "index.recall")
    ((vectors,),) = rows(tmp_path / "parts.recall", "SELECT count(DISTINCT vector) FROM embeddings")
    assert vectors == COUNT - 5


def test_what_an_actor_raises_is_one_sentence_here(
    crops: Path, cluster: RayCluster, recall_program: Program, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    shutil.copytree(crops / "0", small)
    (tmp_path / "file").write_bytes(b"")
    failed = recall_program("index", small, "--into", tmp_path / "file" / "parts", "--ray", cluster.address)
    assert failed.returncode == 2
    assert failed.stderr.count("\n") == 1
    assert "file/parts" in failed.stderr


def test_an_address_without_a_cluster_is_one_sentence(crops: Path, recall_program: Program, tmp_path: Path) -> None:
    failed = recall_program("index", crops, "--into", tmp_path / "parts", "--ray", "127.0.0.1:1")
    assert failed.returncode == 2
    assert "no Ray cluster answers at '127.0.0.1:1'" in failed.stderr
    assert failed.stderr.count("\n") == 1
