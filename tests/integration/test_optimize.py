"""An index that is chosen by measurement: on request, by itself where a library has grown, and again when it drifts."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, insert

from indexer.catalog.schema import EMBEDDINGS
from indexer.encoders import load_encoder
from indexer.encoders.base import Encoder
from indexer.errors import ConfigError, LibraryError, StorageError
from indexer.maintenance import optimize
from indexer.store import Store
from indexer.vectors.autotune import ground_truth, trial
from indexer.vectors.index_file import StaleIndexError
from indexer.vectors.ivf_refined import ApproximateIndex
from retrieval import Library
from retrieval.calibration.background import background_vectors, prompts
from tests.support.encoders import FakeEncoder
from tests.support.many import fill
from tests.support.program import Program
from tests.support.vectors import mixed_vectors

MANY = 10_007  # what `fill` scatters has to be prime to 48271


@pytest.fixture(scope="module")
def compact() -> Encoder:
    return load_encoder("compact")


@pytest.fixture(autouse=True, scope="module")
def hasty() -> Iterator[None]:
    """Have fewer settings measured than people get; programs that are started are not touched by it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, "PROBE_COUNTS", (64, 256, 1024))
        patch.setattr(trial, "_TIMED_QUERIES", 5)
        for module in (ground_truth, trial):
            patch.setattr(module, "REFINE_COUNTS", (50, 400))
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, compact: Encoder) -> Path:
    """Return a library of `MANY` photos that are like what the background prompts say."""
    path = tmp_path_factory.mktemp("many") / "test.recall"
    fill(path, compact, mixed_vectors(MANY, background_vectors(compact)))
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    """Return a copy of it, where `recall_program` looks for its own."""
    return Path(shutil.copytree(made, tmp_path / "test.recall"))


@pytest.fixture(scope="module")
def chosen(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of it for which an index was chosen."""
    path = Path(shutil.copytree(made, tmp_path_factory.mktemp("chosen") / "test.recall"))
    with Library.open(path) as library:
        library.optimize(recall=0.9, memory=3_000_000)
    return path


@pytest.fixture
def copy(chosen: Path, tmp_path: Path) -> Path:
    """Return a copy of that one."""
    return Path(shutil.copytree(chosen, tmp_path / "test.recall"))


@pytest.fixture
def early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have an index chosen from 5,000 photos on."""
    monkeypatch.setattr(optimize, "AUTO_CHOICE_SIZE", 5000)


def kind_of(library: Library) -> str | None:
    choice = library.status().choice
    return None if choice is None else choice.measurements[0].kind


def searched(library: Library) -> type:
    """Return the class of the index that answers."""
    return type(library._store.index())


def answers(library: Library) -> list[list[int]]:
    """Return the ten best items for some prompts."""
    return [[hit.item_id for hit in library.search(text, k=10)] for text in prompts()[:20]]


def wrong_indexes(library: Library) -> list[str]:
    """Return what is wrong with the index files; the photos of the library do not exist."""
    return [problem.subject for problem in library.check() if problem.kind == "index"]


def recall_of(found: list[list[int]], truth: list[list[int]]) -> float:
    return float(np.mean([len(set(one) & set(other)) / 10 for one, other in zip(found, truth, strict=True)]))


def choices(library: Path) -> list[Path]:
    return list(library.glob("*.lists"))


def test_a_library_answers_the_same_for_the_most_part_after_it(path: Path) -> None:
    with Library.open(path) as library:
        before = answers(library)
        choice = library.optimize(recall=0.95, memory=3_000_000)
        figures = choice.measurements[0]
        assert figures.kind in ("ivf-sq4", "ivf-pq4", "ivf-rabitq")  # 3 MB: exact takes 7.7, eight bits a number 4.1
        assert (figures.vectors, figures.recall >= 0.95, figures.memory <= 3_000_000) == (MANY, True, True)
        assert searched(library) is ApproximateIndex
        assert recall_of(answers(library), before) >= 0.9
    with Library.open(path) as again:
        assert kind_of(again) == figures.kind
        assert recall_of(answers(again), before) >= 0.9
        assert wrong_indexes(again) == []
    assert not list(path.glob("*.part"))


def test_the_program_shows_what_was_measured(path: Path, recall_program: Program) -> None:
    done = recall_program("optimize", "--recall", "0.95", "--memory", "3MB")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["index", "recall@10", "one", "query", "opening", "memory", "build"]
    assert lines[1].endswith("chosen")
    assert any(line.startswith("exact") and line.endswith("too large") for line in lines)
    status = recall_program("status").stdout
    assert "index    ivf-" in status
    assert f"for {MANY:,})" in status
    assert recall_program("search", prompts()[0], "--all").returncode == 0
    done = recall_program("optimize", "--recall", "1", "--json")
    assert '"kind": "exact"' in done.stdout
    assert '"chosen": true' in done.stdout
    assert "index    exact" in recall_program("status").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--memory", "10kB"],
            "recall: no index reaches a recall of 0.99 in 10,000 bytes: the smallest that might, ivf-",
        ),
        (["--memory", "much"], "'much' is not a size; expected for instance 500MB or 2GB"),
        (["--memory", "0GB"], "'0GB' is not a size; expected at least one byte"),
        (["--recall", "0"], "0<x<=1"),
        (["--recall", "1.5"], "0<x<=1"),
    ],
)
def test_what_cannot_be_is_refused(path: Path, recall_program: Program, arguments: list[str], message: str) -> None:
    done = recall_program("optimize", *arguments)
    assert done.returncode == 2
    assert message in done.stderr.replace("\n", " ")
    assert not choices(path)


