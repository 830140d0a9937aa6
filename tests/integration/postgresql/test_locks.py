"""The write lock of a library on a server, between processes, and its fence: who lost the lock cannot commit."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from indexer.catalog.postgresql.lock import connection_name, lock_key
from indexer.database_url import DatabaseUrl
from indexer.errors import LibraryLockedError, StorageError
from indexer.store import Store
from tests.support.postgresql import PostgresServer

pytestmark = pytest.mark.cluster

_HOLD = """
import sys
from indexer.database_url import DatabaseUrl
from indexer.store import Store
with Store(DatabaseUrl.parse(sys.argv[1]), create=False) as store, store.writing("indexing", is_run=True):
    print("held", flush=True)
    for line in sys.stdin:
        if line == "pause\\n":
            store.let_others_write()
        else:
            with store.transaction() as connection:
                connection.exec_driver_sql("INSERT INTO meta (key, value) VALUES ('run', 'x')")
        print("done", flush=True)
"""


@pytest.fixture
def store(postgresql_url: str) -> Iterator[Store]:
    """Return a new library."""
    with Store(DatabaseUrl.parse(postgresql_url), create=True) as store:
        yield store


@contextmanager
def holder(url: str) -> Iterator[subprocess.Popen[str]]:
    """Yield another process that holds the lock as a run does, and pauses or writes when told to."""
    command = [sys.executable, "-c", _HOLD, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.stdin.close()
            process.wait(timeout=30)


def tell(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{word}\n")
    process.stdin.flush()


def answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def keys(store: Store) -> list[str]:
    """Return the keys of `meta` that a test wrote."""
    with store.reading() as connection:
        rows = connection.exec_driver_sql("SELECT key FROM meta WHERE value = 'x' ORDER BY key").all()
    return [str(row[0]) for row in rows]


def write(store: Store, key: str) -> None:
    with store.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO meta (key, value) VALUES (%s, 'x')", (key,))


def cut(server: PostgresServer) -> None:
    """End the connection of whoever holds a lock, as the server does when the network is cut."""
    ((count,),) = server.sql(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    )
    assert count >= 1


def test_another_process_is_named_that_holds_the_lock(
    store: Store, postgresql_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with holder(postgresql_url) as process:
        owner = rf"process {process.pid} \(indexing\) on \S+"
        locked = rf"^{owner} is writing to postgresql://.*; wait until it is done, or stop it$"
        with pytest.raises(LibraryLockedError, match=locked), store.writing("tagging", wait=0):
            pytest.fail("two writers at once")
        with caplog.at_level(logging.WARNING), pytest.raises(LibraryLockedError), store.writing("x", wait=2.5):
            pytest.fail("two writers at once")
        assert f"waiting up to 2 seconds for process {process.pid} (indexing) on " in caplog.text
    with store.writing("tagging", wait=0):
        write(store, "tagged")
    assert keys(store) == ["tagged"]


def test_the_lock_of_a_killed_process_is_free(store: Store, postgresql_url: str) -> None:
    with holder(postgresql_url) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
        with store.writing("tagging", wait=10):
            write(store, "tagged")


def test_small_writes_come_between_two_batches_of_a_run(store: Store, postgresql_url: str) -> None:
    def tag() -> None:
        with store.writing("tagging", wait=30):
            write(store, "tagged")

    with holder(postgresql_url) as process:
        thread = threading.Thread(target=tag)
        thread.start()
        time.sleep(0.5)
        assert thread.is_alive()
        tell(process, "pause")
        thread.join(timeout=10)
        assert answer(process) == "done\n"  # the run has the lock again, and is alone
        with pytest.raises(LibraryLockedError), store.writing("more", wait=0):
            pytest.fail("two writers at once")
        tell(process, "write")
        assert answer(process) == "done\n"
        with pytest.raises(LibraryLockedError, match="indexing"), store.writing("run", is_run=True, wait=0):
            pytest.fail("two runs at once")
    assert keys(store) == ["run", "tagged"]


def test_waiting_ends_when_the_library_is_closed(store: Store, postgresql_url: str) -> None:
    errors = []

    def tag() -> None:
        try:
            with store.writing("tagging", wait=30):
                pass
        except Exception as error:  # noqa: BLE001 - it is looked at below
            errors.append(type(error).__name__)

    with holder(postgresql_url):
        thread = threading.Thread(target=tag)
        thread.start()
        time.sleep(0.3)
        store.refuse()
        thread.join(timeout=5)
    assert errors == ["LibraryClosedError"]


def test_a_writer_that_lost_its_lock_to_another_cannot_commit(
    store: Store, postgresql_url: str, postgresql_server: PostgresServer
) -> None:
    with Store(DatabaseUrl.parse(postgresql_url), create=False) as other:
        with store.writing("indexing", is_run=True):
            write(store, "before")
            cut(postgresql_server)
            with other.writing("tagging", wait=10):
                write(other, "tagged")
                for _ in range(2):
                    with pytest.raises(StorageError, match=r"another process is the writer of postgresql://.* now"):
                        write(store, "lost")
            with pytest.raises(StorageError, match="another process is the writer"):
                write(store, "lost")  # also after the other one has finished
            store.let_others_write()  # a run takes the lock again between two batches
            write(store, "again")
        assert keys(other) == ["again", "before", "tagged"]


def test_a_transaction_that_began_before_the_lock_was_lost_ends_before_another_writer_begins(
    store: Store, postgresql_url: str, postgresql_server: PostgresServer
) -> None:
    written = []

    def tag(other: Store) -> None:
        with other.writing("tagging", wait=20):
            written.extend(keys(other))

    with Store(DatabaseUrl.parse(postgresql_url), create=False) as other, store.writing("indexing"):
        with store.transaction() as connection:
            connection.exec_driver_sql("INSERT INTO meta (key, value) VALUES ('batch', 'x')")
            cut(postgresql_server)
            thread = threading.Thread(target=tag, args=(other,))
            thread.start()
            time.sleep(0.5)
            assert thread.is_alive()  # it has the lock, and waits for the transaction
        thread.join(timeout=10)
    assert written == ["batch"]


def test_a_thread_waits_for_another_of_its_process_also_if_the_lock_was_lost(
    store: Store, postgresql_server: PostgresServer
) -> None:
    order = []

    def tag() -> None:
        with store.writing("tagging", wait=20):
            order.append("second")

    with store.writing("indexing"):
        cut(postgresql_server)
        thread = threading.Thread(target=tag)
        thread.start()
        time.sleep(0.5)
        write(store, "first")  # nobody else was the writer meanwhile
        order.append("first")
    thread.join(timeout=10)
    assert order == ["first", "second"]
    assert keys(store) == ["first"]


def test_a_slow_reader_does_not_hold_up_a_writer(store: Store, postgresql_url: str) -> None:
    with Store(DatabaseUrl.parse(postgresql_url), create=False) as other, other.reading() as connection:
        before = other.database.snapshot_version(connection)
        with store.writing("tagging", wait=0):
            write(store, "tagged")
        count = connection.exec_driver_sql("SELECT count(*) FROM meta WHERE value = 'x'").scalar()
        assert count == 0  # it sees the state in which it began
        assert other.database.snapshot_version(connection) == before != other.database.data_version()


def test_libraries_of_one_database_have_locks_of_their_own(store: Store, postgresql_server: PostgresServer) -> None:
    url = postgresql_server.url("test_other_library")
    with Store(DatabaseUrl.parse(url), create=True) as other, store.writing("one"), other.writing("two", wait=0):
        write(other, "two")
        write(store, "one")
    postgresql_server.drop("test_other_library")
    assert lock_key(DatabaseUrl.parse(url), "write") != lock_key(DatabaseUrl.parse(url), "run")


def test_the_name_of_a_connection_fits_and_says_where_the_writer_is() -> None:
    name = connection_name("changing the encoder of a very large library", pid=4194304, host="a" * 70)
    assert len(name) == 63
    assert name.startswith("recall: process 4194304 (changing the")
    assert name.endswith(f") on {'a' * 20}")
    assert connection_name("naming Zoë", pid=1, host="nas") == "recall: process 1 (naming Zo?) on nas"
