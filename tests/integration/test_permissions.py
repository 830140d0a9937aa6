"""Who may read a library, and what a user finds who may read but not write it."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from indexer.errors import LibraryError, StorageError
from retrieval import Library
from tests.support.program import Program

needs_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be another user")


@pytest.fixture(autouse=True)
def _readable_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))  # another user may not read those of root


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def make_library(folder: Path, texts: int = 3) -> Path:
    """Return a library of some texts."""
    notes = folder.parent / "notes"
    notes.mkdir(exist_ok=True)
    for number in range(texts):
        (notes / f"{number}.txt").write_text(f"note {number} about a dog on the beach")
    with Library.open(folder) as library:
        library.sync(notes)
        library.search("a dog")
    return folder


@pytest.fixture(params=[0o022, 0o000, 0o077])
def _umask(request: pytest.FixtureRequest) -> object:
    former = os.umask(request.param)
    yield
    os.umask(former)


@pytest.mark.usefixtures("_umask")
@pytest.mark.parametrize("exists", [False, True])
def test_a_library_and_its_export_are_for_their_owner_whatever_the_umask(tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / "l.recall"
    if exists:
        folder.mkdir()
    make_library(folder)
    with Library.open(folder) as library:
        library.export(tmp_path / "backup")
        library.export(tmp_path / "arrays", format="clip-retrieval") if library.status().photos else None
    assert (mode(folder), mode(tmp_path / "backup")) == (0o700, 0o700)
    assert {file.name: mode(file) for file in folder.iterdir() if mode(file) != 0o600} == {}


def test_the_last_search_is_for_its_owner_even_in_a_shared_library(tmp_path: Path, recall_program: Program) -> None:
    folder = make_library(tmp_path / "l.recall")
    folder.chmod(0o755)
    assert recall_program("search", "my diary", "--all", "--library", folder).returncode == 0
    assert mode(folder / "last-search.json") == 0o600


def test_new_files_of_a_library_that_its_owner_shared_are_shared_too(tmp_path: Path) -> None:
    folder = make_library(tmp_path / "l.recall")
    share(folder)
    with Library.open(folder) as library:
        library._store.rebuild_index()
    assert {file.name: oct(mode(file)) for file in folder.iterdir() if mode(file) != 0o644} == {}


def share(folder: Path) -> None:
    """Do what chmod -R a+rX does."""
    folder.chmod(0o755)
    for file in folder.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)


def let_others_in(folder: Path) -> None:
    """Let other users into a folder of pytest, which makes them for their owner."""
    for parent in (folder, *folder.parents):
        if mode(parent) & 0o055 != 0o055:
            parent.chmod(mode(parent) | 0o055)


READER = """
import json, os, sys
from indexer.errors import RecallError
from indexer.forking import load_fork_hooks
from retrieval import Library
# what this user may not read has to be loaded before
from tests.support.encoders import FakeEncoder
load_fork_hooks()
import indexer.catalog.sqlite.database  # while the other user's Python can be read
os.setgroups([]); os.setgid(65534); os.setuid(65534)
with Library.open(sys.argv[1], create=False, encoder=FakeEncoder()) as library:
    for line in sys.stdin:
        try:
            print(json.dumps(sorted(hit.path.stem for hit in library.search("red", k=9999, threshold=0))), flush=True)
        except RecallError as error:
            print(json.dumps(str(error)), flush=True)