def test_the_library_refuses_numbers_out_of_range(path: Path) -> None:
    with Library.open(path) as library:
        for wrong in ({"recall": 0.0}, {"recall": 1.1}, {"memory": 0}):
            with pytest.raises(ConfigError, match="expected"):
                library.optimize(**wrong)


def test_an_empty_library_is_refused(tmp_path: Path) -> None:
    with Library.open(tmp_path / "empty.recall") as library, pytest.raises(LibraryError, match="recall index FOLDER"):
        library.optimize()


@pytest.mark.usefixtures("early")
def test_indexing_chooses_by_itself_and_again_when_much_has_changed(path: Path, photos: Path) -> None:
    with Library.open(path) as library:
        report = library.sync(photos)
        assert report.index_choice is not None
        assert report.index_choice.target.recall == 0.99
        assert report.to_dict()["index_choice"] is not None
        assert library.sync().index_choice is None  # nothing has changed
        first = report.index_choice.chosen_at
        assert library.forget("/photos/10 %") > MANY * 0.09
        assert library.sync().index_choice is None  # a tenth, and some photos less
        library.forget("/photos/50 %")
        report = library.sync()
        assert report.index_choice is not None
        assert report.index_choice.chosen_at > first
        assert report.index_choice.measurements[0].vectors == library.status().photos < MANY / 2


@pytest.mark.usefixtures("early")
def test_what_was_asked_for_is_asked_again(copy: Path, photos: Path) -> None:
    with Library.open(copy) as library:
        library.forget("/photos/50 %")
        report = library.sync(photos / "coffee.png")
        assert report.index_choice is not None
        assert (report.index_choice.target.recall, report.index_choice.target.memory) == (0.9, 3_000_000)
        library.optimize(recall=1)
        assert (kind_of(library), library.sync().index_choice) == ("exact", None)  # by itself it does not come back


