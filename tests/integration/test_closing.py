"""A closed library refuses every call, and closing it while others use it ends their calls cleanly."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from indexer.catalog.sqlite.database import SqliteDatabase
from indexer.catalog.sqlite.lock import write_lock
from indexer.types import Progress
from retrieval import Library, LibraryClosedError, RecallError
from tests.support.color_photos import paint, paint_many
from tests.support.contents import Place, contents
from tests.support.encoders import FakeEncoder

ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "search": ("red",),
    "similar": ("a.png",),
    "explain": ("red", "a.png"),
    "evaluate": ("queries.csv",),
    "judge": ("red",),
    "show": ("red", []),
    "export_judgements": (None,),
    "import_judgements": ("judgements.jsonl",),
    "learn": ("Biscuit", ["a.png"]),
    "forget_word": ("Biscuit",),
    "sync": ("pictures",),
    "forget": ("pictures",),
    "export": ("export",),
    "import_": ("export",),
    "use_encoder": ("compact",),
    "__contains__": ("a",),
}
"""Arguments of methods that need some."""

NO_CALLS = {"open", "close", "path", "encoder", "gather_queries"}
"""What neither reads nor writes the library."""


def methods() -> list[str]:
    """Return the names of the methods that read or write the library."""
    names = [name for name in dir(Library) if not name.startswith("_") or name in ("__len__", "__contains__")]
    return [name for name in names if name not in NO_CALLS and callable(getattr(Library, name))]


def closed_message(library: Library) -> str:
    return f"the library {library.name} is closed; open it again with Library.open"


@pytest.mark.parametrize("name", methods())
def test_every_method_of_a_closed_library_says_that_it_is_closed(library: Library, name: str) -> None:
    library.close()
    arguments = ARGUMENTS.get(name, ())
    method = getattr(library, name)
    with pytest.raises(LibraryClosedError) as caught:
        list(method(*arguments))  # of a generator, the first item
    assert str(caught.value) == closed_message(library)


def test_a_closed_library_can_be_closed_again_and_keeps_its_path_but_not_its_encoder(library: Library) -> None:
    path = library.path
    library.close()
    library.close()
    assert library.path == path
    with pytest.raises(LibraryClosedError, match="is closed"):
        _ = library.encoder
    with pytest.raises(LibraryClosedError, match="is closed"), library:
        pass


class Crowd:
    """Threads that use a library until it is closed.

    Attributes:
        answers: Calls that returned something.
        refusals: Calls that raised LibraryClosedError.
        faults: Anything else that a call raised, or a wrong answer.
    """

    def __init__(self, library: Library, calls: list[Callable[[Library], bool]]) -> None:
        self.library = library
        self.answers, self.refusals = 0, 0
        self.faults: list[BaseException] = []
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._use, args=(call,), daemon=True) for call in calls]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self, seconds: float) -> bool:
        """Wait for the threads to end, and return whether they did."""
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _use(self, call: Callable[[Library], bool]) -> None:
        while True:
            try:
                is_right = call(self.library)
            except LibraryClosedError:
                with self._lock:
                    self.refusals += 1
                return
            except BaseException as error:  # noqa: BLE001 - a thread reports whatever it meets
                with self._lock:
                    self.faults.append(error)
                return
            with self._lock:
                self.answers += 1
                if not is_right:
                    self.faults.append(AssertionError(f"wrong answer of {call}"))


def search(library: Library) -> bool:
    return library.search("red", k=1)[0].path.name == "red.png"


def similar(library: Library) -> bool:
    return len(library.similar(library.path.parent / "elsewhere.png", k=2)) == 2


def judge(library: Library) -> bool:
    hits = library.search("lime", k=2)
    return library.judge("lime", good=[hits[0]]) is not None


def sync(library: Library) -> bool:
    paint(library.path.parent / "pictures" / f"{random.random()}.png", (0, 0, random.randrange(200)))
    return library.sync(library.path.parent / "pictures").failed == 0


CALLS: list[Callable[[Library], bool]] = [
    *[search] * 6,
    *[lambda library: len(library.list(limit=2)) == 2] * 3,
    lambda library: library.count() >= 3,
    lambda library: library.status().photos >= 3,
    lambda library: library.failures() == [],
    lambda library: library.words() == [],
    lambda library: library.check() == [],
    lambda library: len(library.judgements()) >= 0,
    similar,
    judge,
    sync,
]


@pytest.mark.parametrize("seed", range(6))
def test_closing_while_many_threads_use_a_library_ends_their_calls_cleanly(
    tmp_path: Path, library_place: Place, folder: Path, seed: int
) -> None:
    for color in ("red", "lime", "blue"):
        paint(folder / f"{color}.png", color)
    paint(tmp_path / "elsewhere.png", "red")
    with Library.open(library_place, encoder=FakeEncoder()) as library:
        library.sync(folder)
    library = Library.open(library_place, encoder=FakeEncoder())
    crowd = Crowd(library, CALLS)
    crowd.start()
    time.sleep(random.Random(seed).random() * 0.6)
    with ThreadPoolExecutor(3) as pool:  # also several that close it at once
        for closing in [pool.submit(library.close) for _ in range(3)]:
            closing.result(timeout=20)
    assert crowd.join(20)
    assert crowd.faults == []
    assert crowd.refusals == len(CALLS)
    with Library.open(library_place, encoder=FakeEncoder()) as library:
        assert library.check() == []
        assert search(library)


def test_a_sync_that_is_closed_keeps_what_it_has_committed(library_place: Place, folder: Path) -> None:
    paint_many(folder, 200)
    path, counts = library_place, []
    library = Library.open(path, encoder=FakeEncoder())

    def close_at_once(progress: Progress) -> None:
        if progress.stage == "indexing" and progress.done:
            counts.append(progress.done)
            library.close()  # in the thread of the call: it cannot wait for itself

    with pytest.raises(LibraryClosedError, match="is closed"):
        library.sync(folder, progress=close_at_once)
    assert counts[0] <= len(contents(path)) < 200
    with Library.open(path, encoder=FakeEncoder()) as library:
        report = library.sync(folder)
        assert (report.unchanged + report.added, len(contents(path))) == (200, 200)
        assert report.unchanged >= counts[0]


@pytest.mark.folder
def test_a_writer_that_waits_for_another_ends_when_its_library_is_closed(library: Library, folder: Path) -> None:
    paint(folder / "red.png", "red")
    library.sync(folder)
    with write_lock(library.path, "indexing", timeout=0), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(library.forget, folder)
        time.sleep(0.3)
        start = time.monotonic()
        library.close()
        with pytest.raises(LibraryClosedError, match="is closed"):
            waiting.result(timeout=5)
        assert time.monotonic() - start < 3


@pytest.mark.folder
def test_the_files_are_closed_when_close_returns_if_no_call_takes_longer(library: Library, folder: Path) -> None:
    paint(folder / "red.png", "red")
    library.sync(folder)
    entered, proceed = threading.Event(), threading.Event()

    def hold(_: Progress) -> None:
        entered.set()
        proceed.wait(10)

    paint(folder / "blue.png", "blue")
    with ThreadPoolExecutor(2) as pool:
        run = pool.submit(library.sync, folder, progress=hold)
        entered.wait(10)
        closing = pool.submit(library.close)
        time.sleep(0.3)
        assert not closing.done()  # it waits for the sync
        proceed.set()
        with pytest.raises(LibraryClosedError):
            run.result(timeout=10)
        closing.result(timeout=10)
    database = library._store.database
    assert isinstance(database, SqliteDatabase)
    assert database._engine is None


def test_an_error_of_the_app_itself_is_not_hidden_by_closing(library: Library, folder: Path) -> None:
    paint(folder / "red.png", "red")

    def cancel(_: Progress) -> None:
        library.close()
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        library.sync(folder, progress=cancel)


def test_other_errors_of_an_open_library_stay_as_they_are(library: Library) -> None:
    with pytest.raises(RecallError) as caught:
        library.search("red")
    assert not isinstance(caught.value, LibraryClosedError)
