"""Several processes on one library: one writer, many readers, and damaged index files."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from indexer.errors import LibraryLockedError
from retrieval import Library
from tests.support.color_photos import paint, paint_many
from tests.support.contents import contents
from tests.support.encoders import FakeEncoder
from tests.support.program import Program
from tests.support.zygote import Zygote, wait_until_stopped

pytestmark = pytest.mark.folder


def index_file(library: Library) -> Path:
    """Return the library's only index file."""
    (path,) = library.path.glob("index-*.faiss")
    return path


def all_hits(library: Library) -> list[tuple[str, float]]:
    """Return name and score of every photo, best first."""
    return [(hit.path.name, hit.score) for hit in library.search("orange", k=1000)]


@pytest.mark.skipif(sys.platform == "win32", reason="stops a process with a signal")
def test_a_second_writer_gets_an_error_that_names_the_first(
    library: Library, folder: Path, recall_program: Program
) -> None:
    paint_many(folder, 60)
    with Zygote(library.path, folder, hold_at=8) as zygote:
        pid, lines = zygote.run()
        for line in lines:
            if line == "indexing 8":
                wait_until_stopped(pid)  # it holds the lock until SIGCONT
                try:
                    message = f"recall: process {pid} (indexing) is writing to {library.path}; wait until it is done, "
                    message += "or stop it\n"
                    library._store.wait = 0
                    for arguments in (["index", folder], ["forget", folder], ["check", "--repair"]):
                        result = recall_program(*arguments, "--wait", "0")
                        assert (result.returncode, result.stdout, result.stderr) == (2, "", message)
                    with pytest.raises(LibraryLockedError, match=f"process {pid} "):
                        library.sync(folder)
                    assert len(all_hits(library)) >= 8
                    status = recall_program("status")
                    assert (status.returncode, status.stderr) == (0, "")
                finally:
                    os.kill(pid, signal.SIGCONT)
    assert len(all_hits(library)) == 60
    assert library.sync(folder).unchanged == 60


def test_a_search_sees_what_another_process_has_committed_so_far(library: Library, folder: Path) -> None:
    paint_many(folder, 60)
    counts = []
    with Zygote(library.path, folder, hold_at=20) as zygote:
        pid, lines = zygote.run()
        for line in lines:
            stage, _, done = line.rpartition(" ")
            if stage == "indexing" and int(done):
                if line == "indexing 20":
                    wait_until_stopped(pid)
                count = len(library.search("red", k=1000))
                assert count >= int(done)
                if line == "indexing 20":
                    os.kill(pid, signal.SIGCONT)
                    counts.append(count)
    assert 20 <= counts[0] < 60
    assert len(library.search("red", k=1000)) == 60


def test_an_open_library_sees_additions_changes_and_removals_by_others(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red")
    paint(folder / "b.png", "blue")
    with Zygote(library.path, folder) as zygote:
        list(zygote.run()[1])
        assert library.search("red", k=1)[0].path.name == "a.png"
        (folder / "a.png").unlink()
        list(zygote.run()[1])
        assert [name for name, _ in all_hits(library)] == ["b.png"]
        paint(folder / "b.png", "lime", note="another")
        paint(folder / "c.png", "red")
        list(zygote.run()[1])
        assert library.search("red", k=1)[0].path.name == "c.png"
        assert round(library.search("lime", k=1)[0].score, 3) == 1.0
        assert len(all_hits(library)) == 2


def test_an_open_reader_survives_removals_by_another_process(library: Library, folder: Path) -> None:
    paths = paint_many(folder, 40)
    library.sync(folder)
    with Library.open(library.name, encoder=FakeEncoder()) as other:
        assert len(all_hits(other)) == 40
        for path in paths[:39]:
            library.forget(path)
            assert other.search("red", k=1)
        assert [name for name, _ in all_hits(other)] == [paths[39].name]


def _flip_bit(path: Path, position: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(position * (len(content) - 1))] ^= 0x40
    path.write_bytes(content)


def _truncate(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])