@pytest.mark.usefixtures("early")
def test_a_choice_that_cannot_be_made_stops_no_indexing(
    path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("indexer.vectors.faiss_ivf.InvertedFile.save", _disk_full)
    with Library.open(path) as library:
        report = library.sync(photos)
        assert (report.added > 10, report.index_choice) == (True, None)
    assert "no faster index was chosen: the index cannot be written" in caplog.text


def test_a_disk_that_fills_leaves_the_old_index_in_place(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Library.open(copy) as library:
        (file,) = choices(copy)
        old, expected = file.read_bytes(), answers(library)
        monkeypatch.setattr("indexer.vectors.faiss_ivf.InvertedFile.save", _disk_full)
        with pytest.raises(StorageError, match=r"No space left on device.*nothing was changed"):
            library.optimize(recall=0.9, memory=3_000_000)
        assert (file.read_bytes(), answers(library)) == (old, expected)
    assert not list(copy.glob("*.part"))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]), id="cut"),
        pytest.param(lambda file: file.write_bytes(b""), id="empty"),
        pytest.param(lambda file: _flip(file, 0.1), id="a bit at the beginning"),
        pytest.param(lambda file: _flip(file, 0.7), id="a bit behind the middle"),
        pytest.param(lambda file: _flip(file, 0.999), id="a bit at the end"),
        pytest.param(
            lambda file: file.write_bytes(file.read_bytes().replace(b'"depths"', b'"tested"')), id="another version"
        ),
    ],
)
@pytest.mark.usefixtures("early")
def test_a_damaged_choice_is_noticed_and_made_again(path: Path, photos: Path, damage: Callable[[Path], None]) -> None:
    with Library.open(path) as library:
        exact = answers(library)
        library.optimize(recall=0.9, memory=3_000_000)
    (file,) = choices(path)
    damage(file)
    with Library.open(path) as library:
        assert answers(library) == exact
        assert kind_of(library) is None
        assert len(wrong_indexes(library)) == 1
        report = library.sync(photos / "coffee.png")
        assert report.index_choice is not None
        assert wrong_indexes(library) == []


def test_a_restored_backup_whose_ids_were_given_again_is_noticed(copy: Path, compact: Encoder) -> None:
    # as after a backup that is 200 photos behind, to which 50 others were added: they have the ids of some of the lost
    with Store(copy, create=False) as store, store.writing("losing the last"), store.transaction() as connection:
        connection.execute(delete(EMBEDDINGS).where(EMBEDDINGS.c.id > MANY - 200))
        rows = mixed_vectors(50, background_vectors(compact), seed=9)
        values = [
            {"id": MANY - 199 + n, "unit_id": MANY - 199 + n, "encoder_id": 1, "vector": row.astype("<f2").tobytes()}
            for n, row in enumerate(rows)
        ]
        connection.execute(insert(EMBEDDINGS), values)
    with Library.open(copy) as library:
        assert searched(library) is not ApproximateIndex


def test_what_was_asked_for_outlives_the_files(path: Path, photos: Path) -> None:
    with Library.open(path) as library:
        library.optimize(recall=1)
        library.check(repair=True)
        assert not choices(path)
        report = library.sync(photos / "coffee.png")
        assert report.index_choice is not None
        assert (report.index_choice.target.recall, kind_of(library)) == (1.0, "exact")


