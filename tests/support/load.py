"""The load of a service: threads that search, add and sync in one open library, and check each answer themselves."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from indexer.encoders.base import to_unit_length
from indexer.types import Vectors
from retrieval import Filter, Hit, Library
from tests.support.color_photos import PALETTE, paint, photo_bytes

Answer = list[tuple[str | None, str, float]]
"""Collection, id and score of each hit."""

STEADY = 12
"""Items that are replaced all the time by ones with the same vectors: each search must find all of them."""

_OWN_IDS = 40
"""Ids that one adding thread uses in turn, so that the library has a size that it keeps."""

_WAIT = 600
"""Seconds to wait for other writers: a busy machine may take long, and whose turn it is, is chance."""

_FILES = 24
"""Names of files that the synced folder may have."""


@dataclass(frozen=True, slots=True)
class Question:
    """A search whose right answer does not change while others write.

    Attributes:
        arguments: Those of `Library.search`.
        keeps: Whether a hit belongs to what nobody changes; the others are left out of the answer.
    """

    arguments: dict[str, Any]
    keeps: Callable[[Hit], bool] = lambda _: True

    def ask(self, library: Library) -> Answer:
        """Return a library's answer."""
        hits = library.search(**self.arguments)
        return [(hit.collection, hit.id, hit.score) for hit in hits if self.keeps(hit)]


def random_vectors(pick: random.Random, count: int) -> Vectors:
    """Return vectors of colors, shape (count, 3), unit length."""
    rows = np.array([[pick.random() + 0.01 for _ in range(3)] for _ in range(count)], dtype=np.float32)
    return to_unit_length(rows)


def fill(library: Library, folder: Path) -> list[Question]:
    """Add what nobody changes to a library, sync a folder of it, and return questions about both."""
    pick = random.Random(1)
    vectors = random_vectors(pick, 300)
    texts = [f"walrus {number} {'and its friends ' * (number % 3)}" if number % 2 else None for number in range(300)]
    library.add(
        vectors=vectors,
        texts=texts,
        ids=[str(number) for number in range(300)],
        metadata=[{"price": number} for number in range(300)],
        collection="frozen",
    )
    library.add(images=[photo_bytes(color) for color in PALETTE], ids=list(PALETTE), collection="frozen")
    for number, color in enumerate(PALETTE * 3):
        paint(folder / f"{number}.png", color)
    library.sync(folder)
    library.add(vectors=_steady_vectors(), ids=_steady_ids(), metadata=[{"turn": 0}] * STEADY, collection="steady")
    frozen, steady = Filter.collection("frozen"), Filter.collection("steady")
    queries: list[Any] = [*random_vectors(pick, 20), *PALETTE]
    return [
        *(Question({"query": query, "where": frozen, "hybrid": False}) for query in queries),
        *(Question({"query": query, "folder": folder, "hybrid": False, "k": 5}) for query in PALETTE),
        *(Question({"query": query, "where": steady, "k": STEADY, "hybrid": False}) for query in queries),
        *(Question({"query": query, "where": frozen & (Filter.meta("price") < 50), "k": 60}) for query in queries[:3]),
        Question({"query": queries[0], "where": steady | frozen, "k": 400}),
        Question({"query": "walrus", "where": frozen, "k": 50}),
        Question({"query": queries[1], "k": 3000}, lambda hit: hit.collection == "frozen"),
    ]


def _steady_ids() -> list[str]:
    return [f"steady {number}" for number in range(STEADY)]


def _steady_vectors() -> Vectors:
    return random_vectors(random.Random(2), STEADY)


class Worker(Protocol):
    """What a thread does.

    Attributes:
        name: What it counts.
    """

    name: str

    def turn(self) -> int:
        """Do a piece of work, and return how much that was."""


class Searcher:
    """Asks one question after the other, and compares the answers with the right ones."""

    name = "searches"

    def __init__(self, library: Library, questions: Sequence[Question], answers: Sequence[Answer], seed: int) -> None:
        self._library, self._pick = library, random.Random(seed)
        self._known = list(zip(questions, answers, strict=True))

    def turn(self) -> int:
        """Ask one question; return 1."""
        question, right = self._pick.choice(self._known)
        answer = question.ask(self._library)
        if answer != right:
            lost, new = sorted(set(right) - set(answer)), sorted(set(answer) - set(right))
            raise AssertionError(f"{question.arguments}: {len(answer)} hits, of {len(right)}; lost {lost}, new {new}")
        return 1


class Replacer:
    """Replaces items by ones that differ in their metadata alone."""

    name = "replaced"

    def __init__(self, library: Library) -> None:
        self._library, self._turn = library, 0

    def turn(self) -> int:
        """Replace all items of the collection in one call; return their number."""
        self._turn += 1
        metadata = [{"turn": self._turn}] * STEADY
        report = self._library.add(
            vectors=_steady_vectors(), ids=_steady_ids(), metadata=metadata, collection="steady", wait=_WAIT
        )
        assert (report.replaced, report.failures) == (STEADY, [])
        items = self._library.get(_steady_ids(), collection="steady")
        assert [item.metadata for item in items] == metadata
        return STEADY


