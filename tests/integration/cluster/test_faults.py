"""A server that is killed, a network that is cut, and many readers and writers of a library in PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from retrieval import Library
from tests.support.adding_process import BATCH, start_adding
from tests.support.color_photos import paint_many
from tests.support.contents import count, rows
from tests.support.encoders import FakeEncoder
from tests.support.library_process import ask, lines, started
from tests.support.machines import machines
from tests.support.postgresql import PostgresServer

pytestmark = pytest.mark.cluster

BATCHES = """
SELECT split_part(encode(path, 'escape'), '/', 1), count(*) FROM items
WHERE encode(path, 'escape') LIKE 'collection:many%' GROUP BY 1
"""


def make(url: str) -> None:
    """Make a library with one batch, so that readers find something."""
    with Library.open(url, encoder=FakeEncoder()) as library:
        library.add(vectors=[[1.0, 0.0, number / BATCH] for number in range(BATCH)], collection="first")


def wait_for(process: subprocess.Popen[str], *, after: float = 0.0) -> tuple[float, list[str]]:
    """Return the time of a reader's first answer after a time, and the names of the errors before it."""
    errors = []
    for kind, *words in lines(process):
        if kind == "error":
            errors.append(words[0])
            continue
        assert int(words[1]) % BATCH == 0, "a reader sees half a batch"
        assert int(words[2]) == 10
        if float(words[0]) > after:
            return float(words[0]), errors
    pytest.fail(f"the reader has ended, {process.wait()}: {errors}")


def test_after_a_crash_of_the_server_readers_answer_and_no_batch_is_half(own_postgresql: PostgresServer) -> None:
    url = own_postgresql.url()
    make(url)
    with ExitStack() as stack:
        readers = [stack.enter_context(started("read", url)) for _ in range(2)]
        for reader in readers:
            wait_for(reader)
        writer = stack.enter_context(start_adding(url, "many", 0, 400, 400))
        stack.callback(writer.kill)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        reported = [int(writer.stdout.readline()) for _ in range(20)]
        own_postgresql.kill()
        reported += [int(line) for line in writer.stdout]
        assert writer.wait(timeout=30) == 1
        assert reported[-1] < 399
        time.sleep(1)
        own_postgresql.start()
        back = time.monotonic()
        for reader in readers:
            answered, errors = wait_for(reader, after=back)
            assert answered - back < 10
            assert set(errors) <= {"ConnectionLostError"}
        sizes = dict(rows(url, BATCHES))
        assert set(sizes.values()) == {BATCH}
        assert count(url, "items") // BATCH - 1 in {len(reported), len(reported) + 1}  # the last may be committed
    with Library.open(url, encoder=FakeEncoder()) as library:
        library.add(vectors=[[0.0, 1.0, 0.0]], ids=["next"])
        assert library.check() == []


def test_another_machine_writes_after_the_network_of_a_writer_was_cut() -> None:
    with ExitStack() as stack:
        net = stack.enter_context(machines("db", "one", "two"))
        server = PostgresServer(host=net.address("db"), prefix=net.prefix("db"))
        stack.callback(server.close)
        url = server.url()
        one = stack.enter_context(started("write", url, prefix=net.prefix("one")))
        assert next(lines(one))[0] == "held"
        assert ask(one, "before") == ["done"]
        net.cut("one")
        cut = time.monotonic()
        two = stack.enter_context(started("write", url, prefix=net.prefix("two")))
        held = float(next(lines(two))[1])
        assert held - cut < 10
        assert ask(two, "two") == ["done"]
        assert ask(one, "unreachable")[:2] == ["refused", "ConnectionLostError"]
        net.mend("one")
        for _ in range(3):
            assert ask(one, "late")[0] == "refused"
        assert ask(two, "again") == ["done"]
        two.kill()
        two.wait()
        assert ask(one, "latest")[0] == "refused"  # also when nobody writes any more
        found = server.sql("SELECT key FROM recall.meta WHERE value = 'x' ORDER BY key")
        assert found == [("again",), ("before",), ("two",)]


def test_two_importers_at_once_import_everything_once(postgresql_url: str, tmp_path: Path) -> None:
    exports = []
    for name in ("left", "right"):
        paint_many(tmp_path / name, 60)
        with Library.open(tmp_path / f"{name}.recall", encoder=FakeEncoder()) as library:
            library.sync(tmp_path / name)
            exports.append(library.export(tmp_path / f"{name}-export").folder)
    Library.open(postgresql_url, encoder=FakeEncoder()).close()
    code = "import sys; from retrieval import Library; Library.open(sys.argv[1], wait=120).import_(sys.argv[2])"
    processes = [
        subprocess.Popen([sys.executable, "-c", code, postgresql_url, export]) for export in [*exports, *exports]
    ]
    assert [process.wait(timeout=120) for process in processes] == [0] * 4
    assert [count(postgresql_url, table) for table in ("items", "units", "embeddings")] == [120] * 3
    with Library.open(postgresql_url, encoder=FakeEncoder()) as library:
        assert library.check() == []
        assert len(library.search("red", k=200)) == 120


def test_clocks_that_are_wrong_decide_nothing(postgresql_url: str, folder: Path) -> None:
    paint_many(folder, 12)
    with Library.open(postgresql_url, encoder=FakeEncoder()) as library:
        library.sync(folder)
        library.judge("red", good=[library.search("red", k=1)[0].path])
        hits = [(hit.path, hit.score) for hit in library.search("red", k=12)]
        ids = [item.item_id for item in library.list()]
    dates = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() "
    dates += "AND data_type LIKE 'timestamp%' AND column_name LIKE '%at' AND column_name != 'taken_at'"
    columns = rows(postgresql_url, dates)
    assert {("items", "indexed_at"), ("judgements", "judged_at"), ("sources", "synced_at")} <= set(columns)
    for shift in ("+ interval '400 days'", "- interval '800 days'"):  # as if another machine had written all
        for table, column in columns:
            rows(postgresql_url, f"UPDATE {table} SET {column} = {column} {shift}")  # noqa: S608
        with Library.open(postgresql_url, encoder=FakeEncoder()) as library:
            assert library.sync(folder).unchanged == 12
            assert [(hit.path, hit.score) for hit in library.search("red", k=12)] == hits
            assert [item.item_id for item in library.list()] == ids
            assert library.check() == []


@pytest.mark.parametrize("seconds", [30, pytest.param(600, marks=pytest.mark.slow)])
def test_twenty_readers_and_a_writer_see_no_error(postgresql_url: str, seconds: int) -> None:
    make(postgresql_url)
    with started("read_many", postgresql_url) as one, started("read_many", postgresql_url) as other:
        end, written = time.monotonic() + seconds, BATCH
        with Library.open(postgresql_url, encoder=FakeEncoder()) as library:
            while time.monotonic() < end:
                vectors = [[1.0, number / BATCH, written / 1e6] for number in range(BATCH)]
                written += len(library.add(vectors=vectors, collection="many").ids)
                time.sleep(seconds / 150)  # so that a long run ends with as many items
        readings = [reading for each in (one, other) for reading in json.loads(each.communicate(timeout=60)[0])]
    assert [reading["errors"] for reading in readings] == [[]] * 20
    for reading in readings:
        assert reading["answers"] > 1
        assert len(reading["counted"]) > 1
        assert {number % BATCH for number in reading["counted"]} == {0}
        assert reading["counted"] == sorted(reading["counted"])
