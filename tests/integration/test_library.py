"""The Library object: opening, forgetting, status, checks and repairs."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from indexer.errors import EncoderMismatchError, LibraryError, SourceError, StorageError
from indexer.maintenance.check import ProblemKind
from retrieval import Library
from tests.support.color_photos import advance_mtime, paint, paint_many
from tests.support.contents import contents, count, rows
from tests.support.encoders import FakeEncoder
from tests.support.postgresql_rows import StoredVector
from tests.support.records import stored_vector


def test_a_library_is_created_on_first_use_and_opened_again(tmp_path: Path, folder: Path) -> None:
    paint(folder / "a.png", "red")
    path = tmp_path / "deep" / "new.recall"
    with Library.open(path, encoder=FakeEncoder()) as library:
        assert library.status().photos == 0
        library.sync(folder)
    with Library.open(path, encoder=FakeEncoder(), create=False) as library:
        assert library.search("red")[0].path == folder / "a.png"
    with pytest.raises(LibraryError, match="there is no library at"):
        Library.open(tmp_path / "other.recall", create=False)


def test_another_encoder_than_the_librarys_is_refused(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red")
    library.sync(folder)
    before = contents(library)
    with pytest.raises(
        EncoderMismatchError, match=r"'fake/colours' but 'fake/tones' was requested; leave out --encoder"
    ):
        Library.open(library.name, encoder=FakeEncoder(name="fake/tones"))
    with Library.open(library.name, encoder=FakeEncoder(fingerprint="ff" * 20)) as other:
        with pytest.raises(EncoderMismatchError, match=r"ffffffff, expected c0c0c0c0\); restore its old files"):
            other.search("red")
        paint(folder / "b.png", "blue")
        with pytest.raises(EncoderMismatchError, match="ffffffff"):
            other.sync(folder)
    assert contents(library) == before


@pytest.mark.parametrize(
    ("device", "searches", "syncs"), [("auto", "cpu", "auto"), ("cpu", "cpu", None), ("cuda:1", "cuda:1", None)]
)
def test_with_the_device_auto_queries_run_on_the_cpu_and_syncs_on_the_best_device(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch, device: str, searches: str, syncs: str | None
) -> None:
    paint(folder / "a.png", "red")
    library.sync(folder)
    loaded: list[str] = []

    def load(name: str, *, device: str, batch_size: int | None) -> FakeEncoder:
        loaded.append(device)
        return FakeEncoder(name=name)

    monkeypatch.setattr("indexer.store.library_encoder.load_encoder", load)
    with Library.open(library.name, device=device) as opened:
        opened.search("red")
        opened.search("blue")
        assert loaded == [searches]
        paint(folder / "b.png", "blue")
        opened.sync(folder)
        assert loaded == [searches, *([syncs] if syncs else [])]
        opened.search("red")  # with the encoder that is loaded
        assert len(loaded) == 1 + bool(syncs)


def test_forgetting_a_folder_removes_its_items_and_no_file(library: Library, folder: Path) -> None:
    paint(folder / "a" / "red.png", "red")
    paint(folder / "a b" / "blue.png", "blue")
    library.sync(folder)
    assert library.forget(folder / "a") == 1
    assert [hit.path.name for hit in library.search("red", k=9)] == ["blue.png"]
    assert (folder / "a" / "red.png").exists()
    assert [count(library, table) for table in ("items", "units", "embeddings")] == [1, 1, 1]
    assert library.check() == []
    with pytest.raises(SourceError, match="the library has nothing at"):
        library.forget(folder / "a")
    assert library.sync(folder).added == 1  # it is in an indexed folder
    assert library.forget(folder) == 2
    assert library.status().sources == []
    assert count(library, "embeddings") == 0


def test_an_empty_library_accepts_another_encoder(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red")
    library.sync(folder)
    library.forget(folder)
    with Library.open(library.name, encoder=FakeEncoder(fingerprint="ff" * 20, name="fake/tones")) as other:
        assert other.sync(folder).added == 1
        assert other.search("red")[0].path.name == "a.png"
        assert other.check() == []


def test_status_counts_photos_failures_and_sources(library: Library, folder: Path) -> None:
    paint_many(folder, 5)
    (folder / "bad.jpg").write_bytes(b"")
    library.sync(folder)
    status = library.status()
    assert (status.photos, status.failed, status.encoder, status.dim) == (5, 1, "fake/colours", 3)
    assert [source.root for source in status.sources] == [str(folder)]
    assert status.sources[0].synced_at is not None
    assert status.catalog_bytes > 0
    assert status.index_bytes > 0
    (failure,) = library.failures()
    assert (failure.path, failure.kind, failure.message) == (
        str(folder / "bad.jpg"),
        "empty",
        "the file is empty (0 bytes)",
    )


def test_the_index_file_may_be_deleted_at_any_time(library: Library, folder: Path) -> None:
    paths = paint_many(folder, 9)
    library.sync(folder)
    expected = [hit.path for hit in library.search("red", k=9)]

    def delete() -> None:
        for file in library.path.glob("index-*"):
            file.unlink()

    delete()
    assert [hit.path for hit in library.search("red", k=9)] == expected
    assert library.sync(folder).unchanged == 9
    delete()
    paint(folder / "new.png", "red")
    library.sync(folder)
    delete()
    assert library.search("red", k=1)[0].path.name == "new.png"
    library.forget(paths[0])
    delete()
    with Library.open(library.name, encoder=FakeEncoder()) as other:
        assert len(other.search("red", k=99)) == 9
        assert other.check() == []


@pytest.mark.parametrize(
    ("vector", "damage"),
    [
        (stored_vector(0, 0), "too short"),
        pytest.param(stored_vector(*[np.nan] * 3), "not finite", marks=pytest.mark.folder),  # PostgreSQL refuses it
    ],
)
def test_a_damaged_embedding_is_an_error_until_it_is_repaired(
    library: Library, folder: Path, vector: StoredVector, damage: str
) -> None:
    paths = paint_many(folder, 8)
    damage_embedding(library, folder, paths[2], vector)
    with Library.open(library.name, encoder=FakeEncoder()) as opened:
        with pytest.raises(StorageError, match=r"damaged embeddings \(1 or more\); run: recall check --repair"):
            opened.search("red", k=7)
        problems = {problem.kind: problem for problem in opened.check()}
        assert problems.keys() == {ProblemKind.EMBEDDING, ProblemKind.INDEX}, "no index can be built from it"
        assert str(paths[2]) in problems[ProblemKind.EMBEDDING].subject
        assert opened.check(repair=True) == []
        assert opened.sync(folder).added == 1
        assert len(opened.search("red", k=99)) == 8
        assert opened.check() == []


def test_an_embedding_of_zeros_is_reported_and_repaired_and_hides_no_other_photo(
    library: Library, folder: Path
) -> None:
    paths = paint_many(folder, 8)
    damage_embedding(library, folder, paths[2], stored_vector(0, 0, 0))
    with Library.open(library.name, encoder=FakeEncoder()) as opened:
        assert {hit.path for hit in opened.search("red", k=7)} == set(paths) - {paths[2]}
        (problem,) = opened.check()
        assert (problem.kind, str(paths[2]) in problem.subject) == (ProblemKind.EMBEDDING, True)
        assert opened.check(repair=True) == []
        assert opened.sync(folder).added == 1
        assert opened.check() == []


def test_results_are_complete_after_a_photo_is_forgotten_and_a_damaged_embedding_is_repaired(
    library: Library, folder: Path
) -> None:
    paths = [paint(folder / f"{n}.png", (200, 20 * n, 0)) for n in range(6)]  # best first for red
    damage_embedding(library, folder, paths[5], stored_vector(0))
    with Library.open(library.name, encoder=FakeEncoder()) as opened:
        opened.check(repair=True)
        assert [hit.path for hit in opened.search("red", k=2)] == paths[:2]
        opened.forget(paths[0])
        assert [hit.path for hit in opened.search("red", k=2)] == paths[1:3]


def damage_embedding(library: Library, folder: Path, photo: Path, vector: StoredVector) -> None:
    """Index a folder, replace the stored embedding of a photo, and delete the index files."""
    library.sync(folder)
    library.close()
    ((item_id,),) = rows(library, "SELECT id FROM items WHERE path = ?", bytes(photo))
    statement = "UPDATE embeddings SET vector = ? WHERE unit_id = (SELECT id FROM units WHERE item_id = ?)"
    rows(library, statement, vector, item_id)
    for file in library.path.glob("index-*"):
        file.unlink()


def test_check_reports_changed_and_missing_files(library: Library, folder: Path) -> None:
    vanished, edited = paint(folder / "vanished.png", "red"), paint(folder / "edited.png", "blue")
    paint(folder / "same.png", "lime")
    library.sync(folder)
    assert library.check() == []
    vanished.unlink()
    advance_mtime(edited)
    assert [(problem.kind, Path(problem.subject.split(" (")[0]).name) for problem in library.check()] == [
        (ProblemKind.CHANGED, "edited.png"),
        (ProblemKind.MISSING, "vanished.png"),
    ]


def test_check_reports_a_wrong_index_and_repair_rebuilds_it(library: Library, folder: Path) -> None:
    paint_many(folder, 5)
    library.sync(folder)
    rows(library, "UPDATE embeddings SET vector = ? WHERE id = 1", stored_vector(0, 0, 1))
    assert [problem.kind for problem in library.check()] == [ProblemKind.INDEX]
    assert library.check(repair=True) == []
    assert library.search("blue", k=1)[0].item_id == 1
    (file,) = library.path.glob("index-*.faiss")
    written, whole = file.stat().st_mtime_ns, file.read_bytes()
    file.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    os.utime(file, ns=(written, written))  # like a disk error: only a check reads every byte
    assert [problem.kind for problem in library.check()] == [ProblemKind.INDEX]
    assert library.check(repair=True) == []
    (file,) = library.path.glob("index-*.faiss")
    file.write_bytes(file.read_bytes()[:-9])
    assert [problem.kind for problem in library.check()] == [ProblemKind.INDEX]
    assert library.check(repair=True) == []


def test_threads_can_search_while_another_syncs(library: Library, folder: Path) -> None:
    paint_many(folder, 60)
    library.sync(folder)
    wrong: list[object] = []
    stop = threading.Event()

    def search() -> None:
        while not stop.is_set():
            try:
                hits = library.search("red", k=20)
                scores = [hit.score for hit in hits]
                if len(hits) != 20 or scores != sorted(scores, reverse=True):
                    wrong.append(hits)
            except Exception as error:  # noqa: BLE001 - any error fails the test
                wrong.append(error)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(4):
        paint_many(folder / "more" / str(number), 5, seed=number)
        library.sync(folder)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
