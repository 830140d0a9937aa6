"""Search in a PostgreSQL server: its graph beside comparing all vectors there, and behind filters."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from sqlalchemy import column, select
from sqlalchemy import table as named_table

from indexer.encoders import load_encoder
from indexer.types import Ids, Vectors
from indexer.vectors import new_index
from indexer.vectors.autotune.ground_truth import ground_truths
from indexer.vectors.autotune.trial import Trial
from indexer.vectors.base import Condition, MutableIndex
from indexer.vectors.measurements import HoldoutQueries
from indexer.vectors.pgvector_index import PgvectorIndex
from retrieval.calibration.background import background_vectors
from tests.bench.table import Table
from tests.bench.timing import in_turns, milliseconds
from tests.support.clusters import recall
from tests.support.large_library import SHARES
from tests.support.postgresql import PostgresServer
from tests.support.server_index import making_server_indexes
from tests.support.vectors import mixed_vectors

MANY, DIM, K, ROUNDS = 200_003, 384, 10, 40
GROUP = f"pgvector, {MANY:,} x {DIM} between embeddings of texts, {K} results (ratio of a time: to comparing all)"

_PARTS = f"SELECT n AS id, mod(n * 48271, {MANY}) AS part INTO parts FROM generate_series(1::bigint, {MANY}) AS n"  # noqa: S608

_SETTINGS = ("shared_buffers = '1GB'", "maintenance_work_mem = '1GB'")


class Filled(NamedTuple):
    """The same vectors in a server and in memory.

    Attributes:
        server: The index in the server, at the depth that reaches a recall of .99.
        exact: The index in memory.
        queries: Texts and vectors of the index, none of which the depth was measured with, shape (q, DIM).
        seconds: Time to build the graph.
    """

    server: PgvectorIndex
    exact: MutableIndex
    queries: Vectors
    seconds: float


@pytest.fixture(scope="module")
def filled() -> Iterator[Filled]:
    """Return an index in a server of its own with the memory that an administrator would give it."""
    texts = background_vectors(load_encoder("compact"))
    rows, ids = mixed_vectors(MANY, texts), np.arange(1, MANY + 1)
    exact = new_index(DIM)
    exact.add(ids, rows)
    server = PostgresServer()
    try:
        for setting in _SETTINGS:
            server.sql(f"ALTER SYSTEM SET {setting}")
        server.stop()
        server.start()
        with making_server_indexes(server.url(f"bench_{secrets.token_hex(4)}")) as make:
            index = make(DIM)
            index.always_by_graph = False
            seconds = index.fill(ids, rows)
            with index.engines.writer.begin() as connection:
                for statement in (_PARTS, "CREATE INDEX ON parts (part)", "ANALYZE parts"):
                    connection.exec_driver_sql(statement)
            depth_queries = {
                "texts": HoldoutQueries(texts[::2][:100]),
                "units": HoldoutQueries(exact.vectors(ids[:: MANY // 200]), ids[:: MANY // 200]),
            }
            truths = {name: ground_truths(exact, part) for name, part in depth_queries.items()}
            measured = Trial(exact, depth_queries, truths, None).measure_server(index, 0.99, seconds=seconds)
            queries = np.concatenate([texts[1::2][:100], exact.vectors(ids[17 :: MANY // 100][:100])])
            yield Filled(index.at_depths(measured.depths), exact, queries, seconds)
    finally:
        server.close()


def test_the_graph(filled: Filled, benchmark: BenchmarkFixture, table: Table) -> None:
    server, queries = filled.server, filled.queries
    truth = filled.exact.search(queries, K)
    found = server.search(queries, K)
    for place, kind in ((slice(0, 100), "texts"), (slice(100, None), "photos")):
        table.row(GROUP, f"recall@{K} of {kind}", "", ratio=recall(found.ids[place], truth.ids[place]), at_least=0.99)
    compared = server.at_depths(())
    every = queries[:: len(queries) // (ROUNDS + 1)]
    seconds = in_turns(
        benchmark,
        {
            "the graph": lambda number: server.search(every[number : number + 1], K),
            "comparing all": lambda number: compared.search(every[number : number + 1], K),
        },
        rounds=ROUNDS,
    )
    ratio = seconds["the graph"] / seconds["comparing all"]
    table.row(GROUP, "comparing all", milliseconds(seconds["comparing all"]))
    table.row(GROUP, "the graph", milliseconds(seconds["the graph"]), ratio=ratio, at_most=0.1)
    table.row(GROUP, "building the graph", f"{filled.seconds:.0f} s")


@pytest.mark.parametrize("share", SHARES)
def test_a_filter(filled: Filled, share: str, benchmark: BenchmarkFixture, table: Table) -> None:
    server, queries = filled.server, filled.queries[::10]
    end = round(MANY * SHARES[share])  # a whole number: the server cannot find a fraction in the index
    allowed = filled.exact.ids[(filled.exact.ids * 48271) % MANY < end]
    parts = named_table("parts", column("id"), column("part"))
    passing = column("id").in_(select(parts.c.id).where(parts.c.part < end))
    condition = Condition(share, passing, lambda: allowed)

    def search() -> Ids:
        return server.search(queries, K, allowed=condition).ids

    truth = filled.exact.search(queries, K, allowed=allowed).ids
    ids = benchmark.pedantic(search, rounds=3)  # type: ignore[no-untyped-call]  # no types yet
    rows = np.count_nonzero(ids != -1, axis=1).min()
    seconds = benchmark.stats.stats.median / len(queries)  # type: ignore[union-attr]  # there are, after a run
    what = f"recall@{K} behind a filter that keeps {share}, {rows} results"
    table.row(GROUP, what, milliseconds(seconds), ratio=recall(ids, truth), at_least=1.0)
