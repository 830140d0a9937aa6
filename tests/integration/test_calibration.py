"""Match probabilities of real hits, and the cache of background vectors."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from indexer.encoders import load_encoder
from indexer.encoders.export_store import cache_folder
from retrieval import Library
from retrieval.calibration.background import PACKAGE_FOLDER, background_vectors, prompts, vectors_file_name
from tests.support.encoders import FakeEncoder
from tests.support.program import Program


def test_matches_are_found_and_unlikely_hits_are_hidden(recall_program: Program, photos: Path) -> None:
    recall_program("index", photos)
    run = recall_program("search", "a cat", "--paths")
    shown = [Path(line).name for line in run.stdout.splitlines()]
    assert shown[0] == "chelsea.png"
    assert "rocket.jpg" not in shown


def test_without_a_match_the_best_guess_is_one_line_and_the_exit_code_is_1(
    recall_program: Program, photos: Path
) -> None:
    recall_program("index", photos)
    run = recall_program("search", "a submarine")
    assert run.returncode == 1
    assert run.stdout == ""
    assert "recall: nothing matches; the best guess is " in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_all_shows_unlikely_hits_with_their_probabilities(recall_program: Program, photos: Path) -> None:
    recall_program("index", photos)
    run = recall_program("search", "a submarine", "--all", "-k", "3")
    lines = run.stdout.splitlines()
    assert lines[0].split()[0] == "match"
    assert len(lines) == 4
    assert all(line.split()[0].endswith("%") for line in lines[1:])
    assert {line.split()[1] for line in lines[1:]} <= {"sure", "likely", "maybe", "unlikely"}


def test_hits_have_falling_probabilities_and_a_threshold_hides_them(photos: Path, tmp_path: Path) -> None:
    with Library.open(tmp_path / "photos.recall") as library:
        library.sync(photos)
        hits = library.search("a cup of coffee", k=20, hybrid=False)
        values = [hit.probability for hit in hits if hit.probability is not None]
        assert len(values) == 20
        assert values == sorted(values, reverse=True)
        assert hits.expected is not None
        assert hits.expected.low <= hits.expected.number <= hits.expected.high
        assert hits.expected.number >= values[0]
        assert len(library.search("a cup of coffee", k=20, threshold=0.1)) < 20


def test_neither_k_nor_paging_nor_a_filter_for_something_else_changes_a_probability(
    photos: Path, tmp_path: Path
) -> None:
    with Library.open(tmp_path / "photos.recall") as library:
        library.sync(photos)
        first, *others = (
            library.search("a cup of coffee", k=20),
            library.search("a cup of coffee", k=3),
            library.search("a cup of coffee", k=5, offset=5),
            library.search("a cup of coffee", k=20, folder=photos),
        )
        values = {hit.path: hit.probability for hit in first}
        for hits in others:
            assert [hit.probability for hit in hits] == [pytest.approx(values[hit.path], rel=1e-3) for hit in hits]
            assert hits.expected == pytest.approx(first.expected, rel=1e-3)


def test_the_only_photo_of_a_library_has_a_probability(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    shutil.copy(photos / "chelsea.png", tmp_path / "one")
    with Library.open(tmp_path / "photos.recall") as library:
        library.sync(tmp_path / "one")
        (cat,), (submarine,) = library.search("a cat", k=5), library.search("a submarine", k=5)
        assert (cat.probability or 0) > 0.5 > (submarine.probability or 0)
        (itself,) = library.search(photos / "chelsea.png")
        assert (itself.probability or 0) > 0.9


def test_an_encoder_that_is_not_calibrated_gives_no_probabilities_and_hides_nothing(
    photos: Path, tmp_path: Path
) -> None:
    with Library.open(tmp_path / "photos.recall", encoder=FakeEncoder()) as library:
        library.sync(photos)
        hits = library.search("red", k=3, threshold=0.5)
        assert (len(hits), {hit.probability for hit in hits}, hits.expected) == (3, {None}, None)


def test_the_shipped_background_vectors_are_those_of_compact() -> None:
    encoder = load_encoder("compact", device="cpu")
    file = PACKAGE_FOLDER / vectors_file_name(encoder.fingerprint)
    assert file.exists(), "run: python -m training.calibration --data ../shared/data --ship"
    assert background_vectors(encoder) == pytest.approx(encoder.encode_texts(list(prompts())), abs=1e-3)


def test_the_background_is_cached_and_a_damaged_file_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECALL_CACHE", str(tmp_path))
    encoder = FakeEncoder()
    first = background_vectors(encoder)
    assert np.allclose(background_vectors(encoder), first, atol=1e-3)
    assert len(encoder.texts) == len(prompts())
    file = cache_folder() / vectors_file_name(encoder.fingerprint)
    file.write_bytes(file.read_bytes()[:-10])
    assert np.allclose(background_vectors(encoder), first, atol=1e-3)
    assert len(encoder.texts) == 2 * len(prompts())


def test_a_cache_that_cannot_be_written_is_logged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("RECALL_CACHE", str(tmp_path / "file"))
    with caplog.at_level(logging.INFO):
        assert len(background_vectors(FakeEncoder())) == len(prompts())
    assert len([record for record in caplog.records if "cannot be cached" in record.message]) == 1