"""


@needs_root
@pytest.mark.parametrize("has_log_files", [True, False])
def test_a_reader_who_may_not_write_sees_what_a_writer_commits_later(tmp_path: Path, has_log_files: bool) -> None:
    from tests.support.color_photos import paint
    from tests.support.encoders import FakeEncoder

    let_others_in(tmp_path)
    photos, path = tmp_path / "photos", tmp_path / "l.recall"
    photos.mkdir()
    paint(photos / "first.png", (255, 0, 0))
    with Library.open(path, encoder=FakeEncoder()) as library:
        library.sync(photos)
    share(path)
    if not has_log_files:  # as an earlier version left it
        (path / "catalog.db-wal").unlink()
        (path / "catalog.db-shm").unlink()
    with subprocess.Popen(
        [sys.executable, "-c", READER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None

        def answer() -> object:
            reader.stdin.write("\n")  # type: ignore[union-attr]
            reader.stdin.flush()  # type: ignore[union-attr]
            return json.loads(reader.stdout.readline())  # type: ignore[union-attr]

        assert answer() == ["first"]
        with Library.open(path, encoder=FakeEncoder()) as library:
            paint(photos / "second.png", (250, 0, 0))
            library.sync(photos)
            assert answer() == ["first", "second"]
            (photos / "first.png").unlink()
            library.sync(photos)
            assert answer() == ["second"]
        assert answer() == ["second"]
        reader.stdin.close()


@needs_root
def test_a_user_who_may_not_read_a_library_is_told_who_can_change_that(tmp_path: Path) -> None:
    folder = make_library(tmp_path / "l.recall")
    let_others_in(tmp_path)
    pid = os.fork()
    if not pid:
        os.setgid(65534)
        os.setuid(65534)
        code = 1
        try:
            Library.open(folder, create=False)
        except StorageError as error:
            code = 0 if "cannot be read (Permission denied); its owner can grant that" in str(error) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


LINKED = ["writer.json", "run.json", "write.lock", "run.lock", "queue.lock", "catalog.db-wal", "catalog.db-shm"]


@pytest.mark.parametrize("make_link", [os.symlink, os.link])
@pytest.mark.parametrize("name", [*LINKED, "last-search.json", "exact.part"])
def test_a_link_in_a_library_leads_to_no_write_elsewhere(tmp_path: Path, name: str, make_link: object) -> None:
    folder = make_library(tmp_path / "l.recall")
    victim = tmp_path / "precious.txt"
    victim.write_text("precious")
    (folder / name).unlink(missing_ok=True)
    make_link(victim, folder / name)  # type: ignore[operator]
    (tmp_path / "notes" / "0.txt").write_text("changed")
    refusal = ""
    try:
        with Library.open(folder) as library:
            library.sync(tmp_path / "notes")
    except (LibraryError, StorageError) as error:
        refusal = str(error)
    assert not refusal or (name in refusal and "link" in refusal)
    assert victim.read_text() == "precious"


def test_a_link_in_place_of_a_catalog_makes_no_file_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "l.recall").mkdir()
    (tmp_path / "l.recall" / "catalog.db").symlink_to(tmp_path / "elsewhere.db")
    with pytest.raises(LibraryError, match="is a link to another file"):
        Library.open(tmp_path / "l.recall")
    assert not (tmp_path / "elsewhere.db").exists()


def test_links_in_place_of_the_folders_of_trained_encoders_are_refused(tmp_path: Path) -> None:
    folder = make_library(tmp_path / "l.recall")
    other = tmp_path / "other" / "lora-20200101-000000"
    other.mkdir(parents=True)
    (folder / "encoders").symlink_to(tmp_path / "other")
    with Library.open(folder) as library, pytest.raises(LibraryError, match="is a link to another folder"):
        library.tune(method="lora")
    assert other.is_dir()


def test_an_export_that_was_killed_is_swept_by_the_next_and_one_that_runs_is_not(tmp_path: Path) -> None:
    from indexer.transfer.atomic_folder import new_folder

    folder = make_library(tmp_path / "l.recall")
    killed = tmp_path / "monday.abcdefgh.recall-part"
    killed.mkdir()
    (killed / "items.parquet").write_bytes(b"half")
    mine = tmp_path / "holiday.part"
    mine.mkdir()
    with Library.open(folder) as library, new_folder(tmp_path / "tuesday") as running:
        library.export(tmp_path / "wednesday")
        assert running.is_dir()
    assert not killed.exists()
    assert mine.is_dir()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.endswith("day")) == ["tuesday", "wednesday"]
    shutil.rmtree(tmp_path / "wednesday")