class Adder:
    """Adds, replaces and deletes items of a collection of its own, and looks for them afterwards.

    Attributes:
        added: The metadata of what the collection has now, by id.
    """

    name = "added"

    def __init__(self, library: Library, number: int) -> None:
        self._library, self._pick, self._turn = library, random.Random(100 + number), 0
        self.collection = f"adder {number}"
        self.added: dict[str, dict[str, int]] = {}

    def turn(self) -> int:
        """Add a few items, and return how many."""
        self._turn += 1
        count = self._pick.randrange(1, 20)
        ids = [f"{(self._turn * 7 + step) % _OWN_IDS}" for step in range(count)]
        metadata = [{"turn": self._turn, "step": step} for step in range(count)]
        if self._turn % 10:
            vectors = random_vectors(self._pick, count)
            report = self._library.add(
                vectors=vectors, ids=ids, metadata=metadata, collection=self.collection, wait=_WAIT
            )
        else:
            vectors = None
            images = [photo_bytes(self._pick.choice(PALETTE), note=f"{self._turn} {step}") for step in range(count)]
            report = self._library.add(
                images=images, ids=ids, metadata=metadata, collection=self.collection, wait=_WAIT
            )
        assert (report.ids, report.failures, report.added + report.replaced) == (ids, [], count)
        self.added |= dict(zip(ids, metadata, strict=True))
        self._find(ids, metadata, vectors)
        if self._turn % 7 == 0:
            self._delete(ids[: count // 2])
        return count

    def _find(self, ids: list[str], metadata: list[dict[str, int]], vectors: Vectors | None) -> None:
        """Get and search what was just added."""
        items = self._library.get(ids, collection=self.collection, vectors=True)
        assert [(item.id, item.metadata) for item in items] == list(zip(ids, metadata, strict=True))
        if vectors is not None:
            stored = np.stack([item.vector for item in items if item.vector is not None])
            assert np.allclose(stored, vectors, atol=2e-3)
        where = Filter.collection(self.collection) & (Filter.meta("turn") == self._turn)
        hits = self._library.search("red" if vectors is None else vectors[0], where=where, k=_OWN_IDS, hybrid=False)
        assert {hit.id for hit in hits} == set(ids)

    def _delete(self, ids: list[str]) -> None:
        assert self._library.delete(ids, collection=self.collection) == len(ids)
        assert list(self._library.get(ids, collection=self.collection)) == []
        hits = self._library.search("red", where=Filter.collection(self.collection), k=_OWN_IDS, hybrid=False)
        for id_ in ids:
            del self.added[id_]
        assert {hit.id for hit in hits} == self.added.keys()


class Syncer:
    """Changes the files of a folder and syncs it."""

    name = "syncs"

    def __init__(self, library: Library, folder: Path) -> None:
        self._library, self._folder, self._pick = library, folder, random.Random(3)
        paint(folder / "first.png", "red")

    def turn(self) -> int:
        """Change some files and sync them; return 1."""
        for _ in range(5):
            file = self._folder / f"{self._pick.randrange(_FILES)}.png"
            if file.exists() and self._pick.random() < 0.4:
                file.unlink()
            else:
                paint(file, self._pick.choice(PALETTE), note=str(self._pick.random()))
        report = self._library.sync(self._folder)
        assert report.failed == 0
        assert self.found() == self.files()
        return 1

    def files(self) -> set[Path]:
        """Return the files of the folder."""
        return set(self._folder.iterdir())

    def found(self) -> set[Path]:
        """Return the files of the folder that a search finds."""
        return {hit.path for hit in self._library.search("red", folder=self._folder, k=2 * _FILES, hybrid=False)}


@dataclass
class Load:
    """Threads that take turns until a time has passed or one of them fails.

    Attributes:
        workers: What each thread does: `turn` does a piece of work and returns how much that was.
        done: The sum of that by name.
        memory: Seconds since the start, and bytes of memory of this process then.
    """

    workers: Sequence[Worker]
    done: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[float, int]] = field(default_factory=list)

    def run(self, seconds: float) -> None:
        """Run for a time, and raise all errors of the threads together.

        Raises:
            BaseExceptionGroup: A thread failed.
        """
        start, stop, lock = time.monotonic(), threading.Event(), threading.Lock()

        def work(worker: Worker) -> None:
            try:
                while not stop.is_set():
                    count = worker.turn()
                    with lock:
                        self.done[worker.name] += count
            finally:
                stop.set()

        with ThreadPoolExecutor(len(self.workers)) as pool:
            futures = [pool.submit(work, worker) for worker in self.workers]
            while (now := time.monotonic() - start) < seconds and not stop.wait(0.25):
                self.memory.append((now, resident_bytes()))
            stop.set()
        errors = [error for future in futures if (error := future.exception()) is not None]
        if errors:
            raise BaseExceptionGroup("the load failed", errors)

    def memory_between(self, start: float, end: float) -> int:
        """Return the median memory in bytes between two shares of the time, 0 to 1."""
        total = self.memory[-1][0]
        return int(np.median([size for now, size in self.memory if start * total <= now <= end * total]))


def resident_bytes() -> int:
    """Return the memory that this process has in RAM, without files that it maps (Linux)."""
    return int(Path("/proc/self/status").read_text().split("RssAnon:")[1].split()[0]) * 1024
