"""SIGKILL at any time: committed work stays, and the next run continues from there."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from indexer.store import Store
from retrieval import Library
from tests.support.color_photos import advance_mtime, paint, paint_many
from tests.support.contents import contents, count, rows
from tests.support.encoders import FakeEncoder
from tests.support.tables import write_table
from tests.support.zygote import Zygote, is_alive

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks, and kills process groups")

PHOTOS = 400
KILLS = 20


def kill_at(zygote: Zygote, step: int, pause: float, *, group: bool) -> tuple[int, bool]:
    """Start a sync, kill it, and return its process group and whether it was still running.

    Args:
        zygote: Starts the sync.
        step: Progress reports before the kill; those of the scan count as one.
        pause: Seconds to wait after the last of them.
        group: Whether to kill the decoders too.
    """
    pid, lines = zygote.run()
    steps, running = 0, False
    for line in lines:
        if line == "done":
            running = False
        elif line == "over":
            break
        elif not line.startswith("scanning") or line == "scanning 1":
            if steps == step:
                time.sleep(pause)
                (os.killpg if group else os.kill)(pid, signal.SIGKILL)
                running = True
            steps += 1
    return pid, running


def has_ended(group: int, seconds: float) -> bool:
    """Return whether a process group ends within a number of seconds."""
    end = time.monotonic() + seconds
    while is_alive(group):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_twenty_kills_at_random_times_lose_no_committed_work(tmp_path: Path) -> None:
    rng = random.Random(20)
    folder, library = tmp_path / "pictures", tmp_path / "killed.recall"
    paint_many(folder, PHOTOS)
    groups, committed, running_count = [], [0], 0
    with Zygote(library, folder) as zygote:
        for number in range(KILLS):
            # just after opening, in the scan, while decoders start, or within the first batches; every second kill
            # includes the decoders
            step, pause = rng.randrange(9), rng.random() * 0.01
            group, running = kill_at(zygote, step, pause, group=number % 2 == 0)
            groups.append(group)
            running_count += running
            committed.append(count(library, "embeddings"))
            if number == 10:  # changes between two runs lose nothing either
                (folder / "0" / "0000.png").rename(folder / "moved.png")
                paint(folder / "1" / "0001.png", (1, 2, 3), note="edited")
        assert all(has_ended(group, 5) for group in groups), "decoders outlive their parent process"
        assert committed == sorted(committed)
        assert running_count == KILLS
        assert 0 < committed[-1] < PHOTOS
        pid, lines = zygote.run()
        assert list(lines)[-2:] == ["done", "over"]
        assert has_ended(pid, 5)
    with Library.open(tmp_path / "uninterrupted.recall", encoder=FakeEncoder(batch_size=16)) as uninterrupted:
        uninterrupted.sync(folder)
    assert contents(library) == contents(tmp_path / "uninterrupted.recall")
    assert [count(library, table) for table in ("items", "units", "embeddings")] == [PHOTOS] * 3
    assert rows(library, "SELECT count(*) FROM items GROUP BY path HAVING count(*) > 1") == []
    with Library.open(library, encoder=FakeEncoder()) as reopened:
        assert reopened.check() == []
        assert {hit.path for hit in reopened.search("red", k=PHOTOS)} == set(folder.rglob("*.png"))
    assert sorted(path.name for path in library.iterdir() if not path.name.startswith("index-")) == [
        "catalog.db",
        "catalog.db-shm",
        "catalog.db-wal",
        "queue.lock",
        "run.lock",
        "write.lock",
    ]


def test_a_kill_while_the_index_is_saved_leaves_a_searchable_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, path = tmp_path / "pictures", tmp_path / "test.recall"
    paint_many(folder, 10)
    with Library.open(path, encoder=FakeEncoder()) as library:
        library.sync(folder)
        (index,) = path.glob("index-*.faiss")
        old = index.read_bytes()
        paint(folder / "new.png", "red")
        with Zygote(path, folder) as zygote:
            pid, lines = zygote.run()
            for line in lines:
                if line == "indexing 1":  # the last photo is committed; the index is updated next
                    os.kill(pid, signal.SIGKILL)
        part = index.with_name(f"{index.name}.{pid}.part")
        part.write_bytes(old[:100])  # what such a kill may leave behind
        advance_mtime(part, -3600)
        index.write_bytes(old)
        assert library.search("red", k=1)[0].path.name == "new.png"
    with Library.open(path, encoder=FakeEncoder()) as library:
        assert library.search("red", k=1)[0].path.name == "new.png"
        library.sync(folder)
        assert list(path.glob("*.part")) == []
        assert library.check() == []


def test_the_next_run_creates_a_library_whose_creation_was_killed(tmp_path: Path) -> None:
    paint(tmp_path / "pictures" / "a.png", "red")
    for names in (["write.lock"], ["write.lock", "writer.json"], ["write.lock", "writer.json", "catalog.db"]):
        path = tmp_path / f"{len(names)}.recall"
        path.mkdir()
        for name in names:
            (path / name).touch()
        with Library.open(path, encoder=FakeEncoder()) as library:
            assert library.sync(tmp_path / "pictures").added == 1


def test_the_lock_of_a_killed_writer_is_released(tmp_path: Path) -> None:
    folder, path = tmp_path / "pictures", tmp_path / "test.recall"
    paint_many(folder, 100)
    with Zygote(path, folder) as zygote:
        kill_at(zygote, 4, 0, group=False)
        assert (path / "writer.json").exists()  # it could not clean up
        with Store(path, create=False) as store, store.writing("testing"):
            pass
    assert not (path / "writer.json").exists()


@pytest.mark.parametrize("name", ["folder", "table.csv"])
def test_kills_while_indexing_texts_and_rows_lose_no_committed_work(tmp_path: Path, name: str) -> None:
    rng = random.Random(7)
    source, library = tmp_path / name, tmp_path / "killed.recall"
    texts = [f"A red house, number {number}. A lime parrot sits on its roof. Blue is the sky." for number in range(600)]
    if name == "folder":
        source.mkdir()
        for number, text in enumerate(texts):
            (source / f"{number:03}.txt").write_text(text)
    else:
        write_table(source, [{"caption": "red"}])
        with Library.open(library, encoder=FakeEncoder()) as reopened:
            reopened.sync(source, text_columns=["caption"])  # the library stores the columns
        write_table(source, [{"caption": text} for text in texts])
    committed = [count(library, "items")]
    with Zygote(library, source) as zygote:
        for _ in range(6):
            kill_at(zygote, rng.randrange(1, 5), rng.random() * 0.01, group=False)
            committed.append(count(library, "items"))
        assert committed == sorted(committed)
        assert committed[-1] < len(texts)
        assert list(zygote.run()[1])[-2:] == ["done", "over"]
    with Library.open(tmp_path / "uninterrupted.recall", encoder=FakeEncoder()) as uninterrupted:
        uninterrupted.sync(source, text_columns=["caption"] if name != "folder" else ())
    assert contents(library) == contents(tmp_path / "uninterrupted.recall")
    with Library.open(library, encoder=FakeEncoder()) as reopened:
        assert reopened.check() == []
        assert reopened.sync(source).unchanged == len(texts)