@pytest.mark.usefixtures("early")
def test_what_was_tried_in_vain_is_not_tried_at_every_run(
    path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[int] = []

    def none_fits(*_: object, **__: object) -> None:
        tried.append(1)
        raise ConfigError("no index is that good")

    monkeypatch.setattr("indexer.vectors.autotune.select.choose", none_fits)
    with Library.open(path) as library:
        library.sync(photos / "coffee.png")
        library.sync(photos / "rocket.jpg")
        assert len(tried) == 1
        library.forget("/photos/50 %")
        library.sync()
        assert len(tried) == 2
    assert "no faster index was chosen: no index is that good" in caplog.text


@pytest.mark.parametrize("error", [MemoryError("out of memory"), RuntimeError("Error in faiss")])
@pytest.mark.usefixtures("early")
def test_an_error_of_faiss_stops_no_indexing(
    path: Path, photos: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("indexer.vectors.autotune.select.choose", fail)
    with Library.open(path) as library:
        assert library.sync(photos / "coffee.png").added == 1
        with pytest.raises(LibraryError, match="no index could be built"):
            library.optimize()


def test_a_disk_that_fills_while_the_label_is_written_leaves_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.vectors.index_file.os.fsync", _disk_full)
    with Library.open(path) as library, pytest.raises(StorageError, match="nothing was changed"):
        library.optimize(recall=0.9, memory=3_000_000)
    assert not list(path.glob("*.part"))


@pytest.mark.skipif(sys.platform != "linux", reason="files are fetched ahead on Linux")
def test_where_lists_are_searched_the_vectors_are_not_fetched_from_the_disk(
    made: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[int] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda *_: fetched.append(1))
    with Library.open(copy) as library:
        library.search("a cat")
    assert fetched == []  # 77 MB for 100,000 photos, of which one search needs some pages
    with Library.open(made) as library:
        library.search("a cat")
    assert len(fetched) == 60  # 7.8 MB, vectors and ids, in parts of 128 kB


def test_the_choice_of_another_library_is_not_taken(chosen: Path, compact: Encoder, tmp_path: Path) -> None:
    other = tmp_path / "other.recall"
    fill(other, compact, mixed_vectors(MANY, background_vectors(compact), seed=5))
    (file,) = choices(chosen)
    shutil.copy2(file, other)
    with Library.open(other) as library:
        assert searched(library) is not ApproximateIndex
        with pytest.raises(StaleIndexError, match="belongs to other vectors"):
            _read_choice(library)


def test_a_choice_for_another_encoder_is_not_taken(chosen: Path, tmp_path: Path) -> None:
    (file,) = choices(chosen)
    other = tmp_path / "other.recall"
    fill(other, FakeEncoder(dim=384), mixed_vectors(100, np.eye(384, dtype=np.float32)))
    shutil.copy2(file, other / f"index-{'c0' * 8}.lists")
    with Library.open(other, encoder=FakeEncoder(dim=384)) as library:
        assert searched(library) is not ApproximateIndex


def test_another_open_library_takes_the_choice_at_once_and_finds_what_comes_later(path: Path, photos: Path) -> None:
    with Library.open(path) as reader, Library.open(path) as writer:
        reader.search("a cat")
        assert searched(reader) is not ApproximateIndex
        writer.optimize(recall=0.9, memory=3_000_000)
        assert searched(reader) is ApproximateIndex
        writer.sync(photos / "coffee.png")
        assert searched(reader) is ApproximateIndex
        index = reader._store.index()
        newest = index.ids[-1:]
        assert newest[0] > MANY
        assert index.search(index.vectors(newest), 1).ids[0].tolist() == newest.tolist()  # it is found at once


@pytest.mark.skipif(os.name == "nt", reason="stops a process by a signal")
def test_ctrl_c_leaves_what_there_was(copy: Path, recall_program: Program) -> None:
    (file,) = choices(copy)
    old = file.read_bytes()
    run = recall_program.start("optimize", "--recall", "0.999")
    while run.poll() is None and not list(copy.glob("*.part")):
        time.sleep(0.01)  # until it has built the first
    os.killpg(run.pid, signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert (run.returncode, said.splitlines()[-1]) == (130, "recall: stopped")
    assert (file.read_bytes(), list(copy.glob("*.part"))) == (old, [])


@pytest.mark.slow
def test_a_large_library_gets_its_index_by_itself(tmp_path: Path, compact: Encoder, photos: Path) -> None:
    path = tmp_path / "large.recall"
    fill(path, compact, mixed_vectors(200_003, background_vectors(compact)))
    with Library.open(path) as library:
        truth = answers(library)
        report = library.sync(photos)
        assert report.index_choice is not None
        assert report.index_choice.measurements[0].kind != "exact"
        assert report.index_choice.measurements[0].recall >= 0.99
        assert recall_of(answers(library), truth) >= 0.97


def _disk_full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _flip(file: Path, place: float) -> None:
    """Change one bit, and with it the time of the file."""
    content = bytearray(file.read_bytes())
    content[int(place * (len(content) - 1))] ^= 1
    file.write_bytes(content)


def _read_choice(library: Library) -> None:
    from indexer.vectors.autotune.choice_file import read_choice

    store = library._store
    read_choice(store.choice_file(store.fingerprint), store.index(), fingerprint=store.fingerprint)
