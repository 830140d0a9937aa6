"""Stores of items with ids, vectors and metadata, which `test_components.py` compares.

    python tests/bench/item_engines.py NAME FOLDER MANY SOME DIM

prints JSON: the milliseconds of one item into SOME, the items a second of MANY, and the milliseconds of a hundred
queries at once and of one item by its id among MANY. It runs in a process of its own, which may be one of another
environment: only Recall and FAISS need the packages of this one.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
Metadata = dict[str, Any]

K, QUERIES, SINGLE, GETS, ROUNDS = 10, 100, 30, 200, 5


class Engine(Protocol):
    """A store in a folder."""

    def add(self, ids: Sequence[str], vectors: Rows, metadata: Sequence[Metadata]) -> None:
        """Add items, and return when they are on disk."""

    def search(self, queries: Rows) -> Sequence[Sequence[str]]:
        """Return the ids of the ten nearest of each query."""

    def get(self, id_: str) -> Metadata:
        """Return the metadata of an item."""


class RecallEngine:
    """A Recall library."""

    def __init__(self, folder: Path, dim: int) -> None:
        library: Any = import_module("retrieval").Library
        encoder: Any = import_module("tests.support.encoders").FakeEncoder
        self._library = library.open(folder / "items.recall", encoder=encoder(dim=dim))

    def add(self, ids: Sequence[str], vectors: Rows, metadata: Sequence[Metadata]) -> None:
        self._library.add(vectors=vectors, ids=ids, metadata=metadata)

    def search(self, queries: Rows) -> Sequence[Sequence[str]]:
        return [[hit.id for hit in hits] for hits in self._library.search_many(queries, k=K)]

    def get(self, id_: str) -> Metadata:
        return dict(self._library.get(id_)[0].metadata)


class FaissEngine:
    """An index of FAISS alone, in memory: exact search in float32, without ids and metadata."""

    def __init__(self, folder: Path, dim: int) -> None:
        self._index: Any = import_module("faiss").IndexFlatIP(dim)

    def add(self, ids: Sequence[str], vectors: Rows, metadata: Sequence[Metadata]) -> None:
        self._index.add(vectors)

    def search(self, queries: Rows) -> Sequence[Sequence[str]]:
        return [[str(row) for row in rows] for rows in self._index.search(queries, K)[1].tolist()]

    def get(self, id_: str) -> Metadata:
        return {"number": float(self._index.reconstruct(int(id_))[0])}


class LanceEngine:
    """A table of LanceDB."""

    def __init__(self, folder: Path, dim: int) -> None:
        self._arrow: Any = import_module("pyarrow")
        arrow = self._arrow
        self._schema = arrow.schema(
            [
                arrow.field("id", arrow.string()),
                arrow.field("vector", arrow.list_(arrow.float32(), dim)),
                arrow.field("price", arrow.float64()),
                arrow.field("shop", arrow.string()),
                arrow.field("sold", arrow.bool_()),
            ]
        )
        self._table = import_module("lancedb").connect(folder).create_table("items", schema=self._schema)

    def add(self, ids: Sequence[str], vectors: Rows, metadata: Sequence[Metadata]) -> None:
        arrow = self._arrow
        flat = arrow.FixedSizeListArray.from_arrays(arrow.array(vectors.ravel()), vectors.shape[1])
        values = ([row[name] for row in metadata] for name in ("price", "shop", "sold"))
        self._table.add(
            arrow.Table.from_arrays([arrow.array(ids), flat, *map(arrow.array, values)], schema=self._schema)
        )

    def search(self, queries: Rows) -> Sequence[Sequence[str]]:
        return [
            self._table.search(query).distance_type("dot").limit(K).select(["id"]).to_arrow()["id"].to_pylist()
            for query in queries
        ]

    def get(self, id_: str) -> Metadata:
        row: Metadata = self._table.search().where(f"id = '{id_}'").limit(1).to_list()[0]
        return row


class ChromaEngine:
    """A collection of Chroma on disk."""

    _MOST = 5000
    """Items of one call: more are refused."""

    def __init__(self, folder: Path, dim: int) -> None:
        client: Any = import_module("chromadb").PersistentClient(path=str(folder))
        self._collection = client.create_collection("items", metadata={"hnsw:space": "cosine"})

    def add(self, ids: Sequence[str], vectors: Rows, metadata: Sequence[Metadata]) -> None:
        for start in range(0, len(ids), self._MOST):
            part = slice(start, start + self._MOST)
            self._collection.add(ids=ids[part], embeddings=vectors[part], metadatas=metadata[part])

    def search(self, queries: Rows) -> Sequence[Sequence[str]]:
        found: Sequence[Sequence[str]] = self._collection.query(query_embeddings=queries, n_results=K)["ids"]
        return found

    def get(self, id_: str) -> Metadata:
        row: Metadata = self._collection.get(ids=[id_])["metadatas"][0]
        return row


ENGINES: dict[str, Callable[[Path, int], Engine]] = {
    "Recall": RecallEngine,
    "FAISS": FaissEngine,
    "LanceDB": LanceEngine,
    "Chroma": ChromaEngine,
}


def unit_rows(count: int, dim: int, *, seed: int) -> Rows:
    """Return random unit vectors, shape (count, dim)."""
    rows = np.random.default_rng(seed).standard_normal((count, dim), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def metadata_of(numbers: range) -> list[Metadata]:
    """Return three values for each item."""
    return [{"price": n % 100 / 2, "shop": f"shop {n % 17}", "sold": n % 3 == 0} for n in numbers]


def milliseconds(action: Callable[[int], object], count: int) -> list[float]:
    """Return how long each call takes, in milliseconds; each gets its number."""
    taken = []
    for number in range(count):
        start = time.perf_counter()
        action(number)
        taken.append((time.perf_counter() - start) * 1e3)
    return taken


def measured(name: str, folder: Path, many: int, some: int, dim: int) -> dict[str, float]:
    """Return the figures of an engine."""
    make = ENGINES[name]
    vectors, queries = unit_rows(many, dim, seed=0), unit_rows(QUERIES, dim, seed=1)
    ids, metadata = [str(number) for number in range(many)], metadata_of(range(many))
    for part in ("one", "many"):
        (folder / part).mkdir()
    small = make(folder / "one", dim)
    small.add(ids[:some], vectors[:some], metadata[:some])
    extra = unit_rows(SINGLE + 3, dim, seed=2)

    def add_one(number: int) -> None:
        small.add([f"new {number}"], extra[number : number + 1], metadata_of(range(number, number + 1)))

    one = milliseconds(add_one, SINGLE + 3)[3:]  # the first calls load code
    large = make(folder / "many", dim)
    start = time.perf_counter()
    large.add(ids, vectors, metadata)
    seconds = time.perf_counter() - start
    if [row[0] for row in large.search(vectors[:3])] != ids[:3]:
        raise RuntimeError(f"{name} does not find what was added")
    batch = milliseconds(lambda _: large.search(queries), ROUNDS)
    picked = np.random.default_rng(3).integers(0, many, GETS + 3)
    gets = milliseconds(lambda number: large.get(str(picked[number])), GETS + 3)[3:]
    return {
        "one": statistics.median(one),
        "rate": many / seconds,
        "batch": statistics.median(batch),
        "get": statistics.median(gets),
    }


def main() -> None:
    name, folder, *numbers = sys.argv[1:]
    figures = measured(name, Path(folder), *map(int, numbers))
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
