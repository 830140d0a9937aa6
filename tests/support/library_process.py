"""Processes that read or write a library while a test breaks its server: python -m tests.support.library_process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def started(role: str, library: str, *, prefix: tuple[str, ...] = ()) -> Iterator[subprocess.Popen[str]]:
    """Yield a process that does what one of the functions below says; it is killed at the end of the block."""
    process = subprocess.Popen(
        [*prefix, sys.executable, "-m", "tests.support.library_process", role, library],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def lines(process: subprocess.Popen[str]) -> Iterator[list[str]]:
    """Yield the words of each line that a process writes, until it ends."""
    assert process.stdout is not None
    for line in process.stdout:
        yield line.split()


def ask(process: subprocess.Popen[str], word: str) -> list[str]:
    """Return the words with which a process answers."""
    assert process.stdin is not None
    process.stdin.write(f"{word}\n")
    process.stdin.flush()
    return next(lines(process))


def say(*words: object) -> None:
    """Write a line at once, so that a killed process leaves no partial one."""
    os.write(1, f"{' '.join(map(str, words))}\n".encode())


def read(url: str) -> None:
    """Search and count again and again; write "ok", the time and the number of items, or "error" and its class."""
    from indexer.errors import RecallError
    from retrieval import Library
    from tests.support.encoders import FakeEncoder

    with Library.open(url, encoder=FakeEncoder(), create=False) as library:
        while True:
            try:
                hits = library.search("red", k=10)
                say("ok", time.monotonic(), len(library), len(hits))
            except RecallError as error:
                say("error", type(error).__name__)
            time.sleep(0.02)


def read_many(url: str) -> None:
    """Read with ten threads, each with a library of its own, until the input ends; write their `Reading` as JSON."""
    over, readings = threading.Event(), [Reading() for _ in range(10)]
    threads = [threading.Thread(target=reading.run, args=(url, over)) for reading in readings]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    over.set()
    for thread in threads:
        thread.join()
    say(json.dumps([asdict(reading) for reading in readings]))


@dataclass
class Reading:
    """What a reader saw: answers, the numbers of items that it counted, and errors."""

    answers: int = 0
    counted: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def run(self, url: str, over: threading.Event) -> None:
        """Search and count until the event."""
        from retrieval import Library
        from tests.support.encoders import FakeEncoder

        try:
            with Library.open(url, encoder=FakeEncoder(), create=False) as library:
                while not over.is_set():
                    before = len(library)
                    found = len(library.search("red", k=100_000))
                    if found < before:
                        self.errors.append(f"{found} found of {before}")
                    self.answers += 1
                    self.counted += [before] if before not in self.counted[-1:] else []
                    over.wait(0.05)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.errors.append(f"{type(error).__name__}: {error}")


def write_when_told(url: str) -> None:
    """Take the write lock and say "held"; add an item for each line of the input, and say "done" or the error."""
    from indexer.errors import RecallError
    from indexer.store import Store
    from retrieval import Library
    from tests.support.encoders import FakeEncoder

    with Library.open(url, encoder=FakeEncoder()) as library:
        store: Store = library._store
        with store.writing("indexing", wait=60, is_run=True):
            say("held", time.monotonic())
            for line in sys.stdin:
                try:
                    with store.transaction() as connection:
                        connection.exec_driver_sql(f"INSERT INTO meta (key, value) VALUES ('{line.strip()}', 'x')")  # noqa: S608
                    say("done")
                except RecallError as error:
                    say("refused", type(error).__name__, error)


if __name__ == "__main__":
    {"read": read, "read_many": read_many, "write": write_when_told}[sys.argv[1]](sys.argv[2])
