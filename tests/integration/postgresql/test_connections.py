"""A library on a server: opened by several processes at once, read again after the server was killed, and forked."""

from __future__ import annotations

import os
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from indexer.catalog.postgresql.database import PostgresDatabase
from indexer.database_url import DatabaseUrl
from indexer.errors import ConnectionLostError, LibraryClosedError, LibraryError, StorageError
from indexer.store import Store
from retrieval import Library
from tests.support.encoders import FakeEncoder
from tests.support.postgresql import PostgresServer

pytestmark = pytest.mark.cluster

TEXTS = ["a red shoe", "a lime tree", "a blue sky"]


def open_library(url: str) -> Library:
    return Library.open(url, encoder=FakeEncoder())


def connections(server: PostgresServer) -> int:
    """Return how many connections Recall has to a server, waiting a moment for those that end."""
    count, end = 1, time.monotonic() + 2
    while count and time.monotonic() < end:
        ((count,),) = server.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'recall%'")
        time.sleep(0.02)
    return count


def test_a_library_is_made_by_one_of_several_that_open_it_at_once(postgresql_url: str) -> None:
    url = DatabaseUrl.parse(postgresql_url)

    def open_store(_: int) -> str | None:
        with Store(url, create=True) as store:
            return store.database.revision()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(open_store, range(4))) == [None] * 4
    with Store(url, create=False) as store:
        assert store.database.revision() is not None


def test_a_library_that_is_not_there_is_not_made_for_reading(postgresql_url: str) -> None:
    with pytest.raises(LibraryError, match=r"there is no library at postgresql://.*; create one with: recall index"):
        Library.open(postgresql_url, create=False)
    with pytest.raises(LibraryError, match="there is no library at"):
        Library.open(postgresql_url, read_only=True)


def test_more_threads_than_connections_are_told_so(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(DatabaseUrl.parse(postgresql_url), create=True) as store, ExitStack() as held:
        for _ in range(15):
            held.enter_context(store.reading())
        assert isinstance(store.database, PostgresDatabase)
        with store.database.using() as engines:
            monkeypatch.setattr(engines.engine.pool, "_timeout", 0.1)
        with pytest.raises(StorageError, match=r"too many threads use postgresql://.*; try again later"):
            held.enter_context(store.reading())


def test_a_closed_library_has_no_connection(own_postgresql: PostgresServer) -> None:
    with open_library(own_postgresql.url()) as library:
        library.add(texts=TEXTS)
        assert len(library.search("shoe")) > 0
    assert connections(own_postgresql) == 0
    with pytest.raises(LibraryClosedError, match=r"the library postgresql://.* is closed"):
        library.status()


def test_a_library_has_the_name_of_its_url_and_a_folder_for_files_of_this_machine(
    postgresql_url: str, tmp_path: Path
) -> None:
    with Library.open(postgresql_url, encoder=FakeEncoder(), cache=tmp_path) as library:
        library.add(texts=TEXTS)
        library.search("shoe")
        assert library.name == postgresql_url
        assert library.path.parent == tmp_path / "libraries"
        assert not (library.path / "catalog.db").exists()
        assert library.status().name == postgresql_url
        assert library.status().catalog_bytes > 8192


def test_a_pickled_library_opens_the_same_url(postgresql_url: str) -> None:
    with Library.open(postgresql_url) as library:
        content = pickle.dumps(library)
        with pickle.loads(content) as again:  # noqa: S301 - just pickled
            assert again.name == postgresql_url


def test_readers_answer_after_the_server_was_killed(own_postgresql: PostgresServer) -> None:
    with open_library(own_postgresql.url()) as library:
        library.add(texts=TEXTS)
        before = library.search("shoe")
        own_postgresql.kill()
        with ThreadPoolExecutor(1) as pool:
            search = pool.submit(library.search, "shoe")  # waits for the server
            time.sleep(1)
            own_postgresql.start()
            start = time.monotonic()
            assert search.result() == before
            assert time.monotonic() - start < 10
        own_postgresql.kill()
        own_postgresql.start()
        assert library.status().texts == len(TEXTS)
        assert library.add(texts=["another"]).added == 1


def test_a_read_that_was_interrupted_is_done_again(own_postgresql: PostgresServer) -> None:
    with open_library(own_postgresql.url()) as library:
        library.add(texts=TEXTS)
        library.search("shoe")
        reading, calls = library._store.reading, []

        def interrupted() -> object:
            calls.append(1)
            if len(calls) == 1:
                own_postgresql.kill()
                own_postgresql.start()
            return reading()

        with pytest.MonkeyPatch.context() as patch, library._store.reading() as connection:
            own_postgresql.kill()
            own_postgresql.start()
            with (
                pytest.raises(ConnectionLostError, match=r"the connection to postgresql://.* was lost"),
                library._store.errors(),
            ):
                connection.exec_driver_sql("SELECT 1")
            patch.setattr(library._store, "reading", interrupted)
            assert library.status().texts == len(TEXTS)


def test_a_server_that_stays_away_is_one_sentence(own_postgresql: PostgresServer) -> None:
    with open_library(own_postgresql.url()) as library:
        library.add(texts=TEXTS)
        own_postgresql.stop()
        with pytest.raises(
            StorageError, match=r"the server of postgresql://.* does not answer \(.*\); start it"
        ) as away:
            library.status()
        assert "\n" not in str(away.value)


def test_nothing_of_a_batch_is_kept_if_the_server_is_killed_under_it(own_postgresql: PostgresServer) -> None:
    with open_library(own_postgresql.url()) as library:
        library.add(texts=TEXTS)

        def write() -> None:
            with library._store.transaction() as connection:
                connection.exec_driver_sql("DELETE FROM items")
                own_postgresql.kill()
                own_postgresql.start()
                connection.exec_driver_sql("DELETE FROM units")

        with pytest.raises(StorageError, match="committed work is safe"):
            write()
        assert library.status().texts == len(TEXTS)


def test_a_forked_process_makes_connections_of_its_own(postgresql_url: str) -> None:
    with open_library(postgresql_url) as library:
        library.add(texts=TEXTS)
        hits = library.search("shoe")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = 0 if library.search("shoe") == hits and library.add(texts=["of a child"]).added == 1 else 2
                library.close()
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert library.status().texts == len(TEXTS) + 1


def test_a_lock_that_the_parent_holds_is_not_given_back_by_a_forked_process(postgresql_url: str) -> None:
    with Store(DatabaseUrl.parse(postgresql_url), create=True) as store:
        with store.writing("holding"):
            child = os.fork()
            if child == 0:
                store.close()
                os._exit(0)
            os.waitpid(child, 0)
            with store.transaction() as connection:
                connection.exec_driver_sql("UPDATE meta SET value = value")
        with store.writing("again", wait=0):
            pass
