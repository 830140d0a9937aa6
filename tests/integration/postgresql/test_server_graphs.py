"""Libraries whose index the PostgreSQL server keeps: when it is built, kept and dropped."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sqlalchemy import select, text, update

from indexer.catalog.postgresql import vector_indexes
from indexer.catalog.schema import EMBEDDINGS, ENCODERS
from indexer.database_url import DatabaseUrl
from indexer.errors import ConfigError, StorageError
from indexer.maintenance.optimize import is_due
from indexer.store import Store
from indexer.types import Vectors
from indexer.vectors.autotune import trial
from indexer.vectors.pgvector_index import PgvectorIndex
from retrieval import Library
from tests.support.index_choice import chosen_kind, index_class
from tests.support.postgresql import OWNER, PostgresServer
from tests.support.program import Program
from tests.support.server_library import COUNT, LITTLE

pytestmark = pytest.mark.cluster

_BUILDING = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%%hnsw%%' AND state = 'active'"


def test_a_graph_of_that_name_in_another_schema_is_not_taken_for_the_librarys(
    library: Library, graphs: Callable[[], list[str]], postgresql_server: PostgresServer
) -> None:
    postgresql_server.sql("CREATE TABLE public.other (vector halfvec(2))")  # public is searched for names, too
    try:
        postgresql_server.sql("CREATE INDEX ix_embeddings_hnsw_1 ON public.other USING hnsw (vector halfvec_ip_ops)")
        library.optimize(recall=0.9, memory=LITTLE)
        assert graphs() == ["ix_embeddings_hnsw_1"]
    finally:
        postgresql_server.sql("DROP TABLE public.other")


def test_the_servers_index_is_not_measured_again_by_itself(in_server: Library, vectors: Vectors) -> None:
    chosen = in_server._store.server_choice()
    in_server.add(vectors=np.repeat(vectors[:5], COUNT // 20, axis=0), collection="more")  # a quarter
    assert not is_due(in_server._store)
    assert in_server._store.server_choice() == chosen


def test_the_graph_is_dropped_when_another_kind_is_chosen(in_server: Library, graphs: Callable[[], list[str]]) -> None:
    assert in_server.optimize(recall=1).measurements[0].kind == "exact"
    assert (graphs(), chosen_kind(in_server)) == ([], "exact")
    with pytest.raises(ConfigError, match=r"no index reaches a recall of 1 in 1,000 bytes: .* exact"):
        in_server.optimize(recall=1, memory=LITTLE)
    assert graphs() == []


def test_a_target_that_the_server_misses_leaves_nothing(
    library: Library, graphs: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "SERVER_DEPTHS", (1,))
    with pytest.raises(ConfigError, match=r"no index reaches a recall of 0\.999 in 1,000 bytes"):
        library.optimize(recall=0.999, memory=LITTLE)
    assert (graphs(), chosen_kind(library)) == ([], None)


@pytest.mark.skipif(os.name == "nt", reason="stops a process with a signal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopped_while_the_graph_is_built_it_leaves_nothing(
    library: Library,
    graphs: Callable[[], list[str]],
    postgresql_server: PostgresServer,
    recall_program: Program,
    number: signal.Signals,
) -> None:
    schema = library.name.partition("schema=")[2]
    blocker = threading.Event()

    def hold() -> None:  # building waits for the end of what changes the table
        import psycopg

        with psycopg.connect(**postgresql_server._arguments("postgres", "photos")) as connection:
            connection.execute(f"LOCK TABLE {schema}.embeddings IN ROW EXCLUSIVE MODE".encode())
            blocker.wait(60)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold)
        run = recall_program.start("optimize", "--recall", "0.9", "--memory", "1kB", "--library", library.name)
        try:
            wait_until(lambda: bool(postgresql_server.sql(_BUILDING)), run)
            os.killpg(run.pid, number)
            _, output = run.communicate(timeout=60)
            if number == signal.SIGINT:
                assert (run.returncode, output.splitlines()[-1]) == (130, "recall: stopped")
                assert postgresql_server.sql(_BUILDING) == []
        finally:
            blocker.set()
            held.result()
    wait_until(lambda: not postgresql_server.sql(_BUILDING))
    assert (graphs(), chosen_kind(library)) == ([], None)
    assert library.optimize(recall=0.9, memory=LITTLE).measurements[0].kind == "pgvector"


def test_a_graph_that_is_not_valid_is_built_anew(
    in_server: Library, graphs: Callable[[], list[str]], postgresql_server: PostgresServer
) -> None:
    schema = in_server.name.partition("schema=")[2]
    graph = f"{schema}.ix_embeddings_hnsw_1"
    postgresql_server.sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = CAST(%s AS regclass)", graph)
    assert "is not valid" in "".join(problem.subject for problem in in_server.check())
    in_server.optimize(recall=0.9, memory=LITTLE)
    assert graphs() == ["ix_embeddings_hnsw_1"]
    is_valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = CAST(%s AS regclass)"
    assert postgresql_server.sql(is_valid, graph) == [(True,)]


def test_a_reader_holds_up_the_dropping_of_a_graph_for_seconds_only(
    in_server: Library,
    graphs: Callable[[], list[str]],
    postgresql_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vector_indexes, "_WAIT_SECONDS", 1)
    with in_server._store.reading() as connection:
        connection.execute(select(EMBEDDINGS.c.id).limit(1)).all()
        in_server.optimize(recall=1)
        assert (graphs(), chosen_kind(in_server)) == (["ix_embeddings_hnsw_1"], "exact")
        problems = [problem for problem in in_server.check() if "is not valid" in problem.subject]
        assert [problem.advice for problem in problems] == ["run: recall optimize, with the same --memory"]
        with pytest.raises(StorageError, match=r"ix_embeddings_hnsw_1 is not valid, and cannot be dropped while anot"):
            in_server.optimize(recall=0.9, memory=LITTLE)
    in_server.optimize(recall=1)
    assert graphs() == []


def test_a_time_limit_of_the_role_does_not_stop_the_building_of_a_graph(
    postgresql_url: str, postgresql_server: PostgresServer
) -> None:
    postgresql_server.sql(f"ALTER ROLE {OWNER} SET statement_timeout = '1min'")
    limit = text("SHOW statement_timeout")
    try:
        with Store(DatabaseUrl.parse(postgresql_url), create=True) as store:
            with store.database.making_index() as connection:
                assert connection.scalar(limit) == "0"
            with store.reading() as connection:
                assert connection.scalar(limit) == "1min"
    finally:
        postgresql_server.sql(f"ALTER ROLE {OWNER} RESET statement_timeout")


def test_the_vectors_of_another_encoder_are_searched_in_memory_until_the_next_choice(
    in_server: Library, graphs: Callable[[], list[str]]
) -> None:
    store = in_server._store
    chosen_for = store.index_fingerprint
    with store.transaction() as connection:  # what a change of encoder does when it is done
        connection.exec_driver_sql("UPDATE encoders SET fingerprint = 'another'")
    assert store.server_choice() is None
    assert index_class(in_server) is not PgvectorIndex
    assert graphs() == ["ix_embeddings_hnsw_1"]
    store.drop_old_graphs()
    with store.transaction() as connection:
        connection.execute(update(ENCODERS).values(fingerprint=chosen_for))
    assert (graphs(), store.server_choice()) == ([], None)


def wait_until(is_done: Callable[[], bool], run: subprocess.Popen[str] | None = None) -> None:
    """Wait until something is done, and fail if it is not within a minute, or if a process ends before it."""
    end = time.monotonic() + 60
    while not is_done():
        if run is not None and run.poll() is not None:
            pytest.fail(f"it has ended: {run.communicate()}")
        if time.monotonic() > end:
            pytest.fail("it takes too long")
        time.sleep(0.05)
