"""One table for each size: our index, bare FAISS, usearch, hnswlib, LanceDB and NumPy on the same vectors.

RECALL_BENCH_SIZES="10000 100000" leaves out the million, which takes seven minutes. The graphs of usearch and hnswlib
take twenty more to build for that on two cores, and are left out there unless RECALL_BENCH_GRAPHS is set.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from indexer.types import Ids
from tests.bench.engines import BATCH, K, near
from tests.bench.table import Table
from tests.bench.timing import milliseconds
from tests.conftest import ROOT
from tests.support.vectors import clustered_vectors

DIM = 512
SIZES = [int(each) for each in os.environ.get("RECALL_BENCH_SIZES", "10000 100000 1000000").split()]
NAMES = {
    "recall": "Recall, as chosen",
    "faiss": "FAISS alone, the same parameters",
    "exact": "Recall, exact",
    "numpy": "NumPy, float32",
    "usearch": "usearch, float16",
    "hnswlib": "hnswlib",
    "lancedb": "LanceDB, exact",
}
OTHERS = ("usearch", "hnswlib", "lancedb")
GRAPHS = ("usearch", "hnswlib")
LARGE_GRAPHS = bool(os.environ.get("RECALL_BENCH_GRAPHS"))  # here: while a test runs the environment has none of ours


def bandwidth() -> float:
    """Return bytes a second that all threads together read from memory, the best of some tries."""
    parts = [np.ones(64 << 20, dtype=np.float32) for _ in range(os.cpu_count() or 1)]  # 256 MB each
    best = 0.0
    for _ in range(5):
        threads = [threading.Thread(target=part.view(np.int64).sum) for part in parts]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        best = max(best, sum(part.nbytes for part in parts) / (time.perf_counter() - start))
    return best


def run(*arguments: str | Path) -> dict[str, Any]:
    """Return what an engine printed, from a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.engines", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=3600, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{arguments} ended with {done.returncode}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("n", SIZES)
def test_the_floor(n: int, benchmark: BenchmarkFixture, table: Table, scratch: Path) -> None:
    place = scratch / f"floor-{n}"
    place.mkdir()
    vectors = clustered_vectors(n, DIM, clusters=n // 50, spread=1.0)
    queries = near(vectors[np.linspace(0, n - 1, BATCH).astype(np.int64)], seed=5)
    truth = np.argsort(-(queries @ vectors.T), axis=1)[:, :K]
    np.save(place / "vectors.npy", vectors)
    np.save(place / "queries.npy", queries)
    del vectors
    group = f"{n:,} x {DIM}, clustered, ten results"
    floor = n * DIM * 2 / bandwidth()
    for name, title in NAMES.items():
        if name in OTHERS and find_spec(name) is None:
            continue  # the extra bench is not installed
        if name in GRAPHS and n > 100_000 and not LARGE_GRAPHS:
            continue
        folder = place / name
        folder.mkdir()
        built = run("build", name, folder, place / "vectors.npy")
        search = partial(run, "search", name, folder, place / "queries.npy")
        if name == "recall":
            found = benchmark.pedantic(search, rounds=1)  # type: ignore[no-untyped-call]  # no types yet
            title = f"{title}: {json.loads((folder / 'figures.json').read_text())[0]['kind']}"  # noqa: PLW2901
        else:
            found = search()
        add_row(table, group, title, built=built, found=found, truth=truth)
        shutil.rmtree(folder) if name not in ("recall", "exact") else None
    blank = dict.fromkeys(("a_second_at_100", "recall", "opening", "memory", "on_the_disk", "build"), "")
    table.wide(group, index="reading all in float16, at what memory gives", one_query=milliseconds(floor), **blank)
    shutil.rmtree(place)


def add_row(table: Table, group: str, title: str, *, built: dict[str, Any], found: dict[str, Any], truth: Ids) -> None:
    """Add what one index takes and finds."""
    recall = np.mean([len(np.intersect1d(one, other)) / K for one, other in zip(found["rows"], truth, strict=False)])
    table.wide(
        group,
        index=title,
        one_query=milliseconds(found["one"] / 1e3),
        a_second_at_100=f"{BATCH / found['batch']:,.0f}",
        recall=f"{recall:.3f}",
        opening=milliseconds(found["opening"] / 1e3),
        memory=f"{found['memory'] / 1e6:,.0f} MB",
        on_the_disk=f"{built['bytes'] / 1e6:,.0f} MB",
        build=f"{built['seconds']:,.0f} s",
    )
