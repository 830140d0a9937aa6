"""Seconds from the Enter key to the answers: a search by a program that has just been started."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from tests.bench.doors import TEXT, Doors
from tests.bench.libraries import fabricate
from tests.bench.table import Table
from tests.bench.timing import in_turns, milliseconds, whole_process
from tests.support.program import Program
from tests.support.vectors import clustered_vectors

PHOTOS = 100_000

THROUGH_TORCH = """
import sys
from pathlib import Path
from indexer.config import Settings
from indexer.encoders.openclip_encoder import OpenClipEncoder
from retrieval import Library

settings = Settings.load(library=Path(sys.argv[1]), device="cpu")
with Library(settings, create=False, encoder=OpenClipEncoder.load("compact", device="cpu")) as library:
    for hit in library.search(sys.argv[2]):
        print(f"{hit.score:.3f}", hit.path)
"""
"""What `recall search` does, with the encoder in torch."""

IMPORTS = "import numpy, faiss, sqlalchemy, click, onnxruntime"


def test_a_cold_search(
    doors: Doors, program: Program, scratch: Path, benchmark: BenchmarkFixture, table: Table
) -> None:
    encoder = doors.cpu("compact")
    vectors = clustered_vectors(PHOTOS, encoder.dim, clusters=PHOTOS // 50, spread=1.0)
    library = scratch / "cold.recall"
    fabricate(library, encoder, vectors, scratch / "nowhere")
    search = whole_process(
        [program.path, "search", TEXT, "--library", library, "--json", "--all"], program.env, scratch
    )
    torch = whole_process([sys.executable, "-c", THROUGH_TORCH, library, TEXT], program.env, scratch)
    found = [json.loads(line)["path"] for line in search().splitlines()]
    assert found == [line.split(" ", 1)[1] for line in torch().splitlines()]  # or the comparison says nothing
    seconds = in_turns(
        benchmark,
        {
            "recall search": search,
            "the same with the encoder in torch": torch,
            "recall status": whole_process([program.path, "status", "--library", library], program.env, scratch),
            f'python -c "{IMPORTS}"': whole_process([sys.executable, "-c", IMPORTS], program.env, scratch),
        },
        rounds=7,
    )
    group = f"Cold start, whole processes: {PHOTOS:,} photos, compact (ratio: the longer to the shorter)"
    own, through_torch, status, imports = seconds.values()
    table.row(group, "recall search", milliseconds(own))
    table.row(
        group, "the same with the encoder in torch", milliseconds(through_torch), ratio=through_torch / own, at_least=5
    )
    table.row(group, "recall status", milliseconds(status), ratio=own / status)
    table.row(group, f"python -c '{IMPORTS}'", milliseconds(imports), ratio=own / imports, at_most=1.6)
