"""`recall optimize` and `Library.optimize`: the choice of an index by measurement."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from indexer.errors import ConfigError, LibraryError, StorageError
from indexer.vectors.ivf_refined import ApproximateIndex
from retrieval import Library
from retrieval.calibration.background import prompts
from tests.support.index_choice import (
    COUNT,
    choice_files,
    chosen_kind,
    disk_full,
    index_class,
    index_problems,
    recall_at_10,
    top_items,
)
from tests.support.program import Program


def test_results_are_mostly_the_same_with_the_chosen_index(path: Path) -> None:
    with Library.open(path) as library:
        before = top_items(library)
        choice = library.optimize(recall=0.95, memory=3_000_000)
        chosen = choice.measurements[0]
        assert chosen.kind in ("ivf-sq4", "ivf-pq4", "ivf-rabitq")  # of 3 MB: exact takes 7.7 MB, ivf-sq8 4.1
        assert (chosen.vectors, chosen.recall >= 0.95, chosen.memory <= 3_000_000) == (COUNT, True, True)
        assert index_class(library) is ApproximateIndex
        assert recall_at_10(top_items(library), before) >= 0.9
    with Library.open(path) as again:
        assert chosen_kind(again) == chosen.kind
        assert recall_at_10(top_items(again), before) >= 0.9
        assert index_problems(again) == []
    assert not list(path.glob("*.part"))


@pytest.mark.slow
def test_the_command_prints_all_measurements(path: Path, recall_program: Program) -> None:
    run = recall_program("optimize", "--recall", "0.95", "--memory", "3MB")
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert lines[0].split() == ["index", "recall@10", "one", "query", "opening", "memory", "build"]
    assert lines[1].endswith("chosen")
    assert any(line.startswith("exact") and line.endswith("too large") for line in lines)
    status = recall_program("status").stdout
    assert "index    ivf-" in status
    assert f"for {COUNT:,})" in status
    assert recall_program("search", prompts()[0], "--all").returncode == 0
    run = recall_program("optimize", "--recall", "1", "--json")
    assert '"kind": "exact"' in run.stdout
    assert '"chosen": true' in run.stdout
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
def test_wrong_targets_are_refused(path: Path, recall_program: Program, arguments: list[str], message: str) -> None:
    run = recall_program("optimize", *arguments)
    assert run.returncode == 2
    assert message in run.stderr.replace("\n", " ")
    assert not choice_files(path)


def test_numbers_out_of_range_are_refused(path: Path) -> None:
    with Library.open(path) as library:
        for wrong in ({"recall": 0.0}, {"recall": 1.1}, {"memory": 0}):
            with pytest.raises(ConfigError, match="expected"):
                library.optimize(**wrong)


def test_an_empty_library_is_refused(tmp_path: Path) -> None:
    with Library.open(tmp_path / "empty.recall") as library, pytest.raises(LibraryError, match="recall index FOLDER"):
        library.optimize()


def test_a_full_disk_leaves_the_old_index_in_place(optimized: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Library.open(optimized) as library:
        (file,) = choice_files(optimized)
        old, expected = file.read_bytes(), top_items(library)
        monkeypatch.setattr("indexer.vectors.faiss_ivf.InvertedFile.save", disk_full)
        with pytest.raises(StorageError, match=r"No space left on device.*nothing was changed"):
            library.optimize(recall=0.9, memory=3_000_000)
        assert (file.read_bytes(), top_items(library)) == (old, expected)
    assert not list(optimized.glob("*.part"))


def test_a_full_disk_while_the_footer_is_written_leaves_no_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.vectors.index_file.os.fsync", disk_full)
    with Library.open(path) as library, pytest.raises(StorageError, match="nothing was changed"):
        library.optimize(recall=0.9, memory=3_000_000)
    assert not list(path.glob("*.part"))


@pytest.mark.skipif(os.name == "nt", reason="stops a process with a signal")
def test_ctrl_c_leaves_the_old_index_in_place(optimized: Path, recall_program: Program) -> None:
    (file,) = choice_files(optimized)
    old = file.read_bytes()
    run = recall_program.start("optimize", "--recall", "0.999")
    while run.poll() is None and not list(optimized.glob("*.part")):
        time.sleep(0.01)  # until the first index is built
    os.killpg(run.pid, signal.SIGINT)
    _, output = run.communicate(timeout=60)
    assert (run.returncode, output.splitlines()[-1]) == (130, "recall: stopped")
    assert (file.read_bytes(), list(optimized.glob("*.part"))) == (old, [])
