"""Processes that add items: SIGKILL leaves whole batches, and two at the same time lose nothing."""

from __future__ import annotations

import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from retrieval import Filter, Library
from tests.support.adding_process import BATCH, batch_ids, start_adding
from tests.support.encoders import FakeEncoder

pytestmark = pytest.mark.folder

BATCHES, KILLS = 90, 7


def stored_batches(library: Library, collection: str) -> Counter[int]:
    """Return how many items of each batch the library has, found by id, by filter and by search."""
    items = library.scan(Filter.collection(collection), vectors=True)
    counts = Counter(int((item.metadata or {})["batch"]) for item in items if item.vector is not None)
    hits = library.search([1.0, 0.5, 0.5], where=Filter.collection(collection), k=3 * BATCHES * BATCH)
    assert Counter(int(hit.metadata["batch"]) for hit in hits) == counts
    return counts


def kill_while_adding(path: Path, first: int, batches_in_a_call: int, pick: random.Random) -> list[int]:
    """Kill a process within one of its first transactions, and return the batches that it reported as committed."""
    committed, lines_left, gap = [], pick.randrange(1, 8), 0.05
    with start_adding(path, "shop", first, BATCHES - first, batches_in_a_call) as process:
        assert process.stdout
        start = time.monotonic()
        for line in process.stdout:
            if line.strip().isdigit():
                committed.append(int(line))
                gap = time.monotonic() - start if len(committed) > 1 else gap  # of a transaction on this machine
            lines_left, start = lines_left - 1, time.monotonic()
            if lines_left == 0:
                time.sleep(pick.random() * min(gap, 0.2))  # one slow commit says nothing of the next
                process.kill()
    assert process.returncode == -signal.SIGKILL
    return committed


@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
@pytest.mark.parametrize("batches_in_a_call", [1, 7, BATCHES])
def test_kills_while_adding_leave_whole_batches_and_lose_no_committed_one(
    tmp_path: Path, batches_in_a_call: int
) -> None:
    pick, path = random.Random(batches_in_a_call), tmp_path / "killed.recall"
    committed: list[int] = []
    first = 0
    for _ in range(KILLS):
        committed += kill_while_adding(path, first, batches_in_a_call, pick)
        with Library.open(path, encoder=FakeEncoder()) as library:
            counts = stored_batches(library, "shop") if len(library) else Counter()
            assert set(counts.values()) <= {BATCH}, "a batch is there in part"
            assert counts.keys() == set(range(len(counts)))
            assert counts.keys() >= set(committed), "a committed batch is lost"
            assert library.check() == []
            first = len(counts)
    assert 0 < first < BATCHES
    with start_adding(path, "shop", 0, BATCHES, batches_in_a_call) as process:
        assert process.stdout
        assert process.stdout.read().endswith("done\n")
    with Library.open(path, encoder=FakeEncoder()) as library:
        assert stored_batches(library, "shop") == dict.fromkeys(range(BATCHES), BATCH)
        assert library.check() == []


def test_two_processes_that_add_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "shared.recall"
    overlap = BATCHES // 2
    ranges = [(0, BATCHES), (overlap, BATCHES)]  # the ids of the second half are added by both
    with (
        start_adding(path, "shop", *ranges[0], 1) as one,
        start_adding(path, "shop", *ranges[1], 3) as other,
        start_adding(path, "elsewhere", *ranges[0], 1) as third,
    ):
        outputs = [process.communicate(timeout=300)[0].splitlines() for process in (one, other, third)]
    for process, lines, (first, count) in zip((one, other, third), outputs, [*ranges, ranges[0]], strict=True):
        assert process.returncode == 0
        assert lines == ["open", *map(str, range(first, first + count)), "done"]
    with Library.open(path, encoder=FakeEncoder()) as library:
        assert stored_batches(library, "shop") == dict.fromkeys(range(overlap + BATCHES), BATCH)
        assert stored_batches(library, "elsewhere") == dict.fromkeys(range(BATCHES), BATCH)
        for batch in range(overlap + BATCHES):
            by = {(item.metadata or {})["by"] for item in library.get(batch_ids(batch), collection="shop")}
            assert by in ({0}, {overlap}), "a batch that both added is of one of them"
        assert len(library) == (overlap + 2 * BATCHES) * BATCH
        assert library.check() == []