def _replace_with_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.unlink(), id="deleted"),
        pytest.param(lambda path: path.write_bytes(b""), id="emptied"),
        pytest.param(lambda path: path.write_bytes(bytes(5000)), id="zeros"),
        *(pytest.param(lambda path, s=s: _truncate(path, s), id=f"cut at {s}") for s in (0.1, 0.5, 0.9, 0.999)),
        *(
            pytest.param(lambda path, s=s: _flip_bit(path, s), id=f"bit at {s}")
            for s in (0.0, 0.02, 0.5, 0.8, 0.95, 1.0)
        ),
    ],
)
def test_a_damaged_index_file_is_rebuilt(library: Library, folder: Path, damage: Callable[[Path], None]) -> None:
    paint_many(folder, 30)
    library.sync(folder)
    expected, file = all_hits(library), index_file(library)
    damage(file)
    assert all_hits(library) == expected  # an open index needs no file
    with Library.open(library.name, encoder=FakeEncoder()) as fresh:
        assert all_hits(fresh) == expected
        assert fresh.check() == []
    with Library.open(library.name, encoder=FakeEncoder()) as fresh:
        assert all_hits(fresh) == expected


def test_an_index_that_cannot_be_saved_stays_in_memory(library: Library, folder: Path) -> None:
    paint_many(folder, 10)
    library.sync(folder)
    expected, file = all_hits(library), index_file(library)
    _replace_with_folder(file)
    with Library.open(library.name, encoder=FakeEncoder()) as fresh:
        assert all_hits(fresh) == expected


def test_the_index_file_of_another_encoder_is_rebuilt(library: Library, folder: Path, tmp_path: Path) -> None:
    paint_many(folder, 30)
    library.sync(folder)
    expected = all_hits(library)
    with Library.open(tmp_path / "other.recall", encoder=FakeEncoder(fingerprint="0c" * 20)) as other:
        other.sync(folder)
        shutil.copy(index_file(other), index_file(library))
    with Library.open(library.name, encoder=FakeEncoder()) as fresh:
        assert all_hits(fresh) == expected
        assert fresh.check() == []


def test_an_index_older_than_the_catalog_catches_up(library: Library, folder: Path) -> None:
    paths = paint_many(folder, 30)
    library.sync(folder)
    old = index_file(library).read_bytes()
    paint(folder / "new.png", "orange")
    paths[3].unlink()
    library.sync(folder)
    expected = all_hits(library)
    assert expected[0][0] == "new.png"
    index_file(library).write_bytes(old)
    with Library.open(library.name, encoder=FakeEncoder()) as fresh:
        assert all_hits(fresh) == expected


def test_an_index_newer_than_a_restored_catalog_is_rebuilt(library: Library, folder: Path) -> None:
    # the advice for a damaged catalog is to restore a backup; a power failure can also lose transactions
    paint_many(folder, 10)
    library.sync(folder)
    library.close()
    backup = (library.path / "catalog.db").read_bytes()
    with Library.open(library.name, encoder=FakeEncoder()) as newer:
        for color in ("red", "lime", "blue"):
            paint(folder / f"{color}.png", color)
            newer.sync(folder)
    (library.path / "catalog.db").write_bytes(backup)
    for color in ("red", "lime", "blue"):
        (folder / f"{color}.png").unlink()
    paint(folder / "other.png", "orange")
    paint(folder / "another.png", "purple")
    with Library.open(library.name, encoder=FakeEncoder()) as restored:
        restored.sync(folder)
        assert restored.search("orange", k=1)[0].path.name == "other.png"
        assert restored.search("purple", k=1)[0].path.name == "another.png"
        assert len(all_hits(restored)) == 12
        assert restored.check() == []


def test_processes_can_create_the_same_library_at_once(tmp_path: Path) -> None:
    path = tmp_path / "new.recall"
    program = "import sys; from retrieval import Library; print(Library.open(sys.argv[1]).status().photos)"
    processes = [
        subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [(process.returncode, *output) for process, output in zip(processes, outputs, strict=True)] == [
        (0, b"0\n", b"")
    ] * 3


def test_two_libraries_open_in_one_process_agree(library: Library, folder: Path) -> None:
    paint_many(folder, 10)
    with Library.open(library.name, encoder=FakeEncoder()) as other:
        library.sync(folder)
        assert all_hits(other) == all_hits(library)
        paint(folder / "new.png", "red")
        other.sync(folder)
        assert all_hits(other) == all_hits(library)
    assert len(contents(library)) == 11
