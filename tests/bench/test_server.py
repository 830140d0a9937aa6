"""Searches through `recall serve` by one client, by fifty, and by fifty while photos are indexed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from indexer.encoders import load_encoder
from tests.bench.table import Table
from tests.bench.timing import milliseconds
from tests.conftest import ROOT
from tests.support.large_library import fill_library
from tests.support.program import program_env
from tests.support.vectors import clustered_vectors

MANY, CLIENTS, SECONDS, TURNS = 20_000, 50, 8.0, 3


class Server(NamedTuple):
    """A server that runs."""

    port: int
    token: str
    library: Path


class Load(NamedTuple):
    """What clients saw."""

    middle: float
    slow: float
    per_second: float


@pytest.fixture(scope="module")
def server(scratch: Path) -> Iterator[Server]:
    """Return `recall serve` on a library of `MANY` photos whose vectors are made up; the encoder is real."""
    library = scratch / "served.recall"
    encoder = load_encoder("compact")
    fill_library(library, encoder, clustered_vectors(MANY, encoder.dim, clusters=MANY // 50, spread=1.0))
    command = [sys.executable, "-m", "retrieval", "--library", str(library), "serve", "--listen", "0", "--no-open"]
    with subprocess.Popen(command, env=program_env(scratch), stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stderr is not None
        said, found = "", None
        while found is None and (line := process.stderr.readline()):
            said += line
            found = re.search(r"127\.0\.0\.1:(\d+)/\?token=(\S+)", line)
        assert found, said
        yield Server(int(found[1]), found[2], library)
        process.terminate()


def ask(server: Server, clients: int, seconds: float) -> Load:
    """Return what some clients see when they search for some seconds."""
    command = [
        sys.executable,
        "tests/bench/http_clients.py",
        str(server.port),
        server.token,
        str(clients),
        str(seconds),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=True)
    whole, taken = json.loads(done.stdout)
    return Load(float(np.median(taken)), float(np.percentile(taken, 99)), len(taken) / whole)


def test_fifty_clients_search(server: Server, benchmark: BenchmarkFixture, table: Table, some_photos: Path) -> None:
    ask(server, 1, 2.0)  # loads the encoder and the index
    ask(server, CLIENTS, 2.0)
    alone, together = [], []
    for _ in range(TURNS):
        alone.append(ask(server, 1, SECONDS))
        together.append(ask(server, CLIENTS, SECONDS))
    one, fifty = (Load(*np.median(loads, axis=0)) for loads in (alone, together))

    command = [sys.executable, "-m", "retrieval", "--library", str(server.library), "index", str(some_photos)]
    with subprocess.Popen(command, cwd=ROOT, env=program_env(some_photos.parent), stderr=subprocess.DEVNULL) as process:
        indexing = ask(server, CLIENTS, SECONDS)
    assert process.returncode in (0, 3)

    benchmark.pedantic(lambda: ask(server, 1, 1.0), rounds=1)  # type: ignore[no-untyped-call]  # lists it
    group = f"Searches through recall serve among {MANY:,} photos, k 20, clients on the same two cores"
    table.row(group, "one client, median", milliseconds(one.middle))
    table.row(group, "one client, 99 %", milliseconds(one.slow))
    table.row(group, "one client, a second", f"{one.per_second:.0f}")
    table.row(group, f"{CLIENTS} clients, median", milliseconds(fifty.middle))
    table.row(group, f"{CLIENTS} clients, 99 % (ratio: to their median)", milliseconds(fifty.slow),
              ratio=fifty.slow / fifty.middle, at_most=3.0)  # fmt: skip
    table.row(group, f"{CLIENTS} clients, a second (ratio: to one client)", f"{fifty.per_second:.0f}",
              ratio=fifty.per_second / one.per_second, at_least=3.0)  # fmt: skip
    table.row(group, f"{CLIENTS} clients while photos are indexed, median", milliseconds(indexing.middle))
    table.row(group, f"{CLIENTS} clients while photos are indexed, 99 % (ratio: to their median)",
              milliseconds(indexing.slow), ratio=indexing.slow / indexing.middle)  # fmt: skip
