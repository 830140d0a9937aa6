"""What the floor is measured with: ways to search the same vectors, each built, kept in a folder and opened again.

    python -m tests.bench.engines build NAME FOLDER VECTORS
    python -m tests.bench.engines search NAME FOLDER QUERIES

prints JSON: seconds to build; or milliseconds to open, of one query, of a hundred at once, the bytes that it took in
memory and the ten rows for each query. Each runs in a process of its own, so that memory is that of one of them.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from indexer.types import Ids, Vectors

K, BATCH = 10, 100

ENOUGH = 20.0
"""Seconds after which a slow way to search is known well enough."""

Search = Callable[[Vectors], Ids]
"""From unit vectors (q, d) to the rows of the ten nearest, (q, 10)."""


def build_numpy(folder: Path, vectors: Vectors) -> None:
    np.save(folder / "rows.npy", vectors)


def open_numpy(folder: Path) -> Search:
    rows = np.load(folder / "rows.npy")

    def search(queries: Vectors) -> Ids:
        found = np.empty((len(queries), K), dtype=np.int64)
        for place, scores in enumerate(queries @ rows.T):
            best = np.argpartition(-scores, K)[:K]
            found[place] = best[np.argsort(-scores[best])]
        return found

    return search


def build_recall(folder: Path, vectors: Vectors) -> None:
    """Build the exact index and choose another, as `recall optimize` does."""
    from indexer.vectors import read_index
    from indexer.vectors.autotune.choice_file import write_choice
    from indexer.vectors.autotune.select import choose
    from indexer.vectors.measurements import HoldoutQueries, IndexTarget

    build_exact(folder, vectors)
    index, _ = read_index(folder / "index.faiss", fingerprint="f")
    rows = np.linspace(0, len(vectors) - 1, 300).astype(np.int64)
    queries = {"near": HoldoutQueries(near(vectors[rows], seed=77)), "own": HoldoutQueries(index.vectors(rows), rows)}
    asked = IndexTarget(0.99)
    figures, part = choose(index, queries, asked, folder=folder)
    (folder / "figures.json").write_text(json.dumps([asdict(each) for each in figures]))
    if part is None:
        part = folder / "exact.part"
        part.touch()
    write_choice(part, folder / "index.lists", target=asked, measurements=figures, index=index, fingerprint="f")


def open_recall(folder: Path) -> Search:
    from indexer.vectors import read_index
    from indexer.vectors.autotune.choice_file import read_choice

    index, _ = read_index(folder / "index.faiss", fingerprint="f")
    _, chosen = read_choice(folder / "index.lists", index, fingerprint="f")
    searched = chosen or index
    return lambda queries: searched.search(queries, K).ids


def build_exact(folder: Path, vectors: Vectors) -> None:
    from indexer.vectors import new_index
    from indexer.vectors.index_file import write_index

    index = new_index(vectors.shape[1])
    for start in range(0, len(vectors), 65536):
        rows = np.asarray(vectors[start : start + 65536])
        index.add(np.arange(start, start + len(rows), dtype=np.int64), rows)
    write_index(index, folder / "index.faiss", fingerprint="f", watermark=len(vectors))


def open_exact(folder: Path) -> Search:
    from indexer.vectors import read_index

    index, _ = read_index(folder / "index.faiss", fingerprint="f")
    return lambda queries: index.search(queries, K).ids


def build_faiss(folder: Path, vectors: Vectors) -> None:
    """Build what Recall chose with FAISS alone: the same lists, codes and refinement, from its own factory."""
    import faiss

    chosen = json.loads((folder.parent / "recall" / "figures.json").read_text())[0]["kind"]
    index = faiss.index_factory(vectors.shape[1], _factory(chosen, len(vectors)), faiss.METRIC_INNER_PRODUCT)
    index.train(np.asarray(vectors[:: max(1, len(vectors) // 163_840)]))
    for start in range(0, len(vectors), 65536):
        index.add(np.asarray(vectors[start : start + 65536]))
    faiss.write_index(index, str(folder / "bare.faiss"))


def _factory(kind: str, n: int) -> str:
    from indexer.vectors.faiss_ivf import list_count

    codes = {"ivf-sq8": "SQ8", "ivf-sq4": "SQ4", "ivf-pq4": "PQ256x4fs", "ivf-rabitq": "RaBitQfs", "exact": ""}[kind]
    return f"IVF{list_count(n)},{codes},Refine(SQfp16)" if codes else "SQfp16"


def open_faiss(folder: Path) -> Search:
    faiss: Any = import_module("faiss")
    chosen = json.loads((folder.parent / "recall" / "figures.json").read_text())[0]
    index = faiss.read_index(str(folder / "bare.faiss"))
    parameters: Any = None
    if chosen["depths"]:
        depth = chosen["depths"][0]
        parameters = faiss.IndexRefineSearchParameters(
            k_factor=depth["refine"] / K, base_index_params=faiss.SearchParametersIVF(nprobe=depth["probes"])
        )
    threads = faiss.omp_get_max_threads()

    def search(queries: Vectors) -> Ids:
        faiss.omp_set_num_threads(1 if len(queries) == 1 else threads)
        found: Ids = index.search(queries, K, params=parameters)[1]
        return found

    return search


def build_usearch(folder: Path, vectors: Vectors) -> None:
    index: Any = import_module("usearch.index").Index(ndim=vectors.shape[1], metric="ip", dtype="f16")
    index.add(np.arange(len(vectors)), np.asarray(vectors))
    index.save(str(folder / "usearch"))
    (folder / "dim").write_text(str(vectors.shape[1]))


def open_usearch(folder: Path) -> Search:
    dim = int((folder / "dim").read_text())
    index: Any = import_module("usearch.index").Index(ndim=dim, metric="ip", dtype="f16", expansion_search=128)
    index.view(str(folder / "usearch"))

    def search(queries: Vectors) -> Ids:
        return np.asarray(index.search(queries, K).keys, dtype=np.int64).reshape(len(queries), K)

    return search


def build_hnswlib(folder: Path, vectors: Vectors) -> None:
    index: Any = import_module("hnswlib").Index(space="ip", dim=vectors.shape[1])
    index.init_index(max_elements=len(vectors), M=16, ef_construction=200)
    index.add_items(np.asarray(vectors))
    index.save_index(str(folder / "hnswlib"))
    (folder / "dim").write_text(str(vectors.shape[1]))


def open_hnswlib(folder: Path) -> Search:
    index: Any = import_module("hnswlib").Index(space="ip", dim=int((folder / "dim").read_text()))
    index.load_index(str(folder / "hnswlib"))
    index.set_ef(128)
    return lambda queries: index.knn_query(queries, K)[0].astype(np.int64)


def build_lancedb(folder: Path, vectors: Vectors) -> None:
    import pyarrow as pa

    dim = vectors.shape[1]
    schema = pa.schema([pa.field("id", pa.int64()), pa.field("vector", pa.list_(pa.float32(), dim))])

    def batches() -> Any:
        for start in range(0, len(vectors), 65536):
            rows = np.asarray(vectors[start : start + 65536])
            flat = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), dim)
            yield pa.record_batch([pa.array(np.arange(start, start + len(rows))), flat], schema=schema)

    import_module("lancedb").connect(folder).create_table("rows", batches(), schema=schema)


def open_lancedb(folder: Path) -> Search:
    table: Any = import_module("lancedb").connect(folder).open_table("rows")

    def search(queries: Vectors) -> Ids:
        found = [
            table.search(query).distance_type("dot").select(["id"]).limit(K).to_arrow()["id"].to_numpy()
            for query in queries
        ]
        return np.stack(found)

    return search


ENGINES: dict[str, tuple[Callable[[Path, Vectors], None], Callable[[Path], Search]]] = {
    "recall": (build_recall, open_recall),
    "exact": (build_exact, open_exact),
    "faiss": (build_faiss, open_faiss),
    "usearch": (build_usearch, open_usearch),
    "hnswlib": (build_hnswlib, open_hnswlib),
    "lancedb": (build_lancedb, open_lancedb),
    "numpy": (build_numpy, open_numpy),
}


def near(rows: Vectors, *, seed: int) -> Vectors:
    """Return queries near rows, as descriptions are near photos, shape (q, d)."""
    noise = np.random.default_rng(seed).standard_normal(rows.shape, dtype=np.float32)
    moved = rows + noise / np.linalg.norm(noise, axis=1, keepdims=True)
    found: Vectors = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return found


def resident() -> int:
    """Return the bytes that this process holds in memory."""
    fields = Path("/proc/self/status").read_text().split("VmRSS:")[1].split()
    return int(fields[0]) * 1024


def measured(name: str, folder: Path, queries: Vectors) -> dict[str, Any]:
    """Return what searching takes."""
    import faiss  # noqa: F401 - so that its code counts for nobody
    import pyarrow as pa  # noqa: F401

    before = resident()
    start = time.perf_counter()
    search = ENGINES[name][1](folder)
    search(queries[:1])
    opening = time.perf_counter() - start
    rows: list[list[int]] = []
    taken: list[float] = []
    many: list[float] = []
    began = time.perf_counter()
    for place in range(len(queries)):
        start = time.perf_counter()
        rows.append(search(queries[place : place + 1])[0].tolist())
        taken.append(time.perf_counter() - start)
        if time.perf_counter() - began > ENOUGH:
            break
    while not many or (len(many) < 3 and sum(many) < ENOUGH):
        start = time.perf_counter()
        search(queries[:BATCH])
        many.append(time.perf_counter() - start)
    return {
        "opening": opening * 1e3,
        "one": statistics.median(taken) * 1e3,
        "batch": min(many),
        "memory": resident() - before,
        "rows": rows,
    }


def main() -> None:
    what, name, folder, data = sys.argv[1:]
    if what == "build":
        vectors = np.load(data, mmap_mode="r")
        start = time.perf_counter()
        ENGINES[name][0](Path(folder), vectors)
        seconds = time.perf_counter() - start
        files = [file for file in Path(folder).rglob("*") if file.is_file()]
        result: dict[str, Any] = {"seconds": seconds, "bytes": sum(file.stat().st_size for file in files)}
    else:
        result = measured(name, Path(folder), np.load(data))
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
