"""One open library, searched by many threads."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from indexer.catalog.sqlite.database import SqliteDatabase
from indexer.store import Store
from retrieval import Library
from tests.support.color_photos import paint

THREADS, SEARCHES, READS = 32, 60, 5


@pytest.fixture
def short_turns() -> Iterator[None]:
    """Have Python switch between threads a thousand times as often as usual."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture
def colors(library: Library, folder: Path) -> Library:
    """Return a library of a red, a green and a blue picture."""
    for color in ("red", "lime", "blue"):
        paint(folder / f"{color}.png", color)
    library.sync(folder)
    return library


@pytest.mark.usefixtures("short_turns")
def test_many_threads_that_search_one_library_all_get_the_same_answer(colors: Library) -> None:
    def search(_: int) -> list[list[str]]:
        return [[hit.path.stem for hit in colors.search("red", k=1)] for _ in range(SEARCHES)]

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(search, range(THREADS)))
    assert answers == [[["red"]] * SEARCHES] * THREADS


class CountingConnection:
    """A connection that counts how many threads use it at the same time.

    Attributes:
        most: The highest number so far.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._users = 0
        self.most = 0

    def cursor(self) -> CountingConnection:
        with self._lock:
            self._users += 1
            self.most = max(self.most, self._users)
        time.sleep(0.001)  # long enough for another thread to come in
        return self

    def execute(self, statement: str) -> Any:
        return self._connection.cursor().execute(statement)

    def close(self) -> None:
        with self._lock:
            self._users -= 1


@pytest.mark.folder
def test_threads_take_turns_at_the_connection_that_watches_for_changes(
    colors: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(colors.path, create=False) as store:
        assert isinstance(store.database, SqliteDatabase)
        connection = CountingConnection(store.database._version_connection)

        def read(number: int) -> int:
            return sum(len(store.index()) if number % 2 else bool(store.encoder) for _ in range(READS))

        with monkeypatch.context() as patch, ThreadPoolExecutor(THREADS) as pool:
            patch.setattr(store.database, "_version_connection", connection)
            counts = list(pool.map(read, range(THREADS)))
    assert counts == [READS, 3 * READS] * (THREADS // 2)
    assert connection.most == 1
