"""Processes that add items to a library, to be killed or to compete: python -m tests.support.adding_process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

BATCH = 50
"""Items that one transaction adds."""


def start_adding(
    library: Path | str, collection: str, first: int, count: int, batches_in_a_call: int
) -> subprocess.Popen[str]:
    """Return a process that adds batches of items and writes the number of each one after its commit, then "done".

    The item `i` of batch `b` has the id "b/i" and the metadata {"batch": b, "by": first}.

    Args:
        library: The library, a folder or a URL.
        collection: Where to.
        first: Number of the first batch.
        count: Number of batches.
        batches_in_a_call: Number of batches that one call of `add` gets; each is a transaction of its own.
    """
    arguments = [str(library), collection, *map(str, (first, count, batches_in_a_call))]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.adding_process", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def batch_ids(batch: int) -> list[str]:
    """Return the ids of a batch's items."""
    return [f"{batch}/{number}" for number in range(BATCH)]


def main() -> None:
    """Add batches, as the arguments say."""
    from indexer.adding import add
    from indexer.types import Progress
    from retrieval import Library
    from tests.support.encoders import FakeEncoder

    add.BATCH_ITEMS = BATCH
    path, collection = sys.argv[1:3]
    first, count, batches_in_a_call = map(int, sys.argv[3:])
    with Library.open(path, encoder=FakeEncoder()) as library:
        os.write(1, b"open\n")
        for start in range(first, first + count, batches_in_a_call):
            batches = range(start, min(start + batches_in_a_call, first + count))

            def report(progress: Progress, start: int = start) -> None:
                if progress.done:  # one write: a killed process leaves no partial line
                    os.write(1, f"{start + progress.done // BATCH - 1}\n".encode())

            library.add(
                vectors=[[1.0, number / BATCH, batch / 200] for batch in batches for number in range(BATCH)],
                ids=[id_ for batch in batches for id_ in batch_ids(batch)],
                metadata=[{"batch": batch, "by": first} for batch in batches for _ in range(BATCH)],
                collection=collection,
                progress=report,
                wait=300,
            )
    os.write(1, b"done\n")


if __name__ == "__main__":
    main()
