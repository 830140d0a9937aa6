"""Match probabilities of real hits, and the cache of background vectors."""

from __future__ import annotations

import logging
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
    assert [Path(line).name for line in run.stdout.splitlines()] == ["chelsea.png"]


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


def test_hits_have_falling_probabilities_and_a_threshold_hides_them(photos: Path, tmp_path: Path) -> None:
    with Library.open(tmp_path / "photos.recall") as library:
        library.sync(photos)
        hits = library.search("a cup of coffee", k=20)
        values = [hit.probability for hit in hits if hit.probability is not None]
        assert len(values) == 20
        assert values == sorted(values, reverse=True)
        assert hits.expected is not None
        assert hits.expected >= values[0]
        assert len(library.search("a cup of coffee", k=20, threshold=0.1)) < 20


def test_a_picture_query_in_a_small_library_has_no_probabilities(photos: Path, tmp_path: Path) -> None:
    with Library.open(tmp_path / "photos.recall") as library:
        library.sync(photos)
        hits = library.search(photos / "chelsea.png", k=5, threshold=0.5)
    assert len(hits) == 5  # 21 photos are too few for a background
    assert {hit.probability for hit in hits} == {None}


def test_an_encoder_that_maps_the_prompts_to_few_vectors_gives_no_probabilities(photos: Path, tmp_path: Path) -> None:
    with Library.open(tmp_path / "photos.recall", encoder=FakeEncoder()) as library:
        library.sync(photos)
        assert {hit.probability for hit in library.search("red", k=3)} == {None}


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
