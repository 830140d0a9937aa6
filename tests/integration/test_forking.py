"""A library that was opened before a fork, in both processes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import pytest

from retrieval import Library

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

PRELUDE = """
import multiprocessing, os, sys, threading, time
from pathlib import Path
from retrieval import Library, LibraryError

def first(library):
    return library.search("a cat", k=1)[0].path.name

def in_child(work):
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
        sys.stdout.flush()
    except BaseException:
        import traceback
        traceback.print_exc()
        os._exit(1)
    sys.exit(0)  # with everything that runs at the end of a program

def wait_for(*pids):
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * len(pids)
"""


@pytest.fixture
def animals(photos: Path, tmp_path: Path) -> Path:
    """Return a folder of three photos, beside a library of them."""
    folder = tmp_path / "animals"
    folder.mkdir()
    for name in ("chelsea.png", "coffee.png", "rocket.jpg"):
        (photos / name).rename(folder / name)
    with Library.open(tmp_path / "app.recall") as library:
        library.sync(folder)
    return folder


def run(program: str, folder: Path, *, warnings: str = "") -> list[str]:
    """Return the lines that a program prints; it runs in a file of its own, with nothing on standard error."""
    script = folder / "program.py"
    script.write_text(PRELUDE + textwrap.dedent(program))
    command = [sys.executable, "-W", f"error{warnings}", str(script)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, start_new_session=True, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            output, errors = process.communicate(timeout=120)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 9)  # and its children
    assert (process.returncode, errors) == (0, "")
    return output.splitlines()


def test_parent_and_child_both_search_index_and_write(animals: Path, photos: Path, tmp_path: Path) -> None:
    lines = run(
        """
        library = Library.open("app.recall")
        picture = Path("animals/coffee.png").read_bytes()
        print(first(library), library.similar(picture, k=1)[0].path.name, flush=True)
        (worker,) = library._store.pictures._workers
        decoder = worker._process.pid

        def work():
            print(first(library), library.similar(picture, k=1)[0].path.name)
            os.rename("photos/horse.png", "animals/horse.png")
            print(library.sync("animals").added, library.count())
            library.judge("a horse", good=[Path("animals/horse.png")])
            library.close()

        wait_for(in_child(work))
        print(first(library), library.similar(picture, k=1)[0].path.name)
        print(library.search("a horse", k=1)[0].path.name, len(library.judgements()), library.check())
        print(worker._process.pid == decoder, worker._process.poll())
        library.close()
        """,
        tmp_path,
    )
    assert lines == [
        "chelsea.png coffee.png",
        "chelsea.png coffee.png",
        "1 4",
        "chelsea.png coffee.png",
        "horse.png 1 []",
        "True None",
    ]


def test_forks_while_other_threads_search_and_write_disturb_nobody(animals: Path, photos: Path, tmp_path: Path) -> None:
    lines = run(
        """
        library = Library.open("app.recall")
        first(library)
        faults, over = [], threading.Event()

        def use(call):
            while not over.is_set():
                try:
                    call()
                except BaseException as error:
                    faults.append(repr(error))
                    return

        def write():
            library.judge("a cat", good=[Path("animals/chelsea.png")])

        calls = [lambda: first(library), lambda: first(library), library.status, write]
        threads = [threading.Thread(target=use, args=(call,)) for call in calls]
        for thread in threads:
            thread.start()

        def work():
            assert (first(library), library.count()) == ("chelsea.png", 3)
            library.judge("a cat", good=[Path("animals/chelsea.png")])

        try:
            for _ in range(5):
                wait_for(in_child(work))
        finally:
            over.set()
            for thread in threads:
                thread.join()
        print(faults, library.check())
        """,
        tmp_path,
        warnings="::ResourceWarning",
    )
    assert lines == ["[] []"]


def test_a_fork_waits_until_searches_of_other_threads_have_ended(animals: Path, tmp_path: Path) -> None:
    """A fork within a product of OpenBLAS left its lock held in the new process, whose first product never ended."""
    run(
        """
        library = Library.open("app.recall")
        first(library)
        encode, inside, over = library.encoder.encode_texts, set(), threading.Event()

        def slow(texts):
            inside.add(threading.get_ident())
            time.sleep(0.1)
            inside.discard(threading.get_ident())
            return encode(texts)

        def search():
            while not over.is_set():
                first(library)

        def work():
            assert not inside
            os._exit(0)

        library.encoder.encode_texts = slow
        threads = [threading.Thread(target=search) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(10):
                start = time.monotonic()
                wait_for(in_child(work))
                assert time.monotonic() - start < 10  # the fork has not given up waiting
        finally:
            over.set()
        """,
        tmp_path,
    )


def test_workers_of_a_server_that_loads_the_app_first_share_its_library(animals: Path, tmp_path: Path) -> None:
    lines = run(
        """
        library = Library.open("app.recall", config=False, threads=1)
        first(library)  # the encoder and the index are loaded

        def work():
            answers = []
            search = lambda: answers.extend(first(library) for _ in range(5))
            threads = [threading.Thread(target=search) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert answers == ["chelsea.png"] * 20, answers
            library.judge("a cat", good=[Path("animals/chelsea.png")])
            library.close()

        pids = [in_child(work) for _ in range(4)]
        library.close()
        wait_for(*pids)
        with Library.open("app.recall") as library:
            print(first(library), library.check(), library.status().photos)
        """,
        tmp_path,
    )
    assert lines == ["chelsea.png [] 3"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_library_is_an_argument_of_processes_of_multiprocessing(animals: Path, tmp_path: Path, method: str) -> None:
    lines = run(
        f"""
        def work(library, answers):
            answers.put((first(library), library.count()))
            library.close()

        if __name__ == "__main__":
            with Library.open("app.recall", workers=1) as library:
                first(library)
                context = multiprocessing.get_context({method!r})
                answers = context.Queue()
                processes = [context.Process(target=work, args=(library, answers)) for _ in range(3)]
                for process in processes:
                    process.start()
                print([answers.get(timeout=60) for _ in processes])
                for process in processes:
                    process.join()
                print([process.exitcode for process in processes], first(library))
        """,
        tmp_path,
    )
    assert lines == [f"{[('chelsea.png', 3)] * 3}", "[0, 0, 0] chelsea.png"]


def test_a_fork_within_a_read_is_refused_in_the_child_and_harmless_in_the_parent(animals: Path, tmp_path: Path) -> None:
    lines = run(
        """
        library = Library.open("app.recall")

        def work():
            for use in (library.count, lambda: Library.open("app.recall")):
                try:
                    use()
                except LibraryError as error:
                    print(str(error).replace(os.getcwd(), "."))

        with library._store.reading():
            pid = in_child(work)
        wait_for(pid)
        print(first(library))
        library.close()
        """,
        tmp_path,
    )
    message = (
        "app.recall was in use while this process was forked, and cannot be used in it; start the process with the "
        "method spawn, or fork outside of the library's calls"
    )
    assert lines == [message, message, "chelsea.png"]


def test_a_child_does_not_hold_the_write_lock_of_a_parent_that_was_killed(
    animals: Path, photos: Path, tmp_path: Path
) -> None:
    lines = run(
        """
        reader, writer = os.pipe()
        pid = os.fork()
        if not pid:  # indexes, forks meanwhile and is killed
            os.rename("photos/horse.png", "animals/horse.png")
            library = Library.open("app.recall")

            def progress(step):
                if step.stage == "indexing" and not step.done:
                    child = os.fork()
                    if not child:
                        os.write(writer, str(os.getpid()).encode())
                        time.sleep(60)
                        os._exit(0)
                    os.read(reader, 0)
                    time.sleep(0.3)
                    os.kill(os.getpid(), 9)

            library.sync("animals", progress=progress)
        os.waitpid(pid, 0)
        child = int(os.read(reader, 20))
        os.kill(child, 0)  # it lives
        with Library.open("app.recall", wait=0) as library:
            print(library.sync("animals").added)
        os.kill(child, 9)
        """,
        tmp_path,
    )
    assert lines == ["1"]
