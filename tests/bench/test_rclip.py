"""Recall beside rclip: photos a second from nothing, and a cold search among 10,000 photos."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.bench import rclip
from tests.bench.conftest import CACHE, SOME
from tests.bench.doors import TEXT, Doors
from tests.bench.libraries import fabricate
from tests.bench.table import Table
from tests.bench.timing import in_turns, milliseconds, whole_process
from tests.support.program import Program
from tests.support.vectors import unit_vectors

PRECISIONS = {"float32": rclip.ARCHITECTURE, "int8": f"{rclip.ARCHITECTURE}+int8"}

PHOTOS = 10_000
"""For the cold search: the embeddings are made up, the same for both."""


class Neighbour(NamedTuple):
    """rclip, ready to run: its programs, the folder with its model, and the environment that names it."""

    programs: Path
    data: Path
    env: Mapping[str, str]


@pytest.fixture(scope="module")
def neighbour(doors: Doors, program: Program, scratch: Path) -> Neighbour:
    """Return rclip in an environment of its own, with Recall's weights, or skip where it cannot be installed."""
    try:
        programs = rclip.install(CACHE / f"rclip-{rclip.VERSION}")
    except rclip.NotInstallableError as error:
        pytest.skip(str(error))
    data = CACHE / f"rclip-{rclip.VERSION}-data"
    if not data.exists():
        weights = Path(doors.name(rclip.ARCHITECTURE).removeprefix("local-dir:"))
        part = data.with_name(f"{data.name}.part")  # only what is whole gets the name
        shutil.rmtree(part, ignore_errors=True)
        rclip.export(weights, part)
        part.rename(data)
    return Neighbour(programs, data, {**program.env, "RCLIP_DATADIR": str(data)})


def test_indexing_and_one_search_from_nothing(
    neighbour: Neighbour,
    doors: Doors,
    some_photos: Path,
    program: Program,
    scratch: Path,
    benchmark: BenchmarkFixture,
    table: Table,
) -> None:
    library, database = scratch / "beside-rclip.recall", neighbour.data / "db.sqlite3"
    on: list[str | Path] = ["--library", library, "--device", "cpu"]
    search = whole_process([program.path, "search", TEXT, "--all", *on], program.env, scratch)
    theirs = whole_process([neighbour.programs / "rclip", TEXT], neighbour.env, some_photos)

    def ours(precision: str) -> None:
        shutil.rmtree(library, ignore_errors=True)
        name = doors.name(PRECISIONS[precision])
        whole_process([program.path, "index", some_photos, *on, "--encoder", name], program.env, scratch)()
        search()

    def their_turn(_: int) -> None:
        database.unlink(missing_ok=True)
        theirs()

    for short in PRECISIONS.values():
        doors.cpu(short)  # exported before it is timed: rclip downloads its model in that form
    seconds = in_turns(
        benchmark,
        {"int8": lambda _: ours("int8"), "float32": lambda _: ours("float32"), "rclip": their_turn},
        rounds=3,
        warm_up=0,
    )
    what = f"{SOME} mixed photos indexed and searched once, {rclip.ARCHITECTURE}"
    group = f"Beside rclip {rclip.VERSION}: {what} (ratio: to rclip)"
    rates = {name: SOME / value for name, value in seconds.items()}
    for name in PRECISIONS:
        ratio = rates[name] / rates["rclip"]
        table.row(group, f"Recall, {name}", f"{rates[name]:.1f} a second", ratio=ratio, at_least=2)
    table.row(group, "rclip", f"{rates['rclip']:.1f} a second")


def test_a_cold_search_beside_rclip(
    neighbour: Neighbour,
    doors: Doors,
    program: Program,
    scratch: Path,
    benchmark: BenchmarkFixture,
    table: Table,
) -> None:
    root = scratch / "nowhere"
    root.mkdir(exist_ok=True)
    encoders = {name: doors.cpu(short) for name, short in PRECISIONS.items()}
    vectors = unit_vectors(PHOTOS, encoders["float32"].dim)
    actions = {}
    for name, encoder in encoders.items():
        library = scratch / f"beside-rclip-{name}.recall"
        fabricate(library, encoder, vectors, root)
        actions[f"Recall, {name}"] = whole_process(
            [program.path, "search", TEXT, "--all", "--library", library], program.env, root
        )
    (neighbour.data / "db.sqlite3").unlink(missing_ok=True)
    rclip.fill(neighbour.programs, neighbour.data, vectors, root, neighbour.env)
    # without a look for new photos, as Recall's search does
    command: list[str | Path] = [neighbour.programs / "rclip", "--no-indexing", TEXT]
    actions["rclip --no-indexing"] = whole_process(command, neighbour.env, root)
    assert actions["rclip --no-indexing"](0).count("IMG_") == 10
    seconds = in_turns(benchmark, actions, rounds=7)
    *ours, (name, theirs) = seconds.items()
    group = f"Beside rclip {rclip.VERSION}: cold search among {PHOTOS:,} photos, {rclip.ARCHITECTURE} (ratio: to rclip)"
    for own, value in ours:
        table.row(group, own, milliseconds(value), ratio=value / theirs, at_most=0.5)
    table.row(group, name, milliseconds(theirs))
