"""What PostgreSQL costs compared with a folder, and Ray compared with one process: import, cold search, embedding."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from retrieval import Library
from tests.bench.doors import TEXT, Doors
from tests.bench.libraries import fabricate
from tests.bench.table import Table
from tests.bench.timing import in_turns, milliseconds, processor_seconds
from tests.conftest import ROOT
from tests.support.cut_outs import make_cut_outs
from tests.support.pictures import skimage_data
from tests.support.postgresql import PostgresServer
from tests.support.program import Program
from tests.support.ray_cluster import RayCluster
from tests.support.vectors import clustered_vectors

PHOTOS = 100_000

FEW, MANY = 128, 640
"""Photos that are embedded: what the second number takes less what the first one takes has no start in it."""

Taken = dict[str, list[float]]
"""Processor seconds of each round, by name."""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Return a server that flushes what is committed to the disk, as it does when it is installed."""
    server = PostgresServer(settings="")
    yield server
    server.close()


@pytest.fixture(scope="module")
def export(doors: Doors, scratch: Path) -> Path:
    """Return an export of `PHOTOS` photos that do not exist."""
    encoder = doors.cpu("compact")
    vectors = clustered_vectors(PHOTOS, encoder.dim, clusters=PHOTOS // 50, spread=1.0)
    fabricate(scratch / "made-up.recall", encoder, vectors, scratch / "nowhere")
    with Library.open(scratch / "made-up.recall") as library:
        return Path(library.export(scratch / "export").folder)


def add_rows(table: Table, group: str, wall: dict[str, float], taken: Taken, goals: tuple[float | None, ...]) -> None:
    """Add wall and processor time of two ways, the ratio to the second, and what the ratios should be at most."""
    processor = {name: statistics.median(values) for name, values in taken.items()}
    for what, seconds, goal in (("wall time", wall, goals[0]), ("processor time", processor, goals[1])):
        (name, value), (other, least) = seconds.items()
        table.row(group, f"{name}, {what}", milliseconds(value), ratio=value / least, at_most=goal)
        table.row(group, f"{other}, {what}", milliseconds(least))


def test_import(
    export: Path, server: PostgresServer, program: Program, scratch: Path, benchmark: BenchmarkFixture, table: Table
) -> None:
    taken: Taken = {"PostgreSQL": [], "a folder": []}

    def into(name: str, library: str | Path) -> None:
        command: list[str | Path] = [program.path, "import", export, "--library", library]
        taken[name].append(processor_seconds(command, program.env, scratch, servers=[server.pid]))

    ways = {
        "PostgreSQL": lambda number: into("PostgreSQL", server.url(f"import_{number}")),
        "a folder": lambda number: into("a folder", scratch / f"import-{number}.recall"),
    }
    wall = in_turns(benchmark, ways, rounds=3, warm_up=0)
    group = f"`recall import` of {PHOTOS:,} photos, processor time with the server's (ratio: to a folder)"
    add_rows(table, group, wall, taken, (1.5, None))


def test_a_cold_search(
    export: Path, server: PostgresServer, program: Program, scratch: Path, benchmark: BenchmarkFixture, table: Table
) -> None:
    taken: Taken = {"PostgreSQL": [], "a folder": []}
    places: dict[str, str | Path] = {"PostgreSQL": server.url("searched"), "a folder": scratch / "searched.recall"}

    def search(name: str) -> None:
        command: list[str | Path] = [program.path, "search", TEXT, "--all", "--library", places[name]]
        taken[name].append(processor_seconds(command, program.env, scratch, servers=[server.pid]))

    for place in places.values():
        assert program("import", export, "--library", place).returncode == 0
    ways = {"PostgreSQL": lambda _: search("PostgreSQL"), "a folder": lambda _: search("a folder")}
    wall = in_turns(benchmark, ways, rounds=9)
    group = f"`recall search`, a new process, {PHOTOS:,} photos, processor time with the server's (ratio: to a folder)"
    add_rows(table, group, wall, taken, (2, 2))


def test_ray(program: Program, scratch: Path, benchmark: BenchmarkFixture, table: Table) -> None:
    path = os.pathsep.join([program.env["PYTHONPATH"], str(ROOT)])
    # one thread for each process on both sides; Ray looks for this machine by its name in the network
    env = {**program.env, "PYTHONPATH": path, "RECALL_THREADS": "1", "RECALL_TEST_NETWORK": "1"}
    for count in (FEW, MANY):
        make_cut_outs(skimage_data(), scratch / f"cut-outs-{count}", count)
    taken: Taken = {f"{name}, {count}": [] for name in ("recall index --ray", "recall index") for count in (FEW, MANY)}
    cluster = RayCluster(env)
    assert cluster.worker is not None
    nodes = [cluster.head.pid, cluster.worker.pid]

    def embed(name: str, number: int) -> None:
        for count in (FEW, MANY):
            target = scratch / f"{name.removeprefix('recall index ')}-{count}-{number}"
            into: list[str | Path] = (
                ["--into", target, "--ray", cluster.address] if "--ray" in name else ["--library", target]
            )
            command: list[str | Path] = [program.path, "index", scratch / f"cut-outs-{count}", "--workers", "1", *into]
            seconds = processor_seconds(command, env, scratch, servers=nodes if "--ray" in name else [])
            taken[f"{name}, {count}"].append(seconds)

    try:
        ways = {
            "recall index --ray": lambda number: embed("recall index --ray", number),
            "recall index": lambda number: embed("recall index", number),
        }
        in_turns(benchmark, ways, rounds=3)
    finally:
        cluster.close()
    whole = {name: statistics.median(values) for name, values in taken.items()}
    group = f"Processor time of embedding, one thread a process; without the starts: {MANY} photos less {FEW}"
    of_ray, of_index = (whole[f"{name}, {MANY}"] - whole[f"{name}, {FEW}"] for name in ways)
    table.row(
        group, "recall index --ray, without the starts", milliseconds(of_ray), ratio=of_ray / of_index, at_most=1.15
    )
    table.row(group, "recall index, without the starts", milliseconds(of_index))
    for name, value in whole.items():
        table.row(group, f"{name} photos", milliseconds(value))
