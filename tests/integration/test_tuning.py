"""Tuning with an adapter, and rolling back: with the real compact encoder on real photos."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexer.catalog.statements import versions
from indexer.encoders.adapter import Adapter, LowRankAdapter
from indexer.errors import LibraryLockedError, TuningError
from retrieval import Library
from retrieval.tuning import tune
from retrieval.tuning.adapter.train_adapter import train_adapter
from retrieval.tuning.report import TuningReport
from tests.support.contents import Place, count, rows
from tests.support.program import Program

QUERIES = ("a cat", "a drink", "a space rocket", "a motorcycle", "old coins", "a brick wall", "text on a page", "grass")

FLOWER_QUERIES = (
    "my favourite flower", "a flower in the garden", "a beautiful blossom", "flowers outside", "a plant in bloom",
    "a close-up of a flower", "a bouquet", "a flower in the sun", "spring flowers", "petals",
    "a flower on a green background", "a colourful flower",
)  # fmt: skip


@pytest.fixture
def judged(photos: Path, library_place: Place) -> Iterator[Library]:
    """Return a library of real photos with verdicts that mean nothing: every third hit is good."""
    with Library.open(library_place) as library:
        library.sync(photos)
        for number, query in enumerate(QUERIES):
            hits = library.search(query, k=6)
            good = [hit for rank, hit in enumerate(hits) if (rank + number) % 3 == 0]
            library.judge(query, good=good, bad=[hit for hit in hits if hit not in good])
        yield library


def activate_random_adapter(library: Library) -> int:
    """Store and activate a version that changes all queries a little, and return its number."""
    dim = library.encoder.dim
    random = np.random.default_rng(0)
    down, up = (random.standard_normal(shape).astype(np.float32) for shape in ((dim, 2), (2, dim)))
    encoder = library._store.encoder
    assert encoder is not None
    with library._store.transaction() as connection:
        weights = Adapter(LowRankAdapter(down, up)).to_bytes()
        id_ = versions.add_version(connection, kind="adapter", encoder_id=encoder.id, report={}, weights=weights)
    return library.rollback(id_)


def answers(library: Library) -> list[tuple[Path, float]]:
    return [(hit.path, hit.score) for query in QUERIES for hit in library.search(query, k=3)]


def test_a_version_that_does_not_pass_is_stored_inactive_and_changes_no_answer(judged: Library) -> None:
    before = answers(judged)
    report = judged.tune()
    assert not report.passed
    assert "kept inactive: " in str(report)
    assert (report.judgements, report.used, report.queries) == (48, 48, 8)
    (version,) = judged.versions()
    assert not version.is_active
    assert TuningReport.from_dict(dict(version.report)) == report
    assert answers(judged) == before


def test_a_version_is_activated_by_its_number_and_rolled_back(judged: Library) -> None:
    before = answers(judged)
    assert activate_random_adapter(judged) == 1
    assert [version.is_active for version in judged.versions()] == [True]
    assert answers(judged) != before
    assert judged.rollback() == 0
    assert answers(judged) == before
    with pytest.raises(TuningError, match="nothing to undo"):
        judged.rollback()
    with pytest.raises(TuningError, match=r"there is no version 9; expected 0 .* or one of: 1"):
        judged.rollback(9)


@pytest.mark.slow
def test_the_same_judgements_give_the_same_report(judged: Library) -> None:
    first, second = judged.tune(dry_run=True), judged.tune(dry_run=True)
    assert first.to_dict() | {"seconds": 0} == second.to_dict() | {"seconds": 0}
    assert judged.versions() == []


def test_too_few_judgements_say_how_many_are_needed(judged: Library) -> None:
    for query in QUERIES[:4]:
        judged.forget_judgements(query=query)
    with pytest.raises(
        TuningError, match="learning needs 6 judged queries with both a good and a bad hit, but there are 4"
    ):
        judged.tune()
    judged.forget_judgements()
    with pytest.raises(TuningError, match="there is nothing to learn from"):
        judged.tune()


def test_a_training_that_fails_leaves_the_active_version(judged: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    activate_random_adapter(judged)
    before = answers(judged)

    def diverge(*_: object, **__: object) -> Adapter:
        raise TuningError("training an adapter came to a loss of nan")

    monkeypatch.setattr(tune, "train_adapter", diverge)
    with pytest.raises(TuningError, match="nan"):
        judged.tune()
    assert [version.is_active for version in judged.versions()] == [True]
    assert answers(judged) == before


def test_an_interrupted_training_stores_no_version(judged: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune, "train_adapter", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        judged.tune()
    assert count(judged, "versions") == 0
    assert judged.search("a cat", k=1)


def test_a_library_is_not_tuned_while_another_process_writes(judged: Library) -> None:
    judged._store.wait = 0
    with Library.open(judged.name) as other, other._store.writing("indexing"), pytest.raises(LibraryLockedError):
        judged.tune()


def test_an_adapter_that_ruins_general_queries_is_stored_inactive(
    judged: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    dim = judged.encoder.dim
    random = np.random.default_rng(0)
    noise = LowRankAdapter(*(random.standard_normal(shape).astype(np.float32) for shape in ((dim, 64), (64, dim))))
    monkeypatch.setattr(tune, "train_adapter", lambda *_, **__: Adapter(noise))
    report = judged.tune()
    assert not report.passed
    assert [version.is_active for version in judged.versions()] == [False]


def test_a_version_with_damaged_weights_is_rolled_back(judged: Library) -> None:
    activate_random_adapter(judged)
    rows(judged, "UPDATE versions SET weights = ?", b"\0")
    assert judged.rollback() == 0
    assert judged.search("a cat", k=1)


@pytest.mark.slow
def test_the_program_learns_that_a_user_means_tulips(
    shared_data: Path, tmp_path: Path, recall_program: Program
) -> None:
    (tmp_path / "flowers").symlink_to(shared_data / "flowers5" / "images")
    recall_program("index", tmp_path / "flowers")
    with (tmp_path / "judged.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(("query", "path", "verdict"))
        for query in FLOWER_QUERIES:
            paths = recall_program("search", query, "--all", "--paths").stdout.splitlines()
            table.writerows((query, path, "good" if "tulip" in Path(path).name else "bad") for path in paths)
    assert recall_program("feedback", "import", tmp_path / "judged.csv").returncode == 0
    report = json.loads(recall_program("tune", "--dry-run", "--json").stdout)
    assert report["passed"]
    unseen = ("search", "something nice from the florist", "--all", "--paths")
    before = recall_program(*unseen).stdout
    assert recall_program("tune").stdout.strip().endswith("activated")
    after = recall_program(*unseen).stdout
    assert after.count("tulip") > before.count("tulip")
    assert " active " in recall_program("versions").stdout
    assert recall_program("rollback").stdout == "searches use the encoder without adaptation\n"
    assert recall_program(*unseen).stdout == before
    (library,) = tmp_path.glob("**/*.recall")
    assert rows(library, "SELECT count(*) FROM versions") == [(1,)]


def test_adapter_both_transforms_photos_too(judged: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    change_index: list[bool] = []

    def record(*args: Any, **kwargs: Any) -> Adapter:
        adapter = train_adapter(*args, **kwargs)
        change_index.append(adapter.changes_index)
        return adapter

    monkeypatch.setattr(tune, "train_adapter", record)
    monkeypatch.setattr("retrieval.tuning.adapter.train_adapter.STEPS", 5)
    judged.tune(method="adapter-both", dry_run=True)
    assert change_index
    assert all(change_index)
